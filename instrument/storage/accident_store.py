"""Accident store: what a show leaves behind - scenes in the patch's file, accidents that were kept, worn models.

Belongs to the process' main thread, which only notes what is to be written; threads write it, as often as a disk should
bear. Nothing that is kept takes the place of another: an accident under a name that was taken has that name from now
on, and the one before lies beside it under a number.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path

from instrument.base.aside import set_aside
from instrument.base.errors import RosinError
from instrument.base.paths import accident_folder, file_name
from instrument.base.rate import Allowance, ThrottledSentences
from instrument.base.text import say
from instrument.base.writing import write_whole
from instrument.chance.accident import Accident
from instrument.chance.words import stream_id
from instrument.documents.patch import Patch
from instrument.documents.scene_file import SHIPPED, keep_scene
from instrument.engine.layer import Layer
from instrument.ipc import Link
from instrument.storage.bank import Bank

SAVE_SECONDS = 60.0
CLOSE_SECONDS = 2.0
"""How long the end waits for a disk."""
ACCIDENTS_MOST = 128
"""Kept with one patch: its folder, and the memory that has them ready, hold no more."""
KEEPS_AT_ONCE, KEEP_SECONDS = 4, 2.0
"""Accidents kept as fast as they are asked for; then one every so often."""
SCENE_SECONDS = 1.0
"""A slot is written no more often; the newest state of it always is."""


class AccidentStore:
    """Keeps them for one sound process."""

    def __init__(self, bank: Bank, link: Link, language: str) -> None:
        self._bank, self._wear_store, self._language = bank, bank.wear_store, language
        self._row, self._names = link.health.row("sound"), link.names
        self._save_at = time.monotonic() + SAVE_SECONDS
        self._saving: threading.Thread | None = None
        self._said: deque[str] = deque()
        self._seen: dict[int, tuple[Layer, list[int]]] = {}
        self._scenes: OrderedDict[tuple[str, int], tuple[Patch, dict[str, float]]] = OrderedDict()
        self._scribe: threading.Thread | None = None
        self._scribe_at = 0.0
        self._accidents: deque[tuple[Accident, Path]] = deque()
        self._keeper: threading.Thread | None = None
        self._keeps = Allowance(KEEPS_AT_ONCE, KEEP_SECONDS)
        self._often = ThrottledSentences()

    # --- accidents

    def keep_accident(self, layer: Layer, key: int, seconds: float, now: float | None = None) -> None:
        """What chance just did, at hand from now on and soon in a file of the patch's folder. ``key``: of its name."""
        now = time.monotonic() if now is None else now
        if not self._keeps.take(now):
            if self._often.may("accident_often", now):
                wait = f"{KEEP_SECONDS:g}"
                self._row.say(say("accident_often", self._language, seconds=wait))
            return
        folder = accident_folder(layer.patch.name)
        name = self._names.find(key) or self._free_name(layer)
        if name not in layer.accidents and len(layer.accidents) >= ACCIDENTS_MOST:
            if self._often.may("accident_many", now):
                self._row.say(say("accident_many", self._language, count=ACCIDENTS_MOST, path=folder))
            return
        accident = layer.control.mix.keep(seconds, name)
        layer.learn(accident)
        self._accidents.append((accident, folder))
        self._write_soon()

    @staticmethod
    def _free_name(layer: Layer) -> str:
        stem = time.strftime("accident-%Y%m%d-%H%M%S")
        number, name = 1, stem
        while name in layer.accidents:
            number += 1
            name = f"{stem}-{number}"
        return name

    def _write_soon(self) -> None:
        if self._accidents and (self._keeper is None or not self._keeper.is_alive()):
            self._keeper = threading.Thread(target=self._write_accidents, name="keeper", daemon=True)
            self._keeper.start()

    def _write_accidents(self) -> None:
        while self._accidents:
            accident, folder = self._accidents[0]
            try:
                if folder.is_dir() and sum(1 for _ in folder.glob("*.npz")) >= ACCIDENTS_MOST:
                    said = say("accident_many", self._language, count=ACCIDENTS_MOST, path=folder)
                    self._said.append(said)
                    self._accidents.popleft()
                    continue
                path = keep_file(folder, accident)
            except OSError as error:
                why = error.strerror or error
                self._said.append(say("accident_failed", self._language, name=accident.name, why=why))
            else:
                seconds = f"{accident.seconds:.1f} s"
                said = say("accident_kept", self._language, name=accident.name, seconds=seconds, path=path)
                self._said.append(said)
            self._accidents.popleft()

    # --- looks

    def look(self, now: float) -> None:
        """Once a minute what was worn is written down, by a thread: a disk may take its time."""
        while self._said:
            self._row.say(self._said.popleft())
        if now >= self._save_at:
            self._save_at = now + SAVE_SECONDS
            if self._saving is None or not self._saving.is_alive():
                self._saving = threading.Thread(target=self._save, name="wear", daemon=True)
                self._saving.start()
        self._write_soon()
        self._look_at_scenes(now)

    # --- scenes

    def _look_at_scenes(self, now: float) -> None:
        """What the player has kept since the last look is written down, by a thread: a disk may take its time."""
        for layer in self._bank.layers:
            known = self._seen.get(layer.index)
            if known is None or known[0] is not layer:
                known = self._seen[layer.index] = layer, [0] * len(layer.scenes.kept)
            for slot, times in enumerate(layer.scenes.kept):
                if times != known[1][slot]:
                    known[1][slot] = times
                    self._scenes[layer.patch.path, slot] = layer.patch, layer.scenes.knobs(slot)
        busy = self._scribe is not None and self._scribe.is_alive()
        if self._scenes and not busy and now >= self._scribe_at:
            self._scribe_at = now + SCENE_SECONDS
            self._scribe = threading.Thread(target=self._write_scenes, name="scenes", daemon=True)
            self._scribe.start()

    def _write_scenes(self) -> None:
        for _ in range(len(self._scenes)):  # those that come meanwhile are the next one's
            (_, slot), (patch, knobs) = self._scenes.popitem(last=False)
            scene, language = slot + 1, self._language
            try:
                path, why = keep_scene(patch, slot, knobs)
            except RosinError as error:
                self._said.append(say("scene.failed", language, scene=scene, why=error))
            else:
                if not why:
                    self._said.append(say("scene.kept", language, scene=scene, path=path))
                elif why == SHIPPED:
                    self._said.append(say("scene.shipped", language, scene=scene, patch=patch.name, path=path))
                else:
                    self._said.append(say("scene.elsewhere", language, scene=scene, path=path, why=why))

    # --- wear

    def _save(self) -> None:
        if said := self._wear_store.save():
            self._said.append(said)

    def close(self) -> None:
        """Write it now."""
        if self._scribe is not None:
            self._scribe.join(timeout=CLOSE_SECONDS)
        self._look_at_scenes(float("inf"))
        self._write_soon()
        for thread in (self._scribe, self._keeper):
            if thread is not None:
                thread.join(timeout=CLOSE_SECONDS)
        while self._said:
            self._row.say(self._said.popleft())
        if self._saving is not None:
            self._saving.join(timeout=CLOSE_SECONDS)
        if said := self._wear_store.save():
            self._row.say(said)


def keep_file(folder: Path, accident: Accident) -> Path:
    """Write an accident under its name; the file that had that name is moved to the next free number beside it, and one
    that cannot be read, which may be mended yet, where it is not looked at. OSError as files give it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _file_of(accident.name, folder)
    aside = _make_room(path)
    try:
        write_whole(path, accident.to_bytes())
    except OSError:
        if aside is not None:
            aside.rename(path)
        raise
    return path


def _make_room(path: Path) -> Path | None:
    """Where the file is now that had this name; None where there was none."""
    if not os.path.lexists(path):
        return None
    try:
        Accident.read(path)
    except RosinError:
        return set_aside(path, ".npz.aside")  # another ending: it is not looked at, nor told of, with every start
    number = 2
    while os.path.lexists(aside := path.with_name(f"{path.stem}-{number}.npz")):
        number += 1
    path.rename(aside)
    return aside


def _file_of(name: str, folder: Path) -> Path:
    """The file of an accident: "a?" and "a!" are two, and would be one by their file names."""
    path = folder / f"{file_name(name)}.npz"
    try:
        taken = path.is_file() and Accident.read(path).name != name
    except RosinError:  # damaged: it is set aside
        taken = False
    return folder / f"{file_name(name)}-{stream_id(name):016x}.npz" if taken else path
