"""Params: how much friction each knob has, and the macro that turns it all from glass to stone. Read by law and ramp.

| amount           |                                                   | unit       | range        | default |
|------------------|---------------------------------------------------|------------|--------------|---------|
| stick            | lead of the hand before it moves                  | travel     | 0-0.30       | 0.02    |
| slide            | lag that remains while moving                     | travel     | 0-stick      | 0.015   |
| vs               | speed at which stick turns to slide               | travel/s   | 0.01-1       | 0.05    |
| pre              | micro-motion before break-away                    | travel     | 0.0005-0.02  | 0.002   |
| elastic          | share of pre that springs back                    | -          | 0-0.9        | 0.7     |
| weight           | natural frequency on the hand's spring            | Hz         | 1-20, 0 off  | 10      |
| zeta             | damping of the hand                               | -          | 0-1.5        | 0.7     |
| visc             | lag time of a steady sweep                        | s          | 0-2          | 0       |
| micro            | bristle damping, relative                         | -          | 0-2          | 1       |
| play             | backlash: what the hand moves in vain             | travel     | 0-0.2        | 0       |
| detents          | how many, evenly over the travel                  | per travel | 0-48         | 0       |
| detent_strength  | force at the steepest place of a detent           | travel     | 0-0.30       | 0       |
| snap_point       | where the next detent takes the knob              | spacing    | 0.5-1.5      | 0.5     |
| endstop_strength | force at the very ends                            | travel     | 0-0.30       | 0       |
| dig              | force at the side of a well dug by dwelling       | travel     | 0-0.30       | 0       |
| dig_time         | dwelling that digs 63 % of a well                 | s          | 30-1800      | 300     |
| fatigue          | how much harder all is when the effort is spent   | -          | 0-4          | 0       |
| effort           | the work that spends it                           | travel^2   | 0.01-10      | 0.5     |
| recovery         | rest that gives 63 % of it back                   | s          | 1-300        | 20      |
| known            | visc is 1 + known D times itself; D: how familiar | -          | -1-4         | 0       |
| coupling         | springs to the knobs it goes with in the training | -          | 0-1          | 0       |

The names of the detents' amounts are those of SmartKnob (Scott Bezek), so that one patch can drive a haptic knob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.knobs import PARAMETERS

_ROWS = tuple(knob for knob in PARAMETERS if knob.group == "friction")
NAMES = tuple(knob.id.partition(".")[2] for knob in _ROWS)
DEFAULTS = tuple(round(knob.value(knob.start), 9) for knob in _ROWS)
(STICK, SLIDE, VS, PRE, ELASTIC, WEIGHT, ZETA, VISC, MICRO, PLAY, DETENTS, DETENT, SNAP, ENDSTOP, DIG, DIG_TIME,
 FATIGUE, EFFORT, RECOVERY, KNOWN, COUPLING) = map(NAMES.index, (
    "stick", "slide", "vs", "pre", "elastic", "weight", "zeta", "visc", "micro", "play", "detents", "detent_strength",
    "snap_point", "endstop_strength", "dig", "dig_time", "fatigue", "effort", "recovery", "known", "coupling",
))  # fmt: skip
FORCES = tuple(
    row for row, knob in enumerate(_ROWS) if (knob.unit, knob.high) == ("travel", 0.30) and row not in (STICK, SLIDE)
)
"""What is a force in travel of the hand's spring, as the table says: difficulty scales it, and where it is above 0 the
knob is not neutral. So a new one needs its row in the table, its law, and its place in the kernel."""
_PLAIN_FORCES = tuple(row for row in FORCES if row != DETENT)
STICK_MOST, VISC_MOST, WEIGHT_LEAST_HZ, PLAY_MOST = float(np.float32(0.30)), 2.0, 1.0, float(np.float32(0.2))


class FrictionParams:
    """The amounts of K knobs, f32[K] each: ``params.stick[3] = 0.1``. Changed in place, so nothing is allocated.

    All are rows of one array ``rows`` f32[21, K] (in the order of NAMES), which is what the laws read. They hold any
    number: a law clips what it reads (slide to stick, negatives and NaN to 0, weight <= 0 to "off").
    """

    __slots__ = (*NAMES, "rows")

    def __init__(self, count: int) -> None:
        self.rows: NDArray[np.float32] = np.empty((len(NAMES), count), np.float32)
        self.rows[:] = np.array(DEFAULTS, np.float32)[:, None]
        for name, row in zip(NAMES, self.rows, strict=True):
            setattr(self, name, row)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> NDArray[np.float32]: ...

    def __len__(self) -> int:
        return int(self.rows.shape[1])

    def set(self, **amounts: float) -> FrictionParams:
        """The same amounts for every knob, by name; gives itself back."""
        for name, amount in amounts.items():
            self.rows[NAMES.index(name)] = amount
        return self


@compiled
def neutral(rows: NDArray[np.float32], k: int) -> bool:
    """Knob k has neither friction nor weight nor anything else: its position is its hand. (Slide never exceeds stick;
    fatigue and known only multiply.)"""
    for row in _PLAIN_FORCES:
        if rows[row, k] > 0.0:
            return False
    return not (
        rows[STICK, k] > 0.0
        or rows[VISC, k] > 0.0
        or rows[WEIGHT, k] > 0.0
        or rows[PLAY, k] > 0.0
        or (rows[DETENT, k] > 0.0 and rows[DETENTS, k] > 0.0)
        or rows[COUPLING, k] > 0.0
    )


@compiled
def _scale(rows: NDArray[np.float32], scale: float, out: NDArray[np.float32]) -> None:
    for k in range(rows.shape[1]):
        for row in range(rows.shape[0]):
            out[row, k] = rows[row, k]
        stick, visc, weight = np.float64(rows[STICK, k]), np.float64(rows[VISC, k]), np.float64(rows[WEIGHT, k])
        # stick and slide together: clipping one alone would turn stick-slip into plain lag at the top
        both = min(scale, STICK_MOST / stick) if stick > 0.0 else scale
        out[STICK, k] = stick * both
        out[SLIDE, k] = rows[SLIDE, k] * both
        out[VISC, k] = min(visc * scale, VISC_MOST)
        out[WEIGHT, k] = max(weight / scale, WEIGHT_LEAST_HZ) if scale > 0.0 and weight > 0.0 else 0.0
        for row in FORCES:
            out[row, k] = min(rows[row, k] * scale, STICK_MOST)
        out[PLAY, k] = min(rows[PLAY, k] * scale, PLAY_MOST)
        out[FATIGUE, k] = rows[FATIGUE, k] * scale
        out[COUPLING, k] = min(rows[COUPLING, k] * scale, 1.0)


def scaled(params: FrictionParams, difficulty: float, out: FrictionParams) -> FrictionParams:
    """The difficulty macro, into ``out`` (not ``params`` itself): 0 neutral, 5 as given, 10 twice as hard.

    With s = difficulty / 5: stick, slide, visc, play, the forces of detents, end stops and dug wells, fatigue and
    coupling are s times what is given, the weight's natural frequency 1 / s times (its mass s^2 times), so it comes
    from "direct" without a step. Clipped to the ranges above (slide keeping its share of stick), weight to 1 Hz; a
    weight that is off stays off. The character (vs, pre, elastic, zeta, micro, how many detents, known, the times)
    stays. Towards 0 the law itself tends to pos = hand; at 0 it is neutral, bit for bit. Between 0 and 5 the
    frequency passes above the 20 Hz of the panel, on purpose.
    """
    _scale(params.rows, min(10.0, max(0.0, float(difficulty))) / 5.0, out.rows)
    return out


KERNELS = (_scale,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    scaled(FrictionParams(1), 5.0, FrictionParams(1))
    close(*KERNELS)
