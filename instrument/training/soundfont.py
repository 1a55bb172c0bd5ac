"""SoundFont: the samples of an SF2 or SF3 file, read for training. Beside the corpus, which asks it for clips.

A SoundFont is RIFF (SoundFont Technical Specification 2.04, E-mu 2006): ``shdr`` says where each sample lies in
``smpl`` (16 bit; ``sm24`` adds eight bits below), and an instrument's generators say whether it loops. SF3 is
MuseScore's variant: each sample in ``smpl`` is an Ogg Vorbis stream of its own, places count bytes, loops count from
the sample's own start, and chunks of odd length are not padded. Read here,
because the one reader on PyPI (sf2utils) knows no SF3 and needs ``audioop``, which Python 3.13 dropped.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from instrument.errors import RosinError

Floats = npt.NDArray[np.float32]

SUFFIXES = {".sf2", ".sf3"}
HELD_S = 2.0
"""A sample that loops is held at least this long."""
FADE_S = 0.02
RATES_HZ = (400, 400_000)
RIGHT, LEFT, VORBIS, ROM = 2, 4, 0x10, 0x8000
SAMPLE_MODES, SAMPLE_ID = 54, 53
SAID = {b"INAM": "name", b"IENG": "author", b"ICOP": "copyright", b"ICMT": "comment", b"IPRD": "product"}
DEPTH = 4


class Sample(NamedTuple):
    """One entry of the sample list. ``first``, ``last`` count 16-bit words of ``smpl`` (bytes when Vorbis).

    ``loop`` counts samples from the sample's own start, the second one not included; None when nothing loops it.
    ``link`` is the index of the other channel of a stereo pair.
    """

    name: str
    first: int
    last: int
    rate_hz: int
    loop: tuple[int, int] | None = None
    kind: int = 1
    link: int = 0


@dataclass(frozen=True, slots=True)
class SoundFont:
    """An opened file: what it says of itself (``name``, ``author``, ``copyright``, ``comment``) and its samples."""

    path: Path
    said: dict[str, str]
    samples: tuple[Sample, ...]
    words_at: tuple[int, int]
    low_bytes_at: tuple[int, int] | None


def chunks(file: BinaryIO, first: int, last: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """(name, position of the data, size) of the RIFF chunks between two places; lists are entered."""
    place = first
    while place + 8 <= last:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name in (b"RIFF", b"LIST") and depth < DEPTH:
            yield from chunks(file, place + 12, min(last, place + 8 + size), depth + 1)
        else:
            yield name, place + 8, max(0, min(size, last - place - 8))
        place += 8 + size
        if size & 1:  # a byte of padding, which SF3 files lack; no chunk's name begins with a zero
            file.seek(place)
            place += file.read(1) == b"\0"


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()


def _looped(instruments: bytes, bags: bytes, generators: bytes) -> set[int]:
    """Indices of the samples that some instrument loops (sampleModes 1, or 3: until the key is let go)."""
    zones = [row[0] for row in struct.iter_unpack("<HH", bags[: len(bags) // 4 * 4])]
    values = list(struct.iter_unpack("<HH", generators[: len(generators) // 4 * 4]))
    heads = [row[1] for row in struct.iter_unpack("<20sH", instruments[: len(instruments) // 22 * 22])]
    found = set()
    for first, last in itertools.pairwise(heads):
        usual = 0
        for zone in range(first, min(last, len(zones) - 1)):
            said = dict(values[zones[zone] : zones[zone + 1]])
            if SAMPLE_ID not in said:
                usual = said.get(SAMPLE_MODES, usual)
            elif said.get(SAMPLE_MODES, usual) & 3 in (1, 3):
                found.add(said[SAMPLE_ID])
    return found


def open_soundfont(path: Path) -> SoundFont:
    """Read what is in a file, not the sound yet. RosinError in a sentence when it is no SoundFont."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"RIFF" or file.read(8)[4:] != b"sfbk":
                raise RosinError(f"{path.name} is no SoundFont; give an .sf2 or .sf3 file")
            parts = {name: (place, size) for name, place, size in chunks(file, 0, path.stat().st_size)}

            def read(name: bytes) -> bytes:
                place, size = parts.get(name, (0, 0))
                file.seek(place)
                return file.read(size)

            if b"smpl" not in parts or b"shdr" not in parts:
                raise RosinError(f"{path.name} holds no samples; give a SoundFont that does")
            said = {word: _text(read(name)) for name, word in SAID.items() if name in parts}
            looped = _looped(read(b"inst"), read(b"ibag"), read(b"igen"))
            heads = read(b"shdr")
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror}); give an .sf2 or .sf3 file") from None
    samples = []
    for i, row in enumerate(struct.iter_unpack("<20sIIIIIBbHH", heads[: len(heads) // 46 * 46])):
        name, first, last, loop_first, loop_last, rate, _key, _cents, link, kind = row
        begin = 0 if kind & VORBIS else first
        loop = (loop_first - begin, loop_last - begin)
        samples.append(Sample(_text(name), first, last, rate, loop if i in looped else None, kind, link))
    # the list ends with a sentinel called EOS
    return SoundFont(path, said, tuple(samples[:-1]), parts[b"smpl"], parts.get(b"sm24"))


def raw(font: SoundFont, sample: Sample) -> bytes:
    """A sample's bytes as they are in ``smpl``: 16-bit words, or a Vorbis stream. Empty when it points nowhere."""
    unit = 1 if sample.kind & VORBIS else 2
    place, size = font.words_at
    if sample.kind & ROM or not 0 <= sample.first < sample.last <= size // unit:
        return b""
    with font.path.open("rb") as file:
        file.seek(place + unit * sample.first)
        return file.read(unit * (sample.last - sample.first))


def sound(font: SoundFont, sample: Sample, held_s: float = HELD_S) -> Floats:
    """A sample as mono float32 at its own rate, its loop unrolled to ``held_s``. Empty when it cannot be read."""
    data = raw(font, sample)
    if not data or not RATES_HZ[0] <= sample.rate_hz <= RATES_HZ[1]:
        return np.zeros(0, np.float32)
    if sample.kind & VORBIS:
        import soundfile

        try:
            audio = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].mean(axis=1)
        except (OSError, RuntimeError):
            return np.zeros(0, np.float32)
    else:
        words = np.frombuffer(data, "<i2").astype(np.float64)
        if font.low_bytes_at and font.low_bytes_at[1] >= sample.last:
            with font.path.open("rb") as file:
                file.seek(font.low_bytes_at[0] + sample.first)
                words = words + np.frombuffer(file.read(sample.last - sample.first), np.uint8) / 256.0
        audio = words / 32768.0
    return unrolled(audio.astype(np.float32), sample.loop, sample.rate_hz, held_s)


def unrolled(audio: Floats, loop: tuple[int, int] | None, rate_hz: int, held_s: float) -> Floats:
    """The loop repeated until the sound is long enough, its end faded. As it is, when there is no loop in it."""
    if loop is None or not 0 <= loop[0] < loop[1] <= len(audio) or len(audio) >= held_s * rate_hz:
        return audio
    head, turn = audio[: loop[1]], audio[loop[0] : loop[1]]
    wanted = int(held_s * rate_hz)
    times = max(0, -(-(wanted - len(head)) // len(turn)))
    out = np.concatenate([head, np.tile(turn, times)])
    fade = min(int(FADE_S * rate_hz), len(out))
    out[len(out) - fade :] *= 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade, dtype=np.float32))
    return np.asarray(out, np.float32)


def pair_name(name: str) -> str:
    """The name of a stereo pair from that of one channel: ``Piano C4(L)`` becomes ``Piano C4``."""
    for tail in ("(L)", "(R)", "_L", "_R", "-L", "-R", " L", " R", "L", "R"):
        if name.endswith(tail) and len(name) > len(tail):
            return name.removesuffix(tail).rstrip()
    return name


def clips(font: SoundFont, held_s: float = HELD_S) -> Iterator[tuple[str, str, Floats, int]]:
    """(name, sha256 of the sample data, mono sound, its rate in Hz) of every sound; stereo pairs become one.

    Names are made unique. A sample that cannot be read has no samples: say so and leave it out.
    """
    used: set[str] = set()
    done: set[int] = set()
    for i, sample in enumerate(font.samples):
        if i in done:
            continue
        other = font.samples[sample.link] if sample.kind & (LEFT | RIGHT) and sample.link < len(font.samples) else None
        digest = hashlib.sha256(raw(font, sample))
        audio, name = sound(font, sample, held_s), sample.name
        if (
            other is not None
            and sample.link not in done
            and other.kind & (LEFT | RIGHT)
            and other.link == i != sample.link
        ):
            done.add(sample.link)
            second = sound(font, other, held_s)
            if other.rate_hz == sample.rate_hz and len(second) and len(audio):
                both = min(len(audio), len(second))
                audio, name = (0.5 * (audio[:both] + second[:both])).astype(np.float32), pair_name(name)
                digest.update(raw(font, other))
        free, count = name, 1
        while free in used:
            count += 1
            free = f"{name} ({count})"
        used.add(free)
        yield free, digest.hexdigest(), audio, sample.rate_hz
