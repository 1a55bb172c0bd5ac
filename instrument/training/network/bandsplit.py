"""Band split: a short cosine-modulated filter bank, sound to sub-bands and back. Under the conv decoders.

A decoder that writes eight sub-bands at an eighth of the rate does an eighth of the work (RAVE, Caillon & Esling 2021,
section 4.1). The bank here is the textbook's pseudo-QMF (Vaidyanathan, Multirate Systems and Filter Banks, 1993,
section 8.3) with a Kaiser prototype whose cutoff is sought as Lin & Vaidyanathan (1998) do: near perfect
reconstruction (64 dB), and short, for what it delays is what the player waits for: half its taps to synthesise.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

BANDS = 8
TAPS = 64
KAISER_BETA = 7.0
DELAY_SAMPLES = TAPS - BANDS
"""Of a split and a join together; the split looks to the end of its own eight samples, which saves seven."""
Floats = NDArray[np.float64]


def prototype() -> Floats:
    """The low pass all bands are made of: its autocorrelation is nearest to zero at every 2 * BANDS. Shape: [TAPS]."""
    n = np.arange(TAPS) - (TAPS - 1) / 2
    window = np.kaiser(TAPS, KAISER_BETA)
    best, least = window, np.inf
    for cutoff in np.linspace(0.5, 1.0, 501) / BANDS:
        taps = np.sinc(n * cutoff) * window
        taps = taps / np.sqrt((taps**2).sum())
        flaw = np.abs(np.correlate(taps, taps, "full")[TAPS - 1 + 2 * BANDS :: 2 * BANDS]).max()
        if flaw < least:
            best, least = taps, flaw
    return best


def synthesis_filters() -> Floats:
    """One filter a band, low to high; a sub-band of unit variance gives 1/BANDS of unit power. Shape: [BANDS, TAPS]."""
    n = np.arange(TAPS) - (TAPS - 1) / 2
    band = np.arange(BANDS)[:, None]
    turn = np.where(band % 2 == 0, -1.0, 1.0) * np.pi / 4
    waves: Floats = np.sqrt(2.0) * np.cos((2 * band + 1) * np.pi / (2 * BANDS) * n + turn)
    return prototype() * waves


def analysis_filters() -> Floats:
    """The synthesis filters run backwards. Shape: [BANDS, TAPS]."""
    return synthesis_filters()[:, ::-1].copy()


def split(sound: Tensor, filters: Tensor) -> Tensor:
    """Sub-bands, causally, from silence; [B, N] and analysis filters [BANDS, TAPS] -> [B, BANDS, N / BANDS]."""
    return functional.conv1d(functional.pad(sound[:, None], (TAPS - BANDS, 0)), filters.flip(1)[:, None], stride=BANDS)


def join(bands: Tensor, filters: Tensor) -> Tensor:
    """Sound of sub-bands, causally, from silence; [B, BANDS, T], synthesis filters [BANDS, TAPS] -> [B, T * BANDS]."""
    whole = functional.conv_transpose1d(bands, filters[:, None], stride=BANDS)
    return whole[:, 0, : bands.shape[2] * BANDS]


def as_float32(filters: Floats) -> Tensor:
    """A tensor of them."""
    return torch.from_numpy(filters.astype(np.float32))
