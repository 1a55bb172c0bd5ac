"""The stage in a whole show, on JACK and a virtual screen: hands reach the sound, and no end of the window does."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from jackhost import JackServer, jack_is_here, jack_server
from screens import xdotool
from test_show import Ear, distance_db, output_of
from test_stage_picture import share_of
from test_text import blanks

from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.text import catalogue
from instrument.bench.xhost import xvfb
from instrument.cli import parser
from instrument.commands import play, terminal_keys
from instrument.commands import stage as verb
from instrument.commands.status import Status
from instrument.documents.options import SoundOptions, StageOptions
from instrument.ipc import Frame, Link
from instrument.run.show import Show
from instrument.run.stage_role import StageRole
from instrument.run.supervisor import GIVE_UP_AFTER, Role, dismiss
from instrument.stage.settings import StageSettings, WindowMemo, size_of
from instrument.stage.views.layout import Layout
from instrument.stage.views.palette import GROUND, HAND, IVORY

pytest.importorskip("pyglet")
pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(
    not (jack_is_here() and shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs JACK, Xvfb and xdotool"
)
ROOT = Path(__file__).parent.parent
WIDTH, HEIGHT = 480, 270
PITCH, BRIGHTNESS, HOLLOW = 0, 2, 3
PATCH = """
schema = 1
name = "fugue"
[model]
name = "null"
[voice]
sounds = "always"
note = 50
[knobs.loudness]
start = 0.85
[knobs.brightness]
start = 0.15
[friction]
difficulty = 5
stick = 0.06
slide = 0.025
weight = 6
[chance]
hazard = 0
"""
STICK = 0.06
START_S = 60.0


class Desk:
    """A show of sound and stage, watched by a thread as `rosin play` watches it, with a mouse and a keyboard."""

    def __init__(self, jack: JackServer, display: str, patch: Path) -> None:
        self.jack = jack
        os.environ["DISPLAY"] = display
        sound = SoundSettings(token="", patches=(str(patch),), sound=SoundOptions(block=256))
        self.show = Show(
            sound, None, "en", StageSettings(patches=(str(patch),), stage=StageOptions(width=WIDTH, height=HEIGHT))
        )
        begun = time.monotonic()
        self.show.open(START_S)
        assert self.show.stage is not None
        self.stage = self.show.stage
        self.row = self.stage.row
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        self.until(lambda: self.row.count("frames_drawn") > 3, START_S)
        self.first_s = time.monotonic() - begun

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.show.look()

    def close(self) -> None:
        self._over.set()
        self._watch.join()
        self.show.close()
        self.show.link.close()

    @property
    def frame(self) -> Frame:
        frame = self.show.frame()
        assert frame is not None
        return frame

    @property
    def pid(self) -> int:
        return 0 if self.stage.player is None else self.stage.player.pid

    def until(self, wanted: Callable[[], Any], seconds: float = 10.0) -> float:
        """How long it took until something is so."""
        begun = time.monotonic()
        while not wanted():
            assert time.monotonic() - begun < seconds, (self.show.notices, self.row.text("device"))
            time.sleep(0.004)
        return time.monotonic() - begun

    def standby(self) -> None:
        """Until there is one who has loaded everything and only waits."""
        self.until(lambda: self.stage.ready, START_S)
        assert self.stage.standby is not None
        process = psutil.Process(self.stage.standby.pid)
        self.until(lambda: len(self.windows("--name", "Rosin")) > 1, START_S)
        before = -1.0
        while (now := sum(process.cpu_times()[:2])) - before > 0.04:
            before = now
            time.sleep(1.0)  # the time itself: processor time in a second

    def mouse(self, *said: str) -> None:
        subprocess.run(["xdotool", *said], check=True, timeout=20)

    def windows(self, *which: str) -> list[str]:
        return xdotool("search", *which)

    def visible(self) -> list[str]:
        return self.windows("--onlyvisible", "--name", "Rosin")

    def at(self, knob: int, raw: float) -> tuple[str, str]:
        x, y = Layout(WIDTH, HEIGHT, self.frame.playable).point(knob, raw)
        return str(round(x)), str(HEIGHT - 1 - round(y))

    def ear(self, folder: Path, seconds: float) -> Ear:
        return Ear(self.jack, folder, seconds, output_of(self.jack))


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with xvfb(WIDTH, HEIGHT) as display:
        yield display


@pytest.fixture(scope="module")
def control_view(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    patch = tmp_path_factory.mktemp("desk") / "fugue.toml"
    patch.write_text(PATCH)
    before = os.environ.get("DISPLAY")
    with jack_server(period=256, rate=48000) as jack:
        control_view = Desk(jack, display, patch)
        try:
            yield control_view
        finally:
            control_view.close()
            os.environ.pop("DISPLAY") if before is None else os.environ.update(DISPLAY=before)


def audible(audio: Any) -> float:
    """The share of tenths of a second in which something sounds."""
    parts = audio[: len(audio) // 4800 * 4800].reshape(-1, 4800)
    return float((np.abs(parts).max(axis=1) > 1e-3).mean())


# --- hands


def test_a_drag_moves_the_hand_at_once_the_knob_late_and_the_sound_with_it(control_view: Desk, tmp_path: Path) -> None:
    ear = control_view.ear(tmp_path, 6.0)
    begun = time.monotonic()
    start = float(control_view.frame.hand[BRIGHTNESS])
    time.sleep(3.0)  # the time itself: heard before
    control_view.mouse("mousemove", *control_view.at(BRIGHTNESS, start), "mousedown", "1")
    pushed = control_view.show.link.stage.pushed
    control_view.mouse(
        "mousemove", *control_view.at(BRIGHTNESS, start + 0.35), "mousemove", *control_view.at(BRIGHTNESS, 0.85)
    )
    control_view.until(lambda: control_view.show.link.stage.pushed > pushed)
    seen = []
    control_view.until(lambda: (seen.append(control_view.frame), seen[-1].hand[BRIGHTNESS] > 0.8)[1])
    moved = time.monotonic()
    assert seen[-1].hand[BRIGHTNESS] - seen[-1].pos[BRIGHTNESS] > STICK, "the knob is behind when the hand is there"
    control_view.until(lambda: control_view.frame.pos[BRIGHTNESS] > 0.6)
    control_view.mouse("mouseup", "1")
    time.sleep(0.5)  # the time itself: it stays so for so long
    frame = control_view.frame
    assert abs(frame.hand[BRIGHTNESS] - 0.85) < 0.05
    assert 0.0 < abs(frame.hand[BRIGHTNESS] - frame.pos[BRIGHTNESS]) <= STICK + 0.01, "it stays where it sticks"
    audio, at = ear.result()
    # the same second twice, both before the drag, and not the first one: a note may still be coming up
    early, before = (audio[(at > begun + t) & (at < begun + t + 0.9)] for t in (1.0, 2.0))
    after = audio[at > moved + 0.5]
    assert audible(after) > 0.5
    assert distance_db(before, after[-len(before) :]) > 3 * distance_db(early, before[-len(early) :])


def test_a_notch_of_the_wheel_moves_the_hand_and_not_yet_the_knob(control_view: Desk) -> None:
    hand, pos = float(control_view.frame.hand[HOLLOW]), float(control_view.frame.pos[HOLLOW])
    control_view.mouse("mousemove", *control_view.at(HOLLOW, hand), "click", "4")
    control_view.until(lambda: control_view.frame.hand[HOLLOW] > hand + 0.01)
    time.sleep(0.4)  # the time itself: it stays so for so long
    assert abs(control_view.frame.pos[HOLLOW] - pos) < 0.02, "it sticks: less than six hundredths do not break it loose"
    for _ in range(6):
        control_view.mouse("click", "4")
    control_view.until(lambda: control_view.frame.pos[HOLLOW] > pos + 0.03)


def test_a_key_pushes_while_it_is_down(control_view: Desk) -> None:
    hand, pos = float(control_view.frame.hand[PITCH]), float(control_view.frame.pos[PITCH])
    control_view.mouse("keydown", "q")
    control_view.until(lambda: control_view.frame.pos[PITCH] > pos + 0.1)
    assert abs(control_view.frame.hand[PITCH] - hand) < 1e-3, "a key is a force: the hand is where it was"
    control_view.mouse("keyup", "q")
    control_view.until(lambda: abs(control_view.frame.pos[PITCH] - hand) <= STICK + 0.01)


# --- ends of the window


def killed(control_view: Desk, folder: Path, seconds: float = 3.0) -> tuple[float, int, float]:
    """Kill the window in the middle of a push. How long it was away; how many more blocks were lost in the stretch
    after it than in the one before, and how much less of it was heard."""
    control_view.standby()
    ear = control_view.ear(folder, 2 * seconds)
    begun, lost = time.monotonic(), control_view.frame.xruns
    control_view.mouse("keydown", "q")
    control_view.until(lambda: control_view.frame.pos[PITCH] > control_view.frame.hand[PITCH] + 0.1)
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    before, killed_at, pid = control_view.frame.xruns - lost, time.monotonic(), control_view.pid
    drawn = control_view.row.count("frames_drawn")
    os.kill(pid, signal.SIGKILL)
    back = control_view.until(lambda: control_view.row.count("frames_drawn") > drawn)
    control_view.mouse("keyup", "q")
    assert control_view.pid not in (0, pid)
    assert len(control_view.visible()) == 1
    control_view.until(lambda: abs(control_view.frame.pos[PITCH] - control_view.frame.hand[PITCH]) <= STICK + 0.01)
    time.sleep(max(0.0, killed_at + seconds - time.monotonic()))
    after = control_view.frame.xruns - lost - before
    audio, at = ear.result()
    assert audible(audio) > 0.5
    return back, after - before, audible(audio[at < killed_at]) - audible(audio[at > killed_at])


def test_a_killed_window_is_back_and_the_sound_never_knew(control_view: Desk, tmp_path: Path) -> None:
    found = []
    # A busy machine loses blocks in bursts of its own; those of a killed window would come each time.
    for _ in range(3):
        back, more, less = killed(control_view, tmp_path)
        found.append((round(back, 2), more, round(less, 3)))
        if back < 2.0 and more <= 15 and less <= 0.03:
            break
    else:
        pytest.fail(f"each time the window was away for long, or more was lost after the kill than before: {found}")
    assert any("brought back in" in notice for notice in control_view.show.notices)
    print(f"first start {control_view.first_s:.1f} s; window back (s), blocks lost more and share heard less: {found}")


def test_a_window_that_hangs_is_replaced_by_one_that_shows_the_same(control_view: Desk) -> None:
    control_view.standby()
    control_view.mouse("key", "ctrl+b", "key", "3")
    control_view.until(lambda: ',2,["black"]' in control_view.row.text("device"))
    memo = WindowMemo.from_text(control_view.row.text("device"))
    assert memo is not None
    assert memo.shown == ("black",)
    assert memo.focus == 2
    control_view.stage._deaths.clear()  # of the tests before
    times = []
    for _ in range(3):  # a busy machine may be late once
        pid, drawn = control_view.pid, control_view.row.count("frames_drawn")
        os.kill(pid, signal.SIGSTOP)
        times.append(control_view.until(lambda drawn=drawn: control_view.row.count("frames_drawn") > drawn, 30.0))
        assert times[-1] > 1.0, "not before it is sure"
        assert control_view.pid not in (0, pid)
        assert not psutil.pid_exists(pid)
        control_view.until(lambda drawn=drawn: control_view.row.count("frames_drawn") > drawn + 5)
        if times[-1] < 2.0:
            break
        control_view.standby()
    else:
        pytest.fail(f"another window only after {times} s")
    after = WindowMemo.from_text(control_view.row.text("device"))
    assert after is not None
    assert (after.shown, after.focus, after.width, after.height) == (("black",), 2, memo.width, memo.height)
    control_view.mouse("key", "ctrl+b")
    control_view.until(lambda: "black" not in control_view.row.text("device"))
    assert any("froze" in notice for notice in control_view.show.notices)
    print(f"hang: another window after {times} s")


def test_a_closed_window_stays_closed_until_it_is_asked_for_and_the_sound_plays_on(
    control_view: Desk, tmp_path: Path
) -> None:
    control_view.standby()
    (window,) = control_view.visible()
    ask_to_close(int(window))
    control_view.until(lambda: control_view.pid == 0)
    control_view.until(lambda: any("was closed" in notice for notice in control_view.show.notices))
    audio, _ = control_view.ear(tmp_path, 1.5).result()
    assert audible(audio) > 0.5
    assert control_view.pid == 0, "not started again"
    assert control_view.visible() == []
    drawn = control_view.row.count("frames_drawn")
    control_view.show.open_stage()
    control_view.until(lambda: control_view.row.count("frames_drawn") > drawn + 1, START_S)
    assert len(control_view.visible()) == 1


def ask_to_close(window: int) -> None:
    """What a window manager sends when somebody clicks on the cross."""
    from pyglet.libs.x11 import xlib

    screen = xlib.XOpenDisplay(os.environ["DISPLAY"].encode())
    event = xlib.XEvent()
    event.xclient.type = xlib.ClientMessage
    event.xclient.window = window
    event.xclient.message_type = xlib.XInternAtom(screen, b"WM_PROTOCOLS", False)
    event.xclient.format = 32
    event.xclient.data.l[0] = xlib.XInternAtom(screen, b"WM_DELETE_WINDOW", False)
    xlib.XSendEvent(screen, window, False, 0, ctypes.byref(event))
    xlib.XCloseDisplay(screen)


# --- the role alone


@pytest.fixture
def role() -> Iterator[StageRole]:
    with Link.create() as link:
        role = StageRole(StageSettings(stage=StageOptions(width=320, height=180)), link)
        yield role
        for process in role.processes():
            process.kill()
            process.wait()


def test_a_window_that_always_dies_stays_away_after_five_times(role: StageRole) -> None:
    role.open(time.monotonic())
    said = []
    for _ in range(GIVE_UP_AFTER):
        assert role.player is not None, "not sooner"
        role.player.kill()
        role.player.wait()
        said += role.look(time.monotonic())
    assert [key for key, _ in said] == ["stage.gave_up"]
    assert set(said[0][1]) == blanks(catalogue()["stage.gave_up"]["en"])
    assert role.player is None
    assert role.look(time.monotonic()) == ()
    role.open(time.monotonic())
    assert role.alive, "and is tried again when it is asked for"


def test_where_no_window_can_be_it_says_why_and_is_not_tried_again(
    role: StageRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    role.open(time.monotonic())
    end = time.monotonic() + START_S
    said: list[Any] = []
    while role.player is not None and time.monotonic() < end:
        said += role.look(time.monotonic())
        time.sleep(0.02)
    assert role.player is None
    assert said == []
    (notice,) = role.row.notices()
    assert notice.text.startswith("Playing without a picture: no window with OpenGL 3.3 can be opened here")


def _watched(role: Role, since: float, until: float) -> bool:
    """Whether it hangs at the end, having been looked at every 10 ms."""
    return [role.hangs(float(now)) for now in np.arange(since, until, 0.01)][-1]


def test_a_machine_with_little_time_is_given_more_of_it(role: StageRole) -> None:
    now = time.monotonic()
    role.row.enter()
    role._begun = now - 1.0
    assert not role.hangs(now + 15.0), "before its first picture it is slow"
    assert role.hangs(now + 25.0)
    for beat in (now + 1.0, now + 2.0, now + 3.0):
        role.row.beat(beat)
        assert not _watched(role, beat, beat + 0.5)
    assert not _watched(role, now + 3.5, now + 3.0 + 3.5), "pictures a second apart"
    assert _watched(role, now + 3.0 + 3.5, now + 3.0 + 4.5)
    for beat in np.arange(now + 3.0, now + 6.0, 0.03):
        role.row.beat(float(beat))
        role.hangs(float(beat))
    assert not _watched(role, role.row.heartbeat, role.row.heartbeat + 1.0)
    assert _watched(role, role.row.heartbeat + 1.0, role.row.heartbeat + 1.6)


@pytest.mark.parametrize("name", ["stage", "sound"])
def test_who_was_not_watched_is_not_ended(role: StageRole, name: str) -> None:
    """The machine stood still, or gave the watcher no core: the first look afterwards must not kill what plays."""
    watched = role if name == "stage" else Role("sound", "none", SoundSettings("", ()), role._link)
    role._begun = time.monotonic() - 1.0
    watched.row.enter()
    now = time.monotonic() + 0.1
    watched.row.beat(now)
    assert not _watched(watched, now, now + 0.5)
    for late in (9.0, 60.0, 3600.0):
        assert not watched.hangs(now + late)
    watched.row.beat(now + 3600.0)
    assert not _watched(watched, now + 3600.0, now + 3601.0)
    assert _watched(watched, now + 3601.0, now + 3608.0), "and one that hangs is seen to"


def test_a_window_fills_its_display_and_one_that_is_not_there_is_told(display: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with Link.create() as link:
        role = StageRole(StageSettings(stage=StageOptions(width=320, height=180, fullscreen=True, display=3)), link)
        try:
            before = set(xdotool("search", "--onlyvisible", "--name", "Rosin"))
            role.open(time.monotonic())
            end = time.monotonic() + START_S
            while not role.row.count("frames_drawn") and time.monotonic() < end:
                time.sleep(0.02)
            (window,) = set(xdotool("search", "--onlyvisible", "--name", "Rosin")) - before
            assert f"{WIDTH}x{HEIGHT}" in xdotool("getwindowgeometry", window)
            assert [n.text for n in role.row.notices()] == ["There is no display 3 here; the window is on display 1."]
        finally:
            dismiss(role.processes())


def test_a_signal_and_the_terminal_s_w_open_the_window_again(tmp_path: Path) -> None:
    show = Show(SoundSettings(token="", patches=()), None, "en", StageSettings())
    show.roles = []  # no sound: nothing but the window is asked for
    opened: list[float] = []
    show.stage.open = opened.append  # type: ignore[union-attr, method-assign]
    once = iter([True])

    def tick(show: Show) -> None:
        if next(once, False):
            os.kill(os.getpid(), signal.SIGUSR2)

    show.run(0.2, tick)
    assert len(opened) == 1
    terminal_keys.press("w", show, Status(show, [], {}, "en"), 0)
    assert len(opened) == 2
    show.close()
    show.link.close()


# --- rosin play


def played(folder: Path, patch: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    around = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "instrument", "play", patch, "--device", "null", "--midi", "off", "--listen",
         "127.0.0.1:0", "--takes", str(folder / "takes"), *arguments],
        capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL, cwd=ROOT,
        env={**around, "ROSIN_RIG": str(folder / "rig.toml"), "ROSIN_LANGUAGE": "en", **environment},
    )  # fmt: skip


def test_without_a_screen_it_says_so_once_plays_and_leaves_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "stage.png"
    done = played(
        tmp_path, "storm", "--for", "2.5", "--picture", str(out), "--size", "640x360", "--big-type"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("There is no screen here") == 1
    assert "What was played" in done.stdout
    assert f"Picture: {out} (640 x 360)" in done.stdout
    image = pytest.importorskip("matplotlib.image")
    picture = np.round(image.imread(out)[:, :, :3] * 255).astype(int)
    assert picture.shape == (360, 640, 3)
    assert share_of(picture, GROUND, 2) > 300
    assert share_of(picture, HAND) > 0.5, "the rings of the patch's knobs"
    assert share_of(picture, IVORY, 30) > 1.0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--picture", "stage.jpg"], "is no PNG"),
        (["--picture", "/nowhere/at/all/stage.png"], "cannot be written"),
        (["--size", "big"], "is no size of a window"),
        (["--size", "99999x2"], "is no size of a window"),
        (["--display", "0"], "the first display is --display 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_sounds(arguments: list[str], said: str) -> None:
    with pytest.raises(RosinError, match=said):
        play.run(parser().parse_args(["play", "glass", "--rig", "/nowhere/rig.toml", *arguments]))


def test_nobody_can_ask_for_a_window_and_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["play", "--stage", "--headless"])
    assert "not allowed with" in capsys.readouterr().err


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert verb.no_window(insisted=False) == "no_screen"
    assert verb.no_window(insisted=True) == "", "who insists may try"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert verb.no_window(insisted=False) == ""
    monkeypatch.setattr(verb, "find_spec", lambda name: None)
    assert verb.no_window(insisted=True) == "no_pyglet"
    assert "pip install" in catalogue()["no_pyglet"]["en"]


def test_sizes_and_memos_are_read_back_and_nonsense_is_none() -> None:
    assert size_of("1920x1080") == (1920, 1080)
    assert size_of(" 640 X 360 ") == (640, 360)
    for wrong in ("", "x", "1920", "1920x", "-5x10", "1e3x5", "319x180", "320x179", "7681x4320", "١٢٣x٤٥٦"):
        assert size_of(wrong) is None, wrong
    memo = WindowMemo(640, 360, True, 2, 3, ("black", "rehearsal", "keys", "credits"), (True, False), 0.375)
    assert WindowMemo.from_text(memo.to_text()) == memo
    assert len(memo.to_text()) < 200
    for wrong in ("", "[]", "{}", "null", "[1,2,3]", '["a",2,true,0,null,[],[],0.5]', "[1,2,true,0,null,5,[],0.5]"):
        assert WindowMemo.from_text(wrong) is None, wrong
