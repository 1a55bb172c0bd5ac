"""Take writing: how each thing that acted stands in a take, a row a kind. After take_lines, which reads it, below take.

What is written is read again: a number that no hand can send is brought to where the engine takes it to be. None: it is
no knob, slot or key, and did nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from instrument.documents.take_lines import (
    BARE,
    BLEND_MS,
    NOTE_MAX,
    SLOT_MAX,
    SLOTTED,
    TAKE_SECONDS_MAX,
    VALUED,
    Cue,
    Row,
)
from instrument.ipc import NO_SHIFT, Gesture, Kind
from instrument.knobs import SCENES, KnobTable


def _within(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))


def _mode(value: float) -> int:
    return 0 if value < 0.5 else 2 if value >= 1.5 else 1


def row_of(cue: Cue) -> Row:
    """What ``cue_of`` reads."""
    row: Row = {"patch": cue.patch, "seed": cue.seed}
    row |= {key: value for key in ("file", "digest", "model") if (value := getattr(cue, key))}
    if cue.scenes is not None:
        row["scenes"] = {str(slot + 1): dict(scene.knobs) for slot, scene in cue.scenes.items()}
    if cue.blend_ms is not None:
        row["blend_ms"] = cue.blend_ms
    return row if cue.fresh else {**row, "fresh": False}


def _write_knob(g: Gesture, table: KnobTable) -> Row | None:
    if g.knob >= len(table):
        return None
    return {"knob": table[g.knob].id, "value": _within(0.0, g.value, 1.0)}


def _write_push(g: Gesture, table: KnobTable) -> Row | None:
    if g.knob >= len(table):
        return None
    return {"push": table[g.knob].id, "value": _within(-1.0, g.value, 1.0)}


def _write_note_on(g: Gesture, table: KnobTable) -> Row | None:
    return {"note": g.knob, "velocity": _within(0.0, g.value, 1.0)} if g.knob <= NOTE_MAX else None


def _write_note_off(g: Gesture, table: KnobTable) -> Row | None:
    return {"note": g.knob, "velocity": 0.0} if g.knob <= NOTE_MAX else None


def _write_bridge(g: Gesture, table: KnobTable) -> Row | None:
    if g.knob >= len(table):
        return None
    seconds = min(g.extra / 1000, TAKE_SECONDS_MAX)
    return {"bridge": table[g.knob].id, "value": _within(0.0, g.value, 1.0), "seconds": seconds}


def _write_accident(g: Gesture, table: KnobTable) -> Row:
    shift = (g.knob - NO_SHIFT) / 100
    row = {"accident": f"{g.extra:016x}", "mode": _mode(g.value)}
    return {**row, "shift": shift} if shift else row


def _write_hear(g: Gesture, table: KnobTable) -> Row:
    return {"hear": g.knob, "on": int(g.value >= 0.5)}


def _write_scene(g: Gesture, table: KnobTable) -> Row | None:
    if g.knob >= SCENES:
        return None
    return {"scene": g.knob + 1, **({"blend_ms": min(BLEND_MS, g.extra)} if g.extra else {})}


def _write_scene_save(g: Gesture, table: KnobTable) -> Row | None:
    return {"scene_save": g.knob + 1} if g.knob < SCENES else None


def _write_seed(g: Gesture, table: KnobTable) -> Row:
    return {"seed": g.extra}


def _write_valued(key: str) -> Callable[[Gesture, KnobTable], Row]:
    return lambda g, table: {key: _within(-1.0 if key == "bend" else 0.0, g.value, 1.0)}


def _write_slotted(key: str) -> Callable[[Gesture, KnobTable], Row | None]:
    return lambda g, table: {key: g.knob} if g.knob <= SLOT_MAX else None


def _write_bare(key: str) -> Callable[[Gesture, KnobTable], Row]:
    return lambda g, table: {key: True}


WRITE: dict[Kind, Callable[[Gesture, KnobTable], Row | None]] = {
    Kind.KNOB: _write_knob,
    Kind.FORCE: _write_push,
    Kind.NOTE_ON: _write_note_on,
    Kind.NOTE_OFF: _write_note_off,
    Kind.BRIDGE: _write_bridge,
    Kind.ACCIDENT: _write_accident,
    Kind.HEAR: _write_hear,
    Kind.SCENE: _write_scene,
    Kind.SCENE_SAVE: _write_scene_save,
    Kind.SEED: _write_seed,
    **{kind: _write_valued(key) for key, kind in VALUED.items()},
    **{kind: _write_slotted(key) for key, kind in SLOTTED.items()},
    **{kind: _write_bare(key) for key, kind in BARE.items()},
}
ASKED = frozenset({Kind.PATCH, Kind.RECORD, Kind.KEEP})
"""Kinds that ask for something beside the sound: no line. A change of patch has one where it comes (a Cue)."""


def line_of(gesture: Gesture, t: float, table: KnobTable, **more: Any) -> str | None:
    """The line of a take that says this gesture, or None for kinds that a take does not keep."""
    write = WRITE.get(Kind(gesture.kind))
    row = write(gesture, table) if write is not None and gesture.value == gesture.value else None
    return None if row is None else json.dumps({"t": round(t, 6), **row, **more})
