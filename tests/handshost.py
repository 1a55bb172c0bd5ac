"""The hands on a table: a real link, real OSC on a free port, MIDI from a fake driver, frames set by the test."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.fakes import FakeDriver
from instrument.hands.midi.ports import DriverFinder
from instrument.hands.osc.codec import read, write
from instrument.hands.osc.receiver import OscEar
from instrument.hands.process import Beginning, Hands
from instrument.hands.state.counts import LogEntry
from instrument.hands.state.learned import Savers
from instrument.hands.state.patch_list import PatchList
from instrument.hands.state.positions import SETTLE_SECONDS
from instrument.ipc import Gesture, Kind, Link, Source
from instrument.knobs import KnobTable, Label, LatentSpec, table_for

LATENTS = (
    LatentSpec("pitch", Label("pitch", "hauteur"), "pitch", 36.0, 84.0, 57.0),
    LatentSpec("loud", Label("loudness", "force"), "loudness", -80.0, 0.0, -20.0),
    *(LatentSpec(f"z{i}", Label(f"z{i}", f"z{i}")) for i in range(2, 6)),
)
TABLE = table_for(LATENTS)
SMALL = table_for(LATENTS[:3])
PATCHES = ("strings", "Glass", "tin")
CONTROLLER = "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0"


class Table:
    """Hands with everything round them in reach."""

    def __init__(self, hands: Hands, link: Link, driver: FakeDriver, saved: list[list[dict[str, Any]]]) -> None:
        self.hands, self.link, self.driver, self.saved = hands, link, driver, saved
        self.said: list[LogEntry] = []
        self.hand = np.zeros(256, np.float32)
        self.origin = np.zeros(256, np.uint8)
        self.patch, self.table = 0, TABLE
        self.sockets: list[socket.socket] = []

    @property
    def osc_at(self) -> tuple[str, int]:
        assert self.hands.osc is not None
        return self.hands.osc.ear.where

    def client(self, host: str = "127.0.0.1") -> Client:
        assert self.hands.osc is not None
        client = Client(self.osc_at, host, self.hands.osc.ear)
        self.sockets.append(client.socket)
        return client

    def step(self, times: int = 3) -> list[Gesture]:
        for _ in range(times):
            self.hands.step()
        return self.link.hands.pop(4096)

    def midi(self, *messages: tuple[int, ...], port: str | None = None) -> list[Gesture]:
        """Messages from the controller, the gestures they make."""
        inlet = self.driver.mine if port is None else self.driver.inlets[port]
        inlet.queue += [list(message) for message in messages]
        return self.step(1)

    def frame(self, origin: int | None = None, hand: Mapping[str, float] | None = None, **fields: Any) -> None:
        """What the sound publishes: every knob of the table where ``hand`` says, moved by ``origin``."""
        frame = self.link.frames.scratch()
        for knob, raw in (hand or {}).items():
            self.hand[self.table.index(knob)] = raw
            if origin is not None:
                self.origin[self.table.index(knob)] = origin
        frame.hand, frame.origin = self.hand, self.origin
        frame.patch, frame.knob_count, frame.playable = self.patch, len(self.table), self.table.playable_count
        frame.time = fields.pop("time", time.monotonic() + SETTLE_SECONDS + 0.001)  # it has seen all that was asked
        for name, value in fields.items():
            frame[name] = value
        self.link.frames.publish(frame)

    def see(self, seconds: float = 0.05) -> None:
        """Long enough for the hands to have looked at the frame."""
        self.hands._frame_at = 0.0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.hands.step()


class Client:
    """An OSC client on a socket of its own. With ``ear`` a message has come when ``send`` returns.

    A busy kernel may leave even a datagram to the same machine on its way for milliseconds.
    """

    def __init__(self, at: tuple[str, int], host: str = "127.0.0.1", ear: OscEar | None = None) -> None:
        self.ear = ear
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.at = at
        self.where: tuple[str, int] = self.socket.getsockname()

    def send(self, address: str, *args: float | int | str) -> None:
        self.raw(write(address, *args))

    def raw(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.at)
        if self.ear is not None:
            select.select([self.ear], [], [], 1.0)

    def heard(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Everything that came since the last call, in order."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages, bad = read(self.socket.recv(65535))
                assert not bad
                found += [(m.address, m.args) for m in messages]
        return found


def hands_of(
    link: Link, osc: OscOptions, midi: MidiOptions, save: Any = None, say: Any = None, find: DriverFinder | None = None,
    tables: Callable[[int], KnobTable] = lambda patch: TABLE, patches: Any = PATCHES, save_osc: Any = None,
    patch: int = 0, patient: bool = False, waits: bool = False,
) -> Hands:  # fmt: skip
    """Hands that save nothing, unless they are told where."""

    def nowhere(rows: object) -> None:
        pass

    savers = Savers(save or nowhere, save_osc or nowhere)
    return Hands(link, PatchList(patches, tables), osc, midi, savers, say, find, Beginning(patch, patient, waits))


@contextlib.contextmanager
def on_the_table(
    osc: OscOptions = OscOptions("127.0.0.1:0"),  # noqa: B008
    midi: MidiOptions = MidiOptions(),  # noqa: B008
    tables: Callable[[int], KnobTable] = lambda patch: TABLE if patch == 0 else SMALL,
    find: DriverFinder | None = None,
    index: int = 0,
) -> Iterator[Table]:
    link = Link.create()
    driver = FakeDriver(CONTROLLER)
    saved: list[list[dict[str, Any]]] = []
    said: list[LogEntry] = []
    hands = hands_of(link, osc, midi, saved.append, said.append, find or (lambda: driver), tables, patch=index)
    table = Table(hands, link, driver, saved)
    table.said = said
    try:
        table.step()
        yield table
    finally:
        hands.close()
        for one in table.sockets:
            one.close()
        link.close()


def kinds(gestures: list[Gesture]) -> list[Kind]:
    return [Kind(gesture.kind) for gesture in gestures]


def moves(gestures: list[Gesture]) -> list[tuple[int, float]]:
    """The knobs moved, as (index, raw to six digits)."""
    return [(g.knob, round(g.value, 6)) for g in gestures if g.kind == Kind.KNOB]


__all__ = ["CONTROLLER", "PATCHES", "SMALL", "TABLE", "Client", "Source", "Table", "kinds", "moves", "on_the_table"]
