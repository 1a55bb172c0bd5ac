"""Held: what the player's hands hold down - keys, pedal, bend, pressure - whatever patch plays. Beside the engine.

A patch comes and goes, a finger stays where it is. So the keys are remembered here, and a patch that comes on stage
takes them over: one that plays no notes leaves them alone, the next one finds them. Nothing here sounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instrument.engine.voices.allocation import Key
from instrument.engine.voices.notes import Notes


class HeldKeys:
    """In order of pressing: ``keys`` are down, ``kept`` were let go while the pedal was."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._channels: dict[int, set[int]] = {}
        self.kept: list[Key] = []
        self.pedal = False
        self.bend = 0.0
        self.pressure = 0.0

    @property
    def sounding(self) -> bool:
        return bool(self.keys or self.kept)

    def down(self, note: int, velocity: float, channel: int = 0) -> None:
        """Two fingers may be on one note, on channels of their own."""
        self._channels.setdefault(note, set()).add(channel)
        self.keys = [*(key for key in self.keys if key[0] != note), (note, velocity)]
        self.kept = [key for key in self.kept if key[0] != note]

    def up(self, note: int, channel: int = 0) -> None:
        """Without a channel on all of them."""
        there = self._channels.pop(note, set()) - {channel, 0} if channel else set()
        if there:
            self._channels[note] = there
            return
        gone = [key for key in self.keys if key[0] == note]
        self.keys = [key for key in self.keys if key[0] != note]
        if self.pedal:
            self.kept += gone

    def sustain(self, down: bool) -> None:
        self.pedal = down
        if not down:
            self.kept = []

    def all_off(self) -> None:
        """Keys and pedal; a wheel stands where it stands."""
        self.keys, self.kept, self.pedal = [], [], False
        self._channels.clear()

    def clear(self) -> None:
        """Panic: nothing is held."""
        self.all_off()
        self.bend = self.pressure = 0.0

    def adopt(self, notes: Notes) -> None:
        """As a patch has them that was brought back to another moment."""
        (self.keys, self.kept), self.pedal, self.bend = notes.keys, notes.pedal, notes.bend

    def state(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {
            "keys": [list(key) for key in self.keys],
            "kept": [list(key) for key in self.kept],
            "pedal": self.pedal,
            "bend": self.bend,
            "pressure": self.pressure,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Back to a state taken by ``state()``. ValueError, TypeError or KeyError for what is none."""
        self.keys = [(int(note), float(velocity)) for note, velocity in state["keys"]]
        self.kept = [(int(note), float(velocity)) for note, velocity in state["kept"]]
        self.pedal, self.bend = bool(state["pedal"]), float(state["bend"])
        self.pressure = float(state["pressure"])
