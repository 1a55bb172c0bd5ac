"""A tiny model with an atlas of two places, each of one author's sounds, and excerpts that can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from doubles import tiny_card, tiny_model

from instrument.documents.patch import Patch
from instrument.engine.engine import Engine
from instrument.model.atlas.chart import Chart, write_chart
from instrument.model.atlas.excerpts import RATE_HZ, Excerpts, encoded
from instrument.model.library.card import write_card
from instrument.model.library.credits import Credits, Made, Sound
from instrument.storage.bank import open_part

SOUNDS = tuple(
    Sound(f"Sound {i}", author, f"https://example.org/{i}", licence, "given", 10.0 * (i + 1), f"{i}" * 64)
    for i, (author, licence) in enumerate(
        [("Ada", "CC0-1.0"), ("Ada", "CC-BY-4.0"), ("Bo", "LicenseRef-Own"), ("Bo", "CC-BY-4.0")]
    )
)
CREDITS = Credits("tiny", Made("Ada", "2025-01-01", 1.5, "a laptop", 80.0), SOUNDS)
PLACES = (-2.0, -1.0, 1.0, 2.0)
"""z1 of each sound's anchors."""
HZ = {0: 330.0, 1: 440.0, 3: 660.0}
"""What the excerpt of each sound is; there is none of the third, which may not be passed on."""
SECONDS = 1.0


def tone(hz: float) -> np.ndarray:
    t = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    edges = np.minimum(1.0, np.minimum(t, SECONDS - t) / 0.01)
    return np.round(0.7 * 32767 * edges * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def excerpts() -> Excerpts:
    audio = np.concatenate([tone(hz) for hz in HZ.values()])
    ends = np.arange(1, len(HZ) + 1, dtype=np.int32) * int(SECONDS * RATE_HZ)
    return Excerpts(np.array(list(HZ), np.int32), np.zeros(len(HZ), np.float32), ends, audio, encoded(audio))


def chart(heard: Excerpts | None = None, each: int = 10) -> Chart:
    """Ten anchors round each place, in the latent z1 alone."""
    rng = np.random.default_rng(0)
    at = np.repeat(np.array(PLACES), each) + 0.01 * rng.standard_normal(4 * each)
    rise = np.linspace(0.0, 3.0, 33).astype(np.float32)
    return Chart(
        np.array([1], np.int32), np.zeros(1, np.float32), np.eye(1, dtype=np.float32), at[:, None].astype(np.float32),
        np.repeat(np.arange(4), each).astype(np.int32), np.tile(np.arange(each), 4).astype(np.float32) / 10,
        np.full(4 * each, 0.25 / each, np.float32), rise, rise, np.array([0.05, 0.5], np.float32), heard,
    )  # fmt: skip


def model(folder: Path, with_excerpts: bool = True) -> Path:
    """A whole model folder."""
    tiny_model(folder, credits=CREDITS)
    write_chart(chart(excerpts() if with_excerpts else None), folder)
    write_card(tiny_card(name=folder.name), folder)
    return folder


def engine(folder: Path, z1: float = -2.0, with_excerpts: bool = True, **changes: object) -> Engine:
    """One that sounds always, with z1 at rest at a place. ``folder``: for the model, ``folder / "near"``."""
    if not (folder / "near").exists():
        model(folder / "near", with_excerpts)
    patch = Patch("near", "near", sounds="always", difficulty=0.0, **changes)  # type: ignore[arg-type]
    part = open_part(patch, models=str(folder), provider="cpu")
    assert part.place is not None
    part.place.load_excerpts()
    made = Engine(part)
    made.layer.control.place_knob(part.table.index("loudness"), 1.0, 0.0, 0)  # below, the tiny model hums up to a trip
    place(made, z1)
    return made


def place(made: Engine, z1: float) -> None:
    """Put the knob of z1 where the latent is ``z1``."""
    knob = made.layer.table.index("z1")
    made.layer.control.place_knob(knob, made.layer.table[knob].raw(z1), 0.0, 0)
