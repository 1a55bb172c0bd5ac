"""Plain: a file from outside is opened only when it is one, and no larger than what is expected. Under every reader."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotPlain(OSError):
    """Why it was not opened, as a part of a sentence: ``it is no plain file``."""


def open_plain(path: Path, most: int) -> BinaryIO:
    """A regular file of at most ``most`` bytes, or a link to one, for reading; a pipe or a device is not waited for.

    NotPlain for what is none or is larger, OSError as files give it.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise NotPlain(errno.EINVAL, "it is no plain file")
        if found.st_size > most:
            raise NotPlain(errno.EFBIG, f"it is larger than {in_words(most)}")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def in_words(count: int) -> str:
    """So many bytes, as they are told."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{max(1, count >> 10)} KiB"
