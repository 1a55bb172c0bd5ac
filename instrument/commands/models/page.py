"""Page: a model's card, credits and figures on one page of a terminal. After library, for `rosin models show`."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from instrument.base.console import console
from instrument.base.errors import RosinError
from instrument.base.printable import printable, printable_lines, sentences
from instrument.base.text import catalogue, say
from instrument.base.units import number_in
from instrument.model.atlas.atlas import Atlas
from instrument.model.library.card import Card
from instrument.model.library.card_latents import Latent
from instrument.model.library.credit_lines import credits_line, energy_words, trained_words
from instrument.model.library.credits import Credits
from instrument.model.library.lineage import Ancestor
from instrument.model.report.probe import Load

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 32
PAGE = 100
KNOBS_SHOWN = 12
AUTHORS_SHOWN = 4
FIGURES_SHOWN = 6
LABELS = 13


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is known of a model besides its card; whatever could not be had is a RosinError and shown as one.

    ``line``: its ancestors, nearest first, with where they lie here; ``bytes``: of all its files.
    """

    credits: Credits | RosinError | None = None
    atlas: Atlas | RosinError | None = None
    load: Load | RosinError | None = None
    line: Sequence[tuple[Ancestor, Path | None]] = ()
    bytes: int = 0


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


def number(value: float, language: str, digits: int = 3) -> str:
    """Some digits of a number, as a language writes it; never with an exponent where it is a thousand or so."""
    said = f"{value:.0f}" if 10**digits <= abs(value) < 1e9 else f"{value:.{digits}g}"
    return number_in(language, said)


def figure(key: str, value: Any, language: str) -> str:
    """One figure of a card in words: ``spectral_distance_db = 4.34`` is `spectral distance 4.3 dB`."""
    stem, unit = key, ""
    for tail, said in (("_db", " dB"), ("_share", " %"), ("_cents", " cents"), ("_ms", " ms")):
        if key.endswith(tail):
            stem, unit = key.removesuffix(tail), said
    name = say(f"figure.{stem}", language) if f"figure.{stem}" in catalogue() else stem.replace("_", " ")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return f"{name} {value}"
    return f"{name} {number(100.0 * value if unit == ' %' else value, language)}{unit}"


def _word(key: str, language: str) -> str:
    return say(f"page.{key}", language)


def _bar(share: float, width: int = 10) -> Text:
    """A share as a bar, to an eighth of a column; full only when nothing is lacking."""
    eighths = math.floor(8 * width * min(1.0, max(0.0, share)))
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
    return Text(bar, style="green").append("░" * (width - len(bar)), style="dim")


def _knobs(latents: Sequence[Latent], language: str, width: int) -> RenderableType:
    """A line a knob: its name, which way it leads, the values met, its range, how well the encoder hears it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    label = min(22, max((len(one.label.of(language)) for one in latents), default=1))
    columns = max(12, min(WIDTH, width - label - 44))
    for one in latents[:KNOBS_SHOWN]:
        known = one.fidelity > 0.0
        table.add_row(
            Text(printable(one.label.of(language)[:label]), style="bold" if one.role != "latent" else ""),
            Text("↑" if one.sign > 0 else "↓", style="dim"),
            Text(histogram(one, columns), style="cyan"),
            f"{number(one.low, language)} … {number(one.high, language)}",
            _bar(one.fidelity) if known else "",
            f"{100 * one.fidelity:.0f} %" if known else "–",
        )
    if (rest := len(latents) - KNOBS_SHOWN) > 0:
        table.add_row(Text(say("sheet.more_knobs", language, count=rest), style="dim"))
    return table


def _authors(credits: Credits, language: str) -> Iterator[Text]:
    """A line per author and licence, who gave most first: minutes, sounds, licence, name."""
    groups: dict[tuple[str, str], list[float]] = {}
    for sound in credits.sounds:
        groups.setdefault((sound.author, sound.licence), []).append(sound.seconds)
    rows = sorted(groups.items(), key=lambda row: -sum(row[1]))
    for (author, licence), seconds in rows[:AUTHORS_SHOWN]:
        length = number(sum(seconds) / 60, language)
        line = Text(say("sheet.gave", language, minutes=length, count=len(seconds)), style="bold")
        yield line.append(f" {printable(licence, PAGE)} ", style="not bold cyan").append(
            printable(author, PAGE), style="not bold"
        )
    if (rest := len(rows) - AUTHORS_SHOWN) > 0:
        yield Text(say("sheet.more_authors", language, count=rest), style="dim")


def _training(card: Card, credits: Credits | None, language: str) -> str:
    """How long, how far, on what, at what cost, by whom."""
    facts, training = [], card.training
    if credits is not None:
        made = credits.made
        length = f"{number(made.hours, language)} h" if made.hours >= 1 else f"{number(60 * made.hours, language)} min"
        facts += [length] if made.hours > 0 else []
    if isinstance(steps := training.get("steps"), int):
        facts.append(say("sheet.steps", language, count=steps))
    facts += [figure(key, training[key], language) for key in ("imported_from", "eco_snr_db") if key in training]
    if credits is not None and credits.made.by:
        made = credits.made
        facts += [*filter(None, (made.machine, energy_words(made, language), trained_words(made, language), made.note))]
    return " · ".join(facts)


def _equality(card: Card, language: str) -> str:
    """Largest difference from the network it was exported from, by method."""
    for key in ("equality_error_1000_blocks", "largest_difference"):
        if isinstance(found := card.training.get(key), Mapping):
            parts = [f"{name.replace('_', ' ')} {value}" for name, value in found.items()]
            return say(
                "sheet.equality", language, errors=", ".join(parts), blocks=card.training.get("blocks_compared", 1000)
            )
    return ""


def _line(line: Sequence[tuple[Ancestor, Path | None]], language: str) -> Text:
    """The ancestors as a tree that never branches."""
    text = Text()
    for i, (one, path) in enumerate(line):
        here = _word("here" if path else "not_here", language)
        text.append("\n" if i else "").append(f"{'   ' * i}└─ ", style="dim")
        text.append(printable(one.name, PAGE) or "?").append(f" · {one[:12]} · ", style="dim").append(
            here, style="" if path else "dim"
        )
        if whose := " · ".join(filter(None, (", ".join(one.authors), one.licence))):
            text.append(f" · {printable(whose, 2 * PAGE)}", style="dim")
    return text


def _load(load: Load | RosinError, language: str) -> Text:
    if isinstance(load, RosinError):
        return Text(sentences(load), style="red")
    said = say("sheet.load", language, decode=f"{100 * load.decode:.0f}")
    if load.encode > 0.0:
        said += say("sheet.load_ears", language, both=f"{100 * load.both:.0f}")
    return Text(said, style="yellow" if load.both > 0.5 else "")


def page(card: Card, around: PageFacts, language: str = "en", width: int = PAGE) -> RenderableType:
    """One page: what it is, what it can, whom it learned from, what it cost. For a terminal of ``width`` columns."""
    credits = around.credits if isinstance(around.credits, Credits) else None
    head = Text(printable(card.title.of(language), PAGE), style="bold").append(f"  {card.name}", style="not bold dim")
    about = Text(printable_lines(card.about.of(language)) or "–")
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", width=LABELS, overflow="fold")
    table.add_column(overflow="fold")

    def row(key: str, text: RenderableType | str) -> None:
        if text:
            table.add_row(_word(key, language), Text(printable(text)) if isinstance(text, str) else text)

    row("by", f"{', '.join(card.authors) or '–'} · {card.licence}")
    channels = _word("stereo" if card.channels == 2 else "mono", language)
    late = number(1000 * card.delay_samples / card.sample_rate, language)
    rate = f"{number(card.sample_rate / 1000, language)} kHz {channels}"
    row(
        "sound",
        f"{card.family} · {rate} · {_word('frame', language)} {card.ratio} {_word('samples', language)} "
        f"· {_word('delay', language)} {late} ms",
    )
    sizes = ", ".join(f"{name} {count:,}".replace(",", "\u202f") for name, count in card.params.items())
    megabytes = say("sheet.megabytes", language, size=number(around.bytes / 1e6, language)) if around.bytes else ""
    row("size", " · ".join(filter(None, (megabytes, f"{sizes} {_word('parameters', language)}" if sizes else ""))))
    if around.load is not None:
        row("load", _load(around.load, language))
    table.add_row("", "")
    heading = f"{len(card.latents)} {_word('latents', language)}: {_word('met', language)} · {_word('hear', language)}"
    row("knobs", Text(heading, style="dim italic"))
    below = Table.grid(padding=(0, 1))
    below.add_column(style="dim", width=LABELS, overflow="fold")
    below.add_column(overflow="fold")
    above, table = table, below
    table.add_row("", "")
    if isinstance(around.credits, RosinError):
        row("credits", Text(sentences(around.credits), style="red"))
    elif credits is None:
        row("credits", Text(credits_line(None, language), style="yellow"))
    elif not credits.sounds:
        row("credits", credits_line(credits, language))
    else:
        count, minutes = len(credits.sounds), number(credits.seconds / 60, language)
        row(
            "credits",
            Group(Text(say("sheet.learned", language, count=count, minutes=minutes)), *_authors(credits, language)),
        )
    if isinstance(around.atlas, RosinError):
        row("atlas", Text(sentences(around.atlas), style="red"))
    elif around.atlas is not None:
        anchors, clips, authors = len(around.atlas.chart.sound), around.atlas.clips, len(around.atlas.authors)
        row("atlas", say("atlas.line", language, anchors=anchors, clips=clips, authors=authors))
    row("training", _training(card, credits, language))
    held_out = card.training.get("held_out")
    if isinstance(held_out, Mapping):
        figures = [
            figure(k, v, language) for k, v in held_out.items() if "tracked" not in k and not isinstance(v, Mapping)
        ]
        count = card.training.get("held_out_sounds", "?")
        row("held_out", f"{say('sheet.held_out', language, count=count)} {' · '.join(figures[:FIGURES_SHOWN])}")
    row("equality", _equality(card, language))
    if around.line:
        row("from", _line(around.line, language))
    elif card.sha256:
        row("from", _word("first", language))
    row("hash", Text(card.sha256, style="dim"))
    knobs = Padding(_knobs(card.latents, language, width - 4), (0, 0, 0, 2))
    return Group(Panel(about, title=head, title_align="left", border_style="cyan", padding=(0, 1)), above, knobs, below)


def show_page(
    card: Card, credits: Credits | None, language: str = "en", atlas: Atlas | RosinError | None = None
) -> str:
    """The page as plain text, for what has no terminal."""
    shown = console(width=PAGE, file=io.StringIO(), color_system=None)
    shown.print(page(card, PageFacts(credits, atlas), language))
    return "\n".join(line.rstrip() for line in shown.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]
