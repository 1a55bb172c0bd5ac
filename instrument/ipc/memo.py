"""Memo: what a process writes down for its successor, whole or not at all. In the link's memory, which outlives both.

Longer than a text of a health row, and for one reader: the one who takes over. A writer killed in mid-word leaves the
memo before; one that is too long is not written, and the one before is struck out: who takes over then knows nothing,
which is better than something old.
"""

from __future__ import annotations

import struct
from zlib import crc32

from instrument.ipc.memory import SharedMemory

MEMO_BYTES = 1 << 16

_HEAD = struct.Struct("=QII")  # number, length, crc32 of number, length and text


class Memo:
    """Two places, written in turn. ``write`` is for one process alone, ``read`` for all."""

    _STRIDE = _HEAD.size + MEMO_BYTES

    def __init__(self, memory: SharedMemory, offset: int) -> None:
        self._bytes, self._words = memory.bytes, memory.words
        self._count, self._first = offset // 8, offset + 8

    @classmethod
    def size(cls) -> int:
        return 8 + 2 * cls._STRIDE

    def write(self, text: str) -> bool:
        """Replace the memo. False when it is too long, and then there is none."""
        utf8 = text.encode("utf-8", "replace")
        whole = len(utf8) <= MEMO_BYTES
        utf8 = utf8 if whole else b""
        number = self._words[self._count] + 1
        at = self._first + (number % 2) * self._STRIDE
        self._bytes[at + _HEAD.size : at + _HEAD.size + len(utf8)] = utf8
        self._bytes[at : at + _HEAD.size] = _HEAD.pack(number, len(utf8), _crc(number, utf8))
        self._words[self._count] = number
        return whole

    def read(self) -> str:
        """The last whole one, empty before the first and after one that was too long."""
        count = self._words[self._count]
        for number in range(count, max(count - 2, 0), -1):
            at = self._first + (number % 2) * self._STRIDE
            found, length, crc = _HEAD.unpack(self._bytes[at : at + _HEAD.size])
            if found == number and length <= MEMO_BYTES:
                utf8 = self._bytes[at + _HEAD.size : at + _HEAD.size + length].tobytes()
                if crc == _crc(number, utf8):
                    return utf8.decode("utf-8", "replace")
        return ""


def _crc(number: int, utf8: bytes) -> int:
    return crc32(utf8, crc32(struct.pack("=QI", number, len(utf8))))
