"""Show: starts, watches and ends the processes; holds nothing musical. Nobody else starts or stops a role.

    hands --gestures--> sound --frames--> stage --gestures--> sound     all through the link, which show made and keeps

A process that dies is replaced by its standby: a second one that has everything loaded and waits to be activated, so
that the gap is the opening of a device, a port or a window and not of a program. What was played is in the link's last
frame, so it survives any of them. The sound never stops for the stage: a window that was closed is not opened again
before it is asked for, and one that fails for good is told of in a sentence.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.hands.worker import HandsSettings
from instrument.ipc import Frame, Gesture, Kind, Link, Source
from instrument.run.notices import Notices, Reader
from instrument.run.patching import Patching
from instrument.run.stage_role import StageRole
from instrument.run.supervisor import GIVE_UP_AFTER, STANDBY_AFTER_SECONDS, Role, dismiss, kill
from instrument.stage.settings import StageSettings

LOOK_SECONDS = 0.01


class Show:
    """The whole instrument running. ``run(seconds, tick)`` returns at Ctrl-C, SIGTERM or when the time is over."""

    def __init__(
        self,
        sound: SoundSettings,
        hands: HandsSettings | None,
        language: str = "en",
        stage: StageSettings | None = None,
    ) -> None:
        self.link = Link.create()
        self.health = self.link.health.enter("show")
        self.language = language
        self.sound = Role("sound", "instrument.audio.process", sound, self.link)
        self.hands = Role("hands", "instrument.hands.worker", hands, self.link) if hands is not None else None
        self.roles = [role for role in (self.hands, self.sound) if role is not None]
        self.stage = StageRole(stage, self.link) if stage is not None else None
        self.patching = Patching(self.link)
        self._stage_wanted = self._posting = self._panicked = False
        self.stopping = False
        self.notices = Notices()
        self._readers = [Reader(self.link.health.row(name)) for name in ("hands", "sound", "stage")]

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
                patch = self.sound.row.text("where")
                self.close()
                raise RosinError(said[-1] if said else _not_started(name, patch, timeout_s if gone is None else 0.0))
            self.look_for_words()
            time.sleep(LOOK_SECONDS)
        for role in self.roles:
            role.standby_at = time.monotonic() + STANDBY_AFTER_SECONDS
        self.open_stage()

    def open_stage(self) -> None:
        """The window, unless there is one; nothing happens in a show without a stage."""
        if self.stage is not None:
            self.stage.open(time.monotonic())

    def run(self, seconds: float | None, tick: Callable[[Show], None]) -> None:
        """Watch until Ctrl-C, SIGTERM or ``seconds``; ``tick`` is called about 100 times a second."""
        previous = {}
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):
                previous[number] = signal.signal(number, self._stop)
        if hasattr(signal, "SIGUSR1"):
            previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._panic)
        if hasattr(signal, "SIGUSR2") and self.stage is not None:
            previous[signal.SIGUSR2] = signal.signal(signal.SIGUSR2, self._reopen)
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
        if self._posting:  # it came in the middle of another, and would be written over
            self._panicked = True
        else:
            self.gesture(Gesture(Kind.PANIC))

    def _reopen(self, number: int, frame: FrameType | None) -> None:
        self._stage_wanted = True  # it may have come in the middle of a look

    def gesture(self, gesture: Gesture) -> None:
        """Post a gesture of the show's own (keys, a take, a signal); stamped now unless it has a time."""
        when = gesture.time or time.monotonic()
        source = gesture.source or Source.SHOW
        self._posting = True
        try:
            self.link.shows.push(gesture._replace(time=when, source=source))
        finally:
            self._posting = False
        if self._panicked:
            self._panicked = False
            self.gesture(Gesture(Kind.PANIC))

    def frame(self) -> Frame | None:
        """The newest frame."""
        return self.link.frames.latest()

    # --- watching

    def look(self) -> None:
        """Bring back what died; collect what the processes have to say."""
        now = time.monotonic()
        self.health.beat(now)
        self.look_for_words()
        for role in self.roles:
            if role.alive and role.hangs(now) and role.player is not None:
                kill(role.player)  # what hangs cannot be replaced, what is dead can
            if not role.alive:
                self._let_go_of(role, now)
                self.health.add("restarts")
                if role.take_over(now) >= GIVE_UP_AFTER:
                    last = f" Its last word: {self.notices.last}" if self.notices.last else ""
                    raise RosinError(f"the {role.name} keeps dying; start again with another device or patch.{last}")
            elif role.lost_at and self._is_back(role):
                gap = time.monotonic() - role.lost_at
                self.notices.append(say(f"{role.name}_restarted", self.language, seconds=f"{gap:.2f}"))
                role.lost_at = 0.0
                role.standby_at = now + STANDBY_AFTER_SECONDS
            role.look_for_standby(now)
        self.patching.look(now)
        if self.stage is not None:
            self._look_at_stage(self.stage, now)

    def _let_go_of(self, role: Role, now: float) -> None:
        """Keys, pedal, bend, pressure and pushes of hands that are gone: they come up, and are pressed anew."""
        if role is self.hands:
            for gesture in self.link.hands.held.released(now):
                self.gesture(gesture)

    def _look_at_stage(self, stage: StageRole, now: float) -> None:
        """Whatever becomes of the window, the music goes on; what its keys were pushing is let go of."""
        if self._stage_wanted:
            self._stage_wanted = False
            stage.open(now)
        for key, values in stage.look(now):
            self.notices.append(say(key, self.language, pid=os.getpid(), **values))
        for knob in stage.forced:
            self.gesture(Gesture(Kind.FORCE, knob, 0.0, source=Source.STAGE))
        stage.forced = ()

    def _is_back(self, role: Role) -> bool:
        if role.name == "hands":
            return role.row.entered > role.lost_at
        frame = self.link.frames.latest()
        return frame is not None and frame.time > role.lost_at

    def look_for_words(self) -> None:
        """Collect what the processes have to say."""
        for reader in self._readers:
            missed, texts = reader.read()
            if missed:
                self.notices.append(say("notices_missed", self.language, count=missed))
            for text in texts:
                self.notices.append(text)

    # --- the end

    def close(self) -> None:
        """End everyone; nothing is left behind."""
        roles: list[Role | Patching] = [self.patching, *self.roles]
        if self.stage is not None:
            roles.insert(1, self.stage)
        dismiss([process for role in roles for process in role.processes()])
        self.look_for_words()


def _not_started(name: str, patch: str, seconds: float) -> str:
    """Why a show did not begin, of a process that said nothing. ``seconds`` 0: it ended by itself."""
    if name != "sound" or not patch:
        return f"the {name} did not start; run `rosin check` on the patch"
    came = f"was not done after {seconds:.0f} s" if seconds else "ended"
    return (
        f"the sound {came} opening the model of the patch {patch}: it is too large for this machine, or broken; "
        "see `rosin models verify`, or play another patch"
    )
