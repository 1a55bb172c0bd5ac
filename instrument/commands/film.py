"""rosin render -o FILM: the options of films, and the hand that draws one - engine's frames to stage to reel.

Each picture is drawn at full resolution from the take's own time, however long it takes, so one take is one film.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.text import language_of, say
from instrument.documents.options import StageOptions
from instrument.documents.rig import Rig
from instrument.engine.engine import Engine
from instrument.rehearsal.film import FilmTeller, pictures_in
from instrument.rehearsal.reel import KINDS, Reel
from instrument.stage.settings import StageSettings, size_of

FPS, FPS_MIN, FPS_MAX = 30, 24, 60
SIZE = (1280, 720)
VIEWS = ("stage", "rehearsal")
NUMBERED = re.compile(r"[^%]*%0?\d*d[^%]*\.png", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """What film is asked for: pictures a second, pixels, and how the stage looks."""

    fps: int = FPS
    width: int = SIZE[0]
    height: int = SIZE[1]
    view: str = VIEWS[0]
    calm: bool = False
    big_type: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that only films have."""
    film = parser.add_argument_group("films", "-o FILE.mp4 (.mov, .mkv, .webm), or -o FOLDER/%05d.png: its pictures")
    film.add_argument("--fps", type=int, metavar="N", help=f"pictures a second, {FPS_MIN} to {FPS_MAX}; default {FPS}")
    film.add_argument("--size", metavar="WxH", help=f"in pixels; default {SIZE[0]}x{SIZE[1]}")
    film.add_argument("--view", choices=VIEWS, help=f"what is seen; default {VIEWS[0]}")
    flag = argparse.BooleanOptionalAction
    film.add_argument("--calm", action=flag, help="reduced motion; default as in the rig, like --big-type")
    film.add_argument("--big-type", action=flag, help="larger words")


def film_of(args: argparse.Namespace, out: Path, rig: Rig) -> FilmOptions | None:
    """The film that is asked for, None where ``out`` is no film's name. RosinError for options that do not fit."""
    given = {
        "--fps": args.fps,
        "--size": args.size,
        "--view": args.view,
        "--calm": args.calm,
        "--big-type": args.big_type,
    }
    pictures = out.suffix.lower() == ".png"
    if not pictures and out.suffix.lower() not in KINDS:
        if (wrong := next((name for name, value in given.items() if value is not None), None)) is not None:
            raise RosinError(f"{wrong} is for films, and {out} is none; end its name with {', '.join(KINDS)}")
        return None
    if pictures and not NUMBERED.fullmatch(out.name):
        raise RosinError(f"{out} is one picture and a film has many; number them: -o {out.parent / out.stem}/%05d.png")
    fps = FPS if args.fps is None else args.fps
    if not FPS_MIN <= fps <= FPS_MAX:
        raise RosinError(f"--fps {fps} is out of range; give {FPS_MIN} to {FPS_MAX} pictures a second")
    size = size_of(args.size) if args.size is not None else SIZE
    if size is None:
        raise RosinError(f"--size {args.size} is no size of a film; write WIDTHxHEIGHT in pixels, as --size 1920x1080")
    if not pictures and any(side % 2 for side in size):
        raise RosinError(f"--size {args.size} is odd, and films go by two pixels; give even numbers")
    calm = rig.stage.calm if args.calm is None else args.calm
    big = rig.stage.big_type if args.big_type is None else args.big_type
    return FilmOptions(fps, *size, args.view or VIEWS[0], calm, big)


class Drawing:
    """The stage without a screen. ``picture(frames)``: uint8 [height, width, 3], valid until the next."""

    def __init__(self, film: FilmOptions, patch: Path, rig: Rig, more: Sequence[Path] = ()) -> None:
        from instrument.stage.data.patch_labels import read_all_labels
        from instrument.stage.gpu import gl
        from instrument.stage.player import StagePlayer
        from instrument.stage.window import open_window

        self._gl, self._film = gl, film
        settings = StageSettings(
            patches=tuple(map(str, (patch, *more))),
            models=rig.folders.models,
            language=language_of(rig.language),
            stage=StageOptions(width=film.width, height=film.height, big_type=film.big_type, calm=film.calm),
            rig=rig.path,
        )
        self._window = open_window(film.width, film.height, headless=True)
        try:
            self._player = StagePlayer(settings, read_all_labels(settings.patches, settings.language, settings.models))
            requests = self._player.input.requests
            requests.clock = lambda: self._player.frame.time  # the take's, so that nothing waits for a wall clock
            requests.rehearsal = film.view == "rehearsal"
        except BaseException:
            self.close()
            raise

    def picture(self, frames: list[Any]) -> NDArray[np.uint8]:
        """The picture after ``frames``, those that came since the picture before."""
        film = self._film
        self._player.take(frames)
        self._player.paint(film.width, film.height, 1.0, 1.0 / film.fps, 0.0)
        self._gl.finish()
        return np.ascontiguousarray(self._gl.pixels(film.width, film.height))

    def close(self) -> None:
        if hasattr(self, "_player"):
            self._player.close()
        self._window.close()


class Film:
    """``write`` sound as it comes; whatever pictures are due are drawn. Ctrl-C sets ``stopping``, and what there is so
    far becomes a film of its own name. As a context it ends well, or leaves nothing."""

    def __init__(
        self,
        out: Path,
        film: FilmOptions,
        engine: Engine,
        seconds: float,
        patch: Path,
        rig: Rig,
        more: Sequence[Path] = (),
    ) -> None:
        """``more``: patches that come later in it, by the index of their layers less one."""
        self.out, self._film, self._language = out, film, language_of(rig.language)
        self.stopping = False
        self.drawn = 0
        self.pictures = pictures_in(round(seconds * engine.rate), engine.rate, film.fps)
        self._teller = FilmTeller(engine, film.fps, self.pictures)
        self.heard = self._teller.heard
        self._digest = hashlib.sha256()
        self._drawing = Drawing(film, patch, rig, more)
        self._reel: Reel | None = None
        try:
            if out.suffix.lower() != ".png":
                tags = tags_of(engine)
                self._reel = Reel(out, film.fps, (film.width, film.height), engine.rate, engine.layout.count, tags)
        except BaseException:
            self._drawing.close()
            raise

    def __enter__(self) -> Film:
        self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:  # asked twice: at once, and nothing is kept
            raise KeyboardInterrupt
        self.stopping = True

    def write(self, samples: NDArray[np.float32]) -> None:
        """f32 [n, 2]: sound; then the pictures that are due."""
        if self._reel is not None:
            self._reel.sound(samples)
        for frames in self._teller.shots():
            if self.stopping:
                return
            pixels = self._drawing.picture(frames)
            self._digest.update(pixels.data)
            if self._reel is not None:
                self._reel.picture(pixels)
            else:
                from instrument.stage.gpu.png import write_png

                write_png(self.out.with_name(self.out.name % (self.drawn + 1)), pixels)
            self.drawn += 1

    def finish(self) -> Path:
        """The film's path, which is another when it was stopped."""
        if self.stopping and not self.drawn:
            raise KeyboardInterrupt
        if self._reel is not None:
            if self.stopping:
                self.out = self.out.with_name(f"{self.out.stem}.part{self.out.suffix}")
            self._reel.finish(self.out)
        return self.out

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is not None and self._reel is not None:
                self._reel.discard()
            self._drawing.close()
        finally:
            signal.signal(signal.SIGINT, self._before)

    def stopped(self, seconds: float) -> str:
        """What is said of a film that was to be so long."""
        drawn = f"{self.drawn / self._film.fps:.1f}"
        return say("film.stopped", self._language, path=self.out, drawn=drawn, seconds=f"{seconds:g}")

    def summary(self) -> str:
        """What is said of the pictures."""
        film, language = self._film, self._language
        made = say("film.made", language, count=self.drawn, width=film.width, height=film.height, fps=film.fps)
        return f"{made}\n{say('film.pictures', language, digest=self._digest.hexdigest())}"


def tags_of(engine: Engine) -> dict[str, str]:
    """What is written into the container: the same as into a recording, whose software is called encoder here."""
    notes = engine.layer.recording_notes()
    comment = "; ".join(filter(None, (notes["copyright"], notes["comment"])))
    return {"title": notes["title"], "artist": notes["artist"], "copyright": notes["copyright"], "comment": comment}
