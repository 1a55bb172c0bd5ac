"""Stand-ins for tests: a simple noise source, a voice that can be poisoned, tiny ONNX models with explicit state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from instrument.knobs import Label
from instrument.model.library.card import Card, write_card
from instrument.model.library.card_latents import Latent
from instrument.model.library.credits import Credits, Made, Sound, write_credits


class PlainNoise:
    """A noise source by numpy alone: same (stream, first), same numbers, at any block size."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _words(self, stream: int, first: int, count: int) -> np.ndarray[Any, Any]:
        bits = np.random.Philox(key=np.array([self.seed & (2**64 - 1), stream & (2**64 - 1)], np.uint64))
        bits.advance(first // 4)
        return bits.random_raw(count + first % 4)[first % 4 :]

    def uniform(self, stream: int, first: int, out: Any) -> None:
        out[:] = (self._words(stream, first, out.size) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0

    def normal(self, stream: int, first: int, out: Any) -> None:
        # Sum of 4 x 16 bits: near enough to normal for a test, mean 0, deviation 1.
        words = self._words(stream, first, out.size)
        parts = [((words >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.float64) / 65535.0 for k in range(4)]
        out[:] = (sum(parts) - 2.0) * 3.0**0.5


class PoisonedVoice:
    """Any voice, with a tap to poison it: ``poison("nan")`` or ``poison(1e30)``, once, into its sound and its state.

    ``into``: "sound" spoils the next block that comes out; "state" spoils what the voice remembers, so that every
    block is spoilt until reset(), restore() or a better snapshot.
    """

    def __init__(self, voice: Any) -> None:
        self._voice = voice
        self._next: float | None = None
        self.resets = 0

    def poison(self, kind: str | float = "nan", into: str = "sound") -> None:
        value = float(kind)
        if into == "state":
            state = self._voice.snapshot()
            arrays = {n: np.full_like(a, value) if a.dtype.kind == "f" else a for n, a in state.arrays.items()}
            self._voice.restore(type(state)(state.model, state.seed, state.frame, arrays))
        else:
            self._next = value

    def decode(self, z: Any, out: Any) -> None:
        self._voice.decode(z, out)
        if self._next is not None:
            out[:, out.shape[1] // 2 :] = self._next
            self._next = None

    def reset(self) -> None:
        self.resets += 1
        self._voice.reset()

    @property
    def temperature(self) -> float:
        return self._voice.temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self._voice.temperature = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._voice, name)


SOUNDS = (
    Sound("A bow", "Ada", "https://example.org/a", "CC0-1.0", "given by the author", 60.0, "0" * 64),
    Sound("Bells", "Bo", "https://example.org/b", "CC-BY-4.0", "licence of the page", 20.0, "1" * 64),
)
CREDITS = Credits("tiny", Made("Ada", "2025-01-01", 1.5, "a laptop", 80.0), SOUNDS)


def tiny_card(**changes: Any) -> Card:
    latents = (Latent("loudness", Label("loudness", "intensité"), "loudness", -80.0, 0.0, -80.0),
               Latent("z1", Label("colour", "couleur"), histogram=(1.0, 4.0, 9.0, 4.0, 1.0)))  # fmt: skip
    basic: dict[str, Any] = {
        "name": "tiny", "title": Label("Tiny", "Minuscule"), "authors": ("Ada",), "licence": "CC0-1.0",
        "family": "test", "sample_rate": 48000, "ratio": 128, "channels": 1, "latents": latents, "delay_samples": 0,
    }  # fmt: skip
    return Card(**{**basic, **changes})


def tiny_graph(
    path: Path, *, ratio: int = 128, latents: int = 2, channels: int = 1, frames: int | str = "F", states: int = 2,
    encode: bool = False, opset: int = 18, ir: int = 9, noise: str | None = "normal", leak: float = 0.9,
    bias: float = 0.0, lonely: bool = False, rename: dict[str, str] | None = None, weight: int = 0,
    bends: bool = False, typical: Any = None, fill: bool = False,
) -> None:  # fmt: skip
    """audio = (sum of z) * 0.01 + state + 0.1 noise;  next.i = leak * state.i + mean of audio. A leaky memory.

    ``bends``: z itself is a layer, ``inner``, with gain, bias and tap. ``fill``: noise.fill is added to the audio.
    ``encode``: std is e to the mean of the sound.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    samples: int | str = frames * ratio if isinstance(frames, int) else "T"
    new = rename or {}

    def info(name: str, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(new.get(name, name), TensorProto.FLOAT, shape)

    def node(op: str, ins: list[str], outs: list[str], **attributes: Any) -> None:
        nodes.append(helper.make_node(op, [new.get(n, n) for n in ins], [new.get(n, n) for n in outs], **attributes))

    def constant(name: str, value: Any, dtype: Any = np.float32) -> None:
        weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))

    nodes: list[Any] = []
    weights: list[Any] = []
    ins, outs = [], []
    constant("leak", leak)
    constant("bias", bias)
    if weight:
        constant("heavy", np.zeros((weight, weight)))
    if encode:
        ins.append(info("audio", [1, channels, samples]))
        constant("cut", [1, channels, -1, ratio], np.int64)
        constant("axes", [1, 3], np.int64)
        constant("wide", [1, latents, 1], np.int64)
        node("Reshape", ["audio", "cut"], ["framed"])
        node("ReduceMean", ["framed", "axes"], ["flat"], keepdims=0)
        constant("one", [1], np.int64)
        node("Unsqueeze", ["flat", "one"], ["row"])
        node("Tile", ["row", "wide"], ["spread"])
        node("ReduceMean", ["row"], ["middle"], keepdims=1)
        node("Add", ["spread", "state.0"], ["mean"])
        node("Exp", ["spread"], ["std"])
        outs += [info("mean", [1, latents, frames]), info("std", [1, latents, frames])]
    else:
        ins.append(info("z", [1, latents, frames]))
        constant("mix", np.full((channels, latents), 0.01))
        constant("ones", np.ones(ratio))
        constant("cut", [1, channels, -1], np.int64)
        constant("last", [3], np.int64)
        constant("soft", 0.1)
        heard = "z"
        if bends:
            for what, plain in (("gain", 1.0), ("bias", 0.0)):
                constant(new.get(f"bend.inner.{what}", f"bend.inner.{what}"), np.full((1, latents), plain))
                ins.append(info(f"bend.inner.{what}", [1, latents]))
                node("Unsqueeze", [f"bend.inner.{what}", "second"], [f"{what} of all"])
            constant("second", [2], np.int64)
            constant("newest", -1, np.int64)
            node("Mul", ["z", "gain of all"], ["louder"])
            node("Add", ["louder", "bias of all"], ["bent"])
            node("Gather", ["bent", "newest"], ["tap.inner"], axis=2)
            heard = "bent"
            outs.append(info("tap.inner", [1, latents]))
        node("MatMul", ["mix", heard], ["mixed"])
        node("Unsqueeze", ["mixed", "last"], ["thin"])
        node("Mul", ["thin", "ones"], ["framed"])
        node("Reshape", ["framed", "cut"], ["dry"])
        node("Add", ["dry", "bias"], ["biased"])
        last = "biased"
        if noise is not None:
            ins.append(info("noise.air", [1, channels, samples]))
            node("Mul", ["noise.air", "soft"], ["air"])
            node("Add", [last, "air"], ["airy"])
            last = "airy"
        if fill:
            ins.append(info("noise.fill", [1, 1, 1]))
            node("Add", [last, "noise.fill"], ["filled"])
            last = "filled"
        node("ReduceMean", [last], ["middle"], keepdims=1)
        node("Add", [last, "state.0"], ["audio"])
        outs.append(info("audio", [1, channels, samples]))
    for i in range(states):
        ins.append(info(f"state.{i}", [1, 1, 1]))
        node("Mul", [f"state.{i}", "leak"], [f"kept.{i}"])
        node("Add", [f"kept.{i}", "middle"], [f"next.{i}"])
        if not (lonely and i == states - 1):
            outs.append(info(f"next.{i}", [1, 1, 1]))
    graph = helper.make_graph(nodes, "tiny", ins, outs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    if not encode:
        kinds = {new.get("noise.air", "noise.air"): noise} if noise is not None else {}
        words = {"noise": json.dumps(kinds | ({"noise.fill": "normal"} if fill else {}))}
        if typical is not None:
            words["typical"] = typical if isinstance(typical, str) else json.dumps(typical)
        helper.set_model_props(model, words)
    save(model, str(path))


def tiny_model(
    folder: Path, *, credits: Credits | None = CREDITS, encoder: bool = False, card: Card | None = None, **graph: Any
) -> Card:
    """A whole model folder; returns its card as written."""
    folder.mkdir(parents=True, exist_ok=True)
    card = tiny_card(name=folder.name) if card is None else card
    shape = {"ratio": card.ratio, "latents": len(card.latents), "channels": card.channels}
    tiny_graph(folder / "decode.onnx", **{**shape, **graph})
    if encoder:
        tiny_graph(folder / "encode.onnx", **{**shape, **graph, "encode": True})
    if credits is not None:
        write_credits(credits, folder)
    return write_card(card, folder)
