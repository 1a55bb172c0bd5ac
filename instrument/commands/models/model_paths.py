"""Model paths: where a model lies that a verb is given, and where new ones go. Under the models verbs."""

from __future__ import annotations

import os
from pathlib import Path

from instrument.documents.rig import read_rig
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.cards import given_folders
from instrument.model.library.finder import find, user_folder


def given() -> tuple[Path, ...]:
    """The rig's folder of models, if it names one."""
    rig = read_rig()
    return given_folders(rig.folders.models)


def path_of(name: str) -> Path:
    """Where a model lies that is given by name, by its folder or by its bundle."""
    path = Path(name).expanduser()
    return path if "/" in name or (is_bundle(path) and os.path.exists(path)) else find(name, None, given())[0]


def own() -> Path:
    """Where models that come to be here go."""
    rig = read_rig()
    return Path(rig.folders.models) if rig.folders.models else user_folder()
