"""Learn request: a knob that waits for a controller, and which controls may be given to it. Before MIDI and OSC.
Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from instrument.hands.midi.controls import ControlEvent
from instrument.hands.state.bindings import NOT_LEARNABLE, Binding, Motion


class LearnRequest(NamedTuple):
    """A knob that waits for a controller. What is None stays as it was in the knob's binding before.

    ``fresh``: one of a row of knobs that learn one after the other; the control that the last of them learned is let
    come to rest before it may be learned again.
    """

    knob: str
    low: float | None = None
    high: float | None = None
    invert: bool | None = None
    motion: Motion = "absolute"
    takeover: str | None = None
    fresh: bool = False


def shown(control: ControlEvent, last: ControlEvent | None) -> ControlEvent | None:
    """What the player moved, of the two things that half a pair is."""
    if control.what == "cc14":
        return control if control.paired else last
    if control.what == "cc" and last is not None and last.paired and last.number + 32 == control.number:
        return last
    return control


def learnable(control: ControlEvent) -> bool:
    """Notes are for playing: they are bound in the rig file only."""
    if control.what in ("cc", "cc14"):
        return control.number not in NOT_LEARNABLE
    return control.what in ("nrpn", "bend", "pressure")


def of_one_pair(control: ControlEvent, binding: Binding) -> bool:
    """Whether the control is the one of the binding, or the other half, or the whole, of its pair."""
    kinds, numbers = [], []
    for kind, number in ((control.what, control.number), (binding.kind, binding.number)):
        half = kind in ("cc", "cc14")
        kinds.append("cc" if half else kind)
        numbers.append(number % 32 if half and number < 64 else number)
    return kinds[0] == kinds[1] and numbers[0] == numbers[1] and control.channel == binding.channel
