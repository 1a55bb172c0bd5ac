"""Polyphony: an allocation with a voice for every key, as long as there are voices. Beside allocation; pure.

A free voice first; else one that was let go, the one let go longest ago; else the quietest that is held, but never the
newest, and neither the lowest nor the highest note while another can go: the outline of a chord is what one hears.
What is stolen is told to the responder as such, so that it can make room without a click.

A key is a channel and a note: the same note on two channels is two keys (MPE, two keyboards). A key pressed again
while it is down lets go of itself first, so that one release is enough however often it was pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from instrument.engine.voices.press import Press, is_under

EVERY = None
"""Of channels: all of them."""


class PolyResponder(Protocol):
    """What an allocation asks of voices, by their numbers from 0, and the one thing that it wants to know of them."""

    def start(self, voice: int, note: float, velocity: float) -> None: ...
    def steal(self, voice: int, note: float, velocity: float) -> None: ...
    def release(self, voice: int) -> None: ...
    def loudness(self, voice: int) -> float: ...


@dataclass(slots=True)
class Sounding:
    """What one voice plays. ``down``: its key; ``kept``: the pedal's; ``caught``: the sostenuto pedal's."""

    note: int = -1
    channel: int = 0
    note_id: int = 0
    velocity: float = 0.0
    order: int = 0
    down: bool = False
    kept: bool = False
    caught: bool = False
    let_go: int = 0

    @property
    def held(self) -> bool:
        return self.down or self.kept or self.caught

    @property
    def press(self) -> Press:
        return Press(self.note, self.velocity, self.channel, self.note_id)


class Polyphony:
    """``count`` voices."""

    def __init__(self, voices: PolyResponder, count: int) -> None:
        self._voices = voices
        self._slots = [Sounding() for _ in range(count)]
        self._order = 0
        self._pedals: set[int] = set()
        """Channels whose sustain pedal is down."""

    # --- keys

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> Sequence[int]:
        """As Allocation says."""
        self.off(note, channel, note_id)
        voice, free = self._choose()
        self._order += 1
        self._slots[voice] = Sounding(note, channel, note_id, velocity, self._order, down=True)
        (self._voices.start if free else self._voices.steal)(voice, float(note), velocity)
        return (voice,)

    def off(self, note: int, channel: int = 0, note_id: int = 0) -> None:
        """A key goes up; its voice is released unless a pedal holds it."""
        for voice, slot in enumerate(self._slots):
            if slot.down and slot.press.of(note, channel, note_id):
                self._lift(voice)

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """As Allocation says. A voice that was let go keeps what it had."""
        slots = enumerate(self._slots)
        return [voice for voice, slot in slots if slot.down and is_under(slot.press, channel, note, note_id)]

    def hold(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool, sounds: float | None) -> None:
        """As Allocation says."""
        self.set_keys(held, kept, pedal)
        there = [slot.press for slot in self._slots if slot.held]
        for press in (*kept, *held):
            if not any(_same(one, press) for one in there):
                self.on(*press)
        self.set_keys(held, kept, pedal)

    def set_keys(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool) -> None:
        """As Allocation says."""
        self.pedal = pedal
        for voice, slot in enumerate(self._slots):
            if slot.held:
                slot.down = any(_same(slot.press, press) for press in held)
                slot.kept = any(_same(slot.press, press) for press in kept)
                self._settle(voice)

    @property
    def pedal(self) -> bool:
        """Whether the sustain pedal is down anywhere."""
        return bool(self._pedals)

    @pedal.setter
    def pedal(self, down: bool) -> None:
        self._pedals = set(range(17)) if down else set()

    def state(self) -> dict[str, Any]:
        """As Allocation says."""
        named = {field.name: [getattr(slot, field.name) for slot in self._slots] for field in fields(Sounding)}
        return {f"slot_{name}": values for name, values in named.items()} | {
            "order": self._order,
            "pedals": sorted(self._pedals),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """As Allocation says. ValueError for the state of another number of voices."""
        kinds = {field.name: type(getattr(Sounding(), field.name)) for field in fields(Sounding)}
        columns = {name: [kind(value) for value in state[f"slot_{name}"]] for name, kind in kinds.items()}
        if any(len(column) != len(self._slots) for column in columns.values()):
            raise ValueError("another number of voices")
        self._slots = [Sounding(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        self._order = int(state["order"])
        self._pedals = {int(channel) for channel in state["pedals"]}

    # --- pedals

    def sustain(self, down: bool, channels: Iterable[int] | None = EVERY) -> None:
        """The pedal of some channels (of a zone), or of all."""
        here = self._of(channels)
        if down:
            self._pedals |= set(range(17)) if channels is EVERY else set(channels)
            return
        self._pedals -= set(range(17)) if channels is EVERY else set(channels)
        for voice in here:
            slot = self._slots[voice]
            if slot.kept:
                slot.kept = False
                self._settle(voice)

    def sostenuto(self, down: bool, channels: Iterable[int] | None = EVERY) -> None:
        """The middle pedal holds what is down as it goes down, and nothing that comes later."""
        for voice in self._of(channels):
            slot = self._slots[voice]
            if down:
                slot.caught |= slot.down
            elif slot.caught:
                slot.caught = False
                self._settle(voice)

    def all_off(self, channels: Iterable[int] | None = EVERY) -> None:
        """Every key and both pedals up."""
        for voice in self._of(channels):
            slot = self._slots[voice]
            if slot.held:
                slot.down = slot.kept = slot.caught = False
                self._settle(voice)
        self._pedals -= set(range(17)) if channels is EVERY else set(channels)

    # --- what there is

    @property
    def sounding(self) -> bool:
        """Whether a key or a pedal holds anything."""
        return any(slot.held for slot in self._slots)

    def press_of(self, voice: int) -> Press | None:
        """As Allocation says."""
        return self._slots[voice].press if self._slots[voice].held else None

    @property
    def presses(self) -> tuple[list[Press], list[Press]]:
        """Those down and those kept by a pedal, in order of pressing."""
        slots = sorted((slot for slot in self._slots if slot.held), key=lambda slot: slot.order)
        return [slot.press for slot in slots if slot.down], [slot.press for slot in slots if not slot.down]

    # ---

    def _of(self, channels: Iterable[int] | None) -> list[int]:
        which = None if channels is None else set(channels)
        return [voice for voice, slot in enumerate(self._slots) if which is None or slot.channel in which]

    def _lift(self, voice: int) -> None:
        slot = self._slots[voice]
        slot.down, slot.kept = False, slot.channel in self._pedals
        self._settle(voice)

    def _settle(self, voice: int) -> None:
        """Nothing holds it any more: it is released."""
        slot = self._slots[voice]
        if not slot.held:
            self._order += 1
            slot.let_go = self._order
            self._voices.release(voice)

    def _choose(self) -> tuple[int, bool]:
        """The voice for a new key, and whether it is silent."""
        loud: Callable[[int], float] = self._voices.loudness
        free = [v for v, slot in enumerate(self._slots) if not slot.held and loud(v) <= 0.0]
        if free:
            return min(free, key=lambda v: (self._slots[v].let_go, v)), True
        ringing = [v for v, slot in enumerate(self._slots) if not slot.held]
        if ringing:
            return min(ringing, key=lambda v: self._slots[v].let_go), False
        held = sorted(range(len(self._slots)), key=lambda v: self._slots[v].order)
        inner = self._inner(held[:-1] or held)
        return min(inner, key=lambda v: (loud(v), self._slots[v].order)), False

    def _inner(self, voices: list[int]) -> list[int]:
        """Without the lowest and the highest note of all that are held, where others are left."""
        notes = [slot.note for slot in self._slots]
        inner = [v for v in voices if min(notes) < self._slots[v].note < max(notes)]
        return inner or voices


def _same(one: Press, other: Press) -> bool:
    return one.of(other.note, other.channel, other.note_id)
