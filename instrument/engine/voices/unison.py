"""Unison: one line played by several who are never quite together. Between allocation and note voices; pure.

Each player has a tuning of his own, a little another one for each note, and begins each note a little later than the
first. Both are drawn from the seed, the player and the number of the note, so that a take sounds again as it did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.seeds import name_number
from instrument.engine.voices.note_voices import NoteVoices

F64 = NDArray[np.float64]

ANEW = 0.35
"""The part of a player's tuning that is another with each note; the rest is the player's own."""


class Unison:
    """All of ``voices`` play the one line. ``cents``: how far the outermost are out of tune; ``late_ticks``: how late
    the latest begins."""

    def __init__(self, voices: NoteVoices, cents: float, late_ticks: float, seed: int) -> None:
        self._voices, self._cents, self._late, self._seed = voices, cents, late_ticks, seed
        self._notes = 0
        self.detune: F64 = self._tuning(0)

    def start(self, voice: int, note: float, velocity: float) -> None:
        """Everybody speaks, each in his own time; the first player at once."""
        self._notes += 1
        self.detune = self._tuning(self._notes)
        for player in range(self._voices.count):
            ticks = round(self._late * self._chance(player, self._notes, 1)) if player else 0
            if ticks:
                self._voices.wait(player, ticks, note, velocity)
            else:
                self._voices.start(player, note, velocity)

    def turn(self, voice: int, note: float, velocity: float) -> None:
        """Everybody goes on to another note."""
        for player in range(self._voices.count):
            self._voices.turn(player, note, velocity)

    def hold(self, voice: int, down: bool) -> None:
        """Everybody is held, or let go of."""
        for player in range(self._voices.count):
            self._voices.hold(player, down)

    def reseed(self, seed: int) -> None:
        """Other players from the next note on."""
        self._seed = seed

    @property
    def notes(self) -> int:
        """How many have been played: with the seed all that decides the next one."""
        return self._notes

    @notes.setter
    def notes(self, count: int) -> None:
        self._notes = count
        self.detune = self._tuning(count)

    def _tuning(self, note: int) -> F64:
        """Semitones, f64 [V]: spread evenly from flat to sharp, each off his place."""
        count = self._voices.count
        own = np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)
        anew = np.array([2.0 * self._chance(player, note, 2) - 1.0 for player in range(count)])
        tuning: F64 = self._cents / 100.0 * ((1.0 - ANEW) * own + ANEW * anew)
        return tuning

    def _chance(self, player: int, note: int, what: int) -> float:
        """0..1."""
        return name_number(f"section {self._seed} {player} {note} {what}") / 2.0**64
