"""Match: patterns mean what OSC 1.0 says, and none of them costs more than its length."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.hands.osc.match import PATTERN_MAX, Addresses, PatternError, elements, fits, is_pattern, places


def matches(pattern: str, text: str) -> bool:
    return fits(elements(pattern), len(text), places(text))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("level", ["level"], ["leve", "levels", ""]),
        ("*", ["", "a", "level"], []),
        ("l*l", ["ll", "level"], ["l", "levels"]),
        ("z?", ["z1", "zz"], ["z", "z12"]),
        ("z[1-3]", ["z1", "z3"], ["z4", "z"]),
        ("z[!1-3]", ["z4", "z!"], ["z1", "z"]),
        ("z[13-]", ["z1", "z-"], ["z2"]),
        ("{level,hazard}", ["level", "hazard"], ["levelhazard", ""]),
        ("z{1,12}5", ["z15", "z125"], ["z5", "z1"]),
        ("{,z}1", ["1", "z1"], ["zz1"]),
        ("*.{stick,sl*e}", ["friction.stick"], ["friction.slide"]),
        ("é*", ["énergie"], ["energie"]),
    ],
)
def test_a_pattern_fits_these_and_not_those(pattern: str, yes: list[str], no: list[str]) -> None:
    assert all(matches(pattern, text) for text in yes)
    assert not any(matches(pattern, text) for text in no)


def test_no_wildcard_crosses_a_slash() -> None:
    addresses = Addresses(["/a/b", "/a/b/c", "/ab"])
    assert addresses.find("/*") == ("/ab",)
    assert addresses.find("/a/*") == ("/a/b",)
    assert addresses.find("/a?b") == ()
    assert addresses.find("/*/*/*") == ("/a/b/c",)


@pytest.mark.parametrize("pattern", ["/a[b", "/a{b", "/a]", "/}", "/a{b/c}", "/" + "*" * PATTERN_MAX])
def test_a_broken_or_overlong_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Addresses(["/a"]).find(pattern)


def as_regex(pattern: str) -> str:
    """The slow way, as the judge of the fast one."""
    found = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    found = re.sub(r"\\\{(.*?)\\\}", lambda m: "(" + m[1].replace(",", "|") + ")", found)
    return re.sub(
        r"\\\[(\\?!)?(.*?)\\\]", lambda m: "[" + ("^" if m[1] else "") + m[2].replace(r"\-", "-") + "]", found
    )


parts = st.lists(
    st.sampled_from(["a", "b", "ab", "*", "?", "[ab]", "[!a]", "[a-b]", "{a,bb}", "{,ab}"]), max_size=8
).map("".join)


@given(parts, st.text("abc", max_size=10))
def test_it_agrees_with_regular_expressions(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (re.fullmatch(as_regex(pattern), text) is not None)


NASTY = [
    "/rosin/knob/" + "*a" * 12 + "*b",
    "/rosin/knob/" + "*" * 12,
    "/rosin/knob/" + "*?" * 100,
    "/rosin/knob/" + "{a,aa}" * 30,
    "/rosin/knob/" + "{,}" * 80,
    "/rosin/knob/" + "[a-z]" * 40 + "*",
    "/*" * 120,
]


@pytest.mark.parametrize("pattern", NASTY)
def test_the_nastiest_pattern_costs_milliseconds_on_the_fullest_table(pattern: str) -> None:
    knobs = [f"/rosin/knob/{'a' * 30}{i}" for i in range(256)]
    addresses = Addresses(knobs + [f"{knob}/value" for knob in knobs])
    best = min(_seconds(addresses, pattern + "z" * i) for i in range(3))
    assert best < 0.02  # 88 us an address and 4.9 s a pattern is what regular expressions took


def _seconds(addresses: Addresses, pattern: str) -> float:
    start = time.perf_counter()
    try:
        addresses.find(pattern[:PATTERN_MAX])
    except PatternError:
        pass
    return time.perf_counter() - start


def test_a_pattern_that_is_too_much_work_is_refused_and_an_honest_one_is_not() -> None:
    addresses = Addresses([f"/rosin/knob/{'a' * 30}{i}" for i in range(256)])
    with pytest.raises(PatternError, match="too much work"):
        addresses.find("/rosin/knob/" + "{,}" * 80)
    assert len(addresses.find("/rosin/knob/[!b]*{1,2}?5")) == 16


def test_twelve_stars_take_microseconds_for_one_address_and_again_when_asked_again() -> None:
    pattern = elements("*a" * 12 + "b")
    at = places("a" * 30)
    start = time.perf_counter()
    for _ in range(1000):
        assert not fits(pattern, 30, at)
    assert (time.perf_counter() - start) / 1000 < 100e-6


def test_answers_and_refusals_are_remembered_but_not_without_end() -> None:
    addresses = Addresses(["/a"])
    for i in range(2000):
        addresses.find(f"/*{i}")
    assert len(addresses._answers) <= 256
    assert is_pattern("/a*")
    assert not is_pattern("/a")
