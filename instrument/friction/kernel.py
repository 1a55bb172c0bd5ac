"""Kernel: all the knobs of a bearing, tick by tick - the chain of friction in one place. Below bearing.

    hand u --play--> p --hand's spring--> mass + friction + detents, end stops, dug wells, springs to others --> pos

What each stage is stands in ``law`` (mass and friction), ``landscape`` and ``springs``. Here are the two that are
short, and the order.

Play (backlash) of width b is the operator p = clip(p, u - b/2, u + b/2): rate independent, before the mass. What it
takes from the reach of the hand it takes at both ends: a hand at 1 holds the knob at 1 - b/2.

Fatigue: the work done against the bearing, P = |f v| + visc v^2 (f the bristle's share), spends the budget B,

    dB/dt = -P / effort + (1 - B) / recovery

taken implicitly, so B <= 1, and never below 0; stick, slide and visc are multiplied by 1 + fatigue (1 - B). When that
grows, the bristle keeps its force and so loses energy (f^2 pre / 2 stick); when it shrinks, it keeps its shape and
loses too. ``known`` multiplies visc alone: nothing is stored in it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled
from instrument.friction.coefficients import (
    A_DAMPER,
    A_DETENT,
    A_DETENTS,
    A_DIG,
    A_DRAIN,
    A_ELASTIC,
    A_END,
    A_FATIGUE,
    A_GAP,
    A_HALF_PLAY,
    A_MASS,
    A_MICRO,
    A_PRE,
    A_REACH,
    A_REST,
    A_SLIDE,
    A_SNAP,
    A_STICK,
    A_STILL,
    A_TIE,
    A_VISC,
    A_VS,
    A_WELL,
    read,
)
from instrument.friction.landscape import DIG_TICKS, detent_pull, dig, end_pull, present_detent, well_pull
from instrument.friction.law import SLIP_SHARE, advance
from instrument.friction.springs import PULL, ROOT, STIFF, draw, tie
from instrument.knobs import FREE, HELD, SLIPPING

STATE = ("pos", "speed", "bristle", "hand", "play", "detent", "budget", "clock")
X, V, Y, U, P, DETENT, BUDGET, CLOCK = range(len(STATE))
"""``state`` f64[8, K]; play is what the mass is held by, detent the present one (-1 none), clock waits to dig."""

FORCE, LEAD, LEFT = range(3)
"""``shown`` f32[3, K]: force of friction, hand - pos, budget."""


@compiled
def turn(
    rows: NDArray[np.float32], tick_s: float, known: NDArray[np.float32], hand: NDArray[np.float32],
    bearing: NDArray[np.float32], spots: NDArray[np.float64], springs: NDArray[np.float64], home: NDArray[np.float64],
    amounts: NDArray[np.float64], ties: NDArray[np.float64], state: NDArray[np.float64], wells: NDArray[np.float64],
    bend: NDArray[np.float64], pos: NDArray[np.float32], shown: NDArray[np.float32], stuck: NDArray[np.uint8],
) -> None:  # fmt: skip
    # 64 knobs with everything on take 0.16 ms of a block of 2.67 ms (median), with chance; the eight of a patch 8 us.
    pushed = bearing.shape[0] > 0
    count = state.shape[1]
    read(rows, tick_s, known, spots, amounts)
    # Springs between knobs pull on all at once: their roots first, their draw anew at each tick.
    tied = False
    ties[:] = 0.0
    if springs.shape[0] > 0:
        for k in range(count):
            ties[ROOT, k] = amounts[k, A_TIE]
        tied = tie(springs, ties)
    for t in range(hand.shape[0]):
        if tied:
            draw(springs, home, state[X], ties)
        for k in range(count):
            a = amounts[k]
            x, v, y, u, held = state[X, k], state[V, k], state[Y, k], state[P, k], state[DETENT, k]
            asked = hand[t, k]
            # what is not a number holds the last one; beyond the travel there is nothing to ask for
            to = np.float64(asked) if not np.isnan(asked) else state[U, k]
            to = 0.0 if to < 0.0 else 1.0 if to > 1.0 else to
            push = np.float64(bearing[t, k]) if pushed else 0.0
            if not np.isfinite(push):
                push = 0.0
            state[U, k] = to
            if a[A_STILL] > 0.0:
                # nothing resists: a push is balanced by the spring of the hand alone, no push leaves the hand's bits
                x = to if push == 0.0 else min(1.0, max(0.0, to + push))
                state[X, k], state[V, k], state[Y, k], state[P, k] = x, 0.0, 0.0, to
                state[DETENT, k], state[BUDGET, k] = -1.0, 1.0
                pos[t, k] = x
                shown[FORCE, k], shown[LEAD, k], shown[LEFT, k], stuck[k] = 0.0, to - x, 1.0, FREE
                continue
            # Backlash: the hand leads the knob only where the play between them is used up.
            led = min(max(u, to - a[A_HALF_PLAY]), to + a[A_HALF_PLAY])

            # Landscape: springs, the nearest detent, the end stops, wells that playing has dug. Force, and half its
            # slope: the law is solved for both, so that a stiff detent stands still at 1500 ticks a second.
            pull, stiff = ties[PULL, k], ties[STIFF, k]
            if a[A_DETENT] > 0.0:
                index, at = present_detent(spots, k, int(a[A_DETENTS]), a[A_GAP], a[A_SNAP], held, x)
                slope, half = detent_pull(x - at, a[A_REACH], a[A_DETENT])
                held, pull, stiff = np.float64(index), pull + slope, stiff + half
            else:
                held = -1.0
            if a[A_END] > 0.0:
                slope, half = end_pull(x, a[A_END])
                pull, stiff = pull + slope, stiff + half
            if a[A_WELL] > 0.0:
                slope, half = well_pull(wells[k], bend[k], x, a[A_WELL])
                pull, stiff = pull + slope, stiff + half

            # Fatigue: who has worked lately is harder to move. The bristles' damping goes with the root of it.
            fatigue = a[A_FATIGUE]
            worn = 1.0 + fatigue * (1.0 - state[BUDGET, k]) if fatigue > 0.0 else 1.0
            stick, visc, micro = a[A_STICK], a[A_VISC], a[A_MICRO]
            if stick == 0.0:
                y = 0.0
            if fatigue > 0.0:
                stick, visc, micro = stick * worn, visc * worn, micro * math.sqrt(worn)
            # The law itself: mass, bristles, viscosity (law.py). What comes out of range lets the knob follow the hand.
            before = x
            x, v, y, force, slips = advance(
                x, v, y, u, led, push, pull, stiff, tick_s, a[A_MASS], 1.0, a[A_DAMPER], micro, visc,
                stick, a[A_SLIDE] * worn, a[A_VS], a[A_PRE], a[A_ELASTIC], 0.0, 1.0,
            )  # fmt: skip
            if not np.isfinite(x + v + y + force):
                x, v, y, force, slips = to, 0.0, 0.0, 0.0, False

            # What was spent on friction drains the budget, rest fills it. Bristles that got stiffer give way, so that
            # no energy comes of it.
            budget = 1.0
            if fatigue > 0.0:
                moved = (x - before) / tick_s
                spent = abs((force - visc * moved) * moved) + visc * moved * moved
                rest = a[A_REST]
                budget = max(0.0, (state[BUDGET, k] - a[A_DRAIN] * spent + rest) / (1.0 + rest))
                harder = 1.0 + fatigue * (1.0 - budget)
                if harder > worn:
                    y *= worn / harder
            # A knob that dwells digs a well: every 16 ticks.
            if a[A_DIG] > 0.0:
                state[CLOCK, k] += 1.0
                if state[CLOCK, k] >= DIG_TICKS:
                    state[CLOCK, k] = 0.0
                    if abs(v) <= SLIP_SHARE * a[A_VS]:
                        bend[k] = dig(wells[k], x, a[A_DIG])
            # Remembered, and shown to the stage and to controllers that push back.
            state[X, k], state[V, k], state[Y, k], state[P, k] = x, v, y, led
            state[DETENT, k], state[BUDGET, k] = held, budget
            pos[t, k] = x
            shown[FORCE, k], shown[LEAD, k], shown[LEFT, k] = force, to - x, budget
            stuck[k] = FREE if stick == 0.0 else SLIPPING if slips else HELD
