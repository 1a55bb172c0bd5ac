"""Summing: matrix products and reductions, as ONNX. Under lower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from instrument.base.errors import RosinError
from instrument.importing.pointwise import emit
from instrument.importing.values import Lowering, Val

aten = torch.ops.aten
LONGEST = 256
"""Steps of a running product."""


def matmul(low: Lowering, real: torch.Tensor, func: Any, a: Val, b: Val) -> Val:
    return Val(real, low.sheet.node("MatMul", low.sheet.flat(a), low.sheet.flat(b)))


def addmm(
    low: Lowering, real: torch.Tensor, func: Any, bias: Val, a: Val, b: Val, *, beta: Any = 1, alpha: Any = 1
) -> Val:
    sheet = low.sheet
    return Val(
        real, sheet.node("Gemm", sheet.flat(a), sheet.flat(b), sheet.flat(bias), alpha=float(alpha), beta=float(beta))
    )


def baddbmm(
    low: Lowering, real: torch.Tensor, func: Any, bias: Val, a: Val, b: Val, *, beta: Any = 1, alpha: Any = 1
) -> Val:
    out = low.call(aten.mul.Tensor, low.call(aten.bmm.default, a, b), alpha)
    return low.call(aten.add.Tensor, out, low.call(aten.mul.Tensor, bias, beta))


def linear(low: Lowering, real: torch.Tensor, func: Any, x: Val, weight: Val, bias: Val | None = None) -> Val:
    out = low.call(aten.matmul.default, x, low.call(aten.t.default, weight))
    return out if bias is None else low.call(aten.add.Tensor, out, bias)


def batch_norm(
    low: Lowering,
    real: Sequence[torch.Tensor],
    func: Any,
    x: Val,
    weight: Val | None,
    bias: Val | None,
    mean: Any,
    var: Any,
    *rest: Any,
) -> list[Val]:
    """In play a gain and an offset for each channel (rest: training, momentum, eps; or momentum, eps)."""
    if not isinstance(mean, Val) or rest[0] is True:  # (without stored figures the call has two arguments less)
        dims = [d for d in range(x.real.dim()) if d != 1]
        var, mean = amount(low, x, dims, True, 0.0)
        out = low.call(
            aten.mul.Tensor,
            low.call(aten.sub.Tensor, x, mean),
            low.call(aten.rsqrt.default, low.call(aten.add.Tensor, var, rest[-1])),
        )
        for part, op in ((weight, aten.mul.Tensor), (bias, aten.add.Tensor)):
            if part is not None:
                out = low.call(op, out, low.call(aten.reshape.default, part, [1, -1, *[1] * (x.real.dim() - 2)]))
        return [out, *map(Val, real[1:])]
    assert isinstance(var, Val)
    gain = torch.rsqrt(var.real + rest[-1])
    gain = gain if weight is None else gain * weight.real
    offset = -mean.real * gain + (0.0 if bias is None else bias.real)
    shape = (1, -1, *[1] * (x.real.dim() - 2))
    scaled = emit(low.sheet, "Mul", x.real * gain.reshape(shape), x, Val(gain.reshape(shape)))
    return [emit(low.sheet, "Add", real[0], scaled, Val(offset.reshape(shape))), *map(Val, real[1:])]


def _dims(x: Val, dim: Any) -> list[int]:
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return list(range(x.real.dim()))
    return [d % x.real.dim() for d in (dim if isinstance(dim, (list, tuple)) else [dim])]


def _reduce(op: str) -> Callable[..., Val]:
    def handler(
        low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: Any = None, keepdim: bool = False, **_: Any
    ) -> Val:
        x = low.sheet.cast(x, real.dtype)
        dims = low.sheet.ints(*_dims(x, dim))
        return Val(real, low.sheet.node(op, low.sheet.flat(x), dims, keepdims=int(keepdim)))

    return handler


def amount(low: Lowering, x: Val, dim: Any, keepdim: bool, correction: float) -> tuple[Val, Val]:
    """Variance and mean."""
    dims = _dims(x, dim)
    count = 1
    for d in dims:
        count *= x.shape[d]
    mean = low.call(aten.mean.dim, x, dims, True)
    away = low.call(aten.sub.Tensor, x, mean)
    total = low.call(aten.sum.dim_IntList, low.call(aten.mul.Tensor, away, away), dims, keepdim)
    var = low.call(aten.div.Tensor, total, max(count - correction, 0.0))
    return var, mean if keepdim else low.call(aten.mean.dim, x, dims, False)


def _correction(rest: tuple[Any, ...], correction: Any, unbiased: Any) -> float:
    if rest and isinstance(rest[0], bool):
        return float(rest[0])
    return float(unbiased if unbiased is not None else 1 if correction is None else correction)


def var(
    low: Lowering,
    real: torch.Tensor,
    func: Any,
    x: Val,
    dim: Any = None,
    *rest: Any,
    correction: Any = None,
    keepdim: bool = False,
    unbiased: Any = None,
) -> Val:
    if isinstance(dim, bool):
        rest, dim = (dim,), None
    keepdim = bool(rest[1]) if len(rest) > 1 else keepdim
    return amount(low, x, dim, keepdim, _correction(rest, correction, unbiased))[0]


def var_mean(
    low: Lowering,
    real: Any,
    func: Any,
    x: Val,
    dim: Any = None,
    *rest: Any,
    correction: Any = None,
    keepdim: bool = False,
    unbiased: Any = None,
) -> list[Val]:
    keepdim = bool(rest[1]) if len(rest) > 1 else keepdim
    return list(amount(low, x, dim, keepdim, _correction(rest, correction, unbiased)))


def _softmax(op: str) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, *_: Any) -> Val:
        return Val(real, low.sheet.node(op, low.sheet.flat(x), axis=dim))

    return handler


def _arg(op: str) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: Any = None, keepdim: bool = False) -> Val:
        name = low.sheet.flat(x)
        if dim is None:
            name = low.sheet.reshape(name, (-1,))
        return Val(real, low.sheet.node(op, name, axis=0 if dim is None else dim, keepdims=int(keepdim)))

    return handler


def _extreme(op: str, arg: str) -> Callable[..., Any]:
    def handler(low: Lowering, real: Any, func: Any, x: Val, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(real, torch.Tensor):
            return _reduce(op)(low, real, func, x, None, False)
        return [_reduce(op)(low, real[0], func, x, dim, keepdim), _arg(arg)(low, real[1], func, x, dim, keepdim)]

    return handler


def cumsum(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, **_: Any) -> Val:
    """In double, as torch adds up on the CPU: what is summed is often a phase that is kept for hours."""
    kind = torch.float64 if real.is_floating_point() else real.dtype
    x = low.sheet.cast(x, kind)
    axis = low.sheet.constant(torch.tensor(dim % x.real.dim()))
    return low.sheet.cast(Val(real.to(kind), low.sheet.node("CumSum", low.sheet.flat(x), axis)), real.dtype)


def cumprod(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, **_: Any) -> Val:
    """Number by number: ONNX has no such operation. What uses it are angles of a sphere, a few dozen at most."""
    dim %= x.real.dim()
    if x.shape[dim] > LONGEST:
        raise RosinError(f"it multiplies {x.shape[dim]} numbers up (cumprod); up to {LONGEST} are known here")
    x = low.sheet.cast(x, real.dtype)
    done = [low.call(aten.slice.Tensor, x, dim, 0, 1)]
    for i in range(1, x.shape[dim]):
        done.append(low.call(aten.mul.Tensor, done[-1], low.call(aten.slice.Tensor, x, dim, i, i + 1)))
    return low.call(aten.cat.default, done, dim)


def cdist(low: Lowering, real: torch.Tensor, func: Any, a: Val, b: Val, p: float, *_: Any) -> Val:
    """Distances of rows, by their differences."""
    if p != 2.0:
        raise RosinError(f"it measures distances with p = {p}, which is not known here; please report it")
    away = low.call(aten.sub.Tensor, low.call(aten.unsqueeze.default, a, -2), low.call(aten.unsqueeze.default, b, -3))
    return low.call(aten.sqrt.default, low.call(aten.sum.dim_IntList, low.call(aten.mul.Tensor, away, away), [-1]))


def unfold_backward(
    low: Lowering, real: torch.Tensor, func: Any, x: Val, sizes: Sequence[int], dim: int, size: int, step: int
) -> Val:
    """Overlap and add along the last axis, as a product with a matrix of ones and zeros."""
    if dim % len(sizes) != len(sizes) - 1:
        raise RosinError("it adds overlapping windows along an axis that is not the last; please report it")
    frames, long = x.shape[-2], sizes[-1]
    places = torch.zeros(frames, size, long, dtype=real.dtype)
    for frame in range(frames):
        places[frame, torch.arange(size), torch.arange(size) + frame * step] = 1.0
    row = low.call(aten.reshape.default, x, [*sizes[:-1], frames * size])
    return low.call(aten.matmul.default, row, Val(places.reshape(frames * size, long)))


HANDLERS: dict[str, Callable[..., Any]] = {
    "mm": matmul, "bmm": matmul, "matmul": matmul, "mv": matmul, "dot": matmul, "addmm": addmm, "baddbmm": baddbmm,
    "linear": linear, "native_batch_norm": batch_norm, "_native_batch_norm_legit_no_training": batch_norm,
    "_native_batch_norm_legit": batch_norm, "sum": _reduce("ReduceSum"), "mean": _reduce("ReduceMean"),
    "amax": _reduce("ReduceMax"), "amin": _reduce("ReduceMin"), "prod": _reduce("ReduceProd"),
    "logsumexp": _reduce("ReduceLogSumExp"),
    "var": var,
    "var_mean": var_mean, "_softmax": _softmax("Softmax"), "_safe_softmax": _softmax("Softmax"),
    "_log_softmax": _softmax("LogSoftmax"),
    "argmax": _arg("ArgMax"), "argmin": _arg("ArgMin"), "max": _extreme("ReduceMax", "ArgMax"),
    "min": _extreme("ReduceMin", "ArgMin"), "cumsum": cumsum, "cumprod": cumprod, "_cdist_forward": cdist,
    "unfold_backward": unfold_backward,
}  # fmt: skip
