"""Names travel beside the gestures that carry their numbers, however close together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.base.seeds import name_number
from instrument.ipc import Link
from instrument.ipc.shared_link import NAMES
from instrument.ipc.texts import TEXT_BYTES


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=NAMES))
def test_every_name_of_the_last_many_is_found_by_its_number(names: list[str]) -> None:
    with Link.create() as link:
        numbers = [link.names.speak(name) for name in names]
        assert [link.names.find(number) for number in numbers] == names
        other = Link.attach(link.token).names  # a process that came later
        assert [other.find(number) for number in numbers] == names


def test_the_oldest_goes_and_a_number_that_nobody_spoke_finds_nothing() -> None:
    with Link.create() as link:
        for i in range(NAMES + 1):
            link.names.speak(f"name {i}")
        assert link.names.find(name_number("name 0")) is None
        assert link.names.find(name_number("name 1")) == "name 1"
        assert link.names.find(name_number("another")) is None


def test_a_name_too_long_for_the_link_is_refused_and_none_is_cut() -> None:
    with Link.create() as link:
        with pytest.raises(ValueError, match=str(TEXT_BYTES)):
            link.names.speak("é" * TEXT_BYTES)
        link.names.speak("é" * (TEXT_BYTES // 2))
        assert link.names.find(name_number("é" * (TEXT_BYTES // 2))) == "é" * (TEXT_BYTES // 2)
