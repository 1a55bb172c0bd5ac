"""Taping: a take while it is played - the sound in one file, beside it gestures, what the model was told, credits.

Belongs to the process' main thread; the callback only pushes blocks and gestures, and a thread of its own writes them:
a disk that is busy holds up a write for seconds, and whoever waited for it would look dead. What cannot be written is
said once, what was written so far is kept, and the sound goes on.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from pathlib import Path

from instrument.errors import RosinError
from instrument.health import Row
from instrument.link import Flags, Kind
from instrument.model.heard import Heard, write_roll
from instrument.sound.bank import Bank
from instrument.sound.engine import CHANNELS
from instrument.sound.part import Part
from instrument.sound.player import Player
from instrument.sound.recorder import Recorder
from instrument.sound.stream import StreamLog, StreamTap
from instrument.sound.tally import Tally
from instrument.take import TakeLog
from instrument.text import say

GESTURES_KEPT = 65536
WRITE_SECONDS = 0.05
OF_ITS_KNOBS = frozenset({Kind.KNOB, Kind.FORCE, Kind.BRIDGE, Kind.SCENE, Kind.SCENE_SAVE})
"""Gestures that mean another thing in another patch."""
END_SECONDS = 3.0
"""A disk that has not taken the rest of a take by then gets it later, or the take is short of it."""


class Taping:
    """Starts, watches and ends recordings of one player."""

    def __init__(self, player: Player, bank: Bank, row: Row, folder: Path, language: str) -> None:
        self.player, self.bank, self.row, self.language = player, bank, row, language
        self.recorder = Recorder(player.rate, CHANNELS, folder)
        player.recorder = self.recorder
        self._log: TakeLog | None = None
        self._stream: StreamLog | None = None
        self._log_begin = 0
        self._tally = Tally(tuple)
        self._began: Part | None = None
        self._heard: list[Heard] = []
        self._said: deque[str] = deque()
        self._ended = threading.Event()
        self._writer: threading.Thread | None = None

    def record(self, on: bool) -> None:
        """Start or finish a recording."""
        if not on and self.recorder.recording:
            path = self.recorder.stop()
            self._settle()
            self._end()
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
            self._end()
            self._tally, self._began, self._heard = Tally(self._parts), part, []
            if self._writer is not None:  # the last take's files are still its own: the disk has not taken them yet
                self.row.say(say("log_failed", self.language, why="the disk is still busy with the last one"))
            else:
                self._open_log(path)
                self._open_stream(path)
                self._ended = threading.Event()
                writing = (self._ended, path, self._heard)
                self._writer = threading.Thread(target=self._write, args=writing, name="taping", daemon=True)
                self._writer.start()
            self.row.set_text("state", str(path))
            self.row.say(say("recording_to", self.language, path=path))

    def look(self) -> None:
        """Tell how long the take is; notice a disk that is full. Never waits for one."""
        player, recorder = self.player, self.recorder
        player.record_seconds = recorder.seconds if recorder.recording else 0.0
        if recorder.error and player.extra_flags & Flags.RECORDING:
            self.row.add("files_failed")
            self.row.say(recorder.error)
            player.extra_flags &= ~Flags.RECORDING
            self._settle()
            self._ended.set()
        while self._said:
            self.row.say(self._said.popleft())

    def _parts(self) -> tuple[Part, ...]:
        """Every part that may come to sound."""
        found = (*self.bank.parts, self.player.engine.part)
        return tuple({id(part): part for part in found}.values())

    def _settle(self) -> None:
        """What was heard in the take that ends now, for its credits."""
        began = () if self._began is None else (self._began,)
        self._heard[:] = self._tally.heard((*began, self.player.engine.part))

    def _write(self, ended: threading.Event, path: Path, heard: list[Heard]) -> None:
        """The writer's life: pieces while the take lasts, the rest when it has ended."""
        while not ended.wait(WRITE_SECONDS):
            self._write_log()
            self._write_stream()
        self._write_log()
        self._write_stream()
        self._close_log()
        self._close_stream()
        try:
            write_roll(path, path.stem, heard, self.language)
        except OSError as error:
            self._said.append(say("heard.failed", self.language, why=error.strerror or error))

    def _end(self) -> None:
        """The take has ended: wait a while for the rest to be written."""
        self._ended.set()
        if self._writer is not None:
            self._writer.join(timeout=END_SECONDS)
            if not self._writer.is_alive():
                self._writer = None
        while self._said:
            self.row.say(self._said.popleft())

    def _open_log(self, path: Path) -> None:
        engine = self.player.engine
        part = engine.part
        raw = part.control.raw.tolist()
        try:
            self._log = TakeLog(
                path.with_suffix(".jsonl"), part.patch.name, part.seed, part.table, raw, part.scenes.all_knobs(),
                part.scenes.blend_ms,
            )  # fmt: skip
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
                if engine.part.table is log.table or gesture.kind not in OF_ITS_KNOBS:
                    log.add((sample - self._log_begin) / engine.rate, gesture)
        except OSError as error:
            self._said.append(say("log_failed", self.language, why=error.strerror))
            self._close_log()

    def _close_log(self) -> None:
        log, self._log, self.player.played = self._log, None, None
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()

    # --- what the model is told

    def _open_stream(self, path: Path) -> None:
        engine = self.player.engine
        part = engine.part
        tap = StreamTap(len(part.z), part.voice.frames)
        head: dict[str, object] = {"patch": part.patch.name, "seed": part.seed,
                                   "model": part.voice.card.sha256 or part.voice.card.name}  # fmt: skip
        try:
            self._stream = StreamLog(path.with_suffix(".z"), tap, head)
        except OSError as error:
            self.row.say(say("stream_failed", self.language, why=error.strerror))
            return
        engine.snapshot_taken, engine.snapshot_wanted = None, True
        self.player.tap = tap

    def _write_stream(self) -> None:
        stream, engine = self._stream, self.player.engine
        if stream is None:
            return
        kept, engine.snapshot_taken = engine.snapshot_taken, None
        try:
            if kept is not None:
                stream.path.with_suffix(".state").write_bytes(kept.to_bytes())
            stream.write()
        except OSError as error:
            self._said.append(say("stream_failed", self.language, why=error.strerror))
            self._close_stream()
            return
        if stream.tap.broken:
            self._said.append(say("stream_ended", self.language, path=stream.path))
            self._close_stream()

    def _close_stream(self) -> None:
        stream, self._stream, self.player.tap = self._stream, None, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
