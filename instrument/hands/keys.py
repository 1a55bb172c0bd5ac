"""Keys: the computer's keyboard in a terminal, when there is no window. A hand like the others.

Only reads what was typed; what a key means is decided by who asks. On a terminal of another kind there are no keys.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
from types import TracebackType

_ARROWS = {"[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left"}
TYPED_MAX = 4096
_NAMED = {"\r": "enter", "\n": "enter", " ": "space", "\x7f": "backspace"}


class TerminalKeys:
    """Unbuffered, unechoed keys of the terminal; its settings are put back whatever happens."""

    def __init__(self) -> None:
        self._before: list[object] | None = None
        self._fd = -1
        self._begun = ""

    def __enter__(self) -> TerminalKeys:
        with contextlib.suppress(ImportError, OSError, ValueError):
            import termios
            import tty

            if sys.stdin.isatty():
                self._fd = sys.stdin.fileno()
                self._before = list(termios.tcgetattr(self._fd))
                tty.setcbreak(self._fd, termios.TCSANOW)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)  # type: ignore[arg-type]
            self._before = None

    def read(self) -> list[str]:
        """The keys pressed since the last call: one character each, or escape, enter, space, up, down, left, right."""
        if self._before is None or not select.select([self._fd], [], [], 0.0)[0]:
            return []
        try:
            typed = self._begun + os.read(self._fd, TYPED_MAX).decode("utf-8", "ignore")
            # An arrow may come in two pieces, and the first alone would be the Escape key, which silences.
            if typed.endswith("\x1b") and select.select([self._fd], [], [], ESCAPE_SECONDS)[0]:
                typed += os.read(self._fd, TYPED_MAX).decode("utf-8", "ignore")
        except OSError:  # the terminal was closed: the show hears of it by a signal
            return []
        cut = BEGUN.search(typed)
        typed, self._begun = (typed[: cut.start()], cut[0]) if cut else (typed, "")
        return names_of(typed)


def names_of(typed: str) -> list[str]:
    """The bytes of a terminal as key names; an escape sequence that is no arrow is passed over."""
    keys = []
    i = 0
    while i < len(typed):
        c = typed[i]
        if c == "\x1b" and typed[i + 1 : i + 2] in ("[", "O"):
            end = i + 2
            while end < len(typed) and not typed[end].isalpha() and typed[end] != "~":
                end += 1
            if name := _ARROWS.get(typed[i + 1 : end + 1]):
                keys.append(name)
            i = end + 1
            continue
        if c == "\x1b":
            keys.append("escape")
        elif c in _NAMED:
            keys.append(_NAMED[c])
        elif c.isprintable():
            keys.append(c)
        i += 1
    return keys


ESCAPE_SECONDS = 0.01
"""After the first byte of an arrow the others follow at once; after the Escape key nothing does."""
BEGUN = re.compile(r"\x1b[\[O][^A-Za-z~]{0,8}$")
"""An escape sequence that has not come to its end."""
