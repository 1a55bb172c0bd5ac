"""Take check: a take's folder - its manifest, what has changed since it was finished, every file in it. Under check."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.text import say
from instrument.documents.patch import read_patch
from instrument.documents.take import Take, read_take
from instrument.documents.take_folder import GESTURES, LATENTS, MANIFEST, OPENING, PATCH
from instrument.documents.take_manifest import TakeManifest, read_manifest
from instrument.storage.opening import read_state
from instrument.storage.stream import LatentStream

READERS: dict[str, Callable[[Path], object]] = {OPENING: read_state, LATENTS: LatentStream, PATCH: read_patch}
"""Of the files of ours that may lie beside the gestures."""


def check_take(folder: Path, language: str) -> str:
    """What the take is, and that it is whole; a line more where it was cut off. RosinError, or ValidationErrors with
    everything that is wrong in the folder."""
    wrong: list[str] = []
    manifest = _manifest(folder, wrong)
    try:
        said = take_words(read_take(folder / GESTURES), language)
    except RosinError as error:
        wrong.append(str(error))
    for name, read in READERS.items():
        if os.path.lexists(folder / name):
            try:
                read(folder / name)
            except (RosinError, FileNotFoundError) as error:
                wrong.append(str(error))
    if wrong:
        raise ValidationErrors(str(folder), wrong)
    cut = manifest is not None and not manifest.finished
    return "\n".join([said, *([say("check.unfinished", language)] if cut else [])])


def _manifest(folder: Path, wrong: list[str]) -> TakeManifest | None:
    """None where there is none, or none that is whole."""
    if not os.path.lexists(folder / MANIFEST):
        return None
    try:
        manifest = read_manifest(folder)
    except ValidationErrors as error:
        wrong += [f"{MANIFEST}: {line}" for line in error.lines]
        return None
    except RosinError as error:
        wrong.append(str(error))
        return None
    wrong += manifest.changed(folder)
    return manifest


def take_words(take: Take, language: str) -> str:
    """What it is, in a line."""
    return say("check.take", language, seconds=f"{take.seconds:g}", gestures=len(take.events), patch=take.patch)
