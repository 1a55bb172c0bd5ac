"""Processes: how one of ours is started, told, put behind the others and ended. Below all that start or are one.

What a process of a show is besides (its link, its cue) stands in ipc/worker.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ARGUMENT_MAX = 100_000
"""Characters of a text, which are ASCII, in one argument of a command."""


def command_of(module: str, *arguments: str, nice: int = 0) -> list[str]:
    """What starts a module as a process. ``nice``: how much later than the others it gets a core, from its very first
    import on (POSIX)."""
    found = shutil.which("nice") if nice and os.name == "posix" else None
    return [*([found, "-n", str(nice)] if found else ()), sys.executable, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Ours, with this package found from whatever folder the process is started in."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def pieces(text: str) -> list[str]:
    """A long text as arguments of a command: one has 128 KiB at most, less than hundreds of learned addresses need."""
    return [text[at : at + ARGUMENT_MAX] for at in range(0, len(text), ARGUMENT_MAX)]


def whole(arguments: Sequence[str]) -> str:
    """The text of which these are the ``pieces``."""
    return "".join(arguments)


def stand_behind(nice: int) -> None:
    """The present process from now on: at least so nice, where the system knows niceness."""
    if hasattr(os, "nice"):  # not on Windows
        with contextlib.suppress(OSError):
            os.nice(max(0, nice - os.nice(0)))


class ParentWatch:
    """Whether the process that started us is still there. ``pid``: who it was, if that is known: it may have died
    before we looked. (Not believed on Windows, where a launcher may stand between the two.)"""

    def __init__(self, pid: int = 0) -> None:
        self._pid = pid if pid and os.name == "posix" else os.getppid()

    @property
    def gone(self) -> bool:
        return os.getppid() != self._pid


def end(code: int) -> NoReturn:
    """At once: threads of libjack may still be at work; taking its memory from under them would crash at the end."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
