"""Laws of the chances inside sound and model, measured: worn tape, bending, wear, temperature. Read by laws.

Shorter than the tests, and so more tolerant: the tape, of which a minute is read (its capstan turns 48 times in it).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from instrument.bench.laws.measure import Law, Measure, differing_bits
from instrument.chance.noise import Noise
from instrument.engine.effects.flutter_meter import TONE_HZ, reading_percent
from instrument.engine.effects.tape_effect import TapeEffect
from instrument.model.library.finder import open_voice
from instrument.model.runtime.wear import HALF_S

MODEL = "first-bow"


def worn_tone(percent: float, seconds: int, seed: int = 2) -> NDArray[np.float32]:
    """The meter's tone after a worn tape, f32[n]; the first two seconds, in which the tape gets going, are dropped."""
    rate, tape = 48_000, TapeEffect(1, 48_000.0, seed)
    audio = (0.5 * np.sin(2 * math.pi * TONE_HZ / rate * np.arange((seconds + 2) * rate))).astype(np.float32)[None]
    tape.step(audio, percent, 0.0, 0)
    return np.asarray(audio[0, 2 * rate :])


def tape() -> Iterator[Law]:
    """Our own meter reads the percentage that is set; at 0 not a bit changes."""
    for percent in (0.3, 1.0, 3.0):
        yield Law(
            f"worn tape at {percent:g} %: weighted reading of a minute [%]",
            percent,
            reading_percent(worn_tone(percent, 60), 48_000.0),
            0.1 * percent,
        )
    audio = np.random.default_rng(1).normal(size=(2, 48_000)).astype(np.float32)
    TapeEffect(2, 48_000.0).step(heard := audio.copy(), 0.0, 0.0, 0)
    yield Law("worn tape at 0: samples that differ", 0.0, differing_bits(audio, heard), 0.0)


def held(first: float = 0.0, bend: float = 0.0, wear: float = 0.0) -> NDArray[np.float32]:
    """A held note of a model of which half is worn, f32[C, 7680]; ``first``: bent and worn by that before."""
    voice = open_voice(MODEL, noise=Noise(0), providers="cpu")
    voice.load_usage({layer: np.full_like(seconds, HALF_S) for layer, seconds in voice.usage().items()})
    for bent, worn in ((first, first), (bend, wear)):
        voice.bend(bent)
        voice.wear(worn)
    z = np.array([[spec.start] for spec in voice.latents], np.float32)
    z[0], z[1] = 55.0, -16.0
    out = np.zeros((voice.channels, 60 * 128), np.float32)
    for at in range(0, out.shape[1], 128):
        voice.decode(z, out[:, at : at + 128])
    return out


def heard(temperature: float, seed: int) -> NDArray[np.float32]:
    """What a model makes of a 220 Hz tone, f32[blocks, L]."""
    voice = open_voice(MODEL, noise=Noise(0), providers="cpu")
    voice.reseed(seed, 0)
    voice.temperature = temperature
    tone = (0.1 * np.sin(2 * math.pi * 220 / 48_000 * np.arange(40 * 128))).astype(np.float32)[None]
    rows = np.zeros((40, len(voice.latents), voice.frames), np.float32)
    for i, row in enumerate(rows):
        voice.encode(tone[:, i * 128 : (i + 1) * 128], row)
    return rows[:, :, 0].copy()


def model() -> Iterator[Law]:
    """Nothing at 0, whatever was before; more wear is further from the unworn."""
    plain = held()
    yield Law("bending and wear back at 0: samples that differ", 0.0, differing_bits(plain, held(first=0.7)), 0.0)
    far = [float(np.abs(held(wear=w) - plain).max()) for w in (0.0, 0.3, 0.6, 1.0)]
    yield Law("wear: times of 3 that more is further away", 3.0, float(sum(b > a for a, b in pairwise(far))), 0.0)
    mean, other = heard(0.0, 1), heard(0.0, 2)
    yield Law("temperature 0: latents that differ under another seed", 0.0, differing_bits(mean, other), 0.0)
    # pitch and loudness are worked out, not learned: of them the encoder has no doubt
    unsure = sum(spec.role == "latent" for spec in open_voice(MODEL, noise=Noise(0), providers="cpu").latents)
    moved = differing_bits(mean, heard(1.0, 1))
    yield Law("temperature 1: latents that differ from temperature 0", float(len(mean) * unsure), moved, 0.0)


MEASURES: tuple[tuple[str, Measure], ...] = (("worn tape", tape), ("the model's own", model))
