"""Opening: the whole engine as a take begins in the middle of playing. Beside snapshot, before the take's file.

A snapshot is one patch at rest on stage. An opening has all that is under way besides: the patch that fades away, the
keys that are held, an excerpt that is heard, the moments kept in slots, how worn the models are, and every accident
that is called in the course of the take. From it the take's gestures give the same samples again, bit for bit.

``of`` copies, and is for the callback, once a take; as bytes it is an npz without pickles, in the file ``.state``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.npz import npz_from, read_npz
from instrument.chance.accident import Accident
from instrument.engine.effects.excerpt_player import HearingState
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.engine.snapshot import Snapshot
from instrument.ipc.events import SLOTS

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Usage = Mapping[str, F64]

FORMAT = 1
TRACKS_MAX = 64
"""Accidents that one take keeps with it, 2 MB each at most."""
BYTES_MOST, MEMBERS_MOST = 1 << 28, 4096
"""Of a file: 150 MB of accidents, eight moments in slots, and the rest."""
_NOT_ONE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError, RecursionError, RosinError)


@dataclass(frozen=True, slots=True)
class Standing:
    """One layer as it stands: its snapshot, its last latents f32 [V, L, F], and the wear of its voice."""

    snapshot: Snapshot
    z: F32
    usage: Usage

    @classmethod
    def of(cls, layer: Layer, engine: Engine | None = None) -> Standing:
        """``engine``: on whose stage it is, for what is not the layer's own (the tape, the guard)."""
        kept = (
            engine.snapshot()
            if engine is not None
            else Snapshot(
                layer.patch.name,
                layer.speaking,
                layer.seed,
                0,
                layer.voice_state(),
                layer.control.state(),
                {},
                {},
                0.0,
            )
        )
        return cls(kept, layer.z.copy(), layer.voice.usage())

    def give(self, layer: Layer) -> None:
        """Let a layer of the same patch stand so. RosinError or ValueError when it cannot be."""
        kept = self.snapshot
        layer.voice.load_usage(self.usage)
        layer.restore_voice(kept.voice)
        layer.control.set_state(kept.control)
        layer.seed, layer.speaking, layer.fresh = kept.seed, kept.speaking, False
        layer.z[:] = self.z


@dataclass(slots=True)
class Opening:
    """``name`` stands in the take's first line, too. ``usage``, by patch: of those that came on stage later."""

    name: str
    sample: int
    on: Standing
    leaving: Standing | None
    coming: Standing | None
    fade: tuple[float, float]
    panicked: bool
    held: dict[str, Any]
    hearing: HearingState
    slots: dict[int, Snapshot] = field(default_factory=dict)
    accidents: dict[str, Accident] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    told: Standing | None = None
    """The layer that the stream is of, as it stood when that began, where that was later than the take."""

    @classmethod
    def of(cls, engine: Engine, name: str) -> Opening:
        """The engine as it is between two blocks."""
        for layer in engine.layers:
            _settle(layer)
        layers, coming = engine.layers, engine.coming
        waits = coming is not None and not coming.fresh and coming not in layers
        opening = cls(
            name,
            engine.sample,
            Standing.of(engine.layer, engine),
            Standing.of(layers[1]) if len(layers) > 1 else None,
            Standing.of(coming) if coming is not None and waits else None,
            engine.fade,
            engine.panicked,
            engine.held.state(),
            engine.hearing.state(),
            {i: kept for i, kept in enumerate(engine.slots) if kept is not None},
        )
        library = engine.layer.accidents
        playing = {
            key for layer in layers if (key := layer.control.mix.replay.key) and layer.control.mix.replay.playing
        }
        playing |= {
            int(kept.control["mix"]["replay"]["key"])
            for kept in opening.slots.values()
            if kept.control["mix"]["replay"]["mode"]
        }
        for layer in layers:
            library = {**library, **layer.accidents}
        opening.accidents = {n: accident for n, accident in library.items() if accident.key in playing}
        return opening

    def give(self, engine: Engine, leaving: Layer | None = None) -> None:
        """Let an engine, on the patch that began, be so; ``leaving``: a layer for the one that fades away."""
        layer = engine.layer
        self.teach(layer)
        self.on.give(layer)
        engine.restore(self.on.snapshot)
        layer.voice.load_usage(self.on.usage)
        if self.leaving is not None and leaving is not None:
            self.teach(leaving)
            self.leaving.give(leaving)
            engine.fade_from(leaving, *self.fade)
        engine.panicked = self.panicked
        engine.held.set_state(self.held)
        engine.hearing.set_state(self.hearing)
        for i, kept in self.slots.items():
            engine.slots[i] = kept

    def teach(self, layer: Layer) -> None:
        """Have the accidents of the take ready. Keys call none: a take says what was called."""
        for accident in self.accidents.values():
            layer.learn(accident)
        layer.accident_keys.clear()

    # --- as bytes

    def to_bytes(self) -> bytes:
        """As an npz; no pickle inside."""
        head = {
            "format": FORMAT,
            "name": self.name,
            "sample": self.sample,
            "fade": list(self.fade),
            "panicked": self.panicked,
            "held": self.held,
            "hearing": self.hearing.numbers(),
            "accidents": list(self.accidents),
            "usage": list(self.usage),
        }
        arrays: dict[str, NDArray[Any]] = {"opening": _raw(json.dumps(head).encode())}
        for role in ("on", "leaving", "coming", "told"):
            if (one := getattr(self, role)) is not None:
                arrays |= {role: _raw(one.snapshot.to_bytes()), f"{role}.z": one.z}
                arrays |= {f"{role}.usage/{layer}": seconds for layer, seconds in one.usage.items()}
        arrays |= {f"hearing/{name}": sound for name, sound in self.hearing.sounds().items()}
        arrays |= {f"slot/{i}": _raw(kept.to_bytes()) for i, kept in self.slots.items()}
        arrays |= {f"accident/{i}": _raw(accident.to_bytes()) for i, accident in enumerate(self.accidents.values())}
        for i, usage in enumerate(self.usage.values()):
            arrays |= {f"usage/{i}/{layer}": seconds for layer, seconds in usage.items()}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """What to_bytes() wrote. RosinError for anything else; nothing is ever unpickled."""
        try:
            return cls._of(npz_from(data, bytes_most=BYTES_MOST, members_most=MEMBERS_MOST))
        except _NOT_ONE:
            raise RosinError("these bytes are no opening of a take; play it without, or record it again") from None

    @classmethod
    def _of(cls, found: Mapping[str, NDArray[Any]]) -> Opening:
        head = json.loads(found["opening"].tobytes())
        if head["format"] != FORMAT:
            raise ValueError("another format")
        on = _standing(found, "on")
        if on is None:
            raise ValueError("nothing on stage")
        accidents = [Accident.from_bytes(found[f"accident/{i}"].tobytes()) for i in range(len(head["accidents"]))]
        return cls(
            str(head["name"]),
            int(head["sample"]),
            on,
            _standing(found, "leaving"),
            _standing(found, "coming"),
            (float(head["fade"][0]), float(head["fade"][1])),
            bool(head["panicked"]),
            dict(head["held"]),
            HearingState.read(head["hearing"], {n[8:]: a for n, a in found.items() if n.startswith("hearing/")}),
            {i: Snapshot.from_bytes(found[f"slot/{i}"].tobytes()) for i in range(SLOTS) if f"slot/{i}" in found},
            dict(zip((str(name) for name in head["accidents"]), accidents, strict=True)),
            {str(patch): _within(found, f"usage/{i}/") for i, patch in enumerate(head["usage"])},
            _standing(found, "told"),
        )


def read_state(path: Path) -> Opening | Snapshot:
    """A .state file: an opening, or the snapshot of earlier versions. FileNotFoundError: there is none; RosinError:
    it is neither, or cannot be read."""
    remedy = "move it away, or record again"
    found = read_npz(path, remedy, bytes_most=BYTES_MOST, members_most=MEMBERS_MOST)
    if "opening" not in found:
        return Snapshot.read(path)
    try:
        return Opening._of(found)
    except _NOT_ONE:
        raise RosinError(f"{path} is no opening of a take; {remedy}") from None


def _settle(layer: Layer) -> None:
    """How worn the channels are is looked up when the amount moves: so that it is the same again, now."""
    if layer.control.amounts.model.wear > 0.0:
        layer.restore_voice(layer.voice_state())


def _standing(found: Mapping[str, NDArray[Any]], role: str) -> Standing | None:
    if role not in found:
        return None
    snapshot = Snapshot.from_bytes(found[role].tobytes())
    return Standing(snapshot, np.asarray(found[f"{role}.z"], np.float32), _within(found, f"{role}.usage/"))


def _within(found: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, F64]:
    return {n.removeprefix(prefix): np.asarray(a, np.float64) for n, a in found.items() if n.startswith(prefix)}


def _raw(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)
