"""Texts: short ones in the link's memory, written by one process and read by all. Below health and link.

No locks: a process killed in mid-word leaves its last whole text in place.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

TEXT_BYTES = 240

_TEXT = struct.Struct(f"=QdI{TEXT_BYTES}sI")  # number, time, length, UTF-8, crc32 of all before it
_TEXT_STRIDE = -(-_TEXT.size // 8) * 8


class Notice(NamedTuple):
    """A sentence to the player. ``number`` counts from 1 in its process, ``time`` is monotonic seconds."""

    number: int
    time: float
    text: str


def clip(text: str) -> bytes:
    """UTF-8 of at most TEXT_BYTES bytes, cut between two characters, with an ellipsis where it was cut."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= TEXT_BYTES:
        return whole
    return whole[: TEXT_BYTES - 3].decode("utf-8", "ignore").encode() + "…".encode()


class TextRing:
    """The last few texts, each with number and crc: the newest whole one survives its writer's death. One writer."""

    def __init__(self, view: memoryview, words: memoryview, offset: int, slots: int) -> None:
        self._bytes, self._words = view, words
        self._count, self._slots, self._first = offset // 8, slots, offset + 8

    @staticmethod
    def size(slots: int) -> int:
        """Bytes of memory."""
        return 8 + slots * _TEXT_STRIDE

    def say(self, text: str) -> int:
        number: int = self._words[self._count] + 1
        utf8 = clip(text)
        record = _TEXT.pack(number, time.monotonic(), len(utf8), utf8, 0)[:-4]
        at = self._first + (number % self._slots) * _TEXT_STRIDE
        struct.pack_into(f"={len(record)}sI", self._bytes, at, record, crc32(record))
        self._words[self._count] = number
        return number

    @property
    def count(self) -> int:
        number: int = self._words[self._count]
        return number

    def read(self, number: int) -> Notice | None:
        """None if it was never said, is gone, or is being written over."""
        at = self._first + (number % self._slots) * _TEXT_STRIDE
        record = self._bytes[at : at + _TEXT.size].tobytes()
        found, when, length, utf8, crc = _TEXT.unpack(record)
        if found != number or number == 0 or crc != crc32(record[:-4]):
            return None
        return Notice(number, when, utf8[:length].decode("utf-8", "replace"))

    def since(self, number: int) -> list[Notice]:
        count = self.count
        found = (self.read(n) for n in range(max(number, count - self._slots) + 1, count + 1))
        return [notice for notice in found if notice is not None]

    def newest(self) -> Iterator[str]:
        """Those that are kept and whole, newest first."""
        count = self.count
        found = (self.read(number) for number in range(count, max(count - self._slots, 0), -1))
        return (notice.text for notice in found if notice is not None)

    def latest(self) -> str:
        """The newest whole one, empty before the first."""
        for _ in range(4):  # one is enough unless the writer laps us between two lines
            for text in self.newest():
                return text
        return ""
