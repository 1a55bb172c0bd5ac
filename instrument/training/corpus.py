"""Corpus: folders of sounds, or SoundFonts, and their credits, read for training. First thing training touches.

Whoever made the sounds is named, or nothing is learned: see ``gate``, which reads the credits. A SoundFont is many
sounds: its credit speaks for every sample, one with ``file = "piano.sf2#Sample"`` for that one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.errors import RosinError
from instrument.model.card import sha256_of
from instrument.training import soundfont
from instrument.training.gate import read_credits
from instrument.training.inharmonicity import UNKNOWN
from instrument.training.pitches import CACHE, Pitches

Floats = npt.NDArray[np.float32]

SAMPLE_OF = re.compile(r"(.+\.sf[23])(?:#(.+))?", re.IGNORECASE)
SILENCE = 1e-4
"""A sound whose loudest sample is below -80 dB is no sound."""
SHORTEST_S = 0.1
NAMED = 3
"""Sounds named of those that were changed alike."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound: mono at the model's rate, its pitch at the end of each frame (MIDI) and how sure that is.

    ``stiffness``: of its string, as inharmonicity() finds it: (B, cents from the tracked pitch to the first partial).
    ``first``: the pitch of a stiff string's first partial at the end of each frame.
    """

    credit: Mapping[str, Any]
    audio: Floats
    note: Floats
    sure: Floats
    held_out: bool
    stiffness: tuple[float, float] = UNKNOWN
    first: Floats | None = None

    @property
    def name(self) -> str:
        return str(self.credit["file"])


@dataclass(frozen=True, slots=True)
class Corpus:
    clips: tuple[Clip, ...]
    rate_hz: int
    ratio: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def training(self) -> tuple[Clip, ...]:
        return tuple(c for c in self.clips if not c.held_out)

    @property
    def held_out(self) -> tuple[Clip, ...]:
        return tuple(c for c in self.clips if c.held_out)

    @property
    def hours(self) -> float:
        return sum(len(c.audio) for c in self.training) / self.rate_hz / 3600.0

    @property
    def stiff_share(self) -> float:
        """Of the sounds in which it could be heard, how many are of a stiff string."""
        told = [clip.stiffness[0] for clip in self.training if clip.stiffness[0] >= 0.0]
        return sum(b > 0.0 for b in told) / len(told) if told else 0.0

    def at_first_partials(self) -> Corpus:
        """The same with every pitch that of the first partial: for networks that know of stiff strings."""
        clips = (clip if clip.first is None else replace(clip, note=clip.first) for clip in self.clips)
        return replace(self, clips=tuple(clips))

    def report(self) -> tuple[str, ...]:
        """In words: how much there is, under which licences, by name what is never learned from, what was changed."""
        under = ", ".join(sorted({str(c.credit["licence"]) for c in self.clips}))
        return (
            f"{len(self.training)} sounds, {60.0 * self.hours:.1f} minutes, under {under}",
            f"{len(self.held_out)} held out, never learned from: {', '.join(c.name for c in self.held_out)}",
            *self.notes,
        )

    @property
    def sha256(self) -> str:
        """Names the set of sounds: the hash of their hashes, in order."""
        return hashlib.sha256("".join(sorted(str(c.credit["sha256"]) for c in self.clips)).encode()).hexdigest()


def read_sound(path: Path, rate_hz: int) -> Floats:
    """Any sound file as mono float32 at the given rate. RosinError in a sentence when it cannot be."""
    return _read(path, rate_hz)[0]


def _read(path: Path, rate_hz: int) -> tuple[Floats, int, int]:
    """The same, with the rate and the channels it had."""
    import soundfile

    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise RosinError(f"{path.name} cannot be read as sound ({error}); export it again as WAV or FLAC") from None
    mono = np.ascontiguousarray(audio.mean(axis=1), np.float32)
    return _fit(path.name, mono, rate, rate_hz), rate, audio.shape[1]


def _fit(name: str, mono: Floats, rate: int, rate_hz: int) -> Floats:
    """A sound that can be learned from, at the given rate; RosinError when it is broken, silent or too short."""
    import soxr

    if not np.isfinite(mono).all():
        raise RosinError(f"{name} holds samples that are no numbers; export it again")
    if not len(mono) or float(np.abs(mono).max()) < SILENCE:
        raise RosinError(f"{name} is silent; take it away or export it again")
    if len(mono) < SHORTEST_S * rate:
        raise RosinError(f"{name} is shorter than {SHORTEST_S} s; nothing can be learned from it")
    return mono if rate == rate_hz else soxr.resample(mono, rate, rate_hz).astype(np.float32)


Found = tuple[dict[str, Any], str, Callable[[], tuple[Floats, int, int]]]


def _found(rows: list[dict[str, Any]], home: Path, rate_hz: int) -> Iterator[Found | str]:
    """(credit, sha256, how to read it) of every sound that the credits speak of, or what is wrong with one."""
    fonts: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if sample := SAMPLE_OF.fullmatch(row["file"]):
            fonts.setdefault(sample[1], {})[sample[2] or ""] = row
            continue
        path = home / row["file"]
        try:
            yield row, sha256_of(path), partial(_read, path, rate_hz)
        except OSError as error:
            yield f"{row['file']} cannot be read ({error.strerror}); put it back or take its credit away"
    for file, said in fonts.items():
        yield from _found_in(file, said, home, rate_hz)


def _found_in(file: str, said: dict[str, dict[str, Any]], home: Path, rate_hz: int) -> Iterator[Found | str]:
    """The same for one SoundFont. ``said``: the credit of each sample by its name, that of all the others as ""."""
    try:
        font = soundfont.open_soundfont(home / file)
    except RosinError as error:
        yield str(error)
        return
    others = said.pop("", None)
    if others and others.get("sha256") not in (None, "", sha256_of(home / file)):
        yield f"{file} is not the file its credit was written for; check its sha256"
        others = None
    for name, digest, audio, rate in soundfont.clips(font):
        own = said.pop(name, None)
        if own is None and others is None:
            continue
        credit = own or {**others, "title": f"{others['title']}: {name}", "sha256": ""}  # type: ignore[dict-item, index]
        yield {**credit, "file": f"{file}#{name}"}, digest, partial(_sample, name, audio, rate, rate_hz)
    yield from (f"{file}#{name}: there is no such sample; take its credit away" for name in said)


def _sample(name: str, audio: Floats, rate: int, rate_hz: int) -> tuple[Floats, int, int]:
    """A sample of a SoundFont: of its rate and channels nothing needs to be said."""
    return _fit(name, audio, rate, rate_hz), rate_hz, 1


def _changed(was: Mapping[tuple[int, int], list[str]], rate_hz: int) -> Iterator[str]:
    """What was done to sounds of another rate or of several channels, in words."""
    for (rate, channels), names in sorted(was.items()):
        done = [f"resampled from {rate} Hz"] if rate != rate_hz else []
        done += [f"mixed from {channels} channels to one"] if channels != 1 else []
        if done:
            some = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
            yield f"{' and '.join(done)}: {some}"


def read_source(
    source: Path, rate_hz: int, ratio: int, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Clip], list[str], dict[tuple[int, int], list[str]]]:
    """Every credited sound of one folder or file; what was left out, in words; names by (rate, channels) they had."""
    rows = read_credits(source)
    home = source if source.is_dir() else source.parent
    lone = not source.is_dir() and source.suffix.lower() not in soundfont.SUFFIXES
    pitches = Pitches(home / (CACHE if lone or source.is_dir() else f".{source.name}{CACHE}"), rate_hz, ratio)
    warnings: list[str] = []
    clips: list[Clip] = []
    was: dict[tuple[int, int], list[str]] = {}
    for i, found in enumerate(_found(rows, home, rate_hz)):
        if progress:
            progress(i, max(len(rows), i + 1))
        if isinstance(found, str):
            warnings.append(found)
            continue
        row, digest, read = found
        try:
            audio, *before = read()
        except RosinError as error:
            warnings.append(str(error))
            continue
        if row.get("sha256") and row["sha256"] != digest:
            warnings.append(f"{row['file']} is not the file its credit was written for; check its sha256")
            continue
        pitch = pitches.of(audio, digest, row.get("note"))
        credit = {**row, "sha256": digest, "seconds": round(len(audio) / rate_hz, 3)}
        kept_out = bool(row.get("held_out", False))
        clips.append(Clip(credit, audio, pitch.note, pitch.sure, kept_out, pitch.stiffness, pitch.first))
        was.setdefault((before[0], before[1]), []).append(row["file"])
    pitches.keep(others=lone)  # the folder's other files are none of ours
    return clips, warnings, was


def read_corpus(
    sources: Path | Sequence[Path], rate_hz: int, ratio: int, held_out: float = 0.1,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:  # fmt: skip
    """Read every credited sound of folders and files. Broken and silent ones are left out, said in ``warnings``.

    A tenth is never trained on: of a source that marks some ``held_out = true`` those, of all others together those
    with the lowest sha256. ``report`` of the corpus names them. A sound that is in two sources is taken once.
    """
    many = [sources] if isinstance(sources, Path) else list(sources)
    clips: list[Clip] = []
    unmarked: list[int] = []
    warnings: list[str] = []
    was: dict[tuple[int, int], list[str]] = {}
    taken: dict[str, str] = {}
    for source in many:
        found, wrong, before = read_source(source, rate_hz, ratio, progress)
        place = f"{source.resolve().name}/" if len(many) > 1 and source.is_dir() else ""
        warnings += [place + line for line in wrong]
        for key, names in before.items():
            was.setdefault(key, []).extend(place + name for name in names)
        marked = any(clip.held_out for clip in found)
        mine: dict[str, str] = {}
        for clip in found:
            digest, name = str(clip.credit["sha256"]), place + clip.name
            if digest in taken:
                warnings.append(f"{name} is the same sound as {taken[digest]}; it is taken once")
                continue
            mine.setdefault(digest, name)
            unmarked += [] if marked else [len(clips)]
            clips.append(replace(clip, credit={**clip.credit, "file": name}))
        taken.update(mine)
    if len(clips) < 2:
        where = ", ".join(str(source) for source in many)
        raise RosinError(
            f"{where}: {len(clips)} sound that can be trained on; give two at least. " + " ".join(warnings)
        )
    count = round(held_out * len(unmarked))
    if len(unmarked) == len(clips):
        count = max(1, count)
    for i in sorted(unmarked, key=lambda i: str(clips[i].credit["sha256"]))[:count]:
        clips[i] = replace(clips[i], held_out=True)
    if all(clip.held_out for clip in clips):
        raise RosinError("every sound is held out, so there is nothing to learn from; take some held_out marks away")
    return Corpus(tuple(clips), rate_hz, ratio, tuple(warnings), tuple(_changed(was, rate_hz)))
