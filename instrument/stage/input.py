"""Input: keys and mouse to gestures and to wishes of the window itself. Pure: no window, no clock. Before the link.

A key is a force, not a value: pressed it pushes its knob, released it lets go, and mass and friction make the rest.
Keys are known by their place on the keyboard (the evdev number, which is the PC's scan code), so that AZERTY, QWERTZ
and Dvorak play alike. Dragging, the wheel and the arrows move the hand, never the knob.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instrument.link import Flags, Frame, Gesture, Kind, Source
from instrument.stage.layout import Layout

PUSH_KEYS = tuple(range(16, 24))
"""QWERTYUI by place: push knobs 1-8 up."""
PULL_KEYS = tuple(range(30, 38))
"""ASDFGHJK by place: pull knobs 1-8 down."""
PUSH = 0.25
"""travel, the force of a key"""
FINE_PUSH = 1 / 3
"""what is left of it with Shift"""
WHEEL, ARROW, FINE = 0.02, 0.02, 0.2
"""travel per notch and per key press; what is left of a drag, notch or press with Shift"""
DOUBLE_CLICK_S = 0.35


@dataclass(slots=True)
class Wishes:
    """What the player asks of the window: the picture is ``black``, ``frozen``; the ``keys`` are shown; focus."""

    black: bool = False
    frozen: bool = False
    keys: bool = False
    focus: int | None = None


@dataclass(slots=True)
class _Drag:
    knob: int
    grip: float
    last: float
    at: float


@dataclass(slots=True)
class Input:
    """Feed it what the window hears; it returns gestures for the link (their time is for the caller to stamp)."""

    layout: Layout
    starts: Sequence[float] = ()
    wishes: Wishes = field(default_factory=Wishes)
    _drag: _Drag | None = None
    _pressed: dict[int, int] = field(default_factory=dict)
    _hands: dict[int, float] = field(default_factory=dict)
    _clicked: tuple[int, float] | None = None
    _frame: Frame | None = None

    def see(self, frame: Frame) -> None:
        """The newest frame. What was moved here and has not come back in a frame yet is remembered until it does."""
        self._frame = frame
        for knob, raw in list(self._hands.items()):
            if knob >= frame.playable or abs(float(frame.hand[knob]) - raw) < 1e-4:
                del self._hands[knob]

    def resize(self, layout: Layout, starts: Sequence[float]) -> list[Gesture]:
        """Another size, or another patch: whatever was held is let go."""
        gestures = self.let_go()
        self.layout, self.starts = layout, starts
        self._hands.clear()
        if self.wishes.focus is not None and self.wishes.focus >= layout.count:
            self.wishes.focus = None
        return gestures

    def let_go(self) -> list[Gesture]:
        """The window loses the keyboard or closes: no force may stay on a knob."""
        gestures = [_gesture(Kind.FORCE, knob, 0.0) for knob in sorted(set(self._pressed.values()))]
        self._pressed.clear()
        self._drag = None
        return gestures

    # --- keys

    def press(self, place: int, name: str, shift: bool = False) -> list[Gesture]:
        """A key went down. ``place``: its evdev number, 0 if unknown; ``name``: what is printed on it, upper case."""
        if (found := self._force_key(place)) is not None:
            knob = found
            if place in self._pressed or knob >= self.layout.count:
                return []
            self._pressed[place] = knob
            self.wishes.focus = knob
            return [_gesture(Kind.FORCE, knob, self._force(knob, FINE_PUSH if shift else 1.0))]
        if name == "ESCAPE":
            panicked = self._frame is not None and bool(self._frame.flags & Flags.PANICKED)
            return [*self.let_go(), _gesture(Kind.RESUME if panicked else Kind.PANIC)]
        if name == "B":
            self.wishes.black = not self.wishes.black
        elif name == "SPACE":
            self.wishes.frozen = not self.wishes.frozen
        elif name in ("?", "SLASH", "QUESTION", "F1"):
            self.wishes.keys = not self.wishes.keys
        elif name in ("LEFT", "RIGHT") and self.layout.count:
            step = 1 if name == "RIGHT" else -1
            before = self.wishes.focus if self.wishes.focus is not None else -1 if step > 0 else 0
            self.wishes.focus = (before + step) % self.layout.count
        elif name in ("UP", "DOWN"):
            return self._turn(self.wishes.focus, (ARROW if name == "UP" else -ARROW) * (FINE if shift else 1.0))
        elif len(name) == 1 and name in "12345678" and int(name) <= self.layout.count:
            self.wishes.focus = int(name) - 1
        elif name == "HOME" and self.wishes.focus is not None:
            return self._home(self.wishes.focus)
        return []

    def release(self, place: int) -> list[Gesture]:
        """A key went up. The knob keeps the force of its other key, if that is still down."""
        knob = self._pressed.pop(place, None)
        return [] if knob is None else [_gesture(Kind.FORCE, knob, self._force(knob))]

    def _force(self, knob: int, share: float = 1.0) -> float:
        signs = [1.0 if place in PUSH_KEYS else -1.0 for place, held in self._pressed.items() if held == knob]
        return PUSH * share * sum(signs)

    @staticmethod
    def _force_key(place: int) -> int | None:
        for keys in (PUSH_KEYS, PULL_KEYS):
            if place in keys:
                return keys.index(place)
        return None

    # --- mouse

    def click(self, x: float, y: float, now: float) -> list[Gesture]:
        """The left button went down at a point (pixels, y up) at ``now`` seconds. Two on one ring: home."""
        knob = self._at(x, y)
        if knob is None:
            self._clicked = None
            return []
        self.wishes.focus = knob
        if self._clicked is not None and self._clicked[0] == knob and now - self._clicked[1] < DOUBLE_CLICK_S:
            self._clicked, self._drag = None, None
            return self._home(knob)
        self._clicked = (knob, now)
        foot, hand = self.layout.raw_at(knob, x, y), self._hand(knob)
        self._drag = _Drag(knob, hand - foot, foot, hand)
        return []

    def drag(self, x: float, y: float, shift: bool = False) -> list[Gesture]:
        """The mouse moved with the button down: the hand follows along the spoke, with Shift a fifth as far."""
        drag = self._drag
        if drag is None:
            return []
        foot = self.layout.raw_at(drag.knob, x, y)
        wanted = drag.at + (foot - drag.last) * FINE if shift else foot + drag.grip
        drag.grip, drag.last, drag.at = wanted - foot, foot, wanted
        self._clicked = None
        return self._move(drag.knob, wanted)

    def drop(self) -> None:
        """The button went up."""
        self._drag = None

    def wheel(self, x: float, y: float, notches: float, shift: bool = False) -> list[Gesture]:
        """The wheel turned: the knob under the mouse, or else the one whose spoke points there."""
        knob = self._at(x, y)
        if knob is None:
            knob = self.layout.spoke_near(x, y)
        return self._turn(knob, notches * WHEEL * (FINE if shift else 1.0))

    # --- the hand

    def _at(self, x: float, y: float) -> int | None:
        raws = [self._hand(i) for i in range(self.layout.count)]
        knob = self.layout.knob_near(x, y, raws)
        if knob is None and self._frame is not None:  # a bead far from its ring is as good a handle
            knob = self.layout.knob_near(x, y, [float(p) for p in self._frame.pos[: self.layout.count]], 24.0)
        return knob

    def _hand(self, knob: int) -> float:
        if knob in self._hands:
            return self._hands[knob]
        return 0.0 if self._frame is None else float(self._frame.hand[knob])

    def _turn(self, knob: int | None, by: float) -> list[Gesture]:
        return [] if knob is None else self._move(knob, self._hand(knob) + by)

    def _home(self, knob: int) -> list[Gesture]:
        return self._move(knob, self.starts[knob]) if knob < len(self.starts) else []

    def _move(self, knob: int, raw: float) -> list[Gesture]:
        raw = min(1.0, max(0.0, raw))
        self._hands[knob] = raw
        return [_gesture(Kind.KNOB, knob, raw)]


def _gesture(kind: Kind, knob: int = 0, value: float = 0.0) -> Gesture:
    return Gesture(kind, knob, value, 0.0, Source.STAGE)
