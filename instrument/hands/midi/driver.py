"""Driver: MIDI through rtmidi - ALSA, CoreMIDI or Windows - or through JACK, whichever works. Under ports.

rtmidi is the one that supriya-midi brings; it has wheels for every Python that Rosin plays on. Its JACK is not used: it
reads events that JACK did not give it (see jack_cycle). Imported when it is first asked for, so that an instrument
without it still plays.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from instrument.hands.midi.native import libjack, silence_alsa
from instrument.hands.midi.ports import Driver, DriverFinder, Inlet, OpenOutput
from instrument.hands.state.names import CLIENT, is_ours

if TYPE_CHECKING:
    from instrument.hands.midi.jack import Keeper

CLIENT_OUT = f"{CLIENT}-out"
"""Of our own output, where each port needs a client of its own."""
QUEUE_MESSAGES = 8192
"""What a driver keeps for us between two polls; 8192 is 2.6 s of a full MIDI cable's densest traffic and 0.3 MB."""
ORDER = ("alsa", "jack", "core", "winmm")
SEQUENCER = "/dev/snd/seq"
_NUMBERS = {"alsa": "LINUX_ALSA", "core": "MACOSX_CORE", "winmm": "WINDOWS_MM"}


class RtInlet:
    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> Sequence[int] | None:
        try:
            got = self._port.get_message()
        except Exception as error:  # whatever a driver below may raise, its port is broken
            raise OSError(str(error)) from None
        return None if got is None else got[0]

    def close(self) -> None:
        _take_down(self._port)


class RtOutlet:
    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, data: bytes) -> None:
        try:
            self._port.send_message(data)
        except Exception as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        _take_down(self._port)


class RtDriver:
    """One of rtmidi's APIs. OSError when it does not work here. ``rtmidi``: the module supriya_midi."""

    def __init__(self, rtmidi: Any, api: str) -> None:
        self._rtmidi, self.api = rtmidi, api
        self._number = getattr(rtmidi.RtMidiAPI, _NUMBERS[api])
        if self._number not in rtmidi.get_compiled_apis():
            raise OSError(f"this rtmidi was built without {api}")
        if api == "alsa" and not os.access(SEQUENCER, os.R_OK | os.W_OK):  # asked all the same, rtmidi prints a line
            raise OSError("no ALSA sequencer here")
        self._looker = self._input(f"{CLIENT}-look")
        self._out_looker = self._output(f"{CLIENT}-look")

    def _input(self, name: str) -> Any:
        try:
            port = self._rtmidi.MidiIn(self._number, name, QUEUE_MESSAGES)
            port.set_error_callback(_nothing)
            port.ignore_types(sysex=True, timing=False, active_sense=False)
        except Exception as error:
            raise OSError(str(error)) from None
        return port

    def _output(self, name: str) -> Any:
        try:
            port = self._rtmidi.MidiOut(self._number, name)
            port.set_error_callback(_nothing)
        except Exception as error:
            raise OSError(str(error)) from None
        return port

    def changed(self) -> bool:
        """It does not tell."""
        return False

    def names(self) -> list[str]:
        return [name for name in _names(self._looker) if name and not is_ours(name)]

    def out_names(self) -> list[str]:
        return [name for name in _names(self._out_looker) if name and not is_ours(name)]

    def open(self, name: str) -> Inlet:
        return RtInlet(_opened(self._input(f"{CLIENT}-device"), name))

    def open_out(self, name: str) -> OpenOutput:
        return RtOutlet(_opened(self._output(f"{CLIENT}-motor"), name))

    def own(self) -> Inlet | None:
        if self.api == "winmm":
            return None  # Windows knows no inputs made by programs
        port = self._input(CLIENT)
        port.open_virtual_port("in")
        return RtInlet(port)

    def own_out(self) -> OpenOutput | None:
        if self.api == "winmm":
            return None
        port = self._output(CLIENT_OUT)
        port.open_virtual_port("out")
        return RtOutlet(port)

    def close(self) -> None:
        self._looker.delete()
        self._out_looker.delete()


def _names(looker: Any) -> list[str]:
    """The names of all ports, at the places where rtmidi has them; empty where one has none that can be read."""
    found = []
    try:
        count = looker.get_port_count()
    except Exception as error:
        raise OSError(str(error)) from None
    for i in range(count):
        try:
            name = looker.get_port_name(i)
        except Exception:  # no text, or it went while we were at it
            name = None
        found.append(name if isinstance(name, str) else "")
    return found


def _opened(port: Any, name: str) -> Any:
    """This port opened to the device of this name. OSError if it went while we were at it."""
    try:
        return port.open_port(_names(port).index(name), name[:60])
    except Exception as error:
        port.delete()
        raise OSError(str(error)) from None


def _take_down(port: Any) -> None:
    try:
        port.close_port()
        port.delete()
    except Exception as error:
        raise OSError(str(error)) from None


def _nothing(*_: object) -> None:
    """rtmidi's warnings would go to the terminal; what matters raises an exception anyway."""


def finder(api: str, client: str = CLIENT, keeper: Keeper | None = None) -> DriverFinder:
    """Looks for the API the rig asks for; ``auto``: the first that works. ``client``, ``keeper``: see JackDriver."""

    def find() -> Driver | None:
        for name in ORDER if api == "auto" else () if api == "off" else (api,):
            try:
                return _jack(client, keeper) if name == "jack" else _rtmidi(name)
            except OSError:
                continue
        return None

    return find


def prepare(api: str) -> None:
    """Have ready what JACK takes 0.5 s for, where it may be asked for: its machine code."""
    if api in ("auto", "jack"):
        with contextlib.suppress(OSError):
            library = libjack()
            from instrument.hands.midi.jack_cycle import Callbacks

            Callbacks(library)


def _jack(client: str, keeper: Keeper | None) -> Driver:
    libjack()  # where there is none, no machine code is needed
    from instrument.hands.midi.jack import JackDriver

    return JackDriver(client, keeper)


def _rtmidi(api: str) -> Driver:
    try:
        import supriya_midi  # here, not above: playing goes on without it
    except ImportError:
        raise OSError("no rtmidi here") from None
    if sys.platform.startswith("linux"):
        silence_alsa()
    return RtDriver(supriya_midi, api)
