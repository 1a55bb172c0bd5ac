"""Show: starts, watches and ends the processes; holds nothing musical. The only file that starts or stops one.

    hands --gestures--> sound --frames--> (stage)        all through the link, which show made and keeps

A process that dies is started again: hands at once; sound by its understudy, a second sound process that has
everything loaded and waits for its cue, so that the gap is the opening of the device and not of the program.
What was played is in the link's last frame, so it survives any of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from instrument.errors import RosinError
from instrument.hands.child import HandsSettings
from instrument.link import Frame, Gesture, Kind, Link, Source
from instrument.sound.settings import SoundSettings
from instrument.text import say

LOOK_SECONDS = 0.01
HEARTBEAT_SECONDS = 3.0
UNDERSTUDY_AFTER_SECONDS = 1.5
GIVE_UP_AFTER = 5
GIVE_UP_WITHIN_SECONDS = 20.0


@dataclass
class Child:
    """One process of the show and how often it had to be started."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Show:
    """The whole instrument running. ``run(tick)`` returns when it is asked to stop or ``seconds`` have passed."""

    def __init__(self, sound: SoundSettings, hands: HandsSettings | None, language: str = "en") -> None:
        self.link = Link.create()
        self.health = self.link.health.enter("show")
        self.language = language
        self.sound_settings = replace(sound, token=self.link.token)
        self.sound = Child("sound", self._sound_command(understudy=False))
        self.understudy = Child("understudy", self._sound_command(understudy=True))
        self.hands: Child | None = None
        if hands is not None:
            told = replace(hands, token=self.link.token).to_json()
            self.hands = Child("hands", [sys.executable, "-m", "instrument.hands.child", told])
        self.started = time.monotonic()
        self.stopping = False
        self._said = {"hands": 0, "sound": 0}
        self._understudy_at = 0.0
        self._lost_at = 0.0
        self.notices: list[str] = []

    def _sound_command(self, understudy: bool) -> list[str]:
        told = replace(self.sound_settings, understudy=understudy).to_json()
        return [sys.executable, "-m", "instrument.sound.process", told]

    def _spawn(self, child: Child) -> None:
        flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {}
        child.process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, pass_fds=self.link.fds, close_fds=True, **flags
        )

    # --- the life of the show

    def open(self, timeout_s: float = 60.0) -> None:
        """Start the processes and wait for the first block of sound. RosinError in the sound's own words."""
        self._spawn(self.sound)
        if self.hands is not None:
            self._spawn(self.hands)
        deadline = time.monotonic() + timeout_s
        children = [child for child in (self.hands, self.sound) if child is not None]
        while self.link.frames.seq == 0 or (self.hands is not None and not self.link.health.row("hands").pid):
            gone = next((child for child in children if not child.alive), None)
            if gone is not None or time.monotonic() > deadline:
                name = gone.name if gone is not None else "sound"
                said = [notice.text for notice in self.link.health.notices(name)]
                self.close()
                raise RosinError(said[-1] if said else f"the {name} did not start; run `rosin check` on the patch")
            time.sleep(LOOK_SECONDS)
        self._understudy_at = time.monotonic() + UNDERSTUDY_AFTER_SECONDS

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
        if self.sound.alive and self.link.health.age("sound", now) > HEARTBEAT_SECONDS and self._entered("sound"):
            self._kill(self.sound)  # it hangs: a dead sound can be replaced, a frozen one cannot
        if not self.sound.alive:
            self._replace_sound(now)
        elif self._lost_at and self._fresh_frame(self._lost_at):
            gap = time.monotonic() - self._lost_at
            self._note(say("sound_restarted", self.language, seconds=f"{gap:.2f}"))
            self._lost_at = 0.0
            self._understudy_at = now + UNDERSTUDY_AFTER_SECONDS
        if self._understudy_at and now > self._understudy_at and not self.understudy.alive:
            self._understudy_at = 0.0
            self._spawn(self.understudy)
        if self.hands is not None and not self.hands.alive:
            self._mourn(self.hands, now)
            self._spawn(self.hands)
            self._note(say("hands_restarted", self.language))
        elif self.hands is not None and self.link.health.age("hands", now) > HEARTBEAT_SECONDS and self._entered("hands"):
            self._kill(self.hands)

    def _entered(self, name: str) -> bool:
        row = self.link.health.row(name)
        return row.pid != 0 and row.heartbeat > 0.0

    def _fresh_frame(self, since: float) -> bool:
        frame = self.link.frames.latest()
        return frame is not None and frame.time > since

    def _replace_sound(self, now: float) -> None:
        self._mourn(self.sound, now)
        self._lost_at = self._lost_at or now
        if self.understudy.alive and self.understudy.process is not None:
            self.sound.process, self.understudy.process = self.understudy.process, None
            self.health.put("cue", self.sound.process.pid)
        else:
            self._spawn(self.sound)
        # The newcomer's heartbeat has yet to begin; until then the dead one's must not count against it.
        self.link.health.row("sound").beat(now + HEARTBEAT_SECONDS)

    def _mourn(self, child: Child, now: float) -> None:
        """Count a death; one that dies again and again is not brought back for ever."""
        self.health.add("restarts")
        child.deaths = [t for t in child.deaths if now - t < GIVE_UP_WITHIN_SECONDS] + [now]
        if len(child.deaths) >= GIVE_UP_AFTER:
            self._collect_notices()
            last = f" Its last word: {self.notices[-1]}" if self.notices else ""
            raise RosinError(f"the {child.name} process keeps dying; start again with another device or patch.{last}")

    def _note(self, text: str) -> None:
        self.notices.append(text)
        del self.notices[:-50]

    def _collect_notices(self) -> None:
        for name, seen in self._said.items():
            for notice in self.link.health.notices(name, seen):
                self._note(notice.text)
                self._said[name] = notice.number

    # --- the end

    def _kill(self, child: Child) -> None:
        if child.process is not None:
            with contextlib.suppress(OSError):
                child.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(timeout=2.0)

    def close(self) -> None:
        """Ask everyone to stop (a recording is finished first), then make sure; nothing is left behind."""
        children = [c for c in (self.hands, self.understudy, self.sound) if c is not None and c.process is not None]
        for child in children:
            if child.alive and child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + 5.0
        for child in children:
            assert child.process is not None
            try:
                child.process.wait(timeout=max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._kill(child)
        self._collect_notices()


def default_takes() -> Path:
    """Where recordings go when nobody says otherwise."""
    return Path(os.getcwd()) / "takes"
