"""A take out of a real `rosin play`, begun in the middle of a held key: rendered it is what was heard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from playhost import ROOT, playing

from instrument.documents.take import read_take


def test_a_take_of_a_real_show_is_rendered_as_it_was_heard(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "bow", "--device", "null", env=env) as play:
        play.osc("/rosin/note", 50, 0.8)
        play.osc("/rosin/knob/hazard", 0.6)
        time.sleep(0.4)  # the time itself: played before the take
        play.osc("/rosin/record", 1)
        assert play.wait_for_text("Recording to")
        for address, *values in (("/rosin/patch/load", "bronze"), ("/rosin/bend", 0.5), ("/rosin/knob/z1", 0.9),
                                 ("/rosin/patch/load", "bow"), ("/rosin/note", 50, 0.0)):  # fmt: skip
            play.osc(str(address), *values)
            time.sleep(0.5)  # the time itself: between two gestures
        time.sleep(1.5)  # the time itself: nothing is played any more, and it lasts
        play.osc("/rosin/record", 0)
        assert play.wait_for_text("Recorded ")
        play.stop()
    assert "Traceback" not in play.text
    (take,) = play.takes.glob("*/gestures.jsonl")
    heard = np.asarray(soundfile.read(take.with_name("sound.wav"), dtype="int32")[0])
    read = read_take(take)
    assert read.end is not None
    assert read.end.samples == len(heard) > 3 * 48000
    assert [cue.patch for cue in read.changes] == ["bronze", "bow"]
    out = tmp_path / "again.wav"
    command = [sys.executable, "-m", "instrument", "render", str(take), "-o", str(out)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    soundfile.write(rounded := tmp_path / "rounded.wav", soundfile.read(out, dtype="float32")[0], 48000, "PCM_24")
    again = np.asarray(soundfile.read(rounded, dtype="int32")[0])
    assert len(again) == len(heard)
    assert np.array_equal(again, heard)
    assert np.abs(heard).max() > 2**28
