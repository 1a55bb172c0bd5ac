"""Namespace: every OSC address there is in this patch, derived from the knob table, and what a message to it means.
Pure.

What there is beside knobs is the table in endpoints. A knob is reached by its id, those of the model also by their
number, and the inputs of a visual under /rosin/visual as well, in their own unit.

A pattern reaches knobs and latents only: a mistyped star must not start a recording or load a patch. And of the knobs
those of the model; others as far as it spells them: a star must not turn the level up, nor time down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from instrument.base.seeds import daily_seed, name_number
from instrument.hands.osc.arguments import between, first, kept, name_of, newest, unit, whole
from instrument.hands.osc.codec import bang, flat, number
from instrument.hands.osc.endpoints import BLEND_SECONDS, BRIDGE_SECONDS, HEARD, shape_of
from instrument.hands.osc.match import CACHE_MAX, Addresses, PatternError, is_pattern, literal, spells
from instrument.ipc import CLIPS_TOLD, NO_SHIFT, Kind
from instrument.ipc.events import EVENTS, NOTES, Event
from instrument.knobs import SCENES, KnobTable

VELOCITY = 0.8
"""Of a note sent without one."""
_ALL_64_BITS = (1 << 64) - 1


class Target(NamedTuple):
    """What an address is for: the verb of an endpoint, and the knob it is about."""

    verb: str
    knob: int = 0


class Act(NamedTuple):
    """A gesture not yet stamped."""

    kind: Kind
    knob: int = 0
    value: float = 0.0
    extra: int = 0


Args = tuple[Any, ...]
Handler = Callable[["Namespace", int, Args], list[Act]]
Feels = Callable[[str], Mapping[str, float]]
"""The amounts of a feel by the ids of the parameters. LookupError: there is none of that name."""


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
        self._targets: dict[str, Target] = {}
        for i, address in enumerate(self.knob_addresses):
            self._targets[address] = Target("raw", i)
            self._targets[f"{address}/value"] = Target("value", i)
            if i < table.playable_count:
                self._targets[f"{address}/push"] = Target("push", i)
                self._targets[f"{address}/bridge"] = Target("bridge", i)
                self._targets[f"{root}/latent/{i + 1}"] = Target("raw", i)
            if table[i].group == "visual":  # visual.tint.r is also /rosin/visual/tint/r, in the input's own unit
                self._targets[f"{root}/{table[i].id.replace('.', '/')}"] = Target("value", i)
        self._by_pattern = Addresses(self._targets)
        self._answers: dict[str, tuple[Target, ...]] = {}
        for verb in HEARD:
            self._targets[f"{root}/{verb}"] = Target(verb)

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __contains__(self, address: object) -> bool:
        return address in self._targets

    def find(self, address: str) -> Sequence[Target]:
        """What an address or pattern is for; empty = nothing here. PatternError as Addresses.find."""
        target = self._targets.get(address)
        if target is not None:
            return (target,)
        if not is_pattern(address) or not self._is_here(address):
            return ()
        if address not in self._answers:
            if len(self._answers) >= CACHE_MAX:
                self._answers.clear()
            found = [(there, self._targets[there]) for there in self._by_pattern.find(address)]
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

    def acts(self, target: Target, args: Args) -> list[Act]:
        """The gestures a message asks for. ValueError when its arguments do not fit; LookupError: no such patch.

        NoFeel: no such feel; RosinError: its file is wrong. Where one number is meant, of several (a time slice, as
        TouchDesigner sends them) the last counts, which is the newest.
        """
        handler = HANDLERS.get(target.verb)
        if handler is None:
            raise ValueError(f"{target.verb} makes no gesture")
        return handler(self, target.knob, args)

    def feel(self, args: Args) -> list[Act]:
        """Every friction of the feel that is named."""
        name = name_of(args)
        try:
            amounts = self._feels(name)
        except LookupError:
            raise NoFeel(name) from None
        there = [(self.table.index(id), value) for id, value in amounts.items() if id in self.table]
        return [Act(Kind.KNOB, i, self.table[i].raw(value)) for i, value in there]

    def patch(self, args: Args) -> int:
        """The place in the list of the patch that is named."""
        if args and isinstance(args[0], str):
            name = args[0]
            found = self._patches.get(name, self._folded.get(name.casefold()))
        else:
            index = whole(first(args))
            found = index if 0 <= index < self._patch_count else None
        if found is None:
            raise LookupError(str(args[0])[:80])
        return found


# --- what a message to each endpoint asks for: the namespace, the knob it is about, the arguments


def _raw(book: Namespace, knob: int, args: Args) -> list[Act]:
    return [Act(Kind.KNOB, knob, unit(newest(args)))]


def _value(book: Namespace, knob: int, args: Args) -> list[Act]:
    return [Act(Kind.KNOB, knob, book.table[knob].raw(newest(args)))]


def _push(book: Namespace, knob: int, args: Args) -> list[Act]:
    return [Act(Kind.FORCE, knob, between(-1.0, newest(args), 1.0))]


def _bridge(book: Namespace, knob: int, args: Args) -> list[Act]:
    seconds = between(BRIDGE_SECONDS[0], number(args[1]) if len(args) > 1 else 0.0, BRIDGE_SECONDS[1])
    return [Act(Kind.BRIDGE, knob, unit(first(args)), round(1000.0 * seconds))]


def _latents(book: Namespace, knob: int, args: Args) -> list[Act]:
    values = [number(value) for value in flat(args)]
    if not values:
        raise ValueError("no positions")
    return [Act(Kind.KNOB, i, unit(v)) for i, v in enumerate(values[: book.table.playable_count])]


def _seed(book: Namespace, knob: int, args: Args) -> list[Act]:
    first(args)
    # A float's or a negative integer's bits are as good a seed as any.
    return [Act(Kind.SEED, 0, 0.0, int(args[0]) & _ALL_64_BITS)]


def _seed_daily(book: Namespace, knob: int, args: Args) -> list[Act]:
    return [Act(Kind.SEED, extra=daily_seed())] if bang(args) else []


def _hear(book: Namespace, knob: int, args: Args) -> list[Act]:
    which = whole(between(0.0, first(args), CLIPS_TOLD)) if args else 1
    return [Act(Kind.HEAR, max(0, which - 1), float(which > 0))]


def _keep(book: Namespace, knob: int, args: Args) -> list[Act]:
    asked = kept(args)
    return [] if asked is None else [Act(Kind.KEEP, 0, asked[1], name_number(asked[0]))]


def _accident(mode: float) -> Handler:
    def acts(book: Namespace, knob: int, args: Args) -> list[Act]:
        name = name_of(args)
        shift = NO_SHIFT + round(100.0 * between(-1e3, number(args[1]) if len(args) > 1 else 0.0, 1e3))
        return [Act(Kind.ACCIDENT, min(65535, max(0, shift)), mode, name_number(name))]

    return acts


def _accident_stop(book: Namespace, knob: int, args: Args) -> list[Act]:
    return [Act(Kind.ACCIDENT, NO_SHIFT)] if bang(args) else []


def _scene(kind: Kind) -> Handler:
    """Scenes count from 1; 0 is a button let go."""

    def acts(book: Namespace, knob: int, args: Args) -> list[Act]:
        scene = whole(first(args))
        if not 0 <= scene <= SCENES:
            raise ValueError(f"scene {scene}; there are 1 to {SCENES}")
        if scene == 0:
            return []
        if kind == Kind.SCENE and len(args) > 1:
            low, high = BLEND_SECONDS
            return [Act(kind, scene - 1, 0.0, round(1000.0 * between(low, number(args[1]), high)))]
        return [Act(kind, scene - 1)]

    return acts


def _note(book: Namespace, knob: int, args: Args) -> list[Act]:
    note = whole(first(args))
    velocity = number(args[1]) if len(args) > 1 else VELOCITY
    if not 0 <= note < NOTES:
        raise ValueError(f"note {note}")
    if velocity <= 0.0:
        return [Act(Kind.NOTE_OFF, note)]
    return [Act(Kind.NOTE_ON, note, velocity if velocity <= 1.0 else unit(velocity / 127))]


def _of_shape(event: Event) -> Handler | None:
    """What needs no more than its row in the table of events."""
    kind, shape = event.kind, shape_of(event)
    if shape == "bang":
        return lambda book, knob, args: [Act(kind)] if bang(args) else []
    if shape is None:
        return None
    low, high = event.fields[0].low, event.fields[0].high
    if shape == "number":
        return lambda book, knob, args: [Act(kind, 0, between(low, newest(args), high))]
    if shape == "switch":
        return lambda book, knob, args: [Act(kind, 0, float(newest(args) != 0.0))]

    def slot(book: Namespace, knob: int, args: Args) -> list[Act]:
        which = whole(first(args)) if args else int(low)
        if not low <= which <= high:
            raise ValueError(f"slot {which}; there are {low:g} to {high:g}")
        return [Act(kind, which)]

    return slot


HANDLERS: dict[str, Handler] = {
    **{verb: made for event in EVENTS for verb in event.osc if (made := _of_shape(event)) is not None},
    "raw": _raw,
    "value": _value,
    "push": _push,
    "bridge": _bridge,
    "latents": _latents,
    "patch/load": lambda book, knob, args: [Act(Kind.PATCH, book.patch(args))],
    "note": _note,
    "seed": _seed,
    "seed/daily": _seed_daily,
    "scene": _scene(Kind.SCENE),
    "scene/save": _scene(Kind.SCENE_SAVE),
    "accident/play": _accident(1.0),
    "accident/loop": _accident(2.0),
    "accident/stop": _accident_stop,
    "accident/keep": _keep,
    "feel": lambda book, knob, args: book.feel(args),
    "neighbour/hear": _hear,
}
"""By verb of the endpoint. Without one it is for the hands themselves and makes no gesture."""
DESK = tuple(verb for verb in HEARD if verb not in HANDLERS)
"""Verbs for the hands themselves."""

__all__ = ["DESK", "HANDLERS", "Act", "Namespace", "NoFeel", "PatternError", "Target", "kept"]
