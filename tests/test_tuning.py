"""A scale from the keys through the whole engine, on every shipped model with a pitch: in tune, and bent when asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stage import now, play

from instrument.chance.noise import Noise
from instrument.documents.patch import Patch
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Kind
from instrument.model.library.card import read_card
from instrument.model.library.finder import open_voice

MODELS = Path(__file__).parent.parent / "models"
RATE = 48000
TONAL = sorted(
    card.parent.name
    for card in MODELS.glob("*/card.toml")
    if "pitch_30_cents_share" in read_card(card.parent).training.get("held_out", {})
)
"""Those of whose held-out sounds at least some have a pitch."""
NEUTRAL = {"difficulty": 0.0, "hazard": 0.0}
NOTE_S, SETTLE_S = 0.5, 0.2


def engine_on(model: str, **changes: object) -> Engine:
    voice = open_voice(model, "", noise=Noise(0), providers="cpu")
    patch = Patch("scale", model, **{"notes": "mono", "sounds": "gesture", **NEUTRAL, **changes})  # type: ignore[arg-type]
    return Engine(Layer(patch, voice))


def blocks(seconds: float) -> int:
    return round(seconds * RATE / QUANTUM)


def cents_off(sound: np.ndarray, note: float) -> float:
    """How far the partials are from those of a note: mean over the ten, weighted by level, each within a half tone."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(sound * np.blackman(len(sound)), size))
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    found = []
    for k in range(1, 11):
        near = slice(int(hz * k * 0.965 * size / RATE), int(hz * k * 1.035 * size / RATE) + 2)
        if near.stop >= len(spectrum):
            break
        top = near.start + int(spectrum[near].argmax())
        left, here, right = np.log(spectrum[top - 1 : top + 2] + 1e-12)
        exact = top + 0.5 * (left - right) / min(left - 2 * here + right, -1e-9)
        found.append((spectrum[top], 1200.0 * np.log2(exact * RATE / size / (hz * k))))
    level, cents = np.array(found).T
    return float((level * cents).sum() / level.sum())


def test_some_model_has_a_pitch() -> None:
    assert TONAL


@pytest.mark.parametrize("model", TONAL)
def test_a_scale_from_the_keys_is_in_tune_within_ten_cents(model: str) -> None:
    engine = engine_on(model)
    off = {}
    for note in range(48, 73):
        now(engine, Kind.NOTE_ON, note, 0.8)
        sound = play(engine, blocks(NOTE_S))[0]
        now(engine, Kind.NOTE_OFF, note, 0.0)
        play(engine, blocks(0.05))
        assert np.sqrt((sound**2).mean()) > 1e-3, f"key {note} is not heard"
        off[note] = cents_off(sound[round(SETTLE_S * RATE) :], note)
    assert max(abs(c) for c in off.values()) < 10.0, off


@pytest.mark.parametrize("model", TONAL)
def test_friction_holds_the_pitch_knob_back_and_chance_bends_the_note(model: str) -> None:
    def heard(seconds: float, moved_to: float | None = None, **changes: object) -> tuple[Engine, np.ndarray]:
        engine = engine_on(model, **changes)
        now(engine, Kind.NOTE_ON, 57, 0.8)
        play(engine, blocks(0.3))
        if moved_to is not None:
            now(engine, Kind.KNOB, engine.layer.table.index("pitch"), moved_to)
        return engine, play(engine, blocks(seconds))[0]

    rest, semitone = 0.5, 1.0 / 24.0  # the knob transposes by an octave either way
    tail = slice(-round(0.3 * RATE), None)
    _, free = heard(0.8, rest + 2 * semitone)
    assert cents_off(free[tail], 59.0) == pytest.approx(0.0, abs=10.0), "neutral: the note goes where the knob goes"
    # The law lets a hand pull 2 semitones without the knob breaking away: it is the bristles that give, a little.
    _, stuck = heard(0.8, rest + 2 * semitone, difficulty=10.0, friction={"stick": 0.2, "slide": 0.15})
    assert abs(cents_off(stuck[tail], 57.0)) < 50.0, "stuck: the note stays near where it was"
    engine, _ = heard(0.1, hazard=10.0, chance={"drift": 0.02, "tau": 0.3})
    wander = [cents_off(play(engine, blocks(0.25))[0], 57.0) for _ in range(8)]
    assert max(wander) - min(wander) > 10.0, "drift bends the note"
