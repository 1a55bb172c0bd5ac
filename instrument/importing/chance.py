"""Chance: every random number a network draws becomes one that it is given. Under slots, record and proof.

Known: rand, randn, their relatives, normal and uniform. Another way of drawing is named and the import stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from instrument.base.errors import RosinError

aten = torch.ops.aten
Draw = Callable[[tuple[int, ...], str], torch.Tensor]
"""(shape, kind) to f32 numbers: ``normal``, or ``uniform`` from -1 to 1."""


def is_random(func: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in func.tags


def drawn(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], draw: Draw, do: Callable[..., Any]) -> Any:
    """The result of a random operation out of given numbers. ``do`` runs (and may note) an operation."""
    name = func._schema.name.split("::")[1]
    first: Any = args[0] if args else None
    kind = kwargs.get("dtype") or (first.dtype if isinstance(first, torch.Tensor) else torch.float32)

    def normal(shape: Any) -> Any:
        return as_asked(draw(tuple(shape), "normal"))

    def uniform(shape: Any, low: float, high: float) -> Any:
        half = do(aten.mul.Tensor, draw(tuple(shape), "uniform"), (high - low) / 2.0)
        return as_asked(do(aten.add.Tensor, half, (high + low) / 2.0))

    def as_asked(x: Any) -> Any:
        return x if x.dtype == kind else do(aten._to_copy.default, x, dtype=kind)

    if name in ("rand", "randn"):
        return uniform(first, 0.0, 1.0) if name == "rand" else normal(first)
    if name == "rand_like":
        return uniform(first.shape, 0.0, 1.0)
    if name == "randn_like":
        return normal(first.shape)
    if name in ("uniform_", "uniform"):
        low, high = _two(args, kwargs, "from", "to", 0.0, 1.0)
        value = uniform(first.shape, low, high)
        return do(aten.copy_.default, first, value) if name == "uniform_" else value
    if name in ("normal_", "normal", "normal_functional"):
        mean, std = _two(args[0 if name == "normal" else 1 :], kwargs, "mean", "std", 0.0, 1.0, skip=0)
        like = first if name != "normal" else mean if isinstance(mean, torch.Tensor) else std
        if not isinstance(like, torch.Tensor):
            like = torch.empty(tuple(args[2]))
            kind = torch.float32
        value = do(aten.add.Tensor, do(aten.mul.Tensor, normal(like.shape), std), mean)
        return do(aten.copy_.default, first, value) if name == "normal_" else value
    raise RosinError(f"it draws its chance with {name}, which is not known here; please report it with the file's name")


def _two(
    args: tuple[Any, ...], kwargs: dict[str, Any], a: str, b: str, at_a: float, at_b: float, skip: int = 1
) -> tuple[Any, Any]:
    """Two arguments by place or by name."""
    left = args[skip:]
    return (left[0] if left else kwargs.get(a, at_a)), (left[1] if len(left) > 1 else kwargs.get(b, at_b))


class Watching(TorchDispatchMode):
    """While it is on, every operation passes through ``met``. A refusal is raised anew at the end: the interpreter of
    TorchScript makes an error of its own, without words, of any that passes through it."""

    refusal: RosinError | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Or torch would load its compiler, two seconds of it, at the first operation."""
        return False

    def met(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            return self.met(func, args, kwargs or {})
        except RosinError as refusal:
            self.refusal = refusal
            raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is not None and self.refusal is not None:
            raise self.refusal from None


class Given(Watching):
    """While it is on, random operations take their numbers from ``draw``, in the order they are asked for."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw

    def met(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if is_random(func):
            return drawn(func, args, kwargs, self._draw, lambda f, *a, **k: f(*a, **k))
        return func(*args, **kwargs)
