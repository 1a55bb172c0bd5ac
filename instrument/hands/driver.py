"""Driver: MIDI through rtmidi - ALSA, JACK, CoreMIDI or Windows, whichever works. Under ports.

rtmidi is imported when it is first asked for, so that an instrument without it still plays.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from instrument.hands.native import JackWatch, silence
from instrument.hands.ports import Driver, DriverFinder, Inlet

CLIENT = "rosin"
"""What other programs connect to: the port ``in`` of this client. Each input needs a client of its own."""
QUEUE_MESSAGES = 8192
"""What a driver keeps for us between two polls; 8192 is 2.6 s of a full MIDI cable's densest traffic and 0.3 MB."""

ORDER = ("alsa", "jack", "core", "winmm")


class RtInlet:
    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> Sequence[int] | None:
        got = self._port.get_message()
        return None if got is None else got[0]

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()


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
        try:
            self._looker = self._input(f"{CLIENT}-look")
        except OSError:
            self._unwatch()
            raise

    def _input(self, name: str) -> Any:
        port = self._rtmidi.MidiIn(self._number, name=name, queue_size_limit=QUEUE_MESSAGES)
        port.set_error_callback(_nothing)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        return port

    def names(self) -> list[str]:
        if self._watch is not None and not self._watch.alive:
            raise OSError("the JACK server went")
        return list(self._looker.get_ports())

    def open(self, name: str) -> Inlet:
        port = self._input(f"{CLIENT}-device")
        try:
            port.open_port(port.get_ports().index(name), _short(name))
        except (OSError, ValueError) as error:  # ValueError: it went while we were at it
            port.delete()
            raise OSError(str(error)) from None
        return RtInlet(port)

    def own(self) -> Inlet | None:
        if self.api == "winmm":
            return None  # Windows knows no inputs made by programs
        port = self._input(CLIENT)
        port.open_virtual_port("in")
        return RtInlet(port)

    def close(self) -> None:
        self._looker.delete()
        self._unwatch()

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()


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
