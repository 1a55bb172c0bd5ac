"""Take writing: how each thing that acted stands in a take, by the table of events. Below take.
After take_lines, which reads it.

What is written is read again: a number that no hand can send is brought to where the engine takes it to be. None: it is
no knob, slot or key, and did nothing.
"""

from __future__ import annotations

import json
from typing import Any

from instrument.documents.take_lines import Cue, Row
from instrument.ipc import Gesture
from instrument.ipc.events import EVENT_OF, MIDI_CHANNELS, NOTE_ID_MAX, Event, EventField
from instrument.knobs import KnobTable


def _within(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))


def row_of(cue: Cue) -> Row:
    """What ``cue_of`` reads."""
    row: Row = {"patch": cue.patch, "seed": cue.seed}
    row |= {key: value for key in ("file", "digest", "model") if (value := getattr(cue, key))}
    if cue.scenes is not None:
        row["scenes"] = {str(slot + 1): dict(scene.knobs) for slot, scene in cue.scenes.items()}
    if cue.blend_ms is not None:
        row["blend_ms"] = cue.blend_ms
    return row if cue.fresh else {**row, "fresh": False}


def _said(field: EventField, word: float, table: KnobTable) -> Any:
    """What a take says of one word of a gesture; None: there is no such knob, slot or key."""
    if field.form == "id":
        return table[int(word)].id if word < len(table) else None
    if field.form == "hex":
        return f"{word:016x}"
    if field.form == "whole":
        if field.word == "value":  # a switch, or one of several: the nearest
            return sum(word >= step - 0.5 for step in range(int(field.low) + 1, int(field.high) + 1))
        said = int(word) - field.base
        if field.word == "knob" and not field.low <= said <= field.high:
            return None
        return min(int(field.high), said)
    amount = word if field.scale == 1 else (word - field.base) / field.scale
    return _within(field.low, amount, field.high)


def _row(event: Event, gesture: Gesture, table: KnobTable) -> Row | None:
    row: Row = {}
    for field in event.fields:
        said = _said(field, getattr(gesture, field.word), table)
        if said is None:
            return None
        if not (field.spared and said == field.usual):
            row[field.key] = said
    row = row or {event.key: True}
    if 0 < gesture.channel <= MIDI_CHANNELS:
        row["channel"] = gesture.channel
    if 0 < gesture.note_id <= NOTE_ID_MAX:
        row["note_id"] = gesture.note_id
    return row


def line_of(gesture: Gesture, t: float, table: KnobTable, **more: Any) -> str | None:
    """The line of a take that says this gesture, or None for kinds that a take does not keep."""
    event = EVENT_OF[gesture.kind]
    row = _row(event, gesture, table) if event.line_key and gesture.value == gesture.value else None
    return None if row is None else json.dumps({"t": round(t, 6), **row, **more})
