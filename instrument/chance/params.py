"""Params: how much chance each knob has, of every kind, and the macro over it. Read by mix, filled by control.

The names are those of the knobs ``chance.<name>``. Amounts that belong to no single knob (of the worn tape, of the
model's own chance) are read from the table by their users and scaled here too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.knobs import CHANCE_SOURCES, PARAMETERS

NAMES = tuple(knob.id.partition(".")[2] for knob in PARAMETERS if knob.group == "chance")
ROW = {name: i for i, name in enumerate(NAMES)}

SCALED = (*CHANCE_SOURCES, "holes", "coarse", "tape", "tape_drops", "temperature", "bend")
"""What hazard scales. The character of a chance (rates, lengths, shapes) stays, and so do bridges and wear, which the
player asks for by name."""

_MOST = np.array([knob.high for knob in PARAMETERS if knob.group == "chance"], np.float32)
_IS_SCALED = np.array([name in SCALED for name in NAMES], np.bool_)


class ChanceParams:
    """The amounts of K knobs: ``params["drift"]`` f32[K], rows of one array ``rows`` f32[len(NAMES), K]."""

    __slots__ = ("live", "row", "rows")

    def __init__(self, count: int) -> None:
        self.rows: NDArray[np.float32] = np.zeros((len(NAMES), count), np.float32)
        self.row: dict[str, NDArray[np.float32]] = dict(zip(NAMES, self.rows, strict=True))
        """The same by name, ready made for who asks 375 times a second."""
        for knob in PARAMETERS:
            if knob.group == "chance":
                self.rows[ROW[knob.id.partition(".")[2]]] = knob.value(knob.start)
        self.look()

    def look(self) -> None:
        """After amounts changed: ``live`` names those that are anything at all."""
        self.live = frozenset(name for name in SCALED if self[name].any())

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self.row[name]

    def __setitem__(self, name: str, value: float | NDArray[np.float32]) -> None:
        self.rows[ROW[name]] = value


@compiled
def _scale(
    rows: NDArray[np.float32],
    scale: float,
    scaled: NDArray[np.bool_],
    most: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    for row in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            value = rows[row, k]
            if scaled[row]:
                value = min(np.float32(value * scale), most[row]) if scale > 0.0 else np.float32(0.0)
            out[row, k] = value


def scale_of(hazard: float) -> float:
    """What hazard 0..10 multiplies amounts by: 0 nothing, 5 as given, 10 double."""
    return min(10.0, max(0.0, float(hazard))) / 5.0


def scaled(params: ChanceParams, hazard: float, out: ChanceParams) -> ChanceParams:
    """The hazard macro, into ``out``: at 0 every amount is exactly 0, at 5 as given, at 10 double, up to its range."""
    _scale(params.rows, scale_of(hazard), _IS_SCALED, _MOST, out.rows)
    out.look()
    return out


KERNELS = (_scale,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    scaled(ChanceParams(1), 5.0, ChanceParams(1))
    close(*KERNELS)
