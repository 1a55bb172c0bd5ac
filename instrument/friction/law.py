"""Friction: what keeps a knob from obeying at once. After hands and the hand's ramp, before chance at the sound.

The knob is a mass on the spring of the hand, rubbing in its bearing. Elasto-plastic friction with a single state
(Dupont, Hayward, Armstrong, Altpeter, "Single state elastoplastic friction models", IEEE TAC 47(5), 2002):

    M dv/dt = k (u - x) + C (du/dt - v) - f + push          f = s0 z + s1 dz/dt + s2 v
    dz/dt   = v (1 - a(z, v) s0 z sgn(v) / g(v))            g = slide + (stick - slide) exp(-(v/vs)^2)
    a = 0 where sgn z != sgn v or |z| <= z_ba; 1 where |z| >= z_ss = g/s0; half a sine between; z_ba = elastic z_ss;
    a = 1 everywhere if elastic = 0: LuGre

For a knob k = 1, so forces are in travel: M = 1/w0^2, C = 2 zeta/w0, w0 = 2 pi weight, s0 = stick/pre,
s1 = micro sqrt(s0 M), s2 = visc. Plain LuGre (elastic = 0) walks away under noise: 7.8 travels in 16 s against 0.009.

Weight off is "direct": M = C = s1 = 0, the limit of a weight of infinite frequency. The spring of the hand and the
friction then balance at every tick: the knob waits until the hand leads by ``stick``, jumps to a lead of about
``slide``, and never rings. Because it is the same limit, sweeping the weight or the difficulty has no step in it.

Discretised to be passive at every step h (the friction never gives back more than was put in). A = a s0 |v|/g is
frozen over the step, everything else is implicit: z' = (z + h v')/(1 + hA), one division gives v', x' = x + h v'; a
second pass takes A from the v' of the first. The loss s0 A z'^2 + s1 (dz/dt)(dz/dt + A z') is never negative while
s1 A <= 4 s0, hence the clamp. An end stop is a wall that may only push inwards, after which the knob is at rest.

The bristle is kept as y = s0 z / stick (-1..1 in the steady state), so turning ``stick`` or ``pre`` never strains it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instrument.compiled import close, compiled
from instrument.friction.params import (
    ELASTIC,
    MICRO,
    PRE,
    SLIDE,
    STICK,
    VISC,
    VS,
    WEIGHT,
    ZETA,
    FrictionParams,
    neutral,
)

FREE, HELD, SLIPPING = 0, 1, 2

SLIP_SHARE = 0.02
"""A knob counts as slipping above this share of ``vs``: below, it creeps."""

REST = 1e-15
"""Speeds and bristles below this are 0: what fades without end becomes denormal numbers, 100 times slower."""

LEAST, MOST = 1e-6, 2.0
"""Shares of ``stick``: what a fast knob with no ``slide`` still rubs, and the most a bristle stores. A hand that jumps
half the travel within a tick would stretch it 20 times too far; letting that go only loses energy."""

_X, _V, _Y, _U = range(4)


class Coefficients(NamedTuple):
    """The law in any units (metres and newtons, say): what ``trace`` drives. Knobs have theirs from FrictionParams."""

    mass: float
    spring: float
    damper: float
    s1: float
    s2: float
    stick: float
    slide: float
    vs: float
    pre: float  # stick / s0
    elastic: float
    low: float = -math.inf
    high: float = math.inf


@compiled
def _advance(
    x: float, v: float, y: float, u: float, to: float, push: float, h: float, mass: float, spring: float,
    damper: float, s1: float, s2: float, stick: float, slide: float, vs: float, pre: float, elastic: float,
    low: float, high: float,
) -> tuple[float, float, float, float, bool]:  # fmt: skip
    """One step of h seconds while the hand goes from ``u`` to ``to``: x', v', y', force, whether it slips."""
    s0 = stick / pre
    z = y * pre
    drive = mass * v / h + spring * (to - x) + damper * (to - u) / h + push
    inertia = mass / h + spring * h + damper + s2
    speed = v
    flow, spread, bristle = 0.0, 1.0, s1
    for _ in range(2):
        if stick > 0.0:
            limit = pre * max(slide + (stick - slide) * math.exp(-((speed / vs) ** 2)), LEAST * stick) / stick
            elastic_limit = elastic * limit
            size = abs(z)
            share = 0.0
            if elastic == 0.0:
                share = 1.0
            elif z * speed > 0.0 and size > elastic_limit:
                share = 1.0
                if size < limit:
                    share = 0.5 + 0.5 * math.sin(
                        math.pi * (size - 0.5 * (limit + elastic_limit)) / (limit - elastic_limit)
                    )
            flow = share * abs(speed) / limit if share > 0.0 else 0.0
            spread = 1.0 + h * flow
            bristle = s1 if s1 * flow <= 4.0 * s0 else 4.0 * s0 / flow
        speed = (drive * spread - (s0 - bristle * flow) * z) / (inertia * spread + s0 * h + bristle)
    moved = x + h * speed
    stopped = moved < low or moved > high
    if stopped:
        moved = low if moved < low else high
        speed = (moved - x) / h
    bent = (z + h * speed) / spread
    force = s0 * bent + bristle * (speed - flow * z) / spread + s2 * speed
    slips = abs(speed) > SLIP_SHARE * vs and flow * abs(bent) > 0.5 * abs(speed)
    if stopped or abs(speed) < REST:
        speed = 0.0
    y = min(MOST, max(-MOST, bent / pre))
    return moved, speed, y if abs(y) > REST else 0.0, force, slips


@compiled
def _amount(value: float, most: float) -> float:
    """0..most; NaN is 0."""
    return min(value, most) if value > 0.0 else 0.0


@compiled
def _rub(
    rows: NDArray[np.float32], tick_s: float, hand: NDArray[np.float32], bearing: NDArray[np.float32],
    state: NDArray[np.float64], pos: NDArray[np.float32], shown: NDArray[np.float32], stuck: NDArray[np.uint8],
) -> None:  # fmt: skip
    pushed = bearing.shape[0] > 0
    for k in range(state.shape[1]):
        still = neutral(rows, k)
        stick = _amount(np.float64(rows[STICK, k]), 1.0)
        slide = _amount(np.float64(rows[SLIDE, k]), stick)
        vs = max(_amount(np.float64(rows[VS, k]), 1e3), 1e-4)
        pre = max(_amount(np.float64(rows[PRE, k]), 1.0), 1e-6)
        elastic = _amount(np.float64(rows[ELASTIC, k]), 0.99)
        zeta = _amount(np.float64(rows[ZETA, k]), 100.0)
        visc = _amount(np.float64(rows[VISC, k]), 1e3)
        omega = 2.0 * math.pi * np.float64(rows[WEIGHT, k])
        mass = 1.0 / (omega * omega) if omega > 0.0 else 0.0
        damper = 2.0 * zeta / omega if omega > 0.0 else 0.0
        micro = _amount(np.float64(rows[MICRO, k]), 100.0) * math.sqrt(stick / pre * mass)
        x, v, y, u = state[_X, k], state[_V, k], state[_Y, k], state[_U, k]
        if still or stick == 0.0:
            y = 0.0
        force = 0.0
        slips = False
        for t in range(hand.shape[0]):
            asked = hand[t, k]
            # what is not a number holds the last one; beyond the travel there is nothing to ask for
            to = np.float64(asked) if not np.isnan(asked) else u
            to = 0.0 if to < 0.0 else 1.0 if to > 1.0 else to
            push = np.float64(bearing[t, k]) if pushed else 0.0
            if not np.isfinite(push):
                push = 0.0
            if still:
                # nothing resists: a push is balanced by the spring of the hand alone, no push leaves the hand's bits
                x = to if push == 0.0 else min(1.0, max(0.0, to + push))
                v = 0.0
            else:
                x, v, y, force, slips = _advance(
                    x, v, y, u, to, push, tick_s, mass, 1.0, damper, micro, visc, stick, slide, vs, pre, elastic,
                    0.0, 1.0,
                )  # fmt: skip
                if not np.isfinite(x + v + y):
                    x, v, y, force, slips = to, 0.0, 0.0, 0.0, False
            u = to
            pos[t, k] = x
        state[_X, k], state[_V, k], state[_Y, k], state[_U, k] = x, v, y, u
        shown[0, k] = force
        shown[1, k] = u - x
        stuck[k] = FREE if stick == 0.0 else SLIPPING if slips else HELD


@compiled
def _follow(
    c: NDArray[np.float64], step_s: float, hand: NDArray[np.float64], push: NDArray[np.float64],
    start: NDArray[np.float64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    x, v, y, u = start[_X], start[_V], start[_Y], start[_U]
    for t in range(hand.size):
        x, v, y, out[t, 3], _ = _advance(
            x, v, y, u, hand[t], push[t], step_s, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9],
            c[10], c[11],
        )  # fmt: skip
        u = hand[t]
        out[t, 0], out[t, 1], out[t, 2] = x, v, y


def trace(
    law: Coefficients,
    step_s: float,
    hand: NDArray[np.float64],
    push: NDArray[np.float64],
    start: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
) -> NDArray[np.float64]:
    """The bare law in its own units, for checking it: f64[T, 4] of position, speed, bristle y, friction force.

    ``hand``, ``push``: f64[T], where the hand is and the outside force in each step. ``start``: x, v, y, last hand.
    """
    out = np.empty((len(hand), 4))
    _follow(np.array(law, np.float64), step_s, hand, push, np.array(start, np.float64), out)
    return out


class Friction:
    """The friction of K knobs at a fixed tick. Positions are raw 0..1, forces in travel of the hand's spring.

    After a step: ``force`` f32[K] (friction on the knob), ``lead`` f32[K] (hand - pos), ``stuck`` u8[K] (1 held,
    2 slipping, 0 no friction), all of the last tick.
    """

    def __init__(self, count: int, tick_hz: float) -> None:
        self.count = count
        self.tick_hz = tick_hz
        self._tick_s = 1.0 / tick_hz
        self._state = np.zeros((4, count))
        self._shown = np.zeros((2, count), np.float32)
        self._quiet = np.empty((0, count), np.float32)
        self.force: NDArray[np.float32] = self._shown[0]
        self.lead: NDArray[np.float32] = self._shown[1]
        self.stuck: NDArray[np.uint8] = np.zeros(count, np.uint8)

    def step(
        self,
        hand: NDArray[np.float32],
        params: FrictionParams,
        bearing: NDArray[np.float32] | None,
        pos: NDArray[np.float32],
    ) -> None:
        """T ticks: ``hand`` f32[T, K] -> ``pos`` f32[T, K], with the force ``bearing`` f32[T, K] or None.

        All C-contiguous and of one T (``pos`` may be ``hand``). No allocation. A neutral knob (stick, visc and weight
        0) has its hand bit for bit where the bearing pushes nothing. ``pos`` is always finite and within 0..1.
        """
        if (
            hand.shape != pos.shape
            or hand.shape[1] != self.count
            or (bearing is not None and bearing.shape != hand.shape)
        ):
            raise ValueError(f"friction of {self.count} knobs was given {hand.shape} and asked for {pos.shape}")
        _rub(
            params.rows,
            self._tick_s,
            hand,
            self._quiet if bearing is None else bearing,
            self._state,
            pos,
            self._shown,
            self.stuck,
        )

    def reset(self, pos: NDArray[np.float32]) -> None:
        """Hand and knob at rest at ``pos`` f32[K], the bristle straight."""
        self._state[:] = 0.0
        self._state[_X] = pos
        self._state[_U] = pos
        self._shown[:] = 0.0
        self.stuck[:] = FREE

    def state(self) -> dict[str, NDArray[np.float64]]:
        """What the next step depends on, f64[K] each: pos, speed, bristle, hand."""
        return {name: self._state[row].copy() for row, name in enumerate(("pos", "speed", "bristle", "hand"))}

    def set_state(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from a ``state()``, bit for bit."""
        for row, name in enumerate(("pos", "speed", "bristle", "hand")):
            self._state[row] = state[name]


KERNELS = (_rub, _follow)


def warm() -> None:
    """Compile or load the kernel of play, then refuse to compile any other."""
    hand = np.zeros((2, 1), np.float32)
    friction = Friction(1, 1500.0)
    friction.step(hand, FrictionParams(1), None, np.empty_like(hand))
    friction.step(hand, FrictionParams(1), hand, np.empty_like(hand))
    close(_rub)
