"""Graph: the trained network written as ONNX, one frame at a time with explicit state. After training, before the card.

Written node by node instead of traced: at batch 1 and one frame a node costs about as much as its arithmetic, so what
counts is few, fat nodes: every layer is one Gemm over its gathered taps, every fixed filter one MatMul.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from instrument.training import synthesis
from instrument.training.network import (
    DECIMATOR_TAPS,
    EARS,
    LOUDNESS_LOW_DB,
    LOUDNESS_SAMPLES,
    POWER_FLOOR,
    SLOPE,
    CausalStack,
    Decoder,
    Encoder,
    decimator,
    ear_kernel,
    loudness_window,
)  # fmt: skip

OPSET = 18
IR_VERSION = 10


@dataclass
class Graph:
    """Nodes, weights and state of one graph while it is being written."""

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

    def last(self, x: str, count: int, axis: int, to: str = "") -> str:
        return self.node("Slice", x, self.ints(-count), self.ints(2**31), self.ints(axis), to=to)

    def reshape(self, x: str, *shape: int, to: str = "") -> str:
        return self.node("Reshape", x, self.ints(*shape), to=to)

    def cast(self, x: str, kind: int) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [x], [name], to=kind))
        return name

    def split(self, x: str, *sizes: int) -> list[str]:
        """Pieces along axis 1."""
        names = [f"n{len(self.nodes)}.{i}" for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [x, self.ints(*sizes)], names, axis=1))
        return names

    def model(self, name: str) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rosin", ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        return model


def _numpy(tensor: Any) -> Any:
    return tensor.detach().double().cpu().numpy()


def _stack(g: Graph, x: str, stack: CausalStack, scale: Any, shift: Any, rest: Any) -> str:
    """x [1, inputs] (still to be scaled and shifted: folded into the first layer) -> [1, width].

    What is kept and passed on is the difference from what ``rest`` leaves behind, so that a state of zeros is that of
    an instrument at rest; the layers' biases take the rest up.
    """
    weight = _numpy(stack.first.weight)[:, :, 0]
    bias = _numpy(stack.first.bias) + weight @ shift
    rests = [_numpy(r) for r in stack.rests(rest)]
    h = g.node("Gemm", x, g.weight((weight * scale).T), g.weight(bias))
    h = g.node("Sub", g.node("LeakyRelu", h, alpha=SLOPE), g.weight(rests[0][None]))
    for i, layer in enumerate(stack.layers):
        d, width = layer.dilation[0], layer.out_channels
        old, new = g.state(2 * d, width)
        line = g.node("Concat", old, h, axis=0)
        g.last(line, 2 * d, 0, to=new)
        taps = line if d == 1 else g.node("Gather", line, g.ints(0, d, 2 * d), axis=0)
        flat = g.reshape(taps, 1, 3 * width)
        kernel = _numpy(layer.weight).transpose(2, 1, 0).reshape(3 * width, width)
        bias = _numpy(layer.bias) + _numpy(layer.weight).sum(2) @ rests[i]
        y = g.node("LeakyRelu", g.node("Gemm", flat, g.weight(kernel), g.weight(bias)), alpha=SLOPE)
        h = g.node("Add", h, g.node("Sub", y, g.weight((rests[i + 1] - rests[i])[None])))
    return g.node("Add", h, g.weight(rests[-1][None]))


def decoder_graph(decoder: Decoder) -> onnx.ModelProto:
    """z [1, L, 1], noise.air [1, 1, ratio] and state -> audio [1, 1, ratio]."""
    s = decoder.shape
    ratio, count = s.ratio, 2 + s.latents
    g = Graph()
    g.input("z", 1, count, 1)
    g.input("noise.air", 1, 1, ratio)
    z = g.reshape("z", 1, count)
    note = g.node("Slice", z, g.ints(0), g.ints(1), g.ints(1))

    h = _stack(g, z, decoder.stack, _numpy(decoder.z_scale)[:, 0], _numpy(decoder.z_shift)[:, 0], decoder.rest())
    weight, bias = _numpy(decoder.head.weight)[:, :, 0].T.copy(), _numpy(decoder.head.bias).copy()
    levels = s.harmonics + s.bands
    weight[:, :levels] /= synthesis.SWING
    bias[:levels] /= synthesis.SWING
    bent = g.node("Tanh", g.node("Gemm", h, g.weight(weight), g.weight(bias)))
    shapes, depth, swing = g.split(bent, levels, s.harmonics, 1)

    # phase, in float64 (synthesis.py says why)
    old_note, new_note = g.state(1, 1)
    g.node("Identity", note, to=new_note)
    first = g.node("Equal", old_note, g.weight([[0.0]]))
    since = g.node("Where", first, note, old_note)
    pair = g.cast(g.node("Concat", since, note, axis=1), TensorProto.DOUBLE)
    exponent = g.node("Mul", pair, g.weight([[synthesis.SEMITONE]], np.float64))
    offset = math.log(440.0 / s.sample_rate) - 69.0 * synthesis.SEMITONE
    increment = g.node("Exp", g.node("Add", exponent, g.weight([[offset]], np.float64)))
    n = np.arange(1, ratio + 1, dtype=np.float64)
    rise = np.stack([n - n * (n + 1) / (2 * ratio), n * (n + 1) / (2 * ratio)])
    old_phase, new_phase = g.state(1, 1)
    start = g.cast(old_phase, TensorProto.DOUBLE)
    cycles = g.node("Add", g.node("MatMul", increment, g.weight(rise, np.float64)), start)
    wrapped = g.node("Sub", cycles, g.node("Floor", cycles))
    phase = g.cast(wrapped, TensorProto.FLOAT)
    g.last(phase, 1, 1, to=new_phase)
    ranks = np.arange(1, s.harmonics + 1, dtype=np.float32)[:, None]
    angle = g.node("Mul", g.node("Mul", phase, g.weight([[2.0 * math.pi]])), g.weight(ranks))
    waves = g.node("Sin", angle)

    # levels; what is a straight line of note or loudness comes out of one Gemm
    line = np.zeros((count, 3))
    line[0, 0] = synthesis.SEMITONE
    line[1, 1:] = synthesis.DB, 1.0 / synthesis.GATE_SPAN_DB
    shift = [math.log(440.0) - 69.0 * synthesis.SEMITONE, 0.0, -synthesis.GATE_LOW_DB / synthesis.GATE_SPAN_DB]
    log_hz, log_gain, gate = g.split(g.node("Gemm", z, g.weight(line), g.weight(shift)), 1, 1, 1)
    gain = g.node("Add", log_gain, g.node("Mul", swing, g.weight([[synthesis.GAIN_SWING]])))
    gate = g.node("Clip", gate, g.weight(0.0), g.weight(1.0))
    level = g.node("Exp", g.node("Add", g.node("Mul", shapes, g.weight([[synthesis.SWING]])), gain))
    high, low = synthesis.fade_hz(s)
    hz = g.node("Exp", log_hz)
    span = high - low
    mask = g.node("Gemm", hz, g.weight(-ranks.T / span), g.weight(np.full((1, s.harmonics), high / span)))
    mask = g.node("Clip", mask, g.weight(0.0), g.weight(1.0))
    pole, strength = synthesis.flutter_poles(s)
    old_slow, new_slow = g.state(1, s.harmonics)
    white = g.node("Slice", g.reshape("noise.air", 1, ratio), g.ints(0), g.ints(s.harmonics), g.ints(1))
    slow = g.node("Add", g.node("Mul", old_slow, g.weight(pole[None])), g.node("Mul", white, g.weight(strength[None])),
                  to=new_slow)  # fmt: skip
    half = g.weight([[0.5]])
    depth = g.node("Add", g.node("Mul", depth, half), half)
    mask = g.node("Mul", mask, g.node("Add", g.node("Mul", depth, slow), g.weight([[1.0]])))
    mask = g.node("Concat", mask, g.weight(np.ones((1, s.bands))), axis=1)
    old_level, new_level = g.state(1, s.harmonics + s.bands)
    level = g.node("Mul", level, mask)
    parts = np.concatenate([np.full(s.harmonics, 0.5), np.ones(s.bands)])[:, None]
    power = g.node("MatMul", g.node("Mul", level, level), g.weight(parts))
    most = g.node("Mul", g.node("Exp", log_gain), g.weight([[synthesis.MOST_OVER_ASKED]]))
    held = g.node("Div", most, g.node("Sqrt", g.node("Add", power, g.weight([[1e-20]]))))
    held = g.node("Clip", held, "", g.weight(1.0))
    g.node("Mul", level, g.node("Mul", held, gate), to=new_level)
    ends = g.node("Concat", old_level, new_level, axis=0)
    harmonic, airy = g.split(ends, s.harmonics, s.bands)

    # noise: the bands' filters are summed first, so that one convolution with two kernels does it
    old_noise, new_noise = g.state(1, 1, s.taps - 1)
    air = g.node("Concat", old_noise, "noise.air", axis=2)
    g.last(air, s.taps - 1, 2, to=new_noise)
    kernels = g.node("MatMul", airy, g.weight(_numpy(decoder.noise_filters)[:, ::-1]))
    noise = g.node("Conv", air, g.reshape(kernels, 2, 1, s.taps))
    noise = g.reshape(noise, 2, ratio)

    both = g.node("Add", g.node("MatMul", harmonic, waves), noise)
    new = np.arange(1, ratio + 1, dtype=np.float32) / np.float32(ratio)
    mixed = g.node("Mul", both, g.weight(np.stack([1.0 - new, new])))
    audio = g.node("ReduceSum", mixed, g.ints(0), keepdims=1)
    g.reshape(audio, 1, 1, ratio, to=g.output("audio", 1, 1, ratio))
    return g.model("decode")


def _toeplitz(taps: Any, hop: int) -> Any:
    """A strided FIR of step 4 as one matrix, [hop * 4 + len(taps) - 4, hop]."""
    matrix = np.zeros((4 * hop + len(taps) - 4, hop))
    for j in range(hop):
        matrix[4 * j : 4 * j + len(taps), j] = taps
    return matrix


def encoder_graph(encoder: Encoder) -> onnx.ModelProto:
    """audio [1, 1, ratio] and state -> mean, std [1, L, 1]: note, loudness in dB, latents."""
    s = encoder.shape
    ratio = s.ratio
    g = Graph()
    g.input("audio", 1, 1, ratio)
    old, new = g.state(1, LOUDNESS_SAMPLES - ratio)
    line = g.node("Concat", old, g.reshape("audio", 1, ratio), axis=1)
    g.last(line, LOUDNESS_SAMPLES - ratio, 1, to=new)
    power = g.node("MatMul", g.node("Mul", line, line), g.weight(loudness_window()[:, None]))
    loudness = g.node("Mul", g.node("Log", g.node("Add", power, g.weight([[1e-9]]))),
                      g.weight([[10.0 / math.log(10.0)]]))  # fmt: skip
    loudness = g.node("Clip", loudness, g.weight(LOUDNESS_LOW_DB), g.weight(0.0))

    parts, divide, hop = [], 1, ratio
    for ear in EARS:
        while divide < ear.divide:
            recent = g.last(line, hop + DECIMATOR_TAPS - 4, 1)
            hop, divide = hop // 4, divide * 4
            slow = g.node("MatMul", recent, g.weight(_toeplitz(decimator(), hop)))
            longest = max(e.samples for e in EARS if e.divide == divide)
            old, new = g.state(1, longest - hop)
            line = g.node("Concat", old, slow, axis=1)
            g.last(line, longest - hop, 1, to=new)
        heard = g.node("MatMul", g.last(line, ear.samples, 1), g.weight(ear_kernel(ear, s.sample_rate).T))
        parts.append(g.reshape(heard, 2, ear.bands))
    both = g.node("Concat", *parts, axis=1)
    energy = g.node("ReduceSum", g.node("Mul", both, both), g.ints(0), keepdims=1)
    features = g.node("Log", g.node("Add", energy, g.weight([[POWER_FLOOR]])))
    bands = sum(ear.bands for ear in EARS)
    h = _stack(g, features, encoder.stack, np.full(bands, 0.125), np.ones(bands), encoder.silence())
    head = g.node("Gemm", h, g.weight(_numpy(encoder.head.weight)[:, :, 0].T), g.weight(_numpy(encoder.head.bias)))
    mean, log_std, scores = g.split(head, s.latents, s.latents, s.note_count)
    std = g.node("Exp", g.node("Clip", log_std, g.weight(-6.0), g.weight(2.0)))

    notes = s.low_note + s.note_step * np.arange(s.note_count)
    p = g.node("Softmax", scores, axis=1)
    best = g.node("Gather", g.weight(notes), g.node("ArgMax", scores, axis=1, keepdims=1), axis=0)
    away = g.node("Sub", g.weight(notes[None]), best)
    close = g.cast(g.node("Less", g.node("Abs", away), g.weight([[1.25]])), TensorProto.FLOAT)
    near = g.node("Mul", p, close)
    ones = g.weight(np.ones((s.note_count, 1)))
    shift = g.node("Div", g.node("MatMul", g.node("Mul", near, away), ones), g.node("MatMul", near, ones))
    note = g.node("Add", best, shift)
    count = 2 + s.latents
    g.reshape(g.node("Concat", note, loudness, mean, axis=1), 1, count, 1, to=g.output("mean", 1, count, 1))
    known = g.node("Concat", g.weight([[0.0, 0.0]]), std, axis=1)
    g.reshape(known, 1, count, 1, to=g.output("std", 1, count, 1))
    return g.model("encode")
