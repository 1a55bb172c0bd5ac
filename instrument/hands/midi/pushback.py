"""Pushback: what the hands send to the hardware - motor faders, and LED rings with two marks. The way back of MIDI.

A row of the rig's bindings says what its control can show:

    motor     it is a motor fader, driven to the knob's position (where friction and chance have left it; a parameter's
              is where it was set), on the same control that it sends: a CC, both halves of a 14-bit CC, pitch bend
    touch     the note that the fader sends while a finger is on it, on whatever channel (Mackie: 104..111 on channel 1)
    ring      CC of a ring of LEDs that shows the hand
    ring_pos  CC of its second mark, the position

All in the control's own steps; on its channel, 1 if it has none. When a fader is driven and what is believed of it is
the law of ``motor``. Besides:

* One control is sent at most one message every 10 ms (both halves of a pair: 20 ms); the newest value wins.
* What differs from the value sent before by less than one step of the control is not sent.
* A mark that comes back the way it was sent (a loop in the cables) is passed over, once for each time it was sent.
* Several rows that would drive the same control: the first whose knob is in this patch does.
* A fader that was driven to its knob has caught it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from instrument.hands.midi import decode
from instrument.hands.midi.controls import ControlEvent
from instrument.hands.midi.decode import MidiMessage
from instrument.hands.midi.halves import FINE
from instrument.hands.midi.motor import ECHO_SECONDS
from instrument.hands.state.mapping_table import Mapping, MappingTable
from instrument.hands.state.names import plain
from instrument.ipc import Frame

INTERVAL_SECONDS = 0.01
MARKS_REMEMBERED = 64

Send = Callable[[str, bytes], bool]
"""To the output of the port of this name. False: it could not be sent."""
Place = tuple[int, int]
"""Where a value is sent: status with channel, and the number of the CC (0 for bend)."""


class PushbackLine(NamedTuple):
    """What one control is sent, and how: ``places`` its messages go to, ``steps`` from its bottom to its top."""

    places: tuple[Place, ...]
    steps: int

    def messages(self, step: int) -> list[bytes]:
        status, number = self.places[0]
        if status & 0xF0 == decode.BEND:
            return [bytes((status, step & 127, step >> 7))]
        if len(self.places) == 2:
            return [bytes((status, number, step >> 7)), bytes((status, number + 32, step & 127))]
        return [bytes((status, number, step))]


def line(kind: str, channel: int, number: int) -> PushbackLine:
    """The line of a control: ``cc``, ``cc14`` or ``bend``."""
    low = max(0, channel - 1)
    if kind == "bend":
        return PushbackLine(((decode.BEND | low, 0),), FINE)
    if kind == "cc14":
        return PushbackLine(((decode.CONTROL | low, number), (decode.CONTROL | low, number + 32)), FINE)
    return PushbackLine(((decode.CONTROL | low, number),), 127)


@dataclass(eq=False, slots=True)
class _Way:
    """A line to some ports, what stands at its end, and the last it was sent, in steps and fractions."""

    slot: Mapping
    line: PushbackLine
    shows: str  # motor, ring or ring_pos
    ports: tuple[str, ...]
    told: float | None = None


class Pushback:
    """``touch`` and ``believed`` for each control that comes, ``look`` for each frame, ``forget`` when a port came."""

    def __init__(self, mappings: MappingTable) -> None:
        self._mappings = mappings
        self._ports: tuple[str, ...] = ()
        self._built = -1
        self._ways: list[_Way] = []
        self._motors: dict[tuple[str, int], list[Mapping]] = {}
        self._touches: dict[int, list[Mapping]] = {}
        self._sent_at: dict[tuple[str, Place], float] = {}
        self._marks: dict[tuple[str, Place], deque[tuple[float, int]]] = {}

    def forget(self, ports: tuple[str, ...] | None = None) -> None:
        """Nobody knows what the controls show: tell all again. ``ports``: the names of those that can be told now."""
        if ports is not None:
            self._ports = ports
        self._built = -1
        for slot in self._mappings.slots:
            if slot.motor is not None:
                slot.motor.place = None

    def gone(self, port: str) -> None:
        """The port of this plain name went, and the fingers on its faders with it."""
        for slot in self._mappings.slots:
            if slot.motor is not None:
                slot.motor.gone(port)

    def _build(self) -> None:
        """The ways and the lists by which they are found, anew if the mapping table is another."""
        if self._built == self._mappings.version:
            return
        self._built = self._mappings.version
        self._ways, self._motors, self._touches = [], {}, {}
        taken: set[tuple[str, Place]] = set()
        for slot in self._mappings.slots:
            binding = slot.binding
            if slot.motor is not None:
                numbers = [(binding.kind, binding.number)]
                if binding.kind == "cc14":  # each half is a CC of its own to those who look for one
                    numbers += [("cc", binding.number), ("cc", binding.number + 32)]
                for key in numbers:
                    self._motors.setdefault(key, []).append(slot)
                if binding.touch:
                    self._touches.setdefault(binding.touch, []).append(slot)
            if slot.knob is None:
                continue
            wanted = [("motor", line(binding.kind, binding.channel, binding.number))] if slot.motor is not None else []
            wanted += [("ring", line("cc", binding.channel, binding.ring))] if binding.ring else []
            wanted += [("ring_pos", line("cc", binding.channel, binding.ring_pos))] if binding.ring_pos else []
            for shows, to in wanted:
                free = [p for p in self._ports if slot.is_at(plain(p)) and not taken & {(p, at) for at in to.places}]
                taken |= {(port, at) for port in free for at in to.places}
                if free:
                    self._ways.append(_Way(slot, to, shows, tuple(free)))

    # -- what comes

    def is_echo(self, port: str, message: MidiMessage, now: float) -> bool:
        """Whether this message is a mark of ours come back from the port of this plain name."""
        marks = self._marks.get((port, (message.status | max(0, message.channel - 1), message.a)))
        if not marks:
            return False
        while marks and now - marks[0][0] >= ECHO_SECONDS:
            marks.popleft()
        for mark in marks:
            if mark[1] == message.b:
                marks.remove(mark)
                return True
        return False

    def touch(self, control: ControlEvent, port: str) -> bool:
        """Whether a control is the touch of a fader; then it is no note."""
        if control.what != "note":
            return False
        self._build()
        touched = [slot for slot in self._touches.get(control.number, ()) if slot.is_at(port)]
        for slot in touched:
            if slot.motor is not None:
                slot.motor.touch(port, control.raw > 0)
        return bool(touched)

    def believed(self, control: ControlEvent, port: str, now: float) -> bool:
        """Whether a hand has moved this control, and not its motor."""
        self._build()
        number = 0 if control.what == "bend" else control.number
        by_hand = True
        for slot in self._motors.get((control.what, number), ()):
            if slot.motor is None or not slot.hears(control, port):
                continue
            if control.what == slot.binding.kind:
                by_hand &= slot.motor.believed(control.value, now)
            else:
                by_hand &= not slot.motor.deaf(now)
        return by_hand

    # -- what goes

    def look(self, frame: Frame, now: float, send: Send) -> int:
        """Send every control what it does not show yet; how many messages."""
        self._build()
        count = 0
        for way in self._ways:
            slot = way.slot
            assert slot.knob is not None
            goes_through_friction = way.shows != "ring" and slot.knob < frame.playable
            raw = float((frame.pos if goes_through_friction else frame.hand)[slot.knob])
            if math.isfinite(raw):
                count += self._show(way, slot.binding.control_at(raw), frame.time, now, send)
        return count

    def _show(self, way: _Way, to: float, frame_time: float, now: float, send: Send) -> int:
        exact, motor = to * way.line.steps, way.slot.motor if way.shows == "motor" else None
        if motor is not None:
            if not motor.due(to, way.line.steps, frame_time, now):
                return 0
        elif way.told is not None and abs(exact - way.told) < 1.0:
            return 0
        interval = INTERVAL_SECONDS * len(way.line.places)
        ends = [(port, place) for port in way.ports for place in way.line.places]
        if any(now - self._sent_at.get(end, -math.inf) < interval for end in ends):
            return 0
        count = 0
        messages = way.line.messages(math.floor(exact + 0.5))
        for port in way.ports:
            sent = sum(send(port, message) for message in messages)
            count += sent
            for place in way.line.places if sent else ():
                self._sent_at[port, place] = now
                if motor is None:
                    marks = self._marks.setdefault((plain(port), place), deque(maxlen=MARKS_REMEMBERED))
                    marks.append((now, messages[0][2]))
        if count and motor is not None:
            motor.drive(to, now)
            way.slot.takeover.driven()
        elif count:
            way.told = exact
        return count
