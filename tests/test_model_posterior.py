"""Temperature: how much of its own uncertainty a model plays with. None at 0; its own at 1."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from doubles import tiny_card, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.noise import Noise
from instrument.model.library.finder import open_folder
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import TEMPERATURE_MAX, Voice, VoiceState


class Counting(Noise):
    """Real noise that says who asked for it."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked = 0

    def normal(self, stream: int, first: int, out: np.ndarray) -> None:
        self.asked += 1
        super().normal(stream, first, out)


@pytest.fixture
def voice(tmp_path: Path) -> OnnxVoice:
    tiny_model(tmp_path / "tiny", encoder=True, leak=0.0)
    return OnnxVoice(tmp_path / "tiny", Noise(0), providers="cpu")


def heard(voice: Voice, blocks: int, level: float = 0.0) -> np.ndarray:
    """Means of a constant sound, f32 [blocks, L]; without memory their truth is ``level`` and their std e^level."""
    rows = np.zeros((blocks, len(voice.latents), voice.frames), np.float32)
    for row in rows:
        voice.encode(np.full((1, 128), level, np.float32), row)
        state = voice.snapshot()
        voice.restore(
            VoiceState(state.model, state.seed, state.frame,
                       {n: np.zeros_like(a) if n.startswith("encode.") else a for n, a in state.arrays.items()})
        )  # fmt: skip
    return rows[:, :, 0]


def test_at_0_it_is_the_mean_and_nothing_is_drawn(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny", encoder=True)
    noise = Counting()
    voice = OnnxVoice(tmp_path / "tiny", noise, providers="cpu")
    before = noise.asked
    mean = np.zeros((2, 1), np.float32)
    for _ in range(5):
        voice.encode(np.full((1, 128), 0.25, np.float32), mean)
        assert np.array_equal(mean, voice._encoder.array("mean")[0])  # type: ignore[union-attr]
    assert noise.asked == before
    voice.temperature = 1.0
    voice.encode(np.full((1, 128), 0.25, np.float32), mean)
    assert noise.asked == before + 1


@pytest.mark.parametrize(("level", "temperature"), [(0.0, 1.0), (-0.7, 1.0), (0.0, 0.5), (0.0, 2.0)])
def test_its_spread_is_the_models_own_times_the_temperature(voice: OnnxVoice, level: float, temperature: float) -> None:
    voice.temperature = temperature
    got = heard(voice, 4000, level)
    std = temperature * math.exp(level)
    for latent in got.T:
        assert latent.mean() == pytest.approx(level, abs=4.0 * std / math.sqrt(len(got)))
        assert latent.var() == pytest.approx(std**2, rel=4.0 * math.sqrt(2.0 / len(got)))
    assert abs(np.corrcoef(got.T)[0, 1]) < 0.07


def test_the_seed_and_the_frame_decide_it(voice: OnnxVoice) -> None:
    voice.temperature = 1.0
    voice.reseed(3, 0)
    first = heard(voice, 12)
    voice.reseed(3, 0)
    assert np.array_equal(heard(voice, 12), first)
    voice.reseed(3, 5)
    np.testing.assert_array_equal(heard(voice, 7), first[5:])
    voice.reseed(4, 0)
    assert np.abs(heard(voice, 12) - first).max() > 0.1


def test_snapshot_play_on_restore_play_the_same(voice: OnnxVoice) -> None:
    voice.temperature = 0.8
    heard(voice, 3)
    state = voice.snapshot()
    first = heard(voice, 9)
    heard(voice, 2)
    voice.restore(state)
    assert np.array_equal(heard(voice, 9), first)


def test_where_a_frame_lies_in_a_call_changes_nothing(tmp_path: Path) -> None:
    got = {}
    for frames in (1, 4):
        tiny_model(tmp_path / str(frames), card=tiny_card(ratio=32), encoder=True, frames=frames, states=1, leak=0.0)
        voice = OnnxVoice(tmp_path / str(frames), Noise(0), providers="cpu")
        voice.temperature = 1.0
        plain = OnnxVoice(tmp_path / str(frames), Noise(0), providers="cpu")
        rows = []
        for _ in range(8 // frames):
            pair = [np.zeros((2, frames), np.float32) for _ in range(2)]
            for one, mean in zip((voice, plain), pair, strict=True):
                one.encode(np.zeros((1, 32 * frames), np.float32), mean)
            rows.append(pair[0] - pair[1])
        got[frames] = np.concatenate(rows, 1)
    np.testing.assert_array_equal(got[1], got[4])


def test_fill_is_silent_at_0_and_as_it_was_trained_at_1(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", noise=None, fill=True, leak=0.0)
    voice = OnnxVoice(tmp_path / "m", Noise(0), providers="cpu")
    z, out = np.zeros((2, 1), np.float32), np.zeros((1, 128), np.float32)

    def take(temperature: float) -> np.ndarray:
        voice.temperature = temperature
        voice.reseed(2, 0)
        rows = []
        for _ in range(2000):
            voice.reset()
            voice.decode(z, out)
            rows.append(out[0, 0])
        return np.array(rows)

    assert not take(0.0).any()
    one = take(1.0)
    assert one.std() == pytest.approx(1.0, rel=0.07)
    np.testing.assert_allclose(take(0.5), 0.5 * one, rtol=1e-6)
    assert not take(0.0).any()


def test_the_air_is_no_uncertainty(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", fill=True)
    voice = open_folder(tmp_path / "m", noise=Noise(0), providers="cpu")
    z, out = np.zeros((2, 1), np.float32), np.zeros((1, 128), np.float32)
    voice.decode(z, out)
    assert out.std() == pytest.approx(0.1, rel=0.3)
    deep = out - out.mean()
    voice.reset()
    voice.reseed(0, 0)
    voice.temperature = 2.0
    voice.decode(z, out)
    np.testing.assert_allclose(out - out.mean(), deep, atol=1e-6)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_number_is_a_temperature_or_is_ignored(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    if not SHARED:
        folder = tmp_path_factory.mktemp("heat") / "tiny"
        tiny_model(folder, encoder=True, fill=True, card=tiny_card(ratio=1024))
        SHARED.append(open_folder(folder, noise=Noise(0), providers="cpu"))
    voice = SHARED[0]
    voice.temperature = 0.0
    wanted = 0.0
    for value in values:
        voice.temperature = value
        wanted = wanted if math.isnan(value) else min(max(value, 0.0), TEMPERATURE_MAX)
    assert voice.temperature == wanted
    mean = np.zeros((2, 1), np.float32)
    for _ in range(8):
        voice.encode(np.zeros((1, 128), np.float32), mean)
    assert np.isfinite(mean).all()


SHARED: list[Voice] = []
