"""Names: ports of one device under all the names it goes by. Beside ports and mapping table."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CLIENT_NUMBERS = re.compile(r"\d+:\d+\s*$|\[\d+\]")
_NOT_WORD = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A port's name without what changes from plugging to plugging: case, punctuation, client numbers.

    "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0" and "a2j:nanoKONTROL2 [24] (capture)" both contain "nanokontrol2".
    """
    return _NOT_WORD.sub(" ", _CLIENT_NUMBERS.sub(" ", name.casefold())).strip()


OURS = "rosin"
CLIENT = f"{OURS}-midi"
"""What other programs see us as; the sound is plain rosin."""


def is_ours(name: str) -> bool:
    """Whether a port belongs to this Rosin or another on this machine, whatever number the server gave its client."""
    return plain(name).split(" ", 1)[0] == OURS


def wanted(name: str, parts: tuple[str, ...]) -> bool:
    """Whether the rig asks for this port; no parts = every one but the system's own loop-back."""
    if not parts:
        return not plain(name).startswith("midi through")
    return any(plain(part) in plain(name) for part in parts)


_DIRECTION = re.compile(r"\b(in|out|input|output|capture|playback|from|to)\b")


def device(name: str) -> str:
    """A port's plain name without the words that tell its direction: the same for both ends of one device."""
    return " ".join(_DIRECTION.sub(" ", plain(name)).split())


def partners(inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    """The output of the same device for every input that has one.

    The very same name first; else by device, the first input with the first output and so on, because two devices of
    one kind differ in nothing else.
    """
    found = {name: name for name in inputs if name in outputs}
    free = [name for name in outputs if name not in found]
    for name in inputs:
        if name not in found:
            match = next((output for output in free if device(output) == device(name)), None)
            if match is not None:
                free.remove(match)
                found[name] = match
    return found
