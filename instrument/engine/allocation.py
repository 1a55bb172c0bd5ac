"""Allocation: which voice plays which key. Knows the voices only through a responder; between keys and note voices.

There is one way yet, ``LastNote``: one voice, many keys. Last key down sounds; letting it go returns to the one held
before; the pedal keeps what was let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Key = tuple[int, float]
"""MIDI note, velocity 0..1."""


class Responder(Protocol):
    """What an allocation asks of voices, by their numbers from 0."""

    def start(self, voice: int, note: float, velocity: float) -> None: ...
    def turn(self, voice: int, note: float, velocity: float) -> None: ...
    def hold(self, voice: int, down: bool) -> None: ...


class LastNote:
    """One voice, number 0, for all keys."""

    def __init__(self, voices: Responder) -> None:
        self._voices = voices
        self._held: list[Key] = []
        self._kept: list[Key] = []
        self.pedal = False

    @property
    def keys(self) -> tuple[list[Key], list[Key]]:
        """Those down and those kept by the pedal, in order of pressing."""
        return list(self._held), list(self._kept)

    @property
    def sounding(self) -> bool:
        return bool(self._held or self._kept)

    def on(self, note: int, velocity: float) -> None:
        """A key goes down; velocity 0..1."""
        self._held = [key for key in self._held if key[0] != note]
        self._kept = [key for key in self._kept if key[0] != note]
        self._held.append((note, velocity))
        self._voices.start(0, float(note), velocity)

    def off(self, note: int) -> None:
        """A key goes up: the one held before sounds again, or the release begins."""
        gone = [key for key in self._held if key[0] == note]
        self._held = [key for key in self._held if key[0] != note]
        if self.pedal:
            self._kept += gone
        self._return()

    def sustain(self, down: bool) -> None:
        """The pedal keeps what was let go."""
        self.pedal = down
        if not down:
            self._kept.clear()
            self._return()

    def all_off(self) -> None:
        """Every key and the pedal up."""
        self.set_keys([], [], False)

    def set_keys(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool) -> None:
        """Just these are down, and these kept; the voice goes on as it sounds."""
        self._held, self._kept, self.pedal = list(held), list(kept), pedal
        self._voices.hold(0, self.sounding)

    def hold(self, held: Sequence[Key], kept: Sequence[Key], pedal: bool, sounds: float | None) -> None:
        """Just these are down, and these kept. ``sounds``: the note that goes on; another one speaks anew."""
        self.set_keys(held, kept, pedal)
        top = (*kept, *held)[-1:]
        if top and sounds != float(top[0][0]):
            self._voices.start(0, float(top[0][0]), top[0][1])

    def _return(self) -> None:
        if self._held:
            note, velocity = self._held[-1]
            self._voices.turn(0, float(note), velocity)
        self._voices.hold(0, self.sounding)
