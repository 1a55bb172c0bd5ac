"""Shipped: what each shipped model costs - its block, its block in near silence, eight voices at once. Under decode."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from instrument.base.errors import RosinError
from instrument.base.paths import shipped
from instrument.bench.given import opened, wandering
from instrument.bench.turns import by_turns, ratios, spread
from instrument.chance.noise import Noise
from instrument.model.library.card import DECODE, DECODE_VOICES, VOICES, Card, read_card
from instrument.model.library.finder import called, model_folders, unpacked
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import F32, QUANTUM

BLOCKS = 256
"""Blocks of z and sound that are played over and over."""
FADE = 200
"""Blocks of a fade; 1.2e-38, where denormals begin, is crossed on the way."""
FAINT = 1e-30


def rivals() -> ModuleType:
    """The comparison with TorchScript, which is no part of what is installed. RosinError where it is not here."""
    try:
        return import_module("instrument.bench.rivals.against")
    except ModuleNotFoundError as missing:
        if not str(missing.name).startswith("instrument."):
            raise
        raise RosinError(
            "the comparison with TorchScript is in Rosin's source tree alone; fetch that and run rosin bench there"
        ) from None


def shipped_models() -> dict[str, Path]:
    """Folders of the models that come with the program, by name."""
    return {called(path): unpacked(path) for path in model_folders() if path.parent == shipped("models")}


def _sound(card: Card, samples: int) -> F32:
    """Something to listen to: noise under a slow swell. Shape: [BLOCKS, channels, samples]."""
    rng = np.random.default_rng(4)
    swell = 0.05 + 0.05 * np.sin(2.0 * np.pi * np.arange(BLOCKS) / 97.0)
    heard: F32 = (swell[:, None, None] * rng.standard_normal((BLOCKS, card.channels, samples))).astype(np.float32)
    return heard


class Playing:
    """A voice of the model with room for what it is given and what it says."""

    def __init__(self, folder: Path) -> None:
        self.voice = OnnxVoice(folder, Noise(1), providers="cpu", allow_uncredited=True)
        samples = self.voice.frames * self.voice.ratio
        self._out = np.zeros((self.voice.channels, samples), np.float32)
        self._mean = np.zeros((len(self.voice.latents), self.voice.frames), np.float32)
        self.z = wandering(self.voice.card, self.voice.frames, BLOCKS)
        self.sound = _sound(self.voice.card, samples)

    def decode(self, i: int) -> None:
        self.voice.decode(self.z[i % BLOCKS], self._out)

    def encode(self, i: int) -> None:
        self.voice.encode(self.sound[i % BLOCKS], self._mean)

    def both(self, i: int) -> None:
        self.encode(i)
        self.decode(i)


class Fading(Playing):
    """The same that is faded to silence and stays there: loudness to its lowest, sound to 1e-30 of full scale."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        low = [k for k, s in enumerate(self.voice.latents) if s.role == "loudness"]
        start = np.array([[s.start] for s in self.voice.latents], np.float32)
        for i in range(BLOCKS):
            if low:
                span = self.voice.latents[low[0]]
                self.z[i, low[0]] = span.high + (span.low - span.high) * min(1.0, i / FADE)
            elif i >= FADE:  # a model that has no such knob rests
                self.z[i] = start
        self._levels = np.geomspace(1.0, FAINT, FADE)

    def decode(self, i: int) -> None:
        self.voice.decode(self.z[min(i, BLOCKS - 1)], self._out)

    def encode(self, i: int) -> None:
        level = self._levels[i] if i < FADE else FAINT
        self.voice.encode((self.sound[i % BLOCKS] * np.float32(level)).astype(np.float32), self._mean)


def near_silence(folder: Path, count: int) -> dict[str, Any]:
    """A block while a sound fades and after, over one of full sound: p50 over p50, the worst of decoder and encoder."""
    plain, fading = Playing(folder), Fading(folder)
    found: dict[str, Any] = {}
    jobs: list[tuple[str, Callable[[int], None], Callable[[int], None]]] = [("decode", plain.decode, fading.decode)]
    if plain.voice.can_encode:
        jobs.append(("encode", plain.encode, fading.encode))
    for name, full, faint in jobs:
        plain.voice.warm(50)
        fading.voice.warm(50)
        times = by_turns([full, faint], max(count, 2 * FADE), warm=0)
        for when, part in (("fading", slice(0, FADE)), ("after", slice(FADE, None))):
            found[f"{name}_{when}"] = ratios(times[1][part], times[0][part])["ratio"]
    return {"ratio": max(found.values())} | found


def voices(folder: Path, count: int) -> dict[str, Any] | str:
    """Eight voices in one call over eight calls of one, both bound as play binds them; a sentence when not there."""
    name, card = DECODE_VOICES, read_card(folder)
    if not (folder / name).is_file():
        return f"not measured: no file for {VOICES} voices"
    many, one = opened(card, folder, name, VOICES), opened(card, folder, DECODE)
    z = wandering(card, one.frames, BLOCKS)
    rng = np.random.default_rng(5)
    for graph in (many, one):
        for noise in (graph.array(n) for n in graph.shapes if n.startswith("noise.")):
            noise[:] = rng.standard_normal(noise.shape)

    def one_call(i: int) -> None:
        for k in range(VOICES):
            many.array("z")[k] = z[(i + 31 * k) % BLOCKS]
        many.run(i)

    def eight_calls(i: int) -> None:
        for k in range(VOICES):
            one.array("z")[0] = z[(i + 31 * k) % BLOCKS]
            one.run(i)

    times = by_turns([one_call, eight_calls], count, turn=2)
    return {
        "count": VOICES,
        "one_call_ms": float(np.median(times[0])),
        "eight_calls_ms": float(np.median(times[1])),
    } | ratios(times[0], times[1])


def model_costs(folder: Path, count: int, torchscript: bool) -> dict[str, Any]:
    """Everything of one model. Shares are of the time a block lasts, on one core."""
    playing = Playing(folder)
    block_ms = QUANTUM / playing.voice.sample_rate * 1000.0
    jobs = {"decode": playing.decode}
    if playing.voice.can_encode:
        jobs |= {"encode": playing.encode, "encode_and_decode": playing.both}
    times = by_turns(list(jobs.values()), count)
    found: dict[str, Any] = {name: spread(took, block_ms) for name, took in zip(jobs, times, strict=True)}
    playing.voice.close()
    quiet = near_silence(folder, count // 2)
    found |= {"near_silence_ratio": quiet.pop("ratio"), "near_silence": quiet, "voices": voices(folder, count // 8)}
    if torchscript:
        found["against_torchscript"] = rivals().against_torchscript(folder, count // 2)
    return found


def worst(models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of the model that does worst, each on its own, where the promises are looked up."""
    found: dict[str, Any] = {
        "encode_and_decode_share_p99": max(
            m.get("encode_and_decode", m["decode"])["share_p99"] for m in models.values()
        ),
        "near_silence_ratio": max(m["near_silence_ratio"] for m in models.values()),
    }
    batches = [m["voices"] for m in models.values() if isinstance(m["voices"], dict)]
    found["voices"] = (
        max(batches, key=lambda batch: float(batch["ratio"]))
        if batches
        else f"not measured: no file for {VOICES} voices"
    )
    races = [m["against_torchscript"] for m in models.values() if "against_torchscript" in m]
    for name in ("ratio", "ratio_folded"):
        if raced := [race[name] for race in races if name in race]:
            found[name] = min(raced)
    return found
