"""Toml: the tables of one TOML file, whoever wrote it. The one reader of TOML; under patch, rig, feels, scenes, card
and credits.

What a parser of TOML chokes on is found before it is asked: brackets in brackets without end, which it meets by calling
itself; keys of many parts, for which its time grows with their square; numbers of thousands of digits.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.reading import an, read_bytes, text_of

BYTES_MAX = 1 << 20
"""A settings file is a few pages; what is larger is another kind of file (/dev/zero has no end at all)."""
DEPTH_MAX = 64
"""Brackets within brackets. A patch has four."""
STEPS_MAX = 8_000_000
"""Of the parser, on keys of many parts: for each part it looks again at all before it, and for each line at all parts
of the section's name. A second or so."""
DIGITS_MAX = 4000
"""Of one number: Python turns no more than 4300 into a text again."""

TOO_DEEP = "nests too deep"

_STRING = "|".join(
    (
        r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\\?\Z)',
        r"\'\'\'(?:[^\']|\'(?!\'\'))*+(?:\'{3,5}|\Z)",
        r'"(?:[^"\\\n]|\\.)*+"?',
        r"\'[^\'\n]*+\'?",
    )
)
"""One that does not end goes to the end of its line, or of the file: looked for again from each quote in it, the time
would grow with the square of the file."""
_WORD = r"[A-Za-z0-9_+-]+"
_TOKEN = re.compile(rf"(?P<text>{_STRING})|(?P<comment>#[^\n]*)|(?P<word>{_WORD})|(?P<mark>[\[\]{{}}.\n])", re.DOTALL)


def read_toml(path: Path, what: str, most: int = BYTES_MAX, remedy: str = "") -> dict[str, Any]:
    """The tables of one TOML file, of kind ``what``. RosinError for whatever is no such file.

    ``remedy``: what to do about one that is not right, where nobody would mend it in an editor.
    """
    return toml_from(read_bytes(path, most, what, remedy), path, what, remedy)


def toml_from(data: bytes, where: object, what: str, remedy: str = "") -> dict[str, Any]:
    """The tables of TOML in bytes that came from ``where``. RosinError with the line, and the remedy."""
    text = text_of(data, where, what, remedy)
    wrong, line = _too_much(text)
    at = f"(at line {line})"
    if wrong == TOO_DEEP:
        raise RosinError(f"{where} {wrong} to be {an(what)} {at}; {remedy or 'write it again from a shipped one'}")
    try:
        if wrong:
            raise ValueError(f"{wrong} {at}")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise RosinError(f"{where} is not readable TOML ({why}); {remedy or 'mend that place in an editor'}") from None


def _too_much(text: str) -> tuple[str, int]:
    """What would be too much for the parser, with its line; empty when nothing is."""
    depth, parts, longest, steps, dotted = 0, 1, 1, 0, False
    for token in _TOKEN.finditer(text):
        said, kind = token.group(), token.lastgroup
        wrong = ""
        if kind == "mark":
            dotted = said == "."
            depth = max(0, depth + (said in "[{") - (said in "]}"))
            steps += longest if said == "\n" else 0
        elif kind in ("word", "text"):
            parts = parts + 1 if dotted else 1
            dotted, longest, steps = False, max(longest, parts), steps + parts
            if kind == "word" and len(said) > DIGITS_MAX:
                wrong = f"Exceeds the limit of {DIGITS_MAX} digits"
        if depth > DEPTH_MAX or steps > STEPS_MAX:
            wrong = TOO_DEEP
        if wrong:
            return wrong, text.count("\n", 0, token.start()) + 1
    return "", 0
