"""Addresses: OSC of other programs that moves our knobs, learned or written into the rig.
Beside mapping table, for OSC.

One row of the rig's TOML each:  { address = "/1/fader3", knob = "z2", high = 127.0 }
``low`` and ``high`` are the numbers that are sent at ``bottom`` and ``top``, raw positions of the knob. Nobody tells
them beforehand: a learned address begins with 0 and 1, and a number outside widens them. While an address is being
shown to us its knob stays.

What another program sends is its own affair: "/strip/Gain (dB)", "/track[3]/vol", "/#1". Such an address is no OSC by
the letter, or a pattern, and is taken here as it stands, character by character, in the rig as on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from instrument.base.errors import ValidationErrors
from instrument.base.validation import Field, Section, check, sound
from instrument.hands.osc.codec import TAGS_MAX
from instrument.hands.state import reach
from instrument.hands.state.counts import clipped
from instrument.hands.state.positions import Positions
from instrument.hands.state.reach import Pickup
from instrument.hands.state.takeover import Mode, Takeover, mode_of
from instrument.knobs import KnobTable

REST_SECONDS = 0.7
"""An address that was silent for so long is no longer being shown."""
SHOWN_SECONDS_MAX = 5.0
"""... and what never rests is played after so long."""
SHOWN_TRAVEL = 0.01
"""An address that is sent all the time is silent when its number stands still to within this share of its range."""
WIDEST = 1e9

NUMBERS = ("low", "high", "bottom", "top")

SHAPE = Section(
    {
        "address": Field("text", needed=True, about="as it is sent, such as /1/fader3"),
        "knob": Field("text", needed=True, about="id of the knob that moves"),
        "low": Field("number", low=-WIDEST, high=WIDEST, about="number sent at the knob's bottom"),
        "high": Field("number", low=-WIDEST, high=WIDEST, about="... and at its top"),
        "bottom": Field("number", low=0, high=1, about="raw position of the knob at low"),
        "top": Field("number", low=0, high=1, about="... and at high"),
        "takeover": Field("choice", choices=("", "pickup", "scale", "jump"), about="empty = as the rig says"),
        "argument": Field("integer", low=1, high=TAGS_MAX, about="which of its arguments; 1 = the first"),
    }
)


def is_address(text: str) -> bool:
    """Whether a program can send it: it begins with a slash, and a NUL would end it."""
    return text.startswith("/") and "\0" not in text


@dataclass(frozen=True, slots=True)
class OscBinding:
    """An address at a knob; ``low`` above ``high`` turns it round. ``argument``: which of those it sends, from 1."""

    address: str
    knob: str
    low: float = 0.0
    high: float = 1.0
    bottom: float = 0.0
    top: float = 1.0
    takeover: str = ""
    argument: int = 1

    def knob_at(self, control: float) -> float:
        """Where in its travel 0..1 the control is, to the knob's raw position."""
        return self.bottom + control * (self.top - self.bottom)

    def control_at(self, knob: float) -> float:
        """The other way; outside of bottom and top the nearer end stands for it."""
        return min(1.0, max(0.0, (knob - self.bottom) / (self.top - self.bottom)))

    def control(self, value: float) -> float:
        """A number that was sent to 0..1, clipped."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def widened(self, value: float) -> OscBinding:
        """The same with room for a number."""
        value = min(WIDEST, max(-WIDEST, value))
        bottom, top = sorted((self.low, self.high))
        if bottom <= value <= top:
            return self
        if (value > top) == (self.high > self.low):
            return replace(self, high=value)
        return replace(self, low=value)

    def words(self) -> str:
        """What a player calls it."""
        named = clipped(self.address) if self.argument == 1 else f"{clipped(self.address)} ({self.argument})"
        return named if (self.low, self.high) == (0.0, 1.0) else f"{named} {self.low:g}…{self.high:g}"

    def row(self) -> dict[str, Any]:
        """As the rig keeps it: what is as usual is left out."""
        usual = {f.name: f.default for f in fields(self)}
        return {k: v for k, v in asdict(self).items() if v != usual[k]}


def mistakes(row: Mapping[str, Any], where: str) -> list[str]:
    """Everything that is wrong with a row, one line each. What cannot be read is judged no further."""
    wrong = check(SHAPE, row, f"{where}.")
    row = sound(SHAPE, row)
    address = row.get("address")
    if address is not None and not is_address(address):
        wrong.append(f"{where}.address: {address!r} is no OSC address; write one such as /1/fader3")
    if (low := row.get("low", 0.0)) == row.get("high", 1.0) and low is not None:
        wrong.append(f"{where}.high: it equals low, so the knob could not move; write two different numbers")
    if (bottom := row.get("bottom", 0.0)) == row.get("top", 1.0) and bottom is not None:
        wrong.append(f"{where}.top: it equals bottom, so the knob could not move; write two different positions")
    return wrong


def read_addresses(rows: Iterable[Mapping[str, Any]], where: str = "rig") -> list[OscBinding]:
    """Rows of the rig as bindings; ValidationErrors with every wrong one."""
    rows = list(rows)
    wrong = [line for i, row in enumerate(rows) for line in mistakes(row, f"osc.bindings[{i}]")]
    if wrong:
        raise ValidationErrors(where, wrong)
    whole: list[dict[str, Any]] = [{k: float(v) if k in NUMBERS else v for k, v in row.items()} for row in rows]
    return [OscBinding(**row) for row in whole]


class OscSlot:
    """One binding in play; ``shown_until``: until then it is being learned, and moves nothing.

    A message that says more than it used to is a time slice of TouchDesigner's: samples, of which the last is now.
    """

    def __init__(self, binding: OscBinding, usual: Mode, table: KnobTable, shown_until: float = 0.0) -> None:
        self.binding, self.shown_until = binding, shown_until
        self.takeover = Takeover(mode_of(binding.takeover) if binding.takeover else usual)
        self._shown_at: float | None = None
        self._shown_end = shown_until + SHOWN_SECONDS_MAX
        self._alone = False
        self.place(table)

    def place(self, table: KnobTable) -> None:
        self.knob = table.index(self.binding.knob) if self.binding.knob in table else None
        self.takeover.release()

    def mine(self, values: Values) -> float | bool | None:
        """The argument that it is bound to."""
        self._alone |= len(values) == 1
        return values[-1 if self._alone or self.binding.argument > len(values) else self.binding.argument - 1]

    def is_shown(self, value: float, now: float) -> bool:
        """Whether it is still being shown, which it is for as long as it moves."""
        if now >= min(self.shown_until, self._shown_end):
            self.shown_until = 0.0
            return False
        at = self.binding.control(value)
        if self._shown_at is None or abs(at - self._shown_at) > SHOWN_TRAVEL:
            self._shown_at, self.shown_until = at, now + REST_SECONDS
        return True

    def turn(self, value: float | bool, position: float) -> float | None:
        """A number came: where the knob, now at ``position``, shall go; None = it stays."""
        if isinstance(value, bool):  # a switch has no way to the knob on which to pick it up
            self.takeover.driven()
        to = self.takeover.turn(self.binding.control(float(value)), self.binding.control_at(position))
        return None if to is None else self.binding.knob_at(to)


Values = Sequence[float | bool | None]
"""The arguments of a message; None where one is no number."""


class OscMappings:
    """All addresses of others. ``unsaved``: something was learned, or widened, that the rig does not know yet."""

    def __init__(self, bindings: Iterable[OscBinding], usual: Mode, table: KnobTable) -> None:
        self._usual, self._table = usual, table
        self.slots = [OscSlot(binding, usual, table) for binding in bindings]
        self.unsaved = False
        self._widened_at = 0.0

    def __contains__(self, address: object) -> bool:
        return any(slot.binding.address == address for slot in self.slots)

    def rows(self) -> list[dict[str, Any]]:
        """For the rig."""
        return [slot.binding.row() for slot in self.slots]

    def learn(self, binding: OscBinding, value: float, now: float) -> OscBinding:
        """From now on the address moves the knob, and no other address that was learned does."""
        self.remove(binding.knob)
        binding = binding.widened(value)
        self.slots.append(OscSlot(binding, self._usual, self._table, now + REST_SECONDS))
        self.unsaved = True
        return binding

    def remove(self, knob: str) -> int:
        """Free a knob of its addresses; how many there were."""
        before = len(self.slots)
        self.slots = [slot for slot in self.slots if slot.binding.knob != knob]
        self.unsaved |= len(self.slots) < before
        return before - len(self.slots)

    def place(self, table: KnobTable) -> None:
        """Another patch: find the knobs again; nothing is caught."""
        self._table = table
        for slot in self.slots:
            slot.place(table)

    def turn(self, address: str, values: float | Values, positions: Positions, now: float) -> list[tuple[int, float]]:
        """A message came to an address: knobs, and the raw positions they go to."""
        values = values if isinstance(values, Sequence) else (values,)
        moves = []
        for slot in self.slots:
            if slot.binding.address != address or not values:
                continue
            if (value := slot.mine(values)) is None:
                continue
            if (wider := slot.binding.widened(value)) is not slot.binding:
                slot.binding, self.unsaved, self._widened_at = wider, True, now
                slot.takeover = Takeover(slot.takeover.mode)  # where it was is another place now
            if slot.is_shown(value, now) or slot.knob is None:
                continue
            raw = slot.turn(value, positions.read(slot.knob))
            if raw is not None:
                positions.ask(slot.knob, raw, now)
                moves.append((slot.knob, raw))
        return moves

    def shown(self, address: str, now: float) -> OscBinding | None:
        """The binding of an address that is still being shown, and may yet turn out to be another of its arguments."""
        slots = (slot for slot in self.slots if slot.binding.address == address and now < slot.shown_until)
        return next((slot.binding for slot in slots), None)

    def to_save(self, now: float) -> bool:
        """Whether the rig is to be written now: not while numbers still widen, as they do at each step of a fader."""
        return self.unsaved and now - self._widened_at >= REST_SECONDS

    def reach(self) -> list[tuple[int, float]]:
        """See ``reach``."""
        return reach.reach(self.slots)

    def controls(self) -> dict[int, str]:
        """See ``reach``."""
        return reach.controls(self.slots)

    def pickups(self) -> list[Pickup]:
        """See ``reach``."""
        return reach.pickups(self.slots)
