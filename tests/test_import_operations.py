"""One operation at a time: what it gives in ONNX Runtime is what it gives in torch, in every layout."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from torch import Tensor
from torch.nn import functional

from instrument.base.errors import RosinError
from instrument.importing import convolving
from instrument.importing.lower import lower
from instrument.importing.tracer import record
from instrument.importing.verification import SteppedGraph

F = functional


def signs(x: Tensor) -> Tensor:
    """Every second number of every second row turned over, as filter banks do it."""
    mask = torch.ones_like(x)
    mask[..., 1::2, ::2] = -1.0
    return x * mask


OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "arithmetic": lambda x: (2.0 - x) * 3.0 / (x.abs() + 1.0) + (1.0 - 0.5 * x) - torch.sub(x, x * x, alpha=0.3),
    "signs": signs,
    "whole parts": lambda x: torch.floor(3 * x) + torch.ceil(x) + torch.round(2 * x) + torch.trunc(4 * x),
    "division": lambda x: torch.div(7 * x, 2.0, rounding_mode="floor") + torch.div(7 * x, 2.0, rounding_mode="trunc"),
    "remainder": lambda x: torch.remainder(x, 0.3) + torch.fmod(x, 0.3) + torch.frac(x),
    "powers": lambda x: (x.abs() + 0.1) ** 2.3 + x**2 + x.abs() ** 0.5 + torch.rsqrt(x.abs() + 1) + 2.0**x + x**3,
    "logarithms": lambda x: torch.log1p(x.abs()) + torch.log2(x.abs() + 1) + torch.log10(x.abs() + 1) + torch.exp2(x),
    "waves": lambda x: torch.sin(x) + torch.cos(x) + torch.tan(0.3 * x) + torch.atan(x) + torch.sinh(x),
    "angles": lambda x: torch.atan2(x, x.flip(-1)) + torch.atan2(x, -x.abs()),
    "gates": lambda x: F.silu(x) + F.gelu(x) + F.gelu(x, approximate="tanh") + F.mish(x) + F.hardswish(x),
    "bends": lambda x: F.elu(x) + F.selu(x) + F.celu(x, 0.7) + F.softplus(x, 2.0) + F.leaky_relu(x, 0.1),
    "ends": lambda x: F.relu6(x) + F.softsign(x) + F.hardshrink(x) + F.tanhshrink(x) + F.threshold(x, 0.1, 20.0),
    "more gates": lambda x: F.glu(x, 1) + F.logsigmoid(x[:, :2]) + F.hardtanh(x[:, :2]) + F.hardsigmoid(x[:, 2:]),
    "bounds": lambda x: x.clamp(-0.5, 0.5) + x.clamp(min=0.1) + x.clamp(max=0.2) + torch.maximum(x, -x),
    "choices": lambda x: torch.where((x > 0) & (x < 1) | (x <= -1), x, -x) + (x >= 0).float(),
    "masks": lambda x: (x != x.round()).float() + x.masked_fill(x < 0, 0.25) + torch.logical_not(x > 0).to(x.dtype),
    "turning": lambda x: x.mT.reshape(1, 4, 12).transpose(1, 2).reshape(1, 4, 12) + x.flatten().view_as(x),
    "cutting": lambda x: torch.cat([x[:, 1:, ::2], x[:, :-1, 1::2]], 2) + x.select(1, 2).unsqueeze(1) + x[:, 1:, -1:],
    "splitting": lambda x: sum(x.chunk(4, 2)) + torch.stack(x.split([3, 9], 2)[1].unbind(0)).narrow(2, 2, 3),
    "mirrors": lambda x: F.pad(x, (3, 2), mode="reflect")[..., 2:-3] + F.pad(x, (2, 2), mode="replicate")[..., 2:-2],
    "rolling": lambda x: x.roll(5, -1) + x.flip(1) + F.pad(x, (2, 1), value=0.5)[..., 1:-2] + x.repeat(1, 2, 1)[:, 2:6],
    "windows": lambda x: x.unfold(2, 4, 2).sum(-1).mean(1) + F.interpolate(x, scale_factor=2.0)[:, 0, ::5],
    "ramps": lambda x: F.interpolate(x, scale_factor=4.0, mode="linear") + torch.arange(48.0),
    "sums": lambda x: x.sum(1) + x.mean((0, 1)) + x.var(1) + x.std(1, unbiased=False) + x.amax(1) + x.max(1)[0],
    "lengths": lambda x: x.norm(2, 1) + torch.linalg.vector_norm(x, dim=1) + torch.logsumexp(x, 1),
    "running products": lambda x: x.cumprod(1) + (x * 0.5 + 1.0).cumprod(-1),
    "along the row": lambda x: x + torch.arange(12.0) - torch.linspace(0, 1, 4)[:, None] * torch.ones(1, 1, 1),
    "softmax": lambda x: x.softmax(1) + x.log_softmax(-1) + x.cumsum(-1) + x.argmax(1, keepdim=True) + x.prod(1).sum(),
    "products": lambda x: torch.einsum("bct,bdt->bcd", x, x) + x @ x.transpose(1, 2) + torch.cdist(x, x),
    "norms": lambda x: F.layer_norm(x, (12,)) + F.group_norm(x, 2) + F.instance_norm(x) + F.normalize(x, dim=1),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "pools": lambda x: F.avg_pool1d(x, 3) + F.max_pool1d(x, 3) + F.adaptive_avg_pool1d(x, 4),
    "convolution": lambda x: F.conv1d(x, W, B, stride=2, padding=3, dilation=2),
    "groups": lambda x: F.conv1d(x, W[:, :2], groups=2) + F.conv1d(x, W, padding=0),
    "upward": lambda x: F.conv_transpose1d(x, V, stride=3, padding=1, bias=B[:2]),
    "upward in groups": lambda x: F.conv_transpose1d(x, V, stride=2, groups=2, bias=B[:4]),
    "upward, sparse": lambda x: F.conv_transpose1d(x, V, stride=2, dilation=2) + F.conv_transpose1d(x, V, stride=2,
                                                                       output_padding=1, padding=1)[..., :1],
    "own filters": lambda x: F.conv1d(x.reshape(1, 1, 48), x[0, :, None, :3]),
    "pictures": lambda x: F.conv2d(x.reshape(1, 1, 4, 12), W[:, :1, None, :]) + F.conv_transpose2d(
        x.reshape(1, 1, 4, 12), torch.ones(1, 6, 1, 2))[..., :8],
    "spectrum": lambda x: torch.fft.rfft(x).abs() + torch.fft.rfft(x, norm="ortho").angle().cos(),
    "there and back": lambda x: torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(x.flip(1)), n=12) + torch.fft.ifft(
        torch.fft.fft(x)).real,
    "hilbert": lambda x: torch.fft.ifft(torch.fft.fft(x) * (torch.arange(12) < 6)).imag,
    "short spectra": lambda x: torch.stft(x[0], 6, 3, window=torch.hann_window(6), return_complex=True).abs(),
    "overlap and add": lambda x: torch.istft(torch.stft(x[0], 6, 2, window=WINDOW, return_complex=True), 6, 2,
                                             window=WINDOW, length=12),
    "complex": lambda x: torch.view_as_real(torch.polar(x.abs(), x) * torch.complex(x, -x).conj() / 2.0 + 1j).sum(-1),
    "places": lambda x: x[:, [2, 0, 1]][:, :, [5, 4]] + torch.index_select(x, 2, torch.tensor([1, 1])).narrow(1, 0, 3),
    "codebook": lambda x: F.embedding(x.argmin(2), BOOK) + torch.gather(x, 2, x.argmax(2, keepdim=True)),
    "kinds": lambda x: (x * 7).long().float() + (x > 0).double().float() + (10 * x).to(torch.int32) // 3,
}  # fmt: skip
W = torch.linspace(-1.0, 1.0, 6 * 4 * 5).sin().reshape(6, 4, 5)
V = torch.linspace(-1.0, 1.0, 4 * 2 * 7).cos().reshape(4, 2, 7)
B = torch.linspace(-0.5, 0.5, 6)
WINDOW = torch.hann_window(6)
BOOK = torch.linspace(0.0, 1.0, 12)[:, None]


class Once(torch.nn.Module):
    """One operation as a method; in front of it, perhaps, a convolution, so that it meets a fast layout."""

    def __init__(self, operation: Callable[[Tensor], Tensor], fast: bool) -> None:
        super().__init__()
        self.operation, self.fast = operation, fast

    def decode(self, x: Tensor) -> Tensor:
        if self.fast:
            x = F.conv1d(x, torch.eye(4).unsqueeze(-1))
        return self.operation(x)


@pytest.mark.parametrize("layout", ["flat", "wide", "tall"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_the_same_in_every_layout(name: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolving, "FEW", 99 if layout == "tall" else 0)
    generator = torch.Generator().manual_seed(len(name))
    with torch.no_grad():
        module = Once(OPERATIONS[name], layout != "flat")
        recording = record(module, "decode", torch.randn(1, 4, 12, generator=generator), [])
        sheet = lower(recording, ("z", "audio"), [])
        played = SteppedGraph(sheet.model(name, {}).SerializeToString())
        for _ in range(3):
            x = torch.randn(1, 4, 12, generator=generator)
            real = module.decode(x).numpy()
            got = played.run({"z": x.numpy()}, "audio")
            assert got.shape == real.shape
            np.testing.assert_allclose(got, real, atol=2e-6 * max(1.0, float(np.abs(real).max())), rtol=2e-6)


def test_what_is_not_known_is_named() -> None:
    with torch.no_grad(), pytest.raises(RosinError, match=r"the operation sort"):
        lower(record(Once(lambda x: x.sort(-1)[0], False), "decode", torch.randn(1, 4, 12), []), ("z", "audio"), [])


def test_few_samples_are_products_and_many_are_convolutions() -> None:
    for samples, op in ((convolving.FEW, "MatMul"), (convolving.FEW + 1, "Conv")):
        with torch.no_grad():
            module = Once(lambda x: F.conv1d(x, W[:, :, :1]), False)
            recording = record(module, "decode", torch.randn(1, 4, samples), [])
            kinds = [node.op_type for node in lower(recording, ("z", "audio"), []).nodes]
        assert op in kinds
        assert not {"MatMul", "Conv"} - {op} & set(kinds)


def test_parts_of_a_constant_that_are_written_to_stay_parts_of_one() -> None:
    """As the gates of a GRU that forgets at every call: two pieces of one constant, each written to."""

    def gates(x: Tensor) -> Tensor:
        whole = torch.linspace(0.0, 1.0, 24).repeat(4, 1)
        left, right = torch.unsafe_split(whole, 12, 1)
        left.add_(x[0]).sigmoid_()
        right.add_(x[0] * 2.0).mul_(left)
        return (left + right).unsqueeze(0)

    with torch.no_grad():
        x = torch.randn(1, 4, 12)
        sheet = lower(record(Once(gates, False), "decode", torch.randn(1, 4, 12), []), ("z", "audio"), [])
        got = SteppedGraph(sheet.model("t", {}).SerializeToString()).run({"z": x.numpy()}, "audio")
        np.testing.assert_allclose(got, gates(x).numpy(), atol=1e-6)


def test_writing_in_place_is_followed_through_views() -> None:
    def scribble(x: Tensor) -> Tensor:
        page = torch.zeros(1, 4, 24)
        left, right = page[..., :12], page[..., 12:]
        left += x
        right.copy_(left).mul_(2.0)
        page[:, 1] = -1.0
        page[:, :, ::5] *= 3.0
        x = x.clone()
        x[:, 0].add_(page[:, 2, 6:18])
        x.transpose(1, 2)[0, 3].zero_()
        return torch.cat([page, x], 2)

    with torch.no_grad():
        x = torch.randn(1, 4, 12)
        sheet = lower(record(Once(scribble, False), "decode", torch.randn(1, 4, 12), []), ("z", "audio"), [])
        got = SteppedGraph(sheet.model("t", {}).SerializeToString()).run({"z": x.numpy()}, "audio")
        np.testing.assert_allclose(got, scribble(x).numpy(), atol=1e-6)
