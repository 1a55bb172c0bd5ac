"""Pushback through a real JACK server: an independent motor fader plays the instrument and is driven by it."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from desk import busiest_second
from jackhost import JackServer, jack_is_here, jack_server
from playhost import ROOT, Playing, playing

pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")

RIG = """\
schema = 1
[osc]
detail = true
[[midi.bindings]]
knob = "z1"
kind = "bend"
channel = 1
port = "surface"
motor = true
touch = 104
"""
GRACE_SECONDS = 0.05
"""What was sent before the touch was heard of may still arrive."""


class Surface:
    def __init__(self, jack: JackServer) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "tests/motorfader.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=jack.env, cwd=ROOT,
        )  # fmt: skip
        self._answer("ready")

    def _answer(self, wanted: str = "") -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said == wanted or not wanted, said
        return said

    def tell(self, words: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self._answer()

    def came(self) -> list[tuple[float, float, bool]]:
        return [tuple(one) for one in json.loads(self.tell("report"))]

    @property
    def where(self) -> float:
        return float(self.tell("where"))

    def reaches(self, place: float, seconds: float = 3.0, within: float = 0.002) -> bool:
        end = time.monotonic() + seconds
        while abs(self.where - place) > within:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playing, Surface]]:
    """The show, which has seen the surface and driven it to where the patch starts."""
    folder = tmp_path_factory.mktemp("pushback")
    (folder / "rig.toml").write_text(RIG, encoding="utf-8")
    with jack_server(period=128, rate=48000, synchronous=True) as jack:
        surface = Surface(jack)
        try:
            with playing(folder, "bow", env=jack.env, midi="jack") as play:
                assert "rosin-midi:out" in jack.ports(), "for programs that are wired by hand"
                play.osc("/rosin/knob/hazard", 0.0)
                play.osc("/rosin/knob/difficulty", 0.0)
                play.osc("/rosin/knob/z1", 0.5)
                assert surface.reaches(0.5, 8.0), (play.text, jack.ports("-c"))
                yield play, surface
        finally:
            surface.process.kill()
            surface.process.communicate()


@contextlib.contextmanager
def finger_on(surface: Surface) -> Iterator[None]:
    surface.tell("touch")
    try:
        yield
    finally:
        surface.tell("release")


def test_the_fader_is_moved_by_hand_and_then_driven_by_osc(stage: tuple[Playing, Surface]) -> None:
    play, surface = stage
    surface.came()
    with finger_on(surface):
        surface.tell("move 0.5 0.8 0.4")
        assert play.wait_for("/rosin/knob/z1", 0.8), "the finger plays"
        time.sleep(0.3)  # the time itself: nothing comes for so long
        assert surface.came() == [], "and the motor does not"
    time.sleep(0.5)  # the time itself: nothing comes for so long
    assert surface.came() == [], "it is where its knob is"
    asked = time.monotonic()
    play.osc("/rosin/knob/z1", 0.1)
    assert surface.reaches(0.1)
    came = surface.came()
    print(f"driven {1000 * (came[0][0] - asked):.1f} ms after the OSC message, {len(came)} messages")
    assert came[0][0] - asked < 0.2
    assert came[-1][1] == pytest.approx(0.1, abs=1e-4)
    time.sleep(0.5)  # the time itself: nothing comes for so long
    assert play.sync()["/rosin/knob/z1"] == pytest.approx(0.1, abs=1e-6), "its echoes were no gestures"


def test_it_is_never_driven_under_a_finger_and_goes_when_it_is_let_go(stage: tuple[Playing, Surface]) -> None:
    play, surface = stage
    with finger_on(surface):
        time.sleep(GRACE_SECONDS)
        surface.came()
        for i in range(100):
            play.osc("/rosin/knob/z1", 0.3 + 0.5 * i / 100)
            time.sleep(0.01)
        play.osc("/rosin/knob/z1", 0.9)
        time.sleep(0.2)
        assert surface.came() == []
    assert surface.reaches(0.9)


def test_a_knob_that_never_rests_drives_its_fader_no_more_than_a_hundred_times_a_second(
    stage: tuple[Playing, Surface],
) -> None:
    play, surface = stage
    surface.came()
    begin = time.monotonic()
    while (t := time.monotonic() - begin) < 3.0:
        play.osc("/rosin/knob/z1", 0.5 + 0.4 * math.sin(2 * math.pi * t))
        time.sleep(0.002)
    play.osc("/rosin/knob/z1", 0.25)
    assert surface.reaches(0.25)
    came = [at for at, _, _ in surface.came()]
    print(f"{len(came) / (came[-1] - came[0]):.1f} messages a second, {busiest_second(came)} in the busiest")
    assert 30 <= busiest_second(came) <= 100
    assert play.sync()["/rosin/knob/z1"] == pytest.approx(0.25, abs=1e-6)


def test_what_friction_holds_back_the_fader_shows(stage: tuple[Playing, Surface]) -> None:
    play, surface = stage
    play.osc("/rosin/knob/z1", 0.5)
    assert surface.reaches(0.5)
    play.osc("/rosin/feel", "rust")
    play.osc("/rosin/knob/difficulty/value", 5.0)
    assert play.wait_for("/rosin/knob/difficulty", 0.5)
    with finger_on(surface):
        surface.tell("move 0.5 0.6 0.3")
        time.sleep(0.2)
    time.sleep(1.0)  # the time itself: rust does not give for so long
    told = play.sync()
    assert told["/rosin/knob/z1"] == pytest.approx(0.6, abs=1e-3), "the hand has pushed"
    assert told["/rosin/knob/z1/pos"] < 0.55, "rust has not given"
    assert told["/rosin/knob/z1/detents"] == 0.0
    assert surface.reaches(told["/rosin/knob/z1/pos"])
    play.osc("/rosin/feel", "glass")
    assert surface.reaches(0.6, within=0.005), "and now it has, but for the least of it"
    play.osc("/rosin/knob/difficulty", 0.0)
