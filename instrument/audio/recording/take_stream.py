"""Take stream: latents.z of one take - what the model was told, block by block. For take_files.

A row has room for one model alone, so it is of the first patch that is alone on stage, from then on until another
comes: what two that fade were told would not be what was heard. Nor is there one of a patch of many voices: what they
are told does not say when each of them begins.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from instrument.audio.recording.layer_start import Coming
from instrument.base.text import say
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.storage.opening import Opening, Standing
from instrument.storage.stream import StreamLog, StreamTap


class TakeStream:
    """Of one take. Made by the callback between two blocks, as the take begins; the rest is for the thread that writes.

    ``tap``: what the callback pushes into. ``late``: the opening has got the layer the stream is of since it was
    written; whoever has written it anew takes that back.
    """

    def __init__(self, engine: Engine, opening: Opening, coming: Mapping[int, Coming]) -> None:
        """``coming``: each layer as it was before it came on stage, by its identity."""
        self._engine, self._opening, self._coming = engine, opening, coming
        self._begin_sample = engine.sample
        self._layer: Layer | None = engine.layer
        self._after = 0
        self._log: StreamLog | None = None
        self.late = False
        self.tap = StreamTap(*engine.layer.z.shape)
        if engine.fading or engine.coming is not None or engine.layer.chorus is not None:
            self._layer, self.tap.waits = None, self._begins

    @property
    def none_came(self) -> bool:
        """Whether no patch has been alone on stage so far."""
        return self.tap.waits is not None

    # --- the callback

    def _begins(self) -> bool:
        """After a block: whether one patch is alone on stage now, and the stream begins with it."""
        engine = self._engine
        if engine.fading or engine.coming is not None or engine.layer.chorus is not None:
            return False
        layer, now = engine.layer, Standing.of(engine.layer, engine)
        if (coming := self._coming.get(id(layer))) is not None:  # the wear that is heard is that of the beginning
            now = replace(now, usage=coming.usage)
        self.tap.shape = layer.z.shape
        self._after = engine.sample - self._begin_sample
        self._opening.told, self._layer = now, layer
        self.late = True
        return True

    # --- the writer

    def write(self, path: Path, passed: int, language: str, said: deque[str]) -> None:
        """What belongs to the samples of the take that are on disk. ``said``: where sentences for the player go."""
        if self._layer is not None and self.tap.waits is None:
            layer, self._layer = self._layer, None
            self._open(path, layer, language, said)
        rows = (passed - self._after) // QUANTUM
        log = self._log
        if log is None or rows < 0:
            return
        broken, log.most = log.tap.broken, rows
        try:
            log.write()
        except OSError as error:
            said.append(say("stream_failed", language, why=error.strerror))
            self.close()
            return
        if broken and not log.tap.rows:
            said.append(say("stream_ended", language, path=log.path))
            self.close()

    def _open(self, path: Path, layer: Layer, language: str, said: deque[str]) -> None:
        standing = self._opening.told or self._opening.on
        words: dict[str, object] = {
            "patch": layer.patch.name,
            "seed": standing.snapshot.seed,
            "model": layer.voice.card.sha256 or layer.voice.card.name,
        }
        try:
            self._log = StreamLog(path, self.tap, words)
        except OSError as error:
            said.append(say("stream_failed", language, why=error.strerror))
        if self._after:
            seconds = f"{self._after / self._engine.rate:.1f}"
            said.append(say("stream_late", language, path=path, seconds=seconds))

    def close(self) -> None:
        """No more of it. Twice does no harm."""
        log, self._log = self._log, None
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()
