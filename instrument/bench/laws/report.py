"""Report: does this Rosin obey what it says of itself? Every figure measured anew from the kernels that play.

Gathers the laws of friction, bearing, chance and sound; what a row is: measure.py.
"""

from __future__ import annotations

from instrument.bench.laws import bearing, chance, friction, sound
from instrument.bench.laws.measure import Measure


def measures() -> tuple[tuple[str, Measure], ...]:
    """What there is to measure: a name for the bar, and what yields its rows."""
    return (*friction.MEASURES, *bearing.MEASURES, *chance.MEASURES, *sound.MEASURES)
