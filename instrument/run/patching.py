"""Patching: the show's side of the patchbay - started while the sound plays into JACK, and again when it fell over.

It makes no sound and holds nothing that is not in the link: whether it lives is nobody's concern but the patching's.
"""

from __future__ import annotations

import os
import subprocess

from instrument.audio.patchbay import NO_LIBRARY, on_jack
from instrument.base.processes import command_of
from instrument.ipc import Link

AGAIN_SECONDS = 1.0


class Patching:
    """``look`` often."""

    def __init__(self, link: Link) -> None:
        self._link, self._row = link, link.health.row("sound")
        self._child: subprocess.Popen[bytes] | None = None
        self._again_at = 0.0

    def look(self, now: float) -> None:
        """Start it when there is something to patch."""
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return
            self._child = None
            self._again_at = float("inf") if code == NO_LIBRARY else now + AGAIN_SECONDS
        if os.name == "posix" and now >= self._again_at and on_jack(self._row):
            self._child = subprocess.Popen(
                command_of("instrument.audio.patchbay", self._link.token),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=self._link.fds,
            )

    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [self._child] if self._child is not None else []
