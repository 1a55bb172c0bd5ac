"""Chance: what is random in one training step, a function of (seed, step) alone. Between the loop and a decoder.

So a run that was stopped and one that was not draw the same noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from instrument.training.network import synthesis
from instrument.training.network.shape import Shape

NOISE_FRAMES = 2048


class NoiseBands:
    """White noise through the band filters, made once; a step takes a stretch of it. [NOISE_FRAMES, N, ratio]."""

    def __init__(self, shape: Shape, device: torch.device) -> None:
        white = torch.randn(NOISE_FRAMES * shape.ratio, generator=torch.Generator().manual_seed(20)).to(device)
        filters = torch.from_numpy(synthesis.noise_filters(shape)).to(device)
        self.bands = synthesis.filtered(white, filters, shape)


class Chance:
    """The random numbers of one step, drawn on the CPU so that every device sees the same."""

    def __init__(
        self, shape: Shape, seed: int, step: int, device: torch.device, bands: NoiseBands | None = None
    ) -> None:
        self._shape, self._device, self._noise = shape, device, bands
        self._draw = torch.Generator().manual_seed((seed * 1_000_003 + step) * 2 + 1)

    def white(self, *sizes: int) -> Tensor:
        """Standard normal numbers of that shape."""
        return torch.randn(*sizes, generator=self._draw).to(self._device)

    def uniform(self, *sizes: int) -> Tensor:
        """Numbers between 0 and 1."""
        return torch.rand(*sizes, generator=self._draw).to(self._device)

    def whole(self, most: int) -> int:
        """A whole number below ``most``."""
        return int(torch.randint(0, most, (1,), generator=self._draw))

    def bands(self, frames: int) -> Tensor:
        """Filtered white noise, one for all of the batch. Shape: [F, N, ratio]."""
        if self._noise is None:
            self._noise = NoiseBands(self._shape, self._device)
        first = self.whole(NOISE_FRAMES - frames)
        return self._noise.bands[first : first + frames]
