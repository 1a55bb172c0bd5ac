"""Counts and events: what the hands have seen, and the few things worth a word to the player. Beside the chain.

A complaint is about something: an address, a sender. Each is told once while it goes on, and new ones may always be
told, so that a stream of one mistake does not hide another; but no more in a minute than a player can read.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from instrument.base.text import say

ONCE_SECONDS = 60.0
NEW_MAX = 16
"""Complaints of one kind in a minute about something new; what is one too many is told in the reminders."""
POSTS_MAX = 60.0
"""Words of one kind in a minute, complaints or not."""
REMEMBERED_MAX = 2048
"""Things that were complained about; of more, those that were not heard of for longest are forgotten."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something that happened to the hands, not to the music. ``str()`` is the English sentence."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    time: float = 0.0

    def text(self, language: str = "en") -> str:
        """The sentence. A value that is a LogEntry itself is a part of it, in the same language."""
        values = {k: v.text(language) if isinstance(v, LogEntry) else v for k, v in self.values.items()}
        return say(self.key, language, **values)

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


def clipped(text: str, most: int = 80) -> str:
    """What came from outside, in one line and short enough to be said."""
    text = text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


@dataclass(slots=True)
class _Kind:
    """Complaints of one kind: how many new ones may be told just now, and when the last reminder was."""

    left: float = NEW_MAX
    counted_at: float = 0.0
    reminded_at: float = 0.0


class Complaints:
    """Which complaints are worth a word. Pure; bounded in memory and in words, whatever comes."""

    def __init__(self) -> None:
        self._heard: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._kinds: dict[str, _Kind] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def due(self, kind: str, about: str, now: float) -> bool:
        """Whether to tell now. Something is new when it was not heard of for a minute. What goes on, told or not, is
        told of again once a minute: one of each kind."""
        heard_at, told_at = self._heard.pop((kind, about), (now - ONCE_SECONDS, now - ONCE_SECONDS))
        room = self._kinds.setdefault(kind, _Kind(counted_at=now))
        room.left = min(NEW_MAX, room.left + (now - room.counted_at) * NEW_MAX / ONCE_SECONDS)
        room.counted_at = now
        new = now - heard_at >= ONCE_SECONDS and room.left >= 1.0
        due = new or (now - told_at >= ONCE_SECONDS and now - room.reminded_at >= ONCE_SECONDS)
        if due:
            told_at = room.reminded_at = now
            room.left -= 1.0 if new else 0.0
        self._heard[kind, about] = (now, told_at)
        if len(self._heard) > REMEMBERED_MAX:
            self._heard.popitem(last=False)
        return due


class EventLog:
    """The last events, each also handed to ``say``; complaints as far as they are worth a word."""

    def __init__(self, say: Callable[[LogEntry], None] | None = None, keep: int = 64) -> None:
        self.recent: deque[LogEntry] = deque(maxlen=keep)
        self._say = say
        self._complaints = Complaints()
        self._posted: dict[str, tuple[float, float]] = {}

    def post(self, key: str, **values: object) -> None:
        """Tell; of one key so many in a minute at most, as somebody may send what makes us speak."""
        event = LogEntry(key, values, time.monotonic())
        left, at = self._posted.get(key, (POSTS_MAX, event.time))
        left = min(POSTS_MAX, left + (event.time - at) * POSTS_MAX / ONCE_SECONDS)
        self._posted[key] = (left - 1.0 if left >= 1.0 else left, event.time)
        if left < 1.0:
            return
        self.recent.append(event)
        if self._say is not None:
            self._say(event)

    def complain(self, key: str, about: str = "", kind: str = "", **values: object) -> None:
        """Post unless the same was posted within the last minute. ``about`` tells one thing from another; ``kind`` is
        counted together, the key without one."""
        if self._complaints.due(kind or key, about, time.monotonic()):
            self.post(key, **values)
