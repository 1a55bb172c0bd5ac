"""Attribution: whose sounds were near to what was heard, and for how long - the credits of a take.
After atlas, with credits.

A take's roll is text beside its sound: per model the seconds for which each author and each
recording was a neighbour of what sounded, the excerpts that were themselves heard, and all whom the model learned
from. Neighbourhood in the model's space is counted, influence is not claimed; the roll says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.base.printable import escaped
from instrument.base.text import say
from instrument.base.units import number_in
from instrument.base.writing import write_whole
from instrument.model.library.card import Card
from instrument.model.library.credit_lines import credits_line, roll, sound_line
from instrument.model.library.credits import Credits

F64: TypeAlias = NDArray[np.float64]

SUFFIX = ".credits.txt"
AUDIBLE = 1e-3
"""RMS of a block, -60 dBFS: below it nobody's sound counts as near to what was heard."""
SHORTEST_S = 0.05
"""What was near for less is not listed by itself."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """One model in a take. ``near_s``, ``played_s`` f64[S]: seconds of each sound of the credits; empty: no atlas."""

    card: Card
    credits: Credits | None
    near_s: F64
    played_s: F64

    @property
    def by_author(self) -> tuple[tuple[str, float], ...]:
        """Seconds of each author that was near at all, the greatest first. Their sum is what sounded."""
        return authors_of(self.credits, self.near_s)


def authors_of(credits: Credits | None, near_s: F64) -> tuple[tuple[str, float], ...]:
    """Sum seconds per sound f64[S] to seconds per author, the greatest first."""
    found: dict[str, float] = {}
    if credits is not None:
        for sound, seconds in zip(credits.sounds, near_s.tolist(), strict=True):
            if seconds > 0.0:
                found[sound.author] = found.get(sound.author, 0.0) + seconds
    return tuple(sorted(found.items(), key=lambda row: (-row[1], row[0])))


def merged(parts: Iterable[Attribution]) -> tuple[Attribution, ...]:
    """Patches that share a model are one: their seconds are added."""
    found: dict[str, Attribution] = {}
    for part in parts:
        key = part.card.sha256 or part.card.name
        if (other := found.get(key)) is not None and other.near_s.shape == part.near_s.shape:
            part = Attribution(other.card, other.credits, other.near_s + part.near_s, other.played_s + part.played_s)
        found[key] = part
    return tuple(found.values())


def roll_of(title: str, heard: Sequence[Attribution], language: str = "en") -> str:
    """The roll of a take, as text that ends with a newline."""
    lines = [say("heard.title", language, title=title), say("heard.what", language), ""]
    for model in heard:
        lines += [*_model_lines(model, language), ""]
    return "\n".join(lines)


def write_roll(to: Path, title: str, heard: Sequence[Attribution], language: str = "en") -> Path:
    """Write the roll; returns its path. OSError when the disk refuses."""
    write_whole(to, escaped(roll_of(title, heard, language)).encode())  # it is read in a terminal
    return to


def roll_path(path: Path) -> Path:
    """Where the roll of a render lies: ``bow.wav`` to ``bow.credits.txt``."""
    return path.with_name(path.stem + SUFFIX)


def _model_lines(model: Attribution, language: str) -> list[str]:
    card, credits, near = model.card, model.credits, model.near_s
    by = ", ".join(card.authors) or say("heard.unnamed", language)
    title = card.title.of(language) or card.name
    lines = [say("heard.model", language, model=f"{title} ({card.name})", licence=card.licence, authors=by)]
    if credits is None or not credits.sounds or not len(near):
        return [*lines, say("heard.nobody", language, credits=credits_line(credits, language))]
    total = float(near.sum())
    if total < SHORTEST_S:
        lines.append(say("heard.silent", language))
    else:
        lines += ["", say("heard.authors", language)]
        lines += [_row(seconds, total, name, language) for name, seconds in model.by_author]
        lines += ["", say("heard.sounds", language)]
        order = np.argsort(-near, kind="stable").tolist()
        shown = [i for i in order if near[i] >= SHORTEST_S]
        for i in shown:
            lines.append(_row(float(near[i]), total, sound_line(credits.sounds[i]), language))
        rest = [i for i in order if 0.0 < near[i] < SHORTEST_S]
        if rest:
            seconds = _number(float(near[rest].sum()), language)
            lines.append("    " + say("heard.others", language, count=len(rest), seconds=seconds))
    if (model.played_s > 0.0).any():
        lines += ["", say("heard.excerpts", language)]
        for i in np.flatnonzero(model.played_s > 0.0).tolist():
            seconds = _number(float(model.played_s[i]), language)
            lines.append(f"    {seconds} s · {sound_line(credits.sounds[i])}")
    learned = (f"    {line}" if line else "" for line in roll(credits, language))
    return [*lines, "", say("heard.learned", language), *learned]


def _row(seconds: float, total: float, text: str, language: str) -> str:
    percent, length = _number(100.0 * seconds / total, language), _number(seconds, language)
    return f"    {percent:>5} %  {length:>7} s  {text}"


def _number(value: float, language: str) -> str:
    return number_in(language, f"{value:.1f}")
