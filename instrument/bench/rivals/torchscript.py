"""TorchScript: a model's own graph, folds and all, written once more in torch, with its state inside.

The module is written from the ONNX file: every operation becomes the torch call that does the same, every weight a
buffer, every state an attribute that each call replaces. Nobody exports this; it is as far as torch can be driven, and
what it loses to ONNX Runtime is not our algebra. What can be bent here and nowhere else is left out, a state is taken
over and not copied, the module is frozen, and of the ways torch offers for dense layers and for the noise's filter the
quickest on this machine is taken. Needs torch and onnx (extra [train]). Under against.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from instrument.base.errors import RosinError

NEEDS = "the comparison with TorchScript needs torch and onnx; install them with: pip install 'rosin[train]'"


@dataclass(frozen=True)
class Ways:
    """How torch is asked: ``dense`` layers as "addmm", "linear" or "conv1d" of one step; filters by ``unfold`` and a
    product, or conv1d; ``tuned``: optimize_for_inference after freezing."""

    dense: str = "addmm"
    unfold: bool = True
    tuned: bool = False

    @property
    def words(self) -> str:
        """All of it in a few words, for the table."""
        parts = [f"dense layers as {self.dense}", f"filters as {'unfold and mm' if self.unfold else 'conv1d'}"]
        return ", ".join([*parts, "optimize_for_inference" if self.tuned else "frozen"])


POINTWISE = {
    "Add": "{0} + {1}", "Sub": "{0} - {1}", "Mul": "{0} * {1}", "Div": "{0} / {1}", "Equal": "{0} == {1}",
    "Exp": "torch.exp({0})", "Log": "torch.log({0})", "Sin": "torch.sin({0})", "Cos": "torch.cos({0})",
    "Tanh": "torch.tanh({0})", "Sqrt": "torch.sqrt({0})", "Floor": "torch.floor({0})", "Relu": "torch.relu({0})",
    "Reciprocal": "torch.reciprocal({0})", "Identity": "{0}", "Where": "torch.where({0}, {1}, {2})",
    "MatMul": "torch.matmul({0}, {1})",
}  # fmt: skip


class Writer:
    """The source of ``forward`` and the weights it speaks of, node by node."""

    def __init__(self, model: Any, ways: Ways) -> None:
        import onnx

        self.ways = ways
        self.arrays = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
        self.names: dict[str, str] = {}
        self.buffers: dict[str, Any] = {}
        self.lines: list[str] = []
        self.plain = {n for n in self.arrays if n.startswith("bend.")}
        self.inputs = [i.name for i in model.graph.input if not i.name.startswith(("state.", "bend."))]
        self.states = {
            i.name: [d.dim_value for d in i.type.tensor_type.shape.dim]
            for i in model.graph.input
            if i.name.startswith("state.")
        }
        self.names |= {name: f"x{i}" for i, name in enumerate(self.inputs)}
        self.names |= {name: f"self.s{name.removeprefix('state.')}" for name in self.states}
        for node in model.graph.node:
            self._node(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
        after = [(self.names[n], self._out("next." + n.removeprefix("state."))) for n in self.states]
        self.lines += [f"{state} = {value}" for state, value in after]
        outs = [o.name for o in model.graph.output if not o.name.startswith(("next.", "tap."))]
        self.outputs = outs
        self.lines.append("return " + ", ".join(self._out(n) for n in outs))

    def source(self) -> str:
        given = ", ".join(f"x{i}: Tensor" for i in range(len(self.inputs)))
        back = "Tensor" if len(self.outputs) == 1 else f"Tuple[{', '.join(['Tensor'] * len(self.outputs))}]"
        return f"def forward(self, {given}) -> {back}:\n" + "".join(f"    {line}\n" for line in self.lines)

    def _out(self, name: str) -> str:
        return self.names[name]

    def _in(self, name: str) -> str:
        """How the source calls a value; a weight becomes a buffer when it is first spoken of."""
        if name not in self.names:
            self.buffers[f"w{len(self.buffers)}"] = self.arrays[name]
            self.names[name] = f"self.w{len(self.buffers) - 1}"
        return self.names[name]

    def _let(self, name: str, value: str) -> None:
        self.names[name] = f"v{len(self.lines)}"
        self.lines.append(f"{self.names[name]} = {value}")

    def _ints(self, name: str) -> list[int]:
        return [int(v) for v in self.arrays[name].reshape(-1)]

    def _node(self, node: Any, given: dict[str, Any]) -> None:
        terms = [n for n in node.input if n not in self.plain]
        if len(terms) < len(node.input) and node.op_type in ("Mul", "Sum"):  # a bend that bends nothing
            if len(terms) == 1:
                self.names[node.output[0]] = self._in(terms[0])
                return
        elif node.op_type in ("Split",):
            whole, sizes = self._in(node.input[0]), self._ints(node.input[1])
            cuts = [sum(sizes[:i]) for i in range(len(sizes))]
            for name, cut, size in zip(node.output, cuts, sizes, strict=True):
                self._let(name, f"{whole}.narrow({given['axis']}, {cut}, {size})")
            return
        writer: Callable[..., str] | None = getattr(self, f"_{node.op_type.lower()}", None)
        if node.op_type in POINTWISE:
            self._let(node.output[0], POINTWISE[node.op_type].format(*map(self._in, terms)))
        elif writer is not None:
            self._let(node.output[0], writer(terms, **given))
        else:
            raise RosinError(
                f"the model uses the operation {node.op_type}, which the comparison with TorchScript does not know; "
                "measure it without --against-torchscript"
            )

    # --- one operation each

    def _sum(self, terms: Sequence[str]) -> str:
        return " + ".join(map(self._in, terms))

    def _gemm(self, terms: Sequence[str], transA: int = 0, alpha: float = 1.0, beta: float = 1.0) -> str:
        x, weight, *bias = terms
        if transA or alpha != 1.0 or beta != 1.0:
            if not bias:
                raise RosinError(
                    "the model scales a Gemm that adds nothing, which the comparison with TorchScript does not know; "
                    "measure it without --against-torchscript"
                )
            turned = f"{self._in(x)}.t()" if transA else self._in(x)
            return f"torch.addmm({self._in(bias[0])}, {turned}, {self._in(weight)}, beta={beta!r}, alpha={alpha!r})"
        if self.ways.dense == "addmm" or not all(t in self.arrays for t in terms[1:]) or self._doubled(weight):
            added = f"torch.addmm({self._in(bias[0])}, " if bias else "torch.mm("
            return f"{added}{self._in(x)}, {self._in(weight)})"
        width = self.arrays[weight].shape[1]
        b = "None"
        if bias:
            whole = np.broadcast_to(self.arrays[bias[0]].reshape(-1), (width,))
            b = self._made(f"{bias[0]}.row{width}", whole)
        if self.ways.dense == "linear":
            turned = self._made(f"{weight}.turned", self.arrays[weight].T)
            return f"torch.nn.functional.linear({self._in(x)}, {turned}, {b})"
        kernel = self._made(f"{weight}.kernel", self.arrays[weight].T[:, :, None])
        return f"torch.conv1d({self._in(x)}.unsqueeze(2), {kernel}, {b}).squeeze(2)"

    def _doubled(self, weight: str) -> bool:
        return bool(self.arrays[weight].dtype == np.float64)

    def _made(self, name: str, array: Any) -> str:
        """A weight in another layout, by the name it goes under."""
        self.arrays.setdefault(name, np.ascontiguousarray(array))
        return self._in(name)

    def _leakyrelu(self, terms: Sequence[str], alpha: float = 0.01) -> str:
        return f"torch.nn.functional.leaky_relu({self._in(terms[0])}, {alpha!r})"

    def _clip(self, terms: Sequence[str]) -> str:
        ends = [float(self.arrays[t].reshape(-1)[0]) if t else None for t in terms[1:]]
        named = [f"{name}={end!r}" for name, end in zip(("min", "max"), ends, strict=False) if end is not None]
        return f"torch.clamp({', '.join([self._in(terms[0]), *named])})"

    def _concat(self, terms: Sequence[str], axis: int) -> str:
        return f"torch.cat([{', '.join(map(self._in, terms))}], {axis})"

    def _slice(self, terms: Sequence[str]) -> str:
        begin, end, axis = (self._ints(t)[0] for t in terms[1:4])
        if len(terms) > 4 and self._ints(terms[4])[0] != 1:
            raise RosinError("the comparison with TorchScript knows no slice with a step; measure without it")
        stop = "" if end >= 2**31 - 1 else str(end)
        return f"{self._in(terms[0])}[{':, ' * axis}{begin or ''}:{stop}]"

    def _reshape(self, terms: Sequence[str], **_: Any) -> str:
        return f"{self._in(terms[0])}.reshape({self._ints(terms[1])})"

    def _cast(self, terms: Sequence[str], to: int) -> str:
        kind = {1: "torch.float32", 11: "torch.float64", 7: "torch.int64"}[to]
        return f"{self._in(terms[0])}.to({kind})"

    def _mod(self, terms: Sequence[str], fmod: int = 0) -> str:
        return f"torch.{'fmod' if fmod else 'remainder'}({self._in(terms[0])}, {self._in(terms[1])})"

    def _pad(self, terms: Sequence[str], **_: Any) -> str:
        pads = self._ints(terms[1])
        half = len(pads) // 2
        pairs = [v for axis in reversed(range(half)) for v in (pads[axis], pads[half + axis])]
        return f"torch.nn.functional.pad({self._in(terms[0])}, {pairs})"

    def _tile(self, terms: Sequence[str]) -> str:
        return f"{self._in(terms[0])}.repeat({self._ints(terms[1])})"

    def _transpose(self, terms: Sequence[str], perm: Sequence[int]) -> str:
        return f"{self._in(terms[0])}.permute({list(perm)})"

    def _reducesum(self, terms: Sequence[str], keepdims: int = 1) -> str:
        return f"torch.sum({self._in(terms[0])}, {self._ints(terms[1])}, {bool(keepdims)})"

    def _reducesumsquare(self, terms: Sequence[str], keepdims: int = 1) -> str:
        x = self._in(terms[0])
        return f"torch.sum({x} * {x}, {self._ints(terms[1])}, {bool(keepdims)})"

    def _reducemax(self, terms: Sequence[str], keepdims: int = 1) -> str:
        return f"torch.amax({self._in(terms[0])}, {self._ints(terms[1])}, {bool(keepdims)})"

    def _argmax(self, terms: Sequence[str], axis: int, keepdims: int = 1) -> str:
        return f"torch.argmax({self._in(terms[0])}, {axis}, {bool(keepdims)})"

    def _softmax(self, terms: Sequence[str], axis: int = -1) -> str:
        return f"torch.softmax({self._in(terms[0])}, {axis})"

    def _gather(self, terms: Sequence[str], axis: int = 0) -> str:
        x, at = map(self._in, terms)
        if terms[1] in self.arrays and self.arrays[terms[1]].ndim == 2:
            rows, columns = self.arrays[terms[1]].shape
            return f"{x}.index_select({axis}, {at}.reshape(-1)).unflatten({axis}, [{rows}, {columns}])"
        return f"{x}.index_select({axis}, {at})"

    def _conv(self, terms: Sequence[str], strides: Sequence[int] = (1,), group: int = 1, **_: Any) -> str:
        x, kernels = map(self._in, terms[:2])
        if self.ways.unfold and group == 1 and len(terms) == 2:
            windows = f"{x}[0, 0].unfold(0, {kernels}.size(2), {strides[0]})"
            return f"torch.mm({kernels}[:, 0], {windows}.t()).unsqueeze(0)"
        return f"torch.conv1d({x}, {kernels}, None, [{strides[0]}], [0], [1], {group})"


class Scripted:
    """A graph as a scripted, frozen module. ``run`` takes the graph's inputs in their order (``inputs``) as tensors."""

    def __init__(self, path: Path, ways: Ways = Ways()) -> None:
        try:
            import onnx
            import torch
        except ImportError:
            raise RosinError(NEEDS) from None
        writer = Writer(onnx.load(path), ways)
        self.inputs, self.outputs, self.ways = writer.inputs, writer.outputs, ways
        module: Any = type("Played", (torch.nn.Module,), {})()  # its own class: scripts of one class share methods
        for name, array in writer.buffers.items():
            module.register_buffer(name, torch.from_numpy(array.copy()))
        for name, shape in writer.states.items():
            module.register_buffer(f"s{name.removeprefix('state.')}", torch.zeros(shape))
        scripted: Any = torch.jit.script(module)
        scripted.define(writer.source())
        scripted.eval()
        self._module = torch.jit.freeze(scripted)
        if ways.tuned:
            self._module = torch.jit.optimize_for_inference(self._module)
        self.run: Any = self._module._c._get_method("forward")
