"""Probe: a voice played alone for a second, to see what it does and what it costs. After session, before verify."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from instrument.base.units import decibels
from instrument.model.report.check_result import CheckResult, CheckTeller, Grade
from instrument.model.runtime.block_adapter import rebuffered
from instrument.model.runtime.providers import Wanted
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import F32, NoiseSource, Voice

LOUD = 4.0
"""12 dB above full scale: a decoder that gets there has left what it learned."""
BLOWUP = 8.0
"""+18 dBFS: where the guard takes it for a model that has run away."""
SLOWER_IN_SILENCE = 3.0


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


def heard(
    folder: Path, noise: NoiseSource, blocks: int, providers: Wanted, quantum: int, tell: CheckTeller
) -> Iterator[CheckResult]:
    """What is found by playing it; findings in the language of ``tell``."""
    begin = time.perf_counter()
    voice = rebuffered(OnnxVoice(folder, noise, quantum, providers, allow_uncredited=True), quantum)
    voice.warm()
    opened = time.perf_counter() - begin
    block_ms = 1000.0 * quantum / voice.sample_rate
    where = voice.where if "CUDA" in voice.where else tell.words("verify.on_cpu")
    yield tell("good", "opens", "verify.opens", ms=tell.number(opened * 1000, ".0f"), where=where)
    if voice.notice:
        yield CheckResult("warn", "provider", voice.notice)
    peak, middle, worst = _play(voice, blocks, False, quantum)
    if peak != peak:
        yield tell("bad", "sound", "verify.sound_not_finite")
        return
    grade: Grade = "warn" if peak > LOUD else "good"
    yield tell(grade, "sound", "verify.sound", blocks=blocks, db=_db(peak, tell))
    # By the median: the slowest hundredth tells as much of the other programs here as of the model.
    share = load_of(voice, quantum, blocks)
    grade = "bad" if share.both > 0.8 else "good" if worst * 1000 < 0.5 * block_ms else "warn"
    ears = tell.words("verify.speed_ears", share=tell.number(100.0 * share.both, ".0f")) if voice.can_encode else ""
    yield tell(
        grade,
        "speed",
        "verify.speed",
        share=tell.number(100.0 * share.decode, ".0f"),
        ears=ears,
        ms=tell.number(middle * 1000, ".3f"),
        block=tell.number(block_ms, ".2f"),
        worst=tell.number(worst * 1000, ".3f"),
    )
    voice.reset()
    peak, quiet, _ = _play(voice, blocks, True, quantum)
    if peak != peak:
        yield tell("bad", "silence", "verify.silence_not_finite")
    elif quiet > SLOWER_IN_SILENCE * middle:
        yield tell("warn", "silence", "verify.silence_slow", times=tell.number(quiet / middle, ".1f"))
    else:
        yield tell("good", "silence", "verify.silence", times=tell.number(quiet / middle, ".2f"))
    if voice.can_bend:
        yield _bending(voice, blocks, quantum, tell)
    voice.close()


def _db(peak: float, tell: CheckTeller) -> str:
    return tell.number(decibels(peak, -180.0), "+.1f")


def _bending(voice: Voice, blocks: int, quantum: int, tell: CheckTeller) -> CheckResult:
    """As far bent as it goes, in four directions, with random latents."""
    top = 0.0
    for seed in range(4):
        voice.reset()
        voice.reseed(seed, 0)
        voice.bend(1.0)
        peak = _play(voice, max(1, blocks // 4), False, quantum)[0]
        if peak != peak:
            return tell("bad", "bending", "verify.bending_not_finite")
        top = max(top, peak)
    wears = len(voice.usage()) or tell.words("verify.none")
    return tell("warn" if top > BLOWUP else "good", "bending", "verify.bending", db=_db(top, tell), count=wears)
