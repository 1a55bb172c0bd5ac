"""Take patches: which files the patches of a take are, here and now. Under play and replaying."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import find_patches
from instrument.commands.whole import Looked, look_at
from instrument.documents.rig import Rig
from instrument.documents.take import Cue, Take
from instrument.documents.take_folder import kept_patches
from instrument.model.library.cards import given_folders
from instrument.storage.stream import LatentStream


@dataclass(frozen=True, slots=True)
class TakePatch:
    """A patch of a take, and which it is among those beside it. ``instead``: there is one of its name here, and
    the one kept with the take was taken, as it is that one which was played."""

    paths: list[Path]
    index: int
    instead: bool = False

    @property
    def path(self) -> Path:
        return self.paths[self.index]


def patches_of(take: Take, rig: Rig) -> tuple[list[Path], int]:
    """For playing along: the patch on which a take begins, as it is today, among those beside it; else the one kept
    with the take. RosinError when there is none."""
    try:
        return find_patches(take.patch, rig.folders.patches)
    except RosinError:
        found = patch_of(take.begins or Cue(take.patch), take, rig)
        return found.paths, found.index


def patch_of(cue: Cue, take: Take, rig: Rig) -> TakePatch:
    """For hearing it again: the very file, else one of its name; but one kept with the take where that is what was
    played and the one here is not, or where there is none here. RosinError when there is no patch at all."""
    here = _here(cue, rig)
    if here is not None and _was_played(_looked(here.path, rig), cue):
        return here
    kept = [(path, _looked(path, rig)) for path in kept_patches(Path(take.path))]
    for path, found in kept:
        if _was_played(found, cue):
            return TakePatch([path], 0, here is not None)
    for path, found in kept if here is None else ():
        if found is not None and found.patch.name == cue.patch:  # its feel is another by now
            return TakePatch([path], 0)
    return here or TakePatch(*find_patches(cue.patch, rig.folders.patches))  # which says what patches there are


def patch_of_stream(stream: LatentStream, path: Path, rig: Rig) -> tuple[list[Path], int]:
    """For a stream: the patch kept in its take that was told it; else the one of its name. RosinError."""
    for kept in kept_patches(path):
        found = _looked(kept, rig)
        card = found.card if found is not None and found.patch.name == stream.patch else None
        if card is not None and (card.sha256 or card.name) == stream.model:
            return [kept], 0
    return find_patches(stream.patch, rig.folders.patches)


def _here(cue: Cue, rig: Rig) -> TakePatch | None:
    if cue.file.endswith(".toml") and os.path.isfile(cue.file):
        return TakePatch([Path(cue.file)], 0)
    for name in dict.fromkeys((cue.patch, Path(cue.file).stem)):
        with contextlib.suppress(RosinError):
            if name:
                return TakePatch(*find_patches(name, rig.folders.patches))
    return None


def _was_played(found: Looked | None, cue: Cue) -> bool:
    """Whether it is that very patch. Takes that were written by hand do not say."""
    return found is not None and cue.digest != "" and found.patch.digest == cue.digest


def _looked(path: Path, rig: Rig) -> Looked | None:
    """What is in a patch's file; None where it cannot be played here."""
    try:
        found = look_at(path, given_folders(rig.folders.models))
    except RosinError:
        return None
    return None if found.wrong else found
