"""Prompts: who made these sounds? Asked in a terminal when a folder has no credits, before anything is learned.

One answer for all sounds, or one per folder. What a SoundFont says of itself is shown first, as a help to memory: the
player answers all the same.
"""

from __future__ import annotations

import contextlib
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.base.writing import write_whole
from instrument.model.library import licences
from instrument.model.library.listed import sha256_of
from instrument.training.data import soundfont
from instrument.training.data.credits_check import ASKED, credits_path, sounds_of
from instrument.training.data.wording import shown

QUESTIONS = ("author", "source", "licence", "consent")
MINE = ("mine", "own", "à moi")
SAID_CHARACTERS = 200


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _answer(key: str, language: str, ask: Callable[[str], str], tell: Callable[[str], None]) -> str:
    while True:
        given = _asked(say(f"asking.whose.{key}", language), language, ask, tell)
        if key == "licence" and given.lower() in MINE:
            return licences.OWN
        if given and not (key == "licence" and (why := licences.refusal_to_learn(given))):
            return given
        tell(why if given else say("asking.empty", language))


def _asked(question: str, language: str, ask: Callable[[str], str], tell: Callable[[str], None]) -> str:
    """What was typed, in characters that a file can hold: a terminal set to Latin-1 sends bytes that are none."""
    while True:
        try:
            given = ask(question).strip()
            given.encode()
            return given
        except UnicodeError:
            tell(say("asking.letters", language))


def _one_answer(files: Sequence[str], language: str, ask: Callable[[str], str], tell: Callable[[str], None]) -> Any:
    title = _asked(say("asking.title", language), language, ask, tell)
    same = {key: _answer(key, language, ask, tell) for key in QUESTIONS}

    def row(file: str) -> dict[str, str]:
        stem = Path(file).stem
        own = stem if not title else title if len(files) == 1 else f"{title}: {stem}"
        return dict(zip(ASKED, (file, own, *(same[key] for key in QUESTIONS)), strict=True))

    return [row(file) for file in files]


def ask_credits(
    source: Path, language: str = "en", ask: Callable[[str], str] = input, tell: Callable[[str], None] = print
) -> Path:
    """Ask for the credits of a folder or a SoundFont, write and return the file. RosinError when nobody answers."""
    there = sounds_of(source)
    files = there.files
    home = source if source.is_dir() else source.parent
    for line in there.passed:
        tell(line)
    if not files:
        raise RosinError(f"{shown(str(source))} holds no sounds; put WAV, FLAC, OGG, MP3, AIFF or SF2 files there")
    tell(say("asking.why", language, source=shown(str(source)), count=len(files)))
    for file in files:
        if Path(file).suffix.lower() in soundfont.SUFFIXES:
            _tell_of_itself(file, home / file, tell)
    groups: dict[str, Sequence[str]] = {"": files}
    folders = sorted({Path(file).parent.as_posix() for file in files})
    rows: list[dict[str, Any]] = []
    try:
        if len(folders) > 1 and _asked(say("asking.each", language, count=len(folders)), language, ask, tell).lower()[
            :1
        ] in ("f", "d"):
            groups = {folder: [f for f in files if Path(f).parent.as_posix() == folder] for folder in folders}
        for folder, group in groups.items():
            if folder:
                tell(say("asking.folder", language, folder=folder, count=len(group)))
            rows += _one_answer(group, language, ask, tell)
    except (EOFError, KeyboardInterrupt):
        raise RosinError(say("asking.stopped", language, path=credits_path(source))) from None
    for row in rows:
        with contextlib.suppress(OSError):  # what cannot be read is told when it is listened to
            row["sha256"] = sha256_of(home / row["file"])
    path = credits_path(source)
    write_credits(rows, path)
    tell(say("asking.written", language, path=shown(str(path))))
    return path


def _tell_of_itself(file: str, path: Path, tell: Callable[[str], None]) -> None:
    """What a SoundFont says of who made it; or that it cannot be read."""
    try:
        said = soundfont.open_soundfont(path).said
    except RosinError as error:
        tell(str(error))
        return
    for key, words in said.items():
        first = shown(" ".join(words.split()))
        tell(f"  {shown(file)}, {key}: {first[:SAID_CHARACTERS]}{' ...' if len(first) > SAID_CHARACTERS else ''}")


def write_credits(rows: list[dict[str, Any]], path: Path) -> None:
    """All of the file or nothing of it, and never one that would not be read. RosinError when it cannot be written."""
    document = tomlkit.document()
    document["sounds"] = tomlkit.aot()
    for row in rows:
        document["sounds"].append(tomlkit.item(row))
    text = tomlkit.dumps(document)
    try:
        if tomllib.loads(text)["sounds"] != rows:
            raise ValueError("it would be read otherwise")
        write_whole(path, text.encode("utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RosinError(f"{shown(str(path))} cannot be written ({why}); make room, or write it yourself") from None
