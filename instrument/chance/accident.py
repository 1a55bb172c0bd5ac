"""Accident: a stretch of chance that was kept, to be played again - once, in a loop, or from another place in it.

What is kept is the stretch itself, tick by tick at its three places of entry, beside what it came from (seed and tick
range): the same bits whenever it is called, even by a Rosin whose laws have changed. Played again it takes the place
of the chance of that moment; over FADE_TICKS at its ends the two are crossfaded, and where it closes into a loop its
end is crossfaded with its beginning.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.npz import Damaged, npz_from, read_npz
from instrument.chance.words import stream_id

F32 = NDArray[np.float32]

FADE_TICKS = 12
FORMAT = 1
OFF, ONCE, LOOP = 0, 1, 2
_WRONG = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
BYTES_MOST = 1 << 25
"""Of a file, as far as one is believed: four times what can be kept at once."""


@dataclass(frozen=True, slots=True)
class Accident:
    """``track`` f32 [ticks, 3, K]: what entered at hand, bearing and sound; ``knobs``: the names of its K knobs."""

    name: str
    seed: int
    first_tick: int
    tick_hz: float
    knobs: tuple[str, ...]
    track: F32

    @property
    def seconds(self) -> float:
        return len(self.track) / self.tick_hz

    def on(self, knobs: Sequence[str]) -> Accident:
        """The same for these knobs, found by name; those it does not know stay still."""
        track = np.zeros((len(self.track), 3, len(knobs)), np.float32)
        for k, name in enumerate(knobs):
            if name in self.knobs:
                track[:, :, k] = self.track[:, :, self.knobs.index(name)]
        return Accident(self.name, self.seed, self.first_tick, self.tick_hz, tuple(knobs), track)

    def to_bytes(self) -> bytes:
        """As an npz without pickles."""
        head = {
            "format": FORMAT,
            "name": self.name,
            "seed": self.seed,
            "first_tick": self.first_tick,
            "tick_hz": self.tick_hz,
            "knobs": list(self.knobs),
        }
        file = io.BytesIO()
        np.savez_compressed(
            file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), track=self.track
        )
        return file.getvalue()

    @property
    def key(self) -> int:
        """The number that gestures call it by."""
        return stream_id(self.name)

    @classmethod
    def read(cls, path: Path) -> Accident:
        """RosinError for what is no accident, or cannot be read; nothing is ever unpickled."""
        remedy = "keep it again, or move it out of that folder"
        try:
            return cls._of(read_npz(path, remedy, bytes_most=BYTES_MOST, members_most=2))
        except (*_WRONG, FileNotFoundError, RosinError) as error:
            why = f" ({error})" if isinstance(error, Damaged) else ""
            raise RosinError(f"{path} is no kept accident{why}; {remedy}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> Accident:
        """What to_bytes() wrote. RosinError for anything else."""
        try:
            return cls._of(npz_from(data, bytes_most=BYTES_MOST, members_most=2))
        except _WRONG:
            raise RosinError("these bytes are no kept accident; keep it again") from None

    @classmethod
    def _of(cls, arrays: Mapping[str, NDArray[Any]]) -> Accident:
        head = json.loads(arrays["head"].tobytes())
        track = np.ascontiguousarray(arrays["track"], np.float32)
        knobs = tuple(str(name) for name in head["knobs"])
        fits = track.ndim == 3 and track.shape[1:] == (3, len(knobs)) and len(track) > 0
        if head["format"] != FORMAT or not fits or not np.isfinite(track).all():
            raise Damaged("another format")
        tick_hz = float(head["tick_hz"])
        if not 1.0 <= tick_hz <= 1e6:
            raise Damaged("no tick rate")
        return cls(str(head["name"]), int(head["seed"]), int(head["first_tick"]), tick_hz, knobs, track)


class AccidentReplay:
    """Plays one accident at a time into the three sums. Nothing is allocated while it plays."""

    def __init__(self, count: int, tick_hz: float) -> None:
        self.count, self.tick_hz = count, tick_hz
        self.library: dict[int, F32] = {}
        """Tracks by the stream id of their names, for exactly these knobs; filled by whoever may read files."""
        self.mode, self.key, self.at, self.age, self.wraps = OFF, 0, 0, 0, False

    def learn(self, key: int, accident: Accident, knobs: Sequence[str]) -> None:
        """Have it ready. Not for the thread that plays."""
        self.library[key] = accident.on(knobs).track

    def play(self, key: int, loop: bool = False, shift_s: float = 0.0) -> bool:
        """Begin, ``shift_s`` seconds into it (what is cut off follows at the end). False: there is none of that key."""
        if (track := self.library.get(key)) is None:
            return False
        begin = round(shift_s * self.tick_hz) % len(track) if math.isfinite(shift_s) else 0
        self.mode, self.key, self.at, self.age = LOOP if loop else ONCE, key, begin, 0
        self.wraps = (loop or begin > 0) and len(track) >= 4 * FADE_TICKS
        return True

    def stop(self) -> None:
        """At once; the live chance fades in by itself at its next sound."""
        self.mode = OFF

    @property
    def playing(self) -> bool:
        return self.mode != OFF

    def step(self, total: F32) -> None:
        """``total`` f32 [3, T, K]: the live chance in, what is to be heard out."""
        if self.mode == OFF:
            return
        track = self.library.get(self.key)
        if track is None:
            self.mode = OFF
            return
        length = len(track)
        seam = length - FADE_TICKS if self.wraps else length
        for t in range(total.shape[1]):
            left = seam - self.age if self.mode == ONCE else length
            gain = min(1.0, min(self.age + 1, left) / FADE_TICKS)
            here = track[self.at]
            if self.at >= seam:  # the end runs into the beginning
                part = np.float32((self.at - seam + 1) / (FADE_TICKS + 1))
                here = here + part * (track[self.at - seam] - here)
            if gain < 1.0:
                total[:, t] *= np.float32(1.0 - gain)
                total[:, t] += np.float32(gain) * here
            else:
                total[:, t] = here
            self.at += 1
            if self.at >= length:
                self.at = length - seam
            self.age += 1
            if self.mode == ONCE and self.age >= seam:
                self.mode = OFF
                return

    def state(self) -> dict[str, Any]:
        """Where it is; the tracks themselves are files."""
        return {"mode": self.mode, "key": self.key, "at": self.at, "age": self.age, "wraps": self.wraps}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.mode, self.key = int(state["mode"]), int(state["key"])
        self.at, self.age, self.wraps = int(state["at"]), int(state["age"]), bool(state["wraps"])
        if self.key not in self.library:
            self.mode = OFF
