"""Takeover and bindings: no controller makes a knob jump unless it was told to, and every one reaches all it may."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.hands.state.bindings import NOT_LEARNABLE, Binding, encoder_step, read_bindings
from instrument.hands.state.takeover import NEAR, Takeover, mode_of

UNIT = st.floats(0, 1)


@given(st.lists(UNIT, min_size=1, max_size=40), UNIT)
def test_pickup_never_makes_a_knob_jump_further_than_the_controller_did(path: list[float], start: float) -> None:
    takeover, position, before = Takeover("pickup"), start, None
    for control in path:
        to = takeover.turn(control, position)
        if to is not None:
            assert to == control
            assert abs(to - position) <= max(NEAR, 0.0 if before is None else abs(control - before)) + 1e-9
            position = to
        else:
            assert takeover.distance == position - control
        before = control


def test_pickup_waits_until_the_controller_reaches_the_knob_and_shows_the_way() -> None:
    takeover = Takeover("pickup")
    assert [takeover.turn(c, 0.5) for c in (0.1, 0.2, 0.4)] == [None, None, None]
    assert takeover.distance == pytest.approx(0.1)
    assert takeover.turn(0.6, 0.5) == 0.6  # went through it
    assert takeover.turn(0.65, 0.6) == 0.65
    assert takeover.caught
    assert takeover.distance == 0.0


def test_a_knob_moved_by_something_else_has_to_be_caught_again() -> None:
    takeover = Takeover("pickup")
    assert takeover.turn(0.5, 0.5) == 0.5
    assert takeover.turn(0.6, 0.9) is None
    assert not takeover.caught
    assert takeover.turn(0.9, 0.9) == 0.9


def test_after_a_release_even_the_controller_that_had_it_is_not_believed() -> None:
    takeover = Takeover("pickup")
    takeover.turn(0.5, 0.5)
    takeover.release()
    assert takeover.turn(0.52, 0.2) is None


@given(st.lists(UNIT, min_size=2, max_size=40), UNIT)
def test_scale_follows_the_direction_and_both_meet_at_the_ends(path: list[float], start: float) -> None:
    takeover, position = Takeover("scale"), start
    assert takeover.turn(path[0], position) is None
    for before, control in itertools.pairwise(path):
        to = takeover.turn(control, position)
        if to is None:
            assert control == before
            continue
        assert 0.0 <= to <= 1.0
        assert (to - position) * (control - before) >= 0.0
        position = to
    for control in (0.5, 1.0, 0.5, 0.0):
        to = takeover.turn(control, position)
        position = position if to is None else to
        if control != 0.5:
            assert position == pytest.approx(control, abs=1e-6)
            assert takeover.caught


@given(UNIT, UNIT)
def test_jump_goes_where_the_controller_is(control: float, position: float) -> None:
    assert Takeover("jump").turn(control, position) == control


def test_a_takeover_of_another_name_is_a_mistake_of_the_player() -> None:
    assert mode_of("scale") == "scale"
    with pytest.raises(RosinError, match="pickup, scale, jump"):
        mode_of("soft")


bindings = st.builds(
    Binding, st.just("level"), st.sampled_from(["cc", "nrpn", "bend"]), st.just(7), st.integers(0, 16),
    st.floats(0, 0.4), st.floats(0.5, 1), st.booleans(), st.sampled_from(["absolute", "twos"]),
    st.sampled_from(["", "jump"]), st.sampled_from(["", "nano"]),
)  # fmt: skip


@given(bindings)
def test_a_binding_comes_back_from_the_rig_as_it_went(binding: Binding) -> None:
    assert read_bindings([binding.row()]) == [binding]


@given(bindings, UNIT)
def test_range_and_inversion_there_and_back(binding: Binding, control: float) -> None:
    knob = binding.knob_at(control)
    assert min(binding.low, binding.high) - 1e-9 <= knob <= max(binding.low, binding.high) + 1e-9
    assert binding.control_at(knob) == pytest.approx(control, abs=1e-9)
    ends = (binding.knob_at(0.0), binding.knob_at(1.0))
    assert ends == pytest.approx((binding.high, binding.low) if binding.invert else (binding.low, binding.high))


def test_a_knob_outside_the_range_is_reached_at_the_nearer_end() -> None:
    binding = Binding("level", "cc", 7, low=0.2, high=0.6)
    assert binding.control_at(0.9) == 1.0
    assert binding.control_at(0.0) == 0.0


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({}, "knob: it is missing"),
        ({"knob": "level", "kind": "dance"}, "kind"),
        ({"knob": "level", "kind": "cc", "number": 128}, "cannot move a knob"),
        ({"knob": "level", "kind": "cc14", "number": 40}, "coarse half"),
        ({"knob": "level", "kind": "cc", "number": 7, "low": 2}, "too large"),
        ({"knob": "level", "kind": "cc", "number": 7, "low": 0.5, "high": 0.5}, "equals low"),
        ({"knob": "level", "kind": "cc", "numer": 7}, "did you mean 'number'"),
        ({"knob": "level", "kind": "note", "number": 200}, "not a note"),
    ],
)
def test_a_wrong_row_in_the_rig_is_named_with_its_remedy(row: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationErrors, match=says):
        read_bindings([{"knob": "level", "kind": "bend"}, row])


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValidationErrors) as told:
        read_bindings([{"knob": "level", "kind": "cc", "number": n} for n in sorted(NOT_LEARNABLE)])
    assert len(told.value.lines) == len(NOT_LEARNABLE) == 18


@pytest.mark.parametrize(
    ("motion", "steps"),
    [
        ("twos", {1: 1, 63: 63, 127: -1, 65: -63, 0: 0}),
        ("offset", {65: 1, 127: 63, 63: -1, 0: -64, 64: 0}),
        ("sign", {1: 1, 63: 63, 65: -1, 127: -63, 0: 0, 64: 0}),
    ],
)
def test_endless_encoders_count_in_three_ways(motion: str, steps: dict[int, int]) -> None:
    assert {byte: encoder_step(byte, motion) for byte in steps} == steps  # type: ignore[arg-type]
