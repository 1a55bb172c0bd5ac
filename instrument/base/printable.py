"""Printable: other people's words - titles, authors, names of files, arguments - so that a terminal only shows them.

A terminal obeys what it is sent: an escape clears the screen or renames the window, a C1 control does the same in one
character, a bidi override shows a sentence backwards, a line break makes one notice two. Each such character becomes
the text that JSON writes for it (``\\u001b``), so that it is seen, and a program that reads JSON gets it back.
"""

from __future__ import annotations

import re

from instrument.base.errors import RosinError, ValidationErrors

LONGEST = 1000
"""Characters of one line."""
LINES = 40

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi marks, embeddings, overrides, isolates
    "\u2028\u2029"  # line and paragraph
    "\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e00ff"  # that nobody sees
    "\ud800-\udfff]"  # halves: bytes of a name that are no text
)
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_MARK}{{4}}){_MARK}+")
"""More accents on one letter than any language has: they grow over the lines above."""


def escaped(text: str, keep: str = "\n") -> str:
    """The same text, as long as it is, with each unsafe character but those of ``keep`` written out as JSON does."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def printable(text: object, most: int = LONGEST) -> str:
    """Anything as one line for a terminal. A very long one loses its middle: a sentence's remedy stands at its end."""
    said = str(text)
    if len(said) > most:
        said = f"{said[: (most - 3) * 2 // 3]} … {said[len(said) - (most - 3) // 3 :]}"
    return escaped(_MARKS.sub(r"\1", said), keep="")


def printable_lines(text: object, lines: int = LINES, most: int = LONGEST) -> str:
    """As ``printable``, for what may have line breaks of its own: a card's about."""
    said = str(text).split("\n", lines)
    return "\n".join([*(printable(line, most) for line in said[:lines]), *(["…"] if len(said) > lines else [])])


def sentences(error: RosinError, prefix: str = "") -> str:
    """What a player is told, for a terminal: a line a mistake, or the one sentence after ``prefix``."""
    if isinstance(error, ValidationErrors):
        return "\n".join(printable(f"{error.where}: {line}") for line in error.shown)
    return printable(f"{prefix}{error}")


def _written(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
