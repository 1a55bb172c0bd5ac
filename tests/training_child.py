"""A small training in a process of its own, to be killed or started several times at once: prints each step.

python training_child.py SOUNDS CHECKPOINT STEPS SIZE JUDGING
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from instrument.training.data.corpus import read_corpus
from instrument.training.learning.devices import machine_for
from instrument.training.learning.loop import Budget, LearnOptions, TrainingLoop, learn, new_loop
from instrument.training.learning.progress import Display
from instrument.training.learning.ranks import leave, ranks_from_environment
from instrument.training.network.shape import Shape

TINY = Shape(latents=3, width=24, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)
FRAMES = 56


class Spoken(Display):
    """A step is a line."""

    def step(self, loop: TrainingLoop, spent: float, took_s: float) -> None:
        print("step", loop.step, flush=True)


def child(sounds: Path, checkpoint: Path, steps: int, size: int, judging: str, **more: Any) -> TrainingLoop:
    """Train from the checkpoint, where there is one; the loop at its end."""
    torch.set_num_threads(1)
    machine, _ = machine_for("cpu", "", None, ranks_from_environment("cpu"))
    loop = new_loop(TINY, 3, "cpu", machine, judging)
    if checkpoint.exists():
        loop.load(checkpoint)
    budget = Budget(steps=steps)
    learn(
        loop, read_corpus(sounds, 48000, 128), budget, checkpoint, LearnOptions(size, FRAMES, **more),
        display=Spoken(budget, quiet=True),
    )  # fmt: skip
    machine.ranks.close()
    return loop


if __name__ == "__main__":
    child(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], save_every_s=0.15)
    leave()
