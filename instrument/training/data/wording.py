"""Wording: names of files and sounds, as a sentence can hold them.
Below the files, the credits check and the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

NAMED = 3
"""Files named of one kind."""


def shown(name: str) -> str:
    """A name as it can be printed in one line: bytes that are no UTF-8, and what would move the cursor, as escapes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(text: str) -> str:
    """A text as TOML has it in double quotes."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def some(names: Iterable[str], count: int = NAMED) -> str:
    """`a, b, c and 4 more`."""
    all_of_them = [shown(name) for name in names]
    more = len(all_of_them) - count
    return ", ".join(all_of_them[:count]) + (f" and {more} more" if more > 0 else "")
