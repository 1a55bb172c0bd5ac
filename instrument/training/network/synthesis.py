"""Synthesis: harmonics and noise bands out of amplitudes. The last part of the decoder, without a single weight.

The phase of the fundamental is kept in cycles, wrapped to 0..1, and computed in float64 from the note: a float32
exponential may differ by one bit between two libraries, and 1000 frames make an audible phase of that bit. Only the
wrapped phase is kept as float32, so nothing grows. Amplitudes and pitch run straight from the last frame's values to
this one's: no zipper, and a mean delay of half a frame.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from instrument.training.network.shape import Shape

SWING = 8.0
"""Log amplitudes stay within e^+-8 (69 dB): beyond it gradients would only make clicks."""
GAIN_SWING = math.log(2.0)
"""The level is what loudness asks, give or take 6 dB: latents where no sound ever was must not burst."""
LEAST_POWER = 1e-9
GATE_LOW_DB = -80.0
GATE_SPAN_DB = 10.0
FADE_HZ = (20000.0, 22500.0)
"""Harmonics fade out between these, so none folds back and none switches."""
FLUTTER_HZ = (1.5, 2.0, 50.0)
"""Bandwidth of a harmonic's flutter: so many Hz per rank, at least, at most. Many players are never quite in tune,
and their lines widen with the rank; a flutter of the level widens a line at no cost in sines."""
TONE_FLUTTER = 0.3
GOLDEN = 0.6180339887498949
"""Tones begin out of step by this share of a cycle each, so that together they make no click."""
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
    filters: np.ndarray = (taps / np.sqrt((taps**2).sum(1, keepdims=True))).astype(np.float32)
    return filters


def flutter_hz(shape: Shape, tone_hz: np.ndarray) -> np.ndarray:
    """Bandwidth of each line's flutter; a tone's goes with the gap to its neighbours. Shape: [lines]."""
    ranks = np.clip(FLUTTER_HZ[0] * np.arange(1, shape.harmonics + 1), *FLUTTER_HZ[1:])
    gaps = np.diff(tone_hz, append=tone_hz[-1:] * 1.03) if len(tone_hz) else np.zeros(0)
    return np.concatenate([ranks, np.clip(TONE_FLUTTER * gaps, 1.0, FLUTTER_HZ[2])])


def flutter_poles(shape: Shape, tone_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-pole filters of the flutter, one per line, of unit variance: (pole, gain). Shapes: [lines]."""
    hz = flutter_hz(shape, tone_hz)
    pole = np.exp(-2.0 * np.pi * hz * shape.ratio / shape.sample_rate).astype(np.float32)
    return pole, np.sqrt(1.0 - pole**2).astype(np.float32)


@torch.no_grad()
def flutter(white: Tensor, pole: Tensor, gain: Tensor) -> Tensor:
    """Slow noise per line out of white noise per frame. Shape: [B, F, lines] -> [B, F, lines]."""
    slow = torch.zeros_like(white[:, 0])
    rows = []
    for now in white.unbind(1):
        slow = slow * pole + now * gain
        rows.append(slow)
    return torch.stack(rows, 1)


def amplitudes(
    out: Tensor, note: Tensor, loudness: Tensor, slow: Tensor, shape: Shape, ranks: Tensor | None = None
) -> Tensor:
    """Network output [B, F, levels + lines + 1] -> linear amplitudes [B, F, levels].

    ``out`` holds levels of lines and bands, depth of the lines' flutter, gain; ``note``, ``loudness`` [B, F];
    ``slow`` [B, F, lines] from flutter(); ``ranks`` [B, F, H] of stretched harmonics. What the network says is a
    spectrum: its power is divided away, and loudness is a factor in front. The gate makes it exactly zero at the
    bottom: silence is not left to learning.
    """
    levels, depth, swing = out.split([shape.levels, shape.lines, 1], 2)
    spectrum = torch.exp(SWING * torch.tanh(levels / SWING)) * heard(note, shape, ranks)
    power = (spectrum[..., : shape.lines] ** 2).sum(-1, True) * 0.5
    power = power + (spectrum[..., shape.lines :] ** 2).sum(-1, True) + LEAST_POWER
    asked = torch.exp(loudness[..., None] * DB + GAIN_SWING * torch.tanh(swing))
    gate = ((loudness - GATE_LOW_DB) / GATE_SPAN_DB).clamp(0.0, 1.0)
    moved = functional.pad(0.5 * (1.0 + torch.tanh(depth)) * slow, (0, shape.bands)) + 1.0
    return spectrum * (asked * gate[..., None] / torch.sqrt(power)) * moved


def heard(note: Tensor, shape: Shape, ranks: Tensor | None = None) -> Tensor:
    """How much of each line and band there is room for below half the rate. Shape: [B, F] -> [B, F, levels]."""
    hz = torch.exp(note * SEMITONE + math.log(440.0) - 69.0 * SEMITONE)
    if ranks is None:
        ranks = torch.arange(1, shape.harmonics + 1, device=note.device)
    ranks = ranks.to(note.dtype)
    high, low = fade_hz(shape)
    mask = ((high - hz[..., None] * ranks) / (high - low)).clamp(0.0, 1.0)
    return functional.pad(mask, (0, shape.tones + shape.bands), value=1.0)


def fade_hz(shape: Shape) -> tuple[float, float]:
    """Where harmonics are gone, and where they begin to go."""
    high = min(FADE_HZ[1], shape.sample_rate / 2 - 1500.0)
    return high, high - (FADE_HZ[1] - FADE_HZ[0])


def rise(shape: Shape, device: torch.device) -> Tensor:
    """Cycles at each sample of a frame per (last, this) increment. Shape: [2, ratio], float64."""
    n = torch.arange(1, shape.ratio + 1, dtype=torch.float64, device=device)
    new = n * (n + 1) / (2 * shape.ratio)
    return torch.stack([n - new, new])


def increments(note: Tensor, shape: Shape) -> Tensor:
    """Cycles per sample at the end of the last frame and of this one. Shape: [B, F] -> [B, F, 2], float64."""
    inc = torch.exp(note.double() * SEMITONE + (math.log(440.0 / shape.sample_rate) - 69.0 * SEMITONE))
    return torch.stack([torch.cat([inc[:, :1], inc[:, :-1]], 1), inc], 2)


def phases(note: Tensor, shape: Shape) -> Tensor:
    """Phase of the fundamental, 0..1, float32. Shape: [B, F] -> [B, F, ratio]."""
    cycles = increments(note, shape) @ rise(shape, note.device)
    total = torch.cumsum(cycles[..., -1], 1)
    return torch.remainder(cycles + (total - cycles[..., -1])[..., None], 1.0).float()


def phases_exactly(note: Tensor, shape: Shape) -> Tensor:
    """The same with the phase rounded to float32 between frames, as the exported model keeps it."""
    cycles = increments(note, shape) @ rise(shape, note.device)
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


def tone_table(tone_hz: np.ndarray, shape: Shape) -> np.ndarray:
    """A frame of every tone from phase 0: cosines, then sines. Shape: [2 * tones, ratio], float32."""
    begin = GOLDEN * np.arange(len(tone_hz))[:, None]
    angle = 2.0 * np.pi * (begin + tone_hz[:, None] / shape.sample_rate * np.arange(1, shape.ratio + 1))
    return np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32)


def tone_steps(tone_hz: np.ndarray, shape: Shape) -> np.ndarray:
    """Cycles, 0..1, that a tone goes on in a frame. Shape: [tones], float32."""
    return np.mod(tone_hz / shape.sample_rate * shape.ratio, 1.0).astype(np.float32)


def tones(steps: Tensor, table: Tensor, frames: int, begin: float = 0.0) -> Tensor:
    """Every tone, frame by frame, as the exported model has it: phases added up in float32, wrapped at 1.

    ``begin``: seconds in units of a million frames, so that training does not always hear the same beats.
    Shapes: [M], [2 M, ratio] -> [F, M, ratio].
    """
    phase = torch.remainder(steps.double() * round(begin * 1e6), 1.0).float()
    rows = []
    for _ in range(frames):
        rows.append(phase)
        phase = phase + steps
        phase = phase - torch.floor(phase)
    angle = torch.stack(rows) * (2.0 * math.pi)
    cosine, sine = table.chunk(2)
    return torch.sin(angle)[..., None] * cosine + torch.cos(angle)[..., None] * sine


def filtered(noise: Tensor, filters: Tensor, shape: Shape) -> Tensor:
    """White noise through the band filters, from silence. Shape: [F * ratio] -> [F, N, ratio]."""
    bands = functional.conv1d(functional.pad(noise[None], (shape.taps - 1, 0)), filters.flip(1)[:, None])
    return bands.unflatten(1, (-1, shape.ratio)).transpose(0, 1).contiguous()


def mix(level: Tensor, waves: Tensor, fixed: Tensor) -> Tensor:
    """Sum of all waves, each level going straight from the last frame's value to this one's.

    ``waves`` [B, F, H, ratio] harmonics; ``fixed`` [F, M + N, ratio] tones and noise bands, one for all of the batch;
    ``level`` [B, F, H + M + N] -> [B, F * ratio].
    """
    ratio, split = fixed.shape[-1], waves.shape[2]
    pairs = torch.stack([functional.pad(level, (0, 0, 1, 0))[:, :-1], level], 2)
    new = torch.arange(1, ratio + 1, device=level.device, dtype=level.dtype) / ratio
    others = pairs[..., split:].transpose(0, 1).flatten(1, 2) @ fixed
    ends = pairs[..., :split] @ waves + others.unflatten(1, (-1, 2)).transpose(0, 1)
    return (ends[:, :, 0] * (1.0 - new) + ends[:, :, 1] * new).flatten(1)
