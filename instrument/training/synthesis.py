"""Synthesis: harmonics and noise bands out of amplitudes. The last part of the decoder, without a single weight.

The phase of the fundamental is kept in cycles, wrapped to 0..1, and computed in float64 from the note: a float32
exponential may differ by one bit between two libraries, and 1000 frames make an audible phase of that bit. Only the
wrapped phase is kept as float32, so nothing grows. Amplitudes and pitch run straight from the last frame's values to
this one's: no zipper, and a mean delay of half a frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from instrument.training.network import Shape

SWING = 8.0
"""Log amplitudes stay within e^+-8 (69 dB): beyond it gradients would only make clicks."""
GAIN_SWING = 1.5
MOST_OVER_ASKED = 2.0
"""The level may pass what loudness asks by 6 dB, no more: latents where no sound ever was must not burst."""
GATE_LOW_DB = -80.0
GATE_SPAN_DB = 10.0
FADE_HZ = (20000.0, 22500.0)
"""Harmonics fade out between these, so none folds back and none switches."""
FLUTTER_HZ = (1.5, 2.0, 50.0)
"""Bandwidth of a harmonic's flutter: so many Hz per rank, at least, at most. Many players are never quite in tune,
and their lines widen with the rank; a flutter of the level widens a line at no cost in sines."""
DB = math.log(10.0) / 20.0
SEMITONE = math.log(2.0) / 12.0


def noise_filters(shape: Shape) -> np.ndarray:
    """Linear-phase band filters of unit noise gain; as their sum shapes white noise. Shape: [bands, taps], float32."""
    grid = 4096
    hz = np.arange(grid // 2 + 1) * shape.sample_rate / grid
    edges = np.linspace(0.0, np.log1p(shape.sample_rate / 2 / 4000.0), shape.bands)
    place = np.log1p(hz / 4000.0)
    hump = np.clip(1.0 - np.abs(place[None] - edges[:, None]) / (edges[1] - edges[0]), 0.0, 1.0)
    ring = np.fft.irfft(np.sqrt(hump), grid, axis=1)
    half = shape.taps // 2
    taps = np.concatenate([ring[:, -half:], ring[:, : half + 1]], 1) * np.hanning(shape.taps + 2)[1:-1]
    return (taps / np.sqrt((taps**2).sum(1, keepdims=True))).astype(np.float32)


def flutter_poles(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """One-pole filters of the flutter, one per harmonic, of unit variance: (pole, gain). Shapes: [harmonics]."""
    ranks = np.arange(1, shape.harmonics + 1)
    hz = np.clip(FLUTTER_HZ[0] * ranks, *FLUTTER_HZ[1:])
    pole = np.exp(-2.0 * np.pi * hz * shape.ratio / shape.sample_rate).astype(np.float32)
    return pole, np.sqrt(1.0 - pole**2).astype(np.float32)


@torch.no_grad()
def flutter(white: Tensor, shape: Shape) -> Tensor:
    """Slow noise per harmonic out of white noise per frame. Shape: [B, F, H] -> [B, F, H]."""
    pole, gain = (torch.from_numpy(part).to(white.device) for part in flutter_poles(shape))
    slow = torch.zeros_like(white[:, 0])
    rows = []
    for now in white.unbind(1):
        slow = slow * pole + now * gain
        rows.append(slow)
    return torch.stack(rows, 1)


def amplitudes(out: Tensor, note: Tensor, loudness: Tensor, slow: Tensor, shape: Shape) -> Tensor:
    """Network output [B, F, 2 H + N + 1] -> linear amplitudes [B, F, H + N].

    ``out`` holds levels of harmonics and bands, depth of the harmonics' flutter, gain; ``note``, ``loudness`` [B, F];
    ``slow`` [B, F, H] from flutter(). Loudness is a factor in front, and the gate makes it exactly zero at the
    bottom: silence is not left to learning.
    """
    levels, depth, swing = out.split([shape.harmonics + shape.bands, shape.harmonics, 1], 2)
    asked = loudness[..., None] * DB
    relative = torch.exp(SWING * torch.tanh(levels / SWING) + (asked + GAIN_SWING * torch.tanh(swing)))
    hz = torch.exp(note * SEMITONE + math.log(440.0) - 69.0 * SEMITONE)
    ranks = torch.arange(1, shape.harmonics + 1, device=out.device, dtype=out.dtype)
    high, low = fade_hz(shape)
    mask = ((high - hz[..., None] * ranks) / (high - low)).clamp(0.0, 1.0)
    mask = mask * (1.0 + 0.5 * (1.0 + torch.tanh(depth)) * slow)
    level = relative * functional.pad(mask, (0, shape.bands), value=1.0)
    power = (level[..., : shape.harmonics] ** 2).sum(-1, True) * 0.5
    power = power + (level[..., shape.harmonics :] ** 2).sum(-1, True)
    held = (MOST_OVER_ASKED * torch.exp(asked) / torch.sqrt(power + 1e-20)).clamp(max=1.0)
    gate = ((loudness - GATE_LOW_DB) / GATE_SPAN_DB).clamp(0.0, 1.0)
    return level * (held * gate[..., None])


def fade_hz(shape: Shape) -> tuple[float, float]:
    """Where harmonics are gone, and where they begin to go."""
    high = min(FADE_HZ[1], shape.sample_rate / 2 - 1500.0)
    return high, high - (FADE_HZ[1] - FADE_HZ[0])


def _rise(shape: Shape, device: torch.device) -> Tensor:
    """Cycles at each sample of a frame per (last, this) increment. Shape: [2, ratio], float64."""
    n = torch.arange(1, shape.ratio + 1, dtype=torch.float64, device=device)
    new = n * (n + 1) / (2 * shape.ratio)
    return torch.stack([n - new, new])


def _increments(note: Tensor, shape: Shape) -> Tensor:
    """Cycles per sample at the end of the last frame and of this one. Shape: [B, F] -> [B, F, 2], float64."""
    inc = torch.exp(note.double() * SEMITONE + (math.log(440.0 / shape.sample_rate) - 69.0 * SEMITONE))
    return torch.stack([torch.cat([inc[:, :1], inc[:, :-1]], 1), inc], 2)


def phases(note: Tensor, shape: Shape) -> Tensor:
    """Phase of the fundamental, 0..1, float32. Shape: [B, F] -> [B, F, ratio]."""
    cycles = _increments(note, shape) @ _rise(shape, note.device)
    total = torch.cumsum(cycles[..., -1], 1)
    return torch.remainder(cycles + (total - cycles[..., -1])[..., None], 1.0).float()


def phases_exactly(note: Tensor, shape: Shape) -> Tensor:
    """The same with the phase rounded to float32 between frames, as the exported model keeps it."""
    cycles = _increments(note, shape) @ _rise(shape, note.device)
    last = torch.zeros(len(note), 1, device=note.device)
    rows = []
    for frame in cycles.unbind(1):
        here = frame + last.double()
        rows.append((here - here.floor()).float())
        last = rows[-1][:, -1:]
    return torch.stack(rows, 1)


@torch.no_grad()
def harmonics(phase: Tensor, shape: Shape) -> Tensor:
    """Sines of all harmonics. Shape: [B, F, ratio] -> [B, F, H, ratio]."""
    ranks = torch.arange(1, shape.harmonics + 1, device=phase.device, dtype=phase.dtype)
    return (phase[:, :, None] * (ranks * (2.0 * math.pi))[:, None]).sin_()


def filtered(noise: Tensor, filters: Tensor, shape: Shape) -> Tensor:
    """White noise through the band filters, from silence. Shape: [F * ratio] -> [F, N, ratio]."""
    bands = functional.conv1d(functional.pad(noise[None], (shape.taps - 1, 0)), filters.flip(1)[:, None])
    return bands.unflatten(1, (-1, shape.ratio)).transpose(0, 1).contiguous()


def mix(level: Tensor, waves: Tensor, bands: Tensor) -> Tensor:
    """Sum of harmonics and noise bands, each level going straight from the last frame's value to this one's.

    Shapes: [B, F, H + N], [B, F, H, ratio], [F, N, ratio] (one noise for all of the batch) -> [B, F * ratio].
    """
    ratio, split = waves.shape[-1], waves.shape[2]
    pairs = torch.stack([functional.pad(level, (0, 0, 1, 0))[:, :-1], level], 2)
    new = torch.arange(1, ratio + 1, device=level.device, dtype=level.dtype) / ratio
    airy = pairs[..., split:].transpose(0, 1).flatten(1, 2) @ bands
    ends = pairs[..., :split] @ waves + airy.unflatten(1, (-1, 2)).transpose(0, 1)
    return (ends[:, :, 0] * (1.0 - new) + ends[:, :, 1] * new).flatten(1)
