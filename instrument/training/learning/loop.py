"""Loop: one training run as it goes, step by step; stopped, kept and gone on with. Under train.py.

Everything random in a step is a function of (seed, step), and the learning rate of the budget spent, so that a run
that was stopped ends where one that was not would have.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from instrument.training.data.batches import Batch
from instrument.training.data.corpus import Corpus
from instrument.training.learning.energy import EnergyMeter, gpu_meter
from instrument.training.learning.listening import Listener
from instrument.training.learning.objective import JUDGES_WARM_UP, SPECTRA, WARM_FRAMES, Crop
from instrument.training.learning.progress import Budget, Display
from instrument.training.learning.state import LEARNING_RATE, SECOND_PHASE, TrainingLoop, new_loop

__all__ = ["WARM_FRAMES", "Budget", "LearnOptions", "TrainingLoop", "learn", "new_loop", "one_step"]

WARM_UP_STEPS = 100
LAST_RATE = 0.01
SAVE_EVERY_S = 30.0
CORES_BESIDE_GPU = 2
TOLD_EVERY = 10
"""Steps in a row of the history."""


def _on(batch: Batch, device: torch.device) -> Crop:
    parts = (batch.audio, batch.note, batch.sure, batch.stiff)
    return Crop(*(torch.from_numpy(part).to(device) for part in parts))


def one_step(loop: TrainingLoop, corpus: Corpus, size: int, frames: int, spent: float) -> list[float]:
    """One batch learned from. ``size``: crops of this process; ``frames`` of each; ``spent``: of the budget.

    Returns [loss, spectral, KL in nats a frame, pitch, adversarial, matching, the judges' loss], means over all ranks.
    """
    if loop.judging and loop.phase == SPECTRA and spent >= SECOND_PHASE:
        loop.second_phase(spent)
    network, judges = loop.network, loop.judges
    device = network.encoder.notes.device
    got = loop.crops(corpus, size, frames).at(loop.step)
    crops = _on(got.whole, device)
    ears = _on(got.ears, device) if got.ears is not None else None
    if judges is not None:
        share = (spent - loop.began) / max(1e-9, JUDGES_WARM_UP * (1.0 - loop.began))
        loop.joined = max(loop.joined, min(1.0, share))
    objective = loop.objective()
    total, parts, sound = objective(crops, loop.chance(size), spent, judges, loop.joined, ears)
    rate = LEARNING_RATE * min(1.0, (loop.step + 1) / WARM_UP_STEPS)
    rate *= LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * spent))
    for group in loop.optimiser.param_groups:
        group["lr"] = rate
    loop.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    if torch.isfinite(norm):
        loop.optimiser.step()
    judged = (
        judges.learn(crops.audio[:, WARM_FRAMES * network.shape.ratio :], sound.detach()) if judges is not None else 0.0
    )
    loop.step += 1
    told = torch.cat([total.detach()[None], parts, parts.new_tensor([judged])])
    return [float(value) for value in loop.machine.ranks.mean(told).tolist()]


@contextmanager
def _asked_to_stop() -> Iterator[list[bool]]:
    """Ctrl-C (or a polite kill) sets a flag; a second one interrupts as usual."""
    asked: list[bool] = []

    def stop(number: int, _frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    try:
        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: whoever runs us stops us another way
        before = {}
    try:
        yield asked
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def _told(loop: TrainingLoop, losses: list[float]) -> bool:
    """Whether another row of the history is full."""
    loop.pending.append(losses)
    if len(loop.pending) < TOLD_EVERY:
        return False
    means = [sum(column) / TOLD_EVERY for column in zip(*loop.pending, strict=True)]
    loop.history.append([float(loop.step), *means, float(loop.phase)])
    loop.pending = []
    return True


def _kept(loop: TrainingLoop, checkpoint: Path, display: Display) -> None:
    try:
        loop.save(checkpoint)
    except OSError as error:  # a full disk is no reason to throw a night's work away
        display.say(f"the checkpoint could not be written ({error.strerror}); make room, training goes on")


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """``size``: crops of each process, ``frames`` of each."""

    size: int = 8
    frames: int = 160
    save_every_s: float = SAVE_EVERY_S
    quiet: bool = False


def learn(
    loop: TrainingLoop,
    corpus: Corpus,
    budget: Budget,
    checkpoint: Path | None,
    options: LearnOptions,
    *,
    listener: Listener | None = None,
    display: Display | None = None,
) -> bool:
    """Train until the budget is spent (True) or somebody asks to stop (False)."""
    machine, ranks = loop.machine, loop.machine.ranks
    display = display or Display(budget, quiet=options.quiet or not ranks.first)
    busy = (CORES_BESIDE_GPU if machine.gpu else torch.get_num_threads()) * ranks.world
    meter = EnergyMeter(busy if ranks.first else 0, machine.gpu, nvml=gpu_meter(ranks.local) if machine.gpu else None)
    loop.size, loop.frames = size, frames = options.size, options.frames
    saved = time.monotonic()

    def count_energy() -> None:
        loop.joules += float(ranks.total(torch.tensor(meter.poll(), dtype=torch.float64)))
        loop.measured, loop.energy_is = loop.measured and meter.measured, meter.how

    with _asked_to_stop() as asked, display:
        while True:
            stop, loop.seconds = ranks.most(float(bool(asked)), loop.seconds)
            spent = budget.spent(loop.step, loop.seconds)
            if stop or spent >= 1.0:
                break
            began = time.monotonic()
            full = _told(loop, one_step(loop, corpus, size, frames, spent))
            now = time.monotonic()
            loop.seconds += now - began
            if full:
                count_energy()
            display.step(loop, spent, now - began)
            if checkpoint and ranks.first and now - saved >= options.save_every_s:
                _kept(loop, checkpoint, display)
                saved = time.monotonic()
            if listener and ranks.first and listener.is_time(loop.seconds) and not asked:
                display.say(listener.listen(loop, corpus))
        count_energy()
        if checkpoint and ranks.first:
            _kept(loop, checkpoint, display)
        if listener and ranks.first and not stop:
            display.say(listener.listen(loop, corpus))
    loop.done()
    return not stop
