"""Render: the engine without a device. The same blocks, as fast as the machine can, for files and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from instrument.audio.ring import Adapter
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.ipc import Gesture

F32 = NDArray[np.float32]


def offline_blocks(
    engine: Engine,
    seconds: float,
    events: Iterable[tuple[float, Gesture]] = (),
    block: int = QUANTUM,
    heard: Callable[[], None] | None = None,
    live: Callable[[], F32] | None = None,
    before: Callable[[], None] | None = None,
) -> Iterator[F32]:
    """The sound in pieces f32 [2, block] (the last may be shorter), each a copy. ``events``: (seconds, gesture).

    Goes through the same adapter as a device's callback, so the block size is the driver's and changes no sample.
    ``before`` and ``heard`` are called before and after each block of the engine's own, which is QUANTUM whatever
    ``block`` is. ``live`` gives what is played into it, f32 [Ci, QUANTUM] for each of those blocks: without the delay
    that odd blocks have live.
    """

    def produce(into: F32) -> None:
        if before is not None:
            before()
        engine.block(into, live() if live is not None else None)
        if heard is not None:
            heard()

    for at, gesture in events:
        engine.post(gesture, round(at * engine.rate))
    adapter = Adapter(engine.layout.count, QUANTUM, block)
    left = round(seconds * engine.rate)
    out = np.zeros((engine.layout.count, block), np.float32)
    while left > 0:
        adapter.pull(out, produce)
        yield out[:, : min(block, left)].copy()
        left -= block


def offline(engine: Engine, seconds: float, events: Iterable[tuple[float, Gesture]] = (), block: int = QUANTUM) -> F32:
    """The whole sound, f32 [2, round(seconds * rate)]."""
    return np.concatenate(list(offline_blocks(engine, seconds, events, block)), axis=1)
