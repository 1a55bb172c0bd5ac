"""Take files: what is written beside the sound of one take - gestures, opening, stream, credits. By a thread.

    gestures.jsonl   what acted, to the sample; its last line says how long the take is
    opening.state    the engine as it was at the beginning (opening.py)
    latents.z        what the model was told, block by block (stream.py): of the first patch that is alone on stage,
                     from then on, until another one comes
    credits.txt      whose sounds were near
    take.toml, patch.toml   the manifest, and the patches as they were (take_cover.py)

The callback begins it between two blocks, so that sound, gestures and opening are of the same sample. Nothing is ever
written that is beyond the sound on disk. What one file cannot take is said once, and the others go on.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path

from instrument.audio.callback import Callback
from instrument.audio.recording.layer_start import Coming, cue_of
from instrument.audio.recording.recorder import Recorder
from instrument.audio.recording.take_cover import TakeCover
from instrument.base.text import say
from instrument.base.writing import write_whole
from instrument.chance.accident import Accident
from instrument.documents.take import End, TakeLog
from instrument.documents.take_folder import CREDITS, GESTURES, LATENTS, OPENING
from instrument.documents.take_writing import row_of
from instrument.engine.acted import AS_IT_WAS, WAITS, Acted, ActedGesture
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.model.atlas.attribution import Attribution, write_roll
from instrument.storage.opening import TRACKS_MAX, Opening, Standing
from instrument.storage.stream import StreamLog, StreamTap

WRITE_SECONDS = 0.05
CLOSED_SECONDS = 60.0
"""A disk that has not taken the sound by then leaves the take unfinished: whole, and without hashes."""


class TakeFiles:
    """One take. ``begin`` is for the callback, ``run`` for a thread of its own; it ends when ``ended`` is set."""

    def __init__(self, player: Callback, recorder: Recorder, folder: Path, language: str, said: deque[str]) -> None:
        """``recorder``: it has begun this take, in ``folder``. ``said``: where sentences for the player go."""
        self.folder, self.language = folder, language
        self._sounds, self._sound_closed = recorder.paths, recorder.closed
        self._cover: TakeCover | None = None
        self.heard: list[Attribution] = []
        self.said = said
        self.ended = threading.Event()
        self.written = threading.Event()
        """Everything is on disk, but the hashes of its sound: nothing of the next take is in the way of this one."""
        self.begun = False
        self.input = False
        self._player, self._recorder = player, recorder
        self._engine: Engine = player.engine
        self._acted = Acted()
        self._opening: Opening | None = None
        self._first: tuple[Layer, ...] | None = None
        self._coming: dict[int, Coming] = {}
        self._begin_sample = 0
        self._log: TakeLog | None = None
        self._tap: StreamTap | None = None
        self._stream: StreamLog | None = None
        self._told: Layer | None = None
        self._told_after = 0
        self._state_stale = False
        self._length: int | None = None

    # --- the callback

    def begin(self) -> None:
        """Between two blocks: from the next one on it is the take."""
        engine = self._engine
        self._opening = Opening.of(engine, self.folder.name)
        self._first = engine.layers
        for layer in engine.layers:
            self._coming[id(layer)] = Coming.of(layer)
        self._begin_sample = engine.sample
        self._tap = StreamTap(*engine.layer.z.shape)
        if engine.fading or engine.coming is not None:
            self._tap.waits = self._stream_begins
        engine.acted, self._player.tap = self._acted, self._tap
        self._recorder.go()
        self.begun = True

    def _stream_begins(self) -> bool:
        """After a block: whether one patch is alone on stage now, and the stream begins with it. A row has room for one
        model alone, so what two that fade were told would not be what was heard."""
        engine = self._engine
        if engine.fading or engine.coming is not None:
            return False
        assert self._opening is not None
        assert self._tap is not None
        layer, now = engine.layer, Standing.of(engine.layer, engine)
        if (coming := self._coming.get(id(layer))) is not None:  # the wear that is heard is that of the beginning
            now = replace(now, usage=coming.usage)
        self._tap.shape = layer.z.shape
        self._opening.told, self._told = now, layer
        self._told_after = engine.sample - self._begin_sample
        self._state_stale = True
        return True

    # --- who hands a layer in

    def coming(self, layer: Layer) -> None:
        """Before a layer comes on stage: what is not its patch's own is noted, the first time."""
        if id(layer) not in self._coming:
            self._coming[id(layer)] = Coming.of(layer)

    def finish_at(self, samples: int) -> None:
        """So long is the sound on disk; the rest is written, and the thread ends."""
        self._length = samples
        self.ended.set()

    # --- the writer

    @property
    def _passed(self) -> int:
        """Samples of this take that are on disk."""
        return self._recorder.passed if self._length is None else self._length

    def run(self) -> None:
        """The writer's life: pieces while the take lasts, the rest when it has ended."""
        try:
            self._write_all()
        finally:
            self.written.set()

    def _write_all(self) -> None:
        while not self.ended.wait(WRITE_SECONDS):
            self._write()
        self._write()
        self._finish()
        try:
            write_roll(self.folder / CREDITS, self.folder.name, self.heard, self.language)
        except OSError as error:
            self.said.append(say("heard.failed", self.language, why=error.strerror or error))
        self._close_cover()

    def _close_cover(self) -> None:
        """Last: the hashes are of files that nobody writes into any more. Those of the sound when it is said that all
        else is done: of an evening they take longer than the next take waits."""
        if self._cover is None or not self._sound_closed.wait(CLOSED_SECONDS):
            return
        try:
            self._cover.end(self._passed / self._engine.rate)
            self.written.set()
            self._cover.add_sounds(self._sounds)
        except OSError as error:
            self.said.append(say("manifest_failed", self.language, why=error.strerror or error))

    def _write(self) -> None:
        if not self.begun:
            return
        if self._first is not None:
            self._open()
        passed = self._passed
        self._write_log(self._begin_sample + passed)
        self._write_state()
        self._write_stream(passed // QUANTUM)

    def _open(self) -> None:
        """The files, with what stood when it began."""
        assert self._first is not None
        assert self._opening is not None
        assert self._tap is not None
        (layer, *leaving), self._first = self._first, None
        raw = self._opening.on.snapshot.control["raw"].tolist()
        head: dict[str, object] = {
            "rate": self._engine.rate,
            "ceiling_db": self._engine.ceiling_db,
            "opening": self._opening.name,
        }
        if leaving:
            head["leaving"] = row_of(cue_of(leaving[0], leaving[0].patch_seed, self._coming[id(leaving[0])]))
        cue = cue_of(layer, self._opening.on.snapshot.seed, self._coming[id(layer)])
        cover = TakeCover(
            self.folder, layer, self._opening.on.snapshot.seed, self._engine.rate, self._recorder.channels
        )
        try:
            cover.open()
            self._cover = cover
        except OSError as error:
            self.said.append(say("manifest_failed", self.language, why=error.strerror or error))
        for one in leaving:
            self._keep_patch(one)
        try:
            self._log = TakeLog(self.folder / GESTURES, cue, layer.seed, layer.table, raw, head=head)
        except OSError as error:
            self.said.append(say("log_failed", self.language, why=error.strerror))
        if self._tap.waits is None and self._told is None:
            self._open_stream(layer, self._opening.on)
        self._state_stale = True

    def _open_stream(self, layer: Layer, standing: Standing) -> None:
        assert self._tap is not None
        words: dict[str, object] = {
            "patch": layer.patch.name,
            "seed": standing.snapshot.seed,
            "model": layer.voice.card.sha256 or layer.voice.card.name,
        }
        try:
            self._stream = StreamLog(self.folder / LATENTS, self._tap, words)
        except OSError as error:
            self.said.append(say("stream_failed", self.language, why=error.strerror))

    def _write_log(self, before: int) -> None:
        acts, log = self._acted.take(before), self._log
        if log is None:
            return
        for act in acts:
            at = (act.sample - self._begin_sample) / self._engine.rate
            if act.changes:
                self._note_change(log, at, act)
            else:
                log.add(at, act.gesture, act.layer.table, self._track_of(act))
        try:
            log.write()
        except OSError as error:
            self.said.append(say("log_failed", self.language, why=error.strerror))
            self._log = None
            with contextlib.suppress(OSError):
                log.close()

    def _note_change(self, log: TakeLog, at: float, act: ActedGesture) -> None:
        layer, value = act.layer, act.gesture.value
        self.coming(layer)
        self._keep_patch(layer)
        coming = self._coming[id(layer)]
        cue = cue_of(layer, layer.patch_seed, coming, fresh=value > AS_IT_WAS)
        log.change(at, cue, waits=value == WAITS)
        assert self._opening is not None
        if coming.usage and layer.patch.name not in self._opening.usage:
            self._opening.usage[layer.patch.name] = coming.usage
            self._state_stale = True

    def _keep_patch(self, layer: Layer) -> None:
        try:
            if self._cover is not None:
                self._cover.keep(layer.patch)
        except OSError as error:
            self.said.append(say("manifest_failed", self.language, why=error.strerror or error))

    def _track_of(self, act: ActedGesture) -> str:
        """The name under which the opening keeps the accident that was called; empty when it has no room for it."""
        if act.track is None:
            return ""
        assert self._opening is not None
        kept, mix = self._opening.accidents, act.layer.control.mix
        name = hashlib.sha256(act.track.tobytes()).hexdigest()[:24]
        if name not in kept:
            if len(kept) >= TRACKS_MAX:
                return ""
            kept[name] = Accident(name, act.layer.seed, 0, mix.tick_hz, mix.names, act.track)
            self._state_stale = True
        return name

    def _write_state(self) -> None:
        if not self._state_stale:
            return
        self._state_stale = False
        assert self._opening is not None
        try:
            write_whole(self.folder / OPENING, self._opening.to_bytes())
        except OSError as error:
            self.said.append(say("state_failed", self.language, why=error.strerror))

    def _write_stream(self, rows: int) -> None:
        if self._told is not None and self._tap is not None and self._tap.waits is None:
            layer, self._told = self._told, None
            assert self._opening is not None
            assert self._opening.told is not None
            self._open_stream(layer, self._opening.told)
            seconds = f"{self._told_after / self._engine.rate:.1f}"
            self.said.append(say("stream_late", self.language, path=self.folder / LATENTS, seconds=seconds))
        rows -= self._told_after // QUANTUM
        stream = self._stream
        if stream is None or rows < 0:
            return
        broken, stream.most = stream.tap.broken, rows
        try:
            stream.write()
        except OSError as error:
            self.said.append(say("stream_failed", self.language, why=error.strerror))
            self._close_stream()
            return
        if broken and not stream.tap.rows:
            self.said.append(say("stream_ended", self.language, path=stream.path))
            self._close_stream()

    def _finish(self) -> None:
        """The last line, and everything closed."""
        if self._engine.acted is self._acted:
            self._engine.acted = None
        if self._player.tap is self._tap:
            self._player.tap = None
        self.input = self._tap is not None and self._tap.input
        log, self._log = self._log, None
        if log is not None:
            samples = self._passed
            log.end(End(samples / self._engine.rate, samples, self.input, self._acted.missed))
            try:
                log.close()
            except OSError as error:
                self.said.append(say("log_failed", self.language, why=error.strerror))
        self._close_stream()
        if self._tap is not None and self._tap.waits is not None:
            self.said.append(say("stream_none", self.language))
        if self.input:
            self.said.append(say("input_not_in_take", self.language))
        if self._acted.missed:
            self.said.append(say("gestures_missed", self.language, count=self._acted.missed))

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
