"""Desktop: how large the window is on its display, in pixels whatever the system counts in. Pure. Under window.

X11 and Windows count windows, displays and the mouse in pixels. macOS counts windows and displays in points, which are
two pixels a side on a Retina display; pyglet (2.1 and above) tells a window's size and the mouse in pixels there all
the same, but takes sizes and places in points. Here a size is pixels, and a place is in the system's own unit.
"""

from __future__ import annotations

import sys
from typing import Any

GROWN_MOST = 0.9
"""Of the display, for a window that is made larger because the display is fine: bars and borders want room too."""
PLAIN_DPI = 96
DPI_MOST = 960
"""What a display can be; a number beyond is a slip in the resources, and no window grows tenfold."""


def scale_of(screen: Any) -> float:
    """By how much all is larger on a display, in pixels, than at 96 dpi. At least 1, also where it says nonsense."""
    try:
        scale = float(screen.get_scale())
    except (ValueError, TypeError, OverflowError, NotImplementedError):  # Xft.dpi is any text; no screen has no scale
        return 1.0
    return scale if 1.0 <= scale <= DPI_MOST / PLAIN_DPI else 1.0


def pixels_per_unit(scale: float, platform: str = sys.platform) -> float:
    """How many pixels a side the unit has in which the system counts windows and displays."""
    return max(1.0, scale) if platform == "darwin" else 1.0


def opening_size(width: int, height: int, screen: Any, grows: bool, platform: str = sys.platform) -> tuple[int, int]:
    """Pixels of a new window. ``grows``: nobody asked for that size, so it is as large to the eye as at 96 dpi."""
    scale = scale_of(screen)
    if not grows or scale <= 1.0:
        return width, height
    unit = pixels_per_unit(scale, platform)
    room = min(GROWN_MOST * screen.width * unit / width, GROWN_MOST * screen.height * unit / height)
    by = max(1.0, min(scale, room))
    return round(by * width), round(by * height)


def units(size: tuple[int, int], per_unit: float) -> tuple[int, int]:
    """Pixels in the system's own unit: what it takes as the size of a window."""
    return round(size[0] / per_unit), round(size[1] / per_unit)


def middle_of(screen: Any, size: tuple[int, int], per_unit: float) -> tuple[int, int]:
    """The place, in the system's unit, of a window of ``size`` pixels in the middle of a display; never off its top."""
    width, height = units(size, per_unit)
    return screen.x + max(0, (screen.width - width) // 2), screen.y + max(0, (screen.height - height) // 2)


def whole_of(screen: Any, per_unit: float) -> tuple[int, int]:
    """Pixels of a whole display."""
    return round(screen.width * per_unit), round(screen.height * per_unit)
