"""Wire: the fields of a protobuf message, one after the other, and nothing of it believed. Under onnx_file.

Encoding: protobuf.dev/programming-guides/encoding. What two readers could understand in two ways - a number that runs
over, a group, a message that is given twice and would be merged - is refused: ONNX Runtime has to see what was seen
here. All messages of a file share one count of what may be read of them, so that no file takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
PARTS_MOST = 1_000_000
"""Fields and numbers read of one file: a second. A model has some thousand."""


class ProtoMalformed(ValueError):
    """Bytes that are none of such a message."""


class ProtoMessage:
    """Some bytes of a file; ``left``: how much may be read yet, of the whole file."""

    __slots__ = ("left", "view")

    def __init__(self, view: memoryview, left: list[int] | None = None) -> None:
        self.view = view
        self.left = [PARTS_MOST] if left is None else left

    def __len__(self) -> int:
        return len(self.view)

    def spend(self) -> None:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise ProtoMalformed("it has too many parts")


Value: TypeAlias = "int | ProtoMessage"


def number_at(data: memoryview, at: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ProtoMalformed("a number runs over")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    if value >= 1 << 64:
        raise ProtoMalformed("a number runs over")
    return value, at


def signed(value: int) -> int:
    """The same 64 bits, with a sign."""
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(message: ProtoMessage) -> Iterator[tuple[int, int, Value]]:
    """(field, kind, value) of a message: a number of 64 bits, or the bytes of everything else."""
    data = message.view
    at, end = 0, len(data)
    while at < end:
        message.spend()
        key, at = number_at(data, at)
        field, kind = key >> 3, key & 7
        if not 0 < field < 1 << 29:
            raise ProtoMalformed("there is no such field")
        if kind == VARINT:
            value, at = number_at(data, at)
            yield field, kind, value
            continue
        if kind == BYTES:
            size, at = number_at(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ProtoMalformed("it holds what is not written any more")
        if size > end - at:
            raise ProtoMalformed("it is cut off")
        yield field, kind, ProtoMessage(data[at : at + size], message.left)
        at += size


def numbers(message: ProtoMessage) -> Iterator[int]:
    """A packed row of numbers, signed."""
    at = 0
    while at < len(message):
        message.spend()
        value, at = number_at(message.view, at)
        yield signed(value)


def count_of(message: ProtoMessage) -> int:
    """How many numbers a packed row holds, without reading them: as many as there are bytes that end one."""
    return int(np.count_nonzero(np.frombuffer(message.view, np.uint8) < 0x80))


def text(message: ProtoMessage) -> str:
    """A text; Malformed where it is none."""
    try:
        return message.view.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ProtoMalformed("a text is none") from None
