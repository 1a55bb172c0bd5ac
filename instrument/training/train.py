"""Train: `rosin train SOUNDS --name N`. From a folder of credited sounds to a model folder that can be played.

Stops cleanly on Ctrl-C (and writes the model as it is by then); goes on where it was with --resume, to the step.
Nothing heavy is imported until training is asked for: playing needs no torch.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from instrument.errors import RosinError
from instrument.model.card import CARD
from instrument.text import language_of

if TYPE_CHECKING:
    from instrument.training.shape import Shape

CHECKPOINT = "checkpoint.pt"
MINUTES = 60.0
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def _keep_memory() -> None:
    """Ask glibc to keep freed memory: every step frees and takes 500 MB, and fresh pages cost a fifth of the time."""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (OSError, AttributeError, TypeError):
        pass  # another C library: only slower


def train(
    sounds: Path, name: str, out: Path, *, minutes: float | None = None, steps: int | None = None, seed: int = 0,
    device: str = "cpu", resume: bool = False, threads: int = 0, shape: Shape | None = None, size: int = 8,
    frames: int = 160, runs: Path = Path("runs"), title: tuple[str, str] | None = None,
    by: str = "the owner of this instrument", licence: str = "", quiet: bool = False,
) -> Path:  # fmt: skip
    """Train on a folder of sounds and write the model folder ``out/name``; returns it.

    ``minutes`` of work or ``steps``, whichever is given (an hour when neither). ``threads`` 0: as many as there are
    cores. RosinError when the sounds cannot be trained on.
    """
    try:
        import torch
        from rich.console import Console
        from rich.progress import Progress

        from instrument.training import asking
        from instrument.training import corpus as corpora
        from instrument.training.course import Budget, learn, new_course
        from instrument.training.export import write_model
        from instrument.training.gate import credits_path
        from instrument.training.shape import Shape as Sizes
    except ModuleNotFoundError as missing:
        raise RosinError(
            f"training needs {missing.name}, which playing does not; install it with: pip install 'rosin[train]'"
        ) from None

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise RosinError(f"{name!r} cannot name a folder everywhere; use letters, digits, dots and dashes")
    if (out / name / CARD).exists() and not resume:
        raise RosinError(f"{out / name} is a model already; go on with --resume, or take another --name")
    console = Console(stderr=True, quiet=quiet)
    say = console.print
    if device != "cpu" and not torch.cuda.is_available():
        raise RosinError(f"there is no {device} here; train with --device cpu")
    _keep_memory()
    torch.set_num_threads(threads or os.cpu_count() or 1)
    shape = shape or Sizes()
    if not credits_path(sounds).is_file() and not quiet and asking.can_ask():
        asking.ask_credits(sounds, language_of())
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("listening for pitch")
        corpus = corpora.read_corpus(
            sounds, shape.sample_rate, shape.ratio, progress=lambda i, n: bar.update(task, completed=i, total=n)
        )
    for line in corpus.warnings:
        say(f"left out: {line}", highlight=False, markup=False)
    for line in corpus.report():
        say(line, highlight=False, markup=False)
    folder = runs / name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    course = new_course(shape, seed, device)
    if resume:
        if not checkpoint.is_file():
            raise RosinError(f"there is no {checkpoint} to go on from; start without --resume")
        course.load(checkpoint)
        say(f"going on from step {course.step}")
    elif checkpoint.is_file():
        raise RosinError(f"{checkpoint} is there already; go on with --resume, or take another --name")
    done = learn(
        course,
        corpus,
        Budget(minutes if minutes or steps else MINUTES, steps),
        checkpoint,
        size=size,
        frames=frames,
        quiet=quiet,
    )
    say("done" if done else f"stopped at step {course.step}; go on with --resume")
    course.network.cpu()
    model = write_model(
        course.network, corpus, out / name, name=name, title=title or (name, name), by=by, licence=licence,
        steps=course.step, minutes=course.seconds / 60.0, threads=torch.get_num_threads(), seed=seed,
    )  # fmt: skip
    say(f"the model is in {model}")
    return model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `rosin train`."""
    parser.add_argument(
        "sounds", type=Path, help="a folder of WAV, FLAC, OGG or AIFF files with a credits.toml, or an SF2 or SF3 file"
    )
    parser.add_argument("--name", required=True, help="what the model is called; the folder it is written to")
    parser.add_argument("--title", nargs=2, metavar=("EN", "FR"), help="its title in both languages")
    parser.add_argument("--by", default="the owner of this instrument", help="who trains it, for the credits")
    parser.add_argument("--licence", default="", help="SPDX licence of the model (the sounds' own, when all agree)")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where model folders are (models)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept (runs)")
    parser.add_argument("--minutes", type=float, help=f"how long to work ({MINUTES:.0f} when --steps is not given)")
    parser.add_argument("--steps", type=int, help="how many steps, instead of minutes")
    parser.add_argument("--seed", type=int, default=0, help="the same seed learns the same sounds in the same order")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    parser.add_argument("--threads", type=int, default=0, help="cores to use (all)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of this name")


def run(args: argparse.Namespace) -> int:
    """`rosin train` with parsed arguments; returns the exit code. RosinError is the caller's to print."""
    if args.minutes is not None and args.steps is not None:
        raise RosinError("give --minutes or --steps, not both")
    if (args.minutes is not None and args.minutes <= 0) or (args.steps is not None and args.steps <= 0):
        raise RosinError("a budget is more than nothing; give --minutes 60, say")
    train(
        args.sounds, args.name, args.out, minutes=args.minutes, steps=args.steps, seed=args.seed, device=args.device,
        resume=args.resume, threads=args.threads, runs=args.runs, title=tuple(args.title) if args.title else None,
        by=args.by, licence=args.licence,
    )  # fmt: skip
    return 0
