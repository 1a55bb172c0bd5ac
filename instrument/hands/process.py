"""Hands: the room's loop. OSC, MIDI and the newest frame in; gestures, echo, pushback and health out.

One thread: the socket wakes it, MIDI is polled at every pass, the newest frame is looked at 60 times a second for
where the knobs are, which is also how often motors and lights are moved. Nothing that arrives from outside can end it:
each message is taken on its own, and whatever goes wrong with one is counted, said once a minute, and over.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instrument.base.errors import RosinError
from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.handover import HandsHandover
from instrument.hands.midi.driver import finder
from instrument.hands.midi.hand import LearnRequest, MidiHand
from instrument.hands.midi.mpe import Mpe
from instrument.hands.midi.ports import DriverFinder, Ports
from instrument.hands.midi.wires import Wires
from instrument.hands.osc.addresses import OscMappings, read_addresses
from instrument.hands.osc.hand import Around, OscHand
from instrument.hands.osc.osc_learn import OscLearn
from instrument.hands.osc.waiting import Waiting
from instrument.hands.settings import NotYet
from instrument.hands.state.bindings import read_bindings
from instrument.hands.state.counts import GAUGES, Counts, EventLog, LogEntry
from instrument.hands.state.learn_server import LearnServer
from instrument.hands.state.learned import Savers
from instrument.hands.state.outbox import Outbox
from instrument.hands.state.patch_list import PatchList
from instrument.hands.state.positions import Positions
from instrument.hands.state.reach import Pickup
from instrument.hands.state.takeover import mode_of
from instrument.ipc import Gesture, Link
from instrument.ipc.health import COUNTERS

WAIT_SECONDS = 0.001
IDLE_SECONDS = 0.01
FRAME_SECONDS = 1 / 60
HEALTH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Beginning:
    """``patch``: plays while no frame has told yet: what is heard before the first block counts too.

    ``patient``: they take over from others, and no OSC for now is no reason to leave MIDI alone too. ``waits``: nor
    is it when the network is not there yet.
    """

    patch: int = 0
    patient: bool = False
    waits: bool = False


BEGINNING = Beginning()


class Hands:
    """``save`` is given all that was learned, as rows for the rig, whenever something was learned or let go. ``say`` is
    given each LogEntry; without it they go to the link's health row. ``find`` replaces the MIDI driver (see
    fakes.FakeDriver).
    RosinError if the settings cannot be (port in use, wrong bindings); after that nothing raises.
    """

    def __init__(
        self,
        link: Link,
        patches: PatchList,
        osc: OscOptions,
        midi: MidiOptions,
        save: Savers,
        say: Callable[[LogEntry], None] | None = None,
        find: DriverFinder | None = None,
        begin: Beginning = BEGINNING,
    ) -> None:
        self._link, self._patches = link, patches
        self._row = link.health.row("hands")
        self.counts = Counts()
        self.events = EventLog(say if say is not None else self._say_in_row)
        self._patch_count = len(patches.names)
        frame = link.frames.latest()
        begins = begin.patch if frame is None else frame.patch
        self.patch = begins if begins < self._patch_count else 0
        self.positions = Positions(patches.table(self.patch))
        if frame is not None and frame.knob_count == len(self.positions.table):
            self.positions.see(frame.hand, frame.time)
        self.midi = MidiHand(
            read_bindings(midi.bindings),
            mode_of(midi.takeover),
            self.positions,
            self._patch_count,
            self._post,
            save.midi,
            self.counts,
            self.events,
        )
        self.midi.mpe = lambda: Mpe(midi.mpe, midi.mpe_bend)  # type: ignore[arg-type]
        self._out = Outbox(link.hands.push, self.midi.held, self.counts, self.events)
        self.ports: Ports | None = None
        if midi.api != "off" or find is not None:
            self.ports = Ports(find or finder(midi.api, keeper=Wires(self._row)), midi.ports, self.counts, self.events)
        self.osc: OscHand | None = None
        usual = mode_of(midi.takeover)
        # There whether or not OSC can be heard: what is freed of its controllers is freed of those addresses too.
        self._foreign = OscLearn(
            OscMappings(read_addresses(osc.bindings), usual, self.positions.table),
            self.midi,
            self.positions,
            osc.root,
            save.osc,
            self.events,
        )
        self._learn_server = LearnServer(link.health, self.midi, self.positions, self._foreign)
        self._handover = HandsHandover(link.memos["hands"])

        around = Around(
            self.positions, self.midi, self._foreign, self._out.post_osc, self._keep, self.counts, self.events
        )

        def listen(numbers: OscOptions) -> OscHand:
            return OscHand(numbers, patches, around, self.patch)

        self._waiting = Waiting(osc, listen)
        if osc.listen not in ("", "off"):
            mild = (RosinError,) if begin.patient else (NotYet,) if begin.waits else ()
            try:
                self._listens(listen(osc))
            except mild as error:
                self._waiting.begin(time.monotonic())
                self.events.complain("hands.osc.waits", why=error)
        self._handover.take(self.midi, self.osc, self.patch, frame)
        self._ports_version = 0
        self._frame_at = self._health_at = 0.0
        self._reported: dict[str, int] = {}

    def _listens(self, osc: OscHand) -> None:
        """OSC is there, from the beginning or at last."""
        self.osc = osc
        self._handover.join(osc, time.monotonic())

    def _look_for_osc(self, now: float) -> None:
        try:
            if (osc := self._waiting.look(now)) is not None:
                self._listens(osc)
        except RosinError as error:
            self.events.complain("hands.osc.waits", why=error)

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Play until ``stop()``. Enters and beats in the health table."""
        self._row.enter()
        try:
            while not stop():
                self.step()
        finally:
            self.close()

    def step(self, wait_seconds: float = WAIT_SECONDS) -> None:
        """One pass: wait for a datagram, at most so long while MIDI is to be polled; then take what there is."""
        something = self._wait(wait_seconds)
        if something and self.osc is not None:
            for heard in self._safely(self.osc.ear.receive) or ():
                self._safely(self.osc.take, heard)
            self._safely(self.osc.flush)
        now = time.monotonic()
        if self.ports is not None:
            self._safely(self._poll, self.ports, now)
        if now >= self._frame_at:
            self._frame_at = now + FRAME_SECONDS
            self._safely(self._look, now)
            self._safely(self._learn_server.look, self.patch, now)
            self._safely(self._handover.write, self.midi, self.osc, self.patch, now)
            self._safely(self._look_for_osc, now)
            if self.osc is not None:
                self._safely(self.osc.wait_no_longer, now)
            self._safely(self._foreign.settle, now)
        self._safely(self.midi.settle, time.monotonic())
        self._safely(self._out.flush)
        if now >= self._health_at:
            self._health_at = now + HEALTH_SECONDS
            self._report(now)

    def close(self) -> None:
        if self.ports is not None:
            self.ports.close()
        self._foreign.settle(float("inf"))
        if self.osc is not None:
            self.osc.ear.close()
        self._report(time.monotonic())

    def _wait(self, seconds: float) -> bool:
        """Whether a datagram has come."""
        if self.ports is None or not self.ports.open:  # nothing to poll: sleep on, the socket wakes us anyway
            seconds = max(seconds, min(IDLE_SECONDS, self._frame_at - time.monotonic()))
        try:
            return bool(select.select([] if self.osc is None else [self.osc.ear], [], [], seconds)[0])
        except (OSError, ValueError):  # no socket to wait for
            time.sleep(seconds)
            return True

    def _safely(self, act: Callable[..., Any], *args: Any) -> Any:
        """On stage there is no traceback. A fault of ours is counted apart from what others send."""
        try:
            return act(*args)
        except Exception as fault:
            self.counts.faults += 1
            self.events.complain("hands.fault", why=f"{type(fault).__name__}: {fault}"[:200])
            return None

    def _post(self, gesture: Gesture) -> None:
        self._out.post(gesture)

    def _keep(self, name: str) -> None:
        """The name of an accident to be kept, for the sound to find when the gesture comes to it."""
        self._link.names.speak(name)

    def _poll(self, ports: Ports, now: float) -> None:
        before, open_before = ports.names, ports.inlets
        self._safely(ports.look, now)  # whatever it falls over, who went is let go of below
        for port, data in ports.poll():
            self._safely(self.midi.take, port, data, time.monotonic())
        for port in set(open_before) - set(ports.inlets):
            self.midi.forget(port)
        if ports.names != before:
            self._row.set_text("ports", ", ".join(ports.names))
        if ports.version != self._ports_version:  # also by what failed while it was sent to
            self._ports_version = ports.version
            self.midi.pushback.forget(ports.outlets)

    def _look(self, now: float) -> None:
        """At the newest frame: which patch is playing, where the knobs are."""
        frame = self._link.frames.latest()
        if frame is None:
            return
        if frame.patch != self.patch and frame.patch < self._patch_count:
            self._change(frame.patch)
        if frame.knob_count != len(self.positions.table):
            return  # the sound plays another table than we know: between two patches
        self.positions.see(frame.hand, frame.time)
        if self.ports is not None:
            self.midi.pushback.look(frame, now, self.ports.send)
        if self.osc is not None:
            self.osc.tell(frame, now)

    def _change(self, patch: int) -> None:
        """Another patch: its knobs, its addresses; no controller has caught anything, and no push is meant for it."""
        self._link.hands.held.other_patch()
        self.patch = patch
        self.positions.change(self._patches.table(patch))
        self.midi.place()
        self._foreign.mappings.place(self.positions.table)
        if self.osc is not None:
            self.osc.place(patch)

    @property
    def pickups(self) -> list[Pickup]:
        """How far each knob is from the controller that is to catch it."""
        return self.midi.mappings.pickups()

    def learn(self, knob: str, **request: Any) -> bool:
        """Arm: the next control moved will move ``knob``. Keywords as in Wish. False when there is no such knob."""
        return self.midi.arm(LearnRequest(knob, **request))

    def _say_in_row(self, event: LogEntry) -> None:
        self._row.say(str(event))

    def _report(self, now: float) -> None:
        self._row.beat(now)
        self.counts.osc_clients = len(self.osc.echo.clients) if self.osc is not None else 0
        for name in self.counts.__slots__:
            count, before = getattr(self.counts, name), self._reported.get(name, 0)
            if name not in COUNTERS or count == before:
                continue
            self._reported[name] = count
            if name in GAUGES:
                self._row.put(name, count)
            else:
                self._row.add(name, count - before)
