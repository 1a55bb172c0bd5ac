"""Train: `rosin train SOUNDS... --name N`. From folders of credited sounds to a model folder that can be played.

Stops cleanly on Ctrl-C (and writes the model as it is by then); goes on where it was with --resume, to the step.
Nothing heavy is imported until training is asked for: playing needs no torch.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instrument.base.console import console as terminal
from instrument.base.errors import RosinError
from instrument.base.printable import printable
from instrument.base.text import language_of
from instrument.model.library.card import CARD
from instrument.training.arguments import MINUTES, add_arguments

if TYPE_CHECKING:
    from instrument.training.choices import TrainOptions
    from instrument.training.data.corpus import Corpus
    from instrument.training.learning.ranks import Ranks
    from instrument.training.network.shape import Shape

__all__ = ["add_arguments", "run", "train"]

CHECKPOINT = "checkpoint.pt"
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def _keep_memory() -> None:
    """Ask glibc to keep freed memory: every step frees and takes 500 MB, and fresh pages cost a fifth of the time."""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (OSError, AttributeError, TypeError):
        pass  # another C library: only slower


def _corpus(sources: Sequence[Path], shape: Shape, ranks: Ranks, console: Any) -> Corpus:
    """The sounds, their credits asked for where they lack; the first of several processes reads first."""
    from rich.progress import Progress

    from instrument.training.data import corpus as corpora
    from instrument.training.data import prompts, soundfont
    from instrument.training.data.credits_check import credits_path

    for source in sources if ranks.first and not console.quiet and prompts.can_ask() else ():
        if not credits_path(source).is_file():
            lone = source.is_file() and source.suffix.lower() not in soundfont.SUFFIXES
            prompts.ask_credits(source.parent if lone else source, language_of())  # once for all of its folder
    if not ranks.first:
        ranks.wait()
    with Progress(console=console, transient=True, disable=console.quiet or not console.is_terminal) as bar:
        task = bar.add_task("listening for pitch")
        corpus = corpora.read_corpus(
            sources, shape.sample_rate, shape.ratio, progress=lambda i, n: bar.update(task, completed=i, total=n)
        )
    if ranks.first:
        ranks.wait()
    for line in corpus.warnings:
        console.print(printable(f"left out: {line}"), highlight=False, markup=False, soft_wrap=True)
    for line in corpus.report():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return corpus


def _kept(checkpoint: Path, resume: bool) -> dict[str, Any] | None:
    """What is in the checkpoint that is gone on from."""
    from instrument.training.learning import checkpoint as checkpoints

    if not resume:
        if checkpoints.there(checkpoint):
            raise RosinError(f"{checkpoint} is there already; go on with --resume, or take another --name")
        return None
    if not checkpoints.there(checkpoint):
        raise RosinError(f"there is no {checkpoint} to go on from; start without --resume")
    kept: dict[str, Any] = {}
    checkpoints.read(checkpoint, kept.update)
    return kept


def train(sounds: Path | Sequence[Path], name: str, out: Path, options: TrainOptions | None = None) -> Path:
    """Train on folders of sounds and write the model folder ``out/name``; returns it.

    RosinError when the sounds cannot be trained on.
    """
    try:
        import torch

        from instrument.training import choices, promise
        from instrument.training.data.listener import REMEDY
        from instrument.training.data.listener import listener as independent_ear
        from instrument.training.export.writer import Making, write_model
        from instrument.training.learning.devices import machine_for
        from instrument.training.learning.listening import Listener
        from instrument.training.learning.loop import Budget, LearnOptions, learn, new_loop
        from instrument.training.learning.pictures import can_draw
        from instrument.training.learning.progress import Display, energy_words
        from instrument.training.learning.ranks import ranks_from_environment
    except ModuleNotFoundError as missing:
        raise RosinError(
            f"training needs {missing.name}, which playing does not; install it with: pip install 'rosin[train]'"
        ) from None

    sources = [sounds] if isinstance(sounds, Path) else list(sounds)
    options = options or choices.TrainOptions()
    title, by, licence = options.title or (name, name), options.by, options.licence
    promise.check_words(name, title, by, licence)
    if (out / name / CARD).exists() and not options.resume:
        raise RosinError(f"{out / name} is a model already; go on with --resume, or take another --name")
    folder = options.runs / name
    checkpoint = folder / CHECKPOINT
    kept = _kept(checkpoint, options.resume)
    free = options.shape is None and kept is None
    shape = options.shape or choices.shape_for(options, kept)
    seed = options.seed if options.seed is not None else int(kept["seed"]) if kept else 0
    machine, words = machine_for(
        options.device, options.precision, options.compiled, ranks_from_environment(options.device)
    )
    ranks = machine.ranks
    size, own_frames = choices.crops_for(options, kept, machine.gpu, shape)
    frames = options.frames or own_frames
    if size == 1 and ranks.world > 1:
        raise RosinError("several processes take two crops each at least; say --size 2")
    _keep_memory()
    torch.set_num_threads(options.threads or max(1, (os.cpu_count() or 1) // ranks.world))
    budget = Budget(options.minutes if options.minutes or options.steps else MINUTES, options.steps)
    quiet = options.quiet or not ranks.first
    console = terminal(stderr=True, quiet=quiet)
    display = Display(budget, console, quiet)
    display.say(words)
    corpus = _corpus(sources, shape, ranks, console)
    if free:
        shape, why = choices.listened(options, shape, corpus)
        display.say(why)
    if shape.inharmonic:
        corpus = corpus.at_first_partials()
    if ranks.first:
        promise.check(corpus, out / name, title, by, licence)
        promise.make(folder)
    loop = new_loop(shape, seed, options.device, machine, choices.judges_for(options, kept, machine.gpu, shape))
    if kept is not None:
        display.say(loop.load(checkpoint))
        display.say(f"going on from step {loop.step}")
    else:
        choices.tuned(loop.network, corpus)
    if options.pictured and not can_draw():
        display.say("no pictures: matplotlib is not installed; pip install 'rosin[train]' brings it")
    if independent_ear() is None:
        display.say(REMEDY)
    listener = Listener(folder, options.listen, options.pictured) if ranks.first else None
    done = learn(
        loop,
        corpus,
        budget,
        checkpoint,
        LearnOptions(size, frames, options.save_every_s),
        listener=listener,
        display=display,
    )
    energy = loop.energy()
    display.say("done" if done else f"stopped at step {loop.step}; go on with --resume")
    display.say(f"{loop.step} steps, {loop.seconds / 60.0:.1f} min, {energy_words(energy.wh)} ({energy.how})")
    model = out / name
    if ranks.first:
        write_model(
            loop.plain(),
            corpus,
            model,
            Making(
                name=name,
                title=title,
                by=by,
                licence=licence,
                steps=loop.step,
                minutes=loop.seconds / 60.0,
                threads=torch.get_num_threads(),
                seed=seed,
                energy=energy,
            ),
        )
        display.say(f"the model is in {model}")
        display.say(promise.how_to_play(model))
    ranks.close()
    return model


def run(args: argparse.Namespace) -> int:
    """`rosin train` with parsed arguments; returns the exit code. RosinError is the caller's to print."""
    if args.minutes is not None and args.steps is not None:
        raise RosinError("give --minutes or --steps, not both")
    if (args.minutes is not None and args.minutes <= 0) or (args.steps is not None and args.steps <= 0):
        raise RosinError("a budget is more than nothing; give --minutes 60, say")
    if args.save_every_s < 0 or args.listen < 0:
        raise RosinError("--save-every and --listen are times; give 0 or more")
    try:
        from instrument.training.choices import TrainOptions
        from instrument.training.learning.ranks import leave
    except ModuleNotFoundError as missing:
        raise RosinError(
            f"training needs {missing.name}, which playing does not; install it with: pip install 'rosin[train]'"
        ) from None
    said = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(TrainOptions)}
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    options = TrainOptions(**{name: value for name, value in given.items() if value is not None})
    train(args.sounds, args.name, args.out, options)
    leave()
    return 0
