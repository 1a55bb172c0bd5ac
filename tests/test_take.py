"""Takes: what was played comes back to the sample, and a broken file is told of its lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import shipped
from instrument.documents.take import TAKE_SECONDS_MAX, Take, TakeEvent, gestures, line_of, read_take, take_from
from instrument.ipc import Gesture, Kind, Source
from instrument.knobs import Label, LatentSpec, table_for

TABLE = table_for([LatentSpec("pitch", Label("p", "p"), "pitch"), LatentSpec("z1", Label("z", "z"))])
HEAD = '{"rosin": 1, "patch": "bow"}'
UNIT, BOTH = st.floats(0, 1), st.floats(-1, 1)
KNOB = st.integers(0, len(TABLE) - 1)


def played(kind: Kind, knob: int = 0, value: float = 0.0, extra: int = 0) -> Gesture:
    """(st.builds would make up the fields of a NamedTuple that are left out.)"""
    return Gesture(kind, knob, value, extra=extra)


KEPT = st.one_of(
    st.builds(played, st.just(Kind.KNOB), KNOB, UNIT),
    st.builds(played, st.just(Kind.FORCE), KNOB, BOTH),
    st.builds(played, st.just(Kind.NOTE_ON), st.integers(0, 127), st.floats(1e-6, 1)),
    st.builds(played, st.just(Kind.NOTE_OFF), st.integers(0, 127)),
    st.builds(played, st.sampled_from([Kind.BEND]), st.just(0), BOTH),
    st.builds(played, st.sampled_from([Kind.PRESSURE, Kind.SUSTAIN, Kind.HANDS_ONLY]), st.just(0), UNIT),
    st.builds(played, st.sampled_from([Kind.SNAPSHOT, Kind.RESTORE]), st.integers(0, 7)),
    st.builds(played, st.sampled_from([Kind.PANIC, Kind.RESUME, Kind.RESET, Kind.ALL_NOTES_OFF, Kind.FILL])),
    st.builds(played, st.just(Kind.BRIDGE), KNOB, UNIT, st.integers(0, 3_600_000)),
    st.builds(
        played,
        st.just(Kind.ACCIDENT),
        st.integers(0, 65535),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.integers(0, 2**64 - 1),
    ),
    st.builds(played, st.just(Kind.SCENE), st.integers(0, 7), extra=st.integers(0, 3_600_000)),
    st.builds(played, st.just(Kind.SCENE_SAVE), st.integers(0, 7)),
    st.builds(played, st.just(Kind.SEED), extra=st.integers(0, 2**63 - 1)),
)
TIME = st.floats(0, TAKE_SECONDS_MAX)


def mistakes(*lines: str) -> list[str]:
    with pytest.raises(ValidationErrors) as caught:
        take_from(lines, "t.jsonl")
    return caught.value.lines


@settings(deadline=None)
@given(hands=st.lists(st.tuples(TIME, KEPT), max_size=12), seed=st.none() | st.integers(0, 2**63 - 1))
def test_what_was_played_comes_back_in_order_of_time(hands: list[tuple[float, Gesture]], seed: int | None) -> None:
    lines = [line_of(gesture, t, TABLE) for t, gesture in hands]
    take = take_from([json.dumps({"rosin": 1, "patch": "é", "seed": seed, "seconds": 5}), *map(str, lines)], "t")
    assert (take.patch, take.seed, take.seconds) == ("é", seed, 5.0)
    found = list(gestures(take, TABLE))
    wanted = sorted(((round(t, 6), g) for t, g in hands), key=lambda pair: pair[0])
    assert found == [g._replace(time=t, source=Source.TAKE) for t, g in wanted]


ANY = st.builds(
    lambda kind, knob, value, extra: Gesture(kind, knob, value, extra=extra),
    st.sampled_from(list(Kind)),
    st.integers(0, 65535),
    st.floats(),
    st.integers(0, 2**64 - 1),
)
"""Whatever fits a record of the link."""


@settings(deadline=None, max_examples=300)
@given(gesture=ANY, t=TIME)
def test_whatever_the_link_can_hold_is_a_line_that_is_read_again_or_none(gesture: Gesture, t: float) -> None:
    line = line_of(gesture, t, TABLE)
    if line is not None:
        (event,) = take_from([HEAD, line], "t").events
        (again,) = gestures(Take("bow", None, 1.0, (event,)), TABLE)
        assert line_of(again, t, TABLE) == line, "and read again it says the same"


def test_an_end_says_how_long_it_is_and_what_stands_after_it_was_not_heard() -> None:
    head = '{"rosin": 1, "patch": "bow", "rate": 48000}'
    take = take_from([head, '{"t": 1, "panic": true}', '{"t": 9, "end": 432001}', '{"t": 9.5, "resume": true}'], "t")
    assert take.seconds == 432001 / 48000
    assert [event.kind for event in take.events] == [Kind.PANIC]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"t": 0, "end": -1}', "end: -1 does not fit"),
        ('{"t": 0, "end": 1, "missed": "x"}', "missed: 'x' does not fit"),
        ('{"t": 0, "patch": 3}', "patch: 3 is no patch; write its name"),
        ('{"t": 0, "patch": "p", "file": 3}', "file: 3 is no text"),
        ('{"t": 0, "patch": "p", "seed": -1}', "seed: -1 does not fit"),
        ('{"t": 0, "patch": "p", "scenes": []}', "scenes: [] does not fit"),
    ],
)
def test_a_wrong_end_and_a_wrong_change_of_patch_are_told(line: str, said: str) -> None:
    (wrong,) = mistakes(HEAD, line)
    assert wrong.startswith(f"line 2: {said}")


def test_a_last_line_cut_in_the_middle_is_left_out_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{HEAD}\n{{"t": 1, "panic": true}}\n{{"t": 2, "kn')
    assert len(read_take(path).events) == 1
    path.write_text(f'{HEAD}\n{{"t": 1, "panic": true}}\n{{"t": 2, "knob" "z1"}}')
    with pytest.raises(ValidationErrors, match="line 3"):
        read_take(path)


@pytest.mark.parametrize("kind", [Kind.PATCH, Kind.RECORD, Kind.KEEP])
def test_what_is_not_music_is_not_kept(kind: Kind) -> None:
    assert line_of(Gesture(kind, 1, 1.0), 0.0, TABLE) is None


def test_every_other_kind_is_kept() -> None:
    lost = [kind.name for kind in Kind if line_of(Gesture(kind, 0, 1.0), 0.0, TABLE) is None]
    assert lost == ["PATCH", "RECORD", "KEEP"]


def test_a_knob_beyond_the_table_is_not_kept() -> None:
    assert line_of(Gesture(Kind.KNOB, len(TABLE), 0.5), 0.0, TABLE) is None


def test_a_take_may_start_later() -> None:
    take = Take("bow", None, 1.0, (TakeEvent(0.25, Kind.KNOB, 0.5, "z1"), TakeEvent(0.5, Kind.SEED, number=9)))
    assert list(gestures(take, TABLE, 100.0)) == [
        Gesture(Kind.KNOB, 1, 0.5, 100.25, Source.TAKE),
        Gesture(Kind.SEED, 0, 0.0, 100.5, Source.TAKE, 9),
    ]


@pytest.mark.parametrize("seed", [2**63 - 1, 2**64 - 1])
def test_a_seed_of_64_bits_is_not_rounded(seed: int) -> None:
    take = take_from([f'{{"rosin": 1, "patch": "p", "seed": {seed}}}', f'{{"t": 0, "seed": {seed}}}'], "t")
    assert (take.seed, next(gestures(take, TABLE)).extra) == (seed, seed)


def test_a_knob_that_the_model_does_not_have_is_named() -> None:
    take = take_from([HEAD, '{"t": 0, "knob": "glitter", "value": 0.5}'], "t")
    with pytest.raises(RosinError, match="there is no knob 'glitter'; the knobs here are pitch, z1"):
        list(gestures(take, TABLE))


def test_a_take_that_does_not_say_how_long_it_is_lasts_a_little_longer_than_its_last_gesture() -> None:
    assert take_from([HEAD, '{"t": 3, "panic": true}', '{"t": 1, "resume": true}'], "t").seconds == 5.0
    assert take_from([HEAD], "t").seconds == 2.0


def test_gestures_of_the_same_time_keep_their_order() -> None:
    lines = [f'{{"t": 1, "note": {n}, "velocity": 0.5}}' for n in (5, 3, 9)]
    assert [event.number for event in take_from([HEAD, *lines], "t").events] == [5, 3, 9]


def test_the_shipped_take_plays_on_the_patch_it_names() -> None:
    from instrument.base.paths import find_patches
    from instrument.documents.patch import read_patch, table_of
    from instrument.model.library.cards import card_for

    take = read_take(shipped("examples") / "first-take.jsonl")
    paths, index = find_patches(take.patch)
    patch = read_patch(paths[index])
    table = table_of(patch, card_for(patch.model, patch.model_sha256).specs)
    played = list(gestures(take, table))
    assert len(played) > 50
    assert {Kind.NOTE_ON, Kind.KNOB} <= {gesture.kind for gesture in played}
    assert played[-1].time < take.seconds


# --- what is wrong


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "it is no JSON object; write one object a line"),
        ("[1]", "it is no JSON object"),
        ("nonsense", "it is no JSON object"),
        ('{"t": ' + "9" * 5000 + "}", "it is no JSON object"),
        ("[" * 100_000, "it is no JSON object"),
        ('{"t": 1}', "['t'] says no gesture; write knob, push, note"),
        ('{"knob": "z1", "value": 0.5}', "t: None is not a number; write one from 0 to 86400"),
        ('{"t": -0.1, "panic": true}', "t: -0.1 is out of range"),
        ('{"t": 1e999, "panic": true}', "t: inf is out of range"),
        ('{"t": NaN, "panic": true}', "t: nan is not a number"),
        ('{"t": true, "panic": true}', "t: True is not a number"),
        ('{"t": 0, "knob": "z1", "value": NaN}', "value: nan is not a number; write one from 0 to 1"),
        ('{"t": 0, "knob": "z1", "value": 1.5}', "value: 1.5 is out of range"),
        ('{"t": 0, "knob": "z1", "value": ' + "9" * 400 + "}", "value: 999"),
        ('{"t": 0, "knob": "z1", "value": "0.5"}', "value: '0.5' is not a number"),
        ('{"t": 0, "knob": 3, "value": 0.5}', "knob: 3 is no knob; write its id, as `rosin knobs` lists them"),
        ('{"t": 0, "knob": "", "value": 0.5}', "knob: '' is no knob"),
        ('{"t": 0, "push": [], "value": 0.5}', "push: [] is no knob"),
        ('{"t": 0, "note": 60}', "velocity: None is not a number"),
        ('{"t": 0, "note": 128, "velocity": 1}', "note: 128 does not fit; write a whole number from 0 to 127"),
        ('{"t": 0, "note": 60.5, "velocity": 1}', "note: 60.5 does not fit"),
        ('{"t": 0, "seed": 18446744073709551616}', "seed: 18446744073709551616 does not fit"),
        ('{"t": 0, "seed": -1}', "seed: -1 does not fit"),
        ('{"t": 0, "snapshot": 8}', "snapshot: 8 does not fit; write a whole number from 0 to 7"),
        ('{"t": 0, "bend": -2}', "bend: -2 is out of range; write one from -1 to 1"),
    ],
)  # fmt: skip
def test_one_broken_line_is_told_with_its_number(line: str, said: str) -> None:
    lines = mistakes(HEAD, '{"t": 0, "panic": true}', "", line, '{"t": 1, "panic": true}')
    assert len(lines) == 1
    assert lines[0].startswith(f"line 4: {said}")
    assert len(lines[0]) < 250


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('{"t": 0, "panic": true}', 'the first line of a take is {"rosin": 1, "patch": "NAME", ...}'),
        ('{"rosin": 2, "patch": "p"}', "the first line"),
        ('{"rosin": 1}', "the first line"),
        ('{"rosin": 1, "patch": "p", "seed": 1.5}', "seed: 1.5 does not fit"),
        ('{"rosin": 1, "patch": "p", "seed": "1"}', "seed: '1' does not fit"),
        ('{"rosin": 1, "patch": "p", "seconds": NaN}', "seconds: nan is not a number"),
        ('{"rosin": 1, "patch": "p", "seconds": 1e9}', "seconds: 1000000000.0 is out of range"),
    ],
)
def test_a_broken_first_line_is_told_alone(head: str, said: str) -> None:
    lines = mistakes(head, "nonsense", "nonsense")
    assert len(lines) == 1
    assert lines[0].startswith(f"line 1: {said}")


def test_every_broken_line_is_told_and_of_very_many_the_first_twenty() -> None:
    broken = ["nonsense", '{"t": 0, "panic": true}'] * 15
    assert [line.split(":")[0] for line in mistakes(HEAD, *broken)] == [f"line {n}" for n in range(2, 32, 2)]
    assert [line.split(":")[0] for line in mistakes(HEAD, *["nonsense"] * 99)] == [f"line {n}" for n in range(2, 22)]


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_an_empty_take_is_a_sentence(lines: list[str]) -> None:
    assert mistakes(*lines) == ["it is empty; give a take, as `rosin play --record` leaves one beside its sound"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (bytes(range(256)), "is not text in UTF-8, so it is no take; give one recorded by Rosin"),
        (b"\x00\x00\x00", "line 1: it is no JSON object"),
    ],
)
def test_a_file_that_is_no_take_is_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(RosinError) as caught:
        read_take(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", ["/nowhere/t.jsonl", "/", "x" * 5000, "a\x00"])
def test_a_path_that_leads_nowhere_is_a_sentence(path: str) -> None:
    with pytest.raises(RosinError, match="give the path of a take"):
        read_take(Path(path))


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '\ufeff{"rosin": 1, "patch": "a\u2028b"}\r\n{"t": 0, "panic": true}\r\nnonsense\r\n', encoding="utf-8"
    )
    with pytest.raises(ValidationErrors) as caught:
        read_take(path)
    assert [line.split(":")[0] for line in caught.value.lines] == ["line 3"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    ["t", "knob", "push", "note", "velocity", "value", "seed", "bend", "panic", "snapshot", "restore", "sustain", "x",
     "end", "patch", "waits", "scenes", "track", "file"]
)  # fmt: skip
LINES = st.one_of(st.text(max_size=30), st.dictionaries(WORDS, JSON, max_size=4).map(json.dumps), JSON.map(json.dumps))


@settings(deadline=None, max_examples=200)
@given(lines=st.lists(LINES, max_size=6), headed=st.booleans())
def test_whatever_a_file_holds_it_is_a_take_or_a_sentence(lines: list[str], headed: bool) -> None:
    try:
        take = take_from([HEAD, *lines] if headed else lines, "t.jsonl")
        played: list[Any] = list(gestures(take, TABLE))
    except RosinError as error:
        told = str(error).splitlines()
    else:
        told = []
        assert [g.time for g in played] == sorted(g.time for g in played)
        assert all(-1.0 <= g.value <= 1.0 and 0 <= g.knob <= 127 for g in played)
    assert all(";" in line or "first line of a take" in line for line in told)
