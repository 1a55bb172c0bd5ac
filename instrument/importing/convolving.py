"""Convolving: convolutions in the fast layouts, transposed ones included. Under lower.

Many samples: [B, C, 1, T] and Conv. Few: [B, T, C] and a product of the gathered taps with all weights as one matrix;
there what surrounds a convolution (memory put in front, a piece cut off, ONNX Runtime's own reordering) costs as much
as the convolution itself.

A transposed convolution of stride s is a plain one with s times as many outputs, which are then interleaved: one
output sample in s hears the taps k, k + s, k + 2s ... ONNX Runtime's own ConvTranspose is several times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from instrument.base.errors import RosinError
from instrument.importing.values import Lowering, Val

aten = torch.ops.aten
FEW = 16
"""Output samples up to which a convolution is a product (of a transposed one: before they are interleaved)."""


class Kernel(NamedTuple):
    """How ATen's convolution goes over its input, in the order of its arguments."""

    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    transposed: bool
    output_padding: Sequence[int]
    groups: int


def convolution(
    low: Lowering,
    real: torch.Tensor,
    func: Any,
    x: Val,
    weight: Val,
    bias: Val | None,
    *how: Any,
) -> Val:
    """``how``: the arguments of Kernel."""
    stride, padding, dilation, transposed, output_padding, groups = Kernel(*how)
    sheet = low.sheet
    one = x.real.dim() == 3
    if x.real.dim() not in (3, 4):
        raise RosinError(f"it uses a convolution in {x.real.dim() - 2} dimensions; one and two are known here")
    few = one and groups == 1 and not weight.live and (bias is None or not bias.live)
    if few and not transposed and real.shape[2] <= FEW:
        return _product(low, real, x, weight.real, bias, stride[0], padding[0], dilation[0])
    if transposed and few and dilation[0] == 1 and output_padding[0] <= padding[0] and x.shape[2] <= FEW:
        return _grown(low, real, x, weight.real, bias, stride[0], padding[0])
    if transposed and one and not weight.live and dilation[0] == 1 and output_padding[0] <= padding[0]:
        return _interleaved(low, real, x, weight.real, bias, stride[0], padding[0], groups)
    lead = 1 if one else None
    name = sheet.wide(x) if one else sheet.flat(x)
    inputs = [name, sheet.wide(weight) if one else sheet.flat(weight)]
    if bias is not None:
        inputs.append(sheet.flat(bias))

    def sizes(values: Sequence[int], other: int) -> list[int]:
        return [other, *values] if lead else list(values)

    pads = sizes(padding, 0) * 2
    attributes: dict[str, Any] = {
        "strides": sizes(stride, 1),
        "dilations": sizes(dilation, 1),
        "pads": pads,
        "group": groups,
        "kernel_shape": sizes(list(weight.shape[2:]), 1),
    }
    if transposed:
        attributes["output_padding"] = sizes(output_padding, 0)
    out = sheet.node("ConvTranspose" if transposed else "Conv", *inputs, **attributes)
    return Val(real, wide=out) if one else Val(real, out)


def _biased(low: Lowering, name: str, bias: Val | None) -> str:
    return name if bias is None else low.sheet.node("Add", name, low.sheet.constant(bias.real))


def _taps(low: Lowering, x: str, shape: tuple[int, int, int], places: torch.Tensor) -> str:
    """[B, T, C] to [B, rows, taps * C]: the samples at ``places`` [rows, taps]."""
    b, t, c = shape
    rows, taps = places.shape
    if taps == 1 and rows == t and bool((places[:, 0] == torch.arange(t)).all()):
        return x
    if bool((places.flatten() == torch.arange(t)[: rows * taps]).all() if rows * taps == t else False):
        return str(low.sheet.reshape(x, (b, rows, taps * c)))
    gathered = low.sheet.node("Gather", x, low.sheet.constant(places.flatten().contiguous()), axis=1)
    return str(low.sheet.reshape(gathered, (b, rows, taps * c)) if taps > 1 else gathered)


def _product(
    low: Lowering,
    real: torch.Tensor,
    x: Val,
    weight: torch.Tensor,
    bias: Val | None,
    stride: int,
    cut: int,
    dilation: int,
) -> Val:
    """weight [out, in, k] as a matrix [k * in, out]."""
    sheet = low.sheet
    outs, ins, k = weight.shape
    b, _, t = x.shape
    name = sheet.tall(x)
    if cut:
        name = sheet.node("Pad", name, sheet.ints(0, cut, 0, 0, cut, 0), sheet.constant(torch.tensor(0.0)))
    places = torch.arange(real.shape[2])[:, None] * stride + torch.arange(k) * dilation
    name = _taps(low, name, (b, t + 2 * cut, ins), places)
    matrix = weight.permute(2, 1, 0).reshape(k * ins, outs)
    return Val(real, tall=_biased(low, sheet.node("MatMul", name, sheet.constant(matrix)), bias))


def _grown(
    low: Lowering, real: torch.Tensor, x: Val, weight: torch.Tensor, bias: Val | None, stride: int, cut: int
) -> Val:
    """weight [in, out, k] as a matrix [ceil(k / stride) * in, stride * out]; of one sample in, as [in, k * out]."""
    sheet = low.sheet
    ins, outs, k = weight.shape
    b, _, t = x.shape
    name = sheet.tall(x)
    taps = -(-k // stride)
    if t == 1:
        matrix, long = weight.permute(0, 2, 1).reshape(ins, k * outs), k
    else:
        full = torch.zeros(ins, outs, taps * stride, dtype=weight.dtype)
        full[..., :k] = weight
        # [in, out, taps, stride] to [taps, in, stride, out], the newest tap last
        matrix = full.reshape(ins, outs, taps, stride).permute(2, 0, 3, 1).flip(0).reshape(taps * ins, stride * outs)
        long = (t + taps - 1) * stride
        pads = sheet.ints(0, taps - 1, 0, 0, taps - 1, 0)
        name = sheet.node("Pad", name, pads, sheet.constant(torch.tensor(0.0))) if taps > 1 else name
        places = torch.arange(t + taps - 1)[:, None] + torch.arange(taps)
        name = _taps(low, name, (b, t + 2 * (taps - 1), ins), places)
    out = sheet.reshape(sheet.node("MatMul", name, sheet.constant(matrix.contiguous())), (b, long, outs))
    if cut or real.shape[2] != long:
        out = sheet.node("Slice", out, sheet.ints(cut), sheet.ints(cut + real.shape[2]), sheet.ints(1))
    return Val(real, tall=_biased(low, out, bias))


def _interleaved(
    low: Lowering,
    real: torch.Tensor,
    x: Val,
    weight: torch.Tensor,
    bias: Val | None,
    stride: int,
    cut: int,
    groups: int,
) -> Val:
    """weight [in, out / groups, k] as a kernel [stride * out, in / groups, 1, ceil(k / stride)]."""
    sheet = low.sheet
    inputs, each, k = weight.shape
    taps = -(-k // stride)
    b, _, t = x.shape
    full = torch.zeros(inputs, each, taps * stride, dtype=weight.dtype)
    full[..., :k] = weight
    # [groups, in/g, out/g, taps, stride] to [groups, out/g, stride, in/g, taps], the newest tap last
    parts = full.reshape(groups, inputs // groups, each, taps, stride).permute(0, 2, 4, 1, 3).flip(-1)
    kernel = parts.reshape(groups * each * stride, inputs // groups, 1, taps)
    operands = [sheet.wide(x), sheet.constant(kernel)]
    if bias is not None and not bias.live:
        operands.append(sheet.constant(bias.real.repeat_interleave(stride)))
    out = sheet.node("Conv", *operands, kernel_shape=[1, taps], pads=[0, taps - 1, 0, taps - 1], group=groups)
    long, channels = t + taps - 1, groups * each
    if stride > 1:
        if long > 1:
            out = sheet.node("Transpose", sheet.reshape(out, (b, channels, stride, long)), perm=[0, 1, 3, 2])
        out = sheet.reshape(out, (b, channels, 1, long * stride))
    if cut or real.shape[2] != long * stride:
        out = sheet.node("Slice", out, sheet.ints(cut), sheet.ints(cut + real.shape[2]), sheet.ints(3))
    value = Val(real, wide=out)
    if bias is not None and bias.live:
        value = low.call(aten.add.Tensor, value, low.call(aten.reshape.default, bias, [1, -1, 1]))
    return value


def _pool(op: str) -> Callable[..., Any]:
    def handler(
        low: Lowering,
        real: Any,
        func: Any,
        x: Val,
        kernel: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        *rest: Any,
    ) -> Any:
        n = len(kernel)
        pads = list(padding) * (n if len(padding) == 1 else 1)
        attributes: dict[str, Any] = {
            "kernel_shape": list(kernel),
            "strides": list(stride) or list(kernel),
            "pads": pads * 2,
        }
        if op == "AveragePool":
            attributes["count_include_pad"] = int(rest[1]) if len(rest) > 1 else 1
            attributes["ceil_mode"] = int(rest[0]) if rest else 0
            return Val(real, low.sheet.node(op, low.sheet.flat(x), **attributes))
        return [Val(real[0], low.sheet.node(op, low.sheet.flat(x), **attributes)), Val(real[1])]

    return handler


def adaptive(low: Lowering, real: torch.Tensor, func: Any, x: Val, size: Sequence[int]) -> Val:
    """Means over pieces that are all of one size."""
    n = len(size)
    if any(x.shape[-n + i] % size[i] for i in range(n)):
        raise RosinError("it takes means over pieces of different sizes (adaptive pooling), which is not known here")
    kernel = [x.shape[-n + i] // size[i] for i in range(n)]
    return Val(real, low.sheet.node("AveragePool", low.sheet.flat(x), kernel_shape=kernel, strides=kernel))


HANDLERS: dict[str, Callable[..., Any]] = {
    "convolution": convolution,
    "avg_pool1d": _pool("AveragePool"),
    "avg_pool2d": _pool("AveragePool"),
    "_adaptive_avg_pool2d": adaptive,
    "max_pool1d_with_indices": _pool("MaxPool"),
    "max_pool2d_with_indices": _pool("MaxPool"),
}
