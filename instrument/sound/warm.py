"""Warm: every compiled law loaded (or compiled, once on this machine) before a show; never during one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np


def steps() -> Iterator[tuple[str, Callable[[], None]]]:
    """(what, how) of every piece of compiled code."""
    from instrument.chance import drift, entry, noise, words
    from instrument.friction import law, params, ramp

    for module in (words, noise, drift, entry, params, ramp, law):
        yield module.__name__.removeprefix("instrument."), module.warm
    yield "sound.guard", _guard
    yield "sound.engine", _engine


def _guard() -> None:
    from instrument.sound.guard import Guard

    Guard(2, 48000).warm()


def _engine() -> None:
    """A block of the whole chain on the weightless voice: control, voice, crossfade."""
    from instrument.chance.noise import Noise
    from instrument.link import Frame, Gesture, Kind
    from instrument.model.null import NullVoice
    from instrument.patch import Patch
    from instrument.sound.control import QUANTUM
    from instrument.sound.engine import CHANNELS, Engine
    from instrument.sound.part import Part

    out = np.zeros((CHANNELS, QUANTUM), np.float32)
    engine = Engine(Part(Patch("warm", "null", hazard=5.0), NullVoice(Noise(0))))
    engine.post(Gesture(Kind.NOTE_ON, 60, 0.5), 0)
    engine.block(out)
    engine.change(Part(Patch("warm", "null", entry="bearing"), NullVoice(Noise(0))))
    engine.block(out)
    engine.fill_frame(Frame(), 0.0)


def warm() -> None:
    """All of it, in silence."""
    for _, how in steps():
        how()
