"""A model is found by name and known by hash; its page and its verdict say what it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from doubles import CREDITS as TINY
from doubles import SOUNDS, PlainNoise, tiny_card, tiny_model

from instrument.errors import RosinError
from instrument.knobs import Label
from instrument.model import library
from instrument.model.card import Latent, write_card
from instrument.model.library import cards, find, open_voice, search_path, user_folder
from instrument.model.null_card import null_card
from instrument.model.page import histogram, show_page
from instrument.model.session import OnnxVoice
from instrument.model.verify import verify


@pytest.fixture(autouse=True)
def _no_other_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ROSIN_MODELS", raising=False)


def test_the_null_voice_is_always_there() -> None:
    voice = open_voice("null", noise=PlainNoise(), sample_rate=44100)
    assert (voice.card.name, voice.sample_rate) == ("null", 44100)
    assert cards()[0][0] is None


def test_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "env"))
    tiny_model(tmp_path / "env" / "m", card=tiny_card(name="m", title=Label("env", "env")))
    tiny_model(user_folder() / "m", card=tiny_card(name="m", title=Label("home", "home")))
    assert find("m")[1].title.en == "env"
    tiny_model(tmp_path / "mine" / "m", card=tiny_card(name="m", title=Label("mine", "mine")))
    assert find("m", given=[tmp_path / "mine"])[1].title.en == "mine"
    assert search_path([tmp_path / "mine"])[0] == tmp_path / "mine"
    assert [folder.name for folder, _ in cards() if folder and folder.name == "m"] == ["m"]


def test_the_hash_picks_the_right_one_of_two(tmp_path: Path) -> None:
    tiny_model(tmp_path / "a" / "m", leak=0.5)
    second = tiny_model(tmp_path / "b" / "other", leak=0.6)
    assert find("m", second.sha256, [tmp_path / "a", tmp_path / "b"])[0] == tmp_path / "b" / "other"
    voice = open_voice("m", second.sha256, noise=PlainNoise(), given=[tmp_path / "a", tmp_path / "b"])
    assert voice.card.sha256 == second.sha256


def test_another_hash_is_told_with_both(tmp_path: Path) -> None:
    card = tiny_model(tmp_path / "m")
    with pytest.raises(RosinError) as caught:
        find("m", "f" * 64, [tmp_path])
    assert "ffffffffffff" in str(caught.value)
    assert card.sha256[:12] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nobody", "../m", "", "a/b", ".."])
def test_a_model_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, name: str) -> None:
    tiny_model(tmp_path / "place" / "here")
    tiny_model(tmp_path / "m")
    with pytest.raises(RosinError, match=r"here are null, .*here"):
        find(name, given=[tmp_path / "place"])


def test_a_broken_card_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    tiny_model(tmp_path / "good")
    tiny_model(tmp_path / "bad")
    (tmp_path / "bad" / "card.toml").write_text("format = 1")
    rows = {folder.name: row for folder, row in cards([tmp_path]) if folder is not None}
    assert isinstance(rows["bad"], RosinError)
    assert rows["good"].name == "good"  # type: ignore[union-attr]


def test_the_histogram_is_as_wide_as_asked_and_as_high_as_the_counts() -> None:
    latent = Latent("z", Label("z", "z"), histogram=(0.0, 1.0, 8.0, 1.0, 0.0))
    drawn = histogram(latent, 10)
    assert len(drawn) == 10
    assert drawn[4:6] == "██"
    assert drawn[0] == drawn[-1] == " "
    assert histogram(dataclasses.replace(latent, histogram=()), 4) == "····"
    assert histogram(dataclasses.replace(latent, histogram=(1.0,) * 32), 7) == "█" * 7


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_tells_all_on_one_page(tmp_path: Path, language: str) -> None:
    card = tiny_model(tmp_path / "m")
    page = show_page(card, TINY, language)
    wanted = ["Ada", "Bo", "CC-BY-4.0", card.sha256, "48000 Hz", "█", "couleur" if language == "fr" else "colour"]
    for word in wanted:
        assert word in page
    assert len(page.splitlines()) < 40
    assert max(map(len, page.splitlines())) <= 100
    assert ("sans crédits" if language == "fr" else "no credits") in show_page(card, None, language)
    assert show_page(null_card(), None, language)


def grades(folder: Path, **more: bool) -> dict[str, str]:
    return {f.about: f.grade for f in verify(folder, PlainNoise(), blocks=40, **more)}


def test_a_good_model_is_found_good(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m")
    found = grades(tmp_path / "m")
    assert "bad" not in found.values()
    assert {"card", "files", "credits", "opens", "sound", "speed", "silence"} <= set(found)


def test_what_is_wrong_with_a_model_is_found(tmp_path: Path) -> None:
    tiny_model(tmp_path / "bare", credits=None)
    assert grades(tmp_path / "bare")["refused"] == "bad"
    assert grades(tmp_path / "bare", allow_uncredited=True)["credits"] == "warn"
    tiny_model(tmp_path / "odd", card=tiny_card(licence="mine"))
    (tmp_path / "odd" / "notes.txt").write_text("x")
    assert grades(tmp_path / "odd")["licence"] == "warn"
    assert grades(tmp_path / "odd")["files"] == "warn"
    tiny_model(tmp_path / "sold", credits=dataclasses.replace(
        TINY, sounds=(dataclasses.replace(SOUNDS[0], licence="CC-BY-NC-4.0"),)))  # fmt: skip
    assert any("forbids playing it for money" in f.text for f in verify(tmp_path / "sold", PlainNoise(), blocks=5))
    tiny_model(tmp_path / "wild", leak=1e6)
    assert grades(tmp_path / "wild")["sound"] == "bad"
    assert grades(tmp_path / "nothing")["refused"] == "bad"


def test_opening_by_a_package_path_needs_no_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert (Path(library.__file__).parents[2] / "models") in search_path()


def test_a_restored_state_survives_a_reopened_model(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m")
    first, out = OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu"), np.zeros((1, 128), np.float32)
    z = np.ones((2, 1), np.float32)
    for _ in range(5):
        first.decode(z, out)
    second, again = OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu"), np.zeros((1, 128), np.float32)
    second.restore(first.snapshot())
    first.close()
    third = OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu")
    for _ in range(6):
        third.decode(z, out)
    second.decode(z, again)
    np.testing.assert_array_equal(out, again)
    write_card(first.card, tmp_path / "m")
