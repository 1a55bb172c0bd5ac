"""Window: the one pyglet window of the stage, on a screen or without one (EGL). Turns its events into calls of input.

What it hears is in window_events.py, where it stands in window_place.py.

pyglet is imported inside, after its options are set: importing its GL opens a display.
"""

from __future__ import annotations

import os
from typing import Any

from instrument.base.errors import RosinError
from instrument.stage.desktop import PLAIN_DPI, opening_size, pixels_per_unit, scale_of, units, whole_of
from instrument.stage.gpu import gl
from instrument.stage.window_events import WindowEvents
from instrument.stage.window_place import WindowPlace
from instrument.stage.x11 import ON_X11


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
    """The window: pyglet's, with what ours hears and where ours stands. Made here, as pyglet is imported late."""

    class StageWindow(WindowEvents, WindowPlace, pyglet.window.Window):  # type: ignore[misc]
        def __init__(self, width: int, height: int, config: Any, fullscreen: bool, chosen: Any, visible: bool) -> None:
            small, per_unit = (width, height), 1.0
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
                whole=fullscreen,
                small=small,
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

    StageWindow.keys, StageWindow.mouse = pyglet.window.key, pyglet.window.mouse
    return StageWindow
