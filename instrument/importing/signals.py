"""Signals: what a file is tried with. Beside proof; numpy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Span = tuple[Floats, Floats]
"""Lowest and highest z of each latent, f32 [L] and [L]."""


def wandering(latents: int, frames: int, seed: int = 0, span: Span | None = None) -> Floats:
    """z that moves slowly and at once, mostly within -3 to 3, or mostly within its span. f32 [1, L, frames]."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)
    slow = 1.5 * np.sin(2.0 * np.pi * rng.uniform(0.002, 0.05, (latents, 1)) * t + rng.uniform(0, 6.28, (latents, 1)))
    moved = slow + 0.5 * rng.standard_normal((latents, frames))
    if span is not None:
        low, high = (np.asarray(end, np.float64)[:, None] for end in span)
        moved = (low + high) / 2.0 + moved * (high - low) / 5.0
    return np.asarray(moved[None], np.float32)


def sounds(channels: int, samples: int, rate: int, seed: int = 0) -> Floats:
    """Noise and gliding sines at many levels, with silences. f32 [1, C, samples], within -1 to 1."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    pitch = 40.0 * 2.0 ** (6.5 * (0.5 + 0.5 * np.sin(2.0 * np.pi * 0.31 * t)))
    tone = np.sin(2.0 * np.pi * np.cumsum(pitch) / rate)
    level = 10.0 ** (-1.5 * (1.0 + np.sin(2.0 * np.pi * 0.83 * t)))
    noise = rng.standard_normal((channels, samples)) * 0.25
    mix = 0.5 + 0.5 * np.sin(2.0 * np.pi * 1.7 * t)
    gate = (t % 1.0) < 0.9
    return np.asarray(np.clip((mix * tone + (1.0 - mix) * noise) * level * gate, -1.0, 1.0)[None], np.float32)
