"""Difficulty: from glass to stone without a step."""

from __future__ import annotations

import numpy as np
import pytest

from instrument.friction.bearing import Friction
from instrument.friction.params import FrictionParams, scaled
from instrument.knobs import PARAMETERS

TICK_HZ = 1500.0


def at(difficulty: float, **amounts: float) -> FrictionParams:
    return scaled(FrictionParams(1).set(**amounts), difficulty, FrictionParams(1))


def test_the_defaults_are_those_of_the_knob_table() -> None:
    amounts = FrictionParams(1)
    for knob in PARAMETERS:
        if knob.group == "friction":
            assert getattr(amounts, knob.id.removeprefix("friction."))[0] == pytest.approx(knob.value(knob.start))


def test_difficulty_nought_is_glass() -> None:
    amounts = at(0.0, stick=0.3, slide=0.2, visc=2.0, weight=1.0)
    assert [float(row[0]) for row in (amounts.stick, amounts.slide, amounts.visc, amounts.weight)] == [0, 0, 0, 0]
    hand = np.random.default_rng(1).random((40, 1), np.float32)
    pos = np.empty_like(hand)
    Friction(1, TICK_HZ).step(hand, amounts, None, pos)
    assert pos.tobytes() == hand.tobytes()


def test_difficulty_five_is_what_was_given() -> None:
    given = FrictionParams(5)
    given.stick[:] = 0.3
    given.slide[:] = np.linspace(0, 0.3, 5)
    given.weight[:] = [0, 1, 3, 10, 20]
    assert scaled(given, 5.0, FrictionParams(5)).rows.tobytes() == given.rows.tobytes()


def test_difficulty_ten_is_twice_within_the_ranges() -> None:
    assert at(10.0).stick[0] == pytest.approx(0.04)
    assert at(10.0).weight[0] == pytest.approx(5.0)
    stone = at(10.0, stick=0.2, slide=0.1, visc=1.5, weight=1.5)
    assert stone.stick[0] == pytest.approx(0.30)
    assert stone.slide[0] == pytest.approx(0.15)  # keeps its share of stick
    assert (stone.visc[0], stone.weight[0]) == (2.0, 1.0)


def test_every_step_of_difficulty_is_harder() -> None:
    steps = [at(d, visc=0.5) for d in np.linspace(0.01, 10, 200)]
    for name, sign in (("stick", 1), ("slide", 1), ("visc", 1), ("weight", -1)):
        amounts = np.array([getattr(s, name)[0] for s in steps])
        assert np.all(sign * np.diff(amounts) >= 0)
        assert sign * (amounts[-1] - amounts[0]) > 0


def test_a_weight_that_is_off_stays_off() -> None:
    assert all(at(d, weight=0.0).weight[0] == 0.0 for d in (0.0, 2.0, 10.0))


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_sweeping_the_difficulty_under_a_still_hand_never_makes_the_knob_jump(weight: float) -> None:
    given, now = FrictionParams(1).set(stick=0.1, slide=0.08, visc=0.05, weight=weight), FrictionParams(1)
    friction = Friction(1, TICK_HZ)
    friction.reset(np.array([0.45], np.float32))
    hand = np.full((4, 1), 0.5, np.float32)
    path = []
    for difficulty in np.r_[np.linspace(5, 0, 2000), np.linspace(0, 10, 2000), np.linspace(10, 0, 2000)]:
        pos = np.empty_like(hand)
        friction.step(hand, scaled(given, difficulty, now), None, pos)
        path.append(pos)
    moves = np.abs(np.diff(np.concatenate(path)[:, 0]))
    assert moves[100:].max() < 0.001
    assert path[1999][-1, 0] == path[-1][-1, 0] == 0.5


def test_sweeping_the_difficulty_under_a_moving_hand_adds_no_jump() -> None:
    given, now = FrictionParams(1), FrictionParams(1)
    blocks = 6000
    hand = (0.5 + 0.4 * np.sin(np.arange(4 * blocks) / TICK_HZ * 3)).astype(np.float32).reshape(blocks, 4, 1)
    friction = Friction(1, TICK_HZ)
    friction.reset(hand[0, 0])
    pos = np.empty_like(hand)
    difficulty = 5 - 5 * np.cos(np.linspace(0, 6 * np.pi, blocks))
    for i in range(blocks):
        friction.step(hand[i], scaled(given, difficulty[i], now), None, pos[i])
    fastest_hand = np.abs(np.diff(hand.ravel())).max()
    assert np.abs(np.diff(pos.ravel())).max() < 2 * fastest_hand
