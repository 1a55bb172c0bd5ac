"""Wear: what is played much grows dull, and stays so. Beside the weights, which never change; after the graph's taps.

Every channel of a tapped layer is worn by the seconds in which it gives more than its typical level (of which the file
tells; failing that, more than the mean of its layer just then) and the voice sounds. With the amount w,

    gain of the channel x (1 - w worn),    worn = usage / (usage + HALF_S)

so half is gone after ten hours of use, and nothing ever comes to more than all of it. Where bending has a gain as well,
the two multiply. Usage is a property of the instrument and not of the music: no snapshot, reset or seed takes it back.
How worn a channel is is looked up when the amount moves or a seed is set, not while it stands still: what was loaded
and what was played since decide the sound, not the clock.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.aside import set_aside
from instrument.base.errors import RosinError
from instrument.base.npz import read_npz
from instrument.base.text import say
from instrument.base.writing import replacing
from instrument.model.runtime.layers import Layers

F64: TypeAlias = NDArray[np.float64]

HALF_S = 36000.0
"""Use after which half of a channel is worn off: ten hours."""
EVERY = 8
"""Blocks from one look at the taps to the next: 21 ms, and a tenth of the cost."""
AUDIBLE = 1e-4
"""-80 dB: an instrument that stands there silent, however its knobs are set, does not wear."""
LAYER = "usage."
BYTES_MOST = 1 << 24
"""Of the file: a model has some hundred channels, and never more than 65536."""


class Wear:
    """Seconds of use of every channel of ``layers``; ``seconds``: how long one look counts for."""

    def __init__(self, layers: Layers, seconds: float) -> None:
        self._layers = layers
        self._seconds = seconds
        self._usage = np.zeros(layers.gain.size, np.float64)
        self._level, self._above = np.zeros_like(layers.gain), np.zeros(layers.gain.size, np.bool_)
        self._known = layers.known.copy()

    def listen(self) -> None:
        """Count what the taps give now. 4 us for 600 channels."""
        np.absolute(self._layers.tap, out=self._level)
        for span in self._layers.unknown:
            self._known[span] = self._level[span].mean()
        np.greater(self._level, self._known, out=self._above)  # false for a NaN too
        np.add(self._usage, self._seconds, out=self._usage, where=self._above)

    def write(self, amount: float) -> None:
        """Multiply the gains by what wear leaves of them. ``amount`` 0..1; nothing is touched at 0."""
        if amount > 0.0:
            np.multiply(self._layers.gain, 1.0 - amount * worn(self._usage), out=self._layers.gain, casting="same_kind")

    def usage(self) -> dict[str, F64]:
        """Seconds of use, f64 [C] of each tapped layer: copies."""
        return {layer: self._usage[self._layers.spans[layer]].copy() for layer in self._layers.tapped}

    def load(self, usage: Mapping[str, F64]) -> None:
        """Go on from what usage() gave. RosinError, and nothing is loaded, when it is not that of this model."""
        ours = self.usage()
        if why := misfit(usage, ours):
            raise RosinError(f"this wear does not fit the model ({why}); begin with none")
        for layer in ours:
            self._usage[self._layers.spans[layer]] = usage[layer]


def worn(usage: F64) -> F64:
    """Seconds of use to 0..1, 1 never reached."""
    return usage / (usage + HALF_S)


def misfit(usage: Mapping[str, F64], ours: Mapping[str, F64]) -> str:
    """Why ``usage`` cannot be that of a model whose usage() is ``ours``; an empty text when it can."""
    if set(usage) != set(ours):
        return "other layers"
    for layer, seconds in usage.items():
        if np.shape(seconds) != ours[layer].shape:
            return f"{layer} has another number of channels"
        if not (np.isfinite(seconds).all() and (np.asarray(seconds) >= 0.0).all()):
            return f"{layer} holds what are no seconds"
    return ""


def wear_path(home: Path, model: str) -> Path:
    """Where the wear of a model is kept: by the hash of its card, in the player's own folder ``home``."""
    return home / "wear" / model / "wear.npz"


def load_wear(path: Path, ours: Mapping[str, F64], language: str = "en") -> tuple[dict[str, F64], str]:
    """What was kept, and a sentence when it could not be read. ``ours``: the voice's usage(), for the shapes.

    No file: no use yet, and no sentence. A broken one, or another model's, is renamed beside its place, so that
    nothing is lost, and wear begins anew.
    """
    new = {layer: np.zeros_like(seconds) for layer, seconds in ours.items()}
    if not os.path.lexists(path):
        return new, ""
    kept: dict[str, F64] = {}
    try:
        arrays = read_npz(path, "", bytes_most=BYTES_MOST)
        kept = {name.removeprefix(LAYER): array.astype(np.float64) for name, array in arrays.items()}
        why = misfit(kept, ours)
    except (RosinError, FileNotFoundError):
        why = "unreadable"
    if not why:
        return kept, ""
    try:
        aside = set_aside(path)
    except OSError as error:
        raise RosinError(
            f"the wear kept in {path} cannot be read, nor be set aside ({error.strerror}); move it away"
        ) from None
    return new, say("wear.broken", language, path=str(path), aside=aside.name)


def save_wear(path: Path, usage: Mapping[str, F64]) -> None:
    """Write at once or not at all: whoever reads finds the old file or the new one. RosinError when it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **{LAYER + layer: seconds for layer, seconds in usage.items()})
    except OSError as error:
        raise RosinError(f"wear cannot be kept in {path} ({error.strerror}); free the place, or play without") from None
