"""The stage as `rosin play` is asked for it: its options, whether a window can be here, the picture at the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.commands.flags import add_flags
from instrument.documents.options import StageOptions
from instrument.documents.rig import Rig
from instrument.ipc import Frame
from instrument.run.show import Show
from instrument.stage.settings import StageSettings, size_of

PICTURE_SECONDS = 8.5


def add_stage(parser: argparse.ArgumentParser) -> None:
    """The options."""
    window = parser.add_mutually_exclusive_group()
    window.add_argument("--stage", action="store_true", help="open the window, whatever the rig file says")
    window.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument(
        "--size", metavar="WxH", help="of the window, and of --picture, in pixels (1280x720, larger on a fine display)"
    )
    add_flags(parser, "stage")
    parser.add_argument("--picture", metavar="FILE.png", help="save a picture of the stage, as it is at the end")


def stage_given(rig: Rig, args: argparse.Namespace) -> Rig:
    """The rig with what --stage, --headless and --size say on top. RosinError for a size that is none."""
    stage = rig.stage
    if args.stage or args.headless:
        stage = replace(stage, window=args.stage)
    if args.size is not None:
        size = size_of(args.size)
        if size is None:
            raise RosinError(f"--size {args.size} is no size of a window; give pixels, such as --size 1920x1080")
        stage = replace(stage, width=size[0], height=size[1])
    return replace(rig, stage=stage)


def stage_settings(rig: Rig, patches: Sequence[str], index: int, language: str, sized: bool = False) -> StageSettings:
    """What the stage's process is told; the token is the show's to give. ``sized``: the command line said a size."""
    usual = StageOptions()
    grows = not sized and (rig.stage.width, rig.stage.height) == (usual.width, usual.height)
    models, listen = rig.folders.models, rig.osc.listen
    return StageSettings(
        patches=tuple(patches), index=index, models=models, language=language, stage=rig.stage, grows=grows,
        rig=rig.path, listen=listen,
    )  # fmt: skip


def no_window(insisted: bool) -> str:
    """Why there can be no window, as the key of a sentence; empty when nothing is known to be in its way."""
    if find_spec("pyglet") is None:
        return "no_pyglet"
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return "" if screen or insisted else "no_screen"


def picture_path(wanted: str) -> Path:
    """Where the picture will go. RosinError before anything sounds if it could not."""
    path = Path(os.path.expanduser(wanted))  # (Path.expanduser raises where there is no such home)
    if path.suffix.lower() != ".png":
        raise RosinError(f"--picture {wanted} is no PNG; give a name such as --picture stage.png")
    if (
        (os.path.exists(path) and not os.path.isfile(path))
        or not os.path.isdir(path.parent)
        or not os.access(path.parent, os.W_OK)
    ):
        raise RosinError(f"--picture {wanted} cannot be written; give a file in a folder that is there and yours")
    if find_spec("pyglet") is None:
        raise RosinError("a picture needs pyglet; install it with: pip install 'rosin[stage]'")
    return path


def draw_picture(path: Path, stage: StageSettings, frames: Sequence[Frame]) -> None:
    """The stage after ``frames``, without a screen."""
    from instrument.stage.gpu.png import write_png
    from instrument.stage.still import picture  # the window's toolkit, which playing itself can do without

    pixels = picture(stage, frames)
    try:
        write_png(path, pixels)
    except OSError as error:
        raise RosinError(f"{path} cannot be written ({error.strerror}); make room, or choose another folder") from None


class LastFrames:
    """The frames of the last seconds, as many as the stage's rings are old."""

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque()

    def tick(self, show: Show) -> None:
        """Keep the newest frame."""
        frame = show.frame()
        if frame is None or (self.frames and self.frames[-1].seq == frame.seq):
            return
        self.frames.append(frame)
        while frame.time - self.frames[0].time > PICTURE_SECONDS:
            self.frames.popleft()
