"""Measure: what every law is made of - a row, its tolerance, the tick, distances between distributions. Under the laws.

A row is a law with the number it should give, the number it gave just now, and how far apart they may be; it holds if
|measured - expected| <= tolerance. A law that is a bound ("never more than") expects 0 and has the bound for tolerance;
one that is a comparison counts how many times it came out as it should.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]

TICK_HZ = 1500.0
"""The control tick of play."""


@dataclass(frozen=True, slots=True)
class Law:
    """One row. All numbers in the unit the name says."""

    name: str
    expected: float
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """False for what is not a number."""
        return math.isfinite(self.measured) and abs(self.measured - self.expected) <= self.tolerance

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "expected": self.expected,
            "measured": self.measured,
            "tolerance": self.tolerance,
            "holds": self.holds,
        }


Measure: TypeAlias = Callable[[], Iterator[Law]]


def kolmogorov(values: F64, cdf: Callable[[F64], F64]) -> tuple[float, float]:
    """Largest distance between the distribution of ``values`` and ``cdf``, and what it may be once in a hundred times.

    The second is 1.628 / sqrt(n), for n above 100 (Massey, J. Am. Stat. Assoc. 46, 1951, 68).
    """
    x = np.sort(values)
    n = len(x)
    at = cdf(x)
    above, below = np.arange(1, n + 1) / n - at, at - np.arange(n) / n
    return float(max(above.max(), below.max())), 1.628 / math.sqrt(n)


def differing_bits(one: NDArray[Any], other: NDArray[Any]) -> float:
    """How many numbers of two arrays are not the same to the bit (so 0 is not -0)."""
    width = f"u{one.itemsize}"
    return float(np.count_nonzero(one.view(width) != other.view(width)))
