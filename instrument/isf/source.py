"""Source: the text of a shader's file, and where in it the header stands. Before parse and the stage's host. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.reading import open_file
from instrument.isf.shape import BYTES_MAX, one_line


def read_text(path: Path) -> str:
    """A shader's text, line ends made one. RosinError if it cannot be read."""
    try:
        with open_file(path) as file:
            data = file.read(BYTES_MAX + 1) or b""
    except (OSError, ValueError) as error:
        why = one_line(getattr(error, "strerror", None) or error)
        raise RosinError(f"{one_line(path.name)} cannot be read ({why}); give the path of an .fs file") from None
    if len(data) > BYTES_MAX:
        raise RosinError(f"{one_line(path.name)} is larger than 1 MiB; that is no shader: give the path of an .fs file")
    return decoded(data)


def decoded(data: bytes) -> str:
    """UTF-8, or Latin-1 where it is not (old files), with line ends made one."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def header_place(text: str) -> tuple[int, int] | None:
    """Where the JSON of the first comment that holds some begins and ends; nothing but comments may come before."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if text.startswith("//", at) or text.startswith("#", at):
            at = text.find("\n", at)
            if at < 0:
                return None
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            if end < 0:
                return None
            if text[at + 2 : end].lstrip(" \t\n*").startswith("{"):
                return text.index("{", at), end
            at = end + 2
        else:
            return None


def without_last_commas(words: str) -> str:
    """JSON without the commas before } and ], which many files have; texts and lines stay as they are."""
    found: list[str] = []
    for part in re.split(r'("(?:[^"\\]|\\.)*")', words):
        found.append(part if part.startswith('"') else re.sub(r",(\s*[}\]])", r"\1", part))
    return "".join(found)
