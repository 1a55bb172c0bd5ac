"""Checkpoint: all that a run must know to go on as if it had not been stopped, in one file. Under loop.

Written beside and put in its place, so that a file is whole or not there; the one before is kept, so that a disk that
lost the newest costs half a minute and not the night.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from instrument.base.errors import RosinError

DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, AttributeError, pickle.UnpicklingError)
"""What reading a file that is not what it should be ends in."""


def before(path: Path) -> Path:
    """Where the checkpoint before the newest one is kept."""
    return path.with_name(f"{path.stem}.before{path.suffix}")


def write(path: Path, table: dict[str, Any]) -> None:
    """Keep a table of tensors and plain values. OSError as files give it; what was there is then still there."""
    whole = io.BytesIO()
    torch.save(table, whole)
    fresh = path.with_suffix(".part")
    try:
        with fresh.open("wb") as file:
            file.write(whole.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.replace(before(path))
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def there(path: Path) -> bool:
    """Whether there is one to go on from, be it the one before."""
    return path.is_file() or before(path).is_file()


def read(path: Path, use: Callable[[dict[str, Any]], None]) -> str:
    """Hand the newest checkpoint that is whole to ``use``; a sentence when it is not the newest one, else empty.

    RosinError when neither is whole; one that ``use`` raises goes through.
    """
    for each in (path, before(path)):
        try:
            use(torch.load(each, weights_only=True, map_location="cpu"))
        except DAMAGED:
            continue
        return "" if each == path else f"{path} is damaged or gone; going on from {each.name}, the one before it"
    raise RosinError(f"{path} is damaged or no checkpoint; start again without --resume, under another --name")
