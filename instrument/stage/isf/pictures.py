"""Pictures: what reaches a shader as one - imported image files, the wave, the spectrum. Before shader and host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instrument.errors import RosinError
from instrument.isf import Header, one_line
from instrument.stage.isf.feed import Feed

SIDE_MAX = 8192
BYTES_MAX = 64 << 20
Bytes = NDArray[np.uint8]


def imported(path: Path, shader: str) -> Bytes:
    """[height, width, 4] bytes of an image file, bottom row first. RosinError names the shader that wants it.

    Read by pyglet: PNG everywhere, other kinds where the system or Pillow decodes them.
    """
    from pyglet import image

    said = f"{shader}: its image {one_line(path.name)}"
    try:
        if path.stat().st_size > BYTES_MAX:
            raise RosinError(f"{said} is larger than 64 MiB; make it smaller")
        with open(path, "rb") as file:
            found = image.load(path.name, file=file).get_image_data()
        width, height = found.width, found.height
        if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
            raise RosinError(f"{said} is {width} x {height} pixels; make it {SIDE_MAX} at most")
        data = found.get_data("RGBA", width * 4)
        return np.frombuffer(data, np.uint8).reshape(height, width, 4)
    except RosinError:
        raise
    except OSError as error:
        why = one_line(error.strerror or error)
        raise RosinError(f"{said} cannot be read ({why}); put it where PATH says, beside the shader") from None
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
