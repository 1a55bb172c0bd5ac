"""X11: a window's border while it stands there, and what a keyboard prints. Under window; Linux alone.

pyglet tells a window manager of borders when it makes a window, and to change them it destroys the window and makes
another: for a moment there is none, the stage is bare, and keys that are down are lost. The hint may be changed while
the window stands (Motif's, which every window manager reads), so nothing has to go.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

ON_X11 = sys.platform.startswith("linux")
OFFSET = 8
"""An X11 key code is the evdev number plus this."""
_HINTS = b"_MOTIF_WM_HINTS"
_DECORATIONS = 1 << 1


def set_border(window: Any, border: bool) -> None:
    """Give a pyglet window of X11 its border, or take it; its size is free to change from now on."""
    from pyglet.libs.x11 import xlib

    display, name = window._x_display, xlib.XInternAtom(window._x_display, _HINTS, False)
    # Five numbers of C's long each, whatever its size: so Xlib takes what the server keeps as 32 bits.
    hints = (ctypes.c_long * 5)(_DECORATIONS, 0, int(border), 0, 0)
    xlib.XChangeProperty(
        display,
        window._window,
        name,
        name,
        32,
        xlib.PropModeReplace,
        ctypes.cast(hints, ctypes.POINTER(ctypes.c_ubyte)),
        len(hints),
    )
    size = xlib.XAllocSizeHints()
    xlib.XSetWMNormalHints(display, window._window, size)  # no least and no greatest size any more
    xlib.XFree(size)
    xlib.XSync(display, False)


def printed(window: Any, places: Sequence[int]) -> str:
    """What the keyboard prints at places (evdev numbers), upper case; a space where it is no character."""
    from pyglet.libs.x11 import xlib

    found = []
    for place in places:
        symbol = int(xlib.XKeycodeToKeysym(window._x_display, place + OFFSET, 0))
        # Latin-1 is its own number, the rest of Unicode lies above 0x1000000; old names of other scripts are passed.
        code = symbol if symbol <= 0xFF else symbol - 0x1000000
        letter = chr(code).upper() if 0x20 < code <= 0x10FFFF else " "
        found.append(letter if len(letter) == 1 and letter.isprintable() else " ")
    return "".join(found)
