"""Coarse: knobs that only know some places. No randomness in it: after the sources of chance, on what goes through.

    levels    0, D, 2D, ... and 1 as the last, which may be nearer to its neighbour than D
    a value   goes to the nearest level, and stays there until it is past the middle to the next by ``HYSTERESIS`` D

so noise on an edge does not chatter. The error of rounding is uniform over a step: variance D^2 / 12 (Bennett, Bell
System Technical Journal 27, 1948, 446). The hysteresis moves each edge away from where a sweep comes, which adds its
square: (HYSTERESIS D)^2, 0.75 % of D^2 / 12, for a value that moves slowly to and fro (5 % of a step on each side would
add 3 %), and nothing for one that leaps over many levels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled

HYSTERESIS = 0.025
"""How far past the middle between two levels a value must be, in steps: 5 % of a step from one edge to the other."""
LEAST_STEP = 1e-6
"""Finer than this is off: float32 positions are no finer themselves."""


@compiled
def _coarse(
    level: NDArray[np.float64],
    held_step: NDArray[np.float64],
    step_size: NDArray[np.float32],
    base: NDArray[np.float32],
) -> None:
    for k in range(step_size.size):
        step = min(np.float64(step_size[k]), 1.0)
        if not step >= LEAST_STEP:  # false for a NaN too
            held_step[k] = 0.0
            continue
        last = math.ceil(1.0 / step - 1e-6)  # the forgiveness: 0.1 is a hair more in float32, and has ten steps
        for t in range(base.shape[0]):
            x = np.float64(base[t, k])
            if not np.isfinite(x):
                continue
            stays = False
            if held_step[k] == step:
                here = min(1.0, level[k] * step)
                below = here - (level[k] - 1.0) * step
                above = min(1.0, (level[k] + 1.0) * step) - here
                stays = (level[k] == 0.0 or x >= here - (0.5 + HYSTERESIS) * below) and (
                    level[k] >= last or x <= here + (0.5 + HYSTERESIS) * above
                )
            if not stays:
                held_step[k] = step
                level[k] = min(last - 1.0, max(0.0, math.floor(x / step + 0.5)))
                if x > 0.5 * ((last - 1.0) * step + 1.0):
                    level[k] = last
            base[t, k] = 1.0 if level[k] >= last else level[k] * step


class Coarse:
    """The coarseness of K knobs; what is kept is the level each is at."""

    def __init__(self, knobs: int) -> None:
        self._level = np.zeros(knobs)
        self._held_step = np.zeros(knobs)

    def step(self, step_size: NDArray[np.float32], base: NDArray[np.float32]) -> None:
        """Round ``base`` (f32[T, K], 0..1) to levels, in place; no allocation.

        ``step_size`` (travel): f32[K]; 0, or not a number, is off and keeps the bits of ``base``; 1 or more leaves two
        levels, 0 and 1. A new step size begins at the nearest of its levels.
        """
        _coarse(self._level, self._held_step, step_size, base)

    def reset(self) -> None:
        """Forget which level each knob is at."""
        self._level[:] = 0.0
        self._held_step[:] = 0.0

    def state(self) -> dict[str, NDArray[np.float64]]:
        return {"level": self._level.copy(), "held_step": self._held_step.copy()}

    def set_state(self, state: dict[str, NDArray[np.float64]]) -> None:
        self._level[:] = state["level"]
        self._held_step[:] = state["held_step"]


KERNELS = (_coarse,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    Coarse(1).step(np.ones(1, np.float32), np.zeros((2, 1), np.float32))
    close(*KERNELS)
