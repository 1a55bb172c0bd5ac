"""Portrait: what a trained network's latents are, measured on its sounds. After training, before the card.

Names come from intervention, not correlation: each latent is swept with everything else held, and only what rises
or falls with it nearly always (mean Spearman |rho| of at least 0.8) may lend it its name.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from instrument.knobs import Label
from instrument.model.card import Latent
from instrument.training.corpus import Clip, Corpus
from instrument.training.network import Network
from instrument.training.shape import LOUDNESS_LOW_DB

Doubles = npt.NDArray[np.float64]

NAMES = {"brightness": Label("brightness", "brillance"), "breath": Label("breath", "souffle")}
SURE_OF_NAME = 0.8
BINS = 32
STRETCH = 0.15
SWEEP = np.linspace(-2.0, 2.0, 9)
HEARD_DB = -60.0


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
    return known / (known + (std[2:] ** 2).mean(1) + 1e-12)


def _ranks(x: Doubles) -> Doubles:
    return np.argsort(np.argsort(x, axis=0), axis=0).astype(np.float64)


@torch.no_grad()
def interventions(network: Network, z: Doubles, points: int = 40, seed: int = 0) -> Doubles:
    """Mean Spearman rho of (latent, attribute in NAMES) over sweeps from random frames. Shape: [latents, 2]."""
    shape = network.shape
    rng = np.random.default_rng(seed)
    base = z[:, rng.integers(0, z.shape[1], points)]
    middle, deviation = z.mean(1), z.std(1)
    ranks = torch.arange(1, shape.harmonics + 1, dtype=torch.float64)
    band_hz = 4000.0 * np.expm1(np.linspace(0.0, np.log1p(shape.sample_rate / 8000.0), shape.bands))
    rho = np.zeros((shape.latents, len(NAMES)))
    for i in range(shape.latents):
        swept = np.repeat(base[:, None, :], len(SWEEP), 1)
        swept[2 + i] = middle[2 + i] + deviation[2 + i] * SWEEP[:, None]
        flat = torch.from_numpy(swept.reshape(len(z), -1).T[:, :, None].astype(np.float32)).expand(-1, -1, 18)
        still = torch.zeros(len(flat), 18, shape.harmonics)
        level = network.decoder.amplitudes(flat.contiguous(), still)[:, -1].double()
        hz = 440.0 * 2.0 ** ((flat[:, 0, -1].double() - 69.0) / 12.0)
        places = torch.cat([hz[:, None] * ranks, torch.from_numpy(band_hz).expand(len(hz), -1)], 1)
        brightness = (level * places).sum(1) / (level.sum(1) + 1e-9)
        power = level**2
        breath = power[:, shape.harmonics :].sum(1) / (0.5 * power[:, : shape.harmonics].sum(1) + 1e-12)
        for j, what in enumerate((brightness, breath)):
            heard = what.numpy().reshape(len(SWEEP), points)
            r = _ranks(heard) - (len(SWEEP) - 1) / 2
            s = (np.arange(len(SWEEP)) - (len(SWEEP) - 1) / 2)[:, None]
            rho[i, j] = float(((r * s).sum(0) / (s**2).sum()).mean())
    return rho


def names_for(rho: Doubles) -> dict[int, str]:
    """Latent index -> attribute, one to one, only where the intervention is clear."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-np.abs(rho))
    names = list(NAMES)
    return {int(i): names[j] for i, j in zip(rows, columns, strict=True) if abs(rho[i, j]) >= SURE_OF_NAME}


def _stretched(values: Doubles) -> tuple[float, float]:
    low, high = np.percentile(values, (1.0, 99.0))
    extra = STRETCH * max(high - low, 1e-3)
    return float(low - extra), float(high + extra)


def _latent(id: str, label: Label, role: str, values: Doubles, low: float, high: float, start: float,
            fidelity: float) -> Latent:  # fmt: skip
    counts, _ = np.histogram(values, BINS, (low, high))
    return Latent(
        id, label, role, round(low, 4), round(high, 4), round(start, 4), round(float(values.mean()), 4),
        round(float(values.std()), 4), round(float(values.min()), 4), round(float(values.max()), 4), 1,
        round(fidelity, 4), tuple(float(c) for c in counts),
    )  # fmt: skip


def correlation(z: Doubles) -> Doubles:
    """Which latents went together in the sounds, z [L, frames] -> [L, L]; one that never moved goes with none."""
    moved = z - z.mean(1, keepdims=True)
    spread = np.sqrt((moved**2).mean(1))
    safe = np.where(spread > 1e-9, spread, np.inf)
    matrix = np.clip((moved @ moved.T) / z.shape[1] / safe[:, None] / safe[None], -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def portray(network: Network, corpus: Corpus) -> tuple[tuple[Latent, ...], Doubles, Doubles]:
    """Order the latents by fidelity, turn named ones so that up is more, and describe all. Changes ``network``.

    Returns the card's latents, the intervention table [latents, attributes] in that order, and their correlation.
    """
    z, std = all_encoded(network, corpus)
    rho = interventions(network, z)
    named = names_for(rho)
    kept = fidelity(z, std)
    order = sorted(range(network.shape.latents), key=lambda i: -kept[i])
    signs = [-1 if i in named and rho[i, list(NAMES).index(named[i])] < 0 else 1 for i in order]
    network.reorder(order, signs)
    z[2:] = z[2:][order] * np.array(signs)[:, None]
    low_note, high_note = np.floor(np.percentile(z[0], 0.5)), np.ceil(np.percentile(z[0], 99.5))
    loudest = min(0.0, float(np.percentile(z[1], 99.5)) + 3.0)
    latents = [
        _latent("pitch", Label("pitch", "hauteur"), "pitch", z[0], float(low_note), float(high_note),
                float(np.clip(57.0, low_note, high_note)), 1.0),
        _latent("loudness", Label("loudness", "intensité"), "loudness", z[1], LOUDNESS_LOW_DB, loudest,
                LOUDNESS_LOW_DB, 1.0),
    ]  # fmt: skip
    for place, i in enumerate(order):
        low, high = _stretched(z[2 + place])
        label = NAMES[named[i]] if i in named else Label(f"z{place + 1}", f"z{place + 1}")
        middle = float(np.median(z[2 + place]))
        latents.append(_latent(f"z{place + 1}", label, "latent", z[2 + place], low, high, middle, float(kept[i])))
    return tuple(latents), rho[order] * np.array(signs)[:, None], correlation(z)
