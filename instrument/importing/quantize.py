"""Quantize: a lighter copy of a model, its large products in 8 bits. For `rosin models eco`; needs onnx, no torch.

Weights are kept as int8 with a scale for each output, activations are scaled anew at every call (dynamic
quantisation). Only matrix products gain: a large convolution is first written as one, over its gathered taps. What it
costs is measured, as the ratio of the sound to its difference from the original's, and written into the card.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from instrument.base.errors import RosinError
from instrument.importing.verification import session_of
from instrument.knobs import Label
from instrument.model.gate.onnx_gate import check_graph
from instrument.model.library.card import DECODE, ENCODE, Card, card_table, read_card, write_card
from instrument.model.library.lineage import Ancestor
from instrument.model.library.sealing import check_files

Floats = npt.NDArray[np.float32]

LARGE = 8192
"""Weights from which on a product is worth it: below, the scaling costs more than it saves."""
BLOCKS = 400


@dataclass(frozen=True)
class Eco:
    """The copy: ``snr_db`` of its sound against the original's, milliseconds a call and bytes before and after."""

    folder: Path
    card: Card
    snr_db: float
    ms: tuple[float, float]
    size: tuple[int, int]
    products: int


def _weights(model: onnx.ModelProto) -> dict[str, Any]:
    return {w.name: w for w in model.graph.initializer}


def _as_products(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]]) -> None:
    """Every large Conv [1, C, 1, T] of one group as Gather and MatMul."""
    weights, nodes = _weights(model), []
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        weight = weights.get(node.input[1]) if node.op_type == "Conv" else None
        shape = shapes.get(node.input[0], ())
        if (
            weight is None
            or attributes.get("group", 1) != 1
            or len(shape) != 4
            or shape[0] != 1
            or shape[2] != 1
            or np.prod(weight.dims) < LARGE
            or weight.dims[2] != 1
        ):
            nodes.append(node)
            continue
        kernel = numpy_helper.to_array(weight)
        outs, ins, _, taps = kernel.shape
        step, wide = attributes.get("strides", [1, 1])[1], attributes.get("dilations", [1, 1])[1]
        pads = attributes.get("pads", [0, 0, 0, 0])
        long = shape[3] + pads[1] + pads[3]
        count = (long - (taps - 1) * wide - 1) // step + 1
        stem = node.output[0]
        # Row `t` of the gathered taps; a place outside the signal is the row of zeros after the last.
        places = np.arange(count)[:, None] * step + np.arange(taps)[None] * wide - pads[1]
        places = np.where((places < 0) | (places >= shape[3]), shape[3], places).astype(np.int64)

        def constant(name: str, value: Any, stem: str = stem) -> str:
            model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), f"{stem}.{name}"))
            return f"{stem}.{name}"

        def add(op: str, *inputs: str, to: str, **more: Any) -> str:
            nodes.append(helper.make_node(op, list(inputs), [to], **more))
            return to

        x = add("Reshape", node.input[0], constant("in", np.array([ins, shape[3]], np.int64)), to=f"{stem}.rows")
        x = add("Transpose", x, to=f"{stem}.turned", perm=[1, 0])
        if (places == shape[3]).any():
            x = add("Concat", x, constant("rest", np.zeros((1, ins), np.float32)), to=f"{stem}.padded", axis=0)
        x = add("Gather", x, constant("places", places), to=f"{stem}.taps", axis=0)
        x = add("Reshape", x, constant("flat", np.array([count, taps * ins], np.int64)), to=f"{stem}.flat_taps")
        matrix = kernel[:, :, 0].transpose(2, 1, 0).reshape(taps * ins, outs)
        x = add("MatMul", x, constant("matrix", matrix), to=f"{stem}.product")
        if len(node.input) > 2:
            x = add("Add", x, node.input[2], to=f"{stem}.biased")
        x = add("Transpose", x, to=f"{stem}.back", perm=[1, 0])
        add("Reshape", x, constant("out", np.array([1, outs, 1, count], np.int64)), to=stem)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in model.graph.node for name in node.input}
    kept = [w for w in model.graph.initializer if w.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _lighter(path: Path, out: Path) -> int:
    """Write the light copy of a graph; how many products became light."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    check_graph(path, {})  # it names every size, and all of its weights lie in it
    model = onnx.load(str(path), load_external_data=False)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    inferred = onnx.shape_inference.infer_shapes(model)
    shapes = {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in (*inferred.graph.value_info, *inferred.graph.input)
    }
    _as_products(model, shapes)
    weights = _weights(model)
    large = []
    for i, node in enumerate(model.graph.node):
        node.name = node.name or f"node{i}"
        weight = weights.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        if weight is not None and np.prod(weight.dims) >= LARGE:
            large.append(node.name)
    if not large:
        return 0
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole.onnx"
        onnx.save(model, str(whole))
        logging.disable(logging.WARNING)  # it advises a preparation that is done already
        try:
            quantize_dynamic(
                whole,
                out,
                op_types_to_quantize=["MatMul", "Gemm"],
                nodes_to_quantize=large,
                per_channel=True,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
    light = onnx.load(str(out))
    del light.metadata_props[:]
    helper.set_model_props(light, metadata)
    onnx.save(light, str(out))
    return len(large)


def _sound(path: Path, card: Card, blocks: int) -> tuple[Floats, float]:
    """What a decoder plays for z that wanders over its range, and the milliseconds of a call."""
    session = session_of(str(path))
    shapes = {node.name: tuple(d if isinstance(d, int) else 1 for d in node.shape) for node in session.get_inputs()}
    names = [node.name for node in session.get_outputs()]
    state = {n: np.zeros(s, np.float32) for n, s in shapes.items() if n.startswith("state.")}
    noises = [n for n in shapes if n.startswith("noise.")]
    frames = shapes["z"][2]
    low = np.array([latent.low for latent in card.latents])[:, None]
    high = np.array([latent.high for latent in card.latents])[:, None]
    rng = np.random.default_rng(0)
    speed, phase = rng.uniform(0.002, 0.05, (len(low), 1)), rng.uniform(0.0, 6.28, (len(low), 1))
    rows, times = [], []
    for i in range(blocks):
        t = np.arange(i * frames, (i + 1) * frames)
        where = 0.5 + 0.45 * np.sin(2.0 * np.pi * speed * t + phase)
        z = (low + (high - low) * where)[None].astype(np.float32)
        noise = {n: rng.standard_normal(shapes[n]).clip(-1.0, 1.0).astype(np.float32) for n in noises}
        begin = time.perf_counter()
        out = dict(zip(names, session.run(names, {"z": z, **noise, **state}), strict=True))
        times.append(time.perf_counter() - begin)
        state = {n: out["next." + n.removeprefix("state.")] for n in state}
        rows.append(out["audio"][0])
    return np.concatenate(rows, -1), 1000.0 * float(np.median(times))


def make(folder: Path, out: Path, name: str = "", blocks: int = BLOCKS) -> Eco:
    """The light copy of the model in ``folder`` under ``out``, called ``name`` (its own with -eco)."""
    card = read_card(folder)
    check_files(card, folder)
    name = name or f"{card.name}-eco"
    target = out / name
    if target.exists():
        raise RosinError(f"{target} is there already; choose another --name")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=out) as place:
            made = Path(place) / name
            made.mkdir()
            products = 0
            for file in card.files:
                light = _lighter(folder / file, made / file) if file in (DECODE, ENCODE) else 0
                products += light
                if file == DECODE and not light:
                    raise RosinError(f"{card.name} has no products of {LARGE} weights: it is light already; play it")
                if not light:
                    shutil.copy2(folder / file, made / file)
            before, slow = _sound(folder / DECODE, card, blocks)
            after, fast = _sound(made / DECODE, card, blocks)
            error = float(np.square(after - before, dtype=np.float64).sum())
            snr = 10.0 * np.log10(float(np.square(before, dtype=np.float64).sum()) / max(error, 1e-30))
            eco = {"of": card.sha256, "snr_db": round(snr, 1), "ms_before": round(slow, 3), "ms": round(fast, 3)}
            light_card = dataclasses.replace(
                card,
                name=name,
                title=Label(f"{card.title.en} (eco)", f"{card.title.fr} (éco)"),
                training={**card.training, "eco_snr_db": eco["snr_db"], "eco": eco},
                derived_from=(Ancestor(card.sha256, card.name, card.licence, card.authors), *card.derived_from),
            )
            words = json.dumps(card_table(light_card, with_files=False), ensure_ascii=False)
            for file in (DECODE, ENCODE):
                if (made / file).exists():
                    model = onnx.load(str(made / file))
                    kept = {e.key: e.value for e in model.metadata_props} | {"rosin": words}
                    del model.metadata_props[:]
                    helper.set_model_props(model, kept)
                    onnx.save(model, str(made / file))
            light_card = write_card(light_card, made)
            made.rename(target)
    except OSError as error:
        raise RosinError(f"{out} cannot be written ({error}); choose a folder with room with --out") from None
    sizes = [
        sum((place / f).stat().st_size for f in (DECODE, ENCODE) if (place / f).exists()) for place in (folder, target)
    ]
    return Eco(target, light_card, snr, (slow, fast), (sizes[0], sizes[1]), products)
