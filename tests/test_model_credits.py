"""Nothing plays without saying whose it is, and what is said is the same everywhere."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from doubles import CREDITS as TINY
from doubles import SOUNDS, PlainNoise, tiny_card, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.model.library import licences
from instrument.model.library.card import CREDITS, write_card
from instrument.model.library.credit_lines import credits_line, energy_words, roll
from instrument.model.library.credits import (
    NULL_CREDITS,
    Credits,
    Made,
    credits_from,
    read_credits,
    write_credits,
)
from instrument.model.library.finder import open_folder


def table(**changes: Any) -> dict[str, Any]:
    plain = {"format": 1, "model": TINY.model, "made": dataclasses.asdict(TINY.made),
             "sounds": [dataclasses.asdict(sound) for sound in TINY.sounds]}  # fmt: skip
    return {**tomllib.loads(tomlkit.dumps(plain)), **changes}


def sound(**changes: Any) -> dict[str, Any]:
    return {**table()["sounds"][0], **changes}


def test_credits_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_credits(TINY, tmp_path)
    assert read_credits(tmp_path) == TINY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sounds": []}, "name every sound"),
        ({"sounds": [sound(licence="free")]}, "no known SPDX licence"),
        ({"sounds": [sound(licence="cc0-1.0")]}, "is written CC0-1.0"),
        ({"sounds": [sound(author=" ")]}, "author: it is empty"),
        ({"sounds": [sound(sha256="12")]}, "64 hexadecimal"),
        ({"sounds": [sound(seconds=-1)]}, "too small"),
        ({"sounds": [sound(singer="me")]}, "unknown entry"),
        ({"sounds": [{}]}, "it is missing"),
        ({"sounds": ["bird"]}, "list of tables"),
        ({"made": {"by": "me"}}, "date: it is missing"),
        ({"format": 9}, "format"),
    ],
)
def test_a_wrong_entry_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationErrors, match=said):
        credits_from(table(**changes), "credits.toml")


def test_a_thousand_mistakes_are_not_a_thousand_lines() -> None:
    with pytest.raises(ValidationErrors) as caught:
        credits_from(table(sounds=[sound(licence="free")] * 1000), "credits.toml")
    assert len(caught.value.lines) == 21
    assert "980 more" in caught.value.lines[-1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(table())), anything, max_size=3),
       st.dictionaries(st.sampled_from(sorted(sound())), anything, max_size=3))  # fmt: skip
def test_whatever_stands_in_credits_they_are_read_or_refused(changes: dict[str, Any], row: dict[str, Any]) -> None:
    for given_table in (table(**changes), table(sounds=[sound(**row)])):
        try:
            credits = credits_from(given_table, "credits.toml")
        except RosinError:
            continue
        assert credits_line(credits)
        assert roll(credits, "fr")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_credits_are_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("credits")
    (folder / CREDITS).write_bytes(junk)
    with pytest.raises(RosinError):
        read_credits(folder)


# --- the gate


def test_a_model_without_credits_does_not_load_unless_the_player_says_so_and_stays_marked(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", credits=None)
    with pytest.raises(RosinError, match="nobody knows whose sounds"):
        open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu", allow_uncredited=True)
    assert not voice.credited
    assert voice.lineage is None
    assert voice.credits == "no credits"
    voice.reset()
    assert not voice.credited


def test_a_credited_model_says_by_whom(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m")
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    assert voice.credited
    assert voice.lineage == TINY
    assert voice.credits == "learned from 2 recordings by Ada and Bo (CC0-1.0, CC-BY-4.0)"


def test_credits_the_card_does_not_vouch_for_are_refused(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", credits=None)
    write_credits(TINY, tmp_path / "m")
    for allowed in (False, True):
        with pytest.raises(RosinError, match="added after the card"):
            open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu", allow_uncredited=allowed)


def test_credits_taken_away_or_changed_are_refused_even_when_uncredited_is_allowed(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m")
    path = tmp_path / "m" / CREDITS
    text = path.read_text()
    path.write_text(text.replace("Ada", "Eve"))
    with pytest.raises(RosinError, match="not the file its card was written for"):
        open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu", allow_uncredited=True)
    path.unlink()
    with pytest.raises(RosinError, match="is missing"):
        open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu", allow_uncredited=True)


def test_broken_credits_are_refused_even_when_the_card_vouches_for_them(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", credits=None)
    (tmp_path / "m" / CREDITS).write_text("model = 3")
    write_card(tiny_card(), tmp_path / "m")
    with pytest.raises(ValidationErrors):
        open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu", allow_uncredited=True)


# --- in words


def test_the_line_counts_and_names_in_both_languages() -> None:
    many = Credits("m", TINY.made, tuple(dataclasses.replace(SOUNDS[0], author=name, seconds=s)
                                         for s, name in enumerate(("Ed", "Di", "Cy", "Bo", "Al"), 1)))  # fmt: skip
    assert credits_line(many) == "learned from 5 recordings by Al, Bo, Cy and 2 others (CC0-1.0)"
    assert credits_line(many, "fr") == "appris de 5 enregistrements de Al, Bo, Cy et 2 autres (CC0-1.0)"
    one = Credits("m", TINY.made, SOUNDS[:1])
    assert credits_line(one) == "learned from 1 recording by Ada (CC0-1.0)"
    assert credits_line(one, "fr") == "appris de 1 enregistrement de Ada (CC0-1.0)"
    assert credits_line(None) == "no credits"
    assert credits_line(None, "fr") == "sans crédits"
    assert credits_line(NULL_CREDITS) == "no training: computed"


def test_the_roll_names_everybody_and_who_trained() -> None:
    lines = roll(TINY)
    for name in ("Ada", "Bo", "A bow", "Bells", "CC-BY-4.0", "a laptop", "80 Wh (estimated)", "1.5 h"):
        assert any(name in line for line in lines)
    assert any("80 Wh (estimés)" in line for line in roll(TINY, "fr"))


def test_energy_is_never_called_measured_when_it_was_guessed() -> None:
    assert energy_words(Made("a", "b", energy_wh=1234.0, energy_measured=True)) == "1.2 kWh (measured)"
    assert energy_words(Made("a", "b", energy_wh=1234.0), "fr") == "1,2 kWh (estimés)"
    assert energy_words(Made("a", "b")) == ""


@pytest.mark.parametrize("licence", ["CC0-1.0", "CC-BY-3.0", "GPL-3.0-or-later", "LicenseRef-AKAI", "CC0-1.0 OR MIT"])
def test_known_licences_pass(licence: str) -> None:
    assert licences.mistake(licence) == ""


@pytest.mark.parametrize("licence", ["", "free", "CC BY", "GPL-3.0", "LicenseRef-", "MIT OR ", "cc-by-4.0", "X" * 999])
def test_other_licences_do_not(licence: str) -> None:
    assert licences.mistake(licence)


def test_what_a_licence_asks_is_known() -> None:
    assert licences.asks("CC-BY-NC-SA-4.0") == ("no-commerce", "share-alike")
    assert licences.asks("CC-BY-4.0") == ()
    assert licences.asks("LicenseRef-X") == ("unknown",)
