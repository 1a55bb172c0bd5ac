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
from instrument.documents.take_folder import kept_patch
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
    """For hearing it again: the very file, else one of its name; but the one kept with the take where that is what was
    played and the one here is not, or where there is none. RosinError when there is no patch at all."""
    here = _here(cue, rig)
    kept = kept_patch(Path(take.path)) if cue.patch == take.patch else None
    if kept is not None and (here is None or (_was_played(kept, cue, rig) and not _was_played(here.path, cue, rig))):
        return TakePatch([kept], 0, here is not None)
    return here or TakePatch(*find_patches(cue.patch, rig.folders.patches))  # which says what patches there are


def patch_of_stream(stream: LatentStream, path: Path, rig: Rig) -> tuple[list[Path], int]:
    """For a stream: the patch kept in its take, where that was told it; else the one of its name. RosinError."""
    kept = kept_patch(path)
    if kept is not None:
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


def _was_played(path: Path, cue: Cue, rig: Rig) -> bool:
    """Whether a file is that very patch, and can be played here. Takes that were written by hand do not say."""
    found = _looked(path, rig) if cue.digest else None
    return found is not None and found.patch.digest == cue.digest


def _looked(path: Path, rig: Rig) -> Looked | None:
    """What is in a patch's file; None where it cannot be played here."""
    try:
        found = look_at(path, given_folders(rig.folders.models))
    except RosinError:
        return None
    return None if found.wrong else found
