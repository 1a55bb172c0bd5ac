"""Writer: a trained network as a model folder. The last thing training does; from here on no torch is needed.

The proof that the exported graphs are the network is made at every export: 1000 blocks frame by frame in ONNX
Runtime against the whole at once in torch. The figure is in the card, and so is how well its atlas finds its sounds.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from instrument.base.errors import RosinError
from instrument.knobs import Label
from instrument.model.atlas.chart import write_chart
from instrument.model.library.card import CARD, DECODE, DECODE_VOICES, ENCODE, VOICES, Card, card_table, write_card
from instrument.model.library.card_latents import Latent
from instrument.model.library.credits import Credits, Made, write_credits
from instrument.model.report.reference import FRAMES, write_reference
from instrument.model.runtime.denormals import AsItWas, DenormalsOff
from instrument.training.data.corpus import Corpus
from instrument.training.export.atlas import build_atlas
from instrument.training.export.encoder_graph import encoder_graph
from instrument.training.export.graphs import SEVERAL, graph_of
from instrument.training.export.latent_stats import measure_latents
from instrument.training.export.naming import MANY_POINTS, POINTS
from instrument.training.learning.energy import Energy, guessed
from instrument.training.learning.trial import held_out_figures
from instrument.training.network.model import Network
from instrument.training.promise import agreed_licence, sounds_in

Floats = npt.NDArray[np.float32]

NOISE = "noise.air"
TOLERANCE = 1e-5
LONG_MINUTES = 10.0
"""After so long a training nobody minds another minute or two until its knobs are named more surely."""


def _session(graph: Path | bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # it warns of every input that may be left out
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    with AsItWas():
        return onnxruntime.InferenceSession(
            str(graph) if isinstance(graph, Path) else graph, options, providers=["CPUExecutionProvider"]
        )


def streamed(path: Path, blocks: Iterator[dict[str, Floats]], wanted: str) -> Floats:
    """One output of a graph over many blocks, state carried from zero, joined along its last axis."""
    session = _session(path)
    state = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name.startswith("state.")}
    names = [o.name for o in session.get_outputs()]
    rows, quick = [], DenormalsOff()
    for block in blocks:
        with quick:
            out = dict(zip(names, session.run(names, {**block, **state}), strict=True))
        state = {name: out["next." + name.removeprefix("state.")] for name in state}
        rows.append(out[wanted])
    return np.concatenate(rows, -1)


def wandering(latents: tuple[Latent, ...] | int, frames: int, seed: int) -> Floats:
    """z that moves over all its range, slowly and at once. Shape: [1, L, frames]."""
    rng = np.random.default_rng(seed)
    count = latents if isinstance(latents, int) else len(latents)
    t = np.arange(frames) / 375.0
    z = rng.standard_normal((count, frames)) * 0.3 + np.sin(2 * np.pi * rng.uniform(0.1, 2.0, (count, 1)) * t) * 1.5
    z[0] = 62.0 + 24.0 * np.sin(2 * np.pi * 0.37 * t) + (t % 1.0 > 0.5) * 5.0
    z[1] = -30.0 + 28.0 * np.sin(2 * np.pi * 0.61 * t)
    return z[None].astype(np.float32)


def typical_levels(model: onnx.ModelProto, blocks: int = 1500) -> dict[str, list[float]]:
    """Mean magnitude of every channel of every tap while z wanders everywhere: what wear takes for common use."""
    session = _session(model.SerializeToString())
    shapes = {i.name: i.shape for i in session.get_inputs()}
    state = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name.startswith("state.")}
    names = [o.name for o in session.get_outputs()]
    taps = {name: np.zeros(0) for name in names if name.startswith("tap.")}
    if not taps:
        return {}
    z = wandering(shapes["z"][1], blocks, 2)
    rng = np.random.default_rng(3)
    for i in range(blocks):
        noise = rng.standard_normal(shapes[NOISE]).astype(np.float32)
        out = dict(zip(names, session.run(names, {"z": z[:, :, i : i + 1], NOISE: noise, **state}), strict=True))
        state = {name: out["next." + name.removeprefix("state.")] for name in state}
        for name, total in taps.items():
            level = np.abs(out[name][0]).astype(np.float64)
            taps[name] = total + level if len(total) else level
    return {n.removeprefix("tap."): [float(f"{v / blocks:.4g}") for v in total] for n, total in taps.items()}


@torch.no_grad()
def verify_against_torch(network: Network, folder: Path, blocks: int = 1000, seed: int = 0) -> dict[str, float]:
    """Largest differences between decode.onnx and encode.onnx, block by block, and the network, all at once.

    ``decode``: of the sound, relative to full scale or to its peak when that is louder. ``encode``: of latents and
    loudness (in units of 10 dB) and of their spread. ``encode_pitch_semitones``: of the note.
    """
    ratio = network.shape.ratio
    z = wandering(2 + network.shape.latents, blocks, seed)
    noise = np.random.default_rng(seed + 1).standard_normal((1, 1, blocks * ratio)).astype(np.float32)
    real = network.decoder.play(torch.from_numpy(z), torch.from_numpy(noise[0])).numpy()
    got = streamed(
        folder / DECODE,
        ({"z": z[:, :, i : i + 1], NOISE: noise[:, :, i * ratio : (i + 1) * ratio]} for i in range(blocks)),
        "audio",
    )
    peak = max(1.0, float(np.abs(real).max()))
    out = {"decode": float(np.abs(got[0] - real).max()) / peak}
    if (folder / ENCODE).exists():
        audio = (real * (0.5 / peak)).astype(np.float32)[None]
        mean, std = (part.numpy() for part in network.encoder.encode(torch.from_numpy(audio[0])))
        for name, whole in (("mean", mean), ("std", std)):
            part = streamed(
                folder / ENCODE, ({"audio": audio[:, :, i * ratio : (i + 1) * ratio]} for i in range(blocks)), name
            )
            error = np.abs(part - whole)[0].max(1)
            error[1] /= 10.0
            out["encode"] = max(out.get("encode", 0.0), float(error[1:].max()))
            if name == "mean":
                out["encode_pitch_semitones"] = float(error[0])
    return out


def write_graphs(network: Network, folder: Path, card: Card | None = None) -> None:
    """decode.onnx and encode.onnx; with a card, each explains itself in its metadata."""
    makers: list[tuple[str, Callable[[], onnx.ModelProto]]] = [
        (DECODE, lambda: graph_of(network.decoder)),
        (ENCODE, lambda: encoder_graph(network.encoder)),
    ]
    if network.shape.family in SEVERAL:
        makers.append((DECODE_VOICES, lambda: graph_of(network.decoder, bends=False, voices=VOICES)))
    for name, make in makers:
        model = make()
        words = {"noise": json.dumps({NOISE: "normal"} if name != ENCODE else {})}
        if name == DECODE:
            words["typical"] = json.dumps(typical_levels(model))
        onnx.helper.set_model_props(model, words)
        onnx.save(model, str(folder / name))
    if card is not None:
        describe_graphs(folder, card)


def describe_graphs(folder: Path, card: Card) -> None:
    """The card into the metadata of every graph there is. After the proof: it tells how the proof went."""
    for path in sorted(folder.glob("*.onnx")):
        model = onnx.load(str(path))
        entry = model.metadata_props.add()
        entry.key, entry.value = "rosin", json.dumps(card_table(card, with_files=False), ensure_ascii=False)
        onnx.save(model, str(path))


@torch.no_grad()
def keep_reference(network: Network, folder: Path, seed: int = 4) -> None:
    """A few frames as torch plays and hears them, for verify: z that starts in the middle of a sound and moves."""
    ratio = network.shape.ratio
    z = wandering(network.shape.inputs, 400, seed)[:, :, 40 : 40 + FRAMES]
    noise = np.random.default_rng(seed).standard_normal((1, 1, FRAMES * ratio)).astype(np.float32)
    audio = network.decoder.play(torch.from_numpy(z), torch.from_numpy(noise[0]))
    mean, _ = network.encoder.encode(audio)
    write_reference(folder, z[0], noise, audio.numpy(), mean[0].numpy())


def machine_words() -> str:
    """The machine in plain words, nothing that names it."""
    return f"{os.cpu_count()}-core {platform.machine()} CPU".replace("_", "-")


def _dated() -> str:
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).date().isoformat()


@dataclasses.dataclass(frozen=True, slots=True)
class Making:
    """What is said of a model, and how it was made. ``note``: for its credits; no ``energy``: it is guessed."""

    name: str
    title: tuple[str, str]
    by: str
    licence: str
    steps: int
    minutes: float
    threads: int
    seed: int
    about: tuple[str, str] = ("", "")
    note: str = ""
    energy: Energy | None = None


def write_model(network: Network, corpus: Corpus, folder: Path, making: Making) -> Path:
    """The whole folder: graphs, credits, atlas, card; proven against torch before the card is written. Returns it."""
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    points = MANY_POINTS if making.minutes > LONG_MINUTES else POINTS
    stats, shape = measure_latents(network, corpus, points), network.shape
    chart, retrieval = build_atlas(network, corpus)
    energy = making.energy or guessed(making.minutes, making.threads)
    parts = {"encoder": network.encoder, "decoder": network.decoder}
    card = Card(
        name=making.name,
        title=Label(*making.title),
        authors=(making.by,),
        licence=making.licence or agreed_licence(corpus),
        family=shape.family,
        sample_rate=shape.sample_rate,
        ratio=shape.ratio,
        channels=1,
        latents=stats.latents,
        correlation=tuple(tuple(round(float(c), 4) for c in row) for row in stats.correlation),
        delay_samples=network.decoder.delay_samples,
        about=Label(*making.about),
        params={key: sum(p.numel() for p in part.parameters()) for key, part in parts.items()},
    )
    training: dict[str, Any] = {
        "corpus_sha256": corpus.sha256,
        "sounds": len(corpus.training),
        "hours_of_sound": round(corpus.hours, 4),
        "minutes": round(making.minutes, 1),
        "steps": making.steps,
        "seed": making.seed,
        "machine": machine_words(),
        "energy_wh" if energy.measured else "energy_estimate_wh": round(energy.wh, 2),
        "energy_is": energy.how,
        "held_out_sounds": len(corpus.held_out),
        "held_out": held_out_figures(network, corpus),
        "interventions": stats.naming.table(),
        "intervention_points": points,
        "atlas": retrieval,
    }
    write_graphs(network, folder)
    errors = verify_against_torch(network, folder)
    if errors["decode"] > TOLERANCE:
        raise RosinError(
            f"the exported {DECODE} differs from the network by {errors['decode']:.1e}, more than {TOLERANCE:.0e}; "
            "nothing was written that could play: please report this"
        )
    training["equality_error_1000_blocks"] = {key: float(f"{value:.2g}") for key, value in errors.items()}
    card = dataclasses.replace(card, training=training)
    describe_graphs(folder, card)
    hours = round(making.minutes / 60.0, 3)
    made = Made(making.by, _dated(), hours, machine_words(), round(energy.wh, 2), energy.measured, making.note)
    write_credits(Credits(making.name, made, sounds_in(corpus)), folder)
    write_chart(chart, folder)
    keep_reference(network, folder)
    write_card(card, folder)
    return folder
