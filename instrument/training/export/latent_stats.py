"""Latent stats: what a trained network's latents are, measured on its sounds. After training, before the card.

Names come from intervention (naming.py): each latent is swept with everything else held, and what it does to the sound
may lend it its name. Named latents come first, the surest first; the others follow by fidelity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from instrument.knobs import Label
from instrument.model.library.card_latents import HISTOGRAM_BINS, Latent
from instrument.training.data.corpus import Clip, Corpus
from instrument.training.export.naming import POINTS, Decode, Naming, interventions
from instrument.training.network.chance import Chance, NoiseBands
from instrument.training.network.model import Network
from instrument.training.network.shape import LOUDNESS_LOW_DB

Doubles = npt.NDArray[np.float64]

STRETCH = 0.15
HEARD_DB = -60.0


@dataclass(frozen=True, slots=True)
class LatentStats:
    """``latents`` for the card; ``naming`` in their order; ``correlation`` [L, L]; ``z`` [L, frames]: all heard."""

    latents: tuple[Latent, ...]
    naming: Naming
    correlation: Doubles
    z: Doubles


def decode_of(network: Network) -> Decode:
    """The network as naming and its pictures play it, the same noise every time: z [n, L, F] -> [n, F * ratio]."""
    device = network.encoder.notes.device
    bands = NoiseBands(network.shape, device)

    @torch.no_grad()
    def decode(z: npt.NDArray[np.float32]) -> Any:
        return network.decoder.learn(torch.from_numpy(z).to(device), Chance(network.shape, 0, 0, device, bands))

    playing: Decode = decode
    return playing


@torch.no_grad()
def encoded(network: Network, clip: Clip, longest_s: float = 20.0) -> tuple[Doubles, Doubles]:
    """z and its spread for one clip, with the tracker's pitch. Shapes: [L, F]."""
    ratio = network.shape.ratio
    frames = min(len(clip.note), int(longest_s * network.shape.sample_rate / ratio))
    z, std = network.encoder.encode(torch.from_numpy(clip.audio[None, : frames * ratio]))
    z, std = z[0].double().numpy(), std[0].double().numpy()
    z[0] = clip.note[:frames]
    return z, std


def all_encoded(network: Network, corpus: Corpus) -> tuple[Doubles, Doubles]:
    """Every frame of the training sounds in which something is heard. Shapes: [L, frames]."""
    pairs = [encoded(network, clip) for clip in corpus.training]
    z, std = (np.concatenate(part, 1) for part in zip(*pairs, strict=True))
    heard = z[1] > HEARD_DB
    return (z[:, heard], std[:, heard]) if heard.sum() > 100 else (z, std)


def fidelity(z: Doubles, std: Doubles) -> Doubles:
    """Per latent, the share of its variance that the sound decides (the rest is the encoder's own doubt). 0..1."""
    known = z[2:].var(1)
    share: Doubles = known / (known + (std[2:] ** 2).mean(1) + 1e-12)
    return share


def _stretched(values: Doubles) -> tuple[float, float]:
    low, high = np.percentile(values, (1.0, 99.0))
    extra = STRETCH * max(high - low, 1e-3)
    return float(low - extra), float(high + extra)


def _latent(
    id: str, label: Label, role: str, values: Doubles, low: float, high: float, start: float, fidelity: float
) -> Latent:
    counts, _ = np.histogram(values, HISTOGRAM_BINS, (low, high))
    return Latent(
        id,
        label,
        role,
        round(low, 4),
        round(high, 4),
        round(start, 4),
        round(float(values.mean()), 4),
        round(float(values.std()), 4),
        round(float(values.min()), 4),
        round(float(values.max()), 4),
        1,
        round(fidelity, 4),
        tuple(float(c) for c in counts),
    )


def correlation(z: Doubles) -> Doubles:
    """Which latents went together in the sounds, z [L, frames] -> [L, L]; one that never moved goes with none."""
    moved = z - z.mean(1, keepdims=True)
    spread = np.sqrt((moved**2).mean(1))
    safe = np.where(spread > 1e-9, spread, np.inf)
    matrix: Doubles = np.clip((moved @ moved.T) / z.shape[1] / safe[:, None] / safe[None], -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def measure_latents(network: Network, corpus: Corpus, points: int | None = None) -> LatentStats:
    """Name the latents, put them in order, turn named ones so that up is more, describe all. Changes ``network``."""
    z, std = all_encoded(network, corpus)
    shape = network.shape
    found = interventions(
        decode_of(network), z, POINTS if points is None else points, rate_hz=shape.sample_rate, ratio=shape.ratio
    )
    kept = fidelity(z, std)
    sure = {i: abs(found.rho_of(i)) for i in found.names}
    order = sorted(range(shape.latents), key=lambda i: (-sure.get(i, 0.0), -kept[i]))
    signs = [found.sign(i) for i in order]
    network.reorder(order, signs)
    found = found.reordered(order, signs)
    z[2:] = z[2:][order] * np.array(signs)[:, None]
    low_note, high_note = np.floor(np.percentile(z[0], 0.5)), np.ceil(np.percentile(z[0], 99.5))
    loudest = min(0.0, float(np.percentile(z[1], 99.5)) + 3.0)
    latents = [
        _latent(
            "pitch",
            Label("pitch", "hauteur"),
            "pitch",
            z[0],
            float(low_note),
            float(high_note),
            float(np.clip(57.0, low_note, high_note)),
            1.0,
        ),
        _latent(
            "loudness", Label("loudness", "intensité"), "loudness", z[1], LOUDNESS_LOW_DB, loudest, LOUDNESS_LOW_DB, 1.0
        ),
    ]
    for place, i in enumerate(order):
        low, high = _stretched(z[2 + place])
        label = found.label(place) or Label(f"z{place + 1}", f"z{place + 1}")
        middle = float(np.median(z[2 + place]))
        latents.append(_latent(f"z{place + 1}", label, "latent", z[2 + place], low, high, middle, float(kept[i])))
    return LatentStats(tuple(latents), found, correlation(z), z)
