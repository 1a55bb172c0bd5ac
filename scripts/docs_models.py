"""The generated parts of docs/models.md: the shipped models and their figures, from their cards. For make_docs.py."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from instrument.model.library.card import Card, read_card

HOME = Path(__file__).resolve().parent.parent
MODELS = HOME / "models"
COMPARED, COMPARED_WITH = HOME / "data" / "compared.csv", "first-bow"
"""Figures of other networks, and the model whose held-out sounds they are of."""
FIGURES = {
    "spectral_distance_db": "log-spectral distance, dB",
    "spectral_distance_tracked_db": "the same, played at the tracker's pitch, dB",
    "stft_distance": "multi-scale STFT distance",
    "loudness_correlation": "loudness curve, correlation",
    "pitch_30_cents_share": "pitch within 30 cents, by its own ear, %",
    "pitch_30_cents_tracked_share": "the same, played at the tracker's pitch, %",
}
"""In the order of the table; shares are shown in per cent."""


def cards() -> list[Card]:
    return [read_card(path.parent) for path in sorted(MODELS.glob("*/card.toml"))]


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _shown(name: str, value: object) -> str:
    if value is None or value == "":
        return "-"
    number = float(str(value))
    return f"{100.0 * number:.1f}" if name.endswith("_share") else f"{number:.2f}"


def models() -> str:
    rows = []
    for card in cards():
        done = card.training
        size = sum(path.stat().st_size for path in (MODELS / card.name).iterdir())
        rows.append(
            [
                f"`{card.name}`",
                f"{card.title.en} / {card.title.fr}",
                f"{60.0 * done['hours_of_sound']:.1f}",
                str(done["sounds"]),
                f"{sum(card.params.values()) / 1000:.0f} k",
                f"{done['steps']}",
                f"{done['minutes']:.0f}",
                f"{done['energy_estimate_wh']:.0f}",
                f"{size / 1e6:.1f}",
                card.licence,
            ]
        )
    return _table(
        ["model", "title", "minutes of sound", "sounds", "parameters", "steps", "minutes of training", "Wh (estimated)",
         "MB", "licence"], rows,
    )  # fmt: skip


def figures() -> str:
    """A column a model, and those of other networks on the same held-out sounds (data/compared.csv)."""
    columns = {f"`{card.name}`": dict(card.training["held_out"]) for card in cards()}
    counts = {f"`{card.name}`": card.training["held_out_sounds"] for card in cards()}
    if COMPARED.is_file():
        with COMPARED.open(encoding="utf-8", newline="") as lines:
            for line in csv.DictReader(lines):
                columns[line.pop("network")] = line
    rows = [["held-out sounds", *(str(counts.get(name, counts[f"`{COMPARED_WITH}`"])) for name in columns)]]
    rows += [[words, *(_shown(name, held.get(name)) for held in columns.values())] for name, words in FIGURES.items()]
    return _table(["", *columns], rows)


def knobs() -> str:
    rows = []
    for card in cards():
        rho = card.training["interventions"]
        for latent in card.latents[2:]:
            table = rho.get(latent.id, {})
            if latent.label.en == latent.id or not table:
                continue
            best = table.get(latent.label.en, max(table.values(), key=abs))
            rows.append(
                [
                    f"`{card.name}`",
                    f"`{latent.id}`",
                    f"{latent.label.en} / {latent.label.fr}",
                    f"{best:+.2f}",
                    f"{latent.fidelity:.2f}",
                ]
            )
    return _table(["model", "knob", "name", "rho of the intervention", "fidelity"], rows)


PARTS: dict[str, Callable[[], str]] = {"models": models, "figures": figures, "knobs": knobs}
