"""Invented: sounds that nobody recorded, for the ear alone - plucked, bowed, blown and drummed at any pitch. Under
batches.

A corpus has a few notes of a few instruments, and an ear that learned from those alone knows them, not pitch. Here
low and high are alike likely and the label is exact: partials of a string, stiff or not (Fletcher 1964), under
random slopes, weak fundamentals, decays that quicken with the rank, vibrato, a beginning anywhere in the crop, and a
room that hisses or rumbles on while the sound dies away in it. Skins are different: their pitch falls as they slacken
after the stroke, and their modes lie beside the harmonics.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instrument.training.network.shape import inharmonic_ranks

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
SKIN_SHARE, SKIN_NOTES = 0.15, (30.0, 72.0)
SKIN_PARTIALS, SKIN_MISTUNED, SKIN_SLOPE = 12, 0.02, (0.7, 4.0)
"""How many modes lie near the harmonics, how far beside them (standard deviation), and how their amplitudes fall."""
FALL_SEMITONES, FALL_S = 5.0, (0.02, 0.25)
"""How far a skin's pitch falls after the stroke, at most, and how soon; a string's a tenth of it."""


def _bend(t: Doubles, since: Doubles, skin: bool, rng: np.random.Generator) -> Doubles:
    """Semitones away from the note at every sample: straight, bent, with vibrato, or falling from its beginning.

    ``t``, ``since``: seconds of the crop and of the sound. Shape: that of t.
    """
    bent = rng.normal(0.0, GLIDE_SEMITONES) * (t / t[-1] - 0.5) * float(rng.random() < 0.5)
    if rng.random() < 0.3 and not skin:
        bent = bent + rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * (rng.uniform(3.0, 7.0) * t + rng.random()))
    if rng.random() < (0.8 if skin else 0.2):
        fall = FALL_SEMITONES * rng.random() ** 1.5 * (1.0 if skin else 0.1)
        bent = bent + fall * np.exp(-since / np.exp(rng.uniform(*np.log(FALL_S))))
    return np.asarray(bent)


def _ranks(skin: bool, rng: np.random.Generator) -> Doubles:
    """Frequencies of the partials in multiples of the first: a string's, stiff or not, or a skin's."""
    if skin:
        ranks = np.arange(1.0, SKIN_PARTIALS + 1.0)
        ranks[1:] *= 1.0 + rng.normal(0.0, SKIN_MISTUNED, SKIN_PARTIALS - 1) * float(rng.random() < 0.7)
        return ranks
    stiff = np.exp(rng.uniform(*np.log(STIFFNESS))) if rng.random() < STIFF_SHARE else 0.0
    return np.asarray(inharmonic_ranks(np.array(stiff), MOST_PARTIALS))


def _heard_above(ranks: Doubles, level: Floats) -> Floats:
    """How far over the first partial the pitch of mistuned ones is heard, in semitones: [partials, N] -> [N].

    Each partial says its frequency / its number, and counts as it does in partials.py.
    """
    number = np.arange(1.0, len(ranks) + 1.0)
    weight = level * number[:, None].astype(np.float32)
    return np.asarray(12.0 * np.log2(((ranks / number) @ weight) / (weight.sum(0) + 1e-20) + 1e-9), np.float32)


def _levels(ranks: Doubles, hz: float, slopes: tuple[float, float], rng: np.random.Generator) -> Doubles:
    """How loud each partial is at its beginning: a slope, a weak or missing bottom, odd and even ones apart."""
    slope = rng.uniform(*slopes)
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


def _sound(
    count: int, first: int, ends: npt.NDArray[np.int64], rate_hz: int, rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """A string or a skin that is struck or begins at sample ``first``; at 0 it sounds already, or is struck there.

    Audio [count] and the note that is heard at the samples ``ends``.
    """
    skin = rng.random() < SKIN_SHARE
    note = rng.uniform(*(SKIN_NOTES if skin else NOTES))
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    since = np.maximum(np.arange(count) - first, 0) / rate_hz
    older = 0.0 if first or rng.random() < 0.3 else rng.uniform(0.0, 1.0)
    bent = _bend(np.arange(count) / rate_hz, since + older, skin, rng)
    ranks = _ranks(skin, rng)
    ranks = ranks[hz * ranks < HIGHEST_HZ]
    level = _levels(np.arange(1.0, len(ranks) + 1.0), hz, SKIN_SLOPE if skin else SLOPE, rng)
    envelope = np.broadcast_to(level[:, None].astype(np.float32), (len(ranks), count))
    if skin or rng.random() < STRUCK_SHARE:
        longest = rng.uniform(0.05, 0.8) if skin else rng.uniform(0.1, 3.0)
        seconds = longest / (1.0 + rng.uniform(0.0, 0.3) * np.arange(len(ranks)))
        envelope = envelope * np.exp(-(since + older).astype(np.float32) / seconds[:, None].astype(np.float32))
    angle = ranks[:, None] * np.cumsum(hz / rate_hz * 2.0 ** (bent / 12.0))
    angle += rng.random((len(ranks), 1))
    angle -= np.floor(angle)
    waves = np.sin(np.float32(2 * np.pi) * angle.astype(np.float32))
    audio = np.asarray((envelope * waves).sum(0), np.float64)
    if first:
        audio *= np.minimum(1.0, since / rng.uniform(0.001, 0.1))
    audio[:first] = 0.0
    return audio, note + bent[ends] + (_heard_above(ranks, envelope[:, ends]) if skin else 0.0)


def invented(frames: int, ratio: int, rate_hz: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """One crop: audio [frames * ratio] of RMS about 0.1, its note and how sure it is (0 or 1) at each frame's end."""
    count = frames * ratio
    ends = (np.arange(frames) + 1) * ratio - 1
    first = int(rng.integers(0, count // 2)) if rng.random() < BEGINS_SHARE else 0
    audio, note = _sound(count, first, ends, rate_hz, rng)
    audio *= 0.1 / np.sqrt((audio[first:] ** 2).mean() + 1e-12)
    if first:  # what strikes a string is heard too
        after = np.maximum(np.arange(count) - first, 0) / rate_hz
        click = rng.standard_normal(count) * np.exp(-after * rng.uniform(50.0, 500.0)) * (np.arange(count) >= first)
        audio += click * 0.1 * 10.0 ** (rng.uniform(-40.0, 0.0) / 20.0)
    room = 0.1 * 10.0 ** (rng.uniform(*ROOM_DB) / 20.0) * float(rng.random() < ROOM_SHARE)
    heard = np.sqrt((audio.reshape(frames, ratio) ** 2).mean(1)) > HEARD_OVER * room
    audio = audio + room * _room(count, rate_hz, rng)
    sure = heard & (ends > first + UNHEARD_FRAMES * ratio if first else True)
    return audio.astype(np.float32), note.astype(np.float32), sure.astype(np.float32)
