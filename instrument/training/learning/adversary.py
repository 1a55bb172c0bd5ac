"""Adversary: a second network that tells real sound from resynthesis, and so teaches what a spectral loss cannot.

For the second phase of a course, with the encoder frozen: the spectral loss blurs what it cannot know (the phase of a
noise, the texture of a bow), a judge wants it sharp. Judges of two kinds: of complex spectra at several resolutions
(EnCodec, Defossez et al. 2022, section 3.4), and, in the large size, of the wave folded at prime periods (HiFi-GAN,
Kong et al. 2020, section 2.3). Hinge loss; feature matching (Larsen et al. 2016), each layer relative to its own level.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from instrument.base.errors import RosinError

SLOPE = 0.2
SMALL, LARGE = "small", "large"
STFT_SIZES = {SMALL: (1024, 512, 256), LARGE: (2048, 1024, 512, 256, 128)}
STFT_CHANNELS = {SMALL: 8, LARGE: 32}
STFT_KERNEL = {SMALL: 5, LARGE: 9}
"""Bins a layer sees at once."""
PERIODS: dict[str, tuple[int, ...]] = {SMALL: (), LARGE: (2, 3, 5, 7, 11)}
PERIOD_CHANNELS = (32, 128, 256, 256)
RATE = 2e-4
BETAS = (0.8, 0.99)
LEVEL = 1.0
"""Judges hear every crop at this level (RMS), so that soft playing is judged as sharply as loud."""
QUIETEST = 1e-3
Judged = list[list[Tensor]]
"""Of each judge, what its layers say, the verdict last."""


def _layer(made: nn.Conv2d) -> Any:
    """As loud on its way out as on its way in, length and direction of its weights learned apart."""
    nn.init.kaiming_normal_(made.weight, SLOPE)
    nn.init.zeros_(made.bias)
    return weight_norm(made)


class SpectrumJudge(nn.Module):
    """Real and imaginary parts of one STFT through convolutions over bins and time. Sound [B, N] -> layers."""

    def __init__(self, size: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size) * (2.0 / size) ** 0.5, False)
        middle = kernel // 2
        self.layers = nn.ModuleList(
            _layer(nn.Conv2d(before, channels, (kernel, 3), (2, 1), (middle, dilation), dilation=(1, dilation)))
            for before, dilation in ((2, 1), (channels, 1), (channels, 2), (channels, 4))
        )
        self.verdict = _layer(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, sound: Tensor) -> list[Tensor]:
        bins = torch.stft(sound, self.size, self.size // 4, window=self.window, center=False, return_complex=True)
        h = torch.view_as_real(bins).permute(0, 3, 1, 2)
        out = []
        for layer in self.layers:
            h = functional.leaky_relu(layer(h), SLOPE)
            out.append(h)
        return [*out, self.verdict(h)]


class PeriodJudge(nn.Module):
    """The wave folded into rows of one period, convolved along the columns. Sound [B, N] -> layers."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList()
        before = 1
        for channels in PERIOD_CHANNELS:
            self.layers.append(_layer(nn.Conv2d(before, channels, (5, 1), (3, 1), (2, 0))))
            before = channels
        self.verdict = _layer(nn.Conv2d(before, 1, (3, 1), padding=(1, 0)))

    def forward(self, sound: Tensor) -> list[Tensor]:
        whole = sound.shape[1] // self.period * self.period
        h = sound[:, None, :whole].unflatten(2, (-1, self.period))
        out = []
        for layer in self.layers:
            h = functional.leaky_relu(layer(h), SLOPE)
            out.append(h)
        return [*out, self.verdict(h)]


def discriminator_loss(real: Judged, fake: Judged) -> Tensor:
    """Hinge: verdicts above 1 on what is real and below -1 on what is not cost nothing. The mean over the judges."""
    costs = [
        functional.relu(1.0 - r[-1]).mean() + functional.relu(1.0 + f[-1]).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(costs).mean()


def generator_loss(real: Judged, fake: Judged) -> tuple[Tensor, Tensor]:
    """(adversarial, feature matching): to be judged real, and to look like the real one in every layer."""
    adversarial = torch.stack([-f[-1].mean() for f in fake]).mean()
    apart = [
        (r - f).abs().mean() / (r.abs().mean() + 1e-4)
        for layers in zip(real, fake, strict=True)
        for r, f in zip(layers[0][:-1], layers[1][:-1], strict=True)
    ]
    return adversarial, torch.stack(apart).mean()


class Adversary(nn.Module):
    """All judges and their optimiser. ``size``: small (three spectra, for a CPU) or large; the seed sets weights."""

    def __init__(self, seed: int, size: str = SMALL, device: torch.device | str = "cpu") -> None:
        super().__init__()
        if size not in STFT_SIZES:
            raise RosinError(f"an adversary is {SMALL} or {LARGE}, not {size!r}")
        self.size = size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            channels, kernel = STFT_CHANNELS[size], STFT_KERNEL[size]
            spectra = [SpectrumJudge(n, channels, kernel) for n in STFT_SIZES[size]]
            self.judges = nn.ModuleList([*spectra, *(PeriodJudge(period) for period in PERIODS[size])])
        self.to(device)
        self.optimiser = torch.optim.AdamW(self.parameters(), lr=RATE, betas=BETAS)

    def forward(self, sound: Tensor) -> Judged:
        """What every judge says of sounds [B, N], at the level they come in. N of at least the longest STFT."""
        return [judge(sound) for judge in self.judges]

    def _levelled(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Both by the factor that brings the real one to LEVEL, in float32 whatever the rest is computed in."""
        real, fake = real.float(), fake.float()
        factor = LEVEL / (real**2).mean(1, True).sqrt().clamp(min=QUIETEST)
        return real * factor, fake * factor

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """For the judges, of sounds [B, N]: nothing of it reaches the network that made the fake."""
        real, fake = self._levelled(real, fake.detach())
        return discriminator_loss(self(real), self(fake))

    def generator_loss(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """(adversarial, feature matching) for the network that made the fake; the judges learn nothing by it."""
        real, fake = self._levelled(real, fake)
        self.requires_grad_(False)
        try:
            with torch.no_grad():
                judged = self(real)
            return generator_loss(judged, self(fake))
        finally:
            self.requires_grad_(True)

    def learn(self, real: Tensor, fake: Tensor) -> float:
        """One step of the judges; returns their loss before it. A step that is not finite is left out."""
        cost = self.discriminator_loss(real, fake)
        self.optimiser.zero_grad(set_to_none=True)
        cost.backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(self.parameters(), 10.0)):
            self.optimiser.step()
        return float(cost.detach())

    def table(self) -> dict[str, Any]:
        """Everything that a checkpoint must keep."""
        return {"size": self.size, "judges": self.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, table: dict[str, Any]) -> None:
        """The counterpart of ``table``. RosinError when it is of another size or damaged."""
        try:
            if table["size"] != self.size:
                raise RosinError(f"the checkpoint's adversary is {table['size']}, this one {self.size}; train on alike")
            self.load_state_dict(table["judges"])
            self.optimiser.load_state_dict(table["optimiser"])
        except (KeyError, RuntimeError, ValueError, TypeError):
            raise RosinError("the checkpoint's adversary is damaged; start its phase again") from None
