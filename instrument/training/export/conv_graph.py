"""Conv graph: a conv or excited decoder as ONNX, one frame at a time with explicit state. What ConvDecoder.play does.

Time runs down the rows: a layer is a Gather of its taps' rows and one Gemm, the residual is that Gemm's third input,
and four steps of a rise lie in memory as rows of the next stage. Against Conv nodes, measured per block in ONNX Runtime
on one core: 8.2 against 10.7 us at 16 steps of 48 channels, 10.1 against 19.3 us at 4 steps of 80.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from instrument.training.export.decoder_graph import _air, _increments, _phase
from instrument.training.export.graph import GraphBuilder, numpy, stack
from instrument.training.network import bandsplit, level, synthesis
from instrument.training.network.conv import Block, ConvDecoder, Upsampling
from instrument.training.network.stack import SLOPE


def _taps(g: GraphBuilder, x: str, steps: int, channels: int, dilation: int, count: int) -> str:
    """The newest and older rows side by side: [steps, channels] -> [steps, count * channels], oldest first."""
    back = (count - 1) * dilation
    old, new = g.state(back, channels)
    if steps == back == 1:
        g.node("Identity", x, to=new)
        return g.node("Concat", old, x, axis=1)
    line = g.node("Concat", old, x, axis=0)
    g.last(line, back, 0, to=new)
    rows = np.arange(steps)[:, None] + dilation * np.arange(count)
    return g.reshape(g.node("Gather", line, g.weight(rows, np.int64), axis=0), steps, count * channels)


def _kernel(weight: Any) -> Any:
    """[out, in, taps] -> [taps * in, out]."""
    return numpy(weight).transpose(2, 1, 0).reshape(-1, weight.shape[0])


def _block(g: GraphBuilder, x: str, block: Block, steps: int) -> str:
    channels = block.first.out_channels
    y = g.node("Gemm", _taps(g, x, steps, channels, block.dilation, 3), g.weight(_kernel(block.first.weight)))
    return g.node("Gemm", g.node("LeakyRelu", y, alpha=SLOPE), g.weight(_kernel(block.second.weight)), x)


def _stage(g: GraphBuilder, x: str, stage: Upsampling, steps: int, source: str, bend: str) -> str:
    """x [steps, inputs] -> [4 * steps, outputs]. ``bend``: the name its rise may be bent by, or nothing."""
    rise = stage.rise
    more, outputs = rise.taps.out_channels // rise.outputs * steps, rise.outputs
    h = g.node("Gemm", _taps(g, x, steps, rise.taps.in_channels, 1, 2), g.weight(_kernel(rise.taps.weight)))
    h = g.reshape(h, more, outputs)
    if stage.join is not None:
        h = g.node("Gemm", source, g.weight(_kernel(stage.join.weight)), h)
    if bend:
        h = g.node("Mul", h, g.bend(bend, outputs, "gain"))
        g.last(h, 1, 0, to=g.output(f"tap.{bend}", 1, outputs))
    for block in stage.blocks:
        h = _block(g, h, block, more)
    return h


def _levels(g: GraphBuilder, decoder: ConvDecoder, h: str, rest: Any, log_hz: str, bends: bool) -> str:
    """Levels of harmonics and noise bands, of the last frame and of this one: [1, 2, lines + bands]."""
    s, lines, count = decoder.shape, decoder.lines, decoder.lines + decoder.shape.bands
    weight = numpy(decoder.head.weight)[:, :, 0].T
    bias = numpy(decoder.head.bias) + rest @ weight
    said = g.node("Tanh", g.node("Gemm", h, g.weight(weight / synthesis.SWING), g.weight(bias / synthesis.SWING)))
    now = g.node("Exp", g.node("Mul", said, g.weight([[synthesis.SWING]])))
    if bends:  # by a gain alone: a bias would sound on when the music grows soft
        now = g.node("Mul", now, g.bend("levels", count, "gain"), to=g.output("tap.levels", 1, count))
    if decoder.excited:
        high, below = synthesis.fade_hz(s)
        # bands are always heard: whatever the note, theirs comes out above 1
        falls = np.concatenate([-np.arange(1, lines + 1) / (high - below), np.zeros(s.bands)])[None]
        begins = np.concatenate([np.full(lines, high / (high - below)), np.ones(s.bands)])
        mask = g.node("Gemm", g.node("Exp", log_hz), g.weight(falls), g.weight(begins))
        now = g.node("Mul", now, g.node("Clip", mask, g.weight(0.0), g.weight(1.0)))
        parts = np.concatenate([np.full(lines, 0.5), np.ones(s.bands)])[:, None]
        power = g.node("Gemm", g.node("Mul", now, now), g.weight(parts), g.weight([[synthesis.LEAST_POWER]]))
        now = g.node("Div", now, g.node("Sqrt", power))
    old, new = g.state(1, 1, count)
    g.reshape(now, 1, 1, count, to=new)
    return g.node("Concat", old, new, axis=1)


def _lined(g: GraphBuilder, pair: str, ratio: int) -> str:
    """[1, 2, ratio], of the last frame's level and of this one's -> [1, ratio]."""
    new = np.arange(1, ratio + 1, dtype=np.float32) / np.float32(ratio)
    return g.node("ReduceSum", g.node("Mul", pair, g.weight(np.stack([1.0 - new, new]))), g.ints(1), keepdims=0)


def _gains(g: GraphBuilder, raw: str, ratio: int) -> str:
    """level.gains of a wave [1, ratio], as parts of the ceiling: [1, ratio]."""
    old_late, new_late = g.state(1, 2)
    means = np.tile([[(1.0 - level.KEPT) / ratio, level.NOW / ratio]], (ratio, 1))
    powers = g.node("Gemm", g.node("Mul", raw, raw), g.weight(means), old_late)
    g.node("Mul", powers, g.weight([[level.KEPT, 0.0]]), to=new_late)
    old, new = g.state(1, 1)
    g.node("ReduceMax", powers, g.ints(1), to=new)
    pair = g.node("Clip", g.node("Concat", old, new, axis=1), g.weight(level.LEAST**2))
    gain = g.node("Reciprocal", g.node("Sqrt", pair))
    too_much = g.node("Relu", g.node("Gemm", gain, g.weight([[1.0], [-level.LEAP]])))
    parts = g.node("Concat", gain, too_much, axis=1)
    return g.node("Gemm", parts, g.weight(level.ramps(ratio) / level.CEILING))


def conv_graph(decoder: ConvDecoder, bends: bool = True) -> onnx.ModelProto:
    """z [1, L, 1], noise.air [1, 1, ratio] and state -> audio [1, 1, ratio].

    ``bends``: inputs and taps (layers.py) in the stack (``stack1``, ``stack3``), gains and taps at the two rises
    (``low``, ``high``) and at the levels of noise and harmonics (``levels``). None can burst: level.py follows them.
    """
    s = decoder.shape
    ratio, count, bands = s.ratio, s.inputs, bandsplit.BANDS
    g = GraphBuilder()
    g.input("z", 1, count, 1)
    g.input("noise.air", 1, 1, ratio)
    z = g.reshape("z", 1, count)

    # what is a straight line of note or loudness comes out of one Gemm
    line = np.zeros((count, 4))
    line[0, :2] = 1.0, synthesis.SEMITONE
    line[1, 2:] = synthesis.DB, 1.0 / synthesis.GATE_SPAN_DB
    shift = [0.0, math.log(440.0) - 69.0 * synthesis.SEMITONE, 0.0, -synthesis.GATE_LOW_DB / synthesis.GATE_SPAN_DB]
    old_note, new_note = g.state(1, 1) if decoder.excited else ("", "")
    note, log_hz, log_gain, gate = g.split(g.node("Gemm", z, g.weight(line), g.weight(shift)), *[1] * 4, first=new_note)

    h, rest = stack(
        g, z, decoder.stack, numpy(decoder.z_scale)[:, 0], numpy(decoder.z_shift)[:, 0], decoder.rest(), bends
    )
    levels = _levels(g, decoder, h, rest, log_hz, bends)

    low = high = ""
    if decoder.excited:
        phase = _phase(g, _increments(g, note, old_note, s), s)
        ranks = np.arange(1, s.harmonics + 1, dtype=np.float32)
        turns = g.node("Mul", g.reshape(phase, 1, 1, ratio), g.weight(ranks[:, None] * np.float32(2.0 * math.pi)))
        harmonic, airy = g.split(levels, s.harmonics, s.bands, axis=2)
        ends = g.node("MatMul", harmonic, g.node("Sin", turns))
        source = _lined(g, ends, ratio)
        rows = g.reshape(source, ratio // bands, bands)
        rows = _taps(g, rows, ratio // bands, bands, 1, bandsplit.TAPS // bands)
        split = g.node("Gemm", rows, g.weight(numpy(decoder.splitters)[:, ::-1].T))
        high = g.node("Concat", split, g.reshape("noise.air", ratio // bands, bands), axis=1)
        low = g.reshape(high, 4, -1)
        plain = g.node("Add", source, _lined(g, _air(g, decoder, airy), ratio))
    else:
        plain = _lined(g, _air(g, decoder, levels), ratio)

    h = _stage(g, h, decoder.low_stage, 1, low, "low" if bends else "")
    h = _stage(g, h, decoder.high_stage, 4, high, "high" if bends else "")
    h = g.node("Gemm", h, g.weight(_kernel(decoder.out.weight)))
    rows = _taps(g, h, ratio // bands, bands, 1, bandsplit.TAPS // bands)
    # row t holds sub-bands of steps t-7..t; a step of j ago adds taps 8 j .. 8 j + 7
    joiners = numpy(decoder.joiners).reshape(bands, -1, bands)[:, ::-1].transpose(1, 0, 2).reshape(-1, bands)
    wave = g.reshape(g.node("Gemm", rows, g.weight(joiners)), 1, ratio)

    raw = g.node("Add", plain, wave)
    soft = g.node("Tanh", g.node("Mul", raw, _gains(g, raw, ratio)))
    old_asked, new_asked = g.state(1, 1)
    g.node("Mul", g.node("Exp", log_gain), g.node("Clip", gate, g.weight(0.0), g.weight(1.0)), to=new_asked)
    new = np.arange(1, ratio + 1, dtype=np.float32) / np.float32(ratio)
    ramp = g.weight(np.stack([1.0 - new, new]) * level.CEILING)
    sound = g.node("Mul", soft, g.node("Gemm", g.node("Concat", old_asked, new_asked, axis=1), ramp))
    g.reshape(sound, 1, 1, ratio, to=g.output("audio", 1, 1, ratio))
    return g.model("decode")
