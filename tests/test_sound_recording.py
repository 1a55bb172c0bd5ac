"""Taping: what is written beside the sound, and that nobody who plays waits for the disk."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from polling import until
from stage import null_engine

from instrument.audio.callback import Callback
from instrument.audio.recording.recorder import Recorder
from instrument.audio.recording.take_recording import TakeRecording
from instrument.documents.take import read_take
from instrument.ipc import Gesture, Kind, Link
from instrument.storage.stream import LatentStream, StreamLog


def blocks(player: Callback, count: int) -> None:
    out = np.zeros((2, 128), np.float32)
    for _ in range(count):
        player.callback(out, None, time.monotonic())


def test_gestures_and_stream_lie_beside_the_sound(tmp_path: Path) -> None:
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        recording = TakeRecording(player, bank, link.health.row("sound"), tmp_path, "en")
        blocks(player, 20)
        recording.record(True)
        blocks(player, 10)
        link.hands.push(Gesture(Kind.KNOB, 2, 0.75, time.monotonic(), 1))
        blocks(player, 90)
        recording.record(False)
        (take,) = tmp_path.glob("*/gestures.jsonl")
        assert [e.value for e in read_take(take).events if e.knob == "brightness"][-1] == 0.75
        stream = LatentStream(take.with_name("latents.z"))
        assert 95 <= len(stream) <= 100
        assert take.with_name("opening.state").stat().st_size > 1000
        recording.record(True)
        blocks(player, 30)
        recording.record(False)
        assert len(list(tmp_path.glob("*/latents.z"))) == 2


def test_a_disk_that_takes_its_time_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = StreamLog.write

    def slowly(self: StreamLog) -> None:
        time.sleep(0.6)  # the time itself: a slow disk
        write(self)

    monkeypatch.setattr(StreamLog, "write", slowly)
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        recording = TakeRecording(player, bank, link.health.row("sound"), tmp_path, "en")
        recording.record(True)
        longest = 0.0
        for _ in range(60):
            blocks(player, 4)
            begin = time.monotonic()
            recording.look()
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.01)
        assert longest < 0.3
        recording.record(False)
        (told,) = tmp_path.glob("*/latents.z")
        assert len(LatentStream(told)) >= 230, "and nothing is lost"


def test_a_take_begun_while_the_disk_has_not_taken_the_last_one_leaves_its_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    write = StreamLog.write

    def stuck(self: StreamLog) -> None:
        free.wait(10.0)
        write(self)

    monkeypatch.setattr(StreamLog, "write", stuck)
    monkeypatch.setattr("instrument.audio.recording.take_recording.END_SECONDS", 0.1)
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, tmp_path, "en")
        recording.record(True)
        blocks(player, 50)
        time.sleep(0.1)
        recording.record(False)
        recording.record(True)
        assert any("still busy" in notice.text for notice in row.notices())
        assert len(list(tmp_path.glob("*/latents.z"))) == 1
        assert len(list(tmp_path.glob("*/sound.wav"))) == 2, "the sound is recorded all the same"
        free.set()
        recording.record(False)
        (told,) = tmp_path.glob("*/latents.z")
        deadline = time.monotonic() + 5.0
        while len(LatentStream(told)) < 40 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(LatentStream(told)) >= 40


@pytest.mark.parametrize("busy", [False, True])
def test_a_take_that_ends_by_itself_is_told_once_also_while_the_last_one_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    free, full = threading.Event(), threading.Event()
    write, save = StreamLog.write, Recorder._save

    def stuck(self: StreamLog) -> None:
        assert not busy or free.wait(10.0)
        write(self)

    def save_or_fail(self: Recorder) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "no room")
        save(self)

    monkeypatch.setattr(StreamLog, "write", stuck)
    monkeypatch.setattr(Recorder, "_save", save_or_fail)
    monkeypatch.setattr("instrument.audio.recording.take_recording.END_SECONDS", 0.1)
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, tmp_path, "en")
        recording.record(True)
        blocks(player, 50)
        time.sleep(0.1)  # until the writer is stuck
        recording.record(False)
        recording.record(True)
        assert any("still busy" in notice.text for notice in row.notices()) == busy
        full.set()
        until(lambda: not recording.recorder.recording)
        for _ in range(3):
            recording.look()
        assert sum("recording stopped" in notice.text for notice in row.notices()) == 1
        assert row.count("files_failed") == 1
        free.set()
        recording.close()
        assert sum("recording stopped" in notice.text for notice in row.notices()) == 1


def test_a_disk_that_does_not_answer_at_the_end_is_told_and_not_called_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    save = Recorder._save

    def stuck(self: Recorder) -> None:
        assert free.wait(10.0)
        save(self)

    monkeypatch.setattr(Recorder, "_save", stuck)
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, tmp_path, "en")
        recording.record(True)
        blocks(player, 50)
        monkeypatch.setattr("instrument.audio.recording.take_recording.END_SECONDS", 0.1)
        recording.record(False)
        said = [notice.text for notice in row.notices()]
        assert sum("does not answer" in one for one in said) == 1
        assert not any(one.startswith("Recorded ") for one in said)
        free.set()
        recording.close()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_take_on_a_slow_disk_is_as_long_as_its_sound_and_says_how_many_seconds_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    free = threading.Event()
    write = soundfile.SoundFile.write

    def stuck(file: soundfile.SoundFile, audio: np.ndarray) -> None:
        assert free.wait(10.0)
        write(file, audio)

    monkeypatch.setattr(soundfile.SoundFile, "write", stuck)
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, tmp_path, language)
        recording.recorder = player.recorder = Recorder(player.rate, 2, tmp_path, ring_s=0.5)
        recording.record(True)
        blocks(player, 375)  # a second
        recording.look()
        slow = [notice.text for notice in row.notices()]
        assert any(
            ("slower than the music" if language == "en" else "plus lent que la musique") in said for said in slow
        )
        free.set()
        recording.record(False)
        (take,) = tmp_path.glob("*/gestures.jsonl")
        end = read_take(take).end
        assert end is not None
        assert end.samples == soundfile.info(take.with_name("sound.wav")).frames == 375 * 128
        said = [notice.text for notice in row.notices()]
        missing = "0.5 s of what was heard are missing" if language == "en" else "Il manque 0.5 s"
        assert sum(missing in one for one in said) == 1
