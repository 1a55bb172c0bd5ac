"""Pictures: what reaches a shader as one - imported image files, the wave, the spectrum. Before shader and host."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.reading import open_file
from instrument.isf import Header, one_line
from instrument.stage.isf.extent import PNG, extent, unpacks
from instrument.stage.isf.feed import Feed

SIDE_MAX = 8192
PIXELS_MAX = 1 << 26
"""Of all pictures of one file together: 256 MiB."""
BYTES_MAX = 64 << 20
Bytes = NDArray[np.uint8]


def all_imported(images: Mapping[str, Path], folder: Path, shader: str) -> dict[str, Bytes]:
    """Name to pixels of what lies in ``folder`` or below. RosinError names the shader that wants it."""
    rows: dict[str, Bytes] = {}
    for name, path in images.items():
        left = PIXELS_MAX - sum(one.shape[0] * one.shape[1] for one in rows.values())
        rows[name] = imported(path, shader, folder, left)
    return rows


def imported(path: Path, shader: str, folder: Path | None = None, pixels: int = PIXELS_MAX) -> Bytes:
    """[height, width, 4] bytes of an image file, bottom row first. RosinError names the shader that wants it.

    Looked at before anything decodes it: a regular file in the shader's folder (a link may not lead out of it), its
    bytes, and the size that it says it has. Read by pyglet: PNG everywhere, JPEG, GIF and BMP where the system or
    Pillow decodes them.
    """
    said = f"{shader}: its image {one_line(path.name)}"
    data = _read(path, said, folder)
    size = extent(data)
    if size is None:
        raise RosinError(f"{said} is no PNG, JPEG, GIF or BMP; save it as PNG")
    width, height = size
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
        raise RosinError(f"{said} is {width} x {height} pixels; make it {SIDE_MAX} at most")
    if width * height > pixels:
        raise RosinError(f"{said} is {width} x {height} pixels, and there is room for {pixels} more; make it smaller")
    if data.startswith(PNG) and not unpacks(data):
        raise RosinError(f"{said} is broken, or unpacks to more than its size; save it again as PNG")
    return _decoded(path, data, size, said)


def _read(path: Path, said: str, folder: Path | None) -> bytes:
    try:
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            raise RosinError(f"{said} leads out of the shader's folder; put the file itself there")
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size > BYTES_MAX:
                raise RosinError(f"{said} is larger than 64 MiB; make it smaller")
            return file.read(BYTES_MAX + 1) or b""
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead round in a circle
        why = one_line(getattr(error, "strerror", None) or error)
        raise RosinError(f"{said} cannot be read ({why}); put it where PATH says, beside the shader") from None


def _decoded(path: Path, data: bytes, size: tuple[int, int], said: str) -> Bytes:
    from pyglet import image

    try:
        found = image.load(path.name, file=io.BytesIO(data)).get_image_data()
        if (found.width, found.height) != size:
            raise ValueError("another size")
        rows = found.get_data("RGBA", found.width * 4)
        return np.frombuffer(rows, np.uint8).reshape(found.height, found.width, 4)
    except Exception as error:  # each of pyglet's decoders raises what it likes
        raise RosinError(f"{said} is no image that can be read ({type(error).__name__}); save it as PNG") from None


def numbers_of(header: Header, feed: Feed) -> dict[str, NDArray[np.float32]]:
    """The rows of the audio and audioFFT inputs, [1, columns, 4]: grey, opaque."""
    rows = {}
    for one in header.inputs:
        if one.kind in ("audio", "audioFFT"):
            columns = int(float(one.high)) if not isinstance(one.high, tuple) else 0
            row = feed.wave(columns) if one.kind == "audio" else feed.spectrum(columns)
            rows[one.name] = np.stack([row, row, row, np.ones_like(row)], axis=1)[None].astype(np.float32)
    return rows
