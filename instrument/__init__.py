"""Rosin: an instrument that pushes back, as a library. The one door; behind it the rooms, each imported when asked for.

Five lines that make a sound file, with the engine that plays live::

    from instrument import knob, note, open_engine, render, save

    engine = open_engine("bow", seed=7)
    sound = render(engine, 4.0, [note(0.2, 50), knob(1.0, "z1", 0.9), note(3.0, 50, 0.0)])
    save("bow.wav", sound, engine)

``import instrument`` alone imports nothing else: no numpy, no onnxruntime, no sound device. Times are seconds, knob
positions raw 0..1 (1 = one travel), audio float32 [channels, samples] in -1..1. What a player can mend is a RosinError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# ONNX Runtime (1.29 and later) would tell its makers of every model that is opened: a thread, a connection and a
# database in the player's home, and that in the process that plays. It looks at this when it is loaded, never later, so
# it stands before everything of ours that could load it; whoever sets it to 0 has it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from instrument.audio.device import list_devices
    from instrument.audio.ring import Adapter
    from instrument.audio.settings import SoundSettings
    from instrument.base.errors import RosinError
    from instrument.base.errors import ValidationErrors as Mistakes
    from instrument.base.paths import find_patches, shipped
    from instrument.documents.patch import Patch, patch_from, read_patch, table_of
    from instrument.documents.rig import Rig, read_rig
    from instrument.documents.take import Take, read_take
    from instrument.documents.take import TakeEvent as Event
    from instrument.engine.control import QUANTUM
    from instrument.engine.engine import Engine
    from instrument.engine.layer import Layer as Part
    from instrument.engine.layout import CHANNELS
    from instrument.engine.snapshot import Snapshot
    from instrument.hands.worker import HandsSettings
    from instrument.ipc import Flags, Frame, Gesture, Kind, Link, Source
    from instrument.knobs import Knob, KnobTable, Label, LatentSpec
    from instrument.run.show import Show
    from instrument.storage.bank import open_part

    Provider = Literal["auto", "cpu", "cuda"]

_ROOMS = {
    "base.errors": ("Mistakes", "RosinError"),
    "hands.worker": ("HandsSettings",),
    "knobs": ("Knob", "KnobTable", "Label", "LatentSpec"),
    "ipc": ("Flags", "Frame", "Gesture", "Kind", "Link", "Source"),
    "documents.patch": ("Patch", "patch_from", "read_patch", "table_of"),
    "base.paths": ("find_patches", "shipped"),
    "documents.take": ("Event", "Take", "read_take"),
    "documents.rig": ("Rig", "read_rig"),
    "run.show": ("Show",),
    "storage.bank": ("open_part",),
    "audio.device": ("list_devices",),
    "engine.control": ("QUANTUM",),
    "engine.engine": ("Engine",),
    "engine.layer": ("Part",),
    "engine.layout": ("CHANNELS",),
    "engine.snapshot": ("Snapshot",),
    "audio.ring": ("Adapter",),
    "audio.settings": ("SoundSettings",),
}
_CALLED = {"Part": "Layer", "Event": "TakeEvent", "Mistakes": "ValidationErrors"}
"""Public names that are called otherwise in their rooms."""
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [  # noqa: RUF022 - in the order in which one meets them
    "open_engine", "render", "save", "note", "knob",
    "Engine", "Part", "Snapshot", "open_part", "Adapter", "QUANTUM", "CHANNELS",
    "Event", "Take", "read_take", "Gesture", "Kind", "Source", "Frame", "Flags", "Link",
    "Patch", "patch_from", "read_patch", "table_of", "find_patches", "shipped", "Rig", "read_rig",
    "Knob", "KnobTable", "Label", "LatentSpec",
    "Show", "SoundSettings", "HandsSettings", "list_devices", "RosinError", "Mistakes",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """A public name, out of its room, the first time it is asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("rosin")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'instrument' has no attribute {name!r}")
    value = getattr(import_module(f"instrument.{_ROOM_OF[name]}"), _CALLED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def open_engine(
    patch: str | Path | Patch = "",
    *,
    seed: int | None = None,
    provider: Provider = "cpu",
    models: str = "",
    allow_uncredited: bool = False,
    ceiling_db: float = -1.0,
) -> Engine:
    """An engine that plays ``patch``: a name (``"bow"``), the path of a file, or a Patch; empty = the first shipped.

    ``seed`` replaces the patch's. ``provider``: on ``"cpu"``, the default, one seed is one result, bit for bit.
    ``models``: a folder of models looked in first. RosinError, or Mistakes with every line, when it cannot be played.
    """
    from instrument.base.paths import find_patches
    from instrument.documents.patch import Patch, read_patch
    from instrument.engine.engine import Engine
    from instrument.storage.bank import open_part

    index = 0
    if not isinstance(patch, Patch):
        paths, index = find_patches(str(patch))
        patch = read_patch(paths[index])
    part = open_part(patch, index, provider=provider, models=models, allow_uncredited=allow_uncredited, seed=seed)
    return Engine(part, ceiling_db)


def render(engine: Engine, seconds: float, events: Iterable[Event] = ()) -> NDArray[np.float32]:
    """Let ``engine`` play on for ``seconds`` with ``events``, as fast as it can: float32 [2, round(seconds * rate)].

    The ``t`` of an event is counted from where the engine is now, so renders can follow one another (each begins at a
    whole block of 128 samples). RosinError for a knob that the patch does not have. Same seed and events, same bits.
    """
    from instrument.documents.take import Take, gestures
    from instrument.rehearsal.render import offline

    take = Take(engine.layer.patch.name, None, seconds, tuple(sorted(events, key=lambda event: event.t)))
    now = engine.sample / engine.rate
    return offline(engine, seconds, [(gesture.time, gesture) for gesture in gestures(take, engine.layer.table, now)])


def save(path: str | Path, sound: NDArray[np.float32], engine: Engine) -> None:
    """Write float32 [channels, samples] as .wav, .flac or .aiff, with patch, seed, model and credits inside the file.

    WAV and AIFF keep every bit (float); FLAC is 24 bit. RosinError when it cannot be written.
    """
    import soundfile

    from instrument.base.errors import RosinError
    from instrument.base.writing import replacing

    path = Path(path)
    subtype = "PCM_24" if path.suffix.lower() == ".flac" else "FLOAT"
    try:
        suffix = path.suffix.upper()[1:]
        kind = "AIFF" if suffix == "AIF" else suffix  # (the file beside it has another name)
        with (
            replacing(path) as beside,
            soundfile.SoundFile(beside, "w", engine.rate, len(sound), subtype, format=kind) as file,
        ):
            for key, text in engine.layer.recording_notes().items():
                if text:
                    setattr(file, key, text)
            file.write(sound.T)
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
        raise RosinError(
            f"{path} cannot be written ({error}); name a .wav, .flac or .aiff in a folder of yours"
        ) from None


def note(t: float, number: int, velocity: float = 0.8) -> Event:
    """A key at ``t`` s: MIDI note ``number`` goes down with ``velocity`` 0..1, or up when that is 0."""
    from instrument.documents.take import TakeEvent as Event
    from instrument.ipc import Kind

    return Event(t, Kind.NOTE_ON if velocity > 0.0 else Kind.NOTE_OFF, velocity, number=number)


def knob(t: float, id: str, raw: float) -> Event:
    """The hand on knob ``id`` goes to ``raw`` 0..1 at ``t`` s; where the knob goes, friction and chance decide."""
    from instrument.documents.take import TakeEvent as Event
    from instrument.ipc import Kind

    return Event(t, Kind.KNOB, raw, id)
