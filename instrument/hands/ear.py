"""OSC: the ear. A UDP socket and a loop over recvfrom; datagrams to messages with sender and time. Before the book.

python-osc's own servers are not used: a future timetag blocks their thread, datagrams over 8 KiB vanish, and every
malformed one is a traceback. Here nothing waits and nothing raises; what is wrong is counted and, once a minute, said.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from instrument.errors import RosinError
from instrument.hands import wire
from instrument.hands.counts import Counts, Events
from instrument.hands.settings import OscSettings, Where, networks, where

BUFFER_BYTES = 1 << 20
DATAGRAM_BYTES_MAX = 65535
DATAGRAMS_PER_PASS = 256
PASS_SECONDS = 0.002
"""A flood may keep the hands from MIDI and from the clock no longer than this."""
SCHEDULE_SECONDS = 0.2


class Heard(NamedTuple):
    """A message: who sent it, and the monotonic time at which it is meant."""

    message: wire.Message
    sender: Where
    time: float


class OscEar:
    """Binds at once; RosinError when it cannot. ``where`` is what it got (port 0 asks for any)."""

    def __init__(self, settings: OscSettings, counts: Counts, events: Events) -> None:
        self._schedule, self._allow = settings.schedule, networks(settings.allow)
        self._counts, self._events = counts, events
        self._known: dict[str, bool] = {}
        self.socket = _bound(where(settings.listen))
        self.where: Where = self.socket.getsockname()
        self.last: Heard | None = None
        """The last message heard, with the timetag of its bundle."""

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> list[Heard]:
        """What has come, oldest first, stamped with its arrival (or its timetag, if the rig schedules)."""
        heard: list[Heard] = []
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

    def _read(self, datagram: bytes, sender: Where, now: float, heard: list[Heard]) -> None:
        try:
            messages, bad = wire.read(datagram)
        except wire.Malformed:
            messages, bad = [], 1
        if bad:
            self.malformed(sender, bad)
        self._counts.osc_messages += len(messages)
        if not self._schedule:
            heard += [Heard(message, sender, now) for message in messages]
            return
        to_monotonic = now - time.time()
        for message in messages:
            meant = message.unix_time
            at = now if meant is None else meant + to_monotonic
            # Further away is another machine's clock gone wrong, not music: act at once.
            heard.append(Heard(message, sender, at if abs(at - now) <= SCHEDULE_SECONDS else now))

    def malformed(self, sender: Where, count: int = 1) -> None:
        self._counts.osc_malformed += count
        self._events.complain("hands.osc.malformed", sender=sender[0])

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
        """Whether that address is this socket's own machine, as far as the socket knows it."""
        return host == self.where[0] or host.startswith("127.")

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


def _bound(at: Where) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        found.bind(at)
    except OSError as error:
        found.close()
        host, port = at
        if error.errno == errno.EADDRINUSE:
            said = f"OSC port {port} is already in use; close the program that has it or listen on {host}:{port + 1}"
        elif error.errno == errno.EADDRNOTAVAIL:
            said = (
                f"this machine has no address {host}; listen on 127.0.0.1:{port}, or 0.0.0.0:{port} for every network"
            )
        elif error.errno == errno.EACCES:
            said = f"OSC port {port} is not for everyone; listen on a port above 1023, for example {host}:9000"
        else:
            said = f"OSC cannot listen on {host}:{port} ({error.strerror}); choose another HOST:PORT"
        raise RosinError(said) from None
    return found
