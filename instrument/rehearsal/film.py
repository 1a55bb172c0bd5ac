"""Film: which frames each picture of a film shows, in the take's own time. After render, before whoever draws.

The engine tells offline what a player would tell the window: a frame every FRAME_BLOCKS blocks. Besides it tells the
block in which a picture falls, so that movements are as even as blocks are short (2.7 ms; with the frames alone a
picture would be up to 10.7 ms late, now more, now less, which is seen as a stutter). No wall time: the sample's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from instrument.audio.callback import FRAME_BLOCKS
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import add_wave, fill_frame
from instrument.ipc import Frame


def pictures_in(samples: int, rate: int, fps: int) -> int:
    """How many pictures cover so many samples: the last one may outlast the sound by less than its own length."""
    return -(-samples * fps // rate)


class FilmTeller:
    """Call ``heard`` after each block of the engine; ``shots`` then gives what each picture that is due shows.

    Picture k stands at k / ``fps`` seconds and shows all frames up to the block in which that moment lies.
    ``frame.time`` is the take's own, in seconds from 0; ``frame.patch`` is the part's index in the film's own list.
    """

    def __init__(self, engine: Engine, fps: int, pictures: int) -> None:
        self.fps, self.pictures = fps, pictures
        self._engine = engine
        self._begun = engine.sample  # a stream goes on from where the engine was then
        self._frame = Frame()
        self._blocks = 0
        self._next = 0
        self._frames: list[Frame] = []
        self._shots: deque[list[Frame]] = deque()

    def heard(self) -> None:
        """The engine has made a block."""
        engine, frame = self._engine, self._frame
        add_wave(engine, frame)
        at = engine.sample - QUANTUM - self._begun
        due = self._next < self.pictures and self._next * engine.rate < (at + QUANTUM) * self.fps
        if due or self._blocks % FRAME_BLOCKS == 0:
            fill_frame(engine, frame, at / engine.rate)
            frame.seq += 1
            self._frames.append(frame.copy())
        if due:
            self._shots.append(self._frames)
            self._frames = []
            self._next += 1
        self._blocks += 1

    def shots(self) -> Iterator[list[Frame]]:
        """The frames of each picture that is due, oldest picture first; each is given once."""
        while self._shots:
            yield self._shots.popleft()
