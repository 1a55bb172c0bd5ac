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

from instrument.base.errors import RosinError
from instrument.training.data.reading import to_mono, together

Floats = npt.NDArray[np.float32]

SUFFIXES = {".sf2", ".sf3"}
HELD_S = 2.0
"""A sample that loops is held at least this long."""
FADE_S = 0.02
RATES_HZ = (400, 400_000)
RIGHT, LEFT, VORBIS, ROM = 2, 4, 0x10, 0x8000
SAMPLE_MODES, SAMPLE_ID = 54, 53
START, END, LOOP_START, LOOP_END = (0, 4), (1, 12), (2, 45), (3, 50)
"""Generators that move a place of the sample: by samples, and by 32768 of them."""
COARSE = 32768
LOOP_LEAST = 8
"""Samples; what is shorter is no loop but a mistake."""
SAID = {b"INAM": "name", b"IENG": "author", b"ICOP": "copyright", b"ICMT": "comment", b"IPRD": "product"}
DEPTH = 4


UNMOVED = (0, 0, 0, 0)


class Sample(NamedTuple):
    """One entry of the sample list. ``first``, ``last`` count 16-bit words of ``smpl`` (bytes when Vorbis).

    ``loop`` counts samples from the sample's own start, the second one not included; None when nothing loops it.
    ``link`` is the index of the other channel of a stereo pair. ``moved``: by how many samples the instrument that
    plays it moves its start, its end, and start and end of its loop.
    """

    name: str
    first: int
    last: int
    rate_hz: int
    loop: tuple[int, int] | None = None
    kind: int = 1
    link: int = 0
    moved: tuple[int, int, int, int] = UNMOVED


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
        head = file.read(8)
        if len(head) < 8 or not all(0x20 <= c < 0x7F for c in head[:4]):
            return  # no chunk: zeros without end, say, which would be walked through eight bytes at a time
        name, size = struct.unpack("<4sI", head)
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


def _name(raw: bytes) -> str:
    """A name in one line."""
    return "".join(c if c.isprintable() else " " for c in _text(raw)).strip()


class ZonePlayback(NamedTuple):
    """How an instrument's zone plays a sample: whether it loops, and by how much it moves its places."""

    loops: bool
    moved: tuple[int, int, int, int]


def _amount(said: dict[int, int], fine: int, coarse: int) -> int:
    """Of a pair of generators, in samples; both are signed."""
    a, b = ((value + COARSE) % (2 * COARSE) - COARSE for value in (said.get(fine, 0), said.get(coarse, 0)))
    return a + COARSE * b


def _played(instruments: bytes, bags: bytes, generators: bytes) -> dict[int, ZonePlayback]:
    """By sample: how the first zone plays it that loops it (sampleModes 1, or 3: until the key is let go), else the
    first of all. A zone without a sample speaks for its whole instrument, if it is the first one; presets may not."""
    zones = [row[0] for row in struct.iter_unpack("<HH", bags[: len(bags) // 4 * 4])]
    values = list(struct.iter_unpack("<HH", generators[: len(generators) // 4 * 4]))
    heads = [row[1] for row in struct.iter_unpack("<20sH", instruments[: len(instruments) // 22 * 22])]
    played: dict[int, ZonePlayback] = {}
    for first, last in itertools.pairwise(heads):
        usual: dict[int, int] = {}
        for zone in range(first, min(last, len(zones) - 1)):
            said = {}
            for name, value in values[zones[zone] : zones[zone + 1]]:
                said[name] = value
                if name == SAMPLE_ID:  # what comes after it is to be ignored
                    break
            if SAMPLE_ID not in said:
                usual = said if zone == first else usual
                continue
            said = {**usual, **said}
            start, end, loop_start, loop_end = (_amount(said, *pair) for pair in (START, END, LOOP_START, LOOP_END))
            now = ZonePlayback(said.get(SAMPLE_MODES, 0) & 3 in (1, 3), (start, end, loop_start, loop_end))
            before = played.get(said[SAMPLE_ID])
            if before is None or (now.loops and not before.loops):
                played[said[SAMPLE_ID]] = now
    return played


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
            played = _played(read(b"inst"), read(b"ibag"), read(b"igen"))
            heads = read(b"shdr")
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror}); give an .sf2 or .sf3 file") from None
    samples = []
    for i, row in enumerate(struct.iter_unpack("<20sIIIIIBbHH", heads[: len(heads) // 46 * 46])):
        name, first, last, loop_first, loop_last, rate, _key, _cents, link, kind = row
        begin = 0 if kind & VORBIS else first
        how = played.get(i, ZonePlayback(False, UNMOVED))
        loop = (loop_first - begin + how.moved[2], loop_last - begin + how.moved[3]) if how.loops else None
        samples.append(Sample(_name(name) or f"sample {i + 1}", first, last, rate, loop, kind, link, how.moved))
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
        try:
            audio = to_mono(io.BytesIO(data), sample.name)[0]
        except RosinError:
            return np.zeros(0, np.float32)
    else:
        words = np.frombuffer(data, "<i2").astype(np.float64)
        if font.low_bytes_at and font.low_bytes_at[1] >= sample.last:
            with font.path.open("rb") as file:
                file.seek(font.low_bytes_at[0] + sample.first)
                words = words + np.frombuffer(file.read(sample.last - sample.first), np.uint8) / 256.0
        audio = (words / 32768.0).astype(np.float32)
    return unrolled(*cut(audio.astype(np.float32, copy=False), sample), sample.rate_hz, held_s)


def cut(audio: Floats, sample: Sample) -> tuple[Floats, tuple[int, int] | None]:
    """What of the sample its instrument plays, and its loop in that. A place outside of the sample is its edge."""
    begin = min(len(audio), max(0, sample.moved[0]))
    end = max(begin, min(len(audio), len(audio) + sample.moved[1]))
    if sample.loop is None:
        return audio[begin:end], None
    low, high = (min(end, max(begin, place)) - begin for place in sample.loop)
    return audio[begin:end], (low, high) if high - low >= LOOP_LEAST else None


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
        if sample.moved != UNMOVED:  # the same bytes, and another sound
            digest.update(repr((sample.moved, sample.loop)).encode())
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
                audio, name = together(audio, second), pair_name(name)
                digest.update(raw(font, other))
        free, count = name, 1
        while free in used:
            count += 1
            free = f"{name} ({count})"
        used.add(free)
        yield free, digest.hexdigest(), audio, sample.rate_hz
