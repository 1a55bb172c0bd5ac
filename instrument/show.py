"""Show: starts, watches and ends the processes; holds nothing musical. The only file that starts or stops one.

    hands --gestures--> sound --frames--> (stage)        all through the link, which show made and keeps

A process that dies is replaced by its understudy: a second one that has everything loaded and waits for its cue, so
that the gap is the opening of a device or a port and not of a program. What was played is in the link's last frame,
so it survives any of them.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from instrument.errors import RosinError
from instrument.hands.child import HandsSettings
from instrument.link import Frame, Gesture, Kind, Link, Source
from instrument.sound.settings import SoundSettings
from instrument.text import say

LOOK_SECONDS = 0.01
HEARTBEAT_SECONDS = 6.0
"""Without a sign of life for so long a process hangs. Opening a device on a busy machine can take three."""
UNDERSTUDY_AFTER_SECONDS = 1.5
GIVE_UP_AFTER = 5
GIVE_UP_WITHIN_SECONDS = 20.0


class Role:
    """One part to be played: the process that plays it, the one that could, and how often it had to be replaced."""

    def __init__(self, name: str, module: str, settings: SoundSettings | HandsSettings, link: Link) -> None:
        self.name = name
        self._commands = [
            [sys.executable, "-m", module, replace(settings, token=link.token, understudy=u).to_json()]
            for u in (False, True)
        ]
        self._link = link
        self.row = link.health.row(name)
        self.player: subprocess.Popen[bytes] | None = None
        self.understudy: subprocess.Popen[bytes] | None = None
        self.understudy_at = 0.0
        self.lost_at = 0.0
        self._deaths: list[float] = []

    def start(self) -> None:
        """A player from nothing."""
        self.player = self._spawn(0)

    def start_understudy(self) -> None:
        """One who learns the part beside the stage."""
        self.understudy = self._spawn(1)

    def _spawn(self, which: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._commands[which], stdin=subprocess.DEVNULL, pass_fds=self._link.fds)

    @property
    def alive(self) -> bool:
        return self.player is not None and self.player.poll() is None

    @property
    def ready(self) -> bool:
        """Is there somebody to take over."""
        return self.understudy is not None and self.understudy.poll() is None

    def hangs(self, now: float) -> bool:
        """It lives but no longer beats. (Before its first beat it is only slow.)"""
        return self.row.pid != 0 and self.row.age(now) > HEARTBEAT_SECONDS

    def take_over(self, now: float) -> float:
        """The understudy's cue, or a new start. Returns how many deaths there were lately."""
        self.lost_at = self.lost_at or now
        self._deaths = [t for t in self._deaths if now - t < GIVE_UP_WITHIN_SECONDS] + [now]
        if self.ready and self.understudy is not None:
            self.player, self.understudy = self.understudy, None
            self._link.health.row("show").put(f"cue_{self.name}", self.player.pid)
        else:
            self.start()
        # The newcomer's heartbeat has yet to begin; until then the dead one's must not count against it.
        self.row.beat(now + HEARTBEAT_SECONDS)
        return len(self._deaths)

    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [p for p in (self.player, self.understudy) if p is not None]


class Show:
    """The whole instrument running. ``run(seconds, tick)`` returns at Ctrl-C, SIGTERM or when the time is over."""

    def __init__(self, sound: SoundSettings, hands: HandsSettings | None, language: str = "en") -> None:
        self.link = Link.create()
        self.health = self.link.health.enter("show")
        self.language = language
        self.sound = Role("sound", "instrument.sound.process", sound, self.link)
        self.hands = Role("hands", "instrument.hands.child", hands, self.link) if hands is not None else None
        self.roles = [role for role in (self.hands, self.sound) if role is not None]
        self.stopping = False
        self.notices: list[str] = []
        self._said = {"hands": 0, "sound": 0}

    # --- the life of the show

    def open(self, timeout_s: float = 60.0) -> None:
        """Start the processes and wait for the first block of sound. RosinError in the sound's own words."""
        for role in self.roles:
            role.start()
        deadline = time.monotonic() + timeout_s
        while self.link.frames.seq == 0 or any(role.row.pid == 0 for role in self.roles):
            gone = next((role for role in self.roles if not role.alive), None)
            if gone is not None or time.monotonic() > deadline:
                name = gone.name if gone is not None else "sound"
                said = [notice.text for notice in self.link.health.notices(name)]
                self.close()
                raise RosinError(said[-1] if said else f"the {name} did not start; run `rosin check` on the patch")
            time.sleep(LOOK_SECONDS)
        for role in self.roles:
            role.understudy_at = time.monotonic() + UNDERSTUDY_AFTER_SECONDS

    def run(self, seconds: float | None, tick: Callable[[Show], None]) -> None:
        """Watch until Ctrl-C, SIGTERM or ``seconds``; ``tick`` is called about 100 times a second."""
        previous = {}
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):
                previous[number] = signal.signal(number, self._stop)
        if hasattr(signal, "SIGUSR1"):
            previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._panic)
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while not self.stopping and (end is None or time.monotonic() < end):
                self.look()
                tick(self)
                time.sleep(LOOK_SECONDS)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _panic(self, number: int, frame: FrameType | None) -> None:
        self.gesture(Gesture(Kind.PANIC))

    def gesture(self, gesture: Gesture) -> None:
        """Post a gesture of the show's own (keys, a take, a signal); stamped now unless it has a time."""
        when = gesture.time or time.monotonic()
        source = gesture.source or Source.SHOW
        self.link.shows.push(gesture._replace(time=when, source=source))

    def frame(self) -> Frame | None:
        """The newest frame."""
        return self.link.frames.latest()

    # --- watching

    def look(self) -> None:
        """Bring back what died; collect what the processes have to say."""
        now = time.monotonic()
        self.health.beat(now)
        self._collect_notices()
        for role in self.roles:
            if role.alive and role.hangs(now) and role.player is not None:
                _kill(role.player)  # what hangs cannot be replaced, what is dead can
            if not role.alive:
                self.health.add("restarts")
                if role.take_over(now) >= GIVE_UP_AFTER:
                    last = f" Its last word: {self.notices[-1]}" if self.notices else ""
                    raise RosinError(f"the {role.name} keeps dying; start again with another device or patch.{last}")
            elif role.lost_at and self._is_back(role):
                gap = time.monotonic() - role.lost_at
                self._note(say(f"{role.name}_restarted", self.language, seconds=f"{gap:.2f}"))
                role.lost_at = 0.0
                role.understudy_at = now + UNDERSTUDY_AFTER_SECONDS
            if role.understudy_at and now > role.understudy_at and not role.ready:
                role.understudy_at = 0.0
                role.start_understudy()

    def _is_back(self, role: Role) -> bool:
        if role.name == "hands":
            return role.row.entered > role.lost_at
        frame = self.link.frames.latest()
        return frame is not None and frame.time > role.lost_at

    def _note(self, text: str) -> None:
        self.notices.append(text)
        del self.notices[:-50]

    def _collect_notices(self) -> None:
        for name, seen in self._said.items():
            for notice in self.link.health.notices(name, seen):
                self._note(notice.text)
                self._said[name] = notice.number

    # --- the end

    def close(self) -> None:
        """Ask everyone to stop (a recording is finished first), then make sure; nothing is left behind."""
        processes = [process for role in self.roles for process in role.processes()]
        for process in processes:
            with contextlib.suppress(OSError):
                process.terminate()
        deadline = time.monotonic() + 5.0
        for process in processes:
            try:
                process.wait(timeout=max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill(process)
        self._collect_notices()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that does not listen, and wait until it is gone: two may not write one ring."""
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2.0)
