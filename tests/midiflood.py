"""An independent JACK MIDI client that floods: python tests/midiflood.py NAME BYTES PER_CYCLE [random|notes] [PORT]

``random``: events of random bytes, of 1 to 40; ``notes``: notes 0..127 in turn, each event a note-on that is counted by
its velocity. It begins upon a line on stdin, says "sent" and the time of each event, and goes when stdin closes.
"""

from __future__ import annotations

import json
import random
import sys
import time

import jack


def main(name: str, total: int, per_cycle: int, what: str = "random", connect_to: str = "") -> None:
    dice = random.Random(7)
    client = jack.Client(name, no_start_server=True)
    port = client.midi_outports.register("out")
    going, sent, times = False, 0, []

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal sent
        port.clear_buffer()
        if not going:
            return
        for offset in range(per_cycle):
            if sent >= total:
                return
            if what == "random":
                event = dice.randbytes(1 + dice.randrange(40)) if dice.random() < 0.5 else bytes(
                    (0x80 | dice.randrange(0x70), dice.randrange(128), dice.randrange(128))
                )  # fmt: skip
                size = len(event)
            else:
                event, size = bytes((0x90, sent % 128, 1 + sent // 128 % 127)), 1
            try:
                port.write_midi_event(offset, event)
            except jack.JackError:
                return
            times.append(time.monotonic())
            sent += size

    with client:
        if connect_to:
            client.connect(port, connect_to)
        print("ready", flush=True)
        sys.stdin.readline()
        going = True
        while sent < total:
            time.sleep(0.005)
        time.sleep(0.05)
        print("sent", json.dumps(times) if what == "notes" else sent, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
