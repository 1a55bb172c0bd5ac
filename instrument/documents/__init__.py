"""Documents: the files a player writes and passes on - patch, rig, feel, scene, take - and their shapes. Above ipc."""
