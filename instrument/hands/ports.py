"""Ports: MIDI inputs that come and go. First thing in the MIDI hand; asks a driver, hands on bytes.

Unplugging is silent and names carry changing numbers, so the names are asked for every 1.5 s: what is new and wanted
is opened, what is gone is closed, either is an event. Messages are polled; a driver's callback would run Python in the
driver's own thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instrument.hands.counts import Counts, Events
from instrument.hands.names import wanted

LOOK_SECONDS = 1.5
RETRY_SECONDS = 6.0
"""Without any MIDI, a look for it costs about 10 ms: less often."""
MESSAGES_PER_PASS = 512


class Inlet(Protocol):
    """One open input."""

    def read(self) -> Sequence[int] | None:
        """The bytes of the next message, None when there is none. OSError when the port is broken."""

    def close(self) -> None: ...


class Driver(Protocol):
    """A way to MIDI. Every method may raise OSError, which means that the way is gone."""

    api: str

    def names(self) -> list[str]:
        """What could be opened now."""

    def open(self, name: str) -> Inlet: ...

    def own(self) -> Inlet | None:
        """An input under our own name, for other programs to connect to. None where there is no such thing."""

    def close(self) -> None: ...


class DriverFinder(Protocol):
    def __call__(self) -> Driver | None:
        """A driver that works now, else None."""


OWN = "rosin"
"""The name that bytes at our own input come from."""


class Ports:
    """All open inputs. ``find`` is asked for a driver again and again while there is none."""

    def __init__(self, find: DriverFinder, parts: tuple[str, ...], counts: Counts, events: Events) -> None:
        self._find, self._parts, self._counts, self._events = find, parts, counts, events
        self._driver: Driver | None = None
        self._inlets: dict[str, Inlet] = {}
        self._shut: set[str] = set()
        self._said_none = False
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
    def open(self) -> bool:
        return bool(self._inlets)

    def look(self, now: float) -> None:
        """See what came and went, if it is time to."""
        if now < self._look_at:
            return
        try:
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
        return True

    def _compare(self) -> None:
        assert self._driver is not None
        there = [name for name in self._driver.names() if wanted(name, self._parts)]
        for name in set(self._inlets) - set(there) - {OWN}:
            self._leave(name)
        self._shut &= set(there)
        for name in there:
            if name not in self._inlets and name not in self._shut:
                try:
                    self._inlets[name] = self._driver.open(name)
                except OSError as error:
                    self._shut.add(name)  # said once, not every 1.5 s; plugging it in again is another try
                    self._events.post("hands.midi.shut", port=name, why=error)
                else:
                    self._events.post("hands.midi.came", port=name)
        self._counts.midi_devices = len(self.names)

    def _leave(self, name: str) -> None:
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


class FakeInlet:
    """A port without a cable: put bytes into ``queue``. ``broken`` makes it fail as an unplugged one does."""

    def __init__(self) -> None:
        self.queue: list[Sequence[int]] = []
        self.broken = False
        self.closed = False

    def read(self) -> Sequence[int] | None:
        if self.broken:
            raise OSError("unplugged")
        return self.queue.pop(0) if self.queue else None

    def close(self) -> None:
        self.closed = True


class FakeDriver:
    """MIDI without MIDI, for rehearsal and tests: ``plug`` and ``unplug`` devices, set ``gone`` to lose it all."""

    api = "fake"

    def __init__(self, *names: str) -> None:
        self.inlets = {name: FakeInlet() for name in names}
        self.mine = FakeInlet()
        self.gone = False

    def plug(self, name: str) -> FakeInlet:
        self.inlets[name] = FakeInlet()
        return self.inlets[name]

    def unplug(self, name: str) -> None:
        del self.inlets[name]

    def names(self) -> list[str]:
        if self.gone:
            raise OSError("gone")
        return list(self.inlets)

    def open(self, name: str) -> Inlet:
        return self.inlets[name]

    def own(self) -> Inlet | None:
        return self.mine

    def close(self) -> None:
        pass
