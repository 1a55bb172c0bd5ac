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
from instrument.training.learning.state import LEARNING_RATE, SECOND_PHASE, TrainingLoop, new_course

__all__ = ["WARM_FRAMES", "Budget", "LearnOptions", "TrainingLoop", "learn", "new_course", "one_step"]

WARM_UP_STEPS = 100
LAST_RATE = 0.01
SAVE_EVERY_S = 30.0
CORES_BESIDE_GPU = 2
TOLD_EVERY = 10
"""Steps in a row of the history."""


def _on(batch: Batch, device: torch.device) -> Crop:
    parts = (batch.audio, batch.note, batch.sure, batch.stiff)
    return Crop(*(torch.from_numpy(part).to(device) for part in parts))


def one_step(course: TrainingLoop, corpus: Corpus, size: int, frames: int, spent: float) -> list[float]:
    """One batch learned from. ``size``: crops of this process; ``frames`` of each; ``spent``: of the budget.

    Returns [loss, spectral, KL in nats a frame, pitch, adversarial, matching, the judges' loss], means over all ranks.
    """
    if course.judging and course.phase == SPECTRA and spent >= SECOND_PHASE:
        course.second_phase(spent)
    network, judges = course.network, course.judges
    device = network.encoder.notes.device
    got = course.crops(corpus, size, frames).at(course.step)
    crops = _on(got.whole, device)
    ears = _on(got.ears, device) if got.ears is not None else None
    if judges is not None:
        share = (spent - course.began) / max(1e-9, JUDGES_WARM_UP * (1.0 - course.began))
        course.joined = max(course.joined, min(1.0, share))
    lesson = course.lesson()
    total, parts, sound = lesson(crops, course.chance(size), spent, judges, course.joined, ears)
    rate = LEARNING_RATE * min(1.0, (course.step + 1) / WARM_UP_STEPS)
    rate *= LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * spent))
    for group in course.optimiser.param_groups:
        group["lr"] = rate
    course.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    if torch.isfinite(norm):
        course.optimiser.step()
    judged = (
        judges.learn(crops.audio[:, WARM_FRAMES * network.shape.ratio :], sound.detach()) if judges is not None else 0.0
    )
    course.step += 1
    told = torch.cat([total.detach()[None], parts, parts.new_tensor([judged])])
    return [float(value) for value in course.machine.ranks.mean(told).tolist()]


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


def _told(course: TrainingLoop, losses: list[float]) -> bool:
    """Whether another row of the history is full."""
    course.pending.append(losses)
    if len(course.pending) < TOLD_EVERY:
        return False
    means = [sum(column) / TOLD_EVERY for column in zip(*course.pending, strict=True)]
    course.history.append([float(course.step), *means, float(course.phase)])
    course.pending = []
    return True


def _kept(course: TrainingLoop, checkpoint: Path, display: Display) -> None:
    try:
        course.save(checkpoint)
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
    course: TrainingLoop,
    corpus: Corpus,
    budget: Budget,
    checkpoint: Path | None,
    options: LearnOptions,
    *,
    listener: Listener | None = None,
    display: Display | None = None,
) -> bool:
    """Train until the budget is spent (True) or somebody asks to stop (False)."""
    machine, ranks = course.machine, course.machine.ranks
    display = display or Display(budget, quiet=options.quiet or not ranks.first)
    busy = (CORES_BESIDE_GPU if machine.gpu else torch.get_num_threads()) * ranks.world
    meter = EnergyMeter(busy if ranks.first else 0, machine.gpu, nvml=gpu_meter(ranks.local) if machine.gpu else None)
    course.size, course.frames = size, frames = options.size, options.frames
    saved = time.monotonic()

    def count_energy() -> None:
        course.joules += float(ranks.total(torch.tensor(meter.poll(), dtype=torch.float64)))
        course.measured, course.energy_is = course.measured and meter.measured, meter.how

    with _asked_to_stop() as asked, display:
        while True:
            stop, course.seconds = ranks.most(float(bool(asked)), course.seconds)
            spent = budget.spent(course.step, course.seconds)
            if stop or spent >= 1.0:
                break
            began = time.monotonic()
            full = _told(course, one_step(course, corpus, size, frames, spent))
            now = time.monotonic()
            course.seconds += now - began
            if full:
                count_energy()
            display.step(course, spent, now - began)
            if checkpoint and ranks.first and now - saved >= options.save_every_s:
                _kept(course, checkpoint, display)
                saved = time.monotonic()
            if listener and ranks.first and listener.is_time(course.seconds) and not asked:
                display.say(listener.listen(course, corpus))
        count_energy()
        if checkpoint and ranks.first:
            _kept(course, checkpoint, display)
        if listener and ranks.first and not stop:
            display.say(listener.listen(course, corpus))
    course.done()
    return not stop
