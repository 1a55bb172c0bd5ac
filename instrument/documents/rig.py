"""Rig: what stays - this machine's sound device, ports, controller bindings, language. Beside the patch, never in it.

TOML, checked like a patch (all mistakes at once), saved whole and at once: a learned controller is on disk before
the next gesture. Comments that the player wrote are kept.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base import writing
from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import read_text
from instrument.base.toml import BYTES_MAX, read_toml
from instrument.base.validation import Field, Section, check, json_schema, short

SCHEMA = 1
ROOT_MAX = 100
"""Characters of the root: an address with it must still be one that is read."""

SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "language": Field("choice", choices=("auto", "en", "fr")),
        "sound": Section(
            {
                "device": Field("text", about="part of the device's name; empty = the system's own; 'null' = none"),
                "block": Field("integer", low=16, high=8192, about="frames the device asks for at a time"),
                "ahead": Field("integer", low=0, high=64, about="blocks computed ahead; 0 = in the device's callback"),
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
                "detail": Field("boolean", about="also send hand, pos, force and stuck of every playable knob"),
                "neighbours": Field(
                    "choice",
                    choices=("all", "numbers", "off"),
                    about="whose sounds are near: with names, or not at all",
                ),
                "bindings": Field("tables", about="addresses that were learned"),
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
        "stage": Section(
            {
                "window": Field("boolean", about="open the stage's window where there is a screen"),
                "fullscreen": Field("boolean", about="the window fills its display"),
                "display": Field("integer", low=1, high=16, about="the display it is on, counted from 1"),
                "width": Field("integer", low=320, high=7680, about="pixels"),
                "height": Field("integer", low=180, high=4320, about="pixels"),
                "big_type": Field("boolean", about="larger words"),
                "calm": Field("boolean", about="nothing flickers or trembles"),
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
    detail: bool = False
    neighbours: str = "all"
    midi_api: str = "auto"
    midi_ports: tuple[str, ...] = ()
    takeover: str = "pickup"
    bindings: tuple[Mapping[str, Any], ...] = ()
    osc_bindings: tuple[Mapping[str, Any], ...] = ()
    takes: str = "takes"
    models: str = ""
    patches: str = ""
    window: bool = True
    fullscreen: bool = False
    display: int = 1
    width: int = 1280
    height: int = 720
    big_type: bool = False
    calm: bool = False


_PLACES = {  # field of Rig -> section and key of the file
    "language": (None, "language"),
    **{k: ("sound", k) for k in ("device", "block", "ahead", "input", "provider", "ceiling_db")},
    **{k: ("osc", k) for k in ("listen", "allow", "echo", "root", "schedule", "detail", "neighbours")},
    "midi_api": ("midi", "api"),
    "midi_ports": ("midi", "ports"),
    "takeover": ("midi", "takeover"),
    "bindings": ("midi", "bindings"),
    "osc_bindings": ("osc", "bindings"),
    **{k: ("folders", k) for k in ("takes", "models", "patches")},
    **{k: ("stage", k) for k in ("window", "fullscreen", "display", "width", "height", "big_type", "calm")},
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
    wanted: dict[str, Any] = {"path": where}
    for name, (section, key) in _PLACES.items():
        place = table.get(section, {}) if section else table
        if key in place:
            value = place[key]
            value = at_home(value) if section == "folders" else value
            wanted[name] = tuple(value) if isinstance(value, list) else value
    return Rig(**wanted)


def at_home(folder: str) -> str | None:
    """A folder with its ``~`` written out; None when there is no such home."""
    try:
        return str(Path(folder).expanduser()) if folder.startswith("~") else folder
    except RuntimeError:
        return None


def read_rig(path: Path | None = None) -> Rig:
    """The rig file, or a new rig when there is none yet (that is no mistake)."""
    path = path or rig_path()
    return rig_from(read_toml(path, "rig"), str(path)) if _is_there(path) else Rig(path=str(path))


def _is_there(path: Path) -> bool:
    """False only when nothing is there yet; what cannot be looked at is for the reader to tell of."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


_FIRST_LINES = "# Rosin: this machine. Written when a controller is learned; yours to edit.\nschema = 1\n"
_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?")


def save_bindings(path: Path, bindings: Sequence[Mapping[str, Any]], section: str = "midi") -> None:
    """Write what was learned into the rig file, whole and at once; everything else in the file stays as it is.

    ``section``: ``midi`` or ``osc``, whose bindings they are. Done on the file's own lines: a TOML library gives the
    comment above the next section to the row before it, and takes it away with that row. What comes out is read again,
    and must say what it should, before the old one goes.
    """
    rows = [{k: v for k, v in binding.items() if v is not None} for binding in bindings]
    if any("\ud800" <= c <= "\udfff" for row in rows for v in row.values() if isinstance(v, str) for c in v):
        raise RosinError(f"{path} cannot take a name that is no text; give the port or the address another name")
    there = _is_there(path)
    before = read_toml(path, "rig") if there else {"schema": SCHEMA}
    text = read_text(path, BYTES_MAX, "rig") if there else _FIRST_LINES
    room: Any = before.get(section, {})
    written = _rows_of(section)
    if (
        isinstance(room, Mapping)
        and room.get("bindings")
        and not any(map(written.fullmatch, map(str.rstrip, _lines(text))))
    ):
        document = tomlkit.parse(text)  # written as bindings = [...]
        document[section].remove("bindings")
        text = tomlkit.dumps(document)
    text = _with_rows(text, rows, section)
    try:
        after = tomllib.loads(text)
        whole = isinstance(room, Mapping) and {**after, section: {"bindings": [], **after.get(section, {})}} == {
            **before,
            section: {**room, "bindings": rows},
        }
    except tomllib.TOMLDecodeError:
        whole = False
    if len(text.encode()) > BYTES_MAX:
        raise RosinError(
            f"{path} would be larger than it may be ({BYTES_MAX >> 20} MiB); free knobs of what they learned"
        )
    if not whole:
        its = f"its {section.upper()} entries under a line [{section}]"
        raise RosinError(f"{path} has no place for what was learned; write {its}")
    write_whole(path, text)


def _rows_of(section: str) -> re.Pattern[str]:
    """What the header of one row looks like."""
    return re.compile(rf"\s*\[\[\s*{section}\s*\.\s*bindings\s*\]\]\s*(#.*)?")


def _with_rows(text: str, rows: Sequence[Mapping[str, Any]], section: str) -> str:
    """The text with these bindings of a section in place of those it has. A row that stays keeps its comments."""
    header = _rows_of(section)
    parts: list[list[str]] = [[]]  # what comes before the first header, then header after header
    for line in [*_lines(text), ""]:
        if not line or _HEADER.fullmatch(line.rstrip()):
            end = len(parts[-1])
            while end and (not parts[-1][end - 1].strip() or parts[-1][end - 1].lstrip().startswith("#")):
                end -= 1  # the comments above a header are the header's, those at the end are nobody's
            parts.append([*parts[-1][end:], line])
            del parts[-2][end:]
        else:
            parts[-1].append(line)
    kept = ["".join(part) for part in parts]
    old = [i for i, part in enumerate(parts) if any(header.fullmatch(line.rstrip()) for line in part)]
    room = [i for i, part in enumerate(kept) if re.search(rf"^\s*\[\s*{section}\s*\]", part, re.MULTILINE)]
    at = old[0] if old else room[0] + 1 if room else len(kept)
    mine = [kept[i] for i in old]
    written = []
    for row in rows:
        same = next((part for part in mine if _says(part, row, section)), None)
        if same is not None:
            mine.remove(same)
        written.append(same or f"\n[[{section}.bindings]]\n" + "".join(f"{k} = {_value(v)}\n" for k, v in row.items()))
    head = ["".join(kept[:at])] if at else []
    tail = [part for i, part in enumerate(kept) if i >= at and i not in old]
    return "".join(part if part.endswith("\n") or not part else part + "\n" for part in [*head, *written, *tail])


def _lines(text: str) -> list[str]:
    """Lines as TOML has them: splitlines() would also split within texts and comments, at U+2028 and the like."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _value(value: Any) -> str:
    """A value as TOML writes it. A text stays on its line, whatever is in it."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else tomlkit.item(value).as_string()


def _says(part: str, row: Mapping[str, Any], section: str) -> bool:
    try:
        return bool(tomllib.loads(part)[section]["bindings"] == [row])
    except (ValueError, RecursionError):
        return False


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, so that a crash leaves the old one or the new one, never half of one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writing.write_whole(path, text.encode("utf-8"))
    except OSError as error:
        raise RosinError(f"{path} cannot be written ({error.strerror}); make its folder writable") from None


def rig_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a rig file, for editors."""
    return json_schema(SHAPE, "Rosin rig", "https://json-schema.org/draft/2020-12/schema")
