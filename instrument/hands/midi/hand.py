"""MIDI hand: the hand at the controllers. Bytes from ports in, gestures out; learns what it is shown.

Without any binding: notes, bend, pressure and sustain (CC 64) play, program change is a patch, CC 120 is panic, CC 123
lets all notes go, CC 121 puts controllers back. A bound control does what it is bound to instead. What a motor has done
is not heard here at all (see pushback).

A port that goes lets go of what it held: its keys, unless another hand holds them too, pedal, bend, pressure, pushes.
So does one that says it resets, and a keyboard that told of itself all the time (active sensing) and falls silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from instrument.hands.midi import decode
from instrument.hands.midi.clock import Clock
from instrument.hands.midi.controls import ControlEvent, Controls, What
from instrument.hands.midi.customs import EXPRESSION, LEVEL, MODULATION, by_custom
from instrument.hands.midi.decode import MidiMessage, MidiParser
from instrument.hands.midi.mpe import Mpe
from instrument.hands.midi.pushback import Pushback
from instrument.hands.state.bindings import NOT_LEARNABLE, Binding
from instrument.hands.state.counts import Counts, EventLog
from instrument.hands.state.learn_request import LearnRequest, shown
from instrument.hands.state.learning import Learning, Save
from instrument.hands.state.mapping_table import MappingTable, Move
from instrument.hands.state.names import plain
from instrument.hands.state.positions import Positions
from instrument.hands.state.takeover import Mode
from instrument.ipc import Gesture, Kind, Source
from instrument.ipc.events import PEDAL_DOWN
from instrument.ipc.holders import Holders

SUSTAIN, SOSTENUTO, SOFT, SOUND_OFF, CONTROLLERS_OFF, NOTES_OFF, POLY = 64, 66, 67, 120, 121, 123, 127
SOFTER = 0.7
"""Of the velocity, with the soft pedal down."""
SENSING_SECONDS = 1.0
"""A keyboard with active sensing says something every 0.3 s; on a busy machine one message may be missed."""
PLAYED_SECONDS = 0.3
"""The pressure of a finger that plays comes until so long after its key went up."""

Post = Callable[[Gesture], None]

__all__ = ["LearnRequest", "MidiHand"]


class _InputPort:
    def __init__(self, name: str, mpe: Mpe) -> None:
        self.name, self.plain, self.mpe = name, plain(name), mpe
        self.soft = False
        self.decoder = MidiParser()
        self.controls = Controls()
        self.heard_at = 0.0
        self.senses = False
        self.keys: set[tuple[int, int]] = set()
        self.played_at = float("-inf")

    def plays(self, now: float) -> bool:
        """Whether a key is down, or was until just now."""
        return bool(self.keys) or now - self.played_at < PLAYED_SECONDS


class MidiHand:
    """``post`` takes every gesture, ``save`` all bindings as rows whenever one was learned or let go."""

    def __init__(
        self,
        bindings: Sequence[Binding],
        takeover: Mode,
        positions: Positions,
        patches: int,
        post: Post,
        save: Save,
        counts: Counts,
        events: EventLog,
    ) -> None:
        self.mpe: Callable[[], Mpe] = Mpe
        """What the rig says of the fingers of each port."""
        self.mappings = MappingTable(bindings, takeover, positions.table)
        self.pushback = Pushback(self.mappings)
        self.clock = Clock()
        self.held = Holders()
        self.last: ControlEvent | None = None
        self._positions, self._patches = positions, patches
        self._post, self._counts, self._events = post, counts, events
        self._learning = Learning(self.mappings, save, events)
        self._ports: dict[str, _InputPort] = {}

    def take(self, port: str, data: Sequence[int], now: float) -> None:
        """Bytes that arrived at ``now`` from a port."""
        source = self._ports.get(port)
        if source is None:
            source = self._ports[port] = _InputPort(port, self.mpe())
        source.heard_at = now
        messages = source.decoder.feed(data)
        if source.decoder.malformed:
            self._counts.midi_malformed += source.decoder.malformed
            source.decoder.malformed = 0
            self._events.complain("hands.midi.malformed", port=port)
        for message in messages:
            self._counts.midi_messages += 1
            if message.status >= 0xF0:
                self._system(message, source, now)
                continue
            if self.pushback.is_echo(source.plain, message, now):
                continue
            for control in source.controls.take(message, now):
                self._control(control, source, now)

    def settle(self, now: float) -> None:
        """What takes its time: halves that wait for each other, what was shown and rests, keyboards fallen silent."""
        for source in self._ports.values():
            for control in source.controls.settle(now):
                self._control(control, source, now)
            if source.senses and now - source.heard_at > SENSING_SECONDS:
                source.senses = False
                self._let_go(source.name, now)
        self._learning.settle(now)
        if (binding := self._learning.given()) is not None:
            self._given(binding, now)
        self._play(self.mappings.left(), "", now)

    def selected(self) -> dict[str, list[dict[int, int]]]:
        """Bank and NRPN that each port has selected, and its zones of fingers."""
        found = {name: [*port.controls.selected(), port.mpe.zones()] for name, port in self._ports.items()}
        return {name: said for name, said in found.items() if any(said)}

    def select(self, ports: Mapping[str, Sequence[Mapping[str, int]]]) -> None:
        """As they were ``selected`` in hands before these."""
        for name, (bank, nrpn, *zones) in ports.items():
            port = self._ports.setdefault(name, _InputPort(name, self.mpe()))
            port.controls.select(bank, nrpn)
            for said in zones:
                port.mpe.take_zones(said)

    def forget(self, port: str) -> None:
        """The port went: what it sent half of is void, no finger is on it, and what it held is let go."""
        source = self._ports.pop(port, None)
        if source is not None and source.mpe.on:
            self._fingers_rest(port, time.monotonic())
        self.pushback.gone(plain(port))
        self._let_go(port, time.monotonic())

    def _let_go(self, port: str, now: float) -> None:
        self._play(self.mappings.let_go(port), port, now)
        for gesture in self.held.let_go(port, now, Source.MIDI):
            self._post(gesture)
        if port in self._ports:
            self._ports[port].keys.clear()

    def _gesture(self, kind: Kind, knob: int, value: float, port: str, now: float, channel: int = 0) -> None:
        gesture = Gesture(kind, knob, value, now, Source.MIDI, channel=channel)
        self.held.saw(gesture, port)
        self._post(gesture)

    def _play(self, moves: Sequence[Move], port: str, now: float) -> None:
        for kind, knob, value in moves:
            self._gesture(kind, knob, value, port, now)

    def _system(self, message: MidiMessage, source: _InputPort, now: float) -> None:
        if (done := SYSTEM.get(message.status)) is not None:
            done(self, message, source, now)

    def _clock(self, message: MidiMessage, source: _InputPort, now: float) -> None:
        self._counts.clock_ticks += 1
        self.clock.tick(now)

    def _sensing(self, message: MidiMessage, source: _InputPort, now: float) -> None:
        source.senses = True

    def _control(self, control: ControlEvent, source: _InputPort, now: float) -> None:
        touch = self.pushback.touch(control, source.plain)
        if not self.pushback.believed(control, source.plain, now):
            return
        if source.mpe.see(control):
            self._fingers_rest(source.name, now)
        self.last = shown(control, self.last)
        if control.what == "note":
            key = (control.channel, control.number)
            (source.keys.add if control.raw else source.keys.discard)(key)
            source.played_at = now
        if control.what == "cc" and SOUND_OFF <= control.number <= POLY:
            if control.number == SOUND_OFF or control.number >= NOTES_OFF:
                source.keys.clear()
            self._mode(control, source.name, now)
            return
        if self._lets_pedal_up(control, source.name):
            self._gesture(Kind.SUSTAIN, 0, control.value, source.name, now)
            return
        if self._learning.take(control, source.name, now, source.plays(now)):
            return
        slots = self.mappings.find(control, source.plain)
        if slots:
            self._play(self.mappings.turn(slots, control, self._positions, source.name, now), source.name, now)
        elif not touch:
            self._play_unbound(control, source.name, now)

    def _lets_pedal_up(self, control: ControlEvent, port: str) -> bool:
        """The foot was on the pedal before a knob began to wait: that it leaves is playing, not meant for the knob."""
        pedal = (control.what, control.number) == ("cc", SUSTAIN) and control.value < PEDAL_DOWN
        return pedal and self.learning is not None and self.held.holds(Kind.SUSTAIN, port)

    def _given(self, binding: Binding, now: float) -> None:
        """A control is a knob's from now on: what it held while it still played is let go."""
        kinds = {"bend": Kind.BEND, "pressure": Kind.PRESSURE}
        kind = Kind.SUSTAIN if (binding.kind, binding.number) == ("cc", SUSTAIN) else kinds.get(binding.kind)
        for port in self._ports:
            if kind is not None and self.held.holds(kind, port):
                self._gesture(kind, 0, 0.0, port, now)

    def _play_unbound(self, control: ControlEvent, port: str, now: float) -> None:
        """What a control does that is bound to nothing."""
        if (finger := self._ports[port].mpe.finger(control)) is not None:
            self._gesture(finger.kind, finger.knob, finger.value, port, now, finger.channel)
            return
        if self._ports[port].mpe.ignores(control):
            return
        played = PLAYED.get((control.what, control.number)) or PLAYED.get((control.what, ANY_NUMBER))
        if played is not None:
            played(self, control, port, now)
        elif control.what == "cc" and control.number not in NOT_LEARNABLE:
            self._counts.midi_unbound += 1

    def _note(self, control: ControlEvent, port: str, now: float) -> None:
        kind = Kind.NOTE_ON if control.raw else Kind.NOTE_OFF
        velocity = control.value * (SOFTER if self._ports[port].soft else 1.0)
        self._gesture(kind, control.number, velocity, port, now, control.channel)

    def _fingers_rest(self, port: str, now: float) -> None:
        """Nothing stays bent, pressed or slid: a zone opened or closed, also wholly, or its port went."""
        for channel in range(1, 17):
            for kind, rest in ((Kind.FINGER_BEND, 0.0), (Kind.FINGER_PRESSURE, 0.0), (Kind.FINGER_TIMBRE, 0.5)):
                self._gesture(kind, 0, rest, port, now, channel)

    def _bend(self, control: ControlEvent, port: str, now: float) -> None:
        away = control.raw - 8192
        self._gesture(Kind.BEND, 0, away / (8192 if away < 0 else 8191), port, now)

    def _pressure(self, control: ControlEvent, port: str, now: float) -> None:
        self._gesture(Kind.PRESSURE, 0, control.value, port, now)

    def _sustain(self, control: ControlEvent, port: str, now: float) -> None:
        self._gesture(Kind.SUSTAIN, 0, control.value, port, now)

    def _sostenuto(self, control: ControlEvent, port: str, now: float) -> None:
        self._gesture(Kind.SOSTENUTO, 0, control.value, port, now)

    def _soft(self, control: ControlEvent, port: str, now: float) -> None:
        self._ports[port].soft = control.value >= PEDAL_DOWN

    def _moves(self, control: ControlEvent, port: str, now: float) -> None:
        """A controller that has a knob by custom."""
        if self.mappings.find(control._replace(what="cc14"), self._ports[port].plain):  # half of what is bound
            return
        if (move := by_custom(control, self._positions.table)) is not None:
            self._positions.ask(*move, now)  # (before a frame tells of it, another control would catch it where it was)
            self._gesture(Kind.KNOB, *move, port, now)

    def _program(self, control: ControlEvent, port: str, now: float) -> None:
        if control.number < self._patches:
            self._gesture(Kind.PATCH, control.number, 0.0, port, now)
        else:
            self._counts.midi_out_of_range += 1
            self._events.complain("hands.midi.program", number=control.number)

    def _mode(self, control: ControlEvent, port: str, now: float) -> None:
        self._play(self.mappings.let_go(), port, now)
        if control.number == SOUND_OFF:
            self._gesture(Kind.PANIC, 0, 0.0, port, now)
        elif control.number == CONTROLLERS_OFF:
            self.mappings.release()
            self.pushback.forget()
            if self._ports[port].mpe.on:
                self._fingers_rest(port, now)
            self._ports[port].soft = False
            for kind in (Kind.BEND, Kind.PRESSURE, Kind.SUSTAIN, Kind.SOSTENUTO):
                self._gesture(kind, 0, 0.0, port, now)
        elif control.number >= NOTES_OFF:  # 124..127 change the mode and let all notes go as well
            self._gesture(Kind.ALL_NOTES_OFF, 0, 0.0, port, now)

    @property
    def learning(self) -> LearnRequest | None:
        """The knob that waits for a controller."""
        return self._learning.request

    @learning.setter
    def learning(self, request: LearnRequest | None) -> None:
        self._learning.request = request

    @property
    def learned(self) -> tuple[str, str, bool]:
        """What was learned last: the knob, the control in words, and whether the rig has it."""
        return self._learning.learned

    def arm(self, request: LearnRequest) -> bool:
        """The next control moved will move this knob. False when there is no such knob in this patch."""
        if request.knob not in self._positions.table:
            self._events.post("hands.learn.no", knob=request.knob)
            return False
        self.learning = request
        if not request.fresh:  # the stage shows it by itself
            self._events.post("hands.learn.armed", knob=request.knob)
        return True

    def cancel(self) -> None:
        if self.learning is not None:
            quiet, self.learning = self.learning.fresh, None
            if not quiet:
                self._events.post("hands.learn.off")

    def unlearn(self, knob: str) -> int:
        """Free a knob of its controls; how many there were."""
        return self._learning.unlearn(knob)

    def learned_elsewhere(self, knob: str, control: str, saved: bool) -> None:
        """The knob that waited was given something that is not MIDI."""
        self.learning, self._learning.learned = None, (knob, control, saved)

    def place(self) -> None:
        """Another patch: nothing is caught any more, and nothing pushes."""
        self.mappings.place(self._positions.table)
        self.held.other_patch()


SYSTEM: dict[int, Callable[[MidiHand, MidiMessage, _InputPort, float], None]] = {
    decode.CLOCK: MidiHand._clock,
    decode.START: lambda hand, message, source, now: hand.clock.start(),
    decode.CONTINUE: lambda hand, message, source, now: hand.clock.resume(),
    decode.STOP: lambda hand, message, source, now: hand.clock.stop(),
    decode.SENSING: MidiHand._sensing,
    decode.RESET: lambda hand, message, source, now: hand._let_go(source.name, now),
}
"""What is done about each message that has no channel."""

ANY_NUMBER = -1
PLAYED: dict[tuple[What, int], Callable[[MidiHand, ControlEvent, str, float], None]] = {
    ("note", ANY_NUMBER): MidiHand._note,
    ("bend", ANY_NUMBER): MidiHand._bend,
    ("pressure", ANY_NUMBER): MidiHand._pressure,
    ("program", ANY_NUMBER): MidiHand._program,
    ("cc", SUSTAIN): MidiHand._sustain,
    ("cc", SOSTENUTO): MidiHand._sostenuto,
    ("cc", SOFT): MidiHand._soft,
    ("cc", MODULATION): MidiHand._moves,
    ("cc", LEVEL): MidiHand._moves,
    ("cc", EXPRESSION): MidiHand._moves,
}
"""What each control plays, by what it is and its number, as long as it is bound to nothing."""
