"""Window events: what a window hears - keys, mouse, activation - turned into calls of input. A part of the window.

No pyglet is imported here: the window that has this part brings it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from instrument.ipc import Gesture
from instrument.stage import x11
from instrument.stage.input.gestures import StageInput
from instrument.stage.input.keyboard import PULL_KEYS, PUSH_KEYS, place_of
from instrument.stage.x11 import ON_X11

X11_KEY_RELEASE = 3


class WindowEvents:
    """``attach(input, post)`` once; then events become gestures, posted at once. ``keys``, ``mouse``: pyglet's."""

    keys: Any
    mouse: Any
    _whole: bool

    def __init__(self, *given: Any, **named: Any) -> None:
        self.place = 0
        self.input: StageInput | None = None
        self._down: dict[int, int] = {}
        self._names: dict[int, int] = {}
        self._shift = False
        self._displays = 0
        self._post: Callable[[Gesture], object] = lambda gesture: None
        super().__init__(*given, **named)

    def attach(self, input: StageInput, post: Callable[[Gesture], object]) -> None:
        self.input, self._post = input, post
        input.requests.fullscreen, self._displays = self._whole, input.requests.displays
        self.on_activate()

    def on_activate(self) -> None:
        if self.input is not None and ON_X11 and hasattr(self, "_x_display"):
            push, pull = x11.printed(self, PUSH_KEYS), x11.printed(self, PULL_KEYS)
            if " " not in push + pull:
                self.input.requests.rows = push, pull

    def _send(self, gestures: list[Gesture]) -> None:
        now = time.monotonic()
        for gesture in gestures:
            self._post(gesture._replace(time=now))

    # X11 only: what is called with every key event, before it is dispatched. A key is let go under the name that it
    # was pressed with: with Shift let go first its name would change, and pyglet would hold it down for ever.
    def _event_text_symbol(self, ev: Any) -> Any:
        self.place = ev.xkey.keycode - x11.OFFSET
        text, symbol = super()._event_text_symbol(ev)  # type: ignore[misc]
        if ev.type == X11_KEY_RELEASE:
            return text, self._names.pop(self.place, symbol)
        return text, self._names.setdefault(self.place, symbol)

    def on_key_press(self, symbol: int, modifiers: int) -> Any:
        self._shift = bool(modifiers & self.keys.MOD_SHIFT) or symbol in (
            self.keys.LSHIFT,
            self.keys.RSHIFT,
        )
        if self.input is not None:
            name = self.keys.symbol_string(symbol).removeprefix("_").removeprefix("NUM_")
            place = self.place if ON_X11 else place_of(name)
            self._down[symbol] = place
            ctrl = bool(modifiers & (self.keys.MOD_CTRL | self.keys.MOD_COMMAND))
            self._send(self.input.press(place, name, bool(modifiers & self.keys.MOD_SHIFT), ctrl))
        return True  # else Esc closes the window

    def on_key_release(self, symbol: int, modifiers: int) -> None:
        if symbol in (self.keys.LSHIFT, self.keys.RSHIFT):
            self._shift = False
        if self.input is not None:
            self._send(self.input.release(self._down.pop(symbol, self.place)))

    def on_mouse_press(self, x: int, y: int, button: int, modifiers: int) -> None:
        if self.input is not None and button == self.mouse.LEFT:
            self._send(self.input.click(x, y, time.monotonic()))

    def on_mouse_drag(self, x: int, y: int, dx: int, dy: int, buttons: int, modifiers: int) -> None:
        if self.input is not None:
            self._send(self.input.drag(x, y, bool(modifiers & self.keys.MOD_SHIFT)))

    def on_mouse_release(self, x: int, y: int, button: int, modifiers: int) -> None:
        if self.input is not None and button == self.mouse.LEFT:
            self.input.drop()

    def on_mouse_scroll(self, x: int, y: int, scroll_x: float, scroll_y: float) -> None:
        if self.input is not None:
            self._send(self.input.wheel(x, y, scroll_y, self._shift))

    def on_deactivate(self) -> None:
        if self.input is not None:
            self._shift = False
            self._down.clear()
            self._names.clear()
            self._send(self.input.let_go())
