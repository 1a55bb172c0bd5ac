"""Acts: what each kind of gesture does to the engine, a row a kind. Inside the engine, before control.

A row is given the engine, the gesture and where in the coming block it stands (in ticks); it returns what acted, which
is what a take keeps: the gesture itself, another one that says it without the surroundings of that evening (a key that
calls an accident is that accident), or None where nothing happened. What the engine may not do itself goes into its
``requests``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from instrument.engine.effects.excerpt_player import ExcerptPlayer
from instrument.engine.effects.tape_effect import TapeEffect
from instrument.engine.held import HeldKeys
from instrument.engine.layer import Layer
from instrument.engine.snapshot import Snapshot
from instrument.engine.voices.fingers import BEND, PRESSURE, TIMBRE
from instrument.ipc import NO_SHIFT, Gesture, Kind, Source
from instrument.ipc.events import BEND_SEMITONES, NOTES, PEDAL_DOWN, SLOTS, Is, kinds
from instrument.knobs import SCENES

BRIDGE_MS_MAX = 86_400_000
"""A day."""
HEAVY, HEAVY_EACH = kinds(Is.HEAVY), kinds(Is.HEAVY_EACH)
HEAVY_A_BLOCK = 2


class ActingEngine(Protocol):
    """What acts know of the engine that plays: what they may change, and whom they may ask."""

    layer: Layer
    panicked: bool
    held: HeldKeys
    hearing: ExcerptPlayer
    tape: TapeEffect
    slots: list[Snapshot | None]

    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def loudness(self) -> float: ...
    def ask(self, kind: Kind, number: int, value: float) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def restore(self, kept: Snapshot, with_guard: bool = True) -> None: ...


Row = Callable[[ActingEngine, Gesture, float], Gesture | None]


def act(engine: ActingEngine, gesture: Gesture, at: float) -> Gesture | None:
    """Let one gesture act ``at`` ticks into the coming block; what acted, or None. A kind nobody knows does nothing."""
    row = ROWS.get(gesture.kind)
    return None if row is None else row(engine, gesture, at)


def without_excess(now: list[tuple[int, Gesture]]) -> tuple[list[tuple[int, Gesture]], int]:
    """A block's gestures without those of the heavy kinds that newer ones of the same kind replace; and how many."""
    count: dict[tuple[int, int], int] = {}
    kept = []
    for pair in reversed(now):
        kind = pair[1].kind
        if kind in HEAVY:
            same = kind, pair[1].knob if kind in HEAVY_EACH else 0  # (each slot is a moment of its own)
            count[same] = count.get(same, 0) + 1
            if count[same] > HEAVY_A_BLOCK:
                continue
        kept.append(pair)
    return kept[::-1], len(now) - len(kept)


def _within(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))


# --- knobs


def _knob(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    layer = engine.layer
    if g.knob >= len(layer.table):
        return None
    layer.control.place_knob(g.knob, g.value, at, g.source)
    layer.speaking |= layer.table[g.knob].group != "visual"  # a picture is no gesture of sound
    return g


def _force(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    layer = engine.layer
    if g.knob >= layer.table.playable_count:
        return None
    layer.control.place_force(g.knob, _within(-1.0, g.value, 1.0), at)
    layer.speaking = True
    return g


def _bridge(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    layer = engine.layer
    if g.knob >= layer.table.playable_count:
        return None
    layer.control.place_bridge(g.knob, g.value, min(g.extra, BRIDGE_MS_MAX) / 1000.0)
    layer.speaking = True
    return g


def _scene(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    """The hands set out for where a scene has them; an empty one is asked about, and nothing moves."""
    layer = engine.layer
    scenes = layer.scenes
    if g.knob >= SCENES or not scenes.has(g.knob):
        engine.ask(Kind.SCENE, g.knob, 0.0)
        return g if g.knob < SCENES else None  # (a take has its scenes: it is as empty there)
    seconds = (g.extra or scenes.blend_ms) / 1000.0
    layer.control.place_scene(scenes.raw[g.knob], scenes.named[g.knob], seconds, at)
    scenes.last = g.knob
    layer.speaking = True
    return g


def _scene_save(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    if g.knob >= SCENES:
        return None
    engine.layer.scenes.keep(g.knob, engine.layer.control.raw, g.source != Source.TAKE)
    return g


# --- keys. Those of a layer that fades away are let go of with the others, and bent with them.


def _note_on(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    layer, replay = engine.layer, engine.layer.control.mix.replay
    if g.knob >= NOTES:
        return None
    if g.value <= 0.0:
        return _note_off(engine, g, at)
    if (accident := layer.accident_keys.get(g.knob)) is not None:
        if not replay.play(accident):
            return None
        layer.speaking = True
        return Gesture(Kind.ACCIDENT, NO_SHIFT, 1.0, g.time, g.source, accident)
    velocity = min(1.0, g.value)
    engine.held.down(g.knob, velocity, g.channel, g.note_id)
    if layer.patch.notes != "off":
        layer.control.place_note(g.knob, velocity, at, g.channel, g.note_id)
        layer.speaking = True
        engine.panicked = False
    return g


def _note_off(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    if g.knob >= NOTES:
        return None
    engine.held.up(g.knob, g.channel, g.note_id)
    for layer in engine.layers:
        if g.knob not in layer.accident_keys:
            layer.control.place_note(g.knob, 0.0, at, g.channel, g.note_id)
    return g


def _bend(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.held.bend = _within(-1.0, g.value, 1.0)
    for layer in engine.layers:
        layer.control.notes.bend = engine.held.bend
    return g


def _sustain(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.held.sustain(g.value >= PEDAL_DOWN)
    for layer in engine.layers:
        layer.control.place_sustain(g.value >= PEDAL_DOWN, at)
    return g


def _sostenuto(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    for layer in engine.layers:
        layer.control.place_sostenuto(g.value >= PEDAL_DOWN, at)
    return g


def _finger(what: int, scale: float = 1.0, middle: float = 0.0) -> Row:
    """A finger's own expression; of a layer that fades away the notes are still under the fingers."""

    def acts(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
        engine.held.finger(what, middle + scale * g.value, g.channel, g.knob - 1, g.note_id)
        for layer in engine.layers:
            layer.control.place_finger(what, middle + scale * g.value, at, g.channel, g.knob - 1, g.note_id)
        return g

    return acts


def _pressure(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.held.pressure = _within(0.0, g.value, 1.0)
    for layer in engine.layers:
        layer.control.place_pressure(g.value, at, g.source)
    return g


def _all_off(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.held.all_off()
    for layer in engine.layers:
        layer.control.place_all_off(at)
    return g


def _panic(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.panicked = True
    engine.held.clear()
    for layer in engine.layers:
        layer.control.silence()
    engine.hearing.let_go()
    return g


def _resume(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.panicked = False
    return g


# --- chance, and the state of things


def _seed(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.layer.reseed(g.extra)
    engine.tape.reseed(g.extra)
    return g


def _reset(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.layer.forget()
    return g


def _hands_only(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.layer.control.obey(g.value >= 0.5)
    return g


def _snapshot(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    if g.knob >= SLOTS:
        return None
    engine.slots[g.knob] = engine.snapshot()
    return g


def _restore(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    kept = engine.slots[g.knob] if g.knob < SLOTS else None
    if kept is None or kept.patch != engine.layer.patch.name:
        engine.ask(Kind.RESTORE, g.knob, 0.0)
        return None
    engine.restore(kept, with_guard=False)
    return g


def _accident(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    layer, replay = engine.layer, engine.layer.control.mix.replay
    if g.value < 0.5:
        replay.stop()
        return g
    if not replay.play(g.extra, g.value >= 1.5, (g.knob - NO_SHIFT) / 100.0):
        return None
    layer.speaking = True
    return g


def _fill(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.layer.control.friction.fill()
    return g


def _hear(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    """Let a neighbouring sound be heard; of the nearest (0) the first that may be. What can not is asked about."""
    sound, place = g.knob - 1, engine.layer.place
    if g.value < 0.5:
        engine.hearing.let_go()
        return g
    if engine.panicked:
        return None
    if place is None or place.excerpts is None:
        engine.ask(Kind.HEAR, sound, 0.0)
        return None
    for clip in place.top.tolist() if sound < 0 else (sound,):
        if (audio := place.excerpts.of(clip)) is not None:
            engine.hearing.start(audio, clip, place, engine.loudness)
            return g._replace(knob=clip + 1)
    engine.ask(Kind.HEAR, int(place.top[0]) if sound < 0 else sound, 1.0)
    return None


# --- for others


def _patch(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.ask(Kind.PATCH, g.knob, 0.0)
    return None  # a take has the change itself, in the block in which it comes


def _record(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.ask(Kind.RECORD, int(g.value >= 0.5), 0.0)
    return None


def _keep(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    engine.ask(Kind.KEEP, g.extra, g.value)
    return None


def _mark(engine: ActingEngine, g: Gesture, at: float) -> Gesture | None:
    return g


ROWS: dict[int, Row] = {
    Kind.KNOB: _knob, Kind.FORCE: _force, Kind.BRIDGE: _bridge, Kind.SCENE: _scene, Kind.SCENE_SAVE: _scene_save,
    Kind.NOTE_ON: _note_on, Kind.NOTE_OFF: _note_off, Kind.BEND: _bend, Kind.SUSTAIN: _sustain,
    Kind.SOSTENUTO: _sostenuto, Kind.FINGER_BEND: _finger(BEND, 0.5 / BEND_SEMITONES, 0.5),
    Kind.FINGER_PRESSURE: _finger(PRESSURE), Kind.FINGER_TIMBRE: _finger(TIMBRE),
    Kind.PRESSURE: _pressure, Kind.ALL_NOTES_OFF: _all_off, Kind.PANIC: _panic, Kind.RESUME: _resume,
    Kind.SEED: _seed, Kind.RESET: _reset, Kind.HANDS_ONLY: _hands_only, Kind.SNAPSHOT: _snapshot,
    Kind.RESTORE: _restore, Kind.ACCIDENT: _accident, Kind.FILL: _fill, Kind.HEAR: _hear,
    Kind.PATCH: _patch, Kind.RECORD: _record, Kind.KEEP: _keep, Kind.MARK: _mark,
}  # fmt: skip
