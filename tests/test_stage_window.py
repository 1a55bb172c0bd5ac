"""A real window of the stage on a virtual screen: frames come in, keys and mouse go out, it ends in peace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stage_frames import make

from instrument.bench.xhost import xvfb
from instrument.link import Flags, Kind, Link, Source
from instrument.stage.input import PUSH
from instrument.stage.layout import Layout
from instrument.stage.settings import StageSettings

pytest.importorskip("pyglet")
pytestmark = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool, a virtual screen and mouse"
)
WIDTH, HEIGHT = 480, 270
GLASS = str(Path(__file__).parent.parent / "patches" / "glass.toml")


class Playing:
    """A stage process in a show that the test plays."""

    def __init__(self, display: str) -> None:
        self.link = Link.create()
        self.frames = make("hard", 1.0)
        self.row = self.link.health.row("stage")
        self.environment = {**os.environ, "DISPLAY": display}
        self.flags = self.count = 0
        settings = StageSettings(self.link.token, (GLASS,), width=WIDTH, height=HEIGHT)
        command = [sys.executable, "-m", "instrument.stage.process", settings.to_json()]
        self.process = subprocess.Popen(command, pass_fds=self.link.fds, env=self.environment)

    def play(self, seconds: float):
        """Publish frames for so long; the gestures that came."""
        end, gestures = time.monotonic() + seconds, []
        while time.monotonic() < end:
            frame = self.frames[-1].copy()
            frame.time, frame.flags = time.monotonic(), self.flags
            self.count += 1
            self.link.frames.publish(frame)
            time.sleep(1 / 94)
            gestures += self.link.stage.pop()
        return gestures

    def until(self, kind: Kind, *said: str):
        """Do something with xdotool, and play until a gesture of a kind comes of it."""
        subprocess.run(["xdotool", *said], env=self.environment, check=True, timeout=10)
        for _ in range(50):
            if found := [g for g in self.play(0.1) if g.kind == kind]:
                return found[-1]
        raise AssertionError(f"{said} came to nothing")

    def at(self, knob: int, raw: float) -> tuple[str, str]:
        x, y = Layout(WIDTH, HEIGHT, 8).point(knob, raw)
        return str(round(x)), str(HEIGHT - 1 - round(y))


@pytest.fixture(scope="module")
def stage():
    with xvfb(WIDTH, HEIGHT) as display:
        playing = Playing(display)
        for _ in range(200):
            playing.play(0.1)
            if playing.row.count("frames_drawn") > 5 or playing.process.poll() is not None:
                break
        yield playing
        if playing.process.poll() is None:
            playing.process.kill()
        playing.process.wait()
    playing.link.close()


def test_it_draws_what_it_reads_and_says_with_what(stage):
    before = stage.row.count("frames_drawn")
    stage.play(1.0)
    assert stage.row.count("frames_drawn") - before >= 3
    assert stage.row.age() < 1.0
    assert stage.row.text("where")
    assert stage.row.text("state").startswith("scale")


def test_a_key_is_a_force_until_it_is_let_go(stage):
    pushed = stage.until(Kind.FORCE, "keydown", "q")
    assert (pushed.knob, pushed.value, pushed.source) == (0, PUSH, Source.STAGE)
    assert abs(pushed.time - time.monotonic()) < 5.0
    assert stage.until(Kind.FORCE, "keyup", "q").value == 0.0


def test_dragging_a_ring_moves_the_hand(stage):
    hand = float(stage.frames[-1].hand[2])
    for said in (("mousemove", *stage.at(2, hand)), ("mousedown", "1")):
        subprocess.run(["xdotool", *said], env=stage.environment, check=True, timeout=10)
        stage.play(0.4)
    moved = stage.until(Kind.KNOB, "mousemove", *stage.at(2, hand + 0.3))
    assert moved.knob == 2
    assert moved.value == pytest.approx(hand + 0.3, abs=0.03)
    subprocess.run(["xdotool", "mouseup", "1"], env=stage.environment, check=True, timeout=10)


def test_escape_silences_and_brings_back_and_never_closes_the_window(stage):
    assert stage.until(Kind.PANIC, "key", "Escape").source == Source.STAGE
    stage.flags = int(Flags.PANICKED)
    stage.play(0.5)
    stage.until(Kind.RESUME, "key", "Escape")
    stage.flags = 0
    assert stage.process.poll() is None


def test_it_lets_go_of_its_keys_when_it_is_told_to_end(stage):
    stage.until(Kind.FORCE, "keydown", "w")
    stage.process.send_signal(signal.SIGTERM)
    assert stage.process.wait(10) == 0
    last = [g for g in stage.play(0.1) if g.kind == Kind.FORCE][-1]
    assert (last.knob, last.value) == (1, 0.0)
