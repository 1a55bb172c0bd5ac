"""Strings: the partials of a stiff string, made of sines. Synthesis for decoders whose harmonics may be stretched.

How stiff it is (Fletcher's B) follows from the note and the latents, which a player holds: two dense layers, computed
in float64 from numbers that torch and the exported model share, because one bit of a frequency is an audible phase
after 1000 frames. Every partial keeps its own phase, wrapped to 0..1, and glides with the pitch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from instrument.training.network.shape import PLAYED, Shape
from instrument.training.network.sureness import sureness
from instrument.training.network.synthesis import increments, rise

HIDDEN = 16
LEAST, MOST = 1e-6, 6e-3
"""Of B. Below the least a string is as good as limp; it is taken away again, so that none is exactly none."""
UNIT = 3.0
"""Nepers of B that count as much as 1 in the loss."""


class Stiffness(nn.Module):
    """B of the string that is played. Its weights are float32, what is computed with them float64."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = nn.Linear(1 + shape.latents, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)
        with torch.no_grad():
            self.last.weight.mul_(0.3)
            self.last.bias.fill_(-10.0)

    def log(self, z: Tensor) -> Tensor:
        """Log of B + LEAST: scaled z [B, L, F] -> [B, F], float64."""
        played = torch.cat([z[:, :1], z[:, PLAYED:]], 1).double().transpose(1, 2)
        hidden = torch.tanh(played @ self.first.weight.double().T + self.first.bias.double())
        said = hidden @ self.last.weight.double().T + self.last.bias.double()
        return said[..., 0].clamp(math.log(LEAST), math.log(MOST))

    def reorder(self, order: list[int], turn: Tensor) -> None:
        """Permute the latents and turn some round ([latents], 1 or -1) without changing what is computed."""
        with torch.no_grad():
            self.first.weight[:, 1:] = self.first.weight[:, 1:][:, order] * turn


def ranks(coefficient: Tensor, shape: Shape) -> Tensor:
    """Frequencies of the partials in multiples of the first (shape.inharmonic_ranks). [B, F] -> [B, F, H], float64."""
    n = torch.arange(1, shape.harmonics + 1, device=coefficient.device, dtype=torch.float64)
    b = coefficient.double()[..., None]
    return n * torch.sqrt((1.0 + b * n**2) / (1.0 + b))


def told(known: Tensor, sure: Tensor) -> Tensor:
    """How much each frame's B counts: [B], [B, F] -> [B, F]."""
    return sureness(sure) * ~torch.isnan(known)[:, None]


def loss(said: Tensor, known: Tensor, sure: Tensor) -> Tensor:
    """How far the stiffness said (Stiffness.log, [B, F]) is from the one found; NaN in ``known`` [B] is not known."""
    wanted = torch.log(torch.nan_to_num(known).double() + LEAST)
    weight = told(known, sure)
    return ((((said - wanted[:, None]) / UNIT) ** 2 * weight).sum() / (weight.sum() + 1.0)).float()


def _sines(turns: Tensor, ratio_of: Tensor, cycles: Tensor) -> Tensor:
    """Sines of phases [..., H] at the frame's beginning and ranks [..., H]; cycles of the first [..., ratio]."""
    angle = torch.addcmul(turns.float()[..., None], ratio_of.float()[..., None], cycles.float()[..., None, :])
    return angle.mul_(2.0 * math.pi).sin_()


@torch.no_grad()
def waves(note: Tensor, ratio_of: Tensor, shape: Shape) -> Tensor:
    """Sines of all partials, for training. Shapes: [B, F], [B, F, H] -> [B, F, H, ratio]."""
    cycles = increments(note, shape) @ rise(shape, note.device)
    steps = ratio_of * cycles[..., -1:]
    before = torch.cumsum(steps, 1) - steps
    return _sines(before - torch.floor(before), ratio_of, cycles)


@torch.no_grad()
def waves_exactly(note: Tensor, ratio_of: Tensor, shape: Shape) -> Tensor:
    """The same with every phase rounded to float32 between frames, as the exported model keeps it."""
    cycles = increments(note, shape) @ rise(shape, note.device)
    turns = torch.zeros_like(ratio_of[:, 0], dtype=torch.float32)
    rows = []
    for ratio_now, now in zip(ratio_of.unbind(1), cycles.unbind(1), strict=True):
        rows.append(turns)
        after = turns.double() + ratio_now * now[:, -1:]
        turns = (after - torch.floor(after)).float()
    return _sines(torch.stack(rows, 1), ratio_of, cycles)
