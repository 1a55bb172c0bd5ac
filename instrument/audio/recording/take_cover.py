"""Take cover: the manifest of a take while it is written, and the patch as it was, kept beside it. For take_files."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.reading import read_bytes
from instrument.base.toml import BYTES_MAX
from instrument.base.writing import write_whole
from instrument.documents.take_folder import CREDITS, GESTURES, LATENTS, OPENING, PATCH
from instrument.documents.take_manifest import Played, TakeManifest, entry_of, write_manifest
from instrument.engine.layer import Layer

DATED = "%Y-%m-%dT%H:%M:%SZ"


def rosin_version() -> str:
    """Of the program that runs; empty where it was never installed."""
    try:
        return version("rosin")
    except PackageNotFoundError:
        return ""


class TakeCover:
    """Of one take. For the thread that writes its files; OSError as files give it."""

    def __init__(self, folder: Path, layer: Layer, seed: int, rate: int, channels: int) -> None:
        self.folder = folder
        card = layer.voice.card
        self._patch = Path(layer.patch.path) if layer.patch.path else None
        now = datetime.datetime.now(datetime.UTC)
        patch, model = Played(layer.patch.name), Played(card.name, card.sha256)
        made = f"{now:{DATED}}"
        self._manifest = TakeManifest(uuid.uuid4().hex, made, rate, channels, patch, model, rosin_version(), str(seed))

    def open(self) -> None:
        """Beside what is being recorded: the patch as it is, and the manifest of a take that is not finished."""
        try:
            data = b"" if self._patch is None else read_bytes(self._patch, BYTES_MAX, "patch")
        except RosinError:  # it plays, and its file went meanwhile: the take is whole without
            data = b""
        if data:
            write_whole(self.folder / PATCH, data)
            digest = hashlib.sha256(data).hexdigest()
            self._manifest = replace(self._manifest, patch=Played(self._manifest.patch.name, digest))
        write_manifest(self.folder, self._manifest)

    def close(self, seconds: float, sounds: list[Path]) -> None:
        """The take is whole: every file in it by its hash. A second for 400 MB, on whose thread it is called."""
        others = [self.folder / name for name in (GESTURES, OPENING, LATENTS, PATCH, CREDITS)]
        files = tuple(entry_of(path) for path in (*sounds, *others) if path.is_file())
        write_manifest(self.folder, replace(self._manifest, finished=True, seconds=seconds, files=files))
