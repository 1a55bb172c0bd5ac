"""Ports: MIDI inputs and outputs that come and go. First thing in the MIDI hand; asks a driver, hands on bytes.

Unplugging is silent and names carry changing numbers, so the names are asked for every 1.5 s, and at once when the
driver knows of a change: what is new and wanted is opened, what is gone is closed, either is an event. What cannot be
opened is tried again at every look, and said once; so is, at the first look, what the rig asks for and nobody has.
Messages are polled; a driver's callback would run Python in the driver's own thread.

An input brings the output of the same device with it, as far as there is one, for what is pushed back: it goes by the
input's name here. An output that fails is let go and tried again at the next look; the input plays on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instrument.hands.state.counts import Counts, EventLog, clipped
from instrument.hands.state.names import OURS, is_ours, partners, wanted

LOOK_SECONDS = 1.5
RETRY_SECONDS = 6.0
"""Without any MIDI, a look for it costs about 10 ms: less often."""
MESSAGES_PER_PASS = 512


class Inlet(Protocol):
    """One open input."""

    def read(self) -> Sequence[int] | None:
        """The bytes of the next message, None when there is none. OSError when the port is broken."""

    def close(self) -> None: ...


class OpenOutput(Protocol):
    """One open output."""

    def send(self, data: bytes) -> None:
        """One message, at once. OSError when the port is broken."""

    def close(self) -> None: ...


class Driver(Protocol):
    """A way to MIDI. Every method may raise OSError, which means that the way is gone."""

    api: str

    def changed(self) -> bool:
        """Whether something came or went since this was asked last, as far as the driver can tell."""

    def names(self) -> list[str]:
        """What could be opened now."""

    def open(self, name: str) -> Inlet: ...

    def own(self) -> Inlet | None:
        """An input under our own name, for other programs to connect to. None where there is no such thing."""

    def out_names(self) -> list[str]:
        """What could be opened to send to."""

    def open_out(self, name: str) -> OpenOutput: ...

    def own_out(self) -> OpenOutput | None:
        """An output under our own name."""

    def close(self) -> None: ...


class DriverFinder(Protocol):
    def __call__(self) -> Driver | None:
        """A driver that works now, else None."""


OWN = OURS
"""The name that bytes at our own input come from, and that our own output has."""


class Ports:
    """All open inputs and the outputs that belong to them. ``find`` is asked for a driver while there is none."""

    def __init__(self, find: DriverFinder, parts: tuple[str, ...], counts: Counts, events: EventLog) -> None:
        self._find, self._parts, self._counts, self._events = find, parts, counts, events
        self._driver: Driver | None = None
        self._inlets: dict[str, Inlet] = {}
        self._outlets: dict[str, tuple[str, OpenOutput]] = {}  # by the input's name: the output's, and itself
        self._shut: set[str] = set()
        self._dumb: set[str] = set()
        self.version = 0
        """Another whenever an output came or went."""
        self._said_none = self._said_awaited = False
        self._look_at = 0.0

    @property
    def api(self) -> str:
        """Empty while there is no MIDI."""
        return self._driver.api if self._driver is not None else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every open input but our own."""
        return tuple(name for name in self._inlets if name != OWN)

    @property
    def inlets(self) -> tuple[str, ...]:
        """Every open input; OWN is our own."""
        return tuple(self._inlets)

    @property
    def outlets(self) -> tuple[str, ...]:
        """Everything that can be sent to, by the input's name; OWN is our own output."""
        return tuple(self._outlets)

    @property
    def open(self) -> bool:
        return bool(self._inlets)

    def look(self, now: float) -> None:
        """See what came and went, if it is time to."""
        try:
            changed = self._driver is not None and self._driver.changed()
            if now < self._look_at and not changed:
                return
            if self._driver is None and not self._begin():
                self._look_at = now + RETRY_SECONDS
                return
            self._look_at = now + LOOK_SECONDS
            self._compare()
        except OSError:
            self._lose()
            self._look_at = now + LOOK_SECONDS

    def _begin(self) -> bool:
        self._driver = self._find()
        if self._driver is None:
            if not self._said_none:
                self._said_none = True
                self._events.post("hands.midi.none")
            return False
        self._said_none = False
        self._events.post("hands.midi.api", api=self._driver.api)
        own = self._driver.own()
        if own is not None:
            self._inlets[OWN] = own
        try:
            own_out = self._driver.own_out()
        except OSError:
            own_out = None
        if own_out is not None:
            self._outlets[OWN] = (OWN, own_out)
            self.version += 1
        return True

    def _compare(self) -> None:
        assert self._driver is not None
        listed = self._driver.names()
        there = [name for name in listed if wanted(name, self._parts)]
        if not self._said_awaited:
            self._said_awaited = True
            for part in self._parts:
                if not any(wanted(name, (part,)) and not is_ours(name) for name in listed):
                    self._events.post("hands.midi.awaited", part=clipped(repr(part)))
        for name in set(self._inlets) - set(there) - {OWN}:
            self._leave(name)
        self._shut &= set(there)
        for name in there:
            if name not in self._inlets:
                try:
                    self._inlets[name] = self._driver.open(name)
                except OSError as error:
                    self._say_shut(name, error, self._shut)
                else:
                    self._shut.discard(name)
                    self._events.post("hands.midi.came", port=name)
        self._counts.midi_devices = len(self.names)
        self._compare_outs(self._driver, listed)

    def _compare_outs(self, driver: Driver, listed: Sequence[str]) -> None:
        outs = driver.out_names()
        pairs = partners(listed, outs)
        for name, (out, _) in list(self._outlets.items()):
            if name != OWN and pairs.get(name) != out:
                self._mute(name)
        self._dumb &= set(outs)
        for name in self.names:
            out = pairs.get(name, "")
            if out and name not in self._outlets:
                try:
                    self._outlets[name] = (out, driver.open_out(out))
                    self.version += 1
                    self._dumb.discard(out)
                except OSError as error:
                    self._say_shut(out, error, self._dumb)

    def _say_shut(self, name: str, why: OSError, said: set[str]) -> None:
        if name not in said:
            said.add(name)
            self._events.post("hands.midi.shut", port=name, why=why)

    def send(self, name: str, data: bytes) -> bool:
        """One message to the output of this input's device. False: there is none, or it broke just now."""
        outlet = self._outlets.get(name)
        if outlet is None:
            return False
        try:
            outlet[1].send(data)
        except OSError:
            self._mute(name)
            return False
        self._counts.midi_sent += 1
        return True

    def _mute(self, name: str) -> None:
        """An output goes; its input stays."""
        outlet = self._outlets.pop(name, None)
        if outlet is not None:
            self.version += 1
            try:
                outlet[1].close()
            except OSError:
                pass

    def _leave(self, name: str) -> None:
        self._mute(name)
        inlet = self._inlets.pop(name)
        try:
            inlet.close()
        except OSError:
            pass
        self._counts.midi_lost += 1
        self._counts.midi_devices = len(self.names)
        self._events.post("hands.midi.went", port=name)

    def _lose(self) -> None:
        """The driver itself is gone."""
        api = self.api
        for name in self.names:
            self._leave(name)
        self.close()
        if api:
            self._events.post("hands.midi.lost", api=api)

    def poll(self) -> list[tuple[str, Sequence[int]]]:
        """(port, bytes) of what has come, at most MESSAGES_PER_PASS; oldest first within a port."""
        found: list[tuple[str, Sequence[int]]] = []
        for name, inlet in list(self._inlets.items()):
            try:
                while len(found) < MESSAGES_PER_PASS and (data := inlet.read()) is not None:
                    found.append((name, data))
            except OSError:
                if name != OWN:
                    self._leave(name)
        return found

    def close(self) -> None:
        for name in self.outlets:
            self._mute(name)
        for inlet in self._inlets.values():
            try:
                inlet.close()
            except OSError:
                pass
        self._inlets.clear()
        driver, self._driver = self._driver, None
        if driver is not None:
            try:
                driver.close()
            except OSError:
                pass
