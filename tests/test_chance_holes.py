"""Holes: knobs that go missing for a moment; and come back."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.holes import FADE_S, Holes
from instrument.chance.words import stream_id

RATE = 1500.0
FADE_TICKS = round(FADE_S * RATE + 0.5)
STREAMS = [stream_id(f"holes/z{k}") for k in range(24)]


def full(knobs: int, value: float) -> np.ndarray:
    return np.full(knobs, value, np.float32)


def through(
    holes: Holes,
    base: np.ndarray,
    per_minute: float,
    length_s: float,
    freeze: float = 0.0,
    rest: float = 0.0,
    block: int = 0,
    first: int = 0,
) -> np.ndarray:
    out = base.astype(np.float32).copy()
    n = out.shape[1]
    for at in range(0, len(out), block or len(out)):
        part = out[at : at + (block or len(out))]
        holes.step(
            first + at, len(part), full(n, per_minute), full(n, length_s), full(n, freeze), part, full(n, rest)
        )  # fmt: skip
    return out


def runs(flag: np.ndarray) -> list[tuple[int, int]]:
    """(begin, end) of the stretches where flag is true, the ones at the edges left out."""
    edges = np.flatnonzero(np.diff(flag.astype(np.int8)))
    begins = [e + 1 for e in edges if flag[e + 1]]
    ends = [e + 1 for e in edges if not flag[e + 1]]
    if flag[0]:
        ends = ends[1:]
    return list(zip(begins, ends, strict=False))


def distance(sample: np.ndarray, mean: float) -> float:
    """Kolmogorov-Smirnov: the largest gap between the sample's distribution and the exponential one."""
    x = np.sort(sample)
    law = 1.0 - np.exp(-x / mean)
    steps = np.arange(len(x) + 1) / len(x)
    return float(max(np.abs(law - steps[1:]).max(), np.abs(law - steps[:-1]).max()))


@pytest.fixture(scope="module")
def long_run() -> tuple[np.ndarray, np.ndarray]:
    """Waits and lengths in seconds: 24 knobs, 5 minutes of 60 a minute, 0.5 s each."""
    out = through(Holes(STREAMS, RATE, seed=3), np.ones((450_000, 24)), 60.0, 0.5)
    waits, lengths = [], []
    for k in range(24):
        holes = runs(out[:, k] < 1.0)
        lengths += [(end - begin - (FADE_TICKS - 1)) / RATE for begin, end in holes]
        waits += [(b[0] - a[1]) / RATE for a, b in pairwise(holes)]
    return np.array(waits), np.array(lengths)


def test_waits_are_exponential(long_run: tuple[np.ndarray, np.ndarray]) -> None:
    waits, _ = long_run
    assert len(waits) > 3000
    assert waits.mean() == pytest.approx(1.0, rel=0.05)
    assert distance(waits, 1.0) < 1.63 / math.sqrt(len(waits))  # 1 in 100
    assert distance(waits, 1.15) > 1.63 / math.sqrt(len(waits))  # the test can fail
    assert distance(np.full(1000, 1.0), 1.0) > 0.3


def test_lengths_are_exponential(long_run: tuple[np.ndarray, np.ndarray]) -> None:
    _, lengths = long_run
    assert lengths.mean() == pytest.approx(0.5, rel=0.05)
    assert distance(lengths, 0.5) < 1.63 / math.sqrt(len(lengths)) + 0.5 / (0.5 * RATE) * 8  # the fade's own 8 ticks


def test_knobs_go_missing_one_by_one() -> None:
    out = through(Holes(STREAMS[:4], RATE, seed=3), np.ones((300_000, 4)), 60.0, 0.5)
    assert np.abs(np.corrcoef((out < 0.5).T) - np.eye(4)).max() < 0.12


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_frozen_holes_is_as_asked(share: float) -> None:
    ramp = np.repeat(np.linspace(0.2, 0.9, 300_000)[:, None], 8, axis=1)
    out = through(Holes(STREAMS[:8], RATE, seed=4), ramp, 240.0, 0.1, freeze=share, rest=0.0)
    kinds, ticks = [], []
    for k in range(8):
        for begin, end in runs(out[:, k] != ramp.astype(np.float32)[:, k]):
            if end - begin > 3 * FADE_TICKS:
                middle = out[begin + 2 * FADE_TICKS, k]
                frozen = middle == pytest.approx(ramp[begin, k], abs=1e-5)
                assert frozen or middle == 0.0
                kinds.append(frozen)
                ticks.append(end - begin)
    assert len(kinds) > 1500
    assert np.mean(kinds) == pytest.approx(share, abs=0.04)
    if 0.0 < share < 1.0:  # and no kind is the longer one
        assert abs(np.corrcoef(kinds, ticks)[0, 1]) < 0.08


def test_nothing_zips_on_the_way_in_or_out() -> None:
    out = through(Holes(STREAMS, RATE, seed=5), np.ones((60_000, 24)), 240.0, 0.1)
    assert np.abs(np.diff(out, axis=0)).max() == pytest.approx(1.0 / (FADE_S * RATE), rel=1e-3)
    assert (out == 0.0).mean() > 0.1  # and the holes are as deep as asked


def test_none_a_minute_keeps_every_bit_and_closes_what_is_open() -> None:
    holes = Holes(STREAMS, RATE, seed=6)
    base = np.random.default_rng(1).uniform(-1, 1, (500, 24)).astype(np.float32)
    base[3, 4], base[5, 6] = math.nan, -0.0
    for none in (0.0, -1.0, math.nan):
        assert through(holes, base, none, 0.2).tobytes() == base.tobytes()
    out = through(holes, np.ones((20_000, 24)), 240.0, 10.0)
    assert (out[-1] == 0.0).sum() > 10
    back = through(holes, base, 0.0, 10.0)
    assert back[:2].tobytes() != base[:2].tobytes()
    assert back[FADE_TICKS:].tobytes() == base[FADE_TICKS:].tobytes()
    assert not holes.open.any()


@pytest.mark.parametrize("block", [1, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    base = np.random.default_rng(2).uniform(0, 1, (2240, 24))
    whole = through(Holes(STREAMS, RATE, seed=7), base, 200.0, 0.1, 0.5, 0.3)
    assert whole.tobytes() != base.astype(np.float32).tobytes()
    assert through(Holes(STREAMS, RATE, seed=7), base, 200.0, 0.1, 0.5, 0.3, block).tobytes() == whole.tobytes()


def test_the_same_seed_from_a_reset_brings_the_same_holes_back_and_a_kept_state_goes_on() -> None:
    holes, ones = Holes(STREAMS, RATE, seed=8), np.ones((3000, 24))
    once = through(holes, ones, 100.0, 0.2)
    kept = holes.state()
    ahead = through(holes, ones, 100.0, 0.2)
    other = Holes(STREAMS, RATE, seed=8)
    other.set_state(kept)
    assert through(other, ones, 100.0, 0.2).tobytes() == ahead.tobytes()
    holes.reset()
    assert through(holes, ones, 100.0, 0.2).tobytes() == once.tobytes()
    holes.reset()
    holes.reseed(9)
    assert through(holes, ones, 100.0, 0.2).tobytes() != once.tobytes()


def test_turning_the_rate_acts_on_the_wait_under_way() -> None:
    slow = Holes(STREAMS, RATE, seed=8)
    assert (through(slow, np.ones((1500, 24)), 0.01, 0.2) == 1.0).all()
    first = runs(through(slow, np.ones((15_000, 24)), 60.0, 0.2)[:, 0] < 1.0)[0][0]
    fast = runs(through(Holes(STREAMS, RATE, seed=8), np.ones((15_000, 24)), 60.0, 0.2)[:, 0] < 1.0)[0][0]
    assert first == pytest.approx(fast, abs=2)  # 1 s at a hundred-minute wait used up next to nothing of it


any_float = st.floats(width=32)


@settings(max_examples=60, deadline=None)
@given(any_float, any_float, any_float, any_float, st.lists(any_float, min_size=20, max_size=40))
def test_it_is_never_beside_itself(
    per_minute: float, length_s: float, freeze: float, rest: float, values: list[float]
) -> None:
    holes = Holes(STREAMS[:1], RATE)
    with np.errstate(over="ignore"):
        through(holes, np.array(values)[:, None], per_minute, length_s, freeze, rest)
    through(holes, np.ones((40, 1)), 0.0, 1.0)
    assert (through(holes, np.ones((40, 1)), 0.0, 1.0) == 1.0).all()
    state = holes.state()
    assert np.isfinite(state["left"]).all()
    assert state["depth"][0] == 0.0


def test_sixteen_knobs_cost_next_to_nothing() -> None:
    holes, times = Holes(STREAMS[:16], RATE), []
    per_minute, length_s, half, base = full(16, 60.0), full(16, 0.2), full(16, 0.5), np.ones((4, 16), np.float32)
    for tick in range(0, 2000, 4):
        begun = time.perf_counter()
        holes.step(tick, 4, per_minute, length_s, half, base, half)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 20e-6
