"""Corpus: folders of sounds, or SoundFonts, and their credits, read for training. First thing training touches.

Whoever made the sounds is named, or nothing is learned: see ``gate``, which reads the credits. A SoundFont is many
sounds: its credit speaks for every sample, one with ``file = "piano.sf2#Sample"`` for that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.base.errors import RosinError
from instrument.model.library.listed import sha256_of
from instrument.training.data import reading, soundfont
from instrument.training.data.credits_check import credited
from instrument.training.data.files import SAMPLE_OF, Found
from instrument.training.data.inharmonicity import UNKNOWN
from instrument.training.data.pitches import CACHE, Pitches
from instrument.training.data.wording import shown, some

Floats = npt.NDArray[np.float32]

WARNINGS_SHOWN = 5
"""Of what is wrong, in the sentence that says that nothing is left."""


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
            f"{len(self.held_out)} held out, never learned from: {', '.join(shown(c.name) for c in self.held_out)}",
            *self.notes,
        )

    @property
    def sha256(self) -> str:
        """Names the set of sounds: the hash of their hashes, in order."""
        return hashlib.sha256("".join(sorted(str(c.credit["sha256"]) for c in self.clips)).encode()).hexdigest()


def read_sound(path: Path, rate_hz: int) -> Floats:
    """Any sound file as mono float32 at the given rate. RosinError in a sentence when it cannot be."""
    return reading.read(path, path.name, rate_hz).audio


Row = dict[str, Any]
Sound = tuple[Row, str, Callable[[], reading.ReadSound]]


def _sounds(rows: list[Row], there: Found, home: Path, rate_hz: int) -> Iterator[Sound | str]:
    """(credit, sha256, how to read it) of every sound that the credits speak of, or what is wrong with one."""
    fonts: dict[str, dict[str, Row]] = {}
    for row in rows:
        if sample := SAMPLE_OF.fullmatch(row["file"]):
            fonts.setdefault(sample[1], {})[sample[2] or ""] = row
            continue
        path = home / there.on_disk(row["file"])
        try:
            if path.exists() and not path.is_file():
                yield f"{shown(row['file'])} is no file; take its credit away"
                continue
            yield row, sha256_of(path), partial(reading.read, path, row["file"], rate_hz)
        except OSError as error:
            yield f"{shown(row['file'])} cannot be read ({error.strerror}); put it back or take its credit away"
    for file, said in fonts.items():
        yield from _sounds_in(file, said, home / there.on_disk(file), rate_hz)


def _sounds_in(file: str, said: dict[str, Row], path: Path, rate_hz: int) -> Iterator[Sound | str]:
    """The same for one SoundFont. ``said``: the credit of each sample by its name, that of all the others as ""."""
    try:
        font = soundfont.open_soundfont(path)
        whole = sha256_of(path)
    except RosinError as error:
        yield str(error)
        return
    others = said.pop("", None)
    if others and str(others.get("sha256") or whole).lower() != whole:
        yield f"{shown(file)} is not the file its credit was written for; check its sha256"
        others = None
    for name, digest, audio, rate in soundfont.clips(font):
        own = said.pop(name, None)
        if own is None and others is None:
            continue
        credit = own or {**others, "title": f"{others['title']}: {name}", "sha256": ""}  # type: ignore[dict-item, index]
        # of its rate and channels nothing needs to be said
        yield {**credit, "file": f"{file}#{name}"}, digest, partial(_sample, name, audio, rate, rate_hz)
    yield from (f"{shown(file)}#{shown(name)}: there is no such sample; take its credit away" for name in said)


def _sample(name: str, audio: Floats, rate: int, rate_hz: int) -> reading.ReadSound:
    return replace(reading.fit(name, audio, rate, rate_hz), done="")


def read_source(
    source: Path, rate_hz: int, ratio: int, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Clip], list[str], dict[str, list[str]]]:
    """Every credited sound of one folder or file; what was left out, in words; names by what was done to them."""
    rows, there = credited(source)
    home = source if source.is_dir() else source.parent
    lone = not source.is_dir() and source.suffix.lower() not in soundfont.SUFFIXES
    pitches = Pitches(home / (CACHE if lone or source.is_dir() else f".{source.name}{CACHE}"), rate_hz, ratio)
    warnings: list[str] = list(there.passed)
    clips: list[Clip] = []
    done: dict[str, list[str]] = {}
    for i, sound in enumerate(_sounds(rows, there, home, rate_hz)):
        if progress:
            progress(i, max(len(rows), i + 1))
        if isinstance(sound, str):
            warnings.append(sound)
            continue
        row, digest, read = sound
        if row.get("sha256") and row["sha256"].lower() != digest:
            warnings.append(f"{shown(row['file'])} is not the file its credit was written for; check its sha256")
            continue
        try:
            heard = read()
        except RosinError as error:
            warnings.append(str(error))
            continue
        audio = heard.audio
        pitch = pitches.of(audio, digest, row.get("note"))
        credit = {**row, "sha256": digest, "seconds": round(len(audio) / rate_hz, 3)}
        kept_out = bool(row.get("held_out", False))
        clips.append(Clip(credit, audio, pitch.note, pitch.sure, kept_out, pitch.stiffness, pitch.first))
        if heard.done:
            done.setdefault(heard.done, []).append(row["file"])
    pitches.keep(others=lone)  # the folder's other files are none of ours
    return clips, warnings, done


def read_corpus(
    sources: Path | Sequence[Path],
    rate_hz: int,
    ratio: int,
    held_out: float = 0.1,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Read every credited sound of folders and files. Broken and silent ones are left out, said in ``warnings``.

    A tenth is never trained on: of a source that marks some ``held_out = true`` those, of all others together those
    with the lowest sha256. ``report`` of the corpus names them. A sound that is in two sources is taken once.
    """
    many = [sources] if isinstance(sources, Path) else list(sources)
    clips: list[Clip] = []
    unmarked: list[int] = []
    warnings: list[str] = []
    done: dict[str, list[str]] = {}
    taken: dict[str, str] = {}
    for source in many:
        found, wrong, before = read_source(source, rate_hz, ratio, progress)
        place = f"{shown(source.resolve().name)}/" if len(many) > 1 and source.is_dir() else ""
        warnings += [place + line for line in wrong]
        for key, names in before.items():
            done.setdefault(key, []).extend(place + name for name in names)
        marked = any(clip.held_out for clip in found)
        mine: dict[str, str] = {}
        for clip in found:
            digest, name = str(clip.credit["sha256"]), place + clip.name
            if digest in taken:
                warnings.append(f"{shown(name)} is the same sound as {shown(taken[digest])}; it is taken once")
                continue
            mine.setdefault(digest, name)
            unmarked += [] if marked else [len(clips)]
            clips.append(replace(clip, credit={**clip.credit, "file": name}))
        taken.update(mine)
    if len(clips) < 2:
        where = some(str(source) for source in many)
        more = len(warnings) - WARNINGS_SHOWN
        wrong = [*warnings[:WARNINGS_SHOWN], *([f"and {more} more like these"] if more > 0 else [])]
        raise RosinError(f"{where}: {len(clips)} sound that can be trained on; give two at least. " + ". ".join(wrong))
    count = round(held_out * len(unmarked))
    if len(unmarked) == len(clips):
        count = max(1, count)
    for i in sorted(unmarked, key=lambda i: str(clips[i].credit["sha256"]))[:count]:
        clips[i] = replace(clips[i], held_out=True)
    if all(clip.held_out for clip in clips):
        raise RosinError("every sound is held out, so there is nothing to learn from; take some held_out marks away")
    return Corpus(
        tuple(clips),
        rate_hz,
        ratio,
        tuple(warnings),
        tuple(f"{what}: {some(names)}" for what, names in sorted(done.items())),
    )
