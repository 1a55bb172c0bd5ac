"""A stage process in a show that the test plays: frames go in, xdotool's keys and mouse too, gestures come out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from stage_frames import make

from instrument.documents.options import StageOptions
from instrument.ipc import Gesture, Kind, Link
from instrument.stage.settings import StageSettings
from instrument.stage.views.layout import Layout

GLASS = str(Path(__file__).parent.parent / "patches" / "glass.toml")


class Playing:
    """A window of ``width`` x ``height`` on a display; ``settings``: what else it is told."""

    def __init__(self, display: str, width: int, height: int, **settings: Any) -> None:
        self.link = Link.create()
        self.frames = make("hard", 1.0)
        self.row = self.link.health.row("stage")
        self.environment = {**os.environ, "DISPLAY": display}
        self.flags = self.count = 0
        self.size = (width, height)
        told = StageSettings(self.link.token, (GLASS,), stage=StageOptions(width=width, height=height), **settings)
        command = [sys.executable, "-m", "instrument.stage.process", told.to_json()]
        self.process = subprocess.Popen(command, pass_fds=self.link.fds, env=self.environment)

    def begin(self) -> None:
        """Play until it draws."""
        for _ in range(200):
            self.play(0.1)
            if self.row.count("frames_drawn") > 5 or self.process.poll() is not None:
                break

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.link.close()

    def play(self, seconds: float) -> list[Gesture]:
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

    def do(self, *said: str) -> str:
        """What xdotool answers."""
        return subprocess.run(
            ["xdotool", *said], env=self.environment, check=True, timeout=10, capture_output=True, text=True
        ).stdout

    def until(self, kind: Kind, *said: str) -> Gesture:
        """Do something with xdotool, and play until a gesture of a kind comes of it."""
        self.do(*said)
        for _ in range(50):
            if found := [g for g in self.play(0.1) if g.kind == kind]:
                return found[-1]
        raise AssertionError(f"{said} came to nothing")

    def at(self, knob: int, raw: float) -> tuple[str, str]:
        """Where a knob's mark is, as xdotool has it: for a window in the upper left corner of its display."""
        width, height = self.size
        x, y = Layout(width, height, 8).point(knob, raw)
        return str(round(x)), str(height - 1 - round(y))
