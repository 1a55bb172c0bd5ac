"""Echo: one of the two ways back. What moved a knob, told to OSC clients; never to the client that moved it.

Plain messages on the knob's own address, at most 30 a second each, only what the client does not know yet; beside
them what the instrument says of itself under /rosin/out. Clients are the rig's echo list, for ever, and whoever sends
/rosin/sync: those until nothing came from them for 60 s or 8 datagrams in a row could not be sent. A /sync is nothing
but forgetting what that client knows; the dump then goes out in portions, because UDP loses bursts.

Who sent a datagram cannot be known: somebody else may be named as its sender, who is then told what he never asked. So
words pay for what is said: the first for everything once, each for another kilobyte as fast as it changes, so that who
plays is told all there is. What is not paid for comes every other second, and ever more seldom the longer nothing was
heard. Everything is said once a second at most. What is told to this very machine floods nobody: always as fast as it
changes, and everything as often as it is asked. A host out on the internet that is not allowed by name is told nothing.
Who comes when all places are taken is given the place of who never said anything but /sync, or only once; of those
whose sender has most places; of those the one silent for longest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instrument.hands.osc import codec
from instrument.hands.settings import Where
from instrument.ipc import Frame, Source
from instrument.knobs import SCENES, KnobTable

INTERVAL_SECONDS = 1 / 30
FORGET_SECONDS = 60.0
SENDERS_MAX = 8
FAILURES_MAX = 8
CLIENTS_MAX = 16
"""Those of the rig's echo list not counted."""
HOST_CLIENTS_MAX = 4
"""Of one other machine."""
WORD_BYTES = 1024
"""A message, of 16 bytes at least, pays for so many told as fast as things change: no reflector of false names."""
CREDIT_BYTES = 64 * WORD_BYTES
"""What a second of playing pays in advance: several seconds of everything."""
SLOW_SECONDS = 2.0
"""From one value to the next where nothing is paid for; half the silence of who is told, if that is longer."""
AGAIN_SECONDS = 1.0
"""A client is told everything at most so often; what it asks in between is answered then."""
PORTION = 64
"""Knobs told to one client in one go; the rest 1/60 s later."""

DETENTS = ("detents", "detent_strength", "snap_point", "endstop_strength")
"""What makes a haptic knob feel like ours, under SmartKnob's names."""

TELLS: dict[str, Callable[[Frame, int], tuple[float, ...]]] = {
    "out/level": lambda frame, playable: (frame.rms,),
    "out/peak": lambda frame, playable: (frame.peak,),
    "out/load": lambda frame, playable: (frame.load,),
    "out/xruns": lambda frame, playable: (frame.xruns,),
    "out/patch": lambda frame, playable: (frame.patch,),
    "out/scene": lambda frame, playable: (_scene(frame),),
    "out/scenes": lambda frame, playable: tuple(frame.scenes >> slot & 1 for slot in range(SCENES)),
    "out/known": lambda frame, playable: (frame.known,),
    "out/unknown": lambda frame, playable: (frame.unknown,),
    "out/z": lambda frame, playable: tuple(frame.latent[:playable].tolist()),
}
"""What a frame says at each address that is told (endpoints.TOLD). Who knows the neighbours tells the rest."""
TELLS_OF_KNOB: dict[str, Callable[[Frame, int], float]] = {
    "hand": lambda frame, knob: float(frame.hand[knob]),
    "pos": lambda frame, knob: float(frame.pos[knob]),
    "force": lambda frame, knob: float(frame.force[knob]),
    "stuck": lambda frame, knob: int(frame.stuck[knob]),
}
"""And of each playable knob, where details are wanted."""

Send = Callable[[bytes, Where], bool]
Line = tuple[str, tuple[float | str, ...]]
"""An address and what is said there."""


@dataclass(eq=False)
class Client:
    """One that is told. ``knows`` and ``told_at`` per knob; NaN = does not know."""

    where: Where
    fixed: bool
    heard_at: float
    senders: dict[Where, None] = field(default_factory=dict)
    """From where it was asked for, the last few."""
    knows: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    told_at: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    out: dict[str, tuple[tuple[float | str, ...], float]] = field(default_factory=dict)
    failures: int = 0
    rank: int = 0
    """0: it has asked once; 1: it has been heard of since; 2: it has also said something else than /sync."""
    came_at: float = math.inf
    credit: int = 0
    """Bytes that are paid for."""
    forgot_at: float = -math.inf
    asks: bool = False
    """It has asked to be told everything, which is yet to come."""

    @property
    def trusted(self) -> bool:
        """Whether it floods nobody: one of the rig's list, or on this machine."""
        return self.fixed or self.where[0].startswith("127.")

    def interval(self, now: float) -> float:
        """Seconds from one value of an address to the next."""
        if self.trusted or self.credit > 0:
            return INTERVAL_SECONDS
        return max(SLOW_SECONDS, (now - self.heard_at) / 2)

    def begin_again(self, knobs: int, now: float) -> None:
        """Tell it everything, if it has asked and was not just told."""
        if self.asks and (self.trusted or now - self.forgot_at >= AGAIN_SECONDS):
            self.asks, self.forgot_at = False, now
            self.forget(knobs)

    def forget(self, knobs: int) -> None:
        self.knows = np.full(knobs, np.nan, np.float32)
        self.told_at = np.full(knobs, -np.inf)
        self.out = {}


class Echo:
    """``tell`` on every frame looked at, about 60 a second; ``moved`` whenever an OSC message moved a knob."""

    def __init__(self, targets: Sequence[Where], root: str, send: Send, detail: bool = False) -> None:
        self._root, self._send, self._detail = root, send, detail
        self._addresses: tuple[str, ...] = ()
        self._table: KnobTable | None = None
        self._detents: list[tuple[str, int]] = []
        self._movers: dict[int, Where] = {}
        self.clients = [Client(target, True, 0.0) for target in targets]

    def change(self, addresses: tuple[str, ...], table: KnobTable | None = None) -> None:
        """Another patch: nobody knows anything of these knobs. With ``table`` the detents of each can be told."""
        self._addresses, self._table = addresses, table
        self._detents = _detents(addresses, table) if self._detail and table is not None else []
        self._movers.clear()
        for client in self.clients:
            client.forget(len(addresses))

    def sync(self, sender: Where, port: int | None, now: float) -> Client | None:
        """Tell this sender everything, now and from now on. The client if it is new, None otherwise."""
        to = sender if port is None else (sender[0], port)
        client = next((c for c in self.clients if c.where == to), None)
        new = client is None
        if client is None:
            client = Client(to, False, now, came_at=now)
            self.clients.append(client)
        client.senders[sender] = None
        if len(client.senders) > SENDERS_MAX:
            del client.senders[next(iter(client.senders))]
        client.heard_at, client.asks = now, True
        client.begin_again(len(self._addresses), now)
        return client if new else None

    def make_room(self) -> list[Client]:
        """Those that have to give way to who has just come."""
        gone = []
        while (crowd := self._crowd()) is not None:
            many = Counter(sender for client in crowd for sender in client.senders)
            first = min(crowd, key=lambda c: (c.rank, -max(map(many.__getitem__, c.senders)), c.heard_at))
            self.clients.remove(first)
            gone.append(first)
        return gone

    def _crowd(self) -> list[Client] | None:
        """Clients of whom there are too many, without the newest: of one host on the network, or in all."""
        asked = [client for client in self.clients if not client.fixed]
        if not asked:
            return None
        host = asked[-1].where[0]
        here = [client for client in asked if client.where[0] == host]
        if len(here) > HOST_CLIENTS_MAX and not host.startswith("127."):
            return here[:-1]
        return asked[:-1] if len(asked) > CLIENTS_MAX else None

    def heard(self, sender: Where, now: float, is_sync: bool = False) -> None:
        """Any traffic keeps a client, and pays for what it is told."""
        for client in [client for client in self.clients if self._is_source(client, sender)]:
            client.heard_at = now
            client.credit = min(client.credit + WORD_BYTES, CREDIT_BYTES)
            if not is_sync:
                client.rank = 2
            elif now - client.came_at >= AGAIN_SECONDS:
                client.rank = max(client.rank, 1)

    def moved(self, knob: int, sender: Where) -> None:
        self._movers[knob] = sender

    def _is_source(self, client: Client, sender: Where | None) -> bool:
        """Whether this client is where a message came from, as far as addresses tell.

        Many apps send from one port and listen on another. On the network a host with one client is that client; on
        this machine it may be anybody, so there the port must agree or have been named in a /sync.
        """
        if sender is None:
            return False
        if client.where == sender or sender in client.senders:
            return True
        if sender[0] != client.where[0] or sender[0].startswith("127."):
            return False
        return sum(c.where[0] == sender[0] for c in self.clients) == 1

    def tell(
        self, frame: Frame, distances: Sequence[tuple[str, float]], now: float, more: Sequence[Line] = ()
    ) -> list[Client]:
        """Send every client what it does not know yet; returns the clients that were forgotten. ``more``: besides."""
        hand = frame.hand[: len(self._addresses)]
        origin = frame.origin
        lines: list[Line] = [*self._lines(frame, distances), *more] if self.clients else []
        for client in self.clients:
            client.begin_again(len(self._addresses), now)
            interval = client.interval(now)
            self._tell_knobs(client, hand, origin, now, interval)
            for address, values in lines:
                known = client.out.get(address)
                if known is None or (known[0] != values and now - known[1] >= interval):
                    client.out[address] = (values, now)
                    self._to(client, codec.write(address, *values))
        gone = [
            c for c in self.clients if not c.fixed and (now - c.heard_at > FORGET_SECONDS or c.failures >= FAILURES_MAX)
        ]
        self.clients = [c for c in self.clients if c not in gone]
        return gone

    def _tell_knobs(
        self, client: Client, hand: NDArray[np.float32], origin: NDArray[np.uint8], now: float, interval: float
    ) -> None:
        due = (hand != client.knows[: len(hand)]) & (now - client.told_at[: len(hand)] >= interval)
        for knob in np.flatnonzero(due & np.isfinite(hand))[:PORTION].tolist():
            first = np.isnan(client.knows[knob])
            client.knows[knob] = hand[knob]
            if not first and origin[knob] == Source.OSC and self._is_source(client, self._movers.get(knob)):
                continue  # it knows: it did it
            client.told_at[knob] = now
            self._to(client, codec.write(self._addresses[knob], float(hand[knob])))

    def _to(self, client: Client, datagram: bytes) -> None:
        client.credit = max(0, client.credit - len(datagram))
        client.failures = 0 if self._send(datagram, client.where) else client.failures + 1

    def _lines(self, frame: Frame, distances: Sequence[tuple[str, float]]) -> list[tuple[str, tuple[float, ...]]]:
        """What the instrument says of itself. Numbers only: a text among them upsets those who read a stream."""
        playable = min(frame.playable, len(self._addresses))
        lines = [(f"{self._root}/{address}", tell(frame, playable)) for address, tell in TELLS.items()]
        if self._detail:
            for i in range(playable):
                at = self._addresses[i]
                lines += [(f"{at}/{name}", (tell(frame, i),)) for name, tell in TELLS_OF_KNOB.items()]
            lines += [(address, (self._value(frame, knob),)) for address, knob in self._detents]
            lines += [(f"{self._root}/knob/{knob}/distance", (distance,)) for knob, distance in distances]
        return [(address, values) for address, values in lines if values and all(map(math.isfinite, values))]

    def _value(self, frame: Frame, parameter: int) -> float:
        """What a parameter is at, in its unit."""
        raw = float(frame.hand[parameter])
        return raw if self._table is None or raw != raw else self._table[parameter].value(raw)


def _scene(frame: Frame) -> int:
    """The scene last recalled or saved, from 1; 0: none."""
    return frame.scene + 1 if frame.scene >= 0 and frame.scenes >> frame.scene & 1 else 0


def _detents(addresses: Sequence[str], table: KnobTable) -> list[tuple[str, int]]:
    """The addresses of every playable knob's detents, and the parameter each tells: the knob's own, or everybody's."""
    found = []
    for address, knob in zip(addresses, table.playable, strict=False):
        for name in DETENTS:
            for id in (f"friction.{name}.{knob.id}", f"friction.{name}"):
                if id in table:
                    found.append((f"{address}/{name}", table.index(id)))
                    break
    return found
