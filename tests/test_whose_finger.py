"""Whose finger: what one says is for its own key, in the order in which it came, in the next patch and from a take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_many_voices import LOW, PATCHES, bend, engine_of, off, on, patch, play

from instrument.base.errors import RosinError
from instrument.chance.noise import Noise
from instrument.documents.expression import Expression
from instrument.documents.patch import Patch
from instrument.engine.engine import Engine
from instrument.engine.held import HeldKeys
from instrument.engine.layer import Layer
from instrument.engine.voices.note_voices import NoteShape
from instrument.engine.voices.notes import NoteMode, Notes
from instrument.engine.voices.press import MOST, Press
from instrument.ipc import Gesture, Kind
from instrument.model.library.card import DECODE_VOICES
from instrument.model.library.sealing import OURS
from instrument.model.runtime.block_adapter import Rebuffered
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.null import NullVoice
from instrument.model.runtime.rows import SeparateRows
from instrument.storage.bank import Bank, open_part


def voice(kind: Kind, value: float, note_id: int, note: int = -1) -> Gesture:
    """What /rosin/voice/ID sends."""
    return Gesture(kind, note + 1, value, note_id=note_id)


def pitches(engine: Engine) -> list[float]:
    control = engine.layer.control
    sounds = control.notes.voices.level > 0.0
    return sorted(control.pitch[sounds, -1].round(3).tolist())


# --- for its own key alone


def test_a_voice_with_an_id_bends_no_key_that_has_none_and_no_other_id() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(48, LOW, 1), on(52, LOW, 0, 7), on(55, LOW, 0, 8)]}, 6)
    play(engine, {0: [voice(Kind.FINGER_BEND, 2.0, 7)]}, 6)
    assert pitches(engine) == [48.0, 54.0, 55.0]


def test_a_channel_bends_no_key_of_another_and_none_with_an_id() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(48, LOW, 1), on(52, LOW, 2), on(55, LOW, 0, 8)]}, 6)
    play(engine, {0: [bend(2.0, 2)]}, 6)
    assert pitches(engine) == [48.0, 54.0, 55.0]


def test_what_is_said_of_nobody_is_everybodys_and_of_the_keys_to_come() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(48, LOW, 1), on(52, LOW, 0, 7), bend(1.0, 0)], 6: [on(60, LOW, 3)]}, 12)
    assert pitches(engine) == [49.0, 53.0, 61.0]


@pytest.mark.parametrize("notes", ["mono", "unison"])
def test_the_one_line_is_bent_by_the_finger_on_it_alone(notes: str) -> None:
    engine = engine_of(patch(notes=notes, voices=3, glide_ms=0.0))
    play(engine, {2: [on(48, LOW, 0, 7)], 4: [on(52, LOW, 0, 8)], 6: [voice(Kind.FINGER_BEND, 2.0, 7)]}, 20)
    assert engine.layer.control.pitch[:, -1] == pytest.approx(52.0, abs=0.2)
    play(engine, {0: [voice(Kind.FINGER_BEND, 2.0, 8)]}, 20)
    assert engine.layer.control.pitch[:, -1] == pytest.approx(54.0, abs=0.2)


def test_one_line_is_held_by_two_fingers_on_one_note_until_both_are_up() -> None:
    engine = engine_of(patch(notes="mono"))
    play(engine, {2: [on(60, LOW, 2), on(60, LOW, 3)], 9: [off(60, 2)]}, 20)
    assert engine.layer.control.notes.sounding
    play(engine, {0: [off(60, 3)]}, 5)
    assert not engine.layer.control.notes.sounding


# --- in the order in which it came


def test_a_bundle_of_a_note_and_what_its_finger_does_is_heard_whole() -> None:
    engine = engine_of(patch())
    said = [on(52, LOW, 0, 7), voice(Kind.FINGER_BEND, 3.0, 7), voice(Kind.FINGER_PRESSURE, 1.0, 7)]
    play(engine, {2: said, 3: [on(60, LOW, 0, 9)]}, 200)
    assert pitches(engine) == [55.0, 60.0]
    levels = engine.layer.control.level[:, -1]
    assert levels.max() == pytest.approx(1.0, abs=1e-5)
    assert sorted(levels[levels > 0.0])[0] < 0.9


def test_what_was_said_before_a_note_with_an_id_is_for_nobody() -> None:
    engine = engine_of(patch())
    play(engine, {2: [voice(Kind.FINGER_BEND, 3.0, 7)], 4: [on(52, LOW, 0, 7)]}, 8)
    assert pitches(engine) == [52.0]


def test_in_slow_time_a_finger_is_heard_as_well() -> None:
    engine = engine_of(patch())
    engine.post(Gesture(Kind.KNOB, engine.layer.table.index("time"), 0.0), 0)
    play(engine, {2: [on(52, LOW, 2), bend(3.0, 2)]}, 400)
    assert pitches(engine) == [55.0]


def test_after_a_panic_no_slide_is_left() -> None:
    engine = engine_of(patch(expression={"timbre": Expression("z1", 0.25)}))
    slide = Gesture(Kind.FINGER_TIMBRE, 0, 1.0, channel=2)
    play(engine, {2: [on(50, LOW, 2), slide], 9: [Gesture(Kind.PANIC, 0)], 12: [Gesture(Kind.RESUME, 0)]}, 20)
    assert engine.layer.control.expressing.own[:, :, :2].any() == np.False_


# --- in the next patch


def test_each_finger_goes_on_bending_its_own_note_in_the_next_patch() -> None:
    engine = engine_of(patch("bow"))
    play(engine, {2: [on(48, LOW, 2), on(52, LOW, 3), on(55, LOW, 0, 7)], 9: [bend(1.0, 3)]}, 20)
    play(engine, {0: [voice(Kind.FINGER_BEND, -1.0, 7)]}, 20)
    engine.change(open_part(patch("nobody"), 1, provider="cpu"))
    play(engine, {}, 80)
    assert pitches(engine) == [48.0, 53.0, 54.0], "as they are bent"
    play(engine, {0: [bend(2.0, 2)]}, 20)
    assert pitches(engine) == [50.0, 53.0, 54.0]
    play(engine, {0: [off(48, 2), off(52, 3), Gesture(Kind.NOTE_OFF, 55, 0.0, note_id=7)]}, 400)
    assert not engine.layer.control.notes.voices.level.any()


def test_what_is_held_is_written_as_it_ever_was_and_channels_beside_it() -> None:
    held = HeldKeys()
    held.down(60, 0.5)
    assert held.state() == {"keys": [[60, 0.5]], "kept": [], "pedal": False, "bend": 0.0, "pressure": 0.0}
    held.down(64, 0.7, 2)
    held.finger(0, 0.6, 2, -1, 0)
    held.sustain(True)
    held.up(64, 2)
    again = HeldKeys()
    again.set_state(json.loads(json.dumps(held.state())))
    assert again.presses == [Press(60, 0.5)]
    assert again.kept == [Press(64, 0.7, 2)]
    assert again.state() == held.state()
    again.set_state({"keys": [[60, 0.5]], "kept": [], "pedal": False, "bend": 0.0, "pressure": 0.0})
    assert (again.presses, again.fingers) == ([Press(60, 0.5)], {})


def test_two_fingers_on_one_note_as_a_moment_is_brought_back_are_two_afterwards() -> None:
    engine = engine_of(patch(notes="mono"))
    play(engine, {2: [on(60, LOW, 2), on(60, LOW, 3), on(62, LOW, 0, 5)]}, 20)
    kept = type(engine.snapshot()).from_bytes(engine.snapshot().to_bytes())
    again = engine_of(patch(notes="mono"))
    again.restore(kept)
    assert again.held.presses == [Press(60, LOW, 2), Press(60, LOW, 3), Press(62, LOW, 0, 5)]
    script = {1: [off(60, 2)], 3: [Gesture(Kind.NOTE_OFF, 62, 0.0, note_id=5)], 8: [off(60, 3)]}
    assert np.array_equal(play(again, script, 60), play(engine, script, 60))
    assert not again.held.sounding


def test_keys_without_end_are_forgotten_from_the_oldest_on() -> None:
    held, notes = HeldKeys(), Notes(60.0, NoteShape(1.0, 1.0, 0.0), 2.0, 1500.0, NoteMode())
    for note_id in range(1, 1000):
        held.down(60, 0.5, 0, note_id)
        held.finger(0, 0.7, 0, -1, note_id)
        notes.on(60, 0.5, 0, note_id)
    assert len(held.presses) == len(notes.presses[0]) == MOST
    held.up(60)
    assert (held.presses, held.fingers) == ([], {})


# --- rows


def test_a_moment_of_voices_with_longer_frames_comes_back_bit_for_bit() -> None:
    def layer() -> Layer:
        one = Patch("long", "null", notes="poly", voices=3, difficulty=0.0)
        return Layer(one, rebuffered(), rows=SeparateRows([rebuffered() for _ in range(3)]))

    def rebuffered() -> Rebuffered:
        return Rebuffered(NullVoice(Noise(0), quantum=512))

    engine = Engine(layer())
    play(engine, {2: [on(48)], 7: [on(55)]}, 30)
    kept = type(engine.snapshot()).from_bytes(engine.snapshot().to_bytes())
    again = Engine(layer())
    again.restore(kept)
    script = {3: [on(64)], 5: [off(48)]}
    assert np.array_equal(play(again, script, 40), play(engine, script, 40))


def test_rows_of_another_number_change_nothing() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(48)]}, 10)
    chorus = engine.layer.chorus
    assert chorus is not None
    kept, before = chorus.state(), chorus.on.copy()
    play(engine, {0: [on(60)]}, 10)
    there = chorus.state()
    with pytest.raises(RosinError, match="does not fit the voices"):
        chorus.set_state({**kept, "rows.on": np.ones(3, np.bool_)})
    assert all(np.array_equal(there[name], array) for name, array in chorus.state().items())
    assert before.sum() == 1


def test_a_row_that_begins_leaves_the_others_as_the_device_has_them() -> None:
    class Device:
        """What a graphics card holds of one state; the copy here is old."""

        def __init__(self) -> None:
            self.there = np.full((3, 2), 5.0, np.float32)

        def numpy(self) -> Any:
            return self.there.copy()

        def update_inplace(self, array: Any) -> None:
            self.there = array.copy()

    device, stale = Device(), np.zeros((3, 2), np.float32)
    graph = BoundGraph.__new__(BoundGraph)
    graph._sets, graph._turn, graph.device = [{"state": (device, stale)}], 0, "cuda"  # type: ignore[dict-item]
    graph.reset_row(1)
    assert device.there.tolist() == [[5.0, 5.0], [0.0, 0.0], [5.0, 5.0]]


def test_the_file_for_eight_voices_belongs_to_its_model() -> None:
    assert DECODE_VOICES in OURS


def test_bend_and_wear_of_many_voices_are_told_not_to_be_heard(tmp_path: Path) -> None:
    said = []
    for name in ("consort", "bow"):
        path = tmp_path / f"{name}.toml"
        text = (PATCHES / path.name).read_text()
        path.write_text(text.replace("[chance]\n", "[chance]\nwear = 0.3\n"))
        bank = Bank([path], provider="cpu")
        bank.layer(0)
        said.append([line for line in bank.wrong if "bend and wear are not heard" in line])
    assert [len(lines) for lines in said] == [1, 0]
