"""Worker: the process that loads a stranger's file. Started by run; torch lives here and nowhere else.

    python -m instrument.importing.worker REQUEST.json

The request says which file, where to write, and what the player gave; the answer is ``answer.json`` in that folder:
a card and figures, or one sentence. Nothing is passed back by pickle.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from instrument.base.errors import RosinError
from instrument.importing.convert import Converted, convert, listened, shared
from instrument.importing.facts import Facts, Method, facts, load, said
from instrument.importing.verification import delay
from instrument.knobs import LATENTS_MAX, Label
from instrument.model.library.card import DECODE, ENCODE, Card, card_table
from instrument.model.library.card_latents import HISTOGRAM_BINS, Latent
from instrument.model.library.lineage import Ancestor

FORWARD = "forward.onnx"
LEAST = 2.0
"""A knob spans at least this much of z, also where noise and sines moved it less."""


def _decoder(known: Facts) -> Method:
    """The method that plays latents. RosinError with what there is instead."""
    for name in ("decode", "forward"):
        method = known.methods.get(name)
        if method is not None and (name == "decode" or method.ratio_in > 1):
            break
    else:
        offered = ", ".join(known.methods)
        raise RosinError(
            f"it has no decode, only {offered}: Rosin plays latents into sound; ask for an export that offers decode"
        )
    ratio = method.ratio_in
    if method.ratio_out != 1 or ratio < 1 or ratio > 2**16 or ratio & (ratio - 1):
        raise RosinError(
            f"its {method.name} makes {ratio} samples of {method.ratio_out}: no power of two for one sample, and only "
            "such models stream here; export it with a ratio such as 2048 or 128"
        )
    if method.channels_out not in (1, 2):
        raise RosinError(f"it plays {method.channels_out} channels; one or two are played: export it mono or stereo")
    if not 1 <= method.channels_in <= LATENTS_MAX:
        raise RosinError(f"it has {method.channels_in} latents; 1 to {LATENTS_MAX} can be played: crop them on export")
    return method


def _latents(count: int, heard: Any) -> tuple[Latent, ...]:
    """A plain knob for each dimension; ranges from what the encoder made of the trial sounds, if there is one."""
    found = []
    for i in range(count):
        label = Label(f"latent {i + 1}", f"latent {i + 1}")
        if heard is None:
            found.append(Latent(f"z{i + 1}", label))
            continue
        z = heard[i].astype(np.float64)
        z = z[np.isfinite(z)] if np.isfinite(z).any() else np.zeros(1)
        low, start, high = np.percentile(z, [0.5, 50.0, 99.5])
        spare = max(0.1 * (high - low), (LEAST - (high - low)) / 2.0)
        low, high = round(low - spare, 4), round(high + spare, 4)
        counts, _ = np.histogram(z, HISTOGRAM_BINS, (low, high))
        found.append(Latent(
            f"z{i + 1}", label, "latent", low, high, round(float(np.clip(start, low, high)), 4), round(z.mean(), 4),
            round(z.std(), 4), round(z.min(), 4), round(z.max(), 4), 1, 0.0, tuple(float(c) for c in counts),
        ))  # fmt: skip
    return tuple(found)


def _deaf_to_silence(encode: Converted) -> bool:
    """Does it give no number for silence (angles of a vector that has no length)?"""
    played = encode.played()
    shape = played.shapes["audio"]
    return not all(np.isfinite(played.run({"audio": np.zeros(shape, np.float32)}, "mean")).all() for _ in range(4))


def _fit_ears(encode: Converted, channels: int, latents: tuple[Latent, ...], deaf: bool) -> bool:
    """Give an encoder the channels of its decoder and the ``std`` that a voice asks for: zero, its noise is inside.
    Of a ``deaf`` one, what is no number becomes the middle of the knobs."""
    sheet, method = encode.sheet, encode.method
    if deaf:
        last = next(node for node in sheet.nodes if "mean" in node.output)
        last.output[0] = "mean.own"
        wrong = sheet.node("Or", sheet.node("IsNaN", "mean.own"), sheet.node("IsInf", "mean.own"))
        start = np.array([one.start for one in latents], np.float32).reshape(1, -1, 1)
        sheet.node("Where", wrong, sheet.constant(start), "mean.own", to="mean")
    if method.channels_in != channels:
        if 1 not in (method.channels_in, channels):
            return False
        place = next(i for i, node in enumerate(sheet.inputs) if node.name == "audio")
        samples = encode.frames * encode.ratio
        for node in sheet.nodes:
            for k, name in enumerate(node.input):
                if name == "audio":
                    node.input[k] = "audio.own"
        if method.channels_in == 1:
            mix = onnx.helper.make_node("ReduceMean", ["audio", sheet.ints(1)], ["audio.own"], keepdims=1)
        else:
            mix = onnx.helper.make_node("Expand", ["audio", sheet.ints(1, method.channels_in, samples)], ["audio.own"])
        sheet.nodes.insert(0, mix)
        given = (1, channels, samples)
        sheet.inputs[place] = onnx.helper.make_tensor_value_info("audio", onnx.TensorProto.FLOAT, given)
    shape = (1, method.channels_out, encode.frames)
    sheet.output("std", sheet.constant(np.zeros(shape, np.float32)), shape)
    return True


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Everything, and what is to be told of it."""
    path, out = Path(request["path"]), Path(request["out"])
    module = load(path)
    known = facts(module)
    rate = int(request["rate"] or known.rate)
    if not rate:
        raise RosinError("it does not say its sample rate; give it with --rate, such as --rate 44100")
    play = _decoder(known)
    made: dict[str, Converted] = {}
    notes: list[str] = []
    blocks = int(request["blocks"])
    ear = known.methods.get("encode")
    if ear is not None and (ear.channels_out, ear.ratio_out, ear.ratio_in) == (play.channels_in, play.ratio_in, 1):
        made[ENCODE] = convert(path, module, ear, ("audio", "mean"), play.ratio_in, rate, blocks)
    elif ear is not None:
        notes.append("encode")
    heard = listened(made[ENCODE], rate) if ENCODE in made else None
    heard = heard if heard is not None and np.isfinite(heard).any() else None
    latents = _latents(play.channels_in, heard)
    span = None
    if heard is not None:
        span = (np.array([one.low for one in latents], np.float32), np.array([one.high for one in latents], np.float32))
    made[DECODE] = convert(path, module, play, ("z", "audio"), play.ratio_in, rate, blocks, span)
    if request["forward"] and "forward" in known.methods and play.name != "forward":
        whole = known.methods["forward"]
        made[FORWARD] = convert(path, module, whole, ("audio", "sound"), play.ratio_in, rate, blocks)
    made = {name: made[name] for name in (DECODE, ENCODE, FORWARD) if name in made}
    limit = float(request["tolerance"])
    for one in made.values():
        if not one.proof.error <= limit:
            raise RosinError(
                f"its {one.method.name} as a graph differs from the file by {one.proof.error:.1e}, more than "
                f"{limit:.0e}; nothing was written: please report it, or allow more with --tolerance"
            )
    late = delay(made[DECODE].played(), play.channels_in, made[DECODE].frames, span)
    races = {
        name: one.raced(path, rate, int(request["race"]), span)
        for name, one in made.items()
        if name != FORWARD and request.get("race")
    }
    deaf = ENCODE in made and _deaf_to_silence(made[ENCODE])
    if ENCODE in made and not _fit_ears(made[ENCODE], play.channels_out, latents, deaf):
        del made[ENCODE]
        notes.append("encode")
    if deaf:
        notes.append("deaf")
    if heard is not None and (heard == np.round(heard)).all():
        notes.append("whole")
    training: dict[str, Any] = {
        "imported_from": path.name,
        "blocks_compared": made[DECODE].proof.blocks,
        "largest_difference": {one.method.name: float(f"{one.proof.error:.2g}") for one in made.values()},
        "streams": not made[DECODE].clicking,
        "state_bytes": {one.method.name: one.state_bytes for one in made.values()},
        "methods": {m.name: [m.channels_in, m.ratio_in, m.channels_out, m.ratio_out] for m in known.methods.values()},
        "attributes": known.attributes,
    }
    if DECODE in races:
        training["ratio_to_file"] = round(races[DECODE].ratio[1], 2)
    if len(known.fidelity) >= play.channels_in:
        training["fidelity_of_latents"] = known.fidelity[play.channels_in - 1]
    card = Card(
        name=request["name"],
        title=Label(*request["title"]),
        authors=tuple(request["authors"]),
        licence=request["licence"],
        family="imported",
        sample_rate=rate,
        ratio=play.ratio_in,
        channels=play.channels_out,
        latents=latents,
        delay_samples=late,
        about=Label(*request["about"]),
        params={"whole": known.parameters},
        training=training,
        derived_from=(Ancestor(request["sha256"], path.name, request.get("known_licence", ""), request["authors"]),),
    )
    words = json.dumps(card_table(card, with_files=False), ensure_ascii=False)
    for name, one in made.items():
        model = one.sheet.model(one.method.name, {"noise": json.dumps(one.noises), "rosin": words})
        onnx.checker.check_model(model)
        onnx.save(model, str(out / name))
    parts = {
        one.method.name: {
            "error": one.proof.error,
            "peak": one.proof.peak,
            "blocks": one.proof.blocks,
            "block_ms": one.proof.block_ms,
            "samples": one.frames * one.ratio,
            "clicking": one.clicking,
            "states": len(one.memory),
            "race": dataclasses.asdict(races[name]) if name in races else None,
        }
        for name, one in made.items()
    }
    both = shared(made[DECODE].memory, made[ENCODE].memory) if ENCODE in made else []
    return {"card": card_table(card, with_files=False), "parts": parts, "notes": notes, "shared": both}


def main(arguments: list[str]) -> int:
    """0 and an answer with a card, or 2 and an answer with a sentence."""
    request = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # No fusing and no specialising: every operation is to be seen. MKL-DNN would hide an LSTM in one.
    torch._C._jit_set_profiling_executor(False)
    torch._C._jit_override_can_fuse_on_cpu(False)
    torch.backends.mkldnn.enabled = False
    warnings.simplefilter("ignore")
    try:
        answer = work(request)
    except RosinError as error:
        answer = {"error": str(error)}
    except Exception as error:
        answer = {"error": f"the import failed ({type(error).__name__}: {said(error)}); please report it"}
        if request.get("debug"):
            raise
    (Path(request["out"]) / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return 2 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
