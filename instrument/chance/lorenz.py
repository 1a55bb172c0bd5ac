"""Lorenz: the weather of three knobs at a time. Beside chaos, whose orbits it shares.

    x' = 10 (y - x), y' = x (rho - z) - y, z' = x y - 8/3 z  (E. Lorenz, J. Atmos. Sci. 20, 1963, 130)

By Runge-Kutta 4 in steps of 0.005. Rests below rho = 24, turns round two wings above. ``rate`` is turns a second at rho
28, where a turn lasts 0.75 on average. Every step is nudged by a word, 2^-20, for the reasons that chaos gives; an
orbit beyond all bounds starts anew from that word. Step n takes the words of counter n of its stream. It goes on
unheard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.beta import between
from instrument.chance.chaos import Orbit
from instrument.chance.words import philox, uniform

SIGMA, BETA = 10.0, 8.0 / 3.0
LORENZ_STEP = 0.005
"""Inner step of the Lorenz system, in its own time."""
TURN = 0.75
"""Its time for a turn round a wing at rho 28."""
RANGE = 1.25
STEPS_MOST = 8
"""Inner steps of Lorenz in one tick; a rate beyond that is as fast as that."""


@compiled
def _slope(x: float, y: float, z: float, rho: float) -> Any:
    return SIGMA * (y - x), x * (rho - z) - y, x * y - BETA * z


@compiled
def _lorenz(x: float, y: float, z: float, rho: float, h: float) -> Any:
    """One step of Runge-Kutta 4."""
    ax, ay, az = _slope(x, y, z, rho)
    bx, by, bz = _slope(x + 0.5 * h * ax, y + 0.5 * h * ay, z + 0.5 * h * az, rho)
    cx, cy, cz = _slope(x + 0.5 * h * bx, y + 0.5 * h * by, z + 0.5 * h * bz, rho)
    dx, dy, dz = _slope(x + h * cx, y + h * cy, z + h * cz, rho)
    w = h / 6.0
    return (
        x + w * (ax + 2.0 * (bx + cx) + dx),
        y + w * (ay + 2.0 * (by + cy) + dy),
        z + w * (az + 2.0 * (bz + cz) + dz),
    )


@compiled
def _turn(
    seed: np.uint64,
    tick_s: float,
    streams: NDArray[np.uint64],
    phase: NDArray[np.float64],
    count: NDArray[np.int64],
    orbit: NDArray[np.float64],
    amount: NDArray[np.float32],
    rate_hz: NDArray[np.float32],
    rho: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """``orbit`` (S, 2, 3): the point behind and the one ahead of each system."""
    knobs = amount.size
    for s in range(streams.size):
        turn = between(rate_hz[3 * s] * tick_s * (TURN / LORENZ_STEP), 0.0, float(STEPS_MOST))
        pull = between(rho[3 * s], 0.0, 60.0)
        behind, ahead = orbit[s, 0], orbit[s, 1]
        for t in range(out.shape[0]):
            while phase[s] >= 1.0:
                phase[s] -= 1.0
                count[s] += 1
                words = philox(seed, streams[s], np.uint64(count[s]))
                u, v, w = uniform(words[0]), uniform(words[1]), uniform(words[2])
                x, y, z = _lorenz(ahead[0], ahead[1], ahead[2], pull, LORENZ_STEP)
                x, y, z = x + (u - 0.5) * 2.0**-20, y + (v - 0.5) * 2.0**-20, z + (w - 0.5) * 2.0**-20
                if not abs(x) + abs(y) + abs(z) < 1e3:
                    x, y, z = 20.0 * u - 10.0, 20.0 * v - 10.0, 20.0 * w + 10.0
                behind[0], behind[1], behind[2] = ahead[0], ahead[1], ahead[2]
                ahead[0], ahead[1], ahead[2] = x, y, z
            for c in range(min(3, knobs - 3 * s)):
                k = 3 * s + c
                gain = np.float64(amount[k])
                if 0.0 < gain < math.inf:  # false for a NaN too
                    at = behind[c] + (ahead[c] - behind[c]) * phase[s]
                    out[t, k] = gain * _unit(at, c, pull)
                else:
                    out[t, k] = 0.0
            phase[s] += turn


@compiled
def _unit(at: float, coordinate: int, rho: float) -> Any:
    """A coordinate to about -1..1 (measured: 1.1) and no mean, at any rho; never beyond RANGE, while rho is turned."""
    wide = max(rho, 10.0)  # below 10 it rests, and a jump from 60 to 0 should not shout
    if coordinate == 0:
        unit = at / (3.7 * math.sqrt(wide))
    elif coordinate == 1:
        unit = at / (0.95 * wide)
    else:
        unit = (at - 0.9 * max(rho - 1.0, 0.0)) / (0.85 * wide)
    return between(unit, -RANGE, RANGE)


@compiled
def _start_lorenz(seed: np.uint64, streams: NDArray[np.uint64], orbit: NDArray[np.float64]) -> None:
    for s in range(streams.size):
        words = philox(seed, streams[s], np.uint64(0))
        for c in range(3):
            orbit[s, 0, c] = orbit[s, 1, c] = 20.0 * uniform(words[c]) + (10.0 if c == 2 else -10.0)


class Lorenz(Orbit):
    """Lorenz systems for K knobs, one for three: knob k takes coordinate k % 3 of the system of the stream k - k % 3.

    ``streams``: one id for each knob (``stream_id``); of three only the first is drawn from.
    """

    AMOUNTS = ("lorenz", "lorenz_rate", "lorenz_rho")

    def __init__(self, streams: Sequence[int], tick_hz: float, seed: int = 0) -> None:
        super().__init__(list(streams)[::3], tick_hz, seed, (2, 3))

    def _start(self) -> None:
        _start_lorenz(self._seed, self._streams, self._orbit)

    def step(
        self,
        first_tick: int,
        ticks: int,
        amount: NDArray[np.float32],
        rate_hz: NDArray[np.float32],
        rho: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """The next ``ticks`` ticks into ``out[:ticks]`` (f32[>=ticks, K]); no allocation. All arrays: f32[K].

        ``amount`` (travel): each knob's own; where it is 0 the output is exactly 0; else amount times about -1..1,
        no mean, x and y over both wings. ``rate_hz`` and ``rho`` 0..60: a
        system takes those of the first of its three knobs. ``first_tick`` says nothing to the law, which counts steps.
        """
        _turn(
            self._seed,
            self._tick_s,
            self._streams,
            self._phase,
            self._count,
            self._orbit,
            amount,
            rate_hz,
            rho,
            out[:ticks],
        )


SOURCE = Lorenz

KERNELS = (_turn, _start_lorenz)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one, out = np.ones(1, np.float32), np.empty((4, 1), np.float32)
    Lorenz([1], 1500.0).step(0, 2, one, one, one, out)
    close(*KERNELS)
