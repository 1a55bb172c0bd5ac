"""Paths: where patches and feels are found - beside the checkout, installed, in the player's own folder."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.reading import read_bytes
from instrument.base.toml import BYTES_MAX, toml_from

_ROOT = Path(__file__).resolve().parents[2]


def data_home() -> Path:
    """The player's own folder, by the system's custom."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "rosin"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "rosin"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "rosin"


def shipped(kind: str) -> Path:
    """Folder ``kind`` (patches, feels, models, examples) of the checkout, or of the installation.

    A checkout is known by its pyproject.toml: another package may have left a ``models`` beside this one.
    """
    if (_ROOT / "pyproject.toml").is_file() and (_ROOT / kind).is_dir():
        return _ROOT / kind
    # A virtual environment; Debian's own Python, which installs into /usr/local; pip install --user.
    homes = [sys.prefix, sysconfig.get_path("data"), site.getuserbase()]
    found = [Path(home) / "share" / "rosin" / kind for home in homes]
    return next((folder for folder in found if folder.is_dir()), found[0])


def patch_folders(own: str = "") -> list[Path]:
    """Where patches are looked for, first wins: the rig's folder, the player's own, the shipped ones."""
    folders = [Path(os.path.expanduser(own))] if own else []  # (Path.expanduser raises where there is no such home)
    folders += [data_home() / "patches", shipped("patches")]
    return [folder for folder in folders if os.path.isdir(folder)]


def feel_folders() -> list[Path]:
    """Where feels are looked for, first wins: the player's own, the shipped ones."""
    return [folder for folder in (data_home() / "feels", shipped("feels")) if os.path.isdir(folder)]


def find_patches(wanted: str = "", own: str = "") -> tuple[list[Path], int]:
    """The show's list of patches and the index of the one wanted (a path, or a name; empty = the first).

    The list is every patch in the same folder, by file name: a program change walks through it. What else lies there
    (a rig, credits, a pyproject.toml) is passed over.
    """
    if wanted and (wanted.endswith(".toml") or os.sep in wanted or "/" in wanted):
        path = Path(os.path.expanduser(wanted))
        if not os.path.isfile(path):  # (Path.is_file raises where a name is too long or a folder is closed)
            raise RosinError(f"there is no patch file {wanted}; `rosin check` lists the patches there are")
        path = path.resolve()
        siblings = patches_in(path.parent, path)
        return (siblings, siblings.index(path)) if path in siblings else ([path], 0)
    names = []
    for folder in patch_folders(own):
        files = patches_in(folder, folder / f"{wanted}.toml")
        for i, file in enumerate(files):
            if not wanted or file.stem == wanted:
                return files, i
        names += [file.stem for file in files]
    if wanted:
        raise RosinError(f"there is no patch {wanted!r}; the patches here are {', '.join(names) or 'none'}")
    raise RosinError("there are no patches here; give the path of one, or run from a checkout of Rosin")


def patches_in(folder: Path, wanted: Path | None = None) -> list[Path]:
    """The patches of a folder, by file name; ``wanted`` is one whatever it holds."""
    try:
        return [path for path in sorted(folder.glob("*.toml")) if path == wanted or is_patch(path)]
    except (OSError, ValueError):
        return []


def is_patch(path: Path) -> bool:
    """Whether a file is meant to be a patch, with whatever mistakes: it speaks of a model, and of no other file's own.

    A file that is no TOML at all is one when a line of it begins as a patch's [model] does: it is being written.
    """
    try:
        data = read_bytes(path, BYTES_MAX, "patch")
    except RosinError:
        return False
    try:
        table = toml_from(data, path, "patch")
    except RosinError:
        return re.search(rb"^\s*(\[\s*model\s*\]|model\s*[.=])", data, re.MULTILINE) is not None
    return not table or isinstance(table.get("model"), Mapping) or {"schema", "model"} <= set(table)


def accident_folder(patch: str) -> Path:
    """Where the accidents kept with a patch of this name lie."""
    return data_home() / "accidents" / file_name(patch)


def scene_file(patch: str) -> Path:
    """Where the scenes of a patch of this name lie that could not be written into its own file."""
    return data_home() / "scenes" / f"{file_name(patch)}.toml"


def file_name(name: str) -> str:
    """A name as a file can have it anywhere: letters, digits, dash, underscore and space; never empty."""
    kept = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name).strip()[:64]
    return kept or "_"
