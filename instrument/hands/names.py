"""Names: ports of one device under all the names it goes by. Beside ports and board."""

from __future__ import annotations

import re

_CLIENT_NUMBERS = re.compile(r"\d+:\d+\s*$|\[\d+\]")
_NOT_WORD = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A port's name without what changes from plugging to plugging: case, punctuation, client numbers.

    "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0" and "a2j:nanoKONTROL2 [24] (capture)" both contain "nanokontrol2".
    """
    return _NOT_WORD.sub(" ", _CLIENT_NUMBERS.sub(" ", name.casefold())).strip()


def wanted(name: str, parts: tuple[str, ...]) -> bool:
    """Whether the rig asks for this port; no parts = every one but the system's own loop-back."""
    if not parts:
        return not plain(name).startswith("midi through")
    return any(plain(part) in plain(name) for part in parts)
