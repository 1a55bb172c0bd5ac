"""Endpoints: the one table of what is heard and said by OSC. Its kinds are ipc/events; under namespace and echo. Pure.

A row says where (``KNOB`` is a knob's id, ``N`` a number from 1, ``ID`` one of the sender's own for a note), with which
arguments, in which range and unit, and who may: what is WRITTEN is heard (namespace), what is READ is told (echo,
neighbours). The sentences of the docs are in scripts/docs_words.py under the same addresses. An event that is asked for
by nothing, one number, a switch or a slot has its row made from the table of events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instrument.ipc import AUTHORS_MAX, CLIPS_TOLD
from instrument.ipc.events import BEND_SEMITONES, EVENT_AT, EVENTS, SLOTS, Event, Is
from instrument.knobs import SCENES

BRIDGE_SECONDS = (0.1, 86400.0)
BLEND_SECONDS = (0.001, 3600.0)
"""On the way to a scene; 0 in a gesture is the patch's own time, so at once is a thousandth."""

Access = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``address`` after the root; ``tags`` as the docs write them, what may be left out in brackets; ``takes``: the key
    of the words that say which arguments fit. ``low`` to ``high`` is the first number's; None: any."""

    address: str
    tags: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    takes: str = ""
    access: Access = "write"
    own_patch: bool = False
    """Means another thing in another patch, though it makes no event that says so."""

    @property
    def event(self) -> Event | None:
        """What it makes; None: it is for the hands themselves, or is told."""
        return EVENT_AT.get(self.address) if self.access == "write" else None

    @property
    def of_patch(self) -> bool:
        """Whether it means another thing, or nothing, in another patch."""
        return self.own_patch or (self.event is not None and Is.OF_PATCH in self.event.flags)


def _heard(address: str, tags: str, takes: str = "", low: float | None = None, high: float | None = None,
           unit: str = "", own_patch: bool = False) -> Endpoint:  # fmt: skip
    return Endpoint(address, tags, low, high, unit, f"hands.takes.{takes or address}", own_patch=own_patch)


Shape = Literal["bang", "number", "switch", "slot"]


def shape_of(event: Event) -> Shape | None:
    """How an event is asked for that needs no handler of its own in the namespace; None: it needs one."""
    if not event.fields:
        return "bang"
    if len(event.fields) > 1:
        return None
    (field,) = event.fields
    if field.word == "value":
        return "switch" if field.form == "switch" else "number"
    return "slot" if (field.word, field.form, field.base) == ("knob", "whole", 0) else None


def _of_shape(shape: Shape) -> list[Endpoint]:
    tags = {"bang": "[bang]", "number": "f", "switch": "i", "slot": "[i]"}[shape]
    found = []
    for event in EVENTS:
        for verb in event.osc:
            if shape_of(event) == shape and verb not in _NAMED:
                low, high = (event.fields[0].low, event.fields[0].high) if event.fields else (None, None)
                takes = shape if low is None or shape != "number" else "raw" if low >= 0.0 else "push"
                found.append(_heard(verb, tags, takes, low, high))
    return found


_NAMED = ("patch/load",)
"""Asked for by name as well: more than a slot."""

OF_KNOBS = {
    "raw": _heard("knob/KNOB", "f", "raw", 0.0, 1.0),
    "value": _heard("knob/KNOB/value", "f", "value", unit="the knob's"),
    "push": _heard("knob/KNOB/push", "f", "push", -1.0, 1.0, "travel"),
    "bridge": _heard("knob/KNOB/bridge", "f f", "bridge", 0.0, 1.0),
}
"""By verb: what may be asked of one knob. ``latent/N`` is the raw position of the N-th."""
_ROWS = (
    _heard("latents", "f f f …", "latents", 0.0, 1.0),
    _heard("patch/load", "s or i"),
    _heard("note", "i [f]", "note", 0, 127, "MIDI note"),
    _heard("voice/ID/on", "i [f]", "note", 0, 127, "MIDI note"),
    _heard("voice/ID/off", "[bang]", "bang"),
    _heard("voice/ID/bend", "f", "push", -BEND_SEMITONES, BEND_SEMITONES, "semitones"),
    _heard("voice/ID/pressure", "f", "raw", 0.0, 1.0),
    _heard("voice/ID/timbre", "f", "raw", 0.0, 1.0),
    _heard("seed", "i"),
    *_of_shape("bang"),
    *_of_shape("number"),
    *_of_shape("switch"),
    *_of_shape("slot"),
    _heard("scene", "i [f]", "scene", 0, SCENES),
    _heard("scene/save", "i", "scene/save", 0, SCENES),
    _heard("accident/play", "s [f]", "accident"),
    _heard("accident/loop", "s [f]", "accident"),
    _heard("feel", "s"),
    _heard("accident/keep", "[s] [f]"),
    _heard("accident/stop", "[bang]", "bang"),
    _heard("seed/daily", "[bang]", "bang"),
    _heard("neighbour/hear", "[i]", "neighbour/hear", 0, CLIPS_TOLD),
    _heard("learn", "[s [f f i]]", own_patch=True),
    _heard("unlearn", "s", own_patch=True),
    _heard("sync", "[i]", "sync", 0, 65535),
)
HEARD: dict[str, Endpoint] = {row.address: row for row in _ROWS}
"""By verb: the addresses that are no knobs."""
ENDPOINTS: dict[str, Endpoint] = {**OF_KNOBS, **HEARD}
"""By verb: all that is heard."""


def _told(address: str, tags: str, low: float | None = None, high: float | None = None, unit: str = "") -> Endpoint:
    return Endpoint(address, tags, low, high, unit, access="read")


TOLD: dict[str, Endpoint] = {row.address: row for row in (
    _told("out/level", "f", 0.0, 1.0),
    _told("out/peak", "f", 0.0, 1.0),
    _told("out/load", "f", 0.0),
    _told("out/xruns", "f", 0),
    _told("out/patch", "i", 0),
    _told("out/scene", "i", 0, SCENES),
    _told("out/scenes", "i " * (SCENES - 1) + "i", 0, 1),
    _told("out/known", "f", -1.0, 1.0),
    _told("out/unknown", "f", -1.0, 1.0),
    _told("out/z", "f f f …", unit="the model's"),
    _told("knob/KNOB/hand", "f", 0.0, 1.0),
    _told("knob/KNOB/pos", "f", 0.0, 1.0),
    _told("knob/KNOB/force", "f", unit="travel"),
    _told("knob/KNOB/stuck", "i", 0, 2),
    _told("knob/KNOB/detents", "f", 0, 48, "per travel"),
    _told("knob/KNOB/detent_strength", "f", 0.0, 0.3, "travel"),
    _told("knob/KNOB/snap_point", "f", 0.5, 1.5, "spacing"),
    _told("knob/KNOB/endstop_strength", "f", 0.0, 0.3, "travel"),
    _told("knob/KNOB/distance", "f", -1.0, 1.0, "travel"),
    _told("out/neighbours", "f " * (CLIPS_TOLD - 1) + "f", 0.0, 1.0),
    _told("out/neighbour/N", "s s s", 1, CLIPS_TOLD),
    _told("out/authors", "f f f …", 0.0, 1.0),
    _told("out/author/N", "s", 1, AUTHORS_MAX),
    _told("out/hearing", "s s s"),
)}  # fmt: skip
"""By address: all that is told, beside the knobs' own addresses."""

__all__ = ["BLEND_SECONDS", "BRIDGE_SECONDS", "ENDPOINTS", "HEARD", "OF_KNOBS", "SLOTS", "TOLD", "Endpoint", "shape_of"]
