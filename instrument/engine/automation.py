"""Automation: hands that go by themselves - bridges, which wander, and the way to a scene, which is straight.
In control.

The hand of a playable knob travels as a bridge does (chance/bridge.py), with its wander or without; what it pulls goes
through friction and chance as ever. A parameter has no friction: it travels on a line of its own, one value a block.
Whoever takes a knob has it: its travel is over where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.chance.bridge import Bridge
from instrument.chance.words import stream_id
from instrument.friction.ramp import RAMP_TICKS, HandRamp

F32 = NDArray[np.float32]


class Automation:
    """Of the playable knobs ``names`` and so many ``parameters`` after them; ``tick_hz`` as the ramp's."""

    def __init__(self, names: Sequence[str], parameters: int, tick_hz: float, seed: int, ramp: HandRamp) -> None:
        count = len(names)
        self._count, self._tick_hz, self._ramp = count, tick_hz, ramp
        self._bridge = Bridge([stream_id(f"bridge/{name}") for name in names], tick_hz, seed)
        self._lines = Bridge([0] * parameters, tick_hz)
        self._straight = np.zeros(count, np.uint8)
        self._setting_out = np.zeros(count, np.uint8)
        self._there = np.zeros(count + parameters)
        self._sigma = np.zeros(count, np.float32)
        self._none = np.zeros(parameters, np.float32)
        self._now = np.zeros((1, parameters), np.float32)

    def bridge(self, knob: int, here: float, there: float, seconds: float, tick: int) -> None:
        """A playable knob's hand wanders from ``here`` at ``tick`` to ``there``."""
        self._straight[knob] = self._setting_out[knob] = 0
        self._bridge.start(knob, here, there, seconds, tick)
        self._ramp.put(knob, there)  # from the tick after the last one the knob is the hand's again

    def straight(self, knob: int, here: float, there: float, seconds: float, tick: int) -> bool:
        """A knob's hand goes straight from ``here`` at ``tick`` to ``there``, and is there after so many seconds to
        the nearest tick. False, and nothing is done, when a hand's own ramp takes longer than that."""
        if round(seconds * self._tick_hz) < RAMP_TICKS:
            return False
        self._there[knob] = there
        if knob >= self._count:
            self._lines.start(knob - self._count, here, there, seconds, tick)
            return True
        self.stop(knob, here)
        self._bridge.start(knob, here, there, seconds, tick)
        self._straight[knob] = self._setting_out[knob] = 1
        return True

    def stop(self, knob: int, here: float) -> None:
        """Somebody takes the knob: its hand stays ``here``."""
        if knob >= self._count:
            self._lines.stop(knob - self._count)
        elif self._bridge.active[knob]:
            self._bridge.stop(knob)
            self._setting_out[knob] = 0
            self._ramp.put(knob, here)

    def stop_all(self, raw: F32) -> None:
        """Every hand stays where it is, ``raw`` [N]."""
        for knob in np.flatnonzero(self._bridge.active).tolist():
            self.stop(knob, float(raw[knob]))
        for line in np.flatnonzero(self._lines.active).tolist():
            self._lines.stop(line)

    def hands(self, tick: int, ticks: int, wander: F32, hand: F32, raw: F32) -> None:
        """The hands on their way into ``hand`` f32 [ticks, K] and, where they are now, into ``raw`` [N]. After the
        ramp. ``wander``: travel, how wide bridges stray, f32 [K]."""
        active = self._bridge.active
        if not active.any():
            return
        going = np.flatnonzero(active)
        np.copyto(self._sigma, wander)
        self._sigma[self._straight.view(bool)] = 0.0
        self._bridge.step(tick, ticks, self._sigma, hand)
        raw[going] = hand[-1, going]
        if self._setting_out.any():  # the ramp led it to where it set out; now it is the ramp's again where it arrives
            for knob in np.flatnonzero(self._setting_out).tolist():
                self._ramp.put(knob, float(self._there[knob]))
            self._setting_out[:] = 0

    def parameters(self, tick: int, raw: F32) -> Sequence[int]:
        """The parameters that travel, at ``tick``, into ``raw`` [N]; returns their places in the table."""
        lines = self._lines
        if not lines.active.any():
            return ()
        going = np.flatnonzero(lines.active).tolist()
        self._now[0] = raw[self._count :]
        lines.step(tick, 1, self._none, self._now)
        for line in going:
            knob = self._count + line
            raw[knob] = self._now[0, line] if lines.active[line] else self._there[knob]
        return [self._count + line for line in going]

    # --- state

    def reseed(self, seed: int, tick: int) -> None:
        """Other wander from now on; the clock, which was at ``tick``, is at 0."""
        self._bridge.reseed(seed)
        self._bridge.shift(-tick)
        self._lines.shift(-tick)

    def under(self, seed: int) -> None:
        """The wander is that of ``seed``; what is under way goes on."""
        self._bridge.reseed(seed)

    def state(self) -> dict[str, Any]:
        return {
            "bridge": self._bridge.state(),
            "lines": self._lines.state(),
            "straight": self._straight.copy(),
            "setting_out": self._setting_out.copy(),
            "there": self._there.copy(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self._bridge.set_state(state["bridge"])
        self._lines.set_state(state["lines"])
        self._straight[:], self._setting_out[:] = state["straight"], state["setting_out"]
        self._there[:] = state["there"]
