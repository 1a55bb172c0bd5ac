"""Namespace: every OSC address there is in this patch, derived from the knob table, and what a message to it means.
Pure.

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

A pattern reaches knobs and latents only: a mistyped star must not start a recording or load a patch. And of the knobs
those of the model; others as far as it spells them: a star must not turn the level up, nor time down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from instrument.base.seeds import daily_seed, name_number
from instrument.hands.osc.arguments import between, first, kept, name_of, newest, unit, whole
from instrument.hands.osc.codec import bang, flat, number
from instrument.hands.osc.match import CACHE_MAX, Addresses, PatternError, is_pattern, literal, spells
from instrument.ipc import CLIPS_TOLD, NO_SHIFT, Kind
from instrument.knobs import SCENES, KnobTable

SLOTS = 8
VELOCITY = 0.8
"""Of a note sent without one."""
BRIDGE_SECONDS = (0.1, 86400.0)
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
    "panic": Kind.PANIC,
    "resume": Kind.RESUME,
    "reset": Kind.RESET,
    "notes/off": Kind.ALL_NOTES_OFF,
    "fill": Kind.FILL,
}
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


class Namespace:
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
        self._answers: dict[str, tuple[Meaning, ...]] = {}
        plain = ("latents", "patch/load", "note", "seed")
        for verb in (*plain, *TRIGGERS, *LEVELS, *SWITCHES, *PLACES, *OF_SCENES, *ACCIDENTS, *OTHERS, *DESK):
            self._meanings[f"{root}/{verb}"] = Meaning(verb)

    def __iter__(self) -> Iterator[str]:
        return iter(self._meanings)

    def __contains__(self, address: object) -> bool:
        return address in self._meanings

    def find(self, address: str) -> Sequence[Meaning]:
        """What an address or pattern is for; empty = nothing here. PatternError as Addresses.find."""
        meaning = self._meanings.get(address)
        if meaning is not None:
            return (meaning,)
        if not is_pattern(address) or not self._is_here(address):
            return ()
        if address not in self._answers:
            if len(self._answers) >= CACHE_MAX:
                self._answers.clear()
            found = [(there, self._meanings[there]) for there in self._by_pattern.find(address)]
            count = self.table.playable_count
            self._answers[address] = tuple(
                m for there, m in found if m.knob < count or self._is_spelled(address, there)
            )
        return self._answers[address]

    def _is_here(self, pattern: str) -> bool:
        """Whether a pattern can mean us: what another program calls by brackets is not searched for here."""
        begins = literal(pattern)
        return self.root.startswith(begins) or begins.startswith(f"{self.root}/")

    def _is_spelled(self, pattern: str, address: str) -> bool:
        """Whether a pattern names a parameter, or the group it is of, before its first star."""
        parts, spelled = address[len(self.root) + 1 :].split("/"), pattern.split("/")[self.root.count("/") + 1 :]
        if parts[0] != "knob":
            return not is_pattern(spelled[0])
        group, dot, _ = parts[1].partition(".")
        return spells(spelled[1], parts[1]) or bool(dot and spells(spelled[1], f"{group}."))

    def acts(self, meaning: Meaning, args: tuple[Any, ...]) -> list[Act]:
        """The gestures a message asks for. ValueError when its arguments do not fit; LookupError: no such patch.

        NoFeel: no such feel; RosinError: its file is wrong. Where one number is meant, of several (a time slice, as
        TouchDesigner sends them) the last counts, which is the newest.
        """
        verb, knob = meaning
        if verb == "raw":
            return [Act(Kind.KNOB, knob, unit(newest(args)))]
        if verb == "value":
            return [Act(Kind.KNOB, knob, self.table[knob].raw(newest(args)))]
        if verb == "push":
            return [Act(Kind.FORCE, knob, between(-1.0, newest(args), 1.0))]
        if verb == "bridge":
            seconds = between(BRIDGE_SECONDS[0], number(args[1]) if len(args) > 1 else 0.0, BRIDGE_SECONDS[1])
            return [Act(Kind.BRIDGE, knob, unit(first(args)), round(1000.0 * seconds))]
        if verb == "latents":
            values = [number(value) for value in flat(args)]
            if not values:
                raise ValueError("no positions")
            return [Act(Kind.KNOB, i, unit(v)) for i, v in enumerate(values[: self.table.playable_count])]
        if verb in TRIGGERS:
            return [Act(TRIGGERS[verb])] if bang(args) else []
        if verb in LEVELS:
            kind, low = LEVELS[verb]
            return [Act(kind, 0, between(low, newest(args), 1.0))]
        if verb in SWITCHES:
            return [Act(SWITCHES[verb], 0, float(newest(args) != 0.0))]
        if verb in PLACES:
            slot = whole(first(args)) if args else 0
            if not 0 <= slot < SLOTS:
                raise ValueError(f"slot {slot}; there are 0 to {SLOTS - 1}")
            return [Act(PLACES[verb], slot)]
        if verb in OF_SCENES:
            return _scene(OF_SCENES[verb], args)
        if verb == "seed":
            first(args)
            # A float's or a negative integer's bits are as good a seed as any.
            return [Act(Kind.SEED, 0, 0.0, int(args[0]) & _ALL_64_BITS)]
        if verb == "note":
            return [_note(args)]
        if verb == "seed/daily":
            return [Act(Kind.SEED, extra=daily_seed())] if bang(args) else []
        if verb == "neighbour/hear":
            which = whole(between(0.0, first(args), CLIPS_TOLD)) if args else 1
            return [Act(Kind.HEAR, max(0, which - 1), float(which > 0))]
        if verb == "feel":
            return self._feel(args)
        if verb == "accident/keep":
            asked = kept(args)
            return [] if asked is None else [Act(Kind.KEEP, 0, asked[1], name_number(asked[0]))]
        if verb == "accident/stop":
            return [Act(Kind.ACCIDENT, NO_SHIFT)] if bang(args) else []
        if verb in ACCIDENTS:
            name = name_of(args)
            shift = NO_SHIFT + round(100.0 * between(-1e3, number(args[1]) if len(args) > 1 else 0.0, 1e3))
            return [Act(Kind.ACCIDENT, min(65535, max(0, shift)), ACCIDENTS[verb], name_number(name))]
        if verb == "patch/load":
            return [Act(Kind.PATCH, self._patch(args))]
        raise ValueError(f"{verb} makes no gesture")

    def _feel(self, args: tuple[Any, ...]) -> list[Act]:
        name = name_of(args)
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
            index = whole(first(args))
            found = index if 0 <= index < self._patch_count else None
        if found is None:
            raise LookupError(str(args[0])[:80])
        return found


def _scene(kind: Kind, args: tuple[Any, ...]) -> list[Act]:
    """Scenes count from 1; 0 is a button let go."""
    number_of_it = whole(first(args))
    if not 0 <= number_of_it <= SCENES:
        raise ValueError(f"scene {number_of_it}; there are 1 to {SCENES}")
    if number_of_it == 0:
        return []
    if kind == Kind.SCENE and len(args) > 1:
        low, high = BLEND_SECONDS
        return [Act(kind, number_of_it - 1, 0.0, round(1000.0 * between(low, number(args[1]), high)))]
    return [Act(kind, number_of_it - 1)]


def _note(args: tuple[Any, ...]) -> Act:
    note = whole(first(args))
    velocity = number(args[1]) if len(args) > 1 else VELOCITY
    if not 0 <= note <= 127:
        raise ValueError(f"note {note}")
    if velocity <= 0.0:
        return Act(Kind.NOTE_OFF, note)
    return Act(Kind.NOTE_ON, note, velocity if velocity <= 1.0 else unit(velocity / 127))


__all__ = ["DESK", "Act", "Meaning", "Namespace", "NoFeel", "PatternError", "kept"]
