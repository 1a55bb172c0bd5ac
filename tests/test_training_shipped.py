"""The shipped model: in tune, silent at rest, as loud as its knob says, and it hears the notes it plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from instrument.chance.noise import Noise
from instrument.model.library.card import Card, read_card
from instrument.model.library.credits import gate
from instrument.model.library.listed import sha256_of
from instrument.model.runtime.session import OnnxVoice
from instrument.training.export.writer import TOLERANCE, streamed

MODELS = Path(__file__).resolve().parent.parent / "models"
FOLDER = MODELS / "first-bow"
SHIPPED = sorted(card.parent.name for card in MODELS.glob("*/card.toml"))
LICENCES = {
    "hammer": {"CC0-1.0", "LicenseRef-PublicDomain"},
    "bronze": {"CC0-1.0", "CC-BY-3.0", "MIT", "CC0-1.0 AND MIT"},
}
RATE = 48000


@pytest.fixture(scope="module")
def card() -> Card:
    return read_card(FOLDER)


@pytest.fixture(params=SHIPPED)
def folder(request: pytest.FixtureRequest) -> Path:
    """Of each shipped model in turn."""
    return MODELS / request.param


def played(
    card: Card, note: float, loudness_db: float, frames: int = 500, noise_level: float = 1.0, folder: Path = FOLDER
) -> np.ndarray:
    """A held note with the latents at rest. Shape: [frames * 128]."""
    z = np.array([[[latent.start] for latent in card.latents]], np.float32)
    z[0, 0], z[0, 1] = note, loudness_db
    rng = np.random.default_rng(1)
    blocks = ({"z": z, "noise.air": noise_level * rng.standard_normal((1, 1, 128)).astype(np.float32)} for _ in
              range(frames))  # fmt: skip
    return streamed(folder / "decode.onnx", blocks, "audio")[0, 0]


def test_the_folder_is_whole_and_small_and_everybody_is_credited(folder: Path) -> None:
    card = read_card(folder)
    assert card.files == {p.name: sha256_of(p) for p in folder.iterdir() if p.name != "card.toml"}
    assert sum(p.stat().st_size for p in folder.iterdir()) <= 12e6
    credits = gate(card, folder)
    assert credits is not None
    assert len(credits.sounds) == card.training["sounds"]
    assert set(credits.licences) == LICENCES.get(folder.name, {"CC0-1.0"})
    assert card.training["equality_error_1000_blocks"]["decode"] <= TOLERANCE
    assert card.training["equality_error_1000_blocks"]["encode"] <= TOLERANCE


def test_it_can_be_bent_and_wears(card: Card) -> None:
    voice = OnnxVoice(FOLDER, Noise(0), providers="cpu")
    layers = voice._decoder.layers
    assert set(layers.bendable) == {"stack1", "stack3", "flutter", "levels"}
    assert set(layers.tapped) == {"stack1", "stack3", "levels"}
    assert layers.unknown == (), "the file says what common use is"


@pytest.mark.parametrize("note", [36, 43, 50, 57, 64, 71, 79, 88])
def test_every_key_is_in_tune_within_ten_cents(card: Card, note: int) -> None:
    sound = played(card, note, -20.0, 800, noise_level=0.0)[12800:]
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    found = []
    for k in (1, 2, 3):
        near = slice(int(hz * (k - 0.1) * size / RATE), int(hz * (k + 0.1) * size / RATE))
        found.append((spectrum[near].max(), (near.start + int(spectrum[near].argmax())) * RATE / size / k))
    assert abs(1200.0 * np.log2(max(found)[1] / hz)) < 10.0


def test_at_rest_it_is_silent(folder: Path) -> None:
    card = read_card(folder)
    assert not played(card, 60, card.latents[1].start, 50, folder=folder).any()


@pytest.mark.parametrize("note", [40, 55, 67, 79])
def test_the_loudness_knob_says_how_loud_it_is_and_always_rises(card: Card, note: int) -> None:
    asked = np.arange(-50.0, -10.0, 8.0)
    got = [20 * np.log10(played(card, note, level)[12800:].std()) for level in asked]
    assert (np.diff(got) > 3.0).all()
    assert np.abs(got - asked)[2:].max() < 6.0


@pytest.mark.parametrize("note", [43, 55, 67, 76])
def test_it_hears_the_note_it_plays(card: Card, note: int) -> None:
    sound = played(card, note, -20.0, 300).reshape(1, 1, -1)
    mean = streamed(
        FOLDER / "encode.onnx", ({"audio": sound[:, :, i : i + 128]} for i in range(0, sound.shape[2], 128)), "mean"
    )
    assert abs(np.median(mean[0, 0, 100:]) - note) < 0.5
    assert abs(np.median(mean[0, 1, 100:]) + 20.0) < 6.0


def test_knobs_anywhere_and_leaping_never_burst(folder: Path) -> None:
    card = read_card(folder)
    rng = np.random.default_rng(0)
    low, high = (np.array([getattr(latent, side) for latent in card.latents]) for side in ("low", "high"))
    z = np.repeat(rng.uniform(low, high, (40, len(low))), 40, axis=0).astype(np.float32)
    z[:, 1] = -20.0
    blocks = ({"z": row[None, :, None], "noise.air": rng.standard_normal((1, 1, 128)).astype(np.float32)} for row in z)
    sound = streamed(folder / "decode.onnx", blocks, "audio")[0, 0]
    level = 20 * np.log10(np.sqrt((sound.reshape(-1, 512) ** 2).mean(1)) + 1e-9)
    assert level.max() < -20.0 + 12.0
    assert np.isfinite(sound).all()


def test_sound_in_and_sound_out_are_less_than_three_milliseconds_apart(folder: Path) -> None:
    # plucked notes of several pitches through ears and voice, block by block; envelopes compared by cross-correlation
    rng = np.random.default_rng(0)
    t = np.arange(4 * RATE)
    swell = np.zeros(len(t))
    for start in rng.integers(4000, len(t) - 8000, 24):
        n = np.arange(6000)
        swell[start : start + 6000] += np.minimum(1.0, n / 48.0) * np.exp(-n / 1800.0)
    sound = (swell * 0.3 * ((t * 220.0 / RATE) % 1.0 - 0.5)).astype(np.float32)
    parts = sound[: len(sound) // 128 * 128].reshape(-1, 1, 1, 128)
    mean = streamed(folder / "encode.onnx", ({"audio": part} for part in parts), "mean")
    blocks = ({"z": mean[:, :, i : i + 1], "noise.air": rng.standard_normal((1, 1, 128)).astype(np.float32)}
              for i in range(mean.shape[2]))  # fmt: skip
    back = streamed(folder / "decode.onnx", blocks, "audio")[0, 0]

    def envelope(x: np.ndarray) -> np.ndarray:
        level = np.sqrt(np.convolve(x.astype(np.float64) ** 2, np.full(256, 1 / 256), "same")[::8])
        return level - level.mean()

    a, b = envelope(sound[: len(back)]), envelope(back)
    size = 1 << 16
    alike = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)))
    lags = np.arange(-60, 61)
    delay = 8 * int(lags[np.argmax(alike[lags])])
    assert 0 <= delay <= 144
    assert np.corrcoef(a[: len(a) - delay // 8], b[delay // 8 :])[0, 1] > 0.9
