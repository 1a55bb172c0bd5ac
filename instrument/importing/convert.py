"""Convert: one method of a scripted file to one proven ONNX graph. The middle of the child; after facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from instrument.base.errors import RosinError
from instrument.importing.benchmark import Benchmark, race, unasked
from instrument.importing.facts import Method, load, said
from instrument.importing.lower import lower
from instrument.importing.signals import Span, sounds, wandering
from instrument.importing.state_buffers import moving, rows_in_use, same_buffers, seeded, zeros
from instrument.importing.tracer import Trace, record
from instrument.importing.values import GraphSheet
from instrument.importing.verification import Floats, Fresh, SteppedGraph, Verification, clicks, prove
from instrument.model.runtime.voice import QUANTUM

CLICK = 1e-3
"""Difference between blocks and the whole, in parts of the peak, from which on it is heard."""
TRIED = 3


@dataclass
class Converted:
    """A method as a graph: ``noises`` name -> kind; ``clicking`` when it is not made for streaming."""

    method: Method
    sheet: GraphSheet
    noises: dict[str, str]
    frames: int
    ratio: int
    proof: Verification
    clicking: bool
    memory: list[str]
    state_bytes: int

    def played(self) -> SteppedGraph:
        return SteppedGraph(self.sheet.model("trial", {}).SerializeToString())

    def raced(self, path: Path, rate: int, blocks: int, span: Span | None = None) -> Benchmark:
        """Its time against that of the file."""
        frames = self.frames * self.ratio // self.method.ratio_in
        count = 50 * frames
        latent = self.method.ratio_in > 1
        signal = (
            wandering(self.method.channels_in, count, span=span)
            if latent
            else sounds(self.method.channels_in, count, rate)
        )
        return race(path, self.method.name, self.sheet.model("race", {}).SerializeToString(), signal, frames, blocks)


def _sizes(method: Method, ratio: int) -> tuple[int, int]:
    """Numbers in and out of a call with one frame, or as many as make a block of the engine."""
    block = max(QUANTUM, ratio)
    return block // method.ratio_in, block // method.ratio_out


def _checked(module: Any, method: Method, samples_in: int, samples_out: int) -> None:
    """One call: does it run, and give what it promises?"""
    with torch.no_grad():
        try:
            y = getattr(module, method.name)(torch.zeros(1, method.channels_in, samples_in))
        except Exception as error:
            raise RosinError(
                f"its {method.name} does not run on [1, {method.channels_in}, {samples_in}], the size it asks for "
                f"({said(error)}); export it again"
            ) from None
    wanted = (1, method.channels_out, samples_out)
    if not isinstance(y, torch.Tensor) or tuple(y.shape) != wanted:
        got = list(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise RosinError(
            f"its {method.name}_params promise an output of {list(wanted)}, but it gives {got}: its ratio or its "
            "channels are written wrong; export it again with the right ones"
        )


def _noise_names(recording: Trace, method: str, frames: int) -> list[str]:
    """A name for each noise that says what it is for (hiss.py): what fills truncated latents, what spreads the
    posterior, and what is part of the sound."""
    places = recording.graph.graph.find_nodes(op="placeholder")[len(recording.states) + 1 :]
    counts = {"fill": 0, "posterior": 0, "air": 0}
    names = []
    for (kind, real), node in zip(recording.noises, places, strict=False):
        use = "air"
        if kind == "normal" and method == "encode":
            use = "posterior"
        elif kind == "normal" and real.dim() == 3 and real.shape[2] == frames and _joins_latents(node):
            use = "fill"
        names.append(f"noise.{use}{counts[use]}")
        counts[use] += 1
    return names


def _joins_latents(node: Any) -> bool:
    """Is it put beside other channels before anything else is done to it?"""
    for user in node.users:
        name = user.target._schema.name if hasattr(user.target, "_schema") else ""
        if name == "aten::cat":
            return len(user.args) > 1 and user.args[1] == 1
        if name in ("aten::mul", "aten::add", "aten::clone", "aten::_to_copy") and _joins_latents(user):
            return True
    return False


def convert(
    path: Path,
    module: Any,
    method: Method,
    names: tuple[str, str],
    ratio: int,
    rate: int,
    blocks: int,
    span: Span | None = None,
) -> Converted:
    """``module``: the file, loaded; its memory is changed. ``names``: what goes in ("z" or "audio") and comes out.

    ``ratio``: samples in a frame of the model. ``span``: where z lies, if that is known: entries of a codebook go far.
    RosinError, one sentence, for what cannot be done.
    """
    samples_in, samples_out = _sizes(method, ratio)
    _checked(module, method, samples_in, samples_out)
    latent = names[0] == "z"
    count = max(blocks, TRIED) * samples_in
    signal = wandering(method.channels_in, count, span=span) if latent else sounds(method.channels_in, count, rate)
    call = getattr(module, method.name)

    def block(i: int) -> torch.Tensor:
        return torch.from_numpy(signal[:, :, i * samples_in : (i + 1) * samples_in].copy())

    def trial() -> list[torch.Tensor]:
        with seeded(3):
            return [call(block(i)) for i in range(TRIED)]

    with torch.no_grad():
        slots = moving(module, lambda: call(block(0)))
        rows = rows_in_use(slots, lambda: call(block(0)), trial)
        zeros(slots, rows)
        recording = record(module, method.name, block(0), slots)
        noise_names = _noise_names(recording, method.name, samples_in)
        sheet = lower(recording, names, noise_names)
    played = SteppedGraph(sheet.model(method.name, {}).SerializeToString())
    long = signal[:, :, : 8 * samples_in] if signal.shape[2] >= 8 * samples_in else signal
    with unasked():
        fresh = load(path)
        with torch.no_grad():
            getattr(fresh, method.name)(block(0))  # a memory that is made at first use is there from now on
        twins = same_buffers(slots, fresh)
        proof = prove(Fresh(fresh, method.name, twins), rows, played, names, noise_names, signal, samples_in)
        far = clicks(Fresh(fresh, method.name, twins), np.ascontiguousarray(long), samples_in)
    kinds = {name: kind for name, (kind, _) in zip(noise_names, recording.noises, strict=True)}
    size = 4 * sum(int(np.prod(shape)) for name, shape in played.shapes.items() if name.startswith("state."))
    frames = max(QUANTUM, ratio) // ratio
    paths = [slot.paths[0] for slot in slots]
    return Converted(method, sheet, kinds, frames, ratio, proof, far > CLICK, paths, size)


def shared(a: Sequence[str], b: Sequence[str]) -> list[str]:
    """Memory that both methods write: each has its own from now on."""
    return sorted(set(a) & set(b))


def listened(encode: Converted, rate: int, seconds: float = 12.0) -> Floats:
    """What the encoder makes of noise, gliding sines and silence. f32 [L, frames]."""
    played = encode.played()
    step = encode.frames * encode.ratio
    count = max(64, int(seconds * rate) // step)
    heard = sounds(encode.method.channels_in, count * step, rate, seed=1)
    rows = [
        played.run({"audio": np.ascontiguousarray(heard[:, :, i * step : (i + 1) * step])}, "mean")
        for i in range(count)
    ]
    mean: np.ndarray[Any, np.dtype[np.float32]] = np.concatenate(rows, -1)[0]
    return mean
