"""Benchmark: the imported graph against its file as a player of such files runs it, turn by turn. After verification.

Both play the same blocks in one process on one thread, each in its turn, so that whatever else the machine does slows
both; what counts is the thread's own processor time, so waiting for others does not. The file runs in torch as that
comes (profiling executor, MKL-DNN, no autograd): what nn~ runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from instrument.importing.facts import load
from instrument.importing.verification import Floats, SteppedGraph

WARM = 20
"""Blocks before the first that counts: torch looks at a few before it settles on its code."""


@dataclass(frozen=True)
class Benchmark:
    """Milliseconds of processor a block, 10th, 50th and 90th percentile, and so of their ratio, block by block."""

    blocks: int
    file_ms: tuple[float, float, float]
    graph_ms: tuple[float, float, float]
    ratio: tuple[float, float, float]


@contextmanager
def unasked() -> Iterator[None]:
    """torch as it comes: what the import turns off to see every operation is on again within."""
    mkldnn = torch.backends.mkldnn.enabled
    profiling = torch._C._jit_set_profiling_executor(True)
    torch.backends.mkldnn.enabled = True
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = mkldnn
        torch._C._jit_set_profiling_executor(profiling)


def race(path: Path, method: str, graph: bytes | str, signal: Floats, frames: int, blocks: int = 300) -> Benchmark:
    """``method`` of the file ``path`` against ``graph`` (a model or its path), in this process.

    ``signal`` f32 [1, C, n * frames]: what both are given, ``frames`` numbers a block, begun anew at its end.
    """
    played = SteppedGraph(graph)
    given = "z" if "z" in played.shapes else "audio"
    heard = "audio" if given == "z" else next(n for n in played.outputs if not n.startswith("next."))
    count = signal.shape[2] // frames
    turns = [np.ascontiguousarray(signal[:, :, i * frames : (i + 1) * frames]) for i in range(count)]
    rng = np.random.default_rng(0)
    noises = {name: rng.uniform(-1.0, 1.0, played.shapes[name]).astype(np.float32) for name in played.noises}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = np.zeros((2, WARM + blocks))
    try:
        with unasked(), torch.inference_mode():
            call = getattr(load(path), method)
            for i in range(WARM + blocks):
                x = turns[i % count]
                given_to_torch = torch.from_numpy(x)
                begin = time.thread_time()
                call(given_to_torch)
                times[0, i] = time.thread_time() - begin
                played.run({given: x, **noises}, heard)
                times[1, i] = played.seconds[-1]
    finally:
        torch.set_num_threads(threads)
    file_ms, graph_ms = 1000.0 * times[:, WARM:]

    def spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
        low, middle, high = np.percentile(values, [10, 50, 90])
        return float(low), float(middle), float(high)

    return Benchmark(blocks, spread(file_ms), spread(graph_ms), spread(file_ms / graph_ms))
