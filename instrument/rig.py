"""Rig: what stays - this machine's sound device, ports, controller bindings, language. Beside the patch, never in it.

TOML, checked like a patch (all mistakes at once), saved whole and at once: a learned controller is on disk before
the next gesture. Comments that the player wrote are kept.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from instrument.errors import Mistakes, RosinError
from instrument.fields import Field, Section, check, json_schema

SCHEMA = 1

SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "language": Field("choice", choices=("auto", "en", "fr")),
        "sound": Section(
            {
                "device": Field("text", about="part of the device's name; empty = the system's own; 'null' = none"),
                "block": Field("integer", low=16, high=8192, about="frames the device asks for at a time"),
                "ahead": Field("integer", low=0, high=64, about="blocks computed ahead of the device; 0 = in its callback"),
                "input": Field("boolean", about="open the device's inputs too"),
                "provider": Field("choice", choices=("auto", "cpu", "cuda"), about="what runs the model"),
                "ceiling_db": Field("number", low=-24, high=0, about="no sample ever passes it"),
            }
        ),
        "osc": Section(
            {
                "listen": Field("text", about="HOST:PORT; 127.0.0.1 hears this machine alone"),
                "allow": Field("texts", about="senders that are heard; empty = every one that can reach us"),
                "echo": Field("texts", about="HOST:PORT of clients that are told of every move"),
                "root": Field("text", about="first part of every address"),
                "schedule": Field("boolean", about="honour timetags within 200 ms"),
            }
        ),
        "midi": Section(
            {
                "api": Field("choice", choices=("auto", "alsa", "jack", "core", "winmm", "off")),
                "ports": Field("texts", about="parts of port names to open; empty = all"),
                "takeover": Field("choice", choices=("pickup", "scale", "jump")),
                "bindings": Field("tables", about="what was learned"),
            }
        ),
        "folders": Section({"takes": Field("text"), "models": Field("text"), "patches": Field("text")}),
    },
    needed=True,
)


@dataclass(frozen=True, slots=True)
class Rig:
    """This machine. ``block`` in frames, ``ahead`` in blocks of the engine's own size."""

    path: str = ""
    language: str = "auto"
    device: str = ""
    block: int = 128
    ahead: int = 0
    input: bool = False
    provider: str = "auto"
    ceiling_db: float = -1.0
    listen: str = "127.0.0.1:9000"
    allow: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()
    root: str = "/rosin"
    schedule: bool = False
    midi_api: str = "auto"
    midi_ports: tuple[str, ...] = ()
    takeover: str = "pickup"
    bindings: tuple[Mapping[str, Any], ...] = ()
    takes: str = "takes"
    models: str = ""
    patches: str = ""


_PLACES = {  # field of Rig -> section and key of the file
    "language": (None, "language"),
    **{k: ("sound", k) for k in ("device", "block", "ahead", "input", "provider", "ceiling_db")},
    **{k: ("osc", k) for k in ("listen", "allow", "echo", "root", "schedule")},
    "midi_api": ("midi", "api"),
    "midi_ports": ("midi", "ports"),
    "takeover": ("midi", "takeover"),
    "bindings": ("midi", "bindings"),
    **{k: ("folders", k) for k in ("takes", "models", "patches")},
}


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
    """A Rig out of plain tables; raises Mistakes."""
    wrong = check(SHAPE, table)
    if not wrong:
        root = table.get("osc", {}).get("root", "/rosin")
        if not root.startswith("/") or root.endswith("/") or any(c in root for c in " #*,?[]{}"):
            wrong.append(f"osc.root: {root!r} is no OSC address; write one such as /rosin")
    if wrong:
        raise Mistakes(where, wrong)
    wanted: dict[str, Any] = {"path": where}
    for name, (section, key) in _PLACES.items():
        place = table.get(section, {}) if section else table
        if key in place:
            value = place[key]
            wanted[name] = tuple(value) if isinstance(value, list) else value
    return Rig(**wanted)


def read_rig(path: Path | None = None) -> Rig:
    """The rig file, or a new rig when there is none yet (that is no mistake)."""
    path = path or rig_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Rig(path=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RosinError(f"{path} cannot be read ({error}); mend or remove it") from None
    try:
        return rig_from(tomllib.loads(text), str(path))
    except tomllib.TOMLDecodeError as error:
        raise RosinError(f"{path} is not readable TOML ({error}); mend that place in an editor") from None


def save_bindings(path: Path, bindings: Sequence[Mapping[str, Any]]) -> None:
    """Write what was learned into the rig file, whole and at once; everything else in the file stays as it is."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
        document.add(tomlkit.comment("Rosin: this machine. Written when a controller is learned; yours to edit."))
        document.add("schema", tomlkit.item(SCHEMA))
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise RosinError(f"{path} cannot be read ({error}), so nothing was learned into it; mend it first") from None
    midi = document.setdefault("midi", tomlkit.table())
    rows = tomlkit.aot()
    for binding in bindings:
        row = tomlkit.table()
        row.update({k: v for k, v in binding.items() if v is not None})
        rows.append(row)
    midi["bindings"] = rows
    write_whole(path, tomlkit.dumps(document))


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, so that a crash leaves the old one or the new one, never half of one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise RosinError(f"{path} cannot be written ({error.strerror}); make its folder writable") from None


def rig_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a rig file, for editors."""
    return json_schema(SHAPE, "Rosin rig", "https://json-schema.org/draft/2020-12/schema")
