"""Chart: the file atlas.npz of a model, written by training and read with suspicion. Before atlas, which looks it up.

At most 4096 *anchors*: frames of the training sounds in whitened latents, each with the index of its sound in
credits.toml (texts are there alone), its time in it, and the share of all frames it stands for; and quantiles of how
far from each other, and how densely, the training frames lie. Where sounds may be passed on, also which excerpt of
excerpts.ogg is whose: that file is written with this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.npz import Damaged, npz_from
from instrument.base.writing import replacing, write_whole
from instrument.model.atlas.excerpts import EXCERPTS, Excerpts, index_from

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]

ATLAS = "atlas.npz"
FORMAT = 1
ANCHORS_MOST = 4096
FARTHEST = 1e6
"""Whitened latents beyond this count as this: their squares still are numbers."""
BYTES_MOST = 1 << 22
SOUNDS_MOST = 65535
"""Where no credits say how many there are."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What the file holds, N anchors in L' latents. All arrays f32 but ``latents``, ``sound`` (i32)."""

    latents: I32
    """[L'] which of the model's latents count."""
    centre: F32
    whiten: F32
    """[L'] and [L', L']: y = whiten (z[latents] - centre)."""
    anchors: F32
    """[N, L'] whitened."""
    sound: I32
    """[N] index in the sounds of credits.toml."""
    seconds: F32
    """[N] time in that sound."""
    crowd: F32
    """[N] share of the training frames that this anchor stands for; the sum is 1."""
    far: F32
    """[Q] ascending: d_8 of the training frames to other sounds, at evenly spaced shares."""
    dense: F32
    """[Q] ascending: density at the training frames."""
    scale: F32
    """[2] s and reach, in whitened units."""
    excerpts: Excerpts | None = None
    """What can be heard of the sounds; without its audio when it comes out of atlas.npz alone."""


ARRAYS = tuple(name for name in Chart.__slots__ if name != "excerpts")
INDEX = ("sound", "begins", "end")
"""Of the excerpts, ``excerpt_sound`` and so on in the file."""


def write_chart(chart: Chart, folder: Path) -> Path:
    """Write atlas.npz and, if there are any, excerpts.ogg: the same bytes for the same chart. Returns the first.

    Call it before write_card, which notes the sha256 of both.
    """
    path = folder / ATLAS
    arrays: dict[str, Any] = {name: getattr(chart, name) for name in ARRAYS}
    if chart.excerpts is not None:
        arrays |= {f"excerpt_{name}": getattr(chart.excerpts, name) for name in INDEX}
        write_whole(folder / EXCERPTS, chart.excerpts.file)
    else:
        (folder / EXCERPTS).unlink(missing_ok=True)
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, format=np.array(FORMAT, np.int32), **arrays)
    return path


def chart_from(data: bytes, latents: int, sounds: int | None = None) -> Chart:
    """A Chart out of the bytes of a file, for a model of so many latents and credited sounds; ValueError says why not.

    Nothing is unpickled.
    """
    try:
        arrays = npz_from(data, bytes_most=BYTES_MOST, members_most=len(ARRAYS) + len(INDEX) + 1)
    except Damaged as why:
        raise ValueError(f"it is damaged: {why}") from None
    version = arrays.pop("format", np.zeros(1))
    if version.shape != () or version != FORMAT:
        raise ValueError(f"it has another format than {FORMAT}, which this Rosin reads")
    heard = [arrays.pop(f"excerpt_{name}") for name in INDEX if f"excerpt_{name}" in arrays]
    if set(arrays) != set(ARRAYS) or len(heard) not in (0, len(INDEX)):
        raise ValueError("it does not hold what an atlas holds")
    count, width, steps = (len(arrays[name]) if arrays[name].ndim else 0 for name in ("sound", "latents", "far"))
    if not (0 < count <= ANCHORS_MOST and 0 < width <= latents and steps > 1):
        raise ValueError("its anchors are none or too many, or not of this model")
    shapes = {
        "latents": (width,),
        "centre": (width,),
        "whiten": (width, width),
        "anchors": (count, width),
        "sound": (count,),
        "seconds": (count,),
        "crowd": (count,),
        "far": (steps,),
        "dense": (steps,),
        "scale": (2,),
    }
    for name, shape in shapes.items():
        whole = name in ("latents", "sound")
        if arrays[name].shape != shape or arrays[name].dtype != (np.int32 if whole else np.float32):
            raise ValueError(f"{name} has another shape")
        if not whole and not np.abs(arrays[name]).max() <= FARTHEST:  # false for a NaN too
            raise ValueError(f"{name} holds numbers that are none, or too large")
        arrays[name] = np.ascontiguousarray(arrays[name])
    most = sounds if sounds is not None else SOUNDS_MOST
    chart = Chart(**arrays, excerpts=index_from(heard[0], heard[1], heard[2], most) if heard else None)
    if not np.array_equal(np.unique(chart.latents), np.sort(chart.latents)) or not _within(chart.latents, latents):
        raise ValueError("it is of other latents")
    if not _within(chart.sound, most):
        raise ValueError("it names sounds that are not credited")
    if (chart.scale <= 0.0).any() or (chart.crowd < 0.0).any() or abs(float(chart.crowd.sum()) - 1.0) > 1e-3:
        raise ValueError("its measures are not possible")
    if (np.diff(chart.far) < 0.0).any() or (np.diff(chart.dense) < 0.0).any() or (chart.seconds < 0.0).any():
        raise ValueError("its tables do not rise")
    if np.linalg.matrix_rank(chart.whiten.astype(float)) < width:
        raise ValueError("its distances are flat")
    return chart


def _within(index: I32, count: int) -> bool:
    return bool(index.min() >= 0 and index.max() < count)
