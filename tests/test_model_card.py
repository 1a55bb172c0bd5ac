"""A card is read whole or refused with every mistake named; nothing else ever happens."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from doubles import tiny_card
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.knobs import PARAMETERS, Label, table_for
from instrument.model.library.card import CARD, Card, card_from, card_table, read_card, write_card
from instrument.model.library.card_latents import Latent


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "decode.onnx").write_bytes(b"graph")
    card = tiny_card(about=Label("a", "é"), params={"decode": 5}, training={"hours": 0.5}, derived_from=("x",))
    written = write_card(card, tmp_path)
    assert written == read_card(tmp_path)
    assert list(written.files) == ["decode.onnx"]
    assert len(written.sha256) == 64
    assert (written.latents, written.about, written.training) == (card.latents, card.about, card.training)


def test_the_hash_of_a_card_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "decode.onnx").write_bytes(b"graph")
    before = write_card(tiny_card(), tmp_path).sha256
    (tmp_path / "decode.onnx").write_bytes(b"graph!")
    assert write_card(tiny_card(), tmp_path).sha256 != before


def table(**changes: Any) -> dict[str, Any]:
    plain = tomllib.loads(tomlkit.dumps(card_table(tiny_card())))
    return {**plain, **changes}


def latent(**changes: Any) -> dict[str, Any]:
    return {**table()["latents"][1], **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format: 2 is not known"),
        ({"name": "../evil"}, "no plain name"),
        ({"sample_rate": 1}, "no rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"ratio": 100}, "no power of two"),
        ({"ratio": 0}, "no power of two"),
        ({"channels": 6}, "one or two"),
        ({"latents": []}, "at least one knob"),
        ({"latents": [latent(low=1.0, high=1.0)]}, "spans nothing"),
        ({"latents": [latent(low=float("nan"))]}, "no finite number"),
        ({"latents": [latent(low=10**400)]}, "no finite number"),
        ({"latents": [latent(start=99.0)]}, "not between"),
        ({"latents": [latent(), latent()]}, "used twice"),
        ({"latents": [latent(id=PARAMETERS[0].id)]}, "used twice"),
        ({"latents": [latent(id="a b")]}, "no plain word"),
        ({"latents": [latent(role="boss")]}, "none of pitch"),
        ({"latents": [latent(role="pitch", id="a"), latent(role="pitch", id="b")]}, "more than one"),
        ({"latents": [latent(histogram=["a"])]}, "no list of counts"),
        ({"latents": [latent(id=f"z{i}") for i in range(300)]}, "crop"),
        ({"files": {"../x": "0" * 64}}, "no sha256 of a file beside it"),
        ({"files": {"x": "abc"}}, "no sha256"),
        ({"title": 5}, "no text in two languages"),
        ({"authors": [1]}, "no list of texts"),
    ],
)
def test_a_wrong_entry_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationErrors, match=said):
        card_from(table(**changes), "card.toml")


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ValidationErrors) as caught:
        card_from(table(ratio=3, channels=9, sample_rate=2), "card.toml")
    assert len(caught.value.lines) == 3


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RosinError, match="is no model"):
        read_card(tmp_path)
    (tmp_path / CARD).write_bytes(b"\xff\xfe")
    with pytest.raises(RosinError, match="is not text in UTF-8; fetch the model again"):
        read_card(tmp_path)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(table())), anything, max_size=4), st.booleans())
def test_whatever_stands_in_a_card_it_is_read_or_refused(changes: dict[str, Any], whole: bool) -> None:
    given_table = {**table(), **changes} if whole else {"format": 1, **changes}
    try:
        card = card_from(given_table, "card.toml")
    except RosinError:
        return
    assert isinstance(card, Card)
    assert table_for(card.specs).playable_count == len(card.latents)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(latent())), anything, max_size=3))
def test_whatever_stands_in_a_latent_it_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        card = card_from(table(latents=[latent(**changes)]), "card.toml")
    except RosinError:
        return
    assert isinstance(card.latents[0], Latent)
    assert table_for(card.specs).playable_count == 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_card_are_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("card")
    (folder / CARD).write_bytes(junk)
    with pytest.raises(RosinError):
        read_card(folder)
