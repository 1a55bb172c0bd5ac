"""The stage process: ``python -m instrument.stage.process SETTINGS_JSON``. Reads frames, draws, posts gestures.

With ``--picture out.png`` it draws one picture without a screen and ends: of the frames in ``--frames`` (an array of
dtype FRAME saved by numpy), or of what a show with the settings' token plays for half a second.

What the window was like stands in the process's health row (text "device", a ``Memo``), and which knobs its keys are
holding (text "ports"): when it dies, the show lets go of them and the next process looks the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.printable import printable
from instrument.base.processes import stand_behind, whole
from instrument.base.text import say
from instrument.ipc import Frame, Gesture, Kind, Link
from instrument.ipc.worker import CLOSED, FAILED, REFUSED, Worker
from instrument.stage.data.patch_labels import read_all_labels
from instrument.stage.gpu import gl
from instrument.stage.gpu.png import write_png
from instrument.stage.gpu.scale import RenderScale
from instrument.stage.player import StagePlayer, stamped
from instrument.stage.settings import StageSettings, WindowMemo
from instrument.stage.still import PICTURE_LOOK_S, frames_of, picture, read_frames
from instrument.stage.window import open_window

FRAME_S, SOFTWARE_FRAME_S = 1.0 / 60.0, 1.0 / 30.0
"""Between two pictures; where the processor draws, half as many leave it time for the sound."""
WAITING_S = 0.02
NICE = 5
"""Where drawing and sound share a core, sound goes first: while loading too, which a standby does beside it."""
KEPT = ("black", "rehearsal", "keys", "credits")
"""The switches of the wishes that outlive the process."""


class StageProcess:
    """The window at play: draws until it is closed, the show is gone, or SIGTERM."""

    _window: Any
    _player: StagePlayer

    def __init__(self, settings: StageSettings, worker: Worker) -> None:
        self._worker, self._link, self._settings = worker, worker.link, settings
        self._labels = read_all_labels(settings.patches, settings.language, settings.models)
        self._row = worker.row
        self._held: set[int] = set()
        self._memo = WindowMemo()
        self._seq = 0
        hidden = settings.standby
        if hidden and sys.platform == "darwin":  # there every process with a window has an icon of its own
            self._window = None
            return
        self._open(visible=not hidden)
        if hidden:  # most of a start is compiling shaders and cutting letters, and both happen at the first picture
            width, height = self._window.get_framebuffer_size()
            self._player.paint(width, height, self._scale.value)
            gl.finish()

    def _open(self, visible: bool = True) -> None:
        wants = self._settings
        self._window = open_window(
            wants.stage.width,
            wants.stage.height,
            False,
            wants.stage.fullscreen,
            wants.stage.display - 1,
            visible,
            wants.grows,
        )
        self._player = StagePlayer(wants, self._labels)
        self._window.attach(self._player.input, self._post)
        software = "pipe" in gl.renderer()
        self._frame_s = SOFTWARE_FRAME_S if software else FRAME_S
        self._window.set_vsync(not software)  # to wait for a clock and for the screen as well is to wait twice
        self._scale = RenderScale()

    # --- the beginning

    def wait_to_play(self) -> bool:
        """The standby waits here. True: on stage; False: the show is over."""
        return self._worker.wait_to_play(lambda: self._window and self._window.dispatch_events(), WAITING_S)

    def enter(self) -> None:
        """On stage: the window is seen, and looks as that of the process before did."""
        if self._window is None:
            self._open()
        self._row.enter()
        self._player.health = self._link.health  # not before: a standby must not speak for the one on stage
        self._row.set_text("where", gl.renderer())
        self._row.set_text("ports", "")
        if not self._window.visible:
            at = self._window.get_location()
            self._window.set_visible(True)
            if self._settings.stage.fullscreen:
                self._window.set_location(*at)  # a window manager may have its own mind about a window that is new
            self._window.activate()
        memo = WindowMemo.from_text(self._row.text("device"))
        if memo is not None:
            self._take_up(memo)
        else:
            self._check_display()
        self._row.set_text("state", f"scale {self._scale.value:g}")

    def _take_up(self, memo: WindowMemo) -> None:
        """Look like ``memo``."""
        requests = self._player.input.requests
        for name in memo.shown:
            if name in KEPT:
                setattr(requests, name, True)
        if len(memo.letters) == len(requests.letters):
            requests.letters[:] = memo.letters
        requests.focus = memo.focus
        if not self._settings.stage.fullscreen and memo.width > 0 and memo.height > 0:
            self._window.resize_to(memo.width, memo.height)
        requests.fullscreen, requests.displays = memo.fullscreen, memo.displays
        self._window.obey()
        requests.word = None
        self._scale = RenderScale(memo.scale)
        self._memo = memo

    def _check_display(self) -> None:
        import pyglet

        count = len(pyglet.display.get_display().get_screens())
        if (number := self._settings.stage.display) > count:
            self._row.say(say("stage.no_display", self._settings.language, number=number, last=count))

    # --- playing

    def run(self) -> None:
        """Draw until the end."""
        last = time.monotonic()
        while not self._worker.over() and not self._window.has_exit:
            began = time.monotonic()
            self._window.dispatch_events()
            self._look(began, began - last)
            self._window.flip()
            self._row.add("frames_drawn")
            self._row.beat()
            last = began
            rest = self._frame_s - (time.monotonic() - began)
            if rest > 0:
                time.sleep(rest)
        self._send(self._player.input.let_go())
        self._player.close()
        self._window.close()

    def _post(self, gesture: Gesture) -> None:
        """To the sound. What is held is written down first: whoever finds it let go of twice does no harm."""
        if gesture.kind == Kind.FORCE:
            (self._held.add if gesture.value else self._held.discard)(gesture.knob)
            self._row.set_text("ports", " ".join(map(str, sorted(self._held))))
        self._link.stage.push(gesture)

    def _send(self, gestures: Sequence[Gesture]) -> None:
        for gesture in stamped(gestures):
            self._post(gesture)

    def _look(self, now: float, elapsed: float) -> None:
        frames = self._link.frames.since(self._seq)
        if frames:
            self._row.add("frames_missed", max(0, frames[0].seq - self._seq - 1) if self._seq else 0)
            self._seq = frames[-1].seq
        self._player.take(frames)
        newest = frames[-1].time if frames else self._player.frame.time
        began = time.perf_counter()
        width, height = self._window.get_framebuffer_size()
        age = 0.0 if self._player.input.requests.frozen else now - newest
        self._send(self._player.paint(width, height, self._scale.value, elapsed, age))
        gl.finish()
        if self._scale.measured(time.perf_counter() - began):
            self._row.set_text("state", f"scale {self._scale.value:g}")
        self._remember()

    def _remember(self) -> None:
        """Write down what the window is like, when that has changed."""
        requests, before = self._player.input.requests, self._memo
        width, height = (before.width, before.height) if requests.fullscreen else self._window.get_size()
        shown = tuple(name for name in KEPT if requests.wants(name))
        memo = WindowMemo(
            width,
            height,
            requests.fullscreen,
            requests.displays,
            requests.focus,
            shown,
            tuple(requests.letters),
            self._scale.value,
        )
        if memo != before:
            self._memo = memo
            self._row.set_text("device", memo.to_text())


def main(arguments: Sequence[str]) -> int:
    """0 when all went well or the player closed the window, REFUSED or FAILED with a sentence on stderr when not."""
    parser = argparse.ArgumentParser(prog="python -m instrument.stage.process")
    parser.add_argument("settings", nargs="+")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--keys", action="append_const", dest="requests", const="keys", help="with the keys over it")
    parser.add_argument(
        "--wish", action="append", dest="requests", help="a switch that is on, for --picture: rehearsal"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the light's resolution, for --picture")
    args = parser.parse_args(arguments)
    settings = StageSettings.from_json(whole(args.settings))
    worker, seen = None, not settings.standby
    try:
        if args.picture is not None:
            played = read_frames(args.frames) if args.frames else _seen(settings.token)
            write_png(args.picture, picture(settings, played, args.scale, args.requests or ()))
            return CLOSED
        if not settings.token:
            raise RosinError("the stage is opened by a show; alone it only draws a --picture")
        worker = Worker("stage", settings.token)
        stand_behind(NICE)
        stage = StageProcess(settings, worker)
        if settings.standby and not stage.wait_to_play():
            return CLOSED
        seen = True
        stage.enter()
        stage.run()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pyglet's ShaderException is no Exception
        refused = isinstance(error, RosinError)
        why = str(error) if refused else f"{type(error).__name__}: {error}"
        if worker is not None and seen:  # a standby that fails was never missed
            worker.row.say(say("stage.refused", settings.language, why=why) if refused else why)
        print(printable(why), file=sys.stderr)
        return REFUSED if refused else FAILED
    return CLOSED


def _seen(token: str) -> Sequence[Frame]:
    """What a show plays for half a second; nothing without one."""
    return frames_of(Link.attach(token), PICTURE_LOOK_S) if token else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
