"""Preparing: the laws compiled with a bar, once on a machine, before anything that plays. Under the verbs."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from instrument.machine_code import forget_old, is_ready, now_ready
from instrument.text import say


def prepare(language: str, again: bool = False) -> None:
    """Compile what playing needs unless that was done here before; ``again``: at any rate. The bar is on stderr."""
    if is_ready() and not again:
        return
    from instrument.sound.warm import steps

    forget_old()
    work = list(steps())
    errors = Console(stderr=True)
    columns = (TextColumn(say("preparing", language)), BarColumn(), TextColumn("{task.fields[what]}"))
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        job = progress.add_task("", total=len(work), what="")
        for what, how in work:
            progress.update(job, what=what)
            how()
            progress.advance(job)
    now_ready()
