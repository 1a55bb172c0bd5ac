"""Pushback: faders go where their knobs are, never under a finger, never in circles, and no faster than they can."""

from __future__ import annotations

import math
import random

import pytest
from desk import PORT, Desk, busiest_second, knobs
from handshost import CONTROLLER, TABLE, on_the_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.base.errors import ValidationErrors
from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.hand import LearnRequest
from instrument.hands.midi.motor import ECHO_SECONDS, REST_SECONDS, Motor
from instrument.hands.state.bindings import read_bindings
from instrument.hands.state.names import partners
from instrument.ipc import Kind

Z2, Z3, LEVEL = TABLE.index("z2"), TABLE.index("z3"), TABLE.index("level")
FADER = {"knob": "z2", "kind": "bend", "channel": 1, "motor": True, "touch": 104}
PLAIN = {"knob": "z2", "kind": "cc", "number": 20, "channel": 1, "motor": True}
DOWN, UP = (0x90, 104, 127), (0x90, 104, 0)


def bend(value: float, channel: int = 1) -> tuple[int, int, int]:
    step = math.floor(value * 16383 + 0.5)
    return 0xE0 | channel - 1, step & 127, step >> 7


# -- what is sent


def test_a_fader_is_driven_to_where_friction_has_left_its_knob() -> None:
    desk = Desk(FADER)
    desk.put("z2", hand=0.9, pos=0.25)
    assert desk.look() == [bytes(bend(0.25))]
    assert desk.look() == [], "it is there"


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"kind": "cc", "number": 20, "channel": 3}, [(0xB2, 20, 64)]),
        ({"kind": "cc14", "number": 2, "channel": 1}, [(0xB0, 2, 0x40), (0xB0, 34, 0x00)]),
        ({"kind": "bend", "channel": 16}, [(0xEF, 0x00, 0x40)]),
        ({"kind": "cc", "number": 20, "low": 0.5, "high": 1.0}, [(0xB0, 20, 0)]),
        ({"kind": "cc", "number": 20, "invert": True, "low": 0.4}, [(0xB0, 20, 106)]),
    ],
)
def test_each_control_is_sent_its_own_steps(row: dict[str, object], messages: list[tuple[int, ...]]) -> None:
    desk = Desk({"knob": "z2", "motor": True, **row})
    desk.put("z2", 0.5)
    assert desk.look() == [bytes(m) for m in messages]


def test_a_parameter_has_no_friction_and_is_driven_to_where_it_was_set() -> None:
    desk = Desk({**PLAIN, "knob": "level"})
    desk.frame.pos[LEVEL] = 0.9
    desk.frame.hand[LEVEL] = 0.0
    assert desk.look() == [bytes((0xB0, 20, 0))]


def test_a_ring_shows_the_hand_and_its_second_mark_the_knob() -> None:
    desk = Desk({"knob": "z2", "kind": "cc", "number": 16, "channel": 2, "motion": "twos", "ring": 48, "ring_pos": 80})
    desk.put("z2", hand=1.0, pos=0.5)
    assert desk.look() == [bytes((0xB1, 48, 127)), bytes((0xB1, 80, 64))]


@pytest.mark.parametrize("row", [PLAIN, FADER, {"knob": "z2", "kind": "cc", "number": 16, "ring": 48}])
@given(start=st.floats(0, 1), part=st.floats(-0.99, 0.99))
def test_nothing_is_sent_for_less_than_a_step_and_always_for_more(
    row: dict[str, object], start: float, part: float
) -> None:
    steps = 16383 if row["kind"] == "bend" else 127
    desk = Desk(row)
    desk.put("z2", start)
    assert desk.look()
    there = float(desk.frame.hand[Z2])
    desk.now += 1.0
    desk.put("z2", min(1.0, max(0.0, there + 0.9 * part / steps)))
    assert desk.look() == []
    desk.now += 1.0
    desk.put("z2", there + 1.1 / steps if there < 0.5 else there - 1.1 / steps)
    assert desk.look()


def test_a_storm_of_frames_is_a_hundred_messages_a_second_for_each_control_and_the_newest_wins() -> None:
    desk = Desk(
        FADER,
        {"knob": "z3", "kind": "cc14", "number": 5, "motor": True, "ring": 60, "ring_pos": 61},
        {"knob": "z4", "kind": "cc", "number": 16, "motion": "sign", "ring": 48, "ring_pos": 49},
        ports=(PORT, "Other 1"),
    )
    dice = random.Random(1)
    for _ in range(4000):  # a frame each millisecond
        desk.now += 0.001
        for knob in ("z2", "z3", "z4"):
            desk.put(knob, dice.random(), dice.random())
        desk.look()
    rates = {control: busiest_second(times) for control, times in desk.controls().items()}
    assert len(rates) == 2 * 6
    assert all(95 <= rate <= 100 for rate in rates.values()), rates
    desk.put("z2", 0.0, 0.125)
    assert bytes(bend(0.125)) in desk.after(0.05)


def test_what_does_not_exist_is_not_sent_anywhere() -> None:
    desk = Desk({**PLAIN, "port": "nano"}, {**FADER, "knob": "not_here"})
    desk.put("z2", 0.5)
    assert desk.look() == []
    desk.frame.hand[Z2] = desk.frame.pos[Z2] = float("nan")
    desk.hand.pushback.forget(("nanoKONTROL2 1", PORT))
    assert desk.look() == []
    desk.put("z2", 0.5)
    assert [(port, data) for _, port, data in desk.sent] == []
    desk.look()
    assert [port for _, port, _ in desk.sent] == ["nanoKONTROL2 1"]


def test_two_rows_at_one_fader_do_not_quarrel_over_it() -> None:
    desk = Desk({**PLAIN, "knob": "not_here"}, PLAIN, {**PLAIN, "knob": "z3"})
    desk.put("z2", 0.25)
    desk.put("z3", 0.75)
    assert desk.after(0.5) == [bytes((0xB0, 20, 32))]
    desk.now += 1.0
    assert knobs(desk.comes((0xB0, 20, 64)))[0] == (Z2, round(64 / 127, 6)), "it moves all its knobs all the same"


def test_a_desk_that_is_plugged_in_again_is_told_everything_again() -> None:
    desk = Desk(PLAIN)
    desk.put("z2", 0.5)
    assert len(desk.look()) == 1
    desk.now += 1.0
    desk.hand.pushback.forget((PORT,))
    assert len(desk.look()) == 1


def test_an_output_that_fails_has_driven_nothing() -> None:
    desk = Desk(PLAIN)
    desk.dead.add(PORT)
    desk.put("z2", 0.5)
    assert desk.look() == []
    assert not desk.hand.mappings.pickups()[0].caught
    desk.dead.clear()
    assert len(desk.look()) == 1
    assert desk.hand.mappings.pickups()[0].caught


# -- a finger on it


def test_a_touched_fader_is_left_alone_and_driven_when_it_is_let_go() -> None:
    desk = Desk(FADER)
    desk.put("z2", 0.0)
    desk.after(1.0)
    assert desk.comes(DOWN) == [], "a touch is no note"
    assert knobs(desk.comes(bend(0.5))) == [(Z2, round(8192 / 16383, 6))]
    for i in range(100):  # the knob sticks, trembles, goes elsewhere
        desk.put("z2", 0.5, i / 100)
        assert desk.after(0.05) == []
    desk.put("z2", 0.5, 0.375)
    assert desk.comes(UP) == []
    assert desk.after(0.1) == [bytes(bend(0.375))]


def test_a_fader_that_is_let_go_waits_for_a_frame_that_has_seen_its_last_move() -> None:
    desk = Desk(FADER)
    desk.put("z2", 0.0)
    desk.after(1.0)
    desk.comes(DOWN, bend(0.5), UP)
    assert desk.look(frame_time=desk.now - 0.01) == [], "that frame is from before"
    desk.put("z2", 0.5)
    desk.after(0.5)
    assert desk.sent[1:] == [], "and it is where its knob is"


def test_with_a_touch_note_what_comes_untouched_is_never_a_gesture() -> None:
    desk = Desk(FADER)
    for i in range(200):
        assert desk.comes(bend(i / 200)) == []
        desk.now += 0.1
    desk.comes((0x95, 104, 1))
    assert knobs(desk.comes(bend(1.0))) == [(Z2, 1.0)], "touch counts on every channel"
    desk.comes((0x85, 104, 0))
    assert desk.comes(bend(0.5)) == []


@pytest.mark.parametrize("row", [FADER, PLAIN])
def test_a_fader_that_a_sleeve_has_moved_goes_back_and_then_rests(row: dict[str, object]) -> None:
    desk = Desk(row)
    desk.put("z2", 0.5)
    home = desk.look()
    desk.now += 0.1
    assert desk.comes(bend(0.45) if row is FADER else (0xB0, 20, 57)) == []
    assert desk.after(0.15) == []
    assert desk.after(0.3) == home
    desk.comes(bend(0.49) if row is FADER else (0xB0, 20, 62))  # as far as its motor takes it
    assert desk.after(2.0) == []


def test_without_a_touch_note_a_fader_counts_as_touched_for_half_a_second() -> None:
    desk = Desk(PLAIN)
    desk.put("z2", 0.0)
    desk.after(1.0)
    for i in range(30):
        assert knobs(desk.comes((0xB0, 20, i))), i
        desk.put("z2", i / 127, 0.75)
        assert desk.after(0.1) == []
    assert desk.after(REST_SECONDS - 0.15) == []
    assert desk.after(0.1) == [bytes((0xB0, 20, 95))]


def test_what_a_motor_says_while_it_moves_is_no_gesture() -> None:
    desk = Desk(PLAIN)
    desk.put("z2", 0.0)
    desk.after(1.0)
    desk.put("z2", 1.0)
    desk.after(0.02)
    for value in (10, 50, 100, 127, 126, 127):
        desk.now += 0.04
        assert desk.comes((0xB0, 20, value)) == []
    desk.now += ECHO_SECONDS
    assert knobs(desk.comes((0xB0, 20, 127))) == [(Z2, 1.0)]


def test_a_hand_that_holds_a_driven_fader_gets_it_though_chance_never_rests() -> None:
    desk = Desk(PLAIN)
    desk.put("z2", 0.5)
    desk.after(1.0)
    dice = random.Random(2)
    found, value = [], 64
    start = desk.now
    while not found and desk.now - start < 2.0:
        value = min(127, value + 2)  # the hand pulls up
        found = knobs(desk.comes((0xB0, 20, value)))
        desk.put("z2", 0.5, 0.5 + 0.04 * dice.random())
        desk.after(0.02)
    assert found
    assert desk.now - start < 0.6
    quiet = desk.now
    desk.after(0.4)
    assert all(at <= quiet for at, _, _ in desk.sent)


def test_a_port_that_goes_takes_its_fingers_with_it() -> None:
    desk = Desk(FADER)
    desk.put("z2", 0.25)
    desk.comes(DOWN)
    assert desk.after(0.5) == []
    desk.hand.forget(PORT)
    assert desk.after(0.1) == [bytes(bend(0.25))]


# -- takeover


@pytest.mark.parametrize("mode", ["pickup", "scale", "jump"])
def test_a_fader_that_was_driven_has_caught_its_knob(mode: str) -> None:
    row = {"knob": "z2", "kind": "cc14", "number": 3, "channel": 1, "motor": True, "touch": 104}
    desk = Desk(row, takeover=mode)
    desk.put("z2", hand=0.9, pos=0.25)  # the hand is far ahead of a knob that sticks
    desk.look()
    assert desk.hand.mappings.pickups()[0].caught
    desk.comes(DOWN)
    step = math.floor(0.26 * 16383)
    found = knobs(desk.comes((0xB0, 3, step >> 7), (0xB0, 35, step & 127)))
    assert found[-1] == (Z2, pytest.approx(0.26, abs=0.01))
    step += 100
    found = knobs(desk.comes((0xB0, 3, step >> 7), (0xB0, 35, step & 127)))
    assert found[-1] == (Z2, pytest.approx(step / 16383, abs=1e-4))


def test_after_a_patch_change_the_fader_is_driven_and_has_caught_again() -> None:
    desk = Desk({**PLAIN, "touch": 104})
    desk.put("z2", 0.25)
    desk.look()
    desk.hand.place()
    assert not desk.hand.mappings.pickups()[0].caught
    desk.now += 0.1
    assert desk.look() == [bytes((0xB0, 20, 32))]
    desk.comes(DOWN)
    assert knobs(desk.comes((0xB0, 20, 90))) == [(Z2, round(90 / 127, 6))]


def test_other_faders_of_the_same_knob_follow_the_one_that_is_held() -> None:
    other = {"knob": "z2", "kind": "bend", "channel": 2, "motor": True, "touch": 105}
    desk = Desk(FADER, other)
    desk.put("z2", 0.0)
    desk.after(0.5)
    desk.comes(DOWN, bend(0.5))
    desk.put("z2", 0.5)
    assert desk.after(0.2) == [bytes(bend(0.5, channel=2))]
    assert desk.comes(bend(0.2, channel=2), bend(0.5, channel=2)) == []


# -- no circles


def test_a_mark_that_comes_back_through_a_loop_of_cables_is_passed_over_once() -> None:
    rows = (
        {"knob": "z2", "kind": "cc", "number": 16, "motion": "twos", "ring": 48},
        {"knob": "z2", "kind": "cc", "number": 48, "channel": 1, "takeover": "jump"},
    )
    desk = Desk(*rows)
    desk.put("z2", 0.5)
    (mark,) = desk.look()
    desk.now += 0.1
    assert desk.comes(tuple(mark)) == []
    assert knobs(desk.comes(tuple(mark))) == [(Z2, round(64 / 127, 6))], "somebody else's"


def test_an_echo_is_not_learned() -> None:
    desk = Desk(PLAIN, {"knob": "z4", "kind": "cc14", "number": 7, "channel": 1, "motor": True})
    desk.put("z2", 0.5)
    desk.put("z4", 0.5)
    desk.look()
    desk.hand.arm(LearnRequest("level"))
    desk.now += 0.1
    desk.comes((0xB0, 20, 30), (0xB0, 7, 64), (0xB0, 39, 0), (0xB0, 20, 60))
    assert desk.hand.learning is not None
    desk.comes((0xB0, 21, 30), (0xB0, 21, 60))
    assert desk.hand.learning is None


class Surface:
    """Motor faders with a mass: full travel in 0.2 s, telling of their way as they go, a little later."""

    def __init__(self, desk: Desk, delay: float) -> None:
        self.desk, self.delay = desk, delay
        self.place = {1: 0.1, 2: 0.6}
        self.target: dict[int, float] = {}
        self.down = False
        self.on_the_way: list[tuple[float, tuple[int, ...]]] = []
        self.read = 0

    def message(self, fader: int) -> tuple[int, ...]:
        if fader == 1:
            return bend(self.place[1])
        return 0xB0, 20, math.floor(self.place[2] * 127 + 0.5)

    def step(self, seconds: float, all_of_it: bool = False) -> None:
        """The motors run, their echoes arrive: none of them is a gesture."""
        for at, _, data in self.desk.sent[self.read :]:
            if data[0] == 0xB0 and data[1] != 20:
                continue  # a light
            fader, to = (1, (data[2] << 7 | data[1]) / 16383) if data[0] == 0xE0 else (2, data[2] / 127)
            assert not (fader == 1 and self.down), f"driven under a finger at {at}"
            self.target[fader] = to
        self.read = len(self.desk.sent)
        for fader, to in list(self.target.items()):
            if fader == 1 and self.down:
                del self.target[1]
                continue
            at, most = self.place[fader], 5.0 * seconds
            self.place[fader] = at + min(most, max(-most, to - at))
            if self.place[fader] == to:
                del self.target[fader]
            self.on_the_way.append((self.desk.now + self.delay, self.message(fader)))
        now = math.inf if all_of_it else self.desk.now
        due = [m for at, m in self.on_the_way if at <= now]
        self.on_the_way = [(at, m) for at, m in self.on_the_way if at > now]
        assert knobs(self.desk.comes(*due)) == [], "an echo became a gesture"

    def touch(self) -> None:
        self.down = not self.down
        self.on_the_way = [(at, m) for at, m in self.on_the_way if m[0] != 0xE0]  # the cable keeps the order
        self.desk.comes(DOWN if self.down else UP)


WHAT = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 12)),
    st.tuples(st.just("knob"), st.floats(0, 1)),
    st.tuples(st.just("wander"), st.floats(0, 0.02)),
    st.tuples(st.just("touch"), st.just(0)),
    st.tuples(st.just("hold"), st.floats(0, 1)),
    st.tuples(st.just("pull"), st.floats(0, 1)),
    st.tuples(st.just("noise"), st.lists(st.integers(0, 255), max_size=6)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WHAT, max_size=25), st.floats(0, 0.05), st.integers(0, 2**32))
def test_whatever_comes_in_whatever_order_no_echo_is_a_gesture_and_no_control_is_flooded(
    what: list[tuple[str, object]], delay: float, seed: int
) -> None:
    dice = random.Random(seed)
    desk = Desk(
        FADER, {**PLAIN, "knob": "z3"}, {"knob": "z2", "kind": "cc", "number": 16, "motion": "sign", "ring": 48}
    )
    surface = Surface(desk, delay)
    wander = 0.0
    for verb, how in what:
        steps = 1
        if verb == "wait":
            steps = int(how)  # type: ignore[call-overload]
        elif verb == "knob":
            desk.put(dice.choice(["z2", "z3"]), dice.random(), how)  # type: ignore[arg-type]
        elif verb == "wander":
            wander = how  # type: ignore[assignment]
        elif verb == "touch":
            surface.touch()
        elif verb == "hold" and surface.down:
            surface.place[1] = how  # type: ignore[assignment]
            assert knobs(desk.comes(surface.message(1))), "a touched fader was not believed"
        elif verb == "pull" and 2 not in surface.target:
            surface.step(0.0, all_of_it=True)  # what it said before comes before
            surface.place[2] = how  # type: ignore[assignment]
            desk.comes(surface.message(2))
        elif verb == "noise":  # another device, which must not matter to this one
            desk.comes(tuple(how), port="Other 1")  # type: ignore[arg-type]
            desk.comes((0xF7,), port="Other 1")
        for _ in range(steps * 4):
            desk.now += 0.008
            for knob in ("z2", "z3"):
                i = TABLE.index(knob)
                desk.frame.pos[i] = min(1.0, max(0.0, float(desk.frame.pos[i]) + wander * dice.uniform(-1, 1)))
            desk.look()
            surface.step(0.008)
    if surface.down:
        surface.touch()
    for _ in range(200):
        desk.now += 0.008
        desk.look()
        surface.step(0.008)
    assert surface.place[1] == pytest.approx(float(desk.frame.pos[Z2]), abs=1.6 / 16383)
    assert surface.place[2] == pytest.approx(float(desk.frame.pos[Z3]), abs=5.6 / 127)
    for control, times in desk.controls().items():
        assert busiest_second(times) <= 100, control


@given(st.lists(st.tuples(st.floats(0, 0.2), st.sampled_from("tdm"), st.floats(0, 1)), max_size=60), st.booleans())
def test_driving_and_believing_are_never_on_together(steps: list[tuple[float, str, float]], senses: bool) -> None:
    motor, now, driven_at = Motor(senses), 100.0, -1.0
    finger = False
    for wait, verb, value in steps:
        now += wait
        if verb == "t":
            finger = not finger
            motor.touch("p", finger)
        elif verb == "d" and motor.due(value, 127, now, now):
            assert not (senses and finger)
            motor.drive(value, now)
            driven_at = now
        elif verb == "m" and motor.believed(value, now):
            assert finger if senses else now - driven_at >= ECHO_SECONDS
            assert not motor.due(1.0 - value, 127, now, now)


# -- forces


PUSHES = (
    {"knob": "z2", "kind": "note", "number": 36, "motion": "push", "push": 0.5},
    {"knob": "z2", "kind": "note", "number": 38, "motion": "push", "push": -0.25},
    {"knob": "z3", "kind": "cc", "number": 64, "motion": "push"},
    {"knob": "z3", "kind": "pressure", "channel": 2, "motion": "push", "push": -1.0},
    {"knob": "level", "kind": "cc", "number": 65, "motion": "push"},
)


def forces(found: list) -> list[tuple[int, float]]:  # type: ignore[type-arg]
    assert {g.kind for g in found} <= {Kind.FORCE}
    return [(g.knob, round(g.value, 6)) for g in found]


def test_a_key_pushes_as_hard_as_it_is_struck_until_it_is_let_go() -> None:
    desk = Desk(*PUSHES)
    assert forces(desk.comes((0x90, 36, 127))) == [(Z2, 0.5)]
    assert forces(desk.comes((0x90, 38, 127))) == [(Z2, 0.25)], "two that push against each other"
    assert forces(desk.comes((0x80, 36, 64), (0x90, 38, 0))) == [(Z2, -0.25), (Z2, 0.0)]
    assert forces(desk.comes((0x90, 36, 64))) == [(Z2, round(0.5 * 64 / 127, 6))]


def test_a_pedal_and_a_pressure_push_and_at_zero_they_do_not() -> None:
    desk = Desk(*PUSHES)
    assert forces(desk.comes((0xB0, 64, 127), (0xB0, 64, 0))) == [(Z3, 0.25), (Z3, 0.0)]
    assert forces(desk.comes((0xD1, 127), (0xD1, 0))) == [(Z3, -1.0), (Z3, 0.0)]
    assert desk.comes((0xB0, 65, 127)) == [], "a parameter has no bearing to lean on"


def test_whatever_takes_the_keys_away_takes_their_push_away() -> None:
    for end in ((0xB0, 120, 0), (0xB0, 121, 0), (0xB0, 123, 0)):
        desk = Desk(*PUSHES)
        desk.comes((0x90, 36, 127))
        assert next(g[:3] for g in desk.comes(end)) == (Kind.FORCE, Z2, 0.0)
    desk = Desk(*PUSHES)
    desk.comes((0x90, 36, 127))
    desk.hand.forget(PORT)
    assert forces(desk.gestures) == [(Z2, 0.5), (Z2, 0.0)]


# -- rows


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"kind": "note", "number": 1, "motor": True}, "motor: no fader is driven that way"),
        ({"kind": "nrpn", "number": 1, "motor": True}, "motor: no fader is driven that way"),
        ({"kind": "cc", "number": 1, "motion": "twos", "motor": True}, "motor: no fader"),
        ({"kind": "cc", "number": 1, "touch": 104}, "touch: only a motor fader"),
        ({"kind": "bend", "motion": "push"}, "motion: bend is never let go"),
        ({"kind": "cc", "number": 1, "motion": "push", "push": 0}, "push: 0 pushes nothing"),
        ({"kind": "cc", "number": 1, "motion": "push", "push": 2}, "push: 2 is too large"),
        ({"kind": "cc", "number": 20, "ring": 20}, "ring: a control that is set by the CC it sends is a motor"),
        ({"kind": "cc", "number": 20, "motor": True, "ring_pos": 20}, "ring: the motor and the two marks"),
        ({"kind": "cc14", "number": 2, "motor": True, "ring": 34}, "ring: the motor and the two marks"),
        ({"kind": "bend", "ring": 34, "ring_pos": 34}, "ring: the motor and the two marks"),
        ({"kind": "cc", "number": 1, "ring": 120}, "ring: 120 is too large"),
    ],
)
def test_a_row_that_cannot_be_pushed_back_is_told(row: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationErrors, match=says.replace("(", r"\(")):
        read_bindings([{"knob": "z2", **row}])


def test_rows_are_kept_as_they_were() -> None:
    rows = [{**FADER, "ring": 48, "ring_pos": 49}, *PUSHES]
    assert [binding.row() for binding in read_bindings(rows)] == rows


# -- outputs


def test_the_output_of_a_device_is_found_by_its_name_whatever_the_direction_is_called() -> None:
    assert partners(["X-Touch 20:0"], ["Other 16:0", "X-Touch 20:0"]) == {"X-Touch 20:0": "X-Touch 20:0"}
    assert partners(["fader:out", "keys:out"], ["fader:in"]) == {"fader:out": "fader:in"}
    assert partners(["system:midi_capture_2"], ["system:midi_playback_1", "system:midi_playback_2"]) == {
        "system:midi_capture_2": "system:midi_playback_2"
    }
    a2j = "a2j:nanoKONTROL2 [24] ({}): nanoKONTROL2 MIDI 1"
    assert partners([a2j.format("capture")], [a2j.format("playback")])
    assert partners(["twin 1:0", "twin 2:0"], ["twin 5:0", "twin 6:0"]) == {
        "twin 1:0": "twin 5:0", "twin 2:0": "twin 6:0",
    }  # fmt: skip


ROWS = ({**PLAIN, "touch": 104},)


def test_outputs_come_and_go_with_their_devices_and_errors_end_nothing() -> None:
    with on_the_table(OscOptions("off"), MidiOptions(bindings=ROWS)) as t:
        ports = t.hands.ports
        assert ports is not None
        assert set(ports.outlets) == {"rosin", CONTROLLER}

        def look() -> None:
            ports._look_at = 0.0
            t.step(1)

        def driven(seconds: float = 0.05) -> list[bytes]:
            outlet = t.driver.outlets[CONTROLLER]
            before = len(outlet.sent)
            t.see(seconds)
            return [data for _, data in outlet.sent[before:]]

        t.frame(hand={"z2": 0.5}, pos=0.25)
        assert driven() == [bytes((0xB0, 20, 32))]
        assert [data for _, data in t.driver.my_out.sent] == [bytes((0xB0, 20, 32))], "whoever is at our own port too"
        t.driver.outlets[CONTROLLER].broken = True
        t.frame(hand={"z2": 0.5}, pos=0.75)
        assert driven() == []
        assert ports.outlets == ("rosin",)
        assert t.driver.outlets[CONTROLLER].closed
        t.driver.outlets[CONTROLLER].broken = False
        look()
        driven()
        assert t.driver.outlets[CONTROLLER].sent[-1][1] == bytes((0xB0, 20, 95))
        gone = t.driver.outlets[CONTROLLER]
        t.driver.unplug(CONTROLLER)
        look()
        assert gone.closed
        assert ports.outlets == ("rosin",)
        t.driver.plug(CONTROLLER, deaf=True)
        look()
        assert ports.outlets == ("rosin",)
        assert t.midi((0x90, 60, 1), port=CONTROLLER), "an input without an output plays"
        t.driver.gone = True
        look()
        assert ports.outlets == ()
        t.driver.gone = False
        look()
        assert ports.outlets == ("rosin",)
        assert t.hands.counts.faults == 0
        assert t.hands.counts.midi_sent >= 4
