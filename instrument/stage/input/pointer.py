"""Pointer: the mouse and the arrows take hold of a hand - drag, wheel, double click. Pure. Under input, beside keys.

What is moved is always the hand, never the knob; friction decides what becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instrument.ipc import Frame, Gesture, Kind, Source
from instrument.stage.input.view_requests import LONG_AGO, ViewRequests
from instrument.stage.views.layout import Layout

WHEEL, ARROW, FINE = 0.02, 0.02, 0.2
"""travel per notch and per key press; what is left of a drag, notch or press with Shift"""
DOUBLE_CLICK_S = 0.35
BACK_S = 0.3
"""By then what was moved here has come back in a frame, or somebody else has moved it since."""


@dataclass(slots=True)
class _Drag:
    knob: int
    grip: float
    last: float
    at: float


@dataclass(slots=True)
class Pointer:
    """Where the hands are, as far as this window moved them. Points are pixels, y up."""

    layout: Layout
    starts: Sequence[float] = ()
    requests: ViewRequests = field(default_factory=ViewRequests)
    _drag: _Drag | None = None
    _hands: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Where this window moved a hand, and the time of the frame that was the newest then."""
    _clicked: tuple[int, float] | None = None
    _frame: Frame | None = None

    def see(self, frame: Frame) -> None:
        """The newest frame. What was moved here and has not come back in a frame yet is remembered until it does, but
        not for longer than ``BACK_S``: a hand that somebody else moves at the same time may never be seen there."""
        self._frame = frame
        for knob, (raw, at) in list(self._hands.items()):
            back = knob >= frame.playable or abs(float(frame.hand[knob]) - raw) < 1e-4
            if back or not 0.0 <= frame.time - at < BACK_S:
                del self._hands[knob]

    # --- mouse

    def click(self, x: float, y: float, now: float) -> list[Gesture]:
        """The left button went down at a point (pixels, y up) at ``now`` seconds. Two on one ring: home."""
        if not self.requests.wants("learn") and (slot := self.layout.scene_at(x, y)) is not None:
            return self.scene(slot)
        knob = self._at(x, y)
        if knob is None:
            self._clicked = None
            return []
        self.requests.focus = knob
        if self.requests.wants("learn"):  # a knob is chosen there, not moved
            return []
        if self._clicked is not None and self._clicked[0] == knob and now - self._clicked[1] < DOUBLE_CLICK_S:
            self._clicked, self._drag = None, None
            return self._home(knob)
        self._clicked = (knob, now)
        foot, hand = self._surface.raw_at(knob, x, y), self._hand(knob)
        self._drag = _Drag(knob, hand - foot, foot, hand)
        return []

    def scene(self, slot: int) -> list[Gesture]:
        """A scene's box was clicked, or its key pressed with Shift: go there; after S it is kept there instead."""
        requests = self.requests
        if requests.saving:
            requests.saving_until = LONG_AGO
            requests.say("stage.word.saved", number=slot + 1)
            return [gesture(Kind.SCENE_SAVE, slot)]
        if self._frame is not None and not self._frame.scenes >> slot & 1:
            requests.say("stage.word.empty", number=slot + 1)
            return []
        requests.say("stage.word.scene", number=slot + 1)
        return [gesture(Kind.SCENE, slot)]

    def drag(self, x: float, y: float, shift: bool = False) -> list[Gesture]:
        """The mouse moved with the button down: the hand follows along the spoke, with Shift a fifth as far."""
        drag = self._drag
        if drag is None:
            return []
        foot = self._surface.raw_at(drag.knob, x, y)
        wanted = drag.at + (foot - drag.last) * FINE if shift else foot + drag.grip
        drag.grip, drag.last, drag.at = wanted - foot, foot, wanted
        self._clicked = None
        return self._move(drag.knob, wanted)

    def drop(self) -> None:
        """The button went up."""
        self._drag = None

    def wheel(self, x: float, y: float, notches: float, shift: bool = False) -> list[Gesture]:
        """The wheel turned: the knob under the mouse, or else the one whose spoke points there. Credits are rolled."""
        if not notches:  # a wheel that is pushed aside
            return []
        if self.requests.wants("credits"):
            self.requests.page += -1 if notches > 0 else 1
            return []
        if self.requests.wants("learn"):
            return []
        knob = self._at(x, y)
        if knob is None:
            knob = self._surface.spoke_near(x, y)
        return self._turn(knob, notches * WHEEL * (FINE if shift else 1.0))

    # --- the hand

    @property
    def _surface(self) -> Layout:
        """Where knobs lie: while learning there is the whole star, whichever view is behind it."""
        layout = self.layout
        if self.requests.wants("learn") and type(layout) is not Layout:
            return Layout(layout.width, layout.height, layout.count)
        return layout

    def _at(self, x: float, y: float) -> int | None:
        raws = [self._hand(i) for i in range(self.layout.count)]
        surface = self._surface
        knob = surface.knob_near(x, y, raws)
        if knob is None and self.requests.wants("learn"):  # nothing moves there: anywhere along its spoke will do
            knob = surface.spoke_near(x, y)
        if knob is None and self._frame is not None:  # a bead far from its ring is as good a handle
            knob = surface.knob_near(x, y, [float(p) for p in self._frame.pos[: self.layout.count]], 24.0)
        return knob

    def _hand(self, knob: int) -> float:
        if knob in self._hands:
            return self._hands[knob][0]
        return 0.0 if self._frame is None else float(self._frame.hand[knob])

    def _turn(self, knob: int | None, by: float) -> list[Gesture]:
        return [] if knob is None else self._move(knob, self._hand(knob) + by)

    def _home_of_focus(self) -> list[Gesture]:
        return [] if self.requests.focus is None else self._home(self.requests.focus)

    def _home(self, knob: int) -> list[Gesture]:
        return self._move(knob, self.starts[knob]) if knob < len(self.starts) else []

    def _move(self, knob: int, raw: float) -> list[Gesture]:
        raw = min(1.0, max(0.0, raw))
        self._hands[knob] = raw, self._frame.time if self._frame is not None else 0.0
        return [gesture(Kind.KNOB, knob, raw)]


def gesture(kind: Kind, knob: int = 0, value: float = 0.0) -> Gesture:
    """One of the stage's, yet to be stamped."""
    return Gesture(kind, knob, value, 0.0, Source.STAGE)
