"""Clock: MIDI clock seen and counted, its tempo estimated. Beside the chain: nothing musical hangs on it yet.

24 ticks a quarter note. Over 48 ticks the millisecond by which a polled tick may be late is 0.1 % of the tempo.
"""

from __future__ import annotations

from collections import deque

TICKS_PER_BEAT = 24
SILENCE_SECONDS = 0.5
"""A gap longer than this (5 beats a minute) is no tempo: the clock was off."""


class Clock:
    """``running`` between start/continue and stop; ``ticks`` since the start."""

    def __init__(self) -> None:
        self.running = False
        self.ticks = 0
        self._times: deque[float] = deque(maxlen=2 * TICKS_PER_BEAT + 1)

    def tick(self, now: float) -> None:
        if self._times and now - self._times[-1] > SILENCE_SECONDS:
            self._times.clear()
        self._times.append(now)
        self.ticks += 1

    def start(self) -> None:
        self.running, self.ticks = True, 0

    def resume(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    @property
    def beats(self) -> float:
        return self.ticks / TICKS_PER_BEAT

    @property
    def bpm(self) -> float:
        """0.0 until half a beat was heard."""
        times = self._times
        if len(times) <= TICKS_PER_BEAT // 2 or times[-1] <= times[0]:
            return 0.0
        return 60.0 * (len(times) - 1) / (TICKS_PER_BEAT * (times[-1] - times[0]))
