"""Dice: the Beta law, the faces, and a memory that goes from always fresh by locked to jumping about."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from instrument.chance.beta import BETA_ERROR, beta
from instrument.chance.dice import RING, Dice
from instrument.chance.words import stream_id, uniform, words

TICK_HZ = 1500.0
STREAMS = [stream_id(f"dice/z{k}") for k in range(16)]
USUAL = {"amount": 0.5, "rate_hz": TICK_HZ, "spread": 3**-0.25, "bias": 0.5, "steps": 0.0, "dejavu": 0.0, "loop": 8.0}


def roll(dice: Dice, ticks: int, first: int = 0, block: int = 0, **turned: float) -> np.ndarray:
    """By default even over 0..1, every tick a throw; f32[ticks, K]."""
    knobs = len(dice.state()["phase"])
    turned = {**USUAL, **turned}
    amounts = {name: np.full(knobs, value, np.float32) for name, value in turned.items()}
    out = np.empty((ticks, knobs), np.float32)
    for at in range(0, ticks, block or ticks):
        part = out[at : at + (block or ticks)]
        dice.step(first + at, len(part), out=part, **amounts)
    return out


def values(dice: Dice, ticks: int, **turned: float) -> np.ndarray:
    return roll(dice, ticks, **turned).astype(np.float64) + 0.5


def one(seed: int = 1) -> Dice:
    return Dice(STREAMS[:1], TICK_HZ, seed)


# --- the law


def test_the_inverse_of_beta_is_the_inverse_of_beta() -> None:
    worst = 0.0
    for spread, bias in itertools.product(
        (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.75, 0.8, 0.9, 0.97, 0.995), (1e-3, 0.03, 0.2, 0.5, 0.77, 0.99)
    ):
        nu = spread**-4 - 1.0
        a, b = bias * nu, (1.0 - bias) * nu
        for word in (*words(1, 2, 0, 60), np.uint64(0), np.uint64(2**64 - 2**20), np.uint64(2**63)):
            mine, theirs = beta(np.uint64(word), a, b), special.betaincinv(a, b, uniform(np.uint64(word)))
            worst = max(worst, abs(mine - theirs))
    assert worst < BETA_ERROR


@settings(max_examples=300, deadline=None)
@given(st.floats(0.001, 0.9999), st.floats(1e-4, 1 - 1e-4), st.integers(0, 2**64 - 1))
def test_a_value_is_within_a_ten_thousandth_anywhere(spread: float, bias: float, word: int) -> None:
    nu = spread**-4 - 1.0
    value = beta(np.uint64(word), bias * nu, (1.0 - bias) * nu)
    u = uniform(np.uint64(word))
    above = special.betainc(bias * nu, (1.0 - bias) * nu, min(1.0, value + 1e-4))
    below = special.betainc(bias * nu, (1.0 - bias) * nu, max(0.0, value - 1e-4))
    assert below - 1e-9 <= u <= above + 1e-9


@pytest.mark.parametrize(
    ("spread", "bias"), [(0.5, 0.5), (0.76, 0.5), (0.3, 0.2), (0.9, 0.5), (0.8, 0.9), (0.6, 0.05), (0.97, 0.3)]
)
def test_throws_are_of_the_beta_law(spread: float, bias: float) -> None:
    x = values(one(), 20_000, spread=spread, bias=bias)[:, 0]
    s, m = float(np.float32(spread)), float(np.float32(bias))
    nu = s**-4 - 1.0
    # up to a ten thousandth from the ends, where half of a wide law is, nearer than float32 can tell
    at = np.linspace(1e-4, 1 - 1e-4, 20_001)
    apart = np.searchsorted(np.sort(x), at) / 20_000 - stats.beta(m * nu, (1.0 - m) * nu).cdf(at)
    assert stats.kstwobign.sf(np.abs(apart).max() * math.sqrt(20_000)) > 0.01
    assert x.mean() == pytest.approx(m, abs=4 * s**2 * math.sqrt(m * (1 - m) / 20_000))
    assert x.var() == pytest.approx(s**4 * m * (1 - m), rel=0.06)


def test_the_law_goes_from_constant_to_heads_or_tails() -> None:
    assert (values(one(), 100, spread=0.0, bias=0.75) == 0.75).all()
    ends = values(one(), 20_000, spread=1.0, bias=0.3)[:, 0]
    assert set(ends) == {0.0, 1.0}
    assert ends.mean() == pytest.approx(0.3, abs=0.013)
    assert (values(one(), 100, bias=0.0) == 0.0).all()
    assert (values(one(), 100, bias=1.0) == 1.0).all()


def test_a_fair_bias_has_no_mean_and_amount_is_how_far_it_goes() -> None:
    x = roll(one(), 20_000, amount=0.2)
    assert np.abs(x).max() == pytest.approx(0.2, abs=1e-4)
    assert x.mean() == pytest.approx(0.0, abs=0.004)


@pytest.mark.parametrize("faces", [2, 3, 6, 24])
def test_faces_are_levels_as_likely_as_their_part_of_the_law(faces: int) -> None:
    x = values(one(), 20_000, steps=float(faces), spread=0.6, bias=0.4)[:, 0]
    level = np.rint(x * (faces - 1))
    assert np.abs(x * (faces - 1) - level).max() < 1e-5
    s, m = float(np.float32(0.6)), float(np.float32(0.4))
    nu = s**-4 - 1.0
    share = np.diff(stats.beta(m * nu, (1.0 - m) * nu).cdf(np.arange(faces + 1) / faces))
    counts = np.bincount(level.astype(int), minlength=faces)
    assert len(counts) == faces
    likely = share * 20_000 > 5
    chi2 = ((counts - share * 20_000)[likely] ** 2 / (share * 20_000)[likely]).sum()
    assert stats.chi2(likely.sum() - 1).sf(chi2) > 0.005


def test_an_even_die_shows_all_its_faces_and_none_or_one_is_no_die() -> None:
    assert len(np.unique(roll(one(), 5000, steps=6.0))) == 6
    for steps in (0.0, 1.0, math.nan):
        assert len(np.unique(roll(one(), 500, steps=steps))) == 500


# --- when


def test_throws_come_at_the_rate_from_the_first_tick_on() -> None:
    x = roll(one(), 15_000, rate_hz=10.0)[:, 0]
    changes = np.flatnonzero(np.diff(x)) + 1
    assert x[0] != 0.0
    assert changes.tolist() == pytest.approx(np.arange(150, 15_000, 150).tolist(), abs=1)
    dice = one()
    roll(dice, 15_000, rate_hz=7.3)
    assert dice.state()["throws"][0] == 73


def test_the_rate_may_be_turned_and_stopped() -> None:
    dice = one()
    roll(dice, 100, rate_hz=10.0)  # two thirds of the way
    x = roll(dice, 150, rate_hz=5.0)[:, 0]
    assert (np.flatnonzero(np.diff(x)) + 1).tolist() == pytest.approx([100], abs=1)
    for rate_hz in (0.0, math.nan, -3.0):
        assert len(np.unique(roll(dice, 2000, rate_hz=rate_hz))) == 1
    assert len(np.unique(roll(dice, 200, rate_hz=math.inf))) == 200
    assert not roll(one(), 10, rate_hz=0.0).any()  # never thrown: in the middle


# --- the memory


@pytest.mark.parametrize("dejavu", [0.0, 0.1, 0.25, 0.4])
def test_the_share_of_fresh_throws_is_p(dejavu: float) -> None:
    x = values(one(), 20_000, dejavu=dejavu, loop=16.0)[:, 0]
    _, first = np.unique(x, return_index=True)
    p = (2 * dejavu - 1) ** 2
    fresh = np.zeros(20_000)
    fresh[first] = 1
    assert fresh[200:].mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 19_800) + 1e-3)
    gaps = np.diff(np.flatnonzero(fresh[200:]))
    if p < 1.0:
        assert gaps.mean() == pytest.approx(1 / p, rel=0.1)


@pytest.mark.parametrize("loop", [1, 2, 5, 8, 16])
def test_at_half_the_loop_is_locked(loop: int) -> None:
    x = roll(one(), 400, dejavu=0.5, loop=float(loop))[:, 0]
    assert len(np.unique(x)) == loop
    assert (x[loop:] == x[:-loop]).all()


@pytest.mark.parametrize("loop", [1, 3, 16])
@pytest.mark.parametrize("dejavu", [0.6, 0.8, 1.0])
def test_beyond_half_it_jumps_about_in_the_loop(dejavu: float, loop: int) -> None:
    locked, dice = one(), one()
    its = roll(locked, loop, dejavu=0.5, loop=float(loop))[:, 0]
    x = roll(dice, 20_000, dejavu=dejavu, loop=float(loop))[:, 0]
    assert set(x) == set(its)
    place = np.array([np.flatnonzero(its == value)[0] for value in x])
    p = (2 * float(np.float32(dejavu)) - 1) ** 2
    on = (np.diff(place) % loop == 1 % loop).mean()
    assert on == pytest.approx(1 - p + p / loop, abs=0.015)
    assert np.bincount(place) / 20_000 == pytest.approx(1 / loop, abs=0.025)


def test_what_was_just_thrown_becomes_the_loop() -> None:
    dice = one()
    x = roll(dice, 100, dejavu=0.0, loop=4.0)[:, 0]
    again = roll(dice, 12, first=100, dejavu=0.5, loop=4.0)[:, 0]
    assert again.tolist() == x[-4:].tolist() * 3
    assert set(roll(dice, 16, dejavu=0.5, loop=16.0)[:, 0]) == set(x[-16:])  # the rest is remembered too


def test_the_memory_is_of_throws_not_of_values() -> None:
    dice = one()
    narrow = values(dice, 8, dejavu=0.5, spread=0.3)[:, 0]
    wide = values(dice, 8, dejavu=0.5, spread=0.9)[:, 0]
    assert np.argsort(narrow).tolist() == np.argsort(wide).tolist()
    assert np.ptp(wide) > np.ptp(narrow)


# --- recall


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(1, 1500),
    st.integers(0, 2**64 - 1),
)
def test_the_size_of_the_block_changes_no_bit(cuts: list[int], dejavu: float, rate_hz: float, seed: int) -> None:
    turned = {"dejavu": dejavu, "rate_hz": rate_hz, "spread": 0.6}
    whole = roll(Dice(STREAMS[:3], TICK_HZ, seed), sum(cuts), **turned)
    dice = Dice(STREAMS[:3], TICK_HZ, seed)
    parts = [roll(dice, cut, **turned) for cut in cuts]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_no_amount_no_dice_not_even_a_bit() -> None:
    for amount in (0.0, -0.0, -1.0, math.nan, math.inf):
        out = roll(Dice(STREAMS, TICK_HZ), 64, amount=amount)
        assert out.tobytes() == np.zeros_like(out).tobytes()


def test_it_goes_on_unheard() -> None:
    quiet, loud = Dice(STREAMS, TICK_HZ, seed=4), Dice(STREAMS, TICK_HZ, seed=4)
    turned = {"rate_hz": 20.0, "dejavu": 0.3, "spread": 0.6}
    roll(quiet, 500, **{**turned, "amount": 0.0})
    roll(loud, 500, **turned)
    # in the middle of a throw, and with the law turned meanwhile: it is the value of that throw still
    turned["spread"] = 0.2
    assert roll(quiet, 400, **turned).tobytes() == roll(loud, 400, **turned).tobytes()


def test_the_same_seed_brings_the_same_throws_back() -> None:
    dice = Dice(STREAMS, TICK_HZ, seed=4)
    once = roll(dice, 300, dejavu=0.2).tobytes()
    dice.reset()
    assert roll(dice, 300, dejavu=0.2).tobytes() == once
    dice.reseed(5)
    dice.reset()
    assert roll(dice, 300, dejavu=0.2).tobytes() != once
    a, b = roll(Dice(STREAMS, TICK_HZ, seed=4), 2000)[:, :2].T
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.08


def test_it_goes_on_from_a_kept_state_bit_for_bit() -> None:
    dice = Dice(STREAMS, TICK_HZ, seed=2)
    roll(dice, 77, rate_hz=30.0, dejavu=0.3)
    kept = dice.state()
    ahead = roll(dice, 300, rate_hz=30.0, dejavu=0.3)
    later = Dice(STREAMS, TICK_HZ, seed=2)
    later.set_state(kept)
    assert roll(later, 300, rate_hz=30.0, dejavu=0.3).tobytes() == ahead.tobytes()


ANY = st.floats(width=32)


@settings(max_examples=150, deadline=None)
@given(ANY, ANY, ANY, ANY, ANY, ANY, st.integers(0, 99))
def test_it_is_never_beside_itself(
    rate_hz: float, spread: float, bias: float, steps: float, dejavu: float, loop: float, seed: int
) -> None:
    out = roll(
        one(seed), 20, amount=1.0, rate_hz=rate_hz, spread=spread, bias=bias, steps=steps, dejavu=dejavu, loop=loop
    )
    assert (np.abs(out) <= 1.0).all()


def test_the_ring_is_as_long_as_the_longest_loop() -> None:
    assert RING == 16
    assert len(np.unique(roll(one(), 100, dejavu=0.5, loop=99.0))) == 16
    assert len(np.unique(roll(one(), 100, dejavu=0.5, loop=math.nan))) == 1


def test_sixteen_knobs_cost_a_small_part_of_the_block() -> None:
    for rate_hz, most in ((5.0, 33e-6), (TICK_HZ, 500e-6)):  # all knobs at each tick is the worst there can be
        dice, out, times = Dice(STREAMS, TICK_HZ), np.empty((4, 16), np.float32), []
        amounts = {name: np.full(16, value, np.float32) for name, value in {**USUAL, "rate_hz": rate_hz}.items()}
        for tick in range(0, 2000, 4):
            begun = time.perf_counter()
            dice.step(tick, 4, out=out, **amounts)
            times.append(time.perf_counter() - begun)
        assert np.median(times) < most
