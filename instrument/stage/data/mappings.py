"""Mappings: what the rig binds to each knob, read again when the file changed. After the rig, before the panel.

A learned controller is saved at once by the hands; the stage looks at the file's time once a second and reads it only
when that is another. A file that is wrong at this moment leaves what was read before.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.documents.rig import Rig, read_rig, rig_path

LOOK_S = 1.0


class Mappings:
    """``of(knob id)``: rows of the rig. ``rig``: the rest of it. ``version`` grows whenever another file was read."""

    def __init__(self, path: str = "") -> None:
        """``path``: of the rig file, empty for this machine's own."""
        self._path = Path(path) if path else rig_path()
        self._stamp: tuple[int, int] | None = None
        self._looked = float("-inf")
        self._rows: dict[str, list[Mapping[str, Any]]] = {}
        self.rig = Rig()
        self.version = 0

    def look(self, now: float) -> bool:
        """Called as often as one likes; ``now`` in seconds of any clock that goes on. True when it was read anew."""
        if 0.0 <= now - self._looked < LOOK_S:
            return False
        self._looked = now
        stamp = None
        with contextlib.suppress(OSError, ValueError):
            found = os.stat(self._path)
            stamp = (found.st_mtime_ns, found.st_size)
        if stamp is None or stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.rig = read_rig(self._path)
        except RosinError:
            return False
        self._rows = {}
        for row in (*self.rig.midi.bindings, *self.rig.osc.bindings):
            if isinstance(row, Mapping) and isinstance(row.get("knob"), str):
                self._rows.setdefault(row["knob"], []).append(row)
        self.version += 1
        return True

    def of(self, knob: str) -> Sequence[Mapping[str, Any]]:
        return self._rows.get(knob, ())

    def address(self, knob: str) -> str:
        """Where OSC reaches a knob."""
        return f"{self.rig.osc.root}/knob/{knob}"
