"""Rig bindings: what was learned, written into the rig file on its own lines; all else in the file stays as it is.

Saved whole and at once: a learned controller is on disk before the next gesture. Comments that the player wrote are
kept.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base import writing
from instrument.base.errors import RosinError
from instrument.base.reading import read_text
from instrument.base.toml import BYTES_MAX, read_toml
from instrument.documents.rig import SCHEMA, is_there

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
    there = is_there(path)
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
