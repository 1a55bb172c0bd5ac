"""Follow the instrument over OSC: ask it to tell everything, and print what it says. Start `rosin play` first.

Who only listens, from another machine, asks again every few seconds, else it is told less often.

python examples/osc_follow.py [SECONDS] [HOST:PORT]
"""

import socket
import sys
import time

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
host, _, port = (sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:9000").rpartition(":")

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
    wire.settimeout(0.1)
    end, ask_at = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        if time.monotonic() >= ask_at:
            wire.sendto(OscMessageBuilder("/rosin/sync").build().dgram, (host, int(port)))  # answered to this socket
            ask_at = time.monotonic() + 4.0
        try:
            said = OscMessage(wire.recv(65535))
        except TimeoutError:
            continue
        print(said.address, *(f"{value:.3f}" if isinstance(value, float) else value for value in said.params))
