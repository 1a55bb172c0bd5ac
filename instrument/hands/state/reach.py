"""Reach: what of the controllers at knobs is told to the stage - which they are, and how far. Beside takeover.

For whatever is bound to knobs: a controller in the mapping table, an address of another program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from instrument.hands.state.takeover import Takeover


class Pickup(NamedTuple):
    """How far a knob is from the controller that is to catch it, in the controller's travel; signed."""

    knob: str
    distance: float
    caught: bool


class Bound(Protocol):
    """A binding to a knob."""

    @property
    def knob(self) -> str: ...
    def knob_at(self, control: float) -> float: ...
    def words(self) -> str: ...


class Placed(Protocol):
    """One in play: its knob's place in the present table (None: not there), and how the knob is taken over."""

    knob: int | None
    takeover: Takeover

    @property
    def binding(self) -> Bound: ...


def reach(slots: Iterable[Placed]) -> list[tuple[int, float]]:
    """Knobs that something has yet to pick up, and where (raw) it is: far from the knob, and once moved."""
    return [
        (slot.knob, slot.binding.knob_at(slot.takeover.control))
        for slot in slots
        if slot.knob is not None and slot.takeover.distance and slot.takeover.control is not None
    ]


def controls(slots: Iterable[Placed]) -> dict[int, str]:
    """What moves each knob of this table, in words."""
    return {slot.knob: slot.binding.words() for slot in slots if slot.knob is not None}


def pickups(slots: Iterable[Placed]) -> list[Pickup]:
    """The distance of each that has a knob here."""
    return [
        Pickup(slot.binding.knob, slot.takeover.distance, slot.takeover.caught)
        for slot in slots
        if slot.knob is not None
    ]
