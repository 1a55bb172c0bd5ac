"""PortAudio: which devices there are, and how to live with a JACK server that dies. Below the device.

PortAudio looks for devices once, when it is initialised; so it is initialised only while it is used (``enter``,
``leave``), and a new device is seen at the next use. It is loaded late: without it the instrument plays into the null
device.

A dead JACK server. When it dies, PortAudio's calls on its stream (19.6; stop, abort, close, terminate) wait for a
callback that will not come, and without a stream Pa_Terminate fails an assertion and ends the process. Nothing in its
interface helps. So the library is given up with everything in it (``forsake``) and a fresh copy of it is mapped in its
place: 0.2 MB a death, given back at exit.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import ctypes.util
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from instrument.base.errors import RosinError

NULL = "null"
COPIES_MOST = 64
CLIENT = "rosin"
"""Our name among JACK's clients: that of the audio ports, and of nothing else, so that patch bays find them again."""
NAME_TRIES, NAME_SECONDS = 8, 0.05
"""For so long the server may take to see that one of this name is dead."""
SEEN_TRIES = 2
"""For so long one that may be there is looked for: busy, it does not always answer who comes as another goes."""
_names: dict[str, Any] = {}  # PortAudio keeps the pointer
_libraries: list[str] = []  # the one that is used is the last
_forsaken: list[object] = []  # dead streams and the libraries they live in: freeing them would run into the wait


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One line of ``rosin devices``. ``index`` is -1 for the null device. ``default``: taken when none is named."""

    index: int
    name: str
    api: str
    outputs: int
    inputs: int
    rate: float
    default: bool


class NoSuchDevice(RosinError):
    """None of that name is there now."""


def load(client: str = CLIENT) -> Any:
    """The sounddevice module with PortAudio not yet initialised, or None without PortAudio. ``client``: see CLIENT."""
    if "sounddevice" in sys.modules:
        return sys.modules["sounddevice"]
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # only a server that the player started
    found = ctypes.util.find_library("portaudio")
    if found is not None:
        _name_client(found, client)
    try:
        with quiet():
            import sounddevice

            sounddevice._terminate()
    except OSError:
        return None
    atexit.unregister(sounddevice._exit_handler)  # it terminates without looking whether the server still lives
    return sounddevice


def enter(sd: Any, claim: bool = False) -> None:
    """Initialise; looks for devices unless it is in use already. ``claim`` our name on JACK: of one who was killed, the
    server may have yet to see it. It costs 0.1 s where one was killed and has left its socket."""
    with quiet():
        sd._initialize()
        tries = NAME_TRIES if claim else 0
        for i in range(tries):
            name = client_name()
            if name == CLIENT or (not name and (i >= SEEN_TRIES or not os.path.exists(server_socket()))):
                break
            sd._terminate()
            time.sleep(NAME_SECONDS)
            sd._initialize()


def server_socket() -> str:
    """Where jack2 takes its clients: there as long as the server runs, or was killed."""
    if sys.platform == "win32":
        return ""
    return f"/dev/shm/jack_{os.environ.get('JACK_DEFAULT_SERVER', 'default')}_{os.getuid()}_0"


def client_name() -> str:
    """What JACK calls us, while initialised; empty without JACK."""
    name = ctypes.c_char_p()
    with contextlib.suppress(OSError, AttributeError, IndexError):
        if ctypes.CDLL(_libraries[-1]).PaJack_GetClientName(ctypes.byref(name)) == 0 and name.value:
            return name.value.decode(errors="replace")
    return ""


def leave(sd: Any) -> None:
    """Terminate. Only where no JACK server can have died since ``enter``, or none was there: see ``has_jack``."""
    with quiet():
        sd._terminate()


def has_jack(sd: Any) -> bool:
    return any(api["name"].startswith("JACK") for api in sd.query_hostapis())


def forsake(sd: Any, *streams: object) -> None:
    """Never touch this library and these streams of it again; a fresh copy, not yet initialised, takes its place."""
    _forsaken.extend(streams)
    if not sys.platform.startswith("linux") or len(_forsaken) > COPIES_MOST:
        raise RosinError("the sound device is lost; start again to get it back")
    with open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if "libportaudio" in line)
    copy = os.memfd_create("portaudio")  # stays open: the loader knows libraries by name, and this is its name
    with open(path, "rb") as library:
        os.sendfile(copy, library.fileno(), 0, os.fstat(library.fileno()).st_size)
    _forsaken.append(sd._lib)
    sd._lib = sd._ffi.dlopen(f"/proc/self/fd/{copy}")
    sd._initialized = 0
    _name_client(f"/proc/self/fd/{copy}", CLIENT)


def scan(sd: Any) -> list[DeviceInfo]:
    """What PortAudio saw when it was initialised. JACK's default is ours if a server runs: the card is then JACK's."""
    apis = sd.query_hostapis()
    jack = [a for a in apis if a["name"].startswith("JACK") and a["default_output_device"] >= 0]
    default = jack[0]["default_output_device"] if jack else sd._lib.Pa_GetDefaultOutputDevice()
    if default < 0:
        default = next((a["default_output_device"] for a in apis if a["default_output_device"] >= 0), -1)
    return [
        DeviceInfo(
            d["index"],
            d["name"],
            apis[d["hostapi"]]["name"],
            d["max_output_channels"],
            d["max_input_channels"],
            d["default_samplerate"],
            d["index"] == default,
        )
        for d in sd.query_devices()
    ]


def find(devices: Sequence[DeviceInfo], wanted: str) -> DeviceInfo | None:
    """By index, name or part of it; "" is the default, None when there is none. RosinError names those there are."""
    outputs = [d for d in devices if d.outputs]
    if not wanted:
        return next((d for d in outputs if d.default), None)
    if wanted.isdigit():
        found = [d for d in outputs if d.index == int(wanted)]
    else:
        low = wanted.lower()
        found = [d for d in outputs if d.name.lower() == low] or [d for d in outputs if low in d.name.lower()]
    if not found:
        names = "".join(f"{d.index} {d.name}, " for d in outputs)
        raise NoSuchDevice(f"there is no sound device {wanted!r}; choose one of: {names}{NULL}")
    return next((d for d in found if d.default), found[0])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Point stderr elsewhere: ALSA and JACK print pages about the cards they did not find."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _name_client(library: str, client: str) -> None:
    """Be ``client`` among JACK's, before PortAudio is initialised. Builds without JACK have no such function."""
    name = _names.setdefault(client, ctypes.create_string_buffer(client.encode()))
    _libraries.append(library)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(library).PaJack_SetClientName(name)
