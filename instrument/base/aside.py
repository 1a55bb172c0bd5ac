"""Aside: a file that cannot be read keeps what is in it, under another name, and makes room. Under whoever writes."""

from __future__ import annotations

import os
from pathlib import Path


def set_aside(path: Path, ending: str = "") -> Path:
    """Rename ``NAME.npz`` to ``NAME-broken-1.npz``, or the first number that is free; ``ending`` instead of its own.

    OSError as files give it; then the file is where it was.
    """
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}-broken-{number}{ending or path.suffix}")):
        number += 1
    os.rename(path, aside)
    return aside
