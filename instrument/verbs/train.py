"""rosin train: a folder of sounds becomes a model. Only a door: the room behind it needs the extra [train]."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instrument.errors import RosinError


def add(verbs: Any) -> None:
    """The verb's own arguments. They are said here so that --help works without torch."""
    parser = verbs.add_parser(
        "train",
        help="train a model from a folder of sounds",
        description="Train a model from your own sounds (needs the extra: pip install 'rosin[train]'). Ctrl-C stops "
        "cleanly and keeps the model so far; --resume goes on.",
        epilog="example: rosin train my-sounds --name my-strings --minutes 60",
    )
    parser.add_argument(
        "sounds", type=Path, help="a folder of WAV, FLAC, OGG or AIFF files with a credits.toml, or an SF2 or SF3 file"
    )
    parser.add_argument("--name", required=True, help="what the model is called; the folder it is written to")
    parser.add_argument("--title", nargs=2, metavar=("EN", "FR"), help="its title in both languages")
    parser.add_argument("--by", default="the owner of this instrument", help="who trains it, for the credits")
    parser.add_argument("--licence", default="", help="SPDX licence of the model (the sounds' own, when all agree)")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where model folders are (models)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept (runs)")
    parser.add_argument("--minutes", type=float, help="how long to work (60 when --steps is not given)")
    parser.add_argument("--steps", type=int, help="how many steps, instead of minutes")
    parser.add_argument("--seed", type=int, default=0, help="the same seed learns the same sounds in the same order")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    parser.add_argument("--threads", type=int, default=0, help="cores to use (all)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of this name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Into the training room, if it is furnished."""
    for name in ("torch", "onnx", "scipy", "soxr"):
        if find_spec(name) is None:
            raise RosinError(f"training needs {name}, which is not installed; run: pip install 'rosin[train]'")
    from instrument.training.train import run as train

    return train(args)
