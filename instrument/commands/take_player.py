"""Take player: a recorded take that plays along in a show - each gesture a little ahead of its time. Beside play."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from instrument.base.errors import RosinError
from instrument.documents.take import Take, gesture_of, gestures
from instrument.ipc import Gesture, Kind, Source
from instrument.knobs import KnobTable
from instrument.run.show import Show

TAKE_LEAD_SECONDS = 0.3
CHANGE_SECONDS = 0.05
"""A change of patch is asked for so much sooner, as the sound looks for such wishes 50 times a second."""


def score_of(
    take: Take, tables: Mapping[int, KnobTable], names: Sequence[str], index: int, changes: bool = True
) -> list[Gesture]:
    """The take's gestures for a show whose patches have ``names``, beginning on the one at ``index``; in order of time.

    Without ``changes`` all of it is played on that one. RosinError for a knob or a patch that is not there.
    """
    if not changes:
        return list(gestures(take, tables[index]))
    table, score = tables[index], []
    for event in take.events:
        cue = event.cue
        if event.kind is not Kind.PATCH:
            score.append(gesture_of(event, table))
        elif cue is not None:
            there = names.index(cue.patch) if cue.patch in names else -1
            if there not in tables:
                raise RosinError(
                    f"the take changes to the patch {cue.patch!r}, and the patches here are {', '.join(names)}; "
                    "put it beside them, or name one patch to play all of it on"
                )
            table = tables[there]
            score.append(Gesture(Kind.PATCH, there, 0.0, max(0.0, event.t - CHANGE_SECONDS), Source.TAKE))
            if cue.seed is not None and cue.fresh:
                score.append(Gesture(Kind.SEED, 0, 0.0, event.t, Source.TAKE, cue.seed))
    return sorted(score, key=lambda gesture: gesture.time)


class TakePlayer:
    """Feeds a score to the show a little ahead of time; its gestures are placed to the sample by their stamps."""

    def __init__(self, score: Sequence[Gesture]) -> None:
        self._left = list(reversed(score))
        self._start = 0.0

    def tick(self, show: Show) -> None:
        """Post what is due within the next moment."""
        now = time.monotonic()
        self._start = self._start or now + TAKE_LEAD_SECONDS
        while self._left and self._start + self._left[-1].time < now + TAKE_LEAD_SECONDS:
            gesture = self._left.pop()
            show.gesture(gesture._replace(time=self._start + gesture.time))
