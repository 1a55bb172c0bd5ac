"""Callback: the engine on a device - in its callback, or ahead of it on a thread. Between engine and device.

The callback's contract: it takes the gestures that are there, computes, publishes one frame a block and returns. It
opens nothing, waits for nothing, and what it may not do itself it leaves in ``engine.requests`` for the process.

Gestures keep their distances: one stamped t sounds at t + ``delay`` exactly, because the device's callback times,
smoothed by a delay-locked loop, say which sample t was: jitter of arrival must not become jitter of the sound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instrument.audio.clock import DelayLockedLoop
from instrument.audio.load import LoadMeter
from instrument.audio.realtime import raise_priority
from instrument.audio.ring import Adapter, AheadRing
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import add_wave, fill_frame
from instrument.ipc import Flags, Gesture, Link
from instrument.storage.stream import StreamTap

F32 = NDArray[np.float32]

GESTURES_A_BLOCK = 256
FUTURE_SECONDS = 1.0
FRAME_BLOCKS = 4
"""A frame every so many blocks of 128: 94 a second, more than any eye or hand asks for, and a quarter of the work."""
MARGIN_SAMPLES = 32
"""Between a gesture's stamp and its arrival in the link the hands need some 0.1-0.6 ms; without this margin those
stamped just before a block's edge would be late by it, which is jitter. It costs 0.67 ms of steady delay."""


class Called(Protocol):
    """What a device looks like from here."""

    @property
    def xruns(self) -> int: ...


class RecorderTap(Protocol):
    """What a recorder looks like from here."""

    def push(self, audio: F32) -> None: ...


class Callback:
    """Drives one engine for one device. ``block``: frames a callback; ``ahead``: engine blocks computed ahead of it."""

    def __init__(self, engine: Engine, link: Link, block: int, ahead: int = 0) -> None:
        self.engine = engine
        self.link = link
        self.rate = engine.rate
        self.channels = engine.layout.count
        self.block = block
        self.ahead = ahead
        self.device: Called | None = None
        """The one that calls, when it can tell of blocks it missed."""
        self._xruns_seen = 0
        self.recorder: RecorderTap | None = None
        self.begin: Callable[[], None] | None = None
        """Called once, before the block with which a take begins."""
        self.tap: StreamTap | None = None
        """While a take is written: what the model was told, block by block."""
        self.load = LoadMeter(QUANTUM / engine.rate)
        self.clock = DelayLockedLoop(engine.rate, block)
        self.xruns = 0
        self.latency_s = 0.0
        self.extra_flags = Flags(0)
        self.record_seconds = 0.0
        self.blocks = 0
        self._frame = link.frames.scratch()
        self._rings = (link.hands, link.stage, link.shows)
        self._gestures: list[Gesture] = []
        self._adapter = Adapter(self.channels, QUANTUM, block)
        self._started = 0.0
        self._origin = engine.sample
        self._asked = 0
        whole = block % QUANTUM == 0 or QUANTUM % block == 0
        self.delay = (max(block, QUANTUM) if whole else block + QUANTUM) + ahead * QUANTUM + MARGIN_SAMPLES
        self._ring = AheadRing(self.channels, QUANTUM, ahead) if ahead else None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.priority = False

    # --- the device's side

    def callback(self, out: F32, live: F32 | None, now: float) -> None:
        """Fill ``out`` f32 [channels, n]; ``live`` f32 [Ci, n] or None; ``now``: monotonic seconds at its start."""
        # The first call is the first moment in the device's own thread.
        if self._asked == 0:
            self.priority = raise_priority()
        self._started = now
        if self.device is not None and self.device.xruns != self._xruns_seen:
            # Time was lost, a block or more. A loop slow enough to smooth would need half a second to believe it, and
            # on a machine that loses several blocks a second gestures would come 25 ms late (measured).
            self._xruns_seen = self.device.xruns
            self.clock.reset()
        # The device's clock against ours, so that a stamp of the hands is a sample.
        self.clock.update(now, self._asked)
        if live is not None:
            self._adapter.feed(live)
        # As many blocks of 128 as the device asks for; what is left over waits for its next call.
        produce = self._produce if self._ring is None else self._fetch
        self._adapter.pull(out, produce)
        self._asked += out.shape[1]

    def _produce(self, out: F32) -> None:
        begin = time.perf_counter()
        # Gestures of all rings, each to its sample: 1 us each, so that a flood is bounded by GESTURES_A_BLOCK.
        self._take_gestures()
        engine = self.engine
        # A take begins between two blocks: sound, gestures and opening are of one sample.
        if (start := self.begin) is not None:
            self.begin = None
            start()
        # The sound: 7.5 % of the block's time with one shipped patch.
        live = self._adapter.live()
        engine.block(out, live)
        # What is being recorded: copies into rings, no disk.
        if (tap := self.tap) is not None:
            tap.listen(engine.layer, live is not None and engine.layer.hears(live))
        if self.recorder is not None:
            self.recorder.push(out)
        # The stage and the hands see every fourth block.
        self._publish()
        self.load.add(time.perf_counter() - begin)

    def _fetch(self, out: F32) -> None:
        assert self._ring is not None
        self._ring.pop(out)

    # --- ahead of it

    def start(self) -> None:
        """Begin to compute ahead, when that is wanted."""
        if self._ring is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run_ahead, name="ahead", daemon=True)
            self._thread.start()
            deadline = time.monotonic() + 1.0
            while not self._ring.full and time.monotonic() < deadline:
                time.sleep(0.001)

    def resync(self) -> None:
        """Another device, or the same one again: its clock is learned anew, the engine's goes on."""
        self.clock.reset()

    @property
    def underruns(self) -> int:
        """Blocks the device asked for that were not ready in time."""
        return self._ring.underruns if self._ring is not None else 0

    def stop(self) -> None:
        """No more computing ahead; returns when the thread has ended."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _run_ahead(self) -> None:
        assert self._ring is not None
        block = np.zeros((self.channels, QUANTUM), np.float32)
        self.priority = raise_priority()
        while not self._stopping:
            if not self._ring.wait(0.1):
                continue
            self._started = time.monotonic()
            self._produce(block)
            self._ring.push(block)

    # --- both

    def _take_gestures(self) -> None:
        gestures = self._gestures
        for ring in self._rings:
            gestures.clear()
            if not ring.pop_into(gestures, GESTURES_A_BLOCK):
                continue
            engine, clock = self.engine, self.clock
            latest = engine.sample + round(FUTURE_SECONDS * self.rate)
            for gesture in gestures:
                # A stamp of 0 is "now": who cannot stamp (a script) is placed at the block's beginning, uncounted.
                if gesture.time <= 0.0:
                    sample = engine.sample
                else:
                    sample = self._origin + round(clock.sample_at(gesture.time)) + self.delay
                    # Within a block's length of the beginning is the clock's own uncertainty, not lateness.
                    if engine.sample - 16 <= sample < engine.sample:
                        sample = engine.sample
                engine.post(gesture, min(sample, latest))

    def _publish(self) -> None:
        self.blocks += 1
        frame = self._frame
        add_wave(self.engine, frame)
        if self.blocks % FRAME_BLOCKS != 1:
            return
        fill_frame(self.engine, frame, self._started)
        frame.flags = frame.flags | int(self.extra_flags)
        frame.xruns = self.xruns
        frame.load = self.load.now
        frame.load_p99 = self.load.p99
        frame.latency = self.latency_s
        frame.record_seconds = self.record_seconds
        self.link.frames.publish(frame)
