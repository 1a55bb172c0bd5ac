"""Promise: what is said of a model - before the first step that it can be written, at the end how it is played.

Hours are lost when a licence, a name or a folder turns out wrong at the end. So card and credits are made once before,
with what is known by then, and read as they will be read.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.documents.rig import read_rig
from instrument.knobs import Label
from instrument.model.library import licences
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.card import CARD, card_from, card_table, read_card
from instrument.model.library.credits import Credits, Made, Sound, credits_from
from instrument.model.library.finder import NULL, find, standing_places
from instrument.model.library.null_card import null_card
from instrument.training.data.corpus import Corpus
from instrument.training.data.wording import shown

NAME_LONGEST = 64
DAY = "2026-01-01"
"""Any: the day of the end is not known yet."""


def agreed_licence(corpus: Corpus) -> str:
    """The licence of all sounds. RosinError when they have several."""
    found = {str(c.credit["licence"]) for c in corpus.training}
    if len(found) == 1:
        return found.pop()
    raise RosinError(f"the sounds have several licences ({', '.join(sorted(found))}); say the model's with --licence")


def sounds_in(corpus: Corpus) -> tuple[Sound, ...]:
    """What was learned from, as the model's credits name it."""
    return tuple(
        Sound(
            title=str(c.credit["title"]),
            author=str(c.credit["author"]),
            source=str(c.credit["source"]),
            licence=str(c.credit["licence"]),
            consent=str(c.credit["consent"]),
            seconds=float(c.credit["seconds"]),
            sha256=str(c.credit["sha256"]),
        )
        for c in corpus.training
    )


def check_words(name: str, title: tuple[str, str], by: str, licence: str) -> None:
    """RosinError when a model cannot be called so; before the sounds are read."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name == NULL or is_bundle(Path(name)):
        raise RosinError(f"'{shown(name)}' cannot name a folder everywhere; use letters, digits, dots and dashes")
    if len(name) > NAME_LONGEST:
        raise RosinError(f"a name has up to {NAME_LONGEST} characters; say --name {name[:20]}")
    if licence and (why := licences.mistake(licence)):
        raise RosinError(f"--licence: {why}")
    for option, words in (("--title", title), ("--by", (by,))):
        for text in words:
            if not text.strip() or not text.isprintable():  # a lone surrogate, which no file can hold, is not printable
                raise RosinError(f"{option} '{shown(text)}' cannot be written into a card; give plain words, in UTF-8")


def check(corpus: Corpus, model: Path, title: tuple[str, str], by: str, licence: str) -> None:
    """RosinError when a model of these sounds could not be written to the folder ``model`` in the end."""
    card = dataclasses.replace(
        null_card(), name=model.name, title=Label(*title), authors=(by,), licence=licence or agreed_licence(corpus)
    )
    card_from(card_table(card), "the model's card")
    credits = Credits(model.name, Made(by, DAY), sounds_in(corpus))
    table = {
        "format": 1,
        "model": credits.model,
        "made": dataclasses.asdict(credits.made),
        "sounds": [dataclasses.asdict(sound) for sound in credits.sounds],
    }
    credits_from(table, "the model's credits")
    make(model.parent)
    if (model.exists() and not model.is_dir()) or not os.access(model if model.is_dir() else model.parent, os.W_OK):
        raise RosinError(f"the model could not be written to {shown(str(model))}; take another --out")


def make(folder: Path) -> None:
    """A folder that is ours to write. RosinError when it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RosinError(
            f"{shown(str(folder))} cannot be made ({error.strerror}); take another --out or --runs"
        ) from None


def how_to_play(model: Path) -> str:
    """The command that plays a model that was just written, and its line for a patch; empty when none is there."""
    if not (model / CARD).is_file():
        return ""
    card, there = read_card(model), model.resolve()
    try:
        own = read_rig().folders.models
        given = [Path(own)] if own else []
        found = find(card.name, None, given)[0].resolve() == there
    except RosinError:  # of the rig, which is nothing that training depends on
        given, found = [], False
    by = card.name if found else shlex.quote(str(there))
    everywhere = there.parent in {place.resolve() for place in standing_places(given)}
    elsewhere = f" (from other folders: --model {shlex.quote(str(there))})" if found and not everywhere else ""
    line = f'model = {{ name = "{card.name}", sha256 = "{card.sha256}" }}'
    return f"play it: rosin play bow --model {by}{elsewhere}\nin a patch: {line}"
