"""Corpus: a folder of sounds and its credits, read for training. First thing the training room touches.

Whoever made the sounds is named, or nothing is learned: the folder holds a ``credits.toml`` with one ``[[sounds]]``
table per file: file, title, author, source, licence (SPDX), consent; seconds and sha256 are filled in when absent.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instrument.errors import Mistakes, RosinError
from instrument.model.card import CREDITS, sha256_of

Floats = npt.NDArray[np.float32]

SUFFIXES = {".wav", ".flac", ".ogg", ".aif", ".aiff"}
ASKED = ("file", "title", "author", "source", "licence", "consent")
SILENCE = 1e-4
"""A sound whose loudest sample is below -80 dB is no sound."""
SHORTEST_S = 0.1
UNSURE = 0.35
PITCH_CACHE = ".rosin-pitch.npz"
PITCH_VERSION = 4

EXAMPLE = (
    '[[sounds]] file = "take1.wav", title = "...", author = "...", source = "recorded by me", '
    'licence = "CC0-1.0", consent = "mine to give"'
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound: mono at the model's rate, its pitch at the end of each frame (MIDI) and how sure that is."""

    credit: Mapping[str, Any]
    audio: Floats
    note: Floats
    sure: Floats
    held_out: bool

    @property
    def name(self) -> str:
        return str(self.credit["file"])


@dataclass(frozen=True, slots=True)
class Corpus:
    clips: tuple[Clip, ...]
    rate_hz: int
    ratio: int
    warnings: tuple[str, ...]

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
    def sha256(self) -> str:
        """Names the set of sounds: the hash of their hashes, in order."""
        return hashlib.sha256("".join(sorted(str(c.credit["sha256"]) for c in self.clips)).encode()).hexdigest()


def read_credits(folder: Path) -> list[dict[str, Any]]:
    """The folder's credits, checked; every mistake is named at once."""
    path = folder / CREDITS
    if not folder.is_dir():
        raise RosinError(f"{folder} is no folder; give a folder of WAV, FLAC, OGG or AIFF files with a {CREDITS}")
    if not path.is_file():
        raise RosinError(f"{folder} has no {CREDITS}, so nobody is credited; write one with, per sound: {EXAMPLE}")
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("sounds")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RosinError(f"{path} is not readable TOML ({error}); mend that line") from None
    if not isinstance(rows, list) or not rows:
        raise RosinError(f"{path} credits no sound; write, per sound: {EXAMPLE}")
    wrong: list[str] = []
    for i, row in enumerate(rows):
        for key in ASKED:
            if not isinstance(row.get(key), str) or not row[key].strip():
                wrong.append(f"sounds[{i}].{key}: {row.get(key)!r}; say it in words")
    names = {row.get("file") for row in rows}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in SUFFIXES and file.name not in names:
            wrong.append(f"{file.name}: has no credit; add a [[sounds]] table for it or take the file away")
    if wrong:
        raise Mistakes(str(path), wrong)
    return rows


def read_sound(path: Path, rate_hz: int) -> Floats:
    """Any sound file as mono float32 at the given rate. RosinError in a sentence when it cannot be."""
    import soundfile
    import soxr

    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise RosinError(f"{path.name} cannot be read as sound ({error}); export it again as WAV or FLAC") from None
    mono = np.ascontiguousarray(audio.mean(axis=1), np.float32)
    if not np.isfinite(mono).all():
        raise RosinError(f"{path.name} holds samples that are no numbers; export it again")
    if not len(mono) or float(np.abs(mono).max()) < SILENCE:
        raise RosinError(f"{path.name} is silent; take it away or export it again")
    if len(mono) < SHORTEST_S * rate:
        raise RosinError(f"{path.name} is shorter than {SHORTEST_S} s; nothing can be learned from it")
    if rate != rate_hz:
        mono = soxr.resample(mono, rate, rate_hz).astype(np.float32)
    return mono


def _steady(note: Floats, sure: Floats) -> Floats:
    """Pitch carried across the frames where there is none to hear."""
    known = sure > UNSURE
    if not known.any():
        return np.full_like(note, np.median(note))
    at = np.arange(len(note))
    return np.interp(at, at[known], note[known]).astype(np.float32)


def read_corpus(
    folder: Path, rate_hz: int, ratio: int, held_out: float = 0.1, progress: Callable[[int, int], None] | None = None
) -> Corpus:
    """Read every credited sound. Broken and silent ones are left out with a sentence in ``warnings``.

    A tenth is never trained on: those marked ``held_out = true``, else the lowest hashes.
    """
    from instrument.training.pitch import track

    rows = read_credits(folder)
    cache_path = folder / PITCH_CACHE
    known: dict[str, Any] = {}
    try:
        with np.load(cache_path) as stored:
            known = dict(stored)
    except (OSError, ValueError, EOFError):
        pass
    warnings: list[str] = []
    clips: list[Clip] = []
    fresh: dict[str, Any] = {}
    for i, row in enumerate(rows):
        path = folder / row["file"]
        if progress:
            progress(i, len(rows))
        try:
            audio = read_sound(path, rate_hz)
        except RosinError as error:
            warnings.append(str(error))
            continue
        digest = sha256_of(path)
        if row.get("sha256") and row["sha256"] != digest:
            warnings.append(f"{row['file']} is not the file its credit was written for; check its sha256")
            continue
        key = f"{digest}.{rate_hz}.{ratio}.{PITCH_VERSION}"
        pitch = known.get(key)
        if pitch is None:
            pitch = np.stack(track(audio, rate_hz, ratio))
        fresh[key] = pitch
        credit = {**row, "sha256": digest, "seconds": round(len(audio) / rate_hz, 3)}
        clips.append(Clip(credit, audio, _steady(pitch[0], pitch[1]), pitch[1], bool(row.get("held_out", False))))
    if fresh.keys() != known.keys():
        try:
            np.savez(cache_path, **fresh)
        except OSError:
            pass  # a folder that cannot be written to is only slower the next time
    if len(clips) < 2:
        raise RosinError(
            f"{folder} holds {len(clips)} sound that can be trained on; give two at least. " + " ".join(warnings)
        )
    if not any(clip.held_out for clip in clips):
        order = sorted(range(len(clips)), key=lambda i: str(clips[i].credit["sha256"]))
        for i in order[: max(1, round(held_out * len(clips)))]:
            c = clips[i]
            clips[i] = Clip(c.credit, c.audio, c.note, c.sure, True)
    return Corpus(tuple(clips), rate_hz, ratio, tuple(warnings))
