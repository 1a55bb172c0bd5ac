"""Supervisor: one part of the show each - the process that plays it, the one that could, how often it was lost.
Under show.

Sound and hands have to be there: when one keeps dying the show ends with its last word. The stage need not be: it may
be closed, it may fail for good, and nothing but a sentence comes of it.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from instrument.base.processes import command_of, pieces
from instrument.ipc import Link
from instrument.ipc.worker import CLOSED, REFUSED, WorkerSettings
from instrument.stage.screen import screen_is_there
from instrument.stage.settings import StageSettings

HEARTBEAT_SECONDS = 6.0
"""Without a sign of life for so long a process hangs. Opening a device on a busy machine can take three."""
WATCHED_SECONDS = 0.1
"""What one look counts for at most: where the watcher has no time, who is watched had none either."""
UNDERSTUDY_AFTER_SECONDS = 1.5
GIVE_UP_AFTER = 5
GIVE_UP_WITHIN_SECONDS = 20.0
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


class Role:
    """One part to be played: the process that plays it, the one that could, and how often it had to be replaced."""

    quiet = False
    """Whether what the process writes to stderr is not for the player's terminal."""
    lately_seconds = GIVE_UP_WITHIN_SECONDS
    nice = 0
    """How much later than the others it gets a core, from its very first import on (POSIX)."""

    def __init__(self, name: str, module: str, settings: WorkerSettings, link: Link) -> None:
        self.name = name
        told = [replace(settings, token=link.token, understudy=understudy).to_json() for understudy in (False, True)]
        self._commands = [command_of(module, *pieces(text), nice=self.nice) for text in told]
        self._link = link
        self.row = link.health.row(name)
        self.player: subprocess.Popen[bytes] | None = None
        self.understudy: subprocess.Popen[bytes] | None = None
        self.understudy_at = 0.0
        self.lost_at = 0.0
        self._deaths: list[float] = []
        self._beat = self._looked_at = self._silent = 0.0

    def start(self) -> None:
        """A player from nothing."""
        self.player = self._spawn(0)

    def start_understudy(self) -> None:
        """One who learns the part beside the stage."""
        self.understudy = self._spawn(1)

    def _spawn(self, which: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._commands[which],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if self.quiet else None,
            pass_fds=self._link.fds,
        )

    @property
    def alive(self) -> bool:
        return self.player is not None and self.player.poll() is None

    @property
    def ready(self) -> bool:
        """Is there somebody to take over."""
        return self.understudy is not None and self.understudy.poll() is None

    def hangs(self, now: float) -> bool:
        """It lives but no longer beats. (Before its first beat it is only slow.) To be asked often: see ``silent``."""
        return self.silent(now) > HEARTBEAT_SECONDS and self.row.pid != 0

    def silent(self, now: float) -> float:
        """Seconds without a beat, as seen in look after look."""
        beat, since = self.row.heartbeat, now - self._looked_at
        self._looked_at = now
        if beat != self._beat or beat > now:
            self._beat, self._silent = beat, max(0.0, min(now - beat, WATCHED_SECONDS))
        else:
            self._silent += min(since, WATCHED_SECONDS)
        return self._silent

    def take_over(self, now: float) -> int:
        """Replace one who is dead. Returns how many deaths there were lately."""
        self.lost_at = self.lost_at or now
        self.cue(now)
        return self.count_death(now)

    def count_death(self, now: float) -> int:
        """One more; how many there were lately."""
        self._deaths = [t for t in self._deaths if now - t < self.lately_seconds] + [now]
        return len(self._deaths)

    def cue(self, now: float) -> None:
        """The understudy's cue, or a new start."""
        if self.ready and self.understudy is not None:
            self.player, self.understudy = self.understudy, None
            self._link.health.row("show").put(f"cue_{self.name}", self.player.pid)
        else:
            self.start()
        # The newcomer's heartbeat has yet to begin; until then the dead one's must not count against it.
        self.row.beat(now + HEARTBEAT_SECONDS)

    def look_for_understudy(self, now: float) -> None:
        """Start one when it is time: not while the player itself is starting."""
        if self.understudy_at and now > self.understudy_at and not self.ready:
            self.understudy_at = 0.0
            self.start_understudy()

    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [p for p in (self.player, self.understudy) if p is not None]


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
            self.understudy_at = now + UNDERSTUDY_AFTER_SECONDS

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
            self.understudy_at = now + UNDERSTUDY_AFTER_SECONDS
            return [(key, {"seconds": seconds})]
        elif self._drawn:
            self.look_for_understudy(now)
        return ()

    def _stay_away(self) -> None:
        if self.understudy is not None:
            self.understudy.kill()
        self.lost_at, self.understudy_at = 0.0, 0.0


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that does not listen, and wait until it is gone: two may not write one ring."""
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2.0)


def dismiss(processes: Sequence[subprocess.Popen[bytes]], patience_s: float = 5.0) -> None:
    """Ask everyone to stop (a recording is finished first), then make sure; nothing is left behind."""
    for process in processes:
        with contextlib.suppress(OSError):
            process.terminate()
    deadline = time.monotonic() + patience_s
    for process in processes:
        try:
            process.wait(timeout=max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill(process)
