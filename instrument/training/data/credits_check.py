"""Credits check: nothing trains without credits.
Before the corpus is read; ``prompts`` helps to write what is missing here.

A folder of sounds holds a ``credits.toml`` with one ``[[sounds]]`` table per file: file (``sub/take.wav`` when it is in
a folder below), title, author, source, licence, consent; seconds, sha256, held_out and note may be there. A lone
``piano.sf2`` has ``piano.sf2.credits.toml`` beside it, and so may a lone ``take.wav``, if its folder's ``credits.toml``
does not speak of it. Names are compared in composed Unicode (files.py). The licence is an SPDX identifier, and one
under which others may learn (model/licences).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors, first_alike
from instrument.base.toml import read_toml
from instrument.model.library import licences
from instrument.model.library.card import CREDITS
from instrument.training.data import soundfont
from instrument.training.data.files import (
    PASSED_OVER,
    SAMPLE_OF,
    SUFFIXES,
    Found,
    composed,
    files_in,
    found,
    passed_over,
)
from instrument.training.data.wording import quoted, shown

ASKED = ("file", "title", "author", "source", "licence", "consent")
LONGEST_BYTES = 1 << 26
"""Of a credits file: a hundred thousand sounds."""

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


def sounds_of(source: Path) -> Found:
    """The sound files of a folder and of the folders in it, by their place in it; or the lone file."""
    try:
        name = source.name.encode().decode()
    except UnicodeEncodeError:
        if not source.is_dir():
            raise RosinError(f"{shown(source.name)} has a name that is no UTF-8; rename it") from None
        name = source.name
    if source.suffix.lower() in SUFFIXES and source.is_file():
        return found([name])
    if source.suffix.lower() in PASSED_OVER and source.is_file():
        raise RosinError(passed_over([name]))
    if not source.is_dir():
        raise RosinError(
            f"{shown(str(source))} is no folder; give a folder of WAV, FLAC, OGG, MP3 or AIFF files with a {CREDITS}, "
            "or an .sf2 file"
        )
    return files_in(source)


def _rows(source: Path, path: Path) -> list[dict[str, Any]]:
    """The tables of a credits file, unchecked."""
    if not path.is_file():
        home, missing = shown(str(source)), shown(path.name)
        raise RosinError(f"{home} has no {missing}, so nobody is credited; write one with, per sound: {EXAMPLE}")
    try:
        rows = read_toml(path, "credits file", LONGEST_BYTES, "mend that line").get("sounds")
    except RosinError as error:
        raise RosinError(shown(str(error))) from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RosinError(f"{shown(str(path))} credits no sound; write, per sound: {EXAMPLE}")
    return rows


def _mistakes(i: int, row: dict[str, Any]) -> list[str]:
    """What is wrong with one table."""
    said = [key for key in ASKED if isinstance(row.get(key), str) and row[key].strip()]
    wrong = [f"sounds[{i}].{key}: {_short(row.get(key))}; say it in words" for key in ASKED if key not in said]
    if "licence" in said and (why := licences.refusal_to_learn(row["licence"])):
        wrong.append(f"sounds[{i}].licence: {why}")
    if "file" in said and (Path(row["file"]).is_absolute() or ".." in Path(row["file"]).parts or "\0" in row["file"]):
        wrong.append(f"sounds[{i}].file: {_short(row['file'])} is elsewhere; name a file in the folder")
    note = row.get("note", 60)
    if isinstance(note, bool) or not isinstance(note, int | float) or not 0 <= note <= 127:
        wrong.append(f"sounds[{i}].note: {_short(note)}; give the MIDI note that is heard, 0 to 127, or leave it out")
    if not isinstance(row.get("held_out", False), bool):
        wrong.append(f"sounds[{i}].held_out: {_short(row['held_out'])}; write true or false, without quotes")
    if not isinstance(row.get("sha256", ""), str):
        wrong.append(f"sounds[{i}].sha256: {_short(row['sha256'])}; write its 64 hex digits in quotes, or leave it out")
    return wrong


def _short(value: Any) -> str:
    text = shown(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def read_credits(source: Path) -> list[dict[str, Any]]:
    """The credits of a folder or a lone file, checked; every mistake is named at once (the first twenty)."""
    return credited(source)[0]


def credited(source: Path) -> tuple[list[dict[str, Any]], Found]:
    """The same, and the files that are there. RosinError when there is nothing to credit."""
    there, path = sounds_of(source), credits_path(source)
    if not there.files:
        over = f" ({'; '.join(there.passed[:3])})" if there.passed else ""
        raise RosinError(f"{shown(str(source))} holds no sounds{over}; put WAV, FLAC, OGG, MP3 or AIFF files there")
    rows = _rows(source, path)
    if path.name == CREDITS and path.parent != source:  # a lone file out of a folder: the others' are not asked
        rows = [row for row in rows if there.on_disk(str(row.get("file"))) == source.name]
    wrong = [line for i, row in enumerate(rows) for line in _mistakes(i, row)]
    named: set[str] = set()
    once: set[str] = set()
    for i, row in enumerate(rows):
        font = SAMPLE_OF.fullmatch(str(row.get("file")))
        file, sample = (font[1], font[2] or "") if font else (str(row.get("file")), "")
        file = there.on_disk(file)
        named.add(file)
        if (both := f"{file}#{sample}") in once:
            wrong.append(f"sounds[{i}].file: {_short(row['file'])} is credited a second time; keep one of the two")
        once.add(both)
    for file in there.files:
        if file in named:
            continue
        if len(there.spelled[composed(file)]) > 1:
            wrong.append(
                f"{shown(file)}: has no credit: two files have this name, in two spellings; rename one of them"
            )
        else:
            line = f"file = {quoted(file)}"
            wrong.append(f"{shown(file)}: has no credit; add a [[sounds]] table with {line} or take the file away")
    if wrong:
        raise ValidationErrors(shown(str(path)), first_alike(wrong))
    return rows, there
