"""rosin models list|show: what can be played, and what it says of itself. Verifying and passing on stand beside it:
verify.py, passing.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from instrument.base.console import console
from instrument.base.errors import RosinError
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.chance.noise import Noise
from instrument.commands.look import wide_console
from instrument.commands.models import passing, seal, verify
from instrument.commands.models.model_paths import given, path_of
from instrument.documents.rig import read_rig
from instrument.model.atlas.atlas import Atlas, read_atlas
from instrument.model.library.bundle_reader import is_bundle
from instrument.model.library.card import Card, card_table, read_card
from instrument.model.library.credits import NULL_CREDITS, read_credits
from instrument.model.library.finder import (
    NULL,
    ancestors,
    called,
    cards,
    open_folder,
    unpacked,
)
from instrument.model.library.null_card import null_card


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    models = verbs.add_parser(
        "models",
        help="list, show, verify, seal, pass on and lighten models",
        epilog="example: rosin models show first-bow",
    )
    what = models.add_subparsers(dest="what", metavar="list|show|verify|seal|pack|unpack|eco", required=True)
    listing = what.add_parser("list", help="every model found", epilog="example: rosin models list")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=run_list)
    showing = what.add_parser("show", help="one model's card, a page", epilog="example: rosin models show first-bow")
    showing.add_argument("name", help="a model's name, its folder, or a bundle")
    showing.add_argument("--language", choices=("en", "fr"), help="language of the page")
    showing.add_argument("--json", action="store_true", help="for programs: all of the card")
    showing.set_defaults(run=run_show)
    verify.add(what)
    seal.add(what)
    passing.add(what)


def _bytes(folder: Path, card: Card) -> int:
    sizes = [path.stat().st_size for file in card.files if (path := folder / file).is_file()]
    return sum(sizes)


def run_list(args: argparse.Namespace) -> int:
    """A line a model: names, sizes and hashes, what a patch needs to name one."""
    rows = cards(given())
    if args.json:
        found = [
            {
                "name": c.name,
                "sha256": c.sha256,
                "licence": c.licence,
                "latents": len(c.latents),
                "sample_rate_hz": c.sample_rate,
                "ratio": c.ratio,
                "folder": str(path) if path else "",
            }
            for path, c in rows
            if isinstance(c, Card)
        ]
        print(json.dumps({"models": found}, indent=1, ensure_ascii=False))
        return 0
    language = language_of(read_rig().language)
    shown = wide_console()
    narrow = shown.width < 150
    table = Table(box=None)
    for heading in ("name", "title", "latents", "kHz", "MB", "licence", "sha256"):
        right = heading in ("latents", "kHz", "MB")
        words = say(f"look.{heading}", language)
        table.add_column(words, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    for path, card in rows:
        if isinstance(card, Card):
            size = f"{_bytes(unpacked(path), card) / 1e6:.1f}" if path else ""
            mark = " ⧉" if path and is_bundle(path) else ""
            table.add_row(
                card.name + mark,
                printable(card.title.of(language), 80),
                str(len(card.latents)),
                f"{card.sample_rate / 1000:g}",
                size,
                printable(card.licence, 80),
                (card.sha256[:12] if narrow else card.sha256) or "-",
            )
        else:
            table.add_row(
                printable(called(path)) if path else "", Text(printable(" ".join(str(card).splitlines())), style="red")
            )
    shown.print(table)
    if narrow:
        shown.print(Text(say("models.whole_hash", language), style="dim"))
    return 0


def run_show(args: argparse.Namespace) -> int:
    """The card on one page, with what the model costs on this machine."""
    from instrument.commands.models.page import PageFacts, page
    from instrument.model.report.probe import Load, load_of
    from instrument.model.runtime.voice import QUANTUM

    language = args.language or language_of(read_rig().language)
    if args.name == NULL:
        folder, card, around = None, null_card(), PageFacts(NULL_CREDITS)
    else:
        folder = unpacked(path_of(args.name))
        card = read_card(folder)

        def of(what: Any, *arguments: Any, **more: Any) -> Any:
            try:
                return what(*arguments, **more)
            except RosinError as error:
                return RosinError(" ".join(str(error).splitlines()))

        def load() -> Load:
            voice = open_folder(folder, noise=Noise(0), providers="cpu", allow_uncredited=True)
            voice.warm()
            try:
                return load_of(voice, QUANTUM)
            finally:
                voice.close()

        credits = (
            of(read_credits, folder) if (folder / "credits.toml").exists() or "credits.toml" in card.files else None
        )
        whose = None if isinstance(credits, RosinError) else credits
        around = PageFacts(
            credits, of(read_atlas, folder, card, whose), of(load), ancestors(card, given()), _bytes(folder, card)
        )
    if args.json:
        print(json.dumps(_told(card, folder, around), indent=1, ensure_ascii=False))
        return 0
    shown = console()
    width = min(shown.width, 100) if shown.is_terminal else 100
    console(width=width).print(page(card, around, language, width))
    return 0


def _told(card: Card, folder: Path | None, around: Any) -> dict[str, Any]:
    """All of the page as tables; what could not be had stands under ``faults``."""
    parts = {"credits": around.credits, "atlas": around.atlas, "load": around.load}
    faults = {name: str(part) for name, part in parts.items() if isinstance(part, RosinError)}
    whole = {name: None if name in faults else part for name, part in parts.items()}
    atlas, load, credits = whole["atlas"], whole["load"], whole["credits"]
    return {
        "card": {**card_table(card), "sha256": card.sha256},
        "folder": str(folder or ""),
        "bytes": around.bytes,
        "lineage": [
            {
                "name": one.name,
                "sha256": str(one),
                "licence": one.licence,
                "authors": list(one.authors),
                "here": str(path or ""),
            }
            for one, path in around.line
        ],
        "credits": dataclasses.asdict(credits) if credits else None,
        "atlas": {"anchors": len(atlas.chart.sound), "sounds": atlas.clips} if isinstance(atlas, Atlas) else None,
        "load": {"decode": load.decode, "encode": load.encode} if load else None,
        "faults": faults,
    }
