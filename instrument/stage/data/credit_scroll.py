"""Credit scroll: the credits of all that was played, as lines to be shown, and how near each author's sounds were.
Pure.

Neighbourhood in the model's space is counted, influence is not claimed. Before the view of the credits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instrument.base.text import say
from instrument.ipc import AUTHORS_MAX, Frame
from instrument.model.atlas.attribution import AUDIBLE
from instrument.model.library.credit_lines import energy_words, trained_words
from instrument.stage.data.figures import percent
from instrument.stage.data.model_info import ModelInfo
from instrument.stage.data.patch_labels import PatchLabels

LONGEST_S = 1.0
"""A longer time between two frames is a pause, not playing."""
Look = Literal["title", "line", "author", "small", "gap"]


@dataclass(frozen=True, slots=True)
class ScrollLine:
    """One line of the roll and how it looks; or ``parts``, which are set one after the other and not cut."""

    text: str
    look: Look = "line"
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class Near:
    """``see`` frames as they come: what was played, and for how long each author's sounds were near."""

    sheets: dict[str, ModelInfo] = field(default_factory=dict)
    seconds: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    _last: float = 0.0

    def see(self, frame: Frame, labels: PatchLabels) -> None:
        """The time since the last frame goes to the authors that are near now, if anything sounds."""
        model_info = labels.model_info
        passed, self._last = frame.time - self._last, frame.time
        if not model_info.title:
            return
        key = model_info.sha256 or model_info.title
        self.sheets.setdefault(key, model_info)
        if 0.0 < passed < LONGEST_S and frame.rms > AUDIBLE and frame.known >= 0.0:
            share = np.nan_to_num(frame.share.astype(np.float64), posinf=0.0, neginf=0.0)
            self.seconds[key] = self.seconds.get(key, np.zeros(AUTHORS_MAX)) + passed * np.clip(share, 0.0, 1.0)

    def shares(self, key: str) -> list[float]:
        """By author, 0..1, in the order of the credits; empty while nothing has sounded."""
        seconds = self.seconds.get(key)
        total = 0.0 if seconds is None else float(seconds.sum())
        return [] if seconds is None or total <= 0.0 else (seconds / total).tolist()


def roll_lines(near: Near, language: str) -> list[ScrollLine]:
    """The whole roll: each model that was played, its authors with share and licence, every sound, who trained it."""
    lines: list[ScrollLine] = []
    for key, model_info in near.sheets.items():
        lines += [*_model(model_info, near.shares(key), language), ScrollLine("", "gap")]
    return lines[:-1]


def _model(model_info: ModelInfo, shares: Sequence[float], language: str) -> list[ScrollLine]:
    lines = [
        ScrollLine(model_info.title, "title"),
        ScrollLine(" · ".join(filter(None, (model_info.authors, model_info.licence)))),
    ]
    if model_info.learned:
        lines.append(ScrollLine(model_info.learned, "small"))
    credits = model_info.credits
    if credits is None or not credits.sounds:
        return lines
    if shares:
        lines.append(ScrollLine(say("stage.credits.shares", language), "small"))
    for i, author in enumerate(credits.authors):
        # The last share has all further authors', and is nobody's own.
        known = i < len(shares) and (i < AUTHORS_MAX - 1 or len(credits.authors) <= AUTHORS_MAX)
        share = f"  {percent(shares[i], language)}" if known else ""
        own, licences = credits.sounds_of(author), credits.licences_of(author)
        lines += [ScrollLine("", "gap"), ScrollLine(f"{author} · {licences}{share}", "author")]
        lines.append(ScrollLine("", "small", tuple(_sound(sound.title, sound.licence, licences) for sound in own)))
    made = credits.made
    facts = (trained_words(made, language), made.machine, energy_words(made, language))
    lines += [ScrollLine("", "gap"), ScrollLine(" · ".join(filter(None, facts)), "small")]
    return lines


def _sound(title: str, licence: str, licences: str) -> str:
    """A sound by its title; its licence is said where the author's sounds have several."""
    return title if licence == licences else f"{title} ({licence})"
