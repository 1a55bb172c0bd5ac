"""Devices: what a run computes on and how - processor or GPU, bf16 or fp32, compiled or not. Under loop.

Only what has weights may be coarse: convolutions and dense layers run in bf16 under autocast and hand over float32.
Phases, waves, the ears' filters and the spectra that are compared stay in float32: a phase of eight bits is noise.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from instrument.base.errors import RosinError
from instrument.training.learning.ranks import ALONE, Ranks

PRECISIONS = ("fp32", "bf16")
COMPILERS = ("c++", "g++", "clang++")


@dataclass(frozen=True, slots=True)
class Machine:
    """``ahead``: steps whose crops are cut in the background while the device is busy."""

    device: str = "cpu"
    precision: str = "fp32"
    compiled: bool = False
    ahead: int = 0
    ranks: Ranks = ALONE

    @property
    def gpu(self) -> bool:
        return self.device != "cpu"

    def prepare(self, parts: Iterable[nn.Module]) -> None:
        """Make these parts of a network run in the machine's precision, and compiled if it is asked for."""
        for part in parts:
            if self.precision == "bf16":
                part.forward = coarse(part.forward, torch.device(self.device).type)
            if self.compiled:
                part.compile(dynamic=False)

    def words(self) -> str:
        how = f"{self.device}, {self.precision}{', compiled' if self.compiled else ''}"
        return f"{how}, {self.ranks.world} processes" if self.ranks.world > 1 else how


def coarse(forward: Callable[..., Any], device: str) -> Callable[..., Any]:
    """A forward pass in bf16 whose result is float32 again."""

    def lowered(*args: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            out = forward(*args)
        return out.float() if isinstance(out, Tensor) else out

    return lowered


def learned_parts(network: nn.Module) -> list[nn.Module]:
    """The parts of a network that have weights, each called as a whole: stacks, heads, stages; not the ears."""
    halves = (network.encoder, network.decoder)
    return [part for half in halves for part in half.children() if any(True for _ in part.parameters())]


def judging_parts(adversary: nn.Module) -> list[nn.Module]:
    """The layers of all judges; what they make of the sound before their first one stays in float32."""
    return [layer for judge in adversary.judges for layer in (*judge.layers, judge.verdict)]


def why_not_compiled(device: str) -> str:
    """What compiling lacks here; empty when nothing."""
    if device != "cpu":
        return "" if find_spec("triton") else "triton is not installed"
    return "" if any(shutil.which(name) for name in COMPILERS) else "there is no C++ compiler"


def machine_for(device: str, precision: str, compiled: bool | None, ranks: Ranks) -> tuple[Machine, str]:
    """The machine that was asked for, and a sentence when it is not quite that. RosinError when it cannot be.

    ``precision`` empty: bf16 on a GPU, fp32 elsewhere; ``compiled`` None: on a GPU.
    """
    gpu = device != "cpu"
    if gpu and not (device.split(":")[0] == "cuda" and torch.cuda.is_available()):
        raise RosinError(f"there is no {device} here; train with --device cpu")
    if precision and precision not in PRECISIONS:
        raise RosinError(f"a precision is {' or '.join(PRECISIONS)}, not {precision!r}")
    lacking = why_not_compiled(device) if compiled or (compiled is None and gpu) else ""
    if lacking and compiled:
        raise RosinError(f"nothing can be compiled here: {lacking}; leave --compile away")
    if gpu:
        # ears and mixing are matrix products too, and ten bits of mantissa are heard
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    made = Machine(
        device,
        precision or ("bf16" if gpu else "fp32"),
        bool(compiled or (compiled is None and gpu)) and not lacking,
        2 if gpu else 0,
        ranks,
    )
    return made, f"not compiled, which is slower: {lacking}" if lacking else ""
