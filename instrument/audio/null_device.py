"""Null device: a sound card that nobody hears, on a real clock. In place of the device when there is none.

Same interface as a real one: it calls the callback every block, on time. So an instrument without a card plays,
records, draws and answers as with one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Callback = Callable[[Audio, "Audio | None", float], None]
"""callback(out float32 [C, N] to be filled, inp float32 [Ci, N] or None, time.monotonic() at entry)"""

BURST_BLOCKS = 4
LOST_S = 0.5


class NullDevice:
    """A clocked null device. Late blocks are made up for, ``BURST_BLOCKS`` at most; beyond that time is lost, as with a
    card. Each block that comes a whole block late or is lost is an xrun."""

    api = "null"
    client = ""

    def __init__(
        self, rate: float, channels_out: int, channels_in: int, block: int, callback: Callback, notice: str = ""
    ) -> None:
        self.name = "null"
        self.rate = float(rate)
        self.channels_out = channels_out
        self.channels_in = channels_in
        self.block = block or 128
        self.notice = notice
        """One sentence for the player: why this device; empty when it was asked for."""
        self.latency_s = self.block / self.rate
        self.xruns = 0
        self.errors = 0
        self.last_error = ""
        self._callback = callback
        self._out = np.zeros((channels_out, self.block), np.float32)
        self._inp = np.zeros((channels_in, self.block), np.float32) if channels_in else None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._called = 0.0

    @property
    def is_null(self) -> bool:
        return True

    def start(self) -> None:
        if self._thread is None:
            self._stop.clear()
            self._called = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="null device", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)
        self._thread = None

    def close(self) -> None:
        self.stop()

    def alive(self) -> bool:
        """Whether blocks are being asked for."""
        return self._thread is not None and time.monotonic() - self._called < LOST_S

    def reopen(self) -> bool:
        """Start again; a null device can always."""
        self.stop()
        self.start()
        return True

    def _run(self) -> None:
        period = self.block / self.rate
        due = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
                now = time.monotonic()
            late = int((now - due) / period)  # whole blocks
            if late > 0:
                self.xruns += 1
            if late > BURST_BLOCKS:
                lost = late - BURST_BLOCKS
                self.xruns += lost
                due += lost * period
            self._called = now
            try:
                self._callback(self._out, self._inp, now)
            except Exception as error:  # a fault in one block must not end the sound
                self._out.fill(0.0)
                self.errors += 1
                self.last_error = repr(error)
            due += period
