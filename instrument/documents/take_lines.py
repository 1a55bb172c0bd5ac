"""Take lines: what each line of a take says, a row a kind. Below take; the way back is take_writing.

A line is one JSON object: ``t`` and what the row of its kind says. Knobs and patches are named, never numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instrument.base.validation import short
from instrument.documents.patch import Scene
from instrument.documents.patch_shape import BLEND_MS_MAX
from instrument.ipc import NO_SHIFT, Kind
from instrument.knobs import SCENES

TAKE_SECONDS_MAX = 24 * 3600.0
SEED_MAX = 2**64 - 1
"""As the link has it: a negative number's bits are as good a seed as any."""
SLOT_MAX = 7
NOTE_MAX = 127
HEARD_MAX = 65535
BLEND_MS = 3_600_000
"""Longest way to a scene that a gesture asks for, ms: an hour."""
SAMPLES_MAX = round(TAKE_SECONDS_MAX * 768_000)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cue:
    """A patch that comes on stage: its name and, as far as the take says, where its file lay, what was in it, under
    which seed and with which scenes it came. ``fresh``: as the patch begins; else as it was left."""

    patch: str
    file: str = ""
    digest: str = ""
    model: str = ""
    seed: int | None = None
    scenes: Mapping[int, Scene] | None = None
    """By slot; None: the take does not say, and the patch's count."""
    blend_ms: float | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class TakeEvent:
    """One gesture of a take. ``knob`` is a knob's id, or empty for kinds that have none; ``extra`` as in Gesture."""

    t: float
    kind: Kind
    value: float = 0.0
    knob: str = ""
    number: int = 0
    extra: int = 0
    track: str = ""
    """Of an accident: the name under which the opening of the take has what was called; empty where it has not."""
    cue: Cue | None = None
    """Of a change of patch: which; none while one waits for the fade before it (``number`` is then 0)."""
    stood: bool = False
    """No gesture: where a knob stood when the take began."""


@dataclass(frozen=True, slots=True)
class End:
    """The last line: how long the take is. ``input``: something came in by the microphone, which is no gesture."""

    t: float
    samples: int
    input: bool = False
    missed: int = 0
    """Gestures that could not be written."""


# --- numbers of a line


def number(row: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f"{key}: {short(value)} is not a number; write one from {low:g} to {high:g}")
    if not low <= value <= high:
        raise ValueError(f"{key}: {short(value)} is out of range; write one from {low:g} to {high:g}")
    return float(value)


def whole(row: Mapping[str, Any], key: str, high: int, low: int = 0) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{key}: {short(value)} does not fit; write a whole number from {low} to {high}")
    return value


def text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key}: {short(value)} is no text; write one in quotes, or leave it out")
    return value


def scenes_of(row: Mapping[str, Any]) -> dict[int, Scene] | None:
    """The scenes of a first line, or of a change of patch."""
    rows = row.get("scenes")
    if rows is None:
        return None
    numbers = [str(slot + 1) for slot in range(SCENES)]
    if not isinstance(rows, Mapping) or not all(n in numbers and isinstance(r, Mapping) for n, r in rows.items()):
        raise ValueError(f'scenes: {short(rows)} does not fit; write {{"1": {{"KNOB": 0.5, ...}}, ...}}')
    return {int(n) - 1: Scene({str(id): number(raws, id, 0.0, 1.0) for id in raws}) for n, raws in rows.items()}


def _named(row: Mapping[str, Any], key: str) -> str:
    if not isinstance(row[key], str) or not row[key]:
        raise ValueError(f"{key}: {short(row[key])} is no knob; write its id, as `rosin knobs` lists them")
    return str(row[key])


# --- from lines


def _read_knob(t: float, row: Row) -> TakeEvent:
    stood = row.get("stood") is True
    return TakeEvent(t, Kind.KNOB, number(row, "value", 0.0, 1.0), _named(row, "knob"), stood=stood)


def _read_push(t: float, row: Row) -> TakeEvent:
    return TakeEvent(t, Kind.FORCE, number(row, "value", -1.0, 1.0), _named(row, "push"))


def _read_note(t: float, row: Row) -> TakeEvent:
    note = whole(row, "note", NOTE_MAX)
    velocity = number(row, "velocity", 0.0, 1.0)
    return TakeEvent(t, Kind.NOTE_ON if velocity else Kind.NOTE_OFF, velocity, number=note)


def _read_bridge(t: float, row: Row) -> TakeEvent:
    knob, seconds = _named(row, "bridge"), number(row, "seconds", 0.0, TAKE_SECONDS_MAX)
    return TakeEvent(t, Kind.BRIDGE, number(row, "value", 0.0, 1.0), knob, extra=round(seconds * 1000))


def _read_accident(t: float, row: Row) -> TakeEvent:
    shift = number({"shift": 0.0, **row}, "shift", -327.68, 327.67)
    mode = whole({"mode": 1, **row}, "mode", 2)
    try:
        called = int(str(row["accident"]), 16)
    except ValueError:
        called = -1
    if not 0 <= called < 2**64:
        raise ValueError(f"accident: {short(row['accident'])} is no accident; write its number in 16 hex digits")
    return TakeEvent(
        t, Kind.ACCIDENT, float(mode), number=NO_SHIFT + round(shift * 100), extra=called, track=text(row, "track")
    )


def _read_hear(t: float, row: Row) -> TakeEvent:
    return TakeEvent(t, Kind.HEAR, float(whole({"on": 1, **row}, "on", 1)), number=whole(row, "hear", HEARD_MAX))


def _read_scene(t: float, row: Row) -> TakeEvent:
    ms = whole({"blend_ms": 0, **row}, "blend_ms", BLEND_MS)
    return TakeEvent(t, Kind.SCENE, number=whole(row, "scene", SCENES, 1) - 1, extra=ms)


def _read_scene_save(t: float, row: Row) -> TakeEvent:
    return TakeEvent(t, Kind.SCENE_SAVE, number=whole(row, "scene_save", SCENES, 1) - 1)


def _read_seed(t: float, row: Row) -> TakeEvent:
    return TakeEvent(t, Kind.SEED, number=whole(row, "seed", SEED_MAX))


def _read_patch(t: float, row: Row) -> TakeEvent:
    if row.get("waits") is True:
        return TakeEvent(t, Kind.PATCH)
    return TakeEvent(t, Kind.PATCH, 1.0, cue=cue_of(row))


def cue_of(row: Row) -> Cue:
    """A patch as a first line or a change of patch names it."""
    if not isinstance(row.get("patch"), str):
        raise ValueError(f"patch: {short(row.get('patch'))} is no patch; write its name")
    if row.get("seed") is not None:
        whole(row, "seed", SEED_MAX)
    blend_ms = number(row, "blend_ms", 0.0, BLEND_MS_MAX) if "blend_ms" in row else None
    return Cue(
        row["patch"],
        text(row, "file"),
        text(row, "digest"),
        text(row, "model"),
        row.get("seed"),
        scenes_of(row),
        blend_ms,
        row.get("fresh") is not False,
    )


def _valued(key: str, kind: Kind) -> Callable[[float, Row], TakeEvent]:
    return lambda t, row: TakeEvent(t, kind, number(row, key, -1.0, 1.0))


def _slotted(key: str, kind: Kind) -> Callable[[float, Row], TakeEvent]:
    return lambda t, row: TakeEvent(t, kind, number=whole(row, key, SLOT_MAX))


def _bare(kind: Kind) -> Callable[[float, Row], TakeEvent]:
    return lambda t, row: TakeEvent(t, kind)


VALUED = {"bend": Kind.BEND, "pressure": Kind.PRESSURE, "sustain": Kind.SUSTAIN, "hands_only": Kind.HANDS_ONLY}
"""Key of the line -> kind; the value is the key's own."""
SLOTTED = {"snapshot": Kind.SNAPSHOT, "restore": Kind.RESTORE}
BARE = {
    "panic": Kind.PANIC,
    "resume": Kind.RESUME,
    "reset": Kind.RESET,
    "notes_off": Kind.ALL_NOTES_OFF,
    "fill": Kind.FILL,
    "mark": Kind.MARK,
}
READ: dict[str, Callable[[float, Row], TakeEvent]] = {
    "knob": _read_knob,
    "push": _read_push,
    "note": _read_note,
    "bridge": _read_bridge,
    "accident": _read_accident,
    "hear": _read_hear,
    "scene": _read_scene,
    "scene_save": _read_scene_save,
    "patch": _read_patch,
    "seed": _read_seed,
    **{key: _valued(key, kind) for key, kind in VALUED.items()},
    **{key: _slotted(key, kind) for key, kind in SLOTTED.items()},
    **{key: _bare(kind) for key, kind in BARE.items()},
}
"""By the key that says what a line is; the first that a line has counts."""


def event_of(row: Row) -> TakeEvent | End:
    """What one line says. ValueError with key, value and remedy."""
    t = number(row, "t", 0.0, TAKE_SECONDS_MAX)
    if "end" in row:
        missed = whole({"missed": 0, **row}, "missed", 2**53)
        return End(t, whole(row, "end", SAMPLES_MAX), row.get("input") is True, missed)
    for key, read in READ.items():
        if key in row:
            return read(t, row)
    raise ValueError(
        f"{short(sorted(row))} says no gesture; write knob, push, note, bend, pressure, sustain, seed, panic ..."
    )
