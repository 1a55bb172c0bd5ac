"""Size rules: what each operation that may be in a graph makes of sizes, and what it costs. Under sizing.

ONNX operator specification, opset 11 to 23. An operation that is not here is not run: none of the exporters here writes
it, or how large its result becomes depends on the sound. Costs are products of a plain implementation. A rule raises
ValueError where sizes do not fit together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from instrument.model.gate.onnx_file import I64, GraphRefused, Node

Size: TypeAlias = tuple[int, ...]


class Step:
    """One node among the sizes that are known: what a rule asks."""

    def __init__(self, of: Mapping[str, Size], values: Mapping[str, I64], node: Node) -> None:
        self.of, self.values, self.node = of, values, node

    def size(self, i: int = 0) -> Size:
        return self.of[self.node.inputs[i]]

    def has(self, i: int) -> bool:
        return len(self.node.inputs) > i and bool(self.node.inputs[i])

    def inputs(self) -> list[Size]:
        return [self.of[name] for name in self.node.inputs if name]

    def row(self, i: int, attribute: str = "") -> list[int] | None:
        """Whole numbers that are an input or, in older files, an attribute; None where they are not given."""
        if attribute in self.node.rows:
            return self.node.rows[attribute]
        if not self.has(i):
            return None
        value = self.values.get(self.node.inputs[i])
        if value is None:
            raise GraphRefused(f"how large its {self.node.op} becomes does not stand in it")
        return [int(one) for one in value.reshape(-1)]

    def whole(self, name: str, default: int) -> int:
        return self.node.ints.get(name, default)

    def axis(self, default: int, rank: int) -> int:
        return _axis(self.whole("axis", default), rank)


Made: TypeAlias = tuple[list[Size], float]
Rule: TypeAlias = Callable[[Step], Made]


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < max(rank, 1):
        raise IndexError(axis)
    return axis % max(rank, 1)


def _broadcast(sizes: Sequence[Size]) -> Size:
    return tuple(np.broadcast_shapes(*sizes))


def _same(step: Step) -> Made:
    size = step.size()
    return [size] * max(1, len(step.node.outputs)), math.prod(size)


def _spread(step: Step) -> Made:
    size = _broadcast(step.inputs())
    return [size], math.prod(size) * len(step.node.inputs)


def _quantise(step: Step) -> Made:
    return [step.size(), (), ()], math.prod(step.size())


def _matmul(step: Step) -> Made:
    a, b = step.size(0), step.size(1)
    left = a if len(a) > 1 else (1, *a)
    right = b if len(b) > 1 else (*b, 1)
    if left[-1] != right[-2]:
        raise ValueError
    size = (*_broadcast([left[:-2], right[:-2]]), left[-2], right[-1])
    work = math.prod(size) * left[-1]
    size = size if len(b) > 1 else size[:-1]
    return [size if len(a) > 1 else (*size[:-2], *size[-1:]) if len(b) > 1 else size[:-1]], work


def _gemm(step: Step) -> Made:
    a, b = step.size(0), step.size(1)
    rows, deep = a[::-1] if step.whole("transA", 0) else a
    depth, columns = b[::-1] if step.whole("transB", 0) else b
    if deep != depth:
        raise ValueError
    return [(rows, columns)], rows * columns * deep


def _window(step: Step, kernel: Sequence[int]) -> list[int]:
    """What is left of each spatial axis under a window."""
    rows, size = step.node.rows, step.size()[2:]
    count = len(size)
    strides, wide = rows.get("strides", [1] * count), rows.get("dilations", [1] * count)
    pads = rows.get("pads", [0] * 2 * count)
    if not len(kernel) == len(strides) == len(wide) == count == len(pads) / 2 or min(*strides, *wide, *kernel) < 1:
        raise ValueError
    if step.node.texts.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return [-(-n // s) for n, s in zip(size, strides, strict=True)]
    up = step.whole("ceil_mode", 0)
    room = [size[i] + pads[i] + pads[i + count] - (kernel[i] - 1) * wide[i] - 1 for i in range(count)]
    return [(n + (s - 1 if up else 0)) // s + 1 for n, s in zip(room, strides, strict=True)]


def _conv(step: Step) -> Made:
    size, weight = step.size(0), step.size(1)
    if size[1] != weight[1] * step.whole("group", 1):
        raise ValueError
    made = (size[0], weight[0], *_window(step, weight[2:]))
    return [made], math.prod(made) * math.prod(weight[1:])


def _conv_transpose(step: Step) -> Made:
    rows, size, weight = step.node.rows, step.size(0), step.size(1)
    count, kernel = len(size) - 2, weight[2:]
    strides, wide = rows.get("strides", [1] * count), rows.get("dilations", [1] * count)
    pads, more = rows.get("pads", [0] * 2 * count), rows.get("output_padding", [0] * count)
    plain = step.node.texts.get("auto_pad", "NOTSET") == "NOTSET" and "output_shape" not in rows
    if size[1] != weight[0] or not plain or min(*strides, *wide) < 1:
        raise ValueError
    long = [
        (size[i + 2] - 1) * strides[i] + (kernel[i] - 1) * wide[i] + 1 + more[i] - pads[i] - pads[i + count]
        for i in range(count)
    ]
    made = (size[0], weight[1] * step.whole("group", 1), *long)
    return [made], math.prod(size) * math.prod(weight[1:])


def _pool(step: Step) -> Made:
    kernel = step.node.rows["kernel_shape"]
    made = (*step.size()[:2], *_window(step, kernel))
    return [made] * max(1, len(step.node.outputs)), math.prod(made) * math.prod(kernel)


def _pool_all(step: Step) -> Made:
    size = step.size()
    return [(*size[:2], *[1] * (len(size) - 2))], math.prod(size)


def _reduce(step: Step) -> Made:
    size, axes = step.size(), step.row(1, "axes")
    if axes is None or not axes:
        axes = [] if step.whole("noop_with_empty_axes", 0) else list(range(len(size)))
    gone = {_axis(axis, len(size)) for axis in axes}
    keep = step.whole("keepdims", 1)
    return [tuple(1 if i in gone else n for i, n in enumerate(size) if keep or i not in gone)], math.prod(size)


def _arg(step: Step) -> Made:
    size = step.size()
    at = step.axis(0, len(size))
    return [size[:at] + ((1,) if step.whole("keepdims", 1) else ()) + size[at + 1 :]], math.prod(size)


def _moved(size: Size) -> Made:
    return [size], math.prod(size)


def _reshape(step: Step) -> Made:
    size, wanted = step.size(), step.row(1, "shape")
    if wanted is None:
        raise ValueError
    zero = step.whole("allowzero", 0)
    made = [size[i] if n == 0 and not zero else n for i, n in enumerate(wanted)]
    if made.count(-1) == 1:
        rest = -math.prod(made)
        made[made.index(-1)] = math.prod(size) // rest if rest else 0
    if math.prod(made) != math.prod(size):
        raise ValueError
    return _moved(tuple(made))


def _transpose(step: Step) -> Made:
    size = step.size()
    order = step.node.rows.get("perm", list(range(len(size)))[::-1])
    if sorted(order) != list(range(len(size))):
        raise ValueError
    return _moved(tuple(size[i] for i in order))


def _concat(step: Step) -> Made:
    sizes = step.inputs()
    at = step.axis(0, len(sizes[0]))
    if any(size[:at] + size[at + 1 :] != sizes[0][:at] + sizes[0][at + 1 :] for size in sizes):
        raise ValueError
    return _moved((*sizes[0][:at], sum(size[at] for size in sizes), *sizes[0][at + 1 :]))


def _split(step: Step) -> Made:
    size, parts = step.size(), step.row(1, "split")
    at, count = step.axis(0, len(size)), len(step.node.outputs)
    if parts is None:
        each = -(-size[at] // count)
        parts = [each] * (count - 1) + [size[at] - each * (count - 1)]
    if sum(parts) != size[at] or min(parts) < 0:
        raise ValueError
    return [(*size[:at], part, *size[at + 1 :]) for part in parts], math.prod(size)


def _slice(step: Step) -> Made:
    made = list(step.size())
    starts, ends, axes, steps = (step.row(i) for i in range(1, 5))
    if starts is None or ends is None:
        raise ValueError
    axes = axes if axes is not None else list(range(len(starts)))
    for start, end, axis, by in zip(starts, ends, axes, steps or [1] * len(starts), strict=True):
        at = _axis(axis, len(made))
        made[at] = len(range(*slice(start, end, by).indices(made[at])))
    return _moved(tuple(made))


def _gather(step: Step) -> Made:
    size, places = step.size(0), step.size(1)
    at = step.axis(0, len(size))
    return _moved((*size[:at], *places, *size[at + 1 :]))


def _gather_each(step: Step) -> Made:
    return _moved(step.size(1))


def _squeeze(step: Step) -> Made:
    size, axes = step.size(), step.row(1, "axes")
    gone = {_axis(a, len(size)) for a in axes} if axes is not None else {i for i, n in enumerate(size) if n == 1}
    if any(size[i] != 1 for i in gone):
        raise ValueError
    return _moved(tuple(n for i, n in enumerate(size) if i not in gone))


def _unsqueeze(step: Step) -> Made:
    rest, axes = list(step.size()), step.row(1, "axes") or []
    rank = len(rest) + len(axes)
    new = {_axis(axis, rank) for axis in axes}
    return _moved(tuple(1 if i in new else rest.pop(0) for i in range(rank)))


def _flatten(step: Step) -> Made:
    size = step.size()
    at = step.whole("axis", 1)
    at = at if at == len(size) else _axis(at, len(size))
    return _moved((math.prod(size[:at]), math.prod(size[at:])))


def _expand(step: Step) -> Made:
    wanted = step.row(1)
    if wanted is None or min(wanted, default=0) < 0:
        raise ValueError
    return _moved(_broadcast([step.size(), tuple(wanted)]))


def _tile(step: Step) -> Made:
    size, times = step.size(), step.row(1)
    if times is None or len(times) != len(size) or min(times, default=0) < 0:
        raise ValueError
    return _moved(tuple(n * t for n, t in zip(size, times, strict=True)))


def _pad(step: Step) -> Made:
    size, pads, axes = list(step.size()), step.row(1, "pads"), step.row(3)
    axes = axes if axes is not None else list(range(len(size)))
    if pads is None or len(pads) != 2 * len(axes):
        raise ValueError
    for i, axis in enumerate(axes):
        size[_axis(axis, len(size))] += pads[i] + pads[i + len(axes)]
    return _moved(tuple(size))


def _filled(step: Step) -> Made:
    wanted = step.row(0)
    if wanted is None or min(wanted, default=0) < 0:
        raise ValueError
    return _moved(tuple(wanted))


def _constant(step: Step) -> Made:
    node = step.node
    if "value" in node.tensors:
        return _moved(node.tensors["value"].shape)
    if "value_ints" in node.rows:
        return _moved((len(node.rows["value_ints"]),))
    if node.names in ({"value_int"}, {"value_float"}):
        return _moved(())
    raise ValueError


def _shape(step: Step) -> Made:
    return _moved((len(step.size()[slice(step.whole("start", 0), step.node.ints.get("end"))]),))


RULES: dict[str, Rule] = {
    **dict.fromkeys((
        "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
        "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log", "LogSoftmax",
        "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax",
        "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "Cast", "Clip", "CumSum",
        "BatchNormalization", "InstanceNormalization", "LayerNormalization", "QuantizeLinear", "DequantizeLinear",
    ), _same),
    **dict.fromkeys((
        "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Mean", "Sum", "And", "Or", "Xor", "Equal", "Less",
        "Greater", "LessOrEqual", "GreaterOrEqual", "Where", "PRelu",
    ), _spread),
    **{f"Reduce{how}": _reduce for how in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum",
                                           "SumSquare")},
    "DynamicQuantizeLinear": _quantise, "MatMul": _matmul, "MatMulInteger": _matmul, "Gemm": _gemm, "Conv": _conv,
    "ConvTranspose": _conv_transpose, "AveragePool": _pool, "MaxPool": _pool, "GlobalAveragePool": _pool_all,
    "GlobalMaxPool": _pool_all, "ArgMax": _arg, "ArgMin": _arg, "Reshape": _reshape, "Transpose": _transpose,
    "Concat": _concat, "Split": _split, "Slice": _slice, "Gather": _gather, "GatherElements": _gather_each,
    "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Flatten": _flatten, "Expand": _expand, "Tile": _tile, "Pad": _pad,
    "ConstantOfShape": _filled, "Constant": _constant, "Shape": _shape,
}  # fmt: skip
"""What may be in a graph, and what it makes of sizes. The products beside it are those of a plain implementation."""
