"""Model: what is trained. Sound -> (pitch, loudness, latents) -> sound, one frame of 128 samples at a time.

Everything looks back only: convolutions are padded on the left, so that running a whole sound at once (here) and
running it frame by frame with kept state (the exported ONNX) are the same computation. One encoder serves every
family of decoders.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from instrument.training.network.encoder_features import FEATURES, Ears
from instrument.training.network.harmonic import HarmonicDecoder
from instrument.training.network.shape import Shape
from instrument.training.network.stack import CausalStack

PITCH_REACH = 1.25
"""Semitones round the best note over which the pitch is averaged."""


class Encoder(nn.Module):
    """Sound to what is played: pitch (MIDI note), loudness (dB) and the latents' mean and spread."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.ears = Ears(shape)
        self.register_buffer("notes", shape.low_note + shape.note_step * torch.arange(shape.note_count), False)
        self.stack = CausalStack(FEATURES, shape.ear_width, shape.dilations)
        self.head = nn.Conv1d(shape.ear_width, 2 * shape.latents + shape.note_count, 1)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loudness [B, F], mean and log spread of the latents [B, latents, F], note scores [B, notes, F]."""
        features, loudness = self.ears(audio)
        out = self.head(self.stack(features, self.ears.silence()))
        n = self.shape.latents
        return loudness, out[:, :n], out[:, n : 2 * n].clamp(-6.0, 2.0), out[:, 2 * n :]

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

    def reorder(self, order: list[int], turn: Tensor) -> None:
        """Permute the latents and turn some round ([latents], 1 or -1)."""
        n = self.shape.latents
        with torch.no_grad():
            self.head.weight[:n] = self.head.weight[:n][order] * turn[:, None, None]
            self.head.bias[:n] = self.head.bias[:n][order] * turn
            self.head.weight[n : 2 * n] = self.head.weight[n : 2 * n][order]
            self.head.bias[n : 2 * n] = self.head.bias[n : 2 * n][order]


def decoder_of(shape: Shape) -> Any:
    """A decoder of the shape's family: HarmonicDecoder, or ConvDecoder, which has the same methods."""
    if shape.family == "harmonic":
        return HarmonicDecoder(shape)
    from instrument.training.network.conv import ConvDecoder

    return ConvDecoder(shape)


class Network(nn.Module):
    """Encoder and decoder together."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = decoder_of(shape)

    def reorder(self, order: list[int], signs: list[int]) -> None:
        """Give the latents another order and turn some round, without changing what the network does."""
        turn = torch.tensor([float(s) for s in signs])
        self.encoder.reorder(order, turn)
        self.decoder.reorder(order, turn)

    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())
