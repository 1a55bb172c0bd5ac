"""Foreign: what comes to addresses that are not ours - learned when a knob waits, played when it was. Under osc.

A knob that waits takes any address with a number that was moved for it: not a stream that ran before (a sensor, another
program's clock), not the address that the knob before was just shown, and nothing under our own root.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from instrument.errors import RosinError
from instrument.hands.addresses import OscBinding, OscBoard
from instrument.hands.counts import Events
from instrument.hands.midi import MidiHand, Wish
from instrument.hands.positions import Positions

STREAM_SECONDS = 1.0
"""An address that was heard so shortly before a knob began to wait is a stream; it was not moved to be learned."""
ADDRESSES_MAX = 256


class Foreign:
    """``midi`` knows which knob waits; ``save`` is given all that was learned, as rows for the rig."""

    def __init__(
        self,
        board: OscBoard, midi: MidiHand, positions: Positions, root: str,
        save: Callable[[list[dict[str, Any]]], None], events: Events,
    ) -> None:  # fmt: skip
        self.board = board
        self._midi, self._positions, self._root, self._save, self._events = midi, positions, root, save, events
        self._heard_at: dict[str, float] = {}
        self._streams: tuple[Wish | None, set[str]] = (None, set())

    def take(self, address: str, args: tuple[Any, ...]) -> list[tuple[int, float]] | None:
        """A message to an address that the book lacks: where knobs go (raw). None: it means nothing here either."""
        value = args[0] if args else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        now = time.monotonic()
        wish = self._midi.learning
        if wish is not None and self._is_shown(wish, address, now):
            self._learn(wish, address, float(value), now)
        if len(self._heard_at) < ADDRESSES_MAX or address in self._heard_at:
            self._heard_at[address] = now
        return self.board.turn(address, float(value), self._positions, now) if address in self.board else None

    def _is_shown(self, wish: Wish, address: str, now: float) -> bool:
        """Whether the address was moved for this knob to learn it."""
        if self._streams[0] is not wish:
            self._streams = (wish, {a for a, when in self._heard_at.items() if now - when < STREAM_SECONDS})
        streams = self._streams[1]
        if now - self._heard_at.get(address, -math.inf) >= STREAM_SECONDS:
            streams.discard(address)
        if address.startswith(f"{self._root}/") or (wish.fresh and self.board.shows(address, now)):
            return False
        return address not in streams or address in self.board

    def _learn(self, wish: Wish, address: str, value: float, now: float) -> None:
        bottom, top = 0.0 if wish.low is None else wish.low, 1.0 if wish.high is None else wish.high
        if wish.invert:
            bottom, top = top, bottom
        wanted = OscBinding(address, wish.knob, bottom=bottom, top=top, takeover=wish.takeover or "")
        binding = self.board.learn(wanted, value, now)
        saved = self._saved(wish.knob)
        self._midi.learned_elsewhere(wish.knob, binding.words(), saved)
        if saved:
            self._events.post("hands.learn.done", knob=wish.knob, control=binding.words())

    def unlearn(self, knob: str) -> int:
        """Free a knob of every controller, MIDI's too; how many there were."""
        here = self.board.remove(knob)
        if here:
            self._saved(knob)
        there = self._midi.unlearn(knob)
        if here and not there:
            self._events.post("hands.unlearned", knob=knob)
        return here + there

    def settle(self, now: float) -> None:
        """Save what has widened, once it has come to rest."""
        if self.board.to_save(now):
            self._saved("OSC")

    def _saved(self, knob: str) -> bool:
        """Into the rig, at once. A full disk must not stop the music."""
        self.board.unsaved = False
        try:
            self._save(self.board.rows())
        except (RosinError, OSError) as error:
            self._events.post("hands.learn.unsaved", knob=knob, why=error)
            return False
        return True
