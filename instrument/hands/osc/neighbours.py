"""Neighbours: whose sounds are near, for OSC clients - numbers at a modest rate, names when they change. Before echo.

    out/neighbours f x 8       shares of the sounds named below, in that order; what is missing to 1 is others'
    out/neighbour/1 .. 8 sss   title, author, licence; three empty texts where there is none
    out/authors f ...          share of every author, sum 1 (from the 16th on together)
    out/author/1 .. 16 s       their names, … for those together
    out/hearing sss            the sound whose own excerpt is heard now

Names and numbers never share an address: those who read streams of numbers are upset by texts. The list is made anew
twice a second; in between the numbers stay with the names that were told, whoever is nearer by then.
"""

from __future__ import annotations

import math

from instrument.hands.osc.echo import Line
from instrument.ipc import AUTHORS_MAX, Frame
from instrument.model.library.credits import Credits

NUMBERS_SECONDS = 0.1
NAMES_SECONDS = 0.5
TEXT_MAX = 200
NOBODY = ("", "", "")


class Neighbours:
    """``look`` at frames as they come, then ``lines`` is what clients should know. ``told``: all, numbers or off."""

    def __init__(self, root: str, told: str = "all") -> None:
        self._out, self._told = f"{root}/out", told
        self._texts_wanted = False
        self.lines: list[Line] = []
        self.change(None)

    def change(self, credits: Credits | None) -> None:
        """Another patch: other sounds."""
        self._sounds = credits.sounds if credits is not None else ()
        self._authors = credits.authors if credits is not None else ()
        # Who never plays a model with credits is never sent a text; after one, empty texts take its names away.
        self._texts_wanted = self._told == "all" and (self._texts_wanted or bool(self._sounds))
        self._named: list[int] = []
        self._numbers_at = self._names_at = -math.inf
        self._names: list[Line] = []
        self.lines = []

    def asked(self, number: int) -> int:
        """The ``knob`` of a HEAR gesture that asks for the n-th sound told of, from 0: 0 is whatever is nearest."""
        if not 0 < number < len(self._named) or self._named[number] < 0:
            return 0
        return min(65535, self._named[number] + 1)

    def look(self, frame: Frame, now: float) -> None:
        """Once a frame; does something ten times a second."""
        if now - self._numbers_at < NUMBERS_SECONDS:
            return
        self._numbers_at = now
        if now - self._names_at >= NAMES_SECONDS:
            self._names_at = now
            self._named = frame.clip.tolist()
        if self._told == "off":
            return
        share = dict(zip(frame.clip.tolist(), frame.clip_share.tolist(), strict=True))
        near = tuple(round(share.get(clip, 0.0), 4) if clip >= 0 else 0.0 for clip in self._named)
        numbers: list[Line] = [(f"{self._out}/neighbours", near)]
        if count := min(len(self._authors), AUTHORS_MAX):
            numbers.append((f"{self._out}/authors", tuple(round(v, 4) for v in frame.share[:count].tolist())))
        if self._texts_wanted and self._names_at == now:
            self._names = [(f"{self._out}/neighbour/{n}", self._texts(c)) for n, c in enumerate(self._named, 1)]
            authors = self._authors if count == len(self._authors) else (*self._authors[: count - 1], "…")
            self._names += [(f"{self._out}/author/{n}", (_short(name),)) for n, name in enumerate(authors, 1)]
        hearing: list[Line] = [(f"{self._out}/hearing", self._texts(frame.hearing))] if self._texts_wanted else []
        self.lines = [*self._names, *hearing, *numbers]

    def _texts(self, clip: int) -> tuple[str, str, str]:
        if not 0 <= clip < len(self._sounds):
            return NOBODY
        sound = self._sounds[clip]
        return _short(sound.title), _short(sound.author), _short(sound.licence)


def _short(text: str) -> str:
    """A text that a datagram has room for; OSC ends one at its first NUL."""
    text = text.replace("\0", " ")
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
