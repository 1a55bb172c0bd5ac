"""A model is found by name and known by hash; its page and its verdict say what it is."""

from __future__ import annotations

import dataclasses
import io
import time
from pathlib import Path

import numpy as np
import pytest
from doubles import CREDITS as TINY
from doubles import SOUNDS, PlainNoise, tiny_card, tiny_model
from rich.console import Console

from instrument.base.errors import RosinError
from instrument.commands.models.page import PageFacts, figure, histogram, page, show_page
from instrument.knobs import Label
from instrument.model.library import finder
from instrument.model.library.card import write_card
from instrument.model.library.card_latents import Latent
from instrument.model.library.credits import read_credits
from instrument.model.library.finder import ancestors, cards, find, open_voice, search_path, user_folder
from instrument.model.library.lineage import Ancestor
from instrument.model.library.null_card import null_card
from instrument.model.report.probe import Load, load_of
from instrument.model.report.verify import verify
from instrument.model.runtime.block_adapter import rebuffered
from instrument.model.runtime.session import OnnxVoice


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


@pytest.mark.parametrize("name", ["no one", "../m", "", "a/b", ".."])
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
    wanted = ["Ada", "Bo", "CC-BY-4.0", card.sha256, "48 kHz", "█", "couleur" if language == "fr" else "colour"]
    for word in wanted:
        assert word in page
    assert len(page.splitlines()) < 40
    assert max(map(len, page.splitlines())) <= 100
    assert ("sans crédits" if language == "fr" else "no credits") in show_page(card, None, language)
    assert show_page(null_card(), None, language)


def test_the_page_of_a_model_with_hundreds_of_knobs_and_authors_is_one_page(tmp_path: Path) -> None:
    latents = tuple(Latent(f"z{i}", Label(f"a very long name of a knob {i}", f"z{i}"), fidelity=1 / (i + 1))
                    for i in range(128))  # fmt: skip
    sounds = tuple(dataclasses.replace(SOUNDS[0], author=f"Author {i} " * 3) for i in range(50))
    line = tuple(Ancestor(f"{i:064x}", f"m{i}") for i in range(3))
    card = tiny_model(tmp_path / "m", card=tiny_card(latents=latents, about=Label("long " * 30, "long " * 30),
        derived_from=line, params={"encoder": 10**7}, training={"held_out": {f"f{i}_db": 1.0 for i in range(20)}}),
        credits=dataclasses.replace(TINY, sounds=sounds))  # fmt: skip
    around = PageFacts(read_credits(tmp_path / "m"), None, Load(0.1, 0.1), ancestors(card, [tmp_path]), 12_000_000)
    for width in (80, 100):
        console = Console(width=width, file=io.StringIO(), color_system=None)
        console.print(page(card, around, "fr", width))
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert len(lines) <= 40 + (width < 100) * 6
        assert max(map(len, lines)) <= width
        assert any("et 116 autres" in text for text in lines)
        assert any("et 46 autres" in text for text in lines)


@pytest.mark.parametrize(
    ("key", "value", "language", "said"),
    [
        ("spectral_distance_db", 4.3391, "en", "spectral distance 4.34 dB"),
        ("strongest_partial_share", 0.8093, "fr", "partiel le plus fort juste 80,9 %"),
        ("odd_thing", 2, "en", "odd thing 2"),
        ("odd_cents", 12.34, "en", "odd 12.3 cents"),
        ("odd", "words", "en", "odd words"),
        ("steps_done", 7303, "en", "steps done 7303"),
        ("odd_db", float("nan"), "en", "odd nan"),
    ],
)
def test_a_figure_is_told_in_words(key: str, value: object, language: str, said: str) -> None:
    assert figure(key, value, language) == said


def grades(folder: Path, **more: bool) -> dict[str, str]:
    return {f.about: f.grade for f in verify(folder, PlainNoise(), blocks=40, **more)}


def test_a_good_model_is_found_good(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m")
    found = grades(tmp_path / "m")
    assert "bad" not in found.values()
    assert {"card", "files", "credits", "opens", "sound", "speed", "silence"} <= set(found)


def test_what_is_wrong_with_a_model_is_found(tmp_path: Path) -> None:
    tiny_model(tmp_path / "bare", credits=None)
    assert grades(tmp_path / "bare")["credits"] == "held", "no fault, and not without being told to"
    assert "bad" not in grades(tmp_path / "bare").values()
    assert grades(tmp_path / "bare", shipped=True)["refused"] == "bad"
    assert grades(tmp_path / "bare", allow_uncredited=True)["credits"] == "warn"
    tiny_model(tmp_path / "odd", card=tiny_card(licence="mine"))
    (tmp_path / "odd" / "notes.txt").write_text("x")
    assert grades(tmp_path / "odd")["licence"] == "warn"
    assert grades(tmp_path / "odd")["files"] == "warn"
    tiny_model(tmp_path / "sold", credits=dataclasses.replace(
        TINY, sounds=(dataclasses.replace(SOUNDS[0], licence="CC-BY-NC-4.0"),)))  # fmt: skip
    said = [f for f in verify(tmp_path / "sold", PlainNoise(), blocks=5) if f.about == "licence"]
    assert any("forbids playing it for money" in f.text for f in said)
    assert any("allows nobody to earn with it, and CC0-1.0 does" in f.text for f in said)
    assert {f.grade for f in said} == {"warn"}
    assert grades(tmp_path / "sold", shipped=True)["licence"] == "warn"
    assert any(f.grade == "bad" and f.about == "licence" for f in
               verify(tmp_path / "sold", PlainNoise(), blocks=5, shipped=True))  # fmt: skip
    tiny_model(tmp_path / "wild", leak=1e6)
    assert grades(tmp_path / "wild")["sound"] == "bad"
    assert grades(tmp_path / "nothing")["refused"] == "bad"


def test_more_is_asked_of_a_shipped_model(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", weight=1800)
    found = grades(tmp_path / "m", shipped=True)
    assert (found["size"], found["atlas"]) == ("bad", "bad"), "13 MB, and no atlas"
    found = grades(tmp_path / "m")
    assert (found["size"], found["atlas"]) == ("good", "warn")


@pytest.mark.parametrize("frames", [1, 8])
def test_the_load_of_a_model_is_the_time_it_takes_for_the_time_it_plays(tmp_path: Path, frames: int) -> None:
    tiny_model(tmp_path / "m", frames=frames)
    inner = OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu")
    real = inner.decode

    def slow(z: np.ndarray, out: np.ndarray) -> None:
        time.sleep(0.001 * frames)
        real(z, out)

    inner.decode = slow  # type: ignore[method-assign]
    share = load_of(rebuffered(inner), 128, 40)
    assert 0.375 < share.decode < 0.8, "1 ms for each 2.67 ms, however many frames are made at a time"
    assert share.encode == 0.0


def test_a_line_of_descent_is_found_as_far_as_it_is_here(tmp_path: Path) -> None:
    file = Ancestor("f" * 64, "tide.ts")
    first = tiny_model(tmp_path / "first", card=tiny_card(name="first", derived_from=(file,)))
    assert first.derived_from == ("f" * 64,)
    assert first.derived_from[0].name == "tide.ts"
    second = tiny_model(tmp_path / "second", card=tiny_card(name="second", derived_from=(first.sha256,)))
    third = tiny_card(derived_from=(Ancestor("e" * 64, "gone"), second.sha256, first.sha256))
    line = ancestors(third, [tmp_path])
    assert [(one.name, path and path.name) for one, path in line] == [
        ("gone", None), ("second", "second"), ("first", "first"), ("tide.ts", None)]  # fmt: skip
    assert ancestors(second, [tmp_path])[0][0].name == "first"
    round_about = tiny_card(derived_from=(second.sha256, second.sha256))
    assert len(ancestors(round_about, [tmp_path])) == 3, "nobody twice"


def test_verifying_tells_a_parent_that_says_otherwise(tmp_path: Path) -> None:
    parent = tiny_model(tmp_path / "parent", card=tiny_card(name="parent", derived_from=("a" * 64,)))
    for name, rest, grade in (("true", ("a" * 64,), {"good"}), ("odd", ("b" * 64,), {"good", "warn"})):
        tiny_model(tmp_path / name, card=tiny_card(name=name, derived_from=(parent.sha256, *rest)))
        found = [f for f in verify(tmp_path / name, PlainNoise(), blocks=5, given=[tmp_path]) if f.about == "lineage"]
        assert {f.grade for f in found} == grade
        assert "here of these: parent" in found[0].text


def test_opening_by_a_package_path_needs_no_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert (Path(finder.__file__).parents[3] / "models") in search_path()


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
