"""Scenes: kept where the hands are, gone back to in the time asked for, through friction; a touch takes a knob out."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handshost import TABLE
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stage import now, null_engine, null_part, play

from instrument.documents.patch import Scene
from instrument.documents.take import TakeLog, gestures, line_of, read_take, take_from
from instrument.engine.control import QUANTUM, TICK
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import fill_frame, resume
from instrument.engine.snapshot import Snapshot
from instrument.hands.midi.controls import ControlEvent
from instrument.hands.osc.namespace import Namespace
from instrument.hands.state.bindings import read_bindings
from instrument.hands.state.mapping_table import MappingTable
from instrument.hands.state.positions import Positions
from instrument.ipc import Frame, Gesture, Kind, Source
from instrument.knobs import SCENES
from instrument.rehearsal.render import offline

HERE, THERE = np.float32(0.1), np.float32(0.8)
CLEAR: dict[str, Any] = {"difficulty": 0.0, "hazard": 0.0, "sounds": "always"}


def put(engine: Engine, raw: float, *more: tuple[str, float]) -> None:
    """All playable knobs there, and rest."""
    table = engine.layer.table
    for i in range(table.playable_count):
        now(engine, Kind.KNOB, i, raw)
    for id, value in more:
        now(engine, Kind.KNOB, table.index(id), value)
    play(engine, 300)


def kept(slot: int = 2, **changes: Any) -> Engine:
    """An engine at HERE with a scene at THERE."""
    engine = null_engine(**{**CLEAR, **changes})
    put(engine, THERE)
    now(engine, Kind.SCENE_SAVE, slot)
    put(engine, HERE)
    return engine


def path_of(engine: Engine, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Hands and knobs of the next so many blocks, f32 [ticks, K] each."""
    hands, knobs = [], []
    for _ in range(blocks):
        play(engine, 1)
        hands.append(engine.layer.control.hand.copy())
        knobs.append(engine.layer.control.pos.copy())
    return np.concatenate(hands), np.concatenate(knobs)


# --- the way there


@pytest.mark.parametrize("ms", [8, 40, 500, 1333])
@pytest.mark.parametrize("offset", [0, 31, 32, 70, 127])
def test_hands_arrive_when_they_should_and_on_a_straight_line(ms: int, offset: int) -> None:
    engine = kept()
    engine.post(Gesture(Kind.SCENE, 2, extra=ms), engine.sample + offset)
    ticks = round(ms * 1.5)
    hands, _ = path_of(engine, ticks // 4 + 4)
    first = offset // TICK
    line = HERE + (THERE - HERE) * np.arange(ticks + 1) / ticks
    assert np.abs(hands[first : first + ticks + 1] - line[:, None]).max() < 1e-6
    assert (hands[first + ticks - 1] < THERE).all()
    assert (hands[first + ticks :] == THERE).all(), "to the tick, which is 32 samples, and there it stays"
    assert (hands[:first] == HERE).all()
    assert (engine.layer.control.raw[:8] == THERE).all()


def test_the_patch_says_how_long_it_takes_when_nobody_else_does() -> None:
    engine = kept(blend_ms=200.0)
    now(engine, Kind.SCENE, 2)
    hands, _ = path_of(engine, 80)
    assert (hands[299] < THERE).all()
    assert (hands[300] == THERE).all()
    at_once = kept(blend_ms=0.0)
    now(at_once, Kind.SCENE, 2)
    hands, _ = path_of(at_once, 1)
    assert (hands == THERE).all(), "0 is at once"


def test_knobs_lag_behind_and_arrive_later_by_as_much_as_friction_holds_them() -> None:
    engine = kept(difficulty=5.0, friction={"stick": 0.06, "slide": 0.04, "weight": 4.0})
    _, before = path_of(engine, 1)
    now(engine, Kind.SCENE, 2, extra=1000)
    hands, knobs = path_of(engine, 500)
    gap = hands - knobs
    assert (gap[750] > 0.03).all(), "half-way they strain"
    stays = int(np.argmax(np.abs(knobs[:, 3] - before[-1, 3]) > 0.01))
    assert 40 < stays < 400, "first nothing gives at all"
    assert (knobs[1500] < THERE - 0.02).all(), "the hands are there, the knobs are not"
    assert 0.005 < float(gap[-1, 3]) <= 0.061, "what is left is what sticks"
    free = kept()
    now(free, Kind.SCENE, 2, extra=1000)
    hands, knobs = path_of(free, 500)
    assert np.array_equal(hands, knobs), "without friction a knob is its hand"


def test_chance_acts_on_the_way_and_the_hand_is_straight_all_the_same() -> None:
    engine = kept(hazard=5.0, chance={"drift": 0.1, "bridge": 0.5})
    now(engine, Kind.SCENE, 2, extra=1000)
    control, hands, heard = engine.layer.control, [], []
    for _ in range(375):
        play(engine, 1)
        hands.append(control.hand.copy())
        heard.append(control.x.copy())
    line = HERE + (THERE - HERE) * np.arange(1500) / 1500
    assert np.abs(np.concatenate(hands) - line[:, None]).max() < 1e-6, "no bridge's wander"
    assert np.abs(np.concatenate(heard)[:, 3] - line).max() > 0.01, "but the drift of always"


def test_who_touches_a_knob_has_it_and_the_others_travel_on() -> None:
    engine = kept()
    now(engine, Kind.SCENE, 2, extra=1000)
    path_of(engine, 100)
    now(engine, Kind.KNOB, 4, 0.33)
    hands, _ = path_of(engine, 400)
    assert (hands[40:, 4] == np.float32(0.33)).all()
    others = [i for i in range(8) if i != 4]
    assert (hands[-1, others] == THERE).all()


def test_a_push_leans_on_a_knob_and_does_not_take_it() -> None:
    engine = kept(difficulty=3.0, friction={"stick": 0.02})
    now(engine, Kind.SCENE, 2, extra=1000)
    now(engine, Kind.FORCE, 4, -0.3)
    hands, knobs = path_of(engine, 376)
    assert (hands[-1] == THERE).all()
    assert knobs[-1, 4] < knobs[-1, 3] - 0.2


def test_pressure_takes_the_loudness_out() -> None:
    engine = kept()
    loudness = engine.layer.table.index("loudness")
    now(engine, Kind.SCENE, 2, extra=1000)
    path_of(engine, 100)
    now(engine, Kind.PRESSURE, value=0.55)
    hands, _ = path_of(engine, 400)
    assert hands[-1, loudness] == np.float32(0.55)


def test_a_second_recall_sets_out_from_where_the_hands_are() -> None:
    engine = kept()
    put(engine, 0.5)
    now(engine, Kind.SCENE_SAVE, 5)
    play(engine, 1)
    put(engine, HERE)
    now(engine, Kind.SCENE, 2, extra=1000)
    hands, _ = path_of(engine, 200)
    turn = hands[-1, 3]
    assert HERE + 0.3 < turn < THERE
    now(engine, Kind.SCENE, 5, extra=400)
    hands, _ = path_of(engine, 200)
    assert hands[0, 3] == pytest.approx(turn, abs=1e-3)
    assert np.abs(np.diff(hands[:, 3])).max() < 1e-3, "no jump anywhere"
    assert (hands[600:] == np.float32(0.5)).all()
    assert (hands[599] != np.float32(0.5)).all()


def test_two_recalls_in_one_block_and_a_touch_behind_them_leave_the_last_word() -> None:
    engine = kept()
    for slot in (5, 2):
        now(engine, Kind.SCENE_SAVE, 5) if slot == 5 else None
        engine.post(Gesture(Kind.SCENE, slot, extra=300), engine.sample + (40 if slot == 5 else 80))
    engine.post(Gesture(Kind.KNOB, 1, 0.6), engine.sample + 100)
    hands, _ = path_of(engine, 130)
    assert hands[-1, 1] == np.float32(0.6)
    assert (hands[-1, 2:] == THERE).all()


def test_a_hand_that_has_just_moved_sets_out_from_where_it_was_sent() -> None:
    engine = kept(difficulty=3.0)
    engine.post(Gesture(Kind.KNOB, 3, 0.4), engine.sample + 10)
    engine.post(Gesture(Kind.SCENE, 2, extra=500), engine.sample + 64)
    hands, _ = path_of(engine, 200)
    assert hands[2, 3] == np.float32(0.4)
    assert hands[2 + 750, 3] == THERE
    assert (np.diff(hands[2:753, 3]) > 0).all()


def test_a_bridge_under_way_is_left_where_it_is() -> None:
    engine = kept(hazard=5.0, chance={"bridge": 0.2, "drift": 0.0})
    now(engine, Kind.BRIDGE, 3, 0.5, extra=2000)
    hands, _ = path_of(engine, 300)
    engine.post(Gesture(Kind.SCENE, 2, extra=400), engine.sample + 96)
    after, _ = path_of(engine, 160)
    assert (after[:4, 3] == hands[-1, 3]).all()
    assert np.ptp(np.diff(after[3:603, 3].astype(np.float64), n=2)) < 1e-5, "straight"
    assert after[603, 3] == THERE


def test_in_slow_time_the_way_takes_longer_in_the_same_measure() -> None:
    engine = kept(time=0.5)
    now(engine, Kind.SCENE, 2, extra=500)
    play(engine, 374)
    assert (engine.layer.control.raw[:8] < THERE).all()
    play(engine, 4)
    assert (engine.layer.control.raw[:8] == THERE).all()


def test_a_new_seed_on_the_way_changes_nothing_of_the_way() -> None:
    engine, other = kept(), kept()
    for one in (engine, other):
        now(one, Kind.SCENE, 2, extra=1000)
        path_of(one, 100)
    now(other, Kind.SEED, extra=99)
    assert np.array_equal(path_of(engine, 300)[0], path_of(other, 300)[0])


def test_hands_only_lets_go_of_the_way_and_may_be_sent_on_another() -> None:
    engine = kept()
    now(engine, Kind.SCENE, 2, extra=1000)
    path_of(engine, 100)
    now(engine, Kind.HANDS_ONLY, value=1.0)
    hands, _ = path_of(engine, 100)
    assert (hands[0] == hands[-1]).all()
    assert (hands[-1] < 0.5).all()
    now(engine, Kind.SCENE, 2, extra=100)
    assert (path_of(engine, 60)[0][-1] == THERE).all()


# --- what is kept


def test_what_is_kept_is_where_the_hands_are_also_on_their_way() -> None:
    engine = kept()
    now(engine, Kind.SCENE, 2, extra=1000)
    path_of(engine, 100)
    at = engine.layer.control.raw[:8].copy()
    now(engine, Kind.SCENE_SAVE, 6)
    play(engine, 1)
    assert np.array_equal(engine.layer.scenes.raw[6, :8], at)
    assert HERE < at[3] < THERE


def test_parameters_are_kept_where_they_left_the_patch_and_go_back_with_it() -> None:
    engine = null_engine(**{**CLEAR, "difficulty": 5.0})
    table = engine.layer.table
    home = engine.layer.control.raw.copy()
    now(engine, Kind.SCENE_SAVE, 0)
    play(engine, 1)
    put(engine, 0.6, ("friction.stick", 0.75), ("hazard", 0.5), ("level", 0.4), ("input", 0.3))
    now(engine, Kind.SCENE_SAVE, 1)
    play(engine, 1)
    said = engine.layer.scenes.knobs(1)
    assert set(said) == {k.id for k in table.playable} | {"friction.stick", "hazard"}
    assert said["friction.stick"] == 0.75
    assert set(engine.layer.scenes.knobs(0)) == {k.id for k in table.playable}
    level, given = table.index("level"), table.index("input")
    now(engine, Kind.SCENE, 0, extra=100)
    play(engine, 20)
    stick = table.index("friction.stick")
    assert home[stick] < engine.layer.control.raw[stick] < 0.75, "it travels too"
    play(engine, 30)
    moved = engine.layer.control.raw != home
    assert np.flatnonzero(moved).tolist() == [level, given], "all is home but what belongs to the room"
    assert engine.layer.control.parameter("friction.stick") == pytest.approx(0.02, abs=1e-6)
    now(engine, Kind.SCENE, 1, extra=100)
    play(engine, 50)
    assert engine.layer.control.raw[stick] == np.float32(0.75)
    assert engine.layer.control.amounts.friction.stick[0] > 0.2, "and it counts"


def test_a_parameter_that_is_touched_on_its_way_is_the_players() -> None:
    engine = null_engine(**CLEAR, scenes={0: Scene({"friction.stick": 0.9, "hazard": 0.8})})
    table = engine.layer.table
    now(engine, Kind.SCENE, 0, extra=500)
    play(engine, 50)
    now(engine, Kind.KNOB, table.index("friction.stick"), 0.2)
    play(engine, 200)
    assert engine.layer.control.raw[table.index("friction.stick")] == np.float32(0.2)
    assert engine.layer.control.raw[table.index("hazard")] == np.float32(0.8)


def test_a_scene_of_one_hand_moves_that_hand_and_what_the_room_has_only_where_it_is_written() -> None:
    engine = null_engine(**CLEAR, scenes={3: Scene({"glass": 0.9}), 4: Scene({"level": 0.25, "gone": 0.5})})
    scenes, table = engine.layer.scenes, engine.layer.table
    assert scenes.mask == 0b11000
    put(engine, HERE)
    now(engine, Kind.SCENE, 3, extra=50)
    play(engine, 40)
    raw = engine.layer.control.raw
    assert raw[table.index("glass")] == np.float32(0.9)
    assert (np.delete(raw[:8], table.index("glass")) == HERE).all()
    now(engine, Kind.SCENE, 4, extra=50)
    play(engine, 40)
    assert raw[table.index("level")] == np.float32(0.25)
    assert scenes.knobs(4) == {"level": 0.25}, "a knob that is not here is left out"


def test_a_slot_without_a_scene_moves_nothing_and_is_asked_about_once() -> None:
    engine = kept()
    before = engine.layer.control.state()
    now(engine, Kind.SCENE, 7, extra=100)
    play(engine, 50)
    assert list(engine.requests) == [(Kind.SCENE, 7, 0.0)]
    assert np.array_equal(engine.layer.control.raw, before["raw"])
    assert engine.layer.scenes.last == 2, "the last is still the one that was kept"
    for knob in (SCENES, 60000):
        now(engine, Kind.SCENE_SAVE, knob)
        now(engine, Kind.SCENE, knob)
    play(engine, 2)
    assert engine.layer.scenes.mask == 0b100


def test_a_scene_makes_a_silent_patch_speak() -> None:
    engine = null_engine(scenes={0: Scene({"loudness": 0.9})}, difficulty=0.0)
    assert not engine.layer.speaking
    now(engine, Kind.SCENE, 0, extra=10)
    assert np.abs(play(engine, 200)).max() > 0.01


def test_a_take_writes_no_scene_into_the_file_a_player_does() -> None:
    engine = null_engine(**CLEAR)
    engine.post(Gesture(Kind.SCENE_SAVE, 1, source=Source.TAKE), 0)
    engine.post(Gesture(Kind.SCENE_SAVE, 2, source=Source.OSC), 0)
    play(engine, 1)
    assert engine.layer.scenes.mask == 0b110
    assert engine.layer.scenes.kept == [0, 0, 1, 0, 0, 0, 0, 0]


# --- patches


def test_a_scene_belongs_to_its_patch_and_a_change_on_the_way_is_no_harm() -> None:
    engine = kept()
    first = engine.layer
    second = null_part(**CLEAR, scenes={0: Scene({"glass": 0.9})})
    now(engine, Kind.SCENE, 2, extra=500)
    play(engine, 50)
    engine.change(second)
    play(engine, 10)
    now(engine, Kind.SCENE, 2, extra=500)
    now(engine, Kind.SCENE, 0, extra=500)
    play(engine, 300)
    assert list(engine.requests) == [(Kind.SCENE, 2, 0.0)]
    assert second.control.raw[second.table.index("glass")] == np.float32(0.9)
    assert second.scenes.last == 0
    # the one that left was heard, and travelled, until its fade was over; called back it has its scenes
    assert HERE < first.control.raw[3] < THERE
    first.recall()
    assert (first.scenes.last, first.scenes.mask) == (-1, 0b100)
    engine.change(first)
    now(engine, Kind.SCENE, 2, extra=100)
    play(engine, 60)
    assert (first.control.raw[:8] == THERE).all()


def test_the_patch_that_sounds_called_anew_takes_its_knobs_from_the_way() -> None:
    engine = kept()
    home = [knob.start for knob in engine.layer.table]
    now(engine, Kind.SCENE, 2, extra=1000)
    play(engine, 100)
    engine.change(engine.layer)
    play(engine, 400)
    assert np.allclose(engine.layer.control.raw, home)
    assert engine.layer.scenes.last == -1


# --- told, and taken up


def test_the_frame_tells_the_last_scene_and_which_there_are() -> None:
    engine = null_engine(**CLEAR, scenes={3: Scene({"glass": 0.9})})
    frame = Frame()
    for kind, slot, told in ((None, 0, (-1, 8)), (Kind.SCENE_SAVE, 7, (7, 0b10001000)), (Kind.SCENE, 3, (3, 136))):
        if kind is not None:
            now(engine, kind, slot)
        play(engine, 1)
        fill_frame(engine, frame, 0.0)
        assert (frame.scene, frame.scenes) == told
    other = null_engine(**CLEAR, scenes={3: Scene({"glass": 0.9})})
    resume(other, frame)
    assert other.layer.scenes.last == 3
    frame.scene = 5  # which the newcomer has not
    resume(other, frame)
    assert other.layer.scenes.last == -1


def test_everybody_is_told_where_a_scene_leads_the_hands() -> None:
    engine = kept()
    engine.post(Gesture(Kind.KNOB, 3, 0.2, source=Source.OSC), engine.sample)
    play(engine, 20)
    assert engine.layer.control.origin[3] == Source.OSC
    engine.post(Gesture(Kind.SCENE, 2, extra=500, source=Source.OSC), engine.sample)
    play(engine, 1)
    assert engine.layer.control.origin[3] == Source.SHOW


# --- the same again

TAKE = """
import sys
sys.path.insert(0, "tests")
from test_scenes import sound_of_the_take
print(sound_of_the_take(int(sys.argv[1])))
"""


def busy_engine() -> Engine:
    return null_engine(
        difficulty=6.0, hazard=5.0, seed=7, sounds="always", blend_ms=700.0,
        friction={"stick": 0.05, "slide": 0.02, "detents": 8.0, "detent_strength": 0.03},
        chance={"drift": 0.05, "dice": 0.2, "bridge": 0.1}, scenes={0: Scene({"glass": 0.9, "hazard": 0.1})},
    )  # fmt: skip


def busy_hands() -> list[tuple[float, Gesture]]:
    rng = np.random.default_rng(3)
    found = [(t, Gesture(Kind.KNOB, int(rng.integers(0, 8)), float(rng.random()))) for t in np.arange(0, 9, 0.37)]
    found += [(1.01, Gesture(Kind.SCENE_SAVE, 4)), (1.5, Gesture(Kind.SCENE, 0)), (2.003, Gesture(Kind.SCENE_SAVE, 5))]
    found += [(3.3, Gesture(Kind.SCENE, 4, extra=2500)), (4.1, Gesture(Kind.SCENE, 5)), (6.0, Gesture(Kind.SCENE, 4))]
    found += [(6.1, Gesture(Kind.SEED, extra=5)), (7.0, Gesture(Kind.SCENE, 6)), (7.1, Gesture(Kind.SCENE, 0, extra=1))]
    return sorted(found, key=lambda pair: pair[0])


def sound_of_the_take(block: int) -> str:
    sound = offline(busy_engine(), 9.0, busy_hands(), block)
    return hashlib.sha256(np.ascontiguousarray(sound.T).tobytes()).hexdigest()


def test_scenes_are_the_same_bits_at_other_block_sizes_and_in_another_process() -> None:
    whole = sound_of_the_take(128)
    assert sound_of_the_take(96) == whole
    done = subprocess.run([sys.executable, "-c", TAKE, "512"], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == [whole], done.stderr


def test_a_snapshot_on_the_way_goes_on_bit_for_bit() -> None:
    engine, other = busy_engine(), busy_engine()
    for t, gesture in busy_hands():
        engine.post(gesture, round(t * 48000))
    play(engine, 1400)  # 3.7 s, on the way to scene 4
    state = Snapshot.from_bytes(engine.snapshot().to_bytes())
    other.layer.scenes.hold({slot: Scene(knobs) for slot, knobs in engine.layer.scenes.all_knobs().items()}, 700.0)
    other.restore(state)
    for t, gesture in busy_hands():
        if round(t * 48000) >= other.sample:
            other.post(gesture, round(t * 48000))
    assert np.array_equal(play(engine, 1500), play(other, 1500))


def test_a_take_carries_the_scenes_of_its_day(tmp_path: Path) -> None:
    engine = busy_engine()
    table, scenes = engine.layer.table, engine.layer.scenes
    log = TakeLog(tmp_path / "t.jsonl", "null", 7, table, engine.layer.control.raw.tolist(), scenes.all_knobs(),
                  scenes.blend_ms)  # fmt: skip
    for t, gesture in busy_hands():
        log.add(t, gesture)
    log.close()
    take = read_take(tmp_path / "t.jsonl")
    assert take.scenes is not None
    assert {slot: scene.knobs for slot, scene in take.scenes.items()} == {0: {"glass": 0.9, "hazard": 0.1}}
    assert take.blend_ms == 700.0
    heard = offline(engine, 9.0, busy_hands())

    def again(*, carried: bool) -> np.ndarray:
        later = busy_engine()
        later.layer.scenes.hold({0: Scene({"glass": 0.1}), 6: Scene({"breath": 1.0})}, 100.0)  # kept anew since
        if carried:
            later.layer.scenes.hold_those_of(take)
        return offline(later, 9.0, [(g.time, g) for g in gestures(take, later.layer.table)])

    assert np.array_equal(again(carried=True), heard)
    assert not np.array_equal(again(carried=False), heard)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('"scenes": []', "scenes: [] does not fit"),
        ('"scenes": {"9": {}}', "scenes: {'9': {}} does not fit"),
        ('"scenes": {"1": 3}', "scenes: {'1': 3} does not fit"),
        ('"scenes": {"1": {"glass": 1.5}}', "glass: 1.5 is out of range"),
        ('"scenes": {}, "blend_ms": -1', "blend_ms: -1 is out of range; write one from 0 to 60000"),
    ],
)
def test_wrong_scenes_of_a_take_are_told(head: str, said: str) -> None:
    with pytest.raises(Exception, match="line 1: ") as caught:
        take_from([f'{{"rosin": 1, "patch": "p", {head}}}'], "t")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "row", ['"scene": 0', '"scene": 9', '"scene": 1.5', '"scene_save": 0', '"scene": 1, "blend_ms": -1']
)
def test_a_wrong_scene_in_a_take_is_told(row: str) -> None:
    with pytest.raises(Exception, match="does not fit; write a whole number from"):
        take_from(['{"rosin": 1, "patch": "p"}', f'{{"t": 0, {row}}}'], "t")


def test_a_gesture_for_a_slot_that_cannot_be_is_no_line() -> None:
    assert line_of(Gesture(Kind.SCENE, SCENES), 0.0, TABLE) is None
    assert line_of(Gesture(Kind.SCENE, 2, extra=1500), 0.5, TABLE) == '{"t": 0.5, "scene": 3, "blend_ms": 1500}'


MIXED = (Kind.SCENE, Kind.SCENE_SAVE, Kind.KNOB, Kind.BRIDGE, Kind.SEED, Kind.HANDS_ONLY, Kind.FORCE)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MIXED),
            st.integers(0, 70), st.floats(0, 1), st.integers(0, 200), st.integers(0, 20 * QUANTUM),
        ),
        max_size=25,
    ),
    st.sampled_from([1.0, 0.37]),
)  # fmt: skip
@example([(Kind.KNOB, 61, 0.25, 0, 0), (Kind.BRIDGE, 0, 0.0, 9, 0)], 1.0)
@settings(max_examples=60, deadline=None)
def test_whatever_the_hands_do_a_hand_is_where_it_is_said_to_be(found: list[Any], time: float) -> None:
    engine = null_engine(**{**CLEAR, "hazard": 3.0}, chance={"bridge": 0.1}, time=time)
    slow = engine.layer.table.index("time")
    engine.post(
        Gesture(Kind.KNOB, slow, float(engine.layer.control.raw[slow])), 23 * QUANTUM
    )  # it may have been turned
    for kind, knob, value, extra, sample in found:
        engine.post(
            Gesture(kind, knob % 9 if kind in (Kind.SCENE, Kind.SCENE_SAVE) else knob, value, extra=extra), sample
        )
    assert np.isfinite(play(engine, 24)).all()
    control = engine.layer.control
    assert ((control.raw >= 0.0) & (control.raw <= 1.0)).all()
    play(engine, 1 + round(80 / time))  # the longest way is over
    rest = control.raw.copy()
    play(engine, 12)
    assert np.array_equal(control.raw, rest), "nobody moves any more"
    assert np.array_equal(control.hand[-1 if time == 1.0 else 0], rest[:8])


# --- called by OSC and by MIDI


def acts(address: str, *args: object) -> list[tuple[Any, ...]]:
    namespace = Namespace("/rosin", TABLE, [("p",)])
    return [tuple(act) for meaning in namespace.find(f"/rosin/{address}") for act in namespace.acts(meaning, args)]


def test_osc_counts_from_one_and_zero_is_a_button_let_go() -> None:
    assert acts("scene", 3) == [(Kind.SCENE, 2, 0.0, 0)]
    assert acts("scene", 8.0, 2.5) == [(Kind.SCENE, 7, 0.0, 2500)]
    assert acts("scene", 1, 0.0) == [(Kind.SCENE, 0, 0.0, 1)], "at once; 0 would be the patch's own time"
    assert acts("scene", 1, 1e9) == [(Kind.SCENE, 0, 0.0, 3_600_000)]
    assert acts("scene/save", 1) == [(Kind.SCENE_SAVE, 0, 0.0, 0)]
    assert acts("scene", 0) == acts("scene/save", 0.0) == []
    for wrong in ((), (9,), (-1,), ("x",), (1, float("nan"))):
        with pytest.raises(ValueError):
            acts("scene", *wrong)


def mappings(*rows: dict[str, Any]) -> MappingTable:
    return MappingTable(read_bindings(rows), "pickup", TABLE)


def moves(one: MappingTable, *controls: ControlEvent) -> list[tuple[Any, ...]]:
    return [tuple(m) for c in controls for m in one.turn(one.find(c, "port"), c, Positions(TABLE), "port", 0.0)]


def test_a_key_a_program_and_a_switch_call_a_scene() -> None:
    one = mappings(
        {"scene": 3, "kind": "note", "number": 36, "channel": 10}, {"scene": 8, "kind": "program", "number": 4},
        {"scene": 1, "kind": "cc", "number": 80}, {"knob": "z2", "kind": "cc", "number": 80},
    )  # fmt: skip
    assert moves(one, ControlEvent("note", 10, 36, 0.8, 100), ControlEvent("note", 10, 36, 0.0, 0)) == [
        (Kind.SCENE, 2, 0.0)
    ]
    assert moves(one, ControlEvent("note", 1, 36, 0.8, 100)) == [], "another channel's key plays"
    assert moves(one, ControlEvent("program", 1, 4, 4 / 127, 4)) == [(Kind.SCENE, 7, 0.0)]
    values = [0.0, 0.3, 0.7, 1.0, 0.6, 0.2, 1.0]
    up = [m for m in moves(one, *(ControlEvent("cc", 1, 80, v, round(127 * v)) for v in values)) if m[0] == Kind.SCENE]
    assert up == [(Kind.SCENE, 0, 0.0)] * 2, "each time it goes up"
    assert one.remove("") == 0, "to unlearn nothing takes no scene away"
    assert [b.row() for b in one.bindings][:2] == [
        {"kind": "note", "number": 36, "channel": 10, "scene": 3}, {"kind": "program", "number": 4, "scene": 8},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"kind": "cc", "number": 20}, "knob: it is missing; write the id of a knob, or scene = 1 to 8"),
        ({"kind": "program", "knob": "z2"}, "kind: a program cannot move a knob"),
        ({"kind": "bend", "scene": 1}, "kind: bend cannot recall a scene; use one of note, cc, program"),
        ({"kind": "cc", "number": 6, "scene": 1}, "number: CC 6 cannot be a switch"),
        ({"kind": "note", "number": 200, "scene": 1}, "number: 200 is not a note"),
        ({"kind": "note", "scene": 9}, "scene: 9 is too large; the range is 1 to 8"),
        ({"kind": "note", "scene": 0}, "scene: 0 is too small"),
        ({"kind": "note", "scene": 1, "knob": "z2", "high": 0.5}, "knob: it is for knobs, and this row is for a scene"),
    ],
)
def test_a_wrong_row_for_a_scene_is_told(row: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match="rig") as caught:
        read_bindings([row])
    assert f"midi.bindings[0].{said}" in str(caught.value)
