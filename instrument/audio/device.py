"""Device: the sound card. After the guard; it calls, everything else answers.

The callback's contract: ``callback(out, inp, now)`` fills ``out`` float32 [C, N] (contiguous if N is ``block``), may
read ``inp`` float32 [Ci, N] (None without inputs), and ``now`` is ``time.monotonic()`` at entry. It allocates nothing,
waits for nothing, prints nothing. If it raises, that block is silence and the fault is counted.

Which device, when none is named: JACK's if a server runs (the card is then JACK's), else the system's default; without
any card or without PortAudio the null device, with a notice.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from instrument.audio import portaudio
from instrument.audio.null_device import LOST_S, Callback, NullDevice
from instrument.audio.portaudio import NULL, DeviceInfo, NoSuchDevice
from instrument.base.errors import RosinError

__all__ = ["Callback", "Device", "DeviceInfo", "NullDevice", "PortAudioDevice", "list_devices", "open_device"]

LONGEST_BLOCK = 8192
REOPEN_S = 2.0
CLOSE_S = 1.0
PATIENCE_S = 3.0  # a driver that is silent but says it is active (a JACK server under load) may come back by itself
NO_PORTAUDIO = "PortAudio is missing: apt install libportaudio2; playing into the null device"
NO_CARD = "no sound device was found; playing into the null device: plug in a sound card or start JACK to hear it"


def list_devices() -> list[DeviceInfo]:
    """All devices there are now, the null device last. Without PortAudio there is still the null device."""
    sd = portaudio.load()
    found: list[DeviceInfo] = []
    if sd is not None:
        portaudio.enter(sd)
        found = portaudio.scan(sd)
        portaudio.leave(sd)
    return [*found, DeviceInfo(-1, NULL, NULL, 2, 0, 0.0, not any(d.default for d in found))]


def open_device(
    name: str | int | None, rate: float, channels_out: int, channels_in: int, block: int, callback: Callback
) -> Device:
    """Open, but do not start, a device by index or part of its name; None or "" is the default, "null" the null device.

    ``block`` frames a callback; 0 leaves it to the driver and then it may change. Mono is played on the first two
    channels. ``notice`` says in one sentence what was not as asked. RosinError: no such device, wrong sample rate.
    """
    wanted = "" if name is None else str(name).strip()
    if wanted.lower() == NULL:
        return NullDevice(rate, channels_out, channels_in, block, callback)
    if portaudio.load() is None:
        return NullDevice(rate, channels_out, channels_in, block, callback, NO_PORTAUDIO)
    try:
        return PortAudioDevice(wanted, rate, channels_out, channels_in, block, callback)
    except _NoDevice:
        return NullDevice(rate, channels_out, channels_in, block, callback, NO_CARD)


class _NoDevice(NoSuchDevice):
    """None is named and none is there."""


class PortAudioDevice:
    """An open sound card. ``start``, ``stop``, ``close``, ``alive`` and ``reopen`` belong to one thread of the process.

    ``xruns``: callbacks before which the driver had missed at least one. ``errors``: callbacks that raised;
    ``last_error``: the last one's words.
    """

    is_null = False

    def __init__(
        self, wanted: str, rate: float, channels_out: int, channels_in: int, block: int, callback: Callback
    ) -> None:
        self.name = wanted
        self.api = ""
        self.client = ""
        """Our name on JACK, while played into it."""
        self.rate = float(rate)
        self.channels_out = channels_out
        self.channels_in = channels_in
        self.block = block
        self.latency_s = 0.0
        """From the callback to the connector, as the driver says."""
        self.xruns = 0
        self.errors = 0
        self.last_error = ""
        self.notice = ""
        self.refusal = ""
        """Why it could not be opened again when that was tried last, though it is there."""
        self._callback = callback
        self._wanted_in = channels_in
        self._out = np.zeros((channels_out, block or LONGEST_BLOCK), np.float32)
        self._inp = np.zeros((channels_in, block or LONGEST_BLOCK), np.float32)
        self._played = 0
        self._called = 0.0
        self._started = False
        self._stream: Any = None
        self._opening = 0  # number of the stream that counts: one given up may call again when its server wakes
        self._reopening: threading.Thread | None = None
        self._open(wanted)

    def start(self) -> None:
        self._called = time.monotonic()
        self._started = True
        try:
            with portaudio.quiet():
                self._stream.start()
        except Exception as error:
            self._started = False
            raise RosinError(f"{self.name} does not start ({error}); is it in use? choose another device") from None
        self.latency_s = self._latency()

    def stop(self) -> None:
        """Stop calling back. On a lost device this returns at once."""
        if self._started:
            self._started = False
            if self._lost() or not _bounded(self._stream.abort):
                self._give_up()

    def close(self) -> None:
        """Stop, and let go of the device. Never raises, never hangs."""
        atexit.unregister(self.close)
        with contextlib.suppress(RosinError):
            self.stop()
            self._release()

    def alive(self) -> bool:
        """Whether the callbacks keep coming: False at once when the driver says so, else after 0.5 s of silence."""
        return self._started and not self._lost() and time.monotonic() - self._called < LOST_S

    def gone(self) -> bool:
        """Whether it will not come back by itself: the driver has ended the stream, or was silent for 3 s.

        Shorter silences are hiccups of a busy machine; giving the stream up for one would lose its JACK connections.
        """
        return self._lost() or time.monotonic() - self._called > PATIENCE_S

    def reopen(self) -> bool:
        """Try to get a lost device back, by its name; True once it plays again. Call about once a second.

        Takes at most 3 s, mostly 50 ms. While the driver hangs in it, later calls are False. The callback is only ever
        called again once this has returned True or is about to: whoever stood in for the device can be stopped before.
        """
        if self.alive():
            return True
        if self._started and not self._lost() and time.monotonic() - self._called < PATIENCE_S:
            return False
        if self._reopening is None:
            self._reopening = threading.Thread(target=self._reopen, name="reopen", daemon=True)
            self._reopening.start()
        self._reopening.join(REOPEN_S)
        if self._reopening.is_alive():
            return False
        self._reopening = None
        if self._stream is None:
            return False
        if not _bounded(self.start):
            with contextlib.suppress(RosinError):
                self._give_up()
        return self.alive()

    def _reopen(self) -> None:
        """On a thread of its own, because the driver may hang in any of it. Ends with a stream, or without."""
        self.refusal = ""
        try:
            self._started = False
            if self._stream is not None and self.api.startswith("JACK"):
                self._give_up()
            else:
                self._release()
            self._open(self.name)
        except (_NoDevice, OSError):
            pass
        except RosinError as error:
            self.refusal = str(error)

    def _open(self, wanted: str) -> None:
        sd = portaudio.load()
        portaudio.enter(sd, claim=True)
        try:
            devices = portaudio.scan(sd)
            if self.api:  # once more: the same, or what has taken its place
                devices = [d for d in devices if d.api == self.api]
                wanted = wanted if any(d.name == wanted for d in devices) else ""
            info = portaudio.find(devices, wanted)
            if info is None:
                raise _NoDevice("no sound device was found; plug one in")
            self._open_stream(sd, info)
        except BaseException:
            portaudio.leave(sd)
            raise
        atexit.register(self.close)  # a callback into a Python that is being taken down would crash it

    def _open_stream(self, sd: Any, info: DeviceInfo) -> None:
        if info.outputs < self.channels_out > 2:
            raise RosinError(f"{info.name} has {info.outputs} outputs, not {self.channels_out}; choose another device")
        inputs = min(self._wanted_in, info.inputs)
        played = min(max(2, self.channels_out), info.outputs)
        self._opening += 1
        callback = functools.partial(self._called_back, self._opening)
        common = {"samplerate": self.rate, "blocksize": self.block, "dtype": "float32", "latency": "low"}
        try:
            with portaudio.quiet():
                if inputs:
                    stream = sd.Stream(device=info.index, channels=(inputs, played), callback=callback, **common)
                else:
                    callback = functools.partial(callback, None)
                    stream = sd.OutputStream(device=info.index, channels=played, callback=callback, **common)
        except sd.PortAudioError as error:
            if "sample rate" in str(error).lower():
                raise RosinError(
                    f"{info.name} ({info.api}) runs at {info.rate:.0f} Hz, not {self.rate:.0f}; "
                    f"set it to {self.rate:.0f} Hz or choose another device"
                ) from None
            raise RosinError(
                f"{info.name} ({info.api}) can't be opened ({error}); is it in use? choose another device"
            ) from None
        self.name, self.api, self.channels_in, self._played, self._stream = info.name, info.api, inputs, played, stream
        self.client = portaudio.client_name() if self.api.startswith("JACK") else ""
        self.latency_s = self._latency()
        if inputs < self._wanted_in:
            self.notice = f"{info.name} has {info.inputs} inputs: playing with {inputs} of {self._wanted_in}"

    def _latency(self) -> float:
        latency = self._stream.latency
        return float(latency[1] if isinstance(latency, tuple) else latency)

    def _called_back(self, opening: int, indata: Any, outdata: Any, frames: int, _times: Any, status: Any) -> None:
        now = time.monotonic()
        if opening != self._opening:
            outdata.fill(0.0)
            return
        self._called = now
        if status:
            self.xruns += 1
        try:
            out = self._out if frames == self._out.shape[1] else self._out[:, :frames]
            inp = None
            if indata is not None:
                inp = self._inp[: self.channels_in, :frames]
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

    def _give_up(self) -> None:
        """The stream is dead and its library can't be asked for anything any more."""
        self._opening += 1
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.forsake(portaudio.load(), stream)

    def _release(self) -> None:
        """Close what is open, in the way that is safe."""
        if self._stream is None:
            return
        sd = portaudio.load()
        jack_may_be_dead = portaudio.has_jack(sd) and not self.api.startswith("JACK")
        if not _bounded(self._stream.close) or jack_may_be_dead:
            self._give_up()
            return
        self._stream = None
        _bounded(functools.partial(portaudio.leave, sd))


Device = PortAudioDevice | NullDevice


def _bounded(call: Callable[[], object]) -> bool:
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
    thread.join(CLOSE_S)
    return bool(done)
