"""Hammer: three processes at full speed on one link, and processes killed at any instruction. Nothing torn comes out.

This file is also the processes: ``python test_link_hammer.py ROLE TOKEN``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from instrument.ipc import Frame, Gesture, Link

READS = 80_000
PUSHES = 60_000
KILLS = 20
_WORDS = np.arange(1, 2048, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def words(frame: Frame) -> NDArray[np.uint64]:
    view: NDArray[np.uint64] = frame.data.reshape(1).view(np.uint64)
    return view


def fill(frame: Frame, seq: int) -> None:
    """Every word of the frame, all fields and the gaps between them, follows from its number."""
    body = words(frame)
    np.add(_WORDS[: body.size], np.uint64(seq), out=body)


def whole(frame: Frame) -> bool:
    body = words(frame)
    return bool((body[1:] - body[0] == _WORDS[1 : body.size]).all())


def gesture(number: int) -> Gesture:
    return Gesture(number % 17 + 1, number % 65536, number * 0.5, number * 0.25, number % 6, number * 0x9E3779B97F4A)


def publish_for_ever(link: Link) -> None:
    frame = link.frames.scratch()
    while True:
        fill(frame, link.frames.seq + 1)
        link.frames.publish(frame)


def push_for_ever(link: Link) -> None:
    """At full speed, and as polite as hands are to a sound that keeps up: never more than half a ring ahead."""
    ring = link.hands
    while True:
        if ring.pending < ring.capacity // 2:
            ring.push(gesture(ring.pushed))
        else:
            time.sleep(0.0005)


def read_many(link: Link) -> dict[str, int]:
    """Newest frames and, to be overtaken often, the oldest ones, which the publisher is just writing over.

    ``blind``: how often a copy of those that asks neither stamp nor crc is torn. It shows that the hammer hits.
    """
    frames, torn, got, refused, blind, back = link.frames, 0, 0, 0, 0, 0
    frame = Frame()
    highest = 0
    for n in range(READS):
        if n % 4 == 0:
            at = frames._first + (frames.seq + 1) % frames.slots * frames.SLOT + 16
            frame.bytes[:] = frames._bytes[at : at + len(frame.bytes)]
            blind += frame.seq > 0 and not whole(frame)
        if n % 2:
            ok = frames.latest_into(frame)
            back += ok and frame.seq < highest
            highest = max(highest, frame.seq) if ok else highest
        else:
            seq = frames.seq - frames.slots + 1 + n % 4 // 2
            ok = seq > 0 and frames.read_into(seq, frame)
            torn += ok and frame.seq != seq
        got += ok
        refused += not ok
        torn += ok and not whole(frame)
    return {"got": got, "torn": torn, "refused": refused, "blind": blind, "back": back}


def nurse(link: Link, role: str) -> None:
    """Twenty processes one after the other, each killed after a few milliseconds of work."""
    chance = random.Random(7)
    work = publish_for_ever if role == "publish" else push_for_ever
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            work(link)
        time.sleep(0.004 + 0.02 * chance.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class Stand:
    """A link and the processes at work on it; all are killed at the end, whatever the test found."""

    def __init__(self) -> None:
        self.link = Link.create()
        self.children: list[subprocess.Popen[str]] = []

    def start(self, role: str) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, role, self.link.token]
        # A session of its own: the nursery's children are killed with it.
        child = subprocess.Popen(
            command, pass_fds=self.link.fds, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in self.children:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.communicate()
        self.link.close()


@pytest.fixture
def stand() -> Iterator[Stand]:
    stand = Stand()
    yield stand
    stand.close()


needs_fds = pytest.mark.skipif(sys.platform == "win32", reason="no file descriptors are passed on Windows")


@needs_fds
def test_no_reader_ever_gets_a_torn_frame(stand: Stand) -> None:
    stand.start("publish")
    readers = [stand.start("read") for _ in range(2)]
    results: list[dict[str, Any]] = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    total = {key: sum(result[key] for result in results) for key in results[0]}
    assert total["torn"] == 0
    assert total["back"] == 0, "the newest frame went back in time"
    assert total["got"] > READS
    assert total["refused"] > 0
    assert total["blind"] > 0, "not even blind reads are torn: the hammer does not hit"


@needs_fds
def test_every_gesture_comes_once_and_in_order(stand: Stand) -> None:
    link = stand.link
    stand.start("push")
    expected = 0
    end = time.monotonic() + 60
    while expected < PUSHES and time.monotonic() < end:
        came = link.hands.pop()
        assert came == [gesture(n) for n in range(expected, expected + len(came))]
        expected += len(came)
        if not came:
            time.sleep(0.0005)
    assert expected >= PUSHES
    assert (link.hands.lost, link.hands.refused) == (0, 0)


@needs_fds
def test_publishers_killed_at_work_twenty_times_leave_whole_frames(stand: Stand) -> None:
    link, nursery = stand.link, stand.start("kill publish")
    frame, seen, reads = Frame(), 0, 0
    while nursery.poll() is None:
        if link.frames.latest_into(frame):
            assert whole(frame)
            assert frame.seq >= seen
            seen, reads = frame.seq, reads + 1
        else:
            assert seen == 0, "there was a last frame and now there is none"
    assert nursery.returncode == 0
    last = link.frames.latest()
    assert last is not None
    assert (last.seq, whole(last)) == (link.frames.seq, True)
    assert last.seq > KILLS
    assert reads > KILLS


@needs_fds
def test_producers_killed_at_work_twenty_times_lose_and_double_nothing(stand: Stand) -> None:
    link, nursery = stand.link, stand.start("kill push")
    expected = 0
    while nursery.poll() is None or link.hands.pending:
        came = link.hands.pop()
        assert came == [gesture(n) for n in range(expected, expected + len(came))]
        expected += len(came)
        time.sleep(0.0005)
    assert nursery.returncode == 0
    assert expected == link.hands.pushed > KILLS
    assert (link.hands.lost, link.hands.refused) == (0, 0)


if __name__ == "__main__":
    role, token = sys.argv[1:]
    with Link.attach(token) as attached:
        if role == "publish":
            publish_for_ever(attached)
        elif role == "push":
            push_for_ever(attached)
        elif role == "read":
            while not attached.frames.seq:
                time.sleep(0.001)
            print(json.dumps({key: int(value) for key, value in read_many(attached).items()}))
        else:
            nurse(attached, role.removeprefix("kill "))
