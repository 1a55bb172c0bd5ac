"""Bearing: the friction of K knobs. After the hand's ramp, before chance at the sound.

The laws are in ``turn`` and what it is made of: ``law`` (mass and friction), ``landscape`` (detents, end stops, dug
wells), ``springs`` (coupling), ``amounts`` (the panel read). Here are their state and what others may ask of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close
from instrument.friction.coefficients import COLUMNS
from instrument.friction.kernel import (
    BUDGET,
    CLOCK,
    DETENT,
    FORCE,
    LEAD,
    LEFT,
    STATE,
    P,
    U,
    X,
    turn,
)
from instrument.friction.landscape import DIG_TICKS, FIRST, GAP, LISTED, NODES, SPOTS_GAP, SPOTS_MOST, bend_of
from instrument.friction.params import FrictionParams
from instrument.friction.springs import TIES, signed
from instrument.knobs import FREE, HELD, SLIPPING

__all__ = ["FREE", "HELD", "KERNELS", "SLIPPING", "Friction", "warm"]


class Friction:
    """The friction of K knobs at a fixed tick. Positions are raw 0..1, forces in travel of the hand's spring.

    After a step: ``force`` f32[K] (friction on the knob), ``lead`` f32[K] (hand - pos), ``budget`` f32[K] (strength
    left, 0..1; 1 without fatigue), ``stuck`` u8[K] (1 held, 2 slipping, 0 no friction), all of the last tick.
    ``known`` f32[K], 0..1, is the owner's to fill before a block: how familiar the present place is to the model.
    """

    def __init__(self, count: int, tick_hz: float) -> None:
        self.count = count
        self.tick_hz = tick_hz
        self._tick_s = 1.0 / tick_hz
        self._state = np.zeros((len(STATE), count))
        self._wells = np.zeros((count, NODES))
        self._bend = np.zeros(count)
        self._spots = np.zeros((count, FIRST + SPOTS_MOST))
        self._springs = np.zeros((0, 0))
        self._home = np.full(count, 0.5)
        self._amounts = np.zeros((count, COLUMNS))
        self._ties = np.zeros((TIES, count))
        self._shown = np.zeros((3, count), np.float32)
        self._quiet = np.empty((0, count), np.float32)
        self.force: NDArray[np.float32] = self._shown[FORCE]
        self.lead: NDArray[np.float32] = self._shown[LEAD]
        self.budget: NDArray[np.float32] = self._shown[LEFT]
        self.stuck: NDArray[np.uint8] = np.zeros(count, np.uint8)
        self.known: NDArray[np.float32] = np.zeros(count, np.float32)
        self.reset(np.zeros(count, np.float32))

    def step(
        self,
        hand: NDArray[np.float32],
        params: FrictionParams,
        bearing: NDArray[np.float32] | None,
        pos: NDArray[np.float32],
    ) -> None:
        """T ticks: ``hand`` f32[T, K] -> ``pos`` f32[T, K], with the force ``bearing`` f32[T, K] or None.

        All C-contiguous and of one T (``pos`` may be ``hand``). No allocation. A neutral knob (see ``params.neutral``)
        has its hand bit for bit where the bearing pushes nothing. ``pos`` is always finite and within 0..1.
        """
        if (
            hand.shape != pos.shape
            or hand.shape[1] != self.count
            or (bearing is not None and bearing.shape != hand.shape)
        ):
            raise ValueError(f"friction of {self.count} knobs was given {hand.shape} and asked for {pos.shape}")
        turn(
            params.rows, self._tick_s, self.known, hand, self._quiet if bearing is None else bearing, self._spots,
            self._springs, self._home, self._amounts, self._ties, self._state, self._wells, self._bend, pos,
            self._shown, self.stuck,
        )  # fmt: skip

    def set_detents(self, positions: Sequence[Sequence[float] | None] | None) -> None:
        """Places of detents for each of the K knobs instead of evenly spaced ones; None: even. Not in a block.

        They count where ``detents`` and ``detent_strength`` are above 0. ValueError: more than 64 places, one outside
        0..1, or two closer than 0.01.
        """
        given = [None] * self.count if positions is None else list(positions)
        if len(given) != self.count:
            raise ValueError(f"detents for {len(given)} knobs were given to {self.count}")
        spots = np.zeros_like(self._spots)
        for row, places in zip(spots, given, strict=True):
            at = np.sort(np.array(places if places is not None else (), np.float64))
            gap = float(np.diff(at).min()) if len(at) > 1 else 1.0
            if len(at) > SPOTS_MOST or not np.all((at >= 0.0) & (at <= 1.0)) or gap < SPOTS_GAP * (1.0 - 1e-9):
                raise ValueError(f"a knob has at most {SPOTS_MOST} detents, within 0..1 and {SPOTS_GAP} apart")
            row[LISTED], row[GAP] = len(at), gap
            row[FIRST : FIRST + len(at)] = at
        self._spots[:] = spots
        self._state[DETENT] = -1.0

    def couple(self, correlation: NDArray[np.float64] | None, home: NDArray[np.float32] | None = None) -> None:
        """Springs between knobs by f64[K, K] -1..1, at rest when all are at ``home`` f32[K] (None: the middle).

        Not in a block. Without a correlation they cost nothing; with one, a knob is dragged as its ``coupling`` says.
        ValueError: other shapes.
        """
        rest = np.full(self.count, 0.5) if home is None else np.nan_to_num(np.array(home, np.float64), nan=0.5)
        if rest.shape != (self.count,) or (correlation is not None and correlation.shape != (self.count, self.count)):
            raise ValueError(f"springs for {rest.shape} knobs were given to {self.count}")
        self._springs = np.zeros((0, 0)) if correlation is None else signed(correlation)
        self._home = np.ascontiguousarray(np.clip(rest, 0.0, 1.0))

    def fill(self) -> None:
        """All dug wells are gone."""
        self._wells[:] = 0.0
        self._bend[:] = 0.0

    @property
    def wells(self) -> NDArray[np.float64]:
        """How the ground is dug, f64[K, 64]: the coefficients of ``landscape.depth``, 0 untouched, about 1 full."""
        return self._wells

    def reset(self, pos: NDArray[np.float32]) -> None:
        """Hand and knob at rest at ``pos`` f32[K], rested, the bristle straight. Dug wells stay: see ``fill``."""
        self._state[:] = 0.0
        for row in (X, U, P):
            self._state[row] = pos
        self._state[DETENT] = -1.0
        self._state[BUDGET] = 1.0
        self._state[CLOCK] = np.arange(self.count) % DIG_TICKS  # not all in one tick
        self._shown[:] = 0.0
        self.budget[:] = 1.0
        self.stuck[:] = FREE

    def put(self, knob: int, pos: float) -> None:
        """One of them at rest at ``pos``, as ``reset`` does with all: another hand is on it."""
        self._state[:, knob] = 0.0
        self._state[[X, U, P], knob] = pos
        self._state[DETENT, knob], self._state[BUDGET, knob] = -1.0, 1.0
        self._shown[:, knob], self.budget[knob], self.stuck[knob] = 0.0, 1.0, FREE

    def state(self) -> dict[str, NDArray[np.float64]]:
        """What the next step depends on beside the amounts, f64[K] each: pos, speed, bristle, hand, play (what the
        mass is held by), detent (the present one, -1 none), budget, clock; and wells f64[K, 64]."""
        return {name: self._state[row].copy() for row, name in enumerate(STATE)} | {"wells": self._wells.copy()}

    def set_state(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from a ``state()``, bit for bit."""
        for row, name in enumerate(STATE):
            self._state[row] = state[name]
        self._wells[:] = state["wells"]
        self._bend[:] = bend_of(self._wells)


KERNELS = (turn,)


def warm() -> None:
    """Compile or load the kernel of play, then refuse to compile any other."""
    hand = np.zeros((2, 1), np.float32)
    friction = Friction(1, 1500.0)
    friction.step(hand, FrictionParams(1), None, np.empty_like(hand))
    friction.step(hand, FrictionParams(1), hand, np.empty_like(hand))
    close(*KERNELS)
