"""Settings: what the rig says about the hands, and how HOST:PORT is read. Before everything else in this room."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instrument.errors import RosinError

Where = tuple[str, int]
"""An IPv4 address and a port, as the socket module has them."""


@dataclass(frozen=True, slots=True)
class OscSettings:
    """``listen`` HOST:PORT (empty or "off": no OSC); ``allow`` hosts or networks, empty = all that can reach us.

    ``detail`` also sends hand, pos, force, stuck and pickup distance of every playable knob. ``neighbours``: ``all``,
    ``numbers`` (no texts, for those whom they upset) or ``off``. ``bindings``: addresses of others that move our knobs,
    as rows of the rig.
    """

    listen: str = "127.0.0.1:9000"
    allow: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()
    root: str = "/rosin"
    schedule: bool = False
    detail: bool = False
    neighbours: str = "all"
    bindings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class MidiSettings:
    """``api`` auto, alsa, jack, core, winmm or off; ``ports`` parts of names, empty = all; ``bindings`` rig rows."""

    api: str = "auto"
    ports: tuple[str, ...] = ()
    takeover: str = "pickup"
    bindings: tuple[Mapping[str, Any], ...] = ()


def where(text: str) -> Where:
    """``HOST:PORT`` to an IPv4 address and a port. RosinError when it is neither."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise RosinError(f"{text!r} is not HOST:PORT; write for example 127.0.0.1:9000")
    return address_of(host), int(port)


def address_of(host: str) -> str:
    """A host name as an IPv4 address. Explicitly IPv4: OSC programs seldom speak anything else."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError):
        raise RosinError(f"there is no host {host!r} here; write its address, for example 192.168.1.20") from None


def networks(allow: Sequence[str]) -> tuple[ipaddress.IPv4Network, ...]:
    """The allow-list: each entry an address, a network such as 192.168.1.0/24, or a host name."""
    found = []
    for entry in allow:
        try:
            found.append(ipaddress.IPv4Network(entry.strip(), strict=False))
        except ValueError:
            if "/" in entry:
                raise RosinError(f"{entry!r} is not a network; write for example 192.168.1.0/24") from None
            found.append(ipaddress.IPv4Network(address_of(entry.strip())))
    return tuple(found)
