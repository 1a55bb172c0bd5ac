"""Words: the same accident on every machine, in any order, at any block size."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from instrument.chance import drift, entry, noise, words
from instrument.chance.noise import Noise, fill_normal, fill_uniform
from instrument.chance.words import normal, stream_id, uniform

U64 = st.integers(0, 2**64 - 1)


def test_the_known_answer_of_key_7_3() -> None:
    assert [f"{int(w):x}" for w in words.words(7, 3, 0, 3)] == [
        "7b6cc7b1862cc5f2",
        "b960f2ea4b3f8d9f",
        "cdd72e015deb1a6",
    ]


@settings(max_examples=200, deadline=None)
@given(seed=U64, stream=U64, first=st.integers(0, 2**63), count=st.integers(1, 9))
def test_every_word_is_numpys(seed: int, stream: int, first: int, count: int) -> None:
    key, counter = np.array([seed, stream], np.uint64), np.array([first >> 2, 0, 0, 0], np.uint64)
    theirs = np.random.Philox(key=key, counter=counter).random_raw(count + 3)[first & 3 :]
    assert words.words(seed, stream, first, count).tolist() == theirs[:count].tolist()


def test_a_stream_has_the_same_id_for_ever() -> None:
    assert stream_id("drift.z1") == 0xFCFCB4BD1077E405
    names = [f"{room}.{knob}" for room in ("drift", "noise", "dé") for knob in range(300)]
    assert len({stream_id(name) for name in names}) == len(names)


@given(U64)
@example(0)
@example(2**64 - 1)
def test_a_uniform_number_is_never_nought_nor_one(word: int) -> None:
    u = uniform(np.uint64(word))
    assert u == pytest.approx(((word >> 11) + 0.5) * 2.0**-53, rel=2.0**-52)
    assert 0.0 < u < 1.0


def test_a_normal_number_is_the_inverse_of_the_distribution() -> None:
    random = words.words(1, 2, 0, 3000)
    edges = np.array(
        [1 << n for n in range(64)] + [2**64 - 1 - (1 << n) for n in range(64)] + [0, 2**64 - 1], np.uint64
    )
    for word in np.concatenate([random, edges]):
        word = int(word)
        # the lower tail is where scipy keeps its digits; the law is symmetric
        mirrored = min(word >> 11, 2**53 - 1 - (word >> 11))
        theirs = math.copysign(ndtri((mirrored + 0.5) * 2.0**-53), word - 2**63)
        assert normal(np.uint64(word)) == pytest.approx(theirs, rel=1e-13, abs=1e-14)
        assert normal(np.uint64(word)) == -normal(np.uint64(2**64 - 1 - word))


def test_the_first_normals_of_key_7_3() -> None:
    out = np.empty(3, np.float32)
    fill_normal(7, 3, 0, out)
    u = [(int(w) >> 11) * 2.0**-53 for w in (0x7B6CC7B1862CC5F2, 0xB960F2EA4B3F8D9F, 0xCDD72E015DEB1A6)]
    assert out == pytest.approx(ndtri(u), rel=1e-6)


@pytest.mark.parametrize("fill", [fill_uniform, fill_normal])
@given(seed=U64, stream=U64, first=st.integers(0, 2**62), cut=st.integers(0, 40))
@settings(max_examples=50, deadline=None)
def test_noise_can_be_cut_anywhere(fill, seed: int, stream: int, first: int, cut: int) -> None:  # type: ignore[no-untyped-def]
    whole, parts = np.empty(40, np.float32), np.empty(40, np.float32)
    fill(seed, stream, first, whole)
    fill(seed, stream, first, parts[:cut])
    fill(seed, stream, first + cut, parts[cut:])
    assert whole.tobytes() == parts.tobytes()


def test_noise_is_as_even_and_as_normal_as_it_says() -> None:
    even, bell = np.empty(200_000, np.float32), np.empty(200_000, np.float32)
    hiss = Noise(11)
    hiss.uniform(stream_id("a"), 0, even)
    hiss.normal(stream_id("b"), 0, bell)
    assert stats.kstest(even, stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert stats.kstest(bell, stats.norm.cdf).pvalue > 0.01
    assert even.min() >= -1.0
    assert even.max() < 1.0
    assert abs(np.corrcoef(even, bell)[0, 1]) < 0.01
    assert abs(np.corrcoef(bell[1:], bell[:-1])[0, 1]) < 0.01


def test_no_word_makes_audio_noise_of_exactly_one() -> None:
    extremes = [noise._audio(np.uint64(word)) for word in (0, 2**64 - 1, 2**63)]
    assert extremes == [-1.0, 1.0 - 2.0**-23, 0.0]


def test_another_seed_or_stream_is_another_noise_and_the_same_is_the_same() -> None:
    out = [np.empty(64, np.float32) for _ in range(4)]
    hiss = Noise(5)
    hiss.uniform(1, 0, out[0])
    hiss.uniform(2, 0, out[1])
    hiss.reseed(6)
    hiss.uniform(1, 0, out[2])
    hiss.reseed(5)
    hiss.uniform(1, 0, out[3])
    assert np.array_equal(out[0], out[3])
    assert not np.array_equal(out[0], out[1])
    assert not np.array_equal(out[0], out[2])


def test_one_kernel_each_and_no_compiling_on_stage() -> None:
    rooms = (words, noise, drift, entry)
    for room in rooms:
        room.warm()
    out = np.zeros((4, 2), np.float32)
    ones = np.ones(2, np.float32)
    for seed in (0, 2**63 + 1, np.uint64(3)):  # Python gives small and large numbers other types
        words.words(seed, 2**64 - 1, 0, 3)
        fill_uniform(seed, 1, 2**63, out[0])
        Noise(int(seed)).normal(2**64 - 1, 5, out[1])
        wander = drift.Drift([1, 2**64 - 1], 1500.0, int(seed))
        wander.step(np.int64(7), 4, drift.scaled_sigma(ones, int(seed) % 3, ones.copy()), ones, out)
        entry.add_into(out, out, ones, out)
    for room in rooms:
        for kernel in room.KERNELS:
            assert len(kernel.signatures) == 1
    with pytest.raises(TypeError):
        fill_uniform(1, 2, 3, np.zeros(4))  # type: ignore[arg-type]


def test_a_fresh_process_loads_the_compiled_laws_from_disk() -> None:
    rooms = (words, noise, drift, entry)
    for room in rooms:
        room.warm()
    code = (
        "from instrument.chance import drift, entry, noise, words\n"
        "rooms = (words, noise, drift, entry)\n"
        "for m in rooms: m.warm()\n"
        "stats = [kernel.stats for m in rooms for kernel in m.KERNELS]\n"
        "print(sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded, compiled = map(int, said.split())
    assert loaded == sum(len(room.KERNELS) for room in rooms)
    assert compiled == 0
