"""Snapshot: everything that decides what is played next. Taken of an engine, given back to one - also another day.

As bytes it is an npz without pickles: nested dicts become names with slashes, numbers and truths arrays of no
dimension. Restored in another process the same gestures give the same samples, bit for bit.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.npz import npz_from, read_npz
from instrument.model.runtime.voice import VoiceState

FORMAT = 2
WRONG = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What arrays raise that are none of a snapshot's."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Restore it, play the same gestures, hear the same samples. ``sample``: how far the engine was."""

    patch: str
    speaking: bool
    seed: int
    sample: int
    voice: VoiceState
    control: dict[str, Any]
    tape: dict[str, Any]
    guard: dict[str, Any]
    gain: float
    played: tuple[float, float] = (0.0, 0.0)
    """How loud it was of late: a neighbouring sound that is asked for is as loud as that."""

    def to_bytes(self) -> bytes:
        """As an npz; no pickle inside."""
        head = {
            "format": FORMAT,
            "patch": self.patch,
            "speaking": self.speaking,
            "seed": self.seed,
            "sample": self.sample,
            "gain": self.gain,
            "played": self.played,
        }
        arrays: dict[str, NDArray[Any]] = {}
        for room in ("control", "tape", "guard"):
            _flatten(room, getattr(self, room), arrays)
        file = io.BytesIO()
        np.savez(
            file,
            allow_pickle=False,
            head=np.frombuffer(json.dumps(head).encode(), np.uint8),
            voice=np.frombuffer(self.voice.to_bytes(), np.uint8),
            **arrays,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """What to_bytes() wrote. RosinError for anything else; nothing is ever unpickled."""
        try:
            return cls._of(npz_from(data))
        except WRONG:
            raise RosinError("these bytes are no snapshot of this Rosin; take it again") from None

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """The same of a file. RosinError names it; a pipe, a device and what is far too large are not read."""
        remedy = "move it away, or record again"
        try:
            return cls._of(read_npz(path, remedy))
        except WRONG:
            raise RosinError(f"{path} is no snapshot of this Rosin; {remedy}") from None

    @classmethod
    def _of(cls, found: dict[str, NDArray[Any]]) -> Snapshot:
        head = json.loads(found.pop("head").tobytes())
        if head.pop("format") != FORMAT:
            raise ValueError("another format")
        head["played"] = _two_numbers(head.get("played", (0.0, 0.0)))
        voice = VoiceState.from_bytes(found.pop("voice").tobytes())
        rooms: dict[str, Any] = {"control": {}, "tape": {}, "guard": {}}
        for name, array in found.items():
            _put(rooms, name.split("/"), array)
        kept = cls(voice=voice, **head, **rooms)
        numbers = all(type(one) in (int, float) for one in (kept.seed, kept.sample, kept.gain))
        if not isinstance(kept.patch, str) or not isinstance(kept.speaking, bool) or not numbers:
            raise ValueError("another head")
        return kept


def _two_numbers(given: Any) -> tuple[float, float]:
    one, two = (float(value) for value in given)
    if not (math.isfinite(one) and math.isfinite(two)):
        raise ValueError("no power")
    return one, two


def _flatten(at: str, value: Any, into: dict[str, NDArray[Any]]) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _flatten(f"{at}/{key}", part, into)
        if not value:
            into[f"{at}/"] = np.zeros(0)
        return
    array = np.asarray(value)
    if array.dtype == object:
        raise TypeError(f"{at} of a snapshot is neither a number nor an array")
    into[at] = array


def _put(rooms: dict[str, Any], path: list[str], array: NDArray[Any]) -> None:
    room = rooms
    for key in path[:-1]:
        room = room.setdefault(key, {})
    if path[-1]:  # (an empty name: a room with nothing in it)
        room[path[-1]] = array.copy() if array.ndim else array.item()
