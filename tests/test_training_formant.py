"""The voice that is nobody's: formants where Peterson & Barney measured them, vibrato, pitch, and the same bits."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy.linalg import solve_toeplitz
from scipy.signal import freqz, resample_poly

from instrument.training.data import formant, glottis
from instrument.training.data.formant import RATE, THROATS, VOWELS, Song
from instrument.training.data.pitch import track

ROOT = Path(__file__).resolve().parent.parent
BY_NAME = {throat.name: throat for throat in THROATS}


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_voice", ROOT / "scripts" / "make_voice.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hold(note: float, vowel: str = "a", seconds: float = 2.0, effort: float = 0.8) -> Song:
    return Song(seconds, ((0.0, note),), ((0.0, vowel),), ((0.0, effort),))


def peaks(audio: np.ndarray, order: int = 18) -> np.ndarray:
    """Peaks of the linear prediction spectrum under 6 kHz, in Hz."""
    x = np.diff(resample_poly(audio.astype(float), 1, 4)[6000:18000])
    x *= np.hanning(len(x))
    r = np.correlate(x, x, "full")[len(x) - 1 : len(x) + order]
    w, h = freqz([1.0], np.r_[1.0, -solve_toeplitz(r[:-1], r[1:])], 2048, fs=RATE / 4)
    level = np.abs(h)
    return w[1:-1][(level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])]


@pytest.mark.parametrize("name", ["baritone", "soprano"])
@pytest.mark.parametrize("vowel", sorted(VOWELS))
def test_formants_are_where_peterson_and_barney_measured_them(name: str, vowel: str) -> None:
    throat = replace(BY_NAME[name], vibrato_cents=0.0, ring=0.0)
    found = peaks(formant.sing(throat, hold(38, vowel), f"test/{vowel}"))
    measured = np.array(VOWELS[vowel][:3] if name == "baritone" else VOWELS[vowel][3:])
    assert np.allclose(measured, formant.formants(throat, vowel)[:3])
    for hz in measured:
        assert np.abs(found / hz - 1.0).min() < 0.08, f"{hz} is not among {found}"


@pytest.mark.parametrize("name", ["bass", "alto", "soprano"])
def test_vibrato_sets_in_late_and_swings_five_to_six_times_a_second(name: str) -> None:
    throat = BY_NAME[name]
    note = round((throat.low + throat.high) / 2)
    found, sure = track(formant.sing(throat, hold(note, "a", 5.0), f"test/{name}"), RATE, 128)
    assert np.median(sure) > 0.95
    assert abs(np.median(found) - note) < 0.15
    early, late = found[30:110], found[500:-80] - found[500:-80].mean()
    assert early.std() < 0.5 * late.std()
    spectrum = np.abs(np.fft.rfft(late * np.hanning(len(late)), 16384))
    rates = np.fft.rfftfreq(16384, 128 / RATE)
    swing = (rates > 3.0) & (rates < 10.0)
    assert 4.8 < rates[swing][spectrum[swing].argmax()] < 6.2
    assert late.std() * 2**0.5 * 100 == pytest.approx(throat.vibrato_cents, rel=0.35)


def test_a_high_note_opens_the_mouth_until_the_first_formant_is_at_its_pitch() -> None:
    soprano = replace(BY_NAME["soprano"], vibrato_cents=0.0)
    audio = formant.sing(soprano, hold(81, "u"), "test/high").astype(float)
    power = np.abs(np.fft.rfft(audio[RATE // 2 :] * np.hanning(len(audio) - RATE // 2))) ** 2
    hz = np.fft.rfftfreq(len(audio) - RATE // 2, 1 / RATE)
    assert power[(hz > 800) & (hz < 960)].sum() > 0.6 * power.sum(), "the fundamental carries the note"


def test_louder_is_brighter_and_breath_is_noise() -> None:
    alto = replace(BY_NAME["alto"], vibrato_cents=0.0)

    def tilt(audio: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(audio.astype(float))) ** 2
        hz = np.fft.rfftfreq(len(audio), 1 / RATE)
        return float(10 * np.log10(power[(hz > 2000) & (hz < 5000)].sum() / power[hz < 1000].sum()))

    soft, loud = (formant.sing(alto, hold(57, "a", effort=e), "test/tilt") for e in (0.2, 1.0))
    assert tilt(loud) > tilt(soft) + 6.0
    whisper = Song(2.0, ((0.0, 57),), ((0.0, "a"),), ((0.0, 0.8),), ((0.0, 0.0),), ((0.0, 1.0),))
    assert np.median(track(formant.sing(alto, whisper, "test/whisper"), RATE, 128)[1]) < 0.6
    assert np.median(track(loud, RATE, 128)[1]) > 0.95


@pytest.mark.parametrize("rd", [0.4, 1.0, 1.8, 2.6])
def test_a_pulse_closes_returns_to_zero_and_carries_no_wind_away(rd: float) -> None:
    alpha, omega, end, _, e0 = glottis.lf_pulse(rd)
    assert e0 * np.exp(alpha * end) * np.sin(omega * end) == pytest.approx(-1.0)
    row = glottis.pulses()[int(np.abs(glottis.RD_TABLE - rd).argmin())]
    assert abs(row[:-1].mean()) < 1e-5
    assert row.argmin() / len(row) == pytest.approx(end, abs=0.005)
    assert abs(row[-1] - row[0]) < 0.01 * np.abs(row).max()


def test_no_pitch_folds_back_from_above_hearing() -> None:
    """A high note's partials are harmonic: what the pulse has above 24 kHz is not heard below."""
    child = replace(BY_NAME["child"], vibrato_cents=0.0, jitter=0.0, shimmer=0.0, breath=0.0)
    x = formant.sing(child, hold(83, "a", 3.0, 1.0), "test/alias").astype(float)[RATE : 2 * RATE]
    power = np.abs(np.fft.rfft(x * np.blackman(len(x)))) ** 2
    pitch = float(np.median(track(x.astype(np.float32), RATE, 128)[0]))
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    away = np.abs(np.arange(len(power)) / f0 - np.round(np.arange(len(power)) / f0))
    assert 10 * np.log10(power[(away > 0.25)].sum() / power.sum()) < -50.0


def test_every_choice_is_a_philox_word_so_a_clip_has_the_bits_that_the_list_says(
    make: ModuleType, tmp_path: Path
) -> None:
    clips = {file: (throat, score) for file, _, throat, score in make.plan()}
    listed = make.known()
    assert set(clips) == set(listed)
    for file in ("alto-20-slide.wav", "soprano-30-whisper.wav"):
        twice = [make.write_clip(tmp_path / file, *clips[file]) for _ in range(2)]
        assert twice[0] == twice[1] == listed[file]["sha256"]
    throat, score = clips[file]
    assert not np.array_equal(formant.sing(throat, score, file), formant.sing(throat, score, file, seed=1))


def test_the_plan_is_twenty_minutes_over_three_octaves(make: ModuleType) -> None:
    plan = list(make.plan())
    lengths = [score.seconds for *_, score in plan]
    assert min(lengths) >= 2.0
    assert max(lengths) <= 8.0
    assert 19.0 < sum(lengths) / 60 < 21.0
    held = {score.notes[0][1] for file, _, _, score in plan if "hold" in file}
    assert max(held) - min(held) >= 36
    assert len(held) > 30
    assert {vowel for *_, score in plan for _, vowel in score.vowels} == set(VOWELS)
    for *_, score in plan:
        for table in (score.notes, score.vowels, score.voiced, score.breath):
            times = [row[0] for row in table]
            assert times == sorted(times)
