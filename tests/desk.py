"""A desk of motor faders without hardware or clock: what the hands send it, and what its motors answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from handshost import TABLE

from instrument.hands.midi.hand import MidiHand
from instrument.hands.state.bindings import read_bindings
from instrument.hands.state.counts import Counts, EventLog
from instrument.hands.state.names import plain
from instrument.hands.state.positions import Positions
from instrument.ipc import Frame, Gesture, Kind

PORT = "Desk:Desk MIDI 1 20:0"
LOOK_SECONDS = 1 / 60


class Desk:
    """The MIDI hand at a desk, on a clock of its own. ``sent``: (time, port, bytes); ``gestures``: what was played."""

    def __init__(self, *rows: Mapping[str, Any], takeover: Any = "pickup", ports: tuple[str, ...] = (PORT,)) -> None:
        self.now = 100.0
        self.gestures: list[Gesture] = []
        self.sent: list[tuple[float, str, bytes]] = []
        self.dead: set[str] = set()
        self.positions = Positions(TABLE)
        self.hand = MidiHand(
            read_bindings(rows), takeover, self.positions, 3, self.gestures.append, lambda rows: None,
            Counts(), EventLog(),
        )  # fmt: skip
        self.frame = Frame()
        self.frame.playable, self.frame.knob_count = TABLE.playable_count, len(TABLE)
        self.hand.pushback.forget(ports)

    def send(self, port: str, data: bytes) -> bool:
        if port in self.dead:
            return False
        self.sent.append((self.now, port, bytes(data)))
        return True

    def comes(self, *messages: tuple[int, ...], port: str = PORT) -> list[Gesture]:
        """Messages of the desk; the gestures they make."""
        before = len(self.gestures)
        for message in messages:
            self.hand.take(port, list(message), self.now)
        return self.gestures[before:]

    def put(self, knob: str, hand: float, pos: float | None = None) -> None:
        i = TABLE.index(knob)
        self.frame.hand[i] = hand
        self.frame.pos[i] = hand if pos is None else pos

    def look(self, frame_time: float | None = None) -> list[bytes]:
        """One frame; what is sent upon it."""
        before = len(self.sent)
        self.frame.time = self.now if frame_time is None else frame_time
        self.positions.see(self.frame.hand, self.frame.time)
        self.hand.pushback.look(self.frame, self.now, self.send)
        return [data for _, _, data in self.sent[before:]]

    def after(self, seconds: float) -> list[bytes]:
        """So much later, looking all the time; what was sent."""
        before = len(self.sent)
        end = self.now + seconds
        while self.now < end:
            self.now += LOOK_SECONDS
            self.look()
        return [data for _, _, data in self.sent[before:]]

    def controls(self) -> dict[tuple[str, int, int], list[float]]:
        """When each control was sent to: by port, status and number; both halves of a pair are one."""
        found: dict[tuple[str, int, int], list[float]] = defaultdict(list)
        pairs = {b.number for b in self.hand.mappings.bindings if b.kind == "cc14" and b.motor}
        for at, port, data in self.sent:
            number = 0 if data[0] & 0xF0 == 0xE0 else data[1]
            number -= 32 if data[0] & 0xF0 == 0xB0 and number - 32 in pairs else 0
            found[plain(port), data[0], number].append(at)
        return found


def busiest_second(times: list[float]) -> int:
    """The most that came within any one second."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= 1.0 - 1e-6:
            first += 1
        most = max(most, last - first + 1)
    return most


def knobs(gestures: list[Gesture]) -> list[tuple[int, float]]:
    return [(g.knob, round(g.value, 6)) for g in gestures if g.kind == Kind.KNOB]
