"""rosin check: whether a file is whole, whatever of the instrument's it is; every mistake of every file at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import is_patch, patch_folders, patches_in
from instrument.base.printable import printable, sentences
from instrument.base.text import language_of, say
from instrument.base.toml import read_toml
from instrument.commands.idle import idle_in
from instrument.commands.number_files import NUMBERS, check_numbers
from instrument.commands.take_check import check_take, take_words
from instrument.commands.whole import look_at, renamed
from instrument.documents.feels import feel_from, feel_schema
from instrument.documents.patch import newer, patch_schema, scene_mistakes
from instrument.documents.rig import SHAPE as RIG
from instrument.documents.rig import Rig, read_rig, rig_from, rig_schema
from instrument.documents.scene_file import read_own, with_own_scenes
from instrument.documents.take import read_take
from instrument.documents.take_folder import CREDITS as CREDITS_OF_TAKE
from instrument.documents.take_folder import MANIFEST, PART, STREAM, TAKE, find_take, is_take_folder
from instrument.hands.osc import addresses
from instrument.hands.settings import network_mistakes
from instrument.hands.state import bindings
from instrument.isf import read_header
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.card import CARD, CREDITS, DECODE, TEXT_MOST, card_from
from instrument.model.library.cards import given_folders
from instrument.model.library.credits import credits_from
from instrument.storage.stream import LatentStream

SUFFIXES = (".toml", TAKE, *NUMBERS, STREAM, ".fs")
"""What is looked at in a folder that is no model."""


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    check = verbs.add_parser(
        "check",
        help="check patches, feels, rigs, takes, accidents and models; every mistake at once",
        epilog="example: rosin check patches/*.toml models/first-bow tide.rosin.zip",
    )
    check.add_argument("files", nargs="*", metavar="FILE", help="files, folders of them, models; default: every patch")
    check.add_argument("--schema", choices=("patch", "rig", "feel"), help="print the JSON Schema for editors instead")
    check.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when everything is whole, 2 when a mistake was told."""
    if args.schema:
        schemas = {"patch": patch_schema, "rig": rig_schema, "feel": feel_schema}
        print(json.dumps(schemas[args.schema](), indent=1))
        return 0
    try:
        rig = read_rig()
    except RosinError:  # its mistakes are told when it is what is checked
        rig = Rig()
    given = [part for file in args.files for part in parts_of(_meant(file, rig.folders.takes))]
    wrong = 0
    for file in given if args.files else [file for d in patch_folders(rig.folders.patches) for file in patches_in(d)]:
        try:
            said = check_one(file, rig)
        except RosinError as error:
            wrong += 1
            print(sentences(error), file=sys.stderr)
        else:
            for line in said.splitlines():
                print(printable(f"{file}: {line}"))
    return 2 if wrong else 0


def _meant(wanted: str, takes: str) -> Path:
    """A file or folder as it is given; or the take of that name among the takes."""
    path = Path(wanted)
    named = Path(os.path.expanduser(takes)) / wanted
    return named if path.name == wanted and not os.path.lexists(path) and is_take_folder(named) else path


def parts_of(path: Path) -> list[Path]:
    """What there is to check in a folder that is no model: files of the instrument's kinds, and models; else itself."""
    if (
        not os.path.isdir(path)
        or is_take_folder(path)
        or any(os.path.lexists(path / name) for name in (CARD, CREDITS, DECODE))
    ):
        return [path]
    try:
        found = [
            file
            for file in sorted(path.iterdir())
            if is_bundle(file)
            or (file / CARD).is_file()
            or is_take_folder(file)
            or (
                (file.suffix in SUFFIXES and not file.is_dir() and not file.name.startswith("."))
                and (file.suffix != ".toml" or _kind(file) != "other")
            )
        ]
    except OSError:
        found = []
    return found or [path]


def check_one(file: Path, rig: Rig) -> str:
    """What a file is and that it is whole; more lines for what in it does nothing. RosinError or ValidationErrors."""
    language = language_of(rig.language)
    if is_take_folder(file) or file.name == MANIFEST:
        return check_take(file if os.path.isdir(file) else file.parent, language)
    if (PART.fullmatch(file.name) or file.name == CREDITS_OF_TAKE) and is_take_folder(file.parent):
        return check_take(file.parent, language)
    if os.path.isdir(file) or is_bundle(file):
        return check_model(file, rig)
    if file.suffix == TAKE:
        return take_words(read_take(find_take(str(file))), language)
    if file.suffix in NUMBERS:
        return check_numbers(file, given_folders(rig.folders.models), language)
    if file.suffix == STREAM:
        return say("check.stream", language, blocks=len(LatentStream(file)))
    if file.suffix == ".fs":
        return say("check.visual", language, inputs=len(read_header(file).inputs))
    return check_toml(file, rig, language)


def check_toml(file: Path, rig: Rig, language: str) -> str:
    """One of the TOML files, by what it says: its name need not tell."""
    kind = _kind(file)
    if kind == "other" and file.suffix.lower() != ".toml":
        read_toml(file, "patch")  # what cannot be read at all is told as such
        raise RosinError(
            f"{file} is nothing of Rosin's that can be checked; give a patch, feel, rig, "
            "take (folder, .jsonl, .state), stream (.z), accident, snapshot or wear (.npz), visual (.fs), or a model"
        )
    if kind == "rig":
        if not os.path.exists(file):
            raise RosinError(f"{file} cannot be read (no such file); give the path of a rig file")
        if wrong := rig_mistakes(file):
            raise ValidationErrors(str(file), wrong)
        return "\n".join([say("check.rig", language), *idle_in(read_rig(file), language, all_of_it=True)])
    if kind == "feel":
        return say("check.feel", language, name=feel_from(read_toml(file, "feel"), str(file)).name)
    if kind == "scenes":
        return say("check.scenes", language, count=len(read_own(file)))
    if kind == "card":
        card = card_from(read_toml(file, "card", TEXT_MOST), str(file))
        return say("check.card", language, name=card.name)
    if kind == "credits":
        credits = credits_from(read_toml(file, "credits file", TEXT_MOST), str(file))
        return say("check.credits", language, count=len(credits.sounds))
    return check_patch(file, given_folders(rig.folders.models), language)


def check_patch(file: Path, given: Sequence[Path], language: str) -> str:
    """A patch beside its model, its visual, its feel, and the scenes kept beside it."""
    found = look_at(file, given)
    patch, wrong_scenes = with_own_scenes(found.patch)
    lines = [*found.wrong, *wrong_scenes.splitlines()]
    if found.card is not None and found.knobs is not None:
        lines += [*renamed(patch, found.card, given), *scene_mistakes(patch, found.knobs)]
    if lines or found.card is None:
        raise ValidationErrors(str(file), lines)
    return say("check.patch", language, model=patch.model, latents=len(found.card.latents))


def rig_mistakes(file: Path) -> list[str]:
    """All that is wrong with a rig, what was learned in it as well, which the hands read when they begin."""
    table = read_toml(file, "rig")
    try:
        rig_from(table, str(file))
    except ValidationErrors as found:
        wrong = found.lines
        if newer(table):
            return wrong
    else:
        wrong = []
    if isinstance(osc := table.get("osc"), Mapping):
        wrong = [*wrong, *network_mistakes(osc)]
    for section, mistakes in (("midi", bindings.mistakes), ("osc", addresses.mistakes)):
        room = table.get(section)
        rows = room.get("bindings") if isinstance(room, Mapping) else None
        for i, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, Mapping):
                wrong = [*wrong, *mistakes(row, f"{section}.bindings[{i}]")]
    return wrong


def _kind(file: Path) -> str:
    """What a TOML file is: by its place where that is a rule, else by what stands in it; ``other`` is no file of ours.

    What cannot be read is taken for a patch, whose reader says why.
    """
    if file.name.startswith("rig"):
        return "rig"
    if file.name in (CARD, CREDITS):
        return file.stem
    if file.parent.name in ("feels", "scenes"):
        return file.parent.name.removesuffix("s") if file.parent.name == "feels" else "scenes"
    try:
        table: Mapping[str, Any] = read_toml(file, "patch")
    except RosinError:
        return "patch"
    if is_patch(file):
        return "patch"
    if "friction" in table:
        return "feel"
    if "format" in table:
        return "card" if "latents" in table else "credits"
    rooms = {key for key in RIG.fields if key != "schema"} & set(table)
    return "rig" if rooms and "name" not in table else "patch" if "schema" in table or "name" in table else "other"


def check_model(path: Path, rig: Rig) -> str:
    """What a model's folder or bundle is, and that it has no fault: everything that `rosin models verify` looks at.
    ValidationErrors with every fault there is."""
    from instrument.model.library.card import read_card
    from instrument.model.library.finder import unpacked
    from instrument.model.report.check_result import topic
    from instrument.model.report.trial import tried

    language = language_of(rig.language)
    found = list(tried(path, given=given_folders(rig.folders.models), language=language))
    if wrong := [f"{topic(f.about, language)}: {f.text}" for f in found if f.grade == "bad"]:
        raise ValidationErrors(str(path), wrong)
    card = read_card(unpacked(path))
    held = any(f.grade == "held" for f in found)
    return say("check.model_held" if held else "check.model", language, name=card.name, latents=len(card.latents))
