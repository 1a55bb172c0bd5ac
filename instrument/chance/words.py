"""Words: counter-based random words and the numbers made of them. At the root of chance, nothing drawn before.

Word ``i`` of a stream is word ``i`` of ``numpy.random.Philox(key=[seed, stream]).random_raw()``: Philox4x64-10
(Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It is a pure function of
(seed, stream, i), so any tick or sample can be drawn in any order and at any block size, and an accident can be called
back. What is frozen here, because every kept accident depends on it (numpy keeps its bit generators stable between
releases but not ``Generator.normal``):

    word     four words a counter; words 4c .. 4c+3 come from counter c + 1 (numpy counts before it draws)
    uniform  ((word >> 11) + 0.5) 2^-53, never 0 and never 1
    normal   the inverse of the normal distribution function at that number: Wichura 1988, algorithm AS 241,
             folded on the middle, so it is symmetric to the last bit
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.base.seeds import name_number

_M0 = np.uint64(0xD2E7470EE14C6C93)
_M1 = np.uint64(0xCA5A826395121157)
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_MIDDLE = np.uint64(2**52)
_LAST = np.uint64(2**53 - 1)
_0, _1, _2, _3, _11, _32 = (np.uint64(n) for n in (0, 1, 2, 3, 11, 32))


stream_id = name_number
"""The stream of a name, the same on every machine for ever."""


@compiled
def _high(a: np.uint64, b: np.uint64) -> np.uint64:
    """Upper 64 bits of a 64 x 64 bit product, by halves."""
    a0, a1 = a & _LOW, a >> _32
    b0, b1 = b & _LOW, b >> _32
    middle = a1 * b0 + ((a0 * b0) >> _32)
    return a1 * b1 + (middle >> _32) + ((a0 * b1 + (middle & _LOW)) >> _32)


@compiled
def philox(seed: np.uint64, stream: np.uint64, counter: np.uint64) -> tuple[np.uint64, ...]:
    """The four words of one counter (u64 each): words 4 counter .. 4 counter + 3 of the stream."""
    x0, x1, x2, x3 = counter + _1, _0, _0, _0
    k0, k1 = seed, stream
    for _ in range(10):
        high0, low0 = _high(_M0, x0), _M0 * x0
        high1, low1 = _high(_M1, x2), _M1 * x2
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0 += _W0
        k1 += _W1
    return x0, x1, x2, x3


@compiled
def uniform(word: np.uint64) -> Any:
    """A word to a number strictly between 0 and 1 (f64)."""
    # the last of the 2^53 would round up to 1
    return min((np.float64(word >> _11) + 0.5) * 2.0**-53, 1.0 - 2.0**-53)


@compiled
def _tail(r: float) -> float:
    """AS 241 beyond |q| = 0.425, where r = sqrt(-log of the smaller tail)."""
    if r <= 5.0:
        r -= 1.6
        above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
                     + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.76949722146069140550) * r
                  + 4.63033784615654529590) * r + 1.42343711074968357734)  # fmt: skip
        below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
                     + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940) * r
                  + 2.05319162663775882187) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
                     + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580) * r
                  + 5.46378491116411436990) * r + 6.65790464350110377720)  # fmt: skip
        below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
                     + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                  + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return above / below


@compiled
def normal(word: np.uint64) -> Any:
    """A word to a number of zero mean and unit variance (f64), within 1e-15 of the true inverse."""
    # Folded on the middle while still whole, so the upper tail keeps the digits of the lower one.
    whole = word >> _11
    upper = whole >= _MIDDLE
    u = (np.float64(_LAST - whole if upper else whole) + 0.5) * 2.0**-53
    q = 0.5 - u if upper else u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
                     + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
                  + 1.3314166789178437745e2) * r + 3.3871328727963666080)  # fmt: skip
        below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
                     + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                  + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
        return q * above / below
    r = _tail(math.sqrt(-math.log(u)))
    return r if upper else -r


@compiled
def _words_into(seed: np.uint64, stream: np.uint64, first: np.uint64, out: NDArray[np.uint64]) -> None:
    for i in range(out.size):
        index = first + np.uint64(i)
        a, b, c, d = philox(seed, stream, index >> _2)
        lane = index & _3
        out[i] = a if lane == _0 else b if lane == _1 else c if lane == _2 else d


def words(seed: int, stream: int, first: int, count: int) -> NDArray[np.uint64]:
    """Words first .. first + count - 1 of a stream, u64[count]. Allocates: for looking, not for playing."""
    out = np.empty(count, np.uint64)
    _words_into(np.uint64(seed), np.uint64(stream), np.uint64(first), out)
    return out


KERNELS = (_words_into,)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    words(1, 2, 3, 5)
    close(*KERNELS)
