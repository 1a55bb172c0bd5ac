"""Health: what a process counts and says is read whole by the others, whatever becomes of it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.ipc import Link, SharedMemory
from instrument.ipc.health import COUNTERS, NOTICES_KEPT, PROCESSES, TEXTS, Health
from instrument.ipc.texts import TEXT_BYTES, clip

BEATING = """
import sys
from instrument.ipc import Link
row = Link.attach(sys.argv[1]).health.row("sound")
print(end="!", flush=True)
while True:
    row.beat()
"""


@pytest.fixture
def link() -> Iterator[Link]:
    with Link.create() as link:
        yield link


def test_a_process_that_enters_and_beats_is_known_to_live(link: Link) -> None:
    row = link.health.row("sound")
    assert (row.pid, row.age(), row.count("starts")) == (0, float("inf"), 0)
    row.enter()
    assert (row.pid, row.count("starts")) == (os.getpid(), 1)
    assert 0.0 <= row.age() < 5.0
    row.beat(100.0)
    assert row.age(now=100.5) == 0.5
    assert row.entered != 100.0


def test_a_heartbeat_is_never_read_half_written(link: Link) -> None:
    """Once read as 0.0 it was a process that never lived, and the show ended one that played."""
    row = link.health.row("sound")
    row.enter()
    child = subprocess.Popen([sys.executable, "-c", BEATING, link.token], pass_fds=link.fds, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"!"
        begin = time.monotonic()
        seen: set[float] = set()
        while time.monotonic() < begin + 1.0:
            values = [row.heartbeat for _ in range(1000)]
            assert begin - 1.0 < min(values)
            assert max(values) < begin + 60.0
            seen.update(values)
    finally:
        child.kill()
        child.communicate()
    assert len(seen) > 100


def test_rows_do_not_touch_one_another(link: Link) -> None:
    """Every counter and text of every row holds a value of its own at once."""
    for i, process in enumerate(PROCESSES):
        for j, counter in enumerate(COUNTERS):
            link.health.put(process, counter, 1000 * i + j)
        for key in TEXTS:
            link.health.set_text(process, key, f"{process} {key} " + "x" * 300)
        for n in range(NOTICES_KEPT):
            link.health.say(process, f"{process} {n} " + "y" * 300)
    for i, process in enumerate(PROCESSES):
        assert list(link.health.counters(process).values()) == [1000 * i + j for j in range(len(COUNTERS))]
        for key in TEXTS:
            assert link.health.text(process, key).startswith(f"{process} {key} x")
        assert [notice.text.split(" y")[0] for notice in link.health.notices(process)] == [
            f"{process} {n}" for n in range(NOTICES_KEPT)
        ]
    assert (link.hands.pushed, link.frames.seq) == (0, 0)


def test_counters_are_known_by_name(link: Link) -> None:
    link.health.add("hands", "osc_messages")
    link.health.add("hands", "osc_messages", 41)
    assert link.health.count("hands", "osc_messages") == 42
    with pytest.raises(KeyError):
        link.health.add("hands", "osc_mesages")


def test_the_last_notices_are_kept_and_numbered(link: Link) -> None:
    row = link.health.row("sound")
    assert row.notices() == []
    last = NOTICES_KEPT + 3
    for n in range(1, last + 1):
        assert row.say(f"notice {n}") == n
    found = [(notice.number, notice.text) for notice in row.notices()]
    assert found == [(n, f"notice {n}") for n in range(4, last + 1)]
    assert [notice.number for notice in row.notices(after=last - 1)] == [last]
    assert row.notices(after=last) == []
    assert row.said == last


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300))
def test_a_text_comes_back_whole_or_cut_between_two_characters(text: str) -> None:
    memory = SharedMemory.create(Health.size())
    health = Health(memory.bytes, memory.words, 0)
    health.set_text("sound", "where", text)
    got = health.text("sound", "where")
    if len(text.encode()) <= TEXT_BYTES:
        assert got == text
    else:
        assert got.endswith("…")
        assert text.startswith(got[:-1])
        assert TEXT_BYTES - 4 <= len(got.encode()) <= TEXT_BYTES
    memory.close()


def test_lone_surrogates_of_a_file_name_do_no_harm() -> None:
    assert clip("disk \udcff full") == b"disk ? full"


def test_a_text_half_written_by_a_dead_process_leaves_the_one_before(link: Link) -> None:
    health = link.health
    health.set_text("sound", "where", "CPU, 1 thread")
    health.set_text("sound", "where", "CUDA, NVIDIA H100")
    health.say("sound", "first")
    texts = bytes(link._memory.bytes)
    for said, before in ((b"CUDA, NVIDIA H100", "CPU, 1 thread"), (b"first", None)):
        at = texts.index(said)
        link._memory.bytes[at : at + 2] = b"\xee\xee"
        assert health.text("sound", "where") == "CPU, 1 thread"
        assert before is None or health.text("sound", "where") == before
    assert health.notices("sound") == []
    health.set_text("sound", "where", "CPU, 2 threads")
    assert health.text("sound", "where") == "CPU, 2 threads"


def test_a_notice_counted_but_gone_is_left_out(link: Link) -> None:
    row = link.health.row("stage")
    for n in range(3):
        row.say(str(n))
    at = bytes(link._memory.bytes).index(struct.pack("=Q", 2) + struct.pack("=d", row.notices()[1].time))
    link._memory.words[at // 8] = 2 + NOTICES_KEPT
    assert [notice.number for notice in row.notices()] == [1, 3]
