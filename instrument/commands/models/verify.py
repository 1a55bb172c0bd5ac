"""rosin models verify: is what a model says of itself true, and may it be played. Every finding, in two languages."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress
from rich.text import Text

from instrument.base.console import console, words
from instrument.base.paths import shipped
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.commands.models.model_paths import given, path_of
from instrument.documents.rig import read_rig
from instrument.model.library.finder import called, model_folders

_MARK = {"good": ("✓", "green"), "warn": ("!", "yellow"), "held": ("‖", "cyan"), "bad": ("✗", "red")}
PATIENCE_S = 2.0
"""What takes longer gets a bar."""
FINDINGS = 12
"""About as many there are on a model; only the bar counts on it."""


def add(what: Any) -> None:
    """The verb's own arguments, under `rosin models`."""
    verifying = what.add_parser(
        "verify",
        help="hashes, licences, sound and speed; exit 1 on any fault",
        epilog="example: rosin models verify",
        description="Look at all that can be known of a model before playing it. A model without credits that says so "
        "has no fault: it is marked, and plays only with --allow-uncredited. Exit 1 on any fault.",
    )
    verifying.add_argument("name", nargs="*", help="names, folders or bundles; default every model found")
    verifying.add_argument("--json", action="store_true", help="for programs")
    verifying.set_defaults(run=run_verify)


@contextmanager
def _late_bar(total: int, said: str) -> Iterator[Progress]:
    """A bar on stderr that comes only when one has waited for a while."""
    errors = console(stderr=True)
    bar = Progress(words(said), BarColumn(), words("{task.fields[what]}"), console=errors, transient=True)
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
    from instrument.model.report.check_result import CheckResult, topic
    from instrument.model.report.trial import tried

    language, here = language_of(read_rig().language), given()
    paths = [path_of(name) for name in args.name] or list(model_folders(here))
    ours = shipped("models").resolve()
    told: list[tuple[Path, list[CheckResult]]] = []
    with _late_bar(len(paths), say("models.verifying", language)) as bar:
        job = bar.task_ids[0]
        for i, path in enumerate(paths):
            bar.update(job, completed=i * FINDINGS, what=called(path))
            told.append((path, []))
            for found in tried(path, shipped=path.resolve().parent == ours, given=here, language=language):
                told[-1][1].append(found)
                bar.advance(job)
    count = {grade: sum(f.grade == grade for _, rows in told for f in rows) for grade in _MARK}
    held = [called(path) for path, rows in told if any(f.grade == "held" for f in rows)]
    if args.json:
        models = [
            {"model": called(path), "findings": [{"grade": f.grade, "about": f.about, "text": f.text} for f in rows]}
            for path, rows in told
        ]
        print(json.dumps({"models": models, "bad": count["bad"], "held": held}, indent=1, ensure_ascii=False))
        return 1 if count["bad"] else 0
    shown = console()
    shown.soft_wrap = not shown.is_terminal  # a pipe gets a line a finding
    for path, rows in told:
        shown.print(Text(printable(called(path)), style="bold"))
        for f in rows:
            mark, colour = _MARK[f.grade]
            shown.print(Text(f"  {mark} ", style=colour) + Text(printable(f"{topic(f.about, language)}: {f.text}")))
    summary = say("models.summary", language, models=len(told), bad=count["bad"], warn=count["warn"])
    shown.print(Text(summary, style="red" if count["bad"] else "green"))
    if held:
        shown.print(Text(printable(say("models.held", language, names=", ".join(held))), style="cyan"))
    return 1 if count["bad"] else 0
