"""Beta: a word to a number of a Beta law, by the inverse of its distribution function. Under dice.

Newton steps, shut in by bisection, on the regularised incomplete beta function by its continued fraction (Numerical
Recipes, 3rd ed., 6.4); where both parameters are large, Abramowitz and Stegun's approximation alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from instrument.base.compiled import compiled
from instrument.chance.words import normal, uniform

BETA_ERROR = 1e-6
"""How far from the true inverse a value may be."""
BELL_ENOUGH = 1e4
"""Where a and b are beyond this, the approximation is within BETA_ERROR as it is (3e-7, 8 deviations out)."""


@compiled
def between(value: float, low: float, high: float) -> float:
    """Clipped; ``low`` for what is not a number."""
    return min(value, high) if value > low else low


@compiled
def _fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (Numerical Recipes, 3rd ed., 6.4.5), by Lentz."""
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    product = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + even * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + even / c
        c = c if abs(c) > tiny else tiny
        product *= d * c
        d = 1.0 + odd * d
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = 1.0 + odd / c
        c = c if abs(c) > tiny else tiny
        product *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return product


@compiled
def _bell(word: np.uint64, a: float, b: float) -> float:
    """Near the inverse, nearer the larger a and b are, above 1: Abramowitz and Stegun 26.5.22."""
    z = normal(word)
    one, other = 1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0)
    h = 2.0 / (one + other)
    c = (z * z - 3.0) / 6.0
    return a / (a + b * math.exp(-2.0 * (z * math.sqrt(c + h) / h + (other - one) * (c + 5.0 / 6.0 - 2.0 / (3.0 * h)))))


@compiled
def beta(word: np.uint64, a: float, b: float) -> Any:
    """The inverse of the Beta distribution function at a word, within BETA_ERROR; a, b > 0."""
    u = uniform(word)
    if a > 1.0 and b > 1.0:
        x = _bell(word, a, b)
        if min(a, b) > BELL_ENOUGH:
            return x
    else:
        left, right = math.exp(a * math.log(a / (a + b))) / a, math.exp(b * math.log(b / (a + b))) / b
        share = left / (left + right)
        x = (u / share) ** (1.0 / a) if u < share else 1.0 - ((1.0 - u) / (1.0 - share)) ** (1.0 / b)
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    low, high = 0.0, 1.0
    for i in range(100):
        if not low < x < high or i % 4 == 3:
            x = 0.5 * (low + high)
        front = math.exp(norm + a * math.log(x) + b * math.log1p(-x))
        if x < (a + 1.0) / (a + b + 2.0):
            miss = front * _fraction(x, a, b) / a - u
        else:
            miss = (1.0 - u) - front * _fraction(1.0 - x, b, a) / b
        if miss < 0.0:
            low = x
        else:
            high = x
        if high - low < BETA_ERROR:
            break
        # Newton, and a hair further: so that the root is soon shut in from both sides
        x = x - miss * x * (1.0 - x) / front - math.copysign(0.25 * BETA_ERROR, miss)
    return 0.5 * (low + high)
