"""The player: gestures keep their distances whatever the callback's jitter, also while blocks are lost."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
from stage import null_engine, play

from instrument.audio.callback import MARGIN_SAMPLES, Callback
from instrument.engine.control import QUANTUM
from instrument.ipc import Gesture, Kind, Link

RATE = 48000


def _placed(lose_every: int, lateness_s: float, tell: bool = True, block: int = QUANTUM) -> np.ndarray:  # type: ignore[type-arg]
    """ms from a gesture's stamp, at a random moment between callbacks, to the time of the sample it is placed at."""
    rng = np.random.default_rng(5)
    engine = null_engine(sounds="always")
    with Link.create() as link:
        player = Callback(engine, link, block)
        placed: list[int] = []
        post = engine.post
        engine.post = lambda gesture, sample: (placed.append(sample), post(gesture, sample))[1]  # type: ignore[method-assign]
        player.device = device = SimpleNamespace(xruns=0)
        out = np.zeros((2, block), np.float32)
        at, delays, stamps = 100.0, [], []
        for k in range(1500):
            if lose_every and k % lose_every == lose_every - 1:
                at += block / RATE
                device.xruns += tell
            at += block / RATE
            stamp = at - rng.random() * block / RATE
            link.hands.push(Gesture(Kind.KNOB, 2, float(rng.random()), stamp, 1))
            stamps.append(stamp)
            first = engine.sample
            player.callback(out, None, at + rng.exponential(lateness_s))
            while placed:
                delays.append((at + (max(placed.pop(0), first) - first) / RATE - stamps.pop(0)) * 1000.0)
        return np.array(delays[400:])


def test_on_a_steady_device_every_gesture_waits_the_same() -> None:
    delays = _placed(lose_every=0, lateness_s=0.0)
    assert np.ptp(delays) < 0.05
    assert np.median(delays) == pytest.approx((QUANTUM + MARGIN_SAMPLES) / RATE * 1000.0, abs=0.05)


def test_late_callbacks_do_not_become_jitter_of_the_gestures() -> None:
    delays = _placed(lose_every=0, lateness_s=0.0002)
    assert np.percentile(delays, 99) - np.percentile(delays, 1) < 0.3


def test_a_device_that_loses_blocks_all_the_time_does_not_make_gestures_late() -> None:
    told = _placed(lose_every=15, lateness_s=0.0001)
    assert np.percentile(told, 99) < 5.0
    untold = _placed(lose_every=15, lateness_s=0.0001, tell=False)
    assert np.percentile(untold, 99) > 6.0, "this is what the telling is for"


@pytest.mark.parametrize("block", [64, 256, 512])
def test_other_block_sizes_wait_one_block_and_the_margin(block: int) -> None:
    delays = _placed(lose_every=0, lateness_s=0.0, block=block)
    assert np.median(delays) == pytest.approx((max(block, QUANTUM) + MARGIN_SAMPLES) / RATE * 1000.0, abs=1.4)
    assert np.percentile(delays, 99) - np.percentile(delays, 1) < 1.5


def test_a_gesture_without_a_stamp_acts_at_once_and_one_from_the_far_future_waits_a_second_at_most() -> None:
    engine = null_engine()
    with Link.create() as link:
        player = Callback(engine, link, QUANTUM)
        out = np.zeros((2, QUANTUM), np.float32)
        link.hands.push(Gesture(Kind.KNOB, 2, 0.25))
        link.hands.push(Gesture(Kind.KNOB, 3, 0.75, 1e9))
        for k in range(400):
            player.callback(out, None, 5.0 + k * QUANTUM / RATE)
            if k == 0:
                assert engine.layer.control.raw[2] == np.float32(0.25)
        assert engine.layer.control.raw[3] == np.float32(0.75)
        assert engine.late == 0


def test_computing_ahead_plays_the_same_samples_a_ring_later() -> None:
    wanted = play(null_engine(sounds="always", hazard=4.0), 60)
    engine = null_engine(sounds="always", hazard=4.0)
    with Link.create() as link:
        player = Callback(engine, link, QUANTUM, ahead=4)
        heard = np.zeros((2, 60 * QUANTUM), np.float32)
        player.start()
        try:
            for k in range(60):
                block = np.zeros((2, QUANTUM), np.float32)
                player.callback(block, None, 5.0 + k * QUANTUM / RATE)
                heard[:, k * QUANTUM : (k + 1) * QUANTUM] = block
                time.sleep(0.003)
        finally:
            player.stop()
        assert player.underruns == 0
        assert player.delay == QUANTUM + 4 * QUANTUM + MARGIN_SAMPLES
        assert np.array_equal(heard, wanted)
        frame = link.frames.latest()
        assert frame is not None
        assert frame.sample >= 59 * QUANTUM


def test_a_ring_that_runs_dry_is_counted_and_dies_away_without_a_click() -> None:
    engine = null_engine(sounds="always")
    with Link.create() as link:
        player = Callback(engine, link, QUANTUM, ahead=2)
        out = np.zeros((2, QUANTUM), np.float32)
        player.callback(out, None, 5.0)  # never started: nothing has been computed
        assert player.underruns == 1
        assert not out.any()
