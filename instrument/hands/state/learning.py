"""Learning: a knob waits, and what is moved for it is given to it.
Between midi and mapping table; the rules are in candidates.

What is learned is saved at once. Half a pair that was learned as a CC becomes the pair when both halves are seen, and
an endless encoder that was turned one way only is settled when it is turned the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from instrument.base.errors import RosinError
from instrument.hands.midi.controls import ControlEvent
from instrument.hands.state.bindings import Binding, Motion
from instrument.hands.state.candidates import Candidates
from instrument.hands.state.counts import EventLog
from instrument.hands.state.encoders import COUNTS, other_way
from instrument.hands.state.learn_request import LearnRequest, learnable, of_one_pair
from instrument.hands.state.mapping_table import MappingTable

REST_SECONDS = 0.7
"""A control that was just learned and has not rested for so long is still the one that is being shown."""
UPGRADE_SECONDS = 1.0
"""For this long after a CC was learned, two moves of both halves show that it is half of a pair."""

Save = Callable[[list[dict[str, Any]]], None]


class Learning:
    """``request``: the knob that waits. ``learned``: what was learned last: knob, control in words, whether saved."""

    def __init__(self, mappings: MappingTable, save: Save, events: EventLog) -> None:
        self.learned: tuple[str, str, bool] = ("", "", False)
        self._mappings, self._save, self._events = mappings, save, events
        self._request: LearnRequest | None = None
        self._candidates = Candidates()
        self._upgrade: tuple[Binding, float, int] | None = None
        self._doubt: Binding | None = None
        self._last: tuple[Binding, float] | None = None
        self._given: Binding | None = None

    @property
    def request(self) -> LearnRequest | None:
        return self._request

    @request.setter
    def request(self, request: LearnRequest | None) -> None:
        if request is not self._request:
            self._candidates.begin()
        self._request = request

    def take(self, control: ControlEvent, port: str, now: float, key_down: bool) -> bool:
        """A control moved; whether it was moved to be learned, and plays nothing. ``key_down``: at the same port."""
        if self._request is None:
            self._candidates.watch(control, port, now)
            self._maybe_pair(control, now)
            self._maybe_turned(control)
            return False
        if not learnable(control) or self._still_shown(self._request, control, now):
            return False
        if control.what in ("pressure", "polypressure") and key_down:
            return False  # a finger that plays always presses; pressure is meant when it comes by itself
        shown = self._candidates.offer(control, port, now, self._request.motion)
        if shown.motion:
            self._learn(self._request, control, shown.motion, shown.sure, now)
        return shown.held_back

    def settle(self, now: float) -> None:
        """What was shown and has come to rest. To be asked every few milliseconds."""
        if self._request is None:
            return
        found = self._candidates.rested(now)
        if found is not None:
            control, motion, sure = found
            self._learn(self._request, control, motion, sure, now)

    def given(self) -> Binding | None:
        """What was given to a knob since this was asked last."""
        binding, self._given = self._given, None
        return binding

    def unlearn(self, knob: str) -> int:
        """Free a knob of its controls; how many there were."""
        count = self._mappings.remove(knob)
        if count:
            self._saved(knob)
            self._events.post("hands.unlearned", knob=knob)
        return count

    def _learn(self, request: LearnRequest, control: ControlEvent, motion: Motion, sure: bool, now: float) -> None:
        before = next((b for b in self._mappings.bindings if b.knob == request.knob), Binding(request.knob, "cc"))
        binding = Binding(
            request.knob,
            control.what,
            0 if control.what in ("bend", "pressure") else control.number,
            control.channel,
            before.low if request.low is None else request.low,
            before.high if request.high is None else request.high,
            before.invert if request.invert is None else request.invert,
            motion,
            before.takeover if request.takeover is None else request.takeover,
        )
        if (binding.kind, binding.number, binding.motion) == (before.kind, before.number, before.motion):
            binding = replace(
                binding, motor=before.motor, touch=before.touch, ring=before.ring, ring_pos=before.ring_pos
            )
        self.request = None
        half = control.what == "cc" and control.number < 64 and motion == "absolute"
        self._upgrade = (binding, now, 0) if half else None
        self._doubt = None if sure else binding
        self._last = (binding, now)
        self._give(binding, control)

    def _give(self, binding: Binding, control: ControlEvent) -> None:
        """The knob has this control, and no other; the player is told."""
        self._mappings.remove(binding.knob)
        self._mappings.add(binding)
        self._given = binding
        saved = self._saved(binding.knob)
        self.learned = (binding.knob, binding.words(), saved)
        if not saved:
            return
        if binding.motion in COUNTS:
            self._say_how_it_counts(binding, control)
        else:
            self._events.post("hands.learn.done", knob=binding.knob, control=str(control))

    def _say_how_it_counts(self, binding: Binding, control: ControlEvent) -> None:
        up, down = COUNTS[binding.motion]
        key = "hands.learn.encoder" if self._doubt is None else "hands.learn.encoder.one_way"
        self._events.post(key, knob=binding.knob, control=str(control), up=up, down=down)

    def _still_shown(self, request: LearnRequest, control: ControlEvent, now: float) -> bool:
        """Whether this is the control that the knob before has just learned, not yet at rest. Either half of a pair."""
        if not request.fresh or self._last is None:
            return False
        binding, when = self._last
        if not of_one_pair(control, binding) or now - when > REST_SECONDS:
            return False
        self._last = (binding, now)
        return True

    def _maybe_pair(self, control: ControlEvent, now: float) -> None:
        if self._upgrade is None:
            return
        binding, when, seen = self._upgrade
        if now - when > UPGRADE_SECONDS:
            self._upgrade = None
        elif control.paired and of_one_pair(control, binding):
            self._upgrade = (binding, when, seen + 1)
            if seen:
                self._upgrade = None
                self._give(replace(binding, kind="cc14", number=control.number), control)

    def _maybe_turned(self, control: ControlEvent) -> None:
        """An encoder turned the other way for the first time tells how it counts."""
        doubt = self._doubt
        if doubt is None or (control.what, control.number, control.channel) != (
            doubt.kind,
            doubt.number,
            doubt.channel,
        ):
            return
        if doubt not in self._mappings.bindings:
            self._doubt = None
        elif (motion := other_way(control.raw, doubt.motion)) is not None:
            self._doubt = None
            if motion == doubt.motion:
                self._say_how_it_counts(doubt, control)
            else:
                self._give(replace(doubt, motion=motion), control)

    def _saved(self, knob: str) -> bool:
        """Into the rig, at once. A full disk must not stop the music."""
        try:
            self._save([binding.row() for binding in self._mappings.bindings])
        except (RosinError, OSError) as error:
            self._events.post("hands.learn.unsaved", knob=knob, why=error)
            return False
        return True
