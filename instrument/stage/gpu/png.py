"""PNG: one picture to a file, the same bytes for the same pixels. Nothing but zlib (RFC 2083)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instrument.base.writing import write_whole


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """[height, width, 3] of 8-bit RGB, top row first."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """OSError if it cannot be written."""
    write_whole(path, png_bytes(pixels), sync=False)
