"""Scale: how finely the light is drawn, from how long drawing takes. Marks and words are always drawn in full."""

from __future__ import annotations

from statistics import median

STEPS = (1.0, 0.75, 0.5, 0.375, 0.25)
SLOW_S, EASY_S = 0.033, 0.025
LOOK_FRAMES = 12
SETTLE_FRAMES = 24
"""The first pictures compile shaders and count for nothing."""
PATIENCE_FRAMES, PATIENCE_MAX_FRAMES = 90, 10800


class RenderScale:
    """``measured(seconds)`` after each picture; ``value`` is the scale to draw the next one at.

    Down as soon as the median of twelve pictures is above 33 ms. Up to try when it is below 25 ms and some time has
    passed; a try that failed doubles that time. (What a finer step would cost is not foretold from the number of
    pixels: half of the cost of a software renderer does not depend on it.)
    """

    def __init__(self, start: float = 0.5) -> None:
        self._step = min(range(len(STEPS)), key=lambda i: abs(STEPS[i] - start))
        self._times: list[float] = []
        self._settling = SETTLE_FRAMES
        self._wait = self._patience = PATIENCE_FRAMES
        self._trying = 0

    @property
    def value(self) -> float:
        return STEPS[self._step]

    def measured(self, seconds: float) -> bool:
        """True when the scale changed."""
        if self._settling:
            self._settling -= 1
            return False
        self._times.append(seconds)
        self._wait = max(0, self._wait - 1)
        self._trying = max(0, self._trying - 1)
        if len(self._times) < LOOK_FRAMES:
            return False
        usual = median(self._times)
        self._times.clear()
        if usual > SLOW_S and self._step < len(STEPS) - 1:
            if self._trying:
                self._patience = min(self._patience * 2, PATIENCE_MAX_FRAMES)
            return self._go(self._step + 1, 0)
        if usual < EASY_S and self._step > 0 and not self._wait:
            return self._go(self._step - 1, 2 * PATIENCE_FRAMES)
        return False

    def _go(self, step: int, trying: int) -> bool:
        self._step, self._trying, self._wait = step, trying, self._patience
        return True
