"""Output: which device calls the player - opened, lost, brought back, or come at last. Under the sound process.

There is always one that calls: while the device is lost, or was never there, the null device keeps the time and the
music going. A lost device is tried again every second. For one that was not there at the start a scout looks; when it
has found it, it is opened beside the null device, by a thread, and takes over between two blocks.

A device that was named on the command line and is not there is an error, told at once: somebody is there to read it.
One that the rig file names is waited for, as an installation is switched on in any order.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from instrument.audio.callback import Callback
from instrument.audio.device import NO_CARD, NO_PORTAUDIO, PortAudioDevice, open_device
from instrument.audio.null_device import NullDevice
from instrument.audio.portaudio import NoSuchDevice
from instrument.audio.scout import Scout
from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.engine.live import INPUTS
from instrument.ipc import Flags
from instrument.ipc.health import Row

RETRY_SECONDS = 1.0
REFUSED_SECONDS = 5.0
"""A device that is there and cannot be played into is tried again less often: each try disturbs its other clients."""


class Output:
    """``open`` it, ``start`` it, ``look`` often, ``close`` it. ``patient``: it stands in for a sound that was lost,
    and a device that refuses is no reason to end. ``xruns``: of all devices so far, ``missed_before`` among them."""

    def __init__(
        self, wants: SoundSettings, player: Callback, row: Row, patient: bool = False, missed_before: int = 0
    ) -> None:
        self._wants, self._player, self._row, self._patient = wants, player, row, patient
        self._language = wants.language
        self._inputs = INPUTS if wants.sound.input else 0
        self.device: PortAudioDevice | NullDevice | None = None
        self._stand_in: NullDevice | None = None
        self._scout: Scout | None = None
        self._opening: threading.Thread | None = None
        self._opened: PortAudioDevice | RosinError | None = None
        self._retry_at = 0.0
        self._missed = missed_before
        self._refusal = ""

    # --- the beginning

    def open(self) -> None:
        """The chosen device; the null device, with a sentence, where it is to be waited for. RosinError."""
        wants, notice = self._wants, ""
        try:
            self.device = open_device(
                wants.sound.device or None,
                self._player.rate,
                self._player.channels,
                self._inputs,
                wants.sound.block,
                self._player.callback,
            )
            notice = self.device.notice
        except NoSuchDevice as error:
            if not (self._patient or wants.device_waits):
                raise
            notice = say("device_awaited", self._language, why=error)
        except RosinError as error:
            if not self._patient:
                raise
            notice = say("device_refused", self._language, why=error)
        if self.device is None or notice == NO_CARD:
            self.device = self.device or self._null()
            self._scout = Scout(wants.sound.device)
            self._scout.send()
        if notice:
            known = {NO_CARD: "no_card", NO_PORTAUDIO: "no_portaudio"}
            self._row.say(say(known[notice], self._language) if notice in known else notice)

    def start(self) -> None:
        """The device begins to call."""
        assert self.device is not None
        with self._opens():
            self.device.start()
            self._told(self.device)

    @contextlib.contextmanager
    def _opens(self) -> Iterator[None]:
        """The patchbay is told that ports come and are connected, and when that is over."""
        before = self._row.count("openings")
        self._row.put("openings", before + 1 + before % 2)  # odd, also after one who was killed at it
        try:
            yield
        finally:
            self._row.put("openings", self._row.count("openings") + 1)

    def _null(self) -> NullDevice:
        wants = self._wants
        return NullDevice(
            self._player.rate, self._player.channels, self._inputs, wants.sound.block, self._player.callback
        )

    def _told(self, device: PortAudioDevice | NullDevice) -> None:
        player = self._player
        player.device = device
        player.latency_s = device.latency_s + player.delay / player.rate
        self._row.set_text("device", f"{device.name} ({device.api})" if device.api != device.name else device.name)
        self._row.set_text("ports", device.client)
        player.extra_flags &= ~Flags.NO_DEVICE
        if device.is_null:
            player.extra_flags |= Flags.NO_DEVICE

    # --- playing

    @property
    def xruns(self) -> int:
        """Blocks that the devices missed."""
        return self._missed + (self.device.xruns if self.device is not None else 0)

    def look(self, now: float) -> None:
        """One look at the device, or for one."""
        if isinstance(self.device, PortAudioDevice):
            self._look_at(self.device, now)
        elif self._scout is not None:
            self._look_for_one(self._scout, now)

    def _look_at(self, device: PortAudioDevice, now: float) -> None:
        """A device that stopped calling is reopened; meanwhile a null device keeps the time and the music going."""
        if self._stand_in is None:
            if device.alive() or not device.gone():
                return
            self._row.add("device_losses")
            self._row.say(say("device_lost", self._language))
            device.stop()
            self._stand_by()
            self._retry_at = now + RETRY_SECONDS
        elif now >= self._retry_at:
            self._stand_in.close()
            self._player.resync()
            with self._opens():
                back = device.reopen()
                if back:
                    self._told(device)
            if back:
                self._stand_in, self._refusal = None, ""
                self._row.say(say("device_back", self._language, name=device.name))
            else:
                self._stand_by()
                self._refused(device.refusal)
            self._retry_at = time.monotonic() + (REFUSED_SECONDS if device.refusal else RETRY_SECONDS)

    def _stand_by(self) -> None:
        """The null device calls in the lost one's place."""
        self._player.resync()
        self._stand_in = self._null()
        self._stand_in.start()
        self._told(self._stand_in)

    def _look_for_one(self, scout: Scout, now: float) -> None:
        """Has the device that was not there come."""
        if self._opening is None:
            if scout.found(now):
                self._opening = threading.Thread(target=self._open_beside, name="opening", daemon=True)
                self._opening.start()
            return
        if self._opening.is_alive():  # in a driver that takes its time
            return
        self._opening, opened, self._opened = None, self._opened, None
        if isinstance(opened, PortAudioDevice):
            opened = self._change_to(opened)
        if opened is None:
            scout.close()
            self._scout = None
        else:
            scout.send(RETRY_SECONDS if isinstance(opened, NoSuchDevice) else REFUSED_SECONDS)
            self._refused("" if isinstance(opened, NoSuchDevice) else str(opened))

    def _open_beside(self) -> None:
        wants = self._wants
        try:
            self._opened = PortAudioDevice(
                wants.sound.device,
                self._player.rate,
                self._player.channels,
                self._inputs,
                wants.sound.block,
                self._player.callback,
            )
        except RosinError as error:
            self._opened = error
        except Exception as error:  # what a driver may do to a thread must not leave it looking opened
            self._opened = RosinError(f"the sound device can't be opened ({error}); choose another one")

    def _change_to(self, device: PortAudioDevice) -> RosinError | None:
        """From the null device to this one, between two blocks. Why not, when it does not start."""
        null = self.device
        assert isinstance(null, NullDevice)
        null.close()
        self._player.resync()
        try:
            with self._opens():
                device.start()
                self._told(device)
        except RosinError as error:
            device.close()
            null.start()
            self._told(null)
            return error
        self._missed += null.xruns
        self.device, self._refusal = device, ""
        self._row.say(say("device_came", self._language, name=device.name))
        if device.notice:
            self._row.say(device.notice)
        return None

    def _refused(self, why: str) -> None:
        """Once for each reason, not at each try."""
        if why and why != self._refusal:
            self._row.say(say("device_refused", self._language, why=why))
        self._refusal = why or self._refusal

    def close(self) -> None:
        """No device calls any more."""
        if self._scout is not None:
            self._scout.close()
        for device in (self._stand_in, self.device):
            if device is not None:
                device.close()
