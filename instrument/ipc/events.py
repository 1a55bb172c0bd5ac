"""Events: the one table of all that hands can ask of the sound, a row a kind. What others know of a kind is from here.

From a row follow its OSC address (hands/osc), its line in a take (documents/take_lines, take_writing), whether it holds
something (pressed, held) and how it passes what is newer. What it does to the sound is the one thing that is not here:
that is its handler in engine/acts. A new event is a number and a row here, a handler there, and a sentence in
scripts/docs_words.py if it has an address.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Flag, IntEnum, auto
from typing import Final, Literal

from instrument.knobs import SCENES

SLOTS: Final = 8
"""Of snapshots."""
NOTES: Final = 128
VELOCITY: Final = 0.8
"""Of a note of which nothing says how hard it is struck."""
NO_SHIFT: Final = 32768
"""``Gesture.knob`` of an accident called back from its beginning; -327.68 to +327.67 s fit round it."""
BLEND_MS: Final = 3_600_000
"""Longest way to a scene that a gesture asks for, ms: an hour."""
TAKE_SECONDS_MAX: Final = 24 * 3600.0
ANY: Final = math.ulp(0.0)
"""The least there is above nothing."""
MIDI_CHANNELS: Final = 16
NOTE_ID_MAX: Final = 2**32 - 1
BEND_SEMITONES: Final = 96.0
"""The widest bend of a finger, either way: what MPE has."""
PEDAL_DOWN: Final = 0.5
"""From here on the sound takes the pedal for down."""


class Kind(IntEnum):
    """What a gesture asks for, as a number in the ring; its row in ``EVENTS`` says the rest. 0 is none."""

    KNOB = 1
    NOTE_ON = 2
    NOTE_OFF = 3
    BEND = 4
    PRESSURE = 5
    ALL_NOTES_OFF = 6
    PANIC = 7
    RESUME = 8
    PATCH = 9
    SEED = 10
    RESET = 11
    SNAPSHOT = 12
    RESTORE = 13
    RECORD = 14
    FORCE = 15
    SUSTAIN = 16
    HANDS_ONLY = 17
    BRIDGE = 18
    KEEP = 19
    ACCIDENT = 20
    FILL = 21
    HEAR = 22
    SCENE_SAVE = 23
    SCENE = 24
    MARK = 25
    SOSTENUTO = 30
    FINGER_BEND = 31
    FINGER_PRESSURE = 32
    FINGER_TIMBRE = 33


class Is(Flag):
    """What else is true of an event."""

    PLAIN = 0
    NEWEST_WINS = auto()
    """says where a thing is: of several in one pass of the hands the last counts"""
    OF_PATCH = auto()
    """means another thing, or nothing, on another patch"""
    HEAVY = auto()
    """costs up to a third of a millisecond: of what comes in one block only the newest are done"""
    HEAVY_EACH = auto()
    """the same for each ``knob`` by itself"""
    ASKED = auto()
    """the engine asks its owner to do it, or to say why it was not done (audio/errands)"""
    ASKED_FIRST = auto()
    """and that has to arrive, however much else is asked"""
    ONE_HOLDER = auto()
    """the newest who holds it is the only one"""
    ADDED_UP = auto()
    """what the hands hold of it is added up by them: nobody's in particular"""
    TRACKED = auto()
    """calls what a take has in its opening, under the name of its ``track``"""
    STOOD = auto()
    """may stand in a take's beginning as how things were"""


Word = Literal["knob", "value", "extra"]
Form = Literal["number", "switch", "whole", "id", "hex"]


@dataclass(frozen=True, slots=True)
class EventField:
    """One thing that an event says: which word of the record it is in, what it says there, and how a take says it.

    ``form`` in a take's line: a number (of a switch 0 or 1), a whole one, a knob's id or 16 hex digits. There it is
    ``(word - base) / scale``, between ``low`` and ``high``. A ``knob`` beyond them is no such thing and nothing
    happens; others are brought to the nearer end.
    """

    key: str
    word: Word
    form: Form
    low: float
    high: float
    says: str
    base: int = 0
    scale: int = 1
    usual: float | None = None
    """What a line means that leaves it out; None: no line does."""
    spared: bool = False
    """A line is written without it where it is the usual."""
    read_from: float | None = None
    """Below ``low``: lines that say so were always read."""


@dataclass(frozen=True, slots=True)
class Event:
    """A row. ``osc``: the addresses, after the root, that make it; ``fields``: the first is what its line is known by.

    ``key``: of the line of an event that has no fields.
    """

    kind: Kind
    says: str
    fields: tuple[EventField, ...] = ()
    key: str = ""
    osc: tuple[str, ...] = ()
    flags: Is = Is.PLAIN
    lifts: tuple[Kind, ...] = ()
    """It only ever lets go, of what these hold: at its own ``knob`` if it is about one, else everywhere."""
    holds_from: float | None = None
    """It takes hold of something at this ``value`` and above, and lets go of it below. None: it holds nothing."""
    either_way: bool = False
    """And at ``-holds_from`` and below."""
    at_zero: Kind | None = None
    """Another event in its own right when ``value`` is 0, with the same key in a take."""
    recorded: bool = True
    """A take has a line of it. Of a change of patch that line is written where it comes, by hand."""

    @property
    def name(self) -> str:
        return self.kind.name.lower()

    @property
    def line_key(self) -> str:
        """What its line in a take is known by; empty: the table knows no line."""
        return (self.fields[0].key if self.fields else self.key) if self.recorded else ""

    def field(self, word: Word) -> EventField | None:
        """What a word of the record says of this event; None: nothing, and it is 0."""
        return next((field for field in self.fields if field.word == word), None)


_RAW = EventField("value", "value", "number", 0.0, 1.0, "raw position")


def _knob(key: str) -> EventField:
    return EventField(key, "knob", "id", 0, 0, "index in the current patch's table of knobs")


def _slot(key: str) -> EventField:
    return EventField(key, "knob", "whole", 0, SLOTS - 1, "slot")


def _scene(key: str) -> EventField:
    return EventField(key, "knob", "whole", 1, SCENES, "slot of the scene, 0..7; from 1 for players", base=-1)


def _amount(key: str, says: str, low: float = 0.0) -> EventField:
    return EventField(key, "value", "number", low, 1.0, says, read_from=-1.0)


_FINGER = EventField("of", "knob", "whole", 0, NOTES, "1 + the MIDI note; 0: all that its channel, or its id, plays",
                     usual=0, spared=True)  # fmt: skip
_NOTE = EventField("note", "knob", "whole", 0, NOTES - 1, "MIDI note")

EVENTS: tuple[Event, ...] = (
    Event(Kind.KNOB, "the hand is on a knob", (_knob("knob"), _RAW), flags=Is.NEWEST_WINS | Is.OF_PATCH | Is.STOOD,
          osc=("knob/KNOB", "knob/KNOB/value", "latent/N", "latents", "feel")),
    Event(Kind.FORCE, "a knob is pushed until another push", (
        _knob("push"), EventField("value", "value", "number", -1.0, 1.0, "push, in travel")),
        osc=("knob/KNOB/push",), flags=Is.OF_PATCH | Is.ONE_HOLDER | Is.ADDED_UP, holds_from=ANY, either_way=True),
    Event(Kind.NOTE_ON, "a key goes down", (_NOTE, EventField("velocity", "value", "number", 0.0, 1.0, "velocity")),
          osc=("note", "voice/ID/on"), holds_from=ANY, at_zero=Kind.NOTE_OFF),
    Event(Kind.NOTE_OFF, "a key is let go", (_NOTE, EventField("velocity", "value", "number", 0.0, 0.0, "nothing")),
          osc=("note", "voice/ID/off"), lifts=(Kind.NOTE_ON,)),
    Event(Kind.BRIDGE, "a knob goes there by itself", (
        _knob("bridge"), _RAW,
        EventField("seconds", "extra", "number", 0.0, TAKE_SECONDS_MAX, "milliseconds until it arrives", scale=1000)),
        osc=("knob/KNOB/bridge",), flags=Is.OF_PATCH),
    Event(Kind.ACCIDENT, "a kept accident plays, or stops", (
        EventField("accident", "extra", "hex", 0, 2**64 - 1, "the number of its name (base/seeds)"),
        EventField("mode", "value", "whole", 0, 2, "0 stops what plays, 1 plays, 2 loops", usual=1),
        EventField("shift", "knob", "number", -327.68, 327.67, "hundredths of a second from its beginning, or NO_SHIFT",
              base=NO_SHIFT, scale=100, usual=0.0, spared=True)),
        osc=("accident/play", "accident/loop", "accident/stop"), flags=Is.TRACKED),
    Event(Kind.HEAR, "a neighbouring sound is heard to the end of its excerpt", (
        EventField("hear", "knob", "whole", 0, 65535, "0 the nearest, else 1 + its index in the model's credits"),
        EventField("on", "value", "whole", 0, 1, "1 lets it be heard, 0 lets it go", usual=1)), osc=("neighbour/hear",),
        flags=Is.ASKED),
    Event(Kind.SCENE, "the hands go to where a scene has them", (
        _scene("scene"),
        EventField("blend_ms", "extra", "whole", 0, BLEND_MS, "milliseconds on the way; 0: in the patch's own time",
              usual=0, spared=True)),
        osc=("scene",), flags=Is.OF_PATCH | Is.HEAVY | Is.ASKED),
    Event(Kind.SCENE_SAVE, "where the hands are is kept as a scene, also in the patch's file",
          (_scene("scene_save"),), osc=("scene/save",), flags=Is.OF_PATCH),
    Event(Kind.PATCH, "another patch comes",
          (EventField("patch", "knob", "whole", 0, 65535, "index in the show's list of patches"),),
          osc=("patch/load",), flags=Is.ASKED | Is.ASKED_FIRST, recorded=False),
    Event(Kind.SEED, "every chance begins again", (EventField("seed", "extra", "whole", 0, 2**64 - 1, "the seed"),),
          osc=("seed", "seed/daily"), flags=Is.HEAVY),
    Event(Kind.BEND, "pitch bend", (_amount("bend", "-1..1", -1.0),), osc=("bend",),
          flags=Is.NEWEST_WINS | Is.ONE_HOLDER,
          holds_from=ANY, either_way=True),
    Event(Kind.PRESSURE, "aftertouch", (_amount("pressure", "0..1"),), osc=("pressure",),
          flags=Is.NEWEST_WINS | Is.ONE_HOLDER,
          holds_from=ANY, either_way=True),
    Event(Kind.SUSTAIN, "the pedal", (_amount("sustain", "how far down"),), osc=("sustain",), flags=Is.NEWEST_WINS,
          holds_from=PEDAL_DOWN),
    Event(Kind.SOSTENUTO, "the middle pedal: it keeps what is down now", (_amount("sostenuto", "how far down"),),
          osc=("sostenuto",), flags=Is.NEWEST_WINS, holds_from=PEDAL_DOWN),
    Event(Kind.FINGER_BEND, "a finger bends its note", (
        EventField("finger_bend", "value", "number", -BEND_SEMITONES, BEND_SEMITONES, "semitones"), _FINGER),
        osc=("voice/ID/bend",)),
    Event(Kind.FINGER_PRESSURE, "a finger presses its key",
          (EventField("finger_pressure", "value", "number", 0.0, 1.0, "0..1"), _FINGER), osc=("voice/ID/pressure",)),
    Event(Kind.FINGER_TIMBRE, "a finger slides on its key",
          (EventField("finger_timbre", "value", "number", 0.0, 1.0, "0..1, its middle 0.5"), _FINGER),
          osc=("voice/ID/timbre",)),
    Event(Kind.RECORD, "a recording starts, or ends",
          (EventField("record", "value", "switch", 0, 1, "1 starts, 0 stops"),),
          osc=("record",), flags=Is.ASKED | Is.ASKED_FIRST, recorded=False),
    Event(Kind.HANDS_ONLY, "the knobs obey, or friction and chance play again",
          (EventField("hands_only", "value", "switch", 0.0, 1.0, "1: friction and chance rest", read_from=-1.0),),
          osc=("hands_only",), flags=Is.HEAVY),
    Event(Kind.SNAPSHOT, "all that decides the next samples is kept", (_slot("snapshot"),), osc=("snapshot",),
          flags=Is.HEAVY | Is.HEAVY_EACH),
    Event(Kind.RESTORE, "back to what was kept", (_slot("restore"),), osc=("restore",),
          flags=Is.HEAVY | Is.ASKED),
    Event(Kind.PANIC, "a 30 ms fade to silence", key="panic", osc=("panic",),
          lifts=(Kind.NOTE_ON, Kind.SUSTAIN, Kind.SOSTENUTO, Kind.BEND)),
    Event(Kind.RESUME, "sound again after a panic", key="resume", osc=("resume",)),
    Event(Kind.RESET, "the model forgets its state", key="reset", osc=("reset",)),
    Event(Kind.ALL_NOTES_OFF, "every key and the pedal are let go", key="notes_off", osc=("notes/off",),
          lifts=(Kind.NOTE_ON, Kind.SUSTAIN, Kind.SOSTENUTO)),
    Event(Kind.FILL, "every well that playing has dug is filled", key="fill", osc=("fill",)),
    Event(Kind.MARK, "a place in the take to be found again; the sound does nothing", key="mark"),
    Event(Kind.KEEP, "the last seconds of chance are kept as an accident", (
        EventField("keep", "value", "number", 0.0, TAKE_SECONDS_MAX, "seconds of the past"),
        EventField("name", "extra", "whole", 0, 2**64 - 1, "the number of its name (ipc/names)")),
        osc=("accident/keep",), flags=Is.ASKED, recorded=False),
)  # fmt: skip
"""The order is that in which a take's reader looks for their keys."""

EVENT_OF: dict[int, Event] = {event.kind: event for event in EVENTS}
EVENT_AT: dict[str, Event] = {verb: event for event in reversed(EVENTS) for verb in event.osc}
"""By OSC address, after the root; of two at one address the first."""


def kinds(flag: Is) -> frozenset[Kind]:
    """All of which this is true."""
    return frozenset(event.kind for event in EVENTS if flag in event.flags)


TOUCHES = frozenset(event.kind for event in EVENTS if event.lifts or event.holds_from is not None)
"""The kinds of gestures that hold something or let it go."""
_HOLDS: dict[int, tuple[float, bool]] = {
    event.kind: (event.holds_from, event.either_way) for event in EVENTS if event.holds_from is not None
}


def presses(kind: int, value: float) -> bool:
    """Whether an event of one of the ``TOUCHES`` takes hold of something; otherwise it lets go."""
    begins, either_way = _HOLDS.get(kind, (math.inf, False))
    return (abs(value) if either_way else value) >= begins
