"""Device: the sound card, through PortAudio. After the guard; it calls, everything else answers.

The callback's contract: ``callback(out, inp, now)`` fills ``out`` float32 [C, N] (contiguous if N is ``block``), may
read ``inp`` float32 [Ci, N] (None without inputs), and ``now`` is ``time.monotonic()`` at entry. It allocates nothing,
waits for nothing, prints nothing. If it raises, that block is silence and the fault is counted.

Which device, when none is named: JACK's if a server runs (the card is then JACK's), else the system's default; without
any card or without PortAudio the null device, with a notice.

Losing a device. When a JACK server dies, PortAudio (19.6, seen with every one of them) hangs in stop, abort, close and
terminate: they wait for a callback that will not come. Without a stream, Pa_Terminate fails an assertion and ends the
process. So a stream whose server died is never touched again: ``reopen`` maps a fresh copy of the library (0.2 MB a
death, given back at exit) and opens there. If even that hangs, a new process is the only way.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import ctypes.util
import functools
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from instrument.errors import RosinError
from instrument.sound.null_device import LOST_S, Callback, NullDevice

CLIENT_NAME = ctypes.create_string_buffer(b"rosin")  # PortAudio keeps the pointer
NULL = "null"
LONGEST_BLOCK = 8192
REOPEN_S = 2.0
PATIENCE_S = 3.0  # a driver that is silent but says it is active (a JACK server under load) may come back by itself
COPIES_MOST = 64
NO_PORTAUDIO = "PortAudio is missing: apt install libportaudio2; playing into the null device"
NO_CARD = "no sound device was found; playing into the null device: plug in a sound card or start JACK to hear it"

_abandoned: list[object] = []  # dead streams and the libraries they live in: freeing them would run into the hang


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


def list_devices() -> list[DeviceInfo]:
    """All devices there are now, the null device last. Never raises: without PortAudio there is the null device."""
    sd = _portaudio()
    found = _scan(sd) if sd is not None else []
    return [*found, DeviceInfo(-1, NULL, NULL, 2, 0, 0.0, not any(d.default for d in found))]


def open_device(
    name: str | int | None, rate: float, channels_out: int, channels_in: int, block: int, callback: Callback
) -> PortAudioDevice | NullDevice:
    """Open, but do not start, a device by index or part of its name; None or "" is the default, "null" the null device.

    ``block`` frames a callback; 0 leaves it to the driver and then it may change. Mono is played on the first two
    channels. ``notice`` says in one sentence what was not as asked. RosinError: no such device, wrong sample rate.
    """
    wanted = "" if name is None else str(name).strip()
    if wanted.lower() == NULL:
        return NullDevice(rate, channels_out, channels_in, block, callback)
    sd = _portaudio()
    if sd is None:
        return NullDevice(rate, channels_out, channels_in, block, callback, NO_PORTAUDIO)
    info = _find(_scan(sd), wanted)
    if info is None:
        return NullDevice(rate, channels_out, channels_in, block, callback, NO_CARD)
    return PortAudioDevice(info, rate, channels_out, channels_in, block, callback)


class PortAudioDevice:
    """An open sound card. ``start``, ``stop``, ``close``, ``alive`` and ``reopen`` belong to one thread of the process.

    ``xruns``: callbacks before which the driver had missed at least one. ``errors``: callbacks that raised;
    ``last_error``: the last one's words.
    """

    is_null = False

    def __init__(
        self, info: DeviceInfo, rate: float, channels_out: int, channels_in: int, block: int, callback: Callback
    ) -> None:
        self.name = info.name
        self.api = info.api
        self.rate = float(rate)
        self.channels_out = channels_out
        self.channels_in = min(channels_in, info.inputs)
        self.block = block
        self.latency_s = 0.0
        """From the callback to the connector, as the driver says."""
        self.xruns = 0
        self.errors = 0
        self.last_error = ""
        self.notice = ""
        if self.channels_in < channels_in:
            self.notice = f"{info.name} has {info.inputs} inputs: playing with {self.channels_in} of {channels_in}"
        self._callback = callback
        self._out = np.zeros((channels_out, block or LONGEST_BLOCK), np.float32)
        self._inp = np.zeros((self.channels_in, block or LONGEST_BLOCK), np.float32)
        self._played = 0
        self._called = 0.0
        self._started = False
        self._stream: Any = None
        self._opening = 0  # number of the stream that counts: one given up may call again when its server wakes
        self._reopening: threading.Thread | None = None
        self._open(info)

    def start(self) -> None:
        self._called = time.monotonic()
        self._started = True
        try:
            with _quiet():
                self._stream.start()
        except Exception as error:
            self._started = False
            raise RosinError(f"{self.name} does not start ({error}); is it in use? choose another device") from None
        self.latency_s = self._latency()
        atexit.register(self.close)  # a callback into a Python that is being taken down would crash it

    def stop(self) -> None:
        """Stop calling back. On a lost device this returns at once."""
        if self._started:
            self._started = False
            if self._lost() or not self._bounded(self._stream.abort):
                self._abandon()

    def close(self) -> None:
        atexit.unregister(self.close)
        self.stop()
        if self._stream is not None:
            self._bounded(self._stream.close)
            self._abandon()

    def alive(self) -> bool:
        """Whether the callbacks keep coming: False at once when the driver says so, else after 0.5 s of silence."""
        return self._started and not self._lost() and time.monotonic() - self._called < LOST_S

    def reopen(self) -> bool:
        """Try to get a lost device back, by its name; True once it plays again. Call about once a second.

        Takes at most 2 s, mostly 30 ms. If the driver hangs in it, every later call is False: start a new process.
        """
        if self.alive():
            return True
        if self._started and not self._lost() and time.monotonic() - self._called < PATIENCE_S:
            return False
        if self._reopening is not None and self._reopening.is_alive():
            return False
        done: list[bool] = []
        self._reopening = threading.Thread(target=lambda: done.append(self._reopen()), name="reopen", daemon=True)
        self._reopening.start()
        self._reopening.join(REOPEN_S)
        return bool(done and done[0])

    def _reopen(self) -> bool:
        try:
            sd = _portaudio()
            self._started = False
            if self._stream is not None:
                if self.api.startswith("JACK") or not self._bounded(self._stream.close):
                    self._abandon()
                self._stream = None
            _rescan(sd)
            here = [d for d in _scan(sd) if d.api == self.api]
            info = _find(here, self.name if any(d.name == self.name for d in here) else "")
            if info is None:
                return False
            self._open(info)
            self.start()
        except (RosinError, OSError):
            return False
        return True

    def _open(self, info: DeviceInfo) -> None:
        sd = _portaudio()
        self._opening += 1
        if info.outputs < 1 or info.outputs < self.channels_out > 2:
            raise RosinError(f"{info.name} has {info.outputs} outputs, not {self.channels_out}; choose another device")
        self._played = min(max(2, self.channels_out), info.outputs)
        common = {"samplerate": self.rate, "blocksize": self.block, "dtype": "float32", "latency": "low"}
        try:
            with _quiet():
                if self.channels_in:
                    self._stream = sd.Stream(
                        device=(info.index, info.index), channels=(self.channels_in, self._played),
                        callback=functools.partial(self._duplex, self._opening), **common,
                    )  # fmt: skip
                else:
                    self._stream = sd.OutputStream(
                        device=info.index, channels=self._played,
                        callback=functools.partial(self._duplex, self._opening, None), **common,
                    )  # fmt: skip
        except sd.PortAudioError as error:
            if "sample rate" in str(error).lower():
                raise RosinError(
                    f"{info.name} ({info.api}) runs at {info.rate:.0f} Hz, not {self.rate:.0f}; "
                    f"set it to {self.rate:.0f} Hz or choose another device"
                ) from None
            raise RosinError(
                f"{info.name} ({info.api}) can't be opened ({error}); is it in use? choose another device"
            ) from None
        self.latency_s = self._latency()

    def _latency(self) -> float:
        latency = self._stream.latency
        return float(latency[1] if isinstance(latency, tuple) else latency)

    def _duplex(self, opening: int, indata: Any, outdata: Any, frames: int, _times: Any, status: Any) -> None:
        now = time.monotonic()
        if opening != self._opening:
            outdata.fill(0.0)
            return
        self._called = now
        if status:
            self.xruns += 1
        out = self._out if frames == self._out.shape[1] else self._out[:, :frames]
        try:
            inp = None
            if indata is not None:
                inp = self._inp if frames == self._inp.shape[1] else self._inp[:, :frames]
                inp[...] = indata.T
            self._callback(out, inp, now)
            if self.channels_out == self._played:
                outdata[...] = out.T
            elif self.channels_out == 1:
                outdata[...] = out[0, :, None]
            else:  # stereo on a single speaker
                np.mean(out, axis=0, out=outdata[:, 0])
        except Exception as error:  # a fault in one block must not end the sound
            outdata.fill(0.0)
            self.errors += 1
            self.last_error = repr(error)

    def _lost(self) -> bool:
        """The driver itself says that the stream has ended."""
        return self._stream is None or not self._stream.active

    def _abandon(self) -> None:
        self._opening += 1
        if self._stream is not None:
            _abandoned.append(self._stream)
            self._stream = None

    def _bounded(self, call: Any) -> bool:
        """Run a call into the driver that may hang; False when it has not come back (and then it never will)."""
        done: list[bool] = []

        def run() -> None:
            with contextlib.suppress(Exception):
                call()
            done.append(True)

        thread = threading.Thread(target=run, name="closing", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # Python 3.12 starts no threads at exit
            run()
            return True
        thread.join(REOPEN_S / 2.0)
        return bool(done)


def _find(devices: list[DeviceInfo], wanted: str) -> DeviceInfo | None:
    """The device meant; None when none is named and there is none. RosinError names those there are."""
    outputs = [d for d in devices if d.outputs]
    if not wanted:
        return next((d for d in outputs if d.default), None)
    if wanted.isdigit():
        found = [d for d in outputs if d.index == int(wanted)]
    else:
        low = wanted.lower()
        found = [d for d in outputs if d.name.lower() == low] or [d for d in outputs if low in d.name.lower()]
    if not found:
        names = ", ".join(f"{d.index} {d.name}" for d in outputs)
        raise RosinError(f"there is no sound device {wanted!r}; choose one of: {names + ', ' if names else ''}{NULL}")
    return next((d for d in found if d.default), found[0])


def _scan(sd: Any) -> list[DeviceInfo]:
    """What PortAudio saw when it was last initialised."""
    apis = sd.query_hostapis()
    jack = [a for a in apis if a["name"].startswith("JACK") and a["default_output_device"] >= 0]
    default = jack[0]["default_output_device"] if jack else sd._lib.Pa_GetDefaultOutputDevice()
    if not jack and default < 0:
        default = next((a["default_output_device"] for a in apis if a["default_output_device"] >= 0), -1)
    return [
        DeviceInfo(
            d["index"], d["name"], apis[d["hostapi"]]["name"], d["max_output_channels"], d["max_input_channels"],
            d["default_samplerate"], d["index"] == default,
        )
        for d in sd.query_devices()
    ]  # fmt: skip


def _portaudio() -> Any:
    """The sounddevice module, or None without PortAudio. PortAudio looks for devices once, at the first call."""
    if "sounddevice" in sys.modules:
        return sys.modules["sounddevice"]
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # only a server that the player started
    found = ctypes.util.find_library("portaudio")
    if found is not None:
        _name_client(found)
    try:
        with _quiet():
            import sounddevice
    except OSError:
        return None
    # At exit sounddevice calls Pa_Terminate, which ends the process with SIGABRT when a JACK server has died meanwhile.
    atexit.unregister(sounddevice._exit_handler)
    return sounddevice


def _rescan(sd: Any) -> None:
    """Look for devices again. With JACK in the library that may be dead by now (see above): take a fresh copy of it."""
    if not any(api["name"].startswith("JACK") for api in sd.query_hostapis()):
        with _quiet():
            sd._terminate()
            sd._initialize()
        return
    if not sys.platform.startswith("linux") or len(_abandoned) > COPIES_MOST:
        raise RosinError("the sound device is lost; start again to get it back")
    with open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if "libportaudio" in line)
    copy = os.memfd_create("portaudio")  # stays open: the loader knows libraries by name, and this is its name
    with open(path, "rb") as library:
        os.sendfile(copy, library.fileno(), 0, os.fstat(library.fileno()).st_size)
    _abandoned.append(sd._lib)
    sd._lib = sd._ffi.dlopen(f"/proc/self/fd/{copy}")
    _name_client(f"/proc/self/fd/{copy}")
    sd._initialized = 0
    with _quiet():
        sd._initialize()


def _name_client(library: str) -> None:
    """Be "rosin" among JACK's clients, before PortAudio is initialised. Builds without JACK have no such function."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(library).PaJack_SetClientName(CLIENT_NAME)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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
