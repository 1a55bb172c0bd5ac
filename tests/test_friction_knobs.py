"""Friction as the engine meets it: many knobs, blocks of ticks, bits."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.friction import bearing, params, ramp
from instrument.friction.bearing import FREE, HELD, SLIPPING, Friction
from instrument.friction.params import NAMES, FrictionParams, scaled

TICK_HZ = 1500.0
GLASS = {"stick": 0.0, "slide": 0.0, "visc": 0.0, "weight": 0.0}


def strokes(ticks: int, knobs: int, seed: int = 0) -> np.ndarray:
    """Hands that wander, sweep and stop, f32[ticks, knobs]."""
    random = np.random.default_rng(seed)
    t = np.arange(ticks)[:, None] / TICK_HZ
    sweep = 0.5 + 0.45 * np.sin(2 * np.pi * random.uniform(0.1, 2, knobs) * t + random.uniform(0, 6, knobs))
    return np.where(sweep > 0.9, 0.9, sweep).astype(np.float32)


def varied(knobs: int, seed: int = 0) -> FrictionParams:
    random = np.random.default_rng(seed)
    amounts = FrictionParams(knobs)
    amounts.stick[:] = random.uniform(0, 0.2, knobs)
    amounts.slide[:] = amounts.stick * random.uniform(0, 1, knobs)
    amounts.elastic[:] = random.uniform(0, 0.9, knobs)
    amounts.weight[:] = random.choice([0.0, 1.0, 5.0, 20.0], knobs)
    amounts.visc[:] = random.choice([0.0, 0.1], knobs)
    return amounts


def played(
    friction: Friction, hand: np.ndarray, amounts: FrictionParams, bearing: np.ndarray | None = None, block: int = 4
) -> np.ndarray:
    pos = np.empty_like(hand)
    for first in range(0, len(hand), block):
        part = slice(first, first + block)
        friction.step(hand[part], amounts, None if bearing is None else bearing[part], pos[part])
    return pos


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.0, 1.0, width=32), min_size=1, max_size=40))
def test_a_neutral_knob_is_its_hand_bit_for_bit(hands: list[float]) -> None:
    hand = np.array(hands, np.float32)[:, None]
    pos = played(Friction(1, TICK_HZ), hand, FrictionParams(1).set(**GLASS))
    assert pos.tobytes() == hand.tobytes()


def test_each_knob_is_neutral_for_itself() -> None:
    hand = strokes(600, 3)
    amounts = FrictionParams(3)
    for name, amount in GLASS.items():
        getattr(amounts, name)[1] = amount
    friction = Friction(3, TICK_HZ)
    pos = played(friction, hand, amounts)
    assert pos[:, 1].tobytes() == hand[:, 1].tobytes()
    assert np.abs(pos - hand)[:, [0, 2]].max() > 0.01
    assert friction.stuck[1] == FREE
    assert friction.force[1] == 0.0


def test_a_silent_bearing_is_no_bearing() -> None:
    hand, amounts = strokes(300, 4), varied(4).set(**GLASS)
    assert played(Friction(4, TICK_HZ), hand, amounts, np.zeros_like(hand)).tobytes() == hand.tobytes()
    amounts = varied(4)
    with_zeros = played(Friction(4, TICK_HZ), hand, amounts, np.zeros_like(hand))
    assert with_zeros.tobytes() == played(Friction(4, TICK_HZ), hand, amounts).tobytes()


def test_a_push_moves_even_a_knob_of_glass() -> None:
    hand = np.full((3, 1), 0.5, np.float32)
    push = np.array([[0.0], [0.25], [0.9]], np.float32)
    assert played(Friction(1, TICK_HZ), hand, FrictionParams(1).set(**GLASS), push).ravel().tolist() == [0.5, 0.75, 1.0]


@pytest.mark.parametrize("block", [1, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    hand, amounts = strokes(960, 8), varied(8)
    bearing = np.random.default_rng(5).normal(0, 0.02, hand.shape).astype(np.float32)
    one, other = Friction(8, TICK_HZ), Friction(8, TICK_HZ)
    assert (
        played(one, hand, amounts, bearing, block=4).tobytes()
        == played(other, hand, amounts, bearing, block=block).tobytes()
    )
    assert one.force.tobytes() == other.force.tobytes()
    assert one.stuck.tobytes() == other.stuck.tobytes()


def test_it_goes_on_from_a_kept_state_bit_for_bit() -> None:
    hand, amounts = strokes(800, 6), varied(6)
    friction = Friction(6, TICK_HZ)
    friction.reset(hand[0])
    played(friction, hand[:400], amounts)
    kept = friction.state()
    ahead = played(friction, hand[400:], amounts)
    later = Friction(6, TICK_HZ)
    later.set_state(kept)
    assert played(later, hand[400:], amounts).tobytes() == ahead.tobytes()


def test_reset_puts_hand_and_knob_at_rest() -> None:
    amounts = varied(4)
    friction = Friction(4, TICK_HZ)
    played(friction, strokes(200, 4), amounts)
    there = np.array([0.0, 0.2, 0.7, 1.0], np.float32)
    friction.reset(there)
    assert played(friction, np.tile(there, (50, 1)), amounts).tobytes() == np.tile(there, (50, 1)).tobytes()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_given_to_it_makes_it_lose_its_head(seed: int) -> None:
    random = np.random.default_rng(seed)
    odd = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, -0.0, 1e-45, 1e-20, 0.01, 1.0, 3.0, 1e6, 3e38], np.float32)
    amounts = FrictionParams(12)
    amounts.rows[:] = np.where(
        random.random(amounts.rows.shape) < 0.4, amounts.rows, random.choice(odd, amounts.rows.shape)
    )
    hand, bearing = (random.choice(odd, (60, 12)) for _ in range(2))
    hand = np.where(random.random(hand.shape) < 0.5, hand, random.random(hand.shape)).astype(np.float32)
    friction = Friction(12, TICK_HZ)
    pos = played(friction, hand, amounts, bearing)
    assert np.all((pos >= 0) & (pos <= 1))
    assert all(np.isfinite(row).all() for row in friction.state().values())
    assert np.isfinite(friction.lead).all()
    sane = played(friction, strokes(3000, 12), FrictionParams(12))
    assert np.abs(sane - strokes(3000, 12))[1500:].max() < 0.3  # and it finds its way back


def test_the_knob_says_when_it_is_held_and_when_it_slips() -> None:
    amounts = FrictionParams(1).set(stick=0.06, slide=0.03, weight=5.0)
    friction = Friction(1, TICK_HZ)
    friction.reset(np.array([0.2], np.float32))
    pushed = np.linspace(0.2, 0.25, 1500, dtype=np.float32)[:, None]
    pos = played(friction, pushed, amounts)
    assert friction.stuck[0] == HELD
    assert 0.04 < friction.lead[0] < 0.06
    assert friction.force[0] == pytest.approx(friction.lead[0], abs=0.01)
    assert abs(pos[-1, 0] - 0.2) < 0.003  # only the give of the bristle
    played(friction, np.linspace(0.25, 0.6, 600, dtype=np.float32)[:, None], amounts)
    assert friction.stuck[0] == SLIPPING
    assert friction.lead[0] == pytest.approx(0.03, abs=0.01)


def test_a_weightless_knob_waits_for_stick_then_jumps_to_slide_and_does_not_ring() -> None:
    amounts = FrictionParams(1).set(stick=0.06, slide=0.03, vs=0.2, pre=0.0005, weight=0.0)
    hand = np.linspace(0.1, 0.9, int(16 * TICK_HZ), dtype=np.float32)[:, None]
    friction = Friction(1, TICK_HZ)
    friction.reset(hand[0])
    lead = (hand - played(friction, hand, amounts))[:, 0]
    assert lead.max() == pytest.approx(0.06, rel=0.02)
    assert lead[3000:].min() > 0.02  # it never passes the hand, it falls back to about slide
    assert np.all(lead > -1e-6)


def test_ten_seconds_of_a_still_hand_move_nothing() -> None:
    hand = np.full((int(10 * TICK_HZ), 1), 0.4, np.float32)
    amounts = FrictionParams(1)
    friction = Friction(1, TICK_HZ)
    friction.reset(np.array([0.3], np.float32))
    pos = played(friction, hand, amounts, block=64)
    assert np.ptp(pos[-7500:]) < 1e-6


def test_blocks_of_another_shape_are_refused() -> None:
    hand = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match="3 knobs"):
        Friction(3, TICK_HZ).step(hand, FrictionParams(3), None, hand[:2])


EVERYTHING = {
    "stick": 0.05, "slide": 0.03, "visc": 0.1, "play": 0.01, "detents": 24.0, "detent_strength": 0.05,
    "snap_point": 0.8, "endstop_strength": 0.1, "dig": 0.05, "dig_time": 30.0, "fatigue": 1.0, "known": 0.5,
    "coupling": 0.3,
}  # fmt: skip


@pytest.mark.parametrize(("knobs", "most_us"), [(16, 60), (64, 240)])
def test_everything_turned_on_costs_a_small_part_of_the_block(knobs: int, most_us: float) -> None:
    hands, amounts = strokes(4000, knobs), FrictionParams(knobs).set(**EVERYTHING)
    friction, pos, times = Friction(knobs, TICK_HZ), np.empty((4, knobs), np.float32), []
    friction.couple(np.corrcoef(np.random.default_rng(1).normal(size=(knobs, 100))))
    push = np.random.default_rng(2).normal(0, 0.02, (4, knobs)).astype(np.float32)
    for hand in hands.reshape(-1, 4, knobs):
        begun = time.perf_counter()
        friction.step(hand, amounts, push, pos)
        times.append(time.perf_counter() - begun)
    assert np.median(times) < most_us * 1e-6


def test_one_kernel_each_and_no_compiling_on_stage() -> None:
    for module in (params, bearing, ramp):
        module.warm()
    out, amounts = np.empty((4, 2), np.float32), FrictionParams(2)
    friction, hands = Friction(2, TICK_HZ), ramp.HandRamp(2)
    for difficulty in (0, 5.0, np.float32(7)):
        scaled(FrictionParams(2), difficulty, amounts)
        hands.step(1, np.zeros(3, np.int32), np.ones(3, np.float32), np.zeros(3), amounts, out)
        friction.step(out, amounts, None, out)
        friction.step(out, amounts, out.copy(), out)
    for module in (params, bearing, ramp):
        for kernel in module.KERNELS:
            assert len(kernel.signatures) <= 1
    with pytest.raises(TypeError):
        friction.step(out.astype(np.float64), amounts, None, out)


def test_a_fresh_process_loads_the_compiled_law_from_disk() -> None:
    rooms = (params, bearing, ramp)
    for module in rooms:
        module.warm()
    code = (
        "from instrument.friction import bearing, params, ramp\n"
        "rooms = (params, bearing, ramp)\n"
        "for m in rooms: m.warm()\n"
        "stats = [kernel.stats for m in rooms for kernel in m.KERNELS]\n"
        "print(sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded, compiled = map(int, said.split())
    assert loaded == sum(len(room.KERNELS) for room in rooms)
    assert compiled == 0


def test_the_names_are_the_ones_of_the_panel() -> None:
    amounts = FrictionParams(2)
    assert len(amounts) == 2
    for row, name in enumerate(NAMES):
        assert np.shares_memory(getattr(amounts, name), amounts.rows[row])
