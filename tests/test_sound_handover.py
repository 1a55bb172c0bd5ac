"""A sound that takes over has the scenes, accidents, wear and snapshots that the lost one left, and its counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from instrument.audio.handover import SoundHandover
from instrument.base.paths import accident_folder, data_home, shipped
from instrument.base.writing import write_whole
from instrument.chance.accident import Accident
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.engine.frame_writer import fill_frame, resume
from instrument.engine.layout import CHANNELS
from instrument.ipc import Gesture, Kind, Link, Source
from instrument.model.runtime.wear import wear_path
from instrument.storage.bank import Bank

PATCH = "storm"


class Sound:
    """Bank, engine and handover of one sound process."""

    def __init__(self, link: Link, folder: Path, patch: str = PATCH) -> None:
        self.link = link
        self.bank = Bank([shipped("patches") / f"{patch}.toml"])
        self.engine = Engine(self.bank.layer(0))
        self.handover = SoundHandover(link.memos["sound"], self.bank, link.health.row("sound"), str(folder))

    def play(self, blocks: int, *gestures: Gesture) -> None:
        out = np.zeros((CHANNELS, QUANTUM), np.float32)
        for gesture in gestures:
            self.engine.post(gesture, self.engine.sample)
        for _ in range(blocks):
            self.engine.block(out)
        self.handover.look(self.engine, time.monotonic())


@pytest.fixture
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Link]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with Link.create() as found:
        yield found


def wait_for(path: Path, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.005)


def test_scenes_that_no_file_has_and_snapshots_go_over(link: Link, tmp_path: Path) -> None:
    lost, next_one = Sound(link, tmp_path), Sound(link, tmp_path)
    lost.play(4, Gesture(Kind.KNOB, 1, 0.25), Gesture(Kind.SNAPSHOT, 5))
    lost.play(4, Gesture(Kind.KNOB, 1, 0.75))
    lost.play(4, Gesture(Kind.SCENE_SAVE, 6, source=Source.TAKE))  # of a take: it is written down nowhere
    wait_for(tmp_path / "slot-5.npz")
    link.health.row("sound").put("xruns", 7)
    assert next_one.handover.take_up(next_one.engine)
    assert next_one.handover.xruns == 7
    next_one.play(4, Gesture(Kind.KNOB, 1, 0.1))
    next_one.play(4, Gesture(Kind.RESTORE, 5))
    assert next_one.engine.layer.control.raw[1] == np.float32(0.25)
    next_one.play(400, Gesture(Kind.SCENE, 6, extra=50))
    assert next_one.engine.layer.control.raw[1] == pytest.approx(0.75, abs=1e-6)
    assert not next_one.engine.requests, "the scene is not asked about"


def test_an_accident_that_was_kept_after_the_successor_had_loaded_is_known_to_it(link: Link, tmp_path: Path) -> None:
    lost, next_one = Sound(link, tmp_path), Sound(link, tmp_path)
    lost.play(800)
    accident: Accident = lost.engine.layer.control.mix.keep(0.5, "the fall")
    path = accident_folder(PATCH) / "the fall.npz"
    path.parent.mkdir(parents=True)
    write_whole(path, accident.to_bytes())
    assert next_one.engine.layer.accidents == {}
    next_one.handover.take_up(next_one.engine)
    assert set(next_one.engine.layer.accidents) == {"the fall"}
    before = next_one.engine.layer.accidents["the fall"]
    next_one.handover.take_up(next_one.engine)
    assert next_one.engine.layer.accidents["the fall"] is before, "what is known is not read again"


def test_wear_that_was_written_after_the_successor_had_loaded_is_not_written_over(link: Link, tmp_path: Path) -> None:
    lost, next_one = Sound(link, tmp_path, "bow"), Sound(link, tmp_path, "bow")
    voice = next_one.engine.layer.voice
    if not voice.usage():
        pytest.skip("this model does not wear")
    worn = {layer: seconds + 100.0 for layer, seconds in lost.engine.layer.voice.usage().items()}
    write_wear(data_home(), voice.card.sha256 or "", worn)
    next_one.handover.take_up(next_one.engine)
    assert all((voice.usage()[layer] >= 100.0).all() for layer in worn)
    assert next_one.bank.wear_store.save() == ""


def write_wear(home: Path, model: str, usage: dict[str, np.ndarray]) -> None:
    from instrument.model.runtime.wear import save_wear

    save_wear(wear_path(home, model), usage)


def test_a_show_without_a_folder_of_its_own_hands_over_what_it_can(link: Link, tmp_path: Path) -> None:
    lost = Sound(link, tmp_path)
    lost.handover = SoundHandover(link.memos["sound"], lost.bank, link.health.row("sound"), "")
    lost.play(4, Gesture(Kind.SNAPSHOT, 1), Gesture(Kind.SCENE_SAVE, 2, source=Source.TAKE))
    assert list(tmp_path.glob("slot*")) == []
    next_one = Sound(link, tmp_path)
    next_one.handover.take_up(next_one.engine)
    assert next_one.engine.layer.scenes.has(2)


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04", bytes(range(256)) * 20])
def test_a_snapshot_that_was_half_written_is_none(link: Link, tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "slot-2.npz").write_bytes(junk)
    next_one = Sound(link, tmp_path)
    next_one.handover.take_up(next_one.engine)
    assert next_one.engine.slots[2] is None


def test_the_seed_that_was_given_is_the_tapes_too(link: Link, tmp_path: Path) -> None:
    lost, next_one = Sound(link, tmp_path), Sound(link, tmp_path)
    lost.play(4, Gesture(Kind.SEED, extra=99))
    frame = link.frames.scratch()
    fill_frame(lost.engine, frame, 1.0)
    resume(next_one.engine, frame)
    assert next_one.engine.tape.seed == lost.engine.tape.seed == 99


@pytest.mark.parametrize("kind", [Kind.PANIC, Kind.ALL_NOTES_OFF])
def test_a_key_that_was_silenced_through_another_ring_is_not_down_in_the_next_sound(
    link: Link, tmp_path: Path, kind: Kind
) -> None:
    lost, next_one = Sound(link, tmp_path, "bow"), Sound(link, tmp_path, "bow")
    for ring, gesture in ((link.hands, Gesture(Kind.NOTE_ON, 50, 0.8)), (link.stage, Gesture(kind)),
                          (link.hands, Gesture(Kind.NOTE_ON, 57, 0.5))):  # fmt: skip
        ring.push(gesture)
        lost.play(40, gesture)
    assert lost.engine.held.keys == [(57, 0.5)]
    frame = link.frames.scratch()
    fill_frame(lost.engine, frame, 1.0)
    resume(next_one.engine, frame, [link.hands.held, link.stage.held, link.shows.held])
    assert next_one.engine.held.keys == [(57, 0.5)]


def test_pushes_and_a_pedal_under_the_fingers_are_there_in_the_next_sound(link: Link, tmp_path: Path) -> None:
    lost, next_one = Sound(link, tmp_path), Sound(link, tmp_path)
    pushed = (Gesture(Kind.FORCE, 1, 0.4), Gesture(Kind.SUSTAIN, 0, 1.0))
    for gesture in pushed:
        link.stage.push(gesture)
    lost.play(40, *pushed)
    frame = link.frames.scratch()
    fill_frame(lost.engine, frame, 1.0)
    resume(next_one.engine, frame, [link.hands.held, link.stage.held, link.shows.held])
    assert next_one.engine.layer.control._pushed[-1, 1] == np.float32(0.4)
    assert next_one.engine.layer.control.notes.pedal
    link.stage.push(Gesture(Kind.FORCE, 1, 0.0))
    another = Sound(link, tmp_path)
    resume(another.engine, frame, [link.hands.held, link.stage.held, link.shows.held])
    assert another.engine.layer.control._pushed[-1, 1] == 0.0
