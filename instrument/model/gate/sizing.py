"""Sizing: how large every value of a graph becomes, worked out before the runtime sees the file. After size_rules.

A file of a few hundred bytes can ask for 64 GB or for years. So only operations are let in whose results have a size
that stands in the file: what none of the exporters here writes (loops, choices, sequences, texts, chance, everything
whose size depends on the sound) is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from instrument.model.gate.onnx_file import I64, INT64, SMALL, GraphRefused, Node, OnnxFile, Tensor
from instrument.model.gate.size_rules import RULES, Size, Step

VALUE_MOST = 1 << 25
"""Numbers in one value: 128 MB of them. The largest import known has a hundredth."""
ALL_MOST = 1 << 28
"""Numbers in all values of one call together."""
WORK_MOST = 2e10
"""Products of one call: an eighth of a second on a core that is not shared; RAVE takes a fiftieth for 2048 samples."""
OPSET_LEAST = 11
OPSET, IR_VERSION = 18, 10
"""Of the graphs that are written here, by a training and by an import."""


class Sizes:
    """Sizes by name, as they become known; ``values``: those of short rows of whole numbers, which may be sizes."""

    def __init__(self, file: OnnxFile, named: Mapping[str, int]) -> None:
        if file.opset < OPSET_LEAST:
            raise GraphRefused(f"it is written for opset {file.opset}, and {OPSET_LEAST} is the least")
        self.of: dict[str, Size] = {}
        self.values: dict[str, I64] = {}
        self.all = 0
        self.work = 0.0
        for weight in file.weights.values():
            self._weigh(weight.name, weight)
        for name, shape in file.inputs.items():
            sizes = [named.get(size, -1) if isinstance(size, str) else size for size in shape]
            closed = self._closed(name, shape, sizes)
            if self.of.get(name, closed) != closed:
                raise GraphRefused(f"{name[:40]!r} has one size as a weight in it and another as an input")
            if name not in self.of:
                self._set(name, closed)
        for node in file.nodes:
            self._step(node)
        for name in file.outputs:
            if name not in self.of:
                raise GraphRefused(f"nothing in it makes its output {name[:40]!r}")

    def _closed(self, name: str, shape: Sequence[int | str], sizes: Sequence[int]) -> Size:
        if any(size < 1 for size in sizes):
            said = ", ".join(str(size) for size in shape)
            raise GraphRefused(f"the size of {name[:40]} is left open ([{said[:60]}]) and is none of F, T, B")
        return tuple(sizes)

    def _weigh(self, name: str, weight: Tensor) -> None:
        self.of[name] = weight.shape
        if weight.values is not None:
            self.values[name] = weight.values

    def _set(self, name: str, size: Size) -> None:
        count = math.prod(size)
        if any(part < 0 for part in size):
            raise GraphRefused(f"the size of {name[:40]!r} in it is impossible")
        if count > VALUE_MOST:
            raise GraphRefused(f"{name[:40]!r} in it would hold {count:.1e} numbers, and {VALUE_MOST:.1e} is the most")
        self.all += count
        if self.all > ALL_MOST:
            raise GraphRefused(f"one call of it would hold more than {ALL_MOST:.1e} numbers")
        self.of[name] = size

    def _step(self, node: Node) -> None:
        rule = RULES.get(node.op)
        if rule is None:
            raise GraphRefused(f"it uses the operation {node.op[:40]!r}, which no model here needs")
        for name in node.inputs:
            if name and name not in self.of:
                raise GraphRefused(f"{name[:40]!r} is used in it before it is made")
        try:
            made, work = rule(Step(self.of, self.values, node))
            value = known(self, node)
        except (IndexError, KeyError, ValueError, ZeroDivisionError, OverflowError) as error:
            if isinstance(error, GraphRefused):
                raise
            raise GraphRefused(f"its {node.op} does not fit together") from None
        if len(made) < len(node.outputs):
            raise GraphRefused(f"its {node.op} gives more than there is")
        for name, size in zip(node.outputs, made, strict=False):
            if name:
                if name in self.of:
                    raise GraphRefused(f"{name[:40]!r} is made twice in it")
                self._set(name, size)
        self.work += work
        if self.work > WORK_MOST:
            raise GraphRefused(f"one call of it takes more than {WORK_MOST:.0e} products")
        if value is not None and node.outputs:
            self.values[node.outputs[0]] = value


def known(sizes: Sizes, node: Node) -> I64 | None:
    """The whole numbers that a node makes of sizes that are known, as far as sizes are made of them. No arithmetic:
    what runs over in 32 bits would be another number here than in the runtime."""
    if node.op == "Constant":
        if "value" in node.tensors:
            return node.tensors["value"].values
        rows = node.rows.get("value_ints", [node.ints["value_int"]] if "value_int" in node.ints else None)
        return None if rows is None else np.array(rows, np.int64)
    if node.op == "Shape":
        size = sizes.of[node.inputs[0]]
        return np.array(size[slice(node.ints.get("start", 0), node.ints.get("end"))], np.int64)
    given = [one for name in node.inputs if (one := sizes.values.get(name)) is not None]
    if not given or len(given) < len(node.inputs) or sum(one.size for one in given) > SMALL:
        return None
    if node.op == "Identity" or (node.op == "Cast" and node.ints.get("to") == INT64):
        return given[0]
    if node.op == "Concat":
        return np.concatenate([one.reshape(-1) for one in given])
    if node.op == "Gather":
        return np.asarray(np.take(given[0].reshape(-1), given[1]))
    if node.op in ("Squeeze", "Unsqueeze", "Reshape"):
        return given[0].reshape(-1)
    return None
