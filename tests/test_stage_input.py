"""Keys and mouse of the stage: what becomes of them, without a window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_frames import make

from instrument.link import Flags, Kind, Source
from instrument.stage.input import ARROW, FINE, PULL_KEYS, PUSH, PUSH_KEYS, WHEEL, Input
from instrument.stage.layout import Layout

Q, W, A = PUSH_KEYS[0], PUSH_KEYS[1], PULL_KEYS[0]


@pytest.fixture
def frame():
    return make("hard", 0.2)[-1]


@pytest.fixture
def hands(frame):
    it = Input(Layout(1280, 720, 8), starts=[0.5] * 8)
    it.see(frame)
    return it


def only(gestures):
    (gesture,) = gestures
    assert gesture.source == Source.STAGE
    return gesture


def test_a_key_pushes_while_it_is_down(hands):
    down, up = only(hands.press(Q, "A")), only(hands.release(Q))  # on AZERTY an A is printed where Q is
    assert (down.kind, down.knob, down.value) == (Kind.FORCE, 0, PUSH)
    assert (up.kind, up.knob, up.value) == (Kind.FORCE, 0, 0.0)


def test_keys_below_pull(hands):
    assert [only(hands.press(place, "?")).value for place in PULL_KEYS] == [-PUSH] * 8
    assert [only(hands.release(place)).knob for place in PULL_KEYS] == list(range(8))


def test_push_and_pull_together_cancel_and_letting_go_of_one_leaves_the_other(hands):
    hands.press(Q, "Q")
    assert only(hands.press(A, "A")).value == 0.0
    assert only(hands.release(Q)).value == -PUSH
    assert only(hands.release(A)).value == 0.0


def test_a_key_that_repeats_pushes_once(hands):
    hands.press(Q, "Q")
    assert hands.press(Q, "Q") == []


def test_keys_of_knobs_that_are_not_there_do_nothing():
    hands = Input(Layout(1280, 720, 3))
    assert hands.press(PUSH_KEYS[3], "R") == []
    assert hands.release(PUSH_KEYS[3]) == []


@given(st.lists(st.tuples(st.sampled_from(PUSH_KEYS + PULL_KEYS), st.booleans()), max_size=60))
def test_no_force_is_left_when_all_keys_are_let_go(events):
    hands, force = Input(Layout(1280, 720, 8)), {}
    for place, down in events:
        for g in hands.press(place, "X") if down else hands.release(place):
            force[g.knob] = g.value
    for g in hands.let_go():
        force[g.knob] = g.value
    assert all(value == 0.0 for value in force.values())


def test_escape_is_silence_and_again_is_sound(hands, frame):
    hands.press(Q, "Q")
    lets_go, panic = hands.press(1, "ESCAPE")
    assert (lets_go.kind, lets_go.value, panic.kind) == (Kind.FORCE, 0.0, Kind.PANIC)
    frame.flags = int(Flags.PANICKED)
    hands.see(frame)
    assert only(hands.press(1, "ESCAPE")).kind == Kind.RESUME


def test_a_ring_is_dragged_along_its_spoke_without_a_jump(hands, frame):
    hand = float(frame.hand[3])
    x, y = hands.layout.point(3, hand)
    assert hands.click(x + 4, y - 3, 10.0) == []
    assert only(hands.drag(x + 4, y - 3)).value == pytest.approx(hand, abs=1e-6)
    target = hands.layout.point(3, hand - 0.2)
    moved = only(hands.drag(target[0] + 4, target[1] - 3))
    assert (moved.kind, moved.knob) == (Kind.KNOB, 3)
    assert moved.value == pytest.approx(hand - 0.2, abs=1e-6)
    hands.drop()
    assert hands.drag(0, 0) == []


def test_shift_makes_a_drag_fine(hands, frame):
    hand = float(frame.hand[3])
    hands.click(*hands.layout.point(3, hand), 10.0)
    assert only(hands.drag(*hands.layout.point(3, hand - 0.2), shift=True)).value == pytest.approx(hand - 0.2 * FINE)


@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.integers(0, 7))
def test_the_hand_never_leaves_its_travel(x, y, knob):
    hands = Input(Layout(1280, 720, 8))
    hands.see(make("rest", 0.02)[-1])
    hands.click(*hands.layout.point(knob, hands._hand(knob)), 0.0)
    for g in hands.drag(x, y):
        assert 0.0 <= g.value <= 1.0


def test_two_clicks_on_a_ring_bring_it_home_and_two_slow_ones_do_not(hands, frame):
    at = hands.layout.point(5, float(frame.hand[5]))
    hands.click(*at, 10.0)
    hands.drop()
    home = only(hands.click(*at, 10.2))
    assert (home.kind, home.knob, home.value) == (Kind.KNOB, 5, 0.5)
    hands.see(frame)
    hands._hands.clear()
    hands.click(*at, 20.0)
    assert hands.click(*at, 21.0) == []


def test_a_click_beside_everything_does_nothing(hands):
    assert hands.click(3, 3, 0.0) == []
    assert hands.drag(300, 300) == []


def test_the_wheel_turns_the_knob_it_is_over(hands, frame):
    turned = only(hands.wheel(*hands.layout.point(2, float(frame.hand[2])), 1.0))
    assert (turned.knob, turned.value) == (2, pytest.approx(float(frame.hand[2]) + WHEEL))
    again = only(hands.wheel(*hands.layout.point(2, float(frame.hand[2])), 1.0))
    assert again.value == pytest.approx(float(frame.hand[2]) + 2 * WHEEL)  # before any frame has told of the first


def test_arrows_choose_a_knob_and_turn_it(hands, frame):
    assert hands.press(0, "UP") == []
    hands.press(0, "RIGHT")
    assert hands.wishes.focus == 0
    hands.press(0, "LEFT")
    assert hands.wishes.focus == 7
    up = only(hands.press(0, "UP"))
    assert (up.knob, up.value) == (7, pytest.approx(float(frame.hand[7]) + ARROW))
    hands.press(0, "3")
    assert hands.wishes.focus == 2


def test_the_windows_own_keys_make_no_gestures(hands):
    for name in ("B", "SPACE", "?", "F", "F5", "SEMICOLON"):
        assert hands.press(0, name) == []
    assert (hands.wishes.black, hands.wishes.frozen, hands.wishes.keys) == (True, True, True)
    hands.press(0, "B")
    assert not hands.wishes.black


def test_another_patch_lets_go_of_what_was_held(hands):
    hands.press(W, "W")
    hands.wishes.focus = 6
    assert only(hands.resize(Layout(1280, 720, 4), [0.0] * 4)).knob == 1
    assert hands.wishes.focus is None
    assert hands.release(W) == []
