"""Records: the two things that travel in the link, a gesture (hands to sound) and a frame (sound to stage).

Both have a fixed size and native byte order: they never leave this machine. Times are ``time.monotonic()`` seconds,
positions are raw 0..1 (1 = one travel), audio is -1..1.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple, overload
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from instrument.knobs import KNOBS_MAX, LATENTS_MAX, SCENES

CLIPS_TOLD = 8
AUTHORS_MAX = 16
WAVE_SAMPLES = 512


class Source(IntEnum):
    """Who made a gesture; an echo never goes back to its own source."""

    SHOW = 0
    OSC = 1
    MIDI = 2
    KEYS = 3
    TAKE = 4
    STAGE = 5


class Flags(IntFlag):
    """The states of the sound that a frame tells, in ``Frame.flags``."""

    RECORDING = 1
    PANICKED = 2
    SWAPPING = 4
    INPUT_ON = 8
    NO_DEVICE = 16
    SPEAKING = 32
    HANDS_ONLY = 64


class Gesture(NamedTuple):
    """One thing the hands did. ``time``: when, monotonic seconds. ``ipc/events.py`` says what the other fields mean."""

    kind: int
    knob: int = 0
    value: float = 0.0
    time: float = 0.0
    source: int = 0
    extra: int = 0
    channel: int = 0
    """The channel a note came on, 1..16; 0: none was said."""
    note_id: int = 0
    """Which of the notes that sound this is about, as its sender numbers them; 0: none was said."""


GESTURE = struct.Struct("=QddQIHBBB3xI")
"""A gesture in the ring, 48 bytes: number, time, value, extra, note_id, knob, kind, source, channel, three of nothing,
crc32 of all before it."""

FRAME = np.dtype(
    [
        ("seq", np.uint64),  # the frame's number, given by publish(): 1, 2, 3 ... also across restarts of the sound
        ("time", np.float64),  # s, monotonic, at the start of the block
        ("sample", np.uint64),  # first sample of the block, since the engine's start
        ("seed", np.uint64),  # of chance
        (
            "tick_origin",
            np.uint64,
        ),  # the tick at which the seed was given: chance is a function of (seed, tick - origin)
        ("record_seconds", np.float64),  # s recorded so far
        ("patch", np.uint16),  # index in the show's list
        ("knob_count", np.uint16),  # knobs in the table, playable ones first
        ("playable", np.uint16),  # how many are playable
        ("flags", np.uint32),  # Flags
        ("xruns", np.uint32),  # blocks the device missed
        ("late", np.uint32),  # gestures placed later than asked
        ("lost", np.uint32),  # gestures dropped
        ("resets", np.uint32),  # times the model's state blew up and was reset
        ("load", np.float32),  # share of the block's time spent computing, 0..1 and above
        ("load_p99", np.float32),
        ("latency", np.float32),  # s, from a gesture to the device's output
        ("note", np.float32),  # MIDI note now sounding, with bend
        ("gate", np.float32),  # 0..1
        ("rms", np.float32),  # of the block, 0..1
        ("peak", np.float32),
        ("hand", np.float32, (KNOBS_MAX,)),  # raw, where the hand is; for parameters the raw itself
        ("pos", np.float32, (KNOBS_MAX,)),  # raw, where the knob went; playable ones only, like the three below
        ("force", np.float32, (KNOBS_MAX,)),  # travel, the strain between the two
        ("stick", np.float32, (KNOBS_MAX,)),  # travel, the strain at which the knob breaks loose
        ("grain", np.float32, (3,)),  # travel, rms of the chance that enters at hand, bearing and sound
        ("known", np.float32),  # how familiar the present latents are to the model, 0..1; -1 where it cannot tell
        ("unknown", np.float32),  # how far they are from all it learned from, 0..1; -1 likewise
        ("share", np.float32, (AUTHORS_MAX,)),  # of each author of the credits, sum 1; the last has all further ones'
        ("clip", np.int32, (CLIPS_TOLD,)),  # sounds of the credits with the greatest shares, descending; -1: none
        ("clip_share", np.float32, (CLIPS_TOLD,)),  # theirs; what is missing to 1 is the others'
        ("scene", np.int16),  # slot last recalled or saved in this patch; -1: none. Hands may have left it since.
        ("scenes", np.uint16),  # bit n: slot n holds a scene
        ("hearing", np.int32),  # the sound whose own excerpt is heard, index in the credits; -1: none
        ("latent", np.float32, (LATENTS_MAX,)),  # what the model was given, in its own units
        ("wave", np.float32, (WAVE_SAMPLES,)),  # the newest samples, first channel, oldest first
        ("stuck", np.uint8, (KNOBS_MAX,)),  # FREE, HELD or SLIPPING
        ("origin", np.uint8, (KNOBS_MAX,)),  # Source that last moved the knob
    ],
    align=True,
)
"""One block as the stage sees it, about 8 kB."""

FRAME_BYTES = FRAME.itemsize
assert SCENES <= 16

# CPython's zlib.crc32 lets go of the GIL above 5120 bytes; in the audio callback another thread could then keep it
# for a whole switch interval. Two halves stay below.
_HALF = FRAME_BYTES // 2
assert FRAME_BYTES - _HALF <= 5120


class _Whole:
    """A whole number of the frame."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, frame: None, owner: type) -> _Whole: ...
    @overload
    def __get__(self, frame: Frame, owner: type) -> int: ...
    def __get__(self, frame: Frame | None, owner: type) -> _Whole | int:
        return self if frame is None else int(frame.data[self.name])

    def __set__(self, frame: Frame, value: int) -> None:
        frame.data[self.name] = value


class _Real:
    """A real number of the frame."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, frame: None, owner: type) -> _Real: ...
    @overload
    def __get__(self, frame: Frame, owner: type) -> float: ...
    def __get__(self, frame: Frame | None, owner: type) -> _Real | float:
        return self if frame is None else float(frame.data[self.name])

    def __set__(self, frame: Frame, value: float) -> None:
        frame.data[self.name] = value


class _Row:
    """An array of the frame, seen in place: write into it, or assign an array (or one number) to fill it whole."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, frame: None, owner: type) -> _Row: ...
    @overload
    def __get__(self, frame: Frame, owner: type) -> NDArray[Any]: ...
    def __get__(self, frame: Frame | None, owner: type) -> _Row | NDArray[Any]:
        return self if frame is None else frame.data[self.name]

    def __set__(self, frame: Frame, value: NDArray[Any] | float) -> None:
        frame.data[self.name][:] = value


class Frame:
    """One block's snapshot: fields as attributes (``frame.hand``) or by name (``frame["hand"]``), FRAME in ``data``.

    A frame is its own copy and may be kept. ``data``: array of dtype FRAME and shape (), zeros if none is given.
    """

    __slots__ = ("_halves", "bytes", "data")

    seq, sample, seed, tick_origin = _Whole(), _Whole(), _Whole(), _Whole()
    patch, knob_count, playable, flags, hearing = _Whole(), _Whole(), _Whole(), _Whole(), _Whole()
    scene, scenes = _Whole(), _Whole()
    xruns, late, lost, resets = _Whole(), _Whole(), _Whole(), _Whole()
    time, record_seconds, load, load_p99, latency = _Real(), _Real(), _Real(), _Real(), _Real()
    note, gate, rms, peak, known, unknown = _Real(), _Real(), _Real(), _Real(), _Real(), _Real()
    hand, pos, force, stick = _Row(), _Row(), _Row(), _Row()
    grain, share, clip, clip_share, latent, wave, stuck, origin = (
        _Row(),
        _Row(),
        _Row(),
        _Row(),
        _Row(),
        _Row(),
        _Row(),
        _Row(),
    )

    def __init__(self, data: NDArray[Any] | None = None) -> None:
        self.data: NDArray[Any] = np.zeros((), FRAME) if data is None else data
        self.bytes: memoryview = self.data.reshape(1).view(np.uint8).data
        self._halves = (self.bytes[:_HALF], self.bytes[_HALF:])

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.data[name] = value

    def __repr__(self) -> str:
        return f"Frame(seq={self.seq}, time={self.time:.3f}, patch={self.patch}, flags={Flags(self.flags)!r})"

    def crc(self) -> int:
        """crc32 of all bytes."""
        first, second = self._halves
        return crc32(second, crc32(first))

    def copy(self) -> Frame:
        return Frame(self.data.copy())
