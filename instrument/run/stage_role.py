"""Stage role: the window as a part of the show that need not be there. Beside supervisor, under show.

It may be closed, it may fail for good, and nothing but a sentence comes of it: the music goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from instrument.ipc import Link
from instrument.ipc.worker import CLOSED, REFUSED
from instrument.run.supervisor import GIVE_UP_AFTER, HEARTBEAT_SECONDS, STANDBY_AFTER_SECONDS, Role
from instrument.stage.screen import screen_is_there
from instrument.stage.settings import StageSettings

STAGE_GIVE_UP_WITHIN_SECONDS = 60.0
"""Longer, because a window that fails may take long to do so: nobody wants to watch it try for ever."""
STAGE_BEAT_SECONDS, STAGE_BEATS = 1.2, 4.0
"""Without a picture for so long the stage hangs: in a shader that does not end, or in the driver. Where the machine has
so little time that pictures are far apart, for four times as long as between the last ones: to start a second window
there would only make it worse."""
STAGE_START_SECONDS = 20.0
"""Until its first picture: compiling shaders on a busy machine took six."""

KNOCK_SECONDS = 1.0
"""Between two looks for a screen that was not there."""


class StageRole(Role):
    """The window: closed or lost, the show goes on. ``look`` often; what it returns is to be told to the player.

    Where there is no screen (an X server that starts later, or starts again) the window waits for it and opens then.
    """

    nice = 10
    quiet = True  # drivers write what they like there; what the stage has to say stands in its row
    lately_seconds = STAGE_GIVE_UP_WITHIN_SECONDS

    def __init__(self, settings: StageSettings, link: Link) -> None:
        super().__init__("stage", "instrument.stage.process", settings, link)
        self.forced: tuple[int, ...] = ()
        """Knobs on which a window that was lost had its keys; whoever lets go of them empties it."""
        self._begun = 0.0
        self._froze = False
        self._between = 0.0
        self._knock_at = float("inf")

    def open(self, now: float) -> None:
        """A window if there is none: the first one, or another after it was closed or given up."""
        if self.player is None:
            self._knock_at = float("inf")
            self._deaths.clear()
            self.lost_at, self._froze = 0.0, False
            self.cue(now)
            self.standby_at = now + STANDBY_AFTER_SECONDS

    def cue(self, now: float) -> None:
        """As of any part; from now on counts how long its first picture takes."""
        self._begun, self._between = now, 0.0
        super().cue(now)

    @property
    def _drawn(self) -> bool:
        """Has the one who plays now drawn a picture."""
        return self._begun < self.row.entered < self.row.heartbeat

    def hangs(self, now: float) -> bool:
        """No picture for a while, once there was one; before, it is only slow, for a longer while."""
        before, silent = self._beat, self.silent(now)
        if not self._drawn:
            return now - self._begun > STAGE_START_SECONDS
        if self._beat != before:
            since = self._beat - before if before > self._begun else 0.0
            self._between = max(since, 0.9 * self._between)
        return silent > max(STAGE_BEAT_SECONDS, min(STAGE_BEATS * self._between, HEARTBEAT_SECONDS))

    def look(self, now: float) -> Sequence[tuple[str, dict[str, Any]]]:
        """Replace a window that died or froze. Returns keys of sentences with their values."""
        if self.player is None:
            return self._look_for_screen(now)
        code = self.player.poll()
        if code is None:
            return self._look_at_living(now)
        self.player = None
        self.forced = tuple(int(knob) for knob in self.row.text("ports").split())
        if code == CLOSED:
            return [("stage.closed", {})]
        if screen_is_there() is False:  # and another window would find none either
            self._stay_away()
            self._knock_at = now + KNOCK_SECONDS
            return () if code == REFUSED else [("stage.no_screen", {})]
        if code == REFUSED:
            return ()  # it said why
        if self.count_death(now) >= GIVE_UP_AFTER:
            self._stay_away()
            return [("stage.gave_up", {"count": GIVE_UP_AFTER})]
        self.lost_at = self.lost_at or (min(now, self.row.heartbeat) if self._froze else now)
        self.cue(now)
        return ()

    def _look_for_screen(self, now: float) -> Sequence[tuple[str, dict[str, Any]]]:
        if now < self._knock_at:
            return ()
        self._knock_at = now + KNOCK_SECONDS
        if not screen_is_there():
            return ()
        self.open(now)
        return [("stage.screen", {})]

    def _look_at_living(self, now: float) -> Sequence[tuple[str, dict[str, Any]]]:
        assert self.player is not None
        if self.hangs(now):
            # It is not waited for: one that sits in a driver may take its time to die, and sound is looked after here.
            self._froze = True
            self.player.kill()
        elif self._drawn and self.lost_at:
            key = "stage.thawed" if self._froze else "stage.restarted"
            seconds = f"{now - self.lost_at:.2f}"
            self.lost_at, self._froze = 0.0, False
            self.standby_at = now + STANDBY_AFTER_SECONDS
            return [(key, {"seconds": seconds})]
        elif self._drawn:
            self.look_for_standby(now)
        return ()

    def _stay_away(self) -> None:
        if self.standby is not None:
            self.standby.kill()
        self.lost_at, self.standby_at = 0.0, 0.0
