"""MIDI: the hand at the controllers. Bytes from ports in, gestures out; learns what it is shown.

Without any binding: notes, bend, pressure and sustain (CC 64) play, program change is a patch, CC 120 is panic, CC 123
lets all notes go, CC 121 puts controllers back. A bound control does what it is bound to instead. What a motor has done
is not heard here at all (see pushback).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from instrument.errors import RosinError
from instrument.hands import decode
from instrument.hands.bindings import NOT_LEARNABLE, Binding
from instrument.hands.board import Board, Move
from instrument.hands.clock import Clock
from instrument.hands.controls import Control, Controls
from instrument.hands.counts import Counts, Events
from instrument.hands.decode import Decoder, Message
from instrument.hands.names import plain
from instrument.hands.positions import Positions
from instrument.hands.pushback import Pushback
from instrument.hands.takeover import Mode
from instrument.hands.wish import Wish, learnable, of_one_pair, shown
from instrument.link import Gesture, Kind, Source

SUSTAIN, SOUND_OFF, CONTROLLERS_OFF, NOTES_OFF, POLY = 64, 120, 121, 123, 127
REST_SECONDS = 0.7
"""A control that was just learned and has not rested for so long is still the one that is being shown."""
UPGRADE_SECONDS = 1.0
"""For this long after a CC was learned, two fine bytes right behind it show that it is half of a pair."""

Post = Callable[[Gesture], None]
Save = Callable[[list[dict[str, Any]]], None]

__all__ = ["MidiHand", "Wish"]


class _Port:
    def __init__(self, name: str) -> None:
        self.plain = plain(name)
        self.decoder = Decoder()
        self.controls = Controls()


class MidiHand:
    """``post`` takes every gesture, ``save`` all bindings as rows whenever one was learned or let go."""

    def __init__(
        self,
        bindings: Sequence[Binding], takeover: Mode, positions: Positions, patches: int,
        post: Post, save: Save, counts: Counts, events: Events,
    ) -> None:  # fmt: skip
        self.board = Board(bindings, takeover, positions.table)
        self.pushback = Pushback(self.board)
        self.clock = Clock()
        self.learning: Wish | None = None
        self.last: Control | None = None
        self._positions, self._patches = positions, patches
        self._post, self._save, self._counts, self._events = post, save, counts, events
        self._ports: dict[str, _Port] = {}
        self._upgrade: tuple[Binding, float, int] | None = None
        self._learned: tuple[Binding, float] | None = None
        self.learned: tuple[str, str, bool] = ("", "", False)
        """What was learned last: the knob, the control in words, and whether the rig has it."""

    def take(self, port: str, data: Sequence[int], now: float) -> None:
        """Bytes that arrived at ``now`` from a port."""
        if port not in self._ports:
            self._ports[port] = _Port(port)
        source = self._ports[port]
        messages = source.decoder.feed(data)
        if source.decoder.malformed:
            self._counts.midi_malformed += source.decoder.malformed
            source.decoder.malformed = 0
            self._events.complain("hands.midi.malformed", port=port)
        for message in messages:
            self._counts.midi_messages += 1
            if message.status >= 0xF0:
                self._system(message, now)
                continue
            if self.pushback.is_echo(source.plain, message, now):
                continue
            for control in source.controls.take(message):
                self._control(control, source.plain, now)

    def forget(self, port: str) -> None:
        """The port went: what it sent half of is void, and no finger is on it."""
        self._ports.pop(port, None)
        self.pushback.gone(plain(port))
        self._play(self.board.let_go(plain(port)), time.monotonic())

    def _gesture(self, kind: Kind, knob: int, value: float, now: float) -> None:
        self._post(Gesture(kind, knob, value, now, Source.MIDI))

    def _play(self, moves: Sequence[Move], now: float) -> None:
        for kind, knob, value in moves:
            self._gesture(kind, knob, value, now)

    def _system(self, message: Message, now: float) -> None:
        if message.status == decode.CLOCK:
            self._counts.clock_ticks += 1
            self.clock.tick(now)
        elif message.status == decode.START:
            self.clock.start()
        elif message.status == decode.CONTINUE:
            self.clock.resume()
        elif message.status == decode.STOP:
            self.clock.stop()

    def _control(self, control: Control, port: str, now: float) -> None:
        touch = self.pushback.touch(control, port)
        if not self.pushback.believed(control, port, now):
            return
        self.last = shown(control, self.last)
        if control.what == "cc" and SOUND_OFF <= control.number <= POLY:
            self._mode(control, now)
            return
        if self.learning is not None and learnable(control) and not self._still_shown(self.learning, control, now):
            self._learn(self.learning, control, now)
            return
        if self._upgrade is not None:
            self._maybe_pair(control, now)
        slots = self.board.find(control, port)
        if slots:
            self._play(self.board.turn(slots, control, self._positions, port, now), now)
        elif not touch:
            self._unbound(control, now)

    def _unbound(self, control: Control, now: float) -> None:
        what, number, value = control.what, control.number, control.value
        if what == "note":
            self._gesture(Kind.NOTE_ON if control.raw else Kind.NOTE_OFF, number, value, now)
        elif what == "bend":
            away = control.raw - 8192
            self._gesture(Kind.BEND, 0, away / (8192 if away < 0 else 8191), now)
        elif what in ("pressure", "polypressure"):
            self._gesture(Kind.PRESSURE, 0, value, now)
        elif what == "program":
            if number < self._patches:
                self._gesture(Kind.PATCH, number, 0.0, now)
            else:
                self._counts.midi_out_of_range += 1
                self._events.complain("hands.midi.program", number=number)
        elif what == "cc" and number == SUSTAIN:
            self._gesture(Kind.SUSTAIN, 0, value, now)
        elif what == "cc" and number not in NOT_LEARNABLE:
            self._counts.midi_unbound += 1

    def _mode(self, control: Control, now: float) -> None:
        self._play(self.board.let_go(), now)
        if control.number == SOUND_OFF:
            self._gesture(Kind.PANIC, 0, 0.0, now)
        elif control.number == CONTROLLERS_OFF:
            self.board.release()
            self.pushback.forget()
            for kind in (Kind.BEND, Kind.PRESSURE, Kind.SUSTAIN):
                self._gesture(kind, 0, 0.0, now)
        elif control.number >= NOTES_OFF:  # 124..127 change the mode and let all notes go as well
            self._gesture(Kind.ALL_NOTES_OFF, 0, 0.0, now)

    def arm(self, wish: Wish) -> bool:
        """The next control moved will move this knob. False when there is no such knob in this patch."""
        if wish.knob not in self._positions.table:
            self._events.post("hands.learn.no", knob=wish.knob)
            return False
        self.learning = wish
        if not wish.fresh:  # the stage shows it by itself
            self._events.post("hands.learn.armed", knob=wish.knob)
        return True

    def cancel(self) -> None:
        if self.learning is not None:
            quiet, self.learning = self.learning.fresh, None
            if not quiet:
                self._events.post("hands.learn.off")

    def unlearn(self, knob: str) -> int:
        """Free a knob of its controls; how many there were."""
        count = self.board.remove(knob)
        if count:
            self._saved(knob)
            self._events.post("hands.unlearned", knob=knob)
        return count

    def learned_elsewhere(self, knob: str, control: str, saved: bool) -> None:
        """The knob that waited was given something that is not MIDI."""
        self.learning, self.learned = None, (knob, control, saved)

    def place(self) -> None:
        """Another patch: nothing is caught any more."""
        self.board.place(self._positions.table)

    def _learn(self, wish: Wish, control: Control, now: float) -> None:
        before = next((b for b in self.board.bindings if b.knob == wish.knob), Binding(wish.knob, "cc"))
        binding = Binding(
            wish.knob,
            control.what, 0 if control.what in ("bend", "pressure") else control.number, control.channel,
            before.low if wish.low is None else wish.low,
            before.high if wish.high is None else wish.high,
            before.invert if wish.invert is None else wish.invert,
            wish.motion,
            before.takeover if wish.takeover is None else wish.takeover,
        )  # fmt: skip
        if (binding.kind, binding.number, binding.motion) == (before.kind, before.number, before.motion):
            binding = replace(
                binding, motor=before.motor, touch=before.touch, ring=before.ring, ring_pos=before.ring_pos
            )
        self.learning = None
        self._bind(binding)
        pair = control.what == "cc" and control.number < 32 and wish.motion == "absolute"
        self._upgrade = (binding, now, 0) if pair else None
        self._learned = (binding, now)
        saved = self._saved(wish.knob)
        self.learned = (wish.knob, binding.words(), saved)
        if saved:
            self._events.post("hands.learn.done", knob=wish.knob, control=str(control))

    def _still_shown(self, wish: Wish, control: Control, now: float) -> bool:
        """Whether this is the control that the knob before has just learned, not yet at rest. Either half of a pair."""
        if not wish.fresh or self._learned is None:
            return False
        binding, when = self._learned
        if not of_one_pair(control, binding) or now - when > REST_SECONDS:
            return False
        self._learned = (binding, now)
        return True

    def _maybe_pair(self, control: Control, now: float) -> None:
        assert self._upgrade is not None
        binding, when, seen = self._upgrade
        if now - when > UPGRADE_SECONDS:
            self._upgrade = None
        elif control.paired and (control.channel, control.number) == (binding.channel, binding.number):
            self._upgrade = (binding, when, seen + 1)
            if seen:
                self._upgrade = None
                pair = Binding(**{**binding.row(), "kind": "cc14"})
                self._bind(pair)
                saved = self._saved(binding.knob)
                self.learned = (binding.knob, pair.words(), saved)
                if saved:
                    self._events.post("hands.learn.done", knob=binding.knob, control=str(control))

    def _bind(self, binding: Binding) -> None:
        self.board.remove(binding.knob)
        self.board.add(binding)

    def _saved(self, knob: str) -> bool:
        """Into the rig, at once. A full disk must not stop the music."""
        try:
            self._save([binding.row() for binding in self.board.bindings])
        except (RosinError, OSError) as error:
            self._events.post("hands.learn.unsaved", knob=knob, why=error)
            return False
        return True
