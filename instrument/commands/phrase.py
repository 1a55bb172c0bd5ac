"""Phrase: what hands do where nobody gave a gesture - a few notes, and one knob after the other. For `rosin render`.

A patch that waits for a gesture would be rendered as silence, and a file of ten silent seconds tells nobody what a
patch is. It is the same phrase for the same patch and length, so a render stays the same bits.
"""

from __future__ import annotations

from instrument.documents.patch import Patch
from instrument.ipc import Gesture, Kind, Source
from instrument.ipc.events import VELOCITY
from instrument.knobs import KnobTable

STEPS = (0, 7, 5, 12, 3, 0)
"""Semitones from the patch's own note."""
HELD = 0.8
"""Of its time, how long a key is held."""
KNOBS = 4
"""How many are moved, from the first that is neither pitch nor loudness."""
HIGH, LOW = 0.9, 0.1
MOVE_HZ = 50.0


def wants_one(patch: Patch) -> bool:
    """Would it be silent without: it waits for a gesture, or for an input that no render has."""
    return patch.sounds == "gesture" or patch.input_mode != "off"


def phrase(patch: Patch, table: KnobTable, seconds: float) -> list[tuple[float, Gesture]]:
    """Gestures of ``seconds`` by their time; the keys only where the patch plays notes, else the loudness is moved."""
    moved = knobs_of(table)
    each = seconds / max(1, len(moved))
    events = [event for i, k in enumerate(moved) for event in _moves(table, k, i * each, each)]
    if patch.notes != "off":
        events += _notes(patch, seconds)
    elif (loudness := next((i for i, knob in enumerate(table.playable) if knob.role == "loudness"), -1)) >= 0:
        events += _swell(loudness, seconds)
    return sorted(events, key=lambda event: event[0])


def knobs_of(table: KnobTable) -> list[int]:
    """The knobs that the phrase moves, by their place in the table."""
    return [i for i, knob in enumerate(table.playable) if knob.role not in ("pitch", "loudness")][:KNOBS]


def _notes(patch: Patch, seconds: float) -> list[tuple[float, Gesture]]:
    slot = seconds / len(STEPS)
    found = []
    for i, step in enumerate(STEPS):
        note = min(127, max(0, round(patch.note) + step))
        if note in patch.accidents.values():  # that key calls an accident
            continue
        found.append((i * slot, Gesture(Kind.NOTE_ON, note, VELOCITY, source=Source.SHOW)))
        found.append(((i + HELD) * slot, Gesture(Kind.NOTE_OFF, note, 0.0, source=Source.SHOW)))
    return found


def _moves(table: KnobTable, knob: int, begin: float, seconds: float) -> list[tuple[float, Gesture]]:
    """Up, down, and back to where it starts."""
    start = table[knob].start
    return (
        _line(knob, begin, seconds / 3.0, start, HIGH)
        + _line(knob, begin + seconds / 3.0, seconds / 3.0, HIGH, LOW)
        + _line(knob, begin + 2.0 * seconds / 3.0, seconds / 3.0, LOW, start)
    )


def _swell(knob: int, seconds: float) -> list[tuple[float, Gesture]]:
    return _line(knob, 0.0, 0.2 * seconds, 0.3, HIGH) + _line(knob, 0.8 * seconds, 0.2 * seconds, HIGH, 0.0)


def _line(knob: int, begin: float, seconds: float, a: float, b: float) -> list[tuple[float, Gesture]]:
    """A hand that goes from a to b."""
    count = max(1, round(seconds * MOVE_HZ))
    return [
        (begin + seconds * i / count, Gesture(Kind.KNOB, knob, a + (b - a) * i / count, source=Source.SHOW))
        for i in range(count + 1)
    ]
