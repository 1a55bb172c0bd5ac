"""Codec: OSC datagrams to messages and back. First thing behind the socket.

python-osc's codec reads the messages; what surrounds it is checked here first, because a hostile datagram can hang it
(a negative element size in a bundle loops for ever), overflow the stack (nested bundles), take seconds (65,000 type
tags) or write on the player's terminal (every unknown tag is logged). It gives a colour and a character as whole
numbers; here they come out as ``Other``, because no knob is meant by them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
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
_KNOWN = frozenset(b"ifdhTFNIsbSrcmt[]")
_SAME_SHAPE = bytes.maketrans(b"SrcmtI", b"siiihN")
"""Tags that the codec reads as something else, or not at all, to ones of the same size: a symbol is a string."""
_NO_NUMBER = frozenset("rcmt")
_NTP_TO_UNIX = 2_208_988_800


class NotOsc(ValueError):
    """Not OSC."""


class OscRefused(NotOsc):
    """OSC, but more or other of it than is taken here: the ``key`` of the sentence that says so, and its values."""

    def __init__(self, key: str, address: str = "", **values: object) -> None:
        super().__init__(key)
        self.key, self.address, self.values = key, address, values


class Other(NamedTuple):
    """An argument that is no number, whatever its bytes: colour ``r``, character ``c``, MIDI ``m``, time ``t``."""

    tag: str
    bits: int


class ReadMessage(NamedTuple):
    """One message. ``timetag`` is the NTP time of the bundle round it, AT_ONCE outside a bundle."""

    address: str
    args: tuple[Any, ...] = ()
    timetag: int = AT_ONCE

    @property
    def unix_time(self) -> float | None:
        """The timetag in Unix seconds; None when it says "at once"."""
        return None if self.timetag <= AT_ONCE else self.timetag / 4_294_967_296 - _NTP_TO_UNIX


def read(datagram: bytes, wrong: list[NotOsc] | None = None) -> tuple[list[ReadMessage], int]:
    """The messages of a datagram in their order, and how many were malformed. Malformed when the whole is.

    A bundle whose frame is broken is refused whole; a bad message in a sound bundle costs only itself. ``wrong`` gets
    what was the matter with each of those.
    """
    messages: list[ReadMessage] = []
    if datagram.startswith(BUNDLE):
        bad = [] if wrong is None else wrong
        _bundle(datagram, 0, messages, bad)
        return messages, len(bad)
    messages.append(_message(datagram, AT_ONCE))
    return messages, 0


def _bundle(data: bytes, depth: int, messages: list[ReadMessage], wrong: list[NotOsc]) -> None:
    if len(data) < 16:
        raise NotOsc("a bundle without its time")
    if depth >= DEPTH_MAX:
        raise OscRefused("hands.osc.deep", most=DEPTH_MAX)
    (timetag,) = struct.unpack_from(">Q", data, 8)
    at = 16
    while at < len(data):
        if len(data) - at < 4:
            raise NotOsc("a bundle cut short")
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 <= size <= len(data) - at:
            raise NotOsc("an element larger than its bundle")
        element = data[at : at + size]
        at += size
        if element.startswith(BUNDLE):
            _bundle(element, depth + 1, messages, wrong)
            continue
        if len(messages) + len(wrong) >= MESSAGES_MAX:
            raise OscRefused("hands.osc.many", most=MESSAGES_MAX)
        try:
            messages.append(_message(element, timetag))
        except NotOsc as error:
            wrong.append(error)


def _message(data: bytes, timetag: int) -> ReadMessage:
    if not data.startswith(b"/"):
        raise NotOsc("neither a message nor a bundle")
    end = data.find(b"\0")
    if not 0 < end <= ADDRESS_BYTES_MAX:
        raise NotOsc("an address without end")
    try:
        address = data[:end].decode()
    except UnicodeDecodeError:
        raise NotOsc("an address that is no text") from None
    data, tags = _as_known(data, (end + 4) & ~3, address)
    try:
        args = tuple(OscMessage(data).params)
    except Exception as error:  # the codec lets ValueError, OverflowError and others through
        raise NotOsc(str(error)) from None
    if not _NO_NUMBER.isdisjoint(tags):
        args = tuple(_marked(args, iter(tags)))
    return ReadMessage(address, args, timetag)


def _as_known(data: bytes, start: int, address: str) -> tuple[bytes, str]:
    """The message with type tags that the codec knows, which stand at ``start``; and the tags it came with."""
    if start >= len(data):
        return data, ""
    stop = data.find(b"\0", start)
    if data[start : start + 1] != b"," or stop <= start:
        raise NotOsc("arguments without type tags")
    if stop > start + TAGS_MAX:
        raise OscRefused("hands.osc.long", address, most=TAGS_MAX)
    if len(data) > MESSAGE_BYTES_MAX:
        raise OscRefused("hands.osc.large", address, most=MESSAGE_BYTES_MAX)
    tags = data[start + 1 : stop]
    if tags == b"I":  # "impulse": a bang, which has no argument
        return data[:start], ""
    if unknown := set(tags) - _KNOWN:
        raise OscRefused("hands.osc.tag", address, tag=chr(min(unknown)))
    return data[: start + 1] + tags.translate(_SAME_SHAPE) + data[stop:], tags.decode()


def _marked(values: Iterable[Any], tags: Iterator[str]) -> Iterator[Any]:
    """The values with those marked that are no numbers. An array takes its own tags, and the one that ends it."""
    for value in values:
        tag = next(tags)
        if isinstance(value, list):
            inside = list(_marked(value, tags))
            next(tags)
            yield inside
        else:
            yield Other(tag, value) if tag in _NO_NUMBER else value


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


def flat(args: Sequence[Any]) -> list[Any]:
    """Arguments out of their OSC arrays."""
    found: list[Any] = []
    ahead = list(reversed(args))
    while ahead:
        value = ahead.pop()
        if isinstance(value, list):
            ahead += reversed(value)
        else:
            found.append(value)
    return found


def shown(args: Iterable[Any], most: int = 60) -> str:
    """Arguments as a complaint names them, in one line."""
    words = {True: "T", False: "F", None: "N"}
    said = []
    for value in args:
        if isinstance(value, Other):
            said.append(f"{value.tag}:{value.bits & 0xFFFFFFFF:08x}")
        elif isinstance(value, list):
            said.append(f"[{shown(value, most)}]")
        elif value is None or isinstance(value, bool):
            said.append(words[value])
        elif isinstance(value, str):
            said.append(ascii(value) if not value.isprintable() else f'"{value}"')
        else:
            said.append(f"b:{len(value)}" if isinstance(value, bytes) else f"{value:g}"[:most])
        if sum(map(len, said)) > most:
            break
    whole = " ".join(said)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"
