"""On disk: a path for a library that knows UTF-8 or bytes, whatever its letters are. Under what reads sounds."""

from __future__ import annotations

import os
from pathlib import Path


def on_disk(path: Path) -> bytes | str:
    """A path as soundfile can open it: a name in Latin-1 is bytes that are no text."""
    return os.fsencode(path) if os.name == "posix" else str(path)
