"""Replay: a take played again, offline - on every patch it was played on, from where it began. Beside render.

With the opening beside it a take gives the samples that were heard, bit for bit; without one, on another patch
or under another seed, it begins where its knobs stood, and the same hands meet another evening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from instrument.documents.take import Cue, Take, TakeEvent, gesture_of
from instrument.documents.take_folder import OPENING, beside
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Gesture
from instrument.storage.opening import Opening, read_state


@dataclass(frozen=True, slots=True)
class Cast:
    """The layers of a take by what its cues name; ``first`` plays when it begins."""

    first: Layer
    layers: Mapping[tuple[str, str], Layer] = field(default_factory=dict)

    def layer(self, cue: Cue) -> Layer:
        return self.layers[key_of(cue)]


def key_of(cue: Cue) -> tuple[str, str]:
    """What tells one patch of a take from another."""
    return cue.patch, cue.file


def cues_of(take: Take) -> list[Cue]:
    """Each patch of a take once, the first one first."""
    first = take.begins or Cue(take.patch, seed=take.seed, scenes=take.scenes, blend_ms=take.blend_ms)
    cues: dict[tuple[str, str], Cue] = {}
    for cue in (first, *((take.leaving,) if take.leaving is not None else ()), *take.changes):
        cues.setdefault(key_of(cue), cue)
    return list(cues.values())


def opening_of(take: Take) -> Opening | None:
    """The opening beside a take; None where there is none, or another take's. RosinError for one that is broken."""
    if not take.opening:
        return None
    try:
        found = read_state(beside(Path(take.path), OPENING))
    except FileNotFoundError:
        return None
    return found if isinstance(found, Opening) and found.name == take.opening else None


class TakeReplay:
    """Feeds an engine with a take, block by block: ``before`` each one. ``more``: gestures at the very beginning."""

    def __init__(
        self, engine: Engine, take: Take, cast: Cast, opening: Opening | None = None, more: Iterable[Gesture] = ()
    ) -> None:
        self._engine, self._cast, self._opening = engine, cast, opening
        self._seen = {id(cast.first)}
        if take.opening:  # what keys called stands in it as what it was
            for layer in self._layers:
                layer.accident_keys.clear()
        if opening is not None:
            self._open(opening, take)
        self._table = engine.layer.table
        begin, rate = engine.sample, engine.rate
        events = [event for event in take.events if not (event.stood and opening is not None)]
        due: list[tuple[int, TakeEvent | Gesture]] = [(begin + round(event.t * rate), event) for event in events]
        due += [(begin, gesture) for gesture in more]
        due.sort(key=lambda pair: pair[0])
        self._due = due[::-1]

    def _open(self, opening: Opening, take: Take) -> None:
        engine, leaving = self._engine, None
        if opening.leaving is not None:
            leaving = next(
                (
                    layer
                    for layer in self._layers
                    if layer.patch.name == opening.leaving.snapshot.patch and layer is not engine.layer
                ),
                None,
            )
        opening.give(engine, leaving)
        if leaving is not None:
            self._seen.add(id(leaving))
        for layer in self._layers:
            opening.teach(layer)

    @property
    def _layers(self) -> Iterable[Layer]:
        return {id(layer): layer for layer in (self._cast.first, *self._cast.layers.values())}.values()

    def before(self) -> None:
        """What acts in the coming block."""
        engine, due = self._engine, self._due
        end = engine.sample + QUANTUM
        while due and due[-1][0] < end:
            sample, event = due.pop()
            if isinstance(event, Gesture):
                engine.post(event, sample)
            elif not event.changes:
                engine.post(self._gesture(event), sample)
            elif event.cue is None:
                engine.hurry()
            else:
                self._change(event.cue)

    def _gesture(self, event: TakeEvent) -> Gesture:
        gesture, opening = gesture_of(event, self._table), self._opening
        if event.track and opening is not None and (kept := opening.accidents.get(event.track)) is not None:
            return gesture._replace(extra=kept.key)  # what was called then, whatever has that name now
        return gesture

    def _change(self, cue: Cue) -> None:
        layer, engine = self._cast.layer(cue), self._engine
        self._table = layer.table
        if id(layer) not in self._seen:
            self._seen.add(id(layer))
            if cue.scenes is not None:
                layer.scenes.hold(cue.scenes, layer.patch.blend_ms if cue.blend_ms is None else cue.blend_ms)
            if self._opening is not None:
                if usage := self._opening.usage.get(cue.patch):
                    layer.voice.load_usage(usage)
                coming = self._opening.coming
                if not cue.fresh and coming is not None and coming.snapshot.patch == cue.patch:
                    coming.give(layer)
        if cue.fresh and not engine.on_stage(layer):
            layer.patch_seed = layer.patch_seed if cue.seed is None else cue.seed
            layer.recall()
        engine.change(layer)


def check(take: Take, cast: Cast) -> None:
    """RosinError for a knob that a patch of the take does not have, before anything sounds."""
    table = cast.first.table
    for event in take.events:
        if event.cue is not None:
            table = cast.layer(event.cue).table
        elif not event.changes:
            gesture_of(event, table)


Open = Callable[[Cue, int], Layer]


def cast_of(take: Take, open: Open) -> Cast:
    """Every layer of a take, opened."""
    cues = cues_of(take)
    layers = {key_of(cue): open(cue, i) for i, cue in enumerate(cues)}
    return Cast(layers[key_of(cues[0])], layers)
