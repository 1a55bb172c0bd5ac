"""Springs: knobs that went together in the training drag one another. Beside landscape, before bearing.

A pair of correlation C_ij pulls e_i = x_i - home_i and sgn(C_ij) e_j together: a signed graph Laplacian (Kunegis et
al., "Spectral analysis of signed graphs", 2010), with L = D - A, A_ij = C_ij sqrt(l_i l_j), D_ii = sum_j |A_ij|, in
units of the hand's spring, ``coupling`` l per knob:

    U = e' L e / 2 = 1/2 sum_{i<j} |A_ij| (e_i - sgn(C_ij) e_j)^2

The pull L e is that of the tick before, D_ii (x_i' - x_i) is added. This takes at least the difference of U out of the
knobs, (L e)'d + d'D d >= U(e + d) - U(e) for any step d, because D - L/2 = (D + A)/2 is diagonally dominant and so
positive semidefinite. The knobs stay separate within a tick: no system of equations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled

TIES = 4
ROOT, SUM, PULL, STIFF = range(TIES)
"""Rows of ``ties`` f64[4, K]: sqrt(l), sum of |C_ij| sqrt(l_j), U' and the stabilising stiffness."""


def signed(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """A correlation f64[K, K] as springs: symmetric, within -1..1, nothing on the diagonal, 0 for what is no number."""
    springs = np.nan_to_num(np.array(correlation, np.float64), posinf=0.0, neginf=0.0)
    springs = np.clip((springs + springs.T) / 2.0, -1.0, 1.0)
    np.fill_diagonal(springs, 0.0)
    return np.ascontiguousarray(springs)  # whatever the order it came in: the kernel takes one


@compiled
def tie(springs: NDArray[np.float64], ties: NDArray[np.float64]) -> bool:
    """Once a block, ``ties[ROOT]`` given: SUM and STIFF; whether any knob is tied at all."""
    count = springs.shape[0]
    ties[SUM] = 0.0
    ties[PULL] = 0.0
    tied = False
    for j in range(count):
        root = ties[ROOT, j]
        if root > 0.0:
            tied = True
            for i in range(count):
                ties[SUM, i] += abs(springs[j, i]) * root
    for i in range(count):
        ties[STIFF, i] = ties[ROOT, i] * ties[SUM, i]
    return tied


@compiled
def draw(
    springs: NDArray[np.float64], home: NDArray[np.float64], x: NDArray[np.float64], ties: NDArray[np.float64]
) -> None:
    """Once a tick: ``ties[PULL]`` = L e of positions ``x`` f64[K]. By columns, so that the sum needs no reordering."""
    count = springs.shape[0]
    for i in range(count):
        ties[PULL, i] = ties[SUM, i] * (x[i] - home[i])
    for j in range(count):
        other = ties[ROOT, j] * (x[j] - home[j])
        if other != 0.0:
            for i in range(count):
                ties[PULL, i] -= springs[j, i] * other
    for i in range(count):
        ties[PULL, i] *= ties[ROOT, i]
