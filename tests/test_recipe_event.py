"""Recipe of an event: its row and its act are enough to send it, hear it and have it in a take; tried on a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ROW = """    Event(Kind.JOLT, "every hand jumps", (_amount("jolt", "how far, in travel", -1.0),), osc=("jolt",)),
"""

ACT = """def _jolt(engine: Playing, g: Gesture, at: float) -> Gesture | None:
    control = engine.layer.control
    for knob in range(engine.layer.table.playable_count):
        control.place_knob(knob, _within(0.0, float(control.raw[knob]) + g.value, 1.0), at, g.source)
    engine.layer.speaking = True
    return g


"""

TRIED = """
import json
import numpy as np
from instrument import Gesture, Kind, open_engine
from instrument.documents.take import gesture_of
from instrument.documents.take_lines import event_of
from instrument.documents.take_writing import line_of
from instrument.engine.acted import Acted
from instrument.hands.osc.endpoints import ENDPOINTS
from instrument.hands.osc.namespace import Namespace

def played(gesture=None):
    engine, block, sound = open_engine("storm", seed=1), np.zeros((2, 128), np.float32), []
    engine.acted = Acted()
    engine.post(Gesture(Kind.NOTE_ON, 50, 0.8), 0)
    if gesture is not None:
        engine.post(gesture, 2560)
    for _ in range(100):
        engine.block(block)
        sound.append(block.copy())
    return np.concatenate(sound, 1), [act.gesture for act in engine.acted.take(1 << 60)][1:], engine.layer.table

_, _, table = played()
book = Namespace("/rosin", table, [])
(target,) = book.find("/rosin/jolt")
(act,) = book.acts(target, (7.0,))
assert act == (Kind.JOLT, 0, 1.0, 0), act
assert ENDPOINTS["jolt"].takes == "hands.takes.push"
gesture = Gesture(act.kind, act.knob, act.value / 4)
sound, acted, _ = played(gesture)
assert not (sound == played()[0]).all()
(line,) = [line_of(one, 0.1, table) for one in acted]
assert json.loads(line) == {"t": 0.1, "jolt": 0.25}
again = gesture_of(event_of(json.loads(line)), table)
assert (played(again)[0] == sound).all()
print("it is sent, heard, written and read again")
"""


def insert(path: Path, before: str, text: str) -> None:
    """``text`` before the one place where ``before`` stands."""
    code = path.read_text(encoding="utf-8")
    assert code.count(before) == 1
    path.write_text(code.replace(before, text + before), encoding="utf-8")


def test_an_event_is_a_number_and_a_row_and_what_it_does(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "instrument", tmp_path / "instrument", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("patches", "models", "feels", "visuals", "examples", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    events, acts = (tmp_path / "instrument" / name for name in ("ipc/events.py", "engine/acts.py"))
    insert(events, "\n\nclass Is(Flag):", "    JOLT = 26\n")
    insert(events, "    Event(Kind.FILL,", ROW)
    insert(acts, "ROWS: dict", ACT)
    insert(acts, "    Kind.KNOB: _knob,", "    Kind.JOLT: _jolt,\n")
    env = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", TRIED], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=150
    )
    assert (done.stdout, done.stderr) == ("it is sent, heard, written and read again\n", "")
