"""Mapping table: the bindings laid out for playing. Control in, knob position or force out.
Between controls and gesture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from instrument.hands.midi.controls import ControlEvent
from instrument.hands.midi.motor import Motor
from instrument.hands.state import reach
from instrument.hands.state.bindings import Binding, encoder_step
from instrument.hands.state.names import plain
from instrument.hands.state.positions import Positions
from instrument.hands.state.reach import Pickup
from instrument.hands.state.takeover import Mode, Takeover, mode_of
from instrument.ipc import Kind
from instrument.knobs import KnobTable

STEPS_PER_TRAVEL = 127
"""An endless encoder goes through its range in as many steps as a 7-bit controller has."""


class Move(NamedTuple):
    """What a control does: ``kind`` KNOB with the raw position it goes to, FORCE with a push in travel, or SCENE, whose
    slot is the ``knob``."""

    kind: Kind
    knob: int
    value: float


class Mapping:
    """One binding in play: where its knob is in the present table (None: not there) and how it is taken over.

    ``motor``: the fader it is bound to, if that has one. ``leaning``: the push of each port that presses it, in travel.
    """

    def __init__(self, binding: Binding, usual: Mode, table: KnobTable) -> None:
        self.binding = binding
        mode = mode_of(binding.takeover) if binding.takeover else usual
        # A key at a knob is a switch and bend springs back: neither can be led to the knob and left there.
        self.takeover = Takeover("jump" if binding.kind in ("note", "bend") else mode)
        self.motor = Motor(binding.touch > 0) if binding.motor else None
        self.leaning: dict[str, float] = {}
        self._down = False
        self.place(table)

    def place(self, table: KnobTable) -> None:
        self.knob = table.index(self.binding.knob) if self.binding.knob in table else None
        self.takeover.release()
        self.leaning.clear()
        if self.motor is not None:
            self.motor.place = None

    def hears(self, control: ControlEvent, port: str) -> bool:
        binding = self.binding
        return binding.channel in (0, control.channel) and self.is_at(port)

    def is_at(self, port: str) -> bool:
        """Whether the control is at the port of this plain name, as far as the binding says."""
        return plain(self.binding.port) in port

    def lean(self, control: ControlEvent, port: str) -> None:
        """A control that pushes was pressed, harder or less hard, or let go."""
        if control.raw:
            self.leaning[port] = self.binding.push * control.value
        else:
            self.leaning.pop(port, None)

    def calls(self, control: ControlEvent) -> bool:
        """Whether a control at a scene asks for it: a key or a program whenever it comes, a CC on its way up."""
        if control.what != "cc":
            return control.what == "program" or control.raw > 0
        before, self._down = self._down, control.value >= 0.5
        return self._down and not before

    def turn(self, control: ControlEvent, position: float) -> float | None:
        """Where the knob, now at ``position``, shall go; None = it stays."""
        binding = self.binding
        if binding.motion != "absolute":
            steps = encoder_step(control.raw >> 7 if control.what in ("cc14", "nrpn") else control.raw, binding.motion)
            if steps == 0:
                return None
            at = binding.control_at(position) + steps / STEPS_PER_TRAVEL
            return binding.knob_at(min(1.0, max(0.0, at)))
        to = self.takeover.turn(control.value, binding.control_at(position))
        return None if to is None else binding.knob_at(to)


class MappingTable:
    """All bindings, found by what moves them. Several knobs on one control, several controls at one knob."""

    def __init__(self, bindings: Iterable[Binding], usual: Mode, table: KnobTable) -> None:
        self._usual = usual
        self._table = table
        self.slots: list[Mapping] = []
        self._by_control: dict[tuple[str, int], list[Mapping]] = {}
        self.version = 0
        """Another whenever a binding came or went or found another knob."""
        self._left: list[Move] = []
        for binding in bindings:
            self.add(binding)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return tuple(slot.binding for slot in self.slots)

    def add(self, binding: Binding) -> None:
        slot = Mapping(binding, self._usual, self._table)
        self.slots.append(slot)
        self._by_control.setdefault((binding.kind, binding.number), []).append(slot)
        self.version += 1

    def remove(self, knob: str) -> int:
        """Free a knob of its controls; how many there were."""
        kept = [slot for slot in self.slots if slot.binding.knob != knob or slot.binding.scene]
        pushed = [slot.knob for slot in self.slots if slot not in kept and slot.leaning and slot.knob is not None]
        removed = len(self.slots) - len(kept)
        self.version += 1
        self.slots, self._by_control = kept, {}
        for slot in self.slots:
            self._by_control.setdefault((slot.binding.kind, slot.binding.number), []).append(slot)
        self._left += [Move(Kind.FORCE, knob, self._force(knob)) for knob in pushed]
        return removed

    def left(self) -> list[Move]:
        """What has to be said of controls that were taken off while they pushed; each is told once."""
        moves, self._left = self._left, []
        return moves

    def place(self, table: KnobTable) -> None:
        """Another patch: find the knobs again; no absolute controller has caught its knob now."""
        self._table = table
        self.version += 1
        self._left.clear()
        for slot in self.slots:
            slot.place(table)

    def release(self) -> None:
        for slot in self.slots:
            slot.takeover.release()

    def let_go(self, port: str | None = None) -> list[Move]:
        """Nothing pushes any more, from this port or from any: the forces that are left."""
        moves = []
        for slot in self.slots:
            if slot.leaning and (port is None or port in slot.leaning):
                slot.leaning.clear() if port is None else slot.leaning.pop(port)
                if slot.knob is not None:
                    moves.append(Move(Kind.FORCE, slot.knob, self._force(slot.knob)))
        return moves

    def _force(self, knob: int) -> float:
        """All that leans on a knob, in travel: two keys that push against each other do just that."""
        force = sum(sum(slot.leaning.values()) for slot in self.slots if slot.knob == knob)
        return min(1.0, max(-1.0, force))

    def find(self, control: ControlEvent, port: str) -> list[Mapping]:
        """The slots that hear a control from the port of this plain name."""
        number = 0 if control.what in ("bend", "pressure") else control.number
        return [slot for slot in self._by_control.get((control.what, number), ()) if slot.hears(control, port)]

    def turn(
        self, slots: Iterable[Mapping], control: ControlEvent, positions: Positions, port: str, now: float
    ) -> list[Move]:
        """What a control at this port does to the knobs of these slots."""
        moves = []
        for slot in slots:
            if slot.binding.scene and slot.calls(control):
                moves.append(Move(Kind.SCENE, slot.binding.scene - 1, 0.0))
            if slot.knob is None:
                continue
            if slot.binding.motion == "push":
                slot.lean(control, port)
                if slot.knob < self._table.playable_count:  # the others have no bearing to lean on
                    moves.append(Move(Kind.FORCE, slot.knob, self._force(slot.knob)))
                continue
            to = slot.turn(control, positions.read(slot.knob))
            if to is not None:
                positions.ask(slot.knob, to, now)
                moves.append(Move(Kind.KNOB, slot.knob, to))
        return moves

    def reach(self) -> list[tuple[int, float]]:
        """See ``reach``."""
        return reach.reach(self.slots)

    def controls(self) -> dict[int, str]:
        """See ``reach``."""
        return reach.controls(self.slots)

    def pickups(self) -> list[Pickup]:
        """Of the absolute ones: an endless encoder is never far."""
        return reach.pickups(slot for slot in self.slots if slot.binding.motion == "absolute")
