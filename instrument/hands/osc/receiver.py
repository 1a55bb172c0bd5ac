"""Receiver: a UDP socket and a loop over recvfrom; datagrams to messages with sender and time. Before the namespace.

python-osc's own servers are not used: a future timetag blocks their thread, datagrams over 8 KiB vanish, and every
malformed one is a traceback. Here nothing waits and nothing raises; what is wrong is counted and, once a minute, said.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from instrument.base.errors import RosinError
from instrument.documents.options import OscOptions
from instrument.hands.osc import codec
from instrument.hands.settings import HERE, NotYet, Where, networks, where
from instrument.hands.state.counts import Counts, EventLog, clipped

BUFFER_BYTES = 1 << 20
DATAGRAM_BYTES_MAX = 65535
DATAGRAMS_PER_PASS = 256
PASS_SECONDS = 0.002
"""A flood may keep the hands from MIDI and from the clock no longer than this."""
SCHEDULE_SECONDS = 0.2


class Received(NamedTuple):
    """A message: who sent it, and the monotonic time at which it is meant."""

    message: codec.ReadMessage
    sender: Where
    time: float


class OscEar:
    """Binds at once; RosinError when it cannot. ``where`` is what it got (port 0 asks for any)."""

    def __init__(self, settings: OscOptions, counts: Counts, events: EventLog) -> None:
        self._schedule, self._allow = settings.schedule, networks(settings.allow)
        self._counts, self._events = counts, events
        self._known: dict[str, bool] = {}
        self.socket = _bound(where(settings.listen))
        self.where: Where = self.socket.getsockname()
        self.last: Received | None = None
        """The last message heard, with the timetag of its bundle."""

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> list[Received]:
        """What has come, oldest first, stamped with its arrival (or its timetag, if the rig schedules)."""
        heard: list[Received] = []
        until = time.monotonic() + PASS_SECONDS
        for _ in range(DATAGRAMS_PER_PASS):
            try:
                datagram, sender = self.socket.recvfrom(DATAGRAM_BYTES_MAX)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBADF):
                    break
                continue  # Windows tells of a client's closed port here
            now = time.monotonic()
            if self._allowed(sender):
                self._read(datagram, sender, now, heard)
            if now > until:
                break
        if heard:
            self.last = heard[-1]
        return heard

    def _read(self, datagram: bytes, sender: Where, now: float, heard: list[Received]) -> None:
        wrong: list[codec.NotOsc] = []
        try:
            messages, _ = codec.read(datagram, wrong)
        except codec.NotOsc as error:
            messages, wrong = [], [error]
        if wrong:
            self._malformed(sender, wrong)
        self._counts.osc_messages += len(messages)
        if not self._schedule:
            heard += [Received(message, sender, now) for message in messages]
            return
        to_monotonic = now - time.time()
        for message in messages:
            meant = message.unix_time
            at = now if meant is None else meant + to_monotonic
            # Further away is another machine's clock gone wrong, not music: act at once.
            heard.append(Received(message, sender, at if abs(at - now) <= SCHEDULE_SECONDS else now))

    def _malformed(self, sender: Where, wrong: Sequence[codec.NotOsc]) -> None:
        """What came and could not be read: no OSC at all, or OSC of a kind or size that is not taken."""
        self._counts.osc_malformed += len(wrong)
        for error in {type(error): error for error in wrong}.values():
            if isinstance(error, codec.OscRefused):
                values = {"sender": sender[0], "address": clipped(error.address), **error.values}
                self._events.complain(error.key, f"{sender[0]} {error.address}", "", **values)
            else:
                self._events.complain("hands.osc.malformed", sender[0], sender=sender[0])

    def _allowed(self, sender: Where) -> bool:
        if sender[1] == self.where[1] and self.is_here(sender[0]):
            return False  # our own echo come back
        if not self._allow:
            return True
        allowed = self._known.get(sender[0])
        if allowed is None:
            if len(self._known) > 1024:
                self._known.clear()
            allowed = self._known[sender[0]] = _within(sender[0], self._allow)
        if not allowed:
            self._counts.osc_refused += 1
            self._events.complain("hands.osc.refused", sender=sender[0])
        return allowed

    def is_here(self, host: str) -> bool:
        """Whether that address is this socket's own machine."""
        return host == self.where[0] or host.startswith("127.") or is_own(host)

    def is_near(self, host: str) -> bool:
        """Whether a host may be told what it asks for: it is allowed, or on a private network, where we are known."""
        return bool(self._allow) or not IPv4Address(host).is_global

    def send(self, datagram: bytes, to: Where) -> bool:
        """From the socket we hear on, so that an answer finds us. False: it could not be sent."""
        try:
            self.socket.sendto(datagram, to)
        except OSError:
            self._counts.osc_dropped += 1
            return False
        self._counts.osc_echoed += 1
        return True

    def close(self) -> None:
        self.socket.close()


def _within(host: str, allow: Sequence[IPv4Network]) -> bool:
    address = IPv4Address(host)
    return any(address in network for network in allow)


@lru_cache(maxsize=64)
def is_own(host: str) -> bool:
    """Whether this machine has that address: only one of its own can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.bind((host, 0))
        except OSError:
            return False
        return True


def _bound(at: Where) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group = IPv4Address(at[0]).is_multicast
    try:
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)  # else nothing in [osc] echo could be a broadcast
        if group:  # several programs of one machine may hear a group
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("", at[1]) if group and sys.platform == "win32" else at)
    except OSError as error:
        found.close()
        host, port = at
        wrong: type[RosinError] = RosinError
        if error.errno == errno.EADDRINUSE:
            said = f"OSC port {port} is already in use; close the program that has it or listen on {host}:{port + 1}"
        elif error.errno == errno.EADDRNOTAVAIL:
            wrong = NotYet
            said = (
                f"this machine has no address {host}; listen on 127.0.0.1:{port}, or 0.0.0.0:{port} for every network"
            )
        elif error.errno == errno.EACCES:
            said = f"OSC port {port} is not for everyone; listen on a port above 1023, for example {host}:9000"
        else:
            said = f"OSC cannot listen on {host}:{port} ({error.strerror}); choose another HOST:PORT"
        raise wrong(said) from None
    if group and not _joined(found, at[0]):
        found.close()
        raise NotYet(f"this machine has no network on which it can join the group {at[0]}; listen on 0.0.0.0:{at[1]}")
    return found


def _joined(found: socket.socket, group: str) -> bool:
    """A multicast group is heard only by who has joined it: on the network the system would send it to, and here."""
    joined = 0
    for network in ("0.0.0.0", HERE):
        with contextlib.suppress(OSError):
            member = socket.inet_aton(group) + socket.inet_aton(network)
            found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            joined += 1
    return joined > 0
