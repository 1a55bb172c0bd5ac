"""Wear: counted where it sounds, kept on disk whatever happens, unheard at 0, duller with use and with the amount."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from doubles import tiny_card, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instrument.base.errors import RosinError
from instrument.chance.noise import Noise
from instrument.model.library.finder import open_folder
from instrument.model.runtime.layers import Layers
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import F64, Voice
from instrument.model.runtime.wear import EVERY, HALF_S, Wear, load_wear, save_wear, wear_path, worn

SHIPPED = Path(__file__).resolve().parent.parent / "models" / "first-bow"
SECONDS = arrays(np.float64, 4, elements=st.floats(0.0, 1e9))


def simple(typical: dict[str, list[float]] | None = None) -> Layers:
    return Layers({"bend.a.gain": (1, 4), "tap.a": (1, 4)}, typical)


def shipped() -> OnnxVoice:
    return OnnxVoice(SHIPPED, Noise(0), providers="cpu")


def held(voice: Voice, blocks: int = 120, note: float = 55.0, loudness: float = -16.0) -> np.ndarray:
    z = np.array([[spec.start] for spec in voice.latents], np.float32)
    z[0], z[1] = note, loudness
    out = np.zeros((1, blocks * 128), np.float32)
    for i in range(blocks):
        voice.decode(z, out[:, i * 128 : (i + 1) * 128])
    return out[0]


# --- the law


def test_ten_hours_are_half_of_it_and_no_time_is_all() -> None:
    assert worn(np.array([0.0, HALF_S, 9 * HALF_S])).tolist() == pytest.approx([0.0, 0.5, 0.9])
    assert HALF_S == 10 * 3600
    assert worn(np.array([1e12]))[0] < 1.0


@given(SECONDS, SECONDS, st.floats(0, 1), st.floats(0, 1))
def test_more_use_and_more_amount_never_leave_more(used: F64, more: F64, a: float, b: float) -> None:
    def left(seconds: F64, amount: float) -> np.ndarray:
        layers = simple()
        wear = Wear(layers, 1.0)
        wear.load({"a": seconds})
        wear.write(amount)
        return layers.gain.copy()

    low, high = sorted((a, b))
    assert (left(used, high) <= left(used, low)).all()
    assert (left(used + more, high) <= left(used, high)).all()
    assert ((left(used, high) >= 0.0) & (left(used, high) <= 1.0)).all()
    assert (left(used, 0.0) == 1.0).all()
    np.testing.assert_allclose(left(used, high), 1.0 - high * used / (used + HALF_S), atol=1e-6)


def test_it_multiplies_with_the_bend() -> None:
    layers = simple()
    wear = Wear(layers, 1.0)
    wear.load({"a": np.array([0.0, HALF_S, HALF_S, 3 * HALF_S])})
    layers.gain[:] = 2.0, 2.0, 0.5, 1.0
    wear.write(1.0)
    np.testing.assert_allclose(layers.gain, [2.0, 1.0, 0.25, 0.25])


def test_what_gives_more_than_its_typical_level_is_used() -> None:
    layers = simple({"a": [1.0, 2.0, 4.0, 0.0]})
    wear = Wear(layers, 0.5)
    for tap in (
        [1.5, 1.5, 1.5, 0.0],
        [-1.5, -3.0, 0.0, 1e-6],
        [1.0, 2.0, 4.0, 0.0175],
        [math.nan, math.inf, -math.inf, 1.0],
    ):
        layers.tap[:] = tap
        wear.listen()
    # the last channel is never used by the file's own word: a hundredth of the others' mean is its measure
    assert wear.usage()["a"].tolist() == [1.0, 1.0, 0.5, 0.5]


def test_without_a_word_of_the_file_the_mean_of_the_layer_is_the_measure() -> None:
    layers = simple()
    wear = Wear(layers, 1.0)
    layers.tap[:] = 0.0
    wear.listen()
    assert not wear.usage()["a"].any(), "silence is no use"
    layers.tap[:] = 1.0, 3.0, -5.0, 0.0
    wear.listen()
    assert wear.usage()["a"].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_usage_of_another_model_is_refused_and_changes_nothing() -> None:
    wear = Wear(simple(), 1.0)
    wear.load({"a": np.arange(4.0)})
    for other in ({}, {"b": np.zeros(4)}, {"a": np.zeros(3)}, {"a": np.full(4, np.nan)}, {"a": np.full(4, -1.0)}):
        with pytest.raises(RosinError, match="does not fit"):
            wear.load(other)
    assert wear.usage()["a"].tolist() == [0.0, 1.0, 2.0, 3.0]


# --- the voice


def test_a_model_at_rest_does_not_wear_and_a_played_one_does() -> None:
    voice = shipped()
    held(voice, 200, loudness=voice.latents[1].low)
    rest = {name: seconds.sum() for name, seconds in voice.usage().items()}
    held(voice, 200, loudness=-10.0)
    played = {name: seconds.sum() for name, seconds in voice.usage().items()}
    assert set(rest) == {"stack1", "stack3", "levels"}
    assert not any(rest.values())
    assert all(seconds > 1.0 for seconds in played.values())
    most = max(seconds.max() for seconds in voice.usage().values())
    assert most <= 200 * 128 / 48000


def test_the_notes_that_are_played_are_what_wears() -> None:
    def after(note: float) -> dict[str, F64]:
        voice = shipped()
        held(voice, 200, note)
        return voice.usage()

    low, high = after(36.0), after(84.0)
    assert any(not np.array_equal(low[name], high[name]) for name in low)
    apart = sum(np.abs(low[name] - high[name]).sum() for name in low)
    assert apart > 0.1 * sum(low[name].sum() for name in low)


def test_at_0_no_bit_changes_and_above_it_grows_dull() -> None:
    voice = shipped()
    truth = held(voice)
    used = {name: np.full_like(seconds, 0.5 * HALF_S) for name, seconds in voice.usage().items()}
    for name in used:
        used[name][::2] = 4 * HALF_S

    def take(amount: float) -> np.ndarray:
        voice = shipped()
        voice.load_usage(used)
        voice.wear(amount)
        return held(voice)

    assert np.array_equal(take(0.0), truth)
    assert np.array_equal(take(0.6), take(0.6))
    loud = [float(np.abs(take(amount) - truth).max()) for amount in (0.1, 0.4, 1.0)]
    assert loud[0] > 0.0
    assert loud == sorted(loud)
    voice.load_usage(used)
    voice.wear(1.0)
    voice.reset()
    voice.reseed(0, 0)
    assert not np.array_equal(held(voice), truth)
    voice.wear(0.0)
    voice.reset()
    voice.reseed(0, 0)
    assert np.array_equal(held(voice), truth), "the weights were never touched"


def test_usage_is_no_state_of_the_music() -> None:
    voice = shipped()
    kept = voice.snapshot()
    held(voice, 40)
    used = voice.usage()
    voice.restore(kept)
    voice.reset()
    voice.warm(20)
    voice.reseed(5, 0)
    for name, seconds in voice.usage().items():
        np.testing.assert_array_equal(seconds, used[name])
    voice.usage()["levels"][:] = 1e9
    assert voice.usage()["levels"].max() < 1.0, "what is handed out is a copy"


def test_models_of_long_and_of_short_frames_count_the_same_time(tmp_path: Path) -> None:
    for ratio in (32, 128, 1024):
        tiny_model(
            tmp_path / str(ratio), card=tiny_card(ratio=ratio), noise=None, bends=True, typical={"inner": [1, 1]}
        )
        voice = open_folder(tmp_path / str(ratio), noise=Noise(0), providers="cpu")
        z = np.zeros((2, voice.frames), np.float32)
        z[1] = 2.0
        out = np.zeros((1, 128), np.float32)
        for _ in range(2 * 8 * EVERY):
            voice.decode(z, out)
        assert voice.usage()["inner"].tolist() == pytest.approx([0.0, 2 * 8 * EVERY * 128 / 48000])


def test_a_model_without_taps_has_no_wear(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", noise=None)
    voice = open_folder(tmp_path / "m", noise=Noise(0), providers="cpu")
    assert voice.usage() == {}
    voice.wear(1.0)
    voice.load_usage({})


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_number_is_an_amount_or_is_ignored(amounts: list[float]) -> None:
    kept = SHARED or SHARED.append(shipped()) or SHARED
    voice = kept[0]
    voice.load_usage({name: np.full_like(seconds, HALF_S) for name, seconds in voice.usage().items()})
    voice.wear(0.0)
    last = 0.0
    for amount in amounts:
        voice.wear(amount)
        last = last if math.isnan(amount) else min(max(amount, 0.0), 1.0)
    layers = voice._decoder.layers
    np.testing.assert_allclose(layers.gain[layers.spans["levels"]], 1.0 - 0.5 * last, rtol=1e-6)


SHARED: list[OnnxVoice] = []


# --- the file


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = wear_path(tmp_path, "ab12")
    assert path == tmp_path / "wear" / "ab12" / "wear.npz"
    nothing = {"a": np.zeros(3), "b.c": np.zeros(2)}
    assert load_wear(path, nothing)[1] == ""
    used = {"a": np.array([0.0, 1e-9, 3e7]), "b.c": np.array([1.0, 2.0])}
    save_wear(path, {"a": np.ones(3), "b.c": np.ones(2)})
    save_wear(path, used)
    back, said = load_wear(path, nothing)
    assert said == ""
    assert all(np.array_equal(back[name], used[name]) for name in used)
    assert os.listdir(path.parent) == ["wear.npz"], "nothing half written is left"


@pytest.mark.parametrize("junk", [b"", b"no zip", b"PK\x03\x04 and then nothing", bytes(range(256)) * 9])
def test_a_broken_file_is_kept_aside_and_said(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "wear.npz"
    zero = {"a": np.zeros(3)}
    for number in (1, 2):
        path.write_bytes(junk)
        back, said = load_wear(path, zero)
        assert not back["a"].any()
        aside = tmp_path / f"wear-broken-{number}.npz"
        assert aside.name in said
        assert "\n" not in said
        assert aside.read_bytes() == junk
        assert not path.exists()
    path.write_bytes(junk)
    assert "illisible" in load_wear(path, zero, "fr")[1]


def test_wear_of_another_model_is_kept_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "wear.npz"
    for other in ({"a": np.zeros(4)}, {"b": np.zeros(3)}, {"a": np.full(3, np.nan)}, {"a": np.full(3, -1.0)}, {}):
        save_wear(path, other)
        back, said = load_wear(path, {"a": np.zeros(3)})
        assert back["a"].tolist() == [0.0, 0.0, 0.0]
        assert "begins anew" in said


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (pytest.fail, ("it was unpickled",))

    path = tmp_path / "wear.npz"
    np.savez(path, **{"usage.a": np.array([Evil()], object)})
    assert "begins anew" in load_wear(path, {"a": np.zeros(1)})[1]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_spoilt_byte_is_noticed_or_harmless(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = tmp_path_factory.mktemp("wear") / "wear.npz"
    save_wear(path, {"a": np.arange(5.0)})
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    back, said = load_wear(path, {"a": np.zeros(5)})
    assert back["a"].shape == (5,)
    assert said == "" or not back["a"].any()


def test_a_place_that_cannot_be_written_is_said_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RosinError, match="cannot be kept") as caught:
        save_wear(tmp_path / "file" / "wear.npz", {"a": np.zeros(1)})
    assert "\n" not in str(caught.value)
    path = tmp_path / "wear.npz"
    path.mkdir()
    with pytest.raises(RosinError, match="cannot be kept"):
        save_wear(path, {"a": np.zeros(1)})
    assert sorted(os.listdir(tmp_path)) == ["file", "wear.npz"], "no half-written file is left behind"
