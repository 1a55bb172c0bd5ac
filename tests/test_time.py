"""Time: the whole control chain slows down to a hundredth and nothing changes its shape. Own parameters of one knob."""

from __future__ import annotations

import numpy as np
import pytest
from stage import now, null_engine, play

from instrument.documents.patch import Patch, table_of
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.ipc import Gesture, Kind

CHANCE = {"drift": 0.1, "tau": 0.2, "pink": 0.03, "dice": 0.1, "dice_rate": 5.0, "holes": 120.0, "hole_length": 0.05}
FRICTION = {"stick": 0.05, "slide": 0.02, "play": 0.01}
MOVES = [(32, 0.9), (76, 0.2), (136, 0.6), (224, 0.1)]
"""(tick of the chain, where to)"""


def trajectory(slower: int, ticks: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the chain computes tick by tick (positions, level of the keys), and what is heard at every tick of the
    clock; all gestures come ``slower`` times later."""
    rough = {"difficulty": 5.0, "hazard": 5.0, "friction": FRICTION, "chance": CHANCE}
    engine = null_engine(time=1.0 / slower, attack_ms=40.0, **rough)
    control = engine.layer.control
    for tick, raw in MOVES:
        engine.post(Gesture(Kind.KNOB, 2, raw), tick * 32 * slower)
    engine.post(Gesture(Kind.NOTE_ON, 60, 0.8), 60 * 32 * slower)
    rows, keys, heard = [], [], []
    chain = control._chain

    def watched(count: int) -> None:
        chain(count)
        rows.append(control.x[:count].copy())
        keys.append(control.level[0, :count].copy())

    control._chain = watched  # type: ignore[method-assign]
    out = np.zeros((2, QUANTUM), np.float32)
    for _ in range(ticks * slower // 4):
        engine.block(out)
        heard.append(control.x.copy())
    return np.concatenate(rows), np.concatenate(keys), np.concatenate(heard)


@pytest.mark.parametrize("slower", [2, 10, 100])
def test_slower_is_the_same_shape_to_the_bit(slower: int) -> None:
    usual, keys, _ = trajectory(1)
    slow, slow_keys, heard = trajectory(slower)
    count = len(slow)
    assert 290 < count <= 300
    assert np.array_equal(slow, usual[:count])
    assert np.array_equal(slow_keys, keys[:count])
    assert np.ptp(usual[:, 2]) > 0.5
    # what is heard goes through each of them, when the next one is made
    reached = heard[2 * slower - 1 :: slower]
    assert np.array_equal(reached[: count - 1], slow[: len(reached)][: count - 1])


def test_between_two_ticks_knobs_go_straight() -> None:
    _, _, heard = trajectory(100, 100)
    inner = np.diff(heard, 2, axis=0)
    assert (np.abs(inner) < 1e-6).mean() > 0.97


def test_slow_time_does_not_slow_the_level_or_the_panic() -> None:
    engine = null_engine(time=0.01, sounds="always")
    play(engine, 50)
    now(engine, Kind.PANIC)
    assert np.abs(play(engine, 20)[:, -256:]).max() == 0.0


def test_coming_back_to_full_time_makes_no_jump() -> None:
    engine = null_engine(time=0.02, difficulty=5.0, hazard=5.0, chance={"drift": 0.2, "tau": 0.1})
    play(engine, 500)
    before = engine.layer.control.x[-1].copy()
    now(engine, Kind.KNOB, engine.layer.table.index("time"), 1.0)
    play(engine, 1)
    assert np.abs(engine.layer.control.x[0] - before).max() < 0.05


def test_hands_only_is_at_full_speed_and_exact() -> None:
    engine = null_engine(time=0.01, difficulty=8.0, hazard=8.0, chance=CHANCE)
    now(engine, Kind.KNOB, 2, 0.7)
    play(engine, 30)
    now(engine, Kind.HANDS_ONLY, value=1.0)
    now(engine, Kind.KNOB, 3, 0.3)
    play(engine, 1)
    assert engine.layer.control.x[-1].tobytes() == engine.layer.control.raw[:8].tobytes()


# --- parameters of one knob


def own(**changes: object) -> Engine:
    return null_engine(friction_knobs={"brightness": {"stick": 0.2, "visc": 0.5}}, **changes)


def test_what_a_patch_says_of_one_knob_is_a_knob_itself() -> None:
    engine = own(difficulty=5.0)
    table, control = engine.layer.table, engine.layer.control
    k = table.index("brightness")
    assert control.amounts.friction.stick[k] == pytest.approx(0.2)
    other = table.index("breath")
    assert control.amounts.friction.stick[other] == pytest.approx(0.02)
    now(engine, Kind.KNOB, table.index("friction.stick.brightness"), 0.5)
    now(engine, Kind.KNOB, table.index("friction.stick"), 0.1)
    play(engine, 1)
    assert control.amounts.friction.stick[k] == pytest.approx(0.15)
    assert control.amounts.friction.stick[other] == pytest.approx(0.03)


def test_the_table_has_them_after_the_common_ones() -> None:
    engine = own()
    patch = Patch("p", "null", friction_knobs={"breath": {"stick": 0.1}}, chance_knobs={"glass": {"dice": 0.3}})
    ids = [knob.id for knob in table_of(patch, engine.layer.voice.latents)]
    assert ids[-2:] == ["friction.stick.breath", "chance.dice.glass"]


# --- bridges


def test_a_bridge_arrives_exactly_and_a_hand_takes_the_knob_from_it() -> None:
    engine = null_engine(difficulty=0.0, hazard=0.0, chance={"bridge": 0.3})
    control = engine.layer.control
    now(engine, Kind.KNOB, 2, 0.2)
    play(engine, 2)
    now(engine, Kind.BRIDGE, 2, 0.9, extra=1000)
    path = []
    for _ in range(400):
        play(engine, 1)
        path.append(float(control.x[-1, 2]))
    assert path[-1] == np.float32(0.9)
    assert control.raw[2] == np.float32(0.9)
    assert np.ptp(np.diff(path[:370])) > 0.001, "it wanders on its way"
    now(engine, Kind.BRIDGE, 2, 0.1, extra=1000)
    play(engine, 50)
    now(engine, Kind.KNOB, 2, 0.5)
    play(engine, 400)
    assert control.x[-1, 2] == np.float32(0.5)


# --- coupling


def test_one_knob_drags_those_it_goes_with() -> None:
    engine = null_engine(difficulty=5.0, friction={"coupling": 0.8, "stick": 0.002, "slide": 0.001})
    control, table = engine.layer.control, engine.layer.table
    rest = control.x[-1].copy() if control.x.any() else control.raw[:8].copy()
    now(engine, Kind.KNOB, table.index("brightness"), 1.0)
    play(engine, 400)
    moved = control.x[-1] - control.raw[:8]
    assert moved[table.index("glass")] > 0.03, "they go together"
    assert moved[table.index("hollow")] < -0.03, "these go against each other"
    assert abs(moved[table.index("motion")]) < 0.02
    assert control.x[-1, 0] == pytest.approx(rest[0], abs=1e-6), "a melody stays in tune"
