"""Voice: what every model looks like to the engine. After chance, before sound.

A voice is a pure function of (latents, state, noise) kept in an object that owns the state. The engine drives it
block by block; the weightless voice (null.py) and ONNX models (session.py) are the two kinds there are.

One frame is ``ratio`` samples. A voice is opened for a fixed number of frames a call, ``frames`` (F), and all its
buffers are made then: ``decode`` allocates nothing that grows and never waits.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.npz import npz_from
from instrument.knobs import LatentSpec
from instrument.model.library.card import Card
from instrument.model.library.credits import Credits

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]

QUANTUM = 128
"""Samples in one block of the engine."""

STATE_FORMAT = 1


class NoiseSource(Protocol):
    """Numbers that depend only on where they are asked for: same (stream, first), same numbers.

    ``out`` f32 [n], contiguous, is filled with the numbers number ``first`` to ``first + n`` of the stream:
    ``uniform`` in [-1, 1), ``normal`` with mean 0 and deviation 1.
    """

    def uniform(self, stream: int, first: int, out: F32) -> None: ...

    def normal(self, stream: int, first: int, out: F32) -> None: ...


@dataclass(frozen=True, slots=True)
class VoiceState:
    """All that a voice remembers, copied: what restore() needs to play the same again, noise position included.

    ``model`` says which model it belongs to; ``arrays`` are read-only copies.
    """

    model: str
    seed: int
    frame: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {}
        for name, array in self.arrays.items():
            copy = np.array(array, copy=True)
            copy.flags.writeable = False
            kept[name] = copy
        object.__setattr__(self, "arrays", kept)

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())

    def to_bytes(self) -> bytes:
        """As an uncompressed npz; no pickle inside."""
        head = json.dumps({"format": STATE_FORMAT, "model": self.model, "seed": self.seed, "frame": self.frame})
        file = io.BytesIO()
        arrays = {f"a.{name}": array for name, array in self.arrays.items()}
        np.savez(file, allow_pickle=False, head=np.frombuffer(head.encode(), np.uint8), **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> VoiceState:
        """The state written by to_bytes(). RosinError for anything else; nothing is ever unpickled."""
        try:
            found = npz_from(data)
            head = json.loads(found["head"].tobytes())
            if head["format"] != STATE_FORMAT:
                raise ValueError("another format")
            arrays = {name[2:]: array for name, array in found.items() if name.startswith("a.")}
            return cls(str(head["model"]), int(head["seed"]), int(head["frame"]), arrays)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise RosinError("these bytes are no saved voice state; take the snapshot again") from None


TEMPERATURE_MAX = 2.0
"""Twice as uncertain as the model itself."""


class Voice(Protocol):
    """What the engine plays. Every method runs in one thread at a time; only opening may happen beside it.

    ``temperature`` (0..2, 0 at first, NaN ignored): how much of its own uncertainty a model plays with. At 0
    encode gives its mean and nothing is drawn; above, mean + temperature x std x noise, and noise of the same heat in
    the dimensions that an import has cut off. It, the bend and the wear are settings, no part of a snapshot.
    """

    temperature: float

    @property
    def card(self) -> Card: ...

    @property
    def latents(self) -> tuple[LatentSpec, ...]: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def ratio(self) -> int:
        """Samples in one frame."""
        ...

    @property
    def frames(self) -> int:
        """Frames in one call of decode (F)."""
        ...

    @property
    def channels(self) -> int: ...

    @property
    def latency_samples(self) -> int:
        """From a change of z to the sound that hears it, in samples: the model's own delay and any buffer."""
        ...

    @property
    def can_encode(self) -> bool: ...

    @property
    def can_bend(self) -> bool:
        """Whether bend() is heard."""
        ...

    @property
    def credited(self) -> bool:
        """False when it was loaded without credits; such a voice stays marked as long as it plays."""
        ...

    @property
    def lineage(self) -> Credits | None:
        """Whom it learned from; None when it plays uncredited."""
        ...

    @property
    def credits(self) -> str:
        """The same as one line in English, for the metadata of recordings (``credits_line`` has both languages)."""
        ...

    @property
    def where(self) -> str:
        """What runs where, in plain words."""
        ...

    @property
    def notice(self) -> str:
        """What the player must be told once about that, or an empty text."""
        ...

    def decode(self, z: F32, out: F32) -> None:
        """z f32 [L, F] to out f32 [C, F*ratio]."""
        ...

    def encode(self, audio: F32, mean: F32) -> None:
        """audio f32 [C, F*ratio] to mean f32 [L, F]. RosinError when the model has no ears."""
        ...

    def bend(self, amount: float) -> None:
        """Detune the inner layers by 0..1 in the direction of the seed (bending.py), once a block. NaN is ignored."""
        ...

    def wear(self, amount: float) -> None:
        """How much of its wear is heard, 0..1 (wear.py), once a block. NaN is ignored."""
        ...

    def usage(self) -> dict[str, F64]:
        """Seconds of use of each channel, f64 [C] by layer: copies; empty for a model that tells nothing of it."""
        ...

    def load_usage(self, usage: Mapping[str, F64]) -> None:
        """Go on from the use of other days. RosinError when it is another model's."""
        ...

    def reseed(self, seed: int, frame: int) -> None:
        """The noise of the next decode is that of ``frame`` (counted in model frames) under ``seed``."""
        ...

    def snapshot(self) -> VoiceState: ...

    def restore(self, state: VoiceState) -> None:
        """Play on from a snapshot, bit for bit. RosinError when it is another model's."""
        ...

    def reset(self) -> None:
        """All state back to the beginning, the noise position stays."""
        ...

    def warm(self, runs: int = 20) -> None:
        """Decode and encode silently so that the first real block is as fast as the others; state is kept."""
        ...

    def close(self) -> None: ...


_MASK = (1 << 64) - 1


def noise_stream(name: str, seed: int) -> int:
    """The stream of one noise input under one seed, 63 bits: FNV-1a of the name, mixed with the seed (SplitMix64).

    The seed is folded in here, so that two voices sharing one noise source can play under different seeds.
    """
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & _MASK
    h = (h + (seed & _MASK) * 0x9E3779B97F4A7C15) & _MASK
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & _MASK
    return (h ^ (h >> 31)) >> 1


def check_state(state: VoiceState, model: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """RosinError unless ``state`` was taken from this model and fits it."""
    if state.model != model:
        raise RosinError(f"this snapshot belongs to the model {state.model!r}, not to {model!r}; load that model first")
    found = {name: array.shape for name, array in state.arrays.items()}
    if found != dict(shapes):
        raise RosinError(f"this snapshot does not fit the model {model!r}; take it again")
