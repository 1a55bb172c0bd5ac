"""Input file: a sound file in the place of the microphone, one quantum after the other. Before the engine, offline.

Whatever libsndfile reads, of any rate; as live, one channel is heard on both sides and channels beyond two are left
out. It is looked through once before anything is made of it, so that what is wrong is said before a render begins.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.on_disk import on_disk
from instrument.engine.control import QUANTUM
from instrument.engine.live import INPUTS

F32 = NDArray[np.float32]

PIECE = 1 << 14
RATES_HZ = (1000, 768_000)
LOUDEST = 100.0
"""40 dB over full scale: what is beyond is no sound but a mistake."""


class InputFile:
    """``path`` at ``rate`` Hz. ``next`` gives f32 [2, QUANTUM], silence after the end; RosinError for no sound."""

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self.rate = rate
        frames, self._rate = self._look()
        self.seconds = frames / self._rate
        self._pieces = self._resampled()
        self._ready = np.zeros((INPUTS, 0), np.float32)

    def _refused(self, why: object) -> RosinError:
        return RosinError(f"{self.path} cannot be heard ({why}); give a WAV, FLAC, OGG, MP3 or AIFF file")

    def _read(self) -> Iterator[tuple[F32, int]]:
        """(f32 [n, channels], its rate), piece by piece."""
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):  # before it is opened: a pipe would wait for ever
                raise self._refused("it is no file")
            with soundfile.SoundFile(on_disk(self.path)) as file:
                if not RATES_HZ[0] <= file.samplerate <= RATES_HZ[1]:
                    raise self._refused(f"{file.samplerate} Hz is no rate of sound")
                while len(piece := file.read(PIECE, "float32", always_2d=True)):
                    yield piece, file.samplerate
        except (OSError, RuntimeError, TypeError, ValueError) as error:  # TypeError: headerless, as .raw is
            why = getattr(error, "strerror", None) or str(getattr(error, "error_string", error)).rstrip(".")
            raise self._refused(why) from None

    def _look(self) -> tuple[int, int]:
        """How many samples there are, and their rate."""
        frames = rate = 0
        for piece, rate in self._read():
            if not float(np.abs(piece).max(initial=0.0)) <= LOUDEST:  # also what is not a number
                raise self._refused(f"at {frames / rate:.1f} s it holds numbers that are no sound")
            frames += len(piece)
        if not frames:
            raise self._refused("it holds no samples")
        return frames, rate

    def _resampled(self) -> Iterator[F32]:
        """f32 [2, n] at our rate; the same samples whatever the size of the pieces, without delay (soxr, VHQ)."""
        turned = soxr.ResampleStream(self._rate, self.rate, INPUTS, dtype="float32", quality="VHQ")
        for piece, _ in self._read():
            sides = np.stack([piece[:, 0], piece[:, min(1, piece.shape[1] - 1)]], axis=1)
            yield sides.T if self._rate == self.rate else turned.resample_chunk(sides).T
        if self._rate != self.rate:
            yield turned.resample_chunk(np.zeros((0, INPUTS), np.float32), last=True).T

    def next(self) -> F32:
        """The next quantum."""
        while self._ready.shape[1] < QUANTUM:
            piece = next(self._pieces, None)
            if piece is None:
                missing = max(QUANTUM - self._ready.shape[1], 0)
                piece = np.zeros((INPUTS, missing), np.float32)
            self._ready = np.concatenate([self._ready, piece], axis=1)
        now, self._ready = self._ready[:, :QUANTUM], self._ready[:, QUANTUM:]
        return now
