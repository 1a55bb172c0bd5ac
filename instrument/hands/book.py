"""Book: every OSC address there is in this patch, derived from the knob table, and what a message to it means. Pure.

    /rosin/knob/<id> f         raw 0..1            /rosin/patch/load s|i      by name or by place in the list
    /rosin/knob/<id>/value f   in the knob's unit  /rosin/note if             note, velocity (0 = off; 1 or 127 = full)
    /rosin/knob/<id>/push f    a push, in travel   /rosin/bend f              -1..1
    /rosin/latent/<n> f        n-th playable, raw  /rosin/pressure f          0..1; /rosin/sustain f likewise
    /rosin/latents fff...      all playable, raw   /rosin/notes/off           lets every note go
    /rosin/panic, /rosin/resume, /rosin/reset      /rosin/hands_only i        1: friction and chance rest
    /rosin/visual f            its strength; /rosin/visual/<input> f, /rosin/visual/<input>/x f: in the input's unit
    /rosin/seed i              /rosin/record i     /rosin/snapshot i, /rosin/restore i      slot 0..7
    /rosin/knob/<id>/bridge ff raw 0..1 to arrive at, in so many seconds; of the playable ones
    /rosin/feel s              every friction of the feel of that name     /rosin/fill   dug wells are filled
    /rosin/accident/keep [s] [f]   name, seconds of the past               /rosin/accident/stop
    /rosin/accident/play s [f], /rosin/accident/loop s [f]     name, seconds away from its beginning
    /rosin/seed/daily          the seed of the day, the same for everybody
    /rosin/scene i[f]          the hands go to scene 1..8, in so many seconds      /rosin/scene/save i
    /rosin/learn s[ffi]        knob, low, high, invert; empty = cancel        /rosin/unlearn s
    /rosin/neighbour/hear [i]  the nearest of the neighbouring sounds itself, or the i-th told of; 0 lets it go
    /rosin/sync [i]            tell me everything, to the port I send from or to port i

A pattern reaches knobs and latents only: a mistyped star must not start a recording or load a patch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from instrument.daily import daily_seed, name_number
from instrument.hands.match import Addresses, PatternError, is_pattern
from instrument.hands.wire import bang, number
from instrument.knobs import SCENES, KnobTable
from instrument.link import CLIPS_TOLD, NO_SHIFT, Kind

SLOTS = 8
VELOCITY = 0.8
"""Of a note sent without one."""
BRIDGE_SECONDS = (0.1, 86400.0)
KEEP_SECONDS = 4.0
"""Of the past, kept when nothing else is said."""
KEEP_SECONDS_MOST = 600.0
KEPT = "accident"
"""Name of an accident kept without one."""
NAME_MAX = 60
"""Characters of an accident's name: it travels in a text of 240 bytes."""
_ALL_64_BITS = (1 << 64) - 1


class Meaning(NamedTuple):
    """What an address is for: a verb, and the knob it is about."""

    verb: str
    knob: int = 0


class Act(NamedTuple):
    """A gesture not yet stamped."""

    kind: Kind
    knob: int = 0
    value: float = 0.0
    extra: int = 0


Feels = Callable[[str], Mapping[str, float]]
"""The amounts of a feel by the ids of the parameters. LookupError: there is none of that name."""

TRIGGERS = {
    "panic": Kind.PANIC, "resume": Kind.RESUME, "reset": Kind.RESET, "notes/off": Kind.ALL_NOTES_OFF,
    "fill": Kind.FILL,
}  # fmt: skip
LEVELS = {"bend": (Kind.BEND, -1.0), "pressure": (Kind.PRESSURE, 0.0), "sustain": (Kind.SUSTAIN, 0.0)}
SWITCHES = {"record": Kind.RECORD, "hands_only": Kind.HANDS_ONLY}
PLACES = {"snapshot": Kind.SNAPSHOT, "restore": Kind.RESTORE}
ACCIDENTS = {"accident/play": 1.0, "accident/loop": 2.0}
OF_SCENES = {"scene": Kind.SCENE, "scene/save": Kind.SCENE_SAVE}
BLEND_SECONDS = (0.001, 3600.0)
"""On the way to a scene; 0 in a gesture is the patch's own time, so at once is a thousandth."""
OTHERS = ("feel", "accident/keep", "accident/stop", "seed/daily", "neighbour/hear")
DESK = ("learn", "unlearn", "sync")
"""Verbs for the hands themselves; they make no gesture."""


class NoFeel(LookupError):
    """There is no feel of the name that is its argument."""


def _no_feels(name: str) -> Mapping[str, float]:
    raise LookupError(name)


class Book:
    """The addresses of one patch. ``patches``: the names of each of the show's patches, in order; the first wins."""

    def __init__(self, root: str, table: KnobTable, patches: Sequence[Sequence[str]], feels: Feels = _no_feels) -> None:
        self.table, self.root, self._feels = table, root, feels
        self._patches = {name: i for i, names in reversed(list(enumerate(patches))) for name in names}
        self._folded = {name.casefold(): i for name, i in self._patches.items()}
        self._patch_count = len(patches)
        self.knob_addresses = tuple(f"{root}/knob/{knob.id}" for knob in table)
        self._meanings: dict[str, Meaning] = {}
        for i, address in enumerate(self.knob_addresses):
            self._meanings[address] = Meaning("raw", i)
            self._meanings[f"{address}/value"] = Meaning("value", i)
            if i < table.playable_count:
                self._meanings[f"{address}/push"] = Meaning("push", i)
                self._meanings[f"{address}/bridge"] = Meaning("bridge", i)
                self._meanings[f"{root}/latent/{i + 1}"] = Meaning("raw", i)
            if table[i].group == "visual":  # visual.tint.r is also /rosin/visual/tint/r, in the input's own unit
                self._meanings[f"{root}/{table[i].id.replace('.', '/')}"] = Meaning("value", i)
        self._by_pattern = Addresses(self._meanings)
        plain = ("latents", "patch/load", "note", "seed")
        for verb in (*plain, *TRIGGERS, *LEVELS, *SWITCHES, *PLACES, *OF_SCENES, *ACCIDENTS, *OTHERS, *DESK):
            self._meanings[f"{root}/{verb}"] = Meaning(verb)

    def __iter__(self) -> Iterator[str]:
        return iter(self._meanings)

    def find(self, address: str) -> Sequence[Meaning]:
        """What an address or pattern is for; empty = nothing here. PatternError as Addresses.find."""
        meaning = self._meanings.get(address)
        if meaning is not None:
            return (meaning,)
        if not is_pattern(address):
            return ()
        return [self._meanings[found] for found in self._by_pattern.find(address)]

    def acts(self, meaning: Meaning, args: tuple[Any, ...]) -> list[Act]:
        """The gestures a message asks for. ValueError when its arguments do not fit; LookupError: no such patch.

        NoFeel: no such feel; RosinError: its file is wrong.
        """
        verb, knob = meaning
        if verb == "raw":
            return [Act(Kind.KNOB, knob, _unit(_first(args)))]
        if verb == "value":
            return [Act(Kind.KNOB, knob, self.table[knob].raw(_first(args)))]
        if verb == "push":
            return [Act(Kind.FORCE, knob, _between(-1.0, _first(args), 1.0))]
        if verb == "bridge":
            seconds = _between(BRIDGE_SECONDS[0], number(args[1]) if len(args) > 1 else 0.0, BRIDGE_SECONDS[1])
            return [Act(Kind.BRIDGE, knob, _unit(_first(args)), round(1000.0 * seconds))]
        if verb == "latents":
            values = [number(value) for value in _flat(args)]
            if not values:
                raise ValueError("no positions")
            return [Act(Kind.KNOB, i, _unit(v)) for i, v in enumerate(values[: self.table.playable_count])]
        if verb in TRIGGERS:
            return [Act(TRIGGERS[verb])] if bang(args) else []
        if verb in LEVELS:
            kind, low = LEVELS[verb]
            return [Act(kind, 0, _between(low, _first(args), 1.0))]
        if verb in SWITCHES:
            return [Act(SWITCHES[verb], 0, float(_first(args) != 0.0))]
        if verb in PLACES:
            slot = _whole(_first(args)) if args else 0
            if not 0 <= slot < SLOTS:
                raise ValueError(f"slot {slot}; there are 0 to {SLOTS - 1}")
            return [Act(PLACES[verb], slot)]
        if verb in OF_SCENES:
            return _scene(OF_SCENES[verb], args)
        if verb == "seed":
            _first(args)
            # A float's or a negative integer's bits are as good a seed as any.
            return [Act(Kind.SEED, 0, 0.0, int(args[0]) & _ALL_64_BITS)]
        if verb == "note":
            return [_note(args)]
        if verb == "seed/daily":
            return [Act(Kind.SEED, extra=daily_seed())] if bang(args) else []
        if verb == "neighbour/hear":
            which = _whole(_between(0.0, _first(args), CLIPS_TOLD)) if args else 1
            return [Act(Kind.HEAR, max(0, which - 1), float(which > 0))]
        if verb == "feel":
            return self._feel(args)
        if verb == "accident/keep":
            asked = kept(args)
            return [] if asked is None else [Act(Kind.KEEP, 0, asked[1], name_number(asked[0]))]
        if verb == "accident/stop":
            return [Act(Kind.ACCIDENT, NO_SHIFT)] if bang(args) else []
        if verb in ACCIDENTS:
            name = _name(args)
            shift = NO_SHIFT + round(100.0 * _between(-1e3, number(args[1]) if len(args) > 1 else 0.0, 1e3))
            return [Act(Kind.ACCIDENT, min(65535, max(0, shift)), ACCIDENTS[verb], name_number(name))]
        if verb == "patch/load":
            return [Act(Kind.PATCH, self._patch(args))]
        raise ValueError(f"{verb} makes no gesture")

    def _feel(self, args: tuple[Any, ...]) -> list[Act]:
        name = _name(args)
        try:
            amounts = self._feels(name)
        except LookupError:
            raise NoFeel(name) from None
        there = [(self.table.index(id), value) for id, value in amounts.items() if id in self.table]
        return [Act(Kind.KNOB, i, self.table[i].raw(value)) for i, value in there]

    def _patch(self, args: tuple[Any, ...]) -> int:
        if args and isinstance(args[0], str):
            name = args[0]
            found = self._patches.get(name, self._folded.get(name.casefold()))
        else:
            index = _whole(_first(args))
            found = index if 0 <= index < self._patch_count else None
        if found is None:
            raise LookupError(str(args[0])[:80])
        return found


def _scene(kind: Kind, args: tuple[Any, ...]) -> list[Act]:
    """Scenes count from 1; 0 is a button let go."""
    number_of_it = _whole(_first(args))
    if not 0 <= number_of_it <= SCENES:
        raise ValueError(f"scene {number_of_it}; there are 1 to {SCENES}")
    if number_of_it == 0:
        return []
    if kind == Kind.SCENE and len(args) > 1:
        low, high = BLEND_SECONDS
        return [Act(kind, number_of_it - 1, 0.0, round(1000.0 * _between(low, number(args[1]), high)))]
    return [Act(kind, number_of_it - 1)]


def _note(args: tuple[Any, ...]) -> Act:
    note = _whole(_first(args))
    velocity = number(args[1]) if len(args) > 1 else VELOCITY
    if not 0 <= note <= 127:
        raise ValueError(f"note {note}")
    if velocity <= 0.0:
        return Act(Kind.NOTE_OFF, note)
    return Act(Kind.NOTE_ON, note, velocity if velocity <= 1.0 else _unit(velocity / 127))


def kept(args: tuple[Any, ...]) -> tuple[str, float] | None:
    """Name and seconds of an accident to be kept: a text, a number, both or none. None: a button let go."""
    name, rest = (_name(args), args[1:]) if args and isinstance(args[0], str) else (KEPT, args)
    seconds = number(rest[0]) if rest else KEEP_SECONDS
    if seconds == 0.0:
        return None
    return name, _between(0.1, seconds, KEEP_SECONDS_MOST)


def _name(args: tuple[Any, ...]) -> str:
    if not args or not isinstance(args[0], str):
        raise ValueError("a name is a text")
    name = args[0].strip()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise ValueError(f"a name has 1 to {NAME_MAX} characters")
    return name


def _first(args: tuple[Any, ...]) -> float:
    if not args:
        raise ValueError("no argument")
    return number(args[0])


def _whole(value: float) -> int:
    return round(value)


def _unit(value: float) -> float:
    return _between(0.0, value, 1.0)


def _between(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))


def _flat(args: Sequence[Any]) -> list[Any]:
    """Arguments out of their OSC arrays."""
    found: list[Any] = []
    ahead = list(reversed(args))
    while ahead:
        value = ahead.pop()
        if isinstance(value, list):
            ahead += reversed(value)
        else:
            found.append(value)
    return found


__all__ = ["DESK", "Act", "Book", "Meaning", "NoFeel", "PatternError", "kept"]
