"""Control frame: what a frame tells of a patch's knobs and keys, and control taken up again from one. Over control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instrument.engine.control import ControlChain
from instrument.ipc import Flags, Frame, Pressed
from instrument.ipc.pressed import down


def fill_control(control: ControlChain, frame: Frame) -> None:
    """Hand, position, force and the rest of one block into the frame; note and gate of the foremost voice."""
    count, total = control.count, len(control.raw)
    frame.hand[:total] = control.raw
    frame.pos[:count] = control.x[-1]
    frame.force[:count] = control.friction.force
    frame.stick[:count] = control.amounts.friction.stick
    frame.stuck[:count] = control.friction.stuck
    frame.origin[:total] = control.origin
    frame.grain[:] = control.mix.grain
    voice = control.notes.foremost
    frame.note = float(control.pitch[voice, -1])
    frame.gate = float(control.level[voice, -1])


def resume_control(control: ControlChain, frame: Frame, held: Sequence[Pressed] | None = None) -> None:
    """Knobs, hands and keys as the last frame of a lost engine showed them; ``held``: what is pressed meanwhile."""
    count = min(len(control.raw), frame.knob_count)
    control.raw[:count] = np.clip(np.nan_to_num(frame.hand[:count]), 0.0, 1.0)
    control.origin[:count] = frame.origin[:count]
    control.ramp.reset(control.raw[: control.count])
    control.friction.reset(np.clip(np.nan_to_num(frame.pos[: control.count]), 0.0, 1.0))
    control.hands_only = bool(frame.flags & Flags.HANDS_ONLY)
    control.amounts.put_all(control.raw)
    if held is not None:
        _take_hold(control, frame, held)
    elif frame.gate > 0.0:
        control.notes.resume(frame.note, frame.gate)
    control.refresh()


def _take_hold(control: ControlChain, frame: Frame, held: Sequence[Pressed]) -> None:
    """Keys, pedal, bend and pushes that somebody has under his hands. After a panic no key is down."""
    keys, pedal, bend, forces = down(held)
    if frame.gate > 0.0:
        control.notes.resume(frame.note, frame.gate, keys, pedal, bend)
    elif not frame.flags & Flags.PANICKED:
        control.notes.pedal, control.notes.bend = pedal, bend
    for knob, push in forces.items():
        if knob < control.count:
            control.place_force(knob, push, 0.0)
