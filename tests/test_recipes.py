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

MAGNET = '''"""Magnet: a pull to the middle of the travel. Beside landscape, in the kernel."""

from __future__ import annotations

from instrument.base.compiled import compiled
from instrument.friction.params import NAMES

ROW = NAMES.index("magnet")


@compiled
def magnet_pull(x, force):
    """Force at ``x`` and half its slope."""
    return 2.0 * force * (x - 0.5), force
'''

PULL = """            if rows[MAGNET, k] > 0.0:
                slope, half = magnet_pull(x, np.float64(rows[MAGNET, k]))
                pull, stiff = pull + slope, stiff + half

"""

PULLED = """
import numpy as np
from instrument.friction.bearing import Friction
from instrument.friction.params import FrictionParams, scaled
hand = np.full((3000, 1), 0.9, np.float32)
def rests(force, difficulty=5.0):
    friction, params = Friction(1, 1500.0), FrictionParams(1)
    params.set(stick=0.0, slide=0.0, magnet=force)
    friction.reset(hand[0])
    out = np.empty_like(hand)
    friction.step(hand, scaled(params, difficulty, FrictionParams(1)), None, out)
    return float(out[-1, 0])
assert rests(0.0) == hand[0, 0] == rests(0.3, 0.0), "nothing at 0, and at difficulty 0"
assert rests(0.3) < rests(0.1) < 0.9
from instrument import find_patches, open_engine, read_patch
paths, index = find_patches("glass")
import dataclasses
patch = dataclasses.replace(read_patch(paths[index]), friction={"magnet": 0.1})
assert "friction.magnet" in open_engine(patch).layer.table
print("it pulls")
"""

TRIED = """
import dataclasses
from instrument import open_engine, read_patch, find_patches, render, knob
paths, index = find_patches("glass")
patch = read_patch(paths[index])
def moved(amount):
    engine = open_engine(dataclasses.replace(patch, hazard=5.0, chance={"saw": amount, "saw_rate": 3.0}))
    assert "chance.saw" in engine.layer.table
    return render(engine, 0.5, [knob(0.0, "loudness", 0.9)])
assert not (moved(0.0) == moved(0.3)).all()
assert (moved(0.3) == moved(0.3)).all()
from instrument.engine.warm import steps
assert "chance.saw" in [what for what, _ in steps()]
print("it is heard")
"""


TRIM = """    trim_db: float = option(
        0.0, Field("number", low=-24, high=12, about="louder or softer"), Flag("--trim", "louder or softer", "DB")
    )
"""

GIVEN = """
import argparse, io, contextlib
import sys
from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError, ValidationErrors
from instrument.commands import play
from instrument.commands.stage import stage_settings
from instrument.documents.rig import read_rig, rig_from, rig_schema
parser = argparse.ArgumentParser()
play.add(parser.add_subparsers())
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
    parser.parse_args(["play", "--help"])
assert "--trim DB" in said.getvalue()
def told(*words):
    rig = play.rig_for(parser.parse_args(["play", "--rig", "rig.toml", *words]))
    sound, stage = SoundSettings("", (), sound=rig.sound), stage_settings(rig, (), 0, "en")
    settings = {"sound": sound, "stage": stage}[section]
    return getattr(type(settings).from_json(settings.to_json()), section).trim_db
section = sys.argv[1]
open("rig.toml", "w").write(f"schema = 1\\n[{section}]\\ntrim_db = -6\\n")
assert told() == -6 and told("--trim", "3") == 3
for wrong in (lambda: told("--trim", "13"), lambda: rig_from({"schema": 1, section: {"trim_db": 13}}, "r")):
    try:
        wrong()
    except (RosinError, ValidationErrors) as error:
        print(error)
assert rig_schema()["properties"][section]["properties"]["trim_db"]["maximum"] == 12
"""


SONG = """    SONG: lambda hand, message, source, now: hand._gesture(Kind.SCENE, message.a, 0.0, source.name, now),
"""

PLAYED = """
from instrument.hands.midi.fakes import FakeDriver
from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.process import Hands
from instrument.hands.state.learned import Savers
from instrument.hands.state.patch_list import PatchList
from instrument.ipc import Kind, Link
from instrument.knobs import table_for
with Link.create() as link:
    hands = Hands(link, PatchList(["bow"], lambda patch: table_for(())), OscOptions("off"), MidiOptions(), Savers(),
                  find=lambda: FakeDriver())
    def played(*data):
        hands.midi.take("keys", data, 1.0)
        hands.step()
        return [(g.kind, g.knob, g.value) for g in link.hands.pop(99)]
    assert played(0xF3, 5) == [(Kind.SCENE, 5, 0.0)]
    assert played(0xB0, 2, 127) == [(Kind.PRESSURE, 0, 1.0)]
    assert played(0x90, 60, 127) == [(Kind.NOTE_ON, 60, 1.0)], "and what there was is as it was"
    hands.close()
print("it is played")
"""


def changed(copy: Path) -> list[str]:
    """Files of the product that are not as they are in the checkout."""
    files = sorted((copy / "instrument").rglob("*.py"))
    there = {path: ROOT / path.relative_to(copy) for path in files}
    return [path.name for path, own in there.items() if not own.exists() or path.read_bytes() != own.read_bytes()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout's code and what it plays, to be changed."""
    shutil.copytree(ROOT / "instrument", tmp_path / "instrument", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("patches", "models", "feels", "visuals", "examples", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def insert(path: Path, before: str, text: str) -> None:
    """``text`` before the one place where ``before`` stands."""
    code = path.read_text(encoding="utf-8")
    assert code.count(before) == 1
    path.write_text(code.replace(before, text + before), encoding="utf-8")


def run(copy: Path, code: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=copy, capture_output=True, text=True, timeout=150)
    assert done.stderr == ""
    return done.stdout


def test_a_source_of_chance_is_a_module_and_its_rows_in_the_table(copy: Path) -> None:
    (copy / "instrument" / "chance" / "saw.py").write_text(SAW, encoding="utf-8")
    table = copy / "instrument" / "knobs.py"
    insert(table, '    _parameter("chance.habit", ', ROWS)
    text, sources = table.read_text(encoding="utf-8"), '"lorenz", "habit")'
    assert sources in text
    table.write_text(text.replace(sources, '"lorenz", "habit", "saw")'), encoding="utf-8")
    assert run(copy, TRIED) == "it is heard\n"
    assert len(changed(copy)) == 2


def test_a_block_of_friction_is_a_module_its_row_and_its_place_in_the_kernel(copy: Path) -> None:
    (copy / "instrument" / "friction" / "magnet.py").write_text(MAGNET, encoding="utf-8")
    row = '    _parameter("friction.magnet", "magnet", "aimant", "travel", 0.0, 0.30, 0.0),\n'
    insert(copy / "instrument" / "knobs.py", '    _parameter("chance.drift", ', row)
    kernel = copy / "instrument" / "friction" / "kernel.py"
    insert(kernel, "            fatigue = a[A_FATIGUE]\n", PULL)
    insert(kernel, "from instrument.friction.springs import", """from instrument.friction.magnet import ROW as MAGNET
from instrument.friction.magnet import magnet_pull
""")  # fmt: skip
    assert run(copy, PULLED) == "it pulls\n"
    assert len(changed(copy)) == 3


@pytest.mark.parametrize(
    ("section", "row", "used", "before"),
    [
        ("sound", "ceiling_db: float", "audio/process.py", "self.settings.sound.ceiling_db"),
        ("stage", "big_type: bool", "stage/settings.py", "BIG_TYPE if self.stage.big_type else 1.0"),
    ],
)
def test_an_option_of_the_rig_is_its_row_and_the_place_that_uses_it(
    copy: Path, section: str, row: str, used: str, before: str
) -> None:
    code = copy / "instrument"
    insert(code / "documents" / "options.py", f"    {row} = option(", TRIM)
    text = (code / used).read_text(encoding="utf-8")
    assert text.count(before) == 1
    here = "self.settings.sound" if section == "sound" else "self.stage"
    (code / used).write_text(text.replace(before, f"{before} + {here}.trim_db"), encoding="utf-8")
    assert run(copy, GIVEN, section).splitlines() == [
        "--trim 13.0 is out of range; give -24 to 12",
        f"r: {section}.trim_db: 13 is too large; the range is -24 to 12",
    ]
    assert len(changed(copy)) == 2


def test_a_midi_message_is_a_row_of_what_is_done_about_it(copy: Path) -> None:
    hand = copy / "instrument" / "hands" / "midi" / "hand.py"
    insert(hand, "    decode.CLOCK: MidiHand._clock,\n", SONG)  # Song Select, which has no channel
    insert(hand, '    ("cc", SUSTAIN): MidiHand._sustain,\n', '    ("cc", 2): MidiHand._pressure,\n')  # Breath
    insert(hand, "SYSTEM: dict[", "SONG = 0xF3\n")
    assert run(copy, PLAYED) == "it is played\n"
    assert changed(copy) == ["hand.py"]
