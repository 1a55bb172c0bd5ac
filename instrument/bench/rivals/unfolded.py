"""Unfolded: the network that a model's ONNX files were written from, its weights read back out of them.

Before streaming. Only the files are shipped, and what is constant in them is folded: the scaling of z into the first
layer, the rest of an instrument that is not played into every bias (training/export/graph.py). Here that is undone, in
float64. What comes out is the network to the rounding of float32; against.py lets both play before anything is timed,
which is the proof.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from instrument.base.errors import RosinError
from instrument.model.library.card import DECODE, ENCODE, Card
from instrument.training.network import synthesis
from instrument.training.network.decoder import z_scaling
from instrument.training.network.encoder_features import EARS, OFFSET, SCALE, ear_kernel
from instrument.training.network.model import PITCH_REACH, Network
from instrument.training.network.shape import PLAYED, Shape
from instrument.training.network.stack import CausalStack

Doubles = npt.NDArray[np.float64]


class Written:
    """A file's dense layers in their order, its weights by name, its states' sizes."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        self.nodes = list(graph.node)
        self.weights = {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer}
        self.states = {
            i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim)
            for i in graph.input
            if i.name.startswith("state.")
        }
        dense = [n for n in self.nodes if n.op_type == "Gemm" and n.input[1] in self.weights]
        self.dense = [self._dense(node) for node in dense]

    def _dense(self, node: Any) -> tuple[Doubles, Doubles]:
        """Weight [inputs, outputs] and bias [outputs] of a Gemm."""
        weight = self.weights[node.input[1]].astype(np.float64)
        bias = self.weights[node.input[2]] if len(node.input) > 2 and node.input[2] in self.weights else np.zeros(1)
        return weight, np.broadcast_to(bias.astype(np.float64).reshape(-1), (weight.shape[1],))

    def before(self, op: str, kind: str) -> Any:
        """The node of a ``kind`` that feeds the last node of kind ``op`` that such a one feeds."""
        by_output = {name: node for node in self.nodes for name in node.output}
        fed = (by_output.get(n.input[0]) for n in reversed(self.nodes) if n.op_type == op)
        return next(n for n in fed if n is not None and n.op_type == kind and n.input[1] in self.weights)

    def product(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """The matrix of that shape by which something is multiplied: a layer of that shape is a Gemm."""
        named = (n.input[1] for n in self.nodes if n.op_type == "MatMul" and n.input[1] in self.weights)
        return next(self.weights[name] for name in named if self.weights[name].shape == shape)

    def read_by(self, op: str, given: str) -> npt.NDArray[np.float32]:
        """The weight that the one node of kind ``op`` takes beside ``given``."""
        node = next(n for n in self.nodes if n.op_type == op and n.input[0] == given and n.input[1] in self.weights)
        weight: npt.NDArray[np.float32] = self.weights[node.input[1]]
        return weight


def _shape(card: Card, decode: Written, encode: Written) -> Shape:
    """Sizes, as they follow from the sizes of weights and states."""
    states = list(decode.states.values())  # the last note, the layers, phase, flutter, levels, air, perhaps the tones
    width = decode.dense[1][0].shape[1]
    layers = len(encode.states) - 3  # its own are the lines of its three ears
    dilations = tuple(int(np.prod(size)) // (2 * width) for size in states[1 : 1 + layers])
    lines, levels, air = (size[-1] for size in states[2 + layers : 5 + layers])
    tones = states[5 + layers][-1] if len(states) > 5 + layers else 0
    line = next(n for n in encode.nodes if n.op_type == "Gather" and n.input[0] in encode.weights)
    notes = encode.weights[line.input[0]].reshape(-1).astype(np.float64)
    step = float(np.diff(notes).mean())
    beside = int(np.ceil(PITCH_REACH / step)) - 1
    floor = float(encode.weights[encode.before("Log", "Add").input[1]].item()) / louder(encode, card.sample_rate)
    return Shape(
        "harmonic", card.sample_rate, card.ratio, len(card.latents) - PLAYED, width, encode.dense[0][0].shape[1],
        dilations, lines - tones, tones, levels - lines, air + 1, round(float(notes[beside]), 6),
        round(float(notes[len(notes) - 1 - beside]), 6), round(step, 6),
        float(f"{floor:.3g}"), states[1 + layers][-1] > 1,
    )  # fmt: skip


def louder(encode: Written, rate_hz: int) -> float:
    """By so much more power the ears of the file hear than those of the network (encoder_graph.LOUDER; 1 before it)."""
    first = next(w for w in encode.weights.values() if w.shape[:1] == (EARS[0].samples,))
    plain = ear_kernel(EARS[0], rate_hz).T
    gain = np.linalg.norm(first[:, : plain.shape[1]].astype(np.float64)) / np.linalg.norm(plain.astype(np.float64))
    return float(gain**2)


def _put(layer: torch.nn.Conv1d, weight: Doubles, bias: Doubles) -> None:
    """A layer's numbers from weight [taps * inputs, outputs], oldest tap first, and bias [outputs]."""
    outputs, inputs, taps = layer.weight.shape
    layer.weight.copy_(torch.from_numpy(weight.reshape(taps, inputs, outputs).transpose(2, 1, 0).copy()))
    assert layer.bias is not None
    layer.bias.copy_(torch.from_numpy(bias.copy()))


def _linear(layer: torch.nn.Linear, weight: Doubles, bias: Doubles) -> None:
    """A dense layer's numbers from weight [inputs, outputs] and bias [outputs]."""
    layer.weight.copy_(torch.from_numpy(weight.T.copy()))
    layer.bias.copy_(torch.from_numpy(bias.copy()))


def _unfold(
    stack: CausalStack, rest: torch.Tensor, dense: list[tuple[Doubles, Doubles]], scale: Doubles, shift: Doubles
) -> Doubles:
    """The stack's layers out of the file's; returns what the last of them is given by an instrument at rest."""
    (weight, bias), *more = dense
    weight = weight / scale[:, None]
    _put(stack.first, weight, bias - shift @ weight)
    for i, (layer, (weight, bias)) in enumerate(zip(stack.layers, more, strict=True)):
        before = stack.double().rests(rest.double())[i].numpy()
        taps = weight.reshape(3, len(before), -1).sum(0)
        _put(layer, weight, bias - before @ taps)
    return np.asarray(stack.double().rests(rest.double())[-1].numpy())


def _tone_hz(table: npt.NDArray[np.float32], rate: int) -> Doubles:
    """Frequencies of sines whose cosines and sines, [2 * tones, samples], are written in a table. Shape: [tones]."""
    cosine, sine = np.split(table.astype(np.float64), 2)
    angle = np.unwrap(np.arctan2(sine, cosine), axis=1)
    return np.asarray(np.polyfit(np.arange(angle.shape[1]), angle.T, 1)[0] * rate / (2.0 * np.pi))


@torch.no_grad()
def network_of(card: Card, folder: Path) -> Network:
    """The network of a model folder with both halves. RosinError for what the harmonic family did not write."""
    if card.family != "harmonic" or ENCODE not in card.files:
        raise RosinError(
            f"{card.name}: the plain TorchScript of it can be made of whole models of the harmonic family, and it is "
            f"{card.family}{'' if ENCODE in card.files else ' without an encoder'}"
        )
    try:
        decode, encode = Written(folder / DECODE), Written(folder / ENCODE)
        shape = _shape(card, decode, encode)
        network: Network = Network(shape).double().eval()
        decoder, encoder = network.decoder, network.encoder
        if shape.tones:
            last = list(decode.states)[-1]
            table = decode.product((2 * shape.tones, shape.ratio))
            decoder.tune(_tone_hz(table, shape.sample_rate))
            decoder.tone_table.copy_(torch.from_numpy(table.copy()))
            decoder.tone_steps.copy_(torch.from_numpy(decode.read_by("Add", last).copy()))
        layers = len(shape.dilations)
        scale, shift = (part.double().numpy()[:, 0] for part in z_scaling(shape))
        rest = _unfold(decoder.stack, decoder.rest(), decode.dense[1 : 2 + layers], scale, shift)
        weight, bias = (part.copy() for part in decode.dense[2 + layers])
        for part in (weight, bias):
            part[..., : shape.levels] *= synthesis.SWING
        _put(decoder.head, weight, bias - rest @ weight)
        if decoder.stiffness is not None:  # after the pitch's own Gemm
            (weight, bias), (last, last_bias) = decode.dense[4 + layers : 6 + layers]
            weight = weight / scale[:, None]
            played = np.delete(weight, 1, axis=0)  # the loudness has no say in it
            _linear(decoder.stiffness.first, played, bias - shift @ weight)
            _linear(decoder.stiffness.last, last, last_bias)

        bands = encoder.stack.first.in_channels
        shift = np.full(bands, OFFSET - SCALE * np.log(louder(encode, shape.sample_rate)))
        rest = _unfold(encoder.stack, encoder.ears.silence(), encode.dense[: 1 + layers], np.full(bands, SCALE), shift)
        weight, bias = encode.dense[1 + layers]
        split = 2 * shape.latents
        beside = (weight.shape[1] - split - shape.note_count) // 2
        kept = np.r_[:split, split + beside : split + beside + shape.note_count]
        _put(encoder.head, weight[:, kept], (bias - rest @ weight)[kept])
    except (ValueError, IndexError, KeyError, StopIteration, RuntimeError) as error:
        raise RosinError(
            f"{folder} holds graphs that `rosin train` of this version does not write ({type(error).__name__}); "
            "measure it without --against-torchscript"
        ) from None
    network.float()
    return network
