"""Notes: one voice, many keys. The last key sounds, the one before comes back, a release ends at exactly nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.engine.voices.note_voices import SOFTEST, NoteShape
from instrument.engine.voices.notes import Notes

TICK_HZ = 1500.0


def keys(attack_ms: float = 20.0, release_ms: float = 250.0, glide_ms: float = 0.0, bend: float = 2.0) -> Notes:
    return Notes(57.0, NoteShape(attack_ms, release_ms, glide_ms), bend, TICK_HZ)


def run(notes: Notes, ticks: int, size: int = 1) -> tuple[Any, Any]:
    """Pitch and level of so many ticks, stepped ``size`` at a time."""
    pitch, level = np.zeros((1, ticks), np.float32), np.zeros((1, ticks), np.float32)
    for begin in range(0, ticks, size):
        notes.step(pitch, level, begin, min(ticks, begin + size))
    return pitch[0], level[0]


def settled(notes: Notes) -> tuple[float, float]:
    """Pitch and level when nothing moves any more."""
    pitch, level = run(notes, 60_000, 600)
    return float(pitch[-1]), float(level[-1])


def test_at_rest_the_pitch_is_the_patchs_and_nothing_sounds() -> None:
    assert settled(keys()) == (57.0, 0.0)


def test_the_last_key_down_sounds_and_the_one_before_comes_back() -> None:
    notes = keys()
    for note, velocity in ((60, 1.0), (64, 0.5), (67, 0.2)):
        notes.on(note, velocity)
        assert settled(notes) == (note, pytest.approx(SOFTEST + (1 - SOFTEST) * velocity))
    notes.off(64)
    assert settled(notes)[0] == 67.0
    notes.off(67)
    assert settled(notes) == (60.0, 1.0)
    notes.off(60)
    assert settled(notes) == (60.0, 0.0)


def test_the_same_key_twice_is_one_key() -> None:
    notes = keys()
    notes.on(60, 0.5)
    notes.on(60, 1.0)
    assert settled(notes) == (60.0, 1.0)
    notes.off(60)
    assert not notes.sounding


def test_letting_go_of_a_key_that_was_not_down_changes_nothing() -> None:
    notes = keys()
    notes.off(60)
    assert settled(notes) == (57.0, 0.0)
    notes.on(62, 1.0)
    notes.off(60)
    assert settled(notes) == (62.0, 1.0)


def test_the_pedal_holds_what_was_let_go_until_it_comes_up() -> None:
    notes = keys()
    notes.on(60, 1.0)
    notes.sustain(True)
    notes.off(60)
    assert settled(notes) == (60.0, 1.0)
    notes.on(64, 1.0)
    notes.off(64)
    assert settled(notes) == (64.0, 1.0)
    notes.sustain(False)
    assert settled(notes) == (64.0, 0.0)


def test_a_key_still_held_sounds_on_when_the_pedal_comes_up() -> None:
    notes = keys()
    notes.on(60, 1.0)
    notes.sustain(True)
    notes.on(64, 0.3)
    notes.off(64)
    notes.sustain(False)
    assert settled(notes) == (60.0, 1.0)


def test_all_keys_up_is_the_pedal_too() -> None:
    notes = keys()
    notes.sustain(True)
    notes.on(60, 1.0)
    notes.all_off()
    assert (notes.sounding, notes.pedal, settled(notes)[1]) == (False, False, 0.0)


@given(velocity=st.floats(0.001, 1.0), release_ms=st.floats(0, 3000), early=st.integers(0, 60))
@settings(deadline=None)
def test_a_release_reaches_exactly_nothing(velocity: float, release_ms: float, early: int) -> None:
    notes = keys(release_ms=release_ms)
    notes.on(60, velocity)
    run(notes, early)
    notes.off(60)
    _, level = run(notes, int(release_ms * TICK_HZ / 1000) + 3)
    assert level[-1] == 0.0
    assert np.all(np.diff(level) <= 0.0)
    assert notes.level == 0.0


@pytest.mark.parametrize("ms", [20.0, 400.0, 2500.0])
def test_what_is_struck_falls_while_the_key_is_held_and_speaks_anew_each_time(ms: float) -> None:
    notes = Notes(57.0, NoteShape(2.0, 100.0, 0.0, ms), 2.0, TICK_HZ)
    notes.on(60, 1.0)
    _, level = run(notes, 5000)
    top = int(level.argmax())
    assert level[top] == 1.0
    assert top <= 3
    assert np.argmax(level[top:] == 0.0) == pytest.approx(ms * TICK_HZ / 1000, abs=1)
    assert np.all(np.diff(level[top:]) <= 0.0)
    assert not level[-100:].any(), "still down, and over"
    notes.on(60, 0.5)
    assert run(notes, 10)[1].max() == pytest.approx(0.725), "struck again, softer"
    notes.on(64, 0.01)
    assert run(notes, 2)[1][-1] <= 0.4556, "softer than what still sounds: at once"
    notes.on(64, 1.0)
    run(notes, 5)
    notes.off(60)
    notes.off(64)
    assert run(notes, 400)[1][-1] == 0.0, "the release is the quicker end"


def test_a_struck_key_put_back_falls_on() -> None:
    first, second = (Notes(57.0, NoteShape(2.0, 100.0, 0.0, 900.0), 2.0, TICK_HZ) for _ in range(2))
    first.on(60, 1.0)
    run(first, 200)
    second.set_state(first.state())
    assert np.array_equal(run(first, 300)[1], run(second, 300)[1])


@pytest.mark.parametrize("ms", [1.0, 20.0, 333.0, 2500.0])
def test_attack_and_release_last_as_long_as_they_say_to_the_tick(ms: float) -> None:
    notes = keys(attack_ms=ms, release_ms=ms)
    notes.on(60, 1.0)
    _, level = run(notes, 5000)
    assert np.argmax(level == 1.0) + 1 == pytest.approx(ms * TICK_HZ / 1000, abs=1)
    assert np.all(np.diff(level) >= 0.0)
    notes.off(60)
    _, level = run(notes, 5000)
    assert np.argmax(level == 0.0) + 1 == pytest.approx(ms * TICK_HZ / 1000, abs=1)


def test_times_of_nothing_act_within_two_ticks_and_do_not_divide() -> None:
    notes = keys(0.0, 0.0, 0.0)
    notes.on(60, 1.0)
    assert run(notes, 2)[1][-1] == 1.0
    notes.off(60)
    assert run(notes, 2)[1][-1] == 0.0


@given(first=st.integers(0, 127), second=st.integers(0, 127), glide_ms=st.floats(1, 400))
@settings(deadline=None)
def test_a_glide_goes_one_way_and_arrives(first: int, second: int, glide_ms: float) -> None:
    notes = keys(glide_ms=glide_ms)
    notes.on(first, 1.0)
    run(notes, 64, 64)
    notes.on(second, 1.0)
    pitch, _ = run(notes, int(6 * glide_ms * TICK_HZ / 1000) + 64)
    way = np.sign(second - first)
    assert np.all(np.diff(pitch) * way >= 0.0)
    assert min(first, second) <= pitch.min()
    assert pitch.max() <= max(first, second)
    assert pitch[-1] == second


def test_a_glide_is_nearly_there_after_its_time() -> None:
    notes = keys(glide_ms=100.0)
    notes.on(48, 1.0)
    run(notes, 60)
    notes.on(60, 1.0)
    pitch, _ = run(notes, 150)
    assert pitch[-1] == pytest.approx(60.0, abs=12.0 * 0.051)
    assert pitch[75] < 59.0


def test_from_silence_a_note_starts_where_it_is() -> None:
    notes = keys(glide_ms=500.0)
    notes.on(72, 1.0)
    assert set(run(notes, 100)[0]) == {72.0}
    notes.off(72)
    run(notes, 1000)
    notes.on(40, 1.0)
    assert set(run(notes, 100)[0]) == {40.0}


def test_a_note_that_still_sounds_is_glided_from() -> None:
    notes = keys(glide_ms=500.0)
    notes.on(72, 1.0)
    run(notes, 100)
    notes.off(72)
    run(notes, 10)
    notes.on(60, 1.0)
    pitch, _ = run(notes, 5)
    assert 71.0 < pitch[0] < 72.0


def test_bend_moves_by_its_semitones() -> None:
    notes = keys(bend=12.0)
    notes.bend = -0.5
    assert settled(notes)[0] == 51.0


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("on"), st.integers(0, 127), st.floats(0.01, 1)),
        st.tuples(st.just("off"), st.integers(0, 127)),
        st.tuples(st.just("sustain"), st.booleans()),
        st.tuples(st.just("all_off")),
        st.tuples(st.just("wait"), st.integers(1, 100)),
    ),
    max_size=25,
)
PATCH = st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(0, 300))


def play(notes: Notes, acts: list[Any], size: int) -> tuple[Any, Any]:
    pitches, levels = [], []
    for name, *arguments in acts:
        if name == "wait":
            pitch, level = run(notes, 4 * arguments[0], size)
            pitches.append(pitch)
            levels.append(level)
        else:
            getattr(notes, name)(*arguments)
    return np.concatenate([*pitches, []]), np.concatenate([*levels, []])


@given(acts=ACTS, patch=PATCH)
@settings(deadline=None)
def test_the_size_of_a_block_changes_nothing(acts: list[Any], patch: tuple[float, float, float]) -> None:
    one, four = keys(*patch), keys(*patch)
    for a, b in zip(play(one, acts, 1), play(four, acts, 4), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.state() == four.state()


@given(before=ACTS, after=ACTS, patch=PATCH)
@settings(deadline=None)
def test_a_state_put_back_plays_on_the_same(before: list[Any], after: list[Any], patch: Any) -> None:
    notes, other = keys(*patch), keys(*patch)
    play(notes, before, 4)
    kept = notes.state()
    first = play(notes, after, 4)
    for target in (notes, other):
        target.set_state(kept)
        assert target.state() == kept
        for a, b in zip(first, play(target, after, 4), strict=True):
            np.testing.assert_array_equal(a, b)


@given(acts=ACTS, patch=PATCH)
@settings(deadline=None)
def test_the_level_stays_on_the_scale_and_keys_up_end_in_silence(acts: list[Any], patch: Any) -> None:
    notes = keys(*patch)
    _, levels = play(notes, acts, 4)
    assert np.all((levels >= 0.0) & (levels <= 1.0))
    notes.all_off()
    assert settled(notes)[1] == 0.0


def test_a_key_that_was_down_when_the_sound_was_lost_is_taken_up() -> None:
    notes = keys()
    notes.resume(64.0, 0.8)
    pitch, level = run(notes, 4)
    assert (pitch[0], level[0]) == (64.0, pytest.approx(0.8))
    notes.off(64)
    assert settled(notes) == (64.0, 0.0)


def test_reset_is_silence_at_once() -> None:
    notes = keys()
    notes.on(60, 1.0)
    notes.bend = 1.0
    run(notes, 100)
    notes.reset()
    pitch, level = run(notes, 1)
    assert (pitch[0], level[0]) == (60.0, 0.0)
