"""Scenes in a real show: kept and recalled by OSC, written into the patch's file, there again in the next show."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from jackhost import JackServer, jack_is_here, jack_server
from playhost import Playing, playing
from test_show import jack  # noqa: F401 (a fixture)

from instrument.documents.take import read_take
from instrument.ipc import Kind

pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")
PATCH = """\
# mine
schema = 1
name = "rope"
model = { name = "null" }
[voice]
sounds = "always"
[friction]
difficulty = 4
stick = 0.05
[scenes]
blend_ms = 300
[scenes.2.knobs]   # by hand
glass = 0.9
# the end
"""


def show_on(tmp_path: Path, jack: JackServer, *more: str) -> object:  # noqa: F811
    path = tmp_path / "patches" / "rope.toml"
    if not path.exists():
        path.parent.mkdir()
        path.write_text(PATCH)
    env = {**jack.env, "XDG_DATA_HOME": str(tmp_path / "home")}
    return playing(tmp_path, str(path), *more, env=env)


def wait_until_it_waits(play: Playing, seconds: float = 60.0) -> None:
    """The standby sleeps: on a busy machine one that still loads gets as little time as one that waits."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = []
        for _ in range(20):
            seen.append(play.child("audio.process", standby=True).status())
            time.sleep(0.05)
        if seen.count("sleeping") >= 19:
            return
    raise AssertionError("the standby never came to rest")


def scene_of(play: Playing) -> tuple[int, list[int]]:
    told = play.sync()
    return told["/rosin/out/scene"], list(told["/rosin/out/scenes"])


def test_a_scene_is_kept_recalled_written_and_there_again(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "patches" / "rope.toml"
    with show_on(tmp_path, jack, "--record") as play:  # type: ignore[attr-defined]
        assert scene_of(play) == (0, [0, 1, 0, 0, 0, 0, 0, 0])
        play.osc("/rosin/latents", *[0.75] * 8)
        play.osc("/rosin/knob/friction.stick", 0.5)
        assert play.wait_for("/rosin/knob/motion", 0.75)
        play.osc("/rosin/scene/save", 5)
        assert play.wait_for_text(f"Scene 5 is kept in {file}.")
        assert scene_of(play) == (5, [0, 1, 0, 0, 1, 0, 0, 0])
        play.osc("/rosin/latents", *[0.25] * 8)
        assert play.wait_for("/rosin/knob/motion", 0.25)
        if shutil.which("oscsend"):  # another program's idea of OSC
            at = ["oscsend", "127.0.0.1", str(play.port), "/rosin/scene", "if", "5", "1.0"]
            subprocess.run(at, check=True)
        else:
            play.osc("/rosin/scene", 5, 1.0)
        positions = []
        end = time.monotonic() + 3.0
        while time.monotonic() < end and (not positions or positions[-1] < 0.7499):
            if (raw := play.heard(0.05).get("/rosin/knob/motion")) is not None:
                positions.append(raw)
        between = [raw for raw in positions if 0.26 < raw < 0.74]
        assert len(between) >= 3, "who is told sees the hand on its way"
        assert between == sorted(between)
        assert play.wait_for("/rosin/knob/motion", 0.75)
        play.osc("/rosin/scene", 2)
        assert play.wait_for("/rosin/knob/glass", 0.9)
        assert play.wait_for("/rosin/knob/motion", 0.75), "the others stay"
        assert play.wait_for("/rosin/knob/friction.stick", 0.05 / 0.3), "and a parameter goes to where the patch has it"
        play.osc("/rosin/scene", 7)
        assert play.wait_for_text("There is no scene 7 in the patch rope; nothing moves.")
        assert scene_of(play)[0] == 2
        play.stop()
    assert "Traceback" not in play.text
    text = file.read_text()
    assert text.startswith(PATCH.replace("# the end\n", ""))
    assert text.endswith("# the end\n")
    knobs = tomllib.loads(text)["scenes"]["5"]["knobs"]
    assert knobs["friction.stick"] == 0.5
    assert knobs["motion"] == 0.75
    take = read_take(next(play.takes.glob("*/gestures.jsonl")))
    assert [(e.kind, e.number, e.extra) for e in take.events if e.kind in (Kind.SCENE, Kind.SCENE_SAVE)] == [
        (Kind.SCENE_SAVE, 4, 0), (Kind.SCENE, 4, 1000), (Kind.SCENE, 1, 0), (Kind.SCENE, 6, 0),
    ]  # fmt: skip
    assert take.scenes is not None
    assert {slot: dict(scene.knobs) for slot, scene in take.scenes.items()} == {1: {"glass": 0.9}}
    assert take.blend_ms == 300.0
    with show_on(tmp_path, jack) as play:  # type: ignore[attr-defined]
        play.osc("/rosin/scene", 5, 0.0)
        assert play.wait_for("/rosin/knob/motion", 0.75)
        assert play.wait_for("/rosin/knob/friction.stick", 0.5)
        play.stop()


def test_a_scene_survives_the_death_of_the_sound_that_kept_it(tmp_path: Path) -> None:
    # Not synchronous: such a server waits for its dead client, and with it everyone.
    with (
        jack_server(period=256, rate=48000) as server,
        show_on(tmp_path, server, "--block", "256") as play,  # type: ignore[attr-defined]
    ):
        play.wait_for_standby("audio.process")
        wait_until_it_waits(play)
        play.osc("/rosin/latents", *[0.75] * 8)
        assert play.wait_for("/rosin/knob/motion", 0.75)
        play.osc("/rosin/scene/save", 5)
        assert play.wait_for_text("Scene 5 is kept in")
        play.child("audio.process").send_signal(signal.SIGKILL)
        assert play.wait_for_text("The sound stopped", 30.0), play.text
        assert play.wait_for("/rosin/out/scene", 5), play.text
        play.osc("/rosin/latents", *[0.25] * 8)
        assert play.wait_for("/rosin/knob/motion", 0.25)
        play.osc("/rosin/scene", 5, 0.2)
        assert play.wait_for("/rosin/knob/motion", 0.75)
        play.stop()
    assert "Traceback" not in play.text


def test_a_take_that_plays_along_brings_its_scenes_and_writes_none(jack: JackServer, tmp_path: Path) -> None:  # noqa: F811
    rows = [
        {"rosin": 1, "patch": "rope", "seconds": 30, "scenes": {"2": {"glass": 0.4, "breath": 0.6}}, "blend_ms": 50},
        {"t": 1.0, "scene": 2},
        {"t": 1.5, "scene_save": 8},
    ]
    take = tmp_path / "old.jsonl"
    take.write_text("\n".join(json.dumps(row) for row in rows))
    with show_on(tmp_path, jack, "--take", str(take)) as play:  # type: ignore[attr-defined]
        assert play.wait_for("/rosin/knob/glass", float(np.float32(0.4)))
        assert play.wait_for("/rosin/knob/breath", float(np.float32(0.6)))
        assert play.wait_for("/rosin/out/scene", 8)
        play.osc("/rosin/scene/save", 1)
        assert play.wait_for_text("Scene 1 is kept in")
        play.stop()
    assert "Scene 8" not in play.text
    scenes = tomllib.loads((tmp_path / "patches" / "rope.toml").read_text())["scenes"]
    assert set(scenes) == {"blend_ms", "1", "2"}
    assert scenes["2"]["knobs"] == {"glass": 0.9}
