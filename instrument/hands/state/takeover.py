"""Takeover: what an absolute controller may do to a knob that stands elsewhere. Between binding and gesture; pure.

``jump``: the knob goes where the controller is. ``pickup``: nothing happens until the controller reaches the knob;
the distance is there to be shown. ``scale``: the knob moves with the controller at once, by the share of the room left
on that side, so that both arrive at the end together. All positions are 0..1 in the controller's own travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instrument.base.errors import RosinError

Mode = Literal["pickup", "scale", "jump"]
MODES: tuple[Mode, ...] = ("pickup", "scale", "jump")

NEAR = 1.5 / 127
"""Within one and a half steps of a 7-bit controller two positions are the same place."""


def mode_of(text: str) -> Mode:
    """A mode by its name. RosinError when there is none of that name."""
    for mode in MODES:
        if text == mode:
            return mode
    raise RosinError(f"{text!r} is no takeover; write one of {', '.join(MODES)}")


@dataclass(slots=True)
class Takeover:
    """One controller at one knob. ``distance``: knob minus controller at the last turn; 0 when caught."""

    mode: Mode = "pickup"
    caught: bool = False
    distance: float = 0.0
    _last: float | None = None
    _given: float | None = None
    _driven: bool = False

    @property
    def control(self) -> float | None:
        """Where the controller was last seen; None before it ever moved."""
        return self._last

    def driven(self) -> None:
        """The controller was led to the knob by its motor: it has caught it, wherever the hand was before."""
        self.caught, self.distance, self._driven = True, 0.0, True

    def resume(self, control: float | None, caught: bool) -> None:
        """As it was in hands before these: the controller was last seen there, and had caught its knob or not."""
        self._last, self.caught, self._given = control, caught, None

    def release(self) -> None:
        """The knob is elsewhere now (another patch, controllers reset): catch it again."""
        self.caught = self._driven = False
        self._given = None

    def turn(self, control: float, position: float) -> float | None:
        """The controller is at ``control``, the knob at ``position``: where the knob shall go, None = stay."""
        last, self._last = self._last, control
        if self._driven:
            self._driven, self._given = False, control
            return control
        if self.mode == "scale":
            return self._scale(control, position, last)
        if self.mode == "pickup":
            if self.caught and self._given is not None and abs(position - self._given) > NEAR:
                self.caught = False
            if not self.caught:
                crossed = last is not None and (last - position) * (control - position) <= 0.0
                if not crossed and abs(control - position) > NEAR:
                    self.distance = position - control
                    return None
        self.caught, self.distance, self._given = True, 0.0, control
        return control

    def _scale(self, control: float, position: float, last: float | None) -> float | None:
        self.caught = abs(control - position) <= NEAR
        self.distance = 0.0 if self.caught else position - control
        if last is None or control == last:
            return None
        if control > last:
            to = position + (control - last) * (1.0 - position) / (1.0 - last)
        else:
            to = position + (control - last) * position / last
        to = min(1.0, max(0.0, to))
        self.caught = abs(control - to) <= NEAR
        self.distance = 0.0 if self.caught else to - control
        return to
