"""Against TorchScript: a model's graphs as they are played here and the same as nn~ runs them, by turns. Under decode.

First both are given the same 200 blocks and must say the same; only then are they timed. Neither draws noise: both
read the same numbers. Each side is called once a block from Python, as lightly as it can be: a bound session, and a
scripted method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from instrument.bench.torchscript import AS_EXPORTED, NEEDS, Scripted, Ways
from instrument.bench.turns import Call, NoNoise, by_turns, ratios
from instrument.errors import RosinError
from instrument.model.card import DECODE, ENCODE, Card, read_card
from instrument.model.denormals import AsItWas
from instrument.model.graph import Graph
from instrument.model.voice import F32, QUANTUM

EQUAL_BLOCKS = 200
TOLERANCE = 1e-4
"""Largest difference that passes for equal: of full scale, or of the peak where that is more."""
TRIAL_BLOCKS = 150
WHAT = (
    "p50 of a block in TorchScript over p50 in ONNX Runtime, processor time of one thread, in turns of 8 blocks. "
    "TorchScript is written from the model's own ONNX file: the same weights, the same operations (bends and taps "
    "left out, which nn~ has not), state as attributes that each call replaces, frozen, profiling executor warm, "
    "inference mode, denormals flushed, noise given to both. 'ratio' is against the quickest of several ways to say it "
    "in torch (named under 'torchscript'), 'ratio_as_exported' against convolutions throughout and caches written in "
    "place, as exports for nn~ have them. The arithmetic is the ONNX file's in both, its savings included"
)


def wandering(card: Card, frames: int, blocks: int) -> F32:
    """z that moves over all its range, slowly and at once. Shape: [blocks, L, frames]."""
    rng = np.random.default_rng(1)
    low = np.array([[s.low] for s in card.specs])
    span = np.array([[s.high - s.low] for s in card.specs])
    t = np.arange(blocks * frames) * card.ratio / card.sample_rate
    swing = np.sin(2.0 * np.pi * (rng.uniform(0.2, 2.0, (len(low), 1)) * t + rng.random((len(low), 1))))
    z = low + span * np.clip(0.5 + 0.45 * swing + 0.02 * rng.standard_normal(swing.shape), 0.0, 1.0)
    return np.ascontiguousarray(z.reshape(len(low), blocks, frames).transpose(1, 0, 2), np.float32)


def opened(card: Card, folder: Path, name: str, voices: int = 1) -> Graph:
    """One graph as play binds it, on the CPU. ``name``: of the file; ``voices``: how many it plays at once."""
    wide, deep = card.channels, len(card.latents)
    frames = max(1, QUANTUM // card.ratio)
    sound, latents = (voices, wide, "T"), (voices, deep, "F")
    if name == ENCODE:
        return Graph(folder / name, {"audio": sound}, {"mean": latents, "std": latents}, card.ratio, frames, NoNoise(),
                     "cpu")  # fmt: skip
    return Graph(folder / name, {"z": latents}, {"audio": sound}, card.ratio, frames, NoNoise(), "cpu")


@dataclass
class Pair:
    """One graph both ways. ``given``: what its input is in each block, f32 [blocks, ...]."""

    graph: Graph
    path: Path
    given: F32
    heard: str

    def __post_init__(self) -> None:
        import torch

        self._torch = torch
        self.entry = "z" if "z" in self.graph.shapes else "audio"
        self._blocks = [torch.from_numpy(x[None].copy()) for x in self.given]
        for name in self.graph.shapes:
            if name.startswith("noise."):
                noise = self.graph.array(name)
                noise[:] = np.random.default_rng(2).standard_normal(noise.shape)

    def script(self, ways: Ways) -> Scripted:
        scripted = Scripted(self.path, ways)
        share = {name: self._torch.from_numpy(self.graph.array(name)) for name in scripted.inputs if name != self.entry}
        self._inputs = [share.get(name) for name in scripted.inputs]
        self._place = scripted.inputs.index(self.entry)
        return scripted

    def play(self, i: int) -> None:
        """Block i as it is played here."""
        self.graph.array(self.entry)[:] = self.given[i % len(self.given)]
        self.graph.run(i)

    def torch_play(self, scripted: Scripted, i: int) -> Any:
        """Block i in TorchScript."""
        self._inputs[self._place] = self._blocks[i % len(self._blocks)]
        return scripted.run(*self._inputs)

    def difference(self, scripted: Scripted) -> float:
        """Largest difference over EQUAL_BLOCKS blocks from rest, of full scale or the peak; inf: a NaN, or silence."""
        self.graph.reset()
        worst = peak = 0.0
        for i in range(EQUAL_BLOCKS):
            self.play(i)
            out = self.torch_play(scripted, i)
            said = (out if len(scripted.outputs) == 1 else out[scripted.outputs.index(self.heard)]).numpy()
            apart = float(np.abs(said - self.graph.array(self.heard)).max())
            worst = max(worst, apart if np.isfinite(apart) else np.inf)
            peak = max(peak, float(np.abs(said).max()))
        return worst / max(1.0, peak) if peak else np.inf

    def rival(self, ways: Ways) -> tuple[Scripted, float]:
        """The same in TorchScript, and how much it differs. RosinError when it plays something else."""
        scripted = self.script(ways)
        difference = self.difference(scripted)
        if not difference <= TOLERANCE:
            raise RosinError(
                f"{self.path} plays differently in TorchScript (by {difference:.1e}): what is not equal is not timed; "
                "please report this"
            )
        return scripted, difference

    def quickest(self) -> tuple[Scripted, float]:
        """The quickest of all ways that are tried."""
        found = [self.rival(ways) for ways in trials()]
        times = by_turns([lambda i, s=s: self.torch_play(s, i) for s, _ in found], TRIAL_BLOCKS)  # type: ignore[misc]
        return found[int(np.percentile(times, 25, axis=1).argmin())]


def trials() -> Sequence[Ways]:
    """The ways that are tried."""
    plain = Ways()
    return plain, replace(plain, dense="linear"), replace(plain, unfold=False), replace(plain, tuned=True)


def what_is_compared() -> str:
    """A sentence for the table. RosinError where torch or onnx is not installed."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise RosinError(NEEDS) from None
    return WHAT


def against_torchscript(folder: Path, count: int) -> dict[str, Any]:
    """``decode``, ``encode`` and both for one model: times of each side, ratio, difference. One JSON-ready table."""
    what_is_compared()
    import torch

    card = read_card(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with AsItWas(), torch.inference_mode():
            torch.set_flush_denormal(True)
            return {"torch": torch.__version__} | _raced(card, folder, count)
    finally:
        torch.set_num_threads(threads)


def _raced(card: Card, folder: Path, count: int) -> dict[str, Any]:
    decoder = opened(card, folder, DECODE)
    z = wandering(card, decoder.frames, EQUAL_BLOCKS)
    pairs = {"decode": Pair(decoder, folder / DECODE, z, "audio")}
    if ENCODE in card.files:
        sound = np.zeros((EQUAL_BLOCKS, card.channels, decoder.frames * card.ratio), np.float32)
        for i in range(EQUAL_BLOCKS):
            pairs["decode"].play(i)
            sound[i] = decoder.array("audio")[0]
        pairs["encode"] = Pair(opened(card, folder, ENCODE), folder / ENCODE, sound, "mean")
    rivals = {name: (pair.quickest(), pair.rival(AS_EXPORTED)) for name, pair in pairs.items()}
    calls: list[Call] = []
    for name, pair in pairs.items():
        calls.append(pair.play)
        calls += [lambda i, p=pair, s=s: p.torch_play(s, i) for s, _ in rivals[name]]  # type: ignore[misc]
    times = by_turns(calls, count).reshape(len(pairs), 3, -1)
    found: dict[str, Any] = {}
    for (name, sides), (here, quick, exported) in zip(rivals.items(), times, strict=True):
        found[name] = ratios(quick, here) | ratios(exported, here, "ratio_as_exported") | {
            "onnx_p50_ms": float(np.median(here)), "torchscript_p50_ms": float(np.median(quick)),
            "as_exported_p50_ms": float(np.median(exported)), "torchscript": sides[0][0].ways.words,
            "as_exported": sides[1][0].ways.words, "difference": max(side[1] for side in sides),
        }  # fmt: skip
    here, quick, exported = times.sum(0)
    return ratios(quick, here) | ratios(exported, here, "ratio_as_exported") | found
