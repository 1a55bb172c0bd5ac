"""Take cover: the manifest of a take while it is written, and what it needs to be played elsewhere. For take_files.

Kept with it are the patches that sounded, as they were read, and visuals of the player's own, as their inputs are
knobs: without them the take would not play where those files are not.
"""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Sequence
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

    def end(self, seconds: float) -> None:
        """The take is whole, and says so; every file in it by its hash, but the sound."""
        there = (self.folder / name for name in self._names)
        files = tuple(entry_of(path) for path in there if path.is_file())
        self._manifest = replace(self._manifest, finished=True, seconds=seconds, files=files)
        write_manifest(self.folder, self._manifest)

    def add_sounds(self, sounds: Sequence[Path]) -> None:
        """The hashes of the sound: last, as they take a second for 400 MB and more, and four hours are 4 GB."""
        files = tuple(entry_of(path) for path in sounds if path.is_file())
        write_manifest(self.folder, replace(self._manifest, files=(*files, *self._manifest.files)))


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
