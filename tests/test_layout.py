"""The engine plays to as many loudspeakers as there are: one model sounds from all, two channels from their sides."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from stage import null_part

from instrument.audio.callback import Callback
from instrument.audio.recording.take_recording import TakeRecording
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.layout import CHANNELS, MONO, STEREO, ChannelLayout, nearest
from instrument.ipc import Gesture, Kind, Link
from instrument.rehearsal.render import offline_blocks
from instrument.storage.bank import Bank

QUAD = ChannelLayout("quad", (-30.0, 30.0, 110.0, -110.0))
RING = ChannelLayout("ring", tuple(45.0 * i for i in range(8)))


def sounding(layout: ChannelLayout) -> Engine:
    engine = Engine(null_part(), layout=layout)
    engine.post(Gesture(Kind.NOTE_ON, 57, 0.9), 0)
    return engine


def played(engine: Engine, blocks: int = 100) -> np.ndarray:
    out = np.zeros((engine.layout.count, blocks * QUANTUM), np.float32)
    for i in range(blocks):
        engine.block(out[:, i * QUANTUM : (i + 1) * QUANTUM])
    return out


def test_one_channel_of_a_model_sounds_from_every_loudspeaker() -> None:
    sound, out = np.arange(6, dtype=np.float32).reshape(1, 6), np.empty((4, 6), np.float32)
    QUAD.spread(sound, out)
    assert np.array_equal(out, np.repeat(sound, 4, axis=0))


def test_two_channels_keep_their_sides() -> None:
    sides = np.array([[1.0], [2.0]], np.float32)
    for layout, heard in ((STEREO, [1, 2]), (QUAD, [1, 2, 0, 0]), (MONO, [1.5]), (RING, [0, 2, 0, 0, 0, 0, 0, 1])):
        out = np.full((layout.count, 1), 9.0, np.float32)
        layout.spread(sides, out)
        assert out[:, 0].tolist() == heard


def test_the_nearest_is_found_the_shorter_way_round() -> None:
    assert nearest((0.0, 90.0, 170.0), -175.0) == 2
    assert nearest(QUAD.azimuths, -179.0) == 3


@pytest.mark.parametrize("layout", [MONO, QUAD, RING])
def test_an_engine_plays_the_same_on_any_layout(layout: ChannelLayout) -> None:
    stereo, other = played(sounding(STEREO)), played(sounding(layout))
    assert len(stereo) == CHANNELS == 2
    assert np.abs(stereo).max() > 0.01
    assert np.isfinite(other).all()
    assert np.abs(other).max() > 0.01
    if layout is QUAD:
        assert np.abs(other[2:]).max() < 1e-6, "the null voice has two sides, and nothing behind"


def test_a_recording_and_a_render_have_a_channel_for_each_loudspeaker(tmp_path: Path) -> None:
    with Link.create() as link:
        engine = sounding(QUAD)
        player = Callback(engine, link, QUANTUM)
        recording = TakeRecording(player, Bank([engine.layer]), link.health.row("sound"), tmp_path, "en")
        recording.record(True)
        out = np.zeros((4, QUANTUM), np.float32)
        for _ in range(200):
            player.callback(out, None, time.monotonic())
        recording.close()
        assert recording.recorder.path is not None
        info = soundfile.info(recording.recorder.path)
    assert (info.channels, info.frames) == (4, 200 * QUANTUM)
    assert {block.shape[0] for block in offline_blocks(sounding(QUAD), 0.1, [], 300)} == {4}
