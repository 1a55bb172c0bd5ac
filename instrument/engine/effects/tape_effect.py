"""Tape effect: a worn tape machine under the sound - wow, flutter and drop-outs. After the voice, before the guard.

    x -> delay of moving length (8-point Lagrange) -> drop-outs (level and treble) -> out

* Speed errors: the delay is ``amount (mean + sway)``. The sway is a sum of cubic B-splines through normal numbers, one
  row an octave: 1.5 to 12 knots a second for wow (speed errors at 0.2 - 6 Hz), 24 to 192 for flutter (6 - 100 Hz, half
  as strong), and the line of a capstan at 0.8 Hz. A row whose knots are 1/r apart varies in speed by sqrt(2/3) r of its
  own spread, most at 0.28 r. No filter, no history: the sway at a sample follows from (seed, stream, sample).
* ``amount`` is in percent of weighted peak flutter as AES6-2008 and IEC 60386 read it (``weighting``): the spectra of
  the rows and the line go through the curve when the tape is built, and the 95 % of their sum makes the unit.
* The mean delay holds four sigma of the sway, 6.4 ms for 1 %. It comes and goes with the amount, which follows its
  knob as a critically damped spring does (``GLIDE_S``): the pitch glides, nothing jumps. Back at 0 the audio passes
  with its bits and no delay. Below 3 samples the interpolator has fewer points and at 0 none: continuous all the way.
* Drop-outs: a tick of 32 samples begins one with the probability of a Poisson process; 10 - 120 ms, raised cosine,
  6 - 26 dB deep, the treble above 1.5 kHz gone at the deepest. Four may overlap, more are lost.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.words import normal, philox, stream_id, uniform
from instrument.engine.effects.flutter_meter import exceeded_by_5_percent, weighting

F64 = NDArray[np.float64]

AMOUNT_MOST = 10.0
TICK = 32
WOW_HZ = (1.5, 3.0, 6.0, 12.0)
FLUTTER_HZ = (24.0, 48.0, 96.0, 192.0)
SPEEDS = (0.5, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5)  # the slowest halved: it costs delay and is hardly weighted
CAPSTAN_HZ = 0.8
CAPSTAN_SPEED = 1.0  # peak
GLIDE_S = 0.25
RESUME_S = 0.05  # in which the way to another sway is gone after a new seed or a leap in time
BASE_SAMPLES, BASE_AMOUNT = 4.0, 0.01  # a delay to interpolate in at the smallest amounts
POINTS = 8
SLOTS = 4
DROP_S = (0.010, 0.120)
DROP_DB = (6.0, 26.0)
TREBLE_HZ = 1500.0
GONE = 1e-7  # percent: 3e-5 samples of delay, which is no step to be heard

_AMOUNT, _PACE, _D0, _S0, _D1, _S1, _DELAY, _SWAY, _REST = range(9)  # scalars
_NEXT, _SEED, _FRESH, _WRITE = range(4)  # marks
_2, _3, _TICK = np.uint64(2), np.uint64(3), np.uint64(TICK)


@compiled
def _weigh(t, points, tables, weights):  # type: ignore[no-untyped-def]
    """Lagrange weights of samples 0 .. points - 1 for the place t among them (exact at whole t)."""
    left = 1.0
    for k in range(points):
        weights[k] = left * tables[points, k]
        left *= t - k
    right = 1.0
    for k in range(points - 1, -1, -1):
        weights[k] *= right
        right *= t - k


@compiled
def _sway(seed, streams, sample, per_sample, depths, line):  # type: ignore[no-untyped-def]
    """(place, its change a sample): seconds at 1 %, as a function of the sample alone."""
    place, slope = 0.0, 0.0
    for r in range(per_sample.size):
        x = np.float64(sample) * per_sample[r]
        whole = math.floor(x)
        u = x - whole
        knot = np.uint64(whole)
        four = philox(seed, streams[r], knot >> _2)
        lane = np.int64(knot & _3)
        after = philox(seed, streams[r], (knot >> _2) + np.uint64(1)) if lane > 0 else four
        v = 1.0 - u
        p, q = 0.0, 0.0
        for i in range(4):
            at = lane + i
            if at < 4:
                word = four[0] if at == 0 else four[1] if at == 1 else four[2] if at == 2 else four[3]
            else:
                word = after[0] if at == 4 else after[1] if at == 5 else after[2]
            if i == 0:
                b, d = v * v * v / 6.0, -0.5 * v * v
            elif i == 1:
                b, d = (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0, 1.5 * u * u - 2.0 * u
            elif i == 2:
                b, d = (3.0 * v * v * v - 6.0 * v * v + 4.0) / 6.0, 2.0 * v - 1.5 * v * v
            else:
                b, d = u * u * u / 6.0, 0.5 * u * u
            n = normal(word)
            p += b * n
            q += d * n
        place += depths[r] * p
        slope += depths[r] * q * per_sample[r]
    # the line: turns a sample, peak place; its phase is the seed's
    turns = np.float64(sample) * line[0]
    angle = 2.0 * math.pi * (turns - math.floor(turns) + uniform(philox(seed, streams[-2], np.uint64(0))[0]))
    place += line[1] * math.sin(angle)
    slope += line[1] * 2.0 * math.pi * line[0] * math.cos(angle)
    return place, slope


@compiled
def _tape(audio, seed, first, target, drop_chance, rate, streams, per_sample, depths, line, mean, most, tables,  # type: ignore[no-untyped-def]
          ring, low, scalar, mark, drops, weights):  # fmt: skip
    """One block, in place. ``drops``: f64[SLOTS, 3], samples gone, samples in all (0: free), depth of level."""
    channels, samples = audio.shape
    mask = ring.shape[1] - 1
    dt = TICK / rate
    melt = 1.0 - math.exp(-2.0 * math.pi * TREBLE_HZ / rate)
    write = np.int64(mark[_WRITE])
    leapt = mark[_FRESH] == 0 and (mark[_NEXT] != first or mark[_SEED] != seed)
    dropping = False
    for slot in range(SLOTS):
        dropping = dropping or drops[slot, 1] > 0.0
    for n in range(samples):
        sample = first + np.uint64(n)
        within = np.int64(sample % _TICK)
        if within == 0 or (n == 0 and (leapt or mark[_FRESH] == 1)):
            tick = sample // _TICK
            a0, v0 = scalar[_AMOUNT], scalar[_PACE]
            scalar[_D0], scalar[_S0] = scalar[_D1], scalar[_S1]
            if leapt and n == 0:
                scalar[_D0], scalar[_S0] = scalar[_DELAY], 0.0
                if a0 > 0.0:
                    scalar[_REST] = scalar[_SWAY] - _sway(seed, streams, tick * _TICK, per_sample, depths, line)[0]
            if a0 == 0.0 and v0 == 0.0 and target == 0.0:
                scalar[_D0] = scalar[_S0] = scalar[_D1] = scalar[_S1] = scalar[_REST] = 0.0
            else:
                kick = v0 + (a0 - target) / GLIDE_S
                decay = math.exp(-dt / GLIDE_S)
                a = target + (a0 - target + kick * dt) * decay
                v = (v0 - kick * dt / GLIDE_S) * decay
                if a < 0.0 or (target == 0.0 and a < GONE):
                    a, v = 0.0, 0.0
                scalar[_AMOUNT], scalar[_PACE] = a, v
                scalar[_REST] *= math.exp(-dt / RESUME_S)
                place, slope = _sway(seed, streams, (tick + np.uint64(1)) * _TICK, per_sample, depths, line)
                scalar[_SWAY] = place + scalar[_REST]
                length = rate * (mean + scalar[_SWAY])
                base = BASE_SAMPLES / (a + BASE_AMOUNT)
                scalar[_D1] = a * (length + base)
                scalar[_S1] = a * rate * slope + v / rate * (length + base * BASE_AMOUNT / (a + BASE_AMOUNT))
                if not 0.0 <= scalar[_D1] <= most:
                    scalar[_D1], scalar[_S1] = min(most, max(0.0, scalar[_D1])), 0.0
            if drop_chance > 0.0:
                four = philox(seed, streams[-1], tick)
                if uniform(four[0]) < drop_chance:
                    for slot in range(SLOTS):
                        if drops[slot, 1] == 0.0:
                            db = DROP_DB[0] + (DROP_DB[1] - DROP_DB[0]) * uniform(four[2])
                            drops[slot, 0] = 0.0
                            drops[slot, 1] = rate * (DROP_S[0] + (DROP_S[1] - DROP_S[0]) * uniform(four[1]))
                            drops[slot, 2] = 1.0 - 10.0 ** (-db / 20.0)
                            if not dropping:
                                low[:] = np.nan
                            dropping = True
                            break
        u = np.float64(within) / TICK
        w = 1.0 - u
        delay = w * w * ((1.0 + 2.0 * u) * scalar[_D0] + u * TICK * scalar[_S0]) + u * u * (
            (1.0 + 2.0 * w) * scalar[_D1] - w * TICK * scalar[_S1]
        )
        delay = min(most, max(0.0, delay))
        scalar[_DELAY] = delay
        treble, level = 1.0, 1.0
        if dropping:
            dropping = False
            for slot in range(SLOTS):
                if drops[slot, 1] > 0.0:
                    dip = math.sin(math.pi * drops[slot, 0] / drops[slot, 1]) ** 2
                    treble *= 1.0 - dip
                    level *= 1.0 - drops[slot, 2] * dip
                    drops[slot, 0] += 1.0
                    if drops[slot, 0] >= drops[slot, 1]:
                        drops[slot, 1] = 0.0
                    dropping = dropping or drops[slot, 1] > 0.0
        points, newest = 0, 0
        if delay > 0.0:
            whole = int(delay)
            points = min(POINTS, 2 * (whole + 1))
            newest = whole + 1 - points // 2
            _weigh(delay - newest, points, tables, weights)
        for c in range(channels):
            ring[c, write] = audio[c, n]
            if points == 0 and treble == 1.0:
                continue
            y = float(audio[c, n])
            if points > 0:
                y = 0.0
                for k in range(points):
                    y += weights[k] * ring[c, (write - newest - k) & mask]
            if treble < 1.0:
                if not np.isfinite(low[c]):
                    low[c] = y
                low[c] += melt * (y - low[c])
                y = level * (low[c] + treble * (y - low[c]))
            audio[c, n] = y
        write = (write + 1) & mask
    mark[_WRITE] = write
    mark[_NEXT], mark[_SEED], mark[_FRESH] = first + np.uint64(samples), seed, 0


class TapeEffect:
    """The tape of one output. ``step`` is real-time safe after ``warm``: one compiled call, no allocation, no lock."""

    def __init__(self, channels: int, sample_rate: float, seed: int = 0) -> None:
        self.channels = channels
        self.sample_rate = float(sample_rate)
        rows, line, sigma = unit()
        self.mean_s = 4.0 * sigma + line
        """Mean delay at an amount of 1 %, in seconds."""
        self._most = 2.0 * AMOUNT_MOST * self.mean_s * sample_rate + BASE_SAMPLES
        names = [f"tape.row{r}" for r in range(len(rows))] + ["tape.capstan", "tape.drops"]
        self._constants = (
            self.sample_rate,
            np.array([stream_id(name) for name in names], np.uint64),
            np.array(WOW_HZ + FLUTTER_HZ) / sample_rate,
            rows,
            np.array([CAPSTAN_HZ / sample_rate, line]),
            self.mean_s,
            self._most,
            _tables(),
        )
        self._ring = np.zeros((channels, 1 << math.ceil(math.log2(self._most + POINTS + 1))), np.float32)
        self._low = np.zeros(channels)
        self._scalar = np.zeros(9)
        self._mark = np.zeros(4, np.uint64)
        self._drops = np.zeros((SLOTS, 3))
        self._weights = np.zeros(POINTS)
        self._idle = True
        self.reseed(seed)
        self.reset()

    def reseed(self, seed: int) -> None:
        """Other accidents from the next block on; the delay glides over to them."""
        self.seed = seed & (2**64 - 1)
        self._seed = np.uint64(self.seed)

    def step(
        self, audio: NDArray[np.float32], amount_percent: float, drops_per_minute: float, first_sample: int
    ) -> None:
        """Wear a block in place. ``audio``: f32 [channels, any number of samples], either memory layout.

        ``first_sample``: the index of its first sample >= 0; drop-outs and sway follow from it and the seed.
        ``amount_percent``: weighted wow and flutter, 0 - 10. Not a number counts as 0. A knob turned within a tick of
        32 samples acts at the next.
        """
        if self._idle and not (amount_percent > 0.0 or drops_per_minute > 0.0):
            return
        amount = min(AMOUNT_MOST, max(0.0, amount_percent)) if amount_percent == amount_percent else 0.0
        chance = -math.expm1(-drops_per_minute * TICK / (60.0 * self.sample_rate)) if drops_per_minute > 0.0 else 0.0
        _tape(
            audio,
            self._seed,
            np.uint64(first_sample),
            float(amount),
            chance,
            *self._constants,
            self._ring,
            self._low,
            self._scalar,
            self._mark,
            self._drops,
            self._weights,
        )
        self._idle = amount == 0.0 and chance == 0.0 and not (self._scalar.any() or self._drops[:, 1].any())

    @property
    def delay_samples(self) -> float:
        """The delay of the last sample that came out; 0.0 is none at all."""
        return float(self._scalar[_DELAY])

    def reset(self) -> None:
        """Forget the sound: an empty tape at amount 0, no drop-out under way."""
        for array in (self._ring, self._low, self._scalar, self._mark, self._drops):
            array.fill(0)
        self._mark[_FRESH] = 1
        self._idle = True

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything a snapshot needs, the seed too; copies."""
        return {"seed": np.array([self._seed])} | {name: getattr(self, f"_{name}").copy() for name in _STATE}

    def set_state(self, state: dict[str, NDArray[np.generic]]) -> None:
        self.reseed(int(state["seed"][0]))
        for name in _STATE:
            getattr(self, f"_{name}")[...] = state[name]
        self._idle = False

    def warm(self) -> None:
        """As the module's ``warm``: no tape needs more."""
        warm()


_STATE = ("ring", "low", "scalar", "mark", "drops")


def _tables() -> F64:
    """[points, k]: 1 / product of (k - j), j != k, of the Lagrange weight of sample k among ``points``."""
    table = np.zeros((POINTS + 1, POINTS))
    for points in range(1, POINTS + 1):
        for k in range(points):
            table[points, k] = (-1.0) ** (points - 1 - k) / (math.factorial(k) * math.factorial(points - 1 - k))
    return table


def unit() -> tuple[F64, float, float]:
    """What makes 1 %, in seconds of place: the spread of each row's knots, the line's peak, the sigma of all rows."""
    hz = np.geomspace(0.01, 2000.0, 8000)
    knots = np.array(WOW_HZ + FLUTTER_HZ)
    rows = np.array(SPEEDS) / (math.sqrt(2.0 / 3.0) * knots)
    curve = weighting(hz) ** 2 * (2.0 * math.pi * hz) ** 2 * hz  # the last for d(log hz)
    spectra = 2.0 / knots[:, None] * np.sinc(hz / knots[:, None]) ** 8
    variance = float(rows**2 @ np.trapezoid(spectra * curve, np.log(hz), axis=1))
    line = CAPSTAN_SPEED * float(weighting(np.array([CAPSTAN_HZ]))[0])
    size = 0.01 / exceeded_by_5_percent(math.sqrt(variance), line)
    sigma = math.sqrt(float(np.sum(rows**2)) * 151.0 / 315.0)  # of a cubic B-spline through unit noise, over time
    return size * rows, size * CAPSTAN_SPEED / (2.0 * math.pi * CAPSTAN_HZ), size * sigma


KERNELS = (_tape,)


def warm() -> None:
    """Compile or load every kernel here, for both memory layouts, then refuse to compile any other."""
    tape = TapeEffect(2, 48000.0)
    tape.step(np.zeros((2, TICK), np.float32), 1.0, 1.0, 0)
    tape.step(np.zeros((2, 2 * TICK), np.float32)[:, :TICK], 1.0, 1.0, TICK)
    close(*KERNELS)
