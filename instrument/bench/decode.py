"""rosin bench decode: what each stage of a block costs on one core, as shares of the 2.67 ms a block lasts.

Everything is timed call by call in one process, one thread, after warming; p50 and p99 of ``blocks`` calls. Every
shipped model is measured (shipped.py), with ``torchscript`` also against the same in TorchScript (against.py); the
engine plays the patch's model.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from instrument.audio.callback import Callback
from instrument.audio.realtime import settle
from instrument.base.paths import find_patches
from instrument.bench.machine import machine
from instrument.bench.shipped import model_costs, rivals, shipped_models, worst
from instrument.documents.patch import Patch, read_patch, table_of
from instrument.engine import warm
from instrument.engine.control import QUANTUM, ControlChain
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Gesture, Kind, Link
from instrument.knobs import Label, LatentSpec
from instrument.storage.bank import open_part


def spread(call: Callable[[int], None], count: int, block_ms: float) -> dict[str, float]:
    """p5, p50 and p99 of ``call(i)`` in ms and as shares of a block; p5 is what a core costs that nobody else uses."""
    times = np.zeros(count)
    for i in range(min(200, count)):
        call(i)
    for i in range(count):
        begin = time.perf_counter()
        call(i)
        times[i] = time.perf_counter() - begin
    found = {f"p{q}_ms": float(np.percentile(times, q)) * 1000.0 for q in (5, 50, 99)}
    return found | {f"share_p{q}": found[f"p{q}_ms"] / block_ms for q in (5, 50, 99)}


def model_times(layer: Layer, count: int, block_ms: float) -> dict[str, Any]:
    """Decoder, encoder and both, with latents that wander over their whole range."""
    voice = layer.voice
    rng = np.random.default_rng(1)
    low = np.array([[s.low] for s in voice.latents], np.float32)
    span = np.array([[s.high - s.low] for s in voice.latents], np.float32)
    z = (low + span * rng.random((64, len(voice.latents), voice.frames))).astype(np.float32)
    out = np.zeros((voice.channels, QUANTUM), np.float32)
    mean = np.zeros((len(voice.latents), voice.frames), np.float32)
    live = (0.1 * rng.standard_normal((64, voice.channels, QUANTUM))).astype(np.float32)
    found: dict[str, Any] = {"decode": spread(lambda i: voice.decode(z[i % 64], out), count, block_ms)}
    if voice.can_encode:
        found["encode"] = spread(lambda i: voice.encode(live[i % 64], mean), count, block_ms)

        def both(i: int) -> None:
            voice.encode(live[i % 64], mean)
            voice.decode(z[i % 64], out)

        found["encode_and_decode"] = spread(both, count, block_ms)
    return found


EVERY_CHANCE = {
    "drift": 0.05,
    "pink": 0.03,
    "dice": 0.1,
    "dice_rate": 8.0,
    "dejavu": 0.3,
    "chaos": 0.05,
    "lorenz": 0.05,
    "habit": 0.05,
    "holes": 30.0,
    "coarse": 0.004,
}
EVERY_FRICTION = {
    "stick": 0.04,
    "slide": 0.03,
    "visc": 0.1,
    "play": 0.01,
    "detents": 12.0,
    "detent_strength": 0.02,
    "endstop_strength": 0.05,
    "dig": 0.02,
    "fatigue": 0.5,
    "known": 1.0,
    "coupling": 0.2,
}


def chain_times(knobs: int, count: int, block_ms: float, rate: int) -> dict[str, float]:
    """The whole control chain - every friction, every chance, keys, latents - under hands that never rest."""
    latents = [LatentSpec(f"z{i}", Label(f"z{i}", f"z{i}")) for i in range(knobs)]
    patch = Patch(
        "bench",
        "bench",
        difficulty=5.0,
        hazard=5.0,
        friction=EVERY_FRICTION,
        chance=EVERY_CHANCE,
        chance_at={"pink": "bearing", "dice": "hand"},
    )
    near = np.exp(-np.abs(np.subtract.outer(np.arange(knobs), np.arange(knobs))) / 2.0)
    control = ControlChain(patch, table_of(patch, latents), rate, 1, near)
    z = np.zeros((control.voices, knobs, QUANTUM // 128), np.float32)
    values = np.random.default_rng(2).random((64, knobs))

    def step(i: int) -> None:
        for k in range(i % 4, knobs, 4):
            control.place_knob(k, float(values[i % 64, k]), 4.0 * k / knobs, 1)
        control.step(z)

    return spread(step, count, block_ms)


def engine_times(engine: Engine, count: int, block_ms: float, live: bool) -> dict[str, Any]:
    """The whole engine as the callback runs it: gestures from the link, every block, and a frame published."""
    table = engine.layer.table
    knobs = table.playable_count
    with Link.create() as link:
        player = Callback(engine, link, QUANTUM)
        out = np.zeros((engine.layout.count, QUANTUM), np.float32)
        heard = np.full((2, QUANTUM), 0.05, np.float32) if live else None
        rng = np.random.default_rng(3)
        link.hands.push(Gesture(Kind.NOTE_ON, 60, 0.8))
        moves = rng.random(4096)

        def step(i: int) -> None:
            link.hands.push(Gesture(Kind.KNOB, i % knobs, float(moves[i % 4096]), time.monotonic(), 1))
            player.callback(out, heard, time.monotonic())

        found: dict[str, Any] = dict(spread(step, count, block_ms))
    begin = time.perf_counter()
    for _ in range(count):
        engine.block(out)
    found["offline_times_real_time"] = count * block_ms / 1000.0 / (time.perf_counter() - begin)
    return found


def decode(name: str = "", count: int = 8000, torchscript: bool = False) -> dict[str, Any]:
    """All of it for one patch and every shipped model; one JSON-ready table.

    RosinError with ``torchscript`` where torch is not installed, before anything is measured.
    """
    compared = {"compared": rivals().what_is_compared()} if torchscript else {}
    paths, index = find_patches(name)
    patch = read_patch(paths[index])
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, the same all along
    warm.warm()
    layer = open_part(patch, index, provider="cpu")
    layer.warm()
    engine = Engine(layer)
    engine.guard.warm()
    settle()
    rate = layer.voice.sample_rate
    block_ms = QUANTUM / rate * 1000.0
    models = {each: model_costs(folder, count, torchscript) for each, folder in shipped_models().items()}
    return {
        "bench": "decode",
        **(worst(models) if models else {}),
        **compared,
        "patch": patch.name,
        "model": patch.model,
        "where": layer.voice.where,
        "block_frames": QUANTUM,
        "block_ms": block_ms,
        "model_block": model_times(layer, count, block_ms),
        "friction_and_chance_16_knobs": chain_times(16, count, block_ms, rate),
        "friction_and_chance_64_knobs": chain_times(64, count, block_ms, rate),
        "models": models,
        "engine": engine_times(engine, count, block_ms, live=patch.input_mode != "off"),
        "machine": machine(),
    }
