"""rosin train: a folder of sounds becomes a model. Only a door: the room behind it needs the extra [train]."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from instrument.base.errors import RosinError


def add(verbs: Any) -> None:
    """The verb's own arguments. They are said without torch, so that --help works."""
    from instrument.training.arguments import add_arguments

    parser = verbs.add_parser(
        "train",
        help="train a model from folders of sounds",
        description="Train a model from your own sounds (needs the extra: pip install 'rosin[train]'). Ctrl-C stops "
        "cleanly and keeps the model so far; --resume goes on.",
        epilog="example: rosin train my-sounds --name my-strings --minutes 60",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Into the training room, if it is furnished."""
    for name in ("torch", "onnx", "scipy", "soxr"):
        if find_spec(name) is None:
            raise RosinError(f"training needs {name}, which is not installed; run: pip install 'rosin[train]'")
    from instrument.training.train import run as train

    return train(args)
