"""Ramp: the hand, interpolated to the tick. After the gestures, before friction.

A 7-bit MIDI step is 0.8 % of the travel, larger than the ``pre`` of most frictions: given whole, it would knock the
knob loose each time. So each target is approached in a straight line over ``ramp_ticks`` from wherever the hand is.
A knob without friction has nothing to knock: there the ramp is bypassed, and the hand is the target from the tick it
falls in, bit for bit and without a wait.

Tick t of a block is the hand at the end of that tick, so a target placed inside it is already under way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.friction.params import FrictionParams, neutral

RAMP_TICKS = 12.0
"""8 ms at 1.5 kHz: under the 10 ms of steady delay players accept, over the 1-5 ms between a controller's messages."""

_START, _TARGET, _AGE = range(3)


@compiled
def _between(start: float, target: float, age: float, ramp_ticks: float) -> float:
    return start + (target - start) * (age / ramp_ticks) if age < ramp_ticks else target


@compiled
def _approach(
    rows: NDArray[np.float32],
    ramp_ticks: float,
    count: int,
    knobs: NDArray[np.int32],
    values: NDArray[np.float32],
    at: NDArray[np.float64],
    state: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    event = 0
    for t in range(out.shape[0]):
        while event < count and (at[event] < t + 1.0 or t + 1 == out.shape[0]):
            k = knobs[event]
            value = np.float64(values[event])
            part = at[event] - t
            part = 0.0 if not part > 0.0 else min(part, 1.0)  # a place that is not a number is now
            event += 1
            if k < 0 or k >= state.shape[1] or np.isnan(value):
                continue
            state[_START, k] = _between(state[_START, k], state[_TARGET, k], state[_AGE, k] + part, ramp_ticks)
            state[_TARGET, k] = 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
            state[_AGE, k] = -part
        for k in range(state.shape[1]):
            if ramp_ticks <= 0.0 or neutral(rows, k):
                state[_START, k] = state[_TARGET, k]
                state[_AGE, k] = ramp_ticks
            elif state[_AGE, k] < ramp_ticks:
                state[_AGE, k] += 1.0
            out[t, k] = _between(state[_START, k], state[_TARGET, k], state[_AGE, k], ramp_ticks)


class HandRamp:
    """The hands of K knobs: targets in, hand per tick out. ``ramp_ticks`` 0 is direct."""

    def __init__(self, count: int, ramp_ticks: float = RAMP_TICKS) -> None:
        self.ramp_ticks = float(ramp_ticks)
        self._state = np.zeros((3, count))
        self.target: NDArray[np.float64] = self._state[_TARGET]

    def step(
        self,
        count: int,
        knobs: NDArray[np.int32],
        values: NDArray[np.float32],
        at: NDArray[np.float64],
        params: FrictionParams,
        out: NDArray[np.float32],
    ) -> None:
        """The first ``count`` targets, in order of time, into ``out`` f32[T, K]; no allocation.

        ``knobs`` i32[>=count], ``values`` f32 raw 0..1 (clipped; NaN ignored), ``at`` f64 the place in ticks from the
        start of the block (sample / 32.0), 0 <= at < T; what lies outside is put in the first or last tick.
        """
        _approach(params.rows, self.ramp_ticks, count, knobs, values, at, self._state, out)

    def put(self, knob: int, pos: float) -> None:
        """The hand of one knob at rest at ``pos``: something else moved it."""
        self._state[_START, knob] = pos
        self._state[_TARGET, knob] = pos
        self._state[_AGE, knob] = self.ramp_ticks

    def reset(self, pos: NDArray[np.float32]) -> None:
        """All hands at rest at ``pos`` f32[K]."""
        self._state[_START] = pos
        self._state[_TARGET] = pos
        self._state[_AGE] = self.ramp_ticks

    def state(self) -> dict[str, NDArray[np.float64]]:
        return {name: self._state[row].copy() for row, name in enumerate(("start", "target", "age"))}

    def set_state(self, state: dict[str, NDArray[np.float64]]) -> None:
        for row, name in enumerate(("start", "target", "age")):
            self._state[row] = state[name]


KERNELS = (_approach,)


def warm() -> None:
    """Compile or load the kernel here, then refuse to compile any other."""
    ramp = HandRamp(1)
    none = np.zeros(1, np.int32), np.zeros(1, np.float32), np.zeros(1, np.float64)
    ramp.step(0, *none, FrictionParams(1), np.empty((2, 1), np.float32))
    close(*KERNELS)
