"""Strain: how far a knob is from giving way, and the colour that its bead takes of it. After frames. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.ipc import HELD, Frame


def distance_of(frame: Frame, count: int) -> NDArray[np.float64]:
    """[count] of each knob from the hand that pulls it, in travel; 0 where either is no number."""
    hand, pos = (row[:count].astype(np.float64) for row in (frame.hand, frame.pos))
    known = np.isfinite(hand) & np.isfinite(pos)
    apart: NDArray[np.float64] = np.abs(np.where(known, hand, 0.0) - np.where(known, pos, 0.0))
    return apart


def strain_of(frame: Frame, count: int) -> NDArray[np.float64]:
    """[count] 0..1: the force on each knob in parts of what moves it, squared; 1 while it slips far from the hand."""
    force = np.clip(np.abs(np.nan_to_num(frame.force[:count].astype(np.float64))), 0.0, 1e3)
    stick = np.maximum(np.nan_to_num(frame.stick[:count].astype(np.float64)), 1e-3)
    share = np.clip(force / stick, 0.0, 1.0)
    slipping = (frame.stuck[:count] != HELD) & (distance_of(frame, count) > 0.02)
    # Below a hundredth of a travel no strain is worth a colour, however slippery the knob.
    return np.where(slipping, 1.0, 0.85 * share**2 * np.clip(force / 0.01, 0.0, 1.0))


def bead_share(strain: float) -> float:
    """How much of the strain's colour a bead has, 0..1: a slipping one all of it.

    ``dial.frag`` paints by the same rule, where it says ``strain * sqrt(strain)``.
    """
    return float(strain**1.5)
