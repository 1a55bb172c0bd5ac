"""Take: the gestures of a performance, kept as they acted, so that the same engine can play them again.

A text file, one JSON object a line. The first line names the patch and the seed, each other line is something that
acted at ``t`` seconds after the start, the last one says how long it was. Knobs and patches are named, never numbered,
so that a take survives a retrained model. The scenes that a patch had then stand beside its name: a scene that is kept
anew later does not change what was played.

A take without its last line was cut off, or is of an earlier Rosin: it ends a little after its last gesture. A last
line that was cut in the middle costs that line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import read_bytes
from instrument.base.writing import Growing
from instrument.documents.patch import Scene
from instrument.documents.patch_shape import BLEND_MS_MAX
from instrument.documents.take_folder import GESTURES, is_take_folder
from instrument.documents.take_lines import (
    SEED_MAX,
    Cue,
    End,
    Row,
    TakeEvent,
    cue_of,
    event_of,
    is_numbered,
    number,
    scenes_of,
    text,
    whole,
)
from instrument.documents.take_writing import line_of, row_of
from instrument.ipc import Gesture, Kind, Source
from instrument.ipc.events import EVENT_OF, TAKE_SECONDS_MAX
from instrument.knobs import KnobTable

VERSION = 1
RATE_MAX = 768_000
TAIL_SECONDS = 2.0
"""After the last gesture of a take that does not say how long it is."""
MISTAKES_MOST = 20
TAKE_BYTES_MAX = 256 << 20
"""Of a take's file: twelve hours of a hundred gestures a second."""

__all__ = [
    "SEED_MAX",
    "TAKE_SECONDS_MAX",
    "Cue",
    "End",
    "Take",
    "TakeEvent",
    "TakeLog",
    "gestures",
    "line_of",
    "read_take",
    "take_from",
]


@dataclass(frozen=True, slots=True)
class Take:
    """A whole take: what it was played on, for how long, and every gesture in order of time."""

    patch: str
    seed: int | None
    seconds: float
    events: tuple[TakeEvent, ...]
    path: str = ""
    scenes: Mapping[int, Scene] | None = None
    """By slot, as they were when it began; None: the take does not say, and the patch's count."""
    blend_ms: float | None = None
    begins: Cue | None = None
    """The first patch with all that the take says of it."""
    opening: str = ""
    """Of a take that began with the engine as an opening beside it (.state) has it: that opening's name."""
    rate: int = 0
    """Samples a second in which ``end`` and the places of its events are whole; 0: it does not say."""
    ceiling_db: float | None = None
    end: End | None = None
    leaving: Cue | None = None
    """The patch that was fading away when it began."""

    @property
    def changes(self) -> tuple[Cue, ...]:
        """Every patch that came in the course of it."""
        return tuple(event.cue for event in self.events if event.cue is not None)


class _Wrong(ValueError):
    """All that is wrong with a first line: ``said``."""

    def __init__(self, said: list[str]) -> None:
        super().__init__("; ".join(said))
        self.said = said


def _head_wrong(row: Row) -> list[str]:
    """All that is wrong with a first line."""
    limits = {"seconds": (0.0, TAKE_SECONDS_MAX), "blend_ms": (0.0, BLEND_MS_MAX), "ceiling_db": (-120.0, 0.0)}
    tests: list[Callable[[], object]] = [lambda: scenes_of(row), lambda: cue_of({**row, "scenes": None})]
    tests += [partial(number, row, key, *ends) for key, ends in limits.items() if key in row]
    if "rate" in row:
        tests.append(lambda: whole(row, "rate", RATE_MAX, 1))
    if "leaving" in row:
        tests.append(lambda: cue_of(row["leaving"] if isinstance(row["leaving"], dict) else {}))
    tests.append(lambda: text(row, "opening"))
    wrong: list[str] = []
    for test in tests:
        try:
            test()
        except ValueError as error:
            wrong += [] if str(error) in wrong else [str(error)]
    return wrong


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, a number of 5000 digits, lists in lists without end
        row = None
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object; write one object a line")
    return row


class _Reading:
    """A take while its lines are read."""

    def __init__(self) -> None:
        self.head: Row | None = None
        self.cue: Cue | None = None
        self.events: list[TakeEvent] = []
        self.end: End | None = None

    def read(self, line: str) -> None:
        """One line. ValueError with its remedy."""
        row = _object(line)
        if self.head is None:
            self._begin(row)
        elif self.end is None:  # what stands after the end was not heard
            event = event_of(row)
            if isinstance(event, End):
                self.end = event
            else:
                self.events.append(event)

    def _begin(self, row: Row) -> None:
        if row.get("rosin") != VERSION or not isinstance(row.get("patch"), str):
            raise ValueError(f'the first line of a take is {{"rosin": {VERSION}, "patch": "NAME", ...}}')
        self.head = row
        if wrong := _head_wrong(row):
            raise _Wrong(wrong)
        self.cue = cue_of(row)

    def take(self, where: str) -> Take:
        head, cue, end = self.head, self.cue, self.end
        assert head is not None
        assert cue is not None
        self.events.sort(key=lambda event: event.t)
        last = self.events[-1].t + TAIL_SECONDS if self.events else TAIL_SECONDS
        seconds = float(head.get("seconds") or last)
        rate = int(head.get("rate", 0))
        if end is not None:
            seconds = end.samples / rate if rate else end.t
        ceiling = head.get("ceiling_db")
        return Take(
            cue.patch,
            cue.seed,
            seconds,
            tuple(self.events),
            where,
            cue.scenes,
            cue.blend_ms,
            cue,
            head.get("opening", ""),
            rate,
            None if ceiling is None else float(ceiling),
            end,
            cue_of(head["leaving"]) if "leaving" in head else None,
        )


def take_from(lines: Iterable[str], where: str) -> Take:
    """Read a take from its lines; raises ValidationErrors with every wrong line (the first twenty)."""
    reading = _Reading()
    wrong: list[str] = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            reading.read(line)
        except _Wrong as error:
            wrong += [f"line {n}: {said}" for said in error.said]
            break
        except ValueError as error:
            wrong.append(f"line {n}: {error}")
            if reading.head is None or len(wrong) >= MISTAKES_MOST:
                break
    if reading.head is None and not wrong:
        wrong.append("it is empty; give a take, as `rosin play --record` leaves one beside its sound")
    if wrong:
        raise ValidationErrors(where, wrong)
    return reading.take(where)


def _lines(text: str) -> list[str]:
    """The lines of a file. A last one that was cut off in the middle, by a crash or a full disk, is left out.

    (Not splitlines(): it splits at U+2028 and the like too, and lines would not be numbered as in an editor.)
    """
    lines = text.split("\n")
    last = lines[-1]
    if len(lines) > 1 and last.lstrip().startswith("{") and last.count("{") > last.count("}"):
        del lines[-1]
    return lines


def read_take(path: Path) -> Take:
    """Read a take: its folder, or the file of its gestures. RosinError or ValidationErrors."""
    if is_take_folder(path):
        path /= GESTURES
    data = read_bytes(path, TAKE_BYTES_MAX, "take")
    try:
        return take_from(_lines(data.decode("utf-8-sig")), str(path))
    except UnicodeDecodeError:
        raise RosinError(f"{path} is not text in UTF-8, so it is no take; give one recorded by Rosin") from None


def gestures(take: Take, table: KnobTable, start: float = 0.0) -> Iterator[Gesture]:
    """The take's gestures for one knob table, stamped ``start`` + t. RosinError for a knob that is not there.

    Changes of patch are left out: this is the take on one patch.
    """
    for event in take.events:
        if not event.changes:
            yield gesture_of(event, table, start)


def gesture_of(event: TakeEvent, table: KnobTable, start: float = 0.0) -> Gesture:
    """One of them. RosinError for a knob that is not there."""
    named = table.index(event.knob) if event.knob else event.number
    extra = event.extra
    if is_numbered(EVENT_OF[event.kind]):
        named, extra = 0, event.extra or named
    channel, note_id = event.channel, event.note_id
    return Gesture(event.kind, named, event.value, start + event.t, Source.TAKE, extra, channel, note_id)


class TakeLog:
    """Writes a take while it is being played: the head, where every knob stood, then each gesture as it acted.

    Lines wait until ``write``: then they are on their way to the disk, whole, or OSError and they go on waiting.
    """

    def __init__(
        self,
        path: Path,
        patch: str | Cue,
        seed: int,
        table: KnobTable,
        raw: Sequence[float],
        scenes: Mapping[int, Mapping[str, float]] | None = None,
        blend_ms: float | None = None,
        head: Mapping[str, Any] | None = None,
    ) -> None:
        """``scenes``: by slot, raw by id; with ``blend_ms`` as the patch has them now. ``head``: more of the first
        line (rate, ceiling_db, opening)."""
        self.path = path
        self.table = table
        kept = None if scenes is None else {slot: Scene(knobs) for slot, knobs in scenes.items()}
        cue = patch if isinstance(patch, Cue) else Cue(patch, seed=seed, scenes=kept, blend_ms=blend_ms)
        stood = (line_of(Gesture(Kind.KNOB, i, float(v)), 0.0, table, stood=True) for i, v in enumerate(raw))
        first = json.dumps({"rosin": VERSION, **row_of(cue), **(head or {})})
        self._waiting = [first, *filter(None, stood)]
        self._file = Growing(path)
        self.write()

    def add(self, seconds: float, gesture: Gesture, table: KnobTable | None = None, track: str = "") -> None:
        """One gesture, ``seconds`` after the beginning. ``table``: of the patch that plays now."""
        more = {"track": track} if track else {}
        if line := line_of(gesture, max(0.0, seconds), table or self.table, **more):
            self._waiting.append(line)

    def change(self, seconds: float, cue: Cue, waits: bool = False) -> None:
        """Another patch comes; or waits until the fade before it is over."""
        row = {"patch": cue.patch, "waits": True} if waits else row_of(cue)
        self._waiting.append(json.dumps({"t": round(seconds, 6), **row}))

    def end(self, end: End) -> None:
        """The last line."""
        row: Row = {"t": round(end.t, 6), "end": end.samples}
        row |= {"input": True} if end.input else {}
        row |= {"missed": end.missed} if end.missed else {}
        self._waiting.append(json.dumps(row))

    def write(self) -> None:
        """What waits. OSError as files give it."""
        if self._waiting:
            self._file.write("".join(f"{line}\n" for line in self._waiting).encode())
            self._waiting.clear()

    def close(self) -> None:
        try:
            self.write()
        finally:
            self._file.close()
