"""Against TorchScript: a model's graphs as they are played here and the same in torch, by turns. Under decode.

Two rivals, for two questions. ``ratio``: what does one gain who would play the same network in nn~? Against the plain
export of it (streaming.py). ``ratio_folded``: and how much of that is ONNX Runtime, not our algebra? Against the very
graph of our files written in torch as quick as torch allows (torchscript.py), which nobody exports.

First all are given the same 200 blocks and must say the same; only then are they timed. None draws noise: all read
the same numbers. Each is called once a block from Python, as lightly as it can be: a bound session, a scripted method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from instrument.base.errors import RosinError
from instrument.bench.given import opened, wandering
from instrument.bench.rivals.torchscript import NEEDS, Scripted, Ways
from instrument.bench.turns import Call, by_turns, ratios
from instrument.model.library.card import DECODE, ENCODE, Card, read_card
from instrument.model.runtime.denormals import AsItWas
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.voice import F32

EQUAL_BLOCKS = 200
TOLERANCE = 1e-4
"""Largest difference that passes for equal: of full scale, or of the peak where that is more; for what an encoder
hears, of a latent, of 10 dB, of a semitone."""
TRIAL_BLOCKS = 150
WHAT = (
    "p50 of a block in TorchScript over p50 in ONNX Runtime, processor time of one thread, in turns of 8 blocks; "
    "profiling executor warm, inference mode, denormals flushed, noise given to all. 'ratio': against the network as "
    "an export for nn~ has it: its own Conv1d layers with a cache each and plain torch operations, scripted, saved and "
    "loaded, not frozen, the same weights (read back out of the ONNX files). 'ratio_folded': against the ONNX file's "
    "own arithmetic written in torch, its savings included, state as attributes that each call replaces, frozen, by "
    "the quickest of several ways (named under 'torchscript')"
)


class Rival(Protocol):
    """One method in TorchScript. ``run`` takes ``inputs`` in their order as tensors and returns ``outputs``."""

    inputs: list[str]
    outputs: list[str]
    run: Any


@dataclass
class Pair:
    """One graph here, and whoever plays it in torch. ``given``: what its input is in each block, f32 [blocks, ...]."""

    graph: BoundGraph
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

    def play(self, i: int) -> None:
        """Block i as it is played here."""
        self.graph.array(self.entry)[:] = self.given[i % len(self.given)]
        self.graph.run(i)

    def in_torch(self, rival: Rival) -> Call:
        """Block i in TorchScript, as a call; it reads the very noise that is played here."""
        run, blocks, count = rival.run, self._blocks, len(self._blocks)
        names = [name for name in rival.inputs if name != self.entry]
        given: list[Any] = [self._torch.from_numpy(self.graph.array(name)) for name in names]
        place = rival.inputs.index(self.entry)
        given.insert(place, None)

        def call(i: int) -> Any:
            given[place] = blocks[i % count]
            return run(*given)

        return call

    def difference(self, rival: Rival) -> float:
        """Largest difference over EQUAL_BLOCKS blocks from rest, in the units of TOLERANCE; inf: a NaN, or silence."""
        self.graph.reset()
        call, place = self.in_torch(rival), rival.outputs.index(self.heard)
        worst = peak = 0.0
        for i in range(EQUAL_BLOCKS):
            self.play(i)
            out = call(i)
            said = (out if len(rival.outputs) == 1 else out[place]).numpy()
            apart = np.abs(said - self.graph.array(self.heard))
            if self.entry == "audio":
                apart[:, 1] /= 10.0
            off = float(apart.max())
            worst = max(worst, off if np.isfinite(off) else np.inf)
            peak = max(peak, float(np.abs(said).max()))
        full = max(1.0, peak) if self.entry == "z" else 1.0
        return worst / full if peak else np.inf

    def equal(self, rival: Rival) -> float:
        """How much a rival differs. RosinError when it plays something else."""
        difference = self.difference(rival)
        if not difference <= TOLERANCE:
            raise RosinError(
                f"{self.path} plays differently in TorchScript (by {difference:.1e}): what is not equal is not timed; "
                "please report this"
            )
        return difference

    def quickest(self) -> tuple[Scripted, float]:
        """Of all ways to write the file in torch the quickest, and how much it differs."""
        found = [(rival, self.equal(rival)) for rival in (Scripted(self.path, ways) for ways in trials())]
        times = by_turns([self.in_torch(rival) for rival, _ in found], TRIAL_BLOCKS)
        return found[int(np.percentile(times, 25, axis=1).argmin())]


def trials() -> Sequence[Ways]:
    """The ways that are tried."""
    plain = Ways()
    return (
        plain,
        replace(plain, dense="linear"),
        replace(plain, unfold=False),
        replace(plain, tuned=True),
        Ways("conv1d", unfold=False),
    )


def what_is_compared() -> str:
    """A sentence for the table. RosinError where torch or onnx is not installed."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise RosinError(NEEDS) from None
    return WHAT


def against_torchscript(folder: Path, count: int) -> dict[str, Any]:
    """``decode``, ``encode`` and both for one model: times of each side, ratios, differences. One JSON-ready table.

    A model of which there is no plain export has a sentence, ``plain``, in the place of ``ratio``.
    """
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


def plain(card: Card, folder: Path) -> dict[str, Rival]:
    """The plain export's methods by name. RosinError for a model of which there is none."""
    from instrument.bench.rivals.streaming import Streaming, exported  # here: they import torch
    from instrument.bench.rivals.unfolded import network_of

    export = exported(network_of(card, folder))
    return {name: Streaming(export, name) for name in ("decode", "encode")}


def pairs_of(card: Card, folder: Path) -> dict[str, Pair]:
    """The decoder with z that wanders, and the encoder, if there is one, with what the decoder makes of that."""
    decoder = opened(card, folder, DECODE)
    pairs = {"decode": Pair(decoder, folder / DECODE, wandering(card, decoder.frames, EQUAL_BLOCKS), "audio")}
    if ENCODE in card.files:
        sound = np.zeros((EQUAL_BLOCKS, card.channels, decoder.frames * card.ratio), np.float32)
        for i in range(EQUAL_BLOCKS):
            pairs["decode"].play(i)
            sound[i] = decoder.array("audio")[0]
        pairs["encode"] = Pair(opened(card, folder, ENCODE), folder / ENCODE, sound, "mean")
    return pairs


def _raced(card: Card, folder: Path, count: int) -> dict[str, Any]:
    pairs = pairs_of(card, folder)
    try:
        exports, words = plain(card, folder), ""
    except RosinError as error:
        exports, words = {}, str(error)
    calls: list[Call] = []
    found: dict[str, Any] = {}
    for name, pair in pairs.items():
        folded, off = pair.quickest()
        found[name] = {"torchscript": folded.ways.words, "difference_folded": off}
        calls += [pair.play, pair.in_torch(folded)]
        if name in exports:
            found[name]["difference"] = pair.equal(exports[name])
            calls.append(pair.in_torch(exports[name]))
    times = by_turns(calls, count).reshape(len(pairs), len(calls) // len(pairs), -1)
    for name, sides in zip(found, times, strict=True):
        middle = [float(value) for value in np.median(sides, axis=1)]
        named = zip(("onnx_p50_ms", "folded_p50_ms", "plain_p50_ms"), middle, strict=False)
        found[name] = _told(sides) | dict(named) | found[name]
    return _told(times.sum(0)) | found | ({"plain": words} if words else {})


def _told(sides: Any) -> dict[str, float]:
    """Ratios of one graph, or of both together: times [here, folded, perhaps plain] of every block."""
    told = ratios(sides[2], sides[0]) if len(sides) > 2 else {}
    return told | ratios(sides[1], sides[0], "ratio_folded")
