"""Verification: the ONNX graph beside the file it came from, block by block, from memories full of rubbish.
After lower.

The file is loaded anew and played with all rows that it allocates; both are given the same state and the same noise.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from instrument.importing.chance import Given
from instrument.importing.signals import Span
from instrument.importing.state_buffers import StateBuffer
from instrument.model.runtime.denormals import AsItWas

Floats = npt.NDArray[np.float32]


def session_of(model: bytes | str) -> ort.InferenceSession:
    """A graph in ONNX Runtime, on one core, as it is played: numbers too small to matter are 0."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with AsItWas():
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class SteppedGraph:
    """A graph in ONNX Runtime, its state carried by hand."""

    def __init__(self, model: bytes | str) -> None:
        self.session = session_of(model)
        self.shapes = {node.name: tuple(node.shape) for node in self.session.get_inputs()}
        self.outputs = [node.name for node in self.session.get_outputs()]
        self.noises = [name for name in self.shapes if name.startswith("noise.")]
        self.seconds: list[float] = []
        self.reset()

    def reset(self) -> None:
        self.state = {n: np.zeros(s, np.float32) for n, s in self.shapes.items() if n.startswith("state.")}

    def run(self, inputs: dict[str, Floats], wanted: str) -> Floats:
        """One block; noise that is not given is zero."""
        quiet = {name: np.zeros(self.shapes[name], np.float32) for name in self.noises if name not in inputs}
        begin = time.thread_time()
        out = dict(zip(self.outputs, self.session.run(self.outputs, {**self.state, **quiet, **inputs}), strict=True))
        self.seconds.append(time.thread_time() - begin)
        self.state = {name: out["next." + name.removeprefix("state.")] for name in self.state}
        return np.asarray(out[wanted], np.float32)


@dataclass(frozen=True)
class Verification:
    """``error``: the largest difference, relative to full scale or to the peak when that is louder."""

    blocks: int
    error: float
    peak: float
    block_ms: float


def poison(slots: Sequence[StateBuffer], rows: Sequence[int], played: SteppedGraph, seed: int) -> None:
    """Rubbish into both memories, the same in the rows that count, other rubbish in the rest."""
    generator = torch.Generator().manual_seed(seed)
    for i, (slot, count) in enumerate(zip(slots, rows, strict=True)):
        kind = slot.get().dtype
        if kind.is_floating_point:
            rubbish = (torch.randn(slot.size, generator=generator) * 0.1).to(kind)
        else:
            rubbish = torch.zeros(slot.size, dtype=kind)  # a counter cannot stand anywhere
        slot.put(rubbish)
        part = rubbish[:count] if count else rubbish
        name = f"state.{i}"
        tall = part.dim() == 3 and len(played.shapes[name]) == 3
        part = part.transpose(1, 2) if tall else part
        played.state[name] = part.float().numpy().reshape(played.shapes[name]).copy()


class Fresh(NamedTuple):
    """A fresh copy of what is imported that was called once, the method that is played, the copy's own memory."""

    module: Any
    method: str
    slots: Sequence[StateBuffer]


def prove(
    fresh: Fresh,
    rows: Sequence[int],
    played: SteppedGraph,
    names: tuple[str, str],
    noise_names: Sequence[str],
    signal: Floats,
    frames: int,
    seed: int = 7,
) -> Verification:
    """``signal`` f32 [1, C, blocks * frames] is what
    both are given, ``frames`` numbers a block."""
    module, method, slots = fresh
    blocks = signal.shape[2] // frames
    generator = torch.Generator().manual_seed(seed)
    given: list[torch.Tensor] = []

    def draw(shape: tuple[int, ...], kind: str) -> torch.Tensor:
        x = torch.randn(shape, generator=generator)
        given.append(x if kind == "normal" else torch.rand(shape, generator=generator) * 2.0 - 1.0)
        return given[-1].clone()

    with torch.no_grad(), Given(draw):
        poison(slots, rows, played, seed)
        played.seconds.clear()
        worst, peak = 0.0, 0.0
        for i in range(blocks):
            x = np.ascontiguousarray(signal[:, :, i * frames : (i + 1) * frames])
            given.clear()
            real = getattr(module, method)(torch.from_numpy(x.copy())).numpy()
            noises = {name: n.numpy() for name, n in zip(noise_names, given, strict=True)}
            got = played.run({names[0]: x, **noises}, names[1])
            # What is no number in both is the same: the angles of a vector of zeros, where an encoder hears silence.
            real, got = (np.where(np.isfinite(real) | np.isfinite(got), v, 0.0) for v in (real, got))
            error = float(np.abs(got - real).max())
            worst = error if error > worst or not np.isfinite(error) else worst
            peak = max(peak, float(np.abs(real).max()))
            if not np.isfinite(worst):
                break
    return Verification(blocks, worst / max(1.0, peak), peak, 1000.0 * float(np.median(played.seconds)))


def clicks(fresh: Fresh, x: Floats, frames: int) -> float:
    """How far blocks one by one are from all at once, in parts of the peak; 0 when the file takes no long blocks."""
    module, method, slots = fresh

    def silence(shape: tuple[int, ...], kind: str) -> torch.Tensor:
        return torch.zeros(shape)

    def rest() -> None:
        for slot in slots:
            slot.put(torch.zeros(slot.size, dtype=slot.get().dtype))

    with torch.no_grad(), Given(silence):
        try:
            rest()
            whole = getattr(module, method)(torch.from_numpy(x.copy())).numpy()
            rest()
            parts = [
                getattr(module, method)(torch.from_numpy(x[:, :, i : i + frames].copy())).numpy()
                for i in range(0, x.shape[2], frames)
            ]
        except RuntimeError:
            return 0.0
    joined = np.concatenate(parts, -1)
    if joined.shape != whole.shape:
        return 1.0
    return float(np.abs(joined - whole).max() / max(1e-9, float(np.abs(whole).max())))


def delay(played: SteppedGraph, latents: int, frames: int, span: Span | None = None, blocks: int = 24) -> int:
    """Samples from a change of z to the first sound that hears it (1 % of the change's peak); 0 when nothing does.

    z rests at the lower end of its ``span`` and is kicked to the upper one for a block (else from 0 to 1).
    """
    low, high = span or (np.zeros(latents, np.float32), np.ones(latents, np.float32))
    sounds = []
    for kick in (low, high):
        played.reset()
        parts = []
        for i in range(2 * blocks):
            z = np.repeat((kick if i == blocks else low)[None, :, None], frames, 2).astype(np.float32)
            parts.append(played.run({"z": z}, "audio"))
        sounds.append(np.concatenate(parts[blocks:], -1)[0])
    change = np.abs(sounds[1] - sounds[0]).max(0)
    heard = np.flatnonzero(change > 0.01 * change.max())
    return int(heard[0]) if len(heard) else 0
