"""Keys and mouse of the stage: what becomes of them, without a window."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_frames import make

from instrument.ipc import Flags, Kind, Source
from instrument.stage.input.gestures import ARROW, FINE, PULL_KEYS, PUSH, PUSH_KEYS, WHEEL, StageInput
from instrument.stage.views.layout import Layout

Q, W, A = PUSH_KEYS[0], PUSH_KEYS[1], PULL_KEYS[0]


@pytest.fixture
def frame():
    return make("hard", 0.2)[-1]


@pytest.fixture
def hands(frame):
    it = StageInput(Layout(1280, 720, 8), starts=[0.5] * 8)
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
    hands = StageInput(Layout(1280, 720, 3))
    assert hands.press(PUSH_KEYS[3], "R") == []
    assert hands.release(PUSH_KEYS[3]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PUSH_KEYS + PULL_KEYS), st.booleans()), max_size=60))
def test_no_force_is_left_when_all_keys_are_let_go(events):
    hands, force = StageInput(Layout(1280, 720, 8)), {}
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


@settings(deadline=None)
@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.integers(0, 7))
def test_the_hand_never_leaves_its_travel(x, y, knob):
    hands = StageInput(Layout(1280, 720, 8))
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
    assert hands.requests.focus == 0
    hands.press(0, "LEFT")
    assert hands.requests.focus == 7
    up = only(hands.press(0, "UP"))
    assert (up.knob, up.value) == (7, pytest.approx(float(frame.hand[7]) + ARROW))
    hands.press(0, "3")
    assert hands.requests.focus == 2


def test_the_windows_own_keys_make_no_gestures(hands):
    for name in ("B", "SPACE", "?", "F", "F5", "SEMICOLON", "F11", "C", "D"):
        assert hands.press(0, name) == []
    requests = hands.requests
    assert (requests.black, requests.frozen, requests.keys, requests.rehearsal) == (True, True, True, True)
    assert (requests.credits, requests.fullscreen, requests.displays) == (True, True, 1)


# --- letters that play and letters that command

COMMANDS = {"F": 33, "D": 32, "S": 31, "R": 19, "M": 50, "B": 48, "C": 46}
"""Where QWERTY and AZERTY print them, but for M."""


@pytest.fixture
def now(hands):
    """The clock of the wishes, in the test's hands."""
    clock = [0.0]
    hands.requests.clock = lambda: clock[0]
    return clock


def test_on_the_stage_the_force_rows_play_and_never_command(hands, now):
    before = repr(hands.requests.switches)
    for name in "FDSR":
        (gesture,) = hands.press(COMMANDS[name], name)
        assert gesture.kind == Kind.FORCE
        (gesture,) = hands.release(COMMANDS[name])
        assert gesture.value == 0.0
    assert repr(hands.requests.switches) == before
    assert not hands.requests.saving
    assert hands.requests.displays == 0


def test_with_ctrl_a_letter_commands_everywhere_and_pushes_nothing(hands, now):
    assert hands.press(COMMANDS["F"], "F", ctrl=True) == []
    assert hands.requests.rehearsal
    now[0] += 1.0
    assert hands.press(COMMANDS["F"], "F", ctrl=True) == []
    assert not hands.requests.rehearsal
    hands.press(COMMANDS["D"], "D", ctrl=True)
    assert hands.requests.displays == 1
    assert hands.release(COMMANDS["D"]) == []


def test_in_rehearsal_letters_command_as_printed_and_enter_swaps_each_view_for_itself(hands, now):
    hands.press(COMMANDS["F"], "F", ctrl=True)
    assert not hands.requests.plays
    hands.press(COMMANDS["D"], "D")
    assert hands.requests.displays == 1
    assert hands.press(28, "ENTER") == []
    assert hands.requests.said().key == "stage.word.letters_play"
    assert only(hands.press(COMMANDS["D"], "D")).kind == Kind.FORCE
    (gone,) = hands.press(28, "ENTER")  # what was held is let go
    assert (gone.kind, gone.value) == (Kind.FORCE, 0.0)
    now[0] += 1.0
    hands.press(COMMANDS["F"], "F")
    assert not hands.requests.rehearsal
    assert hands.requests.plays, "the stage was never asked to command"


def test_to_leave_a_view_lets_go_of_its_keys(hands, now):
    hands.press(Q, "Q")
    assert only(hands.press(COMMANDS["F"], "F", ctrl=True)).value == 0.0
    assert hands.release(Q) == []


def test_azerty_plays_by_place_commands_by_print_and_has_its_digits_without_shift(hands, now):
    assert only(hands.press(16, "A")).knob == 0  # the A of AZERTY lies where QWERTY has Q
    assert only(hands.press(30, "Q")).value == 0.0  # its Q below: push and pull at once
    hands.let_go()
    hands.press(4, "QUOTEDBL")  # the third key of the upper row prints \"
    assert hands.requests.focus == 2
    hands.press(39, "M")  # M lies right of L there
    assert hands.requests.learn
    now[0] += 1.0
    hands.press(39, "M")
    hands.press(50, "COMMA")  # and where QWERTY has M there is a comma
    assert not hands.requests.wants("learn")
    assert hands.press(51, "QUESTION", shift=True) == []
    assert hands.requests.wants("keys")


def test_a_layout_without_latin_letters_has_the_commands_where_qwerty_prints_them(hands, now):
    hands.press(50, "1740")  # Cyrillic
    assert hands.requests.wants("learn")
    hands.press(15, "65056")  # Shift + Tab has a name of its own on X11
    assert hands.requests.focus is not None


def test_tab_goes_round(hands, now):
    for knob in (0, 1, 2):
        hands.press(15, "TAB")
        assert hands.requests.focus == knob
    hands.press(15, "65056", shift=True)
    assert hands.requests.focus == 1


# --- scenes, marks, recording


def test_s_then_a_digit_keeps_a_scene_there_and_s_twice_in_the_first_free_place(hands, frame, now):
    frame.scenes = 0b101
    hands.see(frame)
    hands.press(0, "S", ctrl=True)
    assert hands.requests.said().values == {"number": 2}
    saved = only(hands.press(7, "6"))
    assert (saved.kind, saved.knob) == (Kind.SCENE_SAVE, 5)
    assert hands.requests.focus is None, "the digit was an answer, not a choice"
    hands.press(0, "S", ctrl=True)
    assert only(hands.press(0, "S", ctrl=True)).knob == 1


def test_the_question_where_to_is_dropped_by_another_command_and_by_time_not_by_shift(hands, frame, now):
    hands.press(0, "S", ctrl=True)
    hands.press(42, "LSHIFT", shift=True)
    assert hands.requests.saving
    hands.press(0, "SPACE")
    assert hands.press(4, "3") == []
    assert hands.requests.focus == 2
    hands.press(0, "S", ctrl=True)
    now[0] += 6.0
    assert hands.press(5, "4") == []
    assert hands.requests.said() is None


def test_all_places_taken_are_asked_for_and_never_overwritten_by_s_alone(hands, frame, now):
    frame.scenes = 255
    hands.see(frame)
    assert hands.press(0, "S", ctrl=True) == hands.press(0, "S", ctrl=True) == []
    assert hands.requests.said().key == "stage.word.save_over"
    assert only(hands.press(9, "8")).knob == 7


def test_shift_and_a_digit_go_to_a_scene_that_is_there(hands, frame, now):
    frame.scenes = 0b100
    hands.see(frame)
    gone = only(hands.press(4, "NUMBERSIGN", shift=True))
    assert (gone.kind, gone.knob, gone.extra) == (Kind.SCENE, 2, 0)
    assert hands.press(3, "AT", shift=True) == []
    assert hands.requests.said().key == "stage.word.empty"


def test_r_marks_a_take_that_is_recorded_and_with_shift_begins_and_ends_one(hands, frame, now):
    assert hands.press(0, "R", ctrl=True) == []
    assert hands.requests.said().key == "stage.word.no_take"
    begin = only(hands.press(0, "R", shift=True, ctrl=True))
    assert (begin.kind, begin.value) == (Kind.RECORD, 1.0)
    frame.flags = int(Flags.RECORDING)
    hands.see(frame)
    assert only(hands.press(0, "R", ctrl=True)).kind == Kind.MARK
    end = only(hands.press(0, "R", shift=True, ctrl=True))
    assert (end.kind, end.value) == (Kind.RECORD, 0.0)


def test_a_hand_that_somebody_else_took_meanwhile_is_where_the_frames_say(hands, frame):
    frame.hand[3] = 0.40
    hands.see(frame)
    hands.requests.focus = 3
    assert only(hands.press(0, "UP")).value == pytest.approx(0.40 + ARROW)
    assert only(hands.press(0, "UP")).value == pytest.approx(0.40 + 2 * ARROW), "before any frame tells of the first"
    for _ in range(40):  # an OSC client sends at the same time, and what was sent here is in no frame
        frame.time, frame.hand[3] = frame.time + 0.011, 0.9
        hands.see(frame)
    assert only(hands.press(0, "DOWN")).value == pytest.approx(0.9 - ARROW)


def test_a_wheel_that_is_pushed_aside_moves_nothing(hands, frame):
    assert hands.wheel(*hands.layout.point(2, float(frame.hand[2])), 0.0) == []
    hands.requests.credits = True
    hands.wheel(1.0, 1.0, 0.0)
    assert hands.requests.page == 0


# --- learning


def test_while_learning_nothing_plays_keys_choose_and_esc_leaves_before_it_silences(hands, now):
    hands.press(Q, "Q")
    assert only(hands.press(COMMANDS["M"], "M")).value == 0.0  # what was held is let go
    assert hands.requests.learn
    assert hands.requests.focus == 0
    for place, name in ((Q, "Q"), (A, "A"), (0, "UP"), (0, "S"), (0, "HOME")):
        assert hands.press(place, name) == []
    hands.press(4, "3", shift=True)
    assert hands.requests.focus == 2
    hands.press(0, "DELETE")
    assert hands.requests.freed == [2]
    now[0] += 1.0
    assert hands.press(1, "ESCAPE") == []
    assert not hands.requests.learn
    assert only(hands.press(1, "ESCAPE")).kind == Kind.PANIC


def test_while_learning_a_click_chooses_and_nothing_is_dragged(hands, frame, now):
    hands.press(COMMANDS["M"], "M")
    at = hands.layout.point(5, float(frame.hand[5]))
    assert hands.click(*at, 1.0) == []
    assert hands.requests.focus == 5
    assert hands.drag(at[0] + 50, at[1]) == []
    assert hands.wheel(*at, 1.0) == []
    assert hands.click(*hands.layout.point(6, 1.0), 2.0) == []
    assert hands.requests.focus == 6


def test_delete_outside_of_learning_frees_nothing(hands):
    hands.requests.focus = 1
    hands.press(0, "DELETE")
    assert hands.requests.freed == []


def test_credits_are_turned_by_page_keys_and_wheel_and_only_while_they_are_shown(hands, now):
    hands.press(0, "PAGEDOWN")
    assert hands.requests.page == 0
    hands.press(0, "C")
    hands.press(0, "PAGEDOWN")
    assert hands.wheel(10, 10, -1.0) == []
    hands.press(0, "PAGEUP")
    assert hands.requests.page == 1


# --- nothing flashes


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["B", "F", "?", "C", "M"]), st.floats(0.0, 0.3)), max_size=60))
def test_however_keys_are_hammered_the_picture_turns_at_most_three_times_a_second(presses):
    hands, clock, turns = StageInput(Layout(1280, 720, 8)), [0.0], []
    hands.requests.clock = lambda: clock[0]
    names = ("black", "rehearsal", "keys", "credits", "learn")
    before = (False,) * 5
    for name, wait in [*presses, *[("F5", 0.05)] * 60]:
        hands.press(0, name)
        for step in (0.0, *[wait / 4] * 4):
            clock[0] += step
            shown = tuple(getattr(hands.requests, one) for one in names)
            if shown != before:
                turns.append(clock[0])
            before = shown
    distinct = [t for i, t in enumerate(turns) if i == 0 or t - turns[i - 1] > 0.02]
    assert all(later - t >= 1.0 for t, later in zip(distinct, distinct[3:], strict=False))
    assert before == tuple(hands.requests.wants(name) for name in names), "what was wanted last is shown in the end"


def test_switches_thrown_together_are_one_change(hands, now):
    hands.requests.rehearsal = True
    hands.requests.keys = True
    assert hands.requests.rehearsal
    assert hands.requests.keys


def test_another_patch_lets_go_of_what_was_held(hands):
    hands.press(W, "W")
    hands.requests.focus = 6
    assert only(hands.resize(Layout(1280, 720, 4), [0.0] * 4)).knob == 1
    assert hands.requests.focus is None
    assert hands.release(W) == []
