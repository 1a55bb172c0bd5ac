"""Lookup: the arithmetic of the atlas, compiled - nearest anchors, what they weigh, whose they are. Under atlas.

No allocation: everything that is found is written into arrays that the atlas keeps. See there for the formulas.
"""

from __future__ import annotations

import math

import numpy as np

from instrument.base.compiled import compiled
from instrument.model.atlas.chart import F32, F64, FARTHEST, I32

GONE = 1e-9
"""A share below this is none: a decay must not end in denormals."""


@compiled
def share_below(table: F32, value: float) -> float:
    """Where ``value`` lies in quantiles at evenly spaced shares, 0..1."""
    last = table.size - 1
    if not value > table[0]:
        return 0.0
    if value > table[last]:
        return 1.0
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle] < value:
            low = middle
        else:
            high = middle
    step = table[high] - table[low]
    return (low + (value - table[low]) / step if step > 0.0 else float(high)) / last


@compiled
def spent(seconds: float, nearest: I32, weight: F32, sound: I32, heard: F64) -> None:
    """The time since the last look goes to the sounds that were near then."""
    for k in range(nearest.size):
        if nearest[k] >= 0:
            heard[sound[nearest[k]]] += seconds * weight[k]


@compiled
def shares(
    keep: float, nearest: I32, weight: F32, sound: I32, whose: I32, clip: F32, share: F32, top: I32, top_share: F32
) -> None:
    """Smooth the weights per sound, sum them per author, and find the sounds that have most of them."""
    for c in range(clip.size):
        clip[c] = clip[c] * keep if clip[c] > GONE else 0.0
    for k in range(nearest.size):
        if nearest[k] >= 0:
            clip[sound[nearest[k]]] += (1.0 - keep) * weight[k]
    total = 0.0
    for c in range(clip.size):
        total += clip[c]
    share[:] = 0.0
    top[:] = -1
    top_share[:] = 0.0
    last = top.size - 1
    for c in range(clip.size):
        part = np.float32(clip[c] / total)  # rounding must not add up over an evening
        clip[c] = part
        if share.size > 0:
            share[whose[c]] += part
        if part > top_share[last]:
            k = last
            while k > 0 and top_share[k - 1] < part:
                top_share[k] = top_share[k - 1]
                top[k] = top[k - 1]
                k -= 1
            top_share[k] = part
            top[k] = c
    total = 0.0
    for a in range(share.size):
        total += share[a]
    for a in range(share.size):
        share[a] /= total


@compiled
def look_up(z: F32, latents: I32, frame: F32, anchors: F32, crowd: F32, far: F32, dense: F32, scale: F32, square: F32,
          nearest: I32, found: F32, weight: F32, meters: F32) -> bool:  # fmt: skip
    """``frame`` [L' + 1, L']: whiten and, last, centre; ``anchors`` [L', N]; ``square``, ``found`` are scratch."""
    width, count = anchors.shape
    for i in range(width):
        if not math.isfinite(z[latents[i]]):
            return False
    square[:] = 0.0
    for i in range(width):
        y = 0.0
        for j in range(width):
            y += frame[i, j] * (np.float64(z[latents[j]]) - frame[width, j])
        at = np.float32(min(max(y, -FARTHEST), FARTHEST))
        row = anchors[i]
        for n in range(count):
            away = row[n] - at
            square[n] += away * away
    most = min(nearest.size, count)
    found[:] = np.inf
    reach = scale[1] * scale[1]
    worst = found[0]
    density = 0.0
    for n in range(count):
        d = square[n]
        if d < reach:
            left = 1.0 - d / reach
            density += crowd[n] * left * left
        if d < worst:
            k = most - 1
            while k > 0 and found[k - 1] > d:
                found[k] = found[k - 1]
                nearest[k] = nearest[k - 1]
                k -= 1
            found[k] = d
            nearest[k] = n
            worst = found[most - 1]
    total = 0.0
    for k in range(most):
        w = math.exp(-0.5 * (found[k] - found[0]) / (scale[0] * scale[0]))
        weight[k] = w
        total += w
    for k in range(most):
        weight[k] /= total
    meters[0] = share_below(far, math.sqrt(worst))
    meters[1] = share_below(dense, density)
    return True


KERNELS = (look_up, shares, spent)
