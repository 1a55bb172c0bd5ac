"""Credits: whose sounds a model learned from, and who trained it. Beside card; without it a model does not load.

``credits.toml`` names every sound (title, author, source, licence, consent, seconds, sha256) and the training (who,
when, how long, on what machine, energy). What is said of it stands in credit_lines.py.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base.errors import RosinError, ValidationErrors, first_alike
from instrument.base.reading import NotPlain, open_plain
from instrument.base.toml import toml_from
from instrument.base.validation import Field, Section, check
from instrument.base.writing import write_whole
from instrument.model.library import licences
from instrument.model.library.card import CREDITS, KEPT, TEXT_MOST, Card
from instrument.model.library.listed import AGAIN

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Sound:
    """One recording. ``consent``: how its author agreed, in words; ``source``: where it is; ``file``: its name."""

    title: str
    author: str
    source: str
    licence: str
    consent: str
    seconds: float
    sha256: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """Who trained the model, when (ISO date), for how long, on what, and what it cost.

    ``energy_measured`` is False for an estimate; ``energy_wh`` 0 with it says that nobody knows.
    """

    by: str
    date: str
    hours: float = 0.0
    machine: str = ""
    energy_wh: float = 0.0
    energy_measured: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Credits:
    """All of credits.toml. ``sounds`` is empty only for what never learned (the null voice)."""

    model: str
    made: Made
    sounds: tuple[Sound, ...] = field(default_factory=tuple)

    @property
    def seconds(self) -> float:
        return sum(sound.seconds for sound in self.sounds)

    @property
    def authors(self) -> tuple[str, ...]:
        """Everybody, who gave most seconds first."""
        return _by_weight([(sound.author, sound.seconds) for sound in self.sounds])

    @property
    def licences(self) -> tuple[str, ...]:
        return _by_weight([(sound.licence, sound.seconds) for sound in self.sounds])

    def sounds_of(self, author: str) -> tuple[Sound, ...]:
        """Those of one author, in their order."""
        return tuple(sound for sound in self.sounds if sound.author == author)

    def licences_of(self, author: str) -> str:
        """Under which licences an author's sounds are."""
        return ", ".join(sorted({sound.licence for sound in self.sounds_of(author)}))


def _by_weight(pairs: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    weight: Counter[str] = Counter()
    for name, seconds in pairs:
        weight[name] += seconds  # type: ignore[assignment]
    return tuple(sorted(weight, key=lambda name: (-weight[name], name)))


_SOUND = Section(
    {
        "title": Field("text", needed=True),
        "author": Field("text", needed=True),
        "source": Field("text", needed=True),
        "licence": Field("text", needed=True),
        "consent": Field("text", needed=True),
        "seconds": Field("number", needed=True, low=0.0, high=1e7),
        "sha256": Field("sha256", needed=True),
        "file": Field("text"),
    }
)

SHAPE = Section(
    {
        "format": Field("integer", needed=True, low=FORMAT, high=FORMAT),
        "model": Field("text", needed=True),
        "made": Section(
            {
                "by": Field("text", needed=True),
                "date": Field("text", needed=True),
                "hours": Field("number", low=0.0, high=1e6),
                "machine": Field("text"),
                "energy_wh": Field("number", low=0.0, high=1e12),
                "energy_measured": Field("boolean"),
                "note": Field("text"),
            },
            needed=True,
        ),
        "sounds": Field("tables", needed=True),
    }
)
"""What credits.toml holds."""

NULL_CREDITS = Credits("null", Made(by="", date=""))
"""Of the voice that learned from nobody."""


def credits_from(table: dict[str, Any], where: str) -> Credits:
    """Credits out of plain tables; raises ValidationErrors naming every wrong entry (the first twenty)."""
    wrong = check(SHAPE, table)
    rows = table.get("sounds")
    rows = rows if isinstance(rows, list) else []
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):  # said above
            continue
        wrong += check(_SOUND, row, f"sounds[{i}].")
        for key in ("title", "author", "consent"):
            if isinstance(row.get(key), str) and not row[key].strip():
                wrong.append(f"sounds[{i}].{key}: it is empty; write it, or leave the sound out of the training")
        if isinstance(row.get("licence"), str) and (said := licences.mistake(row["licence"])):
            wrong.append(f"sounds[{i}].licence: {said}")
    if not wrong and not rows:
        wrong.append("sounds: there are none; name every sound the model learned from")
    if wrong:
        raise ValidationErrors(where, first_alike(wrong))
    sounds = tuple(Sound(**{**row, "seconds": float(row["seconds"])}) for row in rows)
    made = dict(table["made"])
    for key in ("hours", "energy_wh"):
        made[key] = float(made.get(key, 0.0))
    return Credits(table["model"], Made(**made), sounds)


def read_credits(folder: Path) -> Credits:
    """Read and check credits.toml of a model folder."""
    path = folder / CREDITS
    try:
        with open_plain(path, TEXT_MOST) as file:
            data = file.read()
    except NotPlain as why:
        raise RosinError(f"{path}: {why.strerror}, so it credits nobody; fetch the model again") from None
    except OSError:
        raise RosinError(
            f"{folder} holds no {CREDITS}, so nobody knows whose sounds it learned from; "
            "ask its author for one, or open it with --allow-uncredited"
        ) from None
    return _read_before(data, str(path))


@lru_cache(maxsize=KEPT)
def _read_before(data: bytes, where: str) -> Credits:
    """The same bytes are the same credits: each patch asks twice, and TOML of a hundred sounds takes 20 ms."""
    return credits_from(toml_from(data, where, "credits file", AGAIN), where)


def write_credits(credits: Credits, folder: Path) -> Path:
    """Write credits.toml. Call it before write_card, which notes its sha256. RosinError when it would not be read."""
    table = {
        "format": FORMAT,
        "model": credits.model,
        "made": dataclasses.asdict(credits.made),
        "sounds": [dataclasses.asdict(sound) for sound in credits.sounds],
    }
    path = folder / CREDITS
    credits_from(table, str(path))
    write_whole(path, tomlkit.dumps(table).encode())
    return path


def gate(card: Card, folder: Path, allow_uncredited: bool = False) -> Credits | None:
    """The credits of a model that may play, None for one that plays uncredited because the player said so.

    Credits that are there but wrong, or that the card does not vouch for, are refused in any case.
    """
    if not (folder / CREDITS).exists() and CREDITS not in card.files and allow_uncredited:
        return None
    credits = read_credits(folder)
    if CREDITS not in card.files:
        raise RosinError(
            f"{folder / CREDITS} was added after the card was written; {AGAIN}, "
            f"or, if you are its author, run: rosin models seal {folder}"
        )
    return credits
