"""rosin models seal: a model's author mended a file of it; its card is written for the files as they are now."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.paths import patch_folders, patches_in
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.base.toml import read_toml
from instrument.commands.models.model_paths import path_of
from instrument.documents.rig import read_rig
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.sealing import Sealed, seal


def add(what: Any) -> None:
    """The verb's own arguments, under `rosin models`."""
    sealing = what.add_parser(
        "seal",
        help="after you changed a file of your model: write its card for the files as they are now",
        epilog="example: rosin models seal first-bow",
        description="Write the hashes of a model's files as they are now into its card. That makes it another model: "
        "patches that name the old one are told, with the line to write into them.",
    )
    sealing.add_argument("name", help="a model's name, or its folder")
    sealing.set_defaults(run=run_seal)


def run_seal(args: argparse.Namespace) -> int:
    """Each file that changed, the new hash, and the patches that name the old one."""
    folder = path_of(args.name)
    if is_bundle(folder) and not folder.is_dir():
        raise RosinError(f"{folder} is packed; run `rosin models unpack` on it, seal the folder, and pack it again")
    rig = read_rig()
    language = language_of(rig.language)
    done = seal(folder)
    if done.before == done.after:
        print(printable(say("seal.whole", language, folder=folder)))
        return 0
    told = [
        *(say("seal.changed", language, file=name) for name in done.changed),
        *(say("seal.added", language, file=name) for name in done.added),
        *(say("seal.gone", language, file=name) for name in done.gone),
    ]
    for line in told:
        print(printable(line))
    print(printable(say("seal.done", language, folder=folder)))
    print(f'  sha256 = "{done.after}"')
    for path in _naming(done, [Path(), *patch_folders(rig.folders.patches)]):
        print(printable(say("seal.patch", language, path=path, before=done.before[:12])))
    return 0


def _naming(done: Sealed, folders: list[Path]) -> list[Path]:
    """The patches found that name the model as it was."""
    found = []
    for path in (path for folder in folders for path in patches_in(folder)):
        try:
            model = read_toml(path, "patch").get("model")
        except RosinError:
            continue
        if isinstance(model, dict) and model.get("sha256") == done.before:
            found.append(path)
    return list(dict.fromkeys(found))
