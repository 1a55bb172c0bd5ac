"""Take cover: the manifest of a take while it is written, and what it needs to be played elsewhere. For take_files.

Kept with it are the patches that sounded, as they were read, and visuals of the player's own, as their inputs are
knobs: without them the take would not play where those files are not.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import shipped
from instrument.base.reading import read_bytes
from instrument.base.writing import write_whole
from instrument.documents.patch import Patch
from instrument.documents.take_folder import CREDITS, GESTURES, LATENTS, OPENING, kept_name
from instrument.documents.take_manifest import Played, TakeManifest, entry_of, write_manifest
from instrument.engine.layer import Layer
from instrument.isf import find_visual
from instrument.isf.shape import BYTES_MAX

DATED = "%Y-%m-%dT%H:%M:%SZ"
VISUAL = ".fs"
PATCHES_MOST = 64
"""Of one take; 2 kB each."""
SMALL_BYTES = 1 << 24
"""Hashed in 50 ms at most."""
REST_SECONDS = 0.001
"""After each quarter of a megabyte: 3.9 GB, all that a WAV holds, are done in half a minute."""
_ONE_AT_A_TIME = threading.Lock()


def rosin_version() -> str:
    """Of the program that runs; empty where it was never installed."""
    try:
        return version("rosin")
    except PackageNotFoundError:
        return ""


class TakeCover:
    """Of one take. For the thread that writes its files; OSError as files give it."""

    def __init__(self, folder: Path, layer: Layer, seed: int, rate: int, channels: int) -> None:
        self.folder, self._patch = folder, layer.patch
        card, source = layer.voice.card, layer.patch.source
        digest = hashlib.sha256(source).hexdigest() if source else ""
        patch, model = Played(layer.patch.name, digest), Played(card.name, card.sha256)
        made = f"{datetime.datetime.now(datetime.UTC):{DATED}}"
        self._manifest = TakeManifest(uuid.uuid4().hex, made, rate, channels, patch, model, rosin_version(), str(seed))
        self._names = [GESTURES, OPENING, LATENTS, CREDITS]
        self._kept: list[bytes] = []

    def open(self) -> None:
        """Beside what is being recorded: the manifest of a take that is not finished, and what is kept with it."""
        write_manifest(self.folder, self._manifest)
        self.keep(self._patch)

    def keep(self, patch: Patch) -> None:
        """A patch, once; the first one is the one on which the take begins."""
        if patch.source in self._kept or len(self._kept) >= PATCHES_MOST:
            return
        self._kept.append(patch.source)
        if patch.source:  # else it was never a file
            self._put(kept_name(len(self._kept)), patch.source)
        name, source = own_visual(patch)
        if name and name not in self._names:
            self._put(name, source)

    def _put(self, name: str, data: bytes) -> None:
        write_whole(self.folder / name, data)
        self._names.append(name)

    def end(self, seconds: float, sounds: Sequence[Path]) -> None:
        """The take is whole, and says so; every file in it by its hash, but those that are large."""
        self._names[:0] = [path.name for path in sounds]
        self._manifest = replace(self._manifest, finished=True, seconds=seconds)
        self._hash([name for name in self._names if self._size(name) <= SMALL_BYTES])

    def add_large(self, hurry: threading.Event) -> None:
        """The hashes of the large ones: the sound, 1 GB an hour. Slowly, and of one take at a time, until ``hurry`` is
        set: four at once, each as fast as it could, cost 600 dropouts on two cores; this way there were none."""
        large = [name for name in self._names if self._size(name) > SMALL_BYTES]
        if large:
            with _ONE_AT_A_TIME:
                self._hash(large, lambda: hurry.wait(REST_SECONDS))

    def _hash(self, names: Sequence[str], rest: Callable[[], object] | None = None) -> None:
        """Into the manifest, which is written anew."""
        known = {entry.name: entry for entry in self._manifest.files}
        known |= {name: entry_of(self.folder / name, rest) for name in names}
        files = tuple(known[name] for name in self._names if name in known)
        self._manifest = replace(self._manifest, files=files)
        write_manifest(self.folder, self._manifest)

    def _size(self, name: str) -> float:
        """Of a file in the take; no number for one that is not there."""
        try:
            return (self.folder / name).stat().st_size
        except OSError:
            return math.nan


def own_visual(patch: Patch) -> tuple[str, bytes]:
    """Name and text of a patch's visual, where it did not come with Rosin and would be found beside a patch; else
    nothing."""
    name = patch.visual
    if Path(name).name != name or not name.endswith(VISUAL):
        return "", b""
    try:
        path = find_visual(name, patch.path)
        if path.parent == shipped("visuals"):
            return "", b""
        return name, read_bytes(path, BYTES_MAX, "visual")
    except RosinError:  # it plays without, too
        return "", b""
