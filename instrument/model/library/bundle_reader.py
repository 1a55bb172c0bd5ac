"""Bundle reader: reading a bundle that a stranger packed, before any of it is trusted. After card, before bundle.

``bundle.toml`` in it says what is inside: the hash of the card and of each file, the licences of model and sounds, and
what the model was made from. What is larger than 512 MiB, holds more than 32 entries, unfolds to more than 100 times
its size, holds a link, two entries of one name or anything but what it says it holds, or leads out of its folder, is
refused with a sentence. Format of archives: ZIP, PKWARE APPNOTE 6.3.3.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from instrument.base.errors import RosinError
from instrument.base.reading import open_file
from instrument.base.toml import toml_from
from instrument.model.library.card import CARD, TEXT_MOST
from instrument.model.library.lineage import ancestors_from
from instrument.model.library.listed import FILE_MOST

SUFFIX = ".rosin.zip"
MANIFEST = "bundle.toml"
FORMAT = 1
LARGEST = FILE_MOST
"""Bytes, of the file and of what is in it."""
ENTRIES_MOST = 32
RATIO_MOST = 100
"""Whoever packs again may compress; a file of weights shrinks to a half at best."""
MANIFEST_MOST = 1 << 16
PIECE = 1 << 20
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What bundle.toml says. ``sha256``: of card.toml; ``files``: sha256 of each file of the folder, card included."""

    name: str
    sha256: str
    licence: str
    authors: tuple[str, ...]
    sounds_licences: tuple[str, ...]
    derived_from: tuple[str, ...]
    files: Mapping[str, str]


def is_bundle(path: Path) -> bool:
    """By its name alone."""
    return path.name.endswith(SUFFIX)


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The archive and what it says of itself, looked through. Whatever goes wrong with its bytes is one sentence."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise RosinError(f"{path} is no file; give a {SUFFIX} file")
    try:
        file: BinaryIO = open_file(path)
    except (OSError, ValueError) as error:
        raise RosinError(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); give a {SUFFIX} file"
        ) from None
    with file:
        try:
            size = _look_at_the_end(path, file)
            packed = zipfile.ZipFile(file)
            manifest = _manifest_in(path, packed, size)
        except RosinError:
            raise
        except Exception as error:
            raise _damaged(path, error) from None
        with packed:
            yield packed, manifest


def _look_at_the_end(path: Path, file: BinaryIO) -> int:
    """The end record, before zipfile reads a list of whatever length it announces; returns the size of the file."""
    size = file.seek(0, os.SEEK_END)
    if size > LARGEST:
        raise RosinError(f"{path} is larger than {LARGEST >> 20} MiB, more than a bundle holds; do not trust it")
    file.seek(max(0, size - 42))
    tail = file.read(42)
    end = tail[-22:]
    if len(end) < 22 or not end.startswith(b"PK\5\6") or end[20:] != b"\0\0":
        raise RosinError(f"{path} is no bundle, or not all of one; fetch it again")
    count, length = struct.unpack("<HI", end[10:16])
    if count > ENTRIES_MOST or length > MANIFEST_MOST or tail[:4] == b"PK\6\7":
        raise RosinError(f"{path} holds {count} entries, and a bundle {ENTRIES_MOST} at most; do not trust it")
    return size


def _manifest_in(path: Path, packed: zipfile.ZipFile, size: int) -> Manifest:
    """Every entry looked at, then bundle.toml read; RosinError unless it holds what that says, and nothing else."""
    entries = packed.infolist()
    names = [info.filename for info in entries]
    for info in entries:
        name = info.orig_filename
        if name != info.filename or re.search(r"[\\:\x00-\x1f]|^/|(^|/)\.\.?(/|$)", name):
            raise RosinError(f"{path} holds {name[:60]!r}, which leads out of its folder; do not trust it")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise RosinError(f"{path} holds {name[:60]!r}, a link or another thing that is no file; do not trust it")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RosinError(f"{path} is locked or packed in a way that is not read here; ask for a plain {SUFFIX}")
        if name.endswith(".toml") and info.file_size > TEXT_MOST:
            raise RosinError(f"{path}: {name[:60]} is larger than {TEXT_MOST >> 20} MiB; do not trust it")
        if info.file_size > RATIO_MOST * info.compress_size + 1024:
            raise RosinError(f"{path}: {name[:60]} unfolds to more than {RATIO_MOST} times its size; do not trust it")
    if len({name.casefold() for name in names}) != len(names):
        raise RosinError(f"{path} holds two entries of one name; do not trust it")
    # Entries that share their bytes unfold to more than they take.
    if sum(info.file_size for info in entries) > LARGEST or sum(info.compress_size for info in entries) > size:
        raise RosinError(f"{path} unfolds to more than {LARGEST >> 20} MiB, or to more than it holds; do not trust it")
    if MANIFEST not in names:
        raise RosinError(f"{path} holds no {MANIFEST}, so it is no bundle; ask for one made by `rosin models pack`")
    with packed.open(MANIFEST) as source:
        manifest = _manifest_from(path, source.read(MANIFEST_MOST + 1))
    wanted = {MANIFEST, *(f"{manifest.name}/{file}" for file in manifest.files)}
    for name in names:
        if name not in wanted and name != f"{manifest.name}/":
            raise RosinError(f"{path} holds {name[:60]!r}, of which it does not speak; do not trust it")
    for name in sorted(wanted):
        if name not in names:
            raise RosinError(f"{path} lacks {name}, of which it speaks; fetch it again")
    return manifest


def _manifest_from(path: Path, data: bytes) -> Manifest:
    try:
        table = _table(data)
        if table["format"] != FORMAT:
            raise RosinError(
                f"{path} is a bundle of another format than {FORMAT}, which this Rosin reads; update Rosin"
            )
        files = {str(name): str(digest) for name, digest in table["files"].items()}
        authors, sounds = _texts(table["authors"]), _texts(table["sounds_licences"])
        name, sha256, licence = _texts([table[key] for key in ("name", "sha256", "licence")])
        manifest = Manifest(name, sha256, licence, authors, sounds, ancestors_from(table["derived_from"]), files)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RosinError(f"{path}: its {MANIFEST} cannot be understood; fetch it again") from None
    hashes = all(_SHA256.fullmatch(digest) for digest in files.values())
    if not all(map(PLAIN.fullmatch, [name, *files])) or not hashes or files.get(CARD) != sha256:
        raise RosinError(f"{path}: its {MANIFEST} names what no model holds; do not trust it")
    return manifest


def _table(data: bytes) -> dict[str, Any]:
    try:
        return toml_from(data, MANIFEST, "bundle") if len(data) <= MANIFEST_MOST else {}
    except RosinError as error:
        raise ValueError(str(error)) from None


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(values)
    return tuple(values)


def pieces(path: Path, packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The bytes of one entry, a MiB at a time. Its faults are those of the archive, never an OSError."""
    try:
        with packed.open(name) as source:
            while piece := source.read(PIECE):
                yield piece
    except Exception as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> RosinError:
    # zipfile has a dozen ways to say so (BadZipFile, zlib.error, EOFError, NotImplementedError ...)
    said = " ".join(str(error).split())[:80] or type(error).__name__
    return RosinError(f"{path} is damaged ({said}); fetch it again")


def read_manifest(path: Path) -> Manifest:
    """What a bundle says of itself, nothing unpacked and no hash checked. RosinError when it is none."""
    with opened(path) as (_, manifest):
        return manifest
