"""Native: the C libraries under MIDI, found, and kept from writing on the player's terminal. Under the drivers.

libjack and libasound print every failed attempt, from threads of their own too, so closing stderr round our calls is
not enough. Both take a function to call instead; libc's strlen fits either signature, harms nothing and needs no
Python in their threads. A JACK server that dies leaves its clients as they were, port list included: the only word of
it is the shutdown call, and there libc's time() serves, which writes a number other than 0 where it is pointed to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_NAMES = {
    "linux": ("libjack.so.0",),
    "darwin": ("libjack.0.dylib", "/opt/homebrew/lib/libjack.0.dylib", "/usr/local/lib/libjack.0.dylib"),
    "win32": ("libjack64.dll",),
}
_P, _I, _U, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_char_p
_LIST = ctypes.POINTER(ctypes.c_char_p)
_FUNCTIONS = {
    "jack_client_open": (_P, _TEXT, _I, ctypes.POINTER(_I)),
    "jack_client_close": (_I, _P),
    "jack_get_client_name": (_TEXT, _P),
    "jack_activate": (_I, _P),
    "jack_on_shutdown": (None, _P, _P, _P),
    "jack_set_process_callback": (_I, _P, _P, _P),
    "jack_set_port_connect_callback": (_I, _P, _P, _P),
    "jack_set_port_registration_callback": (_I, _P, _P, _P),
    "jack_port_register": (_P, _P, _TEXT, _TEXT, ctypes.c_ulong, ctypes.c_ulong),
    "jack_port_unregister": (_I, _P, _P),
    "jack_port_get_connections": (_LIST, _P),
    "jack_port_type_get_buffer_size": (ctypes.c_size_t, _P, _TEXT),
    "jack_get_ports": (_LIST, _P, _TEXT, _TEXT, ctypes.c_ulong),
    "jack_connect": (_I, _P, _TEXT, _TEXT),
    "jack_free": (None, _P),
    "jack_ringbuffer_create": (_P, ctypes.c_size_t),
    "jack_ringbuffer_free": (None, _P),
    "jack_ringbuffer_read_space": (ctypes.c_size_t, _P),
    "jack_ringbuffer_write_space": (ctypes.c_size_t, _P),
    "jack_ringbuffer_read": (ctypes.c_size_t, _P, _P, ctypes.c_size_t),
    "jack_ringbuffer_write": (ctypes.c_size_t, _P, _P, ctypes.c_size_t),
}


def libjack() -> ctypes.CDLL:
    """The system's libjack (JACK's own, or PipeWire's), silent. OSError when there is none."""
    os.environ["JACK_NO_START_SERVER"] = "1"  # a server nobody asked for
    for name in _NAMES.get(sys.platform, ()):
        with contextlib.suppress(OSError, AttributeError):
            jack = ctypes.CDLL(name)
            for function, (result, *arguments) in _FUNCTIONS.items():
                getattr(jack, function).restype = result
                getattr(jack, function).argtypes = arguments
            if (nothing := _libc_function("strlen")) is not None:
                jack.jack_set_error_function(nothing)
                jack.jack_set_info_function(nothing)
            return jack
    raise OSError("there is no libjack here")


def silence_alsa() -> None:
    """Call once, when libasound has been loaded."""
    nothing = _libc_function("strlen")
    if not sys.platform.startswith("linux") or nothing is None:
        return
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            path = next((line.split(maxsplit=5)[-1].strip() for line in maps if "libasound" in line), None)
        if path is not None:
            ctypes.CDLL(path).snd_lib_error_set_handler(nothing)
    except (OSError, AttributeError):
        pass


class Shutdown:
    """Whether a JACK server has ended. ``watch`` before the client is activated."""

    def __init__(self) -> None:
        self._ended = ctypes.c_long(0)

    def watch(self, jack: ctypes.CDLL, client: int) -> None:
        if (then := _libc_function("time")) is not None:
            jack.jack_on_shutdown(client, ctypes.cast(then, _P), ctypes.addressof(self._ended))

    @property
    def came(self) -> bool:
        return self._ended.value != 0


def _libc_function(name: str) -> ctypes._NamedFuncPointer | None:
    try:
        return getattr(ctypes.CDLL("msvcrt" if sys.platform == "win32" else None), name, None)
    except OSError:
        return None


def texts(jack: ctypes.CDLL, found: ctypes._Pointer[ctypes.c_char_p]) -> list[str]:
    """A list of names as libjack gives it, which it then takes back. Names that are no text are left out."""
    names: list[str] = []
    if not found:
        return names
    for i in range(1 << 16):
        raw = found[i]
        if raw is None:
            break
        with contextlib.suppress(UnicodeDecodeError):
            names.append(raw.decode())
    jack.jack_free(found)
    return names
