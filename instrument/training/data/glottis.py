"""Glottis: pulses and breath of a computed voice, and the resonators they meet. Under formant, which has throats.

The Liljencrants-Fant model of the flow's derivative (Fant, Liljencrants & Lin 1985), its shape given by Rd (Fant 1995),
four times oversampled; every period has its own jitter and shimmer, every sample of breath its own Philox word. The
resonators are Klatt's (1980). All that is compiled for the voice is here, with the constants it is compiled for.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from instrument.base.compiled import compiled
from instrument.chance.words import normal, philox

Floats = npt.NDArray[np.float64]

RATE = 48000
OVER = 4
CONTROL = 48
"""Samples between two values of everything that moves: 1 ms."""
RD_TABLE = np.linspace(0.4, 2.6, 45)
PULSE_POINTS = 4096


@functools.cache
def lf_pulse(rd: float) -> tuple[float, float, float, float, float]:
    """(rise, pitch of the rise, its end, epsilon, E0) of a period of unit length with the negative peak -1."""
    ra, rk = (4.8 * rd - 1.0) / 100.0, (22.4 + 11.8 * rd) / 100.0
    rg = rk / (4.0 * (0.11 * rd / (0.5 + 1.2 * rk) - ra))
    peak = 1.0 / (2.0 * rg)
    end, omega = peak * (1.0 + rk), math.pi / peak
    ra = max(ra, 1e-3)
    rest = 1.0 - end
    epsilon = brentq(lambda e: e * ra - 1.0 + math.exp(-e * rest), 0.1 / ra, 2.0 / ra)
    tail = -(1.0 / (epsilon * ra)) * ((1.0 - math.exp(-epsilon * rest)) / epsilon - rest * math.exp(-epsilon * rest))

    def area(alpha: float) -> float:
        e0 = -1.0 / (math.exp(alpha * end) * math.sin(omega * end))
        top = math.exp(alpha * end) * (alpha * math.sin(omega * end) - omega * math.cos(omega * end)) + omega
        return float(e0 * top / (alpha * alpha + omega * omega) + tail)

    alpha: float = brentq(area, -20.0, 60.0)
    return alpha, omega, end, epsilon, -1.0 / (math.exp(alpha * end) * math.sin(omega * end))


@functools.cache
def pulses() -> Floats:
    """One period of the flow's derivative per Rd, of unit energy. Shape: [R, points + 1]."""
    t = np.arange(PULSE_POINTS + 1) / PULSE_POINTS
    rows = []
    for rd in RD_TABLE:
        alpha, omega, end, epsilon, e0 = lf_pulse(float(rd))
        closing = np.exp(-epsilon * (t - end)) - math.exp(-epsilon * (1.0 - end))
        closing /= 1.0 - math.exp(-epsilon * (1.0 - end))
        row = np.where(t <= end, e0 * np.exp(alpha * np.minimum(t, end)) * np.sin(omega * t), -closing)
        row = row - row[:-1].mean()
        rows.append(row / np.sqrt((row[:-1] ** 2).mean()))
    return settled(np.array(rows))


def settled(x: Floats) -> Floats:
    """Rounded to a millionth, so that a last bit that differs between processors is gone."""
    return np.round(x, 6)


@compiled
def voice(hz, rd, gain, jitter, shimmer, table, low_rd, high_rd, seed, stream, out, opened):  # type: ignore[no-untyped-def]
    """The glottal pulses, oversampled; per period: one jitter, one shimmer. ``opened``: how open, 0 to 1."""
    rows, points = table.shape[0], table.shape[1] - 1
    phase, stretch, strength, turn = 0.0, 1.0, 1.0, np.uint64(0)
    per = CONTROL * OVER
    for i in range(out.size):
        c = i // per
        part = (i % per) / per
        phase += (hz[c] + part * (hz[c + 1] - hz[c])) * stretch / (RATE * OVER)
        if phase >= 1.0:
            phase -= 1.0
            turn += np.uint64(1)
            a, b, _, _ = philox(seed, stream, turn)
            stretch = 1.0 + jitter * min(3.0, max(-3.0, normal(a)))
            strength = 1.0 + shimmer * min(3.0, max(-3.0, normal(b)))
        shape = (rd[c] + part * (rd[c + 1] - rd[c]) - low_rd) / (high_rd - low_rd) * (rows - 1)
        row = min(rows - 2, max(0, int(shape)))
        x = phase * points
        k = min(points - 1, int(x))
        f, g = x - k, min(1.0, max(0.0, shape - row))
        lower = table[row, k] + f * (table[row, k + 1] - table[row, k])
        upper = table[row + 1, k] + f * (table[row + 1, k + 1] - table[row + 1, k])
        level = gain[c] + part * (gain[c + 1] - gain[c])
        out[i] = level * strength * (lower + g * (upper - lower))
        if i % OVER == 0:
            opened[i // OVER] = math.sin(math.pi * min(1.0, phase / 0.65))


@compiled
def noise(seed, stream, out):  # type: ignore[no-untyped-def]
    for i in range(0, out.size, 4):
        a, b, c, d = philox(seed, stream, np.uint64(i // 4))
        for j, word in enumerate((a, b, c, d)):
            if i + j < out.size:
                out[i + j] = normal(word)


@compiled
def resonate(x, places, widths):  # type: ignore[no-untyped-def]
    """A cascade of two-pole resonators of unit gain at 0 Hz, in place; values every CONTROL samples. [C, N]."""
    for n in range(places.shape[1]):
        y1, y2 = 0.0, 0.0
        for i in range(x.size):
            c = i // CONTROL
            part = (i % CONTROL) / CONTROL
            if i % 8 == 0:
                f = places[c, n] + part * (places[c + 1, n] - places[c, n])
                w = widths[c, n] + part * (widths[c + 1, n] - widths[c, n])
                r = math.exp(-math.pi * w / RATE)
                b2 = -r * r
                b1 = 2.0 * r * math.cos(2.0 * math.pi * f / RATE)
                a0 = 1.0 - b1 - b2
            y = a0 * x[i] + b1 * y1 + b2 * y2
            y2 = y1
            y1 = y
            x[i] = y
