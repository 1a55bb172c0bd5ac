"""Many voices on a real model: a chord is the sum of its notes, a finger moves its own, pedals and stealing are heard,
and all of it comes back from a snapshot bit for bit."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from instrument.base.errors import RosinError, ValidationErrors
from instrument.chance.noise import Noise
from instrument.documents.expression import Expression
from instrument.documents.patch import Patch, Start, patch_from, read_patch
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.engine.snapshot import Snapshot
from instrument.hands.midi.hand import MidiHand
from instrument.hands.midi.mpe import Mpe
from instrument.hands.state.counts import Counts, EventLog
from instrument.hands.state.positions import Positions
from instrument.ipc import Gesture, Kind
from instrument.model.runtime.null import NullVoice
from instrument.model.runtime.rows import SeparateRows
from instrument.storage.bank import open_part

PATCHES = Path(__file__).parent.parent / "patches"
F32 = NDArray[np.float32]
MODELS = ("bow", "hammer", "bronze", "nobody")
LOW = 0.3
"""Soft enough that a chord does not reach the limiter."""


def patch(name: str = "bow", **more: Any) -> Patch:
    """Without friction, chance or room."""
    usual: dict[str, Any] = {"notes": "poly", "voices": 8, "difficulty": 0.0, "hazard": 0.0}
    return replace(read_patch(PATCHES / f"{name}.toml"), **{**usual, **more})


def engine_of(one: Patch) -> Engine:
    return Engine(open_part(one, provider="cpu"))


def play(engine: Engine, script: dict[int, list[Gesture]], blocks: int) -> F32:
    """What the layer gives, f32 [C, n], gestures by block."""
    out, found = np.zeros((2, 128), np.float32), []
    for i in range(blocks):
        for gesture in script.get(i, ()):
            engine.post(gesture, engine.sample + 7)
        engine.block(out)
        found.append(engine.layer.audio.copy())
    return np.concatenate(found, axis=1)


def on(note: int, velocity: float = LOW, channel: int = 0, note_id: int = 0) -> Gesture:
    return Gesture(Kind.NOTE_ON, note, velocity, channel=channel, note_id=note_id)


def off(note: int, channel: int = 0) -> Gesture:
    return Gesture(Kind.NOTE_OFF, note, 0.0, channel=channel)


def bend(semitones: float, channel: int) -> Gesture:
    return Gesture(Kind.FINGER_BEND, 0, semitones, channel=channel)


# --- a chord is the sum of its notes


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [2, 5, 8])
def test_a_chord_is_the_sum_of_its_notes(name: str, count: int) -> None:
    notes = [41 + 4 * i for i in range(count)]
    chord = play(engine_of(patch(name)), {2: [on(note) for note in notes]}, 120)
    alone = sum(play(engine_of(patch(name)), {2: [on(note)]}, 120) for note in notes)
    assert np.abs(chord).max() > 0.02
    assert np.abs(chord - alone).max() < 1e-5


def test_sixteen_notes_are_two_calls_and_the_same_sum() -> None:
    notes = list(range(36, 84, 3))
    chord = play(engine_of(patch(voices=16)), {2: [on(note) for note in notes]}, 80)
    alone = sum(play(engine_of(patch(voices=16)), {2: [on(note)]}, 80) for note in notes)
    assert np.abs(chord - alone).max() < 1e-5


def test_the_order_of_keys_in_a_block_does_not_matter() -> None:
    one, other = (
        play(engine_of(patch()), {2: [on(note) for note in notes]}, 80) for notes in ((48, 52, 55), (55, 48, 52))
    )
    assert np.abs(one - other).max() < 1e-6


def test_a_voice_of_many_is_the_voice_alone() -> None:
    """The same notes on the mono patch and on the poly one: the same instrument, but for its noise."""
    many = play(engine_of(patch()), {2: [on(52)]}, 200)
    one = play(engine_of(patch(notes="mono")), {2: [on(52)]}, 200)
    assert np.sqrt(np.mean(many[:, 12800:] ** 2)) == pytest.approx(np.sqrt(np.mean(one[:, 12800:] ** 2)), rel=0.1)


# --- nothing sounds that is not played, and what is silent is not computed


def test_at_rest_nothing_is_computed_and_nothing_sounds() -> None:
    engine = engine_of(patch())
    assert not play(engine, {}, 40).any()
    assert engine.layer.chorus is not None
    assert not engine.layer.chorus.on.any()


def test_released_voices_ring_out_and_are_done() -> None:
    engine = engine_of(patch(release_ms=50.0))
    assert engine.layer.chorus is not None
    play(engine, {2: [on(48), on(55)]}, 60)
    assert engine.layer.chorus.on.sum() == 2
    sound = play(engine, {0: [off(48), off(55)]}, 700)
    assert not engine.layer.chorus.on.any()
    assert not sound[:, -1280:].any()


def test_the_pedal_and_the_middle_pedal_keep_what_they_keep() -> None:
    engine = engine_of(patch(release_ms=20.0))
    level = engine.layer.control.notes.voices.level
    play(engine, {2: [on(48)], 20: [Gesture(Kind.SOSTENUTO, 0, 1.0)], 21: [on(55)], 22: [off(48), off(55)]}, 60)
    assert sorted((level > 0.0).tolist())[-2:] == [False, True], "the middle pedal kept what was down"
    play(engine, {0: [Gesture(Kind.SUSTAIN, 0, 1.0), on(60)], 2: [off(60), Gesture(Kind.SOSTENUTO, 0, 0.0)]}, 60)
    assert (level > 0.0).sum() == 1, "the other one keeps what came later"
    play(engine, {0: [Gesture(Kind.SUSTAIN, 0, 0.0)]}, 60)
    assert not level.any()


def test_a_ninth_key_takes_a_voice_and_no_key_hangs() -> None:
    engine = engine_of(patch(release_ms=20.0))
    notes = list(range(40, 53))
    play(engine, {i: [on(note)] for i, note in enumerate(notes)}, 40)
    voices = engine.layer.control.notes.voices
    assert sorted(voices.rest.tolist())[-1] == 52
    assert 40.0 in voices.rest.tolist(), "the lowest is kept"
    play(engine, {0: [off(note) for note in notes]}, 80)
    assert not voices.level.any()


def test_panic_and_all_notes_off_silence_every_voice() -> None:
    for kind in (Kind.PANIC, Kind.ALL_NOTES_OFF):
        engine = engine_of(patch(release_ms=20.0))
        play(engine, {2: [on(48), on(52), on(55)], 30: [Gesture(kind)]}, 80)
        assert not engine.layer.control.notes.voices.level.any()


# --- fingers


def hz(sound: F32, low: float, high: float, rate: int = 48000) -> float:
    """The strongest line between two frequencies, by a parabola through the three bins about it."""
    wave = sound[0] * np.hanning(sound.shape[1])
    power = np.log(np.abs(np.fft.rfft(wave, 8 * len(wave))) + 1e-12)
    at = np.fft.rfftfreq(8 * len(wave), 1.0 / rate)
    inside = np.flatnonzero((at > low) & (at < high))
    k = int(inside[np.argmax(power[inside])])
    a, b, c = power[k - 1 : k + 2]
    return float(at[k] + (at[1] - at[0]) * 0.5 * (a - c) / (a - 2.0 * b + c))


def cents(one: float, other: float) -> float:
    return 1200.0 * float(np.log2(one / other))


def test_a_finger_bends_its_own_note_and_no_other() -> None:
    notes = {1: 45, 2: 52, 3: 60}
    bands = {1: (100.0, 118.0), 2: (155.0, 175.0), 3: (250.0, 275.0)}

    def heard(script: dict[int, list[Gesture]]) -> F32:
        chord = {2: [on(note, LOW, channel) for channel, note in notes.items()]}
        return play(engine_of(patch()), {**chord, **script}, 500)[:, 25600:]

    plain, bent = heard({}), heard({3: [bend(2.0, 2)]})
    for channel in (1, 3):
        assert abs(cents(hz(bent, *bands[channel]), hz(plain, *bands[channel]))) < 5.0
    assert cents(hz(bent, 175.0, 196.0), hz(plain, *bands[2])) == pytest.approx(200.0, abs=5.0)


def test_what_a_finger_says_before_its_note_is_where_the_note_begins() -> None:
    early = engine_of(patch())
    play(early, {1: [bend(3.0, 2)], 4: [on(50, LOW, 2)]}, 5)
    assert early.layer.control.pitch.max() == pytest.approx(53.0, abs=1e-3)


def test_a_voice_let_go_keeps_its_bend_while_the_next_note_has_its_own() -> None:
    engine = engine_of(patch(release_ms=2000.0))
    play(engine, {2: [on(50, LOW, 2), bend(3.0, 2)], 10: [off(50, 2)], 12: [bend(0.0, 2)], 14: [on(60, LOW, 2)]}, 20)
    pitch = engine.layer.control.pitch[:, -1]
    level = engine.layer.control.notes.voices.level
    assert sorted(pitch[level > 0.0].tolist()) == pytest.approx([53.0, 60.0], abs=1e-3)


def test_pressure_swells_its_note_from_its_velocity_up_to_full() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(50, LOW, 2), on(57, LOW, 3)]}, 200)
    before = engine.layer.control.level[:, -1].copy()
    play(engine, {0: [Gesture(Kind.FINGER_PRESSURE, 0, 0.0, channel=2)]}, 20)
    assert np.array_equal(engine.layer.control.level[:, -1], before), "a pressure of nothing is velocity alone"
    play(engine, {0: [Gesture(Kind.FINGER_PRESSURE, 0, 1.0, channel=2)]}, 20)
    after = engine.layer.control.level[:, -1]
    assert sorted(after[after > 0.0].tolist()) == pytest.approx(sorted([before.max(), 1.0]), abs=1e-5)


def test_poly_pressure_is_for_its_note() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(50), on(57)]}, 200)
    play(engine, {0: [Gesture(Kind.FINGER_PRESSURE, 1 + 57, 1.0)]}, 20)
    voices = engine.layer.control.notes.voices
    assert [
        note for note, level in zip(voices.rest, engine.layer.control.level[:, -1], strict=True) if level > 0.99
    ] == [57.0]


def test_a_slide_moves_the_knob_that_the_patch_says_for_its_note_alone() -> None:
    one = patch(expression={"timbre": Expression("z1", 0.25), "velocity": Expression("z2", 0.5)})
    engine = engine_of(one)
    play(engine, {2: [on(50, 0.8, 2), on(57, 0.8, 3)], 9: [Gesture(Kind.FINGER_TIMBRE, 0, 1.0, channel=3)]}, 20)
    layer = engine.layer
    z1, z2 = layer.table.index("z1"), layer.table.index("z2")
    knob = layer.table[z1]
    slid = layer.z[:, z1, 0]
    assert slid.max() - slid.min() == pytest.approx(0.25 * (knob.high - knob.low), rel=1e-3)
    assert np.ptp(layer.z[:2, z2, 0]) < 1e-6, "0.8 is neither hard nor soft"
    play(engine, {0: [on(64, 0.4, 4)]}, 4)
    knob = layer.table[z2]
    assert np.ptp(layer.z[:3, z2, 0]) == pytest.approx(0.5 * 0.4 * (knob.high - knob.low), rel=1e-3)


def test_a_finger_sticks_where_its_patch_says_so_and_the_knobs_do_not_know() -> None:
    sticky = patch(difficulty=5.0, expression={"bend": Expression(feel={"stick": 0.02, "slide": 0.02})})
    engine = engine_of(sticky)
    play(engine, {2: [on(50, LOW, 2)], 9: [bend(1.0, 2)]}, 40)
    assert engine.layer.control.pitch.max() == pytest.approx(50.0, abs=0.6), "it is held: 0.02 of 192 semitones is 3.8"
    play(engine, {0: [bend(12.0, 2)]}, 60)
    assert 58.0 < engine.layer.control.pitch.max() < 62.0, "it slides behind the finger"


# --- unison


def test_a_unison_is_several_who_are_never_quite_together() -> None:
    engine = engine_of(patch(notes="unison", voices=6, detune_cents=20.0, late_ms=40.0, width=1.0))
    first = play(engine, {2: [on(52, 0.6)]}, 6)
    assert (engine.layer.control.notes.voices.level > 0.0).sum() < 6, "some have not begun"
    assert first.shape[0] == 2
    play(engine, {}, 60)
    pitch = engine.layer.control.pitch[:, -1]
    assert (engine.layer.control.notes.voices.level > 0.0).all()
    assert 0.2 < np.ptp(pitch) <= 0.41
    assert len(set(np.round(pitch, 5))) == 6
    sound = play(engine, {}, 400)
    assert abs(np.corrcoef(sound)[0, 1]) < 0.6


def test_another_note_of_a_unison_is_tuned_anew_and_the_same_take_is_the_same() -> None:
    script = {2: [on(52)], 40: [off(52), on(55)]}
    one, other = (engine_of(patch(notes="unison", voices=4, width=0.5)) for _ in range(2))
    assert np.array_equal(play(one, script, 90), play(other, script, 90))
    assert one.layer.control.notes.unison is not None
    assert one.layer.control.notes.unison.notes == 2


# --- everything comes back


@pytest.mark.parametrize("notes", ["poly", "unison"])
def test_from_a_snapshot_in_the_middle_of_a_chord_it_goes_on_bit_for_bit(notes: str) -> None:
    one = patch(notes=notes, difficulty=4.0, hazard=3.0, width=0.7,
                expression={"bend": Expression(feel={"stick": 0.01})})  # fmt: skip
    begin = {2: [on(48, 0.5, 1), on(52, 0.5, 2)], 5: [bend(1.5, 2)], 20: [off(48, 1)], 21: [on(59, 0.9, 3)]}
    then = {
        1: [bend(-4.0, 3)],
        4: [on(43, 0.4, 1)],
        9: [off(52, 2)],
        12: [Gesture(Kind.FINGER_PRESSURE, 0, 0.9, channel=3)],
    }
    engine = engine_of(one)
    play(engine, begin, 40)
    kept = Snapshot.from_bytes(engine.snapshot().to_bytes())
    went = play(engine, then, 60)
    again = engine_of(one)
    again.restore(kept)
    assert np.array_equal(play(again, then, 60), went)


def test_a_snapshot_of_many_voices_is_refused_by_one_and_by_others_in_number() -> None:
    engine = engine_of(patch())
    play(engine, {2: [on(48)]}, 10)
    kept = engine.snapshot()
    with pytest.raises(RosinError, match="many voices"):
        engine_of(patch(notes="mono")).layer.restore_voice(kept.voice)
    with pytest.raises(RosinError, match="does not fit the voices"):
        engine_of(patch(voices=16)).layer.restore_voice(kept.voice)


def test_held_keys_sound_on_in_the_next_patch() -> None:
    engine = engine_of(patch("bow"))
    play(engine, {2: [on(48), on(52), on(55)]}, 40)
    other = open_part(patch("nobody"), 1, provider="cpu")
    engine.change(other)
    play(engine, {}, 80)
    voices = other.control.notes.voices
    assert sorted(voices.rest[voices.level > 0.0].tolist()) == [48.0, 52.0, 55.0]
    play(engine, {0: [off(48), off(52), off(55)]}, 400)
    assert not voices.level.any()


def test_a_voice_that_a_held_key_gets_in_the_next_patch_is_not_bent_as_an_earlier_note_was() -> None:
    engine = engine_of(patch("bow"))
    other = open_part(patch("nobody", voices=1), 1, provider="cpu")
    other.control.fingers.say(0, 0.7, [0], 0.0)
    play(engine, {2: [on(48)]}, 20)
    engine.change(other)
    play(engine, {}, 60)
    assert other.control.pitch.max() == pytest.approx(48.0, abs=1e-3)


def test_bytes_at_random_on_sixteen_channels_leave_no_note_and_the_sound_whole() -> None:
    """MIDI to sound without a wire; a million of them were played once (scripts/fuzz.py plays them through JACK)."""
    engine = engine_of(patch("consort", release_ms=50.0, difficulty=4.0, hazard=2.0))
    got: list[Gesture] = []
    hand = MidiHand((), "jump", Positions(engine.layer.table), 3, got.append, lambda rows: None, Counts(), EventLog())
    hand.mpe = lambda: Mpe("both")
    dice, out = random.Random(5), np.zeros((2, 128), np.float32)

    def play_on() -> None:
        for gesture in got:
            if gesture.kind not in (Kind.PATCH, Kind.PANIC):
                engine.post(gesture._replace(time=0.0), engine.sample)
        got.clear()
        engine.block(out)
        assert np.isfinite(out).all()

    for i in range(300):
        statuses = (dice.randrange(0x80, 0xF0), dice.randrange(128), dice.randrange(128), dice.randrange(256))
        hand.take("keys", [dice.choice(statuses) for _ in range(300)], 100.0 + i / 10)
        play_on()
    hand.forget("keys")
    for _ in range(400):
        play_on()
    notes = engine.layer.control.notes
    assert notes.keys == ([], [])
    assert not notes.voices.level.any()
    assert np.all(engine.layer.control.fingers.said == (0.5, 0.0, 0.5)), "the next note on any channel is unbent"


# --- without a file for several voices, and what is refused


def test_a_voice_of_no_file_for_many_is_opened_as_often_as_there_are_voices() -> None:
    def layer() -> Layer:
        one = Patch("many", "null", notes="poly", voices=3, difficulty=0.0, knobs={"loudness": Start(0.0)})
        return Layer(one, NullVoice(Noise(0)), rows=SeparateRows([NullVoice(Noise(0)) for _ in range(3)]))

    notes = (48, 55, 64)
    chord = play(Engine(layer()), {2: [on(note) for note in notes]}, 60)
    alone = sum(play(Engine(layer()), {2: [on(note)]}, 60) for note in notes)
    assert np.abs(chord).max() > 0.01
    assert np.abs(chord - alone).max() < 1e-5


def test_a_patch_says_how_many_and_what_its_fingers_move_and_is_told_what_is_wrong() -> None:
    table: dict[str, Any] = {"schema": 1, "name": "x", "model": {"name": "null"},
                             "voice": {"notes": "poly", "voices": 12, "width": 0.5},
                             "expression": {"timbre": {"knob": "bright", "range": -0.5, "stick": 0.02}}}  # fmt: skip
    one = patch_from(table, "x.toml")
    assert (one.voices, one.width, one.expression["timbre"].range) == (12, 0.5, -0.5)
    assert one.expression["pressure"].knob == "loudness", "what is not said is as usual"
    table["voice"]["voices"] = 17
    table["expression"]["timbre"]["range"] = 3
    with pytest.raises(ValidationErrors) as wrong:
        patch_from(table, "x.toml")
    assert {line.split(":")[0] for line in wrong.value.lines} == {"voice.voices", "expression.timbre.range"}


def test_a_knob_that_the_model_does_not_have_is_told() -> None:
    with pytest.raises(ValidationErrors, match=r"expression\.timbre\.knob: .* has no knob 'nose'"):
        engine_of(patch(expression={"timbre": Expression("nose", 0.5)}))
