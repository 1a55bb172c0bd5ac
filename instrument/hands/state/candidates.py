"""Candidates: which control is meant when a knob waits for one. Before learning. Pure.

A control is meant when it has gone a clear way, from where it was when the knob began to wait: CLEAR of its travel, or
a switch from end to end. A trembling pot does not get so far. What moved already (another program's LFO, a sensor)
does not count until it has rested; if it only trembled, it counts when it leaves where it trembled. Pairs of coarse
and fine bytes are meant as a whole, and endless encoders, which go nowhere, are known by how they count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from instrument.hands.midi.controls import ControlEvent
from instrument.hands.state import encoders
from instrument.hands.state.bindings import Motion, encoder_step

CLEAR = 1 / 8
STREAM_SECONDS = 1.0
"""What was heard so shortly before a knob began to wait was moving already."""
TREMBLE = 4 / 127
"""A way that a bad pot or an uneasy hand goes by itself."""
REST_SECONDS = 0.15
PRESSED_SECONDS = 0.8
"""A switch that stays pressed says 127 and is silent; a pot that trembles goes on, and so does a slow encoder."""
KEPT = 1024
BYTES_KEPT = 64
_REST = {"bend": 0.5, "pressure": 0.0, "polypressure": 0.0}
"""Where what springs back is before it was ever heard."""
NEAR = 1e-9

Key = tuple[str, str, int, int]
"""A control at a port: the port, and what, channel and number as in Control."""


class Shown(NamedTuple):
    """``motion``: the control was meant, and moves so; ``sure``: how it counts is beyond doubt. ``held_back``: it is
    being shown, and is not to play."""

    motion: Motion | None = None
    sure: bool = True
    held_back: bool = True


@dataclass(slots=True)
class _Trace:
    """Where a control was, in the present second and the one before: lowest and highest of each; and its last."""

    low: float
    high: float
    began: float
    at: float
    last: float
    raw: int
    before: tuple[float, float] | None = None

    def see(self, control: ControlEvent, now: float) -> None:
        if now - self.at >= STREAM_SECONDS:
            self.before = None
            self.low = self.high = self.last
            self.began = now
        elif now - self.began >= STREAM_SECONDS:
            self.before, self.low, self.high, self.began = (self.low, self.high), control.value, control.value, now
        self.low, self.high = min(self.low, control.value), max(self.high, control.value)
        self.at, self.last, self.raw = now, control.value, control.raw

    def way(self) -> tuple[float, float]:
        low, high = self.before or (self.low, self.high)
        return min(low, self.low), max(high, self.high)


@dataclass(slots=True)
class _Candidate:
    """A control since the knob waits. ``low``, ``high``: where it was before; None: nobody knows."""

    low: float | None
    high: float | None
    stream: bool
    at: float
    raw: list[int] = field(default_factory=list)
    control: ControlEvent | None = None

    def far(self, value: float) -> bool:
        if self.low is None or self.high is None:
            self.low = self.high = value
        return max(value - self.high, self.low - value) >= CLEAR - NEAR


class Candidates:
    """``watch`` while nothing waits, ``begin`` when that changes, then ``offer``."""

    def __init__(self) -> None:
        self._traces: dict[Key, _Trace] = {}
        self._found: dict[Key, _Candidate] = {}
        self._pairs: Counter[Key] = Counter()

    def watch(self, control: ControlEvent, port: str, now: float) -> None:
        """A control moved while no knob waits."""
        key = _key(control, port)
        trace = self._traces.get(key)
        if trace is None:
            if len(self._traces) >= KEPT:
                self._traces.pop(next(iter(self._traces)))
            value = control.value
            self._traces[key] = _Trace(value, value, now, now, value, control.raw)
        else:
            trace.see(control, now)

    def begin(self) -> None:
        """A knob begins to wait, or no longer does."""
        for key, found in self._found.items():
            if found.control is not None:
                self.watch(found.control, key[0], found.at)
        self._found.clear()
        self._pairs.clear()

    def offer(self, control: ControlEvent, port: str, now: float, motion: Motion) -> Shown:
        """A control moved while a knob waits for one that moves so (``absolute``: for any)."""
        key = _key(control, port)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._new(key, control, now)
            if len(self._found) > KEPT:
                self._found.pop(next(iter(self._found)))
        if found.stream and now - found.at >= STREAM_SECONDS:
            found.stream = False
        found.at, found.control = now, control
        if found.stream:
            return Shown(held_back=False)
        if control.what == "cc14":
            self._pairs[key] += control.paired
            if not self._pairs[key]:
                return Shown()  # a coarse byte alone is its CC
        half = control.what == "cc" and control.number < 64
        if half and self._pairs[key[0], "cc14", control.channel, control.number % 32]:
            return Shown()
        del found.raw[: len(found.raw) - BYTES_KEPT + 1]
        found.raw.append(control.raw)
        if motion != "absolute":
            step = encoder_step(control.raw, motion) if control.what == "cc" and motion != "push" else 1
            return Shown(motion if step else None)
        far = found.far(control.value)
        if control.what != "cc":
            return Shown("absolute" if far else None)
        counts, sure = encoders.guess(found.raw)
        return Shown(counts if counts != "absolute" or far else None, sure)

    def rested(self, now: float) -> tuple[ControlEvent, Motion, bool] | None:
        """A control whose one press, or first turns, were all it had to say: itself, how it moves, whether for sure."""
        for found in self._found.values():
            if found.control is None or found.control.what != "cc" or found.stream or not found.raw:
                continue
            motion, sure = encoders.at_rest(found.raw)
            pressed = found.raw == [127]
            if now - found.at < (PRESSED_SECONDS if pressed else REST_SECONDS):
                continue
            if motion is not None and (motion != "absolute" or pressed or found.far(found.control.value)):
                return found.control, motion, sure
        return None

    def _new(self, key: Key, control: ControlEvent, now: float) -> _Candidate:
        trace = self._traces.get(key)
        if trace is None:
            rest = _REST.get(control.what)
            return _Candidate(rest, rest, False, now)
        if now - trace.at >= STREAM_SECONDS:
            return _Candidate(trace.last, trace.last, False, now, [trace.raw])
        low, high = trace.way()
        if high - low <= TREMBLE:
            return _Candidate(low, high, False, now, [0])  # no encoder sends 0, and none trembles
        return _Candidate(trace.last, trace.last, True, now)


def _key(control: ControlEvent, port: str) -> Key:
    return port, control.what, control.channel, control.number
