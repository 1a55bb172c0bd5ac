"""Whatever a model's frames, the engine asks for 128 samples and gets the model's own sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from doubles import PlainNoise, tiny_card, tiny_model

from instrument.base.errors import RosinError
from instrument.model.library.finder import open_folder
from instrument.model.runtime.block_adapter import Rebuffered
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import Voice, VoiceState


def play(voice: Voice, blocks: int) -> np.ndarray:
    out = np.zeros((voice.channels, blocks * 128), np.float32)
    for i in range(blocks):
        z = np.full((len(voice.latents), voice.frames), np.sin(0.3 * (i // 16)), np.float32)
        voice.decode(z, out[:, i * 128 : (i + 1) * 128])
    return out


@pytest.mark.parametrize(("ratio", "frames"), [(2048, "F"), (256, "F"), (32, 1), (32, 4), (128, 4)])
def test_the_buffer_changes_no_sample(tmp_path: Path, ratio: int, frames: int | str) -> None:
    tiny_model(tmp_path / "m", card=tiny_card(ratio=ratio), frames=frames)
    bare = OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu")
    long = bare.frames * bare.ratio
    z = np.zeros((2, bare.frames), np.float32)
    truth = np.zeros((1, 2048 * 3), np.float32)
    for i in range(0, truth.shape[1], long):
        z[:] = np.sin(0.3 * (i // 2048))
        bare.decode(z, truth[:, i : i + long])
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    assert voice.frames == max(1, 128 // ratio)
    np.testing.assert_array_equal(play(voice, 48), truth)


def test_its_latency_is_the_wait_in_the_buffer(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", card=tiny_card(ratio=2048, delay_samples=100))
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    assert voice.latency_samples == 100 + 2048 - 128


def test_snapshots_in_the_middle_of_a_frame_are_exact(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", card=tiny_card(ratio=1024), encoder=True)
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    assert isinstance(voice, Rebuffered)
    play(voice, 11)
    state = voice.snapshot()
    first = play(voice, 30)
    voice.restore(VoiceState.from_bytes(state.to_bytes()))
    np.testing.assert_array_equal(play(voice, 30), first)
    voice.reset()
    voice.reseed(0, 0)
    assert not (voice.snapshot().arrays["quantum.sound"]).any()
    bare = state.arrays.copy()
    del bare["quantum.sound"]
    with pytest.raises(RosinError, match="does not fit"):
        voice.restore(VoiceState(state.model, 0, 0, bare))


def test_ears_hand_out_the_last_frame_until_the_next_is_complete(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", card=tiny_card(ratio=512), encoder=True)
    voice = open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
    mean = np.zeros((2, 1), np.float32)
    heard = []
    for _ in range(5):
        voice.encode(np.full((1, 128), 0.25, np.float32), mean)
        heard.append(float(mean[1, 0]))
    assert heard == pytest.approx([0.0, 0.0, 0.0, 0.25, 0.25])


def test_a_frame_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    tiny_model(tmp_path / "m", card=tiny_card(ratio=64), frames=3)
    with pytest.raises(RosinError, match="no fit for blocks"):
        open_folder(tmp_path / "m", noise=PlainNoise(), providers="cpu")
