"""rosin models list|show|verify|eco: what can be played, what it says of itself, and whether that is true."""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from instrument.chance.noise import Noise
from instrument.errors import RosinError
from instrument.model.atlas import Atlas, read_atlas
from instrument.model.card import Card
from instrument.model.credits import read_credits
from instrument.model.library import NULL, cards, find, model_folders, user_folder
from instrument.model.null_card import null_card
from instrument.model.page import show_page
from instrument.model.verify import verify
from instrument.rig import read_rig
from instrument.text import language_of, say
from instrument.verbs.look import wide_console

_MARK = {"good": ("✓", "green"), "warn": ("!", "yellow"), "bad": ("✗", "red")}


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    models = verbs.add_parser(
        "models", help="list, show, verify and lighten models", epilog="example: rosin models show first-bow"
    )
    what = models.add_subparsers(dest="what", metavar="list|show|verify|eco", required=True)
    listing = what.add_parser("list", help="every model found", epilog="example: rosin models list")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=run_list)
    showing = what.add_parser("show", help="one model's card, a page", epilog="example: rosin models show first-bow")
    showing.add_argument("name")
    showing.add_argument("--language", choices=("en", "fr"))
    showing.set_defaults(run=run_show)
    verifying = what.add_parser(
        "verify", help="hashes, licences, sound and speed; exit 1 on any fault", epilog="example: rosin models verify"
    )
    verifying.add_argument("name", nargs="*", help="names or folders; default every model found")
    verifying.add_argument("--json", action="store_true")
    verifying.set_defaults(run=run_verify)
    lighter = what.add_parser(
        "eco", help="a lighter copy in 8 bits, and what that costs", epilog="example: rosin models eco darbouka",
        description="Write a copy whose large products are in 8 bits, and measure what it loses and gains here "
        "(needs onnx: pip install 'rosin[train]').",
    )  # fmt: skip
    lighter.add_argument("name", help="a model's name, or its folder")
    lighter.add_argument("--name", dest="called", default="", help="what the copy is called (NAME-eco)")
    lighter.add_argument("--out", type=Path, help="folder of model folders (the rig's, or your own)")
    lighter.set_defaults(run=run_eco)


def _given() -> list[Path]:
    rig = read_rig()
    return [Path(rig.models)] if rig.models else []


def run_list(args: argparse.Namespace) -> int:
    """Names, sizes and hashes: what a patch needs to name one."""
    rows = cards(_given())
    if args.json:
        found = [{"name": c.name, "sha256": c.sha256, "licence": c.licence, "latents": len(c.latents),
                  "sample_rate_hz": c.sample_rate, "ratio": c.ratio, "folder": str(folder) if folder else ""}
                 for folder, c in rows if isinstance(c, Card)]  # fmt: skip
        print(json.dumps({"models": found}, indent=1, ensure_ascii=False))
        return 0
    language = language_of(read_rig().language)
    table = Table(box=None)
    for heading in ("name", "title", "latents", "kHz", "licence", "sha256 of its card"):
        table.add_column(heading, overflow="fold")
    for folder, card in rows:
        if isinstance(card, Card):
            table.add_row(card.name, card.title.of(language), str(len(card.latents)), f"{card.sample_rate / 1000:g}",
                          card.licence, card.sha256 or "-")  # fmt: skip
        else:
            table.add_row(folder.name if folder else "", Text(str(card), style="red"), "", "", "", "")
    wide_console().print(table)
    return 0


def run_show(args: argparse.Namespace) -> int:
    """The card on one page."""
    language = args.language or language_of(read_rig().language)
    if args.name == NULL:
        print(show_page(null_card(), None, language))
        return 0
    folder, card = (Path(args.name), None) if "/" in args.name else find(args.name, None, _given())
    if card is None:
        from instrument.model.card import read_card

        card = read_card(folder)
    try:
        credits = read_credits(folder)
    except RosinError:
        credits = None
    atlas: Atlas | RosinError | None
    try:
        atlas = read_atlas(folder, card, credits)
    except RosinError as error:
        atlas = error
    print(show_page(card, credits, language, atlas))
    return 0


def run_eco(args: argparse.Namespace) -> int:
    """The copy, and the truth about it."""
    if find_spec("onnx") is None:
        raise RosinError("models eco needs onnx, which is not installed; run: pip install 'rosin[train]'")
    from instrument.importing.eco import make

    rig = read_rig()
    language = language_of(rig.language)
    folder = Path(args.name) if "/" in args.name else find(args.name, None, _given())[0]
    made = make(folder, args.out or (Path(rig.models) if rig.models else user_folder()), args.called)
    slow, fast = made.ms
    print(say("eco.done", language, folder=made.folder, products=made.products))
    print(say("eco.cost", language, snr=f"{made.snr_db:.1f}", slow=f"{slow:.2f}", fast=f"{fast:.2f}",
              before=f"{made.size[0] / 1e6:.1f}", after=f"{made.size[1] / 1e6:.1f}"))  # fmt: skip
    if fast > 0.95 * slow:
        print(say("eco.no_gain", language))
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Every finding of every model; 1 when one of them is bad."""
    folders = [Path(n) if "/" in n else find(n, None, _given())[0] for n in args.name] or list(model_folders(_given()))
    console = Console(highlight=False, soft_wrap=True)
    bad = 0
    told = []
    for folder in folders:
        found = verify(folder, Noise(0))
        bad += sum(f.grade == "bad" for f in found)
        rows = [{"grade": f.grade, "about": f.about, "text": f.text} for f in found]
        told.append({"model": folder.name, "findings": rows})
        if not args.json:
            console.print(Text(folder.name, style="bold"))
            for f in found:
                mark, colour = _MARK[f.grade]
                console.print(Text(f"  {mark} ", style=colour) + Text(f"{f.about}: {f.text}"))
    if args.json:
        print(json.dumps({"models": told, "bad": bad}, indent=1, ensure_ascii=False))
    return 1 if bad else 0
