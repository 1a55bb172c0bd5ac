"""The sound process: engine, device and recorder together. ``python -m instrument.audio.process``, started by show.

Main thread: slow things only (patches, files, the device), 50 looks a second. The audio callback never waits for it.
A standby does everything but open the device, then waits to be activated: the show writes its pid into the link.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

from instrument.audio import realtime
from instrument.audio.callback import Callback
from instrument.audio.errands import Errands
from instrument.audio.handover import SoundHandover
from instrument.audio.output import Output
from instrument.audio.recording.take_recording import TakeRecording
from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.documents.patch import Scene
from instrument.engine import warm
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import resume
from instrument.ipc import Flags, Frame
from instrument.ipc.worker import CLOSED, REFUSED, Worker, begin
from instrument.model.runtime.providers import Wanted
from instrument.storage.accident_store import AccidentStore
from instrument.storage.bank import Bank

LOOK_SECONDS = 0.02


class SoundProcess:
    """One sound process. ``run`` returns when it is told to stop."""

    def __init__(self, settings: SoundSettings, worker: Worker) -> None:
        self.settings = settings
        self.language = settings.language
        self.worker, self.link, self.row = worker, worker.link, worker.row
        self.bank = Bank(
            [Path(p) for p in settings.patches],
            provider=cast(Wanted, settings.sound.provider),  # rig and command line have checked the choice
            models=settings.folders.models,
            allow_uncredited=settings.allow_uncredited,
            seed=settings.seed,
            language=settings.language,
        )
        self.handover = SoundHandover(self.link.memos["sound"], self.bank, self.row, settings.place)
        self._took_over = False
        self._tell_what_was_got = 0.0
        self._resets = 0
        self.accident_store = AccidentStore(self.bank, self.link, self.language)

    def load(self, seen: Frame | None) -> None:
        """Open patches and build the engine; ``seen`` is the last frame of a sound that was lost, or None."""
        warm.warm()
        index = self.settings.index if seen is None else min(seen.patch, len(self.bank) - 1)
        if 0 <= index < len(self.bank):
            self._opens(self.bank.paths[index])
        layer = self.bank.layer(index)
        self._scenes_of_the_take()
        self.bank.fill(self._opens)  # a patch that is broken is told of when somebody goes to it (change_patch)
        if not self.settings.standby:  # who plays has said it already
            for sentence in (*self.bank.untold(index), *self.bank.wear_store.wrong):
                self.row.say(sentence)
        self.engine = Engine(layer, self.settings.sound.ceiling_db)
        self.engine.guard.warm()

    def _opens(self, path: Path) -> None:
        """Which patch is being opened: should its model hang, the show can say so."""
        if not self.settings.standby:
            self.row.set_text("where", path.stem)

    def _scenes_of_the_take(self) -> None:
        """A take that is played along brings the scenes that there were then."""
        if self.settings.scenes is not None:
            layer = self.bank.layer(self.settings.index)
            scenes = {int(slot): Scene(knobs) for slot, knobs in self.settings.scenes.items()}
            blend_ms = self.settings.blend_ms
            layer.scenes.hold(scenes, layer.patch.blend_ms if blend_ms is None else blend_ms)

    def take_up(self, seen: Frame | None) -> None:
        """Just before the device opens: go on where the lost sound was."""
        if seen is None:
            return
        if seen.patch != self.engine.layer.index and seen.patch < len(self.bank):
            self.engine.layer = self.bank.layer(seen.patch)
            self.engine.layer.fresh = False
        self._took_over = True
        if not self.handover.take_up(self.engine):
            self._scenes_of_the_take()
        resume(self.engine, seen, [ring.held for ring in (self.link.hands, self.link.stage, self.link.shows)])
        self._resets = self.engine.resets

    def open_device(self) -> None:
        """Into the chosen device; into the null device, with a sentence, where there is no card at all."""
        wants = self.settings
        self.player = Callback(self.engine, self.link, wants.sound.block, wants.sound.ahead)
        self.output = Output(wants, self.player, self.row, self._took_over, self.handover.xruns)
        self.output.open()
        self.recording = TakeRecording(self.player, self.bank, self.row, Path(wants.folders.takes), self.language)
        self.errands = Errands(self.engine, self.bank, self.recording, self.accident_store, self.row, self.language)
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
            self.recording.record(True)
        self._tell_what_was_got = time.monotonic() + 0.3
        self.errands.load_excerpts()
        while not self.worker.over():
            self.look()
            time.sleep(LOOK_SECONDS)
        self.recording.close()
        self.output.close()
        self.player.stop()
        self.accident_store.close()

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
        self.errands.look(now)
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
        self.recording.look()
        self.accident_store.look(now)


def main(text: str) -> int:
    """Run a sound process with settings as JSON."""
    settings = SoundSettings.from_json(text)
    worker = Worker("sound", settings.token)
    link, row = worker.link, worker.row
    try:
        sound = SoundProcess(settings, worker)
        locked = realtime.lock_memory()
        seen = link.frames.latest()
        sound.load(seen)
        if settings.standby:
            if not worker.wait_to_play():
                return CLOSED
            seen = link.frames.latest()
        row.enter()
        sound.take_up(seen)
        row.set_text("where", sound.engine.layer.voice.where)
        sound.open_device()
        row.put("memory_locked", int(locked))
        sound.run()
    except RosinError as error:
        row.say(str(error))
        return REFUSED
    return CLOSED


if __name__ == "__main__":
    begin(main)
