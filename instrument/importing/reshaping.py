"""Reshaping: operations that only move numbers, as ONNX. Under lower.

The common ones stay Slice, Concat, Pad and Transpose. Every other one is tried on the numbers 0, 1, 2 ... : where each
of them comes out says what one Gather must fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from instrument.base.errors import RosinError
from instrument.importing.pointwise import common
from instrument.importing.values import AXES, Lowering, Val

aten = torch.ops.aten
FAR = 2**31

SHAPE_ONLY = frozenset(
    [
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty",
        "new_empty_strided",
        "sym_size",
        "sym_numel",
    ]
)
"""What these give depends on the size of their argument alone."""


def same(low: Lowering, real: torch.Tensor, func: Any, x: Val, *_: Any, **__: Any) -> Val:
    return x


def reshape(low: Lowering, real: torch.Tensor, func: Any, x: Val, *_: Any, **__: Any) -> Val:
    if tuple(real.shape) == x.shape:
        return x
    # [B, C, T] that is cut up from outside the fast layout: whichever name there is has the same order of numbers.
    name = x.name or x.wide or low.sheet.flat(x)
    if real.dim() == 3 and x.wide and not x.name:
        b, c, t = real.shape
        return Val(real, wide=low.sheet.reshape(name, (b, c, 1, t)))
    return Val(real, low.sheet.reshape(name, tuple(real.shape)))


def permute(low: Lowering, real: torch.Tensor, func: Any, x: Val, dims: Sequence[int]) -> Val:
    order = [d % x.real.dim() for d in dims]
    moved = [d for d in order if x.shape[d] != 1]
    if order == [0, 2, 1] and x.tall:  # what is tall is that already, and the other way round
        return Val(real, x.tall, tall=x.name)
    if moved == sorted(moved):  # only dimensions of one: no number moves
        return reshape(low, real, func, x)
    if order == [0, 2, 1] and x.name:
        return Val(real, tall=x.name)
    return Val(real, low.sheet.node("Transpose", low.sheet.flat(x), perm=order))


def transpose(low: Lowering, real: torch.Tensor, func: Any, x: Val, a: int = 0, b: int = 1) -> Val:
    if x.real.dim() < 2:
        return x
    order = list(range(x.real.dim()))
    order[a], order[b] = order[b], order[a]
    return permute(low, real, func, x, order)


def expand(low: Lowering, real: torch.Tensor, func: Any, x: Val, *_: Any, **__: Any) -> Val:
    if tuple(real.shape) == x.shape:
        return x
    return Val(real, low.sheet.node("Expand", low.sheet.flat(x), low.sheet.ints(*real.shape)))


def _cut(low: Lowering, x: Val, real: torch.Tensor, axis: int, start: int, end: int, step: int = 1) -> Val:
    """A slice along one axis in either layout."""
    sheet, layout = low.sheet, x.fast
    axis = AXES[layout][axis] if layout else axis
    words = [sheet.ints(v) for v in (start, end, axis, step)]
    return sheet.made(real, sheet.node("Slice", sheet.laid(x, layout), *words), layout)


def slice_(
    low: Lowering,
    real: torch.Tensor,
    func: Any,
    x: Val,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Val:
    if tuple(real.shape) == x.shape:
        return x
    size = x.shape[dim]
    start, end, step = slice(start, end, step).indices(size)
    return _cut(low, x, real, dim % x.real.dim(), start, end, step)


def select(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, index: int) -> Val:
    dim, index = dim % x.real.dim(), index % x.shape[dim]
    row = _cut(low, x, x.real.narrow(dim, index, 1), dim, index, index + 1) if x.shape[dim] > 1 else x
    return reshape(low, real, func, row)


def split(low: Lowering, real: Sequence[torch.Tensor], func: Any, x: Val, sizes: Any = None, dim: int = 0) -> list[Val]:
    dim %= x.real.dim()
    sheet = low.sheet
    if len(real) == 1:
        return [x]
    lengths = sheet.ints(*(part.shape[dim] for part in real))
    layout = x.fast
    axis = AXES[layout][dim] if layout else dim
    names = sheet.nodes_of("Split", len(real), sheet.laid(x, layout), lengths, axis=axis)
    return [sheet.made(part, name, layout) for part, name in zip(real, names, strict=True)]


def unbind(low: Lowering, real: Sequence[torch.Tensor], func: Any, x: Val, dim: int = 0) -> list[Val]:
    return [select(low, part, func, x, dim, i) for i, part in enumerate(real)]


def cat(low: Lowering, real: torch.Tensor, func: Any, parts: Sequence[Val], dim: int = 0) -> Val:
    parts = [low.sheet.cast(p, real.dtype) for p in parts if p.real.numel() or p.real.dim() == real.dim()]
    dim %= real.dim()
    parts = [p for p in parts if p.shape[dim]]
    if len(parts) == 1:
        return parts[0]
    layout = common(parts) if real.dim() == 3 else ""
    names = [low.sheet.laid(p, layout) for p in parts]
    return low.sheet.made(real, low.sheet.node("Concat", *names, axis=AXES[layout][dim] if layout else dim), layout)


def stack(low: Lowering, real: torch.Tensor, func: Any, parts: Sequence[Val], dim: int = 0) -> Val:
    return low.call(aten.cat.default, [low.call(aten.unsqueeze.default, p, dim) for p in parts], dim)


def pad(low: Lowering, real: torch.Tensor, func: Any, x: Val, pads: Sequence[int], value: float = 0) -> Val:
    sheet, rank = low.sheet, x.real.dim()
    if not any(pads):
        return x
    begins, ends = [0] * rank, [0] * rank
    for i in range(len(pads) // 2):
        begins[rank - 1 - i], ends[rank - 1 - i] = pads[2 * i], pads[2 * i + 1]
    fill = sheet.constant(torch.tensor(value, dtype=real.dtype))
    layout = x.fast
    for ends_ in (begins, ends):
        if layout == "wide":
            ends_.insert(2, 0)
        elif layout == "tall":
            ends_[1:] = ends_[:0:-1]
    return sheet.made(real, sheet.node("Pad", sheet.laid(x, layout), sheet.ints(*begins, *ends), fill), layout)


def _numbered(x: torch.Tensor, first: int = 0) -> torch.Tensor:
    """The numbers of its elements, in the same place in memory as those lie."""
    numbers = torch.empty_strided(x.size(), x.stride(), dtype=torch.float64)
    return numbers.copy_(torch.arange(first, first + x.numel(), dtype=torch.float64).reshape(x.shape))


def fetched(low: Lowering, real: torch.Tensor, func: Any, x: Val, *args: Any, **kwargs: Any) -> Val:
    """Any operation that moves the numbers of x and nothing else: one Gather."""
    plain = [a.real if isinstance(a, Val) else a for a in args]
    if any(isinstance(a, Val) and a.live for a in args):
        raise RosinError(f"it uses {func._schema.name} with places that change while it plays, not known here")
    places = func(_numbered(x.real), *plain, **kwargs).round().to(torch.int64)
    return _gathered(low, real, low.sheet.reshape(low.sheet.flat(x), (-1,)), places)


def _gathered(low: Lowering, real: torch.Tensor, flat: str, places: torch.Tensor) -> Val:
    name = low.sheet.node("Gather", flat, low.sheet.constant(places.reshape(real.shape)), axis=0)
    return Val(real, name)


def scattered(low: Lowering, real: torch.Tensor, func: Any, x: Val, source: Any, *args: Any, **kwargs: Any) -> Val:
    """x with some of its numbers taken from ``source``: one Gather from both in a row."""
    if not isinstance(source, Val) or any(isinstance(a, Val) and a.live for a in args):
        raise RosinError(f"it uses {func._schema.name} with places that change while it plays, not known here")
    if source.shape == x.shape and func in (aten.slice_scatter.default,):
        return low.sheet.cast(source, real.dtype)
    plain = [a.real if isinstance(a, Val) else a for a in args]
    places = func(_numbered(x.real), _numbered(source.real, x.real.numel()), *plain, **kwargs).round().to(torch.int64)
    sheet = low.sheet
    first = sheet.reshape(sheet.flat(x), (-1,))
    second = sheet.reshape(sheet.flat(sheet.cast(source, real.dtype)), (-1,))
    return _gathered(low, real, sheet.node("Concat", first, second, axis=0), places)


class Run(NamedTuple):
    """Rows from ``start`` to ``end``, every ``step``; None is the edge."""

    start: int | None = None
    end: int | None = None
    step: int = 1


def slice_scatter(
    low: Lowering,
    real: torch.Tensor,
    func: Any,
    x: Val,
    source: Val,
    dim: int = 0,
    *run: Any,
    **named: Any,
) -> Val:
    """A run of rows replaced: what is before, the new ones, what is after. ``run``, ``named``: arguments of Run."""
    start, end, step = slice(*Run(*run, **named)).indices(x.shape[dim])
    if step != 1:
        return scattered(low, real, func, x, source, dim, start, end, step)
    size = x.shape[dim]
    parts = []
    if start > 0:
        parts.append(low.call(aten.slice.Tensor, x, dim, 0, start))
    parts.append(low.sheet.cast(source, real.dtype))
    if end < size:
        parts.append(low.call(aten.slice.Tensor, x, dim, end, size))
    return low.call(aten.cat.default, parts, dim) if len(parts) > 1 else parts[0]


def select_scatter(low: Lowering, real: torch.Tensor, func: Any, x: Val, source: Val, dim: int, index: int) -> Val:
    index %= x.shape[dim]
    row = low.call(aten.unsqueeze.default, source, dim)
    return low.call(aten.slice_scatter.default, x, row, dim, index, index + 1)


def copy(low: Lowering, real: torch.Tensor, func: Any, x: Val, source: Val, *_: Any) -> Val:
    return low.call(aten.expand.default, low.sheet.cast(source, real.dtype), list(real.shape))


def fill(low: Lowering, real: torch.Tensor, func: Any, x: Val, value: Any = 0) -> Val:
    if isinstance(value, Val) and value.live:
        return copy(low, real, func, x, value)
    return Val(real)


def index(low: Lowering, real: torch.Tensor, func: Any, x: Val, places: Sequence[Val | None]) -> Val:
    """Advanced indexing: with constant places one Gather, with one live list of places on the first axis another."""
    if all(p is None or not p.live for p in places):
        return fetched(low, real, func, x, [None if p is None else p.real for p in places])
    used = [(i, p) for i, p in enumerate(places) if p is not None]
    if len(used) != 1 or used[0][1].real.dtype == torch.bool:
        raise RosinError("it looks up numbers in a way (index) that is not known here; please report it")
    axis, value = used[0]
    place = low.sheet.flat(value)
    return Val(real, low.sheet.node("Gather", low.sheet.flat(x), place, axis=axis))


def index_put(
    low: Lowering, real: torch.Tensor, func: Any, x: Val, places: Sequence[Any], values: Val, accumulate: bool = False
) -> Val:
    if accumulate or any(p is not None and p.live for p in places):
        raise RosinError("it writes to places that change while it plays (index_put), which is not known here")
    plain = [None if p is None else p.real for p in places]

    def put(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return aten.index_put.default(a, plain, b)

    numbers = put(_numbered(x.real), _numbered(values.real, x.real.numel())).round().to(torch.int64)
    sheet = low.sheet
    both = sheet.node(
        "Concat",
        sheet.reshape(sheet.flat(x), (-1,)),
        sheet.reshape(sheet.flat(sheet.cast(values, real.dtype)), (-1,)),
        axis=0,
    )
    return _gathered(low, real, both, numbers)


def embedding(low: Lowering, real: torch.Tensor, func: Any, table: Val, places: Val, *_: Any) -> Val:
    return Val(real, low.sheet.node("Gather", low.sheet.flat(table), low.sheet.flat(places), axis=0))


def index_select(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, places: Val) -> Val:
    return Val(real, low.sheet.node("Gather", low.sheet.flat(x), low.sheet.flat(places), axis=dim))


def gather(low: Lowering, real: torch.Tensor, func: Any, x: Val, dim: int, places: Val, **_: Any) -> Val:
    return Val(real, low.sheet.node("GatherElements", low.sheet.flat(x), low.sheet.flat(places), axis=dim))


_SAME = ("clone", "alias", "detach", "contiguous", "lift_fresh", "_conj_physical", "resolve_conj", "resolve_neg")
_RESHAPE = (
    "view",
    "_unsafe_view",
    "reshape",
    "_reshape_alias",
    "squeeze",
    "unsqueeze",
    "flatten",
    "unflatten",
    "view_as",
    "_reshape",
)
_FETCHED = ("as_strided", "unfold", "flip", "roll", "repeat", "diagonal", "reflection_pad1d", "replication_pad1d",
            "reflection_pad2d", "replication_pad2d", "upsample_nearest1d", "upsample_nearest2d", "movedim", "take",
            "_pad_circular", "repeat_interleave", "im2col", "channel_shuffle", "tile", "narrow")  # fmt: skip
HANDLERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_SAME, same), **dict.fromkeys(_RESHAPE, reshape), **dict.fromkeys(_FETCHED, fetched),
    "permute": permute, "transpose": transpose, "t": transpose, "numpy_T": transpose, "expand": expand,
    "expand_as": expand, "slice": slice_, "select": select, "split": split, "split_with_sizes": split,
    "unsafe_split": split, "unsafe_split_with_sizes": split, "chunk": split, "unsafe_chunk": split, "unbind": unbind,
    "cat": cat, "stack": stack, "constant_pad_nd": pad, "slice_scatter": slice_scatter,
    "select_scatter": select_scatter, "as_strided_scatter": scattered, "diagonal_scatter": scattered, "copy": copy,
    "fill": fill, "zero": fill, "index": index, "_unsafe_index": index, "index_put": index_put, "embedding": embedding,
    "index_select": index_select, "gather": gather,
}  # fmt: skip
