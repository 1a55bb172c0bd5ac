"""Hearing: a voice played alone for a second, to see what it does and what it costs. After session, before verify."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from instrument.model.providers import Wanted
from instrument.model.quantum import quantised
from instrument.model.session import OnnxVoice
from instrument.model.voice import F32, NoiseSource, Voice

Grade = Literal["good", "warn", "held", "bad"]

LOUD = 4.0
"""12 dB above full scale: a decoder that gets there has left what it learned."""
BLOWUP = 8.0
"""+18 dBFS: where the guard takes it for a model that has run away."""
SLOWER_IN_SILENCE = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, and a sentence.

    ``good``; ``warn``: it plays, and one should know; ``held``: it has no fault, and plays only when the player says so
    (``--allow-uncredited``); ``bad``: a fault.
    """

    grade: Grade
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Load:
    """Shares of one core of this machine that playing takes, by the median of many calls."""

    decode: float
    encode: float

    @property
    def both(self) -> float:
        return self.decode + self.encode


def load_of(voice: Voice, quantum: int, blocks: int = 100) -> Load:
    """Of a voice that plays ``quantum`` samples a call; now, beside whatever the machine does. Its state goes on."""
    rng = np.random.default_rng(0)
    # A long model works once in so many blocks: what counts is the time of a whole round.
    around = max(1, (voice.latency_samples - voice.card.delay_samples) // quantum + 1)
    out = np.zeros((voice.channels, quantum), np.float32)
    mean = np.zeros((len(voice.latents), voice.frames), np.float32)
    times = np.zeros((2, max(1, blocks // around), around))
    for i in range(times[0].size):
        z = _z(voice, rng, False)
        begin = time.perf_counter()
        voice.decode(z, out)
        between = time.perf_counter()
        if voice.can_encode:
            voice.encode(out, mean)
        times[0].reshape(-1)[i], times[1].reshape(-1)[i] = between - begin, time.perf_counter() - between
    block_s = quantum / voice.sample_rate * around
    decode, encode = np.median(times.sum(2), 1) / block_s
    return Load(float(decode), float(encode) if voice.can_encode else 0.0)


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


def heard(folder: Path, noise: NoiseSource, blocks: int, providers: Wanted, quantum: int) -> Iterator[Finding]:
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
    share = load_of(voice, quantum, blocks)
    grade = "bad" if share.both > 0.8 else "good" if worst * 1000 < 0.5 * block_ms else "warn"
    ears = f", {100.0 * share.both:.0f} % with its ears" if voice.can_encode else ""
    yield Finding(grade, "speed", f"{100.0 * share.decode:.0f} % of a core{ears}; {middle * 1000:.3f} ms a block of "
                  f"{block_ms:.2f} ms, 99 % under {worst * 1000:.3f} ms")  # fmt: skip
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
