"""List the sound devices: what to give to `rosin play --device`, and to [sound] device in the rig file.

python examples/list_devices.py
"""

from instrument import list_devices

for device in list_devices():
    mark = "→" if device.default else " "
    print(f"{mark} {device.name}  through {device.api}, {device.outputs} out, {device.inputs} in")
