"""A held key lives through a change of patch: in the new one, in the one after, and it ends where it is let go of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stage import now, null_engine, null_part, play, rms_db, shipped_part

from instrument.documents.patch import Start
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Kind

SECOND = 375
"""Blocks."""


def keyed_part(**changes: Any) -> Layer:
    """The weightless voice, silent but for its keys."""
    return null_part(knobs={"loudness": Start(0.0)}, **changes)


def keyed_engine(**changes: Any) -> Engine:
    return Engine(keyed_part(**changes))


def change(engine: Engine, part: Layer, blocks: int = SECOND // 2) -> Any:
    """As the process does it: a part that is not on stage comes as the patch begins."""
    if part is not engine.layer and not engine.fading:
        part.recall()
    engine.change(part)
    return play(engine, blocks)


def sounds(engine: Engine) -> float:
    return rms_db(play(engine, 60))


@pytest.mark.parametrize(("first", "second"), [("bow", "bronze"), ("hammer", "bow"), ("null", "glass")])
def test_a_held_key_sounds_on_in_another_patch_and_back(first: str, second: str) -> None:
    parts = [keyed_part() if name == "null" else shipped_part(name) for name in (first, second)]
    engine = Engine(parts[0])
    now(engine, Kind.NOTE_ON, 50, 0.8)
    play(engine, SECOND // 2)
    for part in (parts[1], parts[0], parts[1]):
        heard = change(engine, part)
        assert engine.layer is part
        assert rms_db(heard[:, -9600:]) > -45.0
        assert part.control.notes.keys[0] == [(50, 0.8)]
    now(engine, Kind.NOTE_OFF, 50)
    play(engine, 3 * SECOND)
    assert engine.layer.control.notes.level == 0.0


def test_the_pedal_the_bend_and_the_pressure_come_along() -> None:
    engine = keyed_engine()
    for kind, knob, value in ((Kind.NOTE_ON, 60, 0.5), (Kind.NOTE_ON, 64, 1.0), (Kind.SUSTAIN, 0, 1.0),
                              (Kind.NOTE_OFF, 60, 0.0), (Kind.BEND, 0, -0.5), (Kind.PRESSURE, 0, 0.9)):  # fmt: skip
        now(engine, kind, knob, value)
    play(engine, 100)
    change(engine, keyed_part(), 100)
    notes, control = engine.layer.control.notes, engine.layer.control
    assert notes.keys == ([(64, 1.0)], [(60, 0.5)])
    assert (notes.pedal, notes.bend) == (True, -0.5)
    loudness = engine.layer.table.index("loudness")
    assert control.raw[loudness] == np.float32(0.9)
    now(engine, Kind.NOTE_OFF, 64)
    play(engine, 10)
    assert notes.sounding, "the pedal holds both"
    now(engine, Kind.SUSTAIN, 0, 0.0)
    play(engine, 10)
    assert not notes.sounding
    assert not engine.held.sounding


def test_a_patch_without_notes_in_between_leaves_the_key_alone_and_the_next_one_finds_it() -> None:
    engine = keyed_engine()
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 100)
    off = keyed_part(notes="off")
    change(engine, off)
    assert not off.control.notes.sounding
    now(engine, Kind.NOTE_ON, 67, 0.6)
    play(engine, 10)
    assert sounds(engine) < -80.0
    change(engine, keyed_part())
    assert engine.layer.control.notes.keys[0] == [(60, 0.8), (67, 0.6)]
    assert sounds(engine) > -45.0


def test_a_key_pressed_in_a_patch_without_notes_is_heard_in_the_next_one_that_has_some() -> None:
    engine = keyed_engine(notes="off")
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 20)
    assert not engine.layer.speaking
    change(engine, keyed_part())
    assert sounds(engine) > -45.0
    now(engine, Kind.NOTE_OFF, 60)
    play(engine, 2 * SECOND)
    assert sounds(engine) < -80.0


def test_a_key_let_go_during_the_fade_is_let_go_of_in_both() -> None:
    engine = keyed_engine(fade_ms=2000.0, release_ms=50.0)
    first = engine.layer
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 100)
    second = keyed_part(fade_ms=2000.0, release_ms=50.0)
    change(engine, second, 50)
    assert engine.fading
    now(engine, Kind.NOTE_OFF, 60)
    play(engine, 60)
    assert engine.fading
    assert first.control.notes.level == second.control.notes.level == 0.0
    assert rms_db(play(engine, 30)) < -80.0
    change(engine, first, 50)
    assert not first.control.notes.sounding, "and it stays so where the fade is turned round"


def test_a_key_pressed_during_the_fade_is_there_where_the_fade_is_turned_round() -> None:
    engine = keyed_engine(fade_ms=2000.0)
    first = engine.layer
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 100)
    change(engine, keyed_part(fade_ms=2000.0), 50)
    now(engine, Kind.NOTE_ON, 72, 0.7)
    play(engine, 20)
    assert first.control.notes.keys[0] == [(60, 0.8)], "what fades away is not played on"
    change(engine, first, 20)
    assert first.control.notes.keys[0] == [(60, 0.8), (72, 0.7)]
    assert first.control.notes.rest == 72.0


def test_a_moment_that_is_brought_back_in_play_has_the_keys_that_are_down_now() -> None:
    engine = keyed_engine(release_ms=50.0)
    now(engine, Kind.NOTE_ON, 60, 0.8)
    now(engine, Kind.SUSTAIN, 0, 1.0)
    now(engine, Kind.BEND, 0, 0.5)
    play(engine, 50)
    now(engine, Kind.SNAPSHOT, 3)
    play(engine, 1)
    for kind, knob in ((Kind.NOTE_OFF, 60), (Kind.SUSTAIN, 0), (Kind.BEND, 0)):
        now(engine, kind, knob)
    play(engine, 60)
    assert sounds(engine) < -80.0
    now(engine, Kind.RESTORE, 3)
    play(engine, 60)
    notes = engine.layer.control.notes
    assert (notes.keys, notes.pedal, notes.bend) == (([], []), False, 0.0), "nobody could let go of them any more"
    assert sounds(engine) < -80.0
    now(engine, Kind.NOTE_ON, 67, 0.6)
    play(engine, 20)
    now(engine, Kind.RESTORE, 3)
    play(engine, 60)
    assert notes.keys == ([(67, 0.6)], [])
    assert notes.pitch == 67.0
    assert sounds(engine) > -45.0
    now(engine, Kind.NOTE_OFF, 67)
    play(engine, 60)
    assert sounds(engine) < -80.0


def test_a_moment_that_is_brought_back_in_play_has_the_pushes_of_now() -> None:
    engine = null_engine()
    now(engine, Kind.FORCE, 2, 0.5)
    play(engine, 20)
    now(engine, Kind.SNAPSHOT, 3)
    play(engine, 1)
    for push in (0.0, -0.25):
        now(engine, Kind.FORCE, 2, push)
        play(engine, 20)
        now(engine, Kind.RESTORE, 3)
        play(engine, 20)
        assert engine.layer.control.state()["pushed"][-1, 2] == push, "a push of then would never end"


def test_a_moment_that_is_brought_back_whole_has_the_keys_of_then() -> None:
    engine = keyed_engine()
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 50)
    kept = engine.snapshot()
    now(engine, Kind.NOTE_OFF, 60)
    now(engine, Kind.NOTE_ON, 67, 0.8)
    play(engine, 10)
    engine.restore(kept)
    assert engine.held.keys == engine.layer.control.notes.keys[0] == [(60, 0.8)]


def test_panic_lets_go_of_everything_for_good() -> None:
    engine = keyed_engine(fade_ms=2000.0)
    first = engine.layer
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 50)
    change(engine, keyed_part(fade_ms=2000.0), 20)
    now(engine, Kind.PANIC)
    play(engine, 20)
    assert not first.control.notes.sounding
    assert not engine.layer.control.notes.sounding
    change(engine, keyed_part(), 2 * SECOND)
    assert not engine.layer.control.notes.sounding


def test_a_key_that_calls_an_accident_here_is_no_note_of_the_patch_before() -> None:
    engine = keyed_engine()
    now(engine, Kind.NOTE_ON, 36, 0.8)
    play(engine, 50)
    part = keyed_part(accidents={"slip": 36})
    part.accident_keys[36] = 99
    change(engine, part, 100)
    assert not part.control.notes.sounding
    now(engine, Kind.NOTE_OFF, 36)
    play(engine, 5)
    change(engine, keyed_part(), 100)
    assert not engine.layer.control.notes.sounding, "it was let go of in between"


def test_a_struck_key_is_struck_anew_in_a_patch_whose_notes_decay() -> None:
    engine = keyed_engine()
    now(engine, Kind.NOTE_ON, 60, 1.0)
    play(engine, SECOND)
    heard = change(engine, keyed_part(decay_ms=3000.0), 100)
    assert rms_db(heard[:, -4800:]) > -45.0
    assert 0.0 < engine.layer.control.notes.level < 1.0
