"""--seed, as play and render understand it."""

from __future__ import annotations

from instrument.base.errors import RosinError
from instrument.base.seeds import daily_seed


def seed_given(text: str | None) -> int | None:
    """A whole number of 63 bits, or ``daily``: the day's, the same for everybody. RosinError for anything else."""
    if text is None:
        return None
    if text == "daily":
        return daily_seed()
    if text.isdecimal() and len(text) < 20 and int(text) < 2**63:
        return int(text)
    raise RosinError(f"--seed {text[:40]} is no seed; give a whole number from 0 to 9223372036854775807, or daily")
