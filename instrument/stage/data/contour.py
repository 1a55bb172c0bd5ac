"""Contour: the closed curve through all beads, and the sound's wave laid along it. After the frame. Pure.

The curve is a periodic cubic spline of the radius over the angle (C2, uniform knots; de Boor, A Practical Guide to
Splines, ch. IV). A spline is linear in what it goes through, so it is one matrix, made once per number of knobs.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

POINTS = 512
Array = NDArray[np.float64]


@functools.lru_cache(maxsize=8)
def spline_matrix(count: int, points: int = POINTS) -> Array:
    """[points, count]: times the values at ``count`` even angles it gives the curve at ``points`` even angles."""
    if count < 1:
        raise ValueError("a contour goes through at least one bead")
    eye = np.eye(count)
    before, after = np.roll(eye, 1, axis=0), np.roll(eye, -1, axis=0)
    bent = np.linalg.solve(4.0 * eye + before + after, 6.0 * (before - 2.0 * eye + after))  # second derivatives
    at = np.arange(points) * count / points
    left = np.floor(at).astype(int) % count
    right = (left + 1) % count
    u = (at - np.floor(at))[:, None]
    v = 1.0 - u
    matrix = v * eye[left] + u * eye[right] + ((v**3 - v) * bent[left] + (u**3 - u) * bent[right]) / 6.0
    matrix.setflags(write=False)
    return np.asarray(matrix)


def contour(values: NDArray[np.floating]) -> Array:
    """[..., K] at the spokes to [..., POINTS] round the circle."""
    return np.asarray(values, np.float64) @ spline_matrix(values.shape[-1]).T


def closed_wave(wave: NDArray[np.floating], seam: int = 96) -> Array:
    """The wave with its end brought to its beginning over the last ``seam`` samples: a ring has no jump."""
    ring = np.nan_to_num(np.asarray(wave, np.float64), posinf=0.0, neginf=0.0)
    ring[-seam:] += (ring[0] - ring[-1]) * (0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, seam)))
    return ring


def ripple(wave: NDArray[np.floating], count: int) -> Array:
    """[POINTS] in -1..1: how far the live line leaves the contour. Small at a bead, so that it still goes through.

    The wave keeps its form; its height follows the peak in dB (-54 none, -6 all), so that soft sounds are seen and a
    silence is a smooth line. The law is fixed: no gain creeps up.
    """
    ring = closed_wave(wave)
    if len(ring) != POINTS:
        ring = np.interp(np.arange(POINTS) * len(ring) / POINTS, np.arange(len(ring)), ring)
    between = np.sin(np.pi * np.arange(POINTS) * count / POINTS) ** 2
    peak = float(np.abs(ring).max())
    return np.asarray(ring / max(peak, 1e-9) * loudness(peak) ** 1.3 * (0.3 + 0.7 * between))


def loudness(rms: float | Array) -> Array:
    """Level as brightness 0..1: -54 dB and below is dark, -6 dB full."""
    return np.clip((20.0 * np.log10(np.maximum(rms, 1e-9)) + 54.0) / 48.0, 0.0, 1.0)
