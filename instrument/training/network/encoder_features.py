"""Encoder features: the fixed front end of the encoder - band powers at three resolutions and the loudness.
Without a weight.

All windows are skewed towards the newest sound: what is heard is heard late by a few milliseconds at most, and what
must be fast (attacks) has an ear of its own that is only 3.3 ms long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from instrument.training.network.shape import LOUDNESS_LOW_DB, Shape

SCALE, OFFSET = 0.125, 1.0
"""From a log power to a feature of about -1..1."""
LINE_SAMPLES = 768
"""What the ears remember at the full rate; the loudness is measured over all of it."""
LOUDNESS_LEAN = 4
"""The loudness weighs a sample by its nearness to now to this power: 60 % of it are the newest 128 samples."""
SOFT_EDGE = 24
DECIMATOR_TAPS = 48


@dataclass(frozen=True, slots=True)
class Ear:
    """One resolution: ``bands`` complex filters over the last ``samples`` at ``rate/divide``, or the last ``quick``."""

    divide: int
    samples: int
    bands: int
    low_hz: float
    high_hz: float
    quick: int = 0
    quick_bands: int = 0

    @property
    def total(self) -> int:
        return self.bands + self.quick_bands


EARS = (
    Ear(1, 512, 48, 1200.0, 16000.0, 160, 16),
    Ear(4, 512, 96, 180.0, 4200.0),
    Ear(16, 256, 64, 30.0, 620.0),
)
FEATURES = sum(ear.total for ear in EARS)


def _skewed_window(samples: int) -> np.ndarray:
    """A sin^2 hump that peaks at 0.71 of its length: causal, so the newest sound should weigh more."""
    u = (np.arange(samples) + 0.5) / samples
    return np.sin(np.pi * u**2) ** 2


def _filters(ear: Ear, rate_hz: int, samples: int, bands: int, low_hz: float) -> tuple[np.ndarray, np.ndarray]:
    centre = np.geomspace(low_hz, ear.high_hz, bands)[:, None]
    time = (np.arange(samples) - samples + 1) / (rate_hz / ear.divide)
    window = _skewed_window(samples)
    window = window / window.sum()
    older = ((0, 0), (ear.samples - samples, 0))
    angle = 2 * np.pi * centre * time
    return np.pad(window * np.cos(angle), older), np.pad(window * np.sin(angle), older)


def ear_kernel(ear: Ear, rate_hz: int) -> np.ndarray:
    """Cosines, then sines of one ear under their windows. Shape: [2 * total, samples], float32."""
    slow = _filters(ear, rate_hz, ear.samples, ear.bands, ear.low_hz)
    quick = (
        _filters(ear, rate_hz, ear.quick, ear.quick_bands, 300.0) if ear.quick else (np.zeros((0, ear.samples)),) * 2
    )
    return np.concatenate([slow[0], quick[0], slow[1], quick[1]]).astype(np.float32)


def decimator() -> np.ndarray:
    """Low pass for a step of 4. Shape: [DECIMATOR_TAPS], float32."""
    n = np.arange(DECIMATOR_TAPS) - (DECIMATOR_TAPS - 1) / 2
    taps = np.sinc(n * 0.21) * np.kaiser(DECIMATOR_TAPS, 6.0)
    even: np.ndarray = (taps / taps.sum()).astype(np.float32)
    return even


def loudness_window() -> np.ndarray:
    """Weights of the last LINE_SAMPLES' power. Shape: [LINE_SAMPLES], float32."""
    window = ((np.arange(LINE_SAMPLES) + 0.5) / LINE_SAMPLES) ** LOUDNESS_LEAN
    window[-SOFT_EDGE:] *= np.cos(np.linspace(0.0, np.pi / 2, SOFT_EDGE)) ** 2
    weights: np.ndarray = (window / window.sum()).astype(np.float32)
    return weights


class Ears(nn.Module):
    """Sound to features and loudness, frame by frame."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.ratio, self.floor = shape.ratio, shape.power_floor
        for i, ear in enumerate(EARS):
            self.register_buffer(f"ear{i}", torch.from_numpy(ear_kernel(ear, shape.sample_rate))[:, None], False)
        self.register_buffer("decimator", torch.from_numpy(decimator())[None, None], False)
        self.register_buffer("loudness_window", torch.from_numpy(loudness_window())[None, None], False)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Log powers of all ears, scaled to about -1..1, and the loudness in dB. [B, N] -> [B, FEATURES, F], [B, F]."""
        ratio, x = self.ratio, audio[:, None]
        ears, divide = [], 1
        for i, ear in enumerate(EARS):
            while divide < ear.divide:
                x = functional.conv1d(functional.pad(x, (DECIMATOR_TAPS - 4, 0)), self.decimator, stride=4)
                divide *= 4
            hop = ratio // ear.divide
            y = functional.conv1d(functional.pad(x, (ear.samples - hop, 0)), getattr(self, f"ear{i}"), stride=hop)
            ears.append(y[:, : ear.total] ** 2 + y[:, ear.total :] ** 2)
        power = functional.conv1d(
            functional.pad(audio[:, None] ** 2, (LINE_SAMPLES - ratio, 0)), self.loudness_window, stride=ratio
        )
        loudness = torch.log(power[:, 0] + 1e-9) * (10.0 / np.log(10.0))
        return torch.log(torch.cat(ears, 1) + self.floor) * SCALE + OFFSET, loudness.clamp(LOUDNESS_LOW_DB, 0.0)

    def silence(self) -> Tensor:
        """The features of no sound at all. Shape: [FEATURES]."""
        return torch.full((FEATURES,), float(np.log(self.floor)) * SCALE + OFFSET, device=self.decimator.device)
