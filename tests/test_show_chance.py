"""Chance in a real show: an accident kept by OSC and called back, a feel, a bridge, the seed of the day, wear."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jackhost import JackServer, jack_is_here
from playhost import playing
from test_show import jack  # noqa: F401 (a fixture)

from instrument.base.seeds import daily_seed
from instrument.chance.accident import Accident
from instrument.documents.take import read_take
from instrument.knobs import PARAMETERS
from instrument.storage.stream import LatentStream

pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")
STICK = next(knob for knob in PARAMETERS if knob.id == "friction.stick")


def test_an_accident_is_kept_named_and_called_back(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    env = {**jack.env, "XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "storm", "--record", env=env) as play:
        time.sleep(4.0)  # the time itself: blocks that a busy machine loses are no time for the engine
        play.osc("/rosin/accident/keep", "the fall", 1.5)
        assert play.wait_for_text("Kept the accident the fall (1.5 s)")
        kept = tmp_path / "home" / "rosin" / "accidents" / "storm" / "the fall.npz"
        accident = Accident.read(kept)
        assert len(accident.track) == 2250
        assert np.abs(accident.track).max() > 0.01, "a storm shakes its knobs"
        play.osc("/rosin/knob/hazard", 0.0)
        assert play.wait_for("/rosin/knob/hazard", 0.0)
        play.osc("/rosin/accident/play", "the fall")
        time.sleep(1.0)  # the time itself: so long it plays
        play.stop()
    text = play.text
    assert "Traceback" not in text
    take = next(play.takes.glob("*/gestures.jsonl"))
    assert '"accident"' in take.read_text(encoding="utf-8"), "calling it back is part of the take"
    read_take(take)
    stream = LatentStream(next(play.takes.glob("*/latents.z")))
    assert len(stream) > 300
    # after hazard went to 0 nothing moved a knob but the accident: z is at rest, then follows it
    told = np.empty((len(stream), *stream.shape), np.float32)
    for row in told:
        stream.next_into(row)
    z = told[:, 0, 2:, -1]
    still = np.abs(np.diff(z[-300:], axis=0)).max(1)
    assert (still > 1e-4).any()


def test_a_feel_a_bridge_and_the_seed_of_the_day(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    env = {**jack.env, "XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "glass", "--record", env=env) as play:
        play.osc("/rosin/feel", "rust")
        assert play.wait_for("/rosin/knob/friction.stick", float(np.float32(STICK.raw(0.24))))
        play.osc("/rosin/seed/daily")
        play.osc("/rosin/knob/breath/bridge", 0.8, 0.5)
        assert play.wait_for("/rosin/knob/breath", float(np.float32(0.8)))
        play.stop()
    assert "Traceback" not in play.text
    lines = next(play.takes.glob("*/gestures.jsonl")).read_text(encoding="utf-8")
    assert f'"seed": {daily_seed()}' in lines
    assert '"bridge": "breath"' in lines


def test_playing_wears_the_model_and_the_wear_stays(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    env = {**jack.env, "XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "bow", env=env) as play:
        play.osc("/rosin/note", 60, 0.9)
        time.sleep(1.5)  # the time itself: so long it is worn
        play.stop()
    (worn,) = (tmp_path / "home").rglob("wear.npz")
    with np.load(worn, allow_pickle=False) as npz:
        seconds = {name: npz[name] for name in npz.files}
    assert max(float(s.max()) for s in seconds.values()) > 0.5
    assert os.stat(worn).st_size < 100_000


def test_what_was_played_is_heard_again_to_the_last_bit_of_the_recording(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    env = {**jack.env, "XDG_DATA_HOME": str(tmp_path / "home")}
    with playing(tmp_path, "clay", "--record", env=env) as play:
        play.osc("/rosin/note", 50, 0.9)
        for i in range(40):
            play.osc("/rosin/knob/z1", 0.5 + 0.4 * float(np.sin(i)))
            play.osc("/rosin/knob/loudness", 0.8)
            time.sleep(0.03)
        play.stop()
    (told,) = play.takes.glob("*/latents.z")
    assert told.with_name("opening.state").is_file()
    again = tmp_path / "again.wav"
    done = subprocess.run(
        [sys.executable, "-m", "instrument", "render", str(told), "-o", str(again)],
        capture_output=True, text=True, env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "home")}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    heard, _ = soundfile.read(told.with_name("sound.wav"), dtype="float32")
    found, _ = soundfile.read(again, dtype="float32")
    # both begin with a block, not always with the same one
    shift = next(n for n in range(-20, 20) if same(heard, found, n * 128))
    assert abs(shift) < 20


def same(heard: np.ndarray, found: np.ndarray, by: int) -> bool:
    """Is ``heard`` what was found ``by`` samples later, but for the 24 bits of the recording?"""
    a, b = (heard[by:], found) if by >= 0 else (heard, found[-by:])
    count = min(len(a), len(b)) - 1024
    return (
        count > 24000 and bool(np.abs(a[:count] - b[:count]).max() < 2.0**-22) and bool(np.abs(a[:count]).max() > 0.01)
    )
