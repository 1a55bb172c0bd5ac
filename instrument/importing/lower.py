"""Lower: a recorded graph written as ONNX, operation by operation. After record, before proof.

The graph is run once with example numbers while it is written: every value knows its shape, and whatever depends on
constants alone is worked out and folded. An operation that is not known is named and the import stops.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.utils._pytree import tree_flatten, tree_map

from instrument.base.errors import RosinError
from instrument.importing import convolving, fourier, pointwise, reshaping, summing
from instrument.importing.tracer import Trace
from instrument.importing.values import GraphSheet, Val, laid_shape

HANDLERS = {**pointwise.HANDLERS, **reshaping.HANDLERS, **summing.HANDLERS, **convolving.HANDLERS}


class Lower:
    """``call`` runs an operation and writes it; handlers write with ``sheet`` and call each other through it."""

    def __init__(self) -> None:
        self.sheet = GraphSheet()

    def call(self, func: Any, *args: Any, **kwargs: Any) -> Val:
        """The result of an ATen operation that gives one tensor."""
        made: Val = self.lowered(func, *args, **kwargs)
        return made

    def calls(self, func: Any, *args: Any, **kwargs: Any) -> list[Val]:
        """The results of one that gives several."""
        made: list[Val] = self.lowered(func, *args, **kwargs)
        return made

    def lowered(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """The result of an ATen operation on Vals and plain numbers: a Val, or a list of them."""
        values = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, Val)]
        plain_args, plain_kwargs = tree_map(lambda v: v.real if isinstance(v, Val) else v, (args, kwargs))
        name = func._schema.name.split("::")[1]
        name = name if name in HANDLERS else name.removesuffix("_copy")
        if name in ("view", "_unsafe_view"):  # what lies in memory in another order here than when it was recorded
            func = torch.ops.aten.reshape.default
        real = func(*plain_args, **plain_kwargs)
        live = any(v.live for v in values)
        if not live or name in reshaping.SHAPE_ONLY:
            return tree_map(lambda r: Val(r) if isinstance(r, torch.Tensor) else r, real)
        if any(v.parts is not None or v.real.is_complex() for v in values) or (
            isinstance(real, torch.Tensor) and real.is_complex()
        ):
            handler = fourier.HANDLERS.get(name)
        else:
            handler = HANDLERS.get(name) or fourier.HANDLERS.get(name)
        if handler is None:
            raise RosinError(f"it uses the operation {name}, which is not known here; please report it")
        return handler(self, real, func, *args, **kwargs)


def lower(recording: Trace, names: tuple[str, str], noise_names: list[str]) -> GraphSheet:
    """The sheet of a recording. ``names``: of its input and output. Written twice: the first time tells which states
    meet signals in the tall layout; those are [B, T, C] for good. Others of three dimensions are [B, C, 1, T]."""
    _, states = _written(recording, names, noise_names, [False] * len(recording.states))
    sheet, _ = _written(recording, names, noise_names, [bool(state.tall) for state in states])
    return sheet


def _written(
    recording: Trace, names: tuple[str, str], noise_names: list[str], tall: list[bool]
) -> tuple[GraphSheet, list[Val]]:
    made = Lower()
    sheet = made.sheet
    env: dict[fx.Node, Any] = {}
    places = iter(recording.graph.graph.find_nodes(op="placeholder"))
    held = []
    for i, state in enumerate(recording.states):
        layout = "" if state.dim() != 3 else "tall" if tall[i] else "wide"
        value = sheet.made(state.float(), sheet.input(f"state.{i}", laid_shape(state, layout)), layout)
        value.held = True
        held.append(value)
        env[next(places)] = sheet.cast(value, state.dtype)
    env[next(places)] = Val(recording.x, sheet.input(names[0], tuple(recording.x.shape)))
    for name, (_, real) in zip(noise_names, recording.noises, strict=True):
        env[next(places)] = Val(real, sheet.input(name, tuple(real.shape)))
    for constant, node in zip(recording.constants, places, strict=True):
        env[node] = Val(constant)
    for node in recording.graph.graph.nodes:
        if node.op == "placeholder":
            continue
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: env[n])
        if node.op == "get_attr":
            env[node] = Val(getattr(recording.graph, node.target))
        elif node.op == "output":
            y, *nexts = args[0]
        elif not hasattr(node.target, "_schema"):
            env[node] = args[0][args[1]]  # getitem
        else:
            env[node] = made.lowered(node.target, *args, **kwargs)
    sheet.output(names[1], sheet.flat(sheet.cast(y, torch.float32)), tuple(y.shape))
    for i, value in enumerate(nexts):
        value = sheet.cast(value, torch.float32)
        layout = "" if value.real.dim() != 3 else "tall" if tall[i] else "wide"
        sheet.output(f"next.{i}", sheet.laid(value, layout), laid_shape(value.real, layout))
    return sheet, held
