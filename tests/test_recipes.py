"""Recipes of CONTRIBUTING: what is said to be enough to add something is enough, tried on a copy of the code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SAW = '''"""Saw: a slow ramp for every knob, the same at every block size. After words, before a place of entry."""

from __future__ import annotations

import numpy as np

from instrument.base.compiled import close, compiled
from instrument.chance.source import ChanceSource


@compiled
def _saw(first, ticks, amount, rate, tick_s, out):
    for t in range(ticks):
        for k in range(out.shape[1]):
            phase = (first + t) * tick_s * rate[k]
            out[t, k] = amount[k] * np.float32(phase - np.floor(phase))


class Saw(ChanceSource):
    """One phase for all: the tick says it."""

    AMOUNTS = ("saw", "saw_rate")
    REMEMBERS = False

    def __init__(self, streams, tick_hz, seed=0):
        super().__init__(streams, tick_hz, seed, {})

    def step(self, first_tick, ticks, amount, rate, out):
        _saw(first_tick, ticks, amount, rate, self._tick_s, out[:ticks])


SOURCE = Saw
KERNELS = (_saw,)


def warm():
    """Compile or load every kernel here, then refuse to compile any other."""
    row = np.zeros(1, np.float32)
    Saw([1], 1500.0).step(0, 4, row, row, np.zeros((4, 1), np.float32))
    close(*KERNELS)
'''

ROWS = """    _parameter("chance.saw", "saw", "dent de scie", "travel", 0.0, 1.0, 0.0),
    _parameter("chance.saw_rate", "saw rate", "cadence de la scie", "Hz", 0.05, 50.0, 2.0, "exponential"),
"""

TRIED = """
import dataclasses
from instrument import open_engine, read_patch, find_patches, render, knob
paths, index = find_patches("glass")
patch = read_patch(paths[index])
def moved(amount):
    engine = open_engine(dataclasses.replace(patch, hazard=5.0, chance={"saw": amount, "saw_rate": 3.0}))
    assert "chance.saw" in engine.part.table
    return render(engine, 0.5, [knob(0.0, "loudness", 0.9)])
assert not (moved(0.0) == moved(0.3)).all()
assert (moved(0.3) == moved(0.3)).all()
from instrument.engine.warm import steps
assert "chance.saw" in [what for what, _ in steps()]
print("it is heard")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout's code and what it plays, to be changed."""
    shutil.copytree(ROOT / "instrument", tmp_path / "instrument", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("patches", "models", "feels", "visuals", "examples", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_a_source_of_chance_is_a_module_and_its_rows_in_the_table(copy: Path) -> None:
    (copy / "instrument" / "chance" / "saw.py").write_text(SAW, encoding="utf-8")
    table = copy / "instrument" / "knobs.py"
    text = table.read_text(encoding="utf-8")
    after, sources = '    _parameter("chance.habit", ', '"lorenz", "habit")'
    assert after in text
    assert sources in text
    text = text.replace(after, ROWS + after).replace(sources, '"lorenz", "habit", "saw")')
    table.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", TRIED], cwd=copy, capture_output=True, text=True, timeout=150)
    assert done.stderr == ""
    assert done.stdout == "it is heard\n"
