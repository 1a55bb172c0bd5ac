"""Extent: how large an image file says that it is, before anything decodes it. Pure. Under pictures.

A file of a few bytes may claim more pixels than there is memory, and decoders believe it.
"""

from __future__ import annotations

import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PIECE = 1 << 16


def extent(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or BMP; None for all else."""
    try:
        if data.startswith(PNG) and data[12:16] == b"IHDR":
            return struct.unpack_from(">II", data, 16)
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return struct.unpack_from("<HH", data, 6)
        if data.startswith(b"BM") and struct.unpack_from("<I", data, 14)[0] >= 40:
            width, height = struct.unpack_from("<ii", data, 18)
            return width, abs(height)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
    except struct.error:
        pass
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        standing = marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01
        at += 1 if marker == 0xFF else 2 if standing else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def unpacks(data: bytes) -> bool:
    """Does a PNG unpack to what its size takes and no more? A bomb claims one pixel and unpacks for ever."""
    width, height = extent(data) or (0, 0)
    if len(data) < 33:
        return False
    depth, colour = data[24], data[25]
    most = height * (1 + (width * _CHANNELS.get(colour, 4) * depth + 7) // 8)
    most += most // 2 + 64 * (height + 8)  # interlaced, there are more and shorter lines
    reader, at = zlib.decompressobj(), 8
    try:
        while at + 8 <= len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            part = data[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
            while part and not reader.eof:
                most -= len(reader.decompress(part, PIECE))
                part = reader.unconsumed_tail
                if most < 0:
                    return False
            at += 12 + size
    except (struct.error, zlib.error):
        return False
    return True
