"""rosin models list|show|verify|pack|unpack|eco: what can be played, what it says of itself, whether that is true."""

from __future__ import annotations

import argparse
import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from instrument.chance.noise import Noise
from instrument.errors import RosinError
from instrument.model import bundle
from instrument.model.atlas import Atlas, read_atlas
from instrument.model.card import Card, card_table, read_card
from instrument.model.credits import NULL_CREDITS, read_credits
from instrument.model.library import (
    NULL,
    ancestors,
    called,
    cards,
    find,
    model_folders,
    open_folder,
    unpacked,
    user_folder,
)
from instrument.model.null_card import null_card
from instrument.model.parcel import SUFFIX, is_bundle
from instrument.places import shipped
from instrument.rig import read_rig
from instrument.text import language_of, say
from instrument.verbs.look import wide_console

_MARK = {"good": ("✓", "green"), "warn": ("!", "yellow"), "held": ("‖", "cyan"), "bad": ("✗", "red")}
PATIENCE_S = 2.0
"""What takes longer gets a bar."""


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    models = verbs.add_parser(
        "models", help="list, show, verify, pass on and lighten models", epilog="example: rosin models show first-bow"
    )
    what = models.add_subparsers(dest="what", metavar="list|show|verify|pack|unpack|eco", required=True)
    listing = what.add_parser("list", help="every model found", epilog="example: rosin models list")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=run_list)
    showing = what.add_parser("show", help="one model's card, a page", epilog="example: rosin models show first-bow")
    showing.add_argument("name", help="a model's name, its folder, or a bundle")
    showing.add_argument("--language", choices=("en", "fr"))
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=run_show)
    verifying = what.add_parser(
        "verify", help="hashes, licences, sound and speed; exit 1 on any fault", epilog="example: rosin models verify",
        description="Look at all that can be known of a model before playing it. A model without credits that says so "
        "has no fault: it is marked, and plays only with --allow-uncredited. Exit 1 on any fault.",
    )  # fmt: skip
    verifying.add_argument("name", nargs="*", help="names, folders or bundles; default every model found")
    verifying.add_argument("--json", action="store_true")
    verifying.set_defaults(run=run_verify)
    packing = what.add_parser(
        "pack", help="a model as one file to pass on", epilog="example: rosin models pack first-bow -o mine.rosin.zip",
        description=f"Write a model with its credits as one file, NAME{SUFFIX}: the same bytes for the same model. It "
        "plays from there, from a folder of models, or unpacked.",
    )  # fmt: skip
    packing.add_argument("name", help="a model's name, or its folder")
    packing.add_argument("-o", "--out", type=Path, metavar="FILE", help=f"file to write (NAME{SUFFIX})")
    packing.add_argument("--force", action="store_true", help="replace that file")
    packing.add_argument("--allow-uncredited", action="store_true", help="pack a model without credits as well")
    packing.set_defaults(run=run_pack)
    unpacking = what.add_parser(
        "unpack", help="check a bundle and put it among the models",
        epilog="example: rosin models unpack tide.rosin.zip",
    )  # fmt: skip
    unpacking.add_argument("file", type=Path, metavar=f"FILE{SUFFIX}")
    unpacking.add_argument("--out", type=Path, help="folder of model folders (the rig's, or your own)")
    unpacking.add_argument("--force", action="store_true", help="replace another model of that name")
    unpacking.set_defaults(run=run_unpack)
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


def _path(name: str) -> Path:
    """Where a model lies that is given by name, by its folder or by its bundle."""
    path = Path(name).expanduser()
    return path if "/" in name or (is_bundle(path) and path.exists()) else find(name, None, _given())[0]


def _own() -> Path:
    """Where models that come to be here go."""
    rig = read_rig()
    return Path(rig.models) if rig.models else user_folder()


def _bytes(folder: Path, card: Card) -> int:
    sizes = [path.stat().st_size for file in card.files if (path := folder / file).is_file()]
    return sum(sizes)


def run_list(args: argparse.Namespace) -> int:
    """A line a model: names, sizes and hashes, what a patch needs to name one."""
    rows = cards(_given())
    if args.json:
        found = [{"name": c.name, "sha256": c.sha256, "licence": c.licence, "latents": len(c.latents),
                  "sample_rate_hz": c.sample_rate, "ratio": c.ratio, "folder": str(path) if path else ""}
                 for path, c in rows if isinstance(c, Card)]  # fmt: skip
        print(json.dumps({"models": found}, indent=1, ensure_ascii=False))
        return 0
    language = language_of(read_rig().language)
    console = wide_console()
    narrow = console.width < 150
    table = Table(box=None)
    for heading in ("name", "title", "latents", "kHz", "MB", "licence", "sha256"):
        right = heading in ("latents", "kHz", "MB")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    for path, card in rows:
        if isinstance(card, Card):
            size = f"{_bytes(unpacked(path), card) / 1e6:.1f}" if path else ""
            mark = " ⧉" if path and is_bundle(path) else ""
            table.add_row(card.name + mark, card.title.of(language), str(len(card.latents)),
                          f"{card.sample_rate / 1000:g}", size, card.licence,
                          (card.sha256[:12] if narrow else card.sha256) or "-")  # fmt: skip
        else:
            table.add_row(called(path) if path else "", Text(" ".join(str(card).splitlines()), style="red"))
    console.print(table)
    if narrow:
        console.print(Text(say("models.whole_hash", language), style="dim"))
    return 0


def run_show(args: argparse.Namespace) -> int:
    """The card on one page, with what the model costs on this machine."""
    from instrument.model.hearing import Load, load_of
    from instrument.model.page import Around, page
    from instrument.model.voice import QUANTUM

    language = args.language or language_of(read_rig().language)
    if args.name == NULL:
        folder, card, around = None, null_card(), Around(NULL_CREDITS)
    else:
        folder = unpacked(_path(args.name))
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
        around = Around(credits, of(read_atlas, folder, card, whose), of(load), ancestors(card, _given()),
                        _bytes(folder, card))  # fmt: skip
    if args.json:
        print(json.dumps(_told(card, folder, around), indent=1, ensure_ascii=False))
        return 0
    console = Console(highlight=False)
    width = min(console.width, 100) if console.is_terminal else 100
    Console(highlight=False, width=width).print(page(card, around, language, width))
    return 0


def _told(card: Card, folder: Path | None, around: Any) -> dict[str, Any]:
    """All of the page as tables; what could not be had stands under ``faults``."""
    parts = {"credits": around.credits, "atlas": around.atlas, "load": around.load}
    faults = {name: str(part) for name, part in parts.items() if isinstance(part, RosinError)}
    whole = {name: None if name in faults else part for name, part in parts.items()}
    atlas, load, credits = whole["atlas"], whole["load"], whole["credits"]
    return {
        "card": {**card_table(card), "sha256": card.sha256}, "folder": str(folder or ""), "bytes": around.bytes,
        "lineage": [{"name": one.name, "sha256": str(one), "here": str(path or "")} for one, path in around.line],
        "credits": dataclasses.asdict(credits) if credits else None,
        "atlas": {"anchors": len(atlas.chart.sound), "sounds": atlas.clips} if isinstance(atlas, Atlas) else None,
        "load": {"decode": load.decode, "encode": load.encode} if load else None, "faults": faults,
    }  # fmt: skip


def run_pack(args: argparse.Namespace) -> int:
    """One file, and what one should know of it before passing it on."""
    folder = unpacked(_path(args.name))
    out = args.out or Path(f"{read_card(folder).name}{SUFFIX}")
    packed = bundle.pack(folder, out, allow_uncredited=args.allow_uncredited, force=args.force)
    language, size = language_of(read_rig().language), f"{out.stat().st_size / 1e6:.1f}"
    if "credits.toml" in packed.files:
        print(say("models.packed", language, path=out, size=size, name=packed.name, licence=packed.licence))
    else:
        print(say("models.packed_uncredited", language, path=out, size=size, name=packed.name))
    return 0


def run_unpack(args: argparse.Namespace) -> int:
    """The folder it now lies in, and what a patch says to play it."""
    language = language_of(read_rig().language)
    folder = bundle.unpack(args.file, args.out or _own(), force=args.force)
    card = read_card(folder)
    print(say("models.unpacked", language, folder=folder))
    if "credits.toml" not in card.files:
        print(say("models.unpacked_uncredited", language))
    print(say("import.patch", language))
    print(f'  [model]\n  name = "{card.name}"\n  sha256 = "{card.sha256}"')
    return 0


def run_eco(args: argparse.Namespace) -> int:
    """The copy, and the truth about it."""
    if find_spec("onnx") is None:
        raise RosinError("models eco needs onnx, which is not installed; run: pip install 'rosin[train]'")
    from instrument.importing.eco import make

    language = language_of(read_rig().language)
    made = make(unpacked(_path(args.name)), args.out or _own(), args.called)
    slow, fast = made.ms
    print(say("eco.done", language, folder=made.folder, products=made.products))
    print(say("eco.cost", language, snr=f"{made.snr_db:.1f}", slow=f"{slow:.2f}", fast=f"{fast:.2f}",
              before=f"{made.size[0] / 1e6:.1f}", after=f"{made.size[1] / 1e6:.1f}"))  # fmt: skip
    if fast > 0.95 * slow:
        print(say("eco.no_gain", language))
    return 0


FINDINGS = 12
"""About as many there are on a model; only the bar counts on it."""


@contextmanager
def _late_bar(total: int, words: str) -> Iterator[Progress]:
    """A bar on stderr that comes only when one has waited for a while."""
    errors = Console(stderr=True)
    bar = Progress(TextColumn(words), BarColumn(), TextColumn("{task.fields[what]}"), console=errors, transient=True)
    bar.add_task("", total=total * FINDINGS, what="")
    late = threading.Timer(PATIENCE_S, bar.start)
    late.daemon = True
    if errors.is_terminal:
        late.start()
    try:
        yield bar
    finally:
        late.cancel()
        if late.ident is not None:
            late.join()
        bar.stop()


def run_verify(args: argparse.Namespace) -> int:
    """Every finding of every model; 1 when one of them is bad."""
    from instrument.model.verify import Finding, findings

    language, given = language_of(read_rig().language), _given()
    paths = [_path(name) for name in args.name] or list(model_folders(given))
    ours = shipped("models").resolve()
    told: list[tuple[Path, list[Finding]]] = []
    with _late_bar(len(paths), say("models.verifying", language)) as bar:
        job = bar.task_ids[0]
        for i, path in enumerate(paths):
            bar.update(job, completed=i * FINDINGS, what=called(path))
            told.append((path, []))
            for found in findings(path, Noise(0), shipped=path.resolve().parent == ours, given=given):
                told[-1][1].append(found)
                bar.advance(job)
    count = {grade: sum(f.grade == grade for _, rows in told for f in rows) for grade in _MARK}
    held = [called(path) for path, rows in told if any(f.grade == "held" for f in rows)]
    if args.json:
        models = [{"model": called(path), "findings": [{"grade": f.grade, "about": f.about, "text": f.text}
                                                       for f in rows]} for path, rows in told]  # fmt: skip
        print(json.dumps({"models": models, "bad": count["bad"], "held": held}, indent=1, ensure_ascii=False))
        return 1 if count["bad"] else 0
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal  # a pipe gets a line a finding
    for path, rows in told:
        console.print(Text(called(path), style="bold"))
        for f in rows:
            mark, colour = _MARK[f.grade]
            console.print(Text(f"  {mark} ", style=colour) + Text(f"{f.about}: {f.text}"))
    summary = say("models.summary", language, models=len(told), bad=count["bad"], warn=count["warn"])
    console.print(Text(summary, style="red" if count["bad"] else "green"))
    if held:
        console.print(Text(say("models.held", language, names=", ".join(held)), style="cyan"))
    return 1 if count["bad"] else 0
