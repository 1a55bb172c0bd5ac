"""Handlers: what a message to each endpoint asks for, as gestures not yet stamped. After endpoints, before namespace.
Pure.

A handler is given the namespace of the patch, the knob the address is about and the arguments; ValueError when they do
not fit. An event that is asked for by nothing, one number, a switch or a slot needs none: its row says enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from instrument.base.seeds import daily_seed, name_number
from instrument.hands.osc.arguments import between, first, kept, name_of, newest, unit, whole
from instrument.hands.osc.codec import bang, flat, number
from instrument.hands.osc.endpoints import BLEND_SECONDS, BRIDGE_SECONDS, HEARD, shape_of
from instrument.ipc import CLIPS_TOLD, NO_SHIFT, Kind
from instrument.ipc.events import BEND_SEMITONES, EVENTS, NOTES, VELOCITY, Event
from instrument.knobs import SCENES, KnobTable

_ALL_64_BITS = (1 << 64) - 1

UNTOLD = 65535
"""In the place of a note: the one that this id plays."""

Args = tuple[Any, ...]


class Command(NamedTuple):
    """A gesture not yet stamped."""

    kind: Kind
    knob: int = 0
    value: float = 0.0
    extra: int = 0


class Knows(Protocol):
    """What handlers know of a namespace: the table of the patch, and who knows the names."""

    table: KnobTable

    def patch(self, args: Args) -> int: ...
    def feel(self, args: Args) -> list[Command]: ...


Handler = Callable[[Knows, int, Args], list[Command]]


def _raw(namespace: Knows, knob: int, args: Args) -> list[Command]:
    return [Command(Kind.KNOB, knob, unit(newest(args)))]


def _value(namespace: Knows, knob: int, args: Args) -> list[Command]:
    return [Command(Kind.KNOB, knob, namespace.table[knob].raw(newest(args)))]


def _push(namespace: Knows, knob: int, args: Args) -> list[Command]:
    return [Command(Kind.FORCE, knob, between(-1.0, newest(args), 1.0))]


def _bridge(namespace: Knows, knob: int, args: Args) -> list[Command]:
    seconds = between(BRIDGE_SECONDS[0], number(args[1]) if len(args) > 1 else 0.0, BRIDGE_SECONDS[1])
    return [Command(Kind.BRIDGE, knob, unit(first(args)), round(1000.0 * seconds))]


def _latents(namespace: Knows, knob: int, args: Args) -> list[Command]:
    values = [number(value) for value in flat(args)]
    if not values:
        raise ValueError("no positions")
    return [Command(Kind.KNOB, i, unit(v)) for i, v in enumerate(values[: namespace.table.playable_count])]


def _seed(namespace: Knows, knob: int, args: Args) -> list[Command]:
    first(args)
    # A float's or a negative integer's bits are as good a seed as any.
    return [Command(Kind.SEED, 0, 0.0, int(args[0]) & _ALL_64_BITS)]


def _seed_daily(namespace: Knows, knob: int, args: Args) -> list[Command]:
    return [Command(Kind.SEED, extra=daily_seed())] if bang(args) else []


def _hear(namespace: Knows, knob: int, args: Args) -> list[Command]:
    which = whole(between(0.0, first(args), CLIPS_TOLD)) if args else 1
    return [Command(Kind.HEAR, max(0, which - 1), float(which > 0))]


def _keep(namespace: Knows, knob: int, args: Args) -> list[Command]:
    asked = kept(args)
    return [] if asked is None else [Command(Kind.KEEP, 0, asked[1], name_number(asked[0]))]


def _accident(mode: float) -> Handler:
    def acts(namespace: Knows, knob: int, args: Args) -> list[Command]:
        name = name_of(args)
        shift = NO_SHIFT + round(100.0 * between(-1e3, number(args[1]) if len(args) > 1 else 0.0, 1e3))
        return [Command(Kind.ACCIDENT, min(65535, max(0, shift)), mode, name_number(name))]

    return acts


def _accident_stop(namespace: Knows, knob: int, args: Args) -> list[Command]:
    return [Command(Kind.ACCIDENT, NO_SHIFT)] if bang(args) else []


def _scene(kind: Kind) -> Handler:
    """Scenes count from 1; 0 is a button let go."""

    def acts(namespace: Knows, knob: int, args: Args) -> list[Command]:
        scene = whole(first(args))
        if not 0 <= scene <= SCENES:
            raise ValueError(f"scene {scene}; there are 1 to {SCENES}")
        if scene == 0:
            return []
        if kind == Kind.SCENE and len(args) > 1:
            low, high = BLEND_SECONDS
            return [Command(kind, scene - 1, 0.0, round(1000.0 * between(low, number(args[1]), high)))]
        return [Command(kind, scene - 1)]

    return acts


def _note(namespace: Knows, knob: int, args: Args) -> list[Command]:
    note = whole(first(args))
    velocity = number(args[1]) if len(args) > 1 else VELOCITY
    if not 0 <= note < NOTES:
        raise ValueError(f"note {note}")
    if velocity <= 0.0:
        return [Command(Kind.NOTE_OFF, note)]
    return [Command(Kind.NOTE_ON, note, velocity if velocity <= 1.0 else unit(velocity / 127))]


def _voice_on(namespace: Knows, note_id: int, args: Args) -> list[Command]:
    return _note(namespace, 0, args)


def _voice_off(namespace: Knows, note_id: int, args: Args) -> list[Command]:
    return [Command(Kind.NOTE_OFF, UNTOLD)] if bang(args) else []


def _finger(kind: Kind, low: float, high: float) -> Handler:
    return lambda namespace, note_id, args: [Command(kind, 0, between(low, newest(args), high))]


def _of_shape(event: Event) -> Handler | None:
    """What needs no more than its row in the table of events."""
    kind, shape = event.kind, shape_of(event)
    if shape == "bang":
        return lambda namespace, knob, args: [Command(kind)] if bang(args) else []
    if shape is None:
        return None
    low, high = event.fields[0].low, event.fields[0].high
    if shape == "number":
        return lambda namespace, knob, args: [Command(kind, 0, between(low, newest(args), high))]
    if shape == "switch":
        return lambda namespace, knob, args: [Command(kind, 0, float(newest(args) != 0.0))]

    def slot(namespace: Knows, knob: int, args: Args) -> list[Command]:
        which = whole(first(args)) if args else int(low)
        if not low <= which <= high:
            raise ValueError(f"slot {which}; there are {low:g} to {high:g}")
        return [Command(kind, which)]

    return slot


HANDLERS: dict[str, Handler] = {
    **{verb: made for event in EVENTS for verb in event.osc if (made := _of_shape(event)) is not None},
    "raw": _raw,
    "value": _value,
    "push": _push,
    "bridge": _bridge,
    "latents": _latents,
    "patch/load": lambda namespace, knob, args: [Command(Kind.PATCH, namespace.patch(args))],
    "note": _note,
    "voice/ID/on": _voice_on,
    "voice/ID/off": _voice_off,
    "voice/ID/bend": _finger(Kind.FINGER_BEND, -BEND_SEMITONES, BEND_SEMITONES),
    "voice/ID/pressure": _finger(Kind.FINGER_PRESSURE, 0.0, 1.0),
    "voice/ID/timbre": _finger(Kind.FINGER_TIMBRE, 0.0, 1.0),
    "seed": _seed,
    "seed/daily": _seed_daily,
    "scene": _scene(Kind.SCENE),
    "scene/save": _scene(Kind.SCENE_SAVE),
    "accident/play": _accident(1.0),
    "accident/loop": _accident(2.0),
    "accident/stop": _accident_stop,
    "accident/keep": _keep,
    "feel": lambda namespace, knob, args: namespace.feel(args),
    "neighbour/hear": _hear,
}
"""By verb of the endpoint. Without one it is for the hands themselves and makes no gesture."""
FOR_THE_HANDS = tuple(verb for verb in HEARD if verb not in HANDLERS)
"""Verbs for the hands themselves."""
