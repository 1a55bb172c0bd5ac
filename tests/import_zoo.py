"""Import zoo: small networks in the form nn~'s exports have, each built another way. Written here, of torch.nn alone.

What they share is the convention: ``get_methods``, ``<method>_params`` of four numbers, memory in buffers of 64 rows.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

ROWS = 64
RATE = 44100


class Past(nn.Module):
    """The last ``size`` samples in front of the next ones; memory of 64 rows, as bad as real files have it."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pad", torch.full((ROWS, channels, size), torch.nan))

    def forward(self, x: Tensor) -> Tensor:
        if self.size == 0:
            return x
        x = torch.cat([self.pad[: x.shape[0]], x], -1)
        self.pad[: x.shape[0]].copy_(x[..., -self.size :])
        return x


class Causal(nn.Module):
    """A convolution that looks back only, perhaps with a stride."""

    def __init__(self, i: int, o: int, k: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.past = Past(i, (k - 1) * dilation + 1 - stride)
        self.conv = nn.Conv1d(i, o, k, stride=stride, dilation=dilation, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.past(x))


class Upward(nn.Module):
    """A transposed convolution of kernel 2 * stride; what reaches beyond the block is added to the next."""

    def __init__(self, i: int, o: int, stride: int, bias: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.ConvTranspose1d(i, o, 2 * stride, stride=stride, bias=False)
        self.bias = nn.Parameter(torch.randn(o, 1) * 0.1) if bias else None
        self.register_buffer("rest", torch.zeros(ROWS, o, stride))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y[..., : self.stride] += self.rest[: x.shape[0]]
        self.rest[: x.shape[0]].copy_(y[..., -self.stride :])
        y = y[..., : -self.stride]
        bias = self.bias
        return y if bias is None else y + bias


class Weighted(Causal):
    """Its weights are worked out anew at each call, from a direction and a length (weight normalisation)."""

    def __init__(self, i: int, o: int, k: int) -> None:
        super().__init__(i, o, k)
        self.length = nn.Parameter(torch.rand(o, 1, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch._weight_norm(self.conv.weight, self.length, 0)
        return nn.functional.conv1d(self.past(x), weight, self.conv.bias)


class Exported(nn.Module):
    """The convention."""

    def __init__(self) -> None:
        super().__init__()
        self._methods: list[str] = []
        self._attributes: list[str] = ["gain"]
        self.gain = (0.5,)
        self.register_buffer("gain_params", torch.tensor([2]))
        self.sampling_rate = RATE

    def offers(self, name: str, *params: int) -> None:
        self._methods.append(name)
        self.register_buffer(f"{name}_params", torch.tensor(params))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self._methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self._attributes

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain[0]


class Strided(Exported):
    """Strided convolutions down, transposed ones up, LeakyReLU, weight normalisation; encode, decode and forward."""

    def __init__(self) -> None:
        super().__init__()
        down, up = [], []
        for i, o, s in ((1, 6, 4), (6, 8, 4), (8, 12, 8)):
            down += [Causal(i, o, 2 * s, stride=s), nn.LeakyReLU(0.2)]
        for i, o, s in ((4, 12, 8), (12, 8, 4), (8, 6, 4)):
            up += [Upward(i, o, s), nn.LeakyReLU(0.2)]
        self.down = nn.Sequential(*down, Causal(12, 4, 3))
        self.up = nn.Sequential(*up, Weighted(6, 1, 7), nn.Tanh())
        self.offers("encode", 1, 1, 4, 128)
        self.offers("decode", 4, 128, 1, 1)
        self.offers("forward", 1, 1, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.down(x)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z) * self.gain[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Snake(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.rand(channels, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.alpha + 1e-9).reciprocal() * (self.alpha * x).sin().pow(2)


class Residual(nn.Module):
    """A dilated branch that looks ahead, and a straight one that is delayed to meet it."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(Snake(channels), Causal(channels, channels, 3, dilation=dilation),
                                    Snake(channels), nn.Conv1d(channels, channels, 1))  # fmt: skip
        self.delay = Past(channels, dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + self.delay(x)[..., : x.shape[-1]]


class Delayed(Exported):
    """Residual branches with delays and snakes. Only a decoder, 2048 samples a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Sequential(Causal(8, 16, 3), Upward(16, 12, 16), Residual(12, 1), Residual(12, 3),
                                Upward(12, 8, 16, bias=False), Residual(8, 9), Upward(8, 4, 8),
                                Causal(4, 1, 7))  # fmt: skip
        self.offers("decode", 8, 2048, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.up(z))


class Noisy(Exported):
    """A noise branch: amplitudes to an impulse response by an inverse FFT, uniform noise convolved with it by FFT."""

    def __init__(self) -> None:
        super().__init__()
        self.up = Upward(4, 8, 8)
        self.wave = nn.Sequential(Causal(8, 8, 3), nn.SiLU(), Upward(8, 1, 16))
        self.amp = Causal(8, 9, 3)
        self.register_buffer("window", torch.hann_window(16))
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        h = self.up(z)
        amp = torch.sigmoid(self.amp(h) - 2.0).permute(0, 2, 1)
        pair = torch.view_as_complex(torch.stack([amp, torch.zeros_like(amp)], -1))
        ir = torch.roll(torch.fft.irfft(pair), 8, -1) * self.window
        ir = torch.roll(nn.functional.pad(ir, (0, 16)), -8, -1)
        noise = torch.rand_like(ir[..., :16]) * 2.0 - 1.0
        noise = nn.functional.pad(noise, (0, 16))
        out = torch.fft.irfft(torch.fft.rfft(noise) * torch.fft.rfft(ir))[..., :16]
        return torch.tanh(self.wave(h)) + out.reshape(z.shape[0], 1, -1)


class Recurrent(Exported):
    """A GRU whose state is an attribute that is replaced, an LSTM whose state is written in place, layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 10, batch_first=True)
        self.lstm = nn.LSTM(10, 8, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 64)
        self.h = torch.zeros(1, 1, 10)
        self.register_buffer("cell", torch.zeros(2, 1, 1, 8))
        self.offers("decode", 4, 64, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        y, self.h = self.gru(z.permute(0, 2, 1), self.h)
        y, (h, c) = self.lstm(y, (self.cell[0], self.cell[1]))
        self.cell[0] = h
        self.cell[1] = c
        return torch.tanh(self.out(self.norm(y))).reshape(z.shape[0], 1, -1)


class Levelled(nn.Module):
    """Every moment to the same level over its channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-5)


class Stereo(Exported):
    """Two channels out, one in; grouped convolutions, levels, GELU, ELU, PReLU; 512 samples a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(Causal(1, 8, 16, stride=8), nn.GELU(), Causal(8, 16, 16, stride=8), nn.ELU(),
                                  Causal(16, 5, 16, stride=8))  # fmt: skip
        self.mix = nn.Sequential(Causal(5, 16, 3), Levelled(), nn.GELU(), Upward(16, 8, 8),
                                 Causal(8, 8, 5, groups=4), nn.ELU(), Upward(8, 8, 8), nn.PReLU(),
                                 Upward(8, 4, 8))  # fmt: skip
        self.sides = Causal(4, 2, 5)
        self.offers("encode", 1, 1, 5, 512)
        self.offers("decode", 5, 512, 2, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.down(x)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.sides(self.mix(z)))


class Normed(Exported):
    """Batch norm in play, softplus amplitudes, bands put together by a transposed filter bank; 64 samples a frame."""

    def __init__(self) -> None:
        super().__init__()
        norms = [nn.BatchNorm1d(n) for n in (12, 16)]
        for norm in norms:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2.0)
        self.body = nn.Sequential(Causal(6, 12, 3), norms[0], nn.ReLU(), Upward(12, 16, 4), norms[1], nn.ReLU(),
                                  Causal(16, 32, 3, dilation=2))  # fmt: skip
        self.bands = Upward(16, 1, 16, bias=False)
        self.register_buffer("signs", (-1.0) ** torch.arange(16.0)[None, :, None])
        self.offers("decode", 6, 64, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        wave, level = self.body(z).chunk(2, 1)
        return self.bands(torch.tanh(wave) * nn.functional.softplus(level, 2.0) * self.signs)


class Principal(Exported):
    """Latents turned by a principal component analysis, cut to four of eight, the rest filled with noise; encode draws
    from its posterior. The state of the art of such files."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(Causal(1, 8, 32, stride=16), nn.LeakyReLU(), Causal(8, 16, 32, stride=16))
        self.up = nn.Sequential(Causal(8, 8, 3), nn.LeakyReLU(), Upward(8, 8, 16), nn.LeakyReLU(), Upward(8, 1, 16))
        basis, _ = torch.linalg.qr(torch.randn(8, 8))
        self.register_buffer("latent_pca", basis)
        self.register_buffer("latent_mean", torch.randn(8))
        self.register_buffer("fidelity", torch.linspace(0.3, 1.0, 8))
        self.latent_size = 4
        self.offers("encode", 1, 1, 4, 256)
        self.offers("decode", 4, 256, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        mean, scale = self.down(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (nn.functional.softplus(scale) + 1e-4)
        z = nn.functional.conv1d(z - self.latent_mean.unsqueeze(-1), self.latent_pca.unsqueeze(-1))
        return z[:, : self.latent_size]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        fill = torch.randn(z.shape[0], 8 - self.latent_size, z.shape[-1])
        z = torch.cat([z, fill], 1)
        z = nn.functional.conv1d(z, self.latent_pca.t().unsqueeze(-1)) + self.latent_mean.unsqueeze(-1)
        return torch.tanh(self.up(z))


class Spectral(Exported):
    """A ring of the last samples moved along in place, a short-time Fourier transform of it, a codebook looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ring", torch.zeros(1, 512))
        self.register_buffer("window", torch.hann_window(256))
        self.register_buffer("book", torch.randn(32, 3))
        self.head = nn.Linear(129, 3)
        self.up = nn.Sequential(Upward(3, 8, 8), nn.Softsign(), Upward(8, 1, 16))
        self.offers("encode", 1, 1, 3, 128)
        self.offers("decode", 3, 128, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        n = x.shape[-1]
        self.ring[:, :-n] = self.ring[:, n:].clone()
        self.ring[:, -n:] = x[:, 0]
        spectrum = torch.stft(self.ring, 256, 128, window=self.window, center=False, return_complex=True)
        level = torch.log(spectrum.abs() + 1e-3).mean(-1)
        return self.head(level).unsqueeze(-1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        rows = z.permute(0, 2, 1)
        far = (rows.unsqueeze(2) - self.book[None, None]).pow(2).sum(-1)
        near = nn.functional.embedding(far.argmin(-1), self.book).permute(0, 2, 1)
        return self.up(0.5 * near + 0.5 * z)


class Indexed(Exported):
    """Latents that are entries of codebooks, each for what the one before left over: 0 to 99, as numbers with a point.
    Decode has noise of its own beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(Causal(1, 8, 32, stride=16), nn.LeakyReLU(), Causal(8, 6, 32, stride=16))
        self.register_buffer("books", torch.randn(3, 100, 6) * torch.tensor([1.0, 0.5, 0.25])[:, None, None])
        self.up = nn.Sequential(Causal(8, 8, 3), nn.LeakyReLU(), Upward(8, 8, 16), nn.LeakyReLU(), Upward(8, 1, 16))
        self.offers("encode", 1, 1, 3, 256)
        self.offers("decode", 3, 256, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        rest = self.down(x).permute(0, 2, 1)
        found = []
        for book in self.books:
            far = rest.pow(2).sum(-1, keepdim=True) - 2.0 * rest @ book.t() + book.pow(2).sum(-1)
            place = (-far).max(-1)[1]
            rest = rest - nn.functional.embedding(place, book)
            found.append(place)
        return torch.stack(found, 1).float()

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        places = torch.clamp(z, 0, 99).long()
        total = torch.zeros(z.shape[0], z.shape[-1], 6)
        for i, book in enumerate(self.books):
            total = total + nn.functional.embedding(places[:, i], book)
        noise = torch.randn(z.shape[0], 2, z.shape[-1])
        return torch.tanh(self.up(torch.cat([total.permute(0, 2, 1), noise], 1)))


class Angular(Exported):
    """Latents that are the angles of a vector, by running products of sines. Silence has none: not a number."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Identity(), Causal(1, 5, 128, stride=128))
        self.down[1].conv.bias = None
        self.up = nn.Sequential(Causal(5, 8, 3), nn.LeakyReLU(), Upward(8, 8, 16), nn.LeakyReLU(), Upward(8, 1, 8))
        self.offers("encode", 1, 1, 4, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        v = self.down(x)
        left = v.pow(2).flip(1).cumsum(1).flip(1).sqrt()
        return torch.acos((v / left)[:, :-1] * 0.999)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        sines = torch.sin(z).cumprod(1)
        ones = torch.ones_like(z[:, :1])
        return torch.tanh(self.up(torch.cat([ones, sines], 1) * torch.cat([torch.cos(z), ones], 1)))


class Forgetful(Exported):
    """A GRU that begins anew at every call, so that it hears each frame by itself: as good as no streaming."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 12, num_layers=2, batch_first=True)
        self.up = nn.Sequential(Upward(12, 8, 8), nn.LeakyReLU(), Upward(8, 1, 16))
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["none"]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.up(self.gru(z.permute(0, 2, 1))[0].permute(0, 2, 1)))


class Folded(Exported):
    """Two channels played as two rows of one network, and a memory that is nothing before the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.last = None
        self.side = Causal(6, 8, 3)
        self.up = nn.Sequential(Upward(4, 8, 16), Snake(8), Upward(8, 1, 8))
        self.offers("decode", 6, 128, 2, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        last = self.last
        if last is None:
            last = torch.zeros_like(z[..., -1:])
        smooth = torch.cat([last, z], -1)
        self.last = z[..., -1:]
        both = self.side(0.5 * (smooth[..., 1:] + smooth[..., :-1]))
        sides = both.reshape(2 * z.shape[0], 4, z.shape[-1])
        return torch.tanh(self.up(sides)).reshape(z.shape[0], 2, -1)


Folded.__annotations__ = {"last": Tensor | None}  # TorchScript reads no annotation that is a text


class Oscillating(Exported):
    """Harmonics whose phase is memory, in a forward of its own rate: levels in, sound out. A counter gates it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("phase", torch.zeros(1, 1, 1))
        self.register_buffer("count", torch.zeros(1, dtype=torch.long))
        self.register_buffer("order", torch.arange(1.0, 9.0)[None, :, None])
        self.offers("forward", 9, 128, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        beat = (self.count + torch.arange(x.shape[-1])) % 7
        self.count.add_(x.shape[-1])
        gate = torch.where(beat == 0, 0.5, 1.0).repeat_interleave(128)
        x = nn.functional.interpolate(x, scale_factor=128.0, mode="nearest")
        step = 110.0 * (1.0 + 0.1 * x[:, :1]) * (2.0 * math.pi / 44100.0)
        phase = torch.cumsum(step, -1) + self.phase
        self.phase.copy_(torch.remainder(phase[..., -1:], 2.0 * math.pi))
        return (torch.sin(phase * self.order) * torch.sigmoid(x[:, 1:])).mean(1, keepdim=True) * gate


class Late(Exported):
    """A filter bank behind a delay of 40 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.up = Upward(4, 1, 128, bias=False)
        self.late = Past(1, 40)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.late(self.up(z))[..., : z.shape[-1] * 128]


class Split(Exported):
    """Not made for streaming: padding with zeros on both sides of every block."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(4, 1, 256, stride=128, padding=64)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)


def saved(kind: type[Exported], path: Path, seed: int = 0) -> nn.Module:
    """A network of that kind, played a little (so that its memory is stale), scripted and saved; returns it."""
    torch.manual_seed(seed)
    module = kind().eval()
    scripted = torch.jit.script(module)
    for name in module._methods:
        channels, ratio = getattr(module, f"{name}_params").tolist()[:2]
        with torch.no_grad():
            getattr(scripted, name)(torch.randn(1, channels, 512 if ratio == 1 else 2))
    torch.jit.save(scripted, str(path))
    return module
