"""Errands: what the engine asked for and may not do itself - another patch, a recording, an accident to be kept.

Belongs to the process' main thread, which has to beat 50 times a second whatever comes in: what is slow is done by
threads, what comes too often is done as often as it makes sense. Of patches and recordings the newest wish counts, so
nobody who asks once and waits is ever passed over.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from instrument.audio.recording.take_recording import TakeRecording
from instrument.base.errors import RosinError
from instrument.base.rate import Allowance, ThrottledSentences
from instrument.base.text import say
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.ipc import Kind
from instrument.ipc.health import Row
from instrument.storage.accident_store import AccidentStore
from instrument.storage.bank import Bank

PATCHES_AT_ONCE, PATCH_SECONDS = 8, 0.1
"""Changes of patch as fast as they are asked for; then ten a second, the newest first."""
RETRY_SECONDS = 3.0
"""A patch that could not be loaded is not tried again before."""


class Errands:
    """Of one engine. ``look`` as often as one likes; it never waits."""

    def __init__(
        self,
        engine: Engine,
        bank: Bank,
        recording: TakeRecording,
        accident_store: AccidentStore,
        row: Row,
        language: str,
    ) -> None:
        self.engine, self.bank, self.row, self.language = engine, bank, row, language
        self._recording, self._accident_store = recording, accident_store
        self._said: deque[str] = deque()
        self._often = ThrottledSentences()
        self._unheard: set[tuple[str, int]] = set()
        self._patch: int | None = None
        self._patches = Allowance(PATCHES_AT_ONCE, PATCH_SECONDS)
        self._loader: threading.Thread | None = None
        self._failed: dict[int, float] = {}
        self._excerpts: threading.Thread | None = None
        self._excerpts_tried: set[int] = set()

    def look(self, now: float) -> None:
        """Everything that was asked since the last look."""
        engine = self.engine
        for _ in range(len(engine.requests)):
            kind, number, value = engine.requests.popleft()
            ANSWERS[kind](self, number, value, now)
        self._look_at_patch(now)
        while self._said:
            self.row.say(self._said.popleft())

    def _complain(self, key: str, now: float, **values: object) -> None:
        if self._often.may(key, now):
            self.row.say(say(key, self.language, **values))

    # --- patches

    def _record(self, number: int, value: float, now: float) -> None:
        self._recording.ask(bool(number))

    def _keep(self, number: int, value: float, now: float) -> None:
        self._accident_store.keep_accident(self.engine.layer, number, value, now)

    def _want_patch(self, number: int, value: float, now: float) -> None:
        """Another patch is wanted; the newest wish counts."""
        if self._patch is not None and self._patch != number and self._patches.wait_s(now) > 0.0:
            self._complain("patch_often", now)
        self._patch = number

    def _look_at_patch(self, now: float) -> None:
        index = self._patch
        if index is None or (self._loader is not None and self._loader.is_alive()):
            return
        layer = self.bank.opened(index)
        if layer is None:
            self._load(index, now)
        elif self._patches.take(now):
            self._patch = None
            self._change(layer, now)

    def _load(self, index: int, now: float) -> None:
        """Open a layer beside the sound; when it is there, a later look hands it in."""
        if now - self._failed.get(index, -RETRY_SECONDS) < RETRY_SECONDS:
            self._patch = None
            return

        def load() -> None:
            try:
                self.bank.layer(index)
            except RosinError as error:
                self._failed[index] = now
                self._patch = None if self._patch == index else self._patch
                name = self.bank.paths[index].stem if index < len(self.bank) else str(index + 1)
                why = " ".join(str(error).splitlines())
                self._said.append(say("patch_failed", self.language, name=name, why=why))

        if len(self._failed) > 1024:
            self._failed.clear()
        self._loader = threading.Thread(target=load, name="loader", daemon=True)
        self._loader.start()

    def _change(self, layer: Layer, now: float) -> None:
        """Hand the engine another layer."""
        engine = self.engine
        for sentence in self.bank.untold(layer.index):
            self.row.say(sentence)
        if layer.voice.sample_rate != engine.rate:
            rate, here = layer.voice.sample_rate, engine.rate
            self._complain("patch_rate", now, name=layer.patch.name, rate=rate, here=here)
            return
        if not engine.on_stage(layer):
            layer.recall()
        self._recording.coming(layer)
        self.row.set_text("where", layer.voice.where)
        engine.change(layer)
        self.bank.trim(engine.on_stage)
        place = layer.place
        lacks = place is not None and place.has_excerpts and place.excerpts is None
        if lacks and id(layer) not in self._excerpts_tried:
            self._excerpts_tried.add(id(layer))
            self.load_excerpts()

    # --- neighbours and scenes

    def load_excerpts(self) -> None:
        """What can be heard of the neighbours, decoded by a thread while the music plays."""
        if self._excerpts is not None and self._excerpts.is_alive():
            return

        def load() -> None:
            self._said.extend(self.bank.load_excerpts())

        self._excerpts = threading.Thread(target=load, name="excerpts", daemon=True)
        self._excerpts.start()

    def _say_no_scene(self, slot: int, value: float, now: float) -> None:
        layer = self.engine.layer
        if self._often.may(f"scene {layer.index} {slot}", now):
            self.row.say(say("scene.none", self.language, scene=slot + 1, patch=layer.patch.name))

    def _say_no_moment(self, slot: int, value: float, now: float) -> None:
        layer = self.engine.layer
        if self._often.may(f"moment {layer.index} {slot}", now):
            self.row.say(say("snapshot.none", self.language, slot=slot, patch=layer.patch.name))

    def _say_unheard(self, sound: int, kept: float, now: float) -> None:
        """Why a neighbour that was asked for is not heard; once. ``kept``: the model has excerpts, but not of this."""
        layer = self.engine.layer
        place = layer.place
        key = (layer.voice.card.name, sound if kept else -1)
        if key in self._unheard:
            return
        if not kept and place is not None and place.has_excerpts:
            self._complain("neighbour.soon", now)
            return
        self._unheard.add(key)
        sounds = layer.voice.lineage.sounds if layer.voice.lineage is not None else ()
        if kept and 0 <= sound < len(sounds):
            found = sounds[sound]
            self.row.say(say("neighbour.kept", self.language, title=found.title, licence=found.licence))
        else:
            self.row.say(say("neighbour.none", self.language, model=layer.voice.card.name))


ANSWERS: dict[int, Callable[[Errands, int, float, float], None]] = {
    Kind.PATCH: Errands._want_patch,
    Kind.RECORD: Errands._record,
    Kind.KEEP: Errands._keep,
    Kind.SCENE: Errands._say_no_scene,
    Kind.RESTORE: Errands._say_no_moment,
    Kind.HEAR: Errands._say_unheard,
}
"""What is done about each kind that the engine leaves to its owner: number, value, now."""
