"""Gate: nothing trains without credits. Before the corpus is read; ``asking`` helps to write what is missing here.

A folder of sounds holds a ``credits.toml`` with one ``[[sounds]]`` table per file: file (``sub/take.wav`` when it is in
a folder below), title, author, source, licence, consent; seconds, sha256, held_out and note may be there. A lone
``piano.sf2`` has ``piano.sf2.credits.toml`` beside it, and so may a lone ``take.wav``, if its folder's ``credits.toml``
does not speak of it. The licence is an SPDX identifier, and one under which others may learn (model/licences).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from instrument.errors import Mistakes, RosinError
from instrument.model import licences
from instrument.model.card import CREDITS
from instrument.training import soundfont

SUFFIXES = {".wav", ".flac", ".ogg", ".aif", ".aiff"} | soundfont.SUFFIXES
ASKED = ("file", "title", "author", "source", "licence", "consent")

EXAMPLE = (
    'sounds = [{file = "take1.wav", title = "...", author = "...", source = "recorded by me", '
    'licence = "CC0-1.0", consent = "mine to give"}]'
)
"""A whole credits file, in one line."""


def credits_path(source: Path) -> Path:
    """Where the credits of a folder, or of a lone file, are."""
    if source.suffix.lower() not in SUFFIXES or source.is_dir():
        return source / CREDITS
    own, folder = source.with_name(f"{source.name}.{CREDITS}"), source.parent / CREDITS
    return folder if source.suffix.lower() not in soundfont.SUFFIXES and folder.is_file() and not own.is_file() else own


def files_of(source: Path) -> list[str]:
    """The sound files of a folder and of the folders in it, by their place in it; or the lone file. Sorted."""
    if source.suffix.lower() in SUFFIXES and source.is_file():
        return [source.name]
    if not source.is_dir():
        raise RosinError(
            f"{source} is no folder; give a folder of WAV, FLAC, OGG or AIFF files with a {CREDITS}, or an .sf2 file"
        )
    found = (path.relative_to(source) for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def read_credits(source: Path) -> list[dict[str, Any]]:
    """The credits of a folder or a lone file, checked; every mistake is named at once."""
    files = files_of(source)
    path = credits_path(source)
    if not path.is_file():
        raise RosinError(f"{source} has no {path.name}, so nobody is credited; write one with, per sound: {EXAMPLE}")
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("sounds")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RosinError(f"{path} is not readable TOML ({error}); mend that line") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RosinError(f"{path} credits no sound; write, per sound: {EXAMPLE}")
    if path.name == CREDITS and path.parent != source:  # a lone file out of a folder: the others' are not asked
        rows = [row for row in rows if row.get("file") == source.name]
    wrong: list[str] = []
    for i, row in enumerate(rows):
        said = [key for key in ASKED if isinstance(row.get(key), str) and row[key].strip()]
        wrong += [f"sounds[{i}].{key}: {row.get(key)!r}; say it in words" for key in ASKED if key not in said]
        if "licence" in said and (why := licences.refusal(row["licence"])):
            wrong.append(f"sounds[{i}].licence: {why}")
        if "file" in said and (Path(row["file"]).is_absolute() or ".." in Path(row["file"]).parts):
            wrong.append(f"sounds[{i}].file: {row['file']!r} is elsewhere; name a file in the folder")
        note = row.get("note", 60)
        if isinstance(note, bool) or not isinstance(note, int | float) or not 0 <= note <= 127:
            wrong.append(f"sounds[{i}].note: {note!r}; give the MIDI note that is heard, 0 to 127, or leave it out")
    names = {str(row.get("file")) for row in rows}
    for file in files:
        if file not in names and not any(name.startswith(file + "#") for name in names):
            wrong.append(f"{file}: has no credit; add a [[sounds]] table for it or take the file away")
    if wrong:
        raise Mistakes(str(path), wrong)
    return rows
