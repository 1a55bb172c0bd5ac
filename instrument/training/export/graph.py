"""Graph: ONNX written node by node, one frame at a time with explicit state. After training, before the card.

Written and not traced: at batch 1 and one frame a node costs about as much as its arithmetic (0.6-1 us against 1-15),
so what counts is few, fat nodes: every layer is one Gemm over its taps, every fixed filter one MatMul, what is constant
is folded into a weight or a bias. decoder_graph.py and encoder_graph.py write the two halves of a model with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from instrument.model.gate.sizing import IR_VERSION, OPSET
from instrument.training.network.stack import SLOPE, CausalStack


@dataclass
class GraphBuilder:
    """Nodes, weights and state of one graph while it is being written. ``voices``: instruments side by side in it."""

    voices: int = 1
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    state_count: int = 0

    def weight(self, value: Any, kind: Any = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def ints(self, *value: int) -> str:
        return self.weight(value, np.int64)

    def node(self, op: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        name = to or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def input(self, name: str, *shape: int) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name: str, *shape: int) -> str:
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def state(self, *shape: int) -> tuple[str, str]:
        """A state input and the name its next value must be given."""
        i = self.state_count
        self.state_count += 1
        return self.input(f"state.{i}", *shape), self.output(f"next.{i}", *shape)

    def bend(self, name: str, channels: int, what: str) -> str:
        """An input of one layer that need not be given: ``gain`` is 1 and ``bias`` 0 by itself."""
        whole = self.input(f"bend.{name}.{what}", 1, channels)
        plain = np.full((1, channels), 1.0 if what == "gain" else 0.0, np.float32)
        self.weights.append(numpy_helper.from_array(plain, whole))
        return whole

    def bent(self, name: str, channels: int, *terms: str) -> str:
        """The sum of the terms [1, channels]; with a name (sum + bias) * gain, which the tap of that name tells.

        The bias is one more term of a sum that is there anyway: bending costs one node a layer.
        """
        if not name:
            return self.node("Sum", *terms)
        return self.gained(name, channels, self.node("Sum", *terms, self.bend(name, channels, "bias")))

    def gained(self, name: str, channels: int, x: str) -> str:
        """x [voices, channels] times the gain of that name. Its tap [1, channels] tells what comes out.

        Of many voices it tells the sum of their magnitudes: they wear one instrument.
        """
        gain, tap = self.bend(name, channels, "gain"), self.output(f"tap.{name}", 1, channels)
        if self.voices == 1:
            return self.node("Mul", x, gain, to=tap)
        out = self.node("Mul", x, gain)
        self.node("ReduceL1", out, self.ints(0), keepdims=1, to=tap)
        return out

    def last(self, x: str, count: int, axis: int, to: str = "") -> str:
        return self.node("Slice", x, self.ints(-count), self.ints(2**31), self.ints(axis), to=to)

    def reshape(self, x: str, *shape: int, to: str = "") -> str:
        return self.node("Reshape", x, self.ints(*shape), to=to)

    def cast(self, x: str, kind: int, to: str = "") -> str:
        name = to or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [x], [name], to=kind))
        return name

    def split(self, x: str, *sizes: int, axis: int = 1, first: str = "") -> list[str]:
        """Pieces along an axis; the first may be given its name."""
        names = [f"n{len(self.nodes)}.{i}" for i in range(len(sizes))]
        names[0] = first or names[0]
        self.nodes.append(helper.make_node("Split", [x, self.ints(*sizes)], names, axis=axis))
        return names

    def model(self, name: str) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rosin", ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        return model


def numpy(tensor: Any) -> Any:
    """A torch tensor as float64."""
    return tensor.detach().double().cpu().numpy()


def stack(
    g: GraphBuilder, x: str, layers: CausalStack, scale: Any, shift: Any, rest: Any, bends: bool = False
) -> tuple[str, Any]:
    """x -> (h [voices, width], what is to be added to h [width]).

    x [voices, inputs] is still to be scaled and shifted: that is folded into the first layer. What is kept and passed
    on is the difference from what ``rest`` leaves behind, so that a state of zeros is that of an instrument at rest;
    the biases of the layers, and of the one that follows, take the rest up. With ``bends`` the output of the last layer
    and of every second before it can be bent: that difference, so that turned gains leave an instrument at rest at
    rest.
    """
    weight = numpy(layers.first.weight)[:, :, 0]
    bias = numpy(layers.first.bias) + weight @ shift
    rests = [numpy(r) for r in layers.rests(rest)]
    h = g.node("LeakyRelu", g.node("Gemm", x, g.weight((weight * scale).T), g.weight(bias)), alpha=SLOPE)
    h = g.node("Sub", h, g.weight(rests[0][None]))
    for i, layer in enumerate(layers.layers):
        d, width = layer.dilation[0], layer.out_channels
        old, new = g.state(g.voices, 2 * d * width)
        if d == 1:
            taps = g.node("Concat", old, h, axis=1)
            g.last(taps, 2 * width, 1, to=new)
        else:
            first, older, middle, newer = g.split(old, width, (d - 1) * width, width, (d - 1) * width)
            taps = g.node("Concat", first, middle, h, axis=1)
            g.node("Concat", older, middle, newer, h, axis=1, to=new)
        kernel = numpy(layer.weight).transpose(2, 1, 0).reshape(3 * width, width)
        bias = numpy(layer.bias) + numpy(layer.weight).sum(2) @ rests[i]
        y = g.node("LeakyRelu", g.node("Gemm", taps, g.weight(kernel), g.weight(bias)), alpha=SLOPE)
        name = f"stack{i + 1}" if bends and (len(layers.layers) - i) % 2 else ""
        h = g.bent(name, width, h, y, g.weight((rests[i] - rests[i + 1])[None]))
    return h, rests[-1]
