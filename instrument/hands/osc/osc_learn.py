"""OSC learning: what comes to addresses that are not ours - learned when a knob waits, played when it was. Under osc.

A knob that waits takes the argument of the address that was moved for it (see ``moved``), and nothing under our own
root. As long as it is being shown it may still turn out to be another argument: of a finger on a pad, the way it goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from instrument.base.errors import RosinError
from instrument.hands.midi.hand import LearnRequest, MidiHand
from instrument.hands.osc.addresses import OscBinding, OscMappings, Values
from instrument.hands.osc.codec import flat
from instrument.hands.osc.moved import Moved, fader_of
from instrument.hands.state.counts import EventLog
from instrument.hands.state.positions import Positions

LARGEST = 1e30
"""Above it nobody means a number; NaN is not below it."""


class OscLearn:
    """``midi`` knows which knob waits; ``save`` is given all that was learned, as rows for the rig."""

    def __init__(
        self,
        mappings: OscMappings,
        midi: MidiHand,
        positions: Positions,
        root: str,
        save: Callable[[list[dict[str, Any]]], None],
        events: EventLog,
    ) -> None:
        self.mappings = mappings
        self._midi, self._positions, self._root, self._save, self._events = midi, positions, root, save, events
        self._moved = Moved()
        self._waiting: LearnRequest | None = None

    def take(self, address: str, args: tuple[Any, ...]) -> list[tuple[int, float]] | None:
        """A message to an address that the namespace lacks: where knobs go (raw). None: nothing here either."""
        values = [_number(value) for value in flat(args)]
        if all(value is None for value in values):
            return None
        now = time.monotonic()
        request = self._midi.learning
        if request is not self._waiting:
            self._waiting = request
            if request is not None:
                self._moved.arm(now)
        found = self._moved.hear(address, values, now)
        shown = self.mappings.shown(address, now)
        if request is None and shown is not None:
            self._correct(shown, values, now)
        elif request is not None and found is not None and shown is None and not address.startswith(f"{self._root}/"):
            self._learn(request, OscBinding(address, request.knob, argument=found), values, now)
        return self.mappings.turn(address, values, self._positions, now) if address in self.mappings else None

    def _learn(self, request: LearnRequest, binding: OscBinding, values: Values, now: float) -> None:
        bottom, top = 0.0 if request.low is None else request.low, 1.0 if request.high is None else request.high
        if request.invert:
            bottom, top = top, bottom
        self._bind(replace(binding, bottom=bottom, top=top, takeover=request.takeover or ""), values, now)

    def _correct(self, binding: OscBinding, values: Values, now: float) -> None:
        """Another argument goes much farther than the one that was learned, while it is still being shown."""
        argument = self._moved.most(binding.address, binding.argument)
        if argument != binding.argument and argument <= len(values):
            self._bind(replace(binding, argument=argument, low=0.0, high=1.0), values, now)

    def _bind(self, wanted: OscBinding, values: Values, now: float) -> None:
        binding = self.mappings.learn(wanted, values[wanted.argument - 1] or 0.0, now)
        saved = self._saved(binding.knob)
        self._midi.learned_elsewhere(binding.knob, binding.words(), saved)
        if saved:
            self._events.post("hands.learn.done", knob=binding.knob, control=binding.words())

    def is_awaited(self, address: str) -> bool:
        """Whether an address is no mistake although it moves nothing: a knob waits, or a finger is on its fader."""
        return self._midi.learning is not None or fader_of(address) in self.mappings

    def unlearn(self, knob: str) -> int:
        """Free a knob of every controller, MIDI's too; how many there were."""
        here = self.mappings.remove(knob)
        if here:
            self._saved(knob)
        there = self._midi.unlearn(knob)
        if here and not there:
            self._events.post("hands.unlearned", knob=knob)
        return here + there

    def settle(self, now: float) -> None:
        """Save what has widened, once it has come to rest."""
        if self.mappings.to_save(now):
            self._saved("OSC")

    def _saved(self, knob: str) -> bool:
        """Into the rig, at once. A full disk must not stop the music."""
        self.mappings.unsaved = False
        try:
            self._save(self.mappings.rows())
        except (RosinError, OSError) as error:
            self._events.post("hands.learn.unsaved", knob=knob, why=error)
            return False
        return True


def _number(value: Any) -> float | bool | None:
    """An argument as a finite number, or as a switch; None: it is neither."""
    return value if isinstance(value, (int, float)) and abs(value) <= LARGEST else None
