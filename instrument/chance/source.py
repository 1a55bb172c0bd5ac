"""Source: what every source of chance has in common - its streams, its seed, and the arrays it remembers.

After words; the sources are its children. A kernel is given the arrays themselves, so they are made once and changed
in place. What is remembered is numbered or ticked, so a seed and a state are all there is to recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ChanceSource:
    """``streams``: one id each (``stream_id``); ``kept``: the arrays of its state, by name, owned from here on."""

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int, kept: dict[str, NDArray[Any]]) -> None:
        self._streams = np.array(streams, np.uint64)
        self._tick_s = 1.0 / tick_hz
        self._kept = kept
        self._arrays = tuple(kept.values())
        self.reseed(seed)
        self.reset()

    def reseed(self, seed: int) -> None:
        """Other accidents from the next draw on; what is remembered stays until the next ``reset``."""
        self.seed = seed & (2**64 - 1)
        self._seed = np.uint64(self.seed)

    def reset(self) -> None:
        """As at the very beginning, under the present seed."""
        for array in self._arrays:
            array[...] = 0

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all that decides the next tick, but for the seed."""
        return {name: array.copy() for name, array in self._kept.items()}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a ``state()``, bit for bit."""
        for name, array in self._kept.items():
            array[...] = state[name]
