"""Engine: from gestures to samples, one block at a time. Above friction, chance and model; no file, no device."""
