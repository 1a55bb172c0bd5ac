"""Given: a model's graph as play binds it, and the latents that it is given where it is timed. Under the benches."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from instrument.bench.turns import NoNoise
from instrument.model.library.card import ENCODE, Card
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.voice import F32, QUANTUM


def wandering(card: Card, frames: int, blocks: int) -> F32:
    """z that moves over all its range, slowly and at once. Shape: [blocks, L, frames]."""
    rng = np.random.default_rng(1)
    low = np.array([[s.low] for s in card.specs])
    span = np.array([[s.high - s.low] for s in card.specs])
    t = np.arange(blocks * frames) * card.ratio / card.sample_rate
    swing = np.sin(2.0 * np.pi * (rng.uniform(0.2, 2.0, (len(low), 1)) * t + rng.random((len(low), 1))))
    z = low + span * np.clip(0.5 + 0.45 * swing + 0.02 * rng.standard_normal(swing.shape), 0.0, 1.0)
    return np.ascontiguousarray(z.reshape(len(low), blocks, frames).transpose(1, 0, 2), np.float32)


def opened(card: Card, folder: Path, name: str, voices: int = 1) -> BoundGraph:
    """One graph as play binds it, on the CPU. ``name``: of the file; ``voices``: how many it plays at once."""
    wide, deep = card.channels, len(card.latents)
    frames = max(1, QUANTUM // card.ratio)
    sound, latents = (voices, wide, "T"), (voices, deep, "F")
    if name == ENCODE:
        outputs = {"mean": latents, "std": latents}
        return BoundGraph(folder / name, {"audio": sound}, outputs, card.ratio, frames, NoNoise(), "cpu")
    return BoundGraph(folder / name, {"z": latents}, {"audio": sound}, card.ratio, frames, NoNoise(), "cpu")
