"""X11: a window's border on and off while it stands there. All raw Xlib of the stage. Under window; Linux alone.

pyglet tells a window manager of borders when it makes a window, and to change them it destroys the window and makes
another: for a moment there is none, the stage is bare, and keys that are down are lost. The hint may be changed while
the window stands (Motif's, which every window manager reads), so nothing has to go.
"""

from __future__ import annotations

import ctypes
from typing import Any

_HINTS = b"_MOTIF_WM_HINTS"
_DECORATIONS = 1 << 1


def set_border(window: Any, border: bool) -> None:
    """Give a pyglet window of X11 its border, or take it; its size is free to change from now on."""
    from pyglet.libs.x11 import xlib

    display, name = window._x_display, xlib.XInternAtom(window._x_display, _HINTS, False)
    # Five numbers of C's long each, whatever its size: so Xlib takes what the server keeps as 32 bits.
    hints = (ctypes.c_long * 5)(_DECORATIONS, 0, int(border), 0, 0)
    xlib.XChangeProperty(
        display, window._window, name, name, 32, xlib.PropModeReplace,
        ctypes.cast(hints, ctypes.POINTER(ctypes.c_ubyte)), len(hints),
    )  # fmt: skip
    size = xlib.XAllocSizeHints()
    xlib.XSetWMNormalHints(display, window._window, size)  # no least and no greatest size any more
    xlib.XFree(size)
    xlib.XSync(display, False)
