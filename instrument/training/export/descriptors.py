"""Descriptors: what a player would say of a short held sound, in figures. After any decoder, before naming.

Each is read from the sound alone (and the note that was asked for), so it serves every family of decoder. They are
made to move apart: brightness is that of the partials and not of the breath between them; hollowness, warmth and
nasality are what is left of the partials' levels when their slope is taken out (one regression gives all of them,
so none is the shadow of another); roughness is the skirts of the partials above the noise that lies between them.
Spectral moments, attack and harmonicity as in Peeters et al. (2011), "The Timbre Toolbox", J. Acoust. Soc. Am. 130.

``jnd`` is a just noticeable difference, or a cautious multiple of one: a smaller change is not heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.knobs import Label
from instrument.training.export.period import fundamental

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One descriptor: ``unit`` of its value and of ``jnd``, ``more`` what a larger value sounds like.

    ``unpitched``: it counts where some of the sounds have no pitch; where all have one, others say it better.
    """

    id: str
    label: Label
    unit: str
    jnd: float
    more: str
    source: str
    unpitched: bool = False


DESCRIPTORS = (
    Descriptor("pitch", Label("pitch", "hauteur"), "semitones", 0.1, "higher",
               "autocorrelation, Boersma 1993; 10 cents, three times the 0.2 % of Wier, Jesteadt & Green 1977"),
    Descriptor("loudness", Label("loudness", "intensité"), "dB", 1.0, "louder",
               "RMS; 1 dB, Jesteadt, Wier & Green 1977"),
    Descriptor("brightness", Label("brightness", "brillance"), "octaves", 0.1, "more high partials",
               "spectral centroid over the fundamental, in ERB bands; twice the centroid is about twice as bright "
               "(Almeida et al. 2017), a tenth of that is ours"),
    Descriptor("breath", Label("breath", "souffle"), "dB", 6.0, "more noise between the partials",
               "share of the power that is noise; 11 to 21 dB where noise is faint, less where it is strong "
               "(Kreiman & Gerratt 2005, Shrivastav & Sapienza 2006): half the least of these"),
    Descriptor("hollowness", Label("hollowness", "creux"), "dB", 2.0, "odd partials over even ones, like a clarinet",
               "odd over even partials (Krimphoff, McAdams & Winsberg 1994) at equal slope; the step is ours"),
    Descriptor("warmth", Label("warmth", "chaleur"), "dB", 3.2, "more fundamental under the same partials",
               "level of the first partial; 3.18 dB, Kreiman & Gerratt 2010"),
    Descriptor("nasality", Label("nasality", "nasalité"), "dB", 3.2, "the middle partials stand out, like an oboe",
               "partials 3 to 7 against both sides (after Pollard & Jansson 1982); one partial's 3.2 dB"),
    Descriptor("roughness", Label("roughness", "rugosité"), "dB", 3.0, "fast beating, 18 to 120 Hz",
               "power of the skirts of the partials; begins where modulation is first heard, 5 % or -30 dB "
               "(Fastl & Zwicker 2007); the step is ours"),
    Descriptor("tremor", Label("tremor", "tremblement"), "dB", 0.5, "the level wavers, 4 to 12 Hz",
               "RMS swing of the level; a modulation of 5 % (0.3 dB RMS) is first heard (Viemeister 1979)"),
    Descriptor("attack", Label("attack", "attaque"), "octaves", 0.32, "a faster onset",
               "time from 10 to 90 % of the held level, its logarithm; 25 %, van Heuven & van den Broecke 1979"),
    Descriptor("hiss", Label("hiss", "chuintement"), "dB", 2.0, "less ringing, more noise",
               "spectral flatness in ERB bands (Peeters et al. 2011, after Johnston 1988); the step is ours", True),
    Descriptor("width", Label("width", "largeur"), "octaves", 0.1, "low and high at once",
               "spectral spread in octaves, over ERB bands (Peeters et al. 2011); the step is that of brightness",
               True),
)  # fmt: skip
IDS = tuple(d.id for d in DESCRIPTORS)
JND = np.array([d.jnd for d in DESCRIPTORS])

SILENT_DB = -75.0
NOISE_SHARE = 0.7
"""Where more of the power than this is noise there are no partials to speak of: what they would say is undefined."""
OVER = 1.25
BREATH_FLOOR, ROUGH_FLOOR = 1e-4, 1e-3
PARTIALS, ROUGH_PARTIALS = 16, 12
PARTIALS_HZ = 18000.0
"""Above it a decoder fades its partials out, and hardly anybody hears what it does with them."""
SKIRT_HZ = (18.0, 120.0)
SUNK_DB, DEEP_DB = 60.0, 40.0
MIDDLE_PARTIAL, MIDDLE_OCTAVES = 4.5, 0.55
RIDGE = 0.02
TREMOR_S, TREMOR_HOP_S = 0.064, 0.008
ATTACK_S, ATTACK_HOP_S = 0.020, 0.001
BAND_DB = 50.0
"""Bands further below the loudest one neither widen a sound nor make it hiss."""
HISS_HZ = 200.0
"""Below it a band holds too few bins to tell a line from noise."""
CHUNK = 64


def _per_rank(power: Doubles, rank: npt.NDArray[np.intp], mask: Doubles, ranks: int) -> Doubles:
    flat = (np.arange(len(power))[:, None] * ranks + rank).ravel()
    total = np.bincount(flat, (power * mask).ravel(), len(power) * ranks)
    return np.asarray(total.reshape(len(power), ranks), np.float64)


def _centroid(near: Doubles, between: Doubles, share: Doubles, hz: Doubles) -> Doubles:
    """Centroid in Hz, amplitudes of ERB bands as weights; noise counts only as far as it is the sound. Shape: [n].

    Noise is taken from the partials somewhat too strongly (Berouti et al. 1979): what it leaves there by chance, over
    hundreds of high ranks, would pass for brightness.
    """
    band = (21.4 * np.log10(1.0 + 0.00437 * hz)).astype(np.intp)
    bands = int(band.max()) + 1
    whole = np.ones_like(hz)
    on, off = _per_rank(near, band, whole, bands), _per_rank(between, band, whole, bands)
    place = _per_rank(near + between, band, hz, bands) / np.maximum(on + off, 1e-30)
    tone = np.maximum(on - OVER * off, 0.0)
    level = np.sqrt(tone) + share[:, None] ** 2 * np.sqrt(on + off - tone)
    return np.asarray((level * place).sum(1) / np.maximum(level.sum(1), 1e-30))


def _bands(power: Doubles, hz: Doubles) -> tuple[Doubles, Doubles]:
    """(flatness in dB, spread in octaves) of spectra [n, bins], amplitudes of ERB bands as weights. Shapes: [n]."""
    heard = np.flatnonzero((hz > 40.0) & (hz < PARTIALS_HZ))
    power, hz = power[:, heard] + 1e-30, hz[heard]
    band = (21.4 * np.log10(1.0 + 0.00437 * hz)).astype(np.intp)
    first = np.flatnonzero(np.diff(band, prepend=-1))
    count = np.diff(first, append=len(hz))
    level = np.add.reduceat(power, first, axis=1)
    middle = np.add.reduceat(np.log2(hz), first) / count
    weight = np.sqrt(np.where(level > level.max(1, keepdims=True) * 10.0 ** (-BAND_DB / 10.0), level, 0.0))
    share = weight / weight.sum(1, keepdims=True)
    mean = share @ middle
    spread = np.sqrt((share * (middle - mean[:, None]) ** 2).sum(1))
    flat = np.add.reduceat(np.log(power), first, axis=1) / count - np.log(level / count)
    weight = weight * (middle > np.log2(HISS_HZ))
    db = 10.0 / np.log(10.0) * (weight * flat).sum(1) / np.maximum(weight.sum(1), 1e-30)
    return np.maximum(db, -40.0), spread


def _partials(level_db: Doubles, exists: npt.NDArray[np.bool_]) -> Doubles:
    """Hollowness, warmth and nasality from levels of partials [n, K]: one weighted ridge regression. Shape: [n, 3]."""
    k = np.arange(1, level_db.shape[1] + 1)
    level_db = np.where(exists, level_db, -999.0)
    level_db = level_db - level_db.max(1, keepdims=True)
    padded = np.pad(level_db, ((0, 0), (1, 1)), constant_values=-999.0)
    around = np.maximum(level_db, np.maximum(padded[:, :-2], padded[:, 2:]))
    weight = np.clip((around + SUNK_DB) / 20.0, 0.0, 1.0) * exists
    level_db = np.maximum(level_db, np.maximum(around - DEEP_DB, -SUNK_DB))
    octave = np.log2(k)
    hump = np.exp(-0.5 * ((octave - np.log2(MIDDLE_PARTIAL)) / MIDDLE_OCTAVES) ** 2)
    model = np.stack([np.ones(len(k)), octave, np.where(k % 2, 0.5, -0.5), k == 1, hump], 1)
    square = np.einsum("nk,ki,kj->nij", weight, model, model) + np.diag([1e-9, 1e-6, RIDGE, RIDGE, RIDGE])
    right = np.einsum("nk,ki,nk->ni", weight, model, level_db)
    return np.asarray(np.linalg.solve(square, right[..., None])[:, 2:, 0])


def _level(x: Doubles, window_samples: int, hop: int) -> Doubles:
    """Power in overlapping Hann windows. Shape: [n, windows]."""
    taper = np.hanning(window_samples + 2)[1:-1]
    rows = np.lib.stride_tricks.sliding_window_view(x**2, window_samples, axis=1)[:, ::hop]
    return np.asarray(rows @ (taper / taper.sum()))


def tremor(held: Doubles, rate_hz: int) -> Doubles:
    """RMS swing of the level in dB about its straight line. Shape: [n, samples] -> [n]."""
    db = 10.0 * np.log10(_level(held, round(TREMOR_S * rate_hz), round(TREMOR_HOP_S * rate_hz)) + 1e-12)
    t = np.linspace(-1.0, 1.0, db.shape[1])
    db = db - db.mean(1, keepdims=True)
    return np.asarray(np.sqrt(((db - (db @ t / (t @ t))[:, None] * t) ** 2).mean(1)))


def attack(audio: Doubles, held: Doubles, rate_hz: int) -> Doubles:
    """-log2 of the seconds from 10 to 90 % of the held amplitude, from silence. Shapes: [n, samples] -> [n]."""
    hop = round(ATTACK_HOP_S * rate_hz)
    window = round(ATTACK_S * rate_hz)
    level = np.sqrt(_level(np.pad(audio, ((0, 0), (window, 0))), window, hop))
    level = level / np.sqrt((held**2).mean(1, keepdims=True) + 1e-12)
    rows = np.arange(len(level))
    at = []
    for share in (0.1, 0.9):
        past = level >= share
        first = np.where(past.any(1), past.argmax(1), level.shape[1] - 1)
        before = level[rows, np.maximum(first - 1, 0)]
        step = np.maximum(level[rows, first] - before, 1e-9)
        at.append(first - np.clip((level[rows, first] - share) / step, 0.0, 1.0))
    return np.asarray(-np.log2(np.maximum(at[1] - at[0], 0.5) * hop / rate_hz))


def _described(audio: Doubles, note: Doubles, held_from: int, rate_hz: int) -> Doubles:
    held = audio[:, held_from:]
    n, size = held.shape
    window = np.hanning(size + 2)[1:-1]
    power = np.abs(np.fft.rfft(held * window, 2 * size)) ** 2
    f0 = fundamental(power, window, note, rate_hz)
    power = power[:, : int(0.92 * size) : 2]
    hz = np.arange(power.shape[1]) * rate_hz / size
    place = hz[None] / f0[:, None]
    rank = np.floor(place + 0.5).astype(np.intp)
    away = np.abs(place - rank)
    ranks = int(rank.max()) + 1
    near_mask = (away <= 0.25) & (rank > 0)
    near, between = _per_rank(power, rank, near_mask, ranks), _per_rank(power, rank, ~near_mask, ranks)
    rank_hz = f0[:, None] * np.arange(ranks)
    rank_hz[:, 0] = 0.25 * f0
    tone = np.maximum(near - between, 0.0)
    total = np.maximum((near + between).sum(1), 1e-30)
    share = 1.0 - tone.sum(1) / total
    centroid = _centroid(near, between, share, rank_hz)
    near, between, tone = near[:, 1:], between[:, 1:], tone[:, 1:]
    most = min(PARTIALS, ranks - 1)
    exists = rank_hz[:, 1 : most + 1] < PARTIALS_HZ
    shape = _partials(10.0 * np.log10(tone[:, :most] + 1e-30), exists)
    offset = away * f0[:, None]
    reach = np.minimum(SKIRT_HZ[1], 0.25 * f0)[:, None]
    skirt_mask = near_mask & (offset >= SKIRT_HZ[0]) & (offset <= reach)
    skirt = _per_rank(power, rank, skirt_mask, ranks)[:, 1 : ROUGH_PARTIALS + 1]
    part = np.maximum(reach - SKIRT_HZ[0], 0.0) / (0.25 * f0[:, None])
    loud = np.maximum(near[:, :ROUGH_PARTIALS].sum(1), 1e-30)
    excess = np.maximum((skirt - part * between[:, :ROUGH_PARTIALS]).sum(1), 0.0) / loud
    rough = np.where(part[:, 0] > 0.1, 10.0 * np.log10(excess + ROUGH_FLOOR), np.nan)
    pitched = share < NOISE_SHARE
    out = np.empty((n, len(DESCRIPTORS)))
    out[:, 0] = np.where(pitched, 69.0 + 12.0 * np.log2(f0 / 440.0), np.nan)
    out[:, 1] = 10.0 * np.log10((held**2).mean(1) + 1e-12)
    out[:, 2] = np.log2(np.maximum(centroid, 1.0) / (440.0 * 2.0 ** ((note - 69.0) / 12.0)))
    out[:, 3] = 10.0 * np.log10(share + BREATH_FLOOR)
    out[:, 4:7] = np.where(pitched[:, None], shape, np.nan)
    out[:, 7] = np.where(pitched, rough, np.nan)
    out[:, 8] = tremor(held, rate_hz)
    out[:, 9] = attack(audio, held, rate_hz)
    out[:, 10], out[:, 11] = _bands(power, hz)
    out[out[:, 1] < SILENT_DB] = np.nan
    return out


def describe(audio: Any, note: npt.ArrayLike, held_from: int, rate_hz: int = 48000) -> Doubles:
    """Every descriptor of every sound, in the order of DESCRIPTORS; NaN where it has no meaning. Shape: [n, D].

    ``audio`` [n, samples], an array or a tensor: silence, an onset, and from sample ``held_from`` on a sound that is
    held (at least 0.2 s of it; 0.34 s are used in naming). ``note`` [n]: the MIDI notes asked for. Brightness is
    relative to the note asked for, so that it does not jump where the pitch is in doubt.
    """
    if hasattr(audio, "detach"):
        audio = audio.detach().cpu().numpy()
    sound = np.asarray(audio)
    notes = np.broadcast_to(np.asarray(note, np.float64), (len(sound),))
    parts = [
        _described(sound[i : i + CHUNK].astype(np.float64), notes[i : i + CHUNK], held_from, rate_hz)
        for i in range(0, len(sound), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(DESCRIPTORS)))
