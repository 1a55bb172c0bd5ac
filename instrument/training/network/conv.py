"""Conv: the decoders whose waves are learned - sub-band samples out of causal convolutions, and noise bands.

``conv`` after RAVE (Caillon & Esling 2021) and BRAVE (Caspe et al. 2025), from the papers: frames rise to eight
sub-bands through transposed convolutions that are trimmed on the right, so that none looks ahead. ``excited`` is the
same network given a source that is in tune: harmonics and noise with learned levels, heard by themselves and split
into the sub-bands that the network turns into what harmonics are not.

Convolutions have no bias and are fed the difference from an instrument at rest, so that a memory of zeros is one at
rest. Loudness is a factor in front, as in the harmonic family: level.py divides the power of what is learned away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from instrument.base.errors import RosinError
from instrument.training.network import bandsplit, synthesis
from instrument.training.network.chance import Chance
from instrument.training.network.decoder import Decoder
from instrument.training.network.level import levelled
from instrument.training.network.shape import Shape
from instrument.training.network.stack import SLOPE, CausalStack

STEP = 4
"""A rise multiplies the rate by so much; two of them and the band split make a frame of 128 samples."""
DILATIONS = (1, 3, 9)
BEGIN = 0.1
"""The sub-bands begin this soft: beside the noise bands, which are nearer to any sound than what is not learned yet."""


class Rise(nn.Module):
    """A transposed convolution of 2 * STEP taps, step STEP, trimmed on the right: this step and the last one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.taps = nn.Conv1d(inputs, STEP * outputs, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, T] -> [B, outputs, STEP * T]."""
        y = self.taps(functional.pad(x, (1, 0))).unflatten(1, (STEP, self.outputs))
        return y.permute(0, 2, 3, 1).flatten(2)


class Block(nn.Module):
    """A residual dilated convolution that looks back only. [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.first = nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False)
        self.second = nn.Conv1d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(functional.pad(x, (2 * self.dilation, 0)))
        return x + self.second(functional.leaky_relu(y, SLOPE))


class Upsampling(nn.Module):
    """A rise, what is joined after it (``joined`` channels of source), and blocks."""

    def __init__(self, inputs: int, outputs: int, joined: int) -> None:
        super().__init__()
        self.rise = Rise(inputs, outputs)
        self.join = nn.Conv1d(joined, outputs, 1, bias=False) if joined else None
        self.blocks = nn.ModuleList(Block(outputs, dilation) for dilation in DILATIONS)

    def forward(self, x: Tensor, source: Tensor | None) -> Tensor:
        h = self.rise(x)
        if self.join is not None:
            h = h + self.join(source)
        for block in self.blocks:
            h = block(h)
        return h


class ConvDecoder(Decoder):
    """What is played to sound, of the families ``conv`` and ``excited``. RosinError when the shape does not fit."""

    delay_samples = 64
    """Loudness runs straight from one frame's value to the next, 64; the band split, 32, runs beside it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if shape.ratio != STEP * STEP * bandsplit.BANDS:
            raise RosinError(f"a {shape.family} decoder works on frames of 128 samples; leave ratio at 128")
        if shape.tones:
            raise RosinError(f"a {shape.family} decoder has no fixed tones; leave tones at 0")
        self.shape = shape
        self.excited = shape.family == "excited"
        self.lines = shape.harmonics if self.excited else 0
        self.stack = CausalStack(shape.inputs, shape.width, shape.dilations)
        self.head = nn.Conv1d(shape.width, self.lines + shape.bands, 1)
        joined = 2 * bandsplit.BANDS if self.excited else 0
        middle, high = shape.width // 2, 3 * shape.width // 8
        self.low_stage = Upsampling(shape.width, middle, STEP * joined)
        self.high_stage = Upsampling(middle, high, joined)
        self.out = nn.Conv1d(high, bandsplit.BANDS, 1, bias=False)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            loudest = -5.0 if self.excited else -2.5  # about as much noise as sub-bands, and dark
            falls = torch.linspace(-0.5, -8.0, self.lines), torch.linspace(loudest, loudest - 5.0, shape.bands)
            self.head.bias.copy_(torch.cat(falls))
            self.out.weight.mul_(BEGIN)
        self.scale_z(shape)
        for name, value in (
            ("noise_filters", torch.from_numpy(synthesis.noise_filters(shape))),
            ("splitters", bandsplit.as_float32(bandsplit.analysis_filters())),
            ("joiners", bandsplit.as_float32(bandsplit.synthesis_filters())),
        ):
            self.register_buffer(name, value, False)

    def levels(self, said: Tensor, note: Tensor) -> Tensor:
        """Amplitudes of harmonics (``excited``; then the whole has power 1) and noise bands, at the end of each frame.

        Shapes: said [B, F, lines + bands], note [B, F] -> [B, F, lines + bands].
        """
        level = torch.exp(synthesis.SWING * torch.tanh(said / synthesis.SWING))
        if not self.excited:
            return level
        level = level * synthesis.heard(note, self.shape)
        power = 0.5 * (level[..., : self.lines] ** 2).sum(-1, True) + (level[..., self.lines :] ** 2).sum(-1, True)
        return level / torch.sqrt(power + synthesis.LEAST_POWER)

    def sound(self, z: Tensor, waves: Tensor, fixed: Tensor, white: Tensor) -> Tensor:
        """What learn() and play() have in common.

        z [B, L, F], ``waves`` of the harmonics [B, F, lines, ratio], ``fixed`` noise bands [F, N, ratio], ``white``
        noise [B, F * ratio] for the network of ``excited`` -> [B, F * ratio].
        """
        ratio, rest = self.shape.ratio, self.rest()
        h = self.stack(z * self.z_scale + self.z_shift, rest)
        level = self.levels(self.head(h).transpose(1, 2), z[:, 0])
        plain = synthesis.mix(level[..., self.lines :], waves[:, :, :0], fixed)
        low = high = None
        if self.excited:
            source = synthesis.mix(level[..., : self.lines], waves, fixed[:, :0])
            plain = plain + source
            # white noise split into its eight phases is white noise in eight channels: no filter is needed
            hiss = white.unflatten(1, (-1, bandsplit.BANDS)).transpose(1, 2)
            high = torch.cat([bandsplit.split(source, self.splitters), hiss], 1)
            low = high.unflatten(2, (-1, STEP)).permute(0, 3, 1, 2).flatten(1, 2)
        x = h - self.stack.rests(rest)[-1][:, None]
        x = self.high_stage(self.low_stage(x, low), high)
        raw = (plain + bandsplit.join(self.out(x), self.joiners)).unflatten(1, (-1, ratio))
        gate = ((z[:, 1] - synthesis.GATE_LOW_DB) / synthesis.GATE_SPAN_DB).clamp(0.0, 1.0)
        return levelled(raw, torch.exp(z[:, 1] * synthesis.DB) * gate).flatten(1)

    def learn(self, z: Tensor, chance: Chance) -> Tensor:
        """For training: z [B, L, F] -> [B, F * ratio]."""
        batch, _, frames = z.shape
        ratio = self.shape.ratio
        white = chance.white(batch, frames * ratio) if self.excited else z.new_zeros(batch, 0)
        waves = z.new_zeros(batch, frames, 0, ratio)
        if self.excited:
            waves = synthesis.harmonics(synthesis.phases(z[:, 0], self.shape), self.shape)
        return self.sound(z, waves, chance.bands(frames), white)

    def play(self, z: Tensor, noise: Tensor) -> Tensor:
        """Exactly what the exported model does with z [1, L, F] and white noise [1, F * ratio]; [1, F * ratio]."""
        waves = z.new_zeros(1, z.shape[2], 0, self.shape.ratio)
        if self.excited:
            waves = synthesis.harmonics(synthesis.phases_exactly(z[:, 0], self.shape), self.shape)
        return self.sound(z, waves, synthesis.filtered(noise[0], self.noise_filters, self.shape), noise)
