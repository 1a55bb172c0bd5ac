"""Cards: what a patch names, without opening it - the model's card, or the weightless voice's, its folder, its credits,
and the knobs that patch and card make together. Above finder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.documents.patch import Patch, read_patch, table_of
from instrument.knobs import KnobTable
from instrument.model.library.card import Card
from instrument.model.library.credit_lines import credits_line
from instrument.model.library.credits import NULL_CREDITS, Credits, read_credits
from instrument.model.library.finder import NULL, find
from instrument.model.library.null_card import null_card


def given_folders(models: str) -> tuple[Path, ...]:
    """The rig's folder of models, as everything here is ``given`` it; empty where the rig names none."""
    return (Path(models),) if models else ()


def card_for(name: str, sha256: str | None = None, given: Sequence[Path] = ()) -> Card:
    """The card that a patch's [model] names. RosinError when it is not here, or is another one."""
    return null_card() if name == NULL else find(name, sha256, given)[1]


def card_of(patch: Patch, given: Sequence[Path] = ()) -> Card:
    """The card of the model that a patch names. RosinError as card_for."""
    return card_for(patch.model, patch.model_sha256, given)


def folder_of(patch: Patch, given: Sequence[Path] = ()) -> Path | None:
    """Where that model lies; None for the weightless voice. RosinError as card_for."""
    return None if patch.model == NULL else find(patch.model, patch.model_sha256, given)[0]


def credits_of(patch: Patch, given: Sequence[Path] = ()) -> Credits | None:
    """Whose sounds that model learned from; None where no credits can be read. RosinError as card_for."""
    folder = folder_of(patch, given)
    if folder is None:
        return NULL_CREDITS
    try:
        return read_credits(folder)
    except RosinError:
        return None


def credits_line_of(patch: Patch, language: str = "en", given: Sequence[Path] = ()) -> str:
    """The same as one line. A model without readable credits says so."""
    return credits_line(credits_of(patch, given), language)


def read_with_card(path: Path, given: Sequence[Path] = ()) -> tuple[Patch, Card, KnobTable]:
    """The patch of a file, its model's card, and the knobs that both make. RosinError with the first thing that is
    wrong; commands/whole.py finds all of them."""
    patch = read_patch(path)
    card = card_of(patch, given)
    return patch, card, table_of(patch, card.specs)
