"""Watch: has one of a visual's files changed? Asks the file system, and never twice in a quarter of a second.

An editor writes a file in steps, or removes it and puts another in its place: a change counts when two looks in a row
see the same, and a file that is gone for a moment is no change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_S = 0.25
Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp:
    """What tells one version of a file from the next: time, size, place on the disk. Zeros when it is not there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


class Watch:
    """``changed()`` as often as you like; True once for each change. ``follow(paths)``: these from now on."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0
        self.follow(paths)

    def follow(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._known = self._seen = self._stamps()
        self._next = self._clock() + LOOK_S

    def _stamps(self) -> tuple[Stamp, ...]:
        return tuple(stamp(path) for path in self._paths)

    def changed(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + LOOK_S
        stamps = self._stamps()
        settled, self._seen = stamps == self._seen, stamps
        if not settled or stamps == self._known or (stamps and stamps[0] == (0, 0, 0)):
            return False
        self._known = stamps
        return True
