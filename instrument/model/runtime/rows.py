"""Rows: several instruments of one model side by side - what a patch of many voices plays. Beside voice.

A row is an instrument by itself: state of its own, noise of its own, and nothing of the others in its sound. A model
whose file for eight voices came with it computes eight rows in one call, at the price of about three; of any other as
many voices are opened as there are rows, and each costs what one costs. Only rows that are ``on`` are worth computing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.model.library.card import DECODE_VOICES, VOICES, Card
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.providers import Wanted
from instrument.model.runtime.voice import F32, NoiseSource, Voice

_PREFIX = "rows."

On = NDArray[np.bool_]


class VoiceRows(Protocol):
    """``count`` rows (V) of one model. For one thread at a time; only opening may happen beside it."""

    @property
    def count(self) -> int: ...

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    def decode(self, z: F32, out: F32, on: On) -> None:
        """z f32 [V, L, F] to out f32 [V, C, F*ratio]; of rows that are not on, nothing is said. It allocates nothing
        that grows."""
        ...

    def skip(self) -> None:
        """A block in which nothing sounds: its time passes."""
        ...

    def start(self, row: int, seed: int) -> None:
        """A row begins from rest; its noise is that of ``seed`` from here on."""
        ...

    def reseed(self, frame: int) -> None:
        """The next decode is that of ``frame`` (counted in model frames)."""
        ...

    def reset(self) -> None:
        """All rows at rest."""
        ...

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Arrays that decide what comes next, copied; their names begin with ``rows.``."""
        ...

    def set_state(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Back to a ``state()``. RosinError when it is another model's, or of another number of rows."""
        ...

    def warm(self, runs: int = 20) -> None: ...

    def close(self) -> None: ...


def open_rows(
    voice: Voice, folder: Path | None, count: int, noise: NoiseSource, another: Callable[[], Voice], wanted: Wanted
) -> VoiceRows:
    """``count`` rows of the model that ``voice`` is of. ``another`` opens one more voice of it."""
    if folder is not None and DECODE_VOICES in voice.card.files:
        return BatchedRows(folder, voice.card, count, voice.frames, noise, wanted)
    return SeparateRows([another() for _ in range(count)])


def misfit(name: str) -> RosinError:
    return RosinError(f"this snapshot does not fit the voices of the model {name!r}; take it again")


class BatchedRows:
    """Eight rows a graph; more of them are more graphs."""

    def __init__(
        self, folder: Path, card: Card, count: int, frames: int, noise: NoiseSource, wanted: Wanted = "auto"
    ) -> None:
        self.count, self.name = count, card.name
        wide, deep = card.channels, len(card.specs)
        self._graphs = [
            BoundGraph(
                folder / DECODE_VOICES,
                {"z": (VOICES, deep, "F")},
                {"audio": (VOICES, wide, "T")},
                card.ratio,
                frames,
                noise,
                wanted,
                rows=VOICES,
            )
            for _ in range(-(-count // VOICES))
        ]
        if any(graph.frames != frames for graph in self._graphs):
            raise RosinError(f"{folder}: {DECODE_VOICES} works on other frames than the decoder; export both alike")
        self._frame, self._frames = 0, frames
        self._seeds = np.zeros(count, np.uint64)

    def decode(self, z: F32, out: F32, on: On) -> None:
        """As VoiceRows says; a graph of which no row is on is not run."""
        for number, graph in enumerate(self._graphs):
            first = number * VOICES
            last = min(self.count, first + VOICES)
            if not on[first:last].any():
                continue
            graph.array("z")[: last - first] = z[first:last]
            try:
                graph.run(self._frame)
            except Exception:  # as for one voice: the guard takes it for a runaway
                graph.array("audio").fill(np.nan)
            out[first:last] = graph.array("audio")[: last - first]
        self._frame += self._frames

    def skip(self) -> None:
        """As VoiceRows says."""
        self._frame += self._frames

    def start(self, row: int, seed: int) -> None:
        """As VoiceRows says."""
        graph, at = self._graphs[row // VOICES], row % VOICES
        self._seeds[row] = seed & (2**64 - 1)
        graph.reset_row(at)
        graph.reseed_row(at, seed)

    def reseed(self, frame: int) -> None:
        self._frame = frame

    def reset(self) -> None:
        for graph in self._graphs:
            graph.reset()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """As VoiceRows says."""
        found: dict[str, NDArray[np.generic]] = {
            f"{_PREFIX}{number}.{name}": array.copy()
            for number, graph in enumerate(self._graphs)
            for name, array in graph.state().items()
        }
        return {**found, f"{_PREFIX}seeds": self._seeds.copy(), f"{_PREFIX}frame": np.array([self._frame], np.int64)}

    def set_state(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """As VoiceRows says."""
        if {n: a.shape for n, a in arrays.items()} != {n: a.shape for n, a in self.state().items()}:
            raise misfit(self.name)
        for number, graph in enumerate(self._graphs):
            graph.set_state({name: arrays[f"{_PREFIX}{number}.{name}"].astype(np.float32) for name in graph.states})
        self._seeds[:] = arrays[f"{_PREFIX}seeds"]
        self._frame = int(arrays[f"{_PREFIX}frame"][0])
        for row, seed in enumerate(self._seeds.tolist()):
            self._graphs[row // VOICES].reseed_row(row % VOICES, seed)

    def warm(self, runs: int = 20) -> None:
        """Also what makes CUDA capture its graphs."""
        state = self.state()
        for graph in self._graphs:
            for _ in range(runs):
                graph.run(0)
        self.set_state(state)

    def close(self) -> None:
        for graph in self._graphs:
            graph.close()


class SeparateRows:
    """A voice a row."""

    def __init__(self, voices: list[Voice]) -> None:
        self._voices = voices
        self.count, self.name = len(voices), voices[0].card.name
        self._seeds = np.zeros(self.count, np.uint64)
        self._frame, self._frames = 0, voices[0].frames

    def decode(self, z: F32, out: F32, on: On) -> None:
        """As VoiceRows says."""
        for voice, row, sound, sounds in zip(self._voices, z, out, on.tolist(), strict=True):
            if sounds:
                voice.decode(row, sound)
        self._frame += self._frames

    def skip(self) -> None:
        """As VoiceRows says."""
        self._frame += self._frames

    def start(self, row: int, seed: int) -> None:
        """As VoiceRows says."""
        self._seeds[row] = seed & (2**64 - 1)
        self._voices[row].reset()
        self._voices[row].reseed(seed, self._frame)

    def reseed(self, frame: int) -> None:
        self._frame = frame
        for voice, seed in zip(self._voices, self._seeds.tolist(), strict=True):
            voice.reseed(seed, frame)

    def reset(self) -> None:
        for voice in self._voices:
            voice.reset()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """As VoiceRows says."""
        kept = [voice.snapshot() for voice in self._voices]
        found: dict[str, NDArray[np.generic]] = {
            f"{_PREFIX}{number}.{name}": array for number, one in enumerate(kept) for name, array in one.arrays.items()
        }
        # (A voice that works on longer frames than a block counts its own, and one that is not on stands still.)
        frames = np.array([one.frame for one in kept], np.int64)
        return {
            **found,
            f"{_PREFIX}seeds": self._seeds.copy(),
            f"{_PREFIX}frame": np.array([self._frame], np.int64),
            f"{_PREFIX}frames": frames,
        }

    def set_state(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """As VoiceRows says."""
        if f"{_PREFIX}seeds" not in arrays or arrays[f"{_PREFIX}seeds"].shape != (self.count,):
            raise misfit(self.name)
        frames = arrays.get(f"{_PREFIX}frames", np.full(self.count, arrays[f"{_PREFIX}frame"][0]))
        if frames.shape != (self.count,):
            raise misfit(self.name)
        self._seeds[:] = arrays[f"{_PREFIX}seeds"]
        self._frame = int(arrays[f"{_PREFIX}frame"][0])
        for number, voice in enumerate(self._voices):
            mine = f"{_PREFIX}{number}."
            own = {name.removeprefix(mine): array for name, array in arrays.items() if name.startswith(mine)}
            kept = voice.snapshot()
            voice.restore(type(kept)(kept.model, int(self._seeds[number]), int(frames[number]), own))

    def warm(self, runs: int = 20) -> None:
        for voice in self._voices:
            voice.warm(runs)

    def close(self) -> None:
        for voice in self._voices:
            voice.close()
