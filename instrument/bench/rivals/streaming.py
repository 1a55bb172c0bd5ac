"""Streaming: the network as an export for nn~ - its own layers, a cache in front of each, scripted. Under against.

Written as its author would who has the trained network and wants it in nn~: every convolution stays a Conv1d, in
front of it lies a buffer with the end of what came before (cached convolutions, Caillon & Esling 2022), and the
synthesis is synthesis.py in plain torch operations. ``torch.jit.script``, saved, loaded again and called
method by method in inference mode, neither frozen nor fused by hand: so does nn~ (src/backend/backend.cpp).

Left out in its favour: nn~'s own copies in and out, drawing noise, the encoder's spread, caches for 64 voices and
written in place, more than one frame a call, and tables are buffers and not made anew in every call. Not in it, and
not in any export that is not written by hand as ours is: constants folded into weights, fewer sines by sums of angles,
noise filters summed before they filter, dilated layers as products. The last is a good part of the difference: torch
takes 100 us for a dilated Conv1d of 128 channels and one frame, where an undilated one takes 11, and so do all exports
with dilated layers. Where those are given every d-th column instead, as no cached convolution does, 4.4 becomes 2.5.
Written anew from the papers; no line of those projects is in it.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from instrument.training.network import strings, synthesis
from instrument.training.network.encoder_features import EARS, OFFSET, SCALE
from instrument.training.network.harmonic import HarmonicDecoder
from instrument.training.network.model import PITCH_REACH, Encoder, Network
from instrument.training.network.shape import LOUDNESS_LOW_DB
from instrument.training.network.stack import SLOPE, CausalStack


class CachedConv(nn.Module):
    """A convolution that goes on where it stopped: what it needs of the past is kept in front of what comes."""

    if TYPE_CHECKING:  # not for torch.jit, which would read it
        cache: Tensor

    def __init__(self, conv: nn.Conv1d, before: Tensor | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.past = (conv.kernel_size[0] - 1) * conv.dilation[0] + 1 - conv.stride[0]
        rest = torch.zeros(conv.in_channels) if before is None else before
        self.register_buffer("cache", rest[None, :, None].expand(1, -1, self.past).clone())

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cache, x], 2)
        self.cache = x[:, :, -self.past :]
        return self.conv(x)


def fixed(kernels: Tensor, stride: int = 1) -> CachedConv:
    """Filters that are not learned, [filters, 1, taps], as a cached convolution."""
    conv = nn.Conv1d(1, len(kernels), kernels.shape[2], stride=stride, bias=False)
    conv.weight.data.copy_(kernels)
    return CachedConv(conv)


class Stack(nn.Module):
    """CausalStack, a frame at a time."""

    def __init__(self, stack: CausalStack, rest: Tensor) -> None:
        super().__init__()
        self.first = stack.first
        self.slope = SLOPE
        layers = zip(stack.layers, stack.rests(rest), strict=False)
        self.layers = nn.ModuleList(CachedConv(layer, before) for layer, before in layers)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.leaky_relu(self.first(x), self.slope)
        for layer in self.layers:
            h = h + functional.leaky_relu(layer(h), self.slope)
        return h


class String(nn.Module):
    """strings.py: how far the partials of what is played are stretched."""

    def __init__(self, decoder: HarmonicDecoder, stiff: strings.Stiffness) -> None:
        super().__init__()
        self.low, self.high, self.least = math.log(strings.LEAST), math.log(strings.MOST), strings.LEAST
        scale, shift = decoder.z_scale[:, 0].double(), decoder.z_shift[:, 0].double()
        tables = {
            "scale": scale,
            "shift": shift,
            "first": stiff.first.weight.T.double(),
            "second": stiff.last.weight.T.double(),
            "first_bias": stiff.first.bias.double(),
            "second_bias": stiff.last.bias.double(),
            "n": torch.arange(1, decoder.shape.harmonics + 1, dtype=torch.float64),
        }
        for name, value in tables.items():
            self.register_buffer(name, value.detach().clone())

    def forward(self, z: Tensor) -> Tensor:
        """z [1, L, 1] -> [1, H], float64."""
        played = z[:, :, 0].double() * self.scale + self.shift
        played = torch.cat([played[:, :1], played[:, 2:]], 1)
        said = torch.tanh(played @ self.first + self.first_bias) @ self.second + self.second_bias
        b = torch.exp(said.clamp(self.low, self.high)) - self.least
        return self.n * torch.sqrt((1.0 + b * self.n**2) / (1.0 + b))


class Synthesis(nn.Module):
    """synthesis.py, a frame at a time: phases, levels and flutter are where the last frame left them."""

    if TYPE_CHECKING:  # not for torch.jit, which would read it
        note: Tensor
        phase: Tensor
        slow: Tensor
        level: Tensor
        tone_phase: Tensor

    def __init__(self, decoder: HarmonicDecoder) -> None:
        super().__init__()
        s = decoder.shape
        self.ratio, self.harmonics, self.tones, self.bands, self.lines = (
            s.ratio,
            s.harmonics,
            s.tones,
            s.bands,
            s.lines,
        )
        self.levels = s.levels
        self.fade_high, self.fade_low = synthesis.fade_hz(s)
        self.hz_shift = math.log(440.0) - 69.0 * synthesis.SEMITONE
        self.step_shift = math.log(440.0 / s.sample_rate) - 69.0 * synthesis.SEMITONE
        self.semitone, self.db = synthesis.SEMITONE, synthesis.DB
        self.swing, self.gain_swing, self.least = synthesis.SWING, synthesis.GAIN_SWING, synthesis.LEAST_POWER
        self.gate_low, self.gate_span = synthesis.GATE_LOW_DB, synthesis.GATE_SPAN_DB
        self.turn = 2.0 * math.pi
        self.air = fixed(decoder.noise_filters.flip(1)[:, None])
        new = torch.arange(1, s.ratio + 1) / s.ratio
        tables = {
            "ranks": torch.arange(1.0, s.harmonics + 1),
            "rise": synthesis.rise(s, torch.device("cpu")),
            "ramp": torch.stack([1.0 - new, new]),
            "pole": decoder.flutter_pole,
            "gain": decoder.flutter_gain,
            "tone_steps": decoder.tone_steps,
            "tone_cosine": decoder.tone_table[: s.tones],
            "tone_sine": decoder.tone_table[s.tones :],
        }
        self.stretched = decoder.stiffness is not None
        self.stiffness = nn.Identity() if decoder.stiffness is None else String(decoder, decoder.stiffness)
        states = {
            "note": torch.zeros(1, 1),
            "phase": torch.zeros(1, s.harmonics if self.stretched else 1),
            "slow": torch.zeros(1, s.lines),
            "level": torch.zeros(1, 1, s.levels),
            "tone_phase": torch.zeros(s.tones),
        }
        for name, value in (tables | states).items():
            self.register_buffer(name, value.clone())

    def flutter(self, noise: Tensor) -> Tensor:
        """[1, 1, ratio] -> [1, lines]."""
        white = noise[:, 0]
        if self.lines > self.ratio:
            white = white.repeat(1, (self.lines + self.ratio - 1) // self.ratio)
        slow = self.slow * self.pole + white[:, : self.lines] * self.gain
        self.slow = slow
        return slow

    def amplitudes(self, out: Tensor, note: Tensor, loudness: Tensor, slow: Tensor, ranks: Tensor) -> Tensor:
        """[1, levels + lines + 1], note and loudness [1, 1], [1, lines], ranks [1, H] -> [1, levels]."""
        levels, depth, swing = out.split([self.levels, self.lines, 1], 1)
        hz = torch.exp(note * self.semitone + self.hz_shift)
        mask = ((self.fade_high - hz * ranks) / (self.fade_high - self.fade_low)).clamp(0.0, 1.0)
        mask = functional.pad(mask, (0, self.tones + self.bands), value=1.0)
        spectrum = torch.exp(self.swing * torch.tanh(levels / self.swing)) * mask
        power = (spectrum[:, : self.lines] ** 2).sum(1, keepdim=True) * 0.5
        power = power + (spectrum[:, self.lines :] ** 2).sum(1, keepdim=True) + self.least
        asked = torch.exp(loudness * self.db + self.gain_swing * torch.tanh(swing))
        gate = ((loudness - self.gate_low) / self.gate_span).clamp(0.0, 1.0)
        moved = functional.pad(0.5 * (1.0 + torch.tanh(depth)) * slow, (0, self.bands)) + 1.0
        return spectrum * (asked * gate / torch.sqrt(power)) * moved

    def waves(self, note: Tensor, ranks: Tensor) -> Tensor:
        """Sines of all harmonics: note [1, 1], ranks [1, H] float64 -> [1, H, ratio]."""
        since = torch.where(self.note == 0.0, note, self.note)
        self.note = note
        steps = torch.exp(torch.cat([since, note], 1).double() * self.semitone + self.step_shift)
        cycles = steps @ self.rise
        if self.stretched:
            before = self.phase
            after = before.double() + ranks * cycles[:, -1:]
            self.phase = (after - after.floor()).float()
            angle = before[:, :, None] + ranks.float()[:, :, None] * cycles.float()[:, None]
            return torch.sin(angle * self.turn)
        cycles = cycles + self.phase.double()
        phase = (cycles - cycles.floor()).float()
        self.phase = phase[:, -1:]
        return torch.sin(phase[:, None] * (self.ranks * self.turn)[:, None])

    def ringing(self) -> Tensor:
        """The fixed tones: [1, M, ratio]."""
        angle = self.tone_phase * self.turn
        on = self.tone_phase + self.tone_steps
        self.tone_phase = on - torch.floor(on)
        return (torch.sin(angle)[:, None] * self.tone_cosine + torch.cos(angle)[:, None] * self.tone_sine)[None]

    def forward(self, out: Tensor, z: Tensor, noise: Tensor) -> Tensor:
        """What the network says [1, levels + lines + 1, 1], z [1, L, 1], noise [1, 1, ratio] -> [1, 1, ratio]."""
        ranks = self.stiffness(z) if self.stretched else self.ranks[None].double()
        level = self.amplitudes(out[:, :, 0], z[:, 0], z[:, 1], self.flutter(noise), ranks.float())[:, None]
        pairs = torch.cat([self.level, level], 1)
        self.level = level
        parts = [self.waves(z[:, 0], ranks), self.air(noise)]
        if self.tones > 0:
            parts.insert(1, self.ringing())
        return ((pairs @ torch.cat(parts, 1)) * self.ramp).sum(1, keepdim=True)


class StreamingDecoder(nn.Module):
    """HarmonicDecoder.play, a frame at a time."""

    def __init__(self, decoder: HarmonicDecoder) -> None:
        super().__init__()
        self.stack = Stack(decoder.stack, decoder.rest())
        self.head = decoder.head
        self.synthesis = Synthesis(decoder)
        self.register_buffer("z_scale", decoder.z_scale.clone())
        self.register_buffer("z_shift", decoder.z_shift.clone())

    def forward(self, z: Tensor, noise: Tensor) -> Tensor:
        return self.synthesis(self.head(self.stack(z * self.z_scale + self.z_shift)), z, noise)


class StreamingEncoder(nn.Module):
    """Encoder.encode, a frame at a time, without the spread."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        ratio, ears = encoder.shape.ratio, encoder.ears
        self.ear0, self.ear1, self.ear2 = (
            fixed(getattr(ears, f"ear{i}"), ratio // ear.divide) for i, ear in enumerate(EARS)
        )
        self.slower, self.slowest = fixed(ears.decimator, 4), fixed(ears.decimator, 4)
        self.power = fixed(ears.loudness_window, ratio)
        self.totals = [ear.total for ear in EARS]
        self.stack = Stack(encoder.stack, ears.silence())
        self.head = encoder.head
        self.latents = encoder.shape.latents
        self.register_buffer("notes", encoder.notes.clone())
        self.floor, self.low, self.reach = encoder.shape.power_floor, LOUDNESS_LOW_DB, PITCH_REACH
        self.decibels, self.scale, self.offset = 10.0 / math.log(10), SCALE, OFFSET

    def bands(self, y: Tensor, total: int) -> Tensor:
        return y[:, :total] ** 2 + y[:, total:] ** 2

    def pitch(self, scores: Tensor) -> Tensor:
        """[1, notes, 1] -> [1, 1]."""
        p = torch.softmax(scores, 1)
        best = self.notes[scores.argmax(1)]
        away = self.notes[None, :, None] - best[:, None]
        near = p * (away.abs() < self.reach)
        return best + (near * away).sum(1) / near.sum(1)

    def forward(self, audio: Tensor) -> Tensor:
        """[1, 1, ratio] -> [1, L, 1]."""
        slower = self.slower(audio)
        slowest = self.slowest(slower)
        heard = torch.cat(
            [
                self.bands(self.ear0(audio), self.totals[0]),
                self.bands(self.ear1(slower), self.totals[1]),
                self.bands(self.ear2(slowest), self.totals[2]),
            ],
            1,
        )
        loudness = (torch.log(self.power(audio**2) + 1e-9) * self.decibels).clamp(self.low, 0.0)
        out = self.head(self.stack(torch.log(heard + self.floor) * self.scale + self.offset))
        scores = out[:, 2 * self.latents :]
        return torch.cat([self.pitch(scores)[:, None], loudness, out[:, : self.latents]], 1)


class Export(nn.Module):
    """Both halves as the two methods of one export."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.decoder = StreamingDecoder(network.decoder)
        self.encoder = StreamingEncoder(network.encoder)

    @torch.jit.export
    def decode(self, z: Tensor, noise: Tensor) -> Tensor:
        return self.decoder(z, noise)

    @torch.jit.export
    def encode(self, audio: Tensor) -> Tensor:
        return self.encoder(audio)


@torch.no_grad()
def exported(network: Network) -> Any:
    """The export as a player has it: scripted, saved, loaded, for inference."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(Export(network).eval()), file)
    file.seek(0)
    return torch.jit.load(file).eval()


class Streaming:
    """One method of an export, to be raced. ``run`` takes ``inputs`` in their order as tensors."""

    def __init__(self, export: Any, method: str) -> None:
        self.inputs = ["z", "noise.air"] if method == "decode" else ["audio"]
        self.outputs = ["audio"] if method == "decode" else ["mean"]
        self.run: Any = export._c._get_method(method)
