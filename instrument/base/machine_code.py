"""Machine code: where the compiled laws are kept, and whether they are there. Below compiled.py; asks nothing of numba.

numba's own disk cache notices a change in a kernel's file, not one in a callee's in another file that was inlined into
it. So the code is kept in a folder named by the hash of every file that holds a law; other folders there are old.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

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


def _mark() -> Path:
    """A file that is there when all of it was compiled, by this Python and this numba."""
    loaded = sys.modules.get("numba")  # then it has made up its mind where
    folder = Path((loaded and loaded.config.CACHE_DIR) or os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    python = "".join(map(str, sys.version_info[:2]))
    return folder / f"ready-{python}-{version('numba')}"


def is_ready() -> bool:
    """Whether everything was compiled on this machine: to load it takes a second or two, to compile it a minute."""
    return _mark().is_file()


def now_ready() -> None:
    """Say so for the next time."""
    with contextlib.suppress(OSError):
        _mark().touch()


def can_be_kept() -> bool:
    """Whether there is a folder to keep it in; makes it."""
    folder = _mark().parent
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)
