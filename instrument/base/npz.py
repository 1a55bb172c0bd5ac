"""Npz: arrays out of a file that may be damaged or made to harm. Under everything that keeps numbers in a file.

Nothing is unpickled, and nothing is evaluated: numpy reads the header of an array with Python's own parser, which has
a dozen ways to stumble (a tokenize.TokenError among them) and takes any dtype. Here a header is what numpy writes, to
the letter, its size has to be that of what follows it, and all sizes are known before a byte is unfolded. Whatever is
wrong is one ValueError, ``Damaged``, or of a file one sentence. Formats: ZIP, PKWARE APPNOTE 6.3.3; NPY 1.0 to 3.0,
numpy.lib.format.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.reading import NotPlain, in_words, open_plain

Arrays: TypeAlias = dict[str, NDArray[Any]]

BYTES_MOST = 1 << 26
"""Of a file, and of all that is in it, where a reader does not say less or more."""
MEMBERS_MOST = 1024
DIMENSIONS_MOST = 8
LONGEST = 1 << 31
"""Of any dimension, also of an array that another dimension makes empty."""
HEADER_MOST = 4096
NAME_MOST = 200
_SUFFIX = ".npy"
_END = struct.Struct("<4s4H2LH")  # the end of a zip: its mark, disks, entries, the length and place of their list
_ENTRY_MOST = 46 + 2 * NAME_MOST + 64
_HEADER = re.compile(
    rb"\{'descr': '([<>|])([biuf])([1248])', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), ?\} *\n?"
)


class Damaged(ValueError):
    """Why bytes are no whole npz, as a part of a sentence."""


def npz_from(data: bytes, *, bytes_most: int = BYTES_MOST, members_most: int = MEMBERS_MOST) -> Arrays:
    """The arrays of an npz by name, of numbers and truths alone, in this machine's byte order; each its own memory.

    ``bytes_most``: of the file and of all arrays together, whatever they claim. Damaged for anything else.
    """
    if len(data) > bytes_most:
        raise Damaged(f"it is larger than {in_words(bytes_most)}")
    try:
        return _arrays(data, bytes_most, members_most)
    except Damaged:
        raise
    except Exception as error:  # zipfile and zlib have a dozen kinds, and one more with every Python
        said = " ".join(str(error).split())[:80]
        raise Damaged(said or type(error).__name__) from None


def read_npz(path: Path, remedy: str, *, bytes_most: int = BYTES_MOST, members_most: int = MEMBERS_MOST) -> Arrays:
    """As ``npz_from``, of a file. FileNotFoundError: there is none; RosinError: ``path is damaged (why); remedy``."""
    try:
        with open_plain(path, bytes_most) as file:
            data = file.read(bytes_most + 1)
        return npz_from(data, bytes_most=bytes_most, members_most=members_most)
    except FileNotFoundError:
        raise
    except NotPlain as why:
        raise RosinError(f"{path} is damaged ({why.strerror}); {remedy}") from None
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror or error}); {remedy}") from None
    except Damaged as why:
        raise RosinError(f"{path} is damaged ({why}); {remedy}") from None


def _arrays(data: bytes, bytes_most: int, members_most: int) -> Arrays:
    _look_at_the_end(data, members_most)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        entries = packed.infolist()
        names = [info.filename for info in entries]
        if len(set(names)) != len(names):
            raise Damaged("two of its arrays have one name")
        if sum(info.file_size for info in entries) > bytes_most:
            raise Damaged(f"it unfolds to more than {in_words(bytes_most)}")
        found = {}
        for info in entries:
            name = info.filename
            if not name.endswith(_SUFFIX) or len(name) > NAME_MOST or info.flag_bits & 1:
                raise Damaged(f"it holds {name[:40]!r}, which is no array")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Damaged("it is packed in a way that is not read here")
            with packed.open(info) as member:
                found[name.removesuffix(_SUFFIX)] = _array(member, info.file_size)
    return found


def _look_at_the_end(data: bytes, members_most: int) -> None:
    """How many entries there are, before zipfile reads as many as are announced."""
    mark, _, _, _, count, length, _, comment = _END.unpack(data[-_END.size :].rjust(_END.size, b"\0"))
    if not data.startswith((b"PK\3\4", b"PK\5\6")) or mark != b"PK\5\6" or comment:
        raise Damaged("it is no npz, or not all of one")
    if count > members_most or length > members_most * _ENTRY_MOST:
        raise Damaged(f"it holds more than {members_most} arrays")


def _array(member: IO[bytes], size: int) -> NDArray[Any]:
    """One member of ``size`` bytes, exactly as long as its header says."""
    head = member.read(8)
    if len(head) < 8 or not head.startswith(b"\x93NUMPY") or head[6] not in (1, 2, 3):
        raise Damaged("it holds what is no array")
    wide = 2 if head[6] == 1 else 4
    length = int.from_bytes(member.read(wide), "little")
    if length > HEADER_MOST:
        raise Damaged("an array's header is too long")
    written = _HEADER.fullmatch(member.read(length))
    if written is None:
        raise Damaged("an array's header cannot be read, or it holds no plain numbers")
    order, kind, width, fortran, sizes = (part.decode() for part in written.groups())
    shape = tuple(int(part) for part in sizes.split(",") if part.strip())
    rest = size - 8 - wide - length
    if (kind == "b") != (width == "1" and kind == "b") or (kind == "f" and width == "1"):
        raise Damaged("it holds a kind of number that there is not")
    if len(shape) > DIMENSIONS_MOST or max(shape, default=0) > LONGEST or math.prod(shape) * int(width) != rest:
        raise Damaged("an array is not as large as its header says")
    data = member.read(rest + 1)
    if len(data) != rest:
        raise Damaged("an array is cut off")
    flat = np.frombuffer(data, np.dtype(f"{order}{kind}{width}"))
    if kind == "b" and (np.frombuffer(data, np.uint8) > 1).any():
        raise Damaged("it holds truths that are neither")
    array = flat.reshape(shape, order="F" if fortran == "True" else "C")
    return array.astype(flat.dtype.newbyteorder("="), order="K", copy=True)
