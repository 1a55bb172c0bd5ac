"""Counts and events: what the hands have seen, and the few things worth a word to the player. Beside the chain."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from instrument.text import say

ONCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the hands, not to the music. ``str()`` is the English sentence."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    time: float = 0.0

    def text(self, language: str = "en") -> str:
        return say(self.key, language, **self.values)

    def __str__(self) -> str:
        return self.text()


@dataclass(slots=True)
class Counts:
    """How many of each since the start, under the names of the health table; what that table lacks stays here."""

    osc_messages: int = 0
    osc_malformed: int = 0
    osc_refused: int = 0
    osc_unknown: int = 0
    osc_echoed: int = 0
    osc_clients: int = 0
    osc_dropped: int = 0
    midi_messages: int = 0
    midi_malformed: int = 0
    midi_unbound: int = 0
    midi_out_of_range: int = 0
    midi_devices: int = 0
    midi_lost: int = 0
    midi_sent: int = 0
    clock_ticks: int = 0
    gestures: int = 0
    gestures_lost: int = 0
    faults: int = 0


GAUGES = frozenset({"osc_clients", "midi_devices"})
"""Counts that also go down."""


class Events:
    """The last events, each also handed to ``say``; repeated complaints at most once a minute per key."""

    def __init__(self, say: Callable[[Event], None] | None = None, keep: int = 64) -> None:
        self.recent: deque[Event] = deque(maxlen=keep)
        self._say = say
        self._last: dict[str, float] = {}

    def post(self, key: str, **values: object) -> None:
        event = Event(key, values, time.monotonic())
        self.recent.append(event)
        if self._say is not None:
            self._say(event)

    def complain(self, key: str, **values: object) -> None:
        """Post unless the same key was posted within the last minute."""
        now = time.monotonic()
        if now - self._last.get(key, -ONCE_SECONDS) >= ONCE_SECONDS:
            self._last[key] = now
            self.post(key, **values)
