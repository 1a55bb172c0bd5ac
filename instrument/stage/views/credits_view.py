"""The overlay of the credits: whose sounds these are. Rolls slowly by itself; in calm mode by hand alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from instrument.base.text import say
from instrument.stage.data.credit_scroll import ScrollLine
from instrument.stage.gpu.lettering import Page
from instrument.stage.views.fitting import LEAST, flow, lines_of
from instrument.stage.views.layout import LINE_UNITS, NAME_UNITS, SMALL_UNITS, TITLE_UNITS, Layout
from instrument.stage.views.palette import IVORY, TEXT, Colour

LOOKS: dict[str, tuple[float, Colour]] = {
    "title": (0.7 * TITLE_UNITS, IVORY),
    "line": (LINE_UNITS, TEXT),
    "author": (NAME_UNITS, IVORY),
    "small": (SMALL_UNITS, TEXT),
    "gap": (0.6 * SMALL_UNITS, TEXT),
}
WIDTH = 0.62
"""Of the picture: a line that is longer is hard to read."""
EDGE_UNITS = 90.0
LINES_S = 1.1
"""So long a line stays before the roll moves it on by one."""
HOLD_S = 6.0
"""The roll begins to move after so long, and stops so long when it was turned by hand."""
LINES_A_PAGE = 0.8


class CreditsView:
    """The roll as lines from the top; ``draw`` shows those that are due. It moves by whole lines, so that nothing
    creeps, and only what is seen is laid out."""

    def __init__(
        self,
        lines: Sequence[ScrollLine],
        layout: Layout,
        language: str,
        type_scale: float,
        still: bool,
        page: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout, self._language, self._still, self._clock = layout, language, still, clock
        unit = layout.height / 1080.0
        self._edge = EDGE_UNITS * unit * min(type_scale, 1.3)
        self._foot = max(LEAST, SMALL_UNITS * unit * min(type_scale, 1.3))
        self._left = 0.5 * (1.0 - WIDTH) * layout.width
        self._lines: list[tuple[str, float, Colour]] = []
        for line in lines:
            units, colour = LOOKS[line.look]
            size = float(max(LEAST, round(units * unit * type_scale)))
            if line.parts:
                found = flow(line.parts, WIDTH * layout.width, size)
            else:
                found = lines_of(line.text, WIDTH * layout.width, size, most=3) if line.text else [""]
            self._lines += [(text, size, colour) for text in found]
        self._begun = clock()
        self._turned = page
        self._first = 0
        self._by_hand = 0
        self._page = Page()
        self._laid: tuple[int, int] | None = None
        self.shown: list[tuple[str, float, float, float]] = []
        """What is laid out: text, size, left and right in pixels."""

    @property
    def per_page(self) -> int:
        """How many lines there is room for from the one that is first now."""
        return max(1, self._fit(self._first))

    @property
    def last(self) -> int:
        """The first line of the last page."""
        room, at = self._layout.height - 2.0 * self._edge, len(self._lines)
        while at > 0 and room >= 1.45 * self._lines[at - 1][1]:
            at -= 1
            room -= 1.45 * self._lines[at][1]
        return at

    def _fit(self, first: int) -> int:
        room, count = self._layout.height - 2.0 * self._edge, 0
        for _, size, _ in self._lines[first:]:
            room -= 1.45 * size
            if room < 0.0:
                break
            count += 1
        return count

    def turn(self, page: int) -> None:
        """``page``: how often it was turned on, less how often back."""
        if page != self._turned:
            step = (page - self._turned) * max(1, round(LINES_A_PAGE * self.per_page))
            self._turned = page
            self._by_hand = self._first + step
            self._begun = self._clock()

    def _due(self) -> int:
        """The line that is to be first now."""
        rolled = 0 if self._still else max(0, int((self._clock() - self._begun - HOLD_S) / LINES_S))
        self._by_hand = min(max(0, self._by_hand), self.last)
        return min(self._by_hand + rolled, self.last)

    def draw(self) -> None:
        """Above a dark field."""
        self._first = self._due()
        key = (self._first, self._fit(self._first))
        if key != self._laid:
            self._laid = key
            self._lay()
        self._page.draw()

    def _lay(self) -> None:
        self._page, self.shown = Page(), []
        y = self._layout.height - self._edge
        count = self._fit(self._first)
        for text, size, colour in self._lines[self._first : self._first + count]:
            if text:
                label = self._page.write(text, size, colour, self._left, y - 0.7 * size)
                self.shown.append((text, size, float(label.x), float(label.x + label.content_width)))
            y -= 1.45 * size
        if self.last:
            end = min(self._first + count, len(self._lines))
            said = say("stage.credits.place", self._language, first=self._first + 1, last=end, count=len(self._lines))
            self._page.write(said, self._foot, TEXT, 0.5 * self._layout.width, 0.5 * self._edge, "center")
