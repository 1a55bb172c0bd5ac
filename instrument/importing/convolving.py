"""Convolving: convolutions in the fast layout, [B, C, 1, T] and Conv, transposed ones included. Under lower.

A transposed convolution of stride s is a plain one with s times as many outputs, which are then interleaved: one
output sample in s hears the taps k, k + s, k + 2s ... ONNX Runtime's own ConvTranspose is several times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from instrument.errors import RosinError
from instrument.importing.values import Val

aten = torch.ops.aten


def convolution(
    low: Any, real: torch.Tensor, func: Any, x: Val, weight: Val, bias: Val | None, stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
) -> Val:  # fmt: skip
    sheet = low.sheet
    one = x.real.dim() == 3
    if x.real.dim() not in (3, 4):
        raise RosinError(f"it uses a convolution in {x.real.dim() - 2} dimensions; one and two are known here")
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
        "strides": sizes(stride, 1), "dilations": sizes(dilation, 1), "pads": pads, "group": groups,
        "kernel_shape": sizes(list(weight.shape[2:]), 1),
    }  # fmt: skip
    if transposed:
        attributes["output_padding"] = sizes(output_padding, 0)
    out = sheet.node("ConvTranspose" if transposed else "Conv", *inputs, **attributes)
    return Val(real, wide=out) if one else Val(real, out)


def _interleaved(
    low: Any, real: torch.Tensor, x: Val, weight: torch.Tensor, bias: Val | None, stride: int, cut: int, groups: int
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
    def handler(low: Any, real: Any, func: Any, x: Val, kernel: Sequence[int], stride: Sequence[int] = (),
                padding: Sequence[int] = (0,), *rest: Any) -> Any:  # fmt: skip
        n = len(kernel)
        pads = list(padding) * (n if len(padding) == 1 else 1)
        attributes: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(stride) or list(kernel),
                                      "pads": pads * 2}  # fmt: skip
        if op == "AveragePool":
            attributes["count_include_pad"] = int(rest[1]) if len(rest) > 1 else 1
            attributes["ceil_mode"] = int(rest[0]) if rest else 0
            return Val(real, low.sheet.node(op, low.sheet.flat(x), **attributes))
        return [Val(real[0], low.sheet.node(op, low.sheet.flat(x), **attributes)), Val(real[1])]

    return handler


def adaptive(low: Any, real: torch.Tensor, func: Any, x: Val, size: Sequence[int]) -> Val:
    """Means over pieces that are all of one size."""
    n = len(size)
    if any(x.shape[-n + i] % size[i] for i in range(n)):
        raise RosinError("it takes means over pieces of different sizes (adaptive pooling), which is not known here")
    kernel = [x.shape[-n + i] // size[i] for i in range(n)]
    return Val(real, low.sheet.node("AveragePool", low.sheet.flat(x), kernel_shape=kernel, strides=kernel))


HANDLERS: dict[str, Callable[..., Any]] = {
    "convolution": convolution, "avg_pool1d": _pool("AveragePool"), "avg_pool2d": _pool("AveragePool"),
    "_adaptive_avg_pool2d": adaptive,
    "max_pool1d_with_indices": _pool("MaxPool"), "max_pool2d_with_indices": _pool("MaxPool"),
}  # fmt: skip
