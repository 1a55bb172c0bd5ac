"""Records: what goes into the link comes out bit for bit, or not at all where it does not agree with its checksum."""

from __future__ import annotations

import struct
import sys
from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.ipc import FRAME, Flags, Frame, FrameRing, Gesture, GestureRing, Kind, SharedMemory, Source
from instrument.ipc.records import FRAME_BYTES, GESTURE
from instrument.knobs import KNOBS_MAX, LATENTS_MAX, Label, LatentSpec, table_for

GESTURES = st.builds(
    Gesture,
    kind=st.sampled_from(Kind),
    knob=st.integers(0, 2**16 - 1),
    value=st.floats(),
    time=st.floats(allow_nan=False),
    source=st.sampled_from(Source),
    extra=st.integers(0, 2**64 - 1),
    channel=st.integers(0, 255),
    note_id=st.integers(0, 2**32 - 1),
)


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    memory = SharedMemory.create(FrameRing.size(8))
    yield memory
    memory.close()


def bits(gesture: Gesture) -> tuple[int | bytes, ...]:
    return (
        gesture.kind, gesture.knob, struct.pack("d", gesture.value), struct.pack("d", gesture.time),
        gesture.source, gesture.extra, gesture.channel, gesture.note_id,
    )  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(GESTURES, st.integers(0, 6), st.none(), st.just("restart")), max_size=60))
def test_a_gesture_ring_is_a_bounded_queue_whoever_restarts(steps: list[Gesture | int | str | None]) -> None:
    """Push, pop up to n, drop what is pending, restart of both ends: the same as a deque of 8."""
    memory = SharedMemory.create(GestureRing.size(8))
    ring = GestureRing(memory, 0, 8)
    queue: deque[Gesture] = deque()
    lost = 0
    for step in steps:
        if isinstance(step, Gesture):
            room = len(queue) < 8
            assert ring.push(step) is room
            if room:
                queue.append(step)
            lost += not room
        elif isinstance(step, int):
            expected = [queue.popleft() for _ in range(min(step, len(queue)))]
            assert [bits(g) for g in ring.pop(step)] == [bits(g) for g in expected]
        elif step is None:
            assert ring.drop_pending() == len(queue)
            queue.clear()
        else:
            ring = GestureRing(memory, 0, 8)
        assert (ring.pending, ring.lost, ring.refused) == (len(queue), lost, 0)
    memory.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=64, max_size=64), st.integers(1, 12))
def test_a_frame_comes_back_as_it_was_published(seed: bytes, count: int) -> None:
    memory = SharedMemory.create(FrameRing.size(8))
    ring = FrameRing(memory, 0, 8)
    sent = []
    for _ in range(count):
        frame = Frame()
        frame.bytes[:] = (seed * (FRAME_BYTES // 64 + 1))[:FRAME_BYTES]
        ring.publish(frame)
        sent.append(bytes(frame.bytes))
    latest = ring.latest()
    assert latest is not None
    assert bytes(latest.bytes) == sent[-1]
    assert [bytes(f.bytes) for f in ring.since(0)] == sent[-7:]
    assert [f.seq for f in ring.since(count - 1)] == [count]
    assert ring.since(count) == []
    memory.close()


def test_gestures_that_fit_no_record_are_refused_in_words(memory: SharedMemory) -> None:
    ring = GestureRing(memory, 0, 8)
    for wrong in (
        Gesture(Kind.KNOB, knob=-1),
        Gesture(Kind.KNOB, knob=2**16),
        Gesture(Kind.SEED, extra=2**64),
        Gesture(Kind.NOTE_ON, channel=256),
        Gesture(Kind.NOTE_ON, note_id=2**32),
    ):
        with pytest.raises(ValueError, match="does not fit"):
            ring.push(wrong)
    assert ring.pending == 0


def test_a_frame_is_filled_and_read_by_attribute_and_by_name(memory: SharedMemory) -> None:
    ring = FrameRing(memory, 0, 8)
    frame = ring.scratch()
    frame.time, frame.seed, frame.flags, frame.peak = 12.5, 2**64 - 1, Flags.RECORDING | Flags.SPEAKING, 0.25
    frame.hand = np.linspace(0.0, 1.0, KNOBS_MAX, dtype=np.float32)
    frame.stuck[3] = 1
    frame.wave = 0.5
    frame["origin"][7] = Source.MIDI
    assert ring.publish(frame) == 1
    frame.hand[:] = 0.0  # the scratch is the publisher's again
    got = ring.latest()
    assert got is not None
    assert (got.seq, got.time, got.seed, got.peak) == (1, 12.5, 2**64 - 1, 0.25)
    assert Flags(got.flags) == Flags.RECORDING | Flags.SPEAKING
    assert got.hand[-1] == 1.0
    assert got.hand.shape == (KNOBS_MAX,)
    assert got.hand.dtype == np.float32
    assert (got.stuck[3], got.origin[7], got["wave"][-1]) == (1, Source.MIDI, 0.5)
    kept = got.copy()
    got.hand[:] = 0.0
    assert kept.hand[-1] == 1.0
    assert set(FRAME.names or ()) <= set(dir(Frame))


def test_a_frame_has_room_for_every_latent_of_the_largest_model() -> None:
    frame = Frame()
    assert frame.latent.shape == (LATENTS_MAX,)
    assert len(table_for([LatentSpec(f"z{i}", Label("z", "z")) for i in range(LATENTS_MAX)])) == KNOBS_MAX


def test_a_structured_array_can_be_published_too(memory: SharedMemory) -> None:
    ring = FrameRing(memory, 0, 8)
    record = np.zeros((), FRAME)
    record["rms"] = 0.125
    ring.publish(record)
    got = ring.latest()
    assert got is not None
    assert got.rms == 0.125


def test_a_torn_frame_is_refused_whatever_its_stamp_says(memory: SharedMemory) -> None:
    ring = FrameRing(memory, 0, 8)
    frame = ring.scratch()
    for level in (0.25, 0.5):
        frame.wave = level
        ring.publish(frame)
    slot = FrameRing.HEAD + 2 * FrameRing.SLOT
    # Half of another frame lies in slot 2 while its stamp says "whole": what an ARM reader may see for an instant.
    assert FRAME.fields is not None
    half = slot + 16 + FRAME.fields["wave"][1] + 512
    whole = bytes(memory.bytes[half : half + 1024])
    memory.bytes[half : half + 1024] = memory.bytes[half - FrameRing.SLOT : half - FrameRing.SLOT + 1024]
    assert not ring.read_into(2, Frame())
    got = ring.latest()
    assert got is not None
    assert (got.seq, got.wave[0]) == (1, 0.25)
    assert [f.seq for f in ring.since(0)] == [1]
    memory.bytes[half : half + 1024] = whole
    got = ring.latest()
    assert got is not None
    assert (got.seq, got.wave[0]) == (2, 0.5)
    # The whole bytes but an odd stamp: the publisher is at work.
    memory.words[slot // 8] -= 1
    assert not ring.read_into(2, Frame())


class Killed(Exception):
    """Stands for kill -9 in the middle of publish()."""


class Fatal(Frame):
    """A frame whose publisher dies after it has opened the slot."""

    __slots__ = ()

    def crc(self) -> int:
        raise Killed


@pytest.mark.parametrize("written", [0, 1, 100, FRAME_BYTES // 2, FRAME_BYTES])
def test_a_publisher_killed_at_work_leaves_the_frame_before_and_its_successor_counts_on(
    memory: SharedMemory, written: int
) -> None:
    ring = FrameRing(memory, 0, 8)
    frame = ring.scratch()
    for n in range(1, 21):
        frame.sample = 128 * n
        ring.publish(frame)
    with pytest.raises(Killed):
        ring.publish(Fatal())
    at = FrameRing.HEAD + (21 % 8) * FrameRing.SLOT + 16
    memory.bytes[at : at + written] = b"\xee" * written
    last = FrameRing(memory, 0, 8).latest()
    assert last is not None
    assert (last.seq, last.sample) == (20, 2560)
    assert [f.seq for f in ring.since(0)] == [14, 15, 16, 17, 18, 19, 20]
    successor = FrameRing(memory, 0, 8)
    last.sample += 128
    assert successor.publish(last) == 21
    after = ring.latest()
    assert after is not None
    assert (after.seq, after.sample) == (21, 2688)


def test_a_gesture_half_written_by_a_dead_producer_is_never_seen(memory: SharedMemory) -> None:
    ring = GestureRing(memory, 0, 8)
    ring.push(Gesture(Kind.KNOB, 1))
    at = GestureRing.HEAD + GESTURE.size
    memory.bytes[at : at + 20] = b"\xee" * 20
    assert [g.knob for g in ring.pop()] == [1]
    successor = GestureRing(memory, 0, 8)
    assert successor.push(Gesture(Kind.KNOB, 2))
    assert [g.knob for g in ring.pop()] == [2]


def test_a_torn_or_stale_gesture_waits_and_is_skipped_only_if_it_stays_broken(memory: SharedMemory) -> None:
    ring = GestureRing(memory, 0, 8)
    for n in range(11):  # the second lap: slots hold whole but stale records
        assert ring.push(Gesture(Kind.KNOB, n))
        if n < 8:
            ring.pop()
    at = GestureRing.HEAD + GESTURE.size * (9 % 8)
    fresh = bytes(memory.bytes[at : at + GESTURE.size])
    stale = struct.pack("=Q", 2) + fresh[8:]
    for broken in (fresh[:20] + bytes(GESTURE.size - 20), stale):
        memory.bytes[at : at + GESTURE.size] = broken
        assert [g.knob for g in ring.pop()] in ([8], [])
        assert ring.pending == 2
    memory.bytes[at : at + GESTURE.size] = fresh
    assert [g.knob for g in ring.pop()] == [9, 10]
    assert ring.refused == 0
    ring.push(Gesture(Kind.KNOB, 11))
    ring.push(Gesture(Kind.KNOB, 12))
    at = GestureRing.HEAD + GESTURE.size * (11 % 8)
    memory.bytes[at] ^= 1
    came = [g.knob for _ in range(100) for g in ring.pop()]
    assert came == [12]
    assert ring.refused == 1


def test_counts_that_make_no_sense_silence_nobody(memory: SharedMemory) -> None:
    ring = GestureRing(memory, 0, 8)
    for nonsense in (9, 2**63):
        memory.words[0] = nonsense
        assert ring.pop() == []
        assert ring.push(Gesture(Kind.PANIC))
        assert [g.kind for g in ring.pop()] == [Kind.PANIC]


def test_an_empty_ring_costs_no_memory(memory: SharedMemory) -> None:
    ring = GestureRing(memory, 0, 8)
    into: list[Gesture] = []
    ring.pop_into(into)
    before = sys.getallocatedblocks()
    for _ in range(2000):
        ring.pop_into(into)
    assert abs(sys.getallocatedblocks() - before) < 50
