"""Guard: the last thing between the model and the ears. After the engine's mix, before the device and the recorder.

Whatever a model says, in one compiled pass: block DC, catch NaN, infinity and blow-ups, limit with a look ahead, fade
for panic, and clip. Neutral: a signal under the ceiling comes out with only its DC blocked, ``delay_samples`` later.

    x -> bad? -> DC blocker -> delay 32 -> x limiter gain -> x trip fade -> x panic fade -> clip -> out

* DC blocker: ``y[n] = x[n] - x[n-1] + R y[n-1]``, ``R = exp(-2 pi 7 Hz / rate)``: -3 dB at 7 Hz, 0.1 dB at 46 Hz.
* Trip: from the first sample that is not finite or beyond +18 dBFS, the output fades to zero over the 32 samples
  *before* it would have been heard, stays silent 20 ms after the last bad one, and fades back in 30 ms: 51 ms in all.
  ``tripped`` tells the engine to reset the model.
* Limiter: the gain needed is held over the look-ahead (sliding minimum), released at 80 ms after a hold of 12 ms (so
  that the gain does not ride on the waves of a bass note), then averaged over 32 samples. An average of gains which are
  all small enough is small enough: the ceiling holds before the clip, which is there for rounding and for proof.
* Fades are smoothsteps: exactly 0 and exactly 1 at their ends.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import compiled

DC_HZ = 7.0
BLOWUP = 8.0  # +18 dBFS: no patch means this; a recurrent network that has run away passes it within a few frames
MUTE_S = 0.020
FADE_S = 0.030
RELEASE_S = 0.080
HOLD_S = 0.012  # half a wave of 42 Hz
TINY = 1e-15  # -300 dB: flushed, so that a decaying filter never reaches denormals

# The state is flat arrays, so that one call hands it to the kernel and one copy snapshots it.
_GAIN, _HOLD, _MUTE, _TRIP, _PANIC, _LOW, _LOW_AGE = range(7)  # scalars
_NOW_DELAY, _NOW_NEED, _TRIPPED, _TRIPS, _LIMITED, _CLIPPED = range(6)  # counters and positions
_RMS, _PEAK, _REDUCTION = range(3)  # levels


@compiled
def _guard(audio, panic, ceiling, dc, release, hold, mute, fade, x1, y1, delay, need, smooth, scalar, count, level):  # type: ignore[no-untyped-def]
    """One block, in place. See the module's docstring for the chain; ``smooth`` has one place less than ``need``."""
    channels, samples = audio.shape
    ahead = delay.shape[1]
    gain, held, muted, trip, calm = scalar[_GAIN], scalar[_HOLD], scalar[_MUTE], scalar[_TRIP], scalar[_PANIC]
    low, low_age = scalar[_LOW], scalar[_LOW_AGE]
    at, at_need = count[_NOW_DELAY], count[_NOW_NEED]
    width = need.shape[0]
    total = 0.0  # the running sum is taken afresh each block: no rounding can pile up
    for k in range(ahead):
        total += smooth[k]
    count[_TRIPPED] = 0
    square, top, least = 0.0, 0.0, 1.0
    for n in range(samples):
        bad = False
        for c in range(channels):
            x = audio[c, n]
            if not abs(x) <= BLOWUP:  # false for NaN too
                bad = True
        if bad:
            if muted == 0.0:
                count[_TRIPS] += 1
            count[_TRIPPED] = 1
            muted = mute
        elif muted > 0.0:
            muted -= 1.0

        loudest = 0.0
        for c in range(channels):
            if bad:
                x1[c] = 0.0
                y1[c] = 0.0
            else:
                wide = float(audio[c, n])
                y = wide - x1[c] + dc * y1[c]
                if abs(y) < TINY:
                    y = 0.0
                x1[c] = wide
                y1[c] = y
                loudest = max(loudest, abs(y))

        # the smallest gain needed within the look-ahead; the whole window is searched only when the smallest leaves it
        wanted = ceiling / loudest if loudest > ceiling else 1.0
        need[at_need] = wanted
        low_age += 1.0
        if wanted <= low:
            low, low_age = wanted, 0.0
        elif low_age >= width:
            low = 2.0
            for k in range(width):  # from the oldest to the newest, so that of equals the newest stays longest
                place = at_need + 1 + k
                if place >= width:
                    place -= width
                if need[place] <= low:
                    low, low_age = need[place], width - 1.0 - k
        at_need += 1
        if at_need == width:
            at_need = 0

        if low < 1.0 and low <= gain * 1.01:  # within 1 %: the same note's next wave
            held = hold
        if low <= gain:
            gain = low
        elif held > 0.0:
            held -= 1.0
        else:
            gain += (low - gain) * release
            if low - gain < 1e-7:
                gain = low
        total += gain - smooth[at]
        smooth[at] = gain
        limit = min(total / ahead, 1.0)
        if limit < 0.9999999:
            count[_LIMITED] += 1
            least = min(least, limit)

        trip = max(0.0, trip - 1.0 / ahead) if muted > 0.0 else min(1.0, trip + fade)
        if trip == 0.0:  # unheard: a gain driven down by a blow-up need not come back slowly
            gain, held = low, 0.0
        calm = max(0.0, calm - fade) if panic else min(1.0, calm + fade)
        factor = limit * (trip * trip * (3.0 - 2.0 * trip)) * (calm * calm * (3.0 - 2.0 * calm))
        for c in range(channels):
            y = delay[c, at] * factor
            delay[c, at] = y1[c]
            if abs(y) < TINY:
                y = 0.0
            if abs(y) > ceiling:
                if abs(y) > ceiling * 1.000001:
                    count[_CLIPPED] += 1
                y = math.copysign(ceiling, y)
            audio[c, n] = y
            square += y * y
            top = max(top, abs(y))
        at += 1
        if at == ahead:
            at = 0
    scalar[_GAIN], scalar[_HOLD], scalar[_MUTE], scalar[_TRIP], scalar[_PANIC] = gain, held, muted, trip, calm
    scalar[_LOW], scalar[_LOW_AGE] = low, low_age
    count[_NOW_DELAY], count[_NOW_NEED] = at, at_need
    level[_RMS] = math.sqrt(square / max(1, samples * channels))
    level[_PEAK] = top
    level[_REDUCTION] = least


class Guard:
    """The guard of one output. ``step`` is real-time safe after ``warm``: one compiled call, no allocation, no lock."""

    def __init__(self, channels: int, rate: float, ceiling_db: float = -1.0, lookahead: int = 32) -> None:
        self.channels = channels
        self.rate = float(rate)
        ceiling = np.float32(10.0 ** (ceiling_db / 20.0))
        self.ceiling = float(ceiling)
        """Largest magnitude that ever comes out; itself a float32, so that rounding can't pass it."""
        self.delay_samples = lookahead
        self._numbers = (
            self.ceiling,
            math.exp(-2.0 * math.pi * DC_HZ / rate),
            1.0 - math.exp(-1.0 / (RELEASE_S * rate)),
            float(round(HOLD_S * rate)),
            float(round(MUTE_S * rate)) + lookahead,
            1.0 / (FADE_S * rate),
        )
        self._x1 = np.zeros(channels)
        self._y1 = np.zeros(channels)
        self._delay = np.zeros((channels, lookahead))
        self._need = np.ones(lookahead + 1)
        self._smooth = np.ones(lookahead)
        self._scalar = np.zeros(7)
        self._count = np.zeros(6, np.int64)
        self._level = np.zeros(3)
        self.reset()

    def step(self, audio: NDArray[np.float32], panic: bool = False) -> None:
        """Guard a block in place. audio: float32 [channels, any number of samples], either memory layout.

        ``panic``: fade to exact silence in 30 ms and stay there; False again fades back.
        """
        _guard(
            audio,
            bool(panic),
            *self._numbers,
            self._x1,
            self._y1,
            self._delay,
            self._need,
            self._smooth,
            self._scalar,
            self._count,
            self._level,
        )

    def reset(self) -> None:
        """Forget the sound: empty delay, no gain reduction, no fade under way. The counters go on."""
        for array in (self._x1, self._y1, self._delay):
            array.fill(0.0)
        self._need.fill(1.0)
        self._smooth.fill(1.0)
        self._scalar[:] = (1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
        self._count[: _TRIPPED + 1] = 0
        self._level[:] = (0.0, 0.0, 1.0)

    def warm(self) -> None:
        """Compile, or load from the cache, the kernels for both memory layouts. Leaves the state as it was."""
        before = self.state()
        self.step(np.zeros((self.channels, 32), np.float32))
        self.step(np.zeros((self.channels, 64), np.float32)[:, :32])
        self.set_state(before)

    @property
    def tripped(self) -> bool:
        """Whether the last block held a bad sample: reset the model."""
        return bool(self._count[_TRIPPED])

    @property
    def trips(self) -> int:
        """How many times the output was cut. Bad samples during a cut prolong it and are not counted again."""
        return int(self._count[_TRIPS])

    @property
    def limited_samples(self) -> int:
        return int(self._count[_LIMITED])

    @property
    def clipped_samples(self) -> int:
        """Samples the last clip had to cut by more than rounding: none, if the limiter does what is said above."""
        return int(self._count[_CLIPPED])

    @property
    def reduction_db(self) -> float:
        """The deepest gain reduction within the last block, as a positive number of dB."""
        return abs(20.0 * math.log10(self._level[_REDUCTION]))

    @property
    def rms(self) -> float:
        """RMS of the last block's output over all channels, linear."""
        return float(self._level[_RMS])

    @property
    def peak(self) -> float:
        return float(self._level[_PEAK])

    @property
    def silenced(self) -> bool:
        """Whether the panic fade has reached exact zero."""
        return bool(self._scalar[_PANIC] == 0.0)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything a snapshot needs; copies."""
        return {name: getattr(self, f"_{name}").copy() for name in _STATE}

    def set_state(self, state: dict[str, NDArray[np.generic]]) -> None:
        for name in _STATE:
            getattr(self, f"_{name}")[...] = state[name]


_STATE = ("x1", "y1", "delay", "need", "smooth", "scalar", "count", "level")
