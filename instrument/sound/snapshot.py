"""Snapshot: everything that decides what is played next. Taken of an engine, given back to one - also another day.

As bytes it is an npz without pickles: nested dicts become names with slashes, numbers and truths arrays of no
dimension. Restored in another process the same gestures give the same samples, bit for bit.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.errors import RosinError
from instrument.model.voice import VoiceState

FORMAT = 2


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
        head = {"format": FORMAT, "patch": self.patch, "speaking": self.speaking, "seed": self.seed,
                "sample": self.sample, "gain": self.gain, "played": self.played}  # fmt: skip
        arrays: dict[str, NDArray[Any]] = {}
        for room in ("control", "tape", "guard"):
            _flatten(room, getattr(self, room), arrays)
        file = io.BytesIO()
        np.savez(
            file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8),
            voice=np.frombuffer(self.voice.to_bytes(), np.uint8), **arrays,
        )  # fmt: skip
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """What to_bytes() wrote. RosinError for anything else; nothing is ever unpickled."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as npz:
                head = json.loads(npz["head"].tobytes())
                if head.pop("format") != FORMAT:
                    raise ValueError("another format")
                head["played"] = _two_numbers(head.get("played", (0.0, 0.0)))
                voice = VoiceState.from_bytes(npz["voice"].tobytes())
                rooms: dict[str, Any] = {"control": {}, "tape": {}, "guard": {}}
                for name in npz.files:
                    if name not in ("head", "voice"):
                        _put(rooms, name.split("/"), npz[name])
            return cls(voice=voice, **head, **rooms)
        except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, NotImplementedError, RuntimeError,
                MemoryError, SyntaxError, OverflowError, zipfile.BadZipFile, zlib.error):  # fmt: skip
            raise RosinError("these bytes are no snapshot of this Rosin; take it again") from None


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
