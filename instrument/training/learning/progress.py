"""Progress: what is said while a network learns - how long it will take and cost, where it is, how it does. By loop.

In a terminal a bar that moves; elsewhere plain lines, at most about sixty in a run.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TimeElapsedColumn

from instrument.base.console import console as terminal
from instrument.base.console import words
from instrument.training.learning.objective import ADVERSARY
from instrument.training.learning.state import TrainingLoop

UNCOUNTED, COUNTED = 3, 8
"""The first steps of a run are slow (memory, compiling); after so many more it is known how long one takes."""
LINE_EVERY_S = 30.0
LINES = 50
"""In a run without a terminal, about."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: steps, or else minutes of work (pauses between runs do not count)."""

    minutes: float | None = None
    steps: int | None = None

    def spent(self, step: int, seconds: float) -> float:
        """0 at the start, 1 when done."""
        if self.steps is not None:
            return min(1.0, step / max(1, self.steps))
        return min(1.0, seconds / (60.0 * self.minutes)) if self.minutes else 1.0

    def left_s(self, step: int, seconds: float, step_s: float) -> float:
        """Seconds of work to come when a step takes ``step_s``."""
        if self.steps is not None:
            return max(0, self.steps - step) * step_s
        return max(0.0, 60.0 * (self.minutes or 0.0) - seconds)


def duration(seconds: float) -> str:
    """In words: 40 s, 12 min, 3 h 05 min, 2 days 4 h."""
    minutes = round(seconds / 60.0)
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} days {minutes % 1440 // 60} h"


def energy_words(wh: float) -> str:
    """In the unit that suits: 360 J, 2.2 kJ, 7.5 Wh, 2.3 kWh."""
    if wh < 1.0:
        return f"{3600.0 * wh:.0f} J" if wh < 1.0 / 3.6 else f"{3.6 * wh:.1f} kJ"
    return f"{wh:.1f} Wh" if wh < 10.0 else f"{wh:.0f} Wh" if wh < 1000.0 else f"{wh / 1000.0:.1f} kWh"


class Display:
    """The bar or the lines of one run. ``step`` is told each step, ``say`` anything else."""

    def __init__(self, budget: Budget, console: Console | None = None, quiet: bool = False) -> None:
        self.budget, self.quiet = budget, quiet
        self.console = console or terminal(stderr=True, quiet=quiet)
        live = self.console.is_terminal and not quiet
        self._bar = Progress(
            words("{task.description}"),
            BarColumn(None),
            words("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            words("{task.fields[left]}"),
            console=self.console,
            disable=not live,
            expand=True,
        )
        self._live = live
        self._task = self._bar.add_task("beginning", total=1.0, left="")
        self._times: list[float] = []
        self._estimated = False
        self._line_at = time.monotonic() + LINE_EVERY_S

    def __enter__(self) -> Display:
        self._line_at = time.monotonic() + LINE_EVERY_S
        self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.stop()

    def say(self, words: str) -> None:
        """A line of its own."""
        if words and not self.quiet:
            self.console.print(words, highlight=False, markup=False, soft_wrap=True)

    def step(self, loop: TrainingLoop, spent: float, took_s: float) -> None:
        """After each step: ``spent`` of the budget before it, ``took_s`` seconds of work."""
        self._times.append(took_s)
        del self._times[: -4 * COUNTED]
        if self.quiet:
            return
        if len(self._times) == UNCOUNTED + COUNTED and not self._estimated:
            self._estimated = True
            self.say(self.estimate(loop))
        left = self.left(loop)
        self._bar.update(self._task, completed=spent, description=describe(loop), left=left)
        now = time.monotonic()
        if not self._live and now > self._line_at:
            self.say(f"{100.0 * spent:.0f} %, {describe(loop)}, {left}")
            whole = self.budget.left_s(0, 0.0, self.step_s)
            self._line_at = now + max(LINE_EVERY_S, whole / LINES)

    @property
    def step_s(self) -> float:
        """What a step takes at present."""
        return statistics.median(self._times) if self._times else 0.0

    def left(self, loop: TrainingLoop) -> str:
        if len(self._times) < UNCOUNTED + COUNTED:
            return ""
        return f"{duration(self.budget.left_s(loop.step, loop.seconds, self.step_s))} left"

    def estimate(self, loop: TrainingLoop) -> str:
        """How long and how much, after the first steps, in a sentence."""
        step_s = statistics.median(self._times[UNCOUNTED:])
        left_s = self.budget.left_s(loop.step, loop.seconds, step_s)
        watts = loop.joules / loop.seconds if loop.seconds else 0.0
        steps = f"{left_s / step_s if step_s else 0.0:,.0f} steps"
        cost = f"about {energy_words(watts * left_s / 3600.0)} ({loop.energy_is})"
        return f"{step_s:.2g} s a step ({loop.machine.words()}): {steps}, {duration(left_s)}, {cost}"


def describe(loop: TrainingLoop) -> str:
    """Where it is, in a few words and numbers."""
    words = f"step {loop.step}"
    if loop.history:
        _, total, spectral, nats, pitch, *more = loop.history[-1]
        words += f": loss {total:.3f}, spectrum {spectral:.3f}, {nats:.1f} nats, note {pitch:.2f}"
        if len(more) == 4 and more[3] == ADVERSARY:
            words += f", judges {more[2]:.2f} (fooled {-more[0]:.2f}, alike {more[1]:.2f})"
    return words
