"""Fingers: what each finger adds to its own note - bend, pressure, slide - through friction of its own. Beside notes.

A finger is known by its channel (MPE), its note (poly pressure) or its number (OSC): what it says goes to the voices
whose keys it holds down. A voice that was let go keeps what it had; a new note on the channel begins with what the
channel said last, also before the note. Nothing is smoothed beyond friction: that would cost the attack.

Every expression of every voice is a hand on a knob of its own, raw 0..1 over its travel, with the amounts of friction
that the patch gives to that expression; without any it passes bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.friction.bearing import Friction
from instrument.friction.params import FORCES, NAMES, FrictionParams, scaled
from instrument.friction.ramp import HandRamp
from instrument.ipc.events import BEND_SEMITONES

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

BEND, PRESSURE, TIMBRE = range(3)
EXPRESSIONS = ("bend", "pressure", "timbre")
REST = (0.5, 0.0, 0.5)
"""Where each hand is when nobody has said anything: unbent, no weight, in the middle of the slide."""
FREE_OF = (*(NAMES[row] for row in FORCES), "stick", "slide", "visc", "weight", "play", "coupling", "fatigue")
"""Amounts that a finger has only where the patch says so."""
CHANNELS = 17
"""0 is for those who say none."""
PLACES_MAX = 256


class Fingers:
    """Of ``count`` voices (V). ``feels``: amounts of friction by expression, as a patch has them."""

    def __init__(self, count: int, ticks: int, tick_hz: float, feels: Mapping[str, Mapping[str, float]]) -> None:
        self.count = count
        hands = count * len(EXPRESSIONS)
        self._given, self._params = FrictionParams(hands), FrictionParams(hands)
        self._given.set(**dict.fromkeys(FREE_OF, 0.0))
        for at, name in enumerate(EXPRESSIONS):
            for amount, value in feels.get(name, {}).items():
                getattr(self._given, amount)[at * count : (at + 1) * count] = value
        self.weigh(0.0)
        self._ramp, self._friction = HandRamp(hands), Friction(hands, tick_hz)
        self._hand = np.zeros((ticks, hands), np.float32)
        self._pos = np.zeros((ticks, hands), np.float32)
        self.said: F64 = np.tile(np.array(REST), (CHANNELS, 1))
        """What each channel said last, f64 [17, 3]."""
        self._places = 0
        self._knob = np.zeros(PLACES_MAX, np.int32)
        self._value = np.zeros(PLACES_MAX, np.float32)
        self._at = np.zeros(PLACES_MAX, np.float64)
        self.moved = False
        """Whether any finger has said anything yet: until then there is nothing to do."""
        self._rest()

    def _rest(self) -> None:
        rest = np.repeat(np.array(REST, np.float32), self.count)
        self._ramp.reset(rest)
        self._friction.reset(rest)
        self._pos[:] = rest

    def weigh(self, difficulty: float) -> None:
        """How much of their friction they have: as that of the knobs, under the one macro."""
        scaled(self._given, difficulty, self._params)

    # --- what they do

    def say(self, what: int, value: float, voices: Sequence[int], at: float, channel: int = -1) -> None:
        """A finger moves: raw 0..1 to the ``voices``, ``at`` ticks into the block; ``channel``: also for the notes to
        come there, on 0 for all."""
        value = min(1.0, max(0.0, value))
        self.moved = True
        if 0 <= channel < CHANNELS:
            self.said[channel if channel else slice(None), what] = value
        for voice in voices:
            n = min(self._places, PLACES_MAX - 1)
            self._knob[n], self._value[n], self._at[n] = what * self.count + voice, value, at
            self._places = n + 1

    def begin(self, voice: int, channel: int) -> None:
        """A note speaks on a voice: its hands stand where its channel has them."""
        if not self.moved:
            return
        said = self.said[channel if 0 <= channel < CHANNELS else 0]
        for what in range(len(EXPRESSIONS)):
            hand = what * self.count + voice
            self._ramp.put(hand, float(said[what]))
            self._friction.put(hand, float(said[what]))
        for i in range(self._places):  # what was meant for the note before is not for this one
            if self._knob[i] % self.count == voice:
                self._knob[i] = -1

    def forget(self) -> None:
        """Everything as if nobody had said anything."""
        self.said[:] = REST
        self._places, self.moved = 0, False
        self._rest()

    def step(self, ticks: int) -> None:
        """``ticks`` ticks on."""
        if not self.moved:
            return
        hand, pos = self._hand[:ticks], self._pos[:ticks]
        self._ramp.step(self._places, self._knob, self._value, self._at, self._params, hand)
        self._places = 0
        self._friction.step(hand, self._params, None, pos)
        self._pos[ticks:] = pos[-1]

    # --- what comes of it

    def of(self, what: int) -> F32:
        """Where the hands of an expression are, raw f32 [T, V]."""
        return self._pos[:, what * self.count : (what + 1) * self.count]

    def semitones(self) -> F32:
        """How far each voice is bent, f32 [T, V]."""
        found: F32 = (self.of(BEND) - np.float32(0.5)) * np.float32(2.0 * BEND_SEMITONES)
        return found

    def force(self) -> F32:
        """What friction does to each hand, f32 [V, 3]: for the stage."""
        return self._friction.force.reshape(len(EXPRESSIONS), self.count).T

    # --- state

    def state(self) -> dict[str, Any]:
        """Everything remembered; nothing where nobody has said anything."""
        if not self.moved:
            return {}
        return {
            "said": self.said.copy(),
            "pos": self._pos.copy(),
            "ramp": self._ramp.state(),
            "friction": self._friction.state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Back to a state taken by ``state()``."""
        self.forget()
        if state:
            self.said[:], self._pos[:] = state["said"], state["pos"]
            self._ramp.set_state(state["ramp"])
            self._friction.set_state(state["friction"])
            self.moved = True
