"""Take check: a take's folder - its manifest, what has changed since it was finished, every file in it. Under check."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import must_be_file
from instrument.base.text import say
from instrument.documents.patch import read_patch
from instrument.documents.take import Take, read_take
from instrument.documents.take_folder import GESTURES, LATENTS, MANIFEST, OPENING, PART, SOUND, kept_patches
from instrument.documents.take_manifest import TakeManifest, read_manifest
from instrument.storage.opening import read_state
from instrument.storage.stream import LatentStream


def check_take(folder: Path, language: str) -> str:
    """What the take is, and that it is whole; a line more where it was cut off. RosinError, or ValidationErrors with
    everything that is wrong in the folder."""
    broken: dict[str, str] = {}
    said = ""
    try:
        said = take_words(read_take(folder / GESTURES), language)
    except RosinError as error:
        broken[GESTURES] = str(error)
    readers: dict[str, Callable[[Path], object]]
    readers = {SOUND: _read_sound, OPENING: read_state, LATENTS: LatentStream}
    readers |= {path.name: read_patch for path in kept_patches(folder / GESTURES)}
    for name, read in readers.items():  # what may lie beside the gestures
        if os.path.lexists(folder / name):
            try:
                read(folder / name)
            except (RosinError, FileNotFoundError) as error:
                broken[name] = str(error)
    changed: list[str] = []
    manifest = _manifest(folder, changed, broken)
    if changed or broken:
        raise ValidationErrors(str(folder), [*changed, *broken.values()])
    lines = [said]
    if manifest is not None and not manifest.finished:
        lines.append(say("check.unfinished", language))
    elif manifest is not None:
        known = {entry.name for entry in manifest.files}
        parts = [path.name for path in sorted(folder.glob("*.wav")) if PART.fullmatch(path.name)]
        there = [*parts, GESTURES, *(name for name in readers if name != SOUND and os.path.isfile(folder / name))]
        lines += [say("check.unhashed", language, name=name) for name in there if name not in known]
    return "\n".join(lines)


def _read_sound(path: Path) -> None:
    """Whether a sound opens. RosinError."""
    import soundfile  # late: it is a tenth of a second

    try:
        must_be_file(path)
        soundfile.info(path)
    except (OSError, soundfile.SoundFileError) as error:
        why = getattr(error, "strerror", None) or "it is no sound file"
        raise RosinError(
            f"{path} cannot be heard ({why}); fetch it from a copy, or render the take again: "
            f"rosin render {path.parent} -o FILE.wav"
        ) from None


def _manifest(folder: Path, wrong: list[str], broken: Mapping[str, str]) -> TakeManifest | None:
    """None where there is none, or none that is whole. ``wrong`` gets what is wrong with it, and which files were
    changed, besides those that are ``broken``."""
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
    wrong += manifest.changed(folder, broken)
    return manifest


def take_words(take: Take, language: str) -> str:
    """What it is, in a line."""
    return say("check.take", language, seconds=f"{take.seconds:g}", gestures=len(take.events), patch=take.patch)
