"""The benches measure what they say: a delay that was put in is the delay that is found; the keys are there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from instrument.bench.decode import chain_times
from instrument.bench.latency import spread

ROOT = Path(__file__).parent.parent


def _heard(delays_s: list[float], noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A recording in which a tone begins ``delay`` after each sending and lasts 30 ms."""
    rate, period = 48000, 128
    sent = np.array([0.5 + 0.3 * i for i in range(len(delays_s))])
    samples = int((sent[-1] + 0.6) * rate) // period * period
    audio = noise * np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    for moment, delay in zip(sent, delays_s, strict=True):
        begin = round((moment + delay) * rate)
        audio[begin : begin + 1440] += 0.3
    at = 10.0 + np.arange(samples // period) * period / rate
    return audio, at, sent + 10.0


def test_latency_finds_the_delay_that_was_put_in() -> None:
    audio, at, sent = _heard([0.004] * 50)
    found = spread(audio, at, 128, 48000, sent)
    assert found["heard"] == 50
    assert found["p50_ms"] == pytest.approx(4.0, abs=0.03)
    assert found["jitter_ms"] == pytest.approx(0.0, abs=0.03)


def test_latency_finds_jitter_and_counts_what_it_did_not_hear() -> None:
    delays = [0.003, 0.008] * 40 + [0.2]
    audio, at, sent = _heard(delays, noise=1e-5)
    found = spread(audio, at, 128, 48000, sent)
    assert found["missed"] == 1
    assert found["jitter_ms"] == pytest.approx(5.0, abs=0.1)
    assert found["p99_ms"] == pytest.approx(8.0, abs=0.1)


def test_more_knobs_cost_more() -> None:
    few, many = (chain_times(n, 300, 2.667, 48000) for n in (4, 200))
    assert many["p50_ms"] > few["p50_ms"] > 0.0


def test_voices_prints_what_each_number_of_them_costs_and_how_soon_a_finger_is_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "instrument", "bench", "voices", "--json", "--blocks", "60"],
        capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert list(found["voices"]) == ["1", "2", "4", "8", "16"]
    assert all(0.0 < row["share_p50"] <= row["share_p99"] for row in found["voices"].values())
    assert found["ratio_8_to_1"] == pytest.approx(found["voices"]["8"]["p50_ms"] / found["voices"]["1"]["p50_ms"])
    late = found["pressure_to_sound_ms"]
    assert 0.0 < late["p50_ms"] <= late["p99_ms"] < 2.0 * found["block_ms"], "a press waits for a block, and no longer"
    assert found["pan_power_db"] < 0.01


def test_decode_prints_one_object_with_shares_of_the_block() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "instrument", "bench", "decode", "--json", "--blocks", "200"],
        capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout)
    block = found["block_ms"]
    for stage in (
        found["model_block"]["decode"],
        found["model_block"]["encode_and_decode"],
        found["friction_and_chance_16_knobs"],
        found["engine"],
    ):
        assert 0.0 < stage["p50_ms"] <= stage["p99_ms"]
        assert stage["share_p99"] == pytest.approx(stage["p99_ms"] / block)
    assert found["engine"]["offline_times_real_time"] > 0.0
    shipped = {path.parent.name for path in (ROOT / "models").glob("*/card.toml")}
    assert set(found["models"]) == shipped, "every shipped model is measured"
    for model in found["models"].values():
        for stage in ("decode", "encode", "encode_and_decode"):
            assert 0.0 < model[stage]["p5_ms"] <= model[stage]["p50_ms"] <= model[stage]["p99_ms"]
            assert model[stage]["share_p50"] == pytest.approx(model[stage]["p50_ms"] / block)
        assert model["encode_and_decode"]["p50_ms"] > model["decode"]["p5_ms"]
    assert found["near_silence_ratio"] == max(m["near_silence_ratio"] for m in found["models"].values()) > 0.0
    assert "voices" in found
    assert "ratio" not in found, "TorchScript is raced only when it is asked for"
    assert found["machine"]["cores"] >= 1
