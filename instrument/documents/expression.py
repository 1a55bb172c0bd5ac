"""Expression: what a patch makes of the fingers on its keys - which knob each drives for its own note, how far, and
with which friction. ``[expression]`` of a patch file.

    [expression.timbre]      # the slide of an MPE finger, CC 74
    knob = "z1"
    range = 0.5              # of the knob's travel, from the middle of the slide to its end
    stick = 0.03

``pressure`` on the loudness swells from how hard the key was struck up to full; on any other knob, as ``timbre`` and
``velocity``, it is added to where the knob is. ``bend`` has friction alone: it is the note's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from instrument.base.validation import Field, Section
from instrument.knobs import PARAMETERS

LOUDNESS = "loudness"
_FRICTION = {knob.id.partition(".")[2]: knob for knob in PARAMETERS if knob.group == "friction"}
FEEL = (
    "stick",
    "slide",
    "vs",
    "pre",
    "weight",
    "zeta",
    "visc",
    "play",
    "detents",
    "detent_strength",
    "snap_point",
    "endstop_strength",
)
"""Amounts of friction that a finger may have: those that act within the life of one note."""
_FEEL = {name: Field("number", low=_FRICTION[name].low, high=_FRICTION[name].high) for name in FEEL}
_KNOB = Field("text", about="the knob that it moves, for its own note alone")
_RANGE = Field("number", low=-1, high=1, about="how far, of the knob's travel")

SHAPE = Section(
    {
        "bend": Section(_FEEL),
        "pressure": Section({"knob": _KNOB, "range": _RANGE, **_FEEL}),
        "timbre": Section({"knob": _KNOB, "range": _RANGE, **_FEEL}),
        "velocity": Section({"knob": _KNOB, "range": _RANGE}),
    }
)


@dataclass(frozen=True, slots=True)
class Expression:
    """One of them. ``knob``: "" moves none. ``feel``: amounts of friction by name."""

    knob: str = ""
    range: float = 0.0
    feel: Mapping[str, float] = field(default_factory=dict)


USUAL: Mapping[str, Expression] = MappingProxyType({"pressure": Expression(LOUDNESS, 1.0)})
"""What a patch has that says nothing of them: a finger that presses swells its note."""


def expressions_from(table: Mapping[str, Any]) -> Mapping[str, Expression]:
    """Of a checked ``[expression]``."""
    found = dict(USUAL)
    for name, row in table.items():
        usual = found.get(name, Expression(range=0.5))
        feel = {key: float(value) for key, value in row.items() if key in _FEEL}
        found[name] = Expression(
            row.get("knob", usual.knob), float(row.get("range", usual.range)), MappingProxyType(feel)
        )
    return MappingProxyType(found)
