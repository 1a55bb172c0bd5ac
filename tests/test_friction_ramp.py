"""The hand's ramp: a controller's staircase made into a hand."""

from __future__ import annotations

import numpy as np
import pytest

from instrument.friction.params import FrictionParams
from instrument.friction.ramp import HandRamp

HARD = FrictionParams(2)
GLASS = FrictionParams(2).set(stick=0.0, slide=0.0, visc=0.0, weight=0.0)


def given(
    ramp: HandRamp, ticks: int, *targets: tuple[int, float, float], amounts: FrictionParams = HARD, block: int = 4
) -> np.ndarray:
    """Targets (knob, value, place in ticks) through blocks of ``block`` ticks, f32[ticks, 2]."""
    out = np.empty((ticks, 2), np.float32)
    for first in range(0, ticks, block):
        part = out[first : first + block]
        inside = [t for t in targets if first <= t[2] < first + len(part)]
        knobs = np.array([t[0] for t in inside] + [0], np.int32)
        values = np.array([t[1] for t in inside] + [0], np.float32)
        at = np.array([t[2] - first for t in inside] + [0], np.float64)
        ramp.step(len(inside), knobs, values, at, amounts, part)
    return out


def test_a_target_is_reached_in_a_straight_line() -> None:
    out = given(HandRamp(2, 8), 16, (0, 0.8, 4.0))
    assert np.all(out[:4, 0] == 0)
    assert out[4:12, 0] == pytest.approx(np.linspace(0.1, 0.8, 8))
    assert np.all(out[12:, 0] == np.float32(0.8))
    assert np.all(out[:, 1] == 0)


def test_a_place_between_two_ticks_counts() -> None:
    out = given(HandRamp(2, 8), 16, (0, 0.8, 4.25))
    assert out[4, 0] == pytest.approx(0.1 * 0.75)
    assert out[12, 0] == np.float32(0.8)


def test_a_new_target_bends_the_line_without_a_corner_in_the_value() -> None:
    out = given(HandRamp(2, 12), 40, (0, 1.0, 3.5), (0, 0.25, 8.75), (0, 0.5, 8.875))
    assert np.abs(np.diff(out[:, 0])).max() <= 1 / 12 + 1e-6
    assert out[-1, 0] == 0.5


def test_a_midi_step_comes_in_pieces_smaller_than_the_give() -> None:
    out = given(HandRamp(2), 24, (0, 1 / 127, 2.0))
    assert np.abs(np.diff(out[:, 0])).max() < 0.002 / 2


def test_without_friction_the_hand_is_there_at_once_bit_for_bit() -> None:
    value = np.float32(0.123456789)
    out = given(HandRamp(2), 8, (0, float(value), 2.9), amounts=GLASS)
    assert out[:, 0].tobytes() == np.array([0, 0] + [value] * 6, np.float32).tobytes()


def test_a_ramp_of_no_ticks_is_direct() -> None:
    assert given(HandRamp(2, 0), 8, (1, 0.75, 2.5))[:, 1].tolist() == [0, 0] + [0.75] * 6


@pytest.mark.parametrize("block", [1, 7, 64])
def test_the_size_of_the_block_changes_no_bit(block: int) -> None:
    random = np.random.default_rng(3)
    places = np.sort(random.integers(0, 64 * 32, 60)) / 32
    targets = [(int(random.integers(2)), float(random.random()), float(at)) for at in places]
    assert given(HandRamp(2), 64, *targets).tobytes() == given(HandRamp(2), 64, *targets, block=block).tobytes()


def test_what_is_no_target_is_passed_over() -> None:
    ramp = HandRamp(2, 0)
    at = np.array([np.nan, 0.0, -3.0, 99.0, 99.0])
    out = np.empty((4, 2), np.float32)
    ramp.step(5, np.array([0, 7, 0, 1, -1], np.int32), np.array([0.5, 1, np.nan, 5, 1], np.float32), at, HARD, out)
    assert np.isfinite(out).all()
    assert out[-1].tolist() == [0.5, 1.0]


def test_it_goes_on_from_a_kept_state() -> None:
    ramp = HandRamp(2)
    ramp.reset(np.array([0.2, 0.9], np.float32))
    assert given(ramp, 4)[-1].tolist() == np.array([0.2, 0.9], np.float32).tolist()
    given(ramp, 8, (0, 1.0, 1.0), (1, 0.0, 6.5))
    kept = ramp.state()
    ahead = given(ramp, 20)
    later = HandRamp(2)
    later.set_state(kept)
    assert given(later, 20).tobytes() == ahead.tobytes()
    assert later.target.tolist() == [1.0, 0.0]
