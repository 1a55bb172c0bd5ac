"""Play, detents, end stops and dug wells against what is known of backlash, of wells and of hopping between them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_friction_passive import spline, well_scale

from instrument.friction import landscape
from instrument.friction.bearing import Friction
from instrument.friction.params import FrictionParams

TICK_HZ = 1500.0
LOOSE = {"stick": 0.0, "slide": 0.0, "visc": 0.0, "weight": 0.0}


def alone(hand: np.ndarray, friction: Friction | None = None, **amounts: float) -> tuple[np.ndarray, Friction]:
    """One knob under ``hand`` f64[T], from rest at its first place: positions f64[T], and the friction after it."""
    if friction is None:
        friction = Friction(1, TICK_HZ)
        friction.reset(hand[:1].astype(np.float32))
    given = np.ascontiguousarray(hand.astype(np.float32)[:, None])
    pos = np.empty_like(given)
    friction.step(given, FrictionParams(1).set(**(LOOSE | amounts)), None, pos)
    return pos[:, 0].astype(float), friction


def loop(radius: float, amplitude: float, cycles: int = 2, points: int = 16_000) -> float:
    hand = 0.5 + amplitude * np.sin(2 * np.pi * np.arange(cycles * points + 1) / points)
    x, _ = alone(hand, play=2 * radius)
    x, hand = x[-points - 1 :], hand[-points - 1 :]
    return float(np.sum((x[1:] + x[:-1]) / 2 * np.diff(hand)))


@pytest.mark.parametrize(("radius", "amplitude"), [(0.05, 0.3), (0.01, 0.45), (0.1, 0.2)])
def test_the_loop_of_play_has_the_area_4_r_a_minus_r(radius: float, amplitude: float) -> None:
    assert abs(loop(radius, amplitude)) == pytest.approx(4 * radius * (amplitude - radius), abs=5e-7)


def test_a_hand_within_the_play_moves_nothing() -> None:
    x, _ = alone(0.5 + 0.0499 * np.sin(np.arange(3000) / 50), play=0.1)
    assert np.ptp(x) == 0.0


def test_play_does_not_mind_how_fast_the_hand_is() -> None:
    hand = 0.5 + 0.4 * np.sin(np.arange(500) / 20)
    quick, _ = alone(hand, play=0.07)
    slow, _ = alone(np.repeat(hand, 9), play=0.07)
    assert slow[8::9] == pytest.approx(quick, abs=1e-6)


def settled(hand: float, seconds: float = 2.0, **amounts: float) -> float:
    return float(alone(np.full(int(seconds * TICK_HZ), hand), **amounts)[0][-1])


@pytest.mark.parametrize("hand", [0.02, 0.2, 0.3, 0.41, 0.77, 1.0])
def test_a_detent_pulls_with_a_sine_of_the_given_strength(hand: float) -> None:
    x = settled(hand, detents=5, detent_strength=0.05)
    assert hand - x == pytest.approx(0.05 * math.sin(2 * math.pi * x / 0.25), abs=1e-6)


def test_detents_stand_at_both_ends_and_evenly_between() -> None:
    for place in np.linspace(0, 1, 9):
        assert settled(float(place), detents=9, detent_strength=0.2) == pytest.approx(place, abs=1e-7)
        inwards = place + (0.02 if place < 0.5 else -0.02)
        assert abs(settled(inwards, detents=9, detent_strength=0.2) - place) < 0.005
    assert settled(0.5, detents=1, detent_strength=0.2) == 0.5
    assert settled(0.6, detents=1, detent_strength=0.2) < 0.57


def ends_of(snap: float, strength: float = 0.02) -> tuple[list[float], float]:
    """A slow hand to and fro over the border of two detents: where the knob snapped, and the work it took."""
    sweep = np.linspace(0.15, 0.85, 60_000)
    friction, shape = Friction(1, TICK_HZ), {"detents": 2, "detent_strength": strength, "snap_point": snap}
    friction.reset(np.array([0.15], np.float32))
    alone(np.full(3000, 0.15), friction, **shape)
    hand, snapped, work, detent = np.r_[sweep, sweep[::-1]], [], 0.0, friction.state()["detent"][0]
    x, place = friction.state()["pos"][0], np.float32(0.15)
    for part in hand.reshape(-1, 8):
        pos, _ = alone(part, friction, **shape)
        now = friction.state()["detent"][0]
        if now != detent:
            snapped.append(float(x))
        led = np.diff(np.r_[place, part])
        work += float(np.sum((part - pos) * led))
        x, place, detent = friction.state()["pos"][0], part[-1], now
    return snapped, work


@pytest.mark.parametrize("snap", [0.5, 0.6, 0.75])
def test_the_next_detent_takes_the_knob_at_the_snap_point_and_keeps_the_difference(snap: float) -> None:
    snapped, work = ends_of(snap)
    assert snapped == pytest.approx([snap, 1 - snap], abs=1e-3)
    depth, x = 2 * snap * 0.02 / math.pi, np.linspace(0, 1, 100_001)
    next_well = depth / 2 * (1 - np.cos(np.pi * np.minimum(abs(x - 1), snap) / snap))
    after = (next_well + (x - snap) ** 2 / 2)[x >= snap].min()  # it falls until the hand's spring holds it
    assert work == pytest.approx(2 * (depth - after), abs=1e-5)


def test_detents_stand_where_a_list_says() -> None:
    friction = Friction(2, TICK_HZ)
    friction.set_detents([[0.9, 0.1, 0.3], None])
    amounts = FrictionParams(2).set(**LOOSE, detents=5, detent_strength=0.1)

    def rest(hand: float) -> list[float]:
        at = np.full((3000, 2), hand, np.float32)
        friction.reset(at[0])
        friction.step(at, amounts, None, at)
        return [float(x) for x in at[-1]]

    assert rest(0.32)[0] == pytest.approx(0.3, abs=0.01)
    assert rest(0.88)[0] == pytest.approx(0.9, abs=0.01)
    assert rest(0.6)[0] == pytest.approx(0.6, abs=1e-7)  # level: wells are as wide as the smallest gap lets them be
    assert rest(0.26)[1] == pytest.approx(0.25, abs=0.01)  # the other knob has its own
    friction.set_detents(None)
    assert rest(0.32)[0] < 0.3
    for wrong in (
        [[0.1], None, None],
        [[0.1, 1.1], None],
        [[0.1, 0.109], None],
        [[math.nan], None],
        [[0.0] * 65, None],
    ):
        with pytest.raises(ValueError, match="detents"):
            friction.set_detents(wrong)


def test_a_soft_end_pushes_inwards_in_proportion_and_only_there() -> None:
    force = 0.2
    assert settled(0.0, endstop_strength=force) == pytest.approx(force / (1 + 20 * force), abs=1e-6)
    assert settled(1.0, endstop_strength=force) == pytest.approx(1 - force / (1 + 20 * force), abs=1e-6)
    hand = 0.5 + 0.44 * np.sin(np.arange(3000) / 300)
    inside = {"stick": 0.02, "weight": 10.0}
    free, soft = alone(hand, **inside)[0], alone(hand, **inside, endstop_strength=0.3)[0]
    assert np.abs(free - soft).max() < 2e-3  # the stiffness that makes it passive is a slight drag near the ends
    middle = np.abs(hand - 0.5) < 0.2
    assert np.abs(free - soft)[middle].max() < 2e-4


@settings(max_examples=300, deadline=None)
@given(x=st.floats(0, 1), to=st.floats(0, 1), force=st.floats(0.01, 0.3), snap=st.floats(0.5, 1.5), seed=st.integers(0))
def test_each_potential_takes_out_at_least_what_it_stores_whatever_the_step(
    x: float, to: float, force: float, snap: float, seed: int
) -> None:
    """U(x') - U(x) <= (U'(x) + S (x' - x)) (x' - x), on which all of passivity rests."""
    wells, reach = np.random.default_rng(seed).random(64), 0.1 * snap
    bend = float(landscape.bend_of(wells[None])[0])

    def ends(x: float) -> float:
        return force / 0.1 * (max(0.0, 0.05 - x) ** 2 + max(0.0, x - 0.95) ** 2)

    def detent(x: float) -> float:
        return force * reach / math.pi * (1 - math.cos(math.pi * min(1.0, abs(x - 0.4) / reach)))

    for potential, (pull, stiff) in (
        (ends, landscape.end_pull(x, force)),
        (detent, landscape.detent_pull(x - 0.4, reach, force)),
        (lambda x: -force * spline(wells, x), landscape.well_pull(wells, bend, x, force)),
    ):
        for way in (to - x, 0.01 * (to - x)):
            assert potential(x + way) - potential(x) <= (pull + stiff * way) * way + 1e-12


# --- wells


def dwelt(seconds: float, at: float = 0.4321, **amounts: float) -> Friction:
    return alone(np.full(int(seconds * TICK_HZ), at), **({"dig": 0.1, "dig_time": 30.0} | amounts))[1]


@pytest.mark.parametrize("at", [0.0, 0.004, 0.4321, 0.5, 0.995])
def test_dwelling_digs_to_full_depth_with_its_time_constant(at: float) -> None:
    wells = dwelt(30.0, at).wells[0]
    assert spline(wells, at) == pytest.approx(1 - 1 / math.e, abs=3e-4)
    assert max(spline(wells, y) for y in np.linspace(0, 1, 2001)) <= spline(wells, at) + 1e-12
    assert spline(dwelt(300.0, at).wells[0], at) == pytest.approx(1 - math.exp(-10), abs=1e-5)


def test_a_full_well_pulls_with_the_given_force_at_its_side() -> None:
    wells = dwelt(400.0).wells[0]
    x = np.linspace(0.3, 0.6, 3001)
    depth = np.array([spline(wells, y) for y in x])
    assert well_scale(0.1) * np.abs(np.gradient(depth, x)).max() == pytest.approx(0.1, rel=0.015)
    friction = dwelt(400.0)
    away = 0.4321 + 0.1 + 0.0225
    x = alone(np.full(3000, away), friction, dig=0.1)[0][-1]
    assert away - x == pytest.approx(0.1, rel=0.05)  # the hand leads by the force where the side is steepest
    assert 0.0 < x - 0.4321 < 0.04


def test_a_moving_knob_digs_nothing_and_nothing_heals_but_by_filling() -> None:
    friction = dwelt(30.0)
    dug = friction.wells.copy()
    assert dug.max() > 0.5
    alone(0.5 + 0.4 * np.sin(np.arange(30_000) / 500 + 0.3), friction, dig=0.1, dig_time=30.0)
    assert np.abs(friction.wells - dug).max() < 2e-3  # only where it turns round
    alone(np.full(3000, 0.9), friction, dig=0.0)
    friction.reset(np.array([0.1], np.float32))
    assert np.abs(friction.wells - dug).max() < 2e-3
    friction.fill()
    assert not friction.wells.any()
    assert settled(0.45) == alone(np.full(3000, 0.45), friction, dig=0.3)[0][0] == np.float32(0.45)


def test_without_dig_nothing_is_dug() -> None:
    assert not dwelt(60.0, dig=0.0, weight=10.0).wells.any()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), x=st.floats(0, 1), share=st.floats(1e-6, 1))
def test_nowhere_does_the_ground_sink_more_than_under_the_knob(seed: int, x: float, share: float) -> None:
    wells = np.random.default_rng(seed).random(64) * 0.9
    before = wells.copy()
    bend = landscape.dig(wells, x, share)
    sunk = wells - before
    missing = 1 - spline(before, x)
    assert spline(sunk, x) == pytest.approx(share * missing, rel=1e-9)
    assert max(spline(sunk, y) for y in np.linspace(0, 1, 401)) <= spline(sunk, x) * (1 + 1e-9)
    assert bend == np.abs(np.diff(wells, 2)).max() or bend == pytest.approx(np.abs(np.diff(wells, 2)).max(), rel=1e-12)
    assert np.array_equal(landscape.bend_of(wells[None]), [bend])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), x=st.floats(1e-6, 1 - 1e-6))
def test_the_pull_of_dug_ground_is_the_slope_of_its_depth_and_has_no_corner(seed: int, x: float) -> None:
    wells = np.random.default_rng(seed).random(64)
    bend = float(landscape.bend_of(wells[None])[0])
    pull, stiff = landscape.well_pull(wells, bend, x, 1.0)
    step = 1e-7
    assert landscape.depth(wells, x) == pytest.approx(spline(wells, x), abs=1e-12)
    assert pull == pytest.approx(-(spline(wells, x + step) - spline(wells, x - step)) / 2 / step, abs=1e-3)
    later, _ = landscape.well_pull(wells, bend, x + step, 1.0)
    assert abs(later - pull) <= 2 * stiff * step * (1 + 1e-6) + 1e-12


# --- chance against detents


def test_noise_in_the_bearing_hops_between_detents_at_kramers_rate() -> None:
    """Overdamped: k = 2 (wa wb / 2 pi gamma) exp(-dU / D), out to both sides. The hand's spring is part of U."""
    knobs, seconds, ticks, gap, strength, visc, height = 128, 60, 16, 1 / 23, 0.15, 2.0, 4.0
    amounts = FrictionParams(knobs).set(**(LOOSE | {"visc": visc}), detents=24, detent_strength=strength)
    x = np.linspace(0, 0.6 * gap, 3001)
    potential = strength * gap / math.pi / 2 * (1 - np.cos(2 * np.pi * x / gap)) + x**2 / 2
    rim = int(np.argmax(potential))
    bottom, top = (1 + 2 * math.pi / gap * strength * math.cos(2 * math.pi * x[i] / gap) for i in (0, rim))
    warmth = potential[rim] / height
    kramers = 2 * math.sqrt(-bottom * top) / (2 * math.pi * visc) * math.exp(-height)

    random, friction, home = np.random.default_rng(11), Friction(knobs, TICK_HZ), 10 * gap
    friction.reset(np.full(knobs, home, np.float32))
    hand, hops = np.full((ticks, knobs), home, np.float32), 0
    push, pos = np.empty_like(hand), np.empty_like(hand)
    for _ in range(int(seconds * TICK_HZ / ticks)):
        random.standard_normal(out=push, dtype=np.float32)
        push *= math.sqrt(2 * visc * warmth * TICK_HZ)
        friction.step(hand, amounts, push, pos)
        over = np.abs(pos[-1] - home) > 0.75 * gap  # well inside the next one, not to and fro on the rim
        if over.any():
            hops += int(over.sum())
            state = friction.state()
            state["pos"][over], state["detent"][over] = home, -1
            friction.set_state(state)
    assert hops > 300
    assert 0.75 < hops / (knobs * seconds) / kramers < 1.05
