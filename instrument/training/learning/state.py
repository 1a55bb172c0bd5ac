"""State: where one training run is - the network, its optimiser, its judges, what was used and kept. Under the loop.

Everything random in a step is a function of (seed, step), and the learning rate of the budget spent, so that a run
that was stopped ends where one that was not would have.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from instrument.base.errors import RosinError
from instrument.training.data.corpus import Corpus
from instrument.training.learning import checkpoint as checkpoints
from instrument.training.learning.adversary import Adversary
from instrument.training.learning.crops import Crops
from instrument.training.learning.devices import Machine, judging_parts, learned_parts
from instrument.training.learning.energy import WATTS_PER_CORE, Energy
from instrument.training.learning.objective import ADVERSARY, SPECTRA, Objective
from instrument.training.learning.ranks import PartOfChance
from instrument.training.network.chance import Chance, NoiseBands
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape

LEARNING_RATE = 1.5e-3
SECOND_PHASE = 0.6
"""Share of the budget after which the encoder is frozen and the adversary joins, where there is to be one."""


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
    _objective: nn.Module | None = None
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

    def objective(self) -> nn.Module:
        if self._objective is None:
            self._objective = self.machine.ranks.shared(Objective(self.network, self.machine.ranks))
        return self._objective

    def second_phase(self, spent: float) -> None:
        """From here on the encoder stays as it is, and judges join."""
        self.phase, self.began = ADVERSARY, spent
        self.network.encoder.requires_grad_(False)
        self.optimiser.zero_grad(set_to_none=True)
        self.judges = Adversary(self.seed, self.judging, self.machine.device)
        self.machine.ranks.average_gradients(self.judges.parameters())
        dataclasses.replace(self.machine, compiled=False).prepare(judging_parts(self.judges))
        self._objective = None

    def done(self) -> None:
        """No more crops are made ahead."""
        if self._crops is not None:
            self._crops.close()

    def plain(self) -> Network:
        """The network as it is now, on the processor and in float32, for listening and for export."""
        fresh = Network(self.network.shape)
        fresh.load_state_dict({key: value.detach().cpu() for key, value in self.network.state_dict().items()})
        fresh.eval()
        return fresh

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


def new_loop(shape: Shape, seed: int, device: str, machine: Machine | None = None, judging: str = "") -> TrainingLoop:
    """A network with the seed's weights, before its first step."""
    machine = machine or Machine(device)
    torch.manual_seed(seed)
    network = Network(shape).to(device)
    machine.prepare(learned_parts(network))
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    return TrainingLoop(network, optimiser, seed, machine=machine, judging=judging)
