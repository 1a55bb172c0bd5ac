"""Mark: remembers, beyond the death of the window, which visual was being drawn, and for how long. Before host.

A shader that never ends cannot be stopped from here: the show's watchdog kills the window and opens another. A mark is
a small file, one per visual, mapped into memory: set before every drawing and cleared after it, which costs two writes
to memory and no call of the system. While it is set a thread notes four times a second that the drawing still goes on.
What is mapped outlives a kill -9. Whoever finds a mark that is set, of a drawing that had gone on for longer than any
picture should take, and the visual's file unchanged since, leaves that visual out. (A window that is killed for another
reason, or a power cut, falls into a drawing of some milliseconds: that one is loaded again.)
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from instrument.base.paths import data_home
from instrument.isf import one_line
from instrument.stage.isf.watch import Stamp, stamp

HANG_S = 1.0
"""A drawing that had gone on for so long when the window died had hung. The watchdog must wait for longer than that."""
NOTE_S = 0.25
_RECORD = struct.Struct("=QddQQQ")  # set or not; when it was set and when it last went on (s); the file's stamp
BYTES = 4096


def marks_folder() -> Path:
    """Where marks are kept: the player's own folder."""
    return data_home() / "drawing"


class Mark:
    """The mark of one visual. ``begin`` before drawing, ``end`` when it is drawn for certain (after glFinish).

    Where the folder cannot be written there is no mark, and nothing else changes.
    """

    def __init__(
        self, visual: Path, folder: Path | None = None, clock: Callable[[], float] = time.monotonic, notes: bool = True
    ) -> None:
        """``notes``: whether a thread notes that a drawing goes on; without it ``note`` is for the caller."""
        self._visual, self._clock = visual, clock
        name = hashlib.sha256(os.path.realpath(visual).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self.path = (folder or marks_folder()) / name
        self._stamp: Stamp = (0, 0, 0)
        self._begun: float | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._map: mmap.mmap | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(handle).st_size != BYTES:
                    os.ftruncate(handle, BYTES)
                self._map = mmap.mmap(handle, BYTES)
            finally:
                os.close(handle)
        except (OSError, ValueError):
            self._map = None
        if notes and self._map is not None:
            threading.Thread(target=self._go_on, name="visual mark", daemon=True).start()

    def hung(self, hang_s: float = HANG_S) -> bool:
        """Did the visual, as its file is now, hang the last time that it was drawn? Ask before ``begin``."""
        if self._map is None:
            return False
        up, begun, noted, *written = _RECORD.unpack_from(self._map)
        return bool(up) and noted - begun >= hang_s and tuple(written) == stamp(self._visual)

    def load(self) -> None:
        """The file is read: its present version is what is drawn from now on."""
        self._stamp = stamp(self._visual)

    def begin(self) -> None:
        with self._lock:
            self._begun = now = self._clock()
            if self._map is not None:
                _RECORD.pack_into(self._map, 0, 1, now, now, *self._stamp)

    def note(self) -> None:
        """The drawing, if there is one, still goes on."""
        with self._lock:
            if self._map is not None and self._begun is not None:
                _RECORD.pack_into(self._map, 0, 1, self._begun, self._clock(), *self._stamp)

    def _go_on(self) -> None:
        while not self._closed.wait(NOTE_S):
            self.note()

    def end(self) -> None:
        with self._lock:
            self._begun = None
            if self._map is not None:
                _RECORD.pack_into(self._map, 0, 0, 0.0, 0.0, 0, 0, 0)

    def close(self) -> None:
        """Let go of the memory; a mark that is set stays set."""
        self._closed.set()
        with self._lock:
            if self._map is not None:
                self._map.close()
                self._map = None


def hung_sentence(name: str) -> str:
    """What the player is told of a visual that is left out, in English; the stage says it in its own language."""
    return f"{one_line(name)} hung when it was last drawn and is left out; it is tried again when its file is saved"
