"""Feels: named sets of friction, from glass to stone, to be put on whatever patch plays. Beside the patch.

A file ``feels/<name>.toml``: {schema, name, title, about, [friction] amounts}. Amounts are those of a patch, in real
units, as they are at difficulty 5; what a file leaves out is the table's own, so that a feel never depends on the one
before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from instrument.base.errors import ValidationErrors
from instrument.base.paths import feel_folders
from instrument.base.toml import read_toml
from instrument.base.validation import Field, Section, check, json_schema, short
from instrument.documents.patch_shape import FRICTION, label_from
from instrument.knobs import PARAMETERS, Label

SCHEMA = 1
NAME_MAX = 64

SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "name": Field("text", needed=True, about="name of the feel, the file's own"),
        "title": Field("label", needed=True, about="title in both languages: { en = ..., fr = ... }"),
        "about": Field("label", about="a sentence for the player"),
        "friction": Section(dict(FRICTION), needed=True, about="amounts, as in a patch"),
    },
    needed=True,
)

_USUAL = MappingProxyType({k.id.partition(".")[2]: k.value(k.start) for k in PARAMETERS if k.group == "friction"})


@dataclass(frozen=True, slots=True)
class Feel:
    """``friction``: every amount by its name in a patch (``stick``, ``weight`` ...), in real units."""

    name: str
    title: Label
    about: Label
    friction: Mapping[str, float]
    path: str = ""

    def parameters(self) -> dict[str, float]:
        """Values (real units) by the ids of the parameter knobs."""
        return {f"friction.{key}": value for key, value in self.friction.items()}


def feel_from(table: Mapping[str, Any], where: str) -> Feel:
    """A Feel out of plain tables. Raises ValidationErrors: one line each with path, value and remedy."""
    version = table.get("schema")
    if isinstance(version, int) and version > SCHEMA:
        raise ValidationErrors(
            where, [f"schema: {short(version)} is newer than this Rosin reads ({SCHEMA}); update Rosin"]
        )
    wrong = check(SHAPE, table)
    name, amounts = table.get("name"), table.get("friction")
    if isinstance(name, str) and not (0 < len(name) <= NAME_MAX and name.isprintable() and not set(name) & set("/\\")):
        wrong.append(f"name: {short(name)} is no name; use 1 to {NAME_MAX} characters without slashes")
    if wrong or not isinstance(amounts, Mapping):
        raise ValidationErrors(where, wrong)
    friction = {**_USUAL, **{key: float(value) for key, value in amounts.items()}}
    title = label_from(table["title"])
    about = label_from(table["about"]) if "about" in table else Label("", "")
    return Feel(table["name"], title, about, MappingProxyType(friction), where)


def read_feel(path: Path) -> Feel:
    """Read one feel file. RosinError or ValidationErrors, each sentence with its remedy."""
    return feel_from(read_toml(path, "feel"), str(path))


def find_feels() -> dict[str, Path]:
    """Every feel there is, by the name of its file: the player's own hide the shipped ones."""
    found: dict[str, Path] = {}
    for folder in feel_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def open_feel(name: str) -> Feel:
    """The feel of this name, capitals or not. LookupError: there is none; RosinError, ValidationErrors as read_feel."""
    feels = find_feels()
    path = feels.get(name) or {key.casefold(): path for key, path in feels.items()}.get(name.casefold())
    if path is None:
        raise LookupError(name)
    return read_feel(path)


def feel_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a feel file, for editors."""
    return json_schema(SHAPE, "Rosin feel", "https://json-schema.org/draft/2020-12/schema")
