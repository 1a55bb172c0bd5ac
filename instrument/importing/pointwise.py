"""Pointwise: operations on each number by itself, as ONNX, in whichever layout the signal is in. Under lower."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from instrument.importing.values import GraphSheet, Lowering, Val

aten = torch.ops.aten


def as_val(value: Any, kind: torch.dtype) -> Val:
    """A plain number as a constant of that kind."""
    return value if isinstance(value, Val) else Val(torch.tensor(value, dtype=kind))


def common(values: Sequence[Val]) -> str:
    """The fast layout in which values meet: that of the first that is in one and was not just recalled from memory."""
    layouts = [v.fast for v in values if v.fast and not v.held] or [v.fast for v in values if v.fast]
    return layouts[0] if layouts else ""


def emit(sheet: GraphSheet, op: str, real: torch.Tensor, *inputs: Val, **attributes: Any) -> Val:
    """One ONNX node on values that broadcast; in the fast layout where a signal already is."""
    layout = common(inputs)
    fits = all(not v.live or v.real.dim() == 3 or v.real.numel() == 1 for v in inputs)
    if layout and fits and real.dim() == 3:
        names = [sheet.laid(v, layout) if v.real.dim() == 3 or not v.live else _scalar(sheet, v) for v in inputs]
        return sheet.made(real, sheet.node(op, *names, **attributes), layout)
    return Val(real, sheet.node(op, *(sheet.flat(v) for v in inputs), **attributes))


def _scalar(sheet: GraphSheet, value: Val) -> str:
    return sheet.reshape(sheet.flat(value), (1,)) if value.real.dim() else sheet.flat(value)


def _unary(op: str) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, x: Val, *_: Any, **__: Any) -> Val:
        return emit(low.sheet, op, real, low.sheet.cast(x, real.dtype if op != "IsNaN" else x.real.dtype))

    return handler


def _binary(op: str) -> Callable[..., Val]:
    def handler(
        low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any, *rest: Any, alpha: Any = 1, **_: Any
    ) -> Val:
        alpha = rest[0] if rest and op in ("Add", "Sub") else alpha
        a, b = (low.sheet.cast(as_val(v, real.dtype), real.dtype) for v in (a, b))
        if alpha != 1:
            b = low.call(aten.mul.Tensor, b, alpha)
        return emit(low.sheet, op, real, a, b)

    return handler


def _compare(op: str, negate: bool = False) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
        kind = torch.result_type(*(v.real if isinstance(v, Val) else v for v in (a, b)))
        if kind == torch.bool:
            kind = torch.int64
        a, b = (low.sheet.cast(as_val(v, kind), kind) for v in (a, b))
        out = emit(low.sheet, op, real, a, b)
        return emit(low.sheet, "Not", real, out) if negate else out

    return handler


def rsub(low: Lowering, real: torch.Tensor, func: Any, a: Val, b: Any, alpha: Any = 1) -> Val:
    a = low.call(aten.mul.Tensor, a, alpha) if alpha != 1 else a
    return low.call(aten.sub.Tensor, as_val(b, real.dtype), a)


def div(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any, *, rounding_mode: str | None = None) -> Val:
    if rounding_mode is None:
        return _binary("Div")(low, real, func, a, b)
    kind = real.dtype if real.is_floating_point() else torch.float64
    a, b = (low.sheet.cast(as_val(v, kind), kind) for v in (a, b))
    exact = emit(low.sheet, "Div", a.real / b.real, a, b)
    if rounding_mode == "trunc":
        down = trunc(low, exact.real.trunc(), func, exact)
    else:
        down = emit(low.sheet, "Floor", exact.real.floor(), exact)
    return low.sheet.cast(down, real.dtype)


def trunc(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    if not real.is_floating_point():
        return x
    size = emit(low.sheet, "Floor", x.real.abs().floor(), emit(low.sheet, "Abs", x.real.abs(), x))
    return emit(low.sheet, "Mul", real, size, emit(low.sheet, "Sign", x.real.sign(), x))


def floor_divide(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    return div(low, real, func, a, b, rounding_mode="floor")


def remainder(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    """As Python's %: of the sign of the divisor. ONNX has it for whole numbers only."""
    a, b = (low.sheet.cast(as_val(v, real.dtype), real.dtype) for v in (a, b))
    if not real.is_floating_point():
        return emit(low.sheet, "Mod", real, a, b)
    rest = emit(low.sheet, "Mod", torch.fmod(a.real, b.real), a, b, fmod=1)
    other = low.call(aten.lt.Scalar, low.call(aten.mul.Tensor, rest, b), 0.0)
    return low.call(aten.where.self, other, low.call(aten.add.Tensor, rest, b), rest)


def fmod(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    a, b = (low.sheet.cast(as_val(v, real.dtype), real.dtype) for v in (a, b))
    return emit(low.sheet, "Mod", real, a, b, fmod=1)


def power(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    if isinstance(a, Val) and b == 2:
        return low.call(aten.mul.Tensor, a, a)
    if isinstance(a, Val) and b == 0.5:
        return low.call(aten.sqrt.default, a)
    a, b = (low.sheet.cast(as_val(v, real.dtype), real.dtype) for v in (a, b))
    return emit(low.sheet, "Pow", real, a, b)


def square(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return low.call(aten.mul.Tensor, x, x)


def rsqrt(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return low.call(aten.reciprocal.default, low.call(aten.sqrt.default, x))


def log1p(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return low.call(aten.log.default, low.call(aten.add.Tensor, x, 1.0))


def expm1(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return low.call(aten.sub.Tensor, low.call(aten.exp.default, x), 1.0)


def _log_by(base: float) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
        return low.call(aten.mul.Tensor, low.call(aten.log.default, x), 1.0 / math.log(base))

    return handler


def exp2(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return emit(low.sheet, "Pow", real, as_val(2.0, real.dtype), low.sheet.cast(x, real.dtype))


def leaky_relu(low: Lowering, real: torch.Tensor, func: Any, x: Val, slope: float = 0.01) -> Val:
    return emit(low.sheet, "LeakyRelu", real, x, alpha=float(slope))


def elu(
    low: Lowering, real: torch.Tensor, func: Any, x: Val, alpha: float = 1.0, scale: float = 1, inner: float = 1
) -> Val:
    x = low.call(aten.mul.Tensor, x, inner) if inner != 1 else x
    out = emit(low.sheet, "Elu", torch.nn.functional.elu(x.real, alpha), x, alpha=float(alpha))
    return low.call(aten.mul.Tensor, out, scale) if scale != 1 else out


def softplus(low: Lowering, real: torch.Tensor, func: Any, x: Val, beta: float = 1, threshold: float = 20) -> Val:
    x = low.call(aten.mul.Tensor, x, beta) if beta != 1 else x
    out = emit(low.sheet, "Softplus", torch.nn.functional.softplus(x.real), x)
    return low.call(aten.div.Tensor, out, beta) if beta != 1 else out


def gelu(low: Lowering, real: torch.Tensor, func: Any, x: Val, approximate: str = "none") -> Val:
    if approximate == "none":
        inner = low.call(aten.erf.default, low.call(aten.mul.Tensor, x, math.sqrt(0.5)))
    else:
        cube = low.call(aten.mul.Tensor, low.call(aten.mul.Tensor, low.call(aten.mul.Tensor, x, x), x), 0.044715)
        sum_ = low.call(aten.mul.Tensor, low.call(aten.add.Tensor, x, cube), math.sqrt(2.0 / math.pi))
        inner = low.call(aten.tanh.default, sum_)
    return low.call(aten.mul.Tensor, low.call(aten.mul.Tensor, x, 0.5), low.call(aten.add.Tensor, inner, 1.0))


def atan2(low: Lowering, real: torch.Tensor, func: Any, y: Val, x: Val) -> Val:
    """As atan of the half angle, 2 atan(y / (r + x)), which fails on the negative real axis alone."""
    r = low.call(
        aten.sqrt.default, low.call(aten.add.Tensor, low.call(aten.mul.Tensor, x, x), low.call(aten.mul.Tensor, y, y))
    )
    below = low.call(aten.add.Tensor, r, x)
    tiny = low.call(aten.le.Scalar, below, 0.0)
    safe = low.call(aten.where.self, tiny, as_val(1.0, real.dtype), below)
    half = low.call(aten.atan.default, low.call(aten.div.Tensor, y, safe))
    left = low.call(aten.lt.Scalar, x, 0.0)
    straight = low.call(aten.where.self, left, as_val(math.pi, real.dtype), as_val(0.0, real.dtype))
    return low.call(aten.where.self, tiny, straight, low.call(aten.mul.Tensor, half, 2.0))


def clamp(
    low: Lowering,
    real: torch.Tensor,
    func: Any,
    x: Val,
    least: Any = None,
    most: Any = None,
    *,
    min: Any = None,
    max: Any = None,
) -> Val:
    least, most = (least if min is None else min), (most if max is None else max)
    out = low.sheet.cast(x, real.dtype)
    for bound, op, pick in ((least, "Max", torch.maximum), (most, "Min", torch.minimum)):
        if bound is not None:
            bound = low.sheet.cast(as_val(bound, real.dtype), real.dtype)
            out = emit(low.sheet, op, pick(out.real, bound.real), out, bound)
    return out


def clamp_min(low: Lowering, real: torch.Tensor, func: Any, x: Val, bound: Any) -> Val:
    return clamp(low, real, func, x, bound, None)


def clamp_max(low: Lowering, real: torch.Tensor, func: Any, x: Val, bound: Any) -> Val:
    return clamp(low, real, func, x, None, bound)


def where(low: Lowering, real: torch.Tensor, func: Any, mask: Val, a: Any, b: Any) -> Val:
    a, b = (low.sheet.cast(as_val(v, real.dtype), real.dtype) for v in (a, b))
    return emit(low.sheet, "Where", real, mask, a, b)


def masked_fill(low: Lowering, real: torch.Tensor, func: Any, x: Val, mask: Val, value: Any) -> Val:
    return where(low, real, func, mask, value, x)


def to_copy(low: Lowering, real: torch.Tensor, func: Any, x: Val, *_: Any, **__: Any) -> Val:
    return low.sheet.cast(x, real.dtype)


def _bits(op: str) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
        a, b = (low.sheet.cast(as_val(v, torch.bool), torch.bool) for v in (a, b))
        return emit(low.sheet, op, real, a, b)

    return handler


_UNARY = {
    "neg": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "relu": "Relu", "abs": "Abs", "sign": "Sign", "sgn": "Sign", "floor": "Floor", "ceil": "Ceil",
    "round": "Round", "reciprocal": "Reciprocal", "erf": "Erf", "sinh": "Sinh", "cosh": "Cosh", "atan": "Atan",
    "asin": "Asin", "acos": "Acos", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "logical_not": "Not",
    "isnan": "IsNaN",
}  # fmt: skip
_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "maximum": "Max", "minimum": "Min", "fmax": "Max", "fmin": "Min"}
HANDLERS: dict[str, Callable[..., Any]] = {
    **{name: _unary(op) for name, op in _UNARY.items()},
    **{name: _binary(op) for name, op in _BINARY.items()},
    "eq": _compare("Equal"), "ne": _compare("Equal", True), "lt": _compare("Less"), "gt": _compare("Greater"),
    "le": _compare("LessOrEqual"), "ge": _compare("GreaterOrEqual"), "rsub": rsub, "div": div,
    "floor_divide": floor_divide, "trunc": trunc, "fix": trunc,
    "remainder": remainder, "fmod": fmod, "pow": power, "square": square, "rsqrt": rsqrt,
    "log1p": log1p, "expm1": expm1, "log2": _log_by(2.0), "log10": _log_by(10.0), "exp2": exp2,
    "leaky_relu": leaky_relu, "elu": elu, "softplus": softplus, "gelu": gelu, "atan2": atan2, "clamp": clamp,
    "clamp_min": clamp_min, "clamp_max": clamp_max, "where": where, "masked_fill": masked_fill, "_to_copy": to_copy,
    "logical_and": _bits("And"), "bitwise_and": _bits("And"), "logical_or": _bits("Or"), "bitwise_or": _bits("Or"),
    "logical_xor": _bits("Xor"),
}  # fmt: skip
