"""Stream: what the model was told, block by block, kept beside a take so that it can be listened to again, bit for bit.

The take's gestures play *again* (same seed, new friction, other hands if one wants); the stream is what *was* played:
latents after friction and chance, and the level. A file ``.z``: one line of JSON, then float32 little-endian rows of
V * L * F latents and the gain in double, one row a block (V, the voices, is 1 where the line does not say). Of format 1
the gain is a float32, as near to what was heard as that: it moves in double. A kill in mid-row costs that row. In the
same take lies the engine as it was when the stream began (opening.py): with both, the samples are the same too.
"""

from __future__ import annotations

import json
import math
import os
import struct
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.reading import open_file
from instrument.base.writing import Growing

F32 = NDArray[np.float32]

FORMAT = 2
_GAIN = {1: "<f", 2: "<d"}
HEAD_MAX = 1 << 16
VOICES_MAX = 64
ROWS_KEPT = 16384
"""Blocks that wait for the disk: 44 s."""


class Told(Protocol):
    """Who plays: a layer, as far as a stream needs it."""

    z: F32
    speaking: bool

    def gain(self) -> float: ...


class StreamTap:
    """What the callback pushes into: a row a block. Its owner empties it."""

    def __init__(self, voices: int, latents: int, frames: int) -> None:
        self.shape = (voices, latents, frames)
        self.rows: deque[bytes] = deque(maxlen=ROWS_KEPT)
        self.broken = False
        """Another patch came: the stream ended there."""
        self.input = False
        """Something came in by the microphone."""
        self.waits: Callable[[], bool] | None = None
        """While the stream has not begun: asked after each block, whether it begins with the next one."""
        self._whose: Told | None = None

    def listen(self, layer: Told, input: bool = False) -> None:
        """What ``layer`` was told in this block; a stream is of the layer that was told first."""
        self.input |= input
        if self.waits is not None:
            if self.waits():
                self.waits = None
            return
        self._whose = self._whose or layer
        self.broken |= layer is not self._whose
        self.push(layer.z, layer.gain() if layer.speaking else 0.0)

    def push(self, z: F32, gain: float) -> None:
        if z.shape != self.shape:
            self.broken = True
        if not self.broken:
            self.rows.append(z.astype("<f4", copy=False).tobytes() + struct.pack(_GAIN[FORMAT], gain))


class StreamLog:
    """Writes one stream, whole rows. OSError as files give it."""

    def __init__(self, path: Path, tap: StreamTap, head: dict[str, object]) -> None:
        self.path, self.tap = path, tap
        self.written = 0
        """Rows"""
        self.most: int | None = None
        self._file = Growing(path)
        voices, latents, frames = tap.shape
        words = {"rosin_stream": FORMAT, "latents": latents, "frames": frames, **head}
        if voices > 1:
            words["voices"] = voices
        self._file.write((json.dumps(words) + "\n").encode())

    def write(self) -> None:
        """What has come so far; never more than ``most`` rows of it in all."""
        left = len(self.tap.rows) if self.most is None else min(len(self.tap.rows), self.most - self.written)
        rows = [self.tap.rows.popleft() for _ in range(left)]
        if rows:
            self._file.write(b"".join(rows))
            self.written += len(rows)

    def close(self) -> None:
        self._file.close()


class LatentStream:
    """One stream to be listened to again: ``next_into`` gives a row a block. RosinError for what is none.

    Rows are read as they are wanted: a stream of an evening is as large as its sound.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = open_file(path)
            self.close = weakref.finalize(self, self._file.close)  # also where nobody says that they are done
            head = json.loads(self._file.readline(HEAD_MAX))
            self._gain_as = struct.Struct(_GAIN[int(head["rosin_stream"])])
            voices, latents, frames = int(head.get("voices", 1)), int(head["latents"]), int(head["frames"])
            if not (0 < voices <= VOICES_MAX and 0 < latents <= 4096 and 0 < frames <= 4096):
                raise ValueError("no shape")
            self.patch, self.seed, self.model = str(head["patch"]), int(head["seed"]), str(head["model"])
            self._first = self._file.tell()
            size = self._file.seek(0, os.SEEK_END) - self._first
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is no stream of Rosin"
            raise RosinError(f"{path} cannot be listened to again ({why}); give the .z file beside a take") from None
        self.shape = (voices, latents, frames)
        self._width = 4 * voices * latents * frames + self._gain_as.size
        self._count = size // self._width
        self._row: F32 = np.zeros(voices * latents * frames, np.float32)
        self._told = 0.0
        self.at = 0
        self.gain = 1.0

    def __len__(self) -> int:
        return self._count

    def next_into(self, z: F32) -> None:
        """The next row into ``z`` f32 [V, L, F] and ``gain``; after the end silence: the last row with gain 0."""
        ended = self.at >= self._count
        if not ended:
            self._file.seek(self._first + self.at * self._width)
            data = self._file.read(self._width)
            if len(data) == self._width:  # else it was cut short meanwhile, and the row before is held
                row = np.frombuffer(data, "<f4", len(self._row))
                self._row[:] = np.where(np.isfinite(row), row, np.float32(0.0))
                (told,) = self._gain_as.unpack(data[-self._gain_as.size :])
                self._told = told if math.isfinite(told) else 0.0
        if self._count:
            z[:] = self._row.reshape(z.shape)
            self.gain = 0.0 if ended else self._told
        self.at += 1
