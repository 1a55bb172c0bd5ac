"""Sealing: whether a model's files are those its card was written for; and the card written for them as they are now.

The card holds the hash of every other file, and the hash of the card is the model's identity. So a name mended in the
credits is another model from then on: that is its author's to do, never a player's, and it is said in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomlkit

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import NotPlain, read_text
from instrument.base.writing import write_whole
from instrument.model.atlas.chart import ATLAS
from instrument.model.atlas.excerpts import EXCERPTS
from instrument.model.library.card import CARD, CREDITS, DECODE, DECODE_VOICES, ENCODE, TEXT_MOST, Card, read_card
from instrument.model.library.credits import read_credits
from instrument.model.library.listed import AGAIN, sha256_of, unlike
from instrument.model.report.reference import REFERENCE

OURS = (CREDITS, DECODE, DECODE_VOICES, ENCODE, ATLAS, EXCERPTS, REFERENCE)
"""Files that belong to a model when they lie in its folder, whether its card names them or not."""
SEAL = "or, if you are its author and changed it, run: rosin models seal"


@dataclass(frozen=True, slots=True)
class Sealed:
    """``before`` and ``after``: sha256 of the card. Files by name: with other content, new, no longer there."""

    before: str
    after: str
    changed: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]


def check_files(card: Card, folder: Path) -> None:
    """RosinError, or ValidationErrors, unless every file that the card names is there and is that very one."""
    wrong = _wrong_files(card, folder)
    if len(wrong) == 1:
        raise RosinError(wrong[0])
    if wrong:
        raise ValidationErrors(str(folder), wrong)


def _wrong_files(card: Card, folder: Path) -> list[str]:
    wrong = []
    if DECODE not in card.files:
        wrong.append(f"the card of {card.name!r} names no {DECODE}; {AGAIN}")
    for name, wanted in card.files.items():
        path = folder / name
        if Path(name).name != name:
            wrong.append(f"the card of {card.name!r} names a file outside its folder ({name}); do not trust it")
            continue
        try:
            found = sha256_of(path)
        except NotPlain as why:
            wrong.append(f"{path}: {why.strerror}, so it is no part of a model; {AGAIN}")
            continue
        except OSError:
            wrong.append(f"{path} is missing; {AGAIN}")
            continue
        if said := unlike(path, found, wanted):
            wrong.append(f"{said}; {AGAIN}, {SEAL} {folder}")
    return wrong


def seal(folder: Path) -> Sealed:
    """Write the hashes of a model's files as they are now into its card; nothing else in it changes.

    RosinError or ValidationErrors when card or credits could not be read, or the sound is missing: it is not sealed.
    """
    card = read_card(folder)
    named = [name for name in card.files if Path(name).name == name]
    here = {name: _hash(folder / name) for name in dict.fromkeys([*named, *OURS]) if (folder / name).exists()}
    if DECODE not in here:
        raise RosinError(f"{folder} holds no {DECODE}, so nothing would sound; put it there, then seal the model")
    if CREDITS in here:
        read_credits(folder)
    elif CREDITS in card.files:
        raise RosinError(f"{folder / CREDITS} is missing; a model is not sealed without the credits it had")
    changed = tuple(name for name, digest in here.items() if card.files.get(name, digest) != digest)
    added = tuple(name for name in here if name not in card.files)
    gone = tuple(name for name in card.files if name not in here)
    if not (changed or added or gone):
        return Sealed(card.sha256, card.sha256, (), (), ())
    document = tomlkit.parse(read_text(folder / CARD, TEXT_MOST, "card", AGAIN))
    files = tomlkit.table()
    for name in sorted(here):
        files[name] = here[name]
    document["files"] = files
    try:
        write_whole(folder / CARD, tomlkit.dumps(document).encode())
    except OSError as error:
        raise RosinError(f"{folder / CARD} cannot be written ({error.strerror}); make its folder writable") from None
    return Sealed(card.sha256, read_card(folder).sha256, changed, added, gone)


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise RosinError(f"{path} cannot be read ({error.strerror or error}); take it away, then seal again") from None
