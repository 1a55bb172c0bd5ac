"""Gestures: keys and mouse to gestures and to requests of the window itself. Pure: no window, no clock.
Before the link.

A key is a force, not a value: pressed it pushes its knob, released it lets go, and mass and friction make the rest.
On the stage the letters of the two force rows play, so that nothing happens there by mistake; in rehearsal they are
commands, as printed. Enter swaps the two, and with Ctrl a letter is always a command.
Dragging, the wheel and the arrows move the hand, never the knob.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from instrument.ipc import Flags, Gesture, Kind
from instrument.knobs import SCENES
from instrument.stage.input.keyboard import PULL_KEYS, PUSH_KEYS, command, digit_key, force_key
from instrument.stage.input.pointer import ARROW, DOUBLE_CLICK_S, FINE, WHEEL, Pointer, gesture
from instrument.stage.input.view_requests import ViewRequests
from instrument.stage.views.layout import Layout

PUSH = 0.25
"""travel, the force of a key"""
FINE_PUSH = 1 / 3
"""what is left of it with Shift"""

__all__ = [
    "ARROW",
    "DOUBLE_CLICK_S",
    "FINE",
    "FINE_PUSH",
    "PULL_KEYS",
    "PUSH",
    "PUSH_KEYS",
    "WHEEL",
    "StageInput",
    "ViewRequests",
]


@dataclass(slots=True)
class StageInput(Pointer):
    """Feed it what the window hears; it returns gestures for the link (their time is for the caller to stamp)."""

    _pressed: dict[int, int] = field(default_factory=dict)

    def resize(self, layout: Layout, starts: Sequence[float]) -> list[Gesture]:
        """Another size, or another patch: whatever was held is let go."""
        gestures = self.let_go()
        self.layout, self.starts = layout, starts
        self._hands.clear()
        if self.requests.focus is not None and self.requests.focus >= layout.count:
            self.requests.focus = None
        return gestures

    def let_go(self) -> list[Gesture]:
        """The window loses the keyboard or closes: no force may stay on a knob."""
        gestures = [gesture(Kind.FORCE, knob, 0.0) for knob in sorted(set(self._pressed.values()))]
        self._pressed.clear()
        self._drag = None
        return gestures

    # --- keys

    def press(self, place: int, name: str, shift: bool = False, ctrl: bool = False) -> list[Gesture]:
        """A key went down. ``place``: its evdev number, 0 if unknown; ``name``: what is printed on it, upper case."""
        requests = self.requests
        if not ctrl and not requests.wants("learn") and requests.plays and (knob := force_key(place)) is not None:
            return self._push(place, knob, shift)
        digit = digit_key(place, name)
        asked = command(place, name)
        if requests.wants("learn") and asked not in _WHILE_LEARNING and digit is None:
            return []
        if digit is None and asked not in ("save", None):
            requests.asked_no_more()
        if digit is not None:
            return self._digit(digit, shift)
        do = _COMMANDS.get(asked or "")
        return [] if do is None else do(self, shift)

    def release(self, place: int) -> list[Gesture]:
        """A key went up. The knob keeps the force of its other key, if that is still down."""
        knob = self._pressed.pop(place, None)
        return [] if knob is None else [gesture(Kind.FORCE, knob, self._force(knob))]

    def _push(self, place: int, knob: int, shift: bool) -> list[Gesture]:
        if place in self._pressed or knob >= self.layout.count:
            return []
        self._pressed[place] = knob
        self.requests.focus = knob
        return [gesture(Kind.FORCE, knob, self._force(knob, FINE_PUSH if shift else 1.0))]

    def _force(self, knob: int, share: float = 1.0) -> float:
        signs = [1.0 if place in PUSH_KEYS else -1.0 for place, held in self._pressed.items() if held == knob]
        return PUSH * share * sum(signs)

    def _digit(self, digit: int, shift: bool) -> list[Gesture]:
        """1 to 8: choose a knob; after S keep a scene there; with Shift go to that scene."""
        requests = self.requests
        if requests.saving or (shift and not requests.wants("learn")):
            return self.scene(digit)
        if digit < self.layout.count:
            requests.focus = digit
        return []

    # --- commands; each takes whether Shift was down

    def _silence(self, shift: bool) -> list[Gesture]:
        if self.requests.wants("learn"):  # there Esc is the way out, and the second one silences
            self.requests.learn = False
            return []
        panicked = self._frame is not None and bool(self._frame.flags & Flags.PANICKED)
        return [*self.let_go(), gesture(Kind.RESUME if panicked else Kind.PANIC)]

    def _switch(self, name: str) -> list[Gesture]:
        self.requests.toggle(name)
        return []

    def _view(self, shift: bool) -> list[Gesture]:
        self.requests.toggle("rehearsal")
        return self.let_go()  # a key that was a force may be a command from now on

    def _freeze(self, shift: bool) -> list[Gesture]:
        self.requests.frozen = not self.requests.frozen
        return []

    def _learn(self, shift: bool) -> list[Gesture]:
        if self.requests.toggle("learn"):
            self.requests.keys = self.requests.credits = False
            if self.requests.focus is None and self.layout.count:
                self.requests.focus = 0
            return self.let_go()
        return []

    def _free(self, shift: bool) -> list[Gesture]:
        if self.requests.wants("learn") and self.requests.focus is not None:
            self.requests.freed.append(self.requests.focus)
        return []

    def _letters(self, shift: bool) -> list[Gesture]:
        self.requests.say("stage.word.letters_play" if self.requests.swap_letters() else "stage.word.letters_command")
        return self.let_go()

    def _save_asked(self, shift: bool) -> list[Gesture]:
        """S: where to? S again: in the first slot that is free."""
        taken = 0 if self._frame is None else self._frame.scenes
        free = next((slot for slot in range(SCENES) if not taken >> slot & 1), None)
        if self.requests.saving and free is not None:
            return self.scene(free)
        if free is None:
            self.requests.ask_where("stage.word.save_over")
        else:
            self.requests.ask_where("stage.word.save", number=free + 1)
        return []

    def _mark(self, shift: bool) -> list[Gesture]:
        """A mark in the take that is being recorded; with Shift the recording begins or ends."""
        recording = self._frame is not None and bool(self._frame.flags & Flags.RECORDING)
        if shift:
            return [gesture(Kind.RECORD, 0, 0.0 if recording else 1.0)]
        self.requests.say("stage.word.marked" if recording else "stage.word.no_take")
        return [gesture(Kind.MARK)] if recording else []

    def _display(self, shift: bool) -> list[Gesture]:
        self.requests.displays += 1
        return []

    def _fullscreen(self, shift: bool) -> list[Gesture]:
        self.requests.fullscreen = not self.requests.fullscreen
        return []

    def _page(self, by: int) -> list[Gesture]:
        if self.requests.wants("credits"):
            self.requests.page += by
        return []

    def _choose(self, step: int) -> list[Gesture]:
        if self.layout.count:
            before = self.requests.focus if self.requests.focus is not None else -1 if step > 0 else 0
            self.requests.focus = (before + step) % self.layout.count
        return []

    def _arrow(self, sign: float, shift: bool) -> list[Gesture]:
        return self._turn(self.requests.focus, sign * ARROW * (FINE if shift else 1.0))


_WHILE_LEARNING = frozenset({"learn", "silence", "next", "before", "free", "black"})
_COMMANDS: dict[str, Callable[[StageInput, bool], list[Gesture]]] = {
    "silence": StageInput._silence,
    "rehearsal": StageInput._view,
    "freeze": StageInput._freeze,
    "learn": StageInput._learn,
    "free": StageInput._free,
    "letters": StageInput._letters,
    "save": StageInput._save_asked,
    "mark": StageInput._mark,
    "display": StageInput._display,
    "fullscreen": StageInput._fullscreen,
    "black": lambda it, shift: it._switch("black"),
    "keys": lambda it, shift: it._switch("keys"),
    "credits": lambda it, shift: it._switch("credits"),
    "on": lambda it, shift: it._page(1),
    "back": lambda it, shift: it._page(-1),
    "next": lambda it, shift: it._choose(-1 if shift else 1),
    "before": lambda it, shift: it._choose(-1),
    "up": lambda it, shift: it._arrow(1.0, shift),
    "down": lambda it, shift: it._arrow(-1.0, shift),
    "home": lambda it, shift: it._home_of_focus(),
}
