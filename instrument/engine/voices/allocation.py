"""Allocation: which voice plays which key. Knows the voices only through a responder; between keys and note voices.

Here the way of one voice, ``LastNote``: the last key down sounds; letting it go returns to the one held before; pedals
keep what was let go. A voice for every key is polyphony.py.

A key is a note on a channel: 0 where no channel was said, and then it is any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Key = tuple[int, float]
"""MIDI note, velocity 0..1."""


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

    def hold(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool, sounds: float | None) -> None:
        """Just these are down, and these kept; what of them does not sound yet speaks. ``sounds``: the note that one
        voice plays and goes on with."""
        ...

    def set_keys(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool) -> None:
        """The same, and nothing speaks anew."""
        ...

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """The voices whose keys are down there: whom a finger's bend, pressure and slide are for."""
        ...

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
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
        self._held: list[Key] = []
        self._kept: list[Key] = []
        self._caught: set[int] = set()
        self._channels: dict[int, int] = {}
        self.pedal = False

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return list(self._held), list(self._kept)

    @property
    def sounding(self) -> bool:
        return bool(self._held or self._kept)

    def on(self, note: int, velocity: float, channel: int = 0, note_id: int = 0) -> Sequence[int]:
        """As Allocation says; keys are told apart by their notes alone."""
        self._held = [key for key in self._held if key[0] != note]
        self._kept = [key for key in self._kept if key[0] != note]
        self._held.append((note, velocity))
        self._channels[note] = channel
        self._voices.start(0, float(note), velocity)
        return (0,)

    def off(self, note: int, channel: int = 0, note_id: int = 0) -> None:
        """A key goes up: the one held before sounds again, or the release begins."""
        gone = [key for key in self._held if key[0] == note]
        self._held = [key for key in self._held if key[0] != note]
        if self.pedal or note in self._caught:
            self._kept += gone
        self._return()

    def sustain(self, down: bool) -> None:
        """The pedal keeps what was let go."""
        self.pedal = down
        if not down:
            self._kept = [key for key in self._kept if key[0] in self._caught]
            self._return()

    def sostenuto(self, down: bool) -> None:
        """As Allocation says."""
        if down:
            self._caught |= {note for note, _ in self._held}
            return
        self._caught.clear()
        if not self.pedal:
            self._kept.clear()
            self._return()

    def voices_of(self, channel: int, note: int = -1, note_id: int = 0) -> Sequence[int]:
        """As Allocation says: the voice, if the key that sounds is such a one."""
        if not self._held:
            return ()
        sounds = self._held[-1][0]
        here = channel in (0, self._channels.get(sounds, 0)) or not self._channels.get(sounds, 0)
        return (0,) if here and note in (-1, sounds) else ()

    def all_off(self) -> None:
        """As Allocation says."""
        self._caught.clear()
        self.set_keys([], [], False)

    def set_keys(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool) -> None:
        """As Allocation says."""
        self._held, self._kept, self.pedal = list(held), list(kept), pedal
        self._voices.hold(0, self.sounding)

    def hold(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool, sounds: float | None) -> None:
        """As Allocation says."""
        self.set_keys(held, kept, pedal)
        top = (*kept, *held)[-1:]
        if top and sounds != float(top[0][0]):
            self._voices.start(0, float(top[0][0]), top[0][1])

    def state(self) -> dict[str, Any]:
        """Of pedals and channels: nothing where there was none, as in the states of before."""
        return {"caught": sorted(self._caught)} if self._caught else {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """As Allocation says."""
        self._caught = {int(note) for note in state.get("caught", ())}

    def _return(self) -> None:
        if self._held:
            note, velocity = self._held[-1]
            self._voices.turn(0, float(note), velocity)
        self._voices.hold(0, self.sounding)
