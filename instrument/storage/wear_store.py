"""Wear store: the wear of a show's models, read when they are opened and written now and then. Beside the bank.

Several patches may play one model, each with a voice of its own: what any of them wears off is added up.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.model.runtime.voice import Voice
from instrument.model.runtime.wear import load_wear, save_wear, wear_path

F64 = NDArray[np.float64]


class WearStore:
    """Wear of all voices that were adopted. ``home``: the player's own folder. Not for the thread that plays."""

    def __init__(self, home: Path, language: str = "en") -> None:
        self._home, self._language = home, language
        self._total: dict[str, dict[str, F64]] = {}
        self._voices: list[tuple[str, Voice, dict[str, F64]]] = []
        self._worn: set[str] = set()
        self._lock = threading.Lock()
        self.wrong: list[str] = []

    def adopt(self, voice: Voice) -> None:
        """Give a voice the wear it has, and count what it gets."""
        ours, model = voice.usage(), voice.card.sha256
        if not ours or not model:
            return
        if model not in self._total:
            try:
                self._total[model], said = load_wear(wear_path(self._home, model), ours, self._language)
            except RosinError as error:
                self._total[model], said = {layer: np.zeros_like(s) for layer, s in ours.items()}, str(error)
            if said:
                self.wrong.append(said)
        voice.load_usage(self._total[model])
        with self._lock:
            self._voices.append((model, voice, voice.usage()))

    def refresh(self) -> None:
        """The wear that another process has written since; before anything is played, or it would be written over."""
        with self._lock:
            for model in self._total:
                ours = next((voice.usage() for name, voice, _ in self._voices if name == model), None)
                if ours is None:  # its patches were let go of
                    continue
                try:
                    self._total[model], _ = load_wear(wear_path(self._home, model), ours, self._language)
                except RosinError:  # it was told of when the voice was opened
                    continue
            for i, (model, voice, _) in enumerate(self._voices):
                voice.load_usage(self._total[model])
                self._voices[i] = (model, voice, voice.usage())

    def let_go(self, voice: Voice) -> None:
        """It plays no more: what it wore off is counted with the next save."""
        with self._lock:
            self._count()
            self._voices = [row for row in self._voices if row[1] is not voice]

    def _count(self) -> None:
        """What was played since the last time, to the totals."""
        for i, (model, voice, before) in enumerate(self._voices):
            now = voice.usage()
            for layer, seconds in now.items():
                more = seconds - before[layer]
                if (more > 0.0).any():
                    self._total[model][layer] = self._total[model][layer] + more
                    self._worn.add(model)
            self._voices[i] = (model, voice, now)

    def save(self) -> str:
        """Write what was played since; a sentence when it cannot be kept, else empty."""
        with self._lock:
            self._count()
            worn, self._worn = self._worn, set()
        for model in worn:
            try:
                save_wear(wear_path(self._home, model), self._total[model])
            except RosinError as error:
                return str(error)
        return ""
