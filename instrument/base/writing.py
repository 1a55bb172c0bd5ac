"""Writing: files that are whole whatever happens - replaced in one step, or grown by whole records. Below everything.

``write_whole`` writes beside and puts in place: a full disk, a kill or a power cut leaves the old file or the new one.
``Growing`` is for what is written while it happens: each record is on its way to the disk when ``write`` returns, and
one that did not fit is taken back, so that what stands there ends where a record ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """All of it or nothing. Keeps the mode of the file that was there; a link stays a link. OSError as files give it.

    ``sync`` False: not waiting for the disk, for what can be made again (the pictures of a film).

    Each has a temporary name of its own, so two threads may write one file at once: the later one stays.
    """
    with replacing(path, sync=sync) as beside:
        beside.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """The path of an empty file beside ``path``, to be written by whatever library; afterwards it takes its place.

    Where something was raised meanwhile it goes, and what was there stays; but what there is when the player ends it
    (Ctrl-C) is kept.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".{path.name[:64]}.{secrets.token_hex(6)}.part")
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))  # (the mode is what the system makes of it)
    try:
        try:
            yield beside
        except KeyboardInterrupt:
            _put_in_place(beside, path, sync)
            raise
        _put_in_place(beside, path, sync)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _put_in_place(beside: Path, path: Path, sync: bool) -> None:
    with contextlib.suppress(OSError):  # none was there before; or a file system without modes
        beside.chmod(stat.S_IMODE(path.stat().st_mode))
    if sync:
        _sync(beside)
    os.replace(beside, path)
    with contextlib.suppress(OSError):  # let the name be on disk too; Windows opens no folders, and sees to it
        if sync:
            _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Growing:
    """A file that grows by whole records. ``create``: refuse to write over one that is there (FileExistsError)."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._file = path.open("xb" if create else "wb", buffering=0)
        self.size = 0
        """Bytes of whole records so far."""

    def write(self, record: bytes) -> None:
        """Add one record, whole; OSError, and nothing of it stays, where the disk refuses."""
        ahead = memoryview(record)
        try:
            while len(ahead):  # a nearly full disk takes a part and says how much
                ahead = ahead[self._file.write(ahead) or 0 :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise
        self.size += len(record)

    def close(self) -> None:
        """Twice does no harm. OSError where the disk refuses."""
        if not self._file.closed:
            try:
                os.fsync(self._file.fileno())
            finally:
                self._file.close()
