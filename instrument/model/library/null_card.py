"""Null card: what the weightless voice says of itself. Apart from the voice, so that reading it compiles nothing."""

from __future__ import annotations

from functools import cache

from instrument.knobs import Label
from instrument.model.library.card import Card
from instrument.model.library.card_latents import Latent

RATIO = 32
SILENCE_DB = -80.0
LOUDEST_DB = -6.0


def _unit(id: str, en: str, fr: str, start: float) -> Latent:
    return Latent(id, Label(en, fr), "latent", -3.0, 3.0, start, fidelity=1.0)


LATENTS: tuple[Latent, ...] = (
    Latent("pitch", Label("pitch", "hauteur"), "pitch", 24.0, 108.0, 57.0, 60.0, 12.0, 0.0, 127.0, fidelity=1.0),
    Latent("loudness", Label("loudness", "intensité"), "loudness", SILENCE_DB, LOUDEST_DB, -20.0, -24.0, 12.0,
           SILENCE_DB, 0.0, fidelity=1.0),
    _unit("brightness", "brightness", "brillance", 0.0),
    _unit("hollow", "hollow", "creux", -0.6),
    _unit("glass", "glass", "verre", -1.8),
    _unit("breath", "breath", "souffle", -2.4),
    _unit("spread", "spread", "écart", -0.6),
    _unit("motion", "motion", "mouvement", -1.4),
)  # fmt: skip


TOGETHER = {
    ("brightness", "glass"): 0.5,
    ("brightness", "hollow"): -0.5,
    ("breath", "motion"): 0.4,
    ("spread", "motion"): 0.5,
    ("loudness", "brightness"): 0.4,
}
"""No training sounds, so no habits of theirs: which knobs go together is as its makers wired it."""


def _together() -> tuple[tuple[float, ...], ...]:
    ids = [latent.id for latent in LATENTS]
    pairs = {**TOGETHER, **{(b, a): c for (a, b), c in TOGETHER.items()}}
    return tuple(tuple(1.0 if a == b else pairs.get((a, b), 0.0) for b in ids) for a in ids)


@cache
def null_card(sample_rate: int = 48000, channels: int = 2) -> Card:
    """The card of the null voice, built here because there is no file to read."""
    return Card(
        name="null",
        title=Label("null voice", "voix nulle"),
        authors=("Rosin developers",),
        licence="Apache-2.0",
        family="null",
        sample_rate=sample_rate,
        ratio=RATIO,
        channels=channels,
        latents=LATENTS,
        about=Label(
            "Sines and a breath, computed; no training, no sounds of anyone.",
            "Des sinus et un souffle, calculés ; aucun apprentissage, aucun son de personne.",
        ),
        params={"decode": 0},
        correlation=_together(),
    )
