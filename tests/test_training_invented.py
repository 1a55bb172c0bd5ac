"""Invented sounds are at the pitch that is told, of every pitch, and of many kinds. Tones beside harmonics cost."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from instrument.training.data import invented as inventing
from instrument.training.data.invented import NOTES, UNHEARD_FRAMES, invented
from instrument.training.data.pitch import track
from instrument.training.learning.beside import NEAR_SEMITONES, beside_loss, nearness
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape

RATE, RATIO, FRAMES = 48000, 128, 96


def sounds(count: int, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [invented(FRAMES, RATIO, RATE, np.random.default_rng([seed, i])) for i in range(count)]


def test_they_are_at_the_note_that_is_told() -> None:
    right, octaves = [], []
    for audio, note, sure in sounds(60):
        found, clear = track(audio, RATE, RATIO)
        both = (sure > 0.5) & (clear > 0.95)  # which leaves loud rooms out: the tracker is unsure in them
        both[:20] = both[-20:] = False  # where the tracker looks beyond the crop
        away = np.abs(found - note)[both]
        octaves += list(away > 6.0)
        right += list(away[away < 6.0] < 0.35)  # of a stiff string it hears more than the first partial
    assert len(right) > 1000
    assert np.mean(right) > 0.95
    assert np.mean(octaves) < 0.1, "a tracker may be wrong where the lowest partials are missing, and seldom"


def test_skins_fall_and_are_at_the_note_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventing, "SKIN_SHARE", 1.0)
    monkeypatch.setattr(inventing, "ROOM_SHARE", 0.0)
    right, falls = [], []
    for audio, note, sure in sounds(60, seed=2):
        found, clear = track(audio, RATE, RATIO)
        both = (sure > 0.5) & (clear > 0.95)
        both[:20] = both[-20:] = False
        right += list(np.abs(found - note)[both] < 0.6)  # by the period it hears modes beside the harmonics otherwise
        falls.append(note[0] - note[-1])
    assert len(right) > 1000
    assert np.mean(right) > 0.9
    assert np.mean(np.array(falls) > 0.5) > 0.2
    assert np.min(falls) > -0.8, "none rises"


def test_every_pitch_is_as_likely_and_no_two_are_alike() -> None:
    made = sounds(300)
    notes = np.array([np.median(note) for _, note, _ in made])
    share = np.histogram(notes, 6, NOTES)[0] / len(notes)
    assert share.min() > 0.1
    for audio, note, sure in made:
        assert np.isfinite(audio).all()
        assert np.isfinite(note).all()
        assert set(np.unique(sure)) <= {0.0, 1.0}
        assert 0.01 < np.sqrt((audio[sure.argmax() * RATIO :] ** 2).mean()) < 1.0
    begins = np.mean([sure[0] == 0.0 < sure.max() for *_, sure in made])
    assert 0.3 < begins < 0.55
    spectra = np.array([np.abs(np.fft.rfft(audio)) ** 2 for audio, *_ in made])
    bright = spectra[:, 800:].sum(1) / spectra.sum(1)
    assert np.percentile(bright, 90) > 20 * np.percentile(bright, 10)


def test_before_the_beginning_there_is_silence_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventing, "ROOM_SHARE", 0.0)
    begun = 0
    for audio, _, sure in sounds(60):
        if not audio[: UNHEARD_FRAMES * RATIO].any():
            first = int(np.flatnonzero(audio)[0]) // RATIO
            assert not sure[: first + UNHEARD_FRAMES].any()
            assert sure[first + UNHEARD_FRAMES + 1 :].all()
            begun += 1
    assert begun > 10


def test_what_has_died_away_in_its_room_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventing, "ROOM_SHARE", 1.0)
    monkeypatch.setattr(inventing, "STRUCK_SHARE", 1.0)
    monkeypatch.setattr(inventing, "ROOM_DB", (-10.0, 0.0))
    asked, not_asked = [], []
    for audio, _, sure in sounds(60):
        level = np.sqrt((audio.reshape(FRAMES, RATIO) ** 2).mean(1))
        after = np.arange(FRAMES) > sure.argmax()
        if (sure[after] == 0).sum() > 4 and sure.sum() > 4:
            asked.append(level[sure > 0].mean())
            not_asked.append(level[after & (sure == 0)].mean())
    assert len(asked) > 3
    assert np.median(np.divide(asked, not_asked)) > 1.1


def test_the_same_numbers_make_the_same_sound() -> None:
    a, b, c = (invented(8, RATIO, RATE, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert a[0].tobytes() == b[0].tobytes() != c[0].tobytes()


def test_a_tone_is_beside_the_note_within_a_semitone_and_no_farther() -> None:
    note = torch.tensor([[45.0]])
    tones = torch.tensor([98.0, 104.5, 110.0, 116.0, 123.5, 131.0, 222.0, 900.0])
    near = nearness(note, tones)[0, 0]
    assert near.tolist() == pytest.approx([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], abs=0.02)
    assert nearness(torch.tensor([[45.0 + NEAR_SEMITONES + 0.25]]), tones[2:3]).item() == pytest.approx(0.5, abs=0.01)


def test_tones_in_the_way_of_a_sure_pitch_cost_and_no_others() -> None:
    torch.manual_seed(0)
    shape = Shape(latents=2, width=16, harmonics=10, tones=3, bands=6)
    decoder = Network(shape).decoder
    decoder.tune(np.array([113.0, 155.0, 900.0]))
    z = torch.zeros(1, 4, 40)
    z[0, 0], z[0, 1] = 45.0, -20.0
    sure = torch.ones(1, 40)

    def cost(loud_tone: int, surely: float = 1.0) -> float:
        with torch.no_grad():
            decoder.head.bias[10:13] = -9.0
            decoder.head.bias[10 + loud_tone] = 2.0
            return float(beside_loss(decoder, z, surely * sure))

    assert cost(0) > 0.5
    assert cost(1) < 0.02
    assert cost(2) < 0.02
    assert cost(0, 0.4) == 0.0
    decoder.head.bias.requires_grad_(True)
    cost(0)
    beside_loss(decoder, z, sure).backward()
    assert float(decoder.head.bias.grad[10]) > 0.0 > float(decoder.head.bias.grad[:10].sum())
