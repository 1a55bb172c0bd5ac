"""The rings: the same samples in the same order, whatever the driver's block."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.audio.ring import Adapter, AheadRing, LiveFeed

QUANTUM = 128


class Counter:
    """An engine whose samples are their own numbers."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self, out: np.ndarray) -> None:
        out[:] = np.arange(self.at, self.at + out.shape[1])
        self.at += out.shape[1]


def pulled(adapter: Adapter, produce, blocks: list[int], channels: int = 2) -> np.ndarray:
    pieces = []
    for n in blocks:
        out = np.full((channels, n), -1.0, np.float32)
        adapter.pull(out, produce)
        pieces.append(out)
    return np.concatenate(pieces, axis=1)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40))
@settings(deadline=None, max_examples=60)
def test_any_driver_blocks_get_the_engine_samples_in_order(blocks: list[int]) -> None:
    engine = Counter()
    adapter = Adapter(2, QUANTUM)
    heard = pulled(adapter, engine, blocks)
    assert np.array_equal(heard, np.tile(np.arange(sum(blocks)), (2, 1)))
    assert engine.at - sum(blocks) == adapter.left_over < QUANTUM


@pytest.mark.parametrize("block", [64, 100, 128, 256, 512])
def test_live_input_comes_delayed_by_what_is_documented_and_without_a_gap(block: int) -> None:
    adapter = Adapter(1, QUANTUM, block)
    engine = Counter()
    got = []

    def produce(out: np.ndarray) -> None:
        live = adapter.live()
        assert live is not None
        got.append(live.copy())
        engine(out)

    at = 1
    for _ in range(300):
        adapter.feed(np.arange(at, at + block, dtype=np.float32)[None])
        adapter.pull(np.zeros((1, block), np.float32), produce)
        at += block
    heard = np.concatenate(got, axis=1)[0]
    delay = adapter.feeding.delay_samples
    assert delay == QUANTUM - math.gcd(block, QUANTUM)
    assert not heard[:delay].any()
    assert np.array_equal(heard[delay:], np.arange(1, len(heard) - delay + 1))
    assert adapter.feeding.short == adapter.feeding.spilled == 0


def test_the_input_delay_is_the_least_that_never_runs_short() -> None:
    adapter = Adapter(1, QUANTUM, 100)
    adapter.feeding._written -= 1
    for _ in range(400):
        adapter.feed(np.zeros((1, 100), np.float32))
        adapter.pull(np.zeros((1, 100), np.float32), lambda out: adapter.live())
    assert adapter.feeding.short > 0


def test_without_live_input_there_is_none() -> None:
    assert Adapter(2, QUANTUM).live() is None


def test_mono_input_is_heard_on_every_channel_and_extra_inputs_are_left_out() -> None:
    feed = LiveFeed(2, 4, 4)
    feed.put(np.array([[1, 2, 3, 4]], np.float32))
    assert np.array_equal(feed.take(), [[1, 2, 3, 4], [1, 2, 3, 4]])
    feed.put(np.arange(12, dtype=np.float32).reshape(3, 4))
    assert np.array_equal(feed.take(), [[0, 1, 2, 3], [4, 5, 6, 7]])


def test_an_engine_that_stalls_does_not_hear_the_past_for_ever() -> None:
    feed = LiveFeed(1, QUANTUM, 128)
    for k in range(200):
        feed.put(np.full((1, 128), k, np.float32))
    assert feed.spilled > 0
    first = feed.take()[0, 0]
    feed.put(np.full((1, 128), 200, np.float32))
    assert first > 100  # of 200 the ring kept 128; of those the newest are heard
    assert feed.take() is not None


def test_the_ring_gives_back_what_was_put_in_and_no_more_than_it_holds() -> None:
    ring = AheadRing(2, 4, 3)
    for k in range(3):
        assert ring.push(np.full((2, 4), k, np.float32))
    assert ring.full
    assert not ring.push(np.zeros((2, 4), np.float32))
    out = np.zeros((2, 4), np.float32)
    for k in range(3):
        assert ring.pop(out)
        assert np.all(out == k)
    assert ring.ready == 0


def test_an_underrun_is_counted_and_does_not_click() -> None:
    ring = AheadRing(1, QUANTUM, 2)
    loud = np.full((1, QUANTUM), 0.8, np.float32)
    heard = []
    for present in (True, False, False, True, True):
        if present:
            ring.push(loud)
        out = np.empty_like(loud)
        assert ring.pop(out) is present
        heard.append(out)
    assert ring.underruns == 2
    wave = np.concatenate(heard, axis=1)[0]
    assert np.abs(np.diff(wave)).max() < 0.06
    assert not heard[2].any()
    assert np.array_equal(heard[4], loud)


def test_a_writer_and_a_reader_on_two_threads_lose_and_double_nothing() -> None:
    ring = AheadRing(1, QUANTUM, 6)
    blocks = 3000

    def compute() -> None:
        engine = Counter()
        block = np.zeros((1, QUANTUM), np.float32)
        for _ in range(blocks):
            engine(block)
            while not ring.push(block):
                ring.wait(1.0)

    writer = threading.Thread(target=compute)
    writer.start()
    out = np.zeros((1, QUANTUM), np.float32)
    wrong = 0
    for k in range(blocks):
        while ring.ready == 0:
            time.sleep(0)
        ring.pop(out)
        wrong += not np.array_equal(out[0], np.arange(k * QUANTUM, (k + 1) * QUANTUM, dtype=np.float32))
    writer.join(5.0)
    assert wrong == 0
    assert ring.underruns == 0


def test_a_writer_that_waits_is_woken_by_the_reader_and_gives_up_in_time() -> None:
    ring = AheadRing(1, QUANTUM, 1)
    block = np.zeros((1, QUANTUM), np.float32)
    ring.push(block)
    begin = time.monotonic()
    assert not ring.wait(0.05)
    assert 0.04 < time.monotonic() - begin < 1.0
    timer = threading.Timer(0.05, ring.pop, (block.copy(),))
    begin = time.monotonic()
    timer.start()
    assert ring.wait(5.0)
    assert time.monotonic() - begin < 1.0
    timer.join()
