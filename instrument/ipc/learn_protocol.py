"""Learn protocol: what stage and hands say to each other - learn this knob, it was learned, where controllers are.

The two share no ring; each writes texts of its own health row and reads the other's. A text is whole or not there, and
says how things are, not what to do next, so that either may die and come back. Knobs are numbers in the patch's table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from instrument.ipc.texts import TEXT_BYTES

ASK, ANSWER, REACH, BOUND = "learn", "learn", "reach", "bound"
"""The texts: ``learn`` of the stage's row and of the hands', and two more of the hands'."""
VERBS = ("learn", "free", "off")
STATES = ("armed", "learned", "unsaved", "freed", "off")


class Ask(NamedTuple):
    """The stage asks: ``learn`` this knob, ``free`` it of its controllers, or ``off``: nothing is to be learned.

    ``number``: another for every time something is asked; the hands act on each once.
    """

    number: int
    verb: str = "off"
    patch: int = 0
    knob: int = 0

    def text(self) -> str:
        return f"{self.number} {self.verb} {self.patch} {self.knob}"

    @classmethod
    def of(cls, text: str) -> Ask | None:
        """None when it is no question."""
        try:
            number, verb, patch, knob = text.split()
            found = cls(int(number), verb, int(patch), int(knob))
        except ValueError:
            return None
        return found if verb in VERBS and found.patch >= 0 and found.knob >= 0 else None


class Answer(NamedTuple):
    """The hands answer the question of this number. ``control``: what was learned, as a player would call it."""

    number: int
    state: str = "off"
    knob: int = 0
    control: str = ""

    def text(self) -> str:
        return f"{self.number} {self.state} {self.knob} {self.control}"

    @classmethod
    def of(cls, text: str) -> Answer | None:
        """None when it is no answer."""
        parts = text.split(" ", 3)
        try:
            found = cls(int(parts[0]), parts[1], int(parts[2]), parts[3] if len(parts) > 3 else "")
        except (ValueError, IndexError):
            return None
        return found if found.state in STATES and found.knob >= 0 else None


def reach_text(patch: int, places: Iterable[tuple[int, float]]) -> str:
    """Knobs and where (raw 0..1) the controllers are that have yet to pick them up; the first ones, as many as fit."""
    return _fitting(f"{patch}", (f" {knob}:{raw:.3f}" for knob, raw in places))


def reach_of(text: str, patch: int) -> dict[int, float]:
    """Where controllers are, by knob. Empty when it is of another patch, or nothing of the kind."""
    found = {}
    told, *pairs = text.split() or [""]
    if told != str(patch):
        return {}
    for pair in pairs:
        knob, _, raw = pair.partition(":")
        try:
            at = float(raw)
            if math.isfinite(at):
                found[int(knob)] = min(1.0, max(0.0, at))
        except ValueError:
            continue
    return found


def bound_text(patch: int, controls: Mapping[int, str]) -> str:
    """What moves each knob, as a player would call it; the first ones, as many as fit."""
    return _fitting(f"{patch}", (f"\t{knob}={_short(control)}" for knob, control in controls.items()))


def bound_of(text: str, patch: int) -> dict[int, str]:
    """What moves each knob. Empty when it is of another patch, or nothing of the kind."""
    told, *pairs = text.split("\t")
    found = {}
    for pair in pairs if told == str(patch) else ():
        knob, equals, control = pair.partition("=")
        if equals and knob.isdecimal():
            found[int(knob)] = control
    return found


def _short(control: str, most: int = 32) -> str:
    control = control.replace("\t", " ")
    return control if len(control) <= most else "…" + control[1 - most :]


def _fitting(begin: str, parts: Iterable[str]) -> str:
    text = begin
    for part in parts:
        if len((text + part).encode()) > TEXT_BYTES:
            break
        text += part
    return text
