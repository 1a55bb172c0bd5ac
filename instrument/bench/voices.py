"""rosin bench voices: what many voices cost - the whole engine with 1 to 16 of them, each under a finger that moves.

Every voice has its key down and four expressions (velocity, bend, pressure, slide) through friction of their own, over
knobs with every friction and chance; call by call in one process on one core, as ``bench decode``. ``ratio_8_to_1`` is
that of the medians. ``pressure_to_sound_ms``: from when a finger presses to the first sample that is another for it,
with the constant delay of every gesture (a block and the margin) and without the device's own.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.audio.callback import MARGIN_SAMPLES
from instrument.audio.realtime import settle
from instrument.base.paths import find_patches
from instrument.bench.decode import spread
from instrument.bench.machine import machine
from instrument.documents.expression import Expression
from instrument.documents.patch import Patch, read_patch
from instrument.engine import warm
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.voices.chorus import sides
from instrument.ipc import Gesture, Kind
from instrument.storage.bank import open_part

COUNTS = (1, 2, 4, 8, 16)
LOWEST, STEP = 36, 3
PATCH = "consort"
FEEL = {"stick": 0.02, "slide": 0.015, "weight": 8.0}
DIFFICULTY, HAZARD = 5.0, 5.0
PRESSES, HEARD = 64, 24


def played_by(patch: Patch, voices: int) -> Patch:
    """The patch with so many voices, and fingers that rub."""
    fingers = {
        "bend": Expression(feel={name: value / 48.0 if name != "weight" else value for name, value in FEEL.items()}),
        "pressure": Expression("loudness", 1.0, FEEL),
        "timbre": Expression("z1", 0.4, FEEL),
        "velocity": Expression("z1", 0.3),
    }
    return replace(patch, notes="poly", voices=voices, expression=fingers, difficulty=DIFFICULTY, hazard=HAZARD)


def _held(patch: Patch, sounding: int) -> Engine:
    layer = open_part(patch, provider="cpu")
    layer.warm()
    engine = Engine(layer)
    engine.guard.warm()
    for i in range(sounding):
        engine.post(Gesture(Kind.NOTE_ON, LOWEST + STEP * i, 0.5, channel=1 + i % 16), 0)
    return engine


def cost(patch: Patch, voices: int, count: int, block_ms: float) -> dict[str, float]:
    """Of a block in which every finger bends, presses or slides, one after the other; ``voices`` sound."""
    engine = _held(played_by(patch, voices), voices)
    out = np.zeros((engine.layout.count, QUANTUM), np.float32)
    wander = np.random.default_rng(3).random((4096, 3))
    for _ in range(100):
        engine.block(out)

    def step(i: int) -> None:
        bend, press, slide = wander[i % 4096]
        channel = 1 + i % voices % 16
        for kind, value in ((Kind.FINGER_BEND, 4.0 * bend - 2.0), (Kind.FINGER_PRESSURE, press)):
            engine.post(Gesture(kind, 0, value, channel=channel), engine.sample + 40)
        engine.post(Gesture(Kind.FINGER_TIMBRE, 0, slide, channel=channel), engine.sample + 80)
        engine.block(out)

    return spread(step, count, block_ms)


def _heard(engine: Engine, at: int | None) -> NDArray[np.float32]:
    """What the voices give in the next ``HEARD`` blocks; ``at``: the sample at which a finger presses."""
    out, found = np.zeros((engine.layout.count, QUANTUM), np.float32), []
    if at is not None:
        engine.post(Gesture(Kind.FINGER_PRESSURE, 0, 1.0, channel=1), at)
    for _ in range(HEARD):
        engine.block(out)
        found.append(engine.layer.audio[0].copy())
    return np.concatenate(found)


def pressure_delay(patch: Patch, rate: int) -> dict[str, float]:
    """Of presses all over a block, without friction or chance, which would come on top."""
    engine = _held(replace(played_by(patch, 1), difficulty=0.0, hazard=0.0), 1)
    out = np.zeros((engine.layout.count, QUANTUM), np.float32)
    for _ in range(200):
        engine.block(out)
    kept, late = engine.snapshot(), []
    plain = _heard(engine, None)
    for place in np.linspace(0, QUANTUM - 1, PRESSES).astype(int).tolist():
        engine.restore(kept)
        differs = np.flatnonzero(_heard(engine, kept.sample + place) != plain)
        samples = QUANTUM + MARGIN_SAMPLES + differs[0] - place if len(differs) else float("nan")
        late.append(float(samples) * 1000.0 / rate)
    return {f"p{q}_ms": float(np.percentile(late, q)) for q in (50, 99)}


def pan_power_db(count: int = 64) -> float:
    """The most by which the power of a voice changes with where it stands, at full width."""
    power = (sides(count, 1.0).astype(np.float64) ** 2).sum(axis=1)
    return float(10.0 * np.log10(power.max() / power.min()))


def voices(name: str = "", count: int = 4000) -> dict[str, Any]:
    """All of it for one patch; a JSON-ready table. RosinError when there is no such patch."""
    paths, index = find_patches(name or PATCH)
    patch = read_patch(paths[index])
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, the same all along
    warm.warm()
    settle()
    layer = open_part(patch, provider="cpu")
    rate = layer.voice.sample_rate
    block_ms = QUANTUM / rate * 1000.0
    costs = {str(n): cost(patch, n, count, block_ms) for n in COUNTS}
    return {
        "bench": "voices",
        "patch": patch.name,
        "model": patch.model,
        "block_ms": block_ms,
        "voices": costs,
        "ratio_8_to_1": costs["8"]["p50_ms"] / costs["1"]["p50_ms"],
        "pressure_to_sound_ms": pressure_delay(patch, rate),
        "pan_power_db": pan_power_db(),
        "machine": machine(),
    }
