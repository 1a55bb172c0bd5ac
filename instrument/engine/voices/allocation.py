"""Allocation: which voice plays which key. Knows the voices only through a responder; between keys and note voices.

Here the way of one voice, ``LastNote``: the last key down sounds; letting it go returns to the one held before; pedals
keep what was let go. A voice for every key is polyphony.py.

Keys are told apart as press.py says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from instrument.engine.voices.press import MOST, Press, is_under


class Responder(Protocol):
    """What an allocation of one voice asks of voices, by their numbers from 0."""

    def start(self, voice: int, note: float, velocity: float) -> None: ...
    def turn(self, voice: int, note: float, velocity: float) -> None: ...
    def hold(self, voice: int, down: bool) -> None: ...


class Allocation(Protocol):
    """What notes ask of either way. Velocities 0..1; ``note_id`` tells keys of one note apart, 0: none was said."""

    pedal: bool

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> Sequence[int]:
        """A key goes down; the voices that it speaks on."""
        ...

    def off(self, note: int, channel: int = 0, note_id: int = 0) -> None: ...
    def sustain(self, down: bool) -> None: ...
    def sostenuto(self, down: bool) -> None:
        """The middle pedal keeps what is down as it goes down, and nothing that comes later."""
        ...

    def all_off(self) -> None:
        """Every key and both pedals up."""
        ...

    def hold(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool, sounds: float | None) -> None:
        """Just these are down, and these kept; what of them does not sound yet speaks. ``sounds``: the note that one
        voice plays and goes on with."""
        ...

    def set_keys(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool) -> None:
        """The same, and nothing speaks anew."""
        ...

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """The voices whose keys are down there: whom a finger's bend, pressure and slide are for."""
        ...

    def press_of(self, voice: int) -> Press | None:
        """The key that a voice plays, or None."""
        ...

    @property
    def presses(self) -> tuple[list[Press], list[Press]]:
        """Those down and those kept by a pedal, in order of pressing."""
        ...

    @property
    def sounding(self) -> bool: ...

    def state(self) -> dict[str, Any]:
        """Plain lists, besides the keys."""
        ...

    def set_state(self, state: Mapping[str, Any]) -> None: ...


class LastNote:
    """One voice, number 0, for all keys."""

    def __init__(self, voices: Responder) -> None:
        self._voices = voices
        self._held: list[Press] = []
        self._kept: list[Press] = []
        self._caught: set[int] = set()
        self.pedal = False

    @property
    def presses(self) -> tuple[list[Press], list[Press]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return list(self._held), list(self._kept)

    @property
    def sounding(self) -> bool:
        return bool(self._held or self._kept)

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> Sequence[int]:
        """As Allocation says."""
        others = [key for key in self._held if not key.of(note, channel, note_id)]
        self._kept = [key for key in self._kept if key.note != note]
        self._held = [*others, Press(note, velocity, channel, note_id)][-MOST:]
        self._voices.start(0, float(note), velocity)
        return (0,)

    def off(self, note: int, channel: int = 0, note_id: int = 0) -> None:
        """A key goes up: the one held before sounds again, or the release begins."""
        gone = [key for key in self._held if key.of(note, channel, note_id)]
        self._held = [key for key in self._held if not key.of(note, channel, note_id)]
        if self.pedal or note in self._caught:
            self._kept = [*self._kept, *gone][-MOST:]
        self._return()

    def sustain(self, down: bool) -> None:
        """The pedal keeps what was let go."""
        self.pedal = down
        if not down:
            self._kept = [key for key in self._kept if key.note in self._caught]
            self._return()

    def sostenuto(self, down: bool) -> None:
        """As Allocation says."""
        if down:
            self._caught |= {key.note for key in self._held}
            return
        self._caught.clear()
        if not self.pedal:
            self._kept.clear()
            self._return()

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """As Allocation says: the voice, if the key that sounds is such a one."""
        return (0,) if self._held and is_under(self._held[-1], channel, note, note_id) else ()

    def press_of(self, voice: int) -> Press | None:
        """As Allocation says: everybody's is the last."""
        top = (self._held or self._kept)[-1:]
        return top[0] if top else None

    def all_off(self) -> None:
        """As Allocation says."""
        self._caught.clear()
        self.set_keys([], [], False)

    def set_keys(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool) -> None:
        """As Allocation says."""
        self._held, self._kept, self.pedal = list(held), list(kept), pedal
        self._voices.hold(0, self.sounding)

    def hold(self, held: Sequence[Press], kept: Sequence[Press], pedal: bool, sounds: float | None) -> None:
        """As Allocation says."""
        self.set_keys(held, kept, pedal)
        top = (*kept, *held)[-1:]
        if top and sounds != float(top[0].note):
            self._voices.start(0, float(top[0].note), top[0].velocity)

    def state(self) -> dict[str, Any]:
        """Of the middle pedal: nothing where there was none, as in the states of before."""
        return {"caught": sorted(self._caught)} if self._caught else {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """As Allocation says."""
        self._caught = {int(note) for note in state.get("caught", ())}

    def _return(self) -> None:
        if self._held:
            top = self._held[-1]
            self._voices.turn(0, float(top.note), top.velocity)
        self._voices.hold(0, self.sounding)
