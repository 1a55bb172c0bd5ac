"""Listed: the files of a model that its card lists, each by its sha256. Below card, and all that read one of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.reading import NotPlain, open_plain

AGAIN = "fetch the model again"
FILE_MOST = 512 << 20
"""Bytes, of any file of a model and of a whole bundle: the largest RAVE files there are have some 200 MB."""


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces. OSError, of the kind NotPlain for what no file of a model can be."""
    digest = hashlib.sha256()
    with open_plain(path, FILE_MOST) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def unlike(path: Path, found: str, wanted: str) -> str:
    """That a file is another than the card lists, as the beginning of a sentence; empty where it is that one."""
    if found == wanted:
        return ""
    return f"{path} is not the file its card was written for (sha256 {found[:12]}, the card says {wanted[:12]})"


def read_listed(path: Path, wanted: str, most: int, odd: str) -> bytes:
    """A file of at most ``most`` bytes that its card lists as ``wanted``.

    RosinError when it is missing, another, or no such file: then ``odd`` says so, with ``{why}`` in it.
    """
    try:
        with open_plain(path, most) as file:
            data = file.read()
    except NotPlain as why:
        raise RosinError(f"{path}{odd.format(why=why.strerror)}; {AGAIN}") from None
    except OSError:
        raise RosinError(f"{path} is missing; {AGAIN}") from None
    if said := unlike(path, hashlib.sha256(data).hexdigest(), wanted):
        raise RosinError(f"{said}; {AGAIN}")
    return data
