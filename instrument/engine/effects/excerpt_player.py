"""Excerpt player: a neighbouring sound itself, a second or two of it, beside the voice.
After the level, before the guard.

The model's own neighbour is asked for while it plays: whose recording is this place of the knobs near to? What sounds
is the excerpt that training put beside the atlas, as loud as what one plays, added to the mix and ducking nothing; the
level knob and the limiter hold for it too. Near in the latents is all that it is; nobody says it is the cause.

    y[n] = sum over 24 of x[floor(t) + k] w[frac(t), k],  t = n 24000 / rate       w: sinc under a Kaiser window

Everything is in memory before it is asked for (atlas/excerpts.py); an excerpt asked for while another sounds waits
until that one has gone, in 30 ms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.model.atlas.excerpts import RATE_HZ

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]

LEVEL_DB = -9.0
"""Where nothing was played yet. Excerpts have their peak at -3 dBFS: -12 dBFS does not startle."""
LOUDEST_DB = 0.0
"""No excerpt is made louder than it is: above, its peaks would make the limiter duck what one plays."""
SOFTEST_DBFS = -48.0
"""However soft one plays, who asks for a sound hears one."""
MOMENT_S, LATELY_S = 0.4, 1.0
"""Loudness is power over a moment (the window of EBU R128's momentary loudness), and the most of it that there was of
late: it falls by 4.3 dB a second while something softer sounds, and stays in silence, so that a struck sound that has
died away is still what is played."""
IN_S, OUT_S = 0.005, 0.030
TAPS, PHASES = 24, 64
BETA = 6.0

_PLACE, _ENVELOPE, _AIM, _GAIN = range(4)


class HearingState(NamedTuple):
    """What is heard and what waits, each (sound i16 [n], its index, power of what is played); how far and how loud it
    is. ``whose`` is not in it."""

    now: tuple[I16, int, float] | None = None
    next: tuple[I16, int, float] | None = None
    state: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    level: float = 0.0

    def numbers(self) -> dict[str, Any]:
        """As JSON has it, without the sounds."""
        both = {n: list(what[1:]) for n in ("now", "next") if (what := getattr(self, n))}
        return {"state": list(self.state), "level": self.level, **both}

    def sounds(self) -> dict[str, I16]:
        return {n: what[0] for n in ("now", "next") if (what := getattr(self, n))}

    @classmethod
    def read(cls, numbers: dict[str, Any], sounds: dict[str, NDArray[Any]]) -> HearingState:
        """Out of ``numbers()`` and ``sounds()``. ValueError, TypeError or KeyError for what is none."""
        both = {
            n: (np.asarray(sounds[n], np.int16).reshape(-1), int(numbers[n][0]), float(numbers[n][1]))
            for n in ("now", "next")
            if n in numbers
        }
        state, level = tuple(float(value) for value in numbers["state"]), float(numbers["level"])
        if len(state) != 4 or not np.isfinite((*state, level)).all() or state[_PLACE] < 0.0:
            raise ValueError("no state of an excerpt")
        return cls(both.get("now"), both.get("next"), state, level)


class Counted(Protocol):
    """Who counts for how long each sound's excerpt was heard: an atlas."""

    played_s: F64


def _table(rate: float) -> F32:
    """f32[PHASES + 1, TAPS]: the weights of the samples -11 .. 12 round a place between two, each row with sum 1."""
    away = np.arange(TAPS) - (TAPS // 2 - 1) - np.linspace(0.0, 1.0, PHASES + 1)[:, None]
    cut = 0.94 * min(1.0, rate / RATE_HZ)
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (away / (TAPS / 2)) ** 2))) / np.i0(BETA)
    rows = np.sinc(cut * away) * window
    return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)


@compiled
def _hear(audio: F32, sound: I16, table: F32, step: float, rise: float, fall: float, gain: float, state: F64) -> None:
    """Add a block of ``sound`` to every channel of ``audio`` [C, n]; ``gain`` is reached at its end."""
    channels, samples = audio.shape
    place, envelope, aim, level = state[0], state[1], state[2], state[3]
    slope = (gain - level) / samples
    phases, taps = table.shape[0] - 1, table.shape[1]
    for n in range(samples):
        if place >= sound.size or (aim == 0.0 and envelope == 0.0):
            envelope = 0.0
            break
        envelope = min(1.0, envelope + rise) if aim > 0.0 else max(0.0, envelope - fall)
        level += slope
        whole = int(place)
        at = (place - whole) * phases
        row = int(at)
        more = np.float32(at - row)
        first = whole - (taps // 2 - 1)
        y = np.float32(0.0)
        for k in range(taps):
            i = first + k
            if 0 <= i < sound.size:
                low = table[row, k]
                y += sound[i] * (low + more * (table[min(row + 1, phases), k] - low))
        y *= np.float32(envelope * level / 32768.0)
        for c in range(channels):
            audio[c, n] += y
        place += step
    state[0], state[1], state[3] = place, envelope, gain


@compiled
def _loudest(sound: I16, share: float) -> float:
    """The greatest power over a moment in an excerpt, of full scale 1; ``share``: of one sample in it."""
    power = most = 0.0
    for n in range(sound.size):
        x = sound[n] / 32768.0
        power += (x * x - power) * share
        most = max(most, power)
    return most


class PlayedLevel:
    """How loud what one plays is. ``hear`` every block that sounds; ``power``: mean square of one channel, 0: nothing.

    At a level knob of 0 dB, which is the excerpt's too.
    """

    def __init__(self, rate: float, block: int) -> None:
        self._share = -math.expm1(-block / (MOMENT_S * rate))
        self._fall = math.exp(-block / (LATELY_S * rate))
        self._moment = 0.0
        self.power = 0.0

    def hear(self, power: float) -> None:
        self._moment += (power - self._moment) * self._share
        self.power = max(self._moment, self.power * self._fall)

    def state(self) -> tuple[float, float]:
        return self._moment, self.power

    def set_state(self, state: tuple[float, float]) -> None:
        self._moment, self.power = state


class ExcerptPlayer:
    """One excerpt at a time. ``start`` and ``let_go`` act at once, ``add`` makes the next block: for the callback."""

    def __init__(self, rate: float) -> None:
        self._step = RATE_HZ / rate
        self._rise, self._fall = 1.0 / (IN_S * rate), 1.0 / (OUT_S * rate)
        self._table = _table(rate)
        self._level = 0.0
        self._state = np.zeros(4)
        self._now: tuple[I16, int, Counted | None, float] | None = None
        self._next: tuple[I16, int, Counted | None, float] | None = None

    @property
    def sound(self) -> int:
        """Index in the credits of the sound that is heard; -1: none."""
        return -1 if self._now is None else self._now[1]

    @property
    def whose(self) -> Counted | None:
        """The atlas it belongs to, as it was given with it."""
        return None if self._now is None else self._now[2]

    def start(self, audio: I16, sound: int, whose: Counted | None = None, played: float = 0.0) -> None:
        """Let an excerpt i16[n] at 24 kHz sound, from its beginning. ``whose``: who counts it; ``played``: the power of
        what one plays, to be as loud as that, 0: nothing."""
        asked = audio, sound, whose, played
        if self._now is None:
            self._begin(asked)
        else:
            self._next = asked
            self._state[_AIM] = 0.0

    def let_go(self) -> None:
        """Fade out in 30 ms."""
        self._state[_AIM] = 0.0
        self._next = None

    def state(self) -> HearingState:
        """Where it is, for who begins there again."""
        now, later = (None if what is None else (*what[:2], what[3]) for what in (self._now, self._next))
        return HearingState(now, later, tuple(self._state.tolist()), self._level)

    def set_state(self, kept: HearingState) -> None:
        """Go on from there; nobody counts it."""
        self._now, self._next = (None if what is None else (*what[:2], None, what[2]) for what in (kept.now, kept.next))
        self._state[:] = kept.state
        self._level = kept.level

    def add(self, mix: F32, gain: float) -> None:
        """Add the next block to ``mix`` f32 [C, n], at ``gain`` times its level. Free while nothing is heard."""
        if self._now is None:
            return
        state, aim = self._state, gain * self._level
        if state[_GAIN] < 0.0:
            state[_GAIN] = aim
        _hear(mix, self._now[0], self._table, self._step, self._rise, self._fall, aim, state)
        if state[_ENVELOPE] == 0.0:
            self._now = None
            if self._next is not None:
                self._begin(self._next)

    def _begin(self, what: tuple[I16, int, Counted | None, float]) -> None:
        self._now, self._next = what, None
        self._level = level_of(what[0], what[3])
        self._state[:] = (0.0, 0.0, 1.0, -1.0)


def level_of(audio: I16, played: float) -> float:
    """Gain of an excerpt, so that its loudest moment has the power that is played."""
    if not played > 0.0:
        return float(10.0 ** (LEVEL_DB / 20.0))
    own = _loudest(audio, -math.expm1(-1.0 / (MOMENT_S * RATE_HZ)))
    aim = max(played, 10.0 ** (SOFTEST_DBFS / 10.0))
    most = float(10.0 ** (LOUDEST_DB / 20.0))
    return min(most, math.sqrt(aim / own)) if own > 0.0 else most


def warm() -> None:
    """Compile or load the kernel, then refuse to compile any other."""
    hearing = ExcerptPlayer(48000.0)
    for kept in (False, True):  # to the compiler two types
        sound = np.zeros(8, np.int16)
        sound.flags.writeable = kept
        hearing.start(sound, 0, played=1.0)
        hearing.add(np.zeros((2, 128), np.float32), 1.0)
    close(_hear)
    close(_loudest)
