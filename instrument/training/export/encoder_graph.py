"""Encoder graph: sound and state in; note, loudness and latents with their spread out. What Encoder.encode does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from instrument.training.export.graph import GraphBuilder, numpy, stack
from instrument.training.network.encoder_features import (
    EARS,
    FEATURES,
    LINE_SAMPLES,
    OFFSET,
    SCALE,
    decimator,
    ear_kernel,
    loudness_window,
)
from instrument.training.network.model import PITCH_REACH, Encoder
from instrument.training.network.shape import LOUDNESS_LOW_DB

NEVER = -1e9
LOUDER = math.exp(OFFSET / SCALE)
"""By so much more power the ears of the graph hear, instead of adding OFFSET after the logarithm: folded into the next
layer's bias it would leave sums of twice the size to round."""


def _decimating(taps: Any, hop: int, samples: int) -> Any:
    """A FIR of step 4 over the newest of ``samples`` as one matrix, [samples, hop]."""
    matrix = np.zeros((samples, hop))
    begin = samples - 4 * hop - (len(taps) - 4)
    for j in range(hop):
        matrix[begin + 4 * j : begin + 4 * j + len(taps), j] = taps
    return matrix


def _ears(g: GraphBuilder, line: str, ratio: int, rate: int) -> str:
    """Power in every band of every ear: f32 [1, bands]. ``line``: the newest LINE_SAMPLES."""
    cosines, sines, hop, length = [], [], ratio, LINE_SAMPLES
    for i, ear in enumerate(EARS):
        recent = line if length == ear.samples else g.last(line, ear.samples, 1)
        matrix, sizes = ear_kernel(ear, rate).T * math.sqrt(LOUDER), [ear.total, ear.total]
        if i + 1 < len(EARS):  # the next ear listens to the same, slower
            hop //= 4
            matrix = np.concatenate([matrix, _decimating(decimator(), hop, ear.samples)], 1)
            sizes.append(hop)
        cosine, sine, *slow = g.split(g.node("MatMul", recent, g.weight(matrix)), *sizes)
        cosines.append(cosine)
        sines.append(sine)
        if slow:
            length = EARS[i + 1].samples
            old, new = g.state(1, length - hop)
            line = g.node("Concat", old, slow[0], axis=1)
            g.last(line, length - hop, 1, to=new)
    both = g.reshape(g.node("Concat", *cosines, *sines, axis=1), 2, FEATURES)
    return g.node("ReduceSumSquare", both, g.ints(0), keepdims=1)


def encoder_graph(encoder: Encoder) -> onnx.ModelProto:
    """audio [1, 1, ratio] and state -> mean, std [1, L, 1]: note, loudness in dB, latents."""
    s = encoder.shape
    ratio, count = s.ratio, 2 + s.latents
    g = GraphBuilder()
    g.input("audio", 1, 1, ratio)
    old, new = g.state(1, LINE_SAMPLES - ratio)
    line = g.node("Concat", old, g.reshape("audio", 1, ratio), axis=1)
    g.last(line, LINE_SAMPLES - ratio, 1, to=new)
    power = g.node("MatMul", g.node("Mul", line, line), g.weight(loudness_window()[:, None]))
    loudness = g.node(
        "Mul", g.node("Log", g.node("Add", power, g.weight([[1e-9]]))), g.weight([[10.0 / math.log(10.0)]])
    )
    loudness = g.node("Clip", loudness, g.weight(LOUDNESS_LOW_DB), g.weight(0.0))

    energy = _ears(g, line, ratio, s.sample_rate)
    features = g.node("Log", g.node("Add", energy, g.weight([[encoder.shape.power_floor * LOUDER]])))
    bands = encoder.stack.first.in_channels
    h, rest = stack(g, features, encoder.stack, np.full(bands, SCALE), np.zeros(bands), encoder.ears.silence())

    # Notes that never win on both sides: the best one has all its neighbours, wherever it is.
    beside = math.ceil(PITCH_REACH / s.note_step) - 1
    weight, bias = numpy(encoder.head.weight)[:, :, 0].T, numpy(encoder.head.bias)
    none, never = np.zeros((len(weight), beside)), np.full(beside, NEVER)
    bias = bias + rest @ weight
    split = 2 * s.latents
    weight = np.concatenate([weight[:, :split], none, weight[:, split:], none], 1)
    bias = np.concatenate([bias[:split], never, bias[split:], never])
    head = g.node("Gemm", h, g.weight(weight), g.weight(bias))
    mean, log_std, scores = g.split(head, s.latents, s.latents, s.note_count + 2 * beside)
    std = g.node("Exp", g.node("Clip", log_std, g.weight(-6.0), g.weight(2.0)))

    notes = s.low_note + s.note_step * np.arange(-beside, s.note_count + beside)
    away = np.arange(-beside, beside + 1)
    best = g.node("ArgMax", scores, axis=1, keepdims=0)
    near = g.node("Gather", scores, g.node("Add", best, g.ints(*away)), axis=1)
    here = g.node("Gather", g.weight(notes), best, axis=0)
    note = g.node("Gemm", g.node("Softmax", near, axis=1), g.weight(s.note_step * away[:, None]), here)
    g.reshape(g.node("Concat", note, loudness, mean, axis=1), 1, count, 1, to=g.output("mean", 1, count, 1))
    known = g.node("Concat", g.weight([[0.0, 0.0]]), std, axis=1)
    g.reshape(known, 1, count, 1, to=g.output("std", 1, count, 1))
    return g.model("encode")
