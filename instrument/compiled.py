"""Compiled: how laws become machine code. Below every kernel of friction and chance, before anything sounds.

No ``fastmath``: the same words and the same additions in the same order, so the same bits at every block size.

numba's own disk cache notices a change in a kernel's file, not one in a callee's in another file that was inlined into
it. So the code is kept in a folder named by the hash of every file that holds a law; other folders there are old.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

ROOMS = ("friction", "chance", "model", "sound")
"""Where compiled laws live."""
KEPT = 3
"""Folders of other versions that stay: two checkouts side by side should not compile each other's laws away."""


def _home() -> Path:
    """Where this user's programs keep what can be made again."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cache_folder() -> Path:
    """Machine code of exactly these laws: a folder by the hash of their source."""
    here = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for room in ROOMS for path in (here / room).glob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(path.relative_to(here).as_posix().encode() + source)
    return _home() / "rosin" / "laws" / digest.hexdigest()


def forget_old() -> None:
    """Remove machine code of other versions, but for the newest few. What cannot be removed stays."""
    now = cache_folder()
    others = [path for path in now.parent.glob("*") if path.is_dir() and path != now]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


if not numba.config.CACHE_DIR:  # a player's own NUMBA_CACHE_DIR is the player's choice
    numba.config.CACHE_DIR = str(cache_folder())


def compiled(law: Callable[..., Any]) -> Any:
    """Compile on the first call, keep the machine code on disk.

    The GIL is kept: a kernel lasts some microseconds, and in the audio callback letting go of it would mean asking
    for it back, which can take a switch interval (0.5 ms) when another thread got there first.
    """
    return numba.njit(cache=True, error_model="numpy")(law)


def close(*kernels: Any) -> None:
    """After warming: a call with other dtypes is now a TypeError, not seconds of compiling on stage."""
    for kernel in kernels:
        kernel.disable_compile()
