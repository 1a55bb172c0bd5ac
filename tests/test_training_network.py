"""The network: it learns, stops and goes on; it is in tune, silent at the bottom, and looks back only."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_sounds import RATE, tone_folder

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from instrument.base.errors import RosinError
from instrument.training.choices import TrainOptions, shape_for
from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.learning import loop as loops
from instrument.training.learning.loop import Budget, LearnOptions, TrainingLoop, learn, new_loop, one_step
from instrument.training.network import synthesis
from instrument.training.network.model import Network
from instrument.training.network.shape import OLD_POWER_FLOOR, Shape

TINY = Shape(latents=3, width=24, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(tone_folder(tmp_path_factory.mktemp("tones")), RATE, 128)


@pytest.fixture(scope="module")
def full() -> Network:
    torch.manual_seed(5)
    return Network(Shape()).eval()


def loop() -> TrainingLoop:
    return new_loop(TINY, 7, "cpu")


def played(network: Network, z: np.ndarray, noise_level: float = 1.0) -> np.ndarray:
    """z [L, F] to sound [F * ratio]."""
    noise = torch.randn(1, z.shape[1] * network.shape.ratio, generator=torch.Generator().manual_seed(1)) * noise_level
    with torch.no_grad():
        return network.decoder.play(torch.from_numpy(z.astype(np.float32))[None], noise)[0].numpy()


def steady(network: Network, note: float, loudness: float, frames: int) -> np.ndarray:
    z = np.zeros((2 + network.shape.latents, frames))
    z[0], z[1] = note, loudness
    return z


def test_the_loss_falls_within_twenty_steps(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "WARM_UP_STEPS", 2)
    run = loop()
    losses = [one_step(run, corpus, 2, 64, 0.0)[0] for _ in range(20)]
    run.step = 0  # the crops of the first steps once more
    again = [one_step(run, corpus, 2, 64, 0.0)[0] for _ in range(3)]
    assert all(np.isfinite(losses))
    assert np.mean(again) < 0.75 * np.mean(losses[:3])


def test_a_run_that_was_stopped_goes_on_exactly_where_it_was(corpus: Corpus, tmp_path: Path) -> None:
    whole = loop()
    assert learn(whole, corpus, Budget(steps=12), None, LearnOptions(size=2, frames=48, quiet=True))
    first = loop()
    for _ in range(5):
        one_step(first, corpus, 2, 48, Budget(steps=12).spent(first.step, 0.0))
    first.save(tmp_path / "c.pt")
    second = loop()
    second.load(tmp_path / "c.pt")
    assert second.step == 5
    learn(second, corpus, Budget(steps=12), None, LearnOptions(size=2, frames=48, quiet=True))
    for a, b in zip(whole.network.state_dict().values(), second.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_run_from_before_the_floor_was_said_goes_on_with_the_floor_it_had(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    new_loop(replace(TINY, power_floor=OLD_POWER_FLOOR), 7, "cpu").save(path)
    kept = torch.load(path, weights_only=True)
    del kept["shape"]["power_floor"]
    torch.save(kept, path)
    shape = shape_for(TrainOptions(), kept)
    assert shape.power_floor == OLD_POWER_FLOOR != TINY.power_floor
    again = new_loop(shape, 7, "cpu")
    again.load(path)
    quiet = again.network.encoder.ears(torch.zeros(1, 1280))[0]
    assert torch.allclose(quiet[0, :, -1], again.network.encoder.ears.silence())
    assert float(quiet.max()) == pytest.approx(1.0 + 0.125 * np.log(1e-7), abs=1e-5)
    with pytest.raises(RosinError, match="another size"):
        new_loop(TINY, 7, "cpu").load(path)


def test_a_checkpoint_of_another_size_or_seed_or_none_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    loop().save(path)
    with pytest.raises(RosinError, match="another size"):
        new_loop(Shape(latents=2, width=24, dilations=(1,), harmonics=12, bands=8), 7, "cpu").load(path)
    with pytest.raises(RosinError, match="--seed 7"):
        new_loop(TINY, 8, "cpu").load(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(RosinError, match="without --resume"):
        loop().load(path)


def test_ctrl_c_stops_cleanly_with_a_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    run = loop()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    assert (
        learn(run, corpus, Budget(steps=100000), tmp_path / "c.pt", LearnOptions(size=2, frames=48, quiet=True))
        is False
    )
    timer.join()
    again = loop()
    again.load(tmp_path / "c.pt")
    assert again.step == run.step > 0


def test_the_bottom_of_loudness_is_silence_whatever_the_weights(full: Network) -> None:
    for loudness in (-80.0, -95.0):
        assert not played(full, steady(full, 60, loudness, 20)).any()
    rising = steady(full, 60, -80.0, 40)
    rising[1, 20:] = -20.0
    sound = played(full, rising)
    assert not sound[: 20 * 128].any()
    assert np.abs(sound[20 * 128 :]).max() > 0.01


@pytest.mark.parametrize("note", [36.0, 45.0, 57.37, 69.0, 81.5, 88.0])
def test_a_played_note_is_in_tune_within_ten_cents(full: Network, note: float) -> None:
    sound = played(full, steady(full, note, -20.0, 1200), noise_level=0.0)[12800:]
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    near = slice(int(hz * 0.9 * size / RATE), int(hz * 1.1 * size / RATE))
    found = (near.start + int(spectrum[near].argmax())) * RATE / size
    assert abs(1200.0 * np.log2(found / hz)) < 10.0


def test_the_phase_does_not_wander_in_a_thousand_blocks() -> None:
    note = torch.full((1, 1000), 61.7)
    kept = synthesis.phases_exactly(note, Shape())[0, -1, -1].item()
    cycles = 128000 * 440.0 / RATE * 2.0 ** ((float(note[0, 0]) - 69.0) / 12.0)
    assert abs((kept - cycles + 0.5) % 1.0 - 0.5) < 1e-5


def test_harmonics_above_the_limit_are_silent(full: Network) -> None:
    sound = played(full, steady(full, 108.0, -20.0, 200), noise_level=0.0)[12800:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    partials = np.abs(hz / 4186.0 - np.round(hz / 4186.0)) * 4186.0 < 250.0
    assert spectrum[~partials].max() < 1e-3 * spectrum.max()


def test_a_change_of_z_is_heard_in_its_own_block_and_not_before(full: Network) -> None:
    z = steady(full, 60, -25.0, 60)
    louder = z.copy()
    louder[1, 30:] = -10.0
    difference = np.abs(played(full, louder) - played(full, z))
    first = int(np.argmax(difference > 1e-6))
    assert not difference[: 30 * 128].any()
    assert first - 30 * 128 <= 144, "at most 3 ms"


def test_the_encoder_looks_back_only(full: Network) -> None:
    rng = np.random.default_rng(2)
    sound = 0.1 * rng.standard_normal((1, 60 * 128)).astype(np.float32)
    other = sound.copy()
    other[:, 30 * 128 :] = 0.1 * rng.standard_normal(30 * 128)
    with torch.no_grad():
        a, b = (full.encoder.encode(torch.from_numpy(x))[0].numpy() for x in (sound, other))
    assert np.abs(a[:, :, :30] - b[:, :, :30]).max() < 1e-5
    assert np.abs(a[:, :, 30] - b[:, :, 30]).max() > 1e-3


def test_loudness_is_the_level_in_decibels(full: Network) -> None:
    t = np.arange(RATE) / RATE
    sound = (0.1 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)[None, : 128 * 300]
    with torch.no_grad():
        loudness = full.encoder(torch.from_numpy(sound))[0].numpy()
    assert np.abs(loudness[0, 50:] - 20 * np.log10(0.1 / np.sqrt(2))).max() < 0.2


def test_the_network_is_small_enough_to_play_beside_everything_else(full: Network) -> None:
    assert full.parameter_count() < 1_000_000
