"""Customs: which knob a controller moves that is bound to none, as players expect it. Under the MIDI hand. Pure."""

from __future__ import annotations

from instrument.hands.midi.controls import ControlEvent
from instrument.knobs import KnobTable

MODULATION, LEVEL, EXPRESSION = 1, 7, 11
USUAL_LEVEL = 100
"""Where a keyboard's volume stands as it is switched on (General MIDI)."""


def by_custom(control: ControlEvent, table: KnobTable) -> tuple[int, float] | None:
    """The knob, and raw 0..1 where it goes at once. None: there is no such knob.

    CC 1 is the first knob of the model that is neither its pitch nor its loudness, CC 11 its loudness, CC 7 the level:
    at 100 and above as the patch has it, since a keyboard that sends its volume must not make it louder.
    """
    if control.number == LEVEL:
        knob = table.index("level")
        return knob, min(1.0, control.raw / USUAL_LEVEL) * table[knob].start
    wanted = ("loudness",) if control.number == EXPRESSION else ()
    for i, knob_row in enumerate(table.playable):
        if knob_row.role in wanted if wanted else knob_row.role not in ("pitch", "loudness"):
            return i, control.value
    return None
