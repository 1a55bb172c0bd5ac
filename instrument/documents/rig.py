"""Rig: what stays - this machine's sound device, ports, controller bindings, language. Beside the patch, never in it.

TOML, checked like a patch (all mistakes at once). What it may say stands in options.py.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instrument.base.errors import ValidationErrors
from instrument.base.plain import from_plain
from instrument.base.toml import read_toml
from instrument.base.validation import Field, Section, check, json_schema, short
from instrument.documents.options import (
    Flag,
    Folders,
    MidiOptions,
    OscOptions,
    SoundOptions,
    StageOptions,
    option,
    rows,
    sections,
    shape_of,
)

SCHEMA = 1
ROOT_MAX = 100
"""Characters of the root: an address with it must still be one that is read."""


@dataclass(frozen=True, slots=True)
class Rig:
    """This machine, as its file says; ``path``: of that file."""

    path: str = ""
    language: str = option(
        "auto",
        Field("choice", choices=("auto", "en", "fr")),
        Flag("--language", "language of what is said", choices=("en", "fr")),
    )
    sound: SoundOptions = field(default_factory=SoundOptions)
    osc: OscOptions = field(default_factory=OscOptions)
    midi: MidiOptions = field(default_factory=MidiOptions)
    stage: StageOptions = field(default_factory=StageOptions)
    folders: Folders = field(default_factory=Folders)


SECTIONS = sections(Rig)
SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        **{row.key: row.entry for row in rows(Rig) if not row.section},
        **{name: shape_of(options) for name, options in SECTIONS.items()},
    },
    needed=True,
)


def rig_path() -> Path:
    """Where this machine's rig is kept, by the system's own custom. ``ROSIN_RIG`` says otherwise."""
    if given := os.environ.get("ROSIN_RIG"):
        return Path(given)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home()))
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "rosin" / "rig.toml"


def rig_from(table: Mapping[str, Any], where: str) -> Rig:
    """A Rig out of plain tables; raises ValidationErrors."""
    version = table.get("schema")
    if isinstance(version, int) and version > SCHEMA:
        raise ValidationErrors(
            where, [f"schema: {short(version)} is newer than this Rosin reads ({SCHEMA}); update Rosin"]
        )
    wrong = check(SHAPE, table)
    osc, folders = (room if isinstance(room := table.get(key), Mapping) else {} for key in ("osc", "folders"))
    root = osc.get("root", "/rosin")
    if isinstance(root, str):
        strange = not root.isprintable() or any(c in root for c in " #*,?[]{}")
        if not root.startswith("/") or root.endswith("/") or strange or len(root) > ROOT_MAX:
            wrong.append(f"osc.root: {short(root)} is no OSC address; write one such as /rosin")
    for key, folder in folders.items():
        if isinstance(folder, str) and at_home(folder) is None:
            wrong.append(f"folders.{key}: {folder!r} is in the home of nobody here; write the whole path")
    if wrong:
        raise ValidationErrors(where, wrong)
    told = {row.key: table[row.key] for row in rows(Rig) if not row.section and row.key in table}
    told |= {name: from_plain(options, table[name]) for name, options in SECTIONS.items() if name in table}
    rig = Rig(where, **told)
    homes = {key: at_home(folder) or folder for key, folder in dataclasses.asdict(rig.folders).items()}
    return dataclasses.replace(rig, folders=Folders(**homes))


def at_home(folder: str) -> str | None:
    """A folder with its ``~`` written out; None when there is no such home."""
    try:
        return str(Path(folder).expanduser()) if folder.startswith("~") else folder
    except RuntimeError:
        return None


def read_rig(path: Path | None = None) -> Rig:
    """The rig file, or a new rig when there is none yet (that is no mistake)."""
    path = path or rig_path()
    return rig_from(read_toml(path, "rig"), str(path)) if is_there(path) else Rig(path=str(path))


def is_there(path: Path) -> bool:
    """False only when nothing is there yet; what cannot be looked at is for the reader to tell of."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


def rig_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a rig file, for editors."""
    return json_schema(SHAPE, "Rosin rig", "https://json-schema.org/draft/2020-12/schema")
