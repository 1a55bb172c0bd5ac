"""The stage process: ``python -m instrument.stage.process SETTINGS_JSON``. Reads frames, draws, posts gestures.

With ``--picture out.png`` it draws one picture without a screen and ends: of the frames in ``--frames`` (an array of
dtype FRAME saved by numpy), or of what a show with the settings' token plays for half a second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from instrument.errors import RosinError
from instrument.link import FRAME, Frame, Link
from instrument.stage import gl
from instrument.stage.player import Player, stamped
from instrument.stage.png import write_png
from instrument.stage.programme import read_programmes
from instrument.stage.scale import RenderScale
from instrument.stage.settings import StageSettings
from instrument.stage.window import open_window

PICTURE_LOOK_S = 0.5
FRAME_S, SOFTWARE_FRAME_S = 1.0 / 60.0, 1.0 / 30.0
"""Between two pictures; where the processor draws, half as many leave it time for the sound."""


def picture(settings: StageSettings, frames: Sequence[Frame], scale: float = 1.0, keys: bool = False) -> Any:
    """One picture of the settings' size after ``frames``, [height, width, 3] uint8, drawn without a screen."""
    window = open_window(settings.width, settings.height, headless=True)
    try:
        player = Player(settings, read_programmes(settings.patches, settings.language, settings.models))
        player.input.wishes.keys = keys
        player.take(frames)
        player.paint(settings.width, settings.height, scale)
        gl.finish()
        return gl.pixels(settings.width, settings.height).copy()
    finally:
        window.close()


def read_frames(path: Path) -> list[Frame]:
    """The frames of a file. RosinError if it holds none."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RosinError(f"{path} holds no frames ({error})") from None
    if rows.dtype != FRAME or rows.ndim != 1:
        raise RosinError(f"{path} holds no frames of this version of Rosin")
    return [Frame(row.copy().reshape(())) for row in rows]


def frames_of(link: Link, seconds: float) -> list[Frame]:
    """What is published in the next ``seconds``, and the newest one before."""
    first = link.frames.latest()
    frames = [first] if first is not None else []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        frames += link.frames.since(frames[-1].seq if frames else 0)
    return frames


class Stage:
    """The window at play: draws until it is closed, the show is gone, or SIGTERM."""

    def __init__(self, settings: StageSettings, link: Link) -> None:
        self._link, self._settings = link, settings
        self._window = open_window(settings.width, settings.height, False, settings.fullscreen, settings.screen)
        self._player = Player(settings, read_programmes(settings.patches, settings.language, settings.models))
        self._window.attach(self._player.input, link.stage.push)
        self._row = link.health.enter("stage")
        self._row.set_text("where", gl.renderer())
        software = "pipe" in gl.renderer()
        self._frame_s = SOFTWARE_FRAME_S if software else FRAME_S
        self._window.set_vsync(not software)  # to wait for a clock and for the screen as well is to wait twice
        self._scale = RenderScale()
        self._seq = 0

    def run(self, parent: int) -> None:
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        last = time.monotonic()
        while not self.stopping and not self._window.has_exit and os.getppid() == parent:
            began = time.monotonic()
            self._window.dispatch_events()
            self._look(began, began - last)
            self._window.flip()
            last = began
            rest = self._frame_s - (time.monotonic() - began)
            if rest > 0:
                time.sleep(rest)
        for gesture in stamped(self._player.input.let_go()):
            self._link.stage.push(gesture)
        self._window.close()

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _look(self, now: float, elapsed: float) -> None:
        frames = self._link.frames.since(self._seq)
        if frames:
            self._row.add("frames_missed", max(0, frames[0].seq - self._seq - 1) if self._seq else 0)
            self._seq = frames[-1].seq
        self._player.take(frames)
        newest = frames[-1].time if frames else self._player.frame.time
        began = time.perf_counter()
        width, height = self._window.get_framebuffer_size()
        age = 0.0 if self._player.input.wishes.frozen else now - newest
        for gesture in stamped(self._player.paint(width, height, self._scale.value, elapsed, age)):
            self._link.stage.push(gesture)
        gl.finish()
        if self._scale.measured(time.perf_counter() - began) or not self._row.count("frames_drawn"):
            self._row.set_text("state", f"scale {self._scale.value:g}")
        self._row.add("frames_drawn")
        self._row.beat(now)


def main(arguments: Sequence[str]) -> int:
    """0 when all went well or the player closed the window, 2 with a sentence on stderr when not."""
    parser = argparse.ArgumentParser(prog="python -m instrument.stage.process")
    parser.add_argument("settings")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--keys", action="store_true", help="with the overlay of the keys")
    parser.add_argument("--scale", type=float, default=1.0, help="of the light's resolution, for --picture")
    args = parser.parse_args(arguments)
    settings = StageSettings.from_json(args.settings)
    if settings.understudy:
        return 0
    parent = os.getppid()
    link = None
    try:
        if settings.token:
            link = Link.attach(settings.token)
        if args.picture is not None:
            frames = read_frames(args.frames) if args.frames else frames_of(link, PICTURE_LOOK_S) if link else []
            write_png(args.picture, picture(settings, frames, args.scale, args.keys))
            return 0
        if link is None:
            raise RosinError("the stage is opened by a show; alone it only draws a --picture")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.nice(5)  # where drawing and sound share a core, sound goes first
        Stage(settings, link).run(parent)
    except RosinError as error:
        if link is not None:
            link.health.row("stage").say(str(error))
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
