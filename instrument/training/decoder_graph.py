"""Decoder graph: z, noise and state in, one frame of sound and the next state out. What Decoder.play does, as ONNX."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto

from instrument.training import synthesis
from instrument.training.graph import Graph, numpy, stack
from instrument.training.network import Decoder, Shape


def _phase(g: Graph, note: str, old_note: str, shape: Shape) -> str:
    """Cycles of the fundamental at every sample, 0..1: f32 [1, ratio]. In float64 (synthesis.py says why)."""
    first = g.node("Equal", old_note, g.weight([[0.0]]))
    since = g.node("Where", first, note, old_note)
    pair = g.cast(g.node("Concat", since, note, axis=1), TensorProto.DOUBLE)
    offset = math.log(440.0 / shape.sample_rate) - 69.0 * synthesis.SEMITONE
    exponent = g.node("Mul", pair, g.weight([[synthesis.SEMITONE]], np.float64))
    increment = g.node("Exp", g.node("Add", exponent, g.weight([[offset]], np.float64)))
    n = np.arange(1, shape.ratio + 1, dtype=np.float64)
    new = n * (n + 1) / (2 * shape.ratio)
    old_phase, new_phase = g.state(1, 1)
    start = g.cast(old_phase, TensorProto.DOUBLE)
    cycles = g.node("Gemm", increment, g.weight(np.stack([n - new, new]), np.float64), start)
    phase = g.cast(g.node("Mod", cycles, g.weight([[1.0]], np.float64), fmod=1), TensorProto.FLOAT)
    g.last(phase, 1, 1, to=new_phase)
    return phase


def decoder_graph(decoder: Decoder, bends: bool = True) -> onnx.ModelProto:
    """z [1, L, 1], noise.air [1, 1, ratio] and state -> audio [1, 1, ratio].

    ``bends``: with inputs and taps (model/layers.py) in the stack (``stack1`` and ``stack3`` of three layers), at how
    deep each harmonic flutters (``flutter``) and at the levels of harmonics and bands (``levels``). None can burst:
    after them come a tanh, and the hold of the level to 6 dB above what loudness asks. They cost 2 to 3 % of a frame.
    """
    s = decoder.shape
    ratio, count, harmonics, bands = s.ratio, 2 + s.latents, s.harmonics, s.bands
    levels = harmonics + bands
    g = Graph()
    g.input("z", 1, count, 1)
    g.input("noise.air", 1, 1, ratio)
    z = g.reshape("z", 1, count)

    # what is a straight line of note or loudness comes out of one Gemm
    line = np.zeros((count, 5))
    line[0, :2] = 1.0, synthesis.SEMITONE
    line[1, 2:] = synthesis.DB, synthesis.DB, 1.0 / synthesis.GATE_SPAN_DB
    low = math.log(440.0) - 69.0 * synthesis.SEMITONE
    shift = [0.0, low, 0.0, math.log(synthesis.MOST_OVER_ASKED), -synthesis.GATE_LOW_DB / synthesis.GATE_SPAN_DB]
    old_note, new_note = g.state(1, 1)
    lines = g.node("Gemm", z, g.weight(line), g.weight(shift))
    note, log_hz, log_gain, log_most, gate = g.split(lines, *[1] * 5, first=new_note)

    h, rest = stack(g, z, decoder.stack, numpy(decoder.z_scale)[:, 0], numpy(decoder.z_shift)[:, 0], decoder.rest(),
                    bends)  # fmt: skip
    weight, bias = numpy(decoder.head.weight)[:, :, 0].T.copy(), numpy(decoder.head.bias).copy()
    bias += rest @ weight
    weight[:, :levels] /= synthesis.SWING
    bias[:levels] /= synthesis.SWING
    bent = g.node("Tanh", g.node("Gemm", h, g.weight(weight), g.weight(bias)))
    reach = np.concatenate([np.full(levels, synthesis.SWING), np.full(harmonics, 0.5), [synthesis.GAIN_SWING]])
    shapes, depth, swing = g.split(g.node("Mul", bent, g.weight(reach[None])), levels, harmonics, 1)

    phase = _phase(g, note, old_note, s)
    ranks = np.arange(1, harmonics + 1, dtype=np.float32)[:, None]
    waves = g.node("Sin", g.node("Mul", phase, g.weight(ranks * np.float32(2.0 * math.pi))))

    # levels
    level = g.node("Exp", g.node("Sum", shapes, log_gain, swing))
    if bends:  # by a gain alone: a bias would sound on when the music grows soft
        level = g.node("Mul", level, g.bend("levels", levels, "gain"), to=g.output("tap.levels", 1, levels))
    high, low = synthesis.fade_hz(s)
    hz, span = g.node("Exp", log_hz), high - low
    mask = g.node("Gemm", hz, g.weight(-ranks.T / span), g.weight(np.full((1, harmonics), high / span)))
    mask = g.node("Clip", mask, g.weight(0.0), g.weight(1.0))
    pole, strength = synthesis.flutter_poles(s)
    old_slow, new_slow = g.state(1, 1, harmonics)
    white = g.node("Slice", "noise.air", g.ints(0), g.ints(harmonics), g.ints(2))
    slow = g.node("Add", g.node("Mul", old_slow, g.weight(pole)), g.node("Mul", white, g.weight(strength)), to=new_slow)
    # by a bias alone, which costs no node
    depth = g.node("Sum", depth, g.weight([[0.5]]), *([g.bend("flutter", harmonics, "bias")] if bends else []))
    flutter = g.node("Add", g.node("Mul", depth, slow), g.weight([1.0]))
    mask = g.node("Concat", g.node("Mul", mask, flutter), g.weight(np.ones((1, 1, bands))), axis=2)
    level = g.node("Mul", level, mask)
    parts = np.concatenate([np.full(harmonics, 0.5), np.ones(bands)])[:, None]
    power = g.node("Add", g.node("MatMul", g.node("Mul", level, level), g.weight(parts)), g.weight([[[1e-20]]]))
    held = g.node("Div", g.node("Exp", log_most), g.node("Sqrt", power))
    held = g.node("Mul", g.node("Clip", held, "", g.weight(1.0)), g.node("Clip", gate, g.weight(0.0), g.weight(1.0)))
    old_level, new_level = g.state(1, 1, levels)
    g.node("Mul", level, held, to=new_level)
    harmonic, airy = g.split(g.node("Concat", old_level, new_level, axis=1), harmonics, bands, axis=2)

    # noise: the bands' filters are summed first, so that one convolution with two kernels does it
    old_noise, new_noise = g.state(1, 1, s.taps - 1)
    air = g.node("Concat", old_noise, "noise.air", axis=2)
    g.last(air, s.taps - 1, 2, to=new_noise)
    kernels = g.node("MatMul", airy, g.weight(numpy(decoder.noise_filters)[:, ::-1]))
    noise = g.node("Conv", air, g.reshape(kernels, 2, 1, s.taps))

    both = g.node("Add", g.node("MatMul", harmonic, waves), noise)
    new = np.arange(1, ratio + 1, dtype=np.float32) / np.float32(ratio)
    mixed = g.node("Mul", both, g.weight(np.stack([1.0 - new, new])))
    g.node("ReduceSum", mixed, g.ints(1), keepdims=1, to=g.output("audio", 1, 1, ratio))
    return g.model("decode")
