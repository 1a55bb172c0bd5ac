"""A take is what was heard: as long to the sample, and the same sound, whatever was played and whenever it began."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from takehost import House, Script, rendered, samples

from instrument.base.errors import RosinError
from instrument.base.paths import shipped
from instrument.commands.replaying import listen_again
from instrument.documents.take import read_take
from instrument.engine.engine import Engine
from instrument.ipc import NO_SHIFT, Gesture, Kind, Link, Source
from instrument.storage.bank import Bank
from instrument.storage.stream import LatentStream

SECOND = 375
"""Blocks."""
BOW, BRONZE, HAMMER = 0, 1, 2


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Link.create() as link:
        yield House(link, tmp_path / "takes")


def check_same(take: Path) -> None:
    heard, again = samples(take.with_name("sound.wav")), rendered(take)
    assert len(again) == len(heard)
    wrong = np.flatnonzero((again != heard).any(1))
    assert not len(wrong), f"from {wrong[0] / 48000:.3f} s of {len(heard) / 48000:.3f}: {take.read_text()[-600:]}"
    assert np.abs(heard).max() > 2**15, "there was something to be heard"


def g(kind: Kind, knob: int = 0, value: float = 0.0, extra: int = 0, source: int = Source.OSC) -> Gesture:
    return Gesture(kind, knob, value, source=source, extra=extra)


def tone(*pairs: tuple[int, Gesture]) -> Script:
    """A key that is held, and more."""
    script: Script = {2: [g(Kind.NOTE_ON, 50, 0.8)]}
    for block, gesture in pairs:
        script.setdefault(block, []).append(gesture)
    return script


KNOBS = tone(*((10 + 9 * i, g(Kind.KNOB, i % 8, (i * 37 % 100) / 99)) for i in range(30)))
SCRIPTS: dict[Kind, Callable[[House], Script]] = {
    Kind.KNOB: lambda h: KNOBS,
    Kind.NOTE_ON: lambda h: tone((60, g(Kind.NOTE_ON, 57, 0.4)), (90, g(Kind.NOTE_ON, 45, 1.0))),
    Kind.NOTE_OFF: lambda h: tone((100, g(Kind.NOTE_OFF, 50))),
    Kind.BEND: lambda h: tone(*((20 + i, g(Kind.BEND, 0, np.sin(i / 9))) for i in range(90))),
    Kind.PRESSURE: lambda h: tone(*((20 + i, g(Kind.PRESSURE, 0, i / 99)) for i in range(90))),
    Kind.ALL_NOTES_OFF: lambda h: tone((100, g(Kind.ALL_NOTES_OFF))),
    Kind.PANIC: lambda h: tone((100, g(Kind.PANIC))),
    Kind.RESUME: lambda h: tone((90, g(Kind.PANIC)), (140, g(Kind.RESUME)), (150, g(Kind.KNOB, 1, 0.9))),
    Kind.PATCH: lambda h: tone((60, g(Kind.PATCH, BRONZE)), (110, g(Kind.NOTE_ON, 62, 0.9)),
                               (130, g(Kind.PATCH, HAMMER)), (134, g(Kind.PATCH, BOW)), (138, g(Kind.PATCH, BRONZE)),
                               (200, g(Kind.PATCH, BRONZE)), (230, g(Kind.PATCH, BOW))),
    Kind.SEED: lambda h: tone((20, g(Kind.KNOB, h.hazard, 0.8)), (90, g(Kind.SEED, extra=2**64 - 5))),
    Kind.RESET: lambda h: tone((100, g(Kind.RESET))),
    Kind.SNAPSHOT: lambda h: tone((60, g(Kind.SNAPSHOT, 3)), (80, g(Kind.KNOB, 2, 0.9)), (150, g(Kind.RESTORE, 3))),
    Kind.RESTORE: lambda h: tone((150, g(Kind.RESTORE, 5)), (160, g(Kind.RESTORE, 6))),  # kept before the take
    Kind.RECORD: lambda h: tone((100, g(Kind.RECORD, 0, 1.0))),  # once more while it records: nothing
    Kind.FORCE: lambda h: tone((80, g(Kind.FORCE, 3, 0.25)), (160, g(Kind.FORCE, 3, 0.0))),
    Kind.SUSTAIN: lambda h: tone((40, g(Kind.SUSTAIN, 0, 1.0)), (60, g(Kind.NOTE_OFF, 50)),
                                 (140, g(Kind.SUSTAIN, 0, 0.0))),
    Kind.HANDS_ONLY: lambda h: tone((20, g(Kind.KNOB, h.hazard, 0.9)), (90, g(Kind.HANDS_ONLY, 0, 1.0)),
                                    (180, g(Kind.HANDS_ONLY, 0, 0.0))),
    Kind.BRIDGE: lambda h: tone((40, g(Kind.BRIDGE, 2, 0.9, 500)), (90, g(Kind.BRIDGE, 3, 0.1, 10_000))),
    Kind.KEEP: lambda h: tone((20, g(Kind.KNOB, h.hazard, 0.9)), (120, g(Kind.KEEP, 0, 0.2, 77))),
    Kind.ACCIDENT: lambda h: tone((60, g(Kind.ACCIDENT, NO_SHIFT + 3, 2.0, h.accident)),
                                  (180, g(Kind.ACCIDENT, NO_SHIFT, 0.0)),
                                  (190, g(Kind.NOTE_ON, 36, 0.5)), (200, g(Kind.NOTE_OFF, 36)),
                                  (210, g(Kind.ACCIDENT, NO_SHIFT, 1.0, 12345))),  # there is none
    Kind.FILL: lambda h: tone((10, g(Kind.KNOB, h.dig, 0.9)), (150, g(Kind.FILL))),
    Kind.HEAR: lambda h: tone((60, g(Kind.HEAR, 0, 1.0)), (110, g(Kind.HEAR, 0, 0.0)), (130, g(Kind.HEAR, 1, 1.0))),
    Kind.SCENE_SAVE: lambda h: tone((60, g(Kind.SCENE_SAVE, 2)), (70, g(Kind.KNOB, 2, 0.95)),
                                    (110, g(Kind.SCENE, 2, extra=300))),
    Kind.SCENE: lambda h: tone((80, g(Kind.SCENE, 0, extra=400)), (190, g(Kind.SCENE, 1)), (200, g(Kind.SCENE, 7))),
    Kind.MARK: lambda h: tone((100, g(Kind.MARK))),
    Kind.SOSTENUTO: lambda h: tone((40, g(Kind.SOSTENUTO, 0, 1.0)), (60, g(Kind.NOTE_OFF, 50)),
                                   (140, g(Kind.SOSTENUTO, 0, 0.0))),
    Kind.FINGER_BEND: lambda h: tone(*((20 + i, g(Kind.FINGER_BEND, 0, 7.0 * np.sin(i / 9))) for i in range(90))),
    Kind.FINGER_PRESSURE: lambda h: tone(*((20 + i, g(Kind.FINGER_PRESSURE, 51, i / 99)) for i in range(90))),
    Kind.FINGER_TIMBRE: lambda h: tone(*((20 + i, g(Kind.FINGER_TIMBRE, 0, i / 99)) for i in range(90))),
}  # fmt: skip
"""How each kind is played in a take. A kind without a row fails below."""


def prepared(house: House) -> Any:
    """Some evening before the take: knobs moved, scenes and slots kept, an accident with a key, the seed changed."""
    part = house.engine.layer
    house.play(60, {3: [g(Kind.NOTE_ON, 45, 0.7)], 5: [g(Kind.KNOB, house.hazard, 0.7)], 9: [g(Kind.SCENE_SAVE, 0)],
                    12: [g(Kind.KNOB, 2, 0.7)], 14: [g(Kind.SCENE_SAVE, 1)], 20: [g(Kind.SNAPSHOT, 5)],
                    25: [g(Kind.SEED, extra=99)], 30: [g(Kind.KNOB, 4, 0.2)],
                    33: [g(Kind.BRIDGE, 5, 0.9, 2000)]})  # fmt: skip
    accident = part.control.mix.keep(0.05, "slip")
    part.learn(accident)
    part.accident_keys[36] = accident.key
    house.accident = accident.key
    return house


def test_every_kind_of_gesture_is_played_here() -> None:
    assert set(SCRIPTS) == set(Kind)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_what_was_heard_is_what_is_rendered(house: House, kind: Kind) -> None:
    """Begun in the middle of playing; ended long after the last gesture."""
    script = SCRIPTS[kind](prepared(house))
    check_same(house.record(SECOND * 4 // 5 + 100, script))


def test_a_take_ends_when_it_was_ended_and_not_after_its_last_gesture(house: House) -> None:
    take = house.record(1500, {10: [g(Kind.NOTE_ON, 50, 0.8)]})
    read = read_take(take)
    assert read.end is not None
    assert read.end.samples == len(samples(take.with_name("sound.wav"))) == 1500 * 128
    assert read.seconds == 4.0
    check_same(take)


def test_a_take_that_begins_while_a_patch_fades_has_the_fade(house: House) -> None:
    prepared(house)
    house.play(10, {0: [g(Kind.PATCH, BRONZE)]})
    assert house.engine.fading
    check_same(house.record(300, tone((20, g(Kind.NOTE_OFF, 45)), (150, g(Kind.PATCH, BOW)))))


def stream_of(take: Path) -> np.ndarray:
    """What `rosin render` makes of the stream beside a take, in the 24 bits of a recording."""
    return rendered(take.with_name("latents.z"))


@pytest.mark.parametrize("waits", [False, True])
def test_the_stream_of_a_take_that_begins_while_a_patch_fades_begins_behind_the_fade_and_is_what_was_heard(
    house: House, waits: bool
) -> None:
    prepared(house)
    house.play(6, {0: [g(Kind.PATCH, BRONZE)]} | ({4: [g(Kind.PATCH, HAMMER)]} if waits else {}))
    take = house.record(300, tone((80, g(Kind.KNOB, 2, 0.3))))
    heard, again = samples(take.with_name("sound.wav")), stream_of(take)
    late = len(heard) - len(again)
    assert 0 < late < SECOND * 128 // 2
    assert np.array_equal(again, heard[late:])
    assert any("begins" in said and "where one patch of one voice is alone" in said for said in house.said)
    check_same(take)


def test_a_take_that_ends_before_the_fade_it_began_in_has_no_stream_and_says_so(house: House) -> None:
    prepared(house)
    house.play(2, {0: [g(Kind.PATCH, BRONZE)]})
    take = house.record(5, {})
    assert not take.with_name("latents.z").exists()
    assert any("there is no stream" in said for said in house.said)


def test_a_take_that_begins_while_a_patch_waits_for_a_fade_has_both(house: House) -> None:
    prepared(house)
    house.play(6, {0: [g(Kind.PATCH, BRONZE)], 4: [g(Kind.PATCH, HAMMER)]})
    assert house.engine.coming is not None
    check_same(house.record(300, tone((150, g(Kind.PATCH, BOW)))))
    assert house.engine.layer is house.bank.layer(BOW)


def test_a_take_that_begins_while_a_neighbour_an_accident_and_a_scene_are_under_way_has_them(house: House) -> None:
    prepared(house)
    house.play(20, {2: [g(Kind.HEAR, 0, 1.0)], 4: [g(Kind.ACCIDENT, NO_SHIFT, 2.0, house.accident)],
                    6: [g(Kind.SCENE, 0, extra=3000)]})  # fmt: skip
    check_same(house.record(400, {}))


@pytest.mark.parametrize("knob", ["chance.tape", "chance.wear", "time", "level", "chance.bend"])
def test_parameters_that_were_set_before_it_began_hold_in_it(house: House, knob: str) -> None:
    prepared(house)
    index = house.engine.layer.table.index(knob)
    house.play(100, {2: [g(Kind.KNOB, index, 0.6)]})
    check_same(house.record(300, tone((60, g(Kind.KNOB, index, 0.3)), (150, g(Kind.KNOB, index, 0.8)))))


def test_what_is_kept_or_edited_after_a_take_does_not_change_it(house: House) -> None:
    take = house.record(250, SCRIPTS[Kind.SCENE](prepared(house)))
    before = rendered(take)
    house.play(60, {2: [g(Kind.KNOB, 2, 0.1)], 9: [g(Kind.SCENE_SAVE, 0)], 20: [g(Kind.SCENE_SAVE, 1)]})
    house.accident_store.look(time.monotonic())
    house.accident_store.close()
    assert np.array_equal(rendered(take), before)


def test_a_key_held_through_changes_of_patch_is_held_in_the_render(house: House) -> None:
    script = tone((80, g(Kind.PATCH, BRONZE)), (160, g(Kind.PATCH, HAMMER)), (240, g(Kind.PATCH, BOW)),
                  (300, g(Kind.NOTE_OFF, 50)))  # fmt: skip
    take = house.record(450, script)
    check_same(take)
    heard = samples(take.with_name("sound.wav")) / 2**23
    for block in (150, 200, 290):
        there = heard[block * 128 - 2400 : block * 128]
        assert 20 * np.log10(np.sqrt(np.mean(there**2))) > -45.0


def test_a_moment_brought_back_when_its_key_is_let_go_and_another_is_down_is_so_in_the_render(house: House) -> None:
    script = tone((40, g(Kind.SNAPSHOT, 3)), (60, g(Kind.NOTE_OFF, 50)), (80, g(Kind.RESTORE, 3)),
                  (200, g(Kind.NOTE_ON, 57, 0.7)), (230, g(Kind.RESTORE, 3)), (300, g(Kind.NOTE_OFF, 57)))  # fmt: skip
    script[30] = [g(Kind.FORCE, 3, 0.25)]
    script[55] = [g(Kind.FORCE, 3, 0.0)]
    script[210] = [g(Kind.FORCE, 2, -0.25)]
    check_same(house.record(400, script))
    assert not house.engine.layer.control.notes.sounding


def test_a_take_without_its_opening_begins_where_the_knobs_stood_and_says_so(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    take = house.record(300, SCRIPTS[Kind.PATCH](prepared(house)))
    take.with_name("opening.state").unlink()
    sound = rendered(take)
    assert len(sound) == 300 * 128
    assert ".state is not there" in capsys.readouterr().err


def test_a_take_on_one_patch_alone_leaves_the_others_out_and_says_so(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    take = house.record(300, tone((60, g(Kind.PATCH, BRONZE)), (150, g(Kind.NOTE_ON, 60, 0.9))))
    assert len(rendered(take, "--patch", "bow")) == 300 * 128
    assert "it is rendered on bow alone" in capsys.readouterr().err


def test_a_take_that_was_cut_off_ends_after_its_last_gesture_and_its_half_line_is_left_out(house: House) -> None:
    take = house.record(300, tone((100, g(Kind.NOTE_OFF, 50))))
    lines = take.read_text().splitlines()
    assert "end" in json.loads(lines[-1])
    whole = read_take(take)
    take.write_text("\n".join(lines[:-1]) + "\n" + lines[-2][:17])
    cut = read_take(take)
    assert cut.end is None
    assert cut.events == whole.events
    assert cut.seconds == pytest.approx(cut.events[-1].t + 2.0)


def test_a_stream_ends_where_another_patch_comes_on_the_same_model_too(house: House) -> None:
    take = house.record(200, tone((60, g(Kind.PATCH, BRONZE))))
    assert any("Another patch plays" in said for said in house.said)
    from instrument.storage.stream import LatentStream

    assert 40 < len(LatentStream(take.with_name("latents.z"))) < 80


def test_what_came_in_by_the_microphone_is_told_of(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    take = house.record(20, {})
    lines = take.read_text().splitlines()
    end = json.loads(lines[-1]) | {"input": True}
    take.write_text("\n".join([*lines[:-1], json.dumps(end)]) + "\n")
    rendered(take)
    assert "What came in by the microphone" in capsys.readouterr().err


def test_a_take_that_plays_along_changes_the_patch_a_moment_before_and_names_what_is_missing(house: House) -> None:
    from instrument.commands.take_player import score_of

    take = read_take(house.record(200, tone((60, g(Kind.PATCH, BRONZE)), (150, g(Kind.KNOB, 3, 0.9)))))
    tables = {i: house.bank.table(i) for i in (BOW, BRONZE)}
    score = score_of(take, tables, ["bow", "bronze"], BOW)
    (change,) = (gesture for gesture in score if gesture.kind == Kind.PATCH)
    (cue,) = take.changes
    came = next(event.t for event in take.events if event.cue is not None)
    assert (change.knob, cue.patch) == (BRONZE, "bronze")
    assert change.time == pytest.approx(came - 0.05)
    assert [gesture.time for gesture in score] == sorted(gesture.time for gesture in score)
    with pytest.raises(RosinError, match="changes to the patch 'bronze', and the patches here are bow, glass; put it"):
        score_of(take, {0: tables[BOW]}, ["bow", "glass"], BOW)
    assert not [g for g in score_of(take, tables, ["bow"], BOW, changes=False) if g.kind == Kind.PATCH]


def test_a_stream_is_what_was_heard_to_the_last_bit_also_while_the_level_moves(house: House) -> None:
    heard: list[np.ndarray] = []
    block = house.engine.block

    def watched(out: np.ndarray, live: np.ndarray | None = None) -> None:
        block(out, live)
        heard.append(out.copy())

    house.engine.block = watched  # type: ignore[method-assign]
    level = house.engine.layer.table.index("level")
    take = house.record(500, {
        30: [Gesture(Kind.NOTE_ON, 50, 0.8)],
        **{100 + 7 * i: [Gesture(Kind.KNOB, level, 0.5 + 0.04 * (i * 7 % 11))] for i in range(40)},
    })  # fmt: skip
    house.recording.close()
    stream = LatentStream(take.with_name("latents.z"))
    assert len(stream) == len(heard) == 500
    engine, out = (
        Engine(Bank([shipped("patches") / "bow.toml"], provider="cpu").layer(0)),
        np.zeros((2, 128), np.float32),
    )
    assert listen_again(engine, stream, take.with_name("latents.z")) == []
    for was in heard:
        engine.block(out)
        assert np.array_equal(out, was)


def test_a_stream_of_before_the_gain_was_told_in_double_is_read(tmp_path: Path) -> None:
    head = b'{"rosin_stream": 1, "latents": 2, "frames": 1, "patch": "p", "seed": 5, "model": "m"}\n'
    (tmp_path / "t.z").write_bytes(head + np.array([[1, 2, 0.25], [3, 4, 0.5]], "<f4").tobytes())
    stream, z = LatentStream(tmp_path / "t.z"), np.zeros((1, 2, 1), np.float32)
    told = []
    for _ in range(len(stream)):
        stream.next_into(z)
        told.append((z.ravel().tolist(), stream.gain))
    assert told == [([1.0, 2.0], 0.25), ([3.0, 4.0], 0.5)]


@pytest.mark.parametrize("patch", ["consort", "ensemble", "carillon"])
def test_a_take_of_many_voices_is_what_was_heard(tmp_path: Path, patch: str) -> None:
    """Begun in the middle of a chord; fingers, pedals, more keys than voices, a patch of one voice between."""

    def on(note: int, velocity: float, channel: int) -> Gesture:
        return Gesture(Kind.NOTE_ON, note, velocity, source=Source.MIDI, channel=channel)

    script: Script = {
        10: [on(64, 0.7, 4), on(67, 0.9, 5)],
        15: [Gesture(Kind.FINGER_BEND, 0, 1.7, channel=4), Gesture(Kind.FINGER_TIMBRE, 0, 0.9, channel=5)],
        20: [Gesture(Kind.FINGER_PRESSURE, 0, 0.8, channel=4), Gesture(Kind.SUSTAIN, 0, 1.0)],
        30: [Gesture(Kind.NOTE_OFF, 64, channel=4), on(71, 0.5, 4)],
        40: [on(36 + 2 * i, 0.4, 0) for i in range(9)],
        60: [Gesture(Kind.SUSTAIN, 0, 0.0)],
        90: [g(Kind.PATCH, 1)],
        150: [g(Kind.PATCH, 0), on(50, 0.8, 2)],
    }
    with Link.create() as link:
        house = House(link, tmp_path / "takes", (patch, "bow"))
        house.play(60, {3: [on(45, 0.7, 2), on(52, 0.6, 3)], 9: [Gesture(Kind.FINGER_BEND, 0, -3.0, channel=3)]})
        take = house.record(260, script)
        check_same(take)
        assert not take.with_name("latents.z").exists() or LatentStream(take.with_name("latents.z"))
