"""Driver: MIDI through rtmidi - ALSA, JACK, CoreMIDI or Windows, whichever works. Under ports.

rtmidi is imported when it is first asked for, so that an instrument without it still plays.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from instrument.hands.names import plain
from instrument.hands.native import JackWatch, abandon, silence
from instrument.hands.ports import Driver, DriverFinder, Inlet, Outlet

CLIENT = "rosin"
"""What other programs connect to: the port ``in`` of this client. Each port needs a client of its own."""
CLIENT_OUT = f"{CLIENT}-out"
"""... and the port ``out`` of this one; JACK would number a second client of the same name."""
QUEUE_MESSAGES = 8192
"""What a driver keeps for us between two polls; 8192 is 2.6 s of a full MIDI cable's densest traffic and 0.3 MB."""

ORDER = ("alsa", "jack", "core", "winmm")


RETIRED_SECONDS = 5.0
"""How long a port of ours outlives its device on JACK, whose client falls over its own list of ports when one is taken
down while the server still tells of another's going (jack2 issue 216: a crash of the whole process)."""


class RtInlet:
    """``end``: takes rtmidi's port down, now or later."""

    def __init__(self, port: Any, end: Callable[[Any], None]) -> None:
        self._port, self._end = port, end

    def read(self) -> Sequence[int] | None:
        got = self._port.get_message()
        return None if got is None else got[0]

    def close(self) -> None:
        self._end(self._port)


class RtOutlet:
    """``alive``: whether the server is. To a dead one rtmidi would write until its queue is full, and wait."""

    def __init__(self, port: Any, end: Callable[[Any], None], alive: Callable[[], bool]) -> None:
        self._port, self._end, self._alive = port, end, alive

    def send(self, data: bytes) -> None:
        if not self._alive():
            raise OSError("the server went")
        try:
            self._port.send_message(data)
        except (ValueError, RuntimeError) as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self._end(self._port)


class RtDriver:
    """One of rtmidi's APIs. OSError when it does not work here."""

    def __init__(self, rtmidi: Any, api: str) -> None:
        self._rtmidi, self.api = rtmidi, api
        self._number: int = {
            "alsa": rtmidi.API_LINUX_ALSA,
            "jack": rtmidi.API_UNIX_JACK,
            "core": rtmidi.API_MACOSX_CORE,
            "winmm": rtmidi.API_WINDOWS_MM,
        }[api]
        if self._number not in rtmidi.get_compiled_api():
            raise OSError(f"this rtmidi was built without {api}")
        self._watch = JackWatch() if api == "jack" else None
        self._retired: list[tuple[float, Any]] = []
        try:
            self._looker = self._input(f"{CLIENT}-look")
            self._out_looker = self._output(f"{CLIENT}-look")
        except OSError:
            self._unwatch()
            raise

    def _input(self, name: str) -> Any:
        port = self._rtmidi.MidiIn(self._number, name=name, queue_size_limit=QUEUE_MESSAGES)
        port.set_error_callback(_nothing)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        return port

    def _output(self, name: str) -> Any:
        port = self._rtmidi.MidiOut(self._number, name=name)
        port.set_error_callback(_nothing)
        return port

    def _alive(self) -> bool:
        return self._watch is None or self._watch.alive

    def _end(self, port: Any) -> None:
        """Take a port down; on JACK later, in a calm moment, and in a server that died never: it would wait for it."""
        if self._watch is None:
            _take_down(port)
        else:
            self._retired.append((time.monotonic(), port))

    def names(self) -> list[str]:
        while self._retired and self._retired[0][0] < time.monotonic() - RETIRED_SECONDS and self._alive():
            _take_down(self._retired.pop(0)[1])
        return self._listed(self._looker)

    def out_names(self) -> list[str]:
        return self._listed(self._out_looker)

    def _listed(self, looker: Any) -> list[str]:
        """Without our own: an output of ours that we read from would be a ring without end."""
        if not self._alive():
            raise OSError("the JACK server went")
        return [name for name in looker.get_ports() if not is_ours(name)]

    def open(self, name: str) -> Inlet:
        port = self._input(f"{CLIENT}-device")
        try:
            port.open_port(port.get_ports().index(name), _short(name))
        except (OSError, ValueError) as error:  # ValueError: it went while we were at it
            port.delete()
            raise OSError(str(error)) from None
        return RtInlet(port, self._end)

    def open_out(self, name: str) -> Outlet:
        port = self._output(f"{CLIENT}-motor")
        try:
            port.open_port(port.get_ports().index(name), _short(name))
        except (OSError, ValueError) as error:
            port.delete()
            raise OSError(str(error)) from None
        return RtOutlet(port, self._end, self._alive)

    def own(self) -> Inlet | None:
        if self.api == "winmm":
            return None  # Windows knows no inputs made by programs
        port = self._input(CLIENT)
        port.open_virtual_port("in")
        return RtInlet(port, self._end)

    def own_out(self) -> Outlet | None:
        if self.api == "winmm":
            return None
        port = self._output(CLIENT_OUT)
        port.open_virtual_port("out")
        return RtOutlet(port, self._end, self._alive)

    def close(self) -> None:
        """Ports that JACK still has stay until the process ends: taking them down is what could crash it."""
        for _, port in self._retired:
            abandon(port)
        self._retired.clear()
        self._looker.delete()
        self._out_looker.delete()
        self._unwatch()

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()


def is_ours(name: str) -> bool:
    """Whether a port belongs to this Rosin or another on this machine, whatever number the server gave its client."""
    return plain(name).split(" ", 1)[0] == CLIENT


def _take_down(port: Any) -> None:
    port.close_port()
    port.delete()


def _short(name: str) -> str:
    """A port's name for our end of the cable; JACK takes no colon in it."""
    return name.replace(":", " ")[:60]


def _nothing(*_: object) -> None:
    """rtmidi's warnings would go to the terminal; what matters raises an exception anyway."""


def finder(api: str) -> DriverFinder:
    """Looks for the API the rig asks for; ``auto``: the first that works."""

    def find() -> Driver | None:
        if api == "off":
            return None
        try:
            import rtmidi  # here, not above: playing goes on without it
        except ImportError:
            return None
        if sys.platform.startswith("linux"):
            silence()
        for name in ORDER if api == "auto" else (api,):
            try:
                return RtDriver(rtmidi, name)
            except OSError:
                continue
        return None

    return find
