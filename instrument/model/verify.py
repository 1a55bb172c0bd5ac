"""Verify: what can be known of a model before an evening with it. After library, for `rosin models verify`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from instrument.errors import RosinError
from instrument.model import licences
from instrument.model.atlas import Atlas, read_atlas
from instrument.model.card import CARD, Card, read_card
from instrument.model.credits import credits_line, gate, read_credits
from instrument.model.providers import Wanted
from instrument.model.quantum import quantised
from instrument.model.session import OnnxVoice, check_files
from instrument.model.voice import F32, QUANTUM, NoiseSource, Voice

Grade = Literal["good", "warn", "bad"]

LOUD = 4.0
"""12 dB above full scale: a decoder that gets there has left what it learned."""
BLOWUP = 8.0
"""+18 dBFS: where the guard takes it for a model that has run away."""
SLOWER_IN_SILENCE = 3.0
FINDS_ITSELF = 0.99
"""Of an atlas' anchors, how many have to find their own sound among their neighbours."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``good``, ``warn`` (it plays) or ``bad`` (it does not), and a sentence."""

    grade: Grade
    about: str
    text: str


def _z(voice: Voice, rng: np.random.Generator, silent: bool) -> F32:
    """Latents for one block: anywhere between low and high, or at rest with loudness at the bottom."""
    low = np.array([[spec.low] for spec in voice.latents], np.float32)
    high = np.array([[spec.high] for spec in voice.latents], np.float32)
    if silent:
        rest = np.array([[spec.low if spec.role == "loudness" else spec.start] for spec in voice.latents], np.float32)
        return np.repeat(rest, voice.frames, axis=1)
    shape = (len(voice.latents), voice.frames)
    return (low + (high - low) * rng.random(shape, np.float32)).astype(np.float32)


def _play(voice: Voice, blocks: int, silent: bool, quantum: int) -> tuple[float, float, float]:
    """Peak (NaN when not finite), and median and 99th percentile of the seconds a block took."""
    rng = np.random.default_rng(0)
    out = np.zeros((voice.channels, quantum), np.float32)
    peak, times = 0.0, np.zeros(blocks)
    for i in range(blocks):
        z = _z(voice, rng, silent)
        begin = time.perf_counter()
        voice.decode(z, out)
        times[i] = time.perf_counter() - begin
        peak = max(peak, float(np.abs(out).max())) if np.isfinite(out).all() else float("nan")
        if peak != peak:
            break
    return peak, float(np.median(times[: i + 1])), float(np.percentile(times[: i + 1], 99))


def _files(card: Card, folder: Path) -> Iterator[Finding]:
    check_files(card, folder)
    yield Finding("good", "files", f"all {len(card.files)} files are those its card was written for")
    extra = sorted(p.name for p in folder.iterdir() if p.name != CARD and p.name not in card.files)
    if extra:
        yield Finding("warn", "files", f"the card does not name {', '.join(extra[:5])}; they are not part of the model")


def _lineage(card: Card, folder: Path, allow_uncredited: bool) -> Iterator[Finding]:
    said = licences.mistake(card.licence)
    if said:
        yield Finding("warn", "licence", f"of the model: {said}")
    credits = gate(card, folder, allow_uncredited)
    if credits is None:
        yield Finding("warn", "credits", "it has no credits and stays marked while it plays")
        return
    yield Finding("good", "credits", credits_line(credits))
    asked = {what: name for name in (*credits.licences, card.licence) for what in licences.asks(name)}
    words = {
        "no-commerce": "forbids playing it for money",
        "share-alike": "asks that what is made of it carries the same licence",
        "no-changes": "forbids changed versions",
        "unknown": "is not a common one: read it",
    }
    for what, name in asked.items():
        yield Finding("warn", "licence", f"{name} {words[what]}")


def _atlas(card: Card, folder: Path) -> Iterator[Finding]:
    try:
        credits = read_credits(folder)
    except RosinError:
        credits = None
    atlas = read_atlas(folder, card, credits)
    if atlas is None:
        yield Finding("warn", "atlas", "it has none: no neighbouring sounds, and nothing is known or unknown")
        return
    yield _neighbours(atlas)


def _neighbours(atlas: Atlas) -> Finding:
    """Every anchor looked up: whether it finds its own sound, and whether what is said there adds up."""
    places, own = atlas.places(), atlas.chart.sound
    hits, odd = 0, 0
    for z, sound in zip(places, own, strict=True):
        atlas.look(z)
        hits += bool((own[atlas.nearest[atlas.nearest >= 0]] == sound).any())
        sums = (atlas.weight.sum(), atlas.share.sum() if atlas.authors else 1.0)
        within = 0.0 <= atlas.unknown <= 1.0 and 0.0 <= atlas.known <= 1.0
        odd += not (within and all(abs(total - 1.0) < 1e-3 for total in sums))
    if odd:
        return Finding("bad", "atlas", f"at {odd} of its anchors the shares do not add up; fetch the model again")
    share = hits / len(own)
    said = f"{len(own)} anchors in {atlas.clips} sounds; {100 * share:.1f} % find their own sound among 8 neighbours"
    if share < FINDS_ITSELF:
        return Finding("bad", "atlas", f"{said}, fewer than {100 * FINDS_ITSELF:.0f} %; train it again")
    return Finding("good", "atlas", said)


def _sound(folder: Path, noise: NoiseSource, blocks: int, providers: Wanted, quantum: int) -> Iterator[Finding]:
    begin = time.perf_counter()
    voice = quantised(OnnxVoice(folder, noise, quantum, providers, allow_uncredited=True), quantum)
    voice.warm()
    opened = time.perf_counter() - begin
    block_ms = 1000.0 * quantum / voice.sample_rate
    yield Finding("good", "opens", f"in {opened * 1000:.0f} ms, warmed; {voice.where}")
    if voice.notice:
        yield Finding("warn", "provider", voice.notice)
    peak, middle, worst = _play(voice, blocks, False, quantum)
    if peak != peak:
        yield Finding("bad", "sound", "gives no finite numbers for latents within its own range; train it again")
        return
    db = 20.0 * np.log10(max(peak, 1e-9))
    grade: Grade = "warn" if peak > LOUD else "good"
    yield Finding(grade, "sound", f"finite over {blocks} blocks of random latents, peak {db:+.1f} dB")
    # By the median: the slowest hundredth tells as much of the other programs here as of the model.
    grade = "bad" if middle * 1000 > 0.8 * block_ms else "good" if worst * 1000 < 0.5 * block_ms else "warn"
    yield Finding(
        grade, "speed", f"{middle * 1000:.3f} ms a block of {block_ms:.2f} ms, 99 % under {worst * 1000:.3f} ms"
    )
    voice.reset()
    peak, quiet, _ = _play(voice, blocks, True, quantum)
    if peak != peak:
        yield Finding("bad", "silence", "gives numbers that are not finite at rest; train it again")
    elif quiet > SLOWER_IN_SILENCE * middle:
        yield Finding("warn", "silence", f"takes {quiet / middle:.1f} times as long as sound: denormal numbers remain")
    else:
        yield Finding("good", "silence", f"takes {quiet / middle:.2f} times as long as sound")
    if voice.can_bend:
        yield _bending(voice, blocks, quantum)
    voice.close()


def _bending(voice: Voice, blocks: int, quantum: int) -> Finding:
    """As far bent as it goes, in four directions, with random latents."""
    top = 0.0
    for seed in range(4):
        voice.reset()
        voice.reseed(seed, 0)
        voice.bend(1.0)
        peak = _play(voice, max(1, blocks // 4), False, quantum)[0]
        if peak != peak:
            return Finding("bad", "bending", "gives numbers that are not finite when bent; train it again")
        top = max(top, peak)
    db = 20.0 * np.log10(max(top, 1e-9))
    wears = len(voice.usage())
    return Finding("warn" if top > BLOWUP else "good", "bending",
                   f"can be bent, peak {db:+.1f} dB at the most; {wears or 'none'} of its layers wear")  # fmt: skip


def verify(
    folder: Path,
    noise: NoiseSource,
    *,
    blocks: int = 200,
    providers: Wanted = "cpu",
    quantum: int = QUANTUM,
    allow_uncredited: bool = False,
) -> list[Finding]:
    """All findings on one model folder, never an exception: what would raise one is the last finding, ``bad``."""
    found: list[Finding] = []
    try:
        card = read_card(folder)
        found.append(Finding("good", "card", f"{card.name}, sha256 {card.sha256}"))
        found.extend(_files(card, folder))
        parts = (
            _lineage(card, folder, allow_uncredited), _atlas(card, folder),
            _sound(folder, noise, blocks, providers, quantum),
        )  # fmt: skip
        for part in parts:
            try:
                for finding in part:
                    found.append(finding)
            except RosinError as error:
                found.append(Finding("bad", "refused", str(error)))
    except RosinError as error:
        found.append(Finding("bad", "refused", str(error)))
    return found
