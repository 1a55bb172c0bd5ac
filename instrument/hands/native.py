"""Native: the C libraries under MIDI kept from writing on the player's terminal, and a watch on the JACK server.

libjack and libasound print every failed attempt, from threads of their own too, so closing stderr round our calls is
not enough. Both take a function to call instead; libc's strlen fits either signature, harms nothing and needs no
Python in their threads. A JACK server that dies leaves its clients as they were, port list included: the only word of
it is the shutdown call, and there libc's time() serves, which writes a number other than 0 where it is pointed to.
Only on Linux; elsewhere all of this does nothing and the watch says "alive".
"""

from __future__ import annotations

import ctypes
import os
import sys

_JACK_NO_START_SERVER = 1


def _loaded(part: str) -> ctypes.CDLL | None:
    """The library of that name which rtmidi brought into this process: its wheel has a libjack of its own."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            for line in maps:
                path = line.split(maxsplit=5)[-1].strip()
                if part in os.path.basename(path):
                    return ctypes.CDLL(path)
    except OSError:
        pass
    return None


def silence() -> None:
    """Call once, after rtmidi was imported. Also keeps libjack from starting a server nobody asked for."""
    os.environ["JACK_NO_START_SERVER"] = "1"
    nothing = ctypes.CDLL(None).strlen if sys.platform.startswith("linux") else None
    if (jack := _loaded("libjack")) is not None:
        jack.jack_set_error_function(nothing)
        jack.jack_set_info_function(nothing)
    if (alsa := _loaded("libasound")) is not None:
        alsa.snd_lib_error_set_handler(nothing)


def abandon(thing: object) -> None:
    """Never take this object down, not even at the end of the process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


class JackWatch:
    """A client that does nothing but notice the end of its server. OSError when there is no server."""

    def __init__(self, name: str = "rosin-watch") -> None:
        self._ended = ctypes.c_long(0)
        self._client: int | None = None
        self._jack = _loaded("libjack")
        if self._jack is None:
            return
        jack, pointer = self._jack, ctypes.c_void_p
        jack.jack_client_open.restype = pointer
        jack.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, pointer]
        jack.jack_on_shutdown.argtypes = [pointer, pointer, pointer]
        jack.jack_activate.argtypes = jack.jack_client_close.argtypes = [pointer]
        self._client = jack.jack_client_open(name.encode(), _JACK_NO_START_SERVER, None)
        if not self._client:
            raise OSError("no JACK server")
        then = ctypes.cast(ctypes.CDLL(None).time, pointer)
        jack.jack_on_shutdown(self._client, then, ctypes.addressof(self._ended))
        jack.jack_activate(self._client)

    @property
    def alive(self) -> bool:
        return self._ended.value == 0

    def close(self) -> None:
        client, self._client = self._client, None
        if client and self._jack is not None:
            self._jack.jack_client_close(client)
