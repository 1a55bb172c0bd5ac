"""Pink: 1/f noise for every knob, as much in each octave. After words, before a place of entry (see ``entry``).

Rows of held normals, row j drawn anew every 2^j ticks, added up: the method of R. F. Voss (M. Gardner, Scientific
American 238(4), 1978, 16). Doubling the time of a row doubles its spectrum and halves its frequencies, so the sum
falls by half with each octave. Within an octave it ripples by 0.8 dB. Two things are added:

    offset  row j changes where tick = 2^(j-1) modulo 2^j (J. McCartney): never two slow rows at once
    top     row 0 has twice the variance: the other half is what all rows faster than a tick would have. Without it
            the octave below 1/7 of the tick rate is 0.5 dB too low

Row j at a tick is normal ``(tick + 2^(j-1)) >> j`` of its part of the knob's one stream (words from j 2^58 on), hence
a pure function of (seed, stream, tick). There is no state to keep: any tick can be asked for at any time, an unheard
knob costs nothing, and the rows kept between calls only save drawing them again.

By octaves the slope is -1 (law: -0.996) from 4 / 2^15 to 1 / 7 of the tick rate: 0.2 Hz to 200 Hz at 1500 Hz. Below
it levels off; the slowest row is held for 22 s. The variance is sigma^2 over all takes; a short one has a mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.source import ChanceSource
from instrument.chance.words import normal, philox

ROWS = 16
"""The slowest row is held for 2^(ROWS - 1) ticks."""

_TOP = math.sqrt(2.0)
_UNIT = 1.0 / math.sqrt(ROWS + 1.0)
_NEVER = np.uint64(2**64 - 1)
_0, _1, _2, _3, _56 = (np.uint64(n) for n in (0, 1, 2, 3, 56))


@compiled
def _row(seed: np.uint64, stream: np.uint64, row: np.uint64, tick: np.uint64) -> Any:
    """The value of a row at a tick, row 1 and slower."""
    index = (tick + (_1 << (row - _1))) >> row
    four = philox(seed, stream, (row << _56) + (index >> _2))
    lane = index & _3
    return normal(four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3])


@compiled
def _bloom(
    seed: np.uint64,
    first_tick: np.uint64,
    streams: NDArray[np.uint64],
    due: NDArray[np.uint64],
    rows: NDArray[np.float64],
    sigma: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    ticks = out.shape[0]
    for k in range(streams.size):
        amount = np.float64(sigma[k])
        if not 0.0 < amount < math.inf:  # a NaN too
            due[k] = _NEVER
            for t in range(ticks):
                out[t, k] = 0.0
            continue
        stream = streams[k]
        if due[k] != first_tick:
            for j in range(1, ROWS):
                rows[k, j] = _row(seed, stream, np.uint64(j), first_tick)
        four = philox(seed, stream, first_tick >> _2)
        for t in range(ticks):
            tick = first_tick + np.uint64(t)
            lane = tick & _3
            if lane == 0 and t > 0:
                four = philox(seed, stream, tick >> _2)
            j = 1
            while j < ROWS and (tick >> np.uint64(j - 1)) & _1 == 0:
                j += 1
            if j < ROWS:  # the one row that changes here
                rows[k, j] = _row(seed, stream, np.uint64(j), tick)
            total = _TOP * normal(four[0] if lane == 0 else four[1] if lane == 1 else four[2] if lane == 2 else four[3])
            for j in range(1, ROWS):
                total += rows[k, j]
            out[t, k] = amount * _UNIT * total
        due[k] = first_tick + np.uint64(ticks)


class Pink(ChanceSource):
    """The pink noise of K knobs. ``streams``: one id each (``stream_id``). Ticks below 2^57.

    ``tick_hz`` says nothing to the law, which counts in ticks; it is here because every source has it.
    """

    AMOUNTS = ("pink",)
    REMEMBERS = False

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        self._due = np.full(len(streams), _NEVER)
        self._rows = np.zeros((len(streams), ROWS))
        super().__init__(streams, tick_hz, seed, {})

    def reseed(self, seed: int) -> None:
        """Other accidents from the next tick on."""
        super().reseed(seed)
        self.reset()

    def step(self, first_tick: int, ticks: int, sigma: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Ticks first_tick .. first_tick + ticks - 1 into ``out[:ticks]`` (f32[>=ticks, K]); no allocation.

        ``sigma`` (travel): f32[K]. Where it is 0 the output is exactly 0.
        """
        _bloom(self._seed, np.uint64(first_tick), self._streams, self._due, self._rows, sigma, out[:ticks])

    def reset(self) -> None:
        """Changes no output: the tick says all."""
        self._due[:] = _NEVER

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """There is none: the tick says all."""
        self.reset()


SOURCE = Pink

KERNELS = (_bloom,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    Pink([1], 1500.0).step(0, 2, np.ones(1, np.float32), np.empty((4, 1), np.float32))
    close(*KERNELS)
