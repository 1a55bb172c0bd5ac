"""The sound process: engine, device and recorder together. ``python -m instrument.sound.process``, started by show.

Main thread: slow things only (patches, files, the device), 50 looks a second. The audio callback never waits for it.
An understudy does everything but open the device, then waits for its cue: the show writes its pid into the link.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from pathlib import Path

from instrument.errors import RosinError
from instrument.link import Flags, Frame, Kind, Link
from instrument.patch import Scene
from instrument.sound import realtime, warm
from instrument.sound.bank import Bank
from instrument.sound.engine import Engine
from instrument.sound.handover import Handover
from instrument.sound.keepsakes import Keepsakes
from instrument.sound.output import Output
from instrument.sound.part import Part
from instrument.sound.player import Player
from instrument.sound.settings import SoundSettings
from instrument.sound.taping import Taping
from instrument.sound.telling import resume
from instrument.text import say

LOOK_SECONDS = 0.02


class Sound:
    """One sound process. ``run`` returns when it is told to stop."""

    def __init__(self, settings: SoundSettings) -> None:
        self.settings = settings
        self.language = settings.language
        self.link = Link.attach(settings.token)
        self.row = self.link.health.row("sound")
        self.stopping = False
        self._parent = os.getppid()
        self.bank = Bank(
            [Path(p) for p in settings.patches], provider=settings.provider, models=settings.models,
            allow_uncredited=settings.allow_uncredited, seed=settings.seed, language=settings.language,
        )  # fmt: skip
        self.handover = Handover(self.link.memos["sound"], self.bank, self.row, settings.place)
        self._took_over = False
        self._tell_what_was_got = 0.0
        self._resets = 0
        self.keepsakes = Keepsakes(self.bank, self.link, self.language)
        self._said: deque[str] = deque()
        self._unheard: set[tuple[str, int]] = set()

    def load(self, seen: Frame | None) -> None:
        """Open patches and build the engine; ``seen`` is the last frame of a sound that was lost, or None."""
        warm.warm()
        index = self.settings.index if seen is None else min(seen.patch, len(self.bank) - 1)
        if 0 <= index < len(self.bank):
            self._opens(self.bank.paths[index])
        part = self.bank.part(index)
        self._scenes_of_the_take()
        self.bank.fill(self._opens)  # a patch that is broken is told of when somebody goes to it (change_patch)
        if not self.settings.understudy:  # who plays has said it already
            for sentence in (*self.bank.untold(index), *self.bank.patina.wrong):
                self.row.say(sentence)
        self.engine = Engine(part, self.settings.ceiling_db)
        self.engine.guard.warm()

    def _opens(self, path: Path) -> None:
        """Which patch is being opened: should its model hang, the show can say so."""
        if not self.settings.understudy:
            self.row.set_text("where", path.stem)

    def _scenes_of_the_take(self) -> None:
        """A take that is played along brings the scenes that there were then."""
        if self.settings.scenes is not None:
            part = self.bank.part(self.settings.index)
            scenes = {int(slot): Scene(knobs) for slot, knobs in self.settings.scenes.items()}
            blend_ms = self.settings.blend_ms
            part.scenes.hold(scenes, part.patch.blend_ms if blend_ms is None else blend_ms)

    def take_up(self, seen: Frame | None) -> None:
        """Just before the device opens: go on where the lost sound was."""
        if seen is None:
            return
        if seen.patch != self.engine.part.index and seen.patch < len(self.bank):
            self.engine.part = self.bank.part(seen.patch)
        self._took_over = True
        if not self.handover.take_up(self.engine):
            self._scenes_of_the_take()
        resume(self.engine, seen, [ring.held for ring in (self.link.hands, self.link.stage, self.link.shows)])
        self._resets = self.engine.resets

    def wait_for_cue(self) -> bool:
        """The understudy waits here. True: on stage; False: the show is over."""
        show = self.link.health.row("show")
        while not self.stopping and os.getppid() == self._parent:
            if show.count("cue_sound") == os.getpid():
                return True
            time.sleep(0.005)
        return False

    def open_device(self) -> None:
        """Into the chosen device; into the null device, with a sentence, where there is no card at all."""
        wants = self.settings
        self.player = Player(self.engine, self.link, wants.block, wants.ahead)
        self.output = Output(wants, self.player, self.row, self._took_over, self.handover.xruns)
        self.output.open()
        self.taping = Taping(self.player, self.bank, self.row, Path(wants.takes), self.language)
        self.row.set_text("state", "")
        self.row.beat()
        realtime.settle()
        self.player.start()
        self.output.start()
        self.row.beat()

    # --- the loop

    def run(self) -> None:
        """Until SIGTERM, or until the show is gone."""
        recording = self.settings.record
        seen = self.link.frames.latest()
        if seen is not None and seen.flags & Flags.RECORDING:
            recording = True
        if recording:
            self.taping.record(True)
        self._tell_what_was_got = time.monotonic() + 0.3
        self._load_excerpts()
        while not self.stopping and os.getppid() == self._parent:
            self.look()
            time.sleep(LOOK_SECONDS)
        self.taping.record(False)
        self.output.close()
        self.player.stop()
        self.keepsakes.close()

    def look(self) -> None:
        """One look: heartbeat, requests, the recorder, the device."""
        now = time.monotonic()
        self.row.beat(now)
        engine, player = self.engine, self.player
        if 0.0 < self._tell_what_was_got < now:
            self._tell_what_was_got = 0.0
            words = {True: say("yes", self.language), False: say("no", self.language)}
            locked = words[bool(self.row.count("memory_locked"))]
            self.row.say(say("rt_got", self.language, priority=words[player.priority], locked=locked))
        while engine.requests:
            kind, number, value = engine.requests.popleft()
            if kind == Kind.PATCH:
                self.change_patch(number)
            elif kind == Kind.RECORD:
                self.taping.record(bool(number))
            elif kind == Kind.KEEP:
                self.keepsakes.keep_accident(engine.part, number, value)
            elif kind == Kind.SCENE:
                self.row.say(say("scene.none", self.language, scene=number + 1, patch=engine.part.patch.name))
            elif kind == Kind.RESTORE:
                self.row.say(say("snapshot.none", self.language, slot=number, patch=engine.part.patch.name))
            elif kind == Kind.HEAR:
                self._say_unheard(engine.part, number, bool(value))
        if engine.resets != self._resets:
            self._resets = engine.resets
            self.row.put("resets", engine.resets)
            self.row.say(say("model_reset", self.language))
        self.row.put("gestures_late", engine.late)
        self.row.put("gestures_lost", engine.lost + self.link.hands.lost + self.link.shows.lost)
        self.row.put("blocks", player.blocks)
        player.xruns = self.output.xruns + player.underruns
        self.row.put("xruns", player.xruns)
        self.output.look(now)
        self.handover.look(engine, now)
        while self._said:
            self.row.say(self._said.popleft())
        self.taping.look()
        self.keepsakes.look(now)

    def _load_excerpts(self) -> None:
        """What can be heard of the neighbours, decoded by a thread while the music plays."""

        def load() -> None:
            self._said.extend(self.bank.load_excerpts())

        threading.Thread(target=load, name="excerpts", daemon=True).start()

    def _say_unheard(self, part: Part, sound: int, kept: bool) -> None:
        """Why a neighbour that was asked for is not heard; once. ``kept``: the model has excerpts, but not of this."""
        place = part.place
        key = (part.voice.card.name, sound if kept else -1)
        if key in self._unheard:
            return
        if not kept and place is not None and place.has_excerpts:
            self.row.say(say("neighbour.soon", self.language))
            return
        self._unheard.add(key)
        sounds = part.voice.lineage.sounds if part.voice.lineage is not None else ()
        if kept and 0 <= sound < len(sounds):
            found = sounds[sound]
            self.row.say(say("neighbour.kept", self.language, title=found.title, licence=found.licence))
        else:
            self.row.say(say("neighbour.none", self.language, model=part.voice.card.name))

    def change_patch(self, index: int) -> None:
        """Hand the engine another part; a patch that does not load leaves the present one playing."""
        try:
            part = self.bank.part(index)
        except RosinError as error:
            name = self.bank.paths[index].stem if index < len(self.bank) else str(index + 1)
            self.row.say(say("patch_failed", self.language, name=name, why=" ".join(str(error).splitlines())))
            return
        for sentence in self.bank.untold(index):
            self.row.say(sentence)
        if part.voice.sample_rate != self.engine.rate:
            rate, here = part.voice.sample_rate, self.engine.rate
            self.row.say(say("patch_rate", self.language, name=part.patch.name, rate=rate, here=here))
            return
        if part is not self.engine.part and not self.engine.fading:
            part.recall()
        self.row.set_text("where", part.voice.where)
        self.engine.change(part)
        if part.place is not None and part.place.has_excerpts and part.place.excerpts is None:
            self._load_excerpts()

    def stop(self, *_: object) -> None:
        self.stopping = True


def main(text: str) -> int:
    """Run a sound process with settings as JSON."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the show decides
    settings = SoundSettings.from_json(text)
    link = Link.attach(settings.token)
    row = link.health.row("sound")
    try:
        sound = Sound(settings)
        signal.signal(signal.SIGTERM, sound.stop)
        locked = realtime.lock_memory()
        seen = link.frames.latest()
        sound.load(seen)
        if settings.understudy:
            if not sound.wait_for_cue():
                return 0
            seen = link.frames.latest()
        row.enter()
        sound.take_up(seen)
        row.set_text("where", sound.engine.part.voice.where)
        sound.open_device()
        row.put("memory_locked", int(locked))
        sound.run()
    except RosinError as error:
        row.say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as the hands end: threads of libjack may still be at work
