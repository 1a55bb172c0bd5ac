"""What tests of takes share: the sound process without its device, driven block by block."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from instrument.audio.callback import Callback
from instrument.audio.errands import Errands
from instrument.audio.recording.take_recording import TakeRecording
from instrument.base.paths import shipped
from instrument.cli import main
from instrument.engine.engine import Engine
from instrument.ipc import Gesture, Link
from instrument.storage.accident_store import AccidentStore
from instrument.storage.bank import Bank

Script = dict[int, list[Gesture]]
"""Gestures by the block before which they come; the take begins before block 0."""


class House:
    """The sound process without its device: a bank, an engine, everything that is written. Driven block by block."""

    def __init__(self, link: Link, folder: Path, patches: Sequence[str | Path] = ("bow", "bronze", "hammer")) -> None:
        """``patches``: names of shipped ones, or paths."""
        paths = [shipped("patches") / f"{one}.toml" if isinstance(one, str) else one for one in patches]
        self.link, self.folder = link, folder
        self.bank = Bank(paths, provider="cpu")
        self.engine = Engine(self.bank.layer(0))
        self.player = Callback(self.engine, link, 128)
        self.row = link.health.row("sound")
        self.recording = TakeRecording(self.player, self.bank, self.row, folder, "en")
        self.accident_store = AccidentStore(self.bank, link, "en")
        self.errands = Errands(self.engine, self.bank, self.recording, self.accident_store, self.row, "en")
        self.hazard, self.dig = (self.engine.layer.table.index(id) for id in ("hazard", "friction.dig"))
        self.accident = 0
        self._out = np.zeros((2, 128), np.float32)
        for part in self.bank.layers:
            if part.place is not None:
                part.place.load_excerpts()

    def play(self, blocks: int, script: Script | None = None) -> None:
        for block in range(blocks):
            for gesture in (script or {}).get(block, ()):
                # a little into the block, each at another sample
                self.engine.post(gesture, self.engine.sample + 7 + 13 * (block % 8))
            self.player.callback(self._out, None, time.monotonic())
            asked = bool(self.engine.requests) or self.errands._patch is not None
            self.errands.look(time.monotonic())
            if asked:
                self._settle()
            if block % 32 == 0:
                time.sleep(0.001)

    def _settle(self) -> None:
        """A patch that is opened beside the sound is waited for here, so that tests are the same each time."""
        end = time.monotonic() + 20.0
        while self.errands._patch is not None and time.monotonic() < end:
            self.errands.look(time.monotonic())
            time.sleep(0.001)

    def record(self, blocks: int, script: Script) -> Path:
        """A take of so many blocks; returns its .jsonl."""
        self.recording.record(True)
        self.play(blocks, script)
        self.recording.record(False)
        assert self.recording.recorder.path is not None
        return self.recording.recorder.path.with_name("gestures.jsonl")

    @property
    def said(self) -> list[str]:
        return [notice.text for notice in self.row.notices()]


def samples(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="int32")[0]) >> 8


def rendered(take: Path, *more: str) -> np.ndarray:
    """What `rosin render` makes of a take, in the 24 bits of a recording."""
    out = take.with_name("render.wav")
    assert main(["render", str(take), "-o", str(out), *more]) == 0
    sound, rate = soundfile.read(out, dtype="float32")
    rounded = take.with_name("rounded.wav")
    soundfile.write(rounded, sound, rate, "PCM_24")
    return samples(rounded)
