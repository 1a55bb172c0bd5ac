"""Rings: where gestures queue for the sound, and where the sound's frames lie for the stage. In shared memory.

Nobody waits for anybody: no locks, so a process killed at any instruction holds nothing. One aligned 64-bit word
published last makes a record visible. On x86 stores arrive in order and that is enough; on ARM they may not, so every
record also carries its number and a crc32, and what does not agree with both is refused. (A lock would be shorter and
would stop the sound for good when its holder is killed. Python has no memory barrier, hence the crc.)
"""

from __future__ import annotations

import struct
import sys
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from instrument.ipc.events import TOUCHES, presses
from instrument.ipc.memory import SharedMemory
from instrument.ipc.pressed import Pressed
from instrument.ipc.records import FRAME, FRAME_BYTES, GESTURE, Frame, Gesture

_ORDER: Literal["little", "big"] = sys.byteorder
CACHE_LINE = 64
_RECORD = GESTURE.size
_PATIENCE = 64
"""How often a gesture that does not agree with its crc is looked at again before it is given up: 0.17 s of blocks."""


class GestureRing:
    """A queue of gestures: one process (one thread of it) pushes, one pops; either may be killed and started again.

    In memory: the words ``write`` and ``lost`` (the producer's), ``read`` and ``refused`` (the consumer's), each pair
    on its own cache line, what the producer ``held`` (link.pressed), then ``capacity`` records. ``write`` and ``read``
    count for ever. A gesture half written when
    its producer dies was never counted by ``write``; the next producer writes over it.
    """

    HEAD = 2 * CACHE_LINE + -(-8 * Pressed.WORDS // CACHE_LINE) * CACHE_LINE

    def __init__(self, memory: SharedMemory, offset: int, capacity: int = 4096) -> None:
        if capacity & (capacity - 1) or offset % CACHE_LINE:
            raise ValueError("capacity is a power of two, offset a multiple of 64")
        self.capacity = capacity
        self._mask = capacity - 1
        self._bytes, self._words = memory.bytes, memory.words
        self._records = offset + self.HEAD
        self._write = offset // 8
        self._lost = self._write + 1
        self._read = (offset + CACHE_LINE) // 8
        self._refused = self._read + 1
        self._doubts = 0
        self.held = Pressed(memory.words, (offset + 2 * CACHE_LINE) // 8)

    @classmethod
    def size(cls, capacity: int = 4096) -> int:
        return cls.HEAD + -(-capacity * GESTURE.size // CACHE_LINE) * CACHE_LINE

    def push(self, gesture: Gesture) -> bool:
        """Producer. False when the ring is full: the gesture is lost and counted. ValueError if a number is too big."""
        words = self._words
        write = words[self._write]
        if write - words[self._read] >= self.capacity:
            words[self._lost] += 1
            return False
        kind, knob, value, time, source, extra, channel, note_id = gesture
        try:
            record = GESTURE.pack(write + 1, time, value, extra, note_id, knob, kind, source, channel, 0)[:-4]
        except struct.error as error:
            raise ValueError(f"{gesture!r} does not fit a record: {error}") from None
        at = self._records + (write & self._mask) * _RECORD
        touches = kind in TOUCHES
        if touches and presses(kind, value):
            self.held.see(gesture, write)
            touches = False
        self._bytes[at : at + _RECORD] = record + crc32(record).to_bytes(4, _ORDER)
        words[self._write] = write + 1
        if touches:
            self.held.see(gesture, write)
        return True

    def pop_into(self, gestures: list[Gesture], limit: int = 256) -> int:
        """Consumer. Append what has come, oldest first, at most ``limit``; returns how many.

        A gesture costs about 1 us and an empty ring 0.2, so ``limit`` bounds what a flood can take from an audio block;
        the rest stays for the next. A consumer killed while it pops leaves the gestures for its successor.
        """
        words = self._words
        read = words[self._read]
        count = words[self._write] - read
        if count == 0:
            return 0
        if not 0 < count <= self.capacity:  # no producer does that; rather than stay silent for ever, begin afresh
            self.drop_pending()
            words[self._refused] += 1
            return 0
        if count > limit:
            count = limit
        first = read
        unpack = GESTURE.unpack
        for _ in range(count):
            at = self._records + (read & self._mask) * _RECORD
            record = self._bytes[at : at + _RECORD].tobytes()
            number, time, value, extra, note_id, knob, kind, source, channel, crc = unpack(record)
            if number != read + 1 or crc != crc32(record[:-4]):
                if not self._give_up():
                    break
                read += 1
                first += 1
                continue
            gestures.append(Gesture(kind, knob, value, time, source, extra, channel, note_id))
            read += 1
        words[self._read] = read
        return read - first

    def pop(self, limit: int = 256) -> list[Gesture]:
        """Consumer. What has come, oldest first, at most ``limit``."""
        gestures: list[Gesture] = []
        self.pop_into(gestures, limit)
        return gestures

    def _give_up(self) -> bool:
        """A record that disagrees is on its way (ARM) for nanoseconds; after many looks it is broken and is skipped."""
        self._doubts += 1
        if self._doubts < _PATIENCE:
            return False
        self._doubts = 0
        self._words[self._refused] += 1
        return True

    def drop_pending(self) -> int:
        """Consumer, when it starts: forget what was pushed while nobody listened. Returns how many."""
        words = self._words
        write = words[self._write]
        dropped = write - words[self._read]
        words[self._read] = write
        return dropped

    @property
    def pending(self) -> int:
        return self._words[self._write] - self._words[self._read]

    @property
    def pushed(self) -> int:
        """Gestures ever pushed, the lost ones not among them."""
        return self._words[self._write]

    @property
    def lost(self) -> int:
        """Gestures that found the ring full."""
        return self._words[self._lost]

    @property
    def refused(self) -> int:
        """Gestures whose record was broken; always 0 unless something else wrote into the memory."""
        return self._words[self._refused]


class FrameRing:
    """The last ``slots`` frames: one process publishes, any number read; readers never hold up the publisher.

    In memory: the word ``newest`` (number of the last whole frame), then the slots: a word ``stamp`` (twice the frame's
    number, odd while it is being written), a word crc32, the FRAME. A reader copies, then looks whether the stamp
    stayed and the crc agrees. The last whole frame outlives its publisher: a new sound process goes on from it.
    """

    HEAD = CACHE_LINE
    SLOT = -(-(16 + FRAME_BYTES) // CACHE_LINE) * CACHE_LINE

    def __init__(self, memory: SharedMemory, offset: int, slots: int = 64) -> None:
        if slots < 2 or offset % CACHE_LINE:
            raise ValueError("slots is at least 2, offset a multiple of 64")
        self.slots = slots
        self._bytes, self._words = memory.bytes, memory.words
        self._newest = offset // 8
        self._first = offset + self.HEAD

    @classmethod
    def size(cls, slots: int = 64) -> int:
        return cls.HEAD + slots * cls.SLOT

    @property
    def seq(self) -> int:
        """Number of the newest frame, 0 before the first."""
        return self._words[self._newest]

    def scratch(self) -> Frame:
        """A frame of zeros for the publisher to fill, block after block."""
        return Frame()

    def publish(self, frame: Frame | NDArray[Any]) -> int:
        """Number the frame (``seq`` is set in it too), make it the newest, return the number. Keeps nothing."""
        if not isinstance(frame, Frame):
            frame = Frame(frame)
        words = self._words
        seq = words[self._newest] + 1
        at = self._first + (seq % self.slots) * self.SLOT
        stamp = at >> 3
        frame.bytes[:8] = seq.to_bytes(8, _ORDER)
        words[stamp] = 2 * seq - 1
        words[stamp + 1] = frame.crc()
        self._bytes[at + 16 : at + 16 + FRAME_BYTES] = frame.bytes
        words[stamp] = 2 * seq
        words[self._newest] = seq
        return seq

    def read_into(self, seq: int, frame: Frame) -> bool:
        """Copy frame number ``seq``. False, and rubbish in ``frame``, if it is gone or was written over meanwhile."""
        words = self._words
        at = self._first + (seq % self.slots) * self.SLOT
        stamp = at >> 3
        if words[stamp] != 2 * seq:
            return False
        frame.bytes[:] = self._bytes[at + 16 : at + 16 + FRAME_BYTES]
        return words[stamp + 1] == frame.crc() and words[stamp] == 2 * seq

    def latest_into(self, frame: Frame) -> bool:
        """Copy the newest whole frame over ``frame``; False, and rubbish in it, if there is none."""
        seq = self.seq
        while seq > 0:
            if self.read_into(seq, frame):
                return True
            newest = self.seq
            # Overtaken: try the new newest. Not overtaken: this slot is broken, the one before will do.
            seq = newest if newest - seq >= self.slots - 1 else seq - 1
        return False

    def latest(self) -> Frame | None:
        """A copy of the newest whole frame, None before the first."""
        frame = Frame(np.empty((), FRAME))
        return frame if self.latest_into(frame) else None

    def since(self, seq: int) -> list[Frame]:
        """Copies of the frames after number ``seq``, oldest first: of the last ``slots`` - 1 those not overtaken."""
        newest = self.seq
        frames = []
        # The slot after the newest is the one the publisher is about to write on: not worth the try.
        for number in range(max(seq + 1, newest - self.slots + 2, 1), newest + 1):
            frame = Frame(np.empty((), FRAME))
            if self.read_into(number, frame) or self.read_into(number, frame):
                frames.append(frame)
        return frames
