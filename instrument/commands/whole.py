"""Whole: a patch beside the model it names, with every mistake there is at once. For check, knobs, play and render.

A mistake in one place hides none in another: an entry that does not fit, a feel and a model that are not here, knobs
that the model has not, and the visual are all looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.toml import read_toml
from instrument.documents.patch import (
    Patch,
    Scene,
    Start,
    mistakes_against,
    newer,
    patch_from,
    table_of,
    visual_mistakes,
    with_feel,
)
from instrument.documents.patch_shape import SCENE_SLOTS
from instrument.knobs import KnobTable
from instrument.model.library.card import Card
from instrument.model.library.cards import card_of, folder_of
from instrument.model.library.finder import called


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in a patch's file. ``wrong``: all that keeps it from playing, a line each; then ``patch`` is as
    far as it could be understood. ``card`` and ``knobs``: None where its model is not here; ``missing`` says why."""

    patch: Patch
    card: Card | None
    knobs: KnobTable | None
    wrong: tuple[str, ...]
    missing: RosinError | None = None


def whole_patch(path: Path, given: Sequence[Path] = ()) -> tuple[Patch, Card, KnobTable]:
    """A patch's file, model's card and knobs. RosinError; ValidationErrors with all that keeps it from playing."""
    found = look_at(path, given)
    if len(found.wrong) == 1 and found.missing is not None:
        raise found.missing
    if found.wrong or found.card is None or found.knobs is None:
        raise ValidationErrors(str(path), list(found.wrong))
    return found.patch, found.card, found.knobs


def look_at(path: Path, given: Sequence[Path] = ()) -> Looked:
    """Everything about a patch's file. RosinError where it is no TOML, ValidationErrors where it is a later Rosin's."""
    table = read_toml(path, "patch")
    wrong: list[str] = []
    try:
        patch = patch_from(table, str(path))
    except ValidationErrors as mistakes:
        if newer(table):
            raise
        wrong += mistakes.lines
        patch = sketch(table, str(path))
    patch, lines = with_feel(patch)
    wrong += lines
    card, missing = None, None
    if patch.model:
        try:
            card = card_of(patch, given)
        except RosinError as error:
            missing = error
            wrong.append(f"model: {' '.join(str(error).splitlines())}")
    knobs = None
    if card is not None:
        knobs = table_of(patch, card.specs)
        wrong += mistakes_against(patch, knobs)
    wrong += visual_mistakes(patch)
    return Looked(patch, card, knobs, tuple(wrong), missing)


def renamed(patch: Patch, card: Card, given: Sequence[Path] = ()) -> list[str]:
    """The model that a patch names by its hash bears another name. Such a patch plays: a hash is surer than a name."""
    folder = folder_of(patch, given)
    names = {card.name, called(folder)} if folder else {card.name}
    if patch.model in names:
        return []
    return [
        f"model.name: there is no model {patch.model!r} with this sha256; it is that of {card.name!r}: write that name"
    ]


def sketch(table: Mapping[str, Any], where: str) -> Patch:
    """What tables with mistakes in them mean all the same: the names in them, for whoever looks for more mistakes."""
    model, friction, chance, visual = (_rows(table, key) for key in ("model", "friction", "chance", "visual"))
    inputs, scenes = _rows(visual, "inputs"), _rows(table, "scenes")
    return Patch(
        name=_text(table, "name"),
        model=_text(model, "name"),
        model_sha256=_text(model, "sha256"),
        feel=_text(friction, "feel"),
        knobs={id: Start() for id in _rows(table, "knobs")},
        friction_knobs={id: {} for id in _rows(friction, "knob")},
        chance_knobs={id: {} for id in _rows(chance, "knob")},
        visual=_text(visual, "file"),
        visual_inputs={id: dict.fromkeys(_rows(inputs, id), 0.0) for id in inputs},
        scenes={
            int(slot) - 1: Scene(dict.fromkeys(_rows(_rows(scenes, slot), "knobs"), 0.0))
            for slot in SCENE_SLOTS
            if slot in scenes
        },
        path=where,
    )


def _rows(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""
