"""Notes in the engine: keys, pedal and panic of one block act in the order in which they came, however close."""

from __future__ import annotations

import numpy as np
import pytest

from instrument.chance.noise import Noise
from instrument.documents.patch import Patch
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Gesture, Kind
from instrument.model.runtime.null import NullVoice

ON, OFF = Gesture(Kind.NOTE_ON, 60, 1.0), Gesture(Kind.NOTE_OFF, 60)
DOWN, UP = Gesture(Kind.SUSTAIN, value=1.0), Gesture(Kind.SUSTAIN, value=0.0)
ALL_OFF, PANIC, RESUME = Gesture(Kind.ALL_NOTES_OFF), Gesture(Kind.PANIC), Gesture(Kind.RESUME)


def sounding(*gestures: Gesture, apart: int = 1) -> bool:
    """Is a key heard after these, so many samples after each other?"""
    engine = Engine(Layer(Patch("p", "null", release_ms=1.0, attack_ms=1.0), NullVoice(Noise(0))))
    for i, gesture in enumerate(gestures):
        engine.post(gesture, i * apart)
    out = np.zeros((2, QUANTUM), np.float32)
    for _ in range(len(gestures) * apart // QUANTUM + 8):
        engine.block(out)
    return engine.layer.control.notes.level > 0.0


@pytest.mark.parametrize("apart", [0, 1, 31, 33, QUANTUM, 5 * QUANTUM])
@pytest.mark.parametrize(
    ("gestures", "heard"),
    [
        ([ON], True),
        ([ON, OFF], False),
        ([ON, ALL_OFF], False),
        ([ALL_OFF, ON], True),
        ([ON, DOWN, OFF], True),
        ([ON, OFF, DOWN], False),
        ([DOWN, ON, OFF], True),
        ([DOWN, ON, OFF, UP], False),
        ([ON, PANIC, RESUME], False),
        ([PANIC, ON], True),
        ([ON, PANIC, RESUME, ON], True),
    ],
)
def test_the_order_counts_and_not_how_close_they_come(gestures: list[Gesture], heard: bool, apart: int) -> None:
    assert sounding(*gestures, apart=apart) is heard
