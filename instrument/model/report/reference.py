"""Reference: a few frames as the network played them when it was exported, kept beside the graphs. Before verify.

``reference.npz`` holds latents, noise and the sound that torch made of them, so that without torch, years later and on
another machine, one can hear whether ONNX Runtime still makes the same of the graph. It begins at rest (state zero).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instrument.base.errors import RosinError
from instrument.base.npz import read_npz
from instrument.base.writing import replacing
from instrument.model.library.card import DECODE, ENCODE, Card
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.noise_inputs import TEMPERED
from instrument.model.runtime.voice import F32, noise_stream

REFERENCE = "reference.npz"
FORMAT = 1
FRAMES = 64
"""As many are written by custom: 0.17 s at a ratio of 128, some 70 KB."""
BYTES_MOST = 1 << 24


@dataclass(frozen=True, slots=True)
class Likeness:
    """What became of the reference here, over ``frames`` frames.

    ``decode``: largest difference of the sound, relative to full scale or to its peak where that is louder;
    ``snr_db``: of the sound to that difference; ``encode``: largest difference of the latents heard, in shares of the
    range of each, None where the reference does not hold them.
    """

    frames: int
    decode: float
    snr_db: float
    encode: float | None


def write_reference(folder: Path, z: F32, noise: F32 | Mapping[str, F32], audio: F32, mean: F32 | None = None) -> Path:
    """Write reference.npz, the same bytes for the same numbers. Call it before write_card, which notes its sha256.

    Shapes, F a multiple of the frames of a call (64 is the custom): z [L, F], audio [C, F*ratio]; noise by the name of
    the graph's input, the calls' arrays joined along their last axis, an array alone is ``noise.air``; mean [L, F] is
    what the encoder says of that audio, from rest. ValueError for other shapes.
    """
    named = dict(noise) if isinstance(noise, Mapping) else {"noise.air": noise}
    arrays = {"z": z, "audio": audio, **named} | ({} if mean is None else {"mean": mean})
    kept = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    if kept["z"].ndim != 2 or kept["audio"].ndim != 2 or (mean is not None and kept["mean"].shape != kept["z"].shape):
        raise ValueError("z is [L, F], audio [C, F*ratio] and mean as z")
    if not all(name.startswith("noise.") for name in named):
        raise ValueError(f"the noises are {', '.join(named)}; their names begin with noise.")
    path = folder / REFERENCE
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, format=np.array(FORMAT, np.int32), **kept)  # type: ignore[arg-type]
    return path


def read_reference(folder: Path) -> dict[str, F32]:
    """Its arrays by name. RosinError when there is none, or it is damaged. Nothing is unpickled."""
    path = folder / REFERENCE
    try:
        arrays = read_npz(path, "fetch the model again", bytes_most=BYTES_MOST)
    except FileNotFoundError:
        raise RosinError(f"{path} is missing; fetch the model again") from None
    version = arrays.pop("format", np.zeros(1))
    if version.shape != () or version != FORMAT:
        raise RosinError(f"{path} has another format than {FORMAT}, which this Rosin reads; update Rosin")
    for name, array in arrays.items():
        known = name in ("z", "audio", "mean") or name.startswith("noise.")
        if not known or array.dtype != np.float32 or not array.ndim or not np.isfinite(array).all():
            raise RosinError(f"{path}: {name[:40]} is no part of a reference; fetch the model again")
    return arrays


class _Replay:
    """A noise source that gives out what the reference holds, call by call."""

    def __init__(self, path: Path, arrays: Mapping[str, F32]) -> None:
        self.call = 0
        self._path = path
        self._by_stream = {noise_stream(name, 0): array for name, array in arrays.items()}

    def normal(self, stream: int, first: int, out: F32) -> None:
        array = self._by_stream.get(stream)
        if array is None:
            raise RosinError(f"{self._path} lacks a noise that {DECODE} takes; fetch the model again")
        wide = out.size // int(np.prod(array.shape[:-1]))
        part = array[..., self.call * wide : (self.call + 1) * wide]
        if part.size != out.size:
            raise RosinError(f"{self._path}: its noise does not fit {DECODE}; fetch the model again")
        out[:] = part.reshape(-1)

    uniform = normal


class _Nothing:
    def normal(self, stream: int, first: int, out: F32) -> None:
        out.fill(0.0)

    uniform = normal


def check_reference(folder: Path, card: Card) -> Likeness | None:
    """Play the reference again in ONNX Runtime on the CPU; None where the card names none. RosinError: it cannot be."""
    if REFERENCE not in card.files:
        return None
    path, arrays = folder / REFERENCE, read_reference(folder)
    noises = {name: array for name, array in arrays.items() if name.startswith("noise.")}
    deep, wide = len(card.latents), card.channels
    replay = _Replay(path, noises)
    graph = BoundGraph(folder / DECODE, {"z": (1, deep, "F")}, {"audio": (1, wide, "T")}, card.ratio, 1, replay, "cpu")
    try:
        long = graph.frames * card.ratio
        z, audio, mean = (arrays.get(name, np.zeros((0, 0), np.float32)) for name in ("z", "audio", "mean"))
        calls = z.shape[-1] // graph.frames
        if not calls or z.shape != (deep, calls * graph.frames) or audio.shape != (wide, calls * long):
            raise RosinError(f"{path} is of another model: its shapes do not fit; fetch the model again")
        graph.temperature = float(any(name.startswith(TEMPERED) for name in noises))
        made = np.zeros_like(audio)
        for i in range(calls):
            replay.call = i
            graph.array("z")[0] = z[:, i * graph.frames : (i + 1) * graph.frames]
            graph.run(i * graph.frames)
            made[:, i * long : (i + 1) * long] = graph.array("audio")[0]
    finally:
        graph.close()
    apart = np.abs(made - audio).max() / max(1.0, float(np.abs(audio).max()))
    noise = float(np.square(made - audio, dtype=np.float64).sum())
    snr_db = 10.0 * np.log10(max(float(np.square(audio, dtype=np.float64).sum()), 1e-30) / max(noise, 1e-30))
    heard = _heard(folder, card, audio, mean, path) if "mean" in arrays and ENCODE in card.files else None
    return Likeness(calls * graph.frames, float(apart) if np.isfinite(made).all() else np.inf, snr_db, heard)


def _heard(folder: Path, card: Card, audio: F32, mean: F32, path: Path) -> float:
    """Largest difference of what the encoder hears in the reference's sound, in shares of each latent's range."""
    deep, wide = len(card.latents), card.channels
    shapes: dict[str, tuple[int | str, ...]] = {"mean": (1, deep, "F"), "std": (1, deep, "F")}
    graph = BoundGraph(folder / ENCODE, {"audio": (1, wide, "T")}, shapes, card.ratio, 1, _Nothing(), "cpu")
    try:
        frames, long = graph.frames, graph.frames * card.ratio
        if mean.shape != (deep, audio.shape[1] // card.ratio) or mean.shape[1] % frames:
            raise RosinError(f"{path} is of another model: its shapes do not fit; fetch the model again")
        made = np.zeros_like(mean)
        for i in range(mean.shape[1] // frames):
            graph.array("audio")[0] = audio[:, i * long : (i + 1) * long]
            graph.run(i * frames)
            made[:, i * frames : (i + 1) * frames] = graph.array("mean")[0]
    finally:
        graph.close()
    span = np.array([[latent.high - latent.low] for latent in card.latents])
    apart = float((np.abs(made - mean) / span).max())
    return apart if np.isfinite(apart) else np.inf
