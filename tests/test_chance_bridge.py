"""Bridge: a hand that wanders on its way and arrives on its tick, to the bit."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.chance.bridge import Bridge
from instrument.chance.words import stream_id

TICK_HZ = 1500.0
STREAMS = [stream_id(f"bridge/z{k}") for k in range(4000)]
UNTOUCHED = np.float32(7.0)


def f32(value: float, knobs: int) -> np.ndarray:
    return np.full(knobs, value, np.float32)


def cross(bridge: Bridge, ticks: int, sigma: float, first: int = 0, block: int = 0) -> np.ndarray:
    knobs = len(bridge.active)
    out = np.full((ticks, knobs), UNTOUCHED)
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        bridge.step(first + at, len(part), f32(sigma, knobs), part)
    return out


def bridges(knobs: int, begin: float, target: float, ticks: int, tick: int = 0, seed: int = 0) -> Bridge:
    bridge = Bridge(STREAMS[:knobs], TICK_HZ, seed)
    for k in range(knobs):
        bridge.start(k, begin, target, ticks / TICK_HZ, tick)
    return bridge


POSITION = st.floats(0.0, 1.0, width=32)


@settings(max_examples=80, deadline=None)
@given(POSITION, POSITION, st.integers(1, 400), st.integers(0, 2**40), st.floats(0, 1), st.integers(1, 9))
def test_it_leaves_and_arrives_to_the_bit(
    begin: float, target: float, ticks: int, tick: int, sigma: float, block: int
) -> None:
    bridge = bridges(2, begin, target, ticks, tick + 3)
    out = cross(bridge, ticks + 12, sigma, tick, block)
    assert out[3].tobytes() == f32(begin, 2).tobytes()
    assert out[3 + ticks].tobytes() == f32(target, 2).tobytes()
    assert (out[:3] == UNTOUCHED).all()
    assert (out[4 + ticks :] == UNTOUCHED).all()
    assert not bridge.active.any()
    assert ((out[3 : 4 + ticks] >= 0.0) & (out[3 : 4 + ticks] <= 1.0)).all()


@pytest.mark.parametrize("ticks", [40, 1000])
def test_its_covariance_is_that_of_a_brownian_bridge_as_wide_as_sigma(ticks: int) -> None:
    sigma, slant = 0.05, 0.4
    out = cross(bridges(4000, 0.3, 0.3 + slant, ticks, seed=5), ticks + 1, sigma).astype(np.float64)
    at = np.array([ticks // 10, ticks // 4, ticks // 2, 3 * ticks // 4, 9 * ticks // 10])
    w = out[at] - (0.3 + slant * at / ticks)[:, None]
    law = sigma**2 * 4.0 * np.minimum.outer(at, at) * (ticks - np.maximum.outer(at, at)) / ticks**2
    assert law[2, 2] == pytest.approx(sigma**2)
    assert np.abs(w.mean(1)).max() < 4 * sigma / math.sqrt(4000)
    # standard error of a variance from 4000: 2.2 %
    assert w @ w.T / 4000 == pytest.approx(law, abs=0.08 * sigma**2)
    assert np.diag(w @ w.T / 4000) == pytest.approx(np.diag(law), rel=0.08)
    steps = np.diff(out, axis=0)  # Brownian: what it moves in a tick is 2 sigma / sqrt(T), all along
    moved = steps.var(axis=1)
    assert moved == pytest.approx(4.0 * sigma**2 / ticks * (1.0 - 1.0 / ticks), rel=0.12)


def test_ticks_that_were_skipped_are_crossed_by_the_same_law() -> None:
    bridge = bridges(4000, 0.5, 0.5, 1000, seed=8)
    early, late = cross(bridge, 1, 0.05, 250)[0] - 0.5, cross(bridge, 1, 0.05, 500)[0] - 0.5
    assert np.mean(early**2) == pytest.approx(0.75 * 0.0025, rel=0.08)
    assert np.mean(late**2) == pytest.approx(0.0025, rel=0.08)
    assert np.mean(early * late) == pytest.approx(0.5 * 0.0025, abs=0.08 * 0.0025)
    assert (cross(bridge, 1, 0.05, 1000)[0] == 0.5).all()


def test_no_sigma_is_the_straight_line() -> None:
    for sigma in (0.0, -1.0, math.nan, math.inf):
        out = cross(bridges(2, 0.25, 0.75, 100), 101, sigma)
        assert out == pytest.approx(np.linspace(0.25, 0.75, 101)[:, None].repeat(2, 1), abs=1e-7)


def test_a_bridge_of_hours_arrives_on_its_tick() -> None:
    hours = 5.0
    bridge = Bridge(STREAMS[:1], TICK_HZ, seed=1)
    bridge.start(0, 0.1, 0.7, hours * 3600.0, 11)
    last = 11 + round(hours * 3600 * TICK_HZ)
    out = np.empty((30_000, 1), np.float32)
    steps = []
    for tick in range(11, last - 300_000, 30_000):  # 27 million ticks
        bridge.step(tick, 30_000, f32(0.1, 1), out)
        steps.append(np.abs(np.diff(out[:, 0])).max())
    assert max(steps) < 1e-3
    bridge.step(last - 2, 5, f32(0.1, 1), out)
    assert out[0, 0] != np.float32(0.7)
    assert out[2, 0] == np.float32(0.7)
    assert not bridge.active[0]


@pytest.mark.parametrize("block", [1, 4, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    whole = cross(bridges(16, 0.2, 0.9, 400, 20, seed=3), 448, 0.2, 13)
    assert cross(bridges(16, 0.2, 0.9, 400, 20, seed=3), 448, 0.2, 13, block).tobytes() == whole.tobytes()


def test_what_is_beyond_the_travel_is_clipped_but_not_lost() -> None:
    wide = cross(bridges(500, 0.0, 0.0, 300, seed=2), 301, 0.5)
    assert wide.min() == 0.0
    assert wide.max() <= 1.0
    # a reflected or absorbed walk would be at 0 for other than half of the time
    assert (wide[1:-1] == 0.0).mean() == pytest.approx(0.5, abs=0.04)
    away = Bridge(STREAMS[:1], TICK_HZ)
    away.start(0, -2.0, 3.0, 0.1, 0)
    out = cross(away, 151, 0.0)
    assert out[0, 0] == 0.0
    assert out[-1, 0] == 1.0


def test_sigma_turned_on_the_way_scales_the_wander() -> None:
    bridge = bridges(8, 0.5, 0.5, 1000, seed=4)
    cross(bridge, 400, 0.0)
    kept = bridge.state()
    small = cross(bridge, 10, 0.02, 400) - 0.5
    bridge.set_state(kept)
    assert cross(bridge, 10, 0.04, 400) - 0.5 == pytest.approx(2 * small, abs=1e-6)
    assert np.abs(small).max() > 0.002  # it went on unheard


def test_it_stops_and_starts_over_and_leaves_other_knobs_alone() -> None:
    bridge = Bridge(STREAMS[:3], TICK_HZ, seed=1)
    bridge.start(1, 0.2, 0.8, 1.0, 0)
    assert bridge.active.tolist() == [0, 1, 0]
    out = cross(bridge, 100, 0.1)
    assert (out[:, [0, 2]] == UNTOUCHED).all()
    bridge.stop(1)
    bridge.stop(2)
    assert (cross(bridge, 10, 0.1, 100) == UNTOUCHED).all()
    bridge.start(1, 0.2, 0.8, 1.0, 110)
    bridge.start(1, 0.6, 0.4, 0.1, 120)
    assert cross(bridge, 1, 0.1, 120)[0, 1] == np.float32(0.6)
    assert cross(bridge, 150, 0.1, 121)[149, 1] == np.float32(0.4)
    bridge.start(1, 0.6, 0.4, 0.1, 300)
    bridge.reset()
    assert (cross(bridge, 10, 0.1, 300) == UNTOUCHED).all()


def test_a_bridge_that_nobody_stepped_is_over_when_its_time_is() -> None:
    bridge = bridges(1, 0.1, 0.9, 30)
    assert (cross(bridge, 4, 0.1, 31) == UNTOUCHED).all()
    assert not bridge.active[0]


def test_the_same_seed_and_origin_bring_the_same_bridge_back() -> None:
    once = cross(bridges(4, 0.3, 0.6, 200, 50, seed=1), 201, 0.1, 50).tobytes()
    assert cross(bridges(4, 0.3, 0.6, 200, 50, seed=1), 201, 0.1, 50).tobytes() == once
    assert cross(bridges(4, 0.3, 0.6, 200, 50, seed=2), 201, 0.1, 50).tobytes() != once
    assert cross(bridges(4, 0.3, 0.6, 200, 51, seed=1), 201, 0.1, 51).tobytes() != once


def test_it_goes_on_from_a_kept_state_bit_for_bit() -> None:
    bridge = bridges(4, 0.3, 0.6, 200, seed=1)
    cross(bridge, 90, 0.1)
    kept = bridge.state()
    ahead = cross(bridge, 120, 0.1, 90)
    later = Bridge(STREAMS[:4], TICK_HZ, seed=1)
    later.set_state(kept)
    assert cross(later, 120, 0.1, 90).tobytes() == ahead.tobytes()


def test_a_bridge_of_more_than_a_day_is_one_of_a_day() -> None:
    bridge, day = (Bridge([0], 1.0) for _ in range(2))
    bridge.start(0, 0.0, 1.0, 1e17, 5)
    day.start(0, 0.0, 1.0, 86400.0, 5)
    assert bridge.state()["span"].tolist() == day.state()["span"].tolist() == [[5, 86405, 5]]


def test_a_bridge_to_nowhere_is_refused() -> None:
    bridge = Bridge(STREAMS[:1], TICK_HZ)
    for begin, target, seconds in ((math.nan, 0.5, 1.0), (0.5, math.inf, 1.0), (0.5, 0.5, math.nan)):
        with pytest.raises(ValueError, match="finite"):
            bridge.start(0, begin, target, seconds, 0)
    assert not bridge.active[0]
    bridge.start(0, 0.1, 0.2, -5.0, 0)  # no time at all: a jump in one tick
    assert cross(bridge, 2, 0.1)[:, 0].tolist() == [np.float32(0.1), np.float32(0.2)]


def test_sixteen_knobs_cost_a_small_part_of_the_block() -> None:
    bridge, out, sigma, times = bridges(16, 0.1, 0.9, 10_000), np.empty((4, 16), np.float32), f32(0.1, 16), []
    for tick in range(0, 4000, 4):
        begun = time.perf_counter()
        bridge.step(tick, 4, sigma, out)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 33e-6
