"""Positions: where every knob is, as far as the hands know. Read by takeover, relative encoders and echo.

The frame tells it, up to 60 times a second and a block late. What the hands themselves just asked for is believed over
it until a frame can have seen it: otherwise a fader would let go of its knob at each of its own moves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.knobs import KnobTable

SETTLE_SECONDS = 0.1
"""Longest time from a gesture to the frame that shows it: the engine's ring ahead, and some."""


class Positions:
    def __init__(self, table: KnobTable) -> None:
        self.change(table)

    def change(self, table: KnobTable) -> None:
        """Another patch: its knobs are at rest until a frame says otherwise."""
        self.table = table
        self.hand: NDArray[np.float32] = np.array([knob.start for knob in table], np.float32)
        self._asked: dict[int, tuple[float, float]] = {}

    def see(self, hand: NDArray[np.float32], frame_time: float) -> None:
        """A frame: ``hand`` [at least as many as knobs] and when its block began."""
        count = len(self.table)
        self.hand = np.where(np.isfinite(hand[:count]), hand[:count], self.hand)
        for knob, (_, when) in list(self._asked.items()):
            if frame_time > when + SETTLE_SECONDS:
                del self._asked[knob]

    def ask(self, knob: int, raw: float, now: float) -> None:
        """The hands have just sent this knob there."""
        self._asked[knob] = (raw, now)

    def read(self, knob: int) -> float:
        asked = self._asked.get(knob)
        return float(self.hand[knob]) if asked is None else asked[0]
