"""Daily: the seed of a day and the number of a name, the same on every machine for ever."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from instrument.base.seeds import daily_seed, name_number
from instrument.chance.words import stream_id


def test_the_seed_of_a_day_never_changes() -> None:
    digest = hashlib.blake2b(b"rosin 2026-01-01", digest_size=8).digest()
    assert daily_seed(date(2026, 1, 1)) == int.from_bytes(digest, "little") >> 1
    assert daily_seed(date(2026, 1, 1)) == 0xA58323F0C9B738F6 >> 1  # b2sum -l 64
    assert len({daily_seed(date(2026, 1, 1) + timedelta(n)) for n in range(1000)}) == 1000


@given(st.text())
def test_the_number_of_a_name_is_the_one_chance_gives_its_streams(name: str) -> None:
    assert name_number(name) == stream_id(name)
    assert 0 <= name_number(name) < 2**64
