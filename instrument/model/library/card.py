"""Card: what a model says of itself, and how it is kept on disk. Read by everything that loads or shows a model.

A model is a folder: card.toml, credits.toml, decode.onnx and perhaps encode.onnx. The card lists the sha256 of
every other file, so that the sha256 of card.toml names the whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import NotPlain, open_plain
from instrument.base.toml import toml_from
from instrument.base.validation import short
from instrument.base.writing import write_whole
from instrument.knobs import Label, LatentSpec
from instrument.model.library.card_entries import Entries
from instrument.model.library.card_latents import Latent, latents_from
from instrument.model.library.lineage import Ancestor, ancestor_rows, ancestors_from
from instrument.model.library.listed import AGAIN, sha256_of

FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
CARD = "card.toml"
CREDITS = "credits.toml"
DECODE = "decode.onnx"
ENCODE = "encode.onnx"
VOICES = 8
DECODE_VOICES = f"decode.voices{VOICES}.onnx"
"""The decoder for eight rows at once. It has no layers to bend and none that wear."""
TEXT_MOST = 8 << 20
"""A card, or the credits of some 20 000 sounds."""
KEPT = 8
"""Models whose card and credits are not read twice by one process: as many as a show is likely to have."""


@dataclass(frozen=True, slots=True)
class Card:
    """A model's own description. Sizes in samples, ``params`` and ``training`` free tables of numbers and words.

    ``correlation``: of the latents over the training sounds, L rows of L numbers; empty where nobody measured it.
    ``derived_from``: sha256 of what it was made from, nearest first; an ``Ancestor`` knows its name as well.
    """

    name: str
    title: Label
    authors: tuple[str, ...]
    licence: str
    family: str
    sample_rate: int
    ratio: int
    channels: int
    latents: tuple[Latent, ...]
    delay_samples: int = 0
    about: Label = field(default_factory=lambda: Label("", ""))
    params: Mapping[str, int] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    derived_from: tuple[str, ...] = ()
    correlation: tuple[tuple[float, ...], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def specs(self) -> tuple[LatentSpec, ...]:
        return tuple(latent.spec for latent in self.latents)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def card_table(card: Card, with_files: bool = True) -> dict[str, Any]:
    """The card as plain tables, ready for TOML or JSON."""
    table = _plain(dataclasses.asdict(card))
    table = {"format": FORMAT, **table}
    table["derived_from"] = ancestor_rows(card.derived_from)
    del table["sha256"]
    if not with_files:
        del table["files"]
    return dict(table)


def write_card(card: Card, folder: Path) -> Card:
    """Write card.toml with the sha256 of every file beside it; returns the card as it now reads."""
    files = {p.name: sha256_of(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != CARD}
    table = card_table(dataclasses.replace(card, files=files))
    write_whole(folder / CARD, tomlkit.dumps(table).encode())
    return read_card(folder)


def read_card(folder: Path) -> Card:
    """Read and check card.toml (all mistakes at once). Does not touch the other files."""
    path = folder / CARD
    try:
        with open_plain(path, TEXT_MOST) as file:
            data = file.read(TEXT_MOST)
    except NotPlain as why:
        raise RosinError(f"{path}: {why.strerror}, so it is no card of a model; fetch the model again") from None
    except OSError:
        raise RosinError(
            f"{folder} holds no {CARD}, so it is no model; give a folder made by `rosin train` or `rosin import`"
        ) from None
    return _read_before(data, str(path))


@lru_cache(maxsize=KEPT)
def _read_before(data: bytes, where: str) -> Card:
    """The same bytes are the same card: opening one patch asks three times, at 9 ms each."""
    return card_from(toml_from(data, where, "card", AGAIN), where, hashlib.sha256(data).hexdigest())


def card_from(table: Mapping[str, Any], where: str, sha256: str = "") -> Card:
    """A Card out of plain tables; raises ValidationErrors naming every wrong entry."""
    if table.get("format") != FORMAT:
        raise ValidationErrors(
            where, [f"format: {table.get('format')!r} is not known to this Rosin (it reads {FORMAT}); update Rosin"]
        )
    read = Entries(table)
    latents = latents_from(read)
    card = Card(
        name=read.take("name", str, ""),
        title=read.label(table.get("title"), "title"),
        authors=read.texts("authors"),
        licence=read.take("licence", str, ""),
        family=read.take("family", str, ""),
        sample_rate=read.take("sample_rate", int, 0),
        ratio=read.take("ratio", int, 0),
        channels=read.take("channels", int, 0),
        latents=latents,
        delay_samples=read.take("delay_samples", int, 0),
        about=read.label(table.get("about", ""), "about"),
        params=read.take("params", Mapping, {}),
        training=read.take("training", Mapping, {}),
        derived_from=_lineage(read),
        correlation=_correlation(read, len(latents)),
        files={str(k): str(v) for k, v in read.take("files", Mapping, {}).items()},
        sha256=sha256,
    )
    if wrong := [*read.wrong, *_mistakes(card)]:
        raise ValidationErrors(where, wrong)
    return card


def _correlation(read: Entries, count: int) -> tuple[tuple[float, ...], ...]:
    rows = read.take("correlation", list, [])
    if rows and not _fits(rows, count):
        size = f"{count} by {count}"
        read.wrong.append(f"correlation: it is no table of {size} numbers from -1 to 1; train it again")
        return ()
    return tuple(tuple(float(c) for c in row) for row in rows)


def _lineage(read: Entries) -> tuple[Ancestor, ...]:
    try:
        return ancestors_from(read.table.get("derived_from", []))
    except ValueError as error:
        said = short(error.args[0])
        read.wrong.append(f"derived_from: {said} is no sha256, nor a name with one; fetch the model again")
        return ()


def _mistakes(card: Card) -> Iterator[str]:
    """What is wrong with a card whose entries are of the right kinds."""
    if not _NAME.fullmatch(card.name):
        yield f"name: {short(card.name)} is no plain name (letters, digits, - _ .); rename the model"
    for name, digest in card.files.items():
        if Path(name).name != name or not _SHA256.fullmatch(digest):
            yield f"files.{short(name)}: {short(digest)} is no sha256 of a file beside it; fetch it again"
    if not 0 <= card.delay_samples < 2**20:
        yield f"delay_samples: {card.delay_samples} is no delay; fetch the model again"
    if card.ratio < 1 or card.ratio > 2**16 or card.ratio & (card.ratio - 1):
        yield f"ratio: {card.ratio} is no power of two; only such models stream here"
    if not 8000 <= card.sample_rate <= 192000:
        yield f"sample_rate: {card.sample_rate} is no rate a sound card has; fetch the model again"
    if card.channels not in (1, 2):
        yield f"channels: {card.channels}; one or two are played"
    for part, count in card.params.items():
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**63:
            yield f"params.{short(part)}: {short(count)} is no number of parameters; fetch the model again"
    if _nests(card.training):
        yield "training: it nests too deep for a card; fetch the model again"


def _nests(value: Any, most: int = 16) -> bool:
    """Are there tables in tables in it beyond ``most``. Not by itself again: that is what deep ones would end."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for part in level
            for inner in (part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ())
        ]
    return bool(level)


def _fits(rows: list[Any], count: int) -> bool:
    """Is it a square table of correlations."""
    return len(rows) == count and all(
        isinstance(row, list)
        and len(row) == count
        and all(isinstance(c, (int, float)) and not isinstance(c, bool) and -1.0 <= c <= 1.0 for c in row)
        for row in rows
    )
