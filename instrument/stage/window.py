"""Window: the one pyglet window of the stage, on a screen or without one (EGL). Turns its events into calls of input.

pyglet is imported inside, after its options are set: importing its GL opens a display.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from instrument.errors import RosinError
from instrument.link import Gesture
from instrument.stage import gl
from instrument.stage.input import Input

X11_KEY_RELEASE = 3
X11_OFFSET = 8
"""An X11 key code is the evdev number plus this."""


def open_window(width: int, height: int, headless: bool = False, fullscreen: bool = False, screen: int = 0) -> Any:
    """A window of ``width`` x ``height`` pixels with GL 3.3 core. RosinError, with the remedy, where there is none."""
    # llvmpipe takes every core it is given; the sound needs one of them.
    os.environ.setdefault("LP_NUM_THREADS", str(max(1, min(4, (os.cpu_count() or 2) - 1))))
    try:
        import pyglet
    except ImportError:
        raise RosinError("the stage needs pyglet; install it with: pip install 'rosin[stage]'") from None
    pyglet.options["debug_gl"] = False
    pyglet.options["shadow_window"] = False
    pyglet.options["headless"] = headless
    try:
        gl.open_gl()
        config_class: Any = pyglet.gl.Config
        config = config_class(
            double_buffer=not headless, red_size=8, green_size=8, blue_size=8, major_version=3, minor_version=3
        )
        return _window_class(pyglet)(width, height, config, fullscreen, screen)
    except RosinError:
        raise
    except Exception as error:  # pyglet raises many kinds, from each platform its own
        raise RosinError(f"no window with OpenGL 3.3 can be opened here ({type(error).__name__}: {error})") from None


def _window_class(pyglet: Any) -> type[Any]:
    key = pyglet.window.key

    class StageWindow(pyglet.window.Window):  # type: ignore[misc]
        """``attach(input, post)`` once; then events become gestures, posted at once."""

        def __init__(self, width: int, height: int, config: Any, fullscreen: bool, screen: int) -> None:
            self.place = 0
            self.input: Input | None = None
            self._down: dict[int, int] = {}
            self._names: dict[int, int] = {}
            self._post: Callable[[Gesture], object] = lambda gesture: None
            screens = pyglet.display.get_display().get_screens()
            chosen = screens[min(screen, len(screens) - 1)] if screens else None
            # A borderless window over the whole screen: true fullscreen lands on screen 1 under some window managers.
            style = self.WINDOW_STYLE_BORDERLESS if fullscreen else None
            if fullscreen and chosen is not None:
                width, height = chosen.width, chosen.height
            super().__init__(
                width,
                height,
                caption="Rosin",
                config=config,
                resizable=not fullscreen,
                style=style,
                screen=chosen,
                vsync=True,
            )
            if fullscreen and chosen is not None:
                self.set_location(chosen.x, chosen.y)

        def attach(self, input: Input, post: Callable[[Gesture], object]) -> None:
            self.input, self._post = input, post

        def _send(self, gestures: list[Gesture]) -> None:
            now = time.monotonic()
            for gesture in gestures:
                self._post(gesture._replace(time=now))

        def _at(self, x: float, y: float) -> tuple[float, float]:
            ratio = self.get_pixel_ratio()
            return x * ratio, y * ratio

        # X11 only: what is called with every key event, before it is dispatched. A key is let go under the name that it
        # was pressed with: with Shift let go first its name would change, and pyglet would hold it down for ever.
        def _event_text_symbol(self, ev: Any) -> Any:
            self.place = ev.xkey.keycode - X11_OFFSET
            text, symbol = super()._event_text_symbol(ev)
            if ev.type == X11_KEY_RELEASE:
                return text, self._names.pop(self.place, symbol)
            return text, self._names.setdefault(self.place, symbol)

        def on_key_press(self, symbol: int, modifiers: int) -> Any:
            if self.input is not None:
                place = self.place if sys.platform.startswith("linux") else place_of(key.symbol_string(symbol))
                self._down[symbol] = place
                name = key.symbol_string(symbol).removeprefix("_").removeprefix("NUM_")
                self._send(self.input.press(place, name, bool(modifiers & key.MOD_SHIFT)))
            return pyglet.event.EVENT_HANDLED  # else Esc closes the window

        def on_key_release(self, symbol: int, modifiers: int) -> None:
            if self.input is not None:
                self._send(self.input.release(self._down.pop(symbol, self.place)))

        def on_mouse_press(self, x: int, y: int, button: int, modifiers: int) -> None:
            if self.input is not None and button == pyglet.window.mouse.LEFT:
                self._send(self.input.click(*self._at(x, y), time.monotonic()))

        def on_mouse_drag(self, x: int, y: int, dx: int, dy: int, buttons: int, modifiers: int) -> None:
            if self.input is not None:
                self._send(self.input.drag(*self._at(x, y), bool(modifiers & key.MOD_SHIFT)))

        def on_mouse_release(self, x: int, y: int, button: int, modifiers: int) -> None:
            if self.input is not None:
                self.input.drop()

        def on_mouse_scroll(self, x: int, y: int, scroll_x: float, scroll_y: float) -> None:
            if self.input is not None:
                self._send(self.input.wheel(*self._at(x, y), scroll_y))

        def on_deactivate(self) -> None:
            if self.input is not None:
                self._down.clear()
                self._names.clear()
                self._send(self.input.let_go())

    return StageWindow


def place_of(name: str) -> int:
    """The evdev number of a letter on a QWERTY keyboard, 0 for others: where the system does not tell the place."""
    for first, row in ((16, "QWERTYUI"), (30, "ASDFGHJK")):
        if len(name) == 1 and name in row:
            return first + row.index(name)
    return 0
