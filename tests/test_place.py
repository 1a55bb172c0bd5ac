"""Viscosity of the known: where the model knows its way the knobs are thick; the frame tells whose sounds are near."""

from __future__ import annotations

import numpy as np
import pytest
from stage import now, null_engine, play

from instrument.base.paths import shipped
from instrument.documents.patch import read_patch
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import fill_frame
from instrument.engine.snapshot import Snapshot
from instrument.ipc import Frame, Kind
from instrument.storage.bank import open_part


class Double:
    """A model that knows everything, or nothing."""

    def __init__(self, known: float) -> None:
        self.known, self.unknown = known, 1.0 - known
        self.nearest = np.arange(8, dtype=np.int32)
        self.weight = np.full(8, 0.125, np.float32)
        self.share = np.array([0.75, 0.25], np.float32)
        self.top = np.array([1, 0, -1, -1, -1, -1, -1, -1], np.int32)
        self.top_share = np.array([0.5, 0.25, 0, 0, 0, 0, 0, 0], np.float32)
        self.excerpts = None
        self.heard_s, self.played_s = np.zeros(2), np.zeros(2)
        self.seen: list[tuple[float, ...]] = []

    def look(self, z: np.ndarray, dt_s: float) -> None:
        assert dt_s == pytest.approx(4 * 128 / 48000)
        self.seen.append(tuple(z.tolist()))

    def sounded(self, seconds: float) -> None:
        self.heard_s[0] += seconds


def lag(known: float, thickness: float) -> float:
    """How far a knob stays behind a hand that has gone half the travel, 60 ms later."""
    engine = null_engine(
        difficulty=5.0, friction={"stick": 0.0, "slide": 0.0, "weight": 20.0, "visc": 0.1, "known": thickness}
    )
    engine.layer.place = Double(known)
    play(engine, 40)
    knob = engine.layer.table.index("glass")
    now(engine, Kind.KNOB, knob, 0.8)
    play(engine, 24)
    return float(engine.layer.control.raw[knob] - engine.layer.control.x[-1, knob])


def test_the_known_is_thick_and_the_unknown_is_thin_or_the_other_way() -> None:
    plain = lag(0.0, 2.0)
    assert lag(1.0, 2.0) > 1.5 * plain
    assert lag(1.0, 0.0) == pytest.approx(plain, abs=1e-6)
    assert lag(1.0, -1.0) < 0.5 * plain


def test_the_frame_tells_the_place() -> None:
    engine, frame = null_engine(), Frame()
    play(engine, 4)
    fill_frame(engine, frame, 1.0)
    assert (frame.known, frame.unknown) == (-1.0, -1.0)
    engine.layer.place = double = Double(0.25)
    play(engine, 8)
    fill_frame(engine, frame, 1.0)
    assert (frame.known, frame.unknown) == (0.25, 0.75)
    assert frame.share[:3].tolist() == [0.75, 0.25, 0.0]
    assert frame.clip[:3].tolist() == [1, 0, -1]
    assert frame.clip_share[:3].tolist() == [0.5, 0.25, 0.0]
    assert frame.hearing == -1
    assert len(double.seen) == 2, "every fourth block"


def test_a_shipped_patch_knows_its_way() -> None:
    part = open_part(read_patch(shipped("patches") / "bow.toml"), provider="cpu")
    engine, frame = Engine(part), Frame()
    play(engine, 8)
    fill_frame(engine, frame, 1.0)
    assert 0.0 < frame.known <= 1.0
    assert 0.0 <= frame.unknown < 1.0
    assert frame.share.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_snapshot_knows_when_the_next_look_is_due() -> None:
    part = open_part(read_patch(shipped("patches") / "bow.toml"), provider="cpu")
    engine = Engine(part)
    for name, value in (("difficulty", 0.6), ("friction.known", 1.0), ("friction.visc", 0.1), ("hazard", 0.8)):
        now(engine, Kind.KNOB, part.table.index(name), value)
    now(engine, Kind.NOTE_ON, 60, 0.8)
    play(engine, 50)
    kept = Snapshot.from_bytes(engine.snapshot().to_bytes())
    now(engine, Kind.KNOB, 2, 0.9)
    first = play(engine, 60)
    play(engine, 3)
    engine.restore(kept)
    now(engine, Kind.KNOB, 2, 0.9)
    assert np.array_equal(play(engine, 60), first)
