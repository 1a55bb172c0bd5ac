"""Keepsakes: what a show leaves behind - scenes in the patch's file, accidents that were kept, how worn the models are.

Belongs to the process' main thread, like the recordings in taping.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path

from instrument.base.aside import set_aside
from instrument.chance.accident import Accident
from instrument.chance.words import stream_id
from instrument.errors import RosinError
from instrument.link import Link
from instrument.patch import Patch
from instrument.places import accident_folder, file_name, write_whole
from instrument.scenes import SHIPPED, keep_scene
from instrument.sound.bank import Bank
from instrument.sound.part import Part
from instrument.text import say

SAVE_SECONDS = 60.0
CLOSE_SECONDS = 2.0
"""How long the end waits for a disk."""


class Keepsakes:
    """Keeps them for one sound process."""

    def __init__(self, bank: Bank, link: Link, language: str) -> None:
        self._bank, self._patina, self._language = bank, bank.patina, language
        self._row, self._hands = link.health.row("sound"), link.health.row("hands")
        self._save_at = time.monotonic() + SAVE_SECONDS
        self._saving: threading.Thread | None = None
        self._said: deque[str] = deque()
        self._kept: dict[int, list[int]] = {}
        self._scenes: deque[tuple[Patch, int, dict[str, float]]] = deque()
        self._scribe: threading.Thread | None = None

    def keep_accident(self, part: Part, key: int, seconds: float) -> None:
        """What chance just did, into a file of the patch's folder, and at hand from now on.

        The name does not fit a gesture: it stands in the health row of the hands, and ``key`` says whether it is still
        that one.
        """
        name = self._hands.text("state")
        if stream_id(name) != key:
            name = time.strftime("accident-%H%M%S")
        accident = part.control.mix.keep(seconds, name)
        path = _file_of(name, accident_folder(part.patch.name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_room(path)
            write_whole(path, accident.to_bytes())
        except OSError as error:
            self._row.say(say("accident_failed", self._language, name=name, why=error.strerror or error))
            return
        part.learn(accident)
        said = say("accident_kept", self._language, name=name, seconds=f"{accident.seconds:.1f} s", path=path)
        self._row.say(said)

    def look(self, now: float) -> None:
        """Once a minute what was worn is written down, by a thread: a disk may take its time."""
        while self._said:
            self._row.say(self._said.popleft())
        if now >= self._save_at:
            self._save_at = now + SAVE_SECONDS
            if self._saving is None or not self._saving.is_alive():
                self._saving = threading.Thread(target=self._save, name="wear", daemon=True)
                self._saving.start()

        self._look_at_scenes()

    def _look_at_scenes(self) -> None:
        """What the player has kept since the last look is written down, by a thread: a disk may take its time."""
        for part in self._bank.parts:
            seen = self._kept.setdefault(part.index, [0] * len(part.scenes.kept))
            for slot, times in enumerate(part.scenes.kept):
                if times != seen[slot]:
                    seen[slot] = times
                    self._scenes.append((part.patch, slot, part.scenes.knobs(slot)))
        if self._scenes and (self._scribe is None or not self._scribe.is_alive()):
            self._scribe = threading.Thread(target=self._write_scenes, name="scenes", daemon=True)
            self._scribe.start()

    def _write_scenes(self) -> None:
        while self._scenes:
            patch, slot, knobs = self._scenes.popleft()
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

    def _save(self) -> None:
        if said := self._patina.save():
            self._said.append(said)

    def close(self) -> None:
        """Write it now."""
        self._look_at_scenes()
        if self._scribe is not None:
            self._scribe.join(timeout=CLOSE_SECONDS)
        while self._said:
            self._row.say(self._said.popleft())
        if self._saving is not None:
            self._saving.join(timeout=CLOSE_SECONDS)
        if said := self._patina.save():
            self._row.say(said)


def _make_room(path: Path) -> None:
    """A kept accident gives way to another of its name; what cannot be read may be mended yet, and is set aside."""
    if os.path.lexists(path):
        try:
            Accident.read(path)
        except RosinError:
            set_aside(path, ".npz.aside")  # another ending: it is not looked at, nor told of, with every start


def _file_of(name: str, folder: Path) -> Path:
    """The file of an accident: "a?" and "a!" are two, and would be one by their file names."""
    path = folder / f"{file_name(name)}.npz"
    try:
        taken = path.is_file() and Accident.read(path).name != name
    except RosinError:  # damaged: it is set aside
        taken = False
    return folder / f"{file_name(name)}-{stream_id(name):016x}.npz" if taken else path
