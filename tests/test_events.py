"""Events: one table, and everything that is derived from it has a partner for each row."""

from __future__ import annotations

import json

import pytest
from handshost import PATCHES, TABLE, on_the_table

from instrument.audio.errands import ANSWERS
from instrument.documents.take import gesture_of
from instrument.documents.take_lines import READ, event_of
from instrument.documents.take_writing import line_of
from instrument.engine.acts import HEAVY, ROWS
from instrument.hands.osc import echo
from instrument.hands.osc.endpoints import ENDPOINTS, HEARD, OF_KNOBS, TOLD
from instrument.hands.osc.hand import NEWEST_WINS, OF_A_PATCH
from instrument.hands.osc.handlers import FOR_THE_HANDS, HANDLERS
from instrument.hands.osc.namespace import Namespace
from instrument.ipc import Gesture, Kind
from instrument.ipc.events import EVENT_AT, EVENT_OF, EVENTS, TOUCHES, Event, Is, kinds, presses

LATENT = "latent/N"
"""Heard as the raw position of a knob."""


def test_every_kind_has_one_row_and_the_engine_a_handler_for_each() -> None:
    assert [event.kind for event in sorted(EVENTS, key=lambda e: e.kind)] == list(Kind)
    assert set(ROWS) == set(Kind) == set(EVENT_OF)


def test_every_address_of_an_event_is_heard_and_every_address_makes_one() -> None:
    assert set(EVENT_AT) - {LATENT} == {row.address for verb, row in ENDPOINTS.items() if verb not in FOR_THE_HANDS}
    assert set(HANDLERS) | set(FOR_THE_HANDS) == set(ENDPOINTS)
    assert set(FOR_THE_HANDS) == {"learn", "unlearn", "sync"}
    for verb, row in ENDPOINTS.items():
        assert (row.event is None) == (verb in FOR_THE_HANDS)


def test_what_the_flags_say_is_what_the_hands_and_the_engine_go_by() -> None:
    verbs = {"raw", "value", "push", "bridge", "latents", "feel", "scene", "scene/save", "learn", "unlearn"}
    assert verbs == OF_A_PATCH
    assert {Kind.KNOB, Kind.BEND, Kind.PRESSURE, Kind.SUSTAIN, Kind.SOSTENUTO} == NEWEST_WINS
    assert set(ANSWERS) == kinds(Is.ASKED) > kinds(Is.ASKED_FIRST)
    assert {Kind.SEED, Kind.SNAPSHOT, Kind.RESTORE, Kind.SCENE, Kind.HANDS_ONLY} == HEAVY


def test_a_word_of_the_record_is_said_once_and_a_line_has_each_key_once() -> None:
    for event in EVENTS:
        assert len({field.word for field in event.fields}) == len(event.fields)
        assert len({field.key for field in event.fields}) == len(event.fields)
        assert not (event.fields and event.key), "a line is known by its first field"


def test_only_the_first_of_two_events_with_one_key_reads_it_and_becomes_the_other_at_nothing() -> None:
    for event in EVENTS:
        others = [other for other in EVENTS if other.line_key == event.line_key and other is not event]
        if event.line_key and others:
            assert len(others) == 1
            assert event.at_zero == others[0].kind or others[0].at_zero == event.kind


def ends(event: Event) -> list[Gesture]:
    """One gesture at the low end of all that an event can say, and one at the high one."""
    found = []
    for end in ("low", "high"):
        words = {"knob": 0, "value": 0.0, "extra": 0}
        for field in event.fields:
            said = getattr(field, end)
            words[field.word] = said if field.word == "value" else field.base + round(said * field.scale)
        found.append(Gesture(event.kind, int(words["knob"]), float(words["value"]), 0.0, 0, int(words["extra"])))
    return found


@pytest.mark.parametrize("event", [event for event in EVENTS if event.line_key], ids=lambda event: event.name)
def test_what_an_event_can_say_a_take_says_and_reads_again(event: Event) -> None:
    assert event.line_key in READ
    for gesture in ends(event):
        line = line_of(gesture, 1.0, TABLE)
        assert line is not None
        read = gesture_of(event_of(json.loads(line)), TABLE)
        kind = event.at_zero if event.at_zero is not None and gesture.value == 0.0 else event.kind
        assert read._replace(time=0.0, source=0) == gesture._replace(kind=kind)


def test_a_take_says_channel_and_note_id_only_where_there_are_some() -> None:
    plain = Gesture(Kind.NOTE_ON, 60, 0.5)
    assert line_of(plain, 0.0, TABLE) == '{"t": 0.0, "note": 60, "velocity": 0.5}'
    line = line_of(plain._replace(channel=3, note_id=2**32 - 1), 0.0, TABLE)
    assert line == '{"t": 0.0, "note": 60, "velocity": 0.5, "channel": 3, "note_id": 4294967295}'
    read = gesture_of(event_of(json.loads(line)), TABLE)
    assert (read.channel, read.note_id) == (3, 2**32 - 1)
    for wrong in ('"channel": 17', '"channel": -1', '"note_id": 4294967296', '"note_id": 0.5'):
        with pytest.raises(ValueError, match="does not fit"):
            event_of(json.loads(f'{{"t": 0, "panic": true, {wrong}}}'))


@pytest.mark.parametrize("event", [event for event in EVENTS if not event.line_key], ids=lambda event: event.name)
def test_what_asks_for_something_beside_the_sound_has_no_line(event: Event) -> None:
    assert line_of(Gesture(event.kind, 1, 1.0), 0.0, TABLE) is None


def test_what_only_lets_go_never_presses_and_what_holds_does_from_its_value_on() -> None:
    assert {
        Kind.NOTE_ON, Kind.NOTE_OFF, Kind.BEND, Kind.PRESSURE, Kind.ALL_NOTES_OFF, Kind.PANIC, Kind.FORCE, Kind.SUSTAIN,
        Kind.SOSTENUTO,
    } == TOUCHES  # fmt: skip
    for kind, least in ((Kind.NOTE_ON, 5e-324), (Kind.SUSTAIN, 0.5), (Kind.BEND, -5e-324), (Kind.FORCE, 1e-9)):
        assert presses(kind, least)
    for kind, value in ((Kind.NOTE_ON, -1.0), (Kind.SUSTAIN, 0.499), (Kind.BEND, 0.0), (Kind.PANIC, 1.0)):
        assert not presses(kind, value)
    assert not any(presses(event.kind, 1.0) for event in EVENTS if event.lifts)


def test_the_endpoints_are_the_addresses_of_a_patch_and_all_that_is_told() -> None:
    book = Namespace("/rosin", TABLE, [(name,) for name in PATCHES])
    verbs = {target.verb for address in book for target in book.find(address)}
    assert verbs == {*OF_KNOBS, *HEARD}
    assert {*echo.TELLS, *(f"knob/KNOB/{name}" for name in (*echo.TELLS_OF_KNOB, *echo.DETENTS))} <= set(TOLD)
    for row in (*ENDPOINTS.values(), *TOLD.values()):
        assert row.tags
        assert row.low is None or row.high is None or row.low < row.high


def test_a_note_of_midi_tells_its_channel_and_what_is_no_note_tells_none() -> None:
    with on_the_table() as t:
        played = t.midi((0x90, 60, 100), (0x9F, 62, 100), (0x8F, 62, 0), (0xE3, 0, 96))
    assert [(g.kind, g.knob, g.channel, g.note_id) for g in played] == [
        (Kind.NOTE_ON, 60, 1, 0), (Kind.NOTE_ON, 62, 16, 0), (Kind.NOTE_OFF, 62, 16, 0), (Kind.BEND, 0, 0, 0),
    ]  # fmt: skip
