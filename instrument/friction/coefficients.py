"""Coefficients: the rows of the panel turned into the numbers the laws use, once a block. After params, before bearing.

Nothing a row may hold is trusted: what is not a number is 0, what lies outside its range is clipped, slide to stick.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled
from instrument.friction.landscape import CELL, DIG_TICKS, GAP, LISTED, WELL
from instrument.friction.params import (
    COUPLING,
    DETENT,
    DETENTS,
    DIG,
    DIG_TIME,
    EFFORT,
    ELASTIC,
    ENDSTOP,
    FATIGUE,
    KNOWN,
    MICRO,
    PLAY,
    PRE,
    RECOVERY,
    SLIDE,
    SNAP,
    STICK,
    VISC,
    VS,
    WEIGHT,
    ZETA,
    neutral,
)

COUNT_MOST = 64
"""Detents on a travel; the panel ends at 48."""

COLUMNS = 23
(A_STILL, A_STICK, A_SLIDE, A_VS, A_PRE, A_ELASTIC, A_MASS, A_DAMPER, A_MICRO, A_VISC, A_HALF_PLAY, A_DETENTS, A_GAP,
 A_SNAP, A_REACH, A_DETENT, A_END, A_WELL, A_DIG, A_FATIGUE, A_DRAIN, A_REST, A_TIE) = range(COLUMNS)  # fmt: skip


@compiled
def amount(value: float, most: float) -> float:
    """0..most; NaN is 0."""
    return min(value, most) if value > 0.0 else 0.0


@compiled
def read(
    rows: NDArray[np.float32],
    tick_s: float,
    known: NDArray[np.float32],
    spots: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """``rows`` f32[21, K], familiarity ``known`` f32[K] 0..1, lists of detents ``spots`` -> ``out`` f64[K, COLUMNS]."""
    for k in range(out.shape[0]):
        a = out[k]
        a[A_STILL] = 1.0 if neutral(rows, k) else 0.0
        stick = amount(np.float64(rows[STICK, k]), 1.0)
        pre = max(amount(np.float64(rows[PRE, k]), 1.0), 1e-6)
        omega = 2.0 * math.pi * amount(np.float64(rows[WEIGHT, k]), 1e9)
        a[A_STICK] = stick
        a[A_SLIDE] = amount(np.float64(rows[SLIDE, k]), stick)
        a[A_VS] = max(amount(np.float64(rows[VS, k]), 1e3), 1e-4)
        a[A_PRE] = pre
        a[A_ELASTIC] = amount(np.float64(rows[ELASTIC, k]), 0.99)
        a[A_MASS] = 1.0 / (omega * omega) if omega > 0.0 else 0.0
        a[A_DAMPER] = 2.0 * amount(np.float64(rows[ZETA, k]), 100.0) / omega if omega > 0.0 else 0.0
        a[A_MICRO] = amount(np.float64(rows[MICRO, k]), 100.0) * math.sqrt(stick / pre * a[A_MASS])
        visc = amount(np.float64(rows[VISC, k]), 1e3)
        share = np.float64(rows[KNOWN, k])
        if share != 0.0 and not np.isnan(share):
            visc *= max(0.0, 1.0 + min(max(share, -1e3), 1e3) * amount(np.float64(known[k]), 1.0))
        a[A_VISC] = visc
        a[A_HALF_PLAY] = 0.5 * amount(np.float64(rows[PLAY, k]), 1.0)
        detents = amount(np.float64(rows[DETENTS, k]), COUNT_MOST)
        a[A_DETENT] = amount(np.float64(rows[DETENT, k]), 1.0) if detents > 0.0 else 0.0
        count = max(1.0, math.floor(detents + 0.5))
        gap = 1.0 / (count - 1.0) if count > 1.0 else 1.0
        if spots[k, LISTED] > 0.0:
            count, gap = spots[k, LISTED], spots[k, GAP]
        a[A_DETENTS], a[A_GAP] = count, gap
        a[A_SNAP] = min(1.5, max(0.5, amount(np.float64(rows[SNAP, k]), 1.5)))
        a[A_REACH] = a[A_SNAP] * gap
        a[A_END] = amount(np.float64(rows[ENDSTOP, k]), 1.0)
        # the side of a Gaussian of unit depth rises by exp(-1/2) / deviation; the spline widens it by CELL^2 / 3
        a[A_WELL] = amount(np.float64(rows[DIG, k]), 1.0) * math.exp(0.5) * math.sqrt(WELL * WELL + CELL * CELL / 3.0)
        dig_s = max(amount(np.float64(rows[DIG_TIME, k]), 1e9), 1e-3)
        a[A_DIG] = -math.expm1(-DIG_TICKS * tick_s / dig_s) if a[A_WELL] > 0.0 else 0.0
        a[A_FATIGUE] = amount(np.float64(rows[FATIGUE, k]), 100.0)
        a[A_DRAIN] = tick_s / max(amount(np.float64(rows[EFFORT, k]), 1e9), 1e-6)
        a[A_REST] = tick_s / max(amount(np.float64(rows[RECOVERY, k]), 1e9), 1e-3)
        a[A_TIE] = math.sqrt(amount(np.float64(rows[COUPLING, k]), 1.0))
