"""Rings: between the engine's blocks and the device's. After the guard, inside the driver's callback.

``Adapter`` cuts the engine's blocks of one quantum into the blocks a driver asks for, whatever their size.
``LiveFeed`` goes the other way: the driver's input blocks into quanta.
``AheadRing`` carries finished blocks from a compute thread to the callback, a few blocks ahead of it.

The stream of samples is the same for every driver block size. Positions are ever-growing ints, each written by one side
only: under the GIL that is all the locking one producer and one consumer need.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

FEED_SAMPLES = 1 << 14


class LiveFeed:
    """Live input on its way to the engine. One producer (the callback), one consumer (who makes the blocks); no locks.

    An engine block can only begin when a whole quantum of input is there, and a driver that brings less at a time is
    behind by up to ``quantum - gcd(block, quantum)`` samples. The input is delayed by exactly that from the start
    (``delay_samples``: 0 when the driver's block is a multiple of the quantum; ``quantum - 1`` when it is unknown or
    changes), so that it never has a gap. Computing ahead adds its own blocks of delay, found in the first moments.
    """

    def __init__(self, channels: int, quantum: int, block: int = 0) -> None:
        self.quantum = quantum
        self.delay_samples = quantum - math.gcd(block, quantum) if block else quantum - 1
        self.short = 0
        """Blocks that went without their input. The first ones, when computing ahead, are no fault."""
        self.spilled = 0
        """Samples thrown away because the consumer had stalled: the delay stays bounded."""
        self._ring = np.zeros((channels, FEED_SAMPLES), np.float32)
        self._out = np.zeros((channels, quantum), np.float32)
        self._written = self.delay_samples
        self._read = 0
        self._longest = quantum

    def put(self, live: F32) -> None:
        """Producer: float32 [any channels, n]. Mono goes to every channel; channels beyond ours are left out."""
        n = live.shape[1]
        self._longest = max(self._longest, n)
        room = FEED_SAMPLES - (self._written - self._read)
        if n > room:
            self.spilled += n
            return
        count = live.shape[0] if live.shape[0] == 1 else min(live.shape[0], len(self._ring))
        rows = self._ring if count == 1 else self._ring[:count]
        start = self._written % FEED_SAMPLES
        first = min(n, FEED_SAMPLES - start)
        rows[:, start : start + first] = live[:count, :first]
        if first < n:
            rows[:, : n - first] = live[:count, first:]
        self._written += n

    def take(self) -> F32:
        """Consumer: the next quantum, float32 [channels, quantum], valid until the next call. Silence when short."""
        ready = self._written - self._read
        most = self.delay_samples + 2 * self._longest + self.quantum
        if ready > most:
            self.spilled += ready - most
            self._read += ready - most
        elif ready < self.quantum:
            self.short += 1
            self._out.fill(0.0)
            return self._out
        start = self._read % FEED_SAMPLES
        first = min(self.quantum, FEED_SAMPLES - start)
        self._out[:, :first] = self._ring[:, start : start + first]
        if first < self.quantum:
            self._out[:, first:] = self._ring[:, : self.quantum - first]
        self._read += self.quantum
        return self._out


class Adapter:
    """A first-in first-out between driver blocks of any size and engine blocks of ``quantum``.

    Output has no latency of its own: an engine block is made when the first of its samples is asked for, and what is
    left over waits (``left_over``: how far the engine is ahead of the driver).
    """

    def __init__(self, channels: int, quantum: int, block: int = 0) -> None:
        """``block``: the driver's, if known and fixed: it makes the delay of the live input as small as can be."""
        self.quantum = quantum
        self.left_over = 0
        self.feeding = LiveFeed(channels, quantum, block)
        self._block = np.zeros((channels, quantum), np.float32)
        self._fed = False

    def feed(self, live: F32) -> None:
        """The driver's input block, float32 [Ci, n], before the ``pull`` it came with."""
        self.feeding.put(live)
        self._fed = True

    def live(self) -> F32 | None:
        """The input of the block being made, float32 [channels, quantum]: once per block. None without live input."""
        return self.feeding.take() if self._fed else None

    def pull(self, out: F32, produce: Callable[[F32], object]) -> None:
        """Fill ``out`` float32 [channels, n]; ``produce(block)`` fills one block in place, as often as needed."""
        n = out.shape[1]
        done = 0
        while done < n:
            if self.left_over == 0:
                produce(self._block)
                self.left_over = self.quantum
            count = min(self.left_over, n - done)
            start = self.quantum - self.left_over
            out[:, done : done + count] = self._block[:, start : start + count]
            self.left_over -= count
            done += count


class AheadRing:
    """Finished blocks, float32 [channels, quantum], from one compute thread to one callback. The callback never waits.

    An empty ring is an underrun: the last sample dies away over a quarter of a block instead of dropping (a click), and
    the block after it fades in.
    """

    def __init__(self, channels: int, quantum: int, blocks: int) -> None:
        if blocks < 1:
            raise ValueError("a ring holds at least one block")
        self.blocks = blocks
        self.underruns = 0
        self._ring = np.zeros((blocks, channels, quantum), np.float32)
        self._written = 0
        self._read = 0
        self._bell = threading.Lock()  # held = the writer sleeps or has not yet looked; releasing it never waits
        self._last = np.zeros((channels, 1), np.float32)
        self._starved = False
        quarter = max(1, quantum // 4)
        self._fade_out = np.zeros(quantum, np.float32)
        self._fade_out[:quarter] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, quarter + 1) / quarter)
        self._fade_in = (1.0 - self._fade_out).astype(np.float32)

    @property
    def ready(self) -> int:
        """Blocks waiting to be played."""
        return self._written - self._read

    @property
    def full(self) -> bool:
        return self.ready >= self.blocks

    def push(self, block: F32) -> bool:
        """Writer: copy a block in; False when the ring is full."""
        if self.full:
            return False
        self._ring[self._written % self.blocks] = block
        self._written += 1
        return True

    def pop(self, out: F32) -> bool:
        """Reader: the oldest block into ``out`` [channels, quantum]. At an underrun False, and ``out`` dies away."""
        if self.ready == 0:
            np.multiply(self._last, self._fade_out, out=out)
            self._last.fill(0.0)
            self._starved = True
            self.underruns += 1
            return False
        out[...] = self._ring[self._read % self.blocks]
        self._read += 1
        if self._starved:
            out *= self._fade_in
            self._starved = False
        self._last[:, 0] = out[:, -1]
        if self._bell.locked():  # only this side releases, so it is never released twice
            self._bell.release()
        return True

    def wait(self, timeout_s: float) -> bool:
        """Writer: sleep until there is room; False when there is none after ``timeout_s``."""
        self._bell.acquire(blocking=False)
        if not self.full:
            return True
        self._bell.acquire(timeout=timeout_s)
        return not self.full
