"""A sender gone wild: 500 messages a second that each ask for something slow, through a real `rosin play`. The sound
goes on, its main thread beats, and the disk is not filled."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playhost import Playing, playing

from instrument.base.paths import shipped
from instrument.documents.take import read_take
from instrument.ipc import Flags, Frame, Link

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into the show's memory by /proc")
SECONDS = 4.0
A_SECOND = 500


@contextlib.contextmanager
def link_of(play: Playing) -> Iterator[Link]:
    """The link of a running show."""
    for child in psutil.Process(play.process.pid).children(recursive=True):
        line = child.cmdline()
        if "instrument.audio.process" in line:
            _, fd, size = json.loads(line[-1])["token"].split(":")
            mine = os.open(f"/proc/{play.process.pid}/fd/{fd}", os.O_RDWR)
            with Link.attach(f"fd:{mine}:{size}") as link:
                os.close(mine)
                yield link
            return
    raise AssertionError(play.text)


def flood(play: Playing, link: Link, asks: list[tuple[object, ...]]) -> float:
    """Each in its turn, so many a second; returns the sound's longest silence, s."""
    sent, longest, begin = 0, 0.0, time.monotonic()
    while (now := time.monotonic() - begin) < SECONDS:
        while sent < now * A_SECOND:
            address, *values = asks[sent % len(asks)]
            play.osc(str(address), *values)
            sent += 1
        longest = max(longest, link.health.age("sound"))
        time.sleep(0.002)
    return longest


def until(link: Link, is_so: Callable[[Frame], bool], seconds: float) -> bool:
    """Whether the sound tells it in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frame = link.frames.latest()
        if frame is not None and is_so(frame):
            return True
        time.sleep(0.02)
    return False


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def test_keep_record_scene_seed_and_snapshot_500_times_a_second_hold_nothing_up(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "bow", "--device", "null", env=env) as play, link_of(play) as link:
        pid = link.health.row("sound").pid
        longest = flood(play, link, [("/rosin/accident/keep",), ("/rosin/record", 1), ("/rosin/record", 0)])
        assert longest < 1.0
        longest = flood(play, link, [
            ("/rosin/scene/save", 1), ("/rosin/seed", 5), ("/rosin/snapshot", 0), ("/rosin/restore", 0),
            ("/rosin/scene", 1), ("/rosin/scene", 7), ("/rosin/reset",), ("/rosin/neighbour/hear", 1),
        ])  # fmt: skip
        assert longest < 1.0
        assert link.health.row("sound").pid == pid
        assert link.health.count("show", "restarts") == 0
        # what is asked for at last is done, a little later
        play.osc("/rosin/record", 1)
        assert until(link, lambda frame: bool(frame.flags & Flags.RECORDING), 12.0)
        play.stop()
    assert "Traceback" not in play.text
    assert "brought back" not in play.text
    assert 1 <= len(list(play.takes.glob("*/sound.wav"))) <= 8
    assert files(play.takes) <= 5 * 8
    accidents = list((tmp_path / "home" / "rosin" / "accidents" / "bow").glob("*.npz"))
    assert 1 <= len(accidents) <= 12
    assert "kept faster than one in 2 s" in play.text
    for take in play.takes.glob("*/gestures.jsonl"):
        read_take(take)


def test_a_patch_asked_for_500_times_a_second_holds_nothing_up_and_the_last_one_comes(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "bow", "--device", "null", env=env) as play, link_of(play) as link:
        pid = link.health.row("sound").pid
        longest = flood(play, link, [("/rosin/patch/load", i) for i in (0, 1, 2, 4, 3, 1)])
        assert longest < 1.0
        assert (link.health.row("sound").pid, link.health.count("show", "restarts")) == (pid, 0)
        play.osc("/rosin/patch/load", "hammer")
        hammer = sorted(path.stem for path in shipped("patches").glob("*.toml")).index("hammer")
        assert until(link, lambda frame: frame.patch == hammer, 5.0)
        play.stop()
    assert "Traceback" not in play.text
