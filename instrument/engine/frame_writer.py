"""Frame writer: what a frame says of the engine, and an engine taking up where a lost one left off.
Beside the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from instrument.engine.control import QUANTUM, TICK
from instrument.engine.control_frame import fill_control, resume_control
from instrument.engine.engine import Engine
from instrument.engine.layer import Place
from instrument.ipc import Flags, Frame, Pressed


def flags(engine: Engine) -> Flags:
    """The states of the engine; its owner adds what it alone knows (recording, the device)."""
    layer, control = engine.layer, engine.layer.control
    found = Flags(0)
    if engine.panicked:
        found |= Flags.PANICKED
    if engine.fading:
        found |= Flags.SWAPPING
    if layer.speaking:
        found |= Flags.SPEAKING
    if control.parameter("input") > 0.0 and layer.patch.input_mode != "off":
        found |= Flags.INPUT_ON
    if control.hands_only:
        found |= Flags.HANDS_ONLY
    return found


def add_wave(engine: Engine, frame: Frame) -> None:
    """The last block's samples to the frame's newest; every block, also those that no frame tells of."""
    wave = frame.wave
    wave[:-QUANTUM] = wave[QUANTUM:]
    wave[-QUANTUM:] = engine.mix[0]


def fill_frame(engine: Engine, frame: Frame, started: float) -> None:
    """Write what the stage and the hands should know of the last block; ``started``: its time, monotonic s."""
    layer, control = engine.layer, engine.layer.control
    frame.time = started
    frame.sample = engine.sample - QUANTUM
    frame.seed = layer.seed
    frame.tick_origin = max(0, engine.sample // TICK - control.tick)
    frame.patch = layer.index
    frame.knob_count = len(layer.table)
    frame.playable = layer.table.playable_count
    frame.flags = int(flags(engine))
    fill_control(control, frame)
    layer.scenes.fill_frame(frame)
    fill_place(layer.place, frame)
    frame.hearing = engine.hearing.sound if engine.hearing.whose is layer.place else -1
    latents = layer.z[control.notes.foremost, :, -1]
    count = min(len(latents), len(frame.latent))
    frame.latent[:count] = latents[:count]
    frame.rms = engine.guard.rms
    frame.peak = engine.guard.peak
    frame.late = engine.late
    frame.lost = engine.lost
    frame.resets = engine.resets


def fill_place(place: Place | None, frame: Frame) -> None:
    """Whose sounds are near, and how known the place is."""
    if place is None:
        frame.known = frame.unknown = -1.0
        frame.clip[:] = -1
        frame.share[:] = frame.clip_share[:] = 0.0
        return
    frame.known, frame.unknown = place.known, place.unknown
    count = min(len(place.share), len(frame.share))
    frame.share[:count], frame.share[count:] = place.share[:count], 0.0
    if len(place.share) > count:
        frame.share[-1] = 1.0 - float(place.share[: count - 1].sum())
    frame.clip[:], frame.clip_share[:] = place.top, place.top_share


def resume(engine: Engine, frame: Frame, held: Sequence[Pressed] | None = None) -> None:
    """Take up where a lost engine left off: clock, knobs, seed and keys from the last frame it published.

    ``held``: what hands and stage hold down; without it the key that sounded is taken to be down still.
    """
    layer = engine.layer
    engine.sample = frame.sample + QUANTUM
    layer.speaking = bool(frame.flags & Flags.SPEAKING)
    engine.panicked = bool(frame.flags & Flags.PANICKED)
    engine.resets, engine.late, engine.lost = frame.resets, frame.late, frame.lost
    if frame.seed != layer.seed:
        layer.reseed(frame.seed)
        engine.tape.reseed(frame.seed)
    resume_control(layer.control, frame, held)
    engine.held.adopt(layer.control.notes, layer.control.fingers)
    layer.scenes.resume_from(frame)
    layer.control.tick = max(0, engine.sample // TICK - frame.tick_origin)
