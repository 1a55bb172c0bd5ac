"""Memory: a piece of shared memory without a name, handed from parent to child. Below the rings.

What has no name cannot be left behind: when the last process dies, by kill -9 too, the system takes it back.
(multiprocessing.shared_memory has names: its segments stay in /dev/shm after kill -9, and its resource tracker
unlinks them under the feet of the other processes when one of them ends.)
"""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from instrument.base.errors import RosinError

_REMEDY = "start this process with `rosin play`"


class SharedMemory:
    """``size`` bytes, zeroed at first. ``bytes``: all of it; ``words``: the same as unsigned 64-bit numbers.

    An aligned word is read and written in one piece; nothing else is.
    """

    def __init__(self, mapping: mmap.mmap, size: int, fd: int = -1, tag: str = "") -> None:
        self.size, self.fd = size, fd
        self.token = f"fd:{fd}:{size}" if fd >= 0 else f"tag:{tag}:{size}"
        self._mapping = mapping
        self.bytes = memoryview(mapping)
        self.words = self.bytes.cast("Q")

    @classmethod
    def create(cls, size: int) -> SharedMemory:
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        if sys.platform == "win32":
            tag = f"rosin-{secrets.token_hex(16)}"
            return cls(mmap.mmap(-1, size, tagname=tag), size, tag=tag)
        fd = _nameless_file(size)
        return cls(_map(fd, size), size, fd)

    @classmethod
    def attach(cls, token: str) -> SharedMemory:
        """The memory a token speaks of: in the process that made it or in a child that was passed its ``fds``."""
        kind, _, rest = token.partition(":")
        where, _, length = rest.rpartition(":")
        if kind not in ("fd", "tag") or not length.isdecimal() or not where:
            raise RosinError(f"{token!r} is not the token of a link; {_REMEDY}")
        size = int(length)
        if sys.platform == "win32":
            return cls(mmap.mmap(-1, size, tagname=where), size, tag=where)
        try:
            os.set_inheritable(int(where), False)
            fd = os.dup(int(where))
        except (OSError, ValueError, OverflowError):
            raise RosinError(f"this process was not given the memory {token!r}; {_REMEDY}") from None
        if os.fstat(fd).st_size != size:
            os.close(fd)
            raise RosinError(f"the memory {token!r} is not a link of this size; {_REMEDY}")
        return cls(_map(fd, size), size, fd)

    @property
    def fds(self) -> tuple[int, ...]:
        """What subprocess.Popen needs as ``pass_fds`` for a child to attach."""
        return (self.fd,) if self.fd >= 0 else ()

    def close(self) -> None:
        """Let go of it; twice does no harm. What others hold goes on."""
        self.words.release()
        self.bytes.release()
        try:
            self._mapping.close()
        except BufferError:  # another thread is in the middle of a read: its view keeps the mapping until it is done
            pass
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __reduce__(self) -> tuple[Callable[..., SharedMemory], tuple[Any, ...]]:
        """For multiprocessing: only while a child is being started can a file descriptor go with it."""
        from multiprocessing import context, reduction

        if sys.platform == "win32":
            return SharedMemory.attach, (self.token,)
        if context.get_spawning_popen() is None:
            raise TypeError("a link can be pickled only on its way to a process being started")
        return _from_parent, (reduction.DupFd(self.fd), self.size)


def _from_parent(handle: Any, size: int) -> SharedMemory:
    fd: int = handle.detach()
    return SharedMemory(_map(fd, size), size, fd)


def _nameless_file(size: int) -> int:
    """A file in no directory: memfd on Linux, elsewhere a temporary file unlinked at once."""
    if sys.platform == "linux" and hasattr(os, "memfd_create"):
        try:
            return _sealed_memfd(size)
        except OSError:  # a sandbox that knows no memfd: a file will do
            pass
    fd, path = tempfile.mkstemp(prefix="rosin-")
    os.unlink(path)
    os.ftruncate(fd, size)
    return fd


def _sealed_memfd(size: int) -> int:
    """A memfd that nobody can shorten, which would kill the others with SIGBUS."""
    if sys.platform != "linux":
        raise NotImplementedError
    import fcntl

    fd = os.memfd_create("rosin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:
        os.close(fd)
        raise
    return fd


def _map(fd: int, size: int) -> mmap.mmap:
    """Shared, and with every page present at once: no page fault in the audio callback."""
    if sys.platform == "win32":
        raise NotImplementedError
    os.set_inheritable(fd, False)
    return mmap.mmap(fd, size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
