"""Learn client: what the window asks of the hands - learn this knob, free that one - and what they answer.
Before overlays.

Window and hands share no ring: each reads the other's health row (link.asking). A question says how things are, so it
is asked again when no answer comes, as it does when the hands were replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from instrument.ipc.health import Health
from instrument.ipc.learn_protocol import ANSWER, ASK, BOUND, REACH, Answer, Ask, bound_of, reach_of
from instrument.stage.input.view_requests import ViewRequests

AGAIN_S = 0.8
MOVED_S = 3.0
"""For so long after a controller moved, its way to the knob is told in words."""


class LearnClient:
    """``look`` at every picture. ``bound``: what moves each knob; ``reach``: where (raw) controllers are that have yet
    to pick up a knob; ``moved``: the one of them that moved lately; ``done``: what was learned or freed last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._number = 0
        self._asked: tuple[str, int, int] = ("", 0, 0)  # the first look says how things are, whoever was here before
        self._asked_at = 0.0
        self._seen = ""
        self._moved_at = -MOVED_S
        self._moved: int | None = None
        self.armed = False
        self.bound: dict[int, str] = {}
        self.reach: dict[int, float] = {}
        self.done: Answer | None = None

    @property
    def moved(self) -> int | None:
        return self._moved if self._moved in self.reach and self._clock() - self._moved_at < MOVED_S else None

    def look(self, requests: ViewRequests, patch: int, count: int, health: Health) -> None:
        """Ask for what the wishes say, take in what the hands say. ``count``: knobs that can be chosen."""
        hands = health.row("hands")
        self.bound = bound_of(hands.text(BOUND), patch)
        self._see_reach(reach_of(hands.text(REACH), patch))
        self._hear(requests, hands.text(ANSWER), count)
        if not requests.wants("learn"):
            requests.freed.clear()
            self.done = None
            wanted = ("off", 0, 0)
        elif requests.freed:
            wanted = ("free", patch, requests.freed[0])  # until they have heard it: they may look less often
        elif requests.focus is None:
            wanted = ("off", 0, 0)
        else:
            wanted = ("learn", patch, requests.focus)
        unheard = wanted[0] != "off" and not self.armed and self._clock() - self._asked_at > AGAIN_S
        if wanted != self._asked or unheard:
            self._ask(wanted, health)

    def _ask(self, wanted: tuple[str, int, int], health: Health) -> None:
        # The clock goes on where another window left off, so that no number is asked twice.
        self._number = max(self._number + 1, int(self._clock() * 1000.0))
        self._asked, self._asked_at, self.armed = wanted, self._clock(), False
        health.row("stage").set_text(ASK, Ask(self._number, *wanted).text())

    def _hear(self, requests: ViewRequests, text: str, count: int) -> None:
        if text == self._seen:
            return
        self._seen = text
        answer = Answer.of(text)
        if answer is None or answer.number != self._number:
            return
        self.armed = answer.state == "armed"
        if self._asked[0] == "free" and requests.freed:
            del requests.freed[0]
        if answer.state in ("learned", "unsaved", "freed"):
            self.done = answer
        if answer.state == "learned" and requests.focus == answer.knob and count:
            requests.focus = (answer.knob + 1) % count  # on to the next

    def _see_reach(self, reach: dict[int, float]) -> None:
        for knob, raw in reach.items():
            if abs(raw - self.reach.get(knob, -1.0)) > 0.002:
                self._moved, self._moved_at = knob, self._clock()
        self.reach = reach
