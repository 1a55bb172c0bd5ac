"""Harmonic: the decoder whose levels are learned and whose waves are not - harmonics, tones, noise bands.

DDSP (Engel et al. 2020) for the harmonics, NoiseBandNet (Barahona-Rios & Collins 2023) for the bands; the tones are a
bank of fixed sines at the frequencies that ring in the sounds (tones.py), for what is struck and has no harmonics.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from instrument.training.network import strings, synthesis
from instrument.training.network.chance import Chance
from instrument.training.network.decoder import Decoder
from instrument.training.network.shape import Shape
from instrument.training.network.stack import CausalStack


class HarmonicDecoder(Decoder):
    """What is played to sound: amplitudes of lines and noise bands a frame, then synthesis."""

    delay_samples = 64
    """Levels run straight from one frame's value to the next: half a frame of 128 on the average, no look-ahead."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stack = CausalStack(shape.inputs, shape.width, shape.dilations)
        self.head = nn.Conv1d(shape.width, shape.levels + shape.lines + 1, 1)
        self.stiffness = strings.Stiffness(shape) if shape.inharmonic else None
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            slope = torch.linspace(-0.5, -8.0, shape.harmonics)
            still, quiet = torch.full((shape.lines,), -0.7), torch.full((shape.tones + shape.bands,), -6.0)
            self.head.bias.copy_(torch.cat([slope, quiet, still, torch.zeros(1)]))
        self.scale_z(shape)
        self.register_buffer("noise_filters", torch.from_numpy(synthesis.noise_filters(shape)), False)
        self.register_buffer("tone_hz", torch.from_numpy(np.geomspace(60.0, 12000.0, shape.tones)))
        self.tune(self.tone_hz.numpy())

    def tune(self, tone_hz: np.ndarray) -> None:
        """Set the tones' frequencies, [tones] in Hz, ascending."""
        hz = np.asarray(tone_hz, np.float64)
        self.tone_hz.copy_(torch.from_numpy(hz))
        device = self.tone_hz.device
        pole, gain = synthesis.flutter_poles(self.shape, hz)
        for name, value in (
            ("flutter_pole", pole),
            ("flutter_gain", gain),
            ("tone_steps", synthesis.tone_steps(hz, self.shape)),
            ("tone_table", synthesis.tone_table(hz, self.shape)),
        ):
            self.register_buffer(name, torch.from_numpy(value).to(device), False)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: object) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.tune(self.tone_hz.cpu().numpy())

    def reorder(self, order: list[int], turn: Tensor) -> None:
        """And the stiffness that is learned of them."""
        super().reorder(order, turn)
        if self.stiffness is not None:
            self.stiffness.reorder(order, turn)

    def said(self, z: Tensor) -> Tensor:
        """What the network says of each frame, before synthesis. [B, L, F] -> [B, F, levels + lines + 1]."""
        return self.head(self.stack(z * self.z_scale + self.z_shift, self.rest())).transpose(1, 2)

    def ranks(self, z: Tensor, known: Tensor | None = None) -> Tensor | None:
        """Stretched partials' frequencies in multiples of the first, [B, F, H] float64; None where none is stretched.

        ``known`` [B]: the strings' B, to be taken in the place of what z says; NaN is not known.
        """
        if self.stiffness is None:
            return None
        with torch.no_grad():
            b = torch.exp(self.stiffness.log(z * self.z_scale + self.z_shift)) - strings.LEAST
            if known is not None:
                b = torch.where(torch.isnan(known)[:, None], b, known.double()[:, None])
            return strings.ranks(b, self.shape)

    def learn(self, z: Tensor, chance: Chance, known: Tensor | None = None) -> Tensor:
        """For training: z [B, L, F] -> [B, F * ratio]. ``known`` [B]: how stiff the strings are (ranks)."""
        batch, _, frames = z.shape
        slow = synthesis.flutter(chance.white(batch, frames, self.shape.lines), self.flutter_pole, self.flutter_gain)
        ranks = self.ranks(z, known)
        if ranks is None:
            waves = synthesis.harmonics(synthesis.phases(z[:, 0], self.shape), self.shape)
        else:
            waves = strings.waves(z[:, 0], ranks, self.shape)
        fixed = chance.bands(frames)
        if self.shape.tones:
            ringing = synthesis.tones(self.tone_steps, self.tone_table, frames, float(chance.uniform(1)))
            fixed = torch.cat([ringing, fixed], 1)
        level = synthesis.amplitudes(self.said(z), z[:, 0], z[:, 1], slow, self.shape, ranks)
        return synthesis.mix(level, waves, fixed)

    def play(self, z: Tensor, noise: Tensor) -> Tensor:
        """Exactly what the exported model does with z [1, L, F] and white noise [1, F * ratio]; [1, F * ratio]."""
        shape, frames = self.shape, z.shape[2]
        ranks = self.ranks(z)
        if ranks is None:
            waves = synthesis.harmonics(synthesis.phases_exactly(z[:, 0], shape), shape)
        else:
            waves = strings.waves_exactly(z[:, 0], ranks, shape)
        fixed = synthesis.filtered(noise[0], self.noise_filters, shape)
        if shape.tones:
            fixed = torch.cat([synthesis.tones(self.tone_steps, self.tone_table, frames), fixed], 1)
        slow = synthesis.flutter(self.flutter_noise(noise), self.flutter_pole, self.flutter_gain)
        level = synthesis.amplitudes(self.said(z), z[:, 0], z[:, 1], slow, shape, ranks)
        return synthesis.mix(level, waves, fixed)

    def flutter_noise(self, noise: Tensor) -> Tensor:
        """The flutter's own white numbers out of a frame's noise, over and over: one input is enough. [1, F, lines]."""
        white = noise.unflatten(1, (-1, self.shape.ratio))
        return torch.cat([white] * -(-self.shape.lines // self.shape.ratio), 2)[:, :, : self.shape.lines]
