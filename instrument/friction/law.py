"""Law: a mass on the spring of the hand, rubbing in its bearing; one knob, one step. Below bearing, which has K knobs.

Elasto-plastic friction with a single state (Dupont, Hayward, Armstrong, Altpeter, "Single state elastoplastic
friction models", IEEE TAC 47(5), 2002):

    M dv/dt = k (u - x) + C (du/dt - v) - f - U'(x) + push  f = s0 z + s1 dz/dt + s2 v
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

A potential U(x) from outside pulls with U'(x) + S (x' - x), the slope at the old x (a stabilised linearly implicit
scheme: Shen & Yang, Discrete Contin. Dyn. Syst. 28, 2010). With S >= max |U''| / 2 that is passive at every step, too.
Proof: for d = x' - x, Taylor gives U(x') - U(x) <= U'(x) d + max |U''| d^2 / 2 <= (U'(x) + S d) d, and that last is
just the work which this force takes out of the knob.

The bristle is kept as y = s0 z / stick (-1..1 in the steady state), so turning ``stick`` or ``pre`` never strains it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled

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
def advance(
    x: float, v: float, y: float, u: float, to: float, push: float, pull: float, stiff: float, h: float, mass: float,
    spring: float, damper: float, s1: float, s2: float, stick: float, slide: float, vs: float, pre: float,
    elastic: float, low: float, high: float,
) -> tuple[float, float, float, float, bool]:  # fmt: skip
    """One step of h seconds while the hand goes from ``u`` to ``to``: x', v', y', force of friction, whether it slips.

    ``push``: an outside force; ``pull``, ``stiff``: U'(x) and S of an outside potential.
    """
    s0 = stick / pre
    z = y * pre
    drive = mass * v / h + spring * (to - x) + damper * (to - u) / h + push - pull
    inertia = mass / h + (spring + stiff) * h + damper + s2
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
def _follow(
    c: NDArray[np.float64],
    step_s: float,
    hand: NDArray[np.float64],
    push: NDArray[np.float64],
    start: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    x, v, y, u = start[_X], start[_V], start[_Y], start[_U]
    for t in range(hand.size):
        x, v, y, out[t, 3], _ = advance(
            x, v, y, u, hand[t], push[t], 0.0, 0.0, step_s, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9],
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


KERNELS = (_follow,)
"""None of play: ``trace`` is for checking."""
