"""An independent surface: one motor fader as a JACK MIDI client, with a finger that stdin moves.

python tests/motorfader.py        client "surface", ports "out" and "in"; answers every line with one line:

    touch | release           the finger; "ok"
    move FROM TO SECONDS      the finger draws the fader along; "ok" when it is there
    report                    JSON of what came since the last report: [[time, value, touched], ...]
    where                     where the fader is, 0..1

Like a Mackie fader: pitch bend on channel 1, note 104 while touched. Driven, it moves with 6 travels a second and
tells of its way.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections import deque

import jack

SPEED = 6.0


class Surface:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.place, self.target, self.touched = 0.0, 0.0, False
        self.out: deque[bytes] = deque()
        self.came: list[tuple[float, float, bool]] = []
        self.told = 0

    def tell(self, again: bool = False) -> None:
        step = math.floor(self.place * 16383 + 0.5)
        if step != self.told or again:
            self.told = step
            self.out.append(bytes((0xE0, step & 127, step >> 7)))

    def cycle(self, events: list[bytes], seconds: float) -> None:
        """One period of JACK's."""
        with self.lock:
            for data in events:
                if data[0] == 0xE0:
                    value = (data[2] << 7 | data[1]) / 16383
                    self.came.append((time.monotonic(), value, self.touched))
                    self.target = value
            if not self.touched and self.place != self.target:
                most = SPEED * seconds
                self.place += min(most, max(-most, self.target - self.place))
                self.tell()

    def obey(self, words: list[str]) -> str:
        if words[0] in ("touch", "release"):
            with self.lock:
                self.touched = words[0] == "touch"
                self.target = self.place
                self.out.append(bytes((0x90, 104, 127 if self.touched else 0)))
        elif words[0] == "move":
            start, end, seconds = map(float, words[1:])
            steps = max(1, round(seconds / 0.005))
            for i in range(1, steps + 1):
                with self.lock:
                    self.place = self.target = start + (end - start) * i / steps
                    self.tell()
                time.sleep(0.005)
            with self.lock:  # once more where it is: a cycle that a busy machine misses takes its MIDI along
                self.tell(again=True)
        elif words[0] == "report":
            with self.lock:
                came, self.came = self.came, []
            return json.dumps(came)
        elif words[0] == "where":
            return str(self.place)
        while self.out:
            time.sleep(0.001)
        return "ok"


def main() -> None:
    surface = Surface()
    client = jack.Client("surface", no_start_server=True)
    source, sink = client.midi_outports.register("out"), client.midi_inports.register("in")

    @client.set_process_callback
    def process(frames: int) -> None:
        surface.cycle([bytes(data) for _, data in sink.incoming_midi_events()], frames / client.samplerate)
        source.clear_buffer()
        for offset in range(min(len(surface.out), 32)):
            source.write_midi_event(offset, surface.out.popleft())

    with client:
        print("ready", flush=True)
        for line in sys.stdin:
            if line.split():
                print(surface.obey(line.split()), flush=True)


if __name__ == "__main__":
    main()
