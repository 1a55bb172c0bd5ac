"""Atlas: the training sounds' frames as a trained network hears them, thinned to a chart.
After latent statistics, in export.

Each sound gets anchors in proportion to its length, at least one: nobody learned from is left out. Inside a sound they
are medoids: k-means (Lloyd 1982) begun by farthest points (Gonzalez 1985), then the frame nearest to each mean, so that
every anchor is a moment that can be heard. Nothing is drawn: the same network and sounds give the same chart.

Loudness does not count: on the first model the own sound was found as often without it, and with it every fade would
lead into the unknown. The others are whitened by their covariance over the training frames.

How far a frame is from the *other* sounds is what ``unknown`` compares with: frames of the same sound within 10 s are
left out, for a frame's own neighbours in time are always near. With them in, sounds kept for the test, of the very same
players, would mostly count as unknown.

Of each sound whose licence lets it be passed on, a second or two can be heard beside the model: round the anchor that
stands for most of it, at one level for all. Where that would be more than 3 MB, the excerpts get shorter, down to a
second, and coarser; then the sounds that stand for least go without.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.console import console as terminal
from instrument.model.atlas.atlas import NEIGHBOURS, Atlas
from instrument.model.atlas.chart import ANCHORS_MOST, F32, I32, Chart
from instrument.model.atlas.excerpts import BYTES_MOST, RATE_HZ, Excerpts, encoded
from instrument.model.library.licences import may_be_passed_on

if TYPE_CHECKING:
    from instrument.training.data.corpus import Corpus
    from instrument.training.network.model import Network

Doubles: TypeAlias = NDArray[np.float64]

LONGEST_S = 120.0
"""Of each sound, at most so much is heard again."""
FRAMES_MOST = 120_000
"""At 375 frames a second neighbours are alike: of more than these, every n-th is taken."""
MEASURED = 16_000
"""Frames whose distances and densities make the tables."""
ROUNDS = 12
STEPS = 257
NEAR_S = 10.0
RIDGE = 1e-4
"""Added to the variances: a latent that never moved has a deviation of 0.01 in its own unit."""
PIECE = 2048
STEPS_DOWN = ((2.0, 0.3), (1.5, 0.3), (1.5, 0.5), (1.25, 0.5), (1.0, 0.5), (1.0, 0.7))
"""Seconds of each excerpt and how much the file is squeezed, tried in this order until it fits."""
PEAK = 0.7
LOUDER_MOST = 100.0
FADES_S = (0.003, 0.060)
BEFORE = 0.3
"""Share of an excerpt that comes before its anchor: what began the sound is part of it."""


def _squares(x: F32, anchors: F32) -> F32:
    """Squared distances [len(x), len(anchors)]."""
    apart = (x**2).sum(1)[:, None] - 2.0 * (x @ anchors.T) + (anchors**2).sum(1)
    squares: F32 = np.maximum(apart, 0.0).astype(np.float32)
    return squares


def _nearest(x: F32, centres: F32) -> tuple[I32, F32]:
    """Of each row the nearest centre and its squared distance."""
    own, apart = np.zeros(len(x), np.int32), np.zeros(len(x), np.float32)
    for begin in range(0, len(x), PIECE):
        squares = _squares(x[begin : begin + PIECE], centres)
        own[begin : begin + PIECE] = squares.argmin(1)
        apart[begin : begin + PIECE] = squares.min(1)
    return own, apart


def medoids(x: F32, count: int) -> tuple[I32, I32]:
    """``count`` rows of x [n, L'] (fewer when rows are equal) that stand for all, and how many each stands for."""
    first = int(((x - x.mean(0)) ** 2).sum(1).argmin())
    centres = x[[first]]
    apart = ((x - x[first]) ** 2).sum(1)
    picks = [first]
    while len(picks) < count and apart.max() > 0.0:
        picks.append(int(apart.argmax()))
        np.minimum(apart, ((x - x[picks[-1]]) ** 2).sum(1), out=apart)
    centres = x[picks]
    for _ in range(ROUNDS):
        own, _ = _nearest(x, centres)
        size = np.bincount(own, minlength=len(centres))
        sums = np.stack([np.bincount(own, column, len(centres)) for column in x.T], 1)
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres).astype(np.float32)
    own, apart = _nearest(x, centres)
    order = np.lexsort((apart, own))
    _, begin, size = np.unique(own[order], return_index=True, return_counts=True)
    return order[begin].astype(np.int32), size.astype(np.int32)


def allotted(frames: NDArray[np.int64], most: int = ANCHORS_MOST) -> NDArray[np.int64]:
    """How many anchors each sound gets for its frames: in proportion, at least one, never more than it has frames.

    With more sounds than anchors the longest get one each.
    """
    if (frames > 0).sum() >= most:
        longest = np.zeros_like(frames)
        longest[np.argsort(-frames, kind="stable")[:most]] = 1
        return longest
    want = frames * (min(most, frames.sum()) / frames.sum())
    given: NDArray[np.int64] = np.minimum(np.maximum(np.floor(want).astype(np.int64), 1), frames)
    while given.sum() > most:
        given[np.argmax(np.where(given > 1, given - want, -np.inf))] -= 1
    while given.sum() < min(most, frames.sum()):
        given[np.argmax(np.where(given < frames, want - given, -np.inf))] += 1
    return given


def whitening(z: Doubles) -> tuple[Doubles, Doubles]:
    """Centre [L'] and the symmetric W [L', L'] that give z [L', n] the covariance of a unit ball."""
    centre = z.mean(1)
    moved = z - centre[:, None]
    values, axes = np.linalg.eigh(moved @ moved.T / z.shape[1] + RIDGE * np.eye(len(z)))
    return centre, (axes / np.sqrt(values)) @ axes.T


def _tables(y: F32, sound: I32, seconds: F32, at: I32, crowd: F32) -> tuple[F32, F32, F32]:
    """far, dense and scale of a Chart, from frames y [n, L'] and the anchors among them, ``at`` [N]."""
    anchors, k = y[at], min(NEIGHBOURS, len(at)) - 1
    measured = np.unique(np.linspace(0, len(y) - 1, min(MEASURED, len(y))).astype(np.int64))
    pieces = [measured[i : i + PIECE] for i in range(0, len(measured), PIECE)]
    near = np.concatenate([np.partition(_squares(y[p], anchors), k, 1)[:, k] for p in pieces])
    spread = max(float(np.sqrt(np.median(near))), 1e-3)
    reach = 2.0 * spread
    far, dense = [], []
    for p in pieces:
        squares = _squares(y[p], anchors)
        dense.append((np.maximum(0.0, 1.0 - squares / reach**2) ** 2) @ crowd)
        own = (sound[p][:, None] == sound[at]) & (np.abs(seconds[p][:, None] - seconds[at]) < NEAR_S)
        squares[own & ((~own).sum(1) > k)[:, None]] = np.inf  # where too few others are, the own ones stay
        far.append(np.sqrt(np.partition(squares, k, 1)[:, k]))
    shares = np.linspace(0.0, 1.0, STEPS)
    tables = [np.quantile(np.concatenate(part), shares).astype(np.float32) for part in (far, dense)]
    return tables[0], tables[1], np.array([spread, reach], np.float32)


def charted(z: Doubles, sound: I32, seconds: F32, counts: Sequence[int], most: int = ANCHORS_MOST) -> tuple[Chart, I32]:
    """The chart of frames z [L, n] of which the latents ``counts`` count, and which frames are its anchors [N].

    ``sound`` [n]: index in the credits; ``seconds`` [n]: time in it.
    """
    rows = list(counts)
    centre, whiten = whitening(z[rows])
    y = (whiten @ (z[rows] - centre[:, None])).T.astype(np.float32)
    given = allotted(np.bincount(sound).astype(np.int64), most)
    at, stands = [], []
    for i in np.flatnonzero(given):
        mine = np.flatnonzero(sound == i)
        picks, size = medoids(y[mine], int(given[i]))
        at.append(mine[picks])
        stands.append(size)
    anchor = np.concatenate(at).astype(np.int32)
    crowd = np.concatenate(stands) / np.concatenate(stands).sum()
    far, dense, scale = _tables(y, sound, seconds, anchor, crowd.astype(np.float32))
    chart = Chart(
        np.array(rows, np.int32),
        centre.astype(np.float32),
        whiten.astype(np.float32),
        np.ascontiguousarray(y[anchor]),
        sound[anchor].astype(np.int32),
        seconds[anchor].astype(np.float32),
        crowd.astype(np.float32),
        far,
        dense,
        scale,
    )
    return chart, anchor


def heard_again(network: Network, corpus: Corpus, quiet: bool = True) -> tuple[Doubles, I32, F32]:
    """z [L, n] of the training sounds' frames in which something is heard, their sound [n] and seconds into it [n]."""
    from rich.progress import track

    from instrument.training.export.latent_stats import HEARD_DB, encoded

    console = terminal(stderr=True)
    clips = track(
        list(corpus.training), "atlas", console=console, transient=True, disable=quiet or not console.is_terminal
    )
    parts = [encoded(network, clip, LONGEST_S)[0] for clip in clips]
    z = np.concatenate(parts, 1)
    sound = np.concatenate([np.full(part.shape[1], i, np.int32) for i, part in enumerate(parts)])
    seconds = np.concatenate([np.arange(part.shape[1]) for part in parts]) * (corpus.ratio / corpus.rate_hz)
    heard = np.flatnonzero(z[1] > HEARD_DB)
    kept = heard if len(heard) > 100 else np.arange(z.shape[1])
    kept = kept[:: -(-len(kept) // FRAMES_MOST)]
    return z[:, kept], sound[kept], seconds[kept].astype(np.float32)


def excerpt(audio: F32, rate_hz: int, seconds: float, begins: float) -> F32:
    """``seconds`` of a sound from ``begins`` on, at 24 kHz, its ends faded and its peak at -3 dBFS."""
    import soxr

    first = round(begins * rate_hz)
    piece = audio[first : first + round(seconds * rate_hz)]
    piece = piece if rate_hz == RATE_HZ else soxr.resample(piece, rate_hz, RATE_HZ)
    piece = piece * min(LOUDER_MOST, PEAK / max(float(np.abs(piece).max(initial=0.0)), 1e-9))
    for length, end in zip(FADES_S, (slice(None), slice(None, None, -1)), strict=True):
        count = min(len(piece), round(length * RATE_HZ))
        piece[end][:count] *= np.linspace(0.0, 1.0, count, endpoint=False)
    return piece.astype(np.float32)


def excerpts_of(corpus: Corpus, chart: Chart, bytes_most: int = BYTES_MOST) -> Excerpts | None:
    """What may be heard of the training sounds, small enough to travel; None where nothing may be passed on."""
    clips = corpus.training
    rows = []
    for i in range(len(clips)):
        mine = np.flatnonzero(chart.sound == i)
        if len(mine) and may_be_passed_on(str(clips[i].credit["licence"])):
            rows.append((i, float(chart.seconds[mine[chart.crowd[mine].argmax()]]), float(chart.crowd[mine].sum())))
    steps = list(STEPS_DOWN)
    while rows:
        seconds, squeeze = steps.pop(0) if len(steps) > 1 else steps[0]
        begins, pieces = [], []
        for i, at, _ in rows:
            length = len(clips[i].audio) / corpus.rate_hz
            begins.append(min(max(0.0, at - BEFORE * seconds), max(0.0, length - seconds)))
            pieces.append(excerpt(clips[i].audio, corpus.rate_hz, min(seconds, length), begins[-1]))
        audio = np.round(np.concatenate(pieces) * 32767.0).astype(np.int16)
        file = encoded(audio, squeeze)
        if len(file) <= bytes_most:
            return Excerpts(
                np.array([row[0] for row in rows], np.int32),
                np.array(begins, np.float32),
                np.cumsum([len(piece) for piece in pieces]).astype(np.int32),
                audio,
                file,
            )
        if len(steps) == 1 and (seconds, squeeze) == steps[0]:
            kept = min(len(rows) - 1, int(len(rows) * bytes_most / len(file)))
            rows = sorted(sorted(rows, key=lambda row: -row[2])[:kept])
    return None


def build_atlas(network: Network, corpus: Corpus, quiet: bool = False) -> tuple[Chart, dict[str, Any]]:
    """The chart of a trained, portrayed network with its excerpts, and its figures for the card.

    ``self_retrieval``: of the anchors, how many find their own sound among 8 neighbours (themselves being one).
    ``own_sound_*``: of frames from anywhere in the training sounds, which mostly are no anchors, how many find theirs.
    """
    z, sound, seconds = heard_again(network, corpus, quiet)
    chart, anchor = charted(z, sound, seconds, [i for i in range(len(z)) if i != 1])
    chart = dataclasses.replace(chart, excerpts=excerpts_of(corpus, chart))
    heard = chart.excerpts
    atlas = Atlas(chart, None)
    some = np.unique(np.linspace(0, z.shape[1] - 1, 4000).astype(np.int64))
    frames = z.T.astype(np.float32)
    figures = {
        "anchors": len(anchor),
        "sounds": atlas.clips,
        "self_retrieval": round(atlas.retrieval(frames[anchor], chart.sound), 4),
        "own_sound_nearest": round(atlas.retrieval(frames[some], sound[some], 1), 4),
        "own_sound_among_8": round(atlas.retrieval(frames[some], sound[some]), 4),
        "excerpts": len(heard.sound) if heard else 0,
        "excerpt_seconds": round(heard.seconds, 1) if heard else 0.0,
    }
    return chart, figures
