"""Decoder graph: z, noise and state in, one frame of sound and the next state out. What Decoder.play does, as ONNX."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto

from instrument.training.export.graph import GraphBuilder, numpy, stack
from instrument.training.network import strings, synthesis
from instrument.training.network.harmonic import HarmonicDecoder
from instrument.training.network.shape import PLAYED, Shape

NEAR = 5
"""Ranks on either side of a middle one whose sines are made with its sine."""
STRIDE = 8
"""Samples that one window of air serves: so many kernels, each shifted by one, in the place of so many windows."""


def _increments(g: GraphBuilder, note: str, old_note: str, shape: Shape) -> str:
    """Cycles per sample at the end of the last frame and of this one: f64 [voices, 2]. synthesis.py says why."""
    first = g.node("Equal", old_note, g.weight([[0.0]]))
    since = g.node("Where", first, note, old_note)
    pair = g.cast(g.node("Concat", since, note, axis=1), TensorProto.DOUBLE)
    offset = math.log(440.0 / shape.sample_rate) - 69.0 * synthesis.SEMITONE
    straight = g.weight(synthesis.SEMITONE * np.eye(2), np.float64), g.weight([[offset]], np.float64)
    return g.node("Exp", g.node("Gemm", pair, *straight))


def _rise(g: GraphBuilder, shape: Shape) -> str:
    """Cycles at each sample of a frame per (last, this) increment: f64 [2, ratio]."""
    n = np.arange(1, shape.ratio + 1, dtype=np.float64)
    new = n * (n + 1) / (2 * shape.ratio)
    return g.weight(np.stack([n - new, new]), np.float64)


def _phase(g: GraphBuilder, increment: str, shape: Shape) -> str:
    """Cycles of the fundamental at every sample, 0..1: f32 [voices, ratio]."""
    old_phase, new_phase = g.state(g.voices, 1)
    cycles = g.node("Gemm", increment, _rise(g, shape), g.cast(old_phase, TensorProto.DOUBLE))
    phase = g.cast(g.node("Sub", cycles, g.node("Floor", cycles)), TensorProto.FLOAT)  # a Mod costs twice both
    g.last(phase, 1, 1, to=new_phase)
    return phase


def _harmonics(g: GraphBuilder, phase: str, level: str, shape: Shape) -> str:
    """All harmonics: phase [voices, ratio], levels [voices, 2, H] -> [voices, 2, ratio].

    Ranks are m + b and m - b, m every 2 NEAR ranks and b = 0.5, 1.5 ..., and sin((m + b) t) = sin(m t) cos(b t) +
    cos(m t) sin(b t): 26 sines in the place of 80. Sums of three parts need 18, but multiply the rounding of the
    largest by four times as many harmonics: 5e-5 of untrained sound in the place of 1e-5.
    """
    beside = np.arange(NEAR) + 0.5
    middles = 2 * NEAR * np.arange(-(-shape.harmonics // (2 * NEAR))) + NEAR + 0.5
    rows = 2 * len(middles)
    fold = np.zeros((shape.harmonics, 2, len(middles), 2, NEAR))  # sines, cosines of m; cosines, sines of b
    for rank in range(1, shape.harmonics + 1):
        m = (rank - 1) // (2 * NEAR)
        b = rank - middles[m]
        fold[rank - 1, 0, m, 0, int(abs(b))] = 1.0
        fold[rank - 1, 1, m, 1, int(abs(b))] = np.sign(b)
    level = g.node("MatMul", level, g.weight(fold.reshape(shape.harmonics, -1)))
    level = g.reshape(level, g.voices, 2 * rows, 2 * NEAR)
    ranks = np.concatenate([beside, beside, middles, middles])
    quarter = np.repeat([0.25, 0.0, 0.0, 0.25], [NEAR, NEAR, len(middles), len(middles)])
    turns = np.stack([ranks, quarter], 1) * float(np.float32(2.0 * math.pi))
    if g.voices == 1:
        angles = g.reshape(g.node("Gemm", g.weight(turns[:, :1]), phase, g.weight(turns[:, 1:])), 1, -1, shape.ratio)
    else:
        ones = g.weight(np.ones((g.voices, 1, shape.ratio)))
        each = g.node("Concat", g.reshape(phase, g.voices, 1, shape.ratio), ones, axis=1)
        angles = g.node("MatMul", g.weight(turns), each)
    close, wide = g.split(g.node("Sin", angles), 2 * NEAR, rows)
    inner = g.reshape(g.node("MatMul", level, close), g.voices, 2, rows, shape.ratio)
    both = g.node("Mul", inner, g.reshape(wide, g.voices, 1, rows, shape.ratio))
    return g.node("ReduceSum", both, g.ints(2), keepdims=0)


def _ranks(g: GraphBuilder, decoder: HarmonicDecoder, z: str) -> str:
    """Stretched partials in multiples of the first: z f32 [voices, L] -> f64 [voices, H]. See strings.py."""
    assert decoder.stiffness is not None
    scale, shift = numpy(decoder.z_scale)[:, 0], numpy(decoder.z_shift)[:, 0]
    first, last = decoder.stiffness.first, decoder.stiffness.last
    matrix = np.zeros((decoder.shape.inputs, strings.HIDDEN))
    matrix[0], matrix[PLAYED:] = numpy(first.weight).T[0], numpy(first.weight).T[1:]
    bias = numpy(first.bias) + shift @ matrix
    hidden = g.node(
        "Gemm",
        g.cast(z, TensorProto.DOUBLE),
        g.weight(matrix * scale[:, None], np.float64),
        g.weight(bias[None], np.float64),
    )
    said = g.node(
        "Gemm",
        g.node("Tanh", hidden),
        g.weight(numpy(last.weight).T, np.float64),
        g.weight(numpy(last.bias)[None], np.float64),
    )
    limits = (g.weight(math.log(limit), np.float64) for limit in (strings.LEAST, strings.MOST))
    over = g.node("Exp", g.node("Clip", said, *limits))  # B + LEAST
    limp = g.node("Reciprocal", g.node("Add", over, g.weight([[1.0 - strings.LEAST]], np.float64)))  # 1 / (1 + B)
    n = np.arange(1.0, decoder.shape.harmonics + 1.0)[None]
    # n^2 (1 + B n^2) / (1 + B) is a straight line of 1 / (1 + B)
    return g.node("Sqrt", g.node("Gemm", limp, g.weight(n**2 - n**4, np.float64), g.weight(n**4, np.float64)))


def _stretched(g: GraphBuilder, increment: str, ranks: str, shape: Shape) -> str:
    """Sines of partials that keep a phase each: ranks f64 [voices, H] -> f32 [voices, H, ratio] ([H, ratio] of one).

    Their phases go on in float64 and are kept as float32; sines are of float32 angles, which add up to nothing.
    """
    voices, count, ratio = g.voices, shape.harmonics, shape.ratio
    cycles = g.node("MatMul", increment, _rise(g, shape))
    old, new = g.state(voices, count)
    after = g.node("Add", g.cast(old, TensorProto.DOUBLE), g.node("Mul", ranks, g.last(cycles, 1, 1)))
    g.cast(g.node("Sub", after, g.node("Floor", after)), TensorProto.FLOAT, new)
    turn = 2.0 * math.pi
    ranks, cycles = g.cast(ranks, TensorProto.FLOAT), g.cast(cycles, TensorProto.FLOAT)
    if voices == 1:
        angles = g.node("Gemm", ranks, cycles, g.reshape(old, count, 1), transA=1, alpha=turn, beta=turn)
        return g.node("Sin", angles)
    each = (g.reshape(ranks, voices, count, 1), g.reshape(old, voices, count, 1))
    turns = g.node("Mul", g.node("Concat", *each, axis=2), g.weight([turn]))
    cycles = g.node("Concat", g.reshape(cycles, voices, 1, ratio), g.weight(np.ones((voices, 1, ratio))), axis=1)
    return g.node("Sin", g.node("MatMul", turns, cycles))


def _tones(g: GraphBuilder, decoder: HarmonicDecoder, level: str) -> str:
    """The fixed sines, phases kept: levels [voices, 2, tones] -> [voices, 2, ratio]. A tone is turned, not computed."""
    old, new = g.state(g.voices, 1, decoder.shape.tones)
    angle = g.node("Mul", old, g.weight([2.0 * math.pi]))
    on = g.node("Add", old, g.weight(numpy(decoder.tone_steps)))
    g.node("Sub", on, g.node("Floor", on), to=new)
    sine, cosine = (g.node("Mul", level, g.node(op, angle)) for op in ("Sin", "Cos"))
    return g.node("MatMul", g.node("Concat", sine, cosine, axis=2), g.weight(numpy(decoder.tone_table)))


def _air(g: GraphBuilder, decoder: HarmonicDecoder, level: str) -> str:
    """Noise: the bands' filters are summed first, so that one convolution with two kernels a voice does it.

    By steps of STRIDE with as many kernels, each shifted by one more: that is 4000 numbers to lay out in the place of
    32000. Tiled and cut one short, what is padded with zeros shifts by one a row.
    """
    s = decoder.shape
    length, reach = s.taps - 1 + s.ratio, s.taps - 1 + STRIDE
    old, new = g.state(g.voices, 1, s.taps - 1)
    air = g.node("Concat", old, "noise.air", axis=2)
    g.last(air, s.taps - 1, 2, to=new)
    filters = np.pad(numpy(decoder.noise_filters)[:, ::-1], ((0, 0), (0, STRIDE)))
    tiled = g.node("Tile", g.node("MatMul", level, g.weight(filters)), g.ints(1, 1, STRIDE))
    kernels = g.node("Slice", tiled, g.ints(0), g.ints(STRIDE * reach), g.ints(2))
    kernels = g.reshape(kernels, g.voices * 2 * STRIDE, 1, reach)
    air = air if g.voices == 1 else g.reshape(air, 1, g.voices, length)
    mixed = g.node("Conv", air, kernels, strides=[STRIDE], group=g.voices)
    mixed = g.reshape(mixed, g.voices, 2, STRIDE, s.ratio // STRIDE)
    return g.reshape(g.node("Transpose", mixed, perm=[0, 1, 3, 2]), g.voices, 2, s.ratio)


def decoder_graph(decoder: HarmonicDecoder, bends: bool = True, voices: int = 1) -> onnx.ModelProto:
    """z [voices, L, 1], noise.air [voices, 1, ratio] and state -> audio [voices, 1, ratio].

    ``bends``: with inputs and taps (layers.py) in the stack (``stack1`` and ``stack3`` of three layers), at how
    deep each line flutters (``flutter``) and at the levels of lines and bands (``levels``). None can burst: after
    them the spectrum's power is divided away, and loudness says how much there is. They cost 2 to 3 % of a frame.
    """
    s = decoder.shape
    ratio, count, lines, bands, levels = s.ratio, s.inputs, s.lines, s.bands, s.levels
    g = GraphBuilder(voices)
    g.input("z", voices, count, 1)
    g.input("noise.air", voices, 1, ratio)
    z = g.reshape("z", voices, count)

    # what is a straight line of note or loudness comes out of one Gemm
    line = np.zeros((count, 4))
    line[0, :2] = 1.0, synthesis.SEMITONE
    line[1, 2:] = synthesis.DB, 1.0 / synthesis.GATE_SPAN_DB
    low = math.log(440.0) - 69.0 * synthesis.SEMITONE
    old_note, new_note = g.state(voices, 1)
    shift = [0.0, low, 0.0, -synthesis.GATE_LOW_DB / synthesis.GATE_SPAN_DB]
    note, log_hz, log_gain, gate = g.split(g.node("Gemm", z, g.weight(line), g.weight(shift)), *[1] * 4, first=new_note)

    h, rest = stack(
        g, z, decoder.stack, numpy(decoder.z_scale)[:, 0], numpy(decoder.z_shift)[:, 0], decoder.rest(), bends
    )
    weight, bias = numpy(decoder.head.weight)[:, :, 0].T.copy(), numpy(decoder.head.bias).copy()
    bias += rest @ weight
    weight[:, :levels] /= synthesis.SWING
    bias[:levels] /= synthesis.SWING
    bent = g.node("Tanh", g.node("Gemm", h, g.weight(weight), g.weight(bias)))
    reach = np.concatenate([np.full(levels, synthesis.SWING), np.full(lines, 0.5), [synthesis.GAIN_SWING]])
    shapes, depth, swing = g.split(g.node("Mul", bent, g.weight(reach[None])), levels, lines, 1)

    increment = _increments(g, note, old_note, s)
    stretched = _ranks(g, decoder, z) if s.inharmonic else ""
    source = _stretched(g, increment, stretched, s) if stretched else _phase(g, increment, s)
    ranks = np.arange(1, s.harmonics + 1, dtype=np.float32)

    # the spectrum, of power 1
    level = g.node("Exp", shapes)
    if bends:  # by a gain alone: a bias would sound on when the music grows soft
        level = g.gained("levels", levels, level)
    high, below = synthesis.fade_hz(s)
    span = high - below
    # tones and bands are always heard: whatever the note, theirs comes out above 1
    falls = np.concatenate([-ranks / span, np.zeros(s.tones + bands)])[None]
    begins = np.concatenate([np.full(s.harmonics, high / span), np.ones(s.tones + bands)])
    hz = g.node("Exp", log_hz)
    if stretched:
        each = g.cast(stretched, TensorProto.FLOAT)
        if voices == 1:
            mask = g.node("Gemm", hz, each, g.weight([[high / span]]), alpha=-1.0 / span)
        else:
            fall = g.node("Mul", each, g.node("Mul", hz, g.weight([-1 / span])))
            mask = g.node("Add", fall, g.weight([high / span]))
        mask = g.node("Concat", mask, g.weight(np.ones((voices, s.tones + bands))), axis=1)
    else:
        mask = g.node("Gemm", hz, g.weight(falls), g.weight(begins))
    level = g.node("Mul", level, g.node("Clip", mask, g.weight(0.0), g.weight(1.0)))
    parts = np.concatenate([np.full(lines, 0.5), np.ones(bands)])[:, None]
    power = g.node("Gemm", g.node("Mul", level, level), g.weight(parts), g.weight([[synthesis.LEAST_POWER]]))
    asked = g.node("Exp", g.node("Add", log_gain, swing))
    gain = g.node("Mul", asked, g.node("Clip", gate, g.weight(0.0), g.weight(1.0)))
    gain = g.node("Div", gain, g.node("Sqrt", power))

    # the flutter of the lines
    old_slow, new_slow = g.state(voices, lines)
    white = g.reshape("noise.air", voices, ratio)
    white = g.node("Concat", *[white] * (-(-lines // ratio)), axis=1) if lines > ratio else white
    white = g.node("Slice", white, g.ints(0), g.ints(lines), g.ints(1))
    pole, strength = numpy(decoder.flutter_pole), numpy(decoder.flutter_gain)
    slow = g.node("Add", g.node("Mul", old_slow, g.weight(pole)), g.node("Mul", white, g.weight(strength)), to=new_slow)
    # by a bias alone, which costs no node
    depth = g.node("Sum", depth, g.weight([[0.5]]), *([g.bend("flutter", lines, "bias")] if bends else []))
    moved = g.node("Add", g.node("Mul", depth, slow), g.weight([1.0]))
    moved = g.node("Concat", moved, g.weight(np.ones((voices, bands))), axis=1)

    old_level, new_level = g.state(voices, 1, levels)
    g.reshape(g.node("Mul", g.node("Mul", level, gain), moved), voices, 1, levels, to=new_level)
    sizes = [s.harmonics, s.tones, bands] if s.tones else [s.harmonics, bands]
    harmonic, *ringing, airy = g.split(g.node("Concat", old_level, new_level, axis=1), *sizes, axis=2)
    partials = g.node("MatMul", harmonic, source) if stretched else _harmonics(g, source, harmonic, s)
    both = g.node("Sum", partials, _air(g, decoder, airy), *(_tones(g, decoder, r) for r in ringing))
    new = np.arange(1, ratio + 1, dtype=np.float32) / np.float32(ratio)
    mixed = g.node("Mul", both, g.weight(np.stack([1.0 - new, new])))
    g.node("ReduceSum", mixed, g.ints(1), keepdims=1, to=g.output("audio", voices, 1, ratio))
    return g.model("decode")
