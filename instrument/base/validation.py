"""Validation: the shape of a settings file, said once; checking and the editors' JSON Schema are derived from it.

Below patch and rig. All mistakes are found in one pass: a line each with path, value and remedy.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from instrument.base.errors import LINES_MOST

Kind = Literal["text", "number", "integer", "boolean", "choice", "label", "sha256", "texts", "tables"]

_WORDS = {
    "text": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "label": "a text, or { en = ..., fr = ... }",
    "sha256": "64 hexadecimal digits",
    "texts": "a list of texts",
    "tables": "a list of tables",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One entry: its kind, its bounds (inclusive), whether it must be there.

    ``choices`` are the texts of a choice; of another kind, words that may stand there instead.
    """

    kind: Kind
    needed: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of entries; ``each`` is the shape of entries with free names (knob ids): tables, or plain values."""

    fields: Mapping[str, Field | Section] = field(default_factory=dict)
    each: Section | Field | None = None
    needed: bool = False
    about: str = ""


KEY_LONGEST = 64


def check(shape: Section, table: Mapping[str, Any], path: str = "") -> list[str]:
    """Every mistake in ``table``, one line each. Empty: it fits."""
    wrong: list[str] = []
    for key, value in table.items():
        here = f"{path}{key}"
        part = shape.fields.get(key, shape.each)
        if part is None:
            # Only for as many as are told, and no longer than a name: looking for what is near takes its time.
            looked = len(wrong) < LINES_MOST and len(str(key)) <= KEY_LONGEST
            near = difflib.get_close_matches(str(key), list(shape.fields), n=1, cutoff=0.6) if looked else []
            remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(shape.fields) or 'nothing'}"
            wrong.append(f"{here}: unknown entry; {remedy}")
        elif isinstance(part, Field):
            if said := _mistake(part, value):
                wrong.append(f"{here}: {short(value)} {said}")
        elif not isinstance(value, Mapping):
            wrong.append(f"{here}: {short(value)} should be a table; write [{here}]")
        else:
            wrong += check(part, value, f"{here}.")
    for key, part in shape.fields.items():
        if part.needed and key not in table:
            remedy = f"write [{path}{key}]" if isinstance(part, Section) else f"write {key} = {_fitting(part)}"
            wrong.append(f"{path}{key}: it is missing; {remedy}")
    return wrong


def sound(shape: Section, table: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a table, None in place of those that do not fit and without those that are unknown: so that one
    mistake in it hides no other."""
    found = {}
    for key, value in table.items():
        if isinstance(part := shape.fields.get(key), Field):
            found[key] = None if _mistake(part, value) else value
    return found


def _fitting(part: Field) -> str:
    """What fits, in words."""
    if part.kind == "choice":
        return f"one of {', '.join(part.choices)}"
    return " or ".join([_WORDS[part.kind], *part.choices])


def short(value: Any) -> str:
    """A value as a mistake shows it."""
    try:
        said = repr(value)
    except (ValueError, RecursionError):  # a whole number of 5000 digits; tables in tables without end
        said = f"this {'number' if isinstance(value, int) else 'heap'}"
    return said if len(said) <= 60 else said[:57] + "..."


def _bound(bound: float | None) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _mistake(part: Field, value: Any) -> str:
    """Why ``value`` does not fit, with the remedy; empty when it does."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    tests: dict[str, Callable[[], bool]] = {
        "text": lambda: isinstance(value, str),
        "number": lambda: number,
        "integer": lambda: number and isinstance(value, int),
        "boolean": lambda: isinstance(value, bool),
        "choice": lambda: value in part.choices,
        "label": lambda: isinstance(value, str) or _both_languages(value),
        "sha256": lambda: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
        "texts": lambda: isinstance(value, list) and all(isinstance(v, str) for v in value),
        "tables": lambda: isinstance(value, list) and all(isinstance(v, Mapping) for v in value),
    }
    if part.kind != "choice" and isinstance(value, str) and value in part.choices:
        return ""
    try:
        right = tests[part.kind]()
    except TypeError:
        right = False
    if not right:
        return f"does not fit; write {_fitting(part)}"
    if number and not abs(value) <= sys.float_info.max:  # not isfinite(): it fails on a whole number of 400 digits
        return "is not a finite number; write one"
    if number and part.low is not None and value < part.low:
        return f"is too small; the range is {_bound(part.low)} to {_bound(part.high)}"
    if number and part.high is not None and value > part.high:
        return f"is too large; the range is {_bound(part.low)} to {_bound(part.high)}"
    return ""


def _both_languages(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"en", "fr"} and all(isinstance(v, str) for v in value.values())


def json_schema(shape: Section, title: str = "", dialect: str = "") -> dict[str, Any]:
    """JSON Schema of a Section, for editors that complete and underline TOML."""
    schema: dict[str, Any] = {"$schema": dialect, "title": title} if dialect else {}
    schema.update({"type": "object", "properties": {}})
    for key, part in shape.fields.items():
        schema["properties"][key] = _schema(part)
    schema["additionalProperties"] = _schema(shape.each) if shape.each else False
    needed = [key for key, part in shape.fields.items() if part.needed]
    return {**schema, "required": needed} if needed else schema


def _schema(part: Field | Section) -> dict[str, Any]:
    return json_schema(part) if isinstance(part, Section) else _field_schema(part)


def _field_schema(part: Field) -> dict[str, Any]:
    text = {"type": "string"}
    both = {"type": "object", "properties": {"en": text, "fr": text}, "required": ["en", "fr"]}
    by_kind: dict[str, dict[str, Any]] = {
        "text": text,
        "number": {"type": "number"},
        "integer": {"type": "integer"},
        "boolean": {"type": "boolean"},
        "choice": {"enum": list(part.choices)},
        "label": {"anyOf": [text, {**both, "additionalProperties": False}]},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "texts": {"type": "array", "items": text},
        "tables": {"type": "array", "items": {"type": "object"}},
    }
    schema = dict(by_kind[part.kind])
    if part.low is not None:
        schema["minimum"] = part.low
    if part.high is not None:
        schema["maximum"] = part.high
    if part.choices and part.kind != "choice":
        schema = {"anyOf": [schema, {"enum": list(part.choices)}]}
    return {**schema, "description": part.about} if part.about else schema
