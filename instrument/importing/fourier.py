"""Fourier: complex numbers as pairs of real ones, transforms as products with a constant matrix. Under lower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from instrument.base.errors import RosinError
from instrument.importing.pointwise import as_val
from instrument.importing.values import Lowering, Val

aten = torch.ops.aten
MOST = 8192
"""Points of a transform; its matrix has their square."""


def parts_of(low: Lowering, value: Any) -> tuple[Val, Val]:
    """Real and imaginary part of anything."""
    if isinstance(value, Val) and value.parts is not None:
        return value.parts
    if isinstance(value, Val) and value.real.is_complex():
        return Val(value.real.real.contiguous()), Val(value.real.imag.contiguous())
    if isinstance(value, Val):
        return value, Val(torch.zeros_like(value.real))
    number = complex(value)
    return as_val(number.real, torch.float32), as_val(number.imag, torch.float32)


def joined(real: torch.Tensor, re: Val, im: Val) -> Val:
    return Val(real, parts=(re, im))


def _each(low: Lowering, real: Any, func: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    """An operation that moves numbers, on both parts; of several values in a list too."""
    call: Callable[..., Any] = low.call if isinstance(real, torch.Tensor) else low.calls
    if isinstance(x, (list, tuple)):
        pairs = [parts_of(low, v) for v in x]
        done = [call(func, [p[i] for p in pairs], *args, **kwargs) for i in (0, 1)]
    else:
        pair = parts_of(low, x)
        done = [call(func, pair[i], *args, **kwargs) for i in (0, 1)]
    if isinstance(real, torch.Tensor):
        return joined(real, *done)
    return [joined(r, re, im) for r, re, im in zip(real, *done, strict=True)]


def _sum(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any, **kwargs: Any) -> Val:
    (ar, ai), (br, bi) = parts_of(low, a), parts_of(low, b)
    return joined(real, low.call(func, ar, br, **kwargs), low.call(func, ai, bi, **kwargs))


def _times(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    def mul(x: Val, y: Val) -> Val:
        return low.call(aten.mul.Tensor, x, y)

    for x, y in ((a, b), (b, a)):
        if not isinstance(y, Val) or not (y.parts is not None or y.real.is_complex()):
            re, im = parts_of(low, x)
            factor = y if isinstance(y, Val) else as_val(y, torch.float32)
            return joined(real, mul(re, factor), mul(im, factor))
    (ar, ai), (br, bi) = parts_of(low, a), parts_of(low, b)
    re = low.call(aten.sub.Tensor, mul(ar, br), mul(ai, bi))
    return joined(real, re, low.call(aten.add.Tensor, mul(ar, bi), mul(ai, br)))


def _over(low: Lowering, real: torch.Tensor, func: Any, a: Any, b: Any) -> Val:
    if isinstance(b, Val) and (b.parts is not None or b.real.is_complex()):
        raise RosinError("it divides by complex numbers, which is not known here; please report it")
    re, im = parts_of(low, a)
    return joined(real, low.call(aten.div.Tensor, re, b), low.call(aten.div.Tensor, im, b))


def _abs(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    re, im = parts_of(low, x)
    total = low.call(aten.add.Tensor, low.call(aten.mul.Tensor, re, re), low.call(aten.mul.Tensor, im, im))
    return low.call(aten.sqrt.default, total)


def _angle(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    re, im = parts_of(low, x)
    return low.call(aten.atan2.default, im, re)


def _conj(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    re, im = parts_of(low, x)
    return joined(real, re, low.call(aten.neg.default, im))


def _as_real(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    return low.call(aten.stack.default, list(parts_of(low, x)), -1)


def _as_complex(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
    last = x.real.dim() - 1
    return joined(real, low.call(aten.select.int, x, last, 0), low.call(aten.select.int, x, last, 1))


def _complex(low: Lowering, real: torch.Tensor, func: Any, re: Val, im: Val) -> Val:
    return joined(real, re, im)


def _polar(low: Lowering, real: torch.Tensor, func: Any, size: Val, angle: Val) -> Val:
    re = low.call(aten.mul.Tensor, size, low.call(aten.cos.default, angle))
    return joined(real, re, low.call(aten.mul.Tensor, size, low.call(aten.sin.default, angle)))


def _matrix(rows: int, columns: int, n: int, sign: int) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sign * sin of 2 pi i j / n, worked out in double."""
    turns = np.outer(np.arange(rows), np.arange(columns)) % n * (2.0 * np.pi / n)
    return torch.from_numpy(np.cos(turns)), torch.from_numpy(sign * np.sin(turns))


def _scale(mode: int, n: int) -> float:
    return (1.0, n**-0.5, 1.0 / n)[mode]


def _product(low: Lowering, x: Val, matrix: torch.Tensor) -> Val:
    return low.call(aten.matmul.default, x, Val(matrix.to(x.real.dtype)))


def _turned(low: Lowering, x: Val, dim: int) -> Val:
    """The axis in question last (or back again)."""
    dim %= x.real.dim()
    return x if dim == x.real.dim() - 1 else low.call(aten.transpose.int, x, dim, -1)


def _one_axis(x: Val, dims: Sequence[int]) -> int:
    if len(dims) != 1:
        raise RosinError("it uses a Fourier transform over several axes, which is not known here; please report it")
    if x.shape[dims[0]] > MOST:
        raise RosinError(f"it uses a Fourier transform of {x.shape[dims[0]]} points; up to {MOST} are known here")
    return dims[0]


def _r2c(low: Lowering, real: torch.Tensor, func: Any, x: Val, dims: Sequence[int], mode: int, onesided: bool) -> Val:
    dim = _one_axis(x, dims)
    n, count = x.shape[dim], real.shape[dim]
    cos, sin = _matrix(n, count, n, -1)
    x = _turned(low, x, dim)
    both = [_turned(low, _product(low, x, part * _scale(mode, n)), dim) for part in (cos, sin)]
    return joined(real, *both)


def _c2r(low: Lowering, real: torch.Tensor, func: Any, x: Val, dims: Sequence[int], mode: int, n: int) -> Val:
    dim = _one_axis(x, dims)
    re, im = (_turned(low, part, dim) for part in parts_of(low, x))
    count = n // 2 + 1
    cos, sin = _matrix(count, n, n, -1)
    twice = torch.full((count, 1), 2.0, dtype=torch.float64)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    if re.shape[-1] != count:
        re, im = (low.call(aten.slice.Tensor, part, part.real.dim() - 1, 0, count) for part in (re, im))
    scale = _scale(mode, n)
    out = low.call(aten.add.Tensor, _product(low, re, cos * twice * scale), _product(low, im, sin * twice * scale))
    return _turned(low, out, dim)


def _c2c(low: Lowering, real: torch.Tensor, func: Any, x: Val, dims: Sequence[int], mode: int, forward: bool) -> Val:
    dim = _one_axis(x, dims)
    re, im = (_turned(low, part, dim) for part in parts_of(low, x))
    n = re.shape[-1]
    cos, sin = (part * _scale(mode, n) for part in _matrix(n, n, n, -1 if forward else 1))
    out_re = low.call(aten.sub.Tensor, _product(low, re, cos), _product(low, im, sin))
    out_im = low.call(aten.add.Tensor, _product(low, re, sin), _product(low, im, cos))
    return joined(real, _turned(low, out_re, dim), _turned(low, out_im, dim))


def _part(which: int) -> Callable[..., Val]:
    def handler(low: Lowering, real: torch.Tensor, func: Any, x: Val) -> Val:
        return parts_of(low, x)[which]

    return handler


_MOVING = (
    "view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "expand", "slice", "select",
    "split", "split_with_sizes", "unbind", "cat", "stack", "clone", "alias", "detach", "contiguous", "flip", "roll",
    "repeat", "constant_pad_nd", "sum", "mean", "neg", "index", "resolve_conj", "index_select", "t", "lift_fresh",
)  # fmt: skip
HANDLERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_MOVING, _each), "add": _sum, "sub": _sum, "mul": _times, "div": _over, "abs": _abs,
    "angle": _angle, "conj": _conj, "_conj": _conj, "conj_physical": _conj, "view_as_real": _as_real,
    "view_as_complex": _as_complex, "complex": _complex, "polar": _polar, "_fft_r2c": _r2c, "_fft_c2r": _c2r,
    "_fft_c2c": _c2c, "real": _part(0), "imag": _part(1),
}  # fmt: skip
