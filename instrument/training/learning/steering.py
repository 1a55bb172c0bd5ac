"""Steering: the loss that makes a knob do what its name says, by intervention. Used by the loop, harmonic family.

Attribute regularisation (AR-VAE, Pati & Lerch 2021; loss.order_loss) only sees to it that the encoder's latent rises
with an attribute of the sound. A player turns the knob: so here one latent is moved, everything else held, and the
attribute of what the decoder then says has to move with it by a least amount a unit, and the other attributes little.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from instrument.training.network import synthesis
from instrument.training.network.chance import Chance
from instrument.training.network.shape import Shape

STEERED = ("brightness", "breath", "hollowness", "shimmer")
"""The attribute that latent 0, 1, 2, 3 is to move. Without harmonics that ring (tones), the third is the body: the
spread of the spectrum."""
LEAST = (0.12, 0.5, 0.5, 0.35)
"""How much of it a unit of the latent moves at least, in the units of ``attributes``."""
OTHERS = 0.15
"""Weight of what moves though it should not, against what does not though it should."""
SMALL = 1e-6
EVERY = 8
"""Frames between two that are looked at."""


def line_hz(note: Tensor, tone_hz: Tensor, shape: Shape) -> Tensor:
    """Frequencies of harmonics, tones, bands. [B, F] -> [B, F, levels]."""
    f0 = 440.0 * torch.exp2((note - 69.0) / 12.0)
    ranks = torch.arange(1, shape.harmonics + 1, device=note.device, dtype=note.dtype)
    bands = torch.linspace(0.0, math.log1p(shape.sample_rate / 8000.0), shape.bands, device=note.device)
    others = torch.cat([tone_hz.to(note.dtype), 4000.0 * torch.expm1(bands)])
    return torch.cat([f0[..., None] * ranks, others.expand(*note.shape, -1)], -1)


def attributes(said: Tensor, z: Tensor, tone_hz: Tensor, shape: Shape) -> Tensor:
    """What the decoder says, as a listener would: [B, F, levels + lines + 1] -> [B, F, 4].

    Brightness: log of the power-weighted mean frequency (nepers). Breath: log ratio of noise and lines. Hollowness:
    log ratio of odd and even harmonics above the first - or, with tones, the body: log spread of the spectrum (times
    4). Shimmer: the mean depth of the flutter, as its tanh's argument.
    """
    still = torch.zeros_like(said[..., : shape.lines])
    level = synthesis.amplitudes(said, z[:, 0], z[:, 1].clamp(min=-60.0), still, shape)
    power = level**2
    loud = power[..., : shape.lines]
    hz = line_hz(z[:, 0], tone_hz, shape).clamp(min=20.0, max=20000.0)
    share = torch.sqrt(power + SMALL * power.sum(-1, True)) + 1e-12
    share = share / share.sum(-1, True)
    middle = (share * torch.log(hz)).sum(-1)
    total = power.sum(-1) + 1e-12
    breath = torch.log((power[..., shape.lines :].sum(-1) + SMALL * total) / (0.5 * loud.sum(-1) + SMALL * total))
    if shape.tones:
        spread = ((share * (torch.log(hz) - middle[..., None]) ** 2).sum(-1) + 1e-6).sqrt()
        third = 4.0 * torch.log(spread)
    else:
        odd, even = loud[..., 2:16:2].sum(-1), loud[..., 1:16:2].sum(-1)
        third = torch.log((odd + SMALL * total) / (even + SMALL * total))
    depth = said[..., shape.levels : shape.levels + shape.lines]
    weight = loud / (loud.sum(-1, True) + 1e-12)
    shimmer = (depth.clamp(-3.0, 3.0) * weight).sum(-1)
    return torch.stack([middle, breath, third, shimmer], -1)


def steering_loss(decoder: Any, z: Tensor, chance: Chance) -> Tensor:
    """One latent of STEERED moved in each example: a hinge on its attribute, a small price for the others' moving."""
    shape = decoder.shape
    batch = len(z)
    which = torch.arange(batch, device=z.device) % min(len(STEERED), shape.latents)
    step = (0.5 + 1.5 * chance.uniform(batch)) * torch.sign(chance.uniform(batch) - 0.5)
    push = torch.zeros(batch, z.shape[1] - 2, 1, device=z.device)
    push[torch.arange(batch), which] = step[:, None]
    # held within what is played: what lies beyond has nothing to teach
    pushed = torch.cat([z[:, :2], (z[:, 2:] + push).clamp(-4.0, 4.0)], 1)
    step = (pushed - z).detach()[torch.arange(batch), 2 + which][:, ::EVERY]
    tone_hz = decoder.tone_hz
    pair = [attributes(decoder.said(each)[:, ::EVERY], each[:, :, ::EVERY], tone_hz, shape) for each in (z, pushed)]
    moved = pair[1] - pair[0]
    least = torch.tensor(LEAST, device=z.device)
    own = moved[torch.arange(batch), :, which]
    wanted = least[which][:, None] * step.abs()
    short = torch.relu(wanted - own * torch.sign(step)) / least[which][:, None]
    stray = (moved / least).abs().sum(-1) - own.abs() / least[which][:, None]
    heard = (z[:, 1, ::EVERY] > -60.0).float()
    return ((short + OTHERS * stray) * heard).sum() / (heard.sum() + 1.0)
