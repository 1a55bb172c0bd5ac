"""Landscape: the potentials a knob moves in - detents, soft end stops, wells dug by dwelling. Before bearing.

Each is a potential U(x) in travel^2 (of the hand's spring), given to the law as its slope U' and as a stiffness, half
of max |U''|. Times a tick the latter is a drag: at 1.5 kHz 30 ms for 48 detents of 0.30, below 1 ms for 12
of 0.05.

Detents (names as SmartKnob's): wells of one shape around each place, F = ``detent_strength`` at the steepest,

    U = E/2 (1 - cos(pi d / reach)) for |d| < reach, else E         reach = snap_point * gap,  E = 2 reach F / pi

where d is the way from the *present* detent, which is kept. The next one takes the knob at ``snap_point`` gaps. At 0.5
that is the plain cosine E/2 (1 - cos(2 pi x / gap)); above, going and coming back snap at different places. A snap
happens on the rim, at U = E, which no other detent exceeds: it can only lose energy. n detents stand at 0, 1/(n-1),
.. 1, a single one in the middle; a list of places has wells of the width its smallest gap allows and is level between.

End stops: the last 5 % of either side push inwards, in proportion, with ``endstop_strength`` at the very end.

Wells: 64 coefficients of a uniform cubic B-spline W over the travel, U = -scale W. Where the knob dwells, W(x) nears
1 with the time constant ``dig_time``: a Gaussian is added, tilted until its spline is level at x. A spline of
coefficients with one hump has one hump (variation diminishing, Schoenberg 1967), so nowhere does the ground sink more
than under the knob: digging only ever lowers U(x) - U(y), and no energy comes out of it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled

LISTED, GAP, FIRST = range(3)
SPOTS_MOST = 64
"""A row of places: how many (0: evenly spaced), the smallest gap, then the places in order."""
SPOTS_GAP = 0.01
"""Travel between two places at least: the narrower a well, the stiffer it has to be."""

END = 0.05
"""Travel of a soft end stop."""

NODES = 64
CELLS = NODES - 3
CELL = 1.0 / CELLS
WELL = 0.02
"""Standard deviation of a dug well, in travel."""
WINDOW = 5
"""Nodes dug on either side: 4 standard deviations."""
DIG_TICKS = 16
"""Wells take minutes; they are dug a little every 16th tick."""


@compiled
def _spot(spots: NDArray[np.float64], k: int, count: int, gap: float, i: int) -> float:
    if spots[k, LISTED] > 0.0:
        return float(spots[k, FIRST + i])
    return i * gap if count > 1 else 0.5


@compiled
def present_detent(
    spots: NDArray[np.float64], k: int, count: int, gap: float, snap: float, held: float, x: float
) -> tuple[int, float]:
    """Which detent has knob k at ``x``, and its place; ``held``: which had it until now, or -1 (the nearest)."""
    listed = spots[k, LISTED] > 0.0
    i = int(held) if 0.0 <= held < count else -1
    if i < 0:
        i = 0
        if not listed:
            i = min(count - 1, int(x / gap + 0.5))
        else:
            while i < count - 1 and x > 0.5 * (spots[k, FIRST + i] + spots[k, FIRST + i + 1]):
                i += 1
    at = _spot(spots, k, count, gap, i)
    if not listed:
        away = (x - at) / gap
        if away > snap or away < -snap:
            steps = math.ceil(abs(away) - snap)
            i = min(count - 1, i + int(steps)) if away > 0.0 else max(0, i - int(steps))
            at = _spot(spots, k, count, gap, i)
        return i, at
    while i < count - 1 and x - at > snap * (spots[k, FIRST + i + 1] - at):
        i += 1
        at = spots[k, FIRST + i]
    while i > 0 and at - x > snap * (at - spots[k, FIRST + i - 1]):
        i -= 1
        at = spots[k, FIRST + i]
    return i, at


@compiled
def detent_pull(away: float, reach: float, strength: float) -> tuple[float, float]:
    """U' at ``away`` from the present detent, and half of max |U''|."""
    within = math.pi / reach
    pull = strength * math.sin(within * away) if abs(away) < reach else 0.0
    return pull, 0.5 * strength * within


@compiled
def end_pull(x: float, strength: float) -> tuple[float, float]:
    """U' of both soft ends at ``x``, and what stiffness makes it passive.

    That is half of max |U''| = strength / END inside. Outside, a step d towards the wall at distance w ends at most
    |d| - (w - END) <= |d| END / w deep in the soft end, so (END / w)^2 of it is enough: next to nothing in the middle.
    """
    inside = min(0.0, x - END) + max(0.0, x - (1.0 - END))
    share = min(1.0, END / max(min(x, 1.0 - x), END))
    return strength / END * inside, 0.5 * strength / END * share * share


@compiled
def _cell(x: float) -> tuple[int, float]:
    place = x * CELLS
    first = min(CELLS - 1, max(0, int(place)))
    return first, place - first


@compiled
def depth(wells: NDArray[np.float64], x: float) -> float:
    """W(x) of one knob's coefficients f64[64]."""
    first, t = _cell(x)
    s = 1.0 - t
    return (
        float(
            s * s * s * wells[first]
            + (4.0 - 3.0 * t * t * (1.0 + s)) * wells[first + 1]
            + (4.0 - 3.0 * s * s * (1.0 + t)) * wells[first + 2]
            + t * t * t * wells[first + 3]
        )
        / 6.0
    )


@compiled
def well_pull(wells: NDArray[np.float64], bend: float, x: float, scale: float) -> tuple[float, float]:
    """U' of the dug ground at ``x``, and half of max |U''|; ``bend`` from ``bent``."""
    first, t = _cell(x)
    s = 1.0 - t
    slope = 0.5 * (
        s * s * (wells[first + 1] - wells[first])
        + (1.0 + 2.0 * t * s) * (wells[first + 2] - wells[first + 1])
        + t * t * (wells[first + 3] - wells[first + 2])
    )
    return -scale * CELLS * slope, 0.5 * scale * CELLS * CELLS * bend


@compiled
def bent(wells: NDArray[np.float64]) -> float:
    """Largest |W''| in cells: it is linear between the nodes, where it is the second difference."""
    most = 0.0
    for j in range(1, NODES - 1):
        most = max(most, abs(wells[j - 1] - 2.0 * wells[j] + wells[j + 1]))
    return float(most)


def bend_of(wells: NDArray[np.float64]) -> NDArray[np.float64]:
    """``bent`` of each knob of f64[K, 64], bit for bit."""
    bends: NDArray[np.float64] = np.abs(wells[:, :-2] - 2.0 * wells[:, 1:-1] + wells[:, 2:]).max(axis=1)
    return bends


@compiled
def dig(wells: NDArray[np.float64], x: float, share: float) -> float:
    """Bring W(x) nearer to 1 by ``share`` of what is missing; the new ``bent``."""
    missing = 1.0 - depth(wells, x)
    if missing > 0.0:
        first, t = _cell(x)
        s = 1.0 - t
        under = (
            s * s * s / 6.0,
            (4.0 - 3.0 * t * t * (1.0 + s)) / 6.0,
            (4.0 - 3.0 * s * s * (1.0 + t)) / 6.0,
            t * t * t / 6.0,
        )
        edge, inner = 0.5 * s * s, 0.5 * (1.0 + 2.0 * t * s)
        rises = (-edge, edge - inner, inner - 0.5 * t * t, 0.5 * t * t)
        narrow = -0.5 * (CELL / WELL) ** 2
        plain, slope, lean, leaning = 0.0, 0.0, 0.0, 0.0
        for m in range(4):
            d = m - 1.0 - t  # node first + m stands at first + m - 1 cells
            g = math.exp(narrow * d * d)
            plain += g * under[m]
            slope += g * rises[m]
            lean += g * d * under[m]
            leaning += g * d * rises[m]
        tilt = -slope / leaning
        gain = share * missing / (plain + tilt * lean)
        for j in range(max(0, first + 1 - WINDOW), min(NODES, first + 2 + WINDOW + 1)):
            d = j - 1.0 - first - t
            wells[j] += gain * math.exp(narrow * d * d) * max(0.0, 1.0 + tilt * d)
    return float(bent(wells))
