"""Units: amplitudes in decibels, for the eye and the ear, and numbers as a language writes them. Below everything."""

from __future__ import annotations

import math

SILENT_DB = -96.0
"""What is softer is shown as silence: the last bit of a 16-bit file."""


def decibels(linear: float, floor: float = SILENT_DB) -> float:
    """An amplitude in dBFS, ``floor`` for what is softer, for 0, and for what is no number."""
    if not math.isfinite(linear) or linear <= 0.0:
        return floor
    return max(floor, 20.0 * math.log10(linear))


def amplitude(db: float) -> float:
    """Decibels as a factor."""
    return float(10.0 ** (db / 20.0))


def number_in(language: str, text: str) -> str:
    """A number that was formatted, as the language writes it: French has a comma."""
    return text.replace(".", ",") if language == "fr" else text
