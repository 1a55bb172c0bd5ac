"""Cards: the description of whatever a patch names - a model's card, or the weightless voice's - without opening it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.text import say
from instrument.model.library.card import Card
from instrument.model.library.credits import credits_line, no_credits, read_credits
from instrument.model.library.finder import NULL, find
from instrument.model.library.null_card import null_card


def card_for(name: str, sha256: str | None = None, given: Sequence[Path] = ()) -> Card:
    """The card that a patch's [model] names. RosinError when it is not here, or is another one."""
    return null_card() if name == NULL else find(name, sha256, given)[1]


def model_folder(name: str, sha256: str | None = None, given: Sequence[Path] = ()) -> Path | None:
    """Where the model lies; None for the weightless voice. RosinError as card_for."""
    return None if name == NULL else find(name, sha256, given)[0]


def credits_for(name: str, sha256: str | None = None, language: str = "en", given: Sequence[Path] = ()) -> str:
    """One line: who this voice learned from. A model without readable credits says so."""
    if name == NULL:
        return say("credits.computed", language)
    folder, _ = find(name, sha256, given)
    try:
        return credits_line(read_credits(folder), language)
    except RosinError:
        return no_credits(language)
