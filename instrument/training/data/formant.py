"""Formant: a voice that is nobody's, computed. Beside the corpus: ``scripts/make_voice.py`` makes sounds with it.

Source and filter (Fant 1960). The source is the Liljencrants-Fant pulse (Fant, Liljencrants & Lin 1985), its shape
given by one number Rd (Fant 1995), four times oversampled; every period has its own jitter and shimmer, and breath is
noise let through while the glottis is open. The filter is a cascade of resonators (Klatt 1980). Vowels are the mean
formants of men and women that Peterson & Barney (1952) measured, F1 to F3, moved between and beyond by the size of
the throat; F4 and up stand where a tube of that length has them. A high voice opens its mouth until F1 is at least at
its pitch (Sundberg 1975). No recording, no person: only these numbers and Philox words. What moves is rounded before
it is used (``settled``), because processors differ in the last bit of a sine: so the same bits every time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, upfirdn

from instrument.chance.words import stream_id
from instrument.training.data.glottis import CONTROL, OVER, RATE, RD_TABLE, noise, pulses, resonate, settled, voice

Floats = npt.NDArray[np.float64]

FORMANTS = 5
TOP_HZ = 16000.0

VOWELS = {
    # men F1 F2 F3, women F1 F2 F3 (Peterson & Barney 1952, table II), in Hz
    "i": (270, 2290, 3010, 310, 2790, 3310),
    "I": (390, 1990, 2550, 430, 2480, 3070),
    "e": (530, 1840, 2480, 610, 2330, 2990),
    "ae": (660, 1720, 2410, 860, 2050, 2850),
    "a": (730, 1090, 2440, 850, 1220, 2810),
    "o": (570, 840, 2410, 590, 920, 2710),
    "U": (440, 1020, 2240, 470, 1160, 2680),
    "u": (300, 870, 2240, 370, 950, 2670),
    "V": (640, 1190, 2390, 760, 1400, 2780),
    "r": (490, 1350, 1690, 500, 1640, 1960),
}
BANDWIDTHS = (60.0, 80.0, 120.0, 175.0, 250.0)
"""Hz of F1 to F5 (Klatt 1980); a looser throat has wider ones."""
HISS = {"s": (7200.0, 1900.0, 0.06), "sh": (3300.0, 1300.0, 0.08), "f": (8800.0, 7000.0, 0.03), "h": (0.0, 0.0, 0.0)}
"""Fricatives: middle and width of the noise in Hz, loudness; ``h`` is breath through the vowel that follows."""


@dataclass(frozen=True, slots=True)
class Throat:
    """One nobody. ``size`` 0: the mean man of 1952, 1: the mean woman; range in MIDI notes; ``ring`` gathers F3-F5."""

    name: str
    size: float
    low: float
    high: float
    rd: float = 1.0
    breath: float = 0.02
    ring: float = 0.0
    vibrato_hz: float = 5.5
    vibrato_cents: float = 45.0
    jitter: float = 0.004
    shimmer: float = 0.03
    looseness: float = 1.0


THROATS = (
    Throat("bass", -0.25, 40, 62, 0.9, 0.012, 0.7, 5.1, 40, 0.005, 0.03),
    Throat("baritone", 0.0, 43, 67, 1.0, 0.02, 0.4, 5.4, 45),
    Throat("dark tenor", 0.05, 47, 71, 1.1, 0.03, 0.5, 5.6, 55, 0.003, 0.02),
    Throat("thin tenor", 0.3, 48, 72, 1.3, 0.06, 0.0, 5.8, 25, 0.006, 0.05, 1.3),
    Throat("alto", 0.75, 52, 76, 1.2, 0.03, 0.2, 5.3, 45),
    Throat("breathy alto", 0.85, 53, 76, 1.8, 0.15, 0.0, 5.0, 20, 0.006, 0.05, 1.4),
    Throat("soprano", 1.0, 59, 84, 1.2, 0.025, 0.1, 5.9, 60, 0.003, 0.02),
    Throat("child", 1.55, 60, 83, 1.4, 0.05, 0.0, 5.6, 15, 0.006, 0.04, 1.2),
)


@dataclass(frozen=True, slots=True)
class Song:
    """What one clip does. Tables of (second, value), straight lines between; vowels glide from one to the next."""

    seconds: float
    notes: tuple[tuple[float, float], ...]
    vowels: tuple[tuple[float, str], ...]
    effort: tuple[tuple[float, float], ...]
    voiced: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    breath: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    hiss: tuple[tuple[float, float, str], ...] = field(default_factory=tuple)


def _line(table: tuple[tuple[float, float], ...], t: Floats) -> Floats:
    return np.interp(t, [row[0] for row in table], [row[1] for row in table])


def formants(throat: Throat, vowel: str) -> Floats:
    """F1 to F5 of a vowel in a throat, in Hz."""
    men, women = np.array(VOWELS[vowel][:3], float), np.array(VOWELS[vowel][3:], float)
    low = men * (women / men) ** throat.size
    longer = 1.0 * 1.17**throat.size  # a tube 1/1.17 as long for the mean woman: Fant 1966
    f4, f5 = 3500.0 * longer, 4500.0 * longer
    ring = throat.ring
    f3 = low[2] + ring * 0.5 * (2700.0 * longer - low[2])
    f4 += ring * (max(3000.0 * longer, f3 + 250.0) - f4)
    f5 += ring * (max(3500.0 * longer, f4 + 300.0) - f5)
    return np.array([low[0], low[1], f3, max(f4, f3 + 250.0), max(f5, f3 + 600.0)])


def _wander(name: str, seed: int, count: int, seconds: float) -> Floats:
    """Slow chance, about unit variance, at the control rate."""
    every = int(seconds * RATE / CONTROL)
    knots = np.empty(count // every + 3)
    noise(np.uint64(seed), np.uint64(stream_id(name)), knots)
    at = np.arange(count) / every
    i, t = at.astype(int), at % 1.0
    bend = 0.5 - 0.5 * np.cos(np.pi * t)
    return np.asarray(knots[i] + bend * (knots[i + 1] - knots[i]))


def sing(throat: Throat, song: Song, name: str, seed: int = 0) -> npt.NDArray[np.float32]:
    """One clip, mono at 48 kHz, peak 0.5. ``name`` and ``seed`` choose its words and so all of its chance."""
    count = int(song.seconds * RATE) // CONTROL
    t = np.arange(count + 1) * CONTROL / RATE
    key, stream = np.uint64(seed), np.uint64(stream_id(f"{name}/source"))
    effort = _line(song.effort, t)

    # --- the source: pitch with vibrato that sets in late, a slow drift, jitter per period
    rate = throat.vibrato_hz * (1.0 + 0.04 * _wander(f"{name}/rate", seed, count + 1, 0.4))
    depth = throat.vibrato_cents * np.clip((t - 0.35) / 0.5, 0.0, 1.0)
    depth *= 1.0 + 0.2 * _wander(f"{name}/depth", seed, count + 1, 0.6)
    swing = np.sin(2.0 * np.pi * np.cumsum(rate) * CONTROL / RATE)
    cents = depth * swing + 6.0 * _wander(f"{name}/drift", seed, count + 1, 0.25)
    hz = settled(440.0 * 2.0 ** ((_line(song.notes, t) - 69.0 + cents / 100.0) / 12.0))
    rd = np.clip(throat.rd * (1.9 - 1.35 * effort), RD_TABLE[0], RD_TABLE[-1])
    ends = np.minimum(1.0, np.minimum(t / 0.04, (t[-1] - t) / 0.06)) ** 2
    gain = settled(_line(song.voiced, t) * 10.0 ** (24.0 * (effort - 1.0) / 20.0) * ends)
    over, opened = np.empty(count * CONTROL * OVER), np.zeros(count * CONTROL)
    voice(hz, rd, gain, throat.jitter, throat.shimmer, pulses(), RD_TABLE[0], RD_TABLE[-1], key, stream, over, opened)
    taps = np.round(firwin(16 * OVER * 2 + 1, 0.92 / OVER), 12)
    x = upfirdn(taps, over, 1, OVER)[16 : 16 + count * CONTROL]

    # --- breath: noise while the glottis is open, more of it when there is no voice
    air = np.empty(count * CONTROL)
    noise(key, np.uint64(stream_id(f"{name}/air")), air)
    fine = np.arange(count * CONTROL) / CONTROL
    leak = _line(song.breath, t) * 0.25 * ends
    asked = np.interp(fine, np.arange(count + 1), throat.breath * (1.3 - 0.6 * effort) * gain)
    x = x + np.diff(air, prepend=0.0) * (asked * (0.3 + 0.7 * opened) + np.interp(fine, np.arange(count + 1), leak))

    # --- the filter
    spots = np.array([formants(throat, vowel) for _, vowel in song.vowels])
    places = np.stack([np.interp(t, [row[0] for row in song.vowels], np.log(col)) for col in spots.T], 1)
    places = np.exp(
        places + 0.012 * np.stack([_wander(f"{name}/formant{n}", seed, count + 1, 0.3) for n in range(FORMANTS)], 1)
    )
    places = settled(places)
    places[:, 0] = np.maximum(places[:, 0], 1.03 * hz)
    places[:, 1] = np.maximum(places[:, 1], places[:, 0] + 200.0)
    widths = np.outer(np.ones(count + 1), BANDWIDTHS) * throat.looseness * (1.0 + 0.25 * (1.0 - effort))[:, None]
    apart = round(1000.0 * 1.17**throat.size, 3)
    above = np.arange(round(float(places[:, 4].mean()), 3) + apart, TOP_HZ, apart)
    places = np.concatenate([places, np.tile(above, (count + 1, 1))], 1)
    widths = np.concatenate([widths, np.tile(above * 0.09, (count + 1, 1))], 1)
    resonate(x, places, widths)

    loudest = np.abs(x).max()
    # --- fricatives are made in front of the throat: they do not pass it
    for n, (first, last, kind) in enumerate(song.hiss):
        middle, width, level = HISS[kind]
        if level == 0.0:
            continue
        a, b = int(first * RATE), min(int(last * RATE), len(x))
        part = np.empty(b - a)
        noise(key, np.uint64(stream_id(f"{name}/hiss{n}")), part)
        knots = (b - a) // CONTROL + 2
        resonate(part, np.full((knots, 1), middle), np.full((knots, 1), width))
        part = np.diff(part, 2, prepend=(0.0, 0.0))
        bell = np.sin(np.pi * (np.arange(b - a) + 0.5) / (b - a)) ** 1.5
        x[a:b] += part / np.sqrt((part**2).mean()) * bell * level * loudest
    made: npt.NDArray[np.float32] = (x * (0.5 / np.abs(x).max())).astype(np.float32)
    return made
