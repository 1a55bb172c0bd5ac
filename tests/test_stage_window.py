"""A real window of the stage on a virtual screen: frames come in, keys and mouse go out, it ends in peace."""

from __future__ import annotations

import shutil
import signal
import time

import pytest
from stagehost import Playing

from instrument.bench.xhost import xvfb
from instrument.ipc import Flags, Kind, Source
from instrument.stage.input.gestures import PUSH

pytest.importorskip("pyglet")
pytestmark = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool, a virtual screen and mouse"
)
WIDTH, HEIGHT = 480, 270


@pytest.fixture(scope="module")
def stage():
    with xvfb(WIDTH, HEIGHT) as display:
        playing = Playing(display, WIDTH, HEIGHT)
        playing.begin()
        yield playing
        playing.end()


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
        stage.do(*said)
        stage.play(0.4)
    moved = stage.until(Kind.KNOB, "mousemove", *stage.at(2, hand + 0.3))
    assert moved.knob == 2
    assert moved.value == pytest.approx(hand + 0.3, abs=0.03)
    stage.do("mouseup", "1")


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
