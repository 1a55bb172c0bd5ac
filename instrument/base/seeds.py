"""Seeds: numbers out of names - of an accident, and of the day that all Rosins share. Below the link, nothing before.

The number of a name is its BLAKE2b, 8 bytes, little end first; chance names its streams by it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime


def name_number(name: str) -> int:
    """The unsigned 64-bit number of a name, the same on every machine for ever. ValueError: no Unicode text."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def daily_seed(day: date | None = None) -> int:
    """The seed that every Rosin in the world has on this day (UTC; None = today): 63 bits, as files hold seeds."""
    return name_number(f"rosin {(day or datetime.now(UTC).date()).isoformat()}") >> 1
