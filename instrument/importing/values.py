"""Values: what a number in the network is while the ONNX graph is written, and the sheet it is written on.

The fast layouts live here. A long signal [B, C, T] is kept as [B, C, 1, T], "wide", for as long as it can be, because
ONNX Runtime has its best kernels for two-dimensional convolution. A short one is kept as [B, T, C], "tall": what is cut
off or put in front of it lies in one piece there, and its convolutions are products. Under lower.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from instrument.model.gate.sizing import IR_VERSION, OPSET

KINDS = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
    torch.bool: TensorProto.BOOL,
    torch.float16: TensorProto.FLOAT16,
    torch.uint8: TensorProto.UINT8,
    torch.int8: TensorProto.INT8,
    torch.int16: TensorProto.INT16,
}


@dataclass
class Val:
    """One tensor. ``real``: its value in the example run, which also tells shape and kind.

    ``name``: the ONNX value of that shape; ``wide``: the one of shape [B, C, 1, T]; ``tall``: the one of shape
    [B, T, C]; some of them, or none for a constant. ``parts``: real and imaginary part of a complex one.
    """

    real: torch.Tensor
    name: str = ""
    wide: str = ""
    tall: str = ""
    parts: tuple[Val, Val] | None = None
    held: bool = False
    """Is it memory as it came in: it lies as the signal does that it meets."""
    fast: str = field(init=False)
    """The layout in which it was made and in which operations on it stay: "wide", "tall" or none."""

    @property
    def live(self) -> bool:
        """Does it depend on an input; else it is a constant."""
        return bool(self.name or self.wide or self.tall or self.parts)

    def __post_init__(self) -> None:
        self.fast = "" if self.name else "tall" if self.tall else "wide" if self.wide else ""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.real.shape)


def spread(tensor: torch.Tensor) -> torch.Tensor:
    """A constant as it combines with signals in the wide layout."""
    return tensor.unsqueeze(-2) if tensor.dim() >= 2 else tensor


def raised(tensor: torch.Tensor) -> torch.Tensor:
    """A constant as it combines with signals in the tall layout."""
    if tensor.dim() >= 2:
        return tensor.transpose(-1, -2)
    return tensor.unsqueeze(-1) if tensor.dim() else tensor


AXES = {"wide": {0: 0, 1: 1, 2: 3}, "tall": {0: 0, 1: 2, 2: 1}}
"""Where an axis of [B, C, T] is in each."""


def laid_shape(tensor: torch.Tensor, layout: str) -> tuple[int, ...]:
    """Its shape in a layout."""
    if not layout:
        return tuple(tensor.shape)
    b, c, t = tensor.shape
    return (b, c, 1, t) if layout == "wide" else (b, t, c)


@dataclass
class GraphSheet:
    """Nodes, constants, inputs and outputs of one graph."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    _known: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def constant(self, value: torch.Tensor | np.ndarray[Any, Any]) -> str:
        """An initialiser; equal ones are one."""
        array = np.ascontiguousarray(
            value.detach().cpu().resolve_conj().numpy() if isinstance(value, torch.Tensor) else value
        )
        array = array.reshape(tuple(value.shape))
        key = (array.dtype.str, array.shape, hashlib.sha256(array.data).digest())
        if key not in self._known:
            self._known[key] = f"w{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def node(self, op: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        name = to or f"n{len(self.nodes)}"
        if "kind" in attributes:  # what Cast calls `to`
            attributes["to"] = attributes.pop("kind")
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def nodes_of(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        names = [f"n{len(self.nodes)}.{i}" for i in range(count)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name: str, value: str, shape: tuple[int, ...]) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.node("Identity", value, to=name)

    # --- one value in either layout

    def flat(self, value: Val) -> str:
        """Its name in its own shape."""
        if value.name:
            return value.name
        if value.wide:
            value.name = self.reshape(value.wide, value.shape)
            return value.name
        if value.tall:
            value.name = self.turned(value.tall, value.shape)
            return value.name
        return self.constant(value.real)

    def turned(self, name: str, shape: tuple[int, ...]) -> str:
        """The last two axes changed, to ``shape``; of no work where one of them is 1."""
        if 1 in shape[1:]:
            return self.reshape(name, shape)
        return self.node("Transpose", name, perm=[0, 2, 1])

    def tall(self, value: Val) -> str:
        """Its name as [B, T, C]; of a constant with fewer dimensions, as it spreads over that."""
        if value.tall:
            return value.tall
        if not value.live:
            return self.constant(raised(value.real))
        b, c, t = value.shape
        value.tall = (
            self.reshape(value.wide, (b, t, c))
            if value.wide and 1 in (c, t)
            else (self.turned(self.flat(value), (b, t, c)))
        )
        return value.tall

    def laid(self, value: Val, layout: str) -> str:
        """Its name in a layout."""
        return self.wide(value) if layout == "wide" else self.tall(value) if layout == "tall" else self.flat(value)

    def made(self, real: torch.Tensor, name: str, layout: str) -> Val:
        """A value that is in a layout."""
        if layout == "wide":
            return Val(real, wide=name)
        return Val(real, tall=name) if layout == "tall" else Val(real, name=name)

    def wide(self, value: Val) -> str:
        """Its name as [B, C, 1, T]; of a constant with fewer dimensions, as it spreads over that."""
        if value.wide:
            return value.wide
        if not value.live:
            return self.constant(spread(value.real))
        b, c, t = value.shape
        if value.tall and not value.name and 1 in (c, t):
            value.wide = self.reshape(value.tall, (b, c, 1, t))
        else:
            value.wide = self.reshape(self.flat(value), (b, c, 1, t))
        return value.wide

    def reshape(self, name: str, shape: tuple[int, ...]) -> str:
        return self.node("Reshape", name, self.ints(*shape), allowzero=int(0 in shape))

    def cast(self, value: Val, kind: torch.dtype) -> Val:
        """The same numbers as another kind."""
        if value.real.dtype == kind:
            return value
        real = value.real.to(kind)
        if not value.live:
            return Val(real)
        return self.made(real, self.node("Cast", self.laid(value, value.fast), kind=KINDS[kind]), value.fast)

    def model(self, name: str, metadata: dict[str, str]) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rosin", ir_version=IR_VERSION
        )
        for key, value in metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        return model


class Lowering(Protocol):
    """What an operation is given to write itself with: the sheet, and any other operation."""

    sheet: GraphSheet

    def call(self, func: Any, *args: Any, **kwargs: Any) -> Val:
        """The result of an ATen operation that gives one tensor."""
        ...

    def calls(self, func: Any, *args: Any, **kwargs: Any) -> list[Val]:
        """The results of one that gives several."""
        ...
