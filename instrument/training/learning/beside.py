"""Beside: the loss that keeps fixed tones out of a played pitch's way. Used by the loop, decoders with tones.

A tone half a semitone beside the first harmonic fits a spectrum as well as that does, cannot follow it, and pulls the
pitch that is heard: a drum comes out of tune, and so does a key. Where a sound has a sure pitch, power of tones close
to it costs, and what rings there is left to the harmonic. Tones elsewhere are free, also beside the second harmonic: a
drum's second mode does lie there.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from instrument.training.network import synthesis
from instrument.training.network.shape import Shape
from instrument.training.network.sureness import sureness
from instrument.training.network.synthesis import SEMITONE

NEAR_SEMITONES, EDGE_SEMITONES = 1.0, 0.5
EVERY = 4
"""Frames between two that are looked at."""
LEAST = 1e-3
"""Share of power (-30 dB) below which nobody hears a tone pull."""


def nearness(note: Tensor, tone_hz: Tensor) -> Tensor:
    """1 for tones beside the note, 0 for the others. [B, F], [M] -> [B, F, M]."""
    tone_note = 69.0 + torch.log(tone_hz.to(note.dtype) / 440.0) / SEMITONE
    away = (tone_note - note[..., None]).abs()
    return ((NEAR_SEMITONES + EDGE_SEMITONES - away) / EDGE_SEMITONES).clamp(0.0, 1.0)


def counted(z: Tensor, sure: Tensor) -> Tensor:
    """How much each frame that is looked at counts. [B, L, F], [B, F] -> [B, F / EVERY]."""
    return sureness(sure[:, ::EVERY]) * (z[:, 1, ::EVERY] > -60.0)


def beside_loss(decoder: Any, z: Tensor, sure: Tensor) -> Tensor:
    """Mean amplitude share of tones beside the note, over frames with a sure pitch. [B, L, F], [B, F] -> []."""
    shape: Shape = decoder.shape
    few, weight = z[:, :, ::EVERY], counted(z, sure)
    said = decoder.said(z)[:, ::EVERY]
    still = torch.zeros_like(said[..., : shape.lines])
    power = synthesis.amplitudes(said, few[:, 0], few[:, 1].clamp(min=-60.0), still, shape) ** 2
    tones = power[..., shape.harmonics : shape.lines]
    share = (tones * nearness(few[:, 0], decoder.tone_hz)).sum(-1) / (power.sum(-1) + 1e-12)
    pull = torch.sqrt(share + LEAST) - math.sqrt(LEAST)
    return (pull * weight).sum() / (weight.sum() + 1.0)
