"""Window place: where on which display the window stands, and how large. A part of the window; pixels (``desktop``)."""

from __future__ import annotations

import time
from typing import Any

from instrument.stage import x11
from instrument.stage.desktop import middle_of, pixels_per_unit, units, whole_of
from instrument.stage.input.gestures import StageInput
from instrument.stage.x11 import ON_X11

SETTLE_S = 1.0
"""For so long a window over a whole display is held to its place, however its window manager takes the change."""


class WindowPlace:
    """It does what input wishes of the window itself: another display, the whole screen."""

    input: StageInput | None
    display: Any
    scale: float
    fullscreen: bool
    get_size: Any
    set_size: Any
    get_location: Any
    set_location: Any
    set_fullscreen: Any
    WINDOW_STYLE_BORDERLESS: Any
    WINDOW_STYLE_DEFAULT: Any
    _displays: int
    _screen: Any
    _style: Any

    def __init__(self, *given: Any, whole: bool, small: tuple[int, int], **named: Any) -> None:
        self._whole, self._small = whole, small
        self._settles_by = time.monotonic() + SETTLE_S
        super().__init__(*given, **named)

    def dispatch_events(self) -> None:
        super().dispatch_events()  # type: ignore[misc]
        self.obey()  # not while a key is being told of: pyglet has yet to note that it is down

    def obey(self) -> None:
        """Do what is wished of the window itself: go to another display, fill it, or leave it again."""
        if self.input is None:
            return
        requests = self.input.requests
        screens = self.display.get_screens()
        if requests.displays != self._displays:
            steps, self._displays = requests.displays - self._displays, requests.displays
            if len(screens) < 2:
                requests.say("stage.word.one_display")
            else:
                at = next((i for i, s in enumerate(screens) if _same(s, self._screen)), 0)
                self._screen = screens[(at + steps) % len(screens)]
                self._settle()
                number = (at + steps) % len(screens) + 1
                requests.say("stage.word.display", number=number, count=len(screens))
        if requests.fullscreen != self._whole:
            if not self._whole:
                self._small = self.get_size()
            self._whole = requests.fullscreen
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


def _same(a: Any, b: Any) -> bool:
    """Whether two screens are one: the list of them is made anew each time it is asked for."""
    return (a.x, a.y, a.width, a.height) == (b.x, b.y, b.width, b.height)
