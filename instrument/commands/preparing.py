"""Preparing: the laws compiled with a bar, once on a machine, before anything that plays. Under the verbs."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

from instrument.base.console import console, words
from instrument.base.machine_code import can_be_kept, forget_old, is_ready, now_ready
from instrument.base.processes import command_of
from instrument.base.text import say

HEAVY = {
    "chance.words": 0.9,
    "chance.dice": 1.5,
    "friction.bearing": 2.7,
    "model.atlas.atlas": 1.0,
    "engine.effects.tape_effect": 2.7,
    "engine.effects.guard": 1.2,
    "engine.engine": 1.5,
}
"""Steps that take long, in shares of each other (measured, cold); the others take about a third of a second."""
LEAST_KNOWN = 0.1
"""Of the work, before it is believed how fast this machine is."""


def prepare(language: str) -> None:
    """Compile what playing needs, unless that was done here before or cannot be kept.

    In a process of its own (`rosin warm`): kernels that were warmed take no other dtypes, and whoever asks may yet
    need them. The bar, or the words without a terminal, are on stderr. If it fails, playing compiles for itself and
    says what is wrong.
    """
    if is_ready() or not can_be_kept():
        return
    command = command_of("instrument", "warm")
    subprocess.run(command, stdout=subprocess.DEVNULL, env={**os.environ, "ROSIN_LANGUAGE": language}, check=False)


class TimeLeft(ProgressColumn):
    """How long it takes yet, by what the steps so far took; steps are as long as they are heavy."""

    def __init__(self, language: str) -> None:
        super().__init__(Column(no_wrap=True))
        self._language = language

    def render(self, task: Task) -> Text:
        """In words; before there is anything to go by, what it takes on most machines."""
        begun: float = task.fields["begun"]  # seconds from the start to the present step
        if task.completed < LEAST_KNOWN * (task.total or 1.0):
            return Text(say("preparing.minute", self._language), style="dim")
        pace = begun / task.completed
        left = pace * ((task.total or 1.0) - task.completed) - ((task.elapsed or 0.0) - begun)
        return Text(say("preparing.left", self._language, seconds=f"{max(left, 1.0):.0f}"), style="dim")


def compile_all(language: str) -> None:
    """Compile every law, or load what was compiled: with a bar on stderr, or with a line at its beginning and its end
    where there is no terminal. What is there already is loaded without a word."""
    from instrument.engine.warm import steps

    forget_old()
    work = list(steps())
    errors = console(stderr=True)
    told = not errors.is_terminal and not is_ready()
    begin = time.monotonic()
    if told:
        print(say("preparing.begins", language), file=sys.stderr, flush=True)
    columns = (words(say("preparing", language)), BarColumn(14), words("{task.fields[what]}"), TimeLeft(language))
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        job = progress.add_task("", total=sum(_weight(what) for what, _ in work), what="", begun=0.0)
        for what, how in work:
            room = say(f"preparing.room.{what.partition('.')[0]}", language)
            progress.update(job, what=room, begun=time.monotonic() - begin)
            how()
            progress.advance(job, _weight(what))
    now_ready()
    if told:
        print(say("preparing.done", language, seconds=f"{time.monotonic() - begin:.0f}"), file=sys.stderr, flush=True)


def _weight(what: str) -> float:
    return HEAVY.get(what, 0.35)
