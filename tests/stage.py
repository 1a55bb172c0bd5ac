"""Ready-made parts for tests of the engine: the null voice and the shipped model, as engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from instrument.chance.noise import Noise
from instrument.documents.patch import Patch, read_patch
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.engine.layout import CHANNELS
from instrument.ipc import Gesture, Kind
from instrument.model.library.finder import open_voice
from instrument.model.runtime.null import NullVoice

PATCHES = Path(__file__).parent.parent / "patches"


def null_part(voice: Any = None, **changes: Any) -> Layer:
    """The weightless voice under a patch of defaults (difficulty 3, hazard 0) with ``changes``."""
    return Layer(Patch("null", "null", **changes), voice or NullVoice(Noise(0)))


def null_engine(voice: Any = None, **changes: Any) -> Engine:
    return Engine(null_part(voice, **changes))


def shipped_part(name: str = "bow") -> Layer:
    """A shipped patch on its model."""
    patch = read_patch(PATCHES / f"{name}.toml")
    return Layer(patch, open_voice(patch.model, patch.model_sha256, noise=Noise(0), providers="cpu"))


def play(engine: Engine, blocks: int) -> Any:
    """f32 [2, blocks * QUANTUM]."""
    out = np.zeros((CHANNELS, blocks * QUANTUM), np.float32)
    for k in range(blocks):
        engine.block(out[:, k * QUANTUM : (k + 1) * QUANTUM])
    return out


def now(engine: Engine, kind: Kind, knob: int = 0, value: float = 0.0, extra: int = 0) -> None:
    """A gesture at the beginning of the next block."""
    engine.post(Gesture(kind, knob, value, extra=extra), engine.sample)


def rms_db(audio: Any) -> float:
    return float(20.0 * np.log10(max(1e-9, np.sqrt(np.mean(np.square(audio, dtype=np.float64))))))
