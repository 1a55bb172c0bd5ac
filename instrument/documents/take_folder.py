"""Take folder: where a recording lies - one folder, in it files with fixed names. Under everything that reads a take.

Takes of earlier Rosins are files beside each other with one name and five endings (``NAME.wav``, ``NAME.jsonl``,
``NAME.state``, ``NAME.z``, ``NAME.credits.txt``). They are read for ever: ``beside`` knows both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import shipped

MANIFEST = "take.toml"
SOUND = "sound.wav"
GESTURES = "gestures.jsonl"
OPENING = "opening.state"
LATENTS = "latents.z"
PATCH = "patch.toml"
CREDITS = "credits.txt"

TAKE = ".jsonl"
STREAM = ".z"
_BEFORE = {SOUND: ".wav", GESTURES: TAKE, OPENING: ".state", LATENTS: STREAM, CREDITS: ".credits.txt"}
"""The endings of takes that are no folders."""
PART = re.compile(r"sound(-part\d+)?\.wav")
"""The sound of a take: one file, or several of 3.9 GB."""
_KEPT = re.compile(r"patch(-\d{1,4})?\.toml", re.ASCII)
_BY_ANY = (MANIFEST, SOUND, OPENING, LATENTS, CREDITS)
"""Files that stand for the take they lie in."""


def beside(path: Path, name: str) -> Path:
    """The file ``name`` (SOUND, GESTURES, OPENING, LATENTS or CREDITS) of the take that ``path`` is a file of.

    It need not be there.
    """
    return path.with_name(name) if path.name in _BEFORE else path.with_suffix(_BEFORE[name])


def kept_name(number: int) -> str:
    """Of the patches that sounded in a take, from 1: ``patch.toml``, on which it begins, ``patch-2.toml``, ..."""
    return PATCH if number == 1 else f"{Path(PATCH).stem}-{number}.toml"


def kept_patches(path: Path) -> list[Path]:
    """The patches in a take's folder, as they were then, in their order. ``path``: of its gestures or its stream."""
    if path.name not in (GESTURES, LATENTS):
        return []
    try:
        there = [name for name in os.listdir(path.parent) if _KEPT.fullmatch(name)]
    except OSError:
        there = []
    return [path.with_name(name) for name in sorted(there, key=lambda name: (len(name), name))]


def not_into_a_take(path: Path) -> None:
    """Nothing, if a file may be put at ``path``; RosinError where that would write over what was recorded."""
    name = path.name.lower()
    ours = name in (*_BEFORE, MANIFEST) or PART.fullmatch(name) or _KEPT.fullmatch(name)
    if ours and os.path.lexists(path) and is_take_folder(path.parent):
        raise RosinError(f"{path} is a part of a take, and nothing is written over one; give -o another name")


def is_take_folder(path: Path) -> bool:
    """Whether a folder holds a take. Never raises, whatever is given."""
    return any(os.path.isfile(os.path.join(path, name)) for name in (MANIFEST, GESTURES))


def find_take(wanted: str, takes: str = "") -> Path:
    """The gestures' file of a take: given by its folder, by a file in it, or as an earlier Rosin wrote it; by its name
    in the folder ``takes``; or a shipped example. A path that is none of these comes back as it is. (A patch is not
    its take: the one that was kept is a patch like any other.)

    ``first-take``, ``first-take.jsonl`` and ``examples/first-take.jsonl`` are all names of the example.
    RosinError for a folder that is no take.
    """
    path = Path(os.path.expanduser(wanted))
    if os.path.isdir(path):
        if not is_take_folder(path):
            raise RosinError(f"{wanted} is a folder without a take in it; give one with {GESTURES}, or a file")
        return path / GESTURES
    if path.name in _BY_ANY and os.path.isfile(path) and is_take_folder(path.parent):
        return path.with_name(GESTURES)
    if os.path.lexists(path) or path.parent not in (Path(), Path("examples")):
        return path
    named = Path(os.path.expanduser(takes)) / path.name if takes and wanted == path.name else None
    if named is not None and is_take_folder(named):
        return named / GESTURES
    example = shipped("examples") / f"{path.name.removesuffix(TAKE)}{TAKE}"
    return example if os.path.isfile(example) else path


def is_take(wanted: str, takes: str = "") -> bool:
    """Whether that names a take, by what it is or by its ending; a bare name only where there is such a take. A stream
    is none: it is heard again, and not played."""
    if wanted.endswith((TAKE, STREAM)):
        return wanted.endswith(TAKE)
    path = Path(os.path.expanduser(wanted))
    if os.path.isdir(path):
        return is_take_folder(path)
    return find_take(wanted, takes).name.endswith(TAKE)
