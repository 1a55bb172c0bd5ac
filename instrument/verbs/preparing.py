"""Preparing: the laws compiled with a bar, once on a machine, before anything that plays. Under the verbs."""

from __future__ import annotations

import os
import subprocess
import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from instrument.machine_code import can_be_kept, forget_old, is_ready, now_ready
from instrument.text import say


def prepare(language: str) -> None:
    """Compile what playing needs, unless that was done here before or cannot be kept.

    In a process of its own (`rosin warm`): kernels that were warmed take no other dtypes, and whoever asks may yet
    need them. The bar is on stderr. If it fails, playing compiles for itself and says what is wrong.
    """
    if is_ready() or not can_be_kept():
        return
    command = [sys.executable, "-m", "instrument", "warm"]
    subprocess.run(command, stdout=subprocess.DEVNULL, env={**os.environ, "ROSIN_LANGUAGE": language}, check=False)


def compile_all(language: str) -> None:
    """Compile every law, or load what was compiled, with a bar on stderr."""
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
