"""Window: the one pyglet window of the stage, on a screen or without one (EGL). Turns its events into calls of input.

It also does what input wishes of it: another display, the whole screen. Mouse and size are pixels (``desktop``).

pyglet is imported inside, after its options are set: importing its GL opens a display.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from instrument.base.errors import RosinError
from instrument.ipc import Gesture
from instrument.stage import x11
from instrument.stage.desktop import PLAIN_DPI, middle_of, opening_size, pixels_per_unit, scale_of, units, whole_of
from instrument.stage.gpu import gl
from instrument.stage.input.gestures import StageInput
from instrument.stage.input.keyboard import PULL_KEYS, PUSH_KEYS, place_of

X11_KEY_RELEASE = 3
ON_X11 = sys.platform.startswith("linux")
SETTLE_S = 1.0
"""For so long a window over a whole display is held to its place, however its window manager takes the change."""


def open_window(
    width: int,
    height: int,
    headless: bool = False,
    fullscreen: bool = False,
    screen: int = 0,
    visible: bool = True,
    grows: bool = False,
) -> Any:
    """A window of ``width`` x ``height`` pixels with GL 3.3 core. RosinError, with the remedy, where there is none.

    ``grows``: nobody asked for that size; on a finer display it has more pixels, and is as large to the eye.
    """
    # llvmpipe takes every core it is given; the sound needs one of them.
    os.environ.setdefault("LP_NUM_THREADS", str(max(1, min(4, (os.cpu_count() or 2) - 1))))
    try:
        import pyglet
    except ImportError:
        raise RosinError("the stage needs pyglet; install it with: pip install 'rosin[stage]'") from None
    pyglet.options["debug_gl"] = False
    pyglet.options["shadow_window"] = False
    pyglet.options["headless"] = headless
    pyglet.options["dpi_scaling"] = "platform"  # what desktop counts on, whatever the environment says
    try:
        gl.open_gl()
        config_class: Any = pyglet.gl.Config
        config = config_class(
            double_buffer=not headless, red_size=8, green_size=8, blue_size=8, major_version=3, minor_version=3
        )
        screens = pyglet.display.get_display().get_screens()
        chosen = screens[min(screen, len(screens) - 1)] if screens else None
        if chosen is not None:
            width, height = opening_size(width, height, chosen, grows and not headless)
        return _window_class(pyglet)(width, height, config, fullscreen, chosen, visible)
    except RosinError:
        raise
    except Exception as error:  # pyglet raises many kinds, from each platform its own
        raise RosinError(f"no window with OpenGL 3.3 can be opened here ({type(error).__name__}: {error})") from None


def _window_class(pyglet: Any) -> type[Any]:
    key = pyglet.window.key

    class StageWindow(pyglet.window.Window):  # type: ignore[misc]
        """``attach(input, post)`` once; then events become gestures, posted at once."""

        _screen: Any  # pyglet's own
        _style: Any

        def __init__(self, width: int, height: int, config: Any, fullscreen: bool, chosen: Any, visible: bool) -> None:
            self.place = 0
            self.input: StageInput | None = None
            self._down: dict[int, int] = {}
            self._shift = False
            self._displays = 0
            self._whole = fullscreen
            self._settles_by = time.monotonic() + SETTLE_S
            self._small = (width, height)
            self._names: dict[int, int] = {}
            self._post: Callable[[Gesture], object] = lambda gesture: None
            per_unit = 1.0
            if chosen is not None:
                scale = scale_of(chosen)
                chosen.get_dpi = lambda: round(scale * PLAIN_DPI)  # pyglet ends on an Xft.dpi that is no whole number
                per_unit = pixels_per_unit(scale)
                if fullscreen:
                    width, height = whole_of(chosen, per_unit)
            width, height = units((width, height), per_unit)
            # A borderless window over the whole screen: true fullscreen lands on screen 1 under some window managers.
            super().__init__(
                width,
                height,
                caption="Rosin",
                config=config,
                resizable=not fullscreen or ON_X11,
                style=self.WINDOW_STYLE_BORDERLESS if fullscreen else None,
                screen=chosen,
                vsync=True,
                visible=visible,
            )
            if chosen is not None and (fullscreen or chosen.x or chosen.y):  # on the first the system may find a place
                self._put_in_the_middle(chosen)

        def attach(self, input: StageInput, post: Callable[[Gesture], object]) -> None:
            self.input, self._post = input, post
            input.wishes.fullscreen, self._displays = self._whole, input.wishes.displays

            self.on_activate()

        def on_activate(self) -> None:
            if self.input is not None and ON_X11 and hasattr(self, "_x_display"):
                push, pull = x11.printed(self, PUSH_KEYS), x11.printed(self, PULL_KEYS)
                if " " not in push + pull:
                    self.input.wishes.rows = push, pull

        def dispatch_events(self) -> None:
            super().dispatch_events()
            self.obey()  # not while a key is being told of: pyglet has yet to note that it is down

        def obey(self) -> None:
            """Do what is wished of the window itself: go to another display, fill it, or leave it again."""
            if self.input is None:
                return
            wishes = self.input.wishes
            screens = self.display.get_screens()
            if wishes.displays != self._displays:
                steps, self._displays = wishes.displays - self._displays, wishes.displays
                if len(screens) < 2:
                    wishes.say("stage.word.one_display")
                else:
                    at = next((i for i, s in enumerate(screens) if _same(s, self._screen)), 0)
                    self._screen = screens[(at + steps) % len(screens)]
                    self._settle()
                    number = (at + steps) % len(screens) + 1
                    wishes.say("stage.word.display", number=number, count=len(screens))
            if wishes.fullscreen != self._whole:
                if not self._whole:
                    self._small = self.get_size()
                self._whole = wishes.fullscreen
                self._settle()
            self._insist()

        def resize_to(self, width: int, height: int) -> None:
            """Another size, in pixels."""
            if self.get_size() != (width, height):
                self.set_size(*units((width, height), self._per_unit))

        @property
        def _per_unit(self) -> float:
            return pixels_per_unit(self.scale)

        def _settle(self) -> None:
            """Over the whole of its screen without a border, or as a window in the middle of it."""
            screen = self._screen
            if ON_X11:
                if (self._style == self.WINDOW_STYLE_BORDERLESS) != self._whole:
                    self._style = self.WINDOW_STYLE_BORDERLESS if self._whole else self.WINDOW_STYLE_DEFAULT
                    x11.set_border(self, not self._whole)
            elif self._whole != self.fullscreen:
                self.set_fullscreen(self._whole, screen if self._whole else None)
                if self._whole:
                    return
            self.resize_to(*(whole_of(screen, self._per_unit) if self._whole else self._small))
            self._put_in_the_middle(screen)
            self._settles_by = time.monotonic() + SETTLE_S

        def _insist(self) -> None:
            """A window manager that is still taking the border away may move the window by as much; put it back."""
            if ON_X11 and self._whole and time.monotonic() < self._settles_by:
                self.resize_to(*whole_of(self._screen, self._per_unit))
                if self.get_location() != (self._screen.x, self._screen.y):
                    self._put_in_the_middle(self._screen)

        def _put_in_the_middle(self, screen: Any) -> None:
            self.set_location(*middle_of(screen, self.get_size(), self._per_unit))

        def _send(self, gestures: list[Gesture]) -> None:
            now = time.monotonic()
            for gesture in gestures:
                self._post(gesture._replace(time=now))

        # X11 only: what is called with every key event, before it is dispatched. A key is let go under the name that it
        # was pressed with: with Shift let go first its name would change, and pyglet would hold it down for ever.
        def _event_text_symbol(self, ev: Any) -> Any:
            self.place = ev.xkey.keycode - x11.OFFSET
            text, symbol = super()._event_text_symbol(ev)
            if ev.type == X11_KEY_RELEASE:
                return text, self._names.pop(self.place, symbol)
            return text, self._names.setdefault(self.place, symbol)

        def on_key_press(self, symbol: int, modifiers: int) -> Any:
            self._shift = bool(modifiers & key.MOD_SHIFT) or symbol in (key.LSHIFT, key.RSHIFT)
            if self.input is not None:
                name = key.symbol_string(symbol).removeprefix("_").removeprefix("NUM_")
                place = self.place if ON_X11 else place_of(name)
                self._down[symbol] = place
                ctrl = bool(modifiers & (key.MOD_CTRL | key.MOD_COMMAND))
                self._send(self.input.press(place, name, bool(modifiers & key.MOD_SHIFT), ctrl))
            return pyglet.event.EVENT_HANDLED  # else Esc closes the window

        def on_key_release(self, symbol: int, modifiers: int) -> None:
            if symbol in (key.LSHIFT, key.RSHIFT):
                self._shift = False
            if self.input is not None:
                self._send(self.input.release(self._down.pop(symbol, self.place)))

        def on_mouse_press(self, x: int, y: int, button: int, modifiers: int) -> None:
            if self.input is not None and button == pyglet.window.mouse.LEFT:
                self._send(self.input.click(x, y, time.monotonic()))

        def on_mouse_drag(self, x: int, y: int, dx: int, dy: int, buttons: int, modifiers: int) -> None:
            if self.input is not None:
                self._send(self.input.drag(x, y, bool(modifiers & key.MOD_SHIFT)))

        def on_mouse_release(self, x: int, y: int, button: int, modifiers: int) -> None:
            if self.input is not None and button == pyglet.window.mouse.LEFT:
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

    return StageWindow


def _same(a: Any, b: Any) -> bool:
    """Whether two screens are one: the list of them is made anew each time it is asked for."""
    return (a.x, a.y, a.width, a.height) == (b.x, b.y, b.width, b.height)
