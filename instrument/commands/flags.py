"""Flags: the options of the rig on a command line, made from their rows. Under the verbs that take them."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from instrument.base.errors import RosinError
from instrument.documents.options import OptionRow, rows
from instrument.documents.rig import Rig

_TYPES = {"integer": int, "number": float}


def add_flags(parser: Any, section: str) -> None:
    """The flags of a section's options, in the order of their rows: all of them, so that a new row lacks nothing."""
    for row in rows(Rig):
        if row.section == section:
            _add(parser, row)


def _add(parser: Any, row: OptionRow) -> None:
    if (flag := row.flag) is None:
        return
    more: dict[str, Any] = {"help": flag.help, "default": None}
    if row.entry.kind == "boolean":
        more["action"] = argparse.BooleanOptionalAction
    elif row.entry.kind == "texts":
        more |= {"action": "append", "metavar": flag.metavar}
    else:
        more |= {"metavar": flag.metavar, "type": _TYPES.get(row.entry.kind), "choices": flag.choices or None}
        if row.entry.kind == "choice":
            more["choices"] = flag.choices or row.entry.choices
    parser.add_argument(flag.name, **more)


def with_flags(rig: Rig, args: argparse.Namespace) -> Rig:
    """The rig with the flags that were given on top. RosinError for a number out of its range."""
    for row in rows(Rig):
        given = getattr(args, row.flag.dest, None) if row.flag is not None else None
        if given is None:
            continue
        _in_range(row, given)
        said: dict[str, Any] = {row.key: tuple(given) if isinstance(given, list) else given}
        if row.section:
            said = {row.section: dataclasses.replace(getattr(rig, row.section), **said)}
        rig = dataclasses.replace(rig, **said)
    return rig


def _in_range(row: OptionRow, given: Any) -> None:
    low, high, flag = row.entry.low, row.entry.high, row.flag
    if low is None or high is None or flag is None or low <= given <= high:
        return
    unit = f" {flag.unit}" if flag.unit else ""
    remedy = flag.remedy or f"give {low:g} to {high:g}{unit}"
    raise RosinError(f"{flag.name} {given} is out of range; {remedy}")
