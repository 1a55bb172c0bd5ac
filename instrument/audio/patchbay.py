"""Patchbay: JACK connections of our audio ports, remembered and made again. A process of its own, started by the show.

PortAudio connects its ports to the device it opened, each time it opens it. A player may have connected them otherwise,
and wants to find them so when the sound was brought back or its server was: so what is connected is looked at all the
while (it lies in JACK's shared memory: nobody is asked), and after each opening but the first the ports are connected
as they were last seen, to programs that come back later too.

libjack may wait for ever when its server dies, and the sound must not. Here it may: who hangs is ended by an alarm, and
started again while the sound plays into JACK. What is remembered lies in the link.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from instrument.base.processes import ParentWatch, end
from instrument.ipc import Link
from instrument.ipc.health import Row
from instrument.ipc.memo import Memo

NO_LIBRARY = 3
"""Exit code: there is no libjack here, and there is no use in starting again."""
LOOK_SECONDS, OPENING_SECONDS = 0.1, 0.01
STEADY_SECONDS = 0.5
"""Connections are believed when they have been so for so long: those of a client that dies go one after the other."""
WAIT_SECONDS = 300.0
"""For so long a program that was connected may take to come back."""
HUNG_SECONDS = 5
_NO_START_SERVER = 1

Patched = dict[str, frozenset[str]]
"""Our ports, without the client's name, and what each is connected to."""


class JackConnections(Protocol):
    """What the patchbay needs of JACK."""

    def connections(self, client: str) -> Patched: ...
    def exists(self, port: str) -> bool: ...
    def connect(self, mine: str, other: str) -> bool: ...
    def disconnect(self, mine: str, other: str) -> None: ...


class Patchbay:
    """``look`` often. ``row``: the sound's. Pure but for ``jack`` and ``memo``."""

    def __init__(self, jack: JackConnections, row: Row, memo: Memo) -> None:
        self._jack, self._row, self._memo = jack, row, memo
        left: dict[str, Any] = json.loads(memo.read() or "{}")
        self._opening = int(left.get("opening", 0))
        self._wanted: Patched = {port: frozenset(others) for port, others in left.get("ports", {}).items()}
        self._pending: set[tuple[str, str]] = {(port, other) for port, other in left.get("pending", ())}
        self._pending_until = float(left.get("until", 0.0))
        self._seen: Patched = {}
        self._seen_at = 0.0

    def look(self, now: float) -> float:
        """See what is connected, connect what is to be; seconds until the next look."""
        opening = self._row.count("openings")
        if opening % 2:  # it is being opened
            return OPENING_SECONDS
        client = self._row.text("ports")
        patched = self._jack.connections(client) if client else {}
        if not patched or opening != self._row.count("openings"):
            return LOOK_SECONDS
        if opening != self._opening:
            if self._opening:
                self._restore(client, patched, now)
            self._opening = opening
            self._write()
        elif patched != self._seen:
            self._seen, self._seen_at = patched, now
        elif now - self._seen_at >= STEADY_SECONDS and self._with_pending(patched) != self._wanted:
            self._wanted = self._with_pending(patched)
            self._write()
        self._connect_late(client, now)
        return LOOK_SECONDS

    def _with_pending(self, patched: Patched) -> Patched:
        """What is connected, and what is to be as soon as it can."""
        return {
            port: others | {other for mine, other in self._pending if mine == port} for port, others in patched.items()
        }

    def _restore(self, client: str, patched: Patched, now: float) -> None:
        """As they were last seen. Of what else is connected only PortAudio's own doing is undone."""
        device = self._row.text("device").rpartition(" (")[0]
        for port in patched.keys() & self._wanted.keys():
            for other in patched[port] - self._wanted[port]:
                if other.startswith(f"{device}:"):
                    self._jack.disconnect(f"{client}:{port}", other)
        self._pending = {(port, other) for port, others in self._wanted.items() for other in others}
        self._pending_until = now + WAIT_SECONDS
        self._connect_late(client, now)

    def _connect_late(self, client: str, now: float) -> None:
        for port, other in sorted(self._pending):
            if self._jack.exists(other) and self._jack.connect(f"{client}:{port}", other):
                self._pending.discard((port, other))
                self._seen = {}
                self._write()
        if self._pending and now > self._pending_until:
            self._pending.clear()
            self._write()

    def _write(self) -> None:
        ports = {port: sorted(others) for port, others in self._wanted.items()}
        pending, until = sorted(self._pending), self._pending_until
        state = {"opening": self._opening, "ports": ports, "pending": pending, "until": until}
        self._memo.write(json.dumps(state))


class LibJack:
    """A client that takes no part in the sound: it is never activated. OSError without a library or a server."""

    def __init__(self, name: str = "rosin-patchbay") -> None:
        found = ctypes.util.find_library("jack")
        if found is None:
            raise FileNotFoundError("there is no libjack here")
        self._jack = jack = ctypes.CDLL(found)
        pointer, text, names = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)
        for function, result, arguments in (
            ("jack_client_open", pointer, (text, ctypes.c_int, pointer)),
            ("jack_get_ports", names, (pointer, text, text, ctypes.c_ulong)),
            ("jack_port_by_name", pointer, (pointer, text)),
            ("jack_port_flags", ctypes.c_int, (pointer,)),
            ("jack_port_get_all_connections", names, (pointer, pointer)),
            ("jack_connect", ctypes.c_int, (pointer, text, text)),
            ("jack_disconnect", ctypes.c_int, (pointer, text, text)),
            ("jack_free", None, (pointer,)),
        ):
            call = getattr(jack, function)
            call.restype, call.argtypes = result, arguments
        self._client = jack.jack_client_open(name.encode(), _NO_START_SERVER, None)
        if not self._client:
            raise OSError("no JACK server")

    def connections(self, client: str) -> Patched:
        found = {}
        for name in self._names(lambda: self._jack.jack_get_ports(self._client, f"^{client}:".encode(), None, 0)):
            if port := self._jack.jack_port_by_name(self._client, name.encode()):
                others = self._names(partial(self._jack.jack_port_get_all_connections, self._client, port))
                found[name.partition(":")[2]] = frozenset(others)
        return found

    def _names(self, ask: Callable[[], Any]) -> Iterator[str]:
        listed = ask()
        if not listed:
            return
        try:
            found: list[str] = []
            while listed[len(found)]:
                found.append(listed[len(found)].decode(errors="surrogateescape"))
        finally:
            self._jack.jack_free(listed)
        yield from found

    def exists(self, port: str) -> bool:
        return bool(self._jack.jack_port_by_name(self._client, port.encode(errors="surrogateescape")))

    def _both_ways(self, call: Any, mine: str, other: str) -> int:
        """From an output to an input, whichever is ours."""
        ends = [mine.encode(), other.encode(errors="surrogateescape")]
        port = self._jack.jack_port_by_name(self._client, ends[0])
        if port and self._jack.jack_port_flags(port) & 1:  # JackPortIsInput
            ends.reverse()
        return int(call(self._client, *ends))

    def connect(self, mine: str, other: str) -> bool:
        """Whether they are connected now."""
        done = self._both_ways(self._jack.jack_connect, mine, other)
        return done in (0, 17)  # EEXIST: they were

    def disconnect(self, mine: str, other: str) -> None:
        self._both_ways(self._jack.jack_disconnect, mine, other)


def main(token: str) -> int:
    """As long as the sound plays into JACK and the show is there."""
    link, parent = Link.attach(token), ParentWatch()
    row = link.health.row("sound")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the show decides
    signal.alarm(HUNG_SECONDS)
    try:
        bay = Patchbay(LibJack(), row, link.memos["patchbay"])
    except FileNotFoundError:
        return NO_LIBRARY
    except OSError:
        return 1
    while not parent.gone and on_jack(row):
        signal.alarm(HUNG_SECONDS)
        time.sleep(bay.look(time.monotonic()))
    return 0


def on_jack(row: Row) -> bool:
    """Whether the sound plays into JACK."""
    return "(JACK" in row.text("device")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        end(main(sys.argv[1]))
