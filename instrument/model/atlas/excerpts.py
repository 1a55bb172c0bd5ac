"""Excerpts: a second or two of the sounds that a model learned from, to be heard beside it. Part of the chart.

Only of sounds whose licence lets them be passed on: ``excerpts.ogg`` travels with the model. Vorbis, mono, 24 kHz, one
after the other, so that any player plays it; which is whose stands in atlas.npz. Training writes both
(export/atlas.py), excerpt_player.py plays them. Decoded once for all patches that share a model, beside the sound.

Vorbis and not FLAC: in 3 MB a second of each of 332 bowed sounds has room, where FLAC, at 12 bits, holds 145.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.model.library.listed import AGAIN, read_listed

F32: TypeAlias = NDArray[np.float32]
I16: TypeAlias = NDArray[np.int16]
I32: TypeAlias = NDArray[np.int32]

EXCERPTS = "excerpts.ogg"
RATE_HZ = 24000
BYTES_MOST = 3_000_000
"""Of the file."""
SECONDS_MOST = 4096 * 2.0
"""Of all excerpts together, as far as a file is believed."""
NO_AUDIO: I16 = np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True)
class Excerpts:
    """M excerpts, in the order of the file. ``audio`` is empty where only the index was read."""

    sound: I32
    """[M] index in the sounds of credits.toml, ascending."""
    begins: F32
    """[M] seconds into that sound."""
    end: I32
    """[M] samples: where in the file each ends, and the next begins."""
    audio: I16
    """[end[-1]] at 24 kHz."""
    file: bytes = b""
    """What is to be written as excerpts.ogg, where training has just made it."""

    def find(self, sound: int) -> int:
        """Which excerpt is of a sound; -1: none."""
        at = int(np.searchsorted(self.sound, sound))
        return at if at < len(self.sound) and self.sound[at] == sound else -1

    def of(self, sound: int) -> I16 | None:
        """The samples of a sound's excerpt, a view; None where there is none."""
        at = self.find(sound)
        if at < 0 or not len(self.audio):
            return None
        return self.audio[int(self.end[at - 1]) if at else 0 : int(self.end[at])]

    @property
    def seconds(self) -> float:
        return float(self.end[-1]) / RATE_HZ


def index_from(sound: I32, begins: F32, end: I32, sounds: int) -> Excerpts:
    """The index of a file, looked at with suspicion; ValueError says what is wrong."""
    if not (sound.dtype == end.dtype == np.int32 and begins.dtype == np.float32 and sound.ndim == 1):
        raise ValueError("the index of its excerpts has another shape")
    if not (sound.shape == begins.shape == end.shape and 0 < len(sound) <= sounds):
        raise ValueError("its excerpts are none, too many or of another number")
    if (np.diff(sound) <= 0).any() or sound[0] < 0 or sound[-1] >= sounds:
        raise ValueError("its excerpts are of sounds that are not credited")
    if (np.diff(end, prepend=np.int32(0)) <= 0).any() or end[-1] > SECONDS_MOST * RATE_HZ:
        raise ValueError("its excerpts do not follow one another")
    if not (begins >= 0.0).all() or not np.isfinite(begins).all():
        raise ValueError("its excerpts begin nowhere")
    return Excerpts(sound, begins, end, NO_AUDIO)


def encoded(audio: I16, squeeze: float = 0.3) -> bytes:
    """An Ogg Vorbis file, the same bytes for the same samples; ``squeeze`` 0..1, as libsndfile has it."""
    import soundfile

    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE_HZ, 1, "VORBIS", format="OGG", compression_level=squeeze) as ogg:
        for begin in range(0, len(audio), RATE_HZ):  # libvorbis overflows the stack on minutes at once
            ogg.write(audio[begin : begin + RATE_HZ])
    return _numbered(bytearray(file.getvalue()))


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _numbered(ogg: bytearray) -> bytes:
    """The stream's serial number, which libsndfile draws by chance, set to 1 in every page (RFC 3533, section 6).

    The page's CRC has polynomial 04c11db7, most significant bit first: zlib's, of mirrored bytes, mirrored.
    """
    at = 0
    while at < len(ogg):
        head = 27 + ogg[at + 26]
        end = at + head + sum(ogg[at + 27 : at + head])
        ogg[at + 14 : at + 18] = struct.pack("<I", 1)
        ogg[at + 22 : at + 26] = bytes(4)
        crc = zlib.crc32(bytes(ogg[at:end]).translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
        ogg[at + 22 : at + 26] = struct.pack("<I", int(f"{crc:032b}"[::-1], 2))
        at = end
    return bytes(ogg)


def read_excerpts(folder: Path, wanted: str, index: Excerpts) -> Excerpts:
    """The excerpts of a model with their sound. ``wanted``: the sha256 that the card gives ``excerpts.ogg``.

    RosinError when the file is missing, another, or broken.
    """
    path = folder / EXCERPTS
    data = read_listed(path, wanted, 4 * BYTES_MOST, ": {why}, so it holds no excerpts")
    audio = _decoded(data, int(index.end[-1]))
    if audio is None:
        raise RosinError(f"{path} does not hold the excerpts that its atlas speaks of; {AGAIN}")
    return Excerpts(index.sound, index.begins, index.end, audio)


@lru_cache(maxsize=8)
def _decoded(data: bytes, samples: int) -> I16 | None:
    """Shared by every patch that plays the model. None: not so many samples at 24 kHz mono."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.samplerate, file.channels, file.frames) != (RATE_HZ, 1, samples):
                return None
            audio: I16 = file.read(dtype="int16")  # lets go of the GIL
    except (OSError, RuntimeError, ValueError, MemoryError):
        return None
    if len(audio) != samples:
        return None
    audio.flags.writeable = False
    return audio
