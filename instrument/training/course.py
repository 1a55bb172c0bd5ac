"""Course: one training run as it goes, step by step; stopped, kept and gone on with. Under train.py.

Everything random in a step is a function of (seed, step), and the learning rate of the budget spent, so that a run
that was stopped ends where one that was not would have.
"""

from __future__ import annotations

import math
import pickle
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from instrument.errors import RosinError
from instrument.training import loss
from instrument.training.batches import SHIFT_SEMITONES, batch
from instrument.training.chance import Chance, NoiseBands
from instrument.training.corpus import Corpus
from instrument.training.network import Network
from instrument.training.shape import Shape
from instrument.training.steering import steering_loss

LEARNING_RATE = 1.5e-3
WARM_UP_STEPS = 100
LAST_RATE = 0.01
WARM_FRAMES = 28
"""Frames at the head of a crop that are not compared: the network's memory is still empty there."""
KL_WEIGHT = 0.001
TEXTURE_WEIGHT = 0.7
ORDER_WEIGHT = 0.05
PITCH_WEIGHT = 0.3
STEERING_WEIGHT = 0.3
SAVE_EVERY_S = 120.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: steps, or else minutes of work (pauses between runs do not count)."""

    minutes: float | None = None
    steps: int | None = None

    def spent(self, step: int, seconds: float) -> float:
        """0 at the start, 1 when done."""
        if self.steps is not None:
            return min(1.0, step / max(1, self.steps))
        return min(1.0, seconds / (60.0 * self.minutes)) if self.minutes else 1.0


@dataclass
class Course:
    """Where a training run is. ``history``: (step, loss, spectral loss, KL, pitch loss) every ten steps."""

    network: Network
    optimiser: torch.optim.Optimizer
    seed: int
    step: int = 0
    seconds: float = 0.0
    history: list[list[float]] = field(default_factory=list)
    noise: NoiseBands | None = None

    def chance(self) -> Chance:
        """Random numbers of this step: the same whenever it is taken."""
        device = self.network.encoder.notes.device
        if self.noise is None:
            self.noise = NoiseBands(self.network.shape, device)
        return Chance(self.network.shape, self.seed, self.step, device, self.noise)

    def save(self, path: Path) -> None:
        fresh = path.with_suffix(".part")
        torch.save(
            {
                "shape": self.network.shape.table(), "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(), "seed": self.seed, "step": self.step,
                "seconds": self.seconds, "history": self.history,
            },
            fresh,
        )  # fmt: skip
        fresh.replace(path)

    def load(self, path: Path) -> None:
        try:
            kept = torch.load(path, weights_only=True, map_location="cpu")
            if kept["shape"] != self.network.shape.table():
                raise RosinError(f"{path} is of a network of another size; train under another --name")
            self.network.load_state_dict(kept["network"])
            self.optimiser.load_state_dict(kept["optimiser"])
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, pickle.UnpicklingError):
            raise RosinError(f"{path} is damaged or no checkpoint; start again without --resume") from None
        if kept["seed"] != self.seed:
            raise RosinError(f"{path} was begun with seed {kept['seed']}; go on with --seed {kept['seed']}")
        self.step, self.seconds, self.history = kept["step"], kept["seconds"], kept["history"]


def new_course(shape: Shape, seed: int, device: str) -> Course:
    """A network with the seed's weights, before its first step."""
    torch.manual_seed(seed)
    network = Network(shape).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    return Course(network, optimiser, seed)


def one_step(course: Course, corpus: Corpus, size: int, frames: int, spent: float) -> list[float]:
    """One batch learned from; returns [loss, spectral, KL in nats a frame, pitch]."""
    network = course.network
    shape = network.shape
    chance = course.chance()
    device = network.encoder.notes.device
    got = batch(corpus, course.seed, course.step, size, frames, SHIFT_SEMITONES if not shape.tones else 0.0)
    audio, note, sure = (torch.from_numpy(part).to(device) for part in (got.audio, got.note, got.sure))
    loudness, mean, log_std, scores = network.encoder(audio)
    drawn = mean + log_std.exp() * chance.white(*mean.shape)
    z = torch.cat([note[:, None], loudness[:, None], drawn], 1)
    sound = network.decoder.learn(z, chance)
    warm = WARM_FRAMES * shape.ratio
    spectral, texture = loss.spectral_loss(sound[:, warm:], audio[:, warm:])
    nats = loss.divergence(mean, log_std).sum()
    heard = loudness > -60.0
    order = loss.order_loss(mean, loss.attributes(audio, sure, note, shape.ratio), heard)
    pitch = loss.pitch_loss(scores, note, sure, network.encoder.notes)
    total = spectral + TEXTURE_WEIGHT * texture + ORDER_WEIGHT * order + PITCH_WEIGHT * pitch
    total = total + KL_WEIGHT * min(1.0, spent / 0.15) * nats
    if shape.family == "harmonic":
        total = total + STEERING_WEIGHT * steering_loss(network.decoder, z, chance)
    rate = LEARNING_RATE * min(1.0, (course.step + 1) / WARM_UP_STEPS)
    rate *= LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * spent))
    for group in course.optimiser.param_groups:
        group["lr"] = rate
    course.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    if torch.isfinite(norm):
        course.optimiser.step()
    course.step += 1
    return [float(total.detach()), float(spectral.detach()), float(nats.detach()), float(pitch.detach())]


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


def learn(
    course: Course, corpus: Corpus, budget: Budget, checkpoint: Path | None, *, size: int = 8, frames: int = 160,
    quiet: bool = False,
) -> bool:  # fmt: skip
    """Train until the budget is spent (True) or somebody asks to stop (False)."""
    console = Console(stderr=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
                   TimeElapsedColumn(), console=console, disable=quiet or not console.is_terminal)  # fmt: skip
    saved = said = time.monotonic()
    sums: list[list[float]] = []
    with _asked_to_stop() as asked, bar:
        task = bar.add_task("training", total=1.0)
        while (spent := budget.spent(course.step, course.seconds)) < 1.0 and not asked:
            began = time.monotonic()
            sums.append(one_step(course, corpus, size, frames, spent))
            now = time.monotonic()
            course.seconds += now - began
            if len(sums) == 10:
                course.history.append([float(course.step), *(sum(c) / 10 for c in zip(*sums, strict=True))])
                sums.clear()
                _, total, spectral, nats, pitch = course.history[-1]
                line = f"step {course.step}: loss {total:.3f}, spectrum {spectral:.3f}, {nats:.1f} nats"
                line += f", note {pitch:.2f}"
                bar.update(task, completed=spent, description=line)
                if not bar.live.is_started and not quiet and now - said > 30.0:
                    console.print(f"{100 * spent:.0f} %, {line}")
                    said = now
            if checkpoint and now - saved > SAVE_EVERY_S:
                course.save(checkpoint)
                saved = now
        if checkpoint:
            course.save(checkpoint)
        return not asked
