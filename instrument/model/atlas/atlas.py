"""Atlas: where in the space of the latents the sounds lie that a model learned from. After chart, before the stage.

``look(z)`` finds the nearest anchors of the chart (at most 4096 frames of the training sounds) at every block, and what
they say of the place: whose sounds are neighbours, how unknown and how familiar it is. Neighbourhood of latents is not
influence: "neighbouring sounds" is all that is claimed.

Distance is Euclidean in whitened latents (Mahalanobis), y = W (z - centre), of the latents that the file names. d_k is
the distance of the k-th neighbour, k = 8:

    weight   exp(-d^2 / 2 s^2) over the 8 nearest, sum 1           s: the training frames' median d_k
    unknown  the share of the training frames whose own d_k is smaller; theirs is measured to other sounds only
    known    the share of the training frames at a thinner place; density: sum of crowd (1 - d^2 / reach^2)^2, d < reach
    share    the weights summed per sound and per author, smoothed with a time constant of 0.5 s
    heard    the weights summed per sound over the time in which something sounded, in seconds: a take's credits
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from instrument.base.compiled import close
from instrument.base.errors import RosinError
from instrument.model.atlas import lookup
from instrument.model.atlas.chart import ATLAS, BYTES_MOST, F32, F64, I32, Chart, chart_from
from instrument.model.atlas.excerpts import EXCERPTS, Excerpts, read_excerpts
from instrument.model.library.card import Card
from instrument.model.library.credits import Credits
from instrument.model.library.listed import AGAIN, read_listed

NEIGHBOURS = 8
SMOOTH_S = 0.5
TOP = 8
"""Sounds with the greatest shares, of which is told."""
BLOCK_S = 128 / 48000
"""The time from one look to the next where nobody says another."""


class Neighbour(NamedTuple):
    """The sound of an anchor, as it is credited, and where in it. Texts are empty for an uncredited model."""

    title: str
    author: str
    licence: str
    seconds: float


class Atlas:
    """The live look-up of one model. Reading ``nearest``, ``weight``, ``share``, ``unknown``, ``known`` is free.

    Before the first look there is no neighbour (-1, weight 0), all is unknown, and the shares are those of the
    training sounds by their seconds. With fewer than 8 anchors the rest of ``nearest`` stays -1 with weight 0.

    ``share`` f32[A]: of each author. ``clip_share`` f32[S]: of each credited sound, both with sum 1; ``top`` i32[8]
    are the sounds with the greatest, -1 for none, ``top_share`` f32[8] what they have. ``heard_s`` f64[S]: seconds for
    which each sound was a neighbour of what sounded, as far as ``sounded`` was called; ``played_s`` f64[S]: for which
    its own excerpt sounded.
    """

    def __init__(self, chart: Chart, credits: Credits | None, file: tuple[Path, str] | None = None) -> None:
        self.chart = chart
        self._file = file
        self.excerpts: Excerpts | None = None
        """What can be heard of the sounds, with its audio; after ``load_excerpts``, where there are any."""
        self.sounds = credits.sounds if credits is not None else ()
        self.authors: tuple[str, ...] = credits.authors if credits is not None else ()
        row = {name: i for i, name in enumerate(self.authors)}
        whose = np.array([row[sound.author] for sound in self.sounds], np.int32)
        count = len(self.sounds) or int(chart.sound.max()) + 1
        self._whose = whose if self.sounds else np.zeros(count, np.int32)
        given = np.array([sound.seconds for sound in self.sounds] or [1.0] * count) + 1e-9
        self._given = given / given.sum()
        self._z = np.zeros(int(chart.latents.max()) + 1, np.float32)
        self._frame = np.ascontiguousarray(np.vstack([chart.whiten, chart.centre[None]]))
        self._anchors = np.ascontiguousarray(chart.anchors.T)
        self._square, self._found = np.zeros(len(chart.sound), np.float32), np.zeros(NEIGHBOURS, np.float32)
        self._meters = np.zeros(2, np.float32)
        self.nearest: I32 = np.zeros(NEIGHBOURS, np.int32)
        self.weight: F32 = np.zeros(NEIGHBOURS, np.float32)
        self.share: F32 = np.zeros(len(self.authors), np.float32)
        self.clip_share: F32 = np.zeros(count, np.float32)
        self.top: I32 = np.zeros(TOP, np.int32)
        self.top_share: F32 = np.zeros(TOP, np.float32)
        self.heard_s: F64 = np.zeros(count)
        self.played_s: F64 = np.zeros(count)
        self._sounded = 0.0
        self.reset()

    def reset(self) -> None:
        """As before the first look; what was heard stays counted."""
        self.nearest[:], self.weight[:], self._meters[:] = -1, 0.0, (1.0, 0.0)
        self.clip_share[:] = self._given
        self.share[:] = np.bincount(self._whose, self._given, len(self.authors))[: len(self.authors)]
        self.top[:], self.top_share[:] = -1, 0.0
        self._sounded = 0.0

    @property
    def has_excerpts(self) -> bool:
        """Whether ``load_excerpts`` finds something to be heard."""
        return self._file is not None

    def load_excerpts(self) -> None:
        """Decode what can be heard of the sounds: half a second, so beside the sound. RosinError: the file is wrong."""
        if self.excerpts is None and self._file is not None and self.chart.excerpts is not None:
            self.excerpts = read_excerpts(*self._file, self.chart.excerpts)

    def sounded(self, seconds: float) -> None:
        """So much sound was made since the last look; the next one counts it for the sounds that are near now."""
        self._sounded += seconds

    def settle(self) -> None:
        """Count what has sounded since the last look. Not beside ``look``: for who has stopped the engine."""
        lookup.spent(self._sounded, self.nearest, self.weight, self.chart.sound, self.heard_s)
        self._sounded = 0.0

    def look(self, z: F32, dt_s: float = BLOCK_S) -> None:
        """All of it at z f32[L], ``dt_s`` after the last look. For the audio callback: three kernels, no allocation.

        A z that is not finite is as if it had not been asked.
        """
        self._z[:] = z[: self._z.size]
        keep = math.exp(-dt_s / SMOOTH_S) if dt_s > 0.0 else 1.0
        chart = self.chart
        if self._sounded > 0.0:
            self.settle()
        found = lookup.look_up(
            self._z,
            chart.latents,
            self._frame,
            self._anchors,
            chart.crowd,
            chart.far,
            chart.dense,
            chart.scale,
            self._square,
            self.nearest,
            self._found,
            self.weight,
            self._meters,
        )
        if found:
            lookup.shares(
                keep,
                self.nearest,
                self.weight,
                chart.sound,
                self._whose,
                self.clip_share,
                self.share,
                self.top,
                self.top_share,
            )

    @property
    def unknown(self) -> float:
        """0: as near to what was learned as any of it is to the rest; 1: farther than all of it."""
        return float(self._meters[0])

    @property
    def known(self) -> float:
        """1: the most familiar place there is; 0: nothing that was learned is within reach."""
        return float(self._meters[1])

    @property
    def clips(self) -> int:
        """How many sounds have an anchor."""
        return len(np.unique(self.chart.sound))

    def clip_of(self, anchor: int) -> Neighbour:
        """Whose sound an anchor is of. IndexError where there is no such anchor (-1 as well)."""
        if not 0 <= anchor < len(self.chart.sound):
            raise IndexError(f"there is no anchor {anchor}")
        seconds = float(self.chart.seconds[anchor])
        if not self.sounds:
            return Neighbour("", "", "", seconds)
        sound = self.sounds[self.chart.sound[anchor]]
        return Neighbour(sound.title, sound.author, sound.licence, seconds)

    def places(self) -> F32:
        """The anchors as z, f32[N, L]; latents that do not count are 0."""
        chart = self.chart
        z = np.zeros((len(chart.sound), self._z.size), np.float32)
        z[:, chart.latents] = np.linalg.solve(chart.whiten.astype(float), chart.anchors.T).T + chart.centre
        return z

    def retrieval(self, z: F32, sound: I32, among: int = NEIGHBOURS) -> float:
        """Share of the places z f32[n, L] that find their own sound (i32[n]) among their nearest ``among``."""
        hits = 0
        for place, own in zip(z, sound, strict=True):
            self.look(place)
            near = self.nearest[:among]
            hits += bool((self.chart.sound[near[near >= 0]] == own).any())
        return hits / max(1, len(sound))


def read_atlas(folder: Path, card: Card, credits: Credits | None) -> Atlas | None:
    """The atlas of a model whose card and credits are read; None for a model that has none.

    Of uncredited sounds nothing can be heard: nobody could say whose they are. RosinError when the file is missing,
    another than the card was written for, or broken.
    """
    if ATLAS not in card.files:
        return None
    path, wanted = folder / ATLAS, card.files[ATLAS]
    data = read_listed(path, wanted, BYTES_MOST, " is no atlas of this model ({why})")
    try:
        chart = chart_from(data, len(card.latents), len(credits.sounds) if credits is not None else None)
    except ValueError as why:
        raise RosinError(f"{path} is no atlas of this model ({why}); {AGAIN}") from None
    heard = credits is not None and chart.excerpts is not None and EXCERPTS in card.files
    return Atlas(chart, credits, (folder, card.files[EXCERPTS]) if heard else None)


def warm() -> None:
    """Compile or load every kernel here, then refuse to compile any other."""
    one, two = np.ones(1, np.float32), np.ones(2, np.float32)
    none = np.zeros(1, np.int32)
    atlas = Atlas(Chart(none, one, one[None], one[None], none, one, one, two, two, two), None)
    atlas.sounded(1.0)
    atlas.look(one)
    atlas.look(one)
    close(*lookup.KERNELS)
