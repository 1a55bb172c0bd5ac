"""Memory: it goes to children by any way of starting them, and nothing of it is left behind, even by kill -9.

This file is also the processes: ``python test_link_memory.py ROLE [TOKEN]``.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from instrument.base.errors import RosinError
from instrument.ipc import Gesture, Kind, Link, SharedMemory, Source

posix = pytest.mark.skipif(sys.platform == "win32", reason="file descriptors are passed on POSIX only")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def play_back(link: Link) -> None:
    """In a child: answer each gesture with its double, and publish a frame."""
    for gesture in link.hands.pop():
        link.stage.push(gesture._replace(value=2 * gesture.value, source=Source.STAGE))
    frame = link.frames.scratch()
    frame.sample = 128
    link.frames.publish(frame)
    link.health.enter("stage").say("é: heard")
    link.close()


def answered(link: Link) -> bool:
    frame = link.frames.latest()
    return (
        link.stage.pop() == [Gesture(Kind.KNOB, 3, 0.5, 1.0, Source.STAGE)]
        and frame is not None
        and frame.sample == 128
        and [notice.text for notice in link.health.notices("stage")] == ["é: heard"]
        and link.health.row("stage").pid not in (0, os.getpid())
    )


def test_a_link_goes_to_a_process_started_by_spawn() -> None:
    with Link.create() as link:
        link.hands.push(Gesture(Kind.KNOB, 3, 0.25, 1.0))
        child = multiprocessing.get_context("spawn").Process(target=play_back, args=(link,))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert answered(link)


@posix
def test_a_link_goes_to_a_process_started_by_its_token() -> None:
    with Link.create() as link:
        link.hands.push(Gesture(Kind.KNOB, 3, 0.25, 1.0))
        subprocess.run([sys.executable, __file__, "answer", link.token], pass_fds=link.fds, check=True, timeout=30)
        assert answered(link)


@posix
def test_a_link_outlives_the_memory_it_was_attached_from() -> None:
    first = Link.create()
    second = Link.attach(first.token)
    first.close()
    first.close()
    third = Link.attach(second.token)
    second.hands.push(Gesture(Kind.PANIC))
    assert [g.kind for g in third.hands.pop()] == [Kind.PANIC]
    second.close()
    third.close()


def test_a_link_is_not_pickled_to_nowhere() -> None:
    with Link.create() as link, pytest.raises(TypeError, match="process being started"):
        pickle.dumps(link)


@posix
@pytest.mark.parametrize(
    "token",
    ["", "fd", "fd:7", "fd::4096", "fd:9999:4096", "fd:-1:4096", "fd:x:4096", "fd:7:x", "shm:7:4096", f"fd:{10**30}:1"],
)
def test_a_token_that_speaks_of_nothing_is_refused_with_the_remedy(token: str) -> None:
    with pytest.raises(RosinError, match="rosin play"):
        Link.attach(token)


@posix
def test_memory_that_is_no_link_is_refused_and_closed() -> None:
    memory = SharedMemory.create(Link.size())
    before = set(os.listdir("/dev/fd"))
    with pytest.raises(RosinError, match="another version"):
        Link.attach(memory.token)
    with pytest.raises(RosinError, match="not a link of this size"):
        SharedMemory.attach(f"fd:{memory.fd}:4096")
    assert set(os.listdir("/dev/fd")) == before
    memory.close()


@posix
def test_where_there_is_no_memfd_a_file_in_no_directory_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Link.create() as link:
        assert list(tmp_path.iterdir()) == []
        link.hands.push(Gesture(Kind.KNOB, 3, 0.25, 1.0))
        subprocess.run([sys.executable, __file__, "answer", link.token], pass_fds=link.fds, check=True, timeout=30)
        assert answered(link)


@linux
def test_the_memory_cannot_be_shortened_under_the_others() -> None:
    with Link.create() as link, pytest.raises(PermissionError):
        os.ftruncate(link.fds[0], 4096)


@linux
def test_nothing_is_left_behind_when_all_are_killed() -> None:
    """The maps of every process name all files it shares; after kill -9 of all none of them exists."""
    before = set(os.listdir("/dev/shm"))
    show = subprocess.Popen(
        [sys.executable, __file__, "show"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert show.stdout is not None
        family = [show.pid, *map(int, show.stdout.readline().split())]
        assert len(family) == 3
        maps = [line.split(maxsplit=5) for pid in family for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
        assert {fields[5] for fields in maps if fields[1] == "rw-s"} == {"/memfd:rosin (deleted)"}
    finally:
        os.killpg(show.pid, signal.SIGKILL)
        show.communicate()  # returns when the last of the family, who inherit its output, is gone
    # Other programs (a JACK server) may come and go meanwhile; theirs have other names.
    new = set(os.listdir("/dev/shm")) - before
    assert not [name for name in new if name.startswith(("rosin", "psm_", "shm_", "memfd"))]


def show() -> None:
    """A parent and two children that all hold the link and work on it until they are killed."""
    link = Link.create()
    command = [sys.executable, __file__, "work", link.token]
    for _ in range(2):
        subprocess.Popen(command, pass_fds=link.fds)
    rows = [link.health.row(name) for name in ("hands", "sound")]
    while not all(row.pid for row in rows):
        time.sleep(0.005)
    print(*(row.pid for row in rows), flush=True)
    signal.pause()


def work(link: Link) -> None:
    name = "hands" if link.shows.push(Gesture(Kind.RESUME)) and link.shows.pending == 1 else "sound"
    link.health.enter(name)
    frame = link.frames.scratch()
    while True:
        link.health.beat(name)
        if name == "sound":
            link.frames.publish(frame)
        time.sleep(0.001)


if __name__ == "__main__":
    if sys.argv[1] == "show":
        show()
    else:
        {"answer": play_back, "work": work}[sys.argv[1]](Link.attach(sys.argv[2]))
