"""Asking: who made these sounds? Asked in a terminal when a folder has no credits, before anything is learned.

One answer for all sounds, or one per folder. What a SoundFont says of itself is shown first, as a help to memory: the
player answers all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomlkit

from instrument.errors import RosinError
from instrument.model import licences
from instrument.model.card import sha256_of
from instrument.text import say
from instrument.training import soundfont
from instrument.training.gate import ASKED, credits_path, files_of

QUESTIONS = ("author", "source", "licence", "consent")
MINE = ("mine", "own", "à moi")
SAID_CHARACTERS = 200


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _answer(key: str, language: str, ask: Callable[[str], str], tell: Callable[[str], None]) -> str:
    while True:
        given = ask(say(f"asking.whose.{key}", language)).strip()
        if key == "licence" and given.lower() in MINE:
            return licences.OWN
        if given and not (key == "licence" and (why := licences.refusal(given))):
            return given
        tell(why if given else say("asking.empty", language))


def _one_answer(files: list[str], language: str, ask: Callable[[str], str], tell: Callable[[str], None]) -> Any:
    title = ask(say("asking.title", language)).strip()
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
    files = files_of(source)
    home = source if source.is_dir() else source.parent
    if not files:
        raise RosinError(f"{source} holds no sounds; put WAV, FLAC, OGG, AIFF or SF2 files there")
    tell(say("asking.why", language, source=source, count=len(files)))
    for file in files:
        if Path(file).suffix.lower() in soundfont.SUFFIXES:
            for key, words in soundfont.open_soundfont(home / file).said.items():
                first = " ".join(words.split())
                tell(f"  {file}, {key}: {first[:SAID_CHARACTERS]}{' ...' if len(first) > SAID_CHARACTERS else ''}")
    groups = {"": files}
    folders = sorted({Path(file).parent.as_posix() for file in files})
    rows: list[dict[str, Any]] = []
    try:
        if len(folders) > 1 and ask(say("asking.each", language, count=len(folders))).strip().lower()[:1] in ("f", "d"):
            groups = {folder: [f for f in files if Path(f).parent.as_posix() == folder] for folder in folders}
        for folder, group in groups.items():
            if folder:
                tell(say("asking.folder", language, folder=folder, count=len(group)))
            rows += _one_answer(group, language, ask, tell)
    except (EOFError, KeyboardInterrupt):
        raise RosinError(say("asking.stopped", language, path=credits_path(source))) from None
    for row in rows:
        row["sha256"] = sha256_of(home / row["file"])
    document = tomlkit.document()
    document["sounds"] = tomlkit.aot()
    for row in rows:
        document["sounds"].append(tomlkit.item(row))  # type: ignore[union-attr]
    path = credits_path(source)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    tell(say("asking.written", language, path=path))
    return path
