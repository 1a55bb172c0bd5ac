"""Take: the gestures of a performance, kept as they came, so that the same engine can play them again.

A text file, one JSON object a line. The first line names the patch and the seed; each other line is a gesture at
``t`` seconds after the start. Knobs are named, never numbered, so that a take survives a retrained model. The scenes
that the patch had then stand in the first line: a scene that is kept anew later does not change what was played.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instrument.base.reading import read_bytes
from instrument.errors import Mistakes, RosinError
from instrument.fields import short
from instrument.knobs import SCENES, KnobTable
from instrument.link import NO_SHIFT, Gesture, Kind, Source
from instrument.patch import Scene
from instrument.patch_shape import BLEND_MS_MAX

VERSION = 1
TAKE_SECONDS_MAX = 24 * 3600.0
SEED_MAX = 2**64 - 1
SLOT_MAX = 7
MISTAKES_MOST = 20
TAKE_BYTES_MAX = 256 << 20
"""Of a take's file: twelve hours of a hundred gestures a second."""


@dataclass(frozen=True, slots=True)
class Event:
    """One gesture of a take. ``knob`` is a knob's id, or empty for kinds that have none; ``extra`` as in Gesture."""

    t: float
    kind: Kind
    value: float = 0.0
    knob: str = ""
    number: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Take:
    """A whole take: what it was played on, for how long, and every gesture in order of time."""

    patch: str
    seed: int | None
    seconds: float
    events: tuple[Event, ...]
    path: str = ""
    scenes: Mapping[int, Scene] | None = None
    """By slot, as they were when it began; None: the take does not say, and the patch's count."""
    blend_ms: float | None = None


_VALUED = {  # key of the line -> kind; the value is the key's own
    "bend": Kind.BEND,
    "pressure": Kind.PRESSURE,
    "sustain": Kind.SUSTAIN,
    "hands_only": Kind.HANDS_ONLY,
}
_BARE = {
    "panic": Kind.PANIC,
    "resume": Kind.RESUME,
    "reset": Kind.RESET,
    "notes_off": Kind.ALL_NOTES_OFF,
    "fill": Kind.FILL,
    "mark": Kind.MARK,
}
HEARD_MAX = 65535
BLEND_MS = 3_600_000
"""Longest way to a scene that a gesture asks for, ms: an hour."""
_SLOTTED = {"snapshot": Kind.SNAPSHOT, "restore": Kind.RESTORE}


def _number(row: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f"{key}: {short(value)} is not a number; write one from {low:g} to {high:g}")
    if not low <= value <= high:
        raise ValueError(f"{key}: {short(value)} is out of range; write one from {low:g} to {high:g}")
    return float(value)


def _whole(row: Mapping[str, Any], key: str, high: int, low: int = 0) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{key}: {short(value)} does not fit; write a whole number from {low} to {high}")
    return value


def _event(row: Mapping[str, Any]) -> Event:
    t = _number(row, "t", 0.0, TAKE_SECONDS_MAX)
    if "knob" in row or "push" in row:
        key = "knob" if "knob" in row else "push"
        if not isinstance(row[key], str) or not row[key]:
            raise ValueError(f"{key}: {short(row[key])} is no knob; write its id, as `rosin knobs` lists them")
        if key == "push":
            return Event(t, Kind.FORCE, _number(row, "value", -1.0, 1.0), row["push"])
        return Event(t, Kind.KNOB, _number(row, "value", 0.0, 1.0), row["knob"])
    if "note" in row:
        note = _whole(row, "note", 127)
        velocity = _number(row, "velocity", 0.0, 1.0)
        return Event(t, Kind.NOTE_ON if velocity else Kind.NOTE_OFF, velocity, number=note)
    if "bridge" in row:
        if not isinstance(row["bridge"], str) or not row["bridge"]:
            raise ValueError(f"bridge: {short(row['bridge'])} is no knob; write its id, as `rosin knobs` lists them")
        seconds = _number(row, "seconds", 0.0, TAKE_SECONDS_MAX)
        return Event(t, Kind.BRIDGE, _number(row, "value", 0.0, 1.0), row["bridge"], extra=round(seconds * 1000))
    if "accident" in row:
        shift = _number({"shift": 0.0, **row}, "shift", -327.68, 327.67)
        mode = _whole({"mode": 1, **row}, "mode", 2)
        try:
            called = int(str(row["accident"]), 16)
        except ValueError:
            called = -1
        if not 0 <= called < 2**64:
            raise ValueError(f"accident: {short(row['accident'])} is no accident; write its number in 16 hex digits")
        return Event(t, Kind.ACCIDENT, float(mode), number=NO_SHIFT + round(shift * 100), extra=called)
    if "hear" in row:
        on = _whole({"on": 1, **row}, "on", 1)
        return Event(t, Kind.HEAR, float(on), number=_whole(row, "hear", HEARD_MAX))
    if "scene" in row:
        ms = _whole({"blend_ms": 0, **row}, "blend_ms", BLEND_MS)
        return Event(t, Kind.SCENE, number=_whole(row, "scene", SCENES, 1) - 1, extra=ms)
    if "scene_save" in row:
        return Event(t, Kind.SCENE_SAVE, number=_whole(row, "scene_save", SCENES, 1) - 1)
    if "seed" in row:
        return Event(t, Kind.SEED, number=_whole(row, "seed", SEED_MAX))
    for key, kind in _VALUED.items():
        if key in row:
            return Event(t, kind, _number(row, key, -1.0, 1.0))
    for key, kind in _SLOTTED.items():
        if key in row:
            return Event(t, kind, number=_whole(row, key, SLOT_MAX))
    for key, kind in _BARE.items():
        if key in row:
            return Event(t, kind)
    raise ValueError(
        f"{short(sorted(row))} says no gesture; write knob, push, note, bend, pressure, sustain, seed, panic ..."
    )


def _scenes(head: Mapping[str, Any]) -> dict[int, Scene] | None:
    """The scenes of a first line."""
    rows = head.get("scenes")
    if rows is None:
        return None
    numbers = [str(slot + 1) for slot in range(SCENES)]
    if not isinstance(rows, Mapping) or not all(n in numbers and isinstance(r, Mapping) for n, r in rows.items()):
        raise ValueError(f'scenes: {short(rows)} does not fit; write {{"1": {{"KNOB": 0.5, ...}}, ...}}')
    return {int(n) - 1: Scene({str(id): _number(row, id, 0.0, 1.0) for id in row}) for n, row in rows.items()}


def _head_wrong(row: Mapping[str, Any]) -> list[str]:
    """All that is wrong with a first line."""
    tests: list[Callable[[], object]] = [lambda: _scenes(row)]
    if row.get("seed") is not None:
        tests.append(lambda: _whole(row, "seed", SEED_MAX))
    if "seconds" in row:
        tests.append(lambda: _number(row, "seconds", 0, TAKE_SECONDS_MAX))
    if "blend_ms" in row:
        tests.append(lambda: _number(row, "blend_ms", 0.0, BLEND_MS_MAX))
    wrong = []
    for test in tests:
        try:
            test()
        except ValueError as error:
            wrong.append(str(error))
    return wrong


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, a number of 5000 digits, lists in lists without end
        row = None
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object; write one object a line")
    return row


def take_from(lines: Iterable[str], where: str) -> Take:
    """Read a take from its lines; raises Mistakes with every wrong line (the first twenty)."""
    head: dict[str, Any] | None = None
    events: list[Event] = []
    wrong: list[str] = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _object(line)
            if head is None:
                if row.get("rosin") != VERSION or not isinstance(row.get("patch"), str):
                    raise ValueError(f'the first line of a take is {{"rosin": {VERSION}, "patch": "NAME", ...}}')
                head = row
                wrong += [f"line {n}: {said}" for said in _head_wrong(row)]
                if wrong:
                    break
                continue
            events.append(_event(row))
        except ValueError as error:
            wrong.append(f"line {n}: {error}")
            if head is None or len(wrong) >= MISTAKES_MOST:
                break
    if head is None and not wrong:
        wrong.append("it is empty; give a take, as `rosin play --record` leaves one beside its sound")
    if wrong or head is None:
        raise Mistakes(where, wrong)
    scenes = _scenes(head)
    blend_ms = float(head["blend_ms"]) if "blend_ms" in head else None
    events.sort(key=lambda event: event.t)
    seconds = float(head.get("seconds") or (events[-1].t + 2.0 if events else 2.0))
    return Take(head["patch"], head.get("seed"), seconds, tuple(events), where, scenes, blend_ms)


def read_take(path: Path) -> Take:
    """Read a take file. RosinError or Mistakes."""
    data = read_bytes(path, TAKE_BYTES_MAX, "take")
    try:
        # Not splitlines(): it splits at U+2028 and the like too, and lines would not be numbered as in an editor.
        return take_from(data.decode("utf-8-sig").split("\n"), str(path))
    except UnicodeDecodeError:
        raise RosinError(f"{path} is not text in UTF-8, so it is no take; give one recorded by Rosin") from None


def gestures(take: Take, table: KnobTable, start: float = 0.0) -> Iterator[Gesture]:
    """The take's gestures for one knob table, stamped ``start`` + t. RosinError for a knob that is not there."""
    for event in take.events:
        number = table.index(event.knob) if event.knob else event.number
        seeded = event.kind is Kind.SEED
        yield Gesture(event.kind, 0 if seeded else number, event.value, start + event.t, Source.TAKE,
                      number if seeded else event.extra)  # fmt: skip


def line_of(gesture: Gesture, t: float, table: KnobTable) -> str | None:
    """The line of a take that says this gesture, or None for kinds that a take does not keep."""
    row: dict[str, Any] = {"t": round(t, 6)}
    kind = Kind(gesture.kind)
    names = {v: k for k, v in {**_VALUED, **_BARE, **_SLOTTED}.items()}
    if kind in (Kind.KNOB, Kind.FORCE):
        if gesture.knob >= len(table):
            return None
        row |= {"knob" if kind is Kind.KNOB else "push": table[gesture.knob].id, "value": gesture.value}
    elif kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
        row |= {"note": gesture.knob, "velocity": gesture.value if kind is Kind.NOTE_ON else 0.0}
    elif kind is Kind.BRIDGE:
        if gesture.knob >= len(table):
            return None
        row |= {"bridge": table[gesture.knob].id, "value": gesture.value, "seconds": gesture.extra / 1000}
    elif kind is Kind.ACCIDENT:
        shift = (gesture.knob - NO_SHIFT) / 100
        row |= {"accident": f"{gesture.extra:016x}", "mode": round(gesture.value)}
        row |= {"shift": shift} if shift else {}
    elif kind is Kind.HEAR:
        row |= {"hear": gesture.knob, "on": round(gesture.value)}
    elif kind in (Kind.SCENE, Kind.SCENE_SAVE):
        if gesture.knob >= SCENES:
            return None
        row["scene" if kind is Kind.SCENE else "scene_save"] = gesture.knob + 1
        row |= {"blend_ms": min(BLEND_MS, gesture.extra)} if gesture.extra else {}
    elif kind is Kind.SEED:
        row["seed"] = gesture.extra
    elif kind in _SLOTTED.values():
        row[names[kind]] = gesture.knob
    elif kind in _BARE.values():
        row[names[kind]] = True
    elif kind in names:
        row[names[kind]] = gesture.value
    else:
        return None
    return json.dumps(row)


class TakeLog:
    """Writes a take while it is being played: the head, where every knob stood, then each gesture as it came."""

    def __init__(
        self, path: Path, patch: str, seed: int, table: KnobTable, raw: Sequence[float],
        scenes: Mapping[int, Mapping[str, float]] | None = None, blend_ms: float | None = None,
    ) -> None:  # fmt: skip
        """``scenes``: by slot, raw by id; with ``blend_ms`` as the patch has them now."""
        self.path = path
        self.table = table
        self._file = path.open("w", encoding="utf-8")
        head: dict[str, Any] = {"rosin": VERSION, "patch": patch, "seed": seed}
        if scenes is not None:
            head |= {"scenes": {str(slot + 1): knobs for slot, knobs in scenes.items()}, "blend_ms": blend_ms}
        stood = [line_of(Gesture(Kind.KNOB, i, float(value)), 0.0, table) for i, value in enumerate(raw)]
        self._file.write("\n".join([json.dumps(head), *filter(None, stood)]) + "\n")

    def add(self, seconds: float, gesture: Gesture) -> None:
        """One gesture, ``seconds`` after the beginning. A change of patch is not kept: the knobs would be others'."""
        if line := line_of(gesture, max(0.0, seconds), self.table):
            self._file.write(line + "\n")

    def close(self) -> None:
        self._file.close()
