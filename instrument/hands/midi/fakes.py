"""Fakes: MIDI without MIDI, for rehearsal and tests. In the driver's place under ports."""

from __future__ import annotations

import time
from collections.abc import Sequence

from instrument.hands.midi.ports import Inlet, OpenOutput


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


class FakeOutlet:
    """An output without a cable: what was sent is in ``sent``, with the time it was. ``broken``: unplugged."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.broken = False
        self.closed = False

    def send(self, data: bytes) -> None:
        if self.broken:
            raise OSError("unplugged")
        self.sent.append((time.monotonic(), bytes(data)))

    def close(self) -> None:
        self.closed = True


class FakeDriver:
    """MIDI without MIDI, for rehearsal and tests: ``plug`` and ``unplug`` devices, set ``gone`` to lose it all.

    Every device has an output too, of the same name; ``deaf`` ones have not.
    """

    api = "fake"

    def __init__(self, *names: str) -> None:
        self.inlets = {name: FakeInlet() for name in names}
        self.outlets = {name: FakeOutlet() for name in names}
        self.mine = FakeInlet()
        self.my_out = FakeOutlet()
        self.gone = False

    def plug(self, name: str, deaf: bool = False) -> FakeInlet:
        self.inlets[name] = FakeInlet()
        if not deaf:
            self.outlets[name] = FakeOutlet()
        return self.inlets[name]

    def unplug(self, name: str) -> None:
        del self.inlets[name]
        self.outlets.pop(name, None)

    def changed(self) -> bool:
        return False

    def names(self) -> list[str]:
        if self.gone:
            raise OSError("gone")
        return list(self.inlets)

    def open(self, name: str) -> Inlet:
        return self.inlets[name]

    def own(self) -> Inlet | None:
        return self.mine

    def out_names(self) -> list[str]:
        if self.gone:
            raise OSError("gone")
        return list(self.outlets)

    def open_out(self, name: str) -> OpenOutput:
        return self.outlets[name]

    def own_out(self) -> OpenOutput | None:
        return self.my_out

    def close(self) -> None:
        pass
