"""Fingers from MIDI: zones, five messages a note, what is a master's; nothing stays bent. From the specification."""

from __future__ import annotations

import pytest
from handshost import on_the_table
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.controls import Controls
from instrument.hands.midi.decode import MidiParser
from instrument.hands.midi.mpe import Mpe, middled
from instrument.ipc import Gesture, Kind

NO_OSC = OscOptions("off")


def seen(mpe: Mpe, *messages: tuple[int, ...]) -> bool:
    """Whether any of these opened or closed a zone."""
    parser, controls, turned = MidiParser(), Controls(), False
    for message in messages:
        for one in parser.feed(message):
            for control in controls.take(one):
                turned |= mpe.see(control)
    return turned


def rpn(channel: int, number: int, value: int) -> list[tuple[int, ...]]:
    status = 0xB0 | (channel - 1)
    return [(status, 101, 0), (status, 100, number), (status, 6, value)]


def said(found: list[Gesture]) -> list[tuple[Kind, int, float, int]]:
    return [(Kind(g.kind), g.knob, round(g.value, 4), g.channel) for g in found]


# --- zones


def test_nothing_is_a_finger_until_a_controller_says_so() -> None:
    assert {Mpe("auto").part(channel) for channel in range(1, 17)} == {""}


@pytest.mark.parametrize(
    ("mode", "masters", "fingers"),
    [
        ("lower", [1], list(range(2, 17))),
        ("upper", [16], list(range(1, 16))),
        ("both", [1, 16], [*range(2, 9), *range(9, 16)]),
        ("off", [], []),
    ],
)
def test_the_rig_opens_zones(mode: str, masters: list[int], fingers: list[int]) -> None:
    mpe = Mpe(mode)  # type: ignore[arg-type]
    assert [c for c in range(1, 17) if mpe.part(c) == "master"] == masters
    if mode == "upper":
        fingers = fingers[1:] if mpe.part(1) == "" else fingers
    assert mpe.fingers() == [c for c in fingers if c not in masters]


def test_a_configuration_message_opens_a_zone_of_so_many_fingers() -> None:
    mpe = Mpe()
    assert seen(mpe, *rpn(1, 6, 5))
    assert mpe.fingers() == [2, 3, 4, 5, 6]
    assert mpe.part(1) == "master"


def test_the_upper_zone_counts_down_from_fifteen() -> None:
    mpe = Mpe()
    seen(mpe, *rpn(16, 6, 3))
    assert mpe.fingers() == [13, 14, 15]


def test_no_fingers_close_the_zone() -> None:
    mpe = Mpe()
    seen(mpe, *rpn(1, 6, 5))
    assert seen(mpe, *rpn(1, 6, 0))
    assert not mpe.on


def test_a_zone_takes_channels_from_the_older_one() -> None:
    mpe = Mpe()
    seen(mpe, *rpn(1, 6, 10), *rpn(16, 6, 8))
    assert (mpe.lower, mpe.upper) == (6, 8)
    seen(mpe, *rpn(1, 6, 15))
    assert (mpe.lower, mpe.upper) == (15, 0)


def test_a_configuration_on_a_channel_that_is_no_master_is_none() -> None:
    mpe = Mpe()
    assert not seen(mpe, *rpn(5, 6, 4))
    assert not mpe.on


def test_off_is_off_whatever_a_controller_says() -> None:
    mpe = Mpe("off")
    assert not seen(mpe, *rpn(1, 6, 15))
    assert not mpe.on


def test_an_nrpn_of_the_same_numbers_is_no_configuration() -> None:
    assert not seen(Mpe(), (0xB0, 99, 0), (0xB0, 98, 6), (0xB0, 6, 15))


# --- bend


def test_a_whole_bend_is_forty_eight_semitones_unless_it_is_said() -> None:
    mpe = Mpe("lower")
    assert mpe.semitones(2, 16383) == 48.0
    assert mpe.semitones(2, 0) == -48.0
    assert mpe.semitones(2, 8192) == 0.0
    seen(mpe, *rpn(3, 0, 24))
    assert mpe.semitones(2, 16383) == 24.0, "said on one finger, it is so for the zone"
    assert Mpe("lower", 24.0).semitones(9, 0) == -24.0


def test_a_bend_range_is_never_more_than_ninety_six() -> None:
    mpe = Mpe("lower")
    seen(mpe, *rpn(3, 0, 127))
    assert mpe.semitones(2, 16383) == 96.0


def test_a_new_configuration_forgets_the_range() -> None:
    mpe = Mpe("lower")
    seen(mpe, *rpn(3, 0, 12), *rpn(1, 6, 8))
    assert mpe.semitones(2, 16383) == 48.0


def test_the_slide_has_its_middle_at_sixty_four() -> None:
    assert [middled(raw) for raw in (0, 64, 127)] == [0.0, 0.5, 1.0]
    assert [middled(raw) for raw in range(128)] == sorted(middled(raw) for raw in range(128))


# --- what goes to the sound


def test_each_finger_speaks_of_its_own_channel() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 15))
        found = t.midi((0x91, 60, 100), (0xE1, 127, 127), (0xD1, 127), (0xB1, 74, 127))
        assert said(found) == [
            (Kind.NOTE_ON, 60, round(100 / 127, 4), 2), (Kind.FINGER_BEND, 0, 48.0, 2),
            (Kind.FINGER_PRESSURE, 0, 1.0, 2), (Kind.FINGER_TIMBRE, 0, 1.0, 2),
        ]  # fmt: skip


def test_what_a_master_says_is_for_all() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 15))
        found = t.midi((0xE0, 127, 127), (0xD0, 127), (0xB0, 74, 0), (0xB0, 64, 127))
        assert said(found) == [
            (Kind.BEND, 0, 1.0, 0), (Kind.PRESSURE, 0, 1.0, 0), (Kind.FINGER_TIMBRE, 0, 0.0, 0),
            (Kind.SUSTAIN, 0, 1.0, 0),
        ]  # fmt: skip


def test_poly_pressure_is_a_keys_own_and_of_a_finger_none() -> None:
    with on_the_table(NO_OSC) as t:
        assert said(t.midi((0xA3, 60, 127))) == [(Kind.FINGER_PRESSURE, 61, 1.0, 4)]
        t.midi(*rpn(1, 6, 15))
        assert t.midi((0xA3, 60, 127)) == []


def test_without_a_zone_bend_and_pressure_are_everybodys() -> None:
    with on_the_table(NO_OSC) as t:
        assert said(t.midi((0xE3, 127, 127), (0xD3, 127))) == [(Kind.BEND, 0, 1.0, 0), (Kind.PRESSURE, 0, 1.0, 0)]
        assert t.midi((0xB3, 74, 3)) == []


def test_a_zone_that_closes_leaves_nothing_bent() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 4), (0xE1, 127, 127), (0xD2, 99))
        found = said(t.midi(*rpn(1, 6, 2)))
        assert {(Kind.FINGER_BEND, 0, 0.0, c) for c in range(2, 4)} <= set(found)


def test_a_port_that_goes_leaves_nothing_bent() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 4), (0x91, 60, 100), (0xE1, 127, 127))
        t.hands.midi.forget(next(iter(t.hands.midi._ports)))
        found = said(t.step())
        assert (Kind.FINGER_BEND, 0, 0.0, 2) in found
        assert (Kind.NOTE_OFF, 60, 0.0, 2) in found


def test_two_fingers_on_one_note_are_two_keys_and_neither_hangs() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 15), (0x91, 60, 100), (0x92, 60, 100), (0x81, 60, 0))
        pressed = t.link.hands.held
        assert [key.note for key in pressed.keys if key.down] == [60], "the other finger is still there"
        t.hands.midi.forget(next(iter(t.hands.midi._ports)))
        found = said(t.step())
        assert (Kind.NOTE_OFF, 60, 0.0, 3) in found
        assert not pressed.keys


def test_the_soft_pedal_softens_what_comes_after_it() -> None:
    with on_the_table(NO_OSC) as t:
        assert said(t.midi((0xB0, 67, 127), (0x90, 60, 100), (0xB0, 67, 0), (0x90, 62, 100))) == [
            (Kind.NOTE_ON, 60, round(0.7 * 100 / 127, 4), 1), (Kind.NOTE_ON, 62, round(100 / 127, 4), 1)
        ]  # fmt: skip


def test_the_middle_pedal_is_one() -> None:
    with on_the_table(NO_OSC) as t:
        assert said(t.midi((0xB0, 66, 127), (0xB0, 66, 0))) == [
            (Kind.SOSTENUTO, 0, 1.0, 0),
            (Kind.SOSTENUTO, 0, 0.0, 0),
        ]


def test_controllers_have_the_knobs_that_players_expect_unless_they_are_bound() -> None:
    with on_the_table(NO_OSC) as t:
        table = t.hands.positions.table
        found = t.midi((0xB0, 1, 127), (0xB0, 11, 127), (0xB0, 7, 100), (0xB0, 7, 127), (0xB0, 7, 0))
        roles = [knob.role for knob in table.playable]
        loudness = roles.index("loudness")
        first = next(i for i, role in enumerate(roles) if role not in ("pitch", "loudness"))
        level = table.index("level")
        assert [g.knob for g in found] == [first, loudness, level, level, level]
        assert [g.value for g in found][2:] == pytest.approx([table[level].start, table[level].start, 0.0]), (
            "the volume that most keyboards begin with is the patch's own, and none is louder"
        )
    with on_the_table(
        NO_OSC, MidiOptions(takeover="jump", bindings=({"knob": "z2", "kind": "cc", "number": 11},))
    ) as t:
        assert [g.knob for g in t.midi((0xB0, 11, 127))] == [t.hands.positions.table.index("z2")]


BYTES = st.lists(st.integers(0, 255), max_size=400)


@settings(max_examples=60, deadline=None)
@given(BYTES)
def test_whatever_comes_a_zone_is_a_zone(data: list[int]) -> None:
    mpe, parser, controls = Mpe(), MidiParser(), Controls()
    for message in parser.feed(data):
        for control in controls.take(message):
            mpe.see(control)
    parts = [mpe.part(channel) for channel in range(1, 17)]
    assert parts.count("master") == (mpe.lower > 0) + (mpe.upper > 0)
    assert mpe.lower + mpe.upper <= 15
    for channel in mpe.fingers():
        assert abs(mpe.semitones(channel, 16383)) <= 96.0


def test_a_zone_that_closes_wholly_leaves_nothing_bent() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi(*rpn(1, 6, 4), (0xE1, 127, 127), (0xD2, 99))
        found = said(t.midi(*rpn(1, 6, 0)))
        rests = {(Kind.FINGER_BEND, 0, 0.0), (Kind.FINGER_PRESSURE, 0, 0.0), (Kind.FINGER_TIMBRE, 0, 0.5)}
        assert {(*rest, c) for c in range(1, 17) for rest in rests} <= set(found)


def test_controllers_that_are_put_back_let_the_soft_pedal_up_too() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi((0xB0, 67, 127), (0xB0, 121, 0))
        assert said(t.midi((0x90, 60, 100))) == [(Kind.NOTE_ON, 60, round(100 / 127, 4), 1)]


def test_a_knob_that_a_controller_has_by_custom_is_known_there_before_a_frame_tells() -> None:
    with on_the_table(NO_OSC) as t:
        (moved,) = t.midi((0xB0, 1, 127))
        assert t.hands.positions.read(moved.knob) == 1.0
