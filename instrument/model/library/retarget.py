"""Retarget: a patch played with another model than it names. After library, which finds the model; under the verbs.

A patch never assumes how many latents there are, so it goes on any model. What it says of knobs that the other model
has not is left out, and told, all of it at once; scenes keep theirs, which playing passes over. Keys that had a voice
each are played in unison where the model has no pitch. Names that the patch
gave to latents are left out as well: they were words for what that model does. Pitch and loudness mean the same
everywhere and keep theirs. The patch's own file stays as it is.

What is written is a patch like any other, beside nothing: whoever plays it reads it as a file, in any process.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.text import say
from instrument.base.toml import read_toml
from instrument.documents.patch import Patch, mistakes_against, patch_from, read_patch, table_of
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.card import CARD, Card, read_card
from instrument.model.library.finder import NULL, find, unpacked
from instrument.model.library.null_card import null_card

OF_ONE_KNOB = (("knobs",), ("friction", "knob"), ("chance", "knob"))
"""Where a patch speaks of one knob by its id."""


@dataclass(frozen=True, slots=True)
class Retargeted:
    """A patch on another model. ``path``: its file; ``left_out``: ids of knobs that the model has not, as the patch had
    them; ``unnamed``: of latents that lost the name the patch gave them."""

    path: Path
    patch: Patch
    card: Card
    left_out: tuple[str, ...]
    unnamed: tuple[str, ...]

    def said(self, language: str = "en") -> str:
        """What was left out, in a sentence; empty when nothing was."""
        if not self.left_out:
            return ""
        names = ", ".join(self.left_out)
        return say("recast.left_out", language, model=self.card.name, names=names, patch=self.patch.name)


def _found(wanted: str, given: Sequence[Path]) -> tuple[Path | None, Card]:
    """Folder and card of a model given by name, by its folder or by its bundle; no folder: the weightless voice."""
    if wanted == NULL:
        return None, null_card()
    path = Path(os.path.expanduser(wanted))
    if (is_bundle(path) and path.is_file()) or (path / CARD).is_file():
        folder = unpacked(path)
        return folder, read_card(folder)
    if "/" in wanted or os.sep in wanted:
        raise RosinError(f"there is no model in {wanted}; give a model's name, its folder, or its bundle")
    return find(wanted, None, given)


def reachable(folder: Path) -> None:
    """Have a model found by its card's hash wherever it lies, here and in every process started from here on."""
    before = os.environ.get("ROSIN_MODELS", "")
    places = [str(folder.resolve().parent), *filter(None, before.split(os.pathsep))]
    os.environ["ROSIN_MODELS"] = os.pathsep.join(dict.fromkeys(places))


def retarget(path: Path, wanted: str, into: Path, given: Sequence[Path] = ()) -> Retargeted:
    """The patch of the file ``path`` with the model ``wanted``, written as a file of the same name under ``into``.

    ``wanted``: a name, a model's folder or a bundle; it can be played from then on, in this process and its children.
    RosinError: the patch is no patch, there is no such model, or ``into`` cannot be written.
    """
    table = read_toml(path, "patch")
    patch_from(table, str(path))  # what is wrong with it is told as of the file the player wrote
    folder, card = _found(wanted, given)
    left_out, unnamed = _fitted(table, card)
    visual = table.get("visual", {})
    if "file" in visual and os.path.isfile(
        path.parent / visual["file"]
    ):  # it lies beside the patch, and not beside this one
        visual["file"] = str((path.parent / visual["file"]).resolve())
    table["model"] = {"name": card.name, **({"sha256": card.sha256} if folder else {})}
    made = into / path.name
    try:
        into.mkdir(parents=True, exist_ok=True)
        if made.resolve() == path.resolve():
            raise RosinError(f"{path} would be replaced by itself with another model; give another folder")
        made.unlink(missing_ok=True)
        made.write_text(tomlkit.dumps(table), encoding="utf-8")
        made.chmod(0o444)  # scenes that are kept go to the player's own folder: this file may be gone tomorrow
    except OSError as error:
        raise RosinError(f"{made} cannot be written ({error.strerror or error}); make room there") from None
    patch = read_patch(made)
    if wrong := mistakes_against(patch, table_of(patch, card.specs)):
        raise ValidationErrors(str(path), wrong)
    if folder:
        reachable(folder)
    return Retargeted(made, patch, card, left_out, unnamed)


def _fitted(table: dict[str, Any], card: Card) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take out of a patch's tables what does not go with the model; ids left out, ids that lost their names."""
    there = {latent.id: latent.role for latent in card.latents}
    left_out: dict[str, None] = {}
    unnamed = []
    for at in OF_ONE_KNOB:
        room: Any = table
        for key in at:
            room = room.get(key, {})
        for id in [id for id in room if id not in there]:
            del room[id]
            left_out[id] = None
    for row in table.get("expression", {}).values():
        if (id := row.get("knob")) not in (None, *there):
            del row["knob"]
            left_out[id] = None
    voice = table.get("voice", {})
    if voice.get("notes") == "poly" and "pitch" not in there.values():  # each key would play the same
        voice["notes"] = "unison"
        left_out["pitch"] = None
    for id, row in table.get("knobs", {}).items():
        if there[id] == "latent" and row.pop("label", None) is not None:
            unnamed.append(id)
    return tuple(left_out), tuple(unnamed)
