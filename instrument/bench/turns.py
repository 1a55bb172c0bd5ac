"""Turns: several things timed against each other, each in its turn, in one process and one thread. Under the benches.

What counts is the thread's own processor time: waiting for other programs does not, and whatever slows the machine
slows all of them. A turn is a few blocks, so that each finds its weights in the cache as it would alone: with turns
of one block, three that share a busy core's cache all cost what fetching costs. Who begins changes with every round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from instrument.model.runtime.voice import F32, F64

Call: TypeAlias = Callable[[int], Any]

WARM = 100
"""Blocks before the first that counts: torch looks at a few before it settles on its code."""
TURN = 8
"""Blocks in a turn."""
PERCENTILES = (5, 50, 99)


def by_turns(calls: Sequence[Call], count: int, warm: int = WARM, turn: int = TURN) -> F64:
    """``call(i)`` of each for each block i. Milliseconds, f64 [calls, count]; ``turn`` blocks at a time."""
    times = np.zeros((len(calls), count))
    clock = time.thread_time_ns
    for call in calls:
        for i in range(warm):
            call(i)
    for number, first in enumerate(range(0, count, turn)):
        for k in range(len(calls)):
            which = (number + k) % len(calls)
            call, row = calls[which], times[which]
            for i in range(first, min(first + turn, count)):
                begin = clock()
                call(i)
                row[i] = clock() - begin
    return times / 1e6


def spread(times: F64, block_ms: float) -> dict[str, float]:
    """p5, p50 and p99 of times in ms, and as shares of a block."""
    found = {f"p{q}_ms": float(np.percentile(times, q)) for q in PERCENTILES}
    return found | {f"share_p{q}": found[f"p{q}_ms"] / block_ms for q in PERCENTILES}


def ratios(slow: F64, fast: F64, name: str = "ratio") -> dict[str, float]:
    """How many times ``fast`` goes into ``slow``: of their p50, which is the figure, and of their p5."""
    return {
        name: float(np.percentile(slow, 50) / np.percentile(fast, 50)),
        f"{name}_p5": float(np.percentile(slow, 5) / np.percentile(fast, 5)),
    }


class NoNoise:
    """A noise source that leaves every buffer as it is: what was written into it beforehand is played."""

    def uniform(self, stream: int, first: int, out: F32) -> None:
        pass

    def normal(self, stream: int, first: int, out: F32) -> None:
        pass
