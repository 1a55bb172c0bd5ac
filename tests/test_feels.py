"""Feels: files are checked whole, and each of those shipped does under the hand what its name promises."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import feel_folders, shipped
from instrument.documents.feels import Feel, feel_from, feel_schema, find_feels, open_feel, read_feel
from instrument.friction.bearing import Friction
from instrument.friction.params import NAMES, FrictionParams
from instrument.knobs import PARAMETERS

TICK_HZ = 1500.0
SHIPPED = ("clay", "glass", "rope", "rosin", "rust", "stone")
USUAL = {knob.id.partition(".")[2]: knob.value(knob.start) for knob in PARAMETERS if knob.group == "friction"}
LEAST: dict[str, Any] = {"schema": 1, "name": "x", "title": {"en": "X", "fr": "X"}, "friction": {}}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("instrument.base.paths.data_home", lambda: tmp_path / "rosin")
    return tmp_path / "rosin" / "feels"


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# -- files


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_feel_is_whole_and_says_so_in_both_languages(name: str) -> None:
    path = shipped("feels") / f"{name}.toml"
    feel = read_feel(path)
    assert feel.name == name
    assert set(tomllib.loads(path.read_text(encoding="utf-8"))["friction"]) == set(feel.friction) == set(NAMES)
    assert feel.friction["slide"] <= feel.friction["stick"]
    assert feel.title.en
    assert feel.title.fr
    assert feel.about.en != feel.about.fr


def test_the_shipped_ones_are_found_and_the_players_own_hide_them(home: Path) -> None:
    assert tuple(find_feels()) == SHIPPED
    mine = write(home, "rust", 'schema = 1\nname = "rust"\ntitle = "Mine"\n[friction]\nstick = 0.3\n')
    write(home, "wool", 'schema = 1\nname = "wool"\ntitle = "Wool"\n[friction]\n')
    assert feel_folders()[0] == home
    assert find_feels()["rust"] == mine
    assert tuple(find_feels()) == (*SHIPPED, "wool")
    assert open_feel("RUST").title.en == "Mine"
    with pytest.raises(LookupError, match="silk"):
        open_feel("silk")
    with pytest.raises(LookupError):
        open_feel("../rust")


def test_what_a_feel_leaves_out_is_the_tables_own() -> None:
    feel = feel_from({**LEAST, "friction": {"stick": 0.1}}, "x")
    assert feel.friction == {**USUAL, "stick": 0.1}
    assert feel.parameters()["friction.weight"] == pytest.approx(10.0)
    assert len(feel.parameters()) == 21


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"friction": {"stick": 0.4}}, "friction.stick: 0.4 is too large"),
        ({"friction": {"stik": 0.1}}, "friction.stik: unknown entry; did you mean 'stick'?"),
        ({"friction": {"stick": True}}, "friction.stick: True does not fit"),
        ({"name": "a/b"}, "name: 'a/b' is no name"),
        ({"name": ""}, "name: '' is no name"),
        ({"title": {"en": "X"}}, "title: .* does not fit"),
        ({"chance": {}}, "chance: unknown entry"),
        ({"schema": 2}, "schema: 2 is newer than this Rosin reads"),
        ({"friction": 3}, "friction: 3 should be a table"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationErrors, match=says):
        feel_from({**LEAST, **change}, "x")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValidationErrors) as caught:
        read_feel(write(tmp_path, "bad", 'name = ""\nfoo = 1\n[friction]\nstick = 9\nvs = "x"\n'))
    assert len(caught.value.lines) == 6  # schema and title are missing
    with pytest.raises(RosinError, match="cannot be read"):
        read_feel(tmp_path / "none.toml")


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.dictionaries(st.sampled_from(["en", "fr", *NAMES]), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*LEAST, "about", "x"]), VALUES))
def test_whatever_a_file_says_it_is_a_feel_or_mistakes(change: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationErrors):
        assert set(feel_from({**LEAST, **change}, "x").friction) == set(NAMES)


def test_editors_are_told_the_same() -> None:
    schema = feel_schema()
    assert set(schema["properties"]["friction"]["properties"]) == set(NAMES)
    assert schema["additionalProperties"] is False


# -- under the hand


def amounts(feel: Feel) -> FrictionParams:
    params = FrictionParams(1).set(**feel.friction)
    # what needs a model's atlas or other knobs, or minutes of playing, is not what is felt here
    return params.set(known=0.0, coupling=0.0, dig=0.0, fatigue=0.0)


def played(name: str, hand: np.ndarray) -> np.ndarray:
    """Where the knob goes, f64[n], under a hand f[n] at the control tick."""
    friction = Friction(1, TICK_HZ)
    start = np.full((4, 1), hand[0], np.float32)
    pos = np.empty((len(hand), 1), np.float32)
    friction.reset(start[0])
    params = amounts(open_feel(name))
    for first in range(0, len(hand), 4):
        part = slice(first, first + 4)
        friction.step(hand[part, None].astype(np.float32), params, None, pos[part])
    return pos[:, 0].astype(float)


def sweep(seconds: float = 6.0, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    """A slow steady hand that then rests for two seconds."""
    moving = np.linspace(low, high, int(seconds * TICK_HZ) // 4 * 4)
    return np.concatenate([moving, np.full(int(2 * TICK_HZ) // 4 * 4, high)])


def slips(pos: np.ndarray) -> int:
    """How often it breaks loose: goes faster than four times the hand after it had stood still."""
    speed = np.diff(pos) * TICK_HZ
    loose, count = False, 0
    for v in speed:
        if not loose and v > 0.4:
            loose, count = True, count + 1
        elif loose and v < 0.02:
            loose = False
    return count


def lag_seconds(pos: np.ndarray) -> float:
    """After a jump of the hand from 0.2 to 0.8: until half of it is done."""
    return float(np.argmax(pos > 0.5)) / TICK_HZ if (pos > 0.5).any() else float("inf")


def jump() -> np.ndarray:
    return np.concatenate([np.full(8, 0.2), np.full(int(3 * TICK_HZ) // 4 * 4, 0.8)])


def test_glass_is_almost_nothing() -> None:
    hand = sweep()
    assert np.abs(played("glass", hand) - hand).max() < 0.01
    assert lag_seconds(played("glass", jump())) < 0.02


def test_rosin_sticks_and_slips_again_and_again() -> None:
    assert slips(played("rosin", sweep())) >= 4


def test_rust_breaks_loose_seldom_and_far() -> None:
    hand = sweep()
    pos = played("rust", hand)
    assert 1 <= slips(pos) < slips(played("rosin", hand))
    assert pos[int(1.5 * TICK_HZ)] < 0.21, "the hand is 0.15 ahead and nothing has moved"
    step = int(0.1 * TICK_HZ)
    assert (pos[step:] - pos[:-step]).max() > 0.2, "a fifth of the travel within a tenth of a second"


def test_clay_never_sticks_and_trails_far_behind() -> None:
    hand = sweep()
    pos = played("clay", hand)
    assert slips(pos) == 0
    assert pos[-1] == pytest.approx(0.8, abs=0.06), "it arrives in the end"
    lag = hand[int(5 * TICK_HZ)] - pos[int(5 * TICK_HZ)]
    assert lag > 0.05
    assert lag_seconds(played("clay", jump())) > 0.3


def test_rope_is_slack_when_the_hand_turns_and_then_drags() -> None:
    there = np.linspace(0.2, 0.8, 4500)
    back = np.linspace(0.8, 0.2, 4500)
    pos = played("rope", np.concatenate([there, np.full(3000, 0.8), back]))
    turned = pos[7500:]
    assert abs(turned[int(0.6 * TICK_HZ)] - turned[0]) < 0.02, "a tenth of the travel back, and nothing follows"
    assert slips(pos) == 0
    assert turned[-1] > 0.25, "it stays behind"


def test_stone_is_the_slowest_to_start_and_stays_far_behind() -> None:
    lags = {name: lag_seconds(played(name, jump())) for name in ("glass", "rosin", "rust", "stone")}
    assert max(lags, key=lags.__getitem__) == "stone", lags
    pos = played("stone", sweep())
    assert 0.8 - pos[-1] > 0.1
    assert open_feel("stone").friction["endstop_strength"] > 0.2


def test_no_two_feel_the_same() -> None:
    hand = np.concatenate([sweep(), jump()])
    paths = {name: played(name, hand) for name in SHIPPED}
    for a in SHIPPED:
        for b in SHIPPED:
            if a < b:
                assert np.sqrt(np.mean((paths[a] - paths[b]) ** 2)) > 0.015, (a, b)
