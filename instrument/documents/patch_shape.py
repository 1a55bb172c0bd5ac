"""Patch shape: what may stand in a patch file, as one table. Before patch, feels and everything that explains them."""

from __future__ import annotations

import re
from typing import Any

from instrument.base.validation import Field, Section
from instrument.documents.expression import SHAPE as EXPRESSION
from instrument.knobs import CHANCE_SOURCES, ENTRIES, PARAMETERS, SCENES, Label

SCHEMA = 1
NAME = re.compile(r"[^/\\\x00-\x1f]{1,64}")
_PARAMETER = {knob.id: knob for knob in PARAMETERS}


def _ranged(id: str) -> Field:
    knob = _PARAMETER[id]
    about = f"{knob.label.en} [{knob.unit}]" if knob.unit else knob.label.en
    return Field("number", low=knob.low, high=knob.high, about=about)


FRICTION = {k.id.partition(".")[2]: _ranged(k.id) for k in PARAMETERS if k.group == "friction"}
CHANCE = {k.id.partition(".")[2]: _ranged(k.id) for k in PARAMETERS if k.group == "chance"}
_OF_ALL = ("tape", "tape_drops", "temperature", "bend", "wear", "habit_shape", "lorenz_rate", "lorenz_rho")
CHANCE_OF_ONE = {name: field for name, field in CHANCE.items() if name not in _OF_ALL}
"""What one knob may have for itself: the rest belongs to the model, the tape, or several knobs at once."""

VOICES_MAX = 16
BLEND_MS_MAX = 60000.0
_SCENE = Section(
    {
        "title": Field("label", about="what the player calls it"),
        "knobs": Section({}, each=Field("number", low=0, high=1, about="raw position of the hand")),
    }
)
SCENE_SLOTS = {str(number): _SCENE for number in range(1, SCENES + 1)}

_INPUT = Section(
    {
        "start": Field("number", about="where an input of one number starts; of a menu: the entry, from 0"),
        **{part: Field("number", about=f"{part} of a point or a colour") for part in "xyrgba"},
    }
)

SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "name": Field("text", needed=True, about="name of the patch, as OSC and the stage show it"),
        "title": Field("label", about="title in both languages: { en = ..., fr = ... }"),
        "author": Field("text", about="who made the patch"),
        "about": Field("label", about="a sentence for the player"),
        "seed": Field(
            "integer",
            low=0,
            high=2**63 - 1,
            choices=("daily",),
            about="seed of every chance in the patch; daily: the day's, the same for everybody",
        ),
        "model": Section(
            {
                "name": Field("text", needed=True, about="name of the model; 'null' is the weightless voice"),
                "sha256": Field("sha256", about="sha256 of the model's card.toml; not needed for 'null'"),
            },
            needed=True,
        ),
        "voice": Section(
            {
                "sounds": Field("choice", choices=("gesture", "always"), about="silent until the first gesture or not"),
                "notes": Field(
                    "choice",
                    choices=("mono", "poly", "unison", "off"),
                    about="what keys play: one note, a voice for each key, one note by several voices, nothing",
                ),
                "voices": Field("integer", low=1, high=VOICES_MAX, about="how many, of poly and unison"),
                "detune_cents": Field("number", low=0, high=100, about="of unison: the outermost players' tuning"),
                "late_ms": Field("number", low=0, high=200, about="of unison: how late the last player begins"),
                "width": Field("number", low=0, high=1, about="of poly and unison: how far apart the voices stand"),
                "note": Field("number", low=0, high=127, about="MIDI note at rest"),
                "bend_semitones": Field("number", low=0, high=48),
                "attack_ms": Field("number", low=0, high=10000),
                "release_ms": Field("number", low=0, high=20000),
                "decay_ms": Field("number", low=0, high=60000),
                "glide_ms": Field("number", low=0, high=10000),
                "fade_ms": Field(
                    "number",
                    low=5,
                    high=120000,
                    about="crossfade from the patch before; keys, pedal, bend and pressure that are held go along",
                ),
            }
        ),
        "expression": EXPRESSION,
        "input": Section(
            {
                "mode": Field("choice", choices=("off", "blend", "add"), about="how live input and knobs combine"),
                "amount": Field("number", low=0, high=1),
            }
        ),
        "level": Section({"db": _ranged("level")}),
        "knobs": Section(
            {},
            each=Section(
                {
                    "start": Field("number", low=0, high=1, about="raw position at rest"),
                    "label": Field("label"),
                }
            ),
        ),
        "friction": Section(
            {
                "difficulty": _ranged("difficulty"),
                "feel": Field("text", about="a named feel; amounts that stand here too win over it"),
                **FRICTION,
                "knob": Section({}, each=Section(FRICTION)),
            }
        ),
        "scenes": Section(
            {
                "blend_ms": Field(
                    "number", low=0, high=BLEND_MS_MAX, about="how long the hands travel to a scene, by themselves"
                ),
                **SCENE_SLOTS,
            }
        ),
        "visual": Section(
            {
                "file": Field("text", about="an ISF file (.fs): beside the patch, in your visuals, or a shipped one"),
                "strength": Field("number", low=0, high=1, about="how strong at the start; /rosin/visual moves it"),
                "light": Field("boolean", about="false: in place of the stage's light, not under it"),
                "inputs": Section({}, each=_INPUT),
            }
        ),
        "accidents": Section({}, each=Section({"note": Field("integer", low=0, high=127, about="key that plays it")})),
        "time": _ranged("time"),
        "chance": Section(
            {
                "hazard": _ranged("hazard"),
                **CHANCE,
                "entry": Field("choice", choices=ENTRIES, about="where chance enters: before, in or after friction"),
                "at": Section(
                    {name: Field("choice", choices=ENTRIES, about="where this one enters") for name in CHANCE_SOURCES}
                ),
                "knob": Section({}, each=Section(CHANCE_OF_ONE)),
            }
        ),
    },
    needed=True,
)


def label_from(value: Any) -> Label:
    """A Label out of checked TOML: one text for both languages, or a table of two."""
    return Label(value, value) if isinstance(value, str) else Label(value["en"], value["fr"])
