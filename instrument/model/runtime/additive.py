"""Additive: forty pairs of sines and a band of noise, one compiled kernel. Under null, which gives it a voice.

Stiff-string series (Fletcher 1964: f_n = n f0 sqrt(1 + B n^2)), taken relative to its first partial so that the pitch
stays true. Sines are rotors turned by a complex multiplication a sample, put back to length once a frame: cheaper than
a sine a sample, and exact in frequency. No fastmath: the same bits whoever calls it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled
from instrument.model.runtime.voice import F32

F64 = NDArray[np.float64]

PARTIALS = 40

LEFT_RE, LEFT_IM, RIGHT_RE, RIGHT_IM, LEFT, RIGHT, TURN = range(7)
"""Rows of the partials' memory: the pair of sines as rotors, their last amplitudes, slow motion in cycles."""

LOG, SIDE, SPLIT, OWN = range(4)

HZ, BREATH, TAIL, FILTER = range(4)
"""Places in the common memory: last pitch, last breath gain, slow loudness, and four filter states."""


def fixed_numbers() -> F64:
    """What never changes about a partial. Side: where spread sends it; split: how far apart its pair is torn
    (1.6 cents for the first, so that it stays in tune, 20 for the last); own: a number of its own in 0..1."""
    n = np.arange(1, PARTIALS + 1, dtype=np.float64)
    return np.stack([np.log(n), (n - 1) / n * np.sin(2.4 * n), 0.0009 * n**0.7, np.mod(n * 0.6180339887, 1.0)])


@compiled
def additive(
    z: F32, out: F32, noise: F32, partials: F64, memory: F64, lines: F64, fixed: F64, sample_rate: float, ratio: int
) -> None:
    """z [8, F], out [C, F*ratio], noise [C, F*ratio] in [-1, 1), fixed from fixed_numbers(), lines scratch."""
    channels = out.shape[0]
    count = partials.shape[1]
    tau = 2.0 * math.pi
    step = ratio / sample_rate
    follow = 1.0 - math.exp(-step / 0.18)
    for frame in range(z.shape[1]):
        first = frame * ratio
        note = min(max(z[0, frame], 0.0), 140.0)
        db = min(float(z[1, frame]), 0.0)
        bright = min(max((z[2, frame] + 3.0) / 6.0, 0.0), 1.0)
        hollow = min(max((z[3, frame] + 3.0) / 6.0, 0.0), 1.0)
        glass = min(max((z[4, frame] + 3.0) / 6.0, 0.0), 1.0)
        # Share of the breath in the power: cubed, because the ear hears a little noise beside sines.
        breath = min(max((z[5, frame] + 3.0) / 6.0, 0.0), 1.0) ** 3
        spread = min(max((z[6, frame] + 3.0) / 6.0, 0.0), 1.0)
        motion = min(max((z[7, frame] + 3.0) / 6.0, 0.0), 1.0)

        hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
        hz_before = memory[HZ] if memory[HZ] > 0.0 else hz
        memory[HZ] = hz
        # The last 8 dB above the bottom of the knob lead to true silence.
        gain = 10.0 ** (db / 20.0) * min(max((db + 80.0) / 8.0, 0.0), 1.0)
        tail = memory[TAIL]
        memory[TAIL] = tail + (gain - tail) * follow
        if memory[TAIL] < 1e-9:
            memory[TAIL] = 0.0
        struck = max(gain - tail, 0.0) / (gain + 1e-9)

        # Amplitudes of all partials, to be normalised to the loudness asked for.
        stiffness = 0.14 * glass * glass * glass
        slope = max(2.7 - 2.3 * bright - 0.6 * glass - 0.7 * struck, 0.3)
        power = 0.0
        for n in range(1, count + 1):
            stretch = math.sqrt((1.0 + stiffness * n * n) / (1.0 + stiffness))
            f = hz * n * stretch
            a = 0.0
            if f < 0.47 * sample_rate:
                # An aliasing partial is faded out well before it would fold.
                a = math.exp(-slope * fixed[LOG, n - 1]) * min((0.47 * sample_rate - f) / (0.05 * sample_rate), 1.0)
                if n % 2 == 0:
                    a *= 1.0 - hollow
                own = fixed[OWN, n - 1]
                depth = 0.9 * motion * (0.35 if n == 1 else 1.0)
                turn = partials[TURN, n - 1] + (0.06 + 2.2 * motion * motion) * (0.6 + 0.8 * own) * step
                partials[TURN, n - 1] = turn - math.floor(turn)
                a *= 1.0 + depth * math.sin(tau * (turn + own))
            power += 0.5 * a * a
            lines[2, n - 1] = a
        voiced = gain * math.sqrt(1.0 - breath) / math.sqrt(power + 1e-20)

        together = 0.002 * (1.0 - min(spread * 8.0, 1.0))
        for i in range(ratio):
            lines[0, i] = 0.0
            lines[1, i] = 0.0
        for n in range(1, count + 1):
            k = n - 1
            stretch = n * math.sqrt((1.0 + stiffness * n * n) / (1.0 + stiffness))
            a = lines[2, k] * voiced
            pan = spread * fixed[SIDE, k]
            left = a * math.sqrt(1.0 - pan)
            right = a * math.sqrt(1.0 + pan)
            d_left = (left - partials[LEFT, k]) / ratio
            d_right = (right - partials[RIGHT, k]) / ratio
            # Cycles per sample at both ends of the frame; the pair is split evenly round the true pitch.
            split = spread * fixed[SPLIT, k]
            # Above 0.48 only what is fading out is left; without the limit its glide would not fit q below.
            inc_a = min(hz_before * stretch / sample_rate, 0.48)
            inc_b = min(hz * stretch / sample_rate, 0.48)
            l_re, l_im = partials[LEFT_RE, k], partials[LEFT_IM, k]
            r_re, r_im = partials[RIGHT_RE, k], partials[RIGHT_IM, k]
            if left > 0.0 or right > 0.0 or partials[LEFT, k] > 0.0 or partials[RIGHT, k] > 0.0:
                # Rotors: v_re, v_im turn the right sine, w the left one; q turns both when the pitch glides.
                bend = tau * (inc_b - inc_a) / ratio
                q_re = 1.0 - 0.5 * bend * bend
                q_im = bend - bend * bend * bend / 6.0
                turn = tau * inc_a * (1.0 - 0.5 * split) + 0.5 * bend
                w_re, w_im = math.cos(turn), math.sin(turn)
                turn = tau * inc_a * split
                s_re = 1.0 - 0.5 * turn * turn
                s_im = turn - turn * turn * turn / 6.0
                v_re = w_re * s_re - w_im * s_im
                v_im = w_re * s_im + w_im * s_re
                a_left, a_right = partials[LEFT, k], partials[RIGHT, k]
                for i in range(ratio):
                    a_left += d_left
                    a_right += d_right
                    lines[0, i] += a_left * l_im
                    lines[1, i] += a_right * r_im
                    l_re, l_im = l_re * w_re - l_im * w_im, l_re * w_im + l_im * w_re
                    r_re, r_im = r_re * v_re - r_im * v_im, r_re * v_im + r_im * v_re
                    w_re, w_im = w_re * q_re - w_im * q_im, w_re * q_im + w_im * q_re
                    v_re, v_im = v_re * q_re - v_im * q_im, v_re * q_im + v_im * q_re
                # Without spread the pair finds together again, so that old spread leaves no hole in the mono sum.
                r_re += (l_re - r_re) * together
                r_im += (l_im - r_im) * together
                size = 1.0 / math.sqrt(l_re * l_re + l_im * l_im + 1e-30)
                partials[LEFT_RE, k], partials[LEFT_IM, k] = l_re * size, l_im * size
                size = 1.0 / math.sqrt(r_re * r_re + r_im * r_im + 1e-30)
                partials[RIGHT_RE, k], partials[RIGHT_IM, k] = r_re * size, r_im * size
            partials[LEFT, k] = left
            partials[RIGHT, k] = right

        # Breath: white noise through a band that follows the pitch, scaled to the same loudness.
        centre = min(max(hz * (1.5 + 6.0 * bright), 150.0), 0.3 * sample_rate)
        damping = 0.9
        level = math.sqrt((1.0 / 3.0) * math.pi * centre * damping / sample_rate)
        blow = gain * math.sqrt(breath) / level * damping
        blow_before = memory[BREATH]
        memory[BREATH] = blow
        if blow > 0.0 or blow_before > 0.0:
            g = math.tan(math.pi * centre / sample_rate)
            for c in range(channels):
                low = memory[FILTER + 2 * c]
                band = memory[FILTER + 1 + 2 * c]
                level = blow_before
                for i in range(ratio):
                    level += (blow - blow_before) / ratio
                    high = (noise[c, first + i] - (damping + g) * band - low) / (1.0 + g * (g + damping))
                    b = g * high + band
                    band = g * high + b
                    low_now = g * b + low
                    low = g * b + low_now
                    out[c, first + i] = b * level
                memory[FILTER + 2 * c] = low
                memory[FILTER + 1 + 2 * c] = band
        else:
            for c in range(channels):
                memory[FILTER + 2 * c] = 0.0
                memory[FILTER + 1 + 2 * c] = 0.0
                for i in range(ratio):
                    out[c, first + i] = 0.0
        for i in range(ratio):
            if channels == 2:
                out[0, first + i] += lines[0, i]
                out[1, first + i] += lines[1, i]
            else:
                out[0, first + i] += 0.5 * (lines[0, i] + lines[1, i])
