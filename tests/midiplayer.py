"""An independent JACK MIDI client: reads lines of hex bytes on stdin, sends each as one MIDI event, at once.

python tests/midiplayer.py DESTINATION      then lines such as "b0 15 40"; "wait" answers "sent" when all has gone
"""

from __future__ import annotations

import sys
import time
from collections import deque

import jack


def main(destination: str) -> None:
    client = jack.Client("fingers", no_start_server=True)
    port = client.midi_outports.register("out")
    waiting: deque[bytes] = deque()

    @client.set_process_callback
    def process(frames: int) -> None:
        port.clear_buffer()
        for offset in range(min(len(waiting), 64)):
            event = waiting.popleft()
            port.write_midi_event(offset, event)

    with client:
        # Rosin opens every port it sees by itself; wired by hand as well, each message would come twice.
        end = time.monotonic() + 4.0
        while not client.get_all_connections(port) and time.monotonic() < end:
            time.sleep(0.05)
        if not client.get_all_connections(port):
            client.connect(port, destination)
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "wait":
                while waiting:
                    time.sleep(0.002)
                print("sent", flush=True)
            elif line.strip():
                waiting.append(bytes.fromhex(line))


if __name__ == "__main__":
    main(sys.argv[1])
