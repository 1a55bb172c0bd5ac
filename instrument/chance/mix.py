"""Mix: every chance of K knobs, summed at its three places of entry, its last seconds kept. After the sources.

    hand     added to what the hand asks, before friction, which filters it
    bearing  a force in the friction: it can unstick a knob
    sound    added to where the knob went, after friction, on its way to the model

Every source runs all the time, heard or not: raising hazard late finds it where it would have been, so the same seed
brings the same accidents at the same musical moments whatever the hands did before. What is heard at the three places
is remembered for ``KEPT_SECONDS``: that is what "keep this accident" keeps (see accident.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.compiled import close, compiled
from instrument.chance.accident import Accident, AccidentReplay
from instrument.chance.coarse import Coarse
from instrument.chance.holes import Holes
from instrument.chance.params import ChanceParams
from instrument.chance.registry import source_of
from instrument.chance.words import stream_id
from instrument.knobs import CHANCE_SOURCES, ENTRIES

F32 = NDArray[np.float32]

TICKS_MOST = 64
TURNS = 7
KEPT_SECONDS = 16.0
KEPT_NUMBERS = 2 << 20
"""Most numbers remembered (8 MB): from 30 knobs on the memory is shorter."""


@compiled
def _gather(
    stage: F32, heard: NDArray[np.bool_], place: NDArray[np.int64], total: F32, active: NDArray[np.bool_]
) -> None:
    """Add what each source gave, f32 [sources, T, K], at its place in ``total`` f32 [3, T, K]."""
    total[:] = np.float32(0.0)
    active[:] = False
    for s in range(stage.shape[0]):
        if heard[s]:
            at = place[s]
            active[at] = True
            for t in range(stage.shape[1]):
                for k in range(stage.shape[2]):
                    total[at, t, k] += stage[s, t, k]


@compiled
def _remember(total: F32, active: NDArray[np.bool_], past: F32, at: int, grain: F32) -> None:
    """Into the ring ``past`` f32 [N, 3, K] from ``at`` on; the strength at each place into ``grain``."""
    for place in range(3):
        square = 0.0
        row = at
        for t in range(total.shape[1]):
            for k in range(total.shape[2]):
                value = total[place, t, k]
                past[row, place, k] = value
                square += np.float64(value) * value
            row = row + 1 if row + 1 < past.shape[0] else 0
        grain[place] = np.sqrt(square / (total.shape[1] * total.shape[2])) if active[place] else 0.0


def _amounts(one: Any, params: ChanceParams) -> tuple[F32 | float, ...]:
    """What a source's ``step`` is given: rows as they are, or one number for all knobs."""
    row = params.row
    return tuple(
        (float(row[name][0]) if row[name].size else 1.0) if name in one.ONE_FOR_ALL else row[name]
        for name in one.AMOUNTS
    )


class Mix:
    """The chance of the knobs called ``names``. ``entry``: where each of CHANCE_SOURCES enters (all of them: "sound").

    ``correlation`` f64 [K, K] of the training latents is for habit; None: knobs that know nothing of each other.
    """

    def __init__(
        self,
        names: Sequence[str],
        tick_hz: float,
        seed: int,
        entry: Mapping[str, str],
        correlation: NDArray[np.float64] | None = None,
    ) -> None:
        count = len(names)
        self.count, self.tick_hz, self.names = count, tick_hz, tuple(names)

        def streams(what: str) -> list[int]:
            return [stream_id(f"{what}/{name}") for name in names]

        among = np.eye(count) if correlation is None else correlation
        self._moving = [source_of(name).for_knobs(streams(name), tick_hz, seed, among) for name in CHANCE_SOURCES]
        self.holes = Holes(streams("holes"), tick_hz, seed)
        self.coarse = Coarse(count)
        self._sources: dict[str, Any] = {
            **dict(zip(CHANCE_SOURCES, self._moving, strict=True)),
            "holes": self.holes,
            "coarse": self.coarse,
        }
        self._rows: list[tuple[F32 | float, ...]] = []
        """What each source's step is given of the amounts, made when they change."""
        self._place = np.array([ENTRIES.index(entry.get(name, "sound")) for name in CHANCE_SOURCES], np.int64)
        self._live: frozenset[str] = frozenset()
        self._heard = np.zeros(len(CHANCE_SOURCES), np.bool_)
        self.seed = seed
        ticks = max(64, min(round(KEPT_SECONDS * tick_hz), KEPT_NUMBERS // max(1, 3 * count)))
        self.past: F32 = np.zeros((ticks, 3, count), np.float32)
        self.tick = 0
        self.replay = AccidentReplay(count, tick_hz)
        self.active = np.zeros(3, np.bool_)
        self.grain: F32 = np.zeros(3, np.float32)
        """Root mean square of what enters at each place, over the last step: for the picture."""
        self._coarse = self._holes = False
        self._behind, self._turn = [0] * len(CHANCE_SOURCES), 0
        self._params: ChanceParams | None = None
        self._read_from: ChanceParams | None = None
        self._read_when: frozenset[str] | None = None
        self._unheard: F32 = np.zeros((TICKS_MOST, count), np.float32)
        self._sum: F32 = np.zeros((3, TICKS_MOST, count), np.float32)
        self._stage: F32 = np.zeros((len(CHANCE_SOURCES), TICKS_MOST, count), np.float32)

    # --- playing

    def step(self, tick: int, ticks: int, params: ChanceParams) -> F32:
        """Ticks ``tick`` .. + ``ticks`` - 1 (at most 64): f32 [3, ticks, K], what enters at each of ENTRIES.

        ``active[place]`` says whether anything does; where nothing does the array is 0. ``params`` are scaled already.
        Valid until the next call; nothing is allocated that grows.
        """
        live, stage, behind = params.live, self._stage[:, :ticks], self._behind
        for i, name in enumerate(CHANCE_SOURCES):
            if name in live:
                if behind[i]:
                    self._catch_up(i, tick)
                self._run(i, tick, ticks, params, stage[i])
            else:
                # What it does cannot depend on how ticks are cut into calls: unheard, it goes on in larger pieces,
                # and one of them at a time.
                behind[i] += ticks
                if i == self._turn or behind[i] + ticks > TICKS_MOST:
                    self._catch_up(i, tick + ticks)
        self._turn = self._turn + 1 if self._turn < TURNS else 0
        self._params = params
        if live is not self._live:
            self._live = live
            self._heard[:] = [name in live for name in CHANCE_SOURCES]
        total = self._sum[:, :ticks]
        _gather(stage, self._heard, self._place, total, self.active)
        if self.replay.playing:
            self.replay.step(total)
            self.active[:] = True
        _remember(total, self.active, self.past, tick % len(self.past), self.grain)
        self.tick = tick + ticks
        return total

    def _run(self, i: int, tick: int, ticks: int, params: ChanceParams, out: F32) -> None:
        """Source i of CHANCE_SOURCES."""
        if params is not self._read_from or params.live is not self._read_when:
            self._read_from, self._read_when = params, params.live
            self._rows = [_amounts(one, params) for one in self._moving]
        self._moving[i].step(tick, ticks, *self._rows[i], out)

    def _catch_up(self, i: int, tick: int) -> None:
        """Source i up to ``tick``, unheard."""
        ticks, self._behind[i] = self._behind[i], 0
        if self._params is not None and self._moving[i].REMEMBERS:
            self._run(i, tick - ticks, ticks, self._params, self._unheard[:ticks])

    def settle(self) -> None:
        """Every source up to now: before the amounts it was promised change, and before a state is taken."""
        for i, ticks in enumerate(self._behind):
            if ticks:
                self._catch_up(i, self.tick)

    def after(self, tick: int, params: ChanceParams, x: F32, rest: F32) -> None:
        """Coarseness, then holes, on the knobs' way to the model: ``x`` f32 [T, K] in place, ``rest`` f32 [K]."""
        if self._coarse or "coarse" in params.live:
            self.coarse.step(params["coarse"], x)
            self._coarse = "coarse" in params.live  # once more when it was turned off, so that it forgets its levels
        if self._holes or "holes" in params.live:
            self.holes.step(tick, len(x), params["holes"], params["hole_length"], params["hole_freeze"], x, rest)
            self._holes = "holes" in params.live or not self.holes.closed

    # --- accidents

    def keep(self, seconds: float, name: str = "") -> Accident:
        """The last ``seconds`` of chance as an accident. Copies; safe beside the thread that plays."""
        now, length = self.tick, len(self.past)
        ticks = max(1, min(round(seconds * self.tick_hz), length - 256, now))
        order = np.arange(now - ticks, now) % length
        return Accident(name, self.seed, now - ticks, self.tick_hz, self.names, self.past[order].copy())

    # --- state

    def reseed(self, seed: int) -> None:
        """Everything begins again under another seed, at tick 0."""
        self._behind = [0] * len(CHANCE_SOURCES)
        self.seed, self.tick = seed, 0
        for source in self._sources.values():
            if hasattr(source, "reseed"):
                source.reseed(seed)
            source.reset()
        self.replay.stop()
        self.past[:] = 0.0

    def state(self) -> dict[str, Any]:
        """All that decides the next tick, copied; not the memory of the past."""
        self.settle()
        return {
            **{name: source.state() for name, source in self._sources.items()},
            "replay": self.replay.state(),
            "seed": self.seed,
            "tick": self.tick,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state()``, bit for bit."""
        self.seed, self.tick = int(state["seed"]), int(state["tick"])
        for name, source in self._sources.items():
            if hasattr(source, "reseed"):
                source.reseed(self.seed)
            source.set_state(state[name])
        self.replay.set_state(state["replay"])
        self._coarse = self._holes = True
        self._behind = [0] * len(CHANCE_SOURCES)


KERNELS = (_gather, _remember)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    mix = Mix(["a"], 1500.0, 1, {})
    params = ChanceParams(1)
    for ticks in (1, 4):
        mix.after(mix.tick, params, mix.step(mix.tick, ticks, params)[2], np.zeros(1, np.float32))
    close(*KERNELS)
