"""Everything per note has an axis of voices: each plays what it would play alone, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.engine.latents import LOUDNESS, PITCH, PLAIN, to_latents
from instrument.engine.voices.allocation import LastNote
from instrument.engine.voices.note_voices import SOFTEST, NoteShape, NoteVoices

TICKS = 4
LEADS, OWN, REACH = np.ones(3, np.uint8), np.zeros((3, TICKS, 3), np.float32), np.zeros((0, 5), np.float32)
SHAPES = st.builds(
    NoteShape, st.sampled_from([1.0, 20.0]), st.sampled_from([30.0, 250.0]), st.sampled_from([0.0, 60.0]),
    st.sampled_from([0.0, 80.0]),
)  # fmt: skip
ACTS = st.tuples(
    st.sampled_from(["start", "turn", "hold", "bend"]),
    st.integers(0, 2),
    st.integers(36, 84),
    st.sampled_from([0.0, 0.4, 1.0]),
)


def act(voices: NoteVoices, what: str, voice: int, note: int, value: float) -> None:
    if what == "start":
        voices.start(voice, float(note), value)
    elif what == "turn":
        voices.turn(voice, float(note), value)
    elif what == "hold":
        voices.hold(voice, value > 0.0)
    else:
        voices.bend(2.0 * value, voice)


@settings(max_examples=100, deadline=None)
@given(shape=SHAPES, acts=st.lists(st.tuples(st.integers(1, 40), ACTS), max_size=20))
def test_each_of_three_voices_plays_what_it_would_play_alone(
    shape: NoteShape, acts: list[tuple[int, tuple[str, int, int, float]]]
) -> None:
    together = NoteVoices(3, 57.0, shape, 1500.0)
    alone = [NoteVoices(1, 57.0, shape, 1500.0) for _ in range(3)]
    pitch, level = np.zeros((3, TICKS), np.float32), np.zeros((3, TICKS), np.float32)
    one = np.zeros((2, 1, TICKS), np.float32)
    for blocks, (what, voice, note, value) in acts:
        act(together, what, voice, note, value)
        act(alone[voice], what, 0, note, value)
        for _ in range(blocks):
            together.step(pitch, level, 0, TICKS)
            for v, each in enumerate(alone):
                each.step(*one, 0, TICKS)
                assert np.array_equal(pitch[v], one[0, 0])
                assert np.array_equal(level[v], one[1, 0])


def test_a_state_of_one_voice_alone_is_read_as_it_was_written_before_there_were_more() -> None:
    voices = NoteVoices(1, 57.0, NoteShape(1.0, 100.0, 0.0), 1500.0)
    voices.set_state({"rest": 60.0, "loudness": 0.7, "level": 0.5, "pitch": 59.5})
    assert (voices.rest.tolist(), voices.level.tolist(), voices.pitch.tolist()) == ([60.0], [0.5], [59.5])
    other = NoteVoices(1, 57.0, NoteShape(1.0, 100.0, 0.0), 1500.0)
    other.set_state(voices.state())
    assert all(np.array_equal(other.state()[name], value) for name, value in voices.state().items())


def test_the_model_is_told_of_each_voice_its_own_note_and_of_all_the_same_knobs() -> None:
    rng = np.random.default_rng(3)
    x = rng.random((TICKS, 3)).astype(np.float32)
    pitch, level = rng.uniform(40, 80, (3, TICKS)).astype(np.float32), rng.random((3, TICKS)).astype(np.float32)
    low, span = np.array([0.0, -80.0, -3.0], np.float32), np.array([1.0, 80.0, 6.0], np.float32)
    role = np.array([PITCH, LOUDNESS, PLAIN], np.uint8)
    z, one = np.zeros((3, 3, 2), np.float32), np.zeros((1, 3, 2), np.float32)
    to_latents(x, pitch, level, LEADS, OWN, REACH, low, span, role, -80.0, z)
    for v in range(3):
        to_latents(x, pitch[v : v + 1], level[v : v + 1], LEADS[:1], OWN[:1], REACH, low, span, role, -80.0, one)
        assert np.array_equal(z[v], one[0])
        assert np.array_equal(z[v, 2], z[0, 2]), "a knob is everybody's"
    assert len({float(note) for note in z[:, 0, 0]}) == 3


class Asked:
    """A responder that remembers what it was asked for."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float]] = []

    def start(self, voice: int, note: float, velocity: float) -> None:
        assert voice == 0
        self.said.append(("start", note))

    def turn(self, voice: int, note: float, velocity: float) -> None:
        assert voice == 0
        self.said.append(("turn", note))

    def hold(self, voice: int, down: bool) -> None:
        assert voice == 0
        if not self.said or self.said[-1] != ("hold", float(down)):
            self.said.append(("hold", float(down)))


def test_an_allocation_knows_its_voices_only_by_what_it_asks_of_them() -> None:
    voices = Asked()
    keys = LastNote(voices)
    keys.on(60, 0.5)
    keys.on(64, 0.5)
    keys.off(64)
    keys.sustain(True)
    keys.off(60)
    assert keys.sounding
    keys.sustain(False)
    assert voices.said == [("start", 60.0), ("start", 64.0), ("turn", 60.0), ("hold", 1.0), ("hold", 0.0)]
    assert not keys.sounding


@pytest.mark.parametrize("decay", [0.0, 500.0])
def test_a_note_struck_again_at_its_height_falls_like_any_other(decay: float) -> None:
    voices = NoteVoices(1, 57.0, NoteShape(1.0, 100.0, 0.0, decay), 1500.0)
    pitch, level = np.zeros((1, TICKS), np.float32), np.zeros((1, TICKS), np.float32)
    voices.start(0, 57.0, 1.0)
    while voices.level[0] < 1.0:
        voices.step(pitch, level, 0, 1)
    voices.start(0, 57.0, 1.0)
    for _ in range(10):
        voices.step(pitch, level, 0, TICKS)
    assert (voices.level[0] < 1.0) == (decay > 0.0)


def test_a_stolen_voice_fades_in_five_milliseconds_and_speaks_the_other_key() -> None:
    voices = NoteVoices(2, 57.0, NoteShape(1.0, 2000.0, 80.0), 1500.0)
    pitch, level = np.zeros((2, TICKS), np.float32), np.zeros((2, TICKS), np.float32)
    voices.start(0, 60.0, 1.0)
    for _ in range(40):
        voices.step(pitch, level, 0, TICKS)
    assert level[0, -1] == 1.0
    voices.steal(0, 72.0, 0.5)
    heard = []
    for _ in range(4):
        voices.step(pitch, level, 0, TICKS)
        heard += list(zip(pitch[0].tolist(), level[0].tolist(), strict=True))
    silent = next(i for i, (_, loud) in enumerate(heard) if loud == 0.0)
    assert silent / 1500.0 <= 0.0055
    assert all(note == 60.0 for note, loud in heard[: silent + 1]), "it fades as it was"
    assert all(note == 72.0 for note, _ in heard[silent + 1 :]), "and the other speaks without a glide"
    assert heard[-1][1] == pytest.approx(SOFTEST + (1.0 - SOFTEST) * 0.5)
    assert level[1].tolist() == [0.0] * TICKS


def test_a_key_that_was_let_go_before_its_stolen_voice_spoke_is_not_heard() -> None:
    voices = NoteVoices(1, 57.0, NoteShape(1.0, 50.0, 0.0), 1500.0)
    pitch, level = np.zeros((1, TICKS), np.float32), np.zeros((1, TICKS), np.float32)
    voices.start(0, 60.0, 1.0)
    for _ in range(20):
        voices.step(pitch, level, 0, TICKS)
    voices.steal(0, 72.0, 1.0)
    voices.release(0)
    loud = []
    for _ in range(30):
        voices.step(pitch, level, 0, TICKS)
        loud += level[0].tolist()
    assert loud == sorted(loud, reverse=True)
    assert loud[-1] == 0.0
