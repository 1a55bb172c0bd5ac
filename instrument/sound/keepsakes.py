"""Keepsakes: what a show leaves in the player's own folder - accidents that were kept, and how worn the models are.

Belongs to the process' main thread, like the recordings in taping.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from instrument.chance.words import stream_id
from instrument.link import Link
from instrument.places import accident_folder, file_name, write_whole
from instrument.sound.bank import Bank
from instrument.sound.part import Part
from instrument.text import say

SAVE_SECONDS = 60.0


class Keepsakes:
    """Keeps them for one sound process."""

    def __init__(self, bank: Bank, link: Link, language: str) -> None:
        self._patina, self._language = bank.patina, language
        self._row, self._hands = link.health.row("sound"), link.health.row("hands")
        self._save_at = time.monotonic() + SAVE_SECONDS
        self._saving: threading.Thread | None = None
        self._said: deque[str] = deque()

    def keep_accident(self, part: Part, key: int, seconds: float) -> None:
        """What chance just did, into a file of the patch's folder, and at hand from now on.

        The name does not fit a gesture: it stands in the health row of the hands, and ``key`` says whether it is still
        that one.
        """
        name = self._hands.text("state")
        if stream_id(name) != key:
            name = time.strftime("accident-%H%M%S")
        accident = part.control.mix.keep(seconds, name)
        path = accident_folder(part.patch.name) / f"{file_name(name)}.npz"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
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

    def _save(self) -> None:
        if said := self._patina.save():
            self._said.append(said)

    def close(self) -> None:
        """Write it now."""
        if self._saving is not None:
            self._saving.join(timeout=2.0)
        if said := self._patina.save():
            self._row.say(said)
