"""Wire: OSC datagrams to messages and back. First thing behind the socket.

python-osc's codec reads the messages; what surrounds it is checked here first, because a hostile datagram can hang it
(a negative element size in a bundle loops for ever), overflow the stack (nested bundles), take seconds (65,000 type
tags) or write on the player's terminal (every unknown tag is logged).
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import Any, NamedTuple

from pythonosc.osc_message import OscMessage
from pythonosc.parsing.osc_types import write_string

BUNDLE = b"#bundle\0"
AT_ONCE = 1
DEPTH_MAX = 8
MESSAGES_MAX = 1024
MESSAGE_BYTES_MAX = 8192
ADDRESS_BYTES_MAX = 512
TAGS_MAX = 1024
_KNOWN = frozenset(b"ifdhTFNsbrmt[]")
_SAME_SHAPE = bytes.maketrans(b"Sc", b"si")  # symbol is written as string is, a character as an integer
_NTP_TO_UNIX = 2_208_988_800


class Malformed(ValueError):
    """Not OSC, or more of it than a player's hand can mean."""


class Message(NamedTuple):
    """One message. ``timetag`` is the NTP time of the bundle round it, AT_ONCE outside a bundle."""

    address: str
    args: tuple[Any, ...] = ()
    timetag: int = AT_ONCE

    @property
    def unix_time(self) -> float | None:
        """The timetag in Unix seconds; None when it says "at once"."""
        return None if self.timetag <= AT_ONCE else self.timetag / 4_294_967_296 - _NTP_TO_UNIX


def read(datagram: bytes) -> tuple[list[Message], int]:
    """The messages of a datagram in their order, and how many were malformed. Malformed when the whole is.

    A bundle whose frame is broken is refused whole; a bad message in a sound bundle costs only itself.
    """
    messages: list[Message] = []
    if datagram.startswith(BUNDLE):
        return messages, _bundle(datagram, 0, messages)
    messages.append(_message(datagram, AT_ONCE))
    return messages, 0


def _bundle(data: bytes, depth: int, messages: list[Message]) -> int:
    if len(data) < 16:
        raise Malformed("a bundle without its time")
    if depth >= DEPTH_MAX:
        raise Malformed("bundles nested too deep")
    (timetag,) = struct.unpack_from(">Q", data, 8)
    at, bad = 16, 0
    while at < len(data):
        if len(data) - at < 4:
            raise Malformed("a bundle cut short")
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 <= size <= len(data) - at:
            raise Malformed("an element larger than its bundle")
        element = data[at : at + size]
        at += size
        if element.startswith(BUNDLE):
            bad += _bundle(element, depth + 1, messages)
            continue
        if len(messages) + bad >= MESSAGES_MAX:
            raise Malformed("too many messages in one datagram")
        try:
            messages.append(_message(element, timetag))
        except Malformed:
            bad += 1
    return bad


def _message(data: bytes, timetag: int) -> Message:
    if not data.startswith(b"/") or len(data) > MESSAGE_BYTES_MAX:
        raise Malformed("neither a message nor a bundle")
    end = data.find(b"\0")
    if not 0 < end <= ADDRESS_BYTES_MAX:
        raise Malformed("an address without end")
    start = (end + 4) & ~3
    if start < len(data):
        stop = data.find(b"\0", start)
        if data[start : start + 1] != b"," or not start < stop <= start + TAGS_MAX:
            raise Malformed("arguments without type tags")
        tags = data[start + 1 : stop]
        if tags == b"I":  # "impulse": a bang, which the codec does not know
            data = data[:start]
        elif not _KNOWN.issuperset(tags):
            data = data[: start + 1] + tags.translate(_SAME_SHAPE) + data[stop:]
            if not _KNOWN.issuperset(data[start + 1 : stop]):
                raise Malformed("an unknown type tag")
    try:
        message = OscMessage(data)
        return Message(message.address, tuple(message.params), timetag)
    except Exception as error:  # the codec lets ValueError, OverflowError and others through
        raise Malformed(str(error)) from None


def write(address: str, *args: float | int | str) -> bytes:
    """A message: int as ``i``, float as ``f``, str as ``s``."""
    tags = "".join("s" if isinstance(a, str) else "i" if isinstance(a, int) else "f" for a in args)
    return _head(address, tags) + b"".join(
        write_string(a) if isinstance(a, str) else struct.pack(">i" if isinstance(a, int) else ">f", a) for a in args
    )


@lru_cache(maxsize=4096)
def _head(address: str, tags: str) -> bytes:
    return bytes(write_string(address) + write_string("," + tags))


def number(value: Any) -> float:
    """An argument as a finite number: i f d h T F. ValueError for anything else, NaN and infinity included."""
    if isinstance(value, (bool, int, float)):
        try:
            found = float(value)
        except OverflowError:
            raise ValueError("too large a number") from None
        if math.isfinite(found):
            return found
    raise ValueError(f"{value!r} is not a finite number")


def bang(args: tuple[Any, ...]) -> bool:
    """Whether a trigger means it: no argument, or any that is not 0. NaN is a ValueError."""
    for value in args:
        if isinstance(value, float) and math.isnan(value):
            raise ValueError("not a number")
    return not args or any(value is None or isinstance(value, (str, bytes)) or bool(value) for value in args)
