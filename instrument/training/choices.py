"""Choices: what is decided for an artist who does not say - tones or none, sizes, judges. Between arguments and loop.

Whoever goes on with a run gets the choices of its beginning again.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from instrument.base.errors import RosinError
from instrument.training.arguments import AUTO, LISTEN_MINUTES, SAVE_SECONDS
from instrument.training.data.corpus import Clip, Corpus
from instrument.training.data.tones import ringing
from instrument.training.learning.adversary import LARGE, SMALL
from instrument.training.learning.objective import ADVERSARY, WARM_FRAMES
from instrument.training.network.model import Network
from instrument.training.network.shape import FAMILIES, Shape, shape_from

TONES = 96
CONV_WIDTH = 160
SIZE, GPU_SIZE = 8, 32
FRAMES = 160
FRAMES_LEAST, FRAMES_MOST = WARM_FRAMES + 24, 1800
"""The longest spectrum that is compared has to fit in behind the warm-up; and the stock of noise is finite."""
STIFF_SHARE = 0.1
"""From this share of stiff strings on, a corpus is given stretched partials."""
WINDOW = 16384
RANKS, NEAR_CENTS = 12, 30.0
ONE_PITCH = 0.6
"""Below this share of power on the harmonics of the pitch heard, a corpus is given tones."""
LOOKED_AT = 80
"""Sounds of a corpus that are asked."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What was said; None where nothing was. ``size``: crops a step and process, ``seconds`` of each.

    ``minutes`` of work or ``steps``, whichever is given (an hour when neither). ``threads`` 0: as many as there are
    cores. ``shape`` and ``frames`` of a crop come before what follows from the rest. ``listen``: minutes between two
    listenings, 0 for the end alone.
    """

    family: str | None = None
    tones: int | None = None
    latents: int | None = None
    width: int | None = None
    seed: int | None = None
    size: int | None = None
    seconds: float | None = None
    adversarial: bool | None = None
    _: KW_ONLY
    minutes: float | None = None
    steps: int | None = None
    device: str = "cpu"
    precision: str = ""
    compiled: bool | None = None
    threads: int = 0
    shape: Shape | None = None
    frames: int | None = None
    runs: Path = Path("runs")
    resume: bool = False
    save_every_s: float = SAVE_SECONDS
    listen: float = LISTEN_MINUTES
    pictured: bool = True
    title: tuple[str, str] | None = None
    by: str = "the owner of this instrument"
    licence: str = ""
    quiet: bool = False


def harmonic_share(clip: Clip, rate_hz: int) -> float:
    """How much of a sound's power lies on the first twelve harmonics of its pitch, where it has one; 0 to 1."""
    audio = np.pad(clip.audio, (0, max(0, WINDOW - len(clip.audio))))
    ratio = max(1, round(len(clip.audio) / max(1, len(clip.note))))
    hz = np.fft.rfftfreq(WINDOW, 1.0 / rate_hz)
    found = whole = 0.0
    for begin in list(range(0, len(audio) - WINDOW + 1, WINDOW))[:6]:
        frames = slice(begin // ratio, max(begin // ratio + 1, (begin + WINDOW) // ratio))
        power = np.abs(np.fft.rfft(audio[begin : begin + WINDOW] * np.hanning(WINDOW))) ** 2
        power[(hz < 60.0) | (hz > 8000.0)] = 0.0
        whole += power.sum()
        if len(clip.sure[frames]) and clip.sure[frames].mean() > 0.5:
            rank = hz / (440.0 * 2.0 ** ((float(np.median(clip.note[frames])) - 69.0) / 12.0))
            nearest = np.maximum(np.round(rank), 1.0)
            away = 1200.0 * np.abs(np.log2(np.maximum(rank, 1e-3) / nearest))
            found += power[(away < NEAR_CENTS) & (nearest <= RANKS)].sum()
    return float(found / whole) if whole > 0.0 else 0.0


def tones_for(corpus: Corpus) -> tuple[int, str]:
    """How many tones its sounds ask for, and why, in words."""
    clips = corpus.training
    some = clips[:: max(1, len(clips) // LOOKED_AT)]
    share = float(np.mean([harmonic_share(clip, corpus.rate_hz) for clip in some]))
    count = 0 if share >= ONE_PITCH else TONES
    return count, f"{100 * share:.0f} % of the sound is harmonics of one pitch: {count or 'no'} fixed tones beside them"


def tuned(network: Network, corpus: Corpus) -> None:
    """Set a new network's tones to where its sounds ring."""
    if network.shape.tones:
        network.decoder.tune(ringing(corpus, network.shape.tones))


def listened(wishes: TrainOptions, shape: Shape, corpus: Corpus) -> tuple[Shape, str]:
    """The shape with stretched partials if the sounds ask for them, and as many tones, where nobody said how many; and
    why, in words."""
    if shape.family != FAMILIES[0]:
        return shape, ""
    shape, why = replace(shape, inharmonic=corpus.stiff_share >= STIFF_SHARE), ""
    if wishes.tones in (None, AUTO):
        count, why = tones_for(corpus)
        shape = replace(shape, tones=count)
    if shape.inharmonic:
        share = f"{100 * corpus.stiff_share:.0f} % are of a stiff string: partials are stretched as its are"
        why = f"{why}; {share}" if why else share
    return shape, why


def shape_for(wishes: TrainOptions, kept: dict[str, Any] | None) -> Shape:
    """The shape that is asked for, tones (when left to listening) still to come; of a run gone on with, its own.

    RosinError when they contradict each other, in a sentence.
    """
    if wishes.latents is not None and not 1 <= wishes.latents <= 32:
        raise RosinError("a model has 1 to 32 knobs that are learned; say --latents 8")
    if wishes.width is not None and not 8 <= wishes.width <= 1024:
        raise RosinError("a decoder has 8 to 1024 channels; say --width 128")
    if wishes.width is not None and wishes.width % 8:
        raise RosinError(f"--width {wishes.width}: a multiple of 8, please")
    said_tones = wishes.tones if wishes.tones != AUTO else None
    if said_tones and wishes.family in FAMILIES[1:]:
        raise RosinError(f"a {wishes.family} decoder has no fixed tones; leave --tones away")
    if kept is None:
        family = wishes.family or FAMILIES[0]
        width = wishes.width or (Shape().width if family == FAMILIES[0] else CONV_WIDTH)
        return Shape(family=family, width=width, latents=wishes.latents or Shape().latents, tones=said_tones or 0)
    try:
        shape = shape_from(kept["shape"])
    except (TypeError, KeyError):
        raise RosinError("this checkpoint is of another version; train under another --name") from None
    for key, said in (
        ("family", wishes.family),
        ("tones", said_tones),
        ("latents", wishes.latents),
        ("width", wishes.width),
    ):
        if said is not None and said != getattr(shape, key):
            raise RosinError(f"this run was begun with --{key} {getattr(shape, key)}; go on with that")
    return shape


def crops_for(wishes: TrainOptions, kept: dict[str, Any] | None, gpu: bool, shape: Shape) -> tuple[int, int]:
    """Crops a step and process, and frames of each."""
    kept = kept or {}
    size = wishes.size or kept.get("size") or (GPU_SIZE if gpu else SIZE)
    if not 1 <= size <= 4096:
        raise RosinError("a step takes 1 to 4096 crops; say --size 8")
    frames = kept.get("frames") or FRAMES
    if wishes.seconds is not None:
        frames = round(wishes.seconds * shape.sample_rate / shape.ratio)
        if not FRAMES_LEAST <= frames <= FRAMES_MOST:
            least, most = (n * shape.ratio / shape.sample_rate for n in (FRAMES_LEAST, FRAMES_MOST))
            raise RosinError(f"a crop has {least:.2f} to {most:.1f} s; say --seconds 0.43")
    return size, frames


def judges_for(wishes: TrainOptions, kept: dict[str, Any] | None, gpu: bool, shape: Shape) -> str:
    """The size of the adversary that is to join, empty for none."""
    begun = bool(kept) and kept.get("phase") == ADVERSARY  # type: ignore[union-attr]
    if begun and wishes.adversarial is False:
        raise RosinError("judges have joined this run already; go on without --no-adversarial")
    if wishes.adversarial is None and kept is not None:
        return str(kept.get("judging", ""))
    wanted = wishes.adversarial if wishes.adversarial is not None else gpu and shape.family != FAMILIES[0]
    return "" if not wanted else LARGE if gpu else SMALL
