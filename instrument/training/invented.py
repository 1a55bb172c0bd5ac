"""Invented: sounds that nobody recorded, for the ear alone - plucked, bowed and blown at any pitch. Under batches.

A corpus has a few notes of a few instruments, and an ear that learned from those alone knows them, not pitch. Here
every pitch is as likely as any other and its label exact: partials of a string, stiff or not (Fletcher 1964), under
random slopes, weak fundamentals, decays that quicken with the rank, vibrato, a beginning anywhere in the crop, and a
room that hisses or rumbles on while the sound dies away in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.shape import inharmonic_ranks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

NOTES = (25.0, 103.0)
MOST_PARTIALS = 80
HIGHEST_HZ = 12000.0
STIFF_SHARE, STIFFNESS = 0.5, (1e-5, 2e-3)
STRUCK_SHARE = 0.6
SLOPE = (0.3, 4.0)
"""Of the partials, amplitude falling as 1 / rank^slope: a bowed string to a drum that is nearly one sine."""
BEGINS_SHARE = 0.4
"""Of the crops in which the sound begins; in the others it is there already."""
ROOM_SHARE, ROOM_DB, ROOM_TILT = 0.6, (-50.0, 0.0), (0.0, 1.5)
"""How many have a room's noise, how loud it is beside the sound, and its slope (power falls as 1 / f^tilt)."""
HEARD_OVER = 0.7
"""Of the room's amplitude: below it the pitch is not asked for."""
UNHEARD_FRAMES = 4
"""After its beginning: no ear knows a pitch within 10 ms."""
GLIDE_SEMITONES = 0.15
"""Standard deviation of a slow bend over a crop."""


def _bend(frames: int, ratio: int, rate_hz: int, rng: np.random.Generator) -> Doubles:
    """Semitones away from the note at every sample: straight, bent, or with vibrato. Shape: [frames * ratio]."""
    t = np.arange(frames * ratio) / rate_hz
    bent = rng.normal(0.0, GLIDE_SEMITONES) * (t / t[-1] - 0.5) * float(rng.random() < 0.5)
    if rng.random() < 0.3:
        bent = bent + rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * (rng.uniform(3.0, 7.0) * t + rng.random()))
    return np.asarray(bent)


def _levels(ranks: Doubles, hz: float, rng: np.random.Generator) -> Doubles:
    """How loud each partial is at its beginning: a slope, a weak or missing bottom, odd and even ones apart."""
    slope = rng.uniform(*SLOPE)
    level = ranks**-slope * np.exp(rng.normal(0.0, 0.5, len(ranks)))
    if rng.random() < 0.5:  # a small body does not speak below its own lowest mode
        level *= 1.0 / (1.0 + (rng.uniform(40.0, 400.0) / (hz * ranks)) ** rng.uniform(1.0, 4.0))
    if rng.random() < 0.3:
        level[1::2] *= 10.0 ** (-rng.uniform(3.0, 30.0) / 20.0)
    return np.asarray(level)


def _room(count: int, rate_hz: int, rng: np.random.Generator) -> Doubles:
    """Steady noise of RMS 1, from white to red above 40 Hz. Shape: [count]."""
    hz = np.maximum(np.fft.rfftfreq(count, 1.0 / rate_hz), 40.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * hz ** (-0.5 * rng.uniform(*ROOM_TILT)), count)
    return np.asarray(noise / np.sqrt((noise**2).mean()))


def invented(frames: int, ratio: int, rate_hz: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """One crop: audio [frames * ratio] of RMS about 0.1, its note and how sure it is (0 or 1) at each frame's end."""
    count = frames * ratio
    note = rng.uniform(*NOTES)
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    bent = _bend(frames, ratio, rate_hz, rng)
    stiff = np.exp(rng.uniform(*np.log(STIFFNESS))) if rng.random() < STIFF_SHARE else 0.0
    ranks = inharmonic_ranks(np.array(stiff), MOST_PARTIALS)
    ranks = ranks[hz * ranks < HIGHEST_HZ]
    cycles = np.cumsum(hz / rate_hz * 2.0 ** (bent / 12.0))
    first = int(rng.integers(0, count // 2)) if rng.random() < BEGINS_SHARE else 0
    since = np.maximum(np.arange(count) - first, 0) / rate_hz
    level = _levels(np.arange(1.0, len(ranks) + 1.0), hz, rng)
    angle = ranks[:, None] * cycles
    angle += rng.random((len(ranks), 1))
    angle -= np.floor(angle)
    waves = np.sin(np.float32(2 * np.pi) * angle.astype(np.float32))
    if rng.random() < STRUCK_SHARE:
        seconds = rng.uniform(0.1, 3.0) / (1.0 + rng.uniform(0.0, 0.3) * np.arange(len(ranks)))
        older = 0.0 if first else rng.uniform(0.0, 1.0)
        waves *= np.exp(-(since + older).astype(np.float32) / seconds[:, None].astype(np.float32))
    audio = (level.astype(np.float32) @ waves).astype(np.float64)
    if first:
        audio *= np.minimum(1.0, since / rng.uniform(0.001, 0.1))
    audio[:first] = 0.0
    audio *= 0.1 / np.sqrt((audio[first:] ** 2).mean() + 1e-12)
    if first:  # what strikes a string is heard too
        click = rng.standard_normal(count) * np.exp(-since * rng.uniform(50.0, 500.0)) * (np.arange(count) >= first)
        audio += click * 0.1 * 10.0 ** (rng.uniform(-40.0, 0.0) / 20.0)
    room = 0.1 * 10.0 ** (rng.uniform(*ROOM_DB) / 20.0) * float(rng.random() < ROOM_SHARE)
    heard = np.sqrt((audio.reshape(frames, ratio) ** 2).mean(1)) > HEARD_OVER * room
    audio = audio + room * _room(count, rate_hz, rng)
    ends = (np.arange(frames) + 1) * ratio - 1
    sure = heard & (ends > first + UNHEARD_FRAMES * ratio if first else True)
    return audio.astype(np.float32), (note + bent[ends]).astype(np.float32), sure.astype(np.float32)
