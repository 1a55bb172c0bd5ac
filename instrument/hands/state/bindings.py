"""Bindings: which control moves which knob, how far and which way. Kept in the rig; read by the mapping table.

One row of the rig's TOML each:  { knob = "friction.stick", kind = "cc", number = 21, channel = 1, high = 0.5 }
What is sent back to the control stands in the same row: ``motor``, ``touch``, ``ring``, ``ring_pos`` (see pushback).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from instrument.base.errors import ValidationErrors
from instrument.base.validation import Field, Section, check, sound
from instrument.knobs import SCENES

What = Literal["cc", "cc14", "nrpn", "bend", "pressure", "polypressure", "note", "program"]
Motion = Literal["absolute", "twos", "offset", "sign", "push"]

NOT_LEARNABLE = frozenset({0, 32, 6, 38, *range(96, 102), *range(120, 128)})
"""CCs that are bank, data entry, parameter numbers and channel mode: never a knob."""
PUSHES = ("note", "cc", "pressure", "polypressure")
"""What can push: it is at 0 while nobody presses it."""
MOTORS = ("cc", "cc14", "bend")
"""What a motor fader sends and is driven by."""

CALLS = ("note", "cc", "program")
"""What can call a scene: it is pressed, or goes past its middle, or is sent."""

SHAPE = Section(
    {
        "knob": Field("text", about="id of the knob that moves"),
        "scene": Field(
            "integer", low=1, high=SCENES, about="instead of a knob: the scene recalled by a key, a program or a switch"
        ),
        "kind": Field("choice", needed=True, choices=get_args(What), about="what moves it"),
        "number": Field("integer", low=0, high=16383, about="of the CC (coarse one of a pair), NRPN, note or program"),
        "channel": Field("integer", low=0, high=16, about="1..16; 0 = any"),
        "low": Field("number", low=0, high=1, about="raw position of the knob at the bottom of the control"),
        "high": Field("number", low=0, high=1, about="... and at its top"),
        "invert": Field("boolean", about="top and bottom change places"),
        "motion": Field(
            "choice", choices=get_args(Motion), about="absolute, or how an endless encoder counts; push = a force"
        ),
        "push": Field(
            "number", low=-1, high=1, about='travel by which a full press leans on the knob, motion = "push"'
        ),
        "motor": Field("boolean", about="a motor fader: driven to where the knob is, while nobody touches it"),
        "touch": Field("integer", low=0, high=127, about="note that the fader sends while touched; 0 = it cannot tell"),
        "ring": Field("integer", low=0, high=119, about="CC of the LED ring that shows the hand; 0 = none"),
        "ring_pos": Field("integer", low=0, high=119, about="CC of the mark that shows where the knob is; 0 = none"),
        "takeover": Field("choice", choices=("", "pickup", "scale", "jump"), about="empty = as the rig says"),
        "port": Field("text", about="part of the port's name; empty = any"),
    }
)


@dataclass(frozen=True, slots=True)
class Binding:
    """A control at a knob, or at a ``scene`` 1..8 and then at none. ``low`` and ``high`` are raw positions; low above
    high, or ``invert``, turns it round.

    ``motion``: ``absolute``, or the way an endless encoder counts: ``twos`` complement (1, 127), ``offset`` from 64
    (65, 63), ``sign`` and magnitude (1, 65); or ``push``: the control is a force, ``push`` travel when fully pressed.
    """

    knob: str
    kind: What
    number: int = 0
    channel: int = 0
    low: float = 0.0
    high: float = 1.0
    invert: bool = False
    motion: Motion = "absolute"
    takeover: str = ""
    port: str = ""
    push: float = 0.25
    motor: bool = False
    touch: int = 0
    ring: int = 0
    ring_pos: int = 0
    scene: int = 0

    def knob_at(self, control: float) -> float:
        """Control 0..1 to the knob's raw position."""
        control = 1.0 - control if self.invert else control
        return self.low + control * (self.high - self.low)

    def control_at(self, knob: float) -> float:
        """The knob's raw position to the control's, clipped to 0..1: outside the range the nearer end stands for it."""
        span = self.high - self.low
        control = min(1.0, max(0.0, (knob - self.low) / span)) if span else 0.5
        return 1.0 - control if self.invert else control

    def words(self) -> str:
        """What a player calls it: ``cc 24``, ``bend ch 3`` on channel 3."""
        named = {"cc14": f"cc {self.number}/{self.number + 32}", "bend": "bend", "pressure": "pressure"}
        what = named.get(self.kind, f"{self.kind} {self.number}")
        return f"{what} ch {self.channel}" if self.channel else what

    def row(self) -> dict[str, Any]:
        """As the rig keeps it: what is as usual is left out."""
        usual = {f.name: f.default for f in fields(self)}
        needed = ("kind",) if self.scene else ("knob", "kind")
        return {k: v for k, v in asdict(self).items() if k in needed or (k != "knob" and v != usual[k])}


def mistakes(row: Mapping[str, Any], where: str) -> list[str]:
    """Everything that is wrong with a row, one line each. What cannot be read is judged no further."""
    wrong = check(SHAPE, row, f"{where}.")
    if "scene" not in row and row.get("knob", "") == "":
        wrong.insert(0, f"{where}.knob: it is missing; write the id of a knob, or scene = 1 to {SCENES}")
    row = sound(SHAPE, row)
    if "scene" in row:
        return wrong + _scene_wrong(row, where)
    kind, number = row.get("kind"), row.get("number", 0)
    if kind == "program":
        wrong.append(f"{where}.kind: a program cannot move a knob; write scene = 1 to {SCENES}, or another kind")
    wrong += _number_wrong(row, where, "cannot move a knob")
    if number is not None and kind == "cc14" and (number > 31 or number in NOT_LEARNABLE):
        wrong.append(f"{where}.number: CC {number} is not the coarse half of a pair; use 1..31 (not 6)")
    if (low := row.get("low", 0.0)) == row.get("high", 1.0) and low is not None:
        wrong.append(f"{where}.high: it equals low, so the knob could not move; write two different positions")
    return wrong + _pushes_wrong(row, where)


def _number_wrong(row: Mapping[str, Any], where: str, cannot: str) -> list[str]:
    """What is wrong with the number of a CC or a note."""
    kind, number = row.get("kind"), row.get("number", 0)
    if number is None:
        return []
    if kind == "cc" and (number > 127 or number in NOT_LEARNABLE):
        return [f"{where}.number: CC {number} {cannot}; use 1..95 or 102..119 (not 6, 32, 38)"]
    if kind == "note" and number > 127:
        return [f"{where}.number: {number} is not a note; use 0..127"]
    return []


def _scene_wrong(row: Mapping[str, Any], where: str) -> list[str]:
    """What is wrong with a row that recalls a scene."""
    kind, wrong = row.get("kind"), []
    if kind is not None and kind not in CALLS:
        wrong.append(f"{where}.kind: {kind} cannot recall a scene; use one of {', '.join(CALLS)}")
    wrong += [
        f"{where}.{key}: it is for knobs, and this row is for a scene; take it out"
        for key in row
        if key not in ("scene", "kind", "number", "channel", "port")
    ]
    return wrong + _number_wrong(row, where, "cannot be a switch")


def _pushes_wrong(row: Mapping[str, Any], where: str) -> list[str]:
    """What is wrong with the ways back to the control, and with a push."""
    wrong = []
    kind, motion = row.get("kind"), row.get("motion", "absolute")
    if motion == "push" and kind is not None and kind not in PUSHES:
        wrong.append(f"{where}.motion: {kind} is never let go, so it cannot push; push with one of {', '.join(PUSHES)}")
    if motion == "push" and row.get("push") == 0:
        wrong.append(f"{where}.push: 0 pushes nothing; write a travel such as 0.25, or -0.25 for the other way")
    if row.get("motor") and (kind not in (None, *MOTORS) or motion not in (None, "absolute")):
        wrong.append(f"{where}.motor: no fader is driven that way; use an absolute {', '.join(MOTORS)}")
    if row.get("touch") and row.get("motor", False) is False:
        wrong.append(f"{where}.touch: only a motor fader is asked for it; write motor = true too, or leave it out")
    if (number := row.get("number", 0)) is None or row.get("motor", False) is None:
        return wrong
    driven = {"cc": [number], "cc14": [number, number + 32]}.get(kind or "", []) if row.get("motor") else []
    marks = [row[key] for key in ("ring", "ring_pos") if row.get(key)]
    if kind == "cc" and motion == "absolute" and not driven and number in marks:
        wrong.append(f"{where}.ring: a control that is set by the CC it sends is a motor to us; write motor = true")
    if len({*driven, *marks}) < len(driven) + len(marks):
        wrong.append(f"{where}.ring: the motor and the two marks need a CC each; write different numbers")
    return wrong


def read_bindings(rows: Iterable[Mapping[str, Any]], where: str = "rig") -> list[Binding]:
    """Rows of the rig as bindings; ValidationErrors with every wrong one."""
    rows = list(rows)
    wrong = [line for i, row in enumerate(rows) for line in mistakes(row, f"midi.bindings[{i}]")]
    if wrong:
        raise ValidationErrors(where, wrong)
    return [Binding(**{"knob": "", **row}) for row in rows]


def encoder_step(byte: int, motion: Motion) -> int:
    """How many steps an endless encoder turned, by the way it counts."""
    if motion == "twos":
        return byte - 128 if byte >= 64 else byte
    if motion == "offset":
        return byte - 64
    return 64 - byte if byte >= 64 else byte
