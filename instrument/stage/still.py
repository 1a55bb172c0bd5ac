"""Still: one picture of the stage without a screen, and where its frames come from. After player; no window is seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from instrument.base.errors import RosinError
from instrument.ipc import FRAME, Frame, Link
from instrument.stage.data.patch_labels import read_all_labels
from instrument.stage.gpu import gl
from instrument.stage.player import BACKDROP, StagePlayer
from instrument.stage.settings import StageSettings
from instrument.stage.window import open_window

PICTURE_LOOK_S = 0.5
STRIDE = 12
"""Frames between two pictures of a visual."""


def picture(settings: StageSettings, frames: Sequence[Frame], scale: float = 1.0, requests: Sequence[str] = ()) -> Any:
    """One picture of the settings' size after ``frames``, [height, width, 3] uint8, drawn without a screen.

    ``requests``: switches of the window that are on, such as ``keys``.
    """
    window = open_window(settings.stage.width, settings.stage.height, headless=True)
    try:
        player = StagePlayer(settings, read_all_labels(settings.patches, settings.language, settings.models))
        for name in requests:
            setattr(player.input.requests, name, True)
        frames = list(frames)
        for first in range(0, len(frames), STRIDE):  # what a visual keeps from picture to picture has to grow
            player.take(frames[first : first + STRIDE])
            player.backdrop.draw(round(settings.stage.width * BACKDROP), round(settings.stage.height * BACKDROP))
        player.paint(settings.stage.width, settings.stage.height, scale)
        gl.finish()
        made = gl.pixels(settings.stage.width, settings.stage.height).copy()
        player.close()
        return made
    finally:
        window.close()


def read_frames(path: Path) -> list[Frame]:
    """The frames of a file. RosinError if it holds none."""
    try:
        rows = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy parses a header with Python's own parser: a dozen kinds
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
