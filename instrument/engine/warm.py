"""Warm: every compiled law loaded (or compiled, once on this machine) before a show; never during one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np


def steps() -> Iterator[tuple[str, Callable[[], None]]]:
    """(what, how) of every piece of compiled code."""
    from instrument.chance import bridge, coarse, entry, holes, mix, noise, words
    from instrument.chance import params as amounts
    from instrument.chance.registry import source_modules
    from instrument.engine.effects import excerpt_player, tape_effect
    from instrument.engine.voices import note_voices
    from instrument.friction import bearing, params, ramp
    from instrument.model.atlas import atlas

    chances = (words, noise, *source_modules(), bridge, holes, coarse, mix, entry, amounts)
    for module in (*chances, params, ramp, bearing, note_voices, atlas, tape_effect, excerpt_player):
        yield module.__name__.removeprefix("instrument."), module.warm
    yield "engine.effects.guard", _guard
    yield "engine.engine", _engine


def _guard() -> None:
    from instrument.engine.effects.guard import Guard

    Guard(2, 48000).warm()


def _engine() -> None:
    """A block of the whole chain on the weightless voice: control, voice, crossfade."""
    from instrument.chance.noise import Noise
    from instrument.documents.patch import Patch
    from instrument.engine.control import QUANTUM
    from instrument.engine.engine import Engine
    from instrument.engine.frame_writer import fill_frame
    from instrument.engine.layer import Layer
    from instrument.ipc import Frame, Gesture, Kind
    from instrument.model.runtime.null import NullVoice

    engine = Engine(Layer(Patch("warm", "null", hazard=5.0), NullVoice(Noise(0))))
    out = np.zeros((engine.layout.count, QUANTUM), np.float32)
    engine.post(Gesture(Kind.NOTE_ON, 60, 0.5), 0)
    engine.block(out)
    engine.change(Layer(Patch("warm", "null", entry="bearing"), NullVoice(Noise(0))))
    engine.block(out)
    fill_frame(engine, Frame(), 0.0)


def warm() -> None:
    """All of it, in silence."""
    for _, how in steps():
        how()
