"""Learning: of all that moves, the control that the player meant; and an endless encoder as what it is."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instrument.base.text import say
from instrument.hands.midi.hand import MidiHand
from instrument.hands.state import encoders
from instrument.hands.state.bindings import Binding, encoder_step
from instrument.hands.state.counts import Counts, EventLog, LogEntry
from instrument.hands.state.learn_request import LearnRequest
from instrument.hands.state.positions import Positions
from instrument.ipc import Gesture, Kind
from instrument.knobs import Label, LatentSpec, table_for

TABLE = table_for([LatentSpec(f"z{i}", Label(f"z{i}", f"z{i}")) for i in range(4)])
Z1 = TABLE.index("z1")
PORT, OTHER = "Box 24:0", "Box 28:0"


class Player:
    """The MIDI hand on a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.gestures: list[Gesture] = []
        self.said: list[LogEntry] = []
        self.hand = MidiHand(
            (),
            "jump",
            Positions(TABLE),
            3,
            self.gestures.append,
            lambda rows: None,
            Counts(),
            EventLog(self.said.append),
        )

    def sends(self, *messages: tuple[int, ...], port: str = PORT, every: float = 0.01) -> None:
        for message in messages:
            self.hand.take(port, list(message), self.now)
            self.after(every)

    def cc(self, number: int, *values: int, every: float = 0.01) -> None:
        self.sends(*((0xB0, number, value) for value in values), every=every)

    def after(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 0.01)
            self.hand.settle(self.now)

    def arm(self, knob: str = "z1") -> None:
        self.hand.arm(LearnRequest(knob))

    @property
    def learned(self) -> Binding | None:
        return self.hand.mappings.bindings[-1] if self.hand.mappings.bindings else None

    def keys(self) -> list[str]:
        return [event.key for event in self.said]


@pytest.mark.parametrize("place", [0, 1, 20, 63, 64, 65, 100, 126])
def test_a_pot_that_trembles_is_not_taken_and_the_fader_that_is_moved_is(place: int) -> None:
    p = Player()
    p.arm()
    for i in range(200):
        p.cc(20, place + i % 2)  # a pot speaks when its value is another
    assert p.learned is None, "it trembled from the beginning of the show"
    p.cc(21, *range(50, 80))
    assert p.learned is not None
    assert p.learned.number == 21


def test_what_trembled_before_is_taken_when_it_is_moved_a_clear_way() -> None:
    p = Player()
    for i in range(300):
        p.cc(20, 63 + i % 2)
    p.arm()
    p.cc(20, 64, 63, 64, 65, 66, 70, 76)
    assert p.learned is None
    p.cc(20, 80, 84)
    assert p.learned == Binding("z1", "cc", 20, 1)


@pytest.mark.parametrize("period", [0.5, 6.0])
def test_what_moves_already_is_not_taken_however_far_it_goes(period: float) -> None:
    p = Player()
    wave = [round(64 + 60 * (abs((i * 0.02 / period) % 2 - 1) * 2 - 1)) for i in range(1200)]
    for i, value in enumerate(wave):
        if i == 300:
            p.arm()
        p.cc(9, value, every=0.02)
    assert p.learned is None
    assert [g for g in p.gestures if g.kind == Kind.KNOB] == []
    p.after(1.5)
    p.cc(9, 10, 40)
    assert p.learned is not None, "it had come to rest"


def test_what_moves_already_plays_on_while_a_knob_waits() -> None:
    p = Player()
    p.hand.mappings.add(Binding("z2", "cc", 9))
    for value in range(20, 60):
        p.cc(9, value)
    p.arm()
    p.gestures.clear()
    p.cc(9, 80, 100)
    assert [g.knob for g in p.gestures] == [TABLE.index("z2")] * 2


@pytest.mark.parametrize("values", [(0, 127), (127, 0)])
def test_a_button_is_taken_when_it_is_pressed_and_let_go(values: tuple[int, int]) -> None:
    p = Player()
    p.arm()
    p.cc(40, *values)
    assert p.learned == Binding("z1", "cc", 40, 1)


def test_a_button_that_stays_pressed_is_taken_after_a_moment_and_a_pot_at_its_end_is_not() -> None:
    p = Player()
    p.arm()
    p.cc(40, 127)
    p.after(1.0)
    assert p.learned == Binding("z1", "cc", 40, 1)
    p = Player()
    p.arm()
    p.cc(40, *[127, 126] * 100)
    p.after(2.0)
    assert p.learned is None


def test_the_pressure_of_a_key_that_plays_is_not_meant_and_pressure_alone_is() -> None:
    p = Player()
    p.arm()
    p.sends((0x90, 60, 100), *((0xD0, v) for v in range(0, 128, 4)), *((0xA0, 60, v) for v in range(0, 128, 4)))
    p.sends((0x80, 60, 0), (0xD0, 0))
    assert p.learned is None
    assert [g.value for g in p.gestures if g.kind == Kind.PRESSURE], "it plays on"
    p.after(1.0)
    p.sends(*((0xD0, v) for v in range(0, 60, 4)))
    assert p.learned == Binding("z1", "pressure", 0, 1)


@pytest.mark.parametrize("mode", [120, 123])
def test_a_key_that_all_notes_off_let_go_of_plays_no_more(mode: int) -> None:
    player = Player()
    player.sends((0x90, 60, 100))
    player.cc(mode, 0)
    player.after(1.0)
    player.arm()
    player.sends(*((0xD0, value) for value in (0, 40, 80)))
    assert player.learned == Binding("z1", "pressure", 0, 1)


def test_a_foot_that_leaves_the_pedal_plays_and_one_that_comes_to_it_is_meant() -> None:
    player = Player()
    player.cc(64, 127)
    player.after(2.0)
    player.arm()
    player.cc(64, 0)
    assert player.learned is None
    assert player.gestures[-1][:3] == (Kind.SUSTAIN, 0, 0.0), "and no string sounds on under it"
    player.cc(64, 127, every=0.3)
    player.cc(64, 0)
    assert player.learned == Binding("z1", "cc", 64, 1)


def test_of_two_devices_that_tremble_round_other_places_none_is_taken() -> None:
    p = Player()
    p.arm()
    for i in range(100):
        p.sends((0xB0, 20, 30 + i % 2))
        p.sends((0xB0, 20, 90 + i % 2), port=OTHER)
    assert p.learned is None, "one control of two ports is two controls"


@pytest.mark.parametrize("order", [0, 1])
def test_a_pair_is_learned_as_one_whichever_half_comes_first(order: int) -> None:
    p = Player()
    p.arm()
    for raw in range(3000, 9000, 300):
        halves = [(0xB0, 21, raw >> 7), (0xB0, 53, raw & 127)]
        for half in halves[::-1] if order else halves:
            p.sends(half, every=0.001)
        p.after(0.02)
    assert p.learned == Binding("z1", "cc14", 21, 1)


TURNS = {"twos": (1, 127), "offset": (65, 63), "sign": (1, 65)}


@pytest.mark.parametrize("first", ["up", "down"])
@pytest.mark.parametrize("kind", TURNS)
def test_an_endless_encoder_is_bound_as_its_kind_and_never_throws_the_knob(kind: str, first: str) -> None:
    p = Player()
    p.hand._positions.hand[Z1] = 0.5
    up, down = TURNS[kind]
    turns = [up] * 6 + [down] * 6 if first == "up" else [down] * 6 + [up] * 6
    p.arm()
    p.cc(21, *turns, every=0.05)
    assert p.learned is not None
    assert (p.learned.kind, p.learned.number, p.learned.motion) == ("cc", 21, kind)
    assert all(abs(g.value - 0.5) < 0.1 for g in p.gestures if g.kind == Kind.KNOB)
    said = [event for event in p.said if event.key == "hands.learn.encoder"]
    assert said, p.keys()
    assert f"({up} is up, {down} is down)" in str(said[-1])
    assert "sans fin" in said[-1].text("fr")


@pytest.mark.parametrize("kind", TURNS)
def test_an_encoder_turned_there_and_back_at_once_is_known(kind: str) -> None:
    p = Player()
    up, down = TURNS[kind]
    p.arm()
    p.cc(21, up, down, up)
    p.after(0.3)
    assert p.learned is not None
    assert p.learned.motion == kind


@pytest.mark.parametrize("kind", TURNS)
def test_an_encoder_that_goes_faster_is_known_as_well(kind: str) -> None:
    p = Player()
    steps = [1, 1, 1, 2, 3, 5, 3, 1, -1, -1, -2, -4, -2, -1]
    sent = {"twos": lambda s: s % 128, "offset": lambda s: 64 + s, "sign": lambda s: s if s > 0 else 64 - s}[kind]
    p.arm()
    p.cc(21, *map(sent, steps))
    assert p.learned is not None
    assert p.learned.motion == kind
    assert [encoder_step(sent(s), p.learned.motion) for s in steps] == steps


def test_an_encoder_seen_one_way_only_says_that_the_other_way_is_not_sure_yet() -> None:
    p = Player()
    p.arm()
    p.cc(21, 1, 1, 1)
    assert p.keys()[-1] == "hands.learn.encoder.one_way"
    p.cc(21, 1, 1, 65)
    assert p.keys()[-1] == "hands.learn.encoder"
    p.cc(21, 127)
    assert p.learned is not None
    assert p.learned.motion == "sign", "once settled it stays"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 127), st.integers(0, 127), st.integers(1, 4))
@example(59, 99, 4)
@example(70, 40, 2)
@example(1, 60, 3)
def test_a_fader_is_never_taken_for_an_encoder(start: int, end: int, step: int) -> None:
    if abs(end - start) < 24:
        return
    p = Player()
    p.arm()
    p.cc(21, *range(start, end, step if end > start else -step))
    assert p.learned is not None
    assert p.learned.motion == "absolute"


@given(st.lists(st.integers(0, 127), max_size=20))
def test_any_bytes_can_be_guessed_at(raw: list[int]) -> None:
    for motion, _ in (encoders.guess(raw), encoders.at_rest(raw)):
        assert motion in (None, "absolute", *encoders.COUNTS)


def test_the_sentences_are_there_in_both_languages() -> None:
    for key in ("hands.learn.encoder", "hands.learn.encoder.one_way"):
        for language in ("en", "fr"):
            assert "z1" in say(key, language, knob="z1", control="CC 21 channel 1", up="1", down="127")


def test_what_is_remembered_of_controls_is_bounded() -> None:
    p = Player()
    dice = random.Random(4)
    for armed in (False, True):
        if armed:
            p.arm()
        for _ in range(4000):
            p.hand.take(PORT, [0xB0 | dice.randrange(16), dice.randrange(120), 64], p.now)
    learning = p.hand._learning._candidates
    assert max(len(learning._traces), len(learning._found), len(learning._pairs)) <= 2048
