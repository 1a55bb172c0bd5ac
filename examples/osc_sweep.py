"""Move a knob over OSC with a plain socket and no library. Start `rosin play` first.

python examples/osc_sweep.py [KNOB] [SECONDS] [HOST:PORT]
"""

import math
import socket
import struct
import sys
import time


def message(address: str, value: float) -> bytes:
    """An OSC message with one float: address and type tag, each padded with zeros to four bytes."""

    def padded(text: str) -> bytes:
        return text.encode() + b"\0" * (4 - len(text) % 4)

    return padded(address) + padded(",f") + struct.pack(">f", value)


knob = sys.argv[1] if len(sys.argv) > 1 else "loudness"
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 6.0
host, _, port = (sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:9000").rpartition(":")

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
    begin = time.monotonic()
    while (t := time.monotonic() - begin) < seconds:
        raw = 0.5 - 0.5 * math.cos(2 * math.pi * t / seconds)  # up and down once, from 0 to 1
        wire.sendto(message(f"/rosin/knob/{knob}", raw), (host, int(port)))
        time.sleep(0.01)
    wire.sendto(message(f"/rosin/knob/{knob}", 0.0), (host, int(port)))
