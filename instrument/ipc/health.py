"""Health: how each process is, in the link's memory: is it alive, what has it counted, what has it to say. Below link.

One row per process, written by that process alone and read by all: pid, heartbeat, counters, a few short texts and
the last notices to the player. No locks: a process killed in mid-word leaves its last whole text in place. Numbers are
aligned words, read and written in one piece: struct.pack_into empties the bytes first, and a heartbeat read in between
was a process that had never lived, to be killed.
"""

from __future__ import annotations

import os
import struct
import time

from instrument.ipc.texts import Notice, TextRing

PROCESSES = ("show", "hands", "sound", "stage")

COUNTERS = (
    "starts",
    "osc_messages", "osc_malformed", "osc_refused", "osc_unknown", "osc_echoed", "osc_clients", "osc_dropped",
    "midi_messages", "midi_malformed", "midi_unbound", "midi_devices", "midi_lost", "clock_ticks",
    "key_messages",
    "gestures", "gestures_lost", "gestures_refused", "gestures_late",
    "blocks", "xruns", "resets", "swaps", "device_losses",
    "frames_drawn", "frames_missed", "shader_errors",
    "restarts", "files_recorded", "files_failed",
    "activate_sound", "activate_hands", "activate_stage", "memory_locked", "openings",
)  # fmt: skip
"""The names of the counters; the same in every row, each process uses its own few. ``openings`` of the sound's device:
odd while it is being opened."""

TEXTS = ("where", "device", "ports", "state", "learn", "reach", "bound", "wires", "wires.2", "wires.3")
"""The texts of a row: ``where`` the model runs, the ``device`` played into, the ``ports`` open (the sound's:
its client's name on JACK), ``state`` in words;
what stage and hands say to each other: learn this, where controllers are, what they are bound to (link.asking); what
the hands leave to those that take their place: JACK's ``wires``."""

COUNTERS_MAX = 40
NOTICES_KEPT = 64
"""More than a process says between two looks of the show, a start with many wrong patches among them."""

_HEAD_BYTES = 64  # pid, heartbeat, entered
_HEARTBEAT, _ENTERED = 1, 2
_TIME, _WORD = struct.Struct("=d"), struct.Struct("=Q")
_COUNTERS_AT = _HEAD_BYTES
_NOTICES_AT = _COUNTERS_AT + 8 * COUNTERS_MAX
_TEXTS_AT = _NOTICES_AT + TextRing.size(NOTICES_KEPT)
_PAIR_BYTES = TextRing.size(2)
ROW_BYTES = -(-(_TEXTS_AT + len(TEXTS) * _PAIR_BYTES) // 64) * 64

_COUNTER = {name: i for i, name in enumerate(COUNTERS)}
assert len(COUNTERS) <= COUNTERS_MAX


class Row:
    """One process: ``enter``, ``beat``, ``add``, ``put``, ``say``, ``set_text`` are for that process alone."""

    def __init__(self, view: memoryview, words: memoryview, offset: int) -> None:
        self._bytes, self._words, self._at = view, words, offset
        self._counters = (offset + _COUNTERS_AT) // 8
        self._notices = TextRing(view, words, offset + _NOTICES_AT, NOTICES_KEPT)
        self._texts = {
            key: TextRing(view, words, offset + _TEXTS_AT + i * _PAIR_BYTES, 2) for i, key in enumerate(TEXTS)
        }

    def enter(self) -> None:
        """The process begins: its pid, a first heartbeat, one more start. Counters go on across restarts."""
        now = time.monotonic()
        self._put_time(_ENTERED, now)
        self._put_time(_HEARTBEAT, now)
        self._words[self._at // 8] = os.getpid()
        self.add("starts")

    def beat(self, now: float | None = None) -> None:
        """I live. ``now`` spares a look at the clock."""
        self._put_time(_HEARTBEAT, time.monotonic() if now is None else now)

    def _put_time(self, word: int, seconds: float) -> None:
        (self._words[self._at // 8 + word],) = _WORD.unpack(_TIME.pack(seconds))

    def _time(self, word: int) -> float:
        (seconds,) = _TIME.unpack(_WORD.pack(self._words[self._at // 8 + word]))
        return float(seconds)

    @property
    def pid(self) -> int:
        """0 before the process was ever started."""
        pid: int = self._words[self._at // 8]
        return pid

    @property
    def heartbeat(self) -> float:
        """Monotonic seconds; 0.0 before the first."""
        return self._time(_HEARTBEAT)

    @property
    def entered(self) -> float:
        """When this process began, monotonic seconds."""
        return self._time(_ENTERED)

    def age(self, now: float | None = None) -> float:
        """Seconds since the last heartbeat; infinite if there never was one."""
        when = self.heartbeat
        return (time.monotonic() if now is None else now) - when if when else float("inf")

    def add(self, counter: str, amount: int = 1) -> None:
        self._words[self._counters + _COUNTER[counter]] += amount

    def put(self, counter: str, value: int) -> None:
        self._words[self._counters + _COUNTER[counter]] = value

    def count(self, counter: str) -> int:
        value: int = self._words[self._counters + _COUNTER[counter]]
        return value

    def counters(self) -> dict[str, int]:
        """Every counter by name."""
        return {name: self._words[self._counters + i] for i, name in enumerate(COUNTERS)}

    def say(self, text: str) -> int:
        """Tell the player one sentence; returns its number. The last 64 are kept. Longer than 240 bytes is cut."""
        return self._notices.say(text)

    @property
    def said(self) -> int:
        """How many notices there have been."""
        return self._notices.count

    def notices(self, after: int = 0) -> list[Notice]:
        """The notices after number ``after`` that are still kept, oldest first."""
        return self._notices.since(after)

    def set_text(self, key: str, text: str) -> None:
        self._texts[key].say(text)

    def text(self, key: str) -> str:
        """The last whole text set under ``key`` (one of TEXTS), empty before."""
        return self._texts[key].latest()


class Health:
    """The rows of all processes. ``row(process)`` once, then use it; the other methods are the same by name."""

    def __init__(self, view: memoryview, words: memoryview, offset: int) -> None:
        self._rows = {name: Row(view, words, offset + i * ROW_BYTES) for i, name in enumerate(PROCESSES)}

    @staticmethod
    def size() -> int:
        return ROW_BYTES * len(PROCESSES)

    def row(self, process: str) -> Row:
        return self._rows[process]

    def enter(self, process: str) -> Row:
        self._rows[process].enter()
        return self._rows[process]

    def beat(self, process: str, now: float | None = None) -> None:
        self._rows[process].beat(now)

    def age(self, process: str, now: float | None = None) -> float:
        return self._rows[process].age(now)

    def add(self, process: str, counter: str, amount: int = 1) -> None:
        self._rows[process].add(counter, amount)

    def put(self, process: str, counter: str, value: int) -> None:
        self._rows[process].put(counter, value)

    def count(self, process: str, counter: str) -> int:
        return self._rows[process].count(counter)

    def counters(self, process: str) -> dict[str, int]:
        return self._rows[process].counters()

    def say(self, process: str, text: str) -> int:
        return self._rows[process].say(text)

    def notices(self, process: str, after: int = 0) -> list[Notice]:
        return self._rows[process].notices(after)

    def set_text(self, process: str, key: str, text: str) -> None:
        self._rows[process].set_text(key, text)

    def text(self, process: str, key: str) -> str:
        return self._rows[process].text(key)
