"""Take files: what is written beside the sound of one take - gestures, opening, stream, credits. By a thread.

    gestures.jsonl   what acted, to the sample; its last line says how long the take is
    opening.state    the engine as it was at the beginning (opening.py)
    latents.z        what the model was told, block by block (take_stream.py)
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
from collections.abc import Iterator
from pathlib import Path

from instrument.audio.callback import Callback
from instrument.audio.recording.layer_start import Coming, cue_of
from instrument.audio.recording.recorder import Recorder
from instrument.audio.recording.take_cover import TakeCover
from instrument.audio.recording.take_stream import TakeStream
from instrument.base.text import say
from instrument.base.writing import write_whole
from instrument.chance.accident import Accident
from instrument.documents.take import End, TakeLog
from instrument.documents.take_folder import CREDITS, GESTURES, LATENTS, OPENING
from instrument.documents.take_writing import row_of
from instrument.engine.acted import AS_IT_WAS, WAITS, Acted, ActedGesture
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.model.atlas.attribution import Attribution, write_roll
from instrument.storage.opening import TRACKS_MAX, Opening

WRITE_SECONDS = 0.05
CLOSED_SECONDS = 60.0
"""A disk that has not taken the sound by then leaves the take unfinished: whole, and without hashes."""


class TakeFiles:
    """One take. ``begin`` is for the callback, ``run`` for a thread of its own; it ends when ``ended`` is set."""

    def __init__(
        self,
        player: Callback,
        recorder: Recorder,
        folder: Path,
        language: str,
        said: deque[str],
        hurry: threading.Event,
    ) -> None:
        """``recorder``: it has begun this take, in ``folder``. ``said``: where sentences for the player go. ``hurry``:
        set when nothing is to be heard any more."""
        self.folder, self.language, self._hurry = folder, language, hurry
        self._sounds, self._sound_closed = recorder.paths, recorder.closed
        self._cover: TakeCover | None = None
        self.heard: list[Attribution] = []
        self.said = said
        self.ended = threading.Event()
        self.written = threading.Event()
        """Everything is on disk, but the hashes of large files: the next take is in the way of nothing."""
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
        self._stream: TakeStream | None = None
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
        self._stream = TakeStream(engine, self._opening, self._coming)
        engine.acted, self._player.tap = self._acted, self._stream.tap
        self._recorder.go()
        self.begun = True

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
        with self._told("heard.failed"):
            write_roll(self.folder / CREDITS, self.folder.name, self.heard, self.language)
        self._close_cover()

    def _close_cover(self) -> None:
        """Last: the hashes are of files that nobody writes into any more. Those of large ones when it is said that all
        else is done: of an evening they take longer than the next take waits."""
        if self._cover is None or not self._sound_closed.wait(CLOSED_SECONDS):
            return
        with self._told("manifest_failed"):
            self._cover.end(self._passed / self._engine.rate, self._sounds)
            self.written.set()
            self._cover.add_large(self._hurry)

    @contextlib.contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """What a disk refuses is said, and costs that file alone."""
        try:
            yield
        except OSError as error:
            self.said.append(say(key, self.language, why=error.strerror or error))

    def _write(self) -> None:
        if not self.begun:
            return
        if self._first is not None:
            self._open()
        passed = self._passed
        self._write_log(self._begin_sample + passed)
        self._write_state()
        if self._stream is not None:
            self._stream.write(self.folder / LATENTS, passed, self.language, self.said)

    def _open(self) -> None:
        """The files, with what stood when it began."""
        assert self._first is not None
        assert self._opening is not None
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
        with self._told("manifest_failed"):
            cover.open()
            self._cover = cover
        for one in leaving:
            self._keep_patch(one)
        with self._told("log_failed"):
            self._log = TakeLog(self.folder / GESTURES, cue, layer.seed, layer.table, raw, head=head)
        self._state_stale = True

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
        if self._cover is not None:
            with self._told("manifest_failed"):
                self._cover.keep(layer.patch)

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
        stream = self._stream
        if not (self._state_stale or (stream is not None and stream.late)):
            return
        self._state_stale = False
        if stream is not None:
            stream.late = False
        assert self._opening is not None
        with self._told("state_failed"):
            write_whole(self.folder / OPENING, self._opening.to_bytes())

    def _finish(self) -> None:
        """The last line, and everything closed."""
        if self._engine.acted is self._acted:
            self._engine.acted = None
        stream = self._stream
        if stream is not None and self._player.tap is stream.tap:
            self._player.tap = None
        self.input = stream is not None and stream.tap.input
        log, self._log = self._log, None
        if log is not None:
            samples = self._passed
            log.end(End(samples / self._engine.rate, samples, self.input, self._acted.missed))
            with self._told("log_failed"):
                log.close()
        if stream is not None:
            stream.close()
            if stream.none_came:
                self.said.append(say("stream_none", self.language))
        if self.input:
            self.said.append(say("input_not_in_take", self.language))
        if self._acted.missed:
            self.said.append(say("gestures_missed", self.language, count=self._acted.missed))
