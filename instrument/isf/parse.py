"""Parse: the header of an ISF file, out of any bytes that come. After shape; before knobs and the stage's host. Pure.

The answer is always a Header or one RosinError in one line, with the file's name and, where there is one, the line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from instrument.base.errors import RosinError
from instrument.isf.shape import (
    INPUTS_MAX,
    KINDS,
    PARTS,
    PASSES_MAX,
    PICTURES,
    PICTURES_MAX,
    SAMPLES_MAX,
    Header,
    IsfInput,
    Pass,
    is_hard,
    one_line,
)
from instrument.isf.source import header_place, read_text, without_last_commas

PATH_MAX = 1024
_ON, _OFF = ("true", "yes", "on"), ("false", "no", "off")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def read_header(path: Path) -> Header:
    """The header of one file. RosinError."""
    return parse_header(read_text(path), path.name)


def parse_header(text: str, name: str) -> Header:
    """The header of a shader's text; ``name`` is how sentences call the file. RosinError, one line."""
    return _Reader(text, one_line(name)).header()


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._name = name
        comment = header_place(text)
        if comment is None:
            raise self._no("it does not begin with a comment /*{ ... }*/ of JSON; write one, as ISF asks")
        at, end = comment
        first_line = text.count("\n", 0, at) + 1
        words = text[at:end]
        try:
            table = json.loads(without_last_commas(words), strict=False, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise self._no(
                f"the JSON is broken ({error.msg}); mend that place", first_line + error.lineno - 1
            ) from None
        except (ValueError, RecursionError):
            raise self._no("the JSON holds a number or a depth that nothing can read; mend it", first_line) from None
        if not isinstance(table, dict):
            raise self._no("the JSON is not a table in { }; write one", first_line)
        self._table: Mapping[str, Any] = table

    def _no(self, why: str, line: int = 0) -> RosinError:
        return RosinError(f"{self._name}{f' line {line}' if line else ''}: {why}")

    def header(self) -> Header:
        table = self._table
        inputs = tuple(self._input(row, i) for i, row in enumerate(self._rows("INPUTS", INPUTS_MAX)))
        passes = self._passes()
        imported = self._imported()
        names = [i.name for i in inputs] + [name for name, _ in imported]
        names += dict.fromkeys(p.target for p in passes if p.target)
        for name in names:
            if names.count(name) > 1:
                raise self._no(f"two inputs, images or buffers are called {name}; rename one")
        pictures = len(names) - sum(i.kind not in PICTURES for i in inputs)
        if pictures > PICTURES_MAX:
            raise self._no(f"it reads {pictures} pictures, and no more than {PICTURES_MAX} reach a shader; use fewer")
        categories = table.get("CATEGORIES", [])
        return Header(
            self._name,
            self._version(),
            one_line(table.get("DESCRIPTION") or ""),
            one_line(table.get("CREDIT") or ""),
            tuple(one_line(c) for c in categories) if isinstance(categories, list) else (),
            inputs,
            passes,
            imported,
        )

    def _version(self) -> int:
        said = re.match(r"\d{1,3}", str(self._table.get("ISFVSN", "1")).strip())
        return max(1, int(said.group())) if said else 1

    def _rows(self, key: str, most: int) -> list[Mapping[str, Any]]:
        rows = self._table.get(key) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._no(f"{key} is not a list of tables; write [ {{ ... }}, ... ]")
        if len(rows) > most:
            raise self._no(f"{key} has {len(rows)} entries, and {most} are the most; leave some out")
        return rows

    def _named(self, name: object, what: str) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or is_hard(name):
            raise self._no(
                f"{one_line(repr(name))} cannot name {what}; use letters, digits and _ that are no word of GLSL or ISF"
            )
        return name

    def _input(self, row: Mapping[str, Any], place: int) -> IsfInput:
        name = self._named(row.get("NAME"), f"input {place + 1}")
        kind = next((k for k in KINDS if k.lower() == str(row.get("TYPE")).lower()), None)
        if kind is None:
            said = one_line(repr(row.get("TYPE")))
            raise self._no(f"input {name} has the type {said}; write one of {', '.join(KINDS)}")
        label = one_line(row["LABEL"]) if isinstance(row.get("LABEL"), str) else ""
        if kind == "image":
            return IsfInput(name, kind, label)
        if kind in PICTURES:
            columns = self._numbers(row, "MAX", name, 1, (0.0,))[0]
            return IsfInput(name, kind, label, high=min(SAMPLES_MAX, max(0, int(columns))))
        if kind in ("event", "bool"):
            on, same = (self._switch(row, key, name) for key in ("DEFAULT", "IDENTITY"))
            return IsfInput(name, kind, label, bool(on) and kind == "bool", False, True, same)
        if kind == "long":
            return self._long(row, name, label)
        count = len(PARTS.get(kind, "x"))
        ends = {"float": (0.0, 1.0), "point2D": (0.0, 1.0), "color": (0.0, 1.0)}[kind]
        low = self._numbers(row, "MIN", name, count, (ends[0],) * count)
        high = self._numbers(row, "MAX", name, count, (ends[1],) * count)
        low, high = tuple(map(min, low, high)), tuple(map(max, low, high))
        identity = self._numbers(row, "IDENTITY", name, count, ()) if "IDENTITY" in row else None
        usual = identity or ((1.0,) * count if kind == "color" else (0.0,) * count)
        start = self._numbers(row, "DEFAULT", name, count, usual)
        if kind != "point2D" or "MIN" in row or "MAX" in row:  # a point without a range may be in pixels
            start = tuple(min(h, max(lo, v)) for v, lo, h in zip(start, low, high, strict=True))
        one = count == 1
        return IsfInput(
            name,
            kind,
            label,
            start[0] if one else start,
            low[0] if one else low,
            high[0] if one else high,
            (identity[0] if one else identity) if identity else None,
        )

    def _long(self, row: Mapping[str, Any], name: str, label: str) -> IsfInput:
        values, labels = row.get("VALUES") or [], row.get("LABELS") or []
        if not isinstance(values, list) or not isinstance(labels, list):
            raise self._no(f"VALUES or LABELS of input {name} is not a list; write one")
        menu = tuple(self._whole(v, name) for v in values[:256])
        low = min(menu) if menu else self._whole(row.get("MIN", 0), name)
        high = max(menu) if menu else self._whole(row.get("MAX", 10), name)
        low, high = min(low, high), max(low, high)
        first = menu[0] if menu else min(high, max(low, 0))
        start = self._whole(row.get("DEFAULT", first), name)
        if menu and start not in menu:
            start = first
        identity = self._whole(row["IDENTITY"], name) if "IDENTITY" in row else None
        start = min(high, max(low, start))
        return IsfInput(name, "long", label, start, low, high, identity, menu, tuple(map(one_line, labels[:256])))

    def _switch(self, row: Mapping[str, Any], key: str, name: str) -> bool | None:
        """Of a bool or an event, as files write it: true, 1, 1.0, "TRUE", "1", [1]. None where nothing is said."""
        given = row.get(key)
        if isinstance(given, list) and len(given) == 1:
            given = given[0]
        if given is None or given == "":
            return None
        word = given.strip().lower() if isinstance(given, str) else ""
        if word in _ON or word in _OFF:
            return word in _ON
        if (number := _number(given)) is None:
            raise self._no(f"{key} of input {name} is {one_line(repr(row[key]))}; write true or false")
        return number != 0.0

    def _whole(self, value: object, name: str) -> int:
        number = _number(value)
        if number is None or abs(number) > 2**31 - 1:
            raise self._no(f"input {name} has {one_line(repr(value))} where a whole number stands; write one")
        return int(number)

    def _numbers(
        self, row: Mapping[str, Any], key: str, name: str, count: int, usual: tuple[float, ...]
    ) -> tuple[float, ...]:
        if row.get(key) is None or row[key] == "":
            return usual
        given = row[key] if isinstance(row[key], list) else [row[key]]
        found = [_number(value) for value in given]
        if count == 4 and len(found) == 3:  # a colour without alpha is opaque
            found.append(1.0)
        if len(found) != count or any(v is None for v in found):
            word = "a number" if count == 1 else f"a list of {count} numbers"
            raise self._no(f"{key} of input {name} is {one_line(repr(row[key]))}; write {word}")
        return tuple(float(v) for v in found if v is not None)

    def _passes(self) -> tuple[Pass, ...]:
        kept = self._table.get("PERSISTENT_BUFFERS") or {}  # version 1: a list of names, or a table of tables
        if not isinstance(kept, (list, dict)) or not all(isinstance(name, str) for name in kept):
            raise self._no("PERSISTENT_BUFFERS is neither a list of names nor a table; write one of them")
        passes = []
        for row in self._rows("PASSES", PASSES_MAX):
            target = row.get("TARGET") or ""
            if target:
                target = self._named(target, "a buffer")
            old = kept.get(target) if isinstance(kept, dict) else None
            row = {**(old if isinstance(old, dict) else {}), **row}
            sizes = [self._size(row, key) for key in ("WIDTH", "HEIGHT")]
            lasting = _truth(row.get("PERSISTENT")) or target in kept
            passes.append(Pass(target, bool(target) and lasting, _truth(row.get("FLOAT")), *sizes))
        return tuple(passes) or (Pass(),)

    def _size(self, row: Mapping[str, Any], key: str) -> str:
        value = row.get(key)
        if value is None or value == "":
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or len(str(value)) > 200:
            raise self._no(f'{key} of a pass is {one_line(repr(value))}; write an expression such as "$WIDTH/2.0"')
        return str(value)

    def _imported(self) -> tuple[tuple[str, str], ...]:
        table = self._table.get("IMPORTED") or {}
        if isinstance(table, list):  # version 1: rows with a NAME, or tables of one name each
            rows = [
                [(row["NAME"], row)]
                if isinstance(row, dict) and "NAME" in row
                else list(row.items())
                if isinstance(row, dict)
                else [(None, row)]
                for row in table
            ]
            pairs = [pair for row in rows for pair in row]
        elif isinstance(table, dict):
            pairs = list(table.items())
        else:
            raise self._no('IMPORTED is not a table; write { "name": { "PATH": "file.png" } }')
        return tuple((self._named(name, "an image"), self._path(name, row)) for name, row in pairs)

    def _path(self, name: object, row: object) -> str:
        """Of an imported image: inside the shader's own folder, in any system's spelling."""
        path = row.get("PATH") if isinstance(row, dict) else row
        if not isinstance(path, str) or not path or "\0" in path:
            raise self._no(f"the image {one_line(name)} has no PATH; write the file's, relative to the shader's")
        windows = PureWindowsPath(path)  # which knows both strokes
        if path[0] in "/\\~" or windows.drive or windows.root or ".." in windows.parts or len(path) > PATH_MAX:
            where = f"the image {one_line(name)} lies at {one_line(path)}"
            raise self._no(f"{where}, which is not in the shader's folder; put it there")
        return "/".join(windows.parts)


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _number(value: object) -> float | None:
    """A finite number, also written as a text; true is 1."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _truth(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes")
    return isinstance(value, (bool, int, float)) and value > 0
