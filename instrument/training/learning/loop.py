"""Loop: one training run as it goes, step by step; stopped, kept and gone on with. Under train.py.

Everything random in a step is a function of (seed, step), and the learning rate of the budget spent, so that a run
that was stopped ends where one that was not would have.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from instrument.base.errors import RosinError
from instrument.training.data.batches import Batch
from instrument.training.data.corpus import Corpus
from instrument.training.data.crops import Crops
from instrument.training.learning import checkpoint as checkpoints
from instrument.training.learning.adversary import Adversary
from instrument.training.learning.chance import Chance, NoiseBands
from instrument.training.learning.devices import Machine, judging_parts, learned_parts
from instrument.training.learning.energy import WATTS_PER_CORE, Energy, EnergyMeter, gpu_meter
from instrument.training.learning.listening import Listener
from instrument.training.learning.objective import ADVERSARY, JUDGES_WARM_UP, SPECTRA, WARM_FRAMES, Objective
from instrument.training.learning.progress import Budget, Display
from instrument.training.learning.ranks import PartOfChance
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape

__all__ = ["WARM_FRAMES", "Budget", "TrainingLoop", "learn", "new_course", "one_step"]

LEARNING_RATE = 1.5e-3
WARM_UP_STEPS = 100
LAST_RATE = 0.01
SECOND_PHASE = 0.6
"""Share of the budget after which the encoder is frozen and the adversary joins, where there is to be one."""
SAVE_EVERY_S = 30.0
CORES_BESIDE_GPU = 2
TOLD_EVERY = 10
"""Steps in a row of the history."""


@dataclass
class TrainingLoop:
    """Where a training run is.

    ``judging``: the size of the adversary that is to join, empty for none. ``history``: (step, loss, spectral loss,
    KL, pitch loss, adversarial loss, feature matching, the judges' own loss, phase), means of ten steps; ``pending``:
    what the next row is made of. ``joules``: used so far, ``measured`` if none of it was estimated.
    """

    network: Network
    optimiser: torch.optim.Optimizer
    seed: int
    step: int = 0
    seconds: float = 0.0
    history: list[list[float]] = field(default_factory=list)
    noise: NoiseBands | None = None
    machine: Machine = field(default_factory=Machine)
    judging: str = ""
    phase: int = SPECTRA
    joined: float = 0.0
    began: float = SECOND_PHASE
    pending: list[list[float]] = field(default_factory=list)
    joules: float = 0.0
    measured: bool = True
    energy_is: str = ""
    size: int = 0
    frames: int = 0
    judges: Adversary | None = None
    _lesson: nn.Module | None = None
    _crops: Crops | None = None

    def chance(self, size: int = 0) -> Chance:
        """Random numbers of this step: the same whenever it is taken. ``size``: crops of this process."""
        device = self.network.encoder.notes.device
        if self.noise is None:
            self.noise = NoiseBands(self.network.shape, device)
        whole = Chance(self.network.shape, self.seed, self.step, device, self.noise)
        ranks = self.machine.ranks
        return PartOfChance(whole, ranks, size) if ranks.world > 1 else whole

    def crops(self, corpus: Corpus, size: int, frames: int) -> Crops:
        """Where this process's crops come from."""
        made = self._crops
        if made is None or made.corpus is not corpus or (made.size, made.frames) != (size, frames):
            self._crops = made = Crops(
                corpus, self.network.shape, self.seed, size, frames, self.machine.ranks, self.machine.ahead
            )
        return made

    def lesson(self) -> nn.Module:
        if self._lesson is None:
            self._lesson = self.machine.ranks.shared(Objective(self.network, self.machine.ranks))
        return self._lesson

    def second_phase(self, spent: float) -> None:
        """From here on the encoder stays as it is, and judges join."""
        self.phase, self.began = ADVERSARY, spent
        self.network.encoder.requires_grad_(False)
        self.optimiser.zero_grad(set_to_none=True)
        self.judges = Adversary(self.seed, self.judging, self.machine.device)
        self.machine.ranks.average_gradients(self.judges.parameters())
        dataclasses.replace(self.machine, compiled=False).prepare(judging_parts(self.judges))
        self._lesson = None

    def plain(self) -> Network:
        """The network as it is now, on the processor and in float32, for listening and for export."""
        fresh = Network(self.network.shape)
        fresh.load_state_dict({key: value.detach().cpu() for key, value in self.network.state_dict().items()})
        return fresh.eval()

    def energy(self) -> Energy:
        """What all runs used so far."""
        partly = "" if self.measured or "estimate" in self.energy_is else "partly an estimate; at last "
        return Energy(round(self.joules / 3600.0, 6), self.measured, partly + self.energy_is)

    def save(self, path: Path) -> None:
        """Keep everything; the checkpoint before is kept too. OSError as files give it."""
        checkpoints.write(path, {
            "shape": self.network.shape.table(), "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(), "seed": self.seed, "step": self.step,
            "seconds": self.seconds, "history": self.history, "pending": self.pending, "phase": self.phase,
            "judging": self.judging, "joined": self.joined, "began": self.began, "size": self.size,
            "frames": self.frames, "judges": self.judges.table() if self.judges else None, "joules": self.joules,
            "measured": self.measured,
        })  # fmt: skip

    def load(self, path: Path) -> str:
        """Go on from a checkpoint, or from the one before when it is damaged: then a sentence says so, else empty."""
        return checkpoints.read(path, lambda kept: self._take(kept, path))

    def _take(self, kept: dict[str, Any], path: Path) -> None:
        if not self.network.shape.is_of(kept["shape"]):
            raise RosinError(f"{path} is of a network of another size; train under another --name")
        if kept["seed"] != self.seed:
            raise RosinError(f"{path} was begun with seed {kept['seed']}; go on with --seed {kept['seed']}")
        self.network.load_state_dict(kept["network"])
        self.optimiser.load_state_dict(kept["optimiser"])
        if kept.get("phase", SPECTRA) == ADVERSARY:
            self.judging = kept["judging"]
            self.second_phase(kept["began"])
            assert self.judges is not None
            self.judges.load(kept["judges"])
        self.step, self.seconds, self.history = kept["step"], kept["seconds"], kept["history"]
        self.pending, self.joined = kept.get("pending", []), kept.get("joined", 0.0)
        self.measured = kept.get("measured", False)
        self.joules = kept.get("joules", WATTS_PER_CORE * self.seconds)


def new_course(shape: Shape, seed: int, device: str, machine: Machine | None = None, judging: str = "") -> TrainingLoop:
    """A network with the seed's weights, before its first step."""
    machine = machine or Machine(device)
    torch.manual_seed(seed)
    network = Network(shape).to(device)
    machine.prepare(learned_parts(network))
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    return TrainingLoop(network, optimiser, seed, machine=machine, judging=judging)


def _on(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    parts = (batch.audio, batch.note, batch.sure, batch.stiff)
    audio, note, sure, stiff = (torch.from_numpy(part).to(device) for part in parts)
    return audio, note, sure, stiff


def one_step(course: TrainingLoop, corpus: Corpus, size: int, frames: int, spent: float) -> list[float]:
    """One batch learned from. ``size``: crops of this process; ``frames`` of each; ``spent``: of the budget.

    Returns [loss, spectral, KL in nats a frame, pitch, adversarial, matching, the judges' loss], means over all ranks.
    """
    if course.judging and course.phase == SPECTRA and spent >= SECOND_PHASE:
        course.second_phase(spent)
    network, judges = course.network, course.judges
    device = network.encoder.notes.device
    got = course.crops(corpus, size, frames).at(course.step)
    audio, note, sure, stiff = _on(got.whole, device)
    ears = _on(got.ears, device)[:3] if got.ears is not None else None
    if judges is not None:
        share = (spent - course.began) / max(1e-9, JUDGES_WARM_UP * (1.0 - course.began))
        course.joined = max(course.joined, min(1.0, share))
    lesson = course.lesson()
    total, parts, sound = lesson(audio, note, sure, stiff, course.chance(size), spent, judges, course.joined, ears)
    rate = LEARNING_RATE * min(1.0, (course.step + 1) / WARM_UP_STEPS)
    rate *= LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * spent))
    for group in course.optimiser.param_groups:
        group["lr"] = rate
    course.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    if torch.isfinite(norm):
        course.optimiser.step()
    judged = judges.learn(audio[:, WARM_FRAMES * network.shape.ratio :], sound.detach()) if judges is not None else 0.0
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


def learn(
    course: TrainingLoop,
    corpus: Corpus,
    budget: Budget,
    checkpoint: Path | None,
    *,
    size: int = 8,
    frames: int = 160,
    quiet: bool = False,
    save_every_s: float = SAVE_EVERY_S,
    listener: Listener | None = None,
    display: Display | None = None,
) -> bool:
    """Train until the budget is spent (True) or somebody asks to stop (False). ``size``: crops of each process."""
    machine, ranks = course.machine, course.machine.ranks
    display = display or Display(budget, quiet=quiet or not ranks.first)
    busy = (CORES_BESIDE_GPU if machine.gpu else torch.get_num_threads()) * ranks.world
    meter = EnergyMeter(busy if ranks.first else 0, machine.gpu, nvml=gpu_meter(ranks.local) if machine.gpu else None)
    course.size, course.frames = size, frames
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
            if checkpoint and ranks.first and now - saved >= save_every_s:
                _kept(course, checkpoint, display)
                saved = time.monotonic()
            if listener and ranks.first and listener.is_time(course.seconds) and not asked:
                display.say(listener.listen(course, corpus))
        count_energy()
        if checkpoint and ranks.first:
            _kept(course, checkpoint, display)
        if listener and ranks.first and not stop:
            display.say(listener.listen(course, corpus))
    if course._crops is not None:
        course._crops.close()
    return not stop
