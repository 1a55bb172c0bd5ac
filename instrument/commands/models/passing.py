"""rosin models pack|unpack|eco: a model as one file to pass on, a model that came as one, and a lighter copy."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.commands.models.model_paths import own, path_of
from instrument.documents.rig import read_rig
from instrument.model.library import bundle
from instrument.model.library.bundle_reader import SUFFIX
from instrument.model.library.card import read_card
from instrument.model.library.finder import unpacked


def add(what: Any) -> None:
    """The three verbs' own arguments, under `rosin models`."""
    packing = what.add_parser(
        "pack",
        help="a model as one file to pass on",
        epilog="example: rosin models pack first-bow -o mine.rosin.zip",
        description=f"Write a model with its credits as one file, NAME{SUFFIX}: the same bytes for the same model. It "
        "plays from there, from a folder of models, or unpacked.",
    )
    packing.add_argument("name", help="a model's name, or its folder")
    packing.add_argument("-o", "--out", type=Path, metavar="FILE", help=f"file to write (NAME{SUFFIX})")
    packing.add_argument("--force", action="store_true", help="replace that file")
    packing.add_argument("--allow-uncredited", action="store_true", help="pack a model without credits as well")
    packing.set_defaults(run=run_pack)
    unpacking = what.add_parser(
        "unpack",
        help="check a bundle and put it among the models",
        epilog="example: rosin models unpack tide.rosin.zip",
    )
    unpacking.add_argument("file", type=Path, metavar=f"FILE{SUFFIX}")
    unpacking.add_argument("--out", type=Path, help="folder of model folders (the rig's, or your own)")
    unpacking.add_argument("--force", action="store_true", help="replace another model of that name")
    unpacking.set_defaults(run=run_unpack)
    lighter = what.add_parser(
        "eco",
        help="a lighter copy in 8 bits, and what that costs",
        epilog="example: rosin models eco darbouka",
        description="Write a copy whose large products are in 8 bits, and measure what it loses and gains here "
        "(needs onnx: pip install 'rosin[train]').",
    )
    lighter.add_argument("name", help="a model's name, or its folder")
    lighter.add_argument("--name", dest="called", default="", help="what the copy is called (NAME-eco)")
    lighter.add_argument("--out", type=Path, help="folder of model folders (the rig's, or your own)")
    lighter.set_defaults(run=run_eco)


def run_pack(args: argparse.Namespace) -> int:
    """One file, and what one should know of it before passing it on."""
    folder = unpacked(path_of(args.name))
    out = args.out or Path(f"{read_card(folder).name}{SUFFIX}")
    packed = bundle.pack(folder, out, allow_uncredited=args.allow_uncredited, force=args.force)
    language, size = language_of(read_rig().language), f"{out.stat().st_size / 1e6:.1f}"
    if "credits.toml" in packed.files:
        print(printable(say("models.packed", language, path=out, size=size, name=packed.name, licence=packed.licence)))
    else:
        print(printable(say("models.packed_uncredited", language, path=out, size=size, name=packed.name)))
    return 0


def run_unpack(args: argparse.Namespace) -> int:
    """The folder it now lies in, and what a patch says to play it."""
    language = language_of(read_rig().language)
    folder = bundle.unpack(args.file, args.out or own(), force=args.force)
    card = read_card(folder)
    print(printable(say("models.unpacked", language, folder=folder)))
    if "credits.toml" not in card.files:
        print(say("models.unpacked_uncredited", language))
    print(say("import.patch", language))
    print(f'  [model]\n  name = "{card.name}"\n  sha256 = "{card.sha256}"')
    return 0


def run_eco(args: argparse.Namespace) -> int:
    """The copy, and the truth about it."""
    if find_spec("onnx") is None:
        raise RosinError("models eco needs onnx, which is not installed; run: pip install 'rosin[train]'")
    from instrument.importing.quantize import make

    language = language_of(read_rig().language)
    made = make(unpacked(path_of(args.name)), args.out or own(), args.called)
    slow, fast = made.ms
    print(printable(say("eco.done", language, folder=made.folder, products=made.products)))
    print(
        say(
            "eco.cost",
            language,
            snr=f"{made.snr_db:.1f}",
            slow=f"{slow:.2f}",
            fast=f"{fast:.2f}",
            before=f"{made.size[0] / 1e6:.1f}",
            after=f"{made.size[1] / 1e6:.1f}",
        )
    )
    if fast > 0.95 * slow:
        print(say("eco.no_gain", language))
    return 0
