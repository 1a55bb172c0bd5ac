"""Decode: MIDI bytes to messages. First thing behind a port; anything may come, nothing is believed.

mido's parser drops bad bytes without a word; here they are counted, because a player whose cable is bad wants to know.
Running status is kept, real-time bytes may stand inside another message, system exclusive is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

NOTE_OFF, NOTE_ON, POLY_PRESSURE, CONTROL, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0
CLOCK, START, CONTINUE, STOP, SENSING, RESET = 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF
SYSEX, END_OF_SYSEX = 0xF0, 0xF7
_REAL_TIME = frozenset((CLOCK, START, CONTINUE, STOP, SENSING, RESET))
_LENGTHS = {
    **dict.fromkeys((NOTE_OFF, NOTE_ON, POLY_PRESSURE, CONTROL, BEND), 2),
    **dict.fromkeys((PROGRAM, PRESSURE), 1),
    0xF1: 1,
    0xF2: 2,
    0xF3: 1,
    0xF6: 0,
}


class MidiMessage(NamedTuple):
    """``status`` without its channel, ``channel`` 1..16 (0: none), data bytes ``a`` and ``b``."""

    status: int
    channel: int = 0
    a: int = 0
    b: int = 0


class MidiParser:
    """The bytes of one port. ``malformed`` counts bytes and broken messages that meant nothing."""

    def __init__(self) -> None:
        self.malformed = 0
        self._status = 0
        self._wanted = 0
        self._data: list[int] = []
        self._in_sysex = False

    def feed(self, data: Iterable[int]) -> list[MidiMessage]:
        """The messages that these bytes complete."""
        found: list[MidiMessage] = []
        for byte in data:
            if byte >= 0xF8:
                if byte in _REAL_TIME:
                    found.append(MidiMessage(byte))
                else:
                    self.malformed += 1
            elif byte >= 0x80:
                self._begin(byte, found)
            elif not self._in_sysex:
                self._continue(byte, found)
        return found

    def _begin(self, status: int, found: list[MidiMessage]) -> None:
        if self._data:  # the message before was cut off
            self.malformed += 1
            self._data.clear()
        was_in_sysex, self._in_sysex = self._in_sysex, status == SYSEX
        self._status = 0
        if status == SYSEX:
            return
        if status == END_OF_SYSEX:
            self.malformed += not was_in_sysex
            return
        self.malformed += was_in_sysex  # no end came
        wanted = _LENGTHS.get(status if status >= 0xF0 else status & 0xF0)
        if wanted is None:
            self.malformed += 1
        elif wanted == 0:
            found.append(MidiMessage(status))
        else:
            self._status, self._wanted = status, wanted

    def _continue(self, byte: int, found: list[MidiMessage]) -> None:
        if not self._status:
            self.malformed += 1
            return
        self._data.append(byte)
        if len(self._data) < self._wanted:
            return
        a, b = self._data[0], self._data[1] if self._wanted == 2 else 0
        self._data.clear()
        if self._status >= 0xF0:
            found.append(MidiMessage(self._status, 0, a, b))
            self._status = 0  # system messages have no running status
        else:
            found.append(MidiMessage(self._status & 0xF0, (self._status & 0x0F) + 1, a, b))
