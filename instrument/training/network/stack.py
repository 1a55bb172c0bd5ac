"""Stack: frames in, frames out - the causal residual network that every encoder and decoder begins with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1
"""Of the leaky rectifier everywhere."""


class CausalStack(nn.Module):
    """A dense layer and residual dilated convolutions that look back only."""

    def __init__(self, inputs: int, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, width, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=d) for d in dilations)

    def rests(self, rest: Tensor) -> list[Tensor]:
        """What every layer is given when the input has been ``rest`` [inputs] for ever. Shapes: [width]."""
        h = functional.leaky_relu(self.first.weight[:, :, 0] @ rest + self.first.bias, SLOPE)
        out = [h]
        for layer in self.layers:
            h = h + functional.leaky_relu(layer.weight.sum(2) @ h + layer.bias, SLOPE)
            out.append(h)
        return out

    def forward(self, x: Tensor, rest: Tensor) -> Tensor:
        """Before its beginning the input was ``rest`` for ever. Shapes: [B, inputs, F], [inputs] -> [B, width, F].

        Zeros there would be a memory that no sound leaves behind: the first frames burst.
        """
        h = functional.leaky_relu(self.first(x), SLOPE)
        for layer, before in zip(self.layers, self.rests(rest), strict=False):
            past = before[None, :, None].expand(len(h), -1, 2 * layer.dilation[0])
            h = h + functional.leaky_relu(layer(torch.cat([past, h], 2)), SLOPE)
        return h
