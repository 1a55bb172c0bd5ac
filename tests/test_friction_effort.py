"""Fatigue, the thickness of the known, and springs between knobs: what friction takes from more than its own knob."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.friction import springs
from instrument.friction.bearing import Friction
from instrument.friction.params import FrictionParams, neutral, scaled

TICK_HZ = 1500.0
LOOSE = {"stick": 0.0, "slide": 0.0, "visc": 0.0, "weight": 0.0}


def pulled(
    friction: Friction, amounts: FrictionParams, speed: float, seconds: float, start: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """One knob under a hand of steady speed: hand and position f32[T]."""
    hand = (start + speed * np.arange(1, int(seconds * TICK_HZ) + 1) / TICK_HZ).astype(np.float32)[:, None]
    pos = np.empty_like(hand)
    friction.step(hand, amounts, None, pos)
    return hand[:, 0], pos[:, 0]


def tired() -> tuple[Friction, FrictionParams]:
    amounts = FrictionParams(1).set(
        stick=0.04, slide=0.04, weight=0.0, visc=0.2, fatigue=1.0, effort=0.02, recovery=1.0
    )  # fmt: skip
    friction = Friction(1, TICK_HZ)
    pulled(friction, amounts, 0.05, 15.0)
    return friction, amounts


def test_effort_and_rest_come_to_a_balance() -> None:
    """B = 1 - P recovery / effort, where P itself grows with 1 + fatigue (1 - B)."""
    friction, _ = tired()
    rested = (0.04 * 0.05 + 0.2 * 0.05**2) * 1.0 / 0.02
    spent = rested / (1 - rested)
    assert friction.budget[0] == pytest.approx(1 - spent, abs=1e-4)
    assert friction.force[0] == pytest.approx((0.04 + 0.2 * 0.05) * (1 + spent), rel=1e-3)
    assert friction.lead[0] == pytest.approx(friction.force[0], rel=1e-3)


def test_rest_gives_the_budget_back_with_its_time_constant() -> None:
    friction, amounts = tired()
    here = float(friction.state()["pos"][0])  # the hand comes to the knob and asks for nothing more
    pulled(friction, amounts, 0.0, 0.1, start=here)
    missing = 1 - friction.state()["budget"][0]
    pulled(friction, amounts, 0.0, 2.0, start=here)
    assert 1 - friction.state()["budget"][0] == pytest.approx(missing * math.exp(-2.0), rel=2e-3)


def test_too_much_work_leaves_nothing_and_not_less() -> None:
    amounts = FrictionParams(1).set(stick=0.2, slide=0.2, fatigue=4.0, effort=0.01, recovery=300.0)
    friction = Friction(1, TICK_HZ)
    hand = (0.5 + 0.5 * np.sin(np.arange(15_000) / 200)).astype(np.float32)[:, None]
    friction.step(hand, amounts, None, np.empty_like(hand))
    assert 0.0 <= friction.budget[0] < 0.1


def test_tiring_lets_no_force_rise_in_a_held_bristle() -> None:
    """Harder friction in the same tick would be energy out of nothing: the bristle keeps its force instead."""
    hand, states = np.array([[0.9]], np.float32), []
    for fatigue in (0.0, 4.0):
        friction = Friction(1, TICK_HZ)
        friction.reset(np.array([0.1], np.float32))
        amounts = FrictionParams(1).set(stick=0.2, slide=0.1, weight=0.0, fatigue=fatigue, effort=0.01)
        friction.step(hand, amounts, None, np.empty_like(hand))
        states.append(friction.state())
    rested, spent = states
    assert spent["budget"][0] < 0.5
    assert rested["bristle"][0] > 0.0
    harder = 1 + 4 * (1 - spent["budget"][0])
    assert spent["bristle"][0] * harder == pytest.approx(rested["bristle"][0], rel=1e-12)


def test_without_fatigue_effort_changes_no_bit() -> None:
    hand = (0.5 + 0.4 * np.sin(np.arange(6000) / 300)).astype(np.float32)[:, None]

    def played(**amounts: float) -> bytes:
        friction, pos = Friction(1, TICK_HZ), np.empty_like(hand)
        friction.step(hand, FrictionParams(1).set(stick=0.1, slide=0.05, visc=0.1, **amounts), None, pos)
        assert friction.budget[0] == 1.0
        return pos.tobytes()

    assert played(fatigue=0.0, effort=0.01, recovery=1.0) == played(effort=10.0, recovery=300.0)


@pytest.mark.parametrize(
    ("share", "known", "lag"), [(2.0, 0.5, 0.4), (2.0, 0.0, 0.2), (-0.5, 1.0, 0.1), (-1.0, 1.0, 0.0), (-4.0, 0.9, 0.0)]
)
def test_what_the_model_knows_well_is_thicker(share: float, known: float, lag: float) -> None:
    friction, amounts = Friction(1, TICK_HZ), FrictionParams(1).set(**(LOOSE | {"visc": 0.2}), known=share)
    friction.known[:] = known
    hand, pos = pulled(friction, amounts, 0.1, 5.0)
    assert (hand - pos)[-1] == pytest.approx(lag * 0.1, abs=2e-5 + 0.1 / TICK_HZ * (lag == 0))


def test_a_familiarity_that_is_no_number_is_none() -> None:
    hand, amounts = np.full((2000, 3), 0.5, np.float32), FrictionParams(3).set(visc=0.2, known=4.0)
    friction, pos = Friction(3, TICK_HZ), np.empty((2000, 3), np.float32)
    friction.known[:] = [np.nan, -3.0, 0.0]
    friction.step(hand, amounts, None, pos)
    assert pos[:, 0].tobytes() == pos[:, 1].tobytes() == pos[:, 2].tobytes()


# --- coupling


def settled(
    correlation: np.ndarray, home: np.ndarray, hand: np.ndarray, coupling: np.ndarray, **amounts: float
) -> np.ndarray:
    count = len(hand)
    friction, given = Friction(count, TICK_HZ), FrictionParams(count).set(**(LOOSE | amounts))
    given.coupling[:] = coupling
    friction.couple(correlation, home)
    friction.reset(hand)
    pos = np.tile(hand, (6000, 1)).astype(np.float32)
    friction.step(pos, given, None, pos)
    return pos[-1]


def test_a_knob_drags_those_it_went_with_and_pushes_off_those_it_went_against() -> None:
    correlation = np.array([[1, 0.8, -0.8, 0], [0.8, 1, 0, 0], [-0.8, 0, 1, 0], [0, 0, 0, 1]], float)
    home = np.full(4, 0.5, np.float32)
    pos = settled(correlation, home, np.array([0.9, 0.5, 0.5, 0.5], np.float32), np.full(4, 0.5))
    assert pos[1] > 0.55
    assert pos[2] < 0.45
    assert pos[1] - 0.5 == pytest.approx(0.5 - pos[2], abs=1e-6)
    assert pos[0] < 0.9  # they hold it back
    assert pos[3] == pytest.approx(0.5, abs=1e-7)


@pytest.mark.parametrize("weight", [0.0, 8.0])
def test_coupled_knobs_rest_where_hands_and_springs_balance(weight: float) -> None:
    random = np.random.default_rng(4)
    correlation = np.corrcoef(random.normal(size=(5, 12)))
    home, hand = random.uniform(0.4, 0.6, 5), random.uniform(0.3, 0.7, 5).astype(np.float32)
    coupling = np.array([0.2, 1.0, 0.0, 0.6, 0.4])
    pull = correlation * np.sqrt(np.outer(coupling, coupling))
    np.fill_diagonal(pull, 0)
    laplacian = np.diag(np.abs(pull).sum(1)) - pull
    expected = np.linalg.solve(np.eye(5) + laplacian, hand + laplacian @ home)
    pos = settled(correlation, home.astype(np.float32), hand, coupling, weight=weight)
    assert pos == pytest.approx(expected, abs=2e-6)
    assert np.array_equal(pos[2], hand[2]) or weight > 0


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), knobs=st.integers(2, 9), far=st.floats(0.01, 1))
def test_the_springs_take_out_at_least_what_they_store_whatever_the_step(seed: int, knobs: int, far: float) -> None:
    random = np.random.default_rng(seed)
    signs = np.sign(random.normal(size=(knobs, knobs)))
    all_with_all = np.outer(signs[0], signs[0])
    tied = springs.signed(random.choice([all_with_all, random.uniform(-1, 1, (knobs, knobs)) + signs]))
    ties, home, x = np.zeros((springs.TIES, knobs)), random.random(knobs), random.random(knobs)
    ties[springs.ROOT] = np.sqrt(random.random(knobs))
    assert springs.tie(tied, ties)
    springs.draw(tied, home, x, ties)
    pull = tied * np.outer(ties[springs.ROOT], ties[springs.ROOT])
    laplacian = np.diag(np.abs(pull).sum(1)) - pull
    assert ties[springs.PULL] == pytest.approx(laplacian @ (x - home), abs=1e-12)
    step = np.linalg.eigh(laplacian)[1][:, random.choice([-1, 0])] * far
    taken = (ties[springs.PULL] + ties[springs.STIFF] * step) @ step
    after, before = x + step - home, x - home
    assert taken >= (after @ laplacian @ after - before @ laplacian @ before) / 2 - 1e-12


def test_friction_holds_what_a_weak_spring_pulls() -> None:
    correlation, home = np.array([[1, 0.5], [0.5, 1]]), np.full(2, 0.5, np.float32)
    hand = np.array([0.6, 0.5], np.float32)
    pos = settled(correlation, home, hand, np.ones(2), stick=0.1, slide=0.1, weight=10.0)
    assert np.abs(pos - hand).max() < 0.003


def test_without_a_correlation_or_without_coupling_no_bit_changes() -> None:
    hand = np.random.default_rng(2).random((500, 3), np.float32)

    def played(correlation: np.ndarray | None, coupling: float) -> bytes:
        friction, pos = Friction(3, TICK_HZ), np.empty_like(hand)
        friction.couple(correlation)
        friction.step(hand, FrictionParams(3).set(coupling=coupling), None, pos)
        return pos.tobytes()

    plain = played(None, 0.0)
    assert played(None, 1.0) == plain
    assert played(np.ones((3, 3)), 0.0) == plain
    assert played(np.eye(3), 1.0) == plain
    assert played(np.full((3, 3), np.nan), 1.0) == plain
    assert played(np.ones((3, 3)), 1.0) != plain
    assert played(np.asfortranarray(np.ones((3, 3))), 1.0) == played(np.ones((3, 3)), 1.0)
    with pytest.raises(ValueError, match="springs"):
        Friction(3, TICK_HZ).couple(np.ones((2, 2)))
    with pytest.raises(ValueError, match="springs"):
        Friction(3, TICK_HZ).couple(None, np.zeros(2, np.float32))


# --- difficulty

TURNED = ("stick", "slide", "visc", "play", "detent_strength", "endstop_strength", "dig", "fatigue", "coupling")


def test_difficulty_turns_every_force_and_leaves_the_character() -> None:
    given = FrictionParams(1).set(
        visc=0.4, play=0.05, detents=12, detent_strength=0.1, endstop_strength=0.1, dig=0.1, fatigue=1.0, coupling=0.4,
        known=1.0, snap_point=0.7,
    )  # fmt: skip
    whole, half, twice, none = (scaled(given, d, FrictionParams(1)) for d in (5.0, 2.5, 10.0, 0.0))
    assert whole.rows.tobytes() == given.rows.tobytes()
    for name in TURNED:
        amount = getattr(given, name)[0]
        assert amount > 0
        assert getattr(half, name)[0] == pytest.approx(amount / 2)
        assert getattr(twice, name)[0] == pytest.approx(amount * 2)
        assert getattr(none, name)[0] == 0.0
    for name in set(given.__slots__) - {*TURNED, "weight", "rows"}:
        assert getattr(twice, name)[0] == getattr(none, name)[0] == getattr(given, name)[0]
    assert neutral(none.rows, 0)


def test_difficulty_ten_stays_within_the_ranges() -> None:
    given = FrictionParams(1).set(play=0.15, detent_strength=0.2, endstop_strength=0.3, dig=0.2, coupling=0.8)
    stone = scaled(given, 10.0, FrictionParams(1))
    for name, most in (
        ("play", 0.2),
        ("detent_strength", 0.3),
        ("endstop_strength", 0.3),
        ("dig", 0.3),
        ("coupling", 1),
    ):
        assert getattr(stone, name)[0] == np.float32(most)


def test_difficulty_nought_is_neutral_whatever_was_given() -> None:
    random = np.random.default_rng(8)
    odd = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-45, 0.3, 5.0, 3e38], np.float32)
    given, now, hand = FrictionParams(40), FrictionParams(40), random.random((40, 40), np.float32)
    for _ in range(20):
        given.rows[:] = random.choice(odd, given.rows.shape)
        pos = np.empty_like(hand)
        Friction(40, TICK_HZ).step(hand, scaled(given, 0.0, now), None, pos)
        assert pos.tobytes() == hand.tobytes()


def test_difficulty_slides_into_neutral_with_everything_on() -> None:
    given, now = FrictionParams(1), FrictionParams(1)
    given.set(visc=0.1, play=0.05, detents=12, detent_strength=0.05, endstop_strength=0.1, dig=0.1, fatigue=1.0)
    hand = (0.5 + 0.45 * np.sin(np.arange(4000) / 200)).astype(np.float32)[:, None]
    worst = []
    for difficulty in (1.0, 0.1, 0.01, 1e-3, 1e-4):
        friction, pos = Friction(1, TICK_HZ), np.empty_like(hand)
        friction.reset(hand[0])
        friction.step(hand, scaled(given, difficulty, now), None, pos)
        worst.append(float(np.abs(pos - hand).max()))
    assert all(later < sooner / 5 for sooner, later in pairwise(worst))
    assert worst[-1] < 1e-5
