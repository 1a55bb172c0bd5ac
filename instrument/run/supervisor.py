"""Supervisor: one part of the show each - the process that plays it, the one that could, how often it was lost.
Under show.

Sound and hands have to be there: when one keeps dying the show ends with its last word. The stage need not be: see
stage_role.py.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace

from instrument.base.processes import command_of, pieces
from instrument.ipc import Link
from instrument.ipc.worker import WorkerSettings

HEARTBEAT_SECONDS = 6.0
"""Without a sign of life for so long a process hangs. Opening a device on a busy machine can take three."""
WATCHED_SECONDS = 0.1
"""What one look counts for at most: where the watcher has no time, who is watched had none either."""
STANDBY_AFTER_SECONDS = 1.5
GIVE_UP_AFTER = 5
GIVE_UP_WITHIN_SECONDS = 20.0


class Role:
    """One part to be played: the process that plays it, the one that could, and how often it had to be replaced."""

    quiet = False
    """Whether what the process writes to stderr is not for the player's terminal."""
    lately_seconds = GIVE_UP_WITHIN_SECONDS
    nice = 0
    """How much later than the others it gets a core, from its very first import on (POSIX)."""

    def __init__(self, name: str, module: str, settings: WorkerSettings, link: Link) -> None:
        self.name = name
        told = [replace(settings, token=link.token, standby=standby).to_json() for standby in (False, True)]
        self._commands = [command_of(module, *pieces(text), nice=self.nice) for text in told]
        self._link = link
        self.row = link.health.row(name)
        self.player: subprocess.Popen[bytes] | None = None
        self.standby: subprocess.Popen[bytes] | None = None
        self.standby_at = 0.0
        self.lost_at = 0.0
        self._deaths: list[float] = []
        self._beat = self._looked_at = self._silent = 0.0

    def start(self) -> None:
        """A player from nothing."""
        self.player = self._spawn(0)

    def start_standby(self) -> None:
        """One who learns the part beside the stage."""
        self.standby = self._spawn(1)

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
        return self.standby is not None and self.standby.poll() is None

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
        """The standby plays, or one that is started anew."""
        if self.ready and self.standby is not None:
            self.player, self.standby = self.standby, None
            self._link.health.row("show").put(f"activate_{self.name}", self.player.pid)
        else:
            self.start()
        # The newcomer's heartbeat has yet to begin; until then the dead one's must not count against it.
        self.row.beat(now + HEARTBEAT_SECONDS)

    def look_for_standby(self, now: float) -> None:
        """Start one when it is time: not while the player itself is starting."""
        if self.standby_at and now > self.standby_at and not self.ready:
            self.standby_at = 0.0
            self.start_standby()

    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [p for p in (self.player, self.standby) if p is not None]


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
