"""Decoder: what the decoders of every family have in common - how z is scaled, and a stack that is fed it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from instrument.training.network.shape import LOUDNESS_LOW_DB, PLAYED, REST_NOTE, Shape
from instrument.training.network.stack import CausalStack


def z_scaling(shape: Shape) -> tuple[Tensor, Tensor]:
    """Scale and shift that bring note and loudness to about -1..1; latents are there already. Shapes: [L, 1]."""
    scale, shift = torch.ones(shape.inputs, 1), torch.zeros(shape.inputs, 1)
    scale[0], shift[0] = 1 / 16.0, -64 / 16.0
    scale[1], shift[1] = 1 / 20.0, 40 / 20.0
    return scale, shift


class Decoder(nn.Module):
    """A child makes ``stack`` and calls ``scale_z`` where its buffers are registered."""

    stack: CausalStack
    z_scale: Tensor
    z_shift: Tensor

    def scale_z(self, shape: Shape) -> None:
        """Register scale and shift; no part of what is saved."""
        scale, shift = z_scaling(shape)
        self.register_buffer("z_scale", scale, False)
        self.register_buffer("z_shift", shift, False)

    def rest(self) -> Tensor:
        """z of an instrument that is not played, scaled: silence, the middle of the latents. Shape: [L]."""
        z = torch.zeros_like(self.z_scale)
        z[0], z[1] = REST_NOTE, LOUDNESS_LOW_DB
        return (z * self.z_scale + self.z_shift)[:, 0]

    def reorder(self, order: list[int], turn: Tensor) -> None:
        """Permute the latents and turn some round ([latents], 1 or -1) without changing what is computed."""
        with torch.no_grad():
            first = self.stack.first
            first.weight[:, PLAYED:] = first.weight[:, PLAYED:][:, order] * turn[None, :, None]
