"""Stiff strings: found in recordings, learned, and played - every partial where Fletcher's law puts it."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("scipy")

from instrument.training.choices import TrainOptions, listened
from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.inharmonicity import COEFFICIENTS, inharmonicity
from instrument.training.data.pitch import track
from instrument.training.data.pitches import Pitches
from instrument.training.export.writer import TOLERANCE, verify_against_torch, write_graphs
from instrument.training.network import strings
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape, inharmonic_ranks

RATE, RATIO = 48000, 128
STRUNG = Shape(latents=4, width=32, ear_width=32, harmonics=40, bands=12, inharmonic=True)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


def string(hz: float, b: float, seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """A plucked string by the formula itself."""
    rng = np.random.default_rng(seed)
    n = np.arange(1, 40)
    f = hz * n * np.sqrt((1 + b * n**2) / (1 + b))
    n, f = n[f < 20000], f[f < 20000]
    t = np.arange(int(RATE * seconds)) / RATE
    waves = np.exp(-t[None] * (0.8 + 0.05 * n[:, None])) * np.sin(
        2 * np.pi * f[:, None] * t + rng.uniform(0, 6, (len(n), 1))
    )
    return (0.1 * (waves / n[:, None] ** 0.7).sum(0)).astype(np.float32)


def clip(hz: float, b: float, name: str = "a") -> Clip:
    audio = string(hz, b)
    pitch = Pitches(Path("nowhere"), RATE, RATIO).of(audio, name, None)
    return Clip({"file": name, "sha256": name}, audio, pitch.note, pitch.sure, False, pitch.stiffness, pitch.first)


@pytest.mark.parametrize(("hz", "b"), [(49.0, 1.2e-4), (65.4, 3e-4), (110.0, 1.5e-4), (262.0, 1e-3), (523.0, 1e-3)])
def test_how_stiff_a_string_is_and_where_its_first_partial_lies_are_found(hz: float, b: float) -> None:
    got = clip(hz, b)
    found, cents = got.stiffness
    assert found == pytest.approx(b, rel=0.2)
    tracked = float(np.median(track(got.audio, RATE, RATIO)[0][got.sure > 0.7]))
    true = 69.0 + 12.0 * np.log2(hz / 440.0)
    assert abs(tracked + cents / 100.0 - true) < 0.05, "five cents"
    assert got.first is not None
    assert abs(float(np.median(got.first[got.sure > 0.7])) - true) < 0.05
    if hz < 70.0:
        assert tracked - true > 0.1, "or nothing is proven: the tracker alone hears it sharp"


@pytest.mark.parametrize("hz", [49.0, 98.0, 262.0])
def test_a_limp_string_is_limp_and_its_pitch_stays(hz: float) -> None:
    assert clip(hz, 0.0).stiffness == (0.0, 0.0)


def test_what_cannot_be_told_is_not_guessed() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    few = string(2500.0, 1e-3)
    high = np.full(len(few) // RATIO, 99.08, np.float32)
    for audio, note, sure in (
        (noise, *track(noise, RATE, RATIO)),
        (noise[:2000], *track(noise[:2000], RATE, RATIO)),
        (few, high, np.ones_like(high)),
    ):
        b, cents = inharmonicity(audio, note, sure, RATE, RATIO)
        assert np.isnan(b)
        assert cents == 0.0


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30000), st.floats(20.0, 130.0))
def test_any_sound_and_any_pitch_track_give_a_number_or_none(seed: int, length: int, note: float) -> None:
    rng = np.random.default_rng(seed)
    audio = (rng.standard_normal(length) * 10.0 ** rng.uniform(-9, 0)).astype(np.float32)
    frames = length // RATIO
    notes = (note + rng.standard_normal(frames) * rng.choice([0.0, 0.1, 5.0])).astype(np.float32)
    b, cents = inharmonicity(audio, notes, rng.random(frames).astype(np.float32) + 0.3, RATE, RATIO)
    assert np.isnan(b) or 0.0 <= b <= COEFFICIENTS[-1]
    assert abs(cents) <= 40.0


def test_a_corpus_of_stiff_strings_gets_them_and_another_does_not() -> None:
    stiff = [clip(hz, 4e-4, f"s{hz}") for hz in (55.0, 82.0, 110.0)]
    limp = [clip(hz, 0.0, f"l{hz}") for hz in (55.0, 82.0, 110.0)]
    mixed, plain = Corpus((*stiff, *limp), RATE, RATIO, ()), Corpus(tuple(limp), RATE, RATIO, ())
    assert mixed.stiff_share == 0.5
    shape, why = listened(TrainOptions(tones=0), Shape(), mixed)
    assert shape.inharmonic
    assert "50 % are of a stiff string" in why
    assert not listened(TrainOptions(tones=0), Shape(), plain)[0].inharmonic
    assert not listened(TrainOptions(), Shape(family="conv"), mixed)[0].inharmonic
    moved = mixed.at_first_partials()
    for was, now, hz in zip(mixed.clips[:3], moved.clips[:3], (55.0, 82.0, 110.0), strict=True):
        known = now.sure[60:-60] > 0.8
        first = 69.0 + 12.0 * np.log2(hz / 440.0)
        assert was.stiffness[1] < 0.0
        assert np.median(was.note[60:-60][known]) > first + 0.03, "whole multiples are heard above it"
        assert np.abs(np.median(now.note[60:-60][known]) - first) < 0.05
    assert np.array_equal(moved.clips[3].note, mixed.clips[3].note)


def strung(b: float) -> Network:
    """A network whose string has one stiffness, whatever is played, and whose partials are all as loud."""
    torch.manual_seed(3)
    network = Network(replace(STRUNG, harmonics=24)).eval()
    with torch.no_grad():
        network.decoder.stiffness.last.weight.zero_()
        network.decoder.stiffness.last.bias.fill_(float(np.log(b + strings.LEAST)))
        network.decoder.head.weight.zero_()
        network.decoder.head.bias[:24] = 0.0
        network.decoder.head.bias[24:36] = -8.0
        network.decoder.head.bias[36:] = -9.0
    return network


def held(network: Network, note: float, frames: int = 1125) -> np.ndarray:
    z = torch.zeros(1, 2 + network.shape.latents, frames)
    z[0, 0], z[0, 1] = note, -20.0
    with torch.no_grad():
        return network.decoder.play(z, torch.zeros(1, frames * RATIO))[0].double().numpy()


@pytest.mark.parametrize("b", [0.0, 1.2e-4, 2e-3])
def test_every_partial_sounds_where_the_law_puts_it(b: float) -> None:
    sound = held(strung(b), 45.0)[4800:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 20))
    for n in (1, 2, 5, 12, 24):
        hz = 110.0 * n * np.sqrt((1 + b * n**2) / (1 + b))
        near = slice(int(hz * 0.985 * (1 << 20) / RATE), int(hz * 1.015 * (1 << 20) / RATE))
        found = (near.start + int(spectrum[near].argmax())) * RATE / (1 << 20)
        assert abs(1200 * np.log2(found / hz)) < 1.0, n


def test_stretched_partials_fade_before_they_would_fold() -> None:
    sound = held(strung(5e-3), 93.0)[4800:]  # its twelfth partial would be at 24.6 kHz
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    ranks = inharmonic_ranks(np.array(5e-3), 24) * 440.0 * 2 ** (24 / 12)
    on = (np.abs(hz[:, None] - ranks) < 60.0).any(1)
    assert spectrum[~on].max() < 1e-3 * spectrum.max()


def test_the_graphs_are_the_network_over_a_thousand_blocks_and_side_by_side(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = Network(STRUNG).eval()
    with torch.no_grad():
        network.decoder.stiffness.last.weight.mul_(10.0)
        network.decoder.stiffness.last.bias.fill_(-8.0)
    z = torch.randn(1, 6, 50)
    b = torch.exp(network.decoder.stiffness.log(z))
    assert b.max() / b.min() > 3.0, "or the stiffness never moves"
    write_graphs(network, tmp_path)
    errors = verify_against_torch(network, tmp_path)
    assert errors["decode"] <= TOLERANCE


def test_another_order_of_the_latents_is_the_same_string() -> None:
    torch.manual_seed(6)
    network = Network(STRUNG).eval()
    z = torch.randn(1, 6, 20)
    before = network.decoder.stiffness.log(z)
    order, turn = [2, 0, 3, 1], torch.tensor([1.0, -1.0, -1.0, 1.0])
    network.decoder.reorder(order, turn)
    turned = torch.cat([z[:, :2], z[:, 2:][:, order] * turn[None, :, None]], 1)
    assert torch.allclose(network.decoder.stiffness.log(turned), before)
    assert not torch.allclose(network.decoder.stiffness.log(z), before)


def test_the_stiffness_is_learned_from_what_was_found_and_unknown_ones_count_nothing() -> None:
    torch.manual_seed(7)
    stiff = strings.Stiffness(STRUNG)
    known = torch.tensor([3e-4, 0.0, float("nan")])
    z = torch.randn(3, 6, 30)
    z[:, 2] = torch.tensor([2.0, -2.0, 0.0])[:, None]
    sure = torch.ones(3, 30)
    nothing = strings.loss(stiff.log(z)[2:], known[2:], sure[2:])
    assert nothing == 0.0
    optimiser = torch.optim.Adam(stiff.parameters(), 0.02)
    for _ in range(300):
        optimiser.zero_grad()
        strings.loss(stiff.log(z), known, sure).backward()
        optimiser.step()
    b = (torch.exp(stiff.log(z)) - strings.LEAST).mean(1).detach()
    assert float(b[0]) == pytest.approx(3e-4, rel=0.3)
    assert float(b[1]) < 3e-6
    assert strings.loss(stiff.log(z), known, torch.zeros(3, 30)) == 0.0


def test_phases_do_not_wander_and_glide_with_the_pitch() -> None:
    note = torch.full((1, 1000), 61.7)
    ranks = strings.ranks(torch.full((1, 1000), 2e-4, dtype=torch.float64), STRUNG)
    long, short = strings.waves(note, ranks, STRUNG), strings.waves_exactly(note, ranks, STRUNG)
    assert float((long - short)[0, -1].abs().max()) < 2e-3
    t = 1000 * RATIO * 440.0 / RATE * 2.0 ** ((float(note[0, 0]) - 69.0) / 12.0)
    last = torch.sin(2 * torch.pi * torch.remainder(ranks[0, -1] * t, 1.0)).float()
    assert float((short[0, -1, :, -1] - last).abs().max()) < 2e-3
