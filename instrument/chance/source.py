"""Source: what every source of chance has in common - its streams, its seed, and the arrays it remembers.

After words; the sources are its children. A kernel is given the arrays themselves, so they are made once and changed
in place. What is remembered is numbered or ticked, so a seed and a state are all there is to recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

TAU_LEAST_S = 1e-4
"""The shortest time in which a source forgets: below a tick, and nothing to divide by."""


class ChanceSource:
    """``streams``: one id each (``stream_id``); ``kept``: the arrays of its state, by name, owned from here on.

    A source that moves knobs says here what the mix must know of it, and its module has ``SOURCE = TheClass``. It is
    found by its name in CHANCE_SOURCES (knobs.py), and nobody else need be told.
    """

    AMOUNTS: ClassVar[tuple[str, ...]] = ()
    """The parameters ``chance.<name>`` that its ``step`` takes, in this order, f32[K] each."""
    ONE_FOR_ALL: ClassVar[frozenset[str]] = frozenset()
    """Those of them of which it takes one number, the first knob's."""
    REMEMBERS: ClassVar[bool] = True
    """False: a pure function of the tick, which misses nothing while nobody hears it."""

    @classmethod
    def for_knobs(cls, streams: Sequence[int], tick_hz: float, seed: int, correlation: NDArray[np.float64]) -> Self:
        """One for the knobs of a mix. ``correlation`` f64[K, K]: of the training latents, for who asks."""
        return cls(streams, tick_hz, seed)  # type: ignore[call-arg]  # (each source makes its own ``kept``)

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
