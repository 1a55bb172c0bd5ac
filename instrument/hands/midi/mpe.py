"""MPE: which channels are fingers, and how far each bends. Between controls and the MIDI hand. Pure.

The lower zone has its master on channel 1 and its fingers from 2 up, the upper one its master on 16 and its fingers
from 15 down. An MPE Configuration Message (RPN 6 on a master, a number of fingers) opens or closes a zone; two zones
that would overlap take channels from the older one. RPN 0 sets how far a bend goes: of a finger 48 semitones unless it
is said, of a master 2. (MIDI Polyphonic Expression 1.1, MIDI Association M1-100-UM.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from instrument.hands.midi.controls import DATA, NRPN, NRPN_FINE, RPN, RPN_FINE, ControlEvent
from instrument.ipc import Kind

LOWER, UPPER = 1, 16
BEND_RPN, CONFIGURATION_RPN = 0, 6
BEND, BEND_MOST = 48, 96
TIMBRE_CC = 74
FINGERS_MOST = 15

Mode = Literal["auto", "lower", "upper", "both", "off"]
Part = Literal["master", "finger", ""]
OPEN: dict[str, tuple[int, int]] = {"auto": (0, 0), "lower": (15, 0), "upper": (0, 15), "both": (7, 7), "off": (0, 0)}
"""Fingers of the lower and the upper zone to begin with."""


class Finger(NamedTuple):
    """What one finger says: an event, 1 + its note or 0, its value, its channel (0: everybody's)."""

    kind: Kind
    knob: int
    value: float
    channel: int


def middled(raw: int) -> float:
    """Seven bits with their middle, 64, in the very middle."""
    return raw / 128.0 if raw <= 64 else 0.5 + (raw - 64) / 126.0


class Mpe:
    """The zones of one port. ``bend``: semitones of a finger, until it is said."""

    def __init__(self, mode: Mode = "auto", bend: float = BEND) -> None:
        self._mode, self._bend = mode, bend
        self.lower, self.upper = OPEN[mode]
        self._bends: dict[int, float] = {}
        self._selected: dict[int, list[int]] = {}

    def part(self, channel: int) -> Part:
        """What a channel is, 1..16."""
        if (self.lower and channel == LOWER) or (self.upper and channel == UPPER):
            return "master"
        return "finger" if 1 < channel <= 1 + self.lower or 16 - self.upper <= channel < 16 else ""

    @property
    def on(self) -> bool:
        return bool(self.lower or self.upper)

    def fingers(self) -> list[int]:
        """The channels of all fingers."""
        return [channel for channel in range(1, 17) if self.part(channel) == "finger"]

    def semitones(self, channel: int, raw: int) -> float:
        """How far a finger's bend of 14 bits goes."""
        away = raw - 8192
        zone = LOWER if channel <= 1 + self.lower else UPPER
        return away / (8192 if away < 0 else 8191) * self._bends.get(zone, self._bend)

    def zones(self) -> dict[int, int]:
        """What a controller has said, for hands after these: fingers by the channel of their master, semitones of a
        finger's bend by that channel and 100 more. Empty while nothing differs from what the rig says."""
        bends = {100 + zone: round(bend) for zone, bend in self._bends.items()}
        said = (self.lower, self.upper) != OPEN[self._mode]
        return ({LOWER: self.lower, UPPER: self.upper} if said else {}) | bends

    def take_zones(self, zones: Mapping[str, int]) -> None:
        """As ``zones`` of hands before these; keys as JSON has them."""
        if str(LOWER) in zones:
            self.lower, self.upper = zones[str(LOWER)], zones[str(UPPER)]
        self._bends = {int(key) - 100: float(value) for key, value in zones.items() if int(key) > 100}

    def finger(self, control: ControlEvent) -> Finger | None:
        """What a control says of one finger; None: of none."""
        channel, what = control.channel, control.what
        part = self.part(channel)
        if what == "polypressure" and part != "finger":  # an ordinary keyboard's, by its note
            return Finger(Kind.FINGER_PRESSURE, 1 + control.number, control.value, channel)
        if part and (what, control.number) == ("cc", TIMBRE_CC):  # a master's is for all
            return Finger(Kind.FINGER_TIMBRE, 0, middled(control.raw), channel if part == "finger" else 0)
        if part == "finger" and what == "bend":
            return Finger(Kind.FINGER_BEND, 0, self.semitones(channel, control.raw), channel)
        if part == "finger" and what == "pressure":
            return Finger(Kind.FINGER_PRESSURE, 0, control.value, channel)
        return None

    def ignores(self, control: ControlEvent) -> bool:
        """Poly pressure of a finger says nothing that its channel's does not."""
        return control.what == "polypressure" and self.part(control.channel) == "finger"

    def see(self, control: ControlEvent) -> bool:
        """A control of this port; True when a zone opened or closed, and what its fingers held is void."""
        if control.what != "cc" or self._mode == "off":
            return False
        channel, number, byte = control.channel, control.number, control.raw
        if number in (NRPN, NRPN_FINE):
            self._selected.pop(channel, None)
        elif number in (RPN, RPN_FINE):
            self._selected.setdefault(channel, [127, 127])[number == RPN_FINE] = byte
        elif number == DATA and self._selected.get(channel) == [0, CONFIGURATION_RPN]:
            return self._configure(channel, byte)
        elif number == DATA and self._selected.get(channel) == [0, BEND_RPN] and self.part(channel) == "finger":
            self._bends[LOWER if channel <= 1 + self.lower else UPPER] = float(min(BEND_MOST, byte))
        return False

    def _configure(self, channel: int, fingers: int) -> bool:
        before, fingers = (self.lower, self.upper), min(FINGERS_MOST, fingers)
        if self._mode in ("auto", "lower", "both") and channel == LOWER:
            self.lower, self.upper = fingers, min(self.upper, max(0, 14 - fingers))
        elif self._mode in ("auto", "upper", "both") and channel == UPPER:
            self.upper, self.lower = fingers, min(self.lower, max(0, 14 - fingers))
        else:
            return False
        self._bends.clear()
        return (self.lower, self.upper) != before
