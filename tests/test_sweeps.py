"""Knobs that are turned fast on the shipped models: no click, no zipper, and what is named is heard to follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stage import now, play
from test_tuning import blocks, engine_on

from instrument.engine.control import QUANTUM
from instrument.ipc import Kind
from instrument.model.library.card import Card, read_card

MODELS = Path(__file__).parent.parent / "models"
RATE = 48000
SHIPPED = sorted(card.parent.name for card in MODELS.glob("*/card.toml"))


def named(card: Card) -> list[str]:
    """Knobs that carry the name of what they do."""
    return [latent.id for latent in card.latents[2:] if latent.label.en != latent.id]


def seams(sound: np.ndarray) -> float:
    """How rough the wave is where two blocks meet, against everywhere else: 1 without a zipper, more with one."""
    corner = np.abs(np.diff(sound.astype(np.float64), 3))
    corner = corner[: len(corner) // QUANTUM * QUANTUM].reshape(-1, QUANTUM)
    corner = corner / (np.median(corner, 1, keepdims=True) + 1e-9)  # every block counts alike, loud or soft
    return float(corner[:, -3:].mean() / corner[:, 8:-8].mean())


@pytest.mark.parametrize("model", SHIPPED)
def test_at_least_three_knobs_are_named_by_a_clear_intervention(model: str) -> None:
    card = read_card(MODELS / model)
    rho = card.training["interventions"]
    clear = [id for id in named(card) if max(abs(r) for r in rho[id].values()) >= 0.8]
    assert len(clear) >= 3, rho


@pytest.mark.parametrize("model", SHIPPED)
def test_a_knob_turned_at_once_or_fast_makes_no_zipper_and_no_click(model: str) -> None:
    card = read_card(MODELS / model)
    for id in named(card)[:4]:
        engine = engine_on(model)
        knob = engine.layer.table.index(id)
        now(engine, Kind.NOTE_ON, 55, 0.7)
        play(engine, blocks(0.4))
        moved = []
        for k in range(300):  # there and back in a second, in the steps of a controller
            now(engine, Kind.KNOB, knob, round(127 * (0.5 - 0.5 * np.cos(k / 60.0))) / 127)
            moved.append(play(engine, 1)[0])
        assert seams(np.concatenate(moved)) < 1.15, f"{id} zips"
        leaps = []
        for k in range(60):  # from end to end, 18 times a second
            now(engine, Kind.KNOB, knob, float(k % 2))
            leaps.append(play(engine, 20)[0])
        assert seams(np.concatenate(leaps)) < 1.15, f"{id} clicks"


def test_the_measure_of_seams_hears_a_zipper_of_three_per_cent_and_a_click() -> None:
    t = np.arange(300 * QUANTUM) / RATE
    smooth = sum(np.sin(2 * np.pi * 196.0 * k * t + k) / k for k in range(1, 20)) * 0.1
    noise = np.random.default_rng(2).standard_normal(len(t)) * 0.001
    assert seams(smooth + noise) == pytest.approx(1.0, abs=0.1)
    steps = 1.0 + 0.03 * np.random.default_rng(3).standard_normal(300)
    assert seams(smooth * np.repeat(steps, QUANTUM) + noise) > 1.3
    clicks = np.repeat((np.arange(300) // 20) % 2, QUANTUM) * 0.02
    assert seams(smooth + clicks + noise) > 1.15
