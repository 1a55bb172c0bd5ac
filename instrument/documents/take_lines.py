"""Take lines: what each line of a take says, by the table of events. Below take; the way back is take_writing.

A line is one JSON object: ``t`` and the fields of its event. Knobs and patches are named, never numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instrument.base.validation import short
from instrument.documents.patch import Scene
from instrument.documents.patch_shape import BLEND_MS_MAX
from instrument.ipc import Kind
from instrument.ipc.events import EVENTS, MIDI_CHANNELS, NOTE_ID_MAX, TAKE_SECONDS_MAX, Event, EventField, Is
from instrument.knobs import SCENES

SEED_MAX = 2**64 - 1
"""As the link has it: a negative number's bits are as good a seed as any."""
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
    channel: int = 0
    note_id: int = 0
    """As in Gesture; 0: the take does not say."""

    @property
    def changes(self) -> bool:
        """Whether another patch comes, or waits to: no gesture that one patch could play."""
        return self.kind is Kind.PATCH


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


def _word(row: Row, field: EventField) -> float:
    """What a field of a line is in the record."""
    if field.usual is not None:
        row = {field.key: field.usual, **row}
    if field.form == "hex":
        return _hex(row, field)
    if field.form == "whole":
        return field.base + whole(row, field.key, int(field.high), int(field.low)) * field.scale
    low = field.low if field.read_from is None else field.read_from
    said = number(row, field.key, low, field.high)
    return said if field.word == "value" else field.base + round(said * field.scale)


def _hex(row: Row, field: EventField) -> int:
    try:
        found = int(str(row[field.key]), 16)
    except ValueError:
        found = -1
    if not field.low <= found <= field.high:
        key = field.key
        raise ValueError(f"{key}: {short(row[key])} is no {key}; write its number in 16 hex digits")
    return found


def _reader(event: Event) -> Callable[[float, Row], TakeEvent]:
    """Reads the lines of one event: what its row in the table says of each field."""

    def read(t: float, row: Row) -> TakeEvent:
        words: dict[str, float] = {"knob": 0, "value": 0.0, "extra": 0}
        named, kind = "", event.kind
        for field in event.fields:
            if field.form == "id":
                named = _named(row, field.key)
            else:
                words[field.word] = _word(row, field)
        if event.at_zero is not None and not words["value"]:
            kind = event.at_zero
        if is_numbered(event):
            words["knob"], words["extra"] = words["extra"], 0
        track = text(row, "track") if Is.TRACKED in event.flags else ""
        stood = Is.STOOD in event.flags and row.get("stood") is True
        value, whole_one, extra = float(words["value"]), int(words["knob"]), int(words["extra"])
        channel = whole({"channel": 0, **row}, "channel", MIDI_CHANNELS)
        note_id = whole({"note_id": 0, **row}, "note_id", NOTE_ID_MAX)
        return TakeEvent(t, kind, value, named, whole_one, extra, track, None, stood, channel, note_id)

    return read


def is_numbered(event: Event) -> bool:
    """Whether what an event of a take calls ``number`` is the ``extra`` of its gesture: it is about no ``knob``."""
    return event.field("knob") is None


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


READ: dict[str, Callable[[float, Row], TakeEvent]] = {"patch": _read_patch}
for _event in EVENTS:
    if _event.line_key:
        READ.setdefault(_event.line_key, _reader(_event))
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
