"""What a producer holds down stands beside its ring, whole at any instant; a memo is whole or not there."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.engine.voices.note_voices import NoteShape
from instrument.engine.voices.notes import Notes
from instrument.ipc import Gesture, GestureRing, Kind, Link, SharedMemory
from instrument.ipc.memo import MEMO_BYTES, Memo
from instrument.ipc.pressed import AHEAD_SECONDS, Down, down

STRANGE = st.sampled_from([math.nan, math.inf, -0.0, 1e300, -1.0, 0.5])
GESTURES = st.builds(
    Gesture,
    st.sampled_from(list(Kind)).map(int),
    st.integers(0, 300),
    st.floats(-1.0, 1.0) | STRANGE,
    st.floats(0.0, 100.0) | STRANGE,
    st.just(0),
    st.just(0),
    st.integers(0, 16),
    st.integers(0, 2**32 - 1),
)


def held_after(*gestures: Gesture) -> tuple[Link, list[Gesture]]:
    link = Link.create()
    for gesture in gestures:
        assert link.hands.push(gesture)
    return link, link.hands.held.released(10.0)


def test_what_is_pressed_is_let_go_of_each_with_its_own_gesture() -> None:
    link, gone = held_after(
        Gesture(Kind.NOTE_ON, 60, 0.5), Gesture(Kind.NOTE_ON, 64, 0.5), Gesture(Kind.NOTE_OFF, 60),
        Gesture(Kind.SUSTAIN, 0, 1.0), Gesture(Kind.BEND, 0, -0.25), Gesture(Kind.PRESSURE, 0, 0.5),
        Gesture(Kind.FORCE, 3, 0.2), Gesture(Kind.FORCE, 4, -0.2), Gesture(Kind.FORCE, 4, 0.0),
    )  # fmt: skip
    with link:
        assert [(g.kind, g.knob, g.value) for g in gone] == [
            (Kind.NOTE_OFF, 64, 0.0), (Kind.FORCE, 3, 0.0), (Kind.SUSTAIN, 0, 0.0), (Kind.BEND, 0, 0.0),
            (Kind.PRESSURE, 0, 0.0),
        ]  # fmt: skip
        assert link.hands.held.released(10.0) == []


def test_the_release_comes_after_what_was_asked_for_a_moment_from_now() -> None:
    link, gone = held_after(Gesture(Kind.NOTE_ON, 60, 0.5, time=10.2))
    with link:
        assert gone[0].time == pytest.approx(10.201)
    link, gone = held_after(Gesture(Kind.NOTE_ON, 60, 0.5, time=1e9))
    with link:
        assert gone[0].time == 11.0


@pytest.mark.parametrize(("kind", "bends"), [(Kind.ALL_NOTES_OFF, True), (Kind.PANIC, False)])
def test_all_notes_off_and_panic_lift_the_keys(kind: Kind, bends: bool) -> None:
    link, gone = held_after(
        Gesture(Kind.NOTE_ON, 60, 0.5), Gesture(Kind.SUSTAIN, 0, 1.0), Gesture(Kind.BEND, 0, 0.5), Gesture(kind)
    )
    with link:
        assert [g.kind for g in gone] == [Kind.BEND] * bends


def test_keys_are_told_in_the_order_in_which_they_were_pressed_and_what_the_pedal_keeps_with_them() -> None:
    with Link.create() as link:
        for note, velocity in ((64, 0.25), (60, 0.5), (67, 1.0)):
            link.hands.push(Gesture(Kind.NOTE_ON, note, velocity))
        link.hands.push(Gesture(Kind.SUSTAIN, 0, 1.0))
        link.hands.push(Gesture(Kind.NOTE_OFF, 60))
        assert link.hands.held.keys == ((64, 0.25, True, 0), (60, 0.5, False, 0), (67, 1.0, True, 0))
        link.hands.push(Gesture(Kind.SUSTAIN, 0, 0.0))
        assert link.hands.held.keys == ((64, 0.25, True, 0), (67, 1.0, True, 0))


@pytest.mark.parametrize("door", ["stage", "shows"])
@pytest.mark.parametrize(("kind", "bend"), [(Kind.ALL_NOTES_OFF, 0.5), (Kind.PANIC, 0.0)])
def test_what_is_lifted_through_another_ring_is_down_no_more(kind: Kind, bend: float, door: str) -> None:
    with Link.create() as link:
        rings = [link.hands.held, link.stage.held, link.shows.held]
        for gesture in (
            Gesture(Kind.NOTE_ON, 60, 0.5), Gesture(Kind.NOTE_ON, 62, 0.5), Gesture(Kind.SUSTAIN, 0, 1.0),
            Gesture(Kind.NOTE_OFF, 62), Gesture(Kind.BEND, 0, 0.5), Gesture(Kind.FORCE, 3, 0.2),
        ):  # fmt: skip
            link.hands.push(gesture)
        assert down(rings) == Down(((60, 0.5, True, 0), (62, 0.5, False, 0)), True, 0.5, {3: 0.2})
        getattr(link, door).push(Gesture(kind))
        assert down(rings) == Down((), False, bend, {3: 0.2}), "who pushes a knob still does"
        link.hands.push(Gesture(Kind.NOTE_ON, 64, 0.25))
        link.hands.push(Gesture(Kind.NOTE_ON, 65, 0.25))
        link.hands.push(Gesture(Kind.NOTE_OFF, 65))
        assert down(rings).keys == ((64, 0.25, True, 0),), "no pedal keeps the other: it went up with the keys"
        for kind, note, value in ((Kind.SUSTAIN, 0, 0.0), (Kind.SUSTAIN, 0, 1.0), (Kind.NOTE_OFF, 64, 0.0)):
            link.hands.push(Gesture(kind, note, value))
        assert (down(rings).keys, down(rings).pedal) == (((64, 0.25, False, 0),), True)


def test_what_was_lifted_stays_so_when_those_who_lifted_it_die() -> None:
    with Link.create() as link:
        link.shows.push(Gesture(Kind.NOTE_ON, 60, 0.5))
        link.hands.push(Gesture(Kind.PANIC))
        link.hands.held.released(10.0)
        assert down([link.hands.held, link.shows.held]).keys == ()


def test_what_is_asked_for_after_a_panic_is_down_whichever_was_sent_first() -> None:
    with Link.create() as link:
        rings, now = [link.hands.held, link.shows.held], time.monotonic()
        link.hands.push(Gesture(Kind.NOTE_ON, 60, 0.5, now + 0.1))
        link.hands.push(Gesture(Kind.NOTE_ON, 62, 0.5, now + 0.3))
        link.shows.push(Gesture(Kind.PANIC, time=now + 0.2))
        assert [key.note for key in down(rings).keys] == [62]
        link.shows.push(Gesture(Kind.NOTE_ON, 64, 0.5, now + 0.2))
        assert [key.note for key in down(rings).keys] == [62, 64], "in one ring they act as they were sent"
        link.shows.push(Gesture(Kind.PANIC, time=now + 1e9))
        assert down(rings).keys == ()
        late = Gesture(Kind.NOTE_ON, 66, 0.5, now + 2 * AHEAD_SECONDS)
        link.hands.push(late)
        assert [key.note for key in down(rings).keys] == [66], "that one acts within a second, whatever it asked for"


def test_a_press_is_written_down_before_it_can_be_seen_and_a_release_struck_out_after() -> None:
    class Dying(Exception):
        pass

    class Words:
        """Shared memory whose process is killed at the moment at which a gesture becomes visible."""

        def __init__(self, words: memoryview, at: int) -> None:
            self.words, self.at, self.dies = words, at, False

        def __getitem__(self, i: int) -> int:
            return self.words[i]

        def __setitem__(self, i: int, value: int) -> None:
            if self.dies and i == self.at:
                raise Dying
            self.words[i] = value

    memory = SharedMemory.create(GestureRing.size(8))
    ring = GestureRing(memory, 0, 8)
    ring._words = words = Words(memory.words, ring._write)  # type: ignore[assignment]
    words.dies = True
    with pytest.raises(Dying):
        ring.push(Gesture(Kind.NOTE_ON, 60, 0.5))
    assert [key.note for key in ring.held.keys] == [60]
    with pytest.raises(Dying):
        ring.push(Gesture(Kind.NOTE_OFF, 60))
    assert [key.note for key in ring.held.keys] == [60], "not struck out: nobody has seen it"
    memory.close()


@given(st.lists(GESTURES, max_size=40))
def test_whatever_was_played_nothing_is_held_once_it_is_let_go_of(gestures: list[Gesture]) -> None:
    memory = SharedMemory.create(GestureRing.size(64))
    ring = GestureRing(memory, 0, 64)
    for gesture in gestures:
        ring.push(gesture)
    held, gone = ring.held, ring.held.released(10.0)
    assert not held.keys
    assert not held.forces
    assert not held.pedal
    assert held.bend == held.pressure == 0.0
    assert all(g.value == 0.0 and 10.0 <= g.time <= 11.0 for g in gone)
    memory.close()


# --- keys taken up by a new sound


def notes(decay_ms: float = 0.0) -> Notes:
    return Notes(57.0, NoteShape(10.0, 100.0, 50.0, decay_ms), 2.0, 1500.0)


def test_a_key_that_was_bent_and_gliding_is_found_again_by_its_release() -> None:
    one = notes()
    one.resume(59.3, 0.8, [(50, 0.9, True, 0), (60, 0.7, True, 0)], False, 0.5)
    assert one.pitch == pytest.approx(58.3)
    assert one.bend == 0.5
    one.off(60)
    assert one.rest == 50.0
    one.off(50)
    assert not one.sounding


def test_what_sounded_without_a_key_dies_away_and_what_the_pedal_kept_goes_with_it() -> None:
    one = notes()
    one.resume(60.0, 0.5, [], False, 0.0)
    assert not one.sounding
    one.resume(60.0, 0.5, [(60, 0.5, False, 0)], True, 0.0)
    assert one.sounding
    one.sustain(False)
    assert not one.sounding


# --- memos


def test_a_memo_is_the_last_whole_one() -> None:
    with Link.create() as link:
        memo = link.memos["hands"]
        assert memo.read() == ""
        assert memo.write("one")
        assert memo.write("zwei, drei: é")
        assert memo.read() == "zwei, drei: é"
        assert link.memos["sound"].read() == ""
        at = memo._first + (2 % 2) * memo._STRIDE
        memo._bytes[at + 20] ^= 0xFF  # half written
        assert memo.read() == "one"


def test_a_memo_that_is_too_long_leaves_none_rather_than_an_old_one() -> None:
    memory = SharedMemory.create(Memo.size())
    memo = Memo(memory, 0)
    memo.write("old")
    assert memo.write("x" * MEMO_BYTES)
    assert not memo.write("x" * (MEMO_BYTES + 1))
    assert memo.read() == ""
    memory.close()


@given(st.lists(st.text(max_size=50), max_size=6))
def test_every_memo_is_read_as_it_was_written(texts: list[str]) -> None:
    memory = SharedMemory.create(Memo.size())
    memo = Memo(memory, 0)
    for text in texts:
        memo.write(text)
        assert memo.read() == text.encode("utf-8", "replace").decode("utf-8")
    memory.close()


def test_a_key_is_found_again_on_its_channel() -> None:
    with Link.create() as link:
        link.hands.push(Gesture(Kind.NOTE_ON, 60, 0.5, channel=3))
        link.hands.push(Gesture(Kind.NOTE_ON, 62, 0.5))
        assert [key.channel for key in down([link.hands.held]).keys] == [3, 0]
