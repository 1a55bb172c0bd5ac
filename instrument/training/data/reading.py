"""Reading: one sound file, or a stream in a SoundFont, to mono at the model's rate. Between the files and the corpus.

A header is not believed: a sound is read to its end, whatever length it says. What cannot be learned from (damaged, not
a number, far too loud, constant, silent, too short) is refused in a sentence, so that the others train.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import soundfile

from instrument.base.errors import RosinError
from instrument.base.on_disk import on_disk
from instrument.training.data.wording import shown

Floats = npt.NDArray[np.float32]

SILENCE = 1e-4
"""A sound whose loudest sample is below -80 dB is no sound."""
SHORTEST_S, LONGEST_S = 0.1, 3 * 3600.0
LOUDEST = 10.0
"""20 dB over full scale; beyond, numbers are whole ones that were meant to be fractions, or none at all."""
RATES_HZ = (1000, 800_000)
CANCELLED = 0.25
"""Channels are mixed unless less than this is left of what independent ones would leave (-12 dB)."""
OFFSET = 0.1
"""A constant is taken away from where it is this share of the sound."""
LOWEST_HZ = 20.0
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class ReadSound:
    """``audio``: mono at the rate asked for. ``done``: what was done to it, in words."""

    audio: Floats
    done: str = ""


class SoundReader(soundfile.SoundFile):
    """A sound read from its beginning to its end. Its length is not asked for: where a header lies, seeking fails."""

    def seekable(self) -> bool:
        return False


def pieces(source: Path | IO[bytes], name: str) -> Iterator[tuple[Floats, int]]:
    """(f32 [n, channels], rate in Hz), one after the other. RosinError where it is damaged or no sound."""
    try:
        with SoundReader(on_disk(source) if isinstance(source, Path) else source) as file:
            rate, left = file.samplerate, LONGEST_S * file.samplerate
            if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
                raise RosinError(f"{shown(name)} says it has {rate} samples a second; export it again at 48000")
            while len(piece := file.read(PIECE, "float32", always_2d=True)):
                left -= len(piece)
                if left < 0:
                    raise RosinError(f"{shown(name)} is longer than {LONGEST_S / 3600:.0f} hours; cut it into several")
                yield piece, rate
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:  # TypeError: asked to be RAW
        why = shown(str(getattr(error, "error_string", error)).rstrip("."))
        raise RosinError(f"{shown(name)} cannot be read as sound ({why}); export it again as WAV or FLAC") from None


def to_mono(source: Path | IO[bytes], name: str) -> tuple[Floats, int, int, bool]:
    """(mono, rate, channels, whether they cancelled each other and the loudest alone is taken)."""
    mixed: list[Floats] = []
    each: Any = 0.0
    whole, rate, count, channels = 0.0, 0, 0, 1
    for piece, rate in pieces(source, name):
        loudest = float(np.abs(piece).max())
        if not loudest <= LOUDEST:
            at = (count + int(np.argmax(~(np.abs(piece).max(axis=1) <= LOUDEST)))) / rate
            if not np.isfinite(piece).all():
                raise RosinError(f"{shown(name)} holds a sample that is no number at {at:.2f} s; export it again")
            much = f"{loudest:.0f}" if loudest < 1e6 else f"{loudest:.0e}"
            raise RosinError(f"{shown(name)} is {much} times as loud as full scale at {at:.2f} s; export it again")
        channels = piece.shape[1]
        mono = piece.mean(axis=1)
        mixed.append(mono)
        each = each + np.square(piece, dtype=np.float64).sum(axis=0)
        whole += float(np.square(mono, dtype=np.float64).sum())
        count += len(piece)
    audio = np.concatenate(mixed) if mixed else np.zeros(0, np.float32)
    if channels == 1 or whole >= CANCELLED**2 * float(np.sum(each)) / channels**2:
        return np.ascontiguousarray(audio), rate, channels, False
    pick = int(np.argmax(each))
    if not isinstance(source, Path):
        source.seek(0)
    return np.concatenate([piece[:, pick] for piece, _ in pieces(source, name)]), rate, channels, True


def together(left: Floats, right: Floats) -> Floats:
    """Two channels of one sound as one, the louder alone where they cancel each other."""
    both = min(len(left), len(right))
    sides = np.stack([left[:both], right[:both]])
    mixed: Floats = (0.5 * (sides[0] + sides[1])).astype(np.float32)
    power = np.square(sides, dtype=np.float64).sum(axis=1)
    if np.square(mixed, dtype=np.float64).sum() >= CANCELLED**2 * power.sum() / 4:
        return mixed
    louder: Floats = sides[int(np.argmax(power))]
    return louder


def moving(audio: Floats, rate: int) -> float:
    """The loudest sample of what can be heard: without what moves slower than 20 Hz. A constant has none."""
    from scipy.signal import butter, sosfilt, sosfilt_zi

    if not len(audio):
        return 0.0
    sections = butter(4, LOWEST_HZ, "high", fs=rate, output="sos")
    lead = audio[min(len(audio) - 1, rate // 5) : 0 : -1].astype(np.float64)
    lead = 2.0 * float(audio[0]) - lead  # the beginning turned round: one that moves slowly is no step from rest
    state, loudest = sosfilt_zi(sections) * (lead[0] if len(lead) else float(audio[0])), 0.0
    if len(lead):
        _, state = sosfilt(sections, lead, zi=state)
    for begin in range(0, len(audio), 1 << 20):
        part, state = sosfilt(sections, audio[begin : begin + (1 << 20)].astype(np.float64), zi=state)
        loudest = max(loudest, float(np.abs(part).max()))
    return loudest


def fit(name: str, mono: Floats, rate: int, rate_hz: int, done: tuple[str, ...] = ()) -> ReadSound:
    """A sound that can be learned from, at the given rate. ``done``: what was done to it before."""
    import soxr

    name = shown(name)
    if not np.isfinite(mono).all():
        raise RosinError(f"{name} holds samples that are no numbers; export it again")
    if not len(mono):
        raise RosinError(f"{name} holds no samples; take it away or export it again")
    if float(np.abs(mono).max()) < SILENCE:
        raise RosinError(f"{name} is silent; take it away or export it again")
    if moving(mono, rate) < SILENCE:
        raise RosinError(f"{name} holds a constant and no sound; take it away or record it again")
    if len(mono) < SHORTEST_S * rate:
        raise RosinError(f"{name} is shorter than {SHORTEST_S} s; nothing can be learned from it")
    if len(mono) > LONGEST_S * rate:
        raise RosinError(f"{name} is longer than {LONGEST_S / 3600:.0f} hours; cut it into several")
    steps = [*done]
    constant = float(mono.mean(dtype=np.float64))
    if abs(constant) > max(10 * SILENCE, OFFSET * float(mono.std(dtype=np.float64))):
        mono = mono - np.float32(constant)
        steps.append("freed from a constant")
    if rate != rate_hz:
        steps.insert(0, f"resampled from {rate} Hz")
        mono = soxr.resample(mono, rate, rate_hz).astype(np.float32)
    return ReadSound(mono, " and ".join(steps))


def read(path: Path, name: str, rate_hz: int) -> ReadSound:
    """Any sound file as mono at the given rate. RosinError in a sentence when it cannot be learned from."""
    source: Path | IO[bytes] = path
    done: list[str] = []
    if (whole := unfinished(path)) is not None:
        source = io.BytesIO(whole)
        done.append("read to the end though it says it has no samples")
    mono, rate, channels, cancelled = to_mono(source, name)
    if cancelled:
        done.append(f"taken from the loudest of {channels} channels, which cancel each other")
    elif channels != 1:
        done.append(f"mixed from {channels} channels to one")
    return fit(name, mono, rate, rate_hz, tuple(done))


def unfinished(path: Path) -> bytes | None:
    """A WAV file that says of its samples that there are none, and holds some: its bytes with a header that is right.

    So a recorder leaves it whose power failed, or who wrote into a pipe. None for every other file.
    """
    try:
        if path.stat().st_size > 1 << 32:  # more than the format can hold: no recorder's
            return None
        with path.open("rb") as file:
            head = file.read(1 << 16)
            if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
                return None
            place = 12
            while head[place : place + 4] != b"data":
                if len(head) < place + 8:
                    return None
                place += 8 + (size := struct.unpack_from("<I", head, place + 4)[0]) + (size & 1)
            if head[place + 4 : place + 8] != bytes(4):
                return None
            file.seek(0)
            data = bytearray(file.read())
    except (OSError, MemoryError):
        return None
    if _all_chunks(data, place + 8):
        return None  # nothing was recorded, and what follows says so
    for at, size in ((4, len(data) - 8), (place + 4, len(data) - place - 8)):
        data[at : at + 4] = struct.pack("<I", min(size, 0xFFFFFFFE))
    return bytes(data)


def _all_chunks(data: bytearray, place: int) -> bool:
    """Whether chunks follow each other from here to the very end."""
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        if not name.decode("latin-1").isprintable() or not name.isascii():
            return False
        place += 8 + size + (size & 1)
    return place in (len(data), len(data) + 1)
