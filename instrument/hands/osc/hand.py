"""OSC hand: the hand on the network. What the receiver heard to gestures, by the namespace; keeps the echo.
Beside midi.

Of several messages that say where one thing is, in one pass, only the newest becomes a gesture: a client that sends a
thousand positions a second is not meant to be played one by one. Notes and triggers all count, in their order.

A client that loads a patch and sets its knobs in one breath means the knobs of the new patch: what comes between the
asking and the change waits for it, half a second at most.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.paths import file_name
from instrument.documents.feels import find_feels, open_feel
from instrument.documents.options import OscOptions
from instrument.hands.midi.hand import LearnRequest, MidiHand
from instrument.hands.osc.arguments import kept
from instrument.hands.osc.codec import number, shown
from instrument.hands.osc.echo import Client, Echo
from instrument.hands.osc.endpoints import ENDPOINTS
from instrument.hands.osc.handlers import FOR_THE_HANDS, UNTOLD
from instrument.hands.osc.match import PatternError
from instrument.hands.osc.namespace import VOICE, Addressed, Namespace, NoFeel
from instrument.hands.osc.neighbours import Neighbours
from instrument.hands.osc.osc_learn import OscLearn
from instrument.hands.osc.receiver import OscEar, Received
from instrument.hands.settings import Where, where
from instrument.hands.state.counts import Counts, EventLog, LogEntry, clipped
from instrument.hands.state.patch_list import PatchList
from instrument.hands.state.positions import Positions
from instrument.ipc import Frame, Gesture, Kind, Source
from instrument.ipc.events import Is, kinds

CHANGE_SECONDS = 0.5
LOOK_SECONDS = 0.5
"""The accidents on the disk are looked at so seldom, however often one is asked for that is not there."""
HELD_MAX = 1024
KEPT_MAX = 64
VOICES_MOST = 256
"""Accidents whose names are remembered while their files may still be on their way to the disk."""
OF_A_PATCH = frozenset(verb for verb, endpoint in ENDPOINTS.items() if endpoint.of_patch)
"""Verbs that mean another thing, or nothing, in another patch."""
NEWEST_WINS = kinds(Is.NEWEST_WINS)


@dataclass(frozen=True, slots=True)
class Around:
    """What the hands have, of which OSC is one. ``midi`` is whom a /learn is handed to; ``foreign``: addresses that are
    not ours; ``keep`` is told the name of an accident before the gesture is posted that keeps it."""

    positions: Positions
    midi: MidiHand
    foreign: OscLearn
    post: Callable[[Gesture], None]
    keep: Callable[[str], None]
    counts: Counts
    events: EventLog


class OscHand:
    """Listens from the moment it is made. ``patch``: the one that plays. RosinError if it cannot listen."""

    def __init__(self, settings: OscOptions, patches: PatchList, around: Around, patch: int = 0) -> None:
        self.foreign, counts, events = around.foreign, around.counts, around.events
        targets = [where(target, 1) for target in settings.echo]  # before a socket is open that nobody would close
        self.ear = OscEar(settings, counts, events)
        self.echo = Echo(targets, settings.root, self.ear.send, settings.detail)
        self._neighbours = Neighbours(settings.root, settings.neighbours)
        self._root, self._schedule = settings.root, settings.schedule
        self._patches, self._names = patches, patches.all_names
        self._positions, self._midi, self._post, self._keep = around.positions, around.midi, around.post, around.keep
        self._counts, self._events = counts, events
        self._kept = deque[str](maxlen=KEPT_MAX)
        self._looked_at, self._there = -math.inf, tuple[str, ...]()
        self._voices: dict[int, int] = {}
        """The note that each number of a sender's plays."""
        self._passing: dict[object, Gesture] = {}
        self._held: list[Received] = []
        self._changing_until = 0.0
        self.place(patch)
        events.post("hands.osc.on", where="{}:{}".format(*self.ear.where))

    def place(self, patch: int) -> None:
        """Another patch: its addresses, and nobody knows its knobs; what waited for it is played."""
        self.patch = patch
        self._kept.clear()
        self._looked_at = -math.inf
        self.namespace = Namespace(self._root, self._positions.table, self._names, _feel)
        self.echo.change(self.namespace.knob_addresses, self._positions.table)
        self._neighbours.change(self._patches.credits(patch))
        self.wait_no_longer(float("inf"))

    def wait_no_longer(self, now: float) -> None:
        """Play what was held for a change of patch, if it has come or is overdue."""
        if not 0.0 < self._changing_until < now:
            return
        self._changing_until = 0.0
        held, self._held = self._held, []
        for heard in held:
            self.take(heard)
        self.flush()

    def take(self, heard: Received) -> None:
        """One message. Its gestures wait for ``flush``, the end of the pass."""
        address = heard.message.address
        self.echo.heard(heard.sender, time.monotonic(), address == f"{self._root}/sync")
        try:
            targets = self._targets(address)
        except PatternError:
            self._counts.osc_malformed += 1
            self._complain("hands.osc.pattern", heard)
            return
        for_the_next = not targets or any(target.verb in OF_A_PATCH for target in targets)
        if self._changing_until and for_the_next and len(self._held) < HELD_MAX:
            self._held.append(heard)
            return
        if not targets:
            self._take_foreign(heard)
        for target in targets:
            self._try(target, heard)

    def _targets(self, address: str) -> Sequence[Addressed]:
        """What an address is for here. One that was learned is itself, whatever a pattern of its letters would mean."""
        if address in self.foreign.mappings and address not in self.namespace:
            return ()
        try:
            return self.namespace.find(address)
        except PatternError:
            if address.startswith(f"{self._root}/"):
                raise
            return ()

    def _take_foreign(self, heard: Received) -> None:
        address, args, _ = heard.message
        moves = self.foreign.take(address, args)
        if moves is None:
            self._counts.osc_unknown += 1
            if address.startswith(f"{self._root}/"):  # a knob mistyped must not be lost among what others stream
                self._complain("hands.osc.unknown", heard, "hands.osc.mistyped")
            elif not self.foreign.is_awaited(address):
                self._complain("hands.osc.unknown", heard)
        for knob, raw in moves or ():
            self.echo.moved(knob, heard.sender)
            self._pass(Gesture(Kind.KNOB, knob, raw, heard.time, Source.OSC))

    def _try(self, target: Addressed, heard: Received) -> None:
        """Do what a message means, or tell why not."""
        args = heard.message.args
        try:
            self._do(target, args, heard)
        except NoFeel as missing:
            self._counts.osc_unknown += 1
            feel = clipped(missing.args[0])
            self._events.complain("hands.feel", feel, feel=feel, feels=", ".join(find_feels()))
        except LookupError as missing:
            self._counts.osc_unknown += 1
            there = ", ".join(names[0] for names in self._names)
            patch = clipped(missing.args[0])
            self._events.complain("hands.patch", patch, patch=patch, patches=there)
        except RosinError as wrong:
            self._events.complain("hands.feel.wrong", str(wrong), why=clipped(str(wrong).replace("\n", "; "), 200))
        except ValueError:
            self._counts.osc_malformed += 1
            takes = LogEntry(ENDPOINTS[target.verb].takes)
            if args:
                self._complain("hands.osc.arguments", heard, args=shown(args), takes=takes)
            else:
                self._complain("hands.osc.bare", heard, takes=takes)

    def _complain(self, key: str, heard: Received, kind: str = "", **values: object) -> None:
        address = heard.message.address
        self._events.complain(key, address, kind, sender=heard.sender[0], address=clipped(address), **values)

    def _do(self, target: Addressed, args: tuple[Any, ...], heard: Received) -> None:
        if target.verb in FOR_THE_HANDS:
            self._for_the_hands(target.verb, args, heard.sender)
            return
        note_id = target.knob if target.verb.startswith(VOICE) else 0
        for kind, knob, value, extra in self.namespace.acts(target, args):
            gesture = Gesture(kind, knob, value, heard.time, Source.OSC, extra, note_id=note_id)
            beside = BESIDE.get(kind)
            gesture = gesture if beside is None else beside(self, gesture, heard)
            if (gesture.kind, gesture.knob) != (Kind.NOTE_OFF, UNTOLD):  # else its number plays nothing
                self._pass(gesture)

    def _changing(self, gesture: Gesture, heard: Received) -> Gesture:
        self._changing_until = time.monotonic() + (CHANGE_SECONDS if gesture.knob != self.patch else 0.0)
        return gesture

    def _speaking(self, gesture: Gesture, heard: Received) -> Gesture:
        """A note of a number: where that plays another one, this takes its place."""
        if gesture.note_id:
            if (before := self._voices.pop(gesture.note_id, None)) not in (None, gesture.knob):
                self._pass(gesture._replace(kind=Kind.NOTE_OFF, knob=before, value=0.0))
            while len(self._voices) >= VOICES_MOST:
                del self._voices[next(iter(self._voices))]
            self._voices[gesture.note_id] = gesture.knob
        return gesture

    def _falling_silent(self, gesture: Gesture, heard: Received) -> Gesture:
        note = self._voices.pop(gesture.note_id, gesture.knob)
        return gesture._replace(knob=note) if gesture.knob == UNTOLD else gesture

    def _keeping(self, gesture: Gesture, heard: Received) -> Gesture:
        if (asked := kept(heard.message.args)) is not None:
            self._keep(asked[0])
            self._kept.append(file_name(asked[0]))
        return gesture

    def _calling(self, gesture: Gesture, heard: Received) -> Gesture:
        if gesture.value:
            self._look_for(heard.message.args[0].strip())
        return gesture

    def _hearing(self, gesture: Gesture, heard: Received) -> Gesture:
        return gesture._replace(knob=self._neighbours.asked(gesture.knob))

    def _moving(self, gesture: Gesture, heard: Received) -> Gesture:
        self._positions.ask(gesture.knob, gesture.value, time.monotonic())
        self.echo.moved(gesture.knob, heard.sender)
        return gesture

    def _look_for(self, name: str) -> None:
        """Say so if there is no accident of that name. It is asked for all the same: the sound knows best."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at, self._there = now, tuple(self._patches.accidents(self.patch))
        there = self._there
        if file_name(name) in {*self._kept, *map(file_name, there)}:
            return
        self._counts.osc_unknown += 1
        said = clipped(", ".join(there), 100)
        key = "hands.accident" if there else "hands.accident.none"
        self._events.complain(key, name, accident=clipped(name), accidents=said, root=self._root)

    def _pass(self, gesture: Gesture) -> None:
        """It waits for the end of the pass, if nothing newer takes its place."""
        kind, knob = gesture.kind, gesture.knob
        key: object = object()
        if kind in NEWEST_WINS:  # scheduled ones are a curve: there each point of it counts
            key = (kind, knob, gesture.time) if self._schedule else (kind, knob)
        self._passing.pop(key, None)
        self._passing[key] = gesture

    def flush(self) -> None:
        """Post what the pass brought."""
        gestures, self._passing = list(self._passing.values()), {}
        for gesture in gestures:
            self._post(gesture)

    def _for_the_hands(self, verb: str, args: tuple[Any, ...], sender: Where) -> None:
        """What a message asks of the hands themselves."""
        if verb == "sync":
            asked = round(number(args[0])) if args else None
            if asked != 0:  # 0 is a button let go; 1, the same button pressed, is no port
                self._sync(sender, asked if asked is not None and asked >= 1024 else None)
            return
        knob = args[0] if args else ""
        if not isinstance(knob, str):
            raise ValueError("a knob's id is a text")
        if verb == "unlearn":
            if not knob:
                raise ValueError("no knob")
            if not self.foreign.unlearn(knob):
                self._events.complain("hands.unlearned.none", knob, knob=clipped(knob))
        elif not knob:
            self._midi.cancel()
        else:
            self._midi.arm(_request(knob, [number(value) for value in args[1:4]]))

    def _sync(self, sender: Where, port: int | None) -> None:
        if port is not None and (port > 65535 or (port == self.ear.where[1] and self.ear.is_here(sender[0]))):
            raise ValueError(f"port {port}")
        if not self.ear.is_near(sender[0]):
            self._events.complain("hands.osc.far", sender[0], sender=sender[0])
            return
        client = self.echo.sync(sender, port, time.monotonic())
        if client is not None:
            self._told_of("hands.osc.came", client)
        for gone in self.echo.make_room():
            self._told_of("hands.osc.way", gone)

    def tell(self, frame: Frame, now: float) -> None:
        """A frame to the clients; those who were not heard of for long are let go."""
        pickups = (*self._midi.mappings.pickups(), *self.foreign.mappings.pickups())
        distances = [(pickup.knob, pickup.distance) for pickup in pickups]
        self._neighbours.look(frame, now)
        for client in self.echo.tell(frame, distances, now, self._neighbours.lines):
            self._told_of("hands.osc.went", client)

    def _told_of(self, key: str, client: Client) -> None:
        where = "{}:{}".format(*client.where)
        self._events.complain(key, where, client=where)


BESIDE: dict[int, Callable[[OscHand, Gesture, Received], Gesture]] = {
    Kind.PATCH: OscHand._changing,
    Kind.KEEP: OscHand._keeping,
    Kind.ACCIDENT: OscHand._calling,
    Kind.HEAR: OscHand._hearing,
    Kind.KNOB: OscHand._moving,
    Kind.NOTE_ON: OscHand._speaking,
    Kind.NOTE_OFF: OscHand._falling_silent,
}
"""What the hand has to do beside, before a gesture of these kinds goes to the sound; and what then goes."""


def _feel(name: str) -> Mapping[str, float]:
    """Read when it is asked for, a few ms: a feel that was written while the music plays is there."""
    return open_feel(name).parameters()


def _request(knob: str, numbers: Sequence[float]) -> LearnRequest:
    """``low``, ``high``, ``invert`` as far as they were sent."""
    if not numbers:
        return LearnRequest(knob)
    low, high = (min(1.0, max(0.0, value)) for value in (numbers[0], numbers[1] if len(numbers) > 1 else 1.0))
    if low == high:
        raise ValueError("a range without extent, in which the knob could not move")
    return LearnRequest(knob, low, high, bool(numbers[2]) if len(numbers) > 2 else None)
