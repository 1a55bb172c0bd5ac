"""Console: tables, bars and living lines on a terminal, made of words that may be anybody's. The one way to rich.

Square brackets are square brackets (rich would read ``[red]`` in a title as a colour), ``:name:`` is no picture, and
what a terminal would obey is written out, in whatever a text stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import TextColumn
from rich.segment import Segment
from rich.text import Text

from instrument.base.printable import escaped
from instrument.base.streams import terminal_stream


class SafeConsole(Console):
    """A console on which text is text."""

    def render_str(self, text: str, **more: Any) -> Text:
        """Plain text, made safe before it is measured, so that tables are as wide as what they show."""
        return super().render_str(escaped(text), **more)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Each piece of what is shown, safe, whatever made it. Also called for every cell of a table."""
        for piece in super().render(renderable, options):
            if not piece.control and (said := escaped(piece.text)) != piece.text:
                piece = Segment(said, piece.style)
            yield piece


def words(said: str) -> TextColumn:
    """A column of a bar with words in it, which may name anybody's file."""
    return TextColumn(said, markup=False)


def console(stderr: bool = False, **more: Any) -> Console:
    """The console of stdout or stderr; further arguments as rich's own."""
    more = {"markup": False, "emoji": False, "highlight": False, "file": terminal_stream(stderr), **more}
    return SafeConsole(**more)
