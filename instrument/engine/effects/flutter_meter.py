"""Flutter meter: a meter of wow and flutter, for tests and the bench; never while playing.
Beside the tape, before nothing.

Weighted peak flutter as AES6-2008 has it, whose requirements are those of IEC 60386 (1972, amended 1988), DIN 45507 and
CCIR 409: a tone of 3150 Hz is frequency demodulated, the deviation weighted by frequency (0 dB at 4 Hz), and read on a
two-sigma voltmeter: the magnitude that is not exceeded for 95 % of the time, in percent. The same meter before 2008 was
a quasi-peak one, which AES6-2008 deprecates; it is not here.

    audio -> analytic signal round 3150 Hz -> phase -> deviation from its mean -> weighting -> 95 % of its magnitude

The standard is not free; the curve is the table as others quote it (alvaro-oliver/aes6-wow-and-flutter-meter on GitHub,
which follows "Wow and Flutter Measurement using Multi-Instrument", Virtins Technology 2020). Both check a meter with
sines at 4 Hz, which must read sin(0.95 pi / 2) = 0.997 of their peak.

The filter has the curve's magnitude and no phase, which a real meter has; the statistics of noise do not know it. Needs
10 s or more: half a second is dropped at each end before the weighting and two seconds after it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

TONE_HZ = 3150.0
BAND_HZ = 2000.0
"""Half the band round the tone that is demodulated; deviations up to a quarter of the tone leave most of it free."""

CURVE: tuple[tuple[float, float], ...] = (
    (0.1, -48.0), (0.2, -30.6), (0.315, -19.7), (0.4, -15.0), (0.63, -8.4), (0.8, -6.0), (1.0, -4.2), (1.6, -1.8),
    (2.0, -0.9), (4.0, 0.0), (6.3, -0.9), (10.0, -2.1), (20.0, -5.9), (40.0, -10.4), (63.0, -14.2), (100.0, -17.3),
    (200.0, -23.0),
)  # fmt: skip
"""(Hz, dB) of the weighting. Between: straight lines in dB over log Hz; beyond: the slope of the last two."""

_HEAD_S, _TAIL_S = 0.5, 2.0


def weighting(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighting as a factor at each frequency, f64 of the same shape; 0 at 0 Hz."""
    at, db = np.log2([f for f, _ in CURVE]), np.array([level for _, level in CURVE])
    octave = np.log2(np.maximum(hz, 1e-9))
    level = np.interp(octave, at, db)
    level += np.minimum(octave - at[0], 0.0) * (db[1] - db[0]) / (at[1] - at[0])
    level += np.maximum(octave - at[-1], 0.0) * (db[-1] - db[-2]) / (at[-1] - at[-2])
    return np.where(hz > 0.0, 10.0 ** (level / 20.0), 0.0)


def deviation(audio: NDArray[np.floating], sample_rate: float) -> tuple[NDArray[np.float64], float]:
    """Relative deviation of a tone near 3150 Hz from its mean, f64[n], and the rate it comes at in Hz.

    ``audio``: one channel, 10 s or more (ValueError: shorter).
    """
    seconds = len(audio) / sample_rate
    if seconds < 10.0:
        raise ValueError(f"wow and flutter need 10 s of tone, not {seconds:.1f} s")
    spectrum = np.fft.fft(np.asarray(audio, np.float64))
    # the band round the tone, moved to 0 Hz, is all there is left: its inverse comes at the rate of the band
    centre, half = round(TONE_HZ * seconds), round(BAND_HZ * seconds)
    inside = np.minimum(1.0, 4.0 - 4.0 * np.abs(np.arange(-half, half)) / half)  # the last quarter is a soft flank
    band = spectrum[centre - half : centre + half] * np.sin(0.5 * math.pi * inside) ** 2
    rate = 2 * half / seconds
    phase = np.unwrap(np.angle(np.fft.ifft(np.fft.ifftshift(band))))
    hz = centre / seconds + np.diff(phase) * rate / (2.0 * math.pi)
    edge = round(_HEAD_S * rate)
    hz = hz[edge:-edge]
    return hz / hz.mean() - 1.0, rate


def weighted(deviation: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """A deviation (f64[n] at ``rate`` Hz) by the weighting curve, without the two seconds at either end."""
    count = len(deviation)
    hz: NDArray[np.float64] = np.arange(count // 2 + 1, dtype=np.float64) * (rate / count)
    spectrum = np.fft.rfft(deviation) * weighting(hz)
    edge = round(_TAIL_S * rate)
    return np.fft.irfft(spectrum, count)[edge:-edge]


def two_sigma(values: NDArray[np.float64]) -> float:
    """The magnitude that is not exceeded for 95 % of the time."""
    return float(np.quantile(np.abs(values), 0.95))


def exceeded_by_5_percent(sigma: float, peak: float) -> float:
    """The magnitude that normal noise of ``sigma`` with a sine of ``peak`` passes 5 % of the time; by halving."""
    sines = peak * np.sin(2.0 * math.pi * (np.arange(64) + 0.5) / 64)
    low, high = 0.0, 4.0 * sigma + peak
    for _ in range(50):
        middle = 0.5 * (low + high)
        inside = [math.erf((middle - s) / sigma / math.sqrt(2.0)) for s in sines]  # the other side by symmetry
        low, high = (middle, high) if sum(inside) / len(sines) < 0.95 else (low, middle)
    return high


def reading_percent(audio: NDArray[np.floating], sample_rate: float) -> float:
    """What the meter shows for a recording of the 3150 Hz tone (one channel, 10 s or more): +- percent."""
    return 100.0 * two_sigma(weighted(*deviation(audio, sample_rate)))
