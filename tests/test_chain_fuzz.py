"""The whole chain under anything: every parameter anywhere, any gesture, any speed - bounded, finite, no growth."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import null_engine, play
from test_recall import engine_of_everything

from instrument.engine.control import QUANTUM
from instrument.ipc import NO_SHIFT, Gesture, Kind
from instrument.knobs import PARAMETERS

UNIT = st.floats(0.0, 1.0, width=32)
WILD = st.floats(width=32)
KINDS = (Kind.KNOB, Kind.FORCE, Kind.BRIDGE, Kind.NOTE_ON, Kind.NOTE_OFF, Kind.SUSTAIN, Kind.PRESSURE, Kind.BEND,
         Kind.SEED, Kind.ACCIDENT, Kind.FILL, Kind.HANDS_ONLY, Kind.SNAPSHOT, Kind.RESTORE, Kind.RESET)  # fmt: skip
GESTURE = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 7), WILD, st.integers(0, 60 * QUANTUM), st.integers(0, 2**64 - 1)
)


@given(
    st.lists(UNIT, min_size=len(PARAMETERS), max_size=len(PARAMETERS)),
    st.lists(GESTURE, max_size=25),
    st.sampled_from(["hand", "bearing", "sound"]),
)
@settings(max_examples=120, deadline=None)
def test_whatever_the_parameters_knobs_stay_in_their_travel(
    raw: list[float], gestures: list[tuple[Kind, int, float, int, int]], entry: str
) -> None:
    engine = null_engine(entry=entry, sounds="always")
    control, table = engine.layer.control, engine.layer.table
    for knob, value in zip(table.knobs[table.playable_count :], raw, strict=True):
        engine.post(Gesture(Kind.KNOB, table.index(knob.id), value), 0)
    for kind, knob, value, sample, extra in gestures:
        number = (
            NO_SHIFT + knob if kind == Kind.ACCIDENT else knob * 9 if kind in (Kind.NOTE_ON, Kind.NOTE_OFF) else knob
        )
        engine.post(Gesture(kind, number, value, extra=extra % 5000 if kind == Kind.BRIDGE else extra), sample)
    for _ in range(60):
        out = play(engine, 1)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 10.0 ** (-1.0 / 20.0) + 1e-6
        assert np.isfinite(control.x).all()
        assert control.x.min() >= 0.0
        assert control.x.max() <= 1.0
        assert np.isfinite(engine.layer.z).all()


def test_nothing_grows_while_everything_is_on() -> None:
    engine = engine_of_everything()
    moves = np.random.default_rng(1).random((4000, 8))

    def run(blocks: int) -> None:
        for i in range(blocks):
            engine.post(Gesture(Kind.KNOB, i % 8, float(moves[i % 4000, i % 8])), engine.sample)
            play(engine, 1)

    run(300)
    gc.collect()
    tracemalloc.start()
    run(200)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    run(1500)
    gc.collect()
    after, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 8192
    assert most - before < 262144
