"""Page: a model's card and credits on one page of text. After library, for `rosin models show`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from instrument.errors import RosinError
from instrument.model.atlas import Atlas
from instrument.model.card import Card, Latent
from instrument.model.credits import Credits, energy_words, no_credits, roll
from instrument.text import say

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 32
PAGE = 96


def histogram(latent: Latent, width: int = WIDTH) -> str:
    """The values met in training from ``low`` to ``high``, one block a column; a flat line when nothing is known."""
    counts = latent.histogram
    if not counts or max(counts) <= 0.0:
        return "·" * width
    columns = [0.0] * width
    for i in range(width):
        # Shares of the bins that a column covers, so that any number of counts fits the width.
        begin, end = i * len(counts) / width, (i + 1) * len(counts) / width
        for k in range(int(begin), min(len(counts), int(end) + 1)):
            columns[i] += counts[k] * max(0.0, min(end, k + 1) - max(begin, k))
    top = max(columns)
    return "".join(BARS[0 if c <= 0.0 else max(1, round(c / top * (len(BARS) - 1)))] for c in columns)


def _number(value: float, language: str, digits: int = 3) -> str:
    said = f"{value:.{digits}g}"
    return said.replace(".", ",") if language == "fr" else said


def _latents(latents: Sequence[Latent], language: str) -> list[str]:
    lines = []
    width = max(len(latent.label.of(language)) for latent in latents)
    for latent in latents:
        arrow = "↑" if latent.sign > 0 else "↓"
        numbers = f"{_number(latent.low, language)} … {_number(latent.high, language)}"
        fidelity = f"{latent.fidelity * 100:3.0f} %" if latent.fidelity > 0 else "  – %"
        lines.append(
            f"  {latent.label.of(language):<{width}} {arrow} {histogram(latent)} {numbers:>15}  {fidelity}".rstrip()
        )
    return lines


def _facts(training: Mapping[str, object], language: str) -> list[str]:
    """The numbers and words of a training, without hashes and inner tables: those are for programs."""
    facts = []
    for key, value in training.items():
        name = key.replace("_", " ")
        if isinstance(value, float):
            facts.append(f"{name} {_number(value, language, 4)}")
        elif isinstance(value, int) or (isinstance(value, str) and len(value) < 60):
            facts.append(f"{name} {value}")
    return facts


def show_page(
    card: Card, credits: Credits | None, language: str = "en", atlas: Atlas | RosinError | None = None
) -> str:
    """One page: what it is, what it can, whom it learned from. ``credits`` None: it has none, and that is said.

    ``atlas``: what it knows of its neighbours, or why that cannot be read; without one there is no line for it.
    """

    def word(key: str) -> str:
        return say(f"page.{key}", language)

    def row(key: str, text: str) -> str:
        return textwrap.fill(text, PAGE, initial_indent=f"{word(key):<14} ", subsequent_indent=" " * 15)

    lines = [f"{card.title.of(language)}  ({card.name})", "=" * (len(card.title.of(language)) + len(card.name) + 4)]
    if about := card.about.of(language):
        lines += [about]
    lines += ["", row("by", f"{', '.join(card.authors) or '–'} · {card.licence}"), row("family", card.family)]
    channels = word("stereo" if card.channels == 2 else "mono")
    lines.append(row("sound", f"{card.sample_rate} Hz {channels}, {word('frame')} {card.ratio} {word('samples')}"))
    milliseconds = _number(1000 * card.delay_samples / card.sample_rate, language)
    lines.append(row("delay", f"{card.delay_samples} {word('samples')} ({milliseconds} ms)"))
    if card.params:
        sizes = ", ".join(f"{name} {count:,}".replace(",", "\u202f") for name, count in card.params.items())
        lines.append(row("size", f"{sizes} {word('parameters')}"))
    if card.derived_from:
        lines.append(row("from", ", ".join(card.derived_from)))
    if card.training:
        lines.append(row("training", "; ".join(_facts(card.training, language))))
    if credits is not None and (energy := energy_words(credits.made, language)):
        lines.append(row("energy", energy))
    if isinstance(atlas, RosinError):
        lines.append(row("atlas", str(atlas)))
    elif atlas is not None:
        anchors, clips, authors = len(atlas.chart.sound), atlas.clips, len(atlas.authors)
        lines.append(row("atlas", say("atlas.line", language, anchors=anchors, clips=clips, authors=authors)))
    if card.sha256:
        lines.append(row("hash", card.sha256))
    lines += ["", f"{word('latents')} ({len(card.latents)}; {word('met')}; {word('hear')})",
              *_latents(card.latents, language), "", word("credits")]  # fmt: skip
    for line in roll(credits, language) if credits else (no_credits(language),):
        lines.append(textwrap.fill(line, PAGE, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines) + "\n"
