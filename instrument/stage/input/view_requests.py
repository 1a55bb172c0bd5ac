"""View requests: what the player asks of the window itself, and the short word the window answers. Pure.
Written by input.

Whatever turns the whole picture (black, another view, an overlay) is a ``Steady`` switch: it is seen to change at most
three times a second however fast its key is pressed, so that no key can make the picture flash (WCAG 2.3.1).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, overload

STEADY_S = 0.36
"""Between two changes of the whole picture; three of them in any second take longer than one."""
AT_ONCE_S = 0.02
"""Several switches thrown within this time are one change."""
WORD_S, ASK_S = 2.5, 5.0
LONG_AGO = float("-inf")


class Steady:
    """A switch of Wishes: written at once, seen to change when the picture has not been turned for ``STEADY_S``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, requests: None, owner: type) -> Steady: ...
    @overload
    def __get__(self, requests: ViewRequests, owner: type) -> bool: ...
    def __get__(self, requests: ViewRequests | None, owner: type) -> Steady | bool:
        if requests is None:
            return self
        wanted, shown, since = requests.switches.get(self._name, (False, False, LONG_AGO))
        if wanted != shown:
            now = requests.clock()
            turned = now - requests.turned_at
            if now - since >= STEADY_S and (turned >= STEADY_S or turned < AT_ONCE_S):
                shown, requests.turned_at = wanted, now
                requests.switches[self._name] = (wanted, shown, now)
        return shown

    def __set__(self, requests: ViewRequests, wanted: bool) -> None:
        _, shown, since = requests.switches.get(self._name, (False, False, LONG_AGO))
        requests.switches[self._name] = (bool(wanted), shown, since)
        self.__get__(requests, type(requests))


class ShownSentence(NamedTuple):
    """A sentence to be shown for a moment: its key in the catalogue, its blanks, until when (the wishes' clock)."""

    key: str
    values: dict[str, object]
    until: float


@dataclass(slots=True)
class ViewRequests:
    """What the player asks of the window.

    The picture is ``black`` or ``frozen``; ``rehearsal`` instead of the stage; over it the ``keys``, the ``credits`` or
    ``learn``. ``focus``: the knob that arrows turn. ``page``: how far the credits were turned by hand.
    ``displays``: how often the window was sent to the next display.
    """

    black = Steady()
    rehearsal = Steady()
    keys = Steady()
    credits = Steady()
    learn = Steady()

    frozen: bool = False
    focus: int | None = None
    saving_until: float = LONG_AGO
    page: int = 0
    displays: int = 0
    fullscreen: bool = False
    freed: list[int] = field(default_factory=list)
    """Knobs that Delete was pressed for while learning; whoever asks the hands empties it."""
    word: ShownSentence | None = None
    clock: Callable[[], float] = time.monotonic
    switches: dict[str, tuple[bool, bool, float]] = field(default_factory=dict)
    """By name: wanted, shown, since when it is shown."""
    turned_at: float = LONG_AGO
    """When any of them was last seen to change."""
    rows: tuple[str, str] | None = None
    """The letters that push and those that pull, as this keyboard prints them; None where nobody can say."""
    letters: list[bool] = field(default_factory=lambda: [True, False])
    """Whether letters push and pull: on the stage, in rehearsal."""

    def toggle(self, name: str) -> bool:
        """Turn a switch over; what is wanted now (it may be seen a moment later)."""
        before = self.wants(name)
        setattr(self, name, not before)
        return not before

    def wants(self, name: str) -> bool:
        """What was last asked of a switch, seen yet or not."""
        wanted: bool = self.switches.get(name, (False, False, 0.0))[0]
        return wanted

    @property
    def plays(self) -> bool:
        """The letters of the two force rows push and pull; otherwise they are commands, as printed."""
        return self.letters[int(self.wants("rehearsal"))]

    def swap_letters(self) -> bool:
        """Enter: letters play, or command, in this view. Returns which it is now."""
        view = int(self.wants("rehearsal"))
        self.letters[view] = not self.letters[view]
        return self.letters[view]

    @property
    def saving(self) -> bool:
        """S was pressed not long ago, and 1 to 8 will say where to."""
        return self.clock() < self.saving_until

    def ask_where(self, key: str, **values: object) -> None:
        """S was pressed: ask where to, and wait for the answer for a while."""
        self.saving_until = self.clock() + ASK_S
        self.word = ShownSentence(key, values, self.saving_until)

    def asked_no_more(self) -> None:
        """Something else was pressed instead of an answer."""
        if self.saving:
            self.saving_until, self.word = LONG_AGO, None

    def say(self, key: str, **values: object) -> None:
        """A word to the player, for a moment."""
        self.word = ShownSentence(key, values, self.clock() + WORD_S)

    def said(self) -> ShownSentence | None:
        """The word that is to be shown now."""
        if self.word is not None and self.clock() > self.word.until:
            self.word = None
        return self.word
