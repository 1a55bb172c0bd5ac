"""Settings: what the rig says about the hands, and how HOST:PORT is read. Before everything else in this room."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instrument.base.errors import RosinError

Where = tuple[str, int]
"""An IPv4 address and a port, as the socket module has them."""

HERE = "127.0.0.1"
OFF = ("", "off")
"""What to write to listen to no OSC."""
_NUMBERS = re.compile(r"[\d.]+|0x[\da-fx.]*", re.IGNORECASE)
"""What nobody means as a name; the system takes octal and hexadecimal, and fewer than four numbers, for an address."""
_COLONS = re.compile(r"\[.*\](:\d*)?|[\da-f.]*:[\da-f.]*:[\da-f:.]*(%\w+)?(:\d+)?", re.IGNORECASE)
"""What can only be meant as IPv6."""
_IPV6 = "{!r} is IPv6, and OSC is heard and sent by IPv4 alone; write for example {}"


class NotYet(RosinError):
    """An address that is not here, or a name that nobody knows: at another time, on another network, it may be."""


def where(text: str, port_min: int = 0) -> Where:
    """``HOST:PORT`` to an IPv4 address and a port. RosinError when it is neither. Port 0 asks for any: to listen."""
    text = text.strip()
    host, colon, port = text.rpartition(":")
    if _COLONS.fullmatch(text):
        raise RosinError(_IPV6.format(text, f"{HERE}:{port if _is_port(port) else 9000}"))
    if "." in text and _NUMBERS.fullmatch(text):
        raise RosinError(f"{text!r} is not HOST:PORT; write it with its port, for example {text}:9000")
    if not colon or not host or ":" in host or not port.isascii() or not port.isdecimal():
        raise RosinError(f"{text!r} is not HOST:PORT; write for example {HERE}:9000")
    if not _is_port(port):
        raise RosinError(f"{text!r} has no port from 1 to 65535; write for example {host}:9000")
    if int(port) < port_min:
        raise RosinError(f"nothing can be sent to port 0 ({text!r}); write a port from 1 to 65535")
    return address_of(host), int(port)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535


def address_of(host: str) -> str:
    """A host as its (first) IPv4 address. Explicitly IPv4: OSC programs seldom speak anything else."""
    return addresses_of(host)[0]


def addresses_of(host: str) -> list[str]:
    """All IPv4 addresses of a host: its numbers as they are, or what its name stands for.

    Numbers are decimal and four, nothing else: the system would read 192.168.001.020 as octal, which is another host,
    and 192.168.1 as 192.168.0.1.
    """
    if _NUMBERS.fullmatch(host):
        try:
            return [str(ipaddress.IPv4Address(host))]
        except ValueError:
            raise RosinError(f"{host!r} is no address; {_four(host)}") from None
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM) if host else []
    except (OSError, ValueError):  # a UnicodeError is a ValueError
        found = []
    if not found:
        raise NotYet(f"there is no host {host!r} here; write its address, for example 192.168.1.20")
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _four(host: str) -> str:
    """What to write instead of numbers that are no address."""
    parts = host.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdecimal() and int(part[:99]) < 256 for part in parts):
        return f"write it without leading zeros: {'.'.join(str(int(part)) for part in parts)}"
    return "write four numbers from 0 to 255, for example 192.168.1.20"


def networks(allow: Sequence[str]) -> tuple[ipaddress.IPv4Network, ...]:
    """The allow-list: each entry an address, a network such as 192.168.1.0/24, or a host name: all it stands for."""
    found = []
    for entry in map(str.strip, allow):
        host, slash, bits = entry.partition("/")
        if _COLONS.fullmatch(host):
            raise RosinError(_IPV6.format(entry, "192.168.1.20"))
        if ":" in host:
            raise RosinError(f"{entry!r} has a port; write the host alone, heard from any of its ports")
        if not slash:
            found += [ipaddress.IPv4Network(address) for address in addresses_of(host)]
            continue
        try:
            found.append(ipaddress.IPv4Network((ipaddress.IPv4Address(host), bits), strict=False))
        except ValueError:
            raise RosinError(f"{entry!r} is not a network; write for example 192.168.1.0/24") from None
    return tuple(found)


def network_mistakes(osc: Mapping[str, Any]) -> list[str]:
    """All that cannot be in a rig's [osc] (plain tables), a line each; what is only not here now is none."""
    wrong = []
    listen = osc.get("listen")
    entries: list[tuple[str, str, Callable[[str], object]]]
    entries = [("listen", listen, where)] if isinstance(listen, str) and listen not in OFF else []
    entries += [("allow", entry, lambda text: networks([text])) for entry in _texts(osc.get("allow"))]
    entries += [("echo", entry, lambda text: where(text, 1)) for entry in _texts(osc.get("echo"))]
    for name, entry, read in entries:
        try:
            read(entry)
        except NotYet:
            pass
        except RosinError as error:
            wrong.append(f"osc.{name}: {error}")
    return wrong


def _texts(given: Any) -> list[str]:
    return [text for text in given if isinstance(text, str)] if isinstance(given, list) else []


def check_network(listen: str, allow: Sequence[str], echo: Sequence[str]) -> None:
    """RosinError for the first of these settings that cannot be, before anything starts."""
    for name, read in (
        ("listen", lambda: None if listen in OFF else where(listen)),
        ("allow", lambda: networks(allow)),
        ("echo", lambda: [where(target, 1) for target in echo]),
    ):
        try:
            read()
        except RosinError as error:
            raise RosinError(f"OSC {name}: {error}") from None
