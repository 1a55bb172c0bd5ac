"""Taping: a take while it is played - the sound in one file, the gestures in another beside it. Beside the player.

Belongs to the process' main thread; the callback only pushes blocks and gestures. What cannot be written is said once,
what was written so far is kept, and the sound goes on.
"""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path

from instrument.errors import RosinError
from instrument.health import Row
from instrument.link import Flags, Kind
from instrument.sound.bank import Bank
from instrument.sound.engine import CHANNELS
from instrument.sound.player import Player
from instrument.sound.recorder import Recorder
from instrument.take import TakeLog
from instrument.text import say

GESTURES_KEPT = 65536


class Taping:
    """Starts, watches and ends recordings of one player."""

    def __init__(self, player: Player, bank: Bank, row: Row, folder: Path, language: str) -> None:
        self.player, self.bank, self.row, self.language = player, bank, row, language
        self.recorder = Recorder(player.rate, CHANNELS, folder)
        player.recorder = self.recorder
        self._log: TakeLog | None = None
        self._log_begin = 0

    def record(self, on: bool) -> None:
        """Start or finish a recording."""
        if not on and self.recorder.recording:
            path = self.recorder.stop()
            self._write_log()
            self._close_log()
            self.player.extra_flags &= ~Flags.RECORDING
            self.row.add("files_recorded")
            seconds = f"{self.recorder.seconds:.1f} s"
            self.row.say(say("recorded", self.language, seconds=seconds, path=path))
        elif on and not self.recorder.recording:
            part = self.player.engine.part
            try:
                path = self.recorder.start(part.patch.name, part.recording_notes(self.bank.also_here(part)))
            except RosinError as error:
                self.row.add("files_failed")
                self.row.say(str(error))
                return
            self.player.extra_flags |= Flags.RECORDING
            self._open_log(path)
            self.row.set_text("state", str(path))
            self.row.say(say("recording_to", self.language, path=path))

    def look(self) -> None:
        """Tell how long the take is; notice a disk that is full; write down what was played."""
        player, recorder = self.player, self.recorder
        player.record_seconds = recorder.seconds if recorder.recording else 0.0
        if recorder.error and player.extra_flags & Flags.RECORDING:
            self.row.add("files_failed")
            self.row.say(recorder.error)
            player.extra_flags &= ~Flags.RECORDING
            self._close_log()
        self._write_log()

    def _open_log(self, path: Path) -> None:
        engine = self.player.engine
        part = engine.part
        raw = part.control.raw.tolist()
        try:
            self._log = TakeLog(path.with_suffix(".jsonl"), part.patch.name, part.seed, part.table, raw)
        except OSError as error:
            self.row.say(say("log_failed", self.language, why=error.strerror))
            return
        self._log_begin = engine.sample
        self.player.played = deque(maxlen=GESTURES_KEPT)

    def _write_log(self) -> None:
        played, log = self.player.played, self._log
        if played is None or log is None:
            return
        engine = self.player.engine
        try:
            while played:
                sample, gesture = played.popleft()
                # Another patch has other knobs; its keys and bends are still this take's.
                if engine.part.table is log.table or gesture.kind not in (Kind.KNOB, Kind.FORCE):
                    log.add((sample - self._log_begin) / engine.rate, gesture)
        except OSError as error:
            self.row.say(say("log_failed", self.language, why=error.strerror))
            self._close_log()

    def _close_log(self) -> None:
        log, self._log, self.player.played = self._log, None, None
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()
