"""Listening: every few minutes a network in training is heard on sounds it does not learn from. By loop.

Figures of a few held-out clips in a line and in ``figures.csv``, spectrograms and the curve of the loss as pictures.
It never takes more than a twentieth of the time, however rarely that is, and changes nothing of the training.
"""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

from instrument.training.data.corpus import Corpus
from instrument.training.learning import pictures
from instrument.training.learning.state import TrainingLoop
from instrument.training.learning.trial import again, held_out_figures

FIGURES, LOSS = "figures.csv", "loss.png"
CLIPS, PICTURED = 4, 3
SHARE = 20.0
"""Between two times there are so many times the seconds that one takes."""
TOLD = ("spectral_distance_db", "stft_distance", "loudness_correlation", "pitch_30_cents_share")
"""Figures in the line; all are in the table."""


def in_words(figures: dict[str, float]) -> str:
    """spectral distance 5.4 dB, loudness correlation 0.98, pitch 30 cents 87 %."""
    words = []
    for key in [key for key in TOLD if key in figures] or list(figures)[:4]:
        name = key.removesuffix("_db").removesuffix("_share").replace("_", " ")
        value = figures[key]
        words.append(f"{name} {100 * value:.0f} %" if key.endswith("_share") else f"{name} {value:.3g}")
        words[-1] += " dB" if key.endswith("_db") else ""
    return ", ".join(words)


class Listener:
    """``every``: minutes of work between two times, 0 for the end alone; ``folder``: where all is written."""

    def __init__(self, folder: Path, every: float = 10.0, pictured: bool = True) -> None:
        self.folder, self.every, self.pictured = folder, every, pictured and pictures.can_draw()
        self._next_s: float | None = None
        self._least_s = 0.0

    def is_time(self, seconds: float) -> bool:
        """Whether it is, after so many seconds of work."""
        if self.every <= 0.0:
            return False
        if self._next_s is None:
            gap = 60.0 * self.every
            self._next_s = (seconds // gap + 1.0) * gap
        return seconds >= self._next_s

    def listen(self, loop: TrainingLoop, corpus: Corpus) -> str:
        """Measure, write and draw; the figures in one line, or a sentence when they could not be written."""
        began = time.monotonic()
        network = loop.plain()
        found = held_out_figures(network, corpus, most=CLIPS)
        line = f"step {loop.step}, {min(CLIPS, len(corpus.held_out))} held-out sounds: {in_words(found)}"
        row = {"step": loop.step, "minutes": round(loop.seconds / 60.0, 3), **found}
        try:
            rows = self.written(row)
            if self.pictured:
                self.draw(loop, corpus, network, rows)
        except OSError as error:
            line += f" (not written: {error.strerror})"
        self._next_s = loop.seconds + max(60.0 * self.every, SHARE * (time.monotonic() - began))
        return line

    def written(self, row: dict[str, Any]) -> list[dict[str, float]]:
        """The table with one more row; what a run that was killed wrote of later steps is taken out."""
        path = self.folder / FIGURES
        rows: list[dict[str, float]] = []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                read = csv.DictReader(file)
                if read.fieldnames == list(row):
                    rows = [{key: float(value) for key, value in each.items()} for each in read]
        except (OSError, ValueError, TypeError):
            pass  # none yet, or one that is no table: it is begun anew
        rows = [each for each in rows if each["step"] < row["step"]] + [row]
        text = io.StringIO()
        out = csv.DictWriter(text, list(row), lineterminator="\n")
        out.writeheader()
        out.writerows({key: f"{value:g}" for key, value in each.items()} for each in rows)
        fresh = path.with_suffix(".part")
        fresh.write_text(text.getvalue(), encoding="utf-8")
        fresh.replace(path)
        return rows

    def draw(self, loop: TrainingLoop, corpus: Corpus, network: Any, rows: list[dict[str, float]]) -> None:
        """step-000500.png and loss.png."""
        # the longest say most; and at every time the same ones
        clips = sorted(corpus.held_out, key=lambda clip: -len(clip.audio))[:PICTURED]
        pairs = [(clip.name, *again(network, clip)) for clip in clips]
        words = f"{self.folder.name} after {loop.step:,} steps: sounds it has never learned from"
        path = self.folder / f"step-{loop.step:06d}.png"
        pictures.draw_spectrograms(path, pairs, network.shape.sample_rate, words)
        if loop.history:
            pictures.draw_loss(self.folder / LOSS, loop.history, rows)
