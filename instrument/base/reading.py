"""Reading: a file that somebody gave, as bytes or text, with an end. Under every reader of the instrument's files.

A path may name anything: a pipe that never says a word, a device that never ends, a folder, a link to one of them.
Only a regular file is read, and no more of it than its kind can have. Nothing here waits.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from instrument.base.errors import RosinError

_KINDS = (
    (stat.S_ISDIR, errno.EISDIR, os.strerror(errno.EISDIR)),
    (stat.S_ISFIFO, errno.EINVAL, "it is a pipe"),
    (stat.S_ISSOCK, errno.EINVAL, "it is a socket"),
    (stat.S_ISCHR, errno.EINVAL, "it is a device"),
    (stat.S_ISBLK, errno.EINVAL, "it is a device"),
)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"))
"""O_NONBLOCK: a pipe put in the file's place between two looks still cannot hold the reader."""


class NotPlain(OSError):
    """A path that is no regular file, or a larger one than expected; ``strerror`` says so as a part of a sentence."""


def must_be_file(path: str | Path) -> None:
    """Nothing, if there is a regular file; else OSError (or ValueError) that says why in its ``strerror``.

    For libraries that open a file by its name.
    """
    _sure(os.stat(path).st_mode, path)


def may_be_written(path: Path) -> None:
    """Nothing, if a file can be put at ``path``; RosinError where a pipe or a device lies there, which would wait."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISDIR(mode):
            _sure(mode, path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RosinError(f"{path} cannot be written ({why}); give the name of a file") from None


def open_file(path: str | Path) -> BufferedReader:
    """A regular file, open for reading; close it. OSError (or ValueError) as ``must_be_file``."""
    must_be_file(path)  # before it is opened: to open some devices is to do something with them
    handle = os.open(path, _FLAGS)
    try:
        _sure(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def open_plain(path: str | Path, most: int) -> BinaryIO:
    """As ``open_file``, if it has at most ``most`` bytes; else NotPlain."""
    file = open_file(path)
    if os.fstat(file.fileno()).st_size > most:
        file.close()
        raise NotPlain(errno.EFBIG, f"it is larger than {in_words(most)}", str(path))
    return file


def in_words(count: int) -> str:
    """So many bytes, as they are told."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{max(1, count >> 10)} KiB"


def read_bytes(path: Path, most: int, what: str, remedy: str = "") -> bytes:
    """All of a regular file of at most ``most`` bytes. RosinError with path, reason and remedy; never waits.

    ``what``: its kind in a word or two, without an article (``patch``, ``take``); ``remedy``: how the sentence ends,
    where that is not "give the path of a ``what`` file".
    """
    end = remedy or f"give the path of {an(what)} file"
    try:
        with open_file(path) as file:
            large = os.fstat(file.fileno()).st_size > most  # a file of holes is not read to be told so
            data = b"" if large else file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL, or half a character, in the name
        raise RosinError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); {end}") from None
    if data is None:  # one of the kernel's own, with nothing to say now
        raise RosinError(f"{path} cannot be read (it is a pipe); {end}")
    if large or len(data) > most:
        raise RosinError(f"{path} is too large to be {an(what)}; {end}")
    return data


def read_text(path: Path, most: int, what: str, remedy: str = "") -> str:
    """As ``read_bytes``, as text: UTF-8, with or without an editor's byte order mark. Line ends stay as they are."""
    return text_of(read_bytes(path, most, what, remedy), path, what, remedy)


def text_of(data: bytes, where: object, what: str, remedy: str = "") -> str:
    """Bytes that came from ``where`` as text. RosinError that says what they are instead."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        now = "it is UTF-16 now" if data.startswith(_UTF_16) else f"it is not in line {line}"
        end = remedy or f"save the {what} again as UTF-8"
        raise RosinError(f"{where} is not text in UTF-8; {end} ({now})") from None


def an(what: str) -> str:
    """A word with its article."""
    return f"an {what}" if what[:1].lower() in tuple("aeiou") else f"a {what}"


def _sure(mode: int, path: str | Path) -> None:
    if stat.S_ISREG(mode):
        return
    number, words = next(((number, words) for test, number, words in _KINDS if test(mode)), (errno.EINVAL, "no file"))
    raise NotPlain(number, words, str(path))
