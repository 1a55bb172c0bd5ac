"""Entry: where chance comes in. Between a source of chance and the chain: at the hand, in the bearing, or at the sound.

    hand     added to what the hand asks, before friction, which filters it
    bearing  a force in the friction (given to its step as it is): it can unstick a knob
    sound    added to where the knob went, after friction, on its way to the model

A knob whose amount is 0 passes bit for bit; the others are clipped to their travel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled


@compiled
def _add_into(
    base: NDArray[np.float32], noise: NDArray[np.float32], amount: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    for k in range(amount.size):
        gain = np.float64(amount[k])
        if gain == 0.0 or not np.isfinite(gain):
            for t in range(base.shape[0]):
                out[t, k] = base[t, k]
        else:
            for t in range(base.shape[0]):
                push = gain * noise[t, k]
                if push == 0.0 or not np.isfinite(push):
                    out[t, k] = base[t, k]
                else:
                    out[t, k] = min(1.0, max(0.0, base[t, k] + push))


def add_into(
    base: NDArray[np.float32], noise: NDArray[np.float32], amount: NDArray[np.float32], out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """base + amount * noise, clipped to 0..1, into ``out``: f32[T, K] each, amount f32[K]. ``out`` may be ``base``.

    Where amount or noise is 0 (or not a number) ``out`` is ``base`` bit for bit.
    """
    _add_into(base, noise, amount, out)
    return out


KERNELS = (_add_into,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    plain = np.zeros((2, 1), np.float32)
    add_into(plain, plain, np.ones(1, np.float32), np.empty_like(plain))
    close(*KERNELS)
