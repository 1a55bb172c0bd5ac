"""Model info: what a model says of itself, ready to be written on the stage. After card and credits, before the panel.

Read once, when the process starts; every file of the model is hashed then, so that "verified" is what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.documents.patch import Patch
from instrument.knobs import Knob
from instrument.model.library.card import Card
from instrument.model.library.card_latents import Latent
from instrument.model.library.cards import card_of, credits_of, folder_of
from instrument.model.library.credit_lines import credits_line
from instrument.model.library.credits import Credits
from instrument.model.library.sealing import check_files

BARS = 32


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """``learned``: from whom, one line. ``consent``: in what words they agreed, most seconds first. ``verified``:
    every file is the one that the card was written for; None where there is no file. ``sounds``: title and author, in
    the order of the credits, as ``Frame.clip`` counts them. ``latents``: of the model, in the order of the knobs.
    ``credited``: False for a model that plays although nobody says from whom it learned; it stays marked.
    ``credits``: all of them, None where nobody can say."""

    title: str = ""
    authors: str = ""
    learned: str = ""
    consent: str = ""
    licence: str = ""
    rate_hz: int = 0
    sha256: str = ""
    verified: bool | None = None
    sounds: tuple[tuple[str, str], ...] = ()
    latents: tuple[Latent, ...] = ()
    credited: bool = True
    credits: Credits | None = None


def read_model_info(patch: Patch, language: str, given: Sequence[Path] = ()) -> ModelInfo:
    """The sheet of the model that a patch names. RosinError when it is not here; credits that are wrong are none."""
    card = card_of(patch, given)
    return model_info_of(card, credits_of(patch, given), language, _verified(card, folder_of(patch, given)))


def model_info_of(card: Card, credits: Credits | None, language: str, verified: bool | None = None) -> ModelInfo:
    """The sheet of a card with these credits."""
    said: dict[str, float] = {}
    for sound in credits.sounds if credits is not None else ():
        said[sound.consent] = said.get(sound.consent, 0.0) + sound.seconds
    return ModelInfo(
        card.title.of(language) or card.name,
        ", ".join(card.authors),
        credits_line(credits, language),
        "; ".join(sorted(said, key=lambda words: -said[words])),
        card.licence,
        card.sample_rate,
        card.sha256,
        verified,
        tuple((sound.title, sound.author) for sound in credits.sounds) if credits is not None else (),
        card.latents,
        credits is not None,
        credits,
    )


def _verified(card: Card, folder: Path | None) -> bool | None:
    if folder is None:
        return None
    try:
        check_files(card, folder)
    except RosinError:
        return False
    return True


def bars(latent: Latent, knob: Knob, note: float) -> NDArray[np.float32]:
    """f32[BARS] 0..1: how often training met the latent at each place of its knob's travel; -1 where nobody counted.

    The knob of a latent need not span what the histogram does: loudness begins higher, and the pitch knob goes round
    ``note``, so its histogram moves with the note that sounds. A power of 0.8 lifts the rare places a little.
    """
    counts = np.array(latent.histogram, np.float64)
    if not len(counts) or counts.max() <= 0.0:
        return np.full(BARS, -1.0, np.float32)
    at = np.array([knob.value((i + 0.5) / BARS) for i in range(BARS)]) + (note if knob.role == "pitch" else 0.0)
    place = (at - latent.low) / (latent.high - latent.low) * len(counts) - 0.5
    inside = (place > -1.0) & (place < len(counts))
    tall = np.interp(place, np.arange(len(counts)), counts) * inside
    return np.asarray((tall / counts.max()) ** 0.8, np.float32)
