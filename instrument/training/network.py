"""Network: what is trained. Sound -> (pitch, loudness, latents) -> sound, one frame of 128 samples at a time.

Everything looks back only: convolutions are padded on the left, so that running a whole sound at once (here) and
running it frame by frame with kept state (the exported ONNX) are the same computation. The decoder is harmonic
plus noise (DDSP, Engel et al. 2020; NoiseBandNet, Barahona-Rios & Collins 2023) and lives in synthesis.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from instrument.training import synthesis

SLOPE = 0.1
"""Of the leaky rectifier everywhere."""
POWER_FLOOR = 1e-7
LOUDNESS_LOW_DB = -80.0
LOUDNESS_SAMPLES = 1024
REST_NOTE = 57.0
PITCH_REACH = 1.25
"""Semitones round the best note over which the pitch is averaged."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network. ``ratio`` samples a frame; notes are MIDI numbers; ``taps`` of each noise filter."""

    sample_rate: int = 48000
    ratio: int = 128
    latents: int = 8
    width: int = 192
    dilations: tuple[int, ...] = (1, 2, 4)
    harmonics: int = 80
    bands: int = 64
    taps: int = 255
    low_note: float = 24.0
    high_note: float = 108.0
    note_step: float = 0.5

    @property
    def note_count(self) -> int:
        return round((self.high_note - self.low_note) / self.note_step) + 1

    def table(self) -> dict[str, object]:
        return {**asdict(self), "dilations": list(self.dilations)}


@dataclass(frozen=True, slots=True)
class Ear:
    """One resolution of the front end: ``bands`` complex filters over the last ``samples`` at ``rate/divide``."""

    divide: int
    samples: int
    bands: int
    low_hz: float
    high_hz: float


EARS = (Ear(1, 512, 48, 1200.0, 16000.0), Ear(4, 512, 96, 180.0, 4200.0), Ear(16, 256, 64, 30.0, 620.0))
DECIMATOR_TAPS = 48


def _skewed_window(samples: int) -> np.ndarray:
    """A sin^2 hump that peaks at 0.71 of its length: causal, so the newest sound should weigh more."""
    u = (np.arange(samples) + 0.5) / samples
    return np.sin(np.pi * u**2) ** 2


def ear_kernel(ear: Ear, rate_hz: int) -> np.ndarray:
    """Cosines then sines of one ear under their window. Shape: [2 * bands, samples], float32."""
    centre = np.geomspace(ear.low_hz, ear.high_hz, ear.bands)[:, None]
    time = (np.arange(ear.samples) - ear.samples + 1) / (rate_hz / ear.divide)
    window = _skewed_window(ear.samples)
    window = window / window.sum()
    return np.concatenate(
        [window * np.cos(2 * np.pi * centre * time), window * np.sin(2 * np.pi * centre * time)]
    ).astype(np.float32)


def decimator() -> np.ndarray:
    """Low pass for a step of 4. Shape: [DECIMATOR_TAPS], float32."""
    n = np.arange(DECIMATOR_TAPS) - (DECIMATOR_TAPS - 1) / 2
    taps = np.sinc(n * 0.21) * np.kaiser(DECIMATOR_TAPS, 6.0)
    return (taps / taps.sum()).astype(np.float32)


def loudness_window() -> np.ndarray:
    window = _skewed_window(LOUDNESS_SAMPLES)
    return (window / window.sum()).astype(np.float32)


class CausalStack(nn.Module):
    """Frames in, frames out: a dense layer and residual dilated convolutions that look back only."""

    def __init__(self, inputs: int, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.first = nn.Conv1d(inputs, width, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=d) for d in shape.dilations)

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


class Encoder(nn.Module):
    """Sound to what is played: pitch (MIDI note), loudness (dB) and the latents' mean and spread."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        for i, ear in enumerate(EARS):
            self.register_buffer(f"ear{i}", torch.from_numpy(ear_kernel(ear, shape.sample_rate))[:, None], False)
        self.register_buffer("decimator", torch.from_numpy(decimator())[None, None], False)
        self.register_buffer("loudness_window", torch.from_numpy(loudness_window())[None, None], False)
        self.register_buffer("notes", shape.low_note + shape.note_step * torch.arange(shape.note_count), False)
        self.stack = CausalStack(sum(ear.bands for ear in EARS), shape)
        self.head = nn.Conv1d(shape.width, 2 * shape.latents + shape.note_count, 1)

    def features(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Log powers of all ears, scaled to about -1..1, and the loudness in dB. Shapes: [B, 208, F], [B, F]."""
        ratio = self.shape.ratio
        x = audio[:, None]
        ears, divide = [], 1
        for i, ear in enumerate(EARS):
            while divide < ear.divide:
                x = functional.conv1d(functional.pad(x, (DECIMATOR_TAPS - 4, 0)), self.decimator, stride=4)
                divide *= 4
            hop = ratio // ear.divide
            y = functional.conv1d(functional.pad(x, (ear.samples - hop, 0)), getattr(self, f"ear{i}"), stride=hop)
            ears.append(y[:, : ear.bands] ** 2 + y[:, ear.bands :] ** 2)
        power = functional.conv1d(
            functional.pad(audio[:, None] ** 2, (LOUDNESS_SAMPLES - ratio, 0)), self.loudness_window, stride=ratio
        )
        loudness = torch.log(power[:, 0] + 1e-9) * (10.0 / np.log(10.0))
        return torch.log(torch.cat(ears, 1) + POWER_FLOOR) * 0.125 + 1.0, loudness.clamp(LOUDNESS_LOW_DB, 0.0)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loudness [B, F], mean and log spread of the latents [B, latents, F], note scores [B, notes, F]."""
        features, loudness = self.features(audio)
        out = self.head(self.stack(features, self.silence()))
        n = self.shape.latents
        return loudness, out[:, :n], out[:, n : 2 * n].clamp(-6.0, 2.0), out[:, 2 * n :]

    def silence(self) -> Tensor:
        """The features of no sound at all. Shape: [208]."""
        return torch.full((self.stack.first.in_channels,), float(np.log(POWER_FLOOR)) * 0.125 + 1.0,
                          device=self.notes.device)  # fmt: skip

    def pitch(self, scores: Tensor) -> Tensor:
        """The note: mean of the notes within PITCH_REACH of the best one. Shape: [B, notes, F] -> [B, F]."""
        p = torch.softmax(scores, 1)
        best = self.notes[scores.argmax(1)]
        # Away from the best one, not from 0: a mean of numbers near 64 loses three more bits than float32 has to lose.
        away = self.notes[None, :, None] - best[:, None]
        near = p * (away.abs() < PITCH_REACH)
        return best + (near * away).sum(1) / near.sum(1)

    def encode(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """z and its spread as the contract has them: pitch, loudness, latents. Shapes: [B, L, F]."""
        loudness, mean, log_std, scores = self(audio)
        z = torch.cat([self.pitch(scores)[:, None], loudness[:, None], mean], 1)
        return z, torch.cat([torch.zeros_like(z[:, :2]), log_std.exp()], 1)


class Decoder(nn.Module):
    """What is played to sound: amplitudes of harmonics and noise bands a frame, then synthesis."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stack = CausalStack(2 + shape.latents, shape)
        self.head = nn.Conv1d(shape.width, 2 * shape.harmonics + shape.bands + 1, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            slope = torch.linspace(-0.5, -8.0, shape.harmonics)
            still = torch.full((shape.harmonics,), -0.7)
            self.head.bias.copy_(torch.cat([slope, torch.full((shape.bands,), -6.0), still, torch.zeros(1)]))
        z_scale = torch.ones(2 + shape.latents)
        z_shift = torch.zeros(2 + shape.latents)
        z_scale[0], z_shift[0] = 1 / 16.0, -64 / 16.0
        z_scale[1], z_shift[1] = 1 / 20.0, 40 / 20.0
        self.register_buffer("z_scale", z_scale[:, None], False)
        self.register_buffer("z_shift", z_shift[:, None], False)
        self.register_buffer("noise_filters", torch.from_numpy(synthesis.noise_filters(shape)), False)

    def rest(self) -> Tensor:
        """z of an instrument that is not played, scaled: silence, the middle of the latents. Shape: [L]."""
        z = torch.zeros_like(self.z_scale)
        z[0], z[1] = REST_NOTE, LOUDNESS_LOW_DB
        return (z * self.z_scale + self.z_shift)[:, 0]

    def amplitudes(self, z: Tensor, slow: Tensor) -> Tensor:
        """Levels of harmonics then noise bands at the end of each frame. [B, L, F], [B, F, H] -> [B, F, H + N]."""
        out = self.head(self.stack(z * self.z_scale + self.z_shift, self.rest())).transpose(1, 2)
        return synthesis.amplitudes(out, z[:, 0], z[:, 1], slow, self.shape)

    def forward(self, z: Tensor, noise_bands: Tensor, white: Tensor) -> Tensor:
        """Training: ``noise_bands`` [F, N, ratio] is noise already filtered, ``white`` [B, F, H] for the flutter.

        z [B, L, F] -> [B, F * ratio].
        """
        waves = synthesis.harmonics(synthesis.phases(z[:, 0], self.shape), self.shape)
        return synthesis.mix(self.amplitudes(z, synthesis.flutter(white, self.shape)), waves, noise_bands)

    def play(self, z: Tensor, noise: Tensor) -> Tensor:
        """Exactly what the exported model does with z [1, L, F] and white noise [1, F * ratio]; [1, F * ratio]."""
        waves = synthesis.harmonics(synthesis.phases_exactly(z[:, 0], self.shape), self.shape)
        bands = synthesis.filtered(noise[0], self.noise_filters, self.shape)
        # the flutter takes the first samples of each frame's noise: one noise input is enough
        white = noise.unflatten(1, (-1, self.shape.ratio))[:, :, : self.shape.harmonics]
        return synthesis.mix(self.amplitudes(z, synthesis.flutter(white, self.shape)), waves, bands)


class Network(nn.Module):
    """Encoder and decoder together."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())
