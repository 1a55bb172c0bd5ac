"""What is written is whole: on a full disk, after a kill, by two at once. On a real small disk where one can be had."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import null_engine

from instrument.audio.callback import Callback
from instrument.audio.recording import take_recording as taping_of
from instrument.audio.recording.recorder import Recorder
from instrument.audio.recording.take_recording import TakeRecording
from instrument.base.errors import RosinError
from instrument.base.writing import Growing, write_whole
from instrument.chance.accident import Accident
from instrument.documents.patch import read_patch
from instrument.documents.scene_file import keep_scene
from instrument.documents.take import read_take
from instrument.ipc import Gesture, Kind, Link
from instrument.storage.accident_store import keep_file
from instrument.storage.stream import LatentStream

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(where)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(disk: Path) -> None:
    """Take what room there is."""
    with contextlib.suppress(OSError), (disk / "fill").open("wb", buffering=0) as file:
        while file.write(bytes(1 << 12)):
            pass


# --- a file in one step


def test_a_file_is_replaced_with_its_mode_through_its_link(tmp_path: Path) -> None:
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_bytes(b"old")
    there.chmod(0o640)
    link.symlink_to(there)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert there.read_bytes() == b"new"
    assert stat.S_IMODE(there.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh"
    write_whole(fresh, b"x")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o666 & ~mask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "link", "there"]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        path = disk / "file"
        path.write_bytes(b"old")
        fill(disk)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, bytes(100_000))
        assert path.read_bytes() == b"old"
        assert sorted(entry.name for entry in disk.iterdir()) == ["file", "fill"]


def test_two_who_write_one_file_at_once_leave_one_of_theirs_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    wrong: list[BaseException] = []

    def write(byte: int) -> None:
        try:
            for _ in range(20):
                write_whole(path, bytes([byte]) * 5000)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(byte,)) for byte in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert path.read_bytes() in [bytes([byte]) * 5000 for byte in (1, 2, 3)]
    assert len(list(tmp_path.iterdir())) == 1


# --- a file that grows


@settings(max_examples=50, deadline=None)
@given(records=st.lists(st.binary(min_size=1, max_size=60), max_size=12), room=st.integers(0, 300))
def test_a_record_that_finds_no_room_is_taken_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], room: int
) -> None:
    path = tmp_path_factory.mktemp("grow") / "file"
    growing = Growing(path)
    real = growing._file

    class Disk:
        """Takes so many bytes, some of them in part; then it is full."""

        left = room
        closed = False

        def write(self, data: memoryview) -> int:
            if not self.left:
                raise FULL
            count = min(len(data), self.left, 7)
            self.left -= count
            return real.write(data[:count])

        truncate, seek = real.truncate, real.seek

    growing._file = Disk()  # type: ignore[assignment]
    written = b""
    for record in records:
        try:
            growing.write(record)
        except OSError:
            break
        written += record
    real.close()
    assert path.read_bytes() == written


# --- takes


def take_on(disk: Path, blocks: int) -> tuple[Path, list[str]]:
    """A take with a gesture a block; its .wav, and what was said."""
    with Link.create() as link:
        player = Callback(null_engine(sounds="always"), link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=())
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, disk, "en")
        recording.record(True)
        out, said = np.zeros((2, 128), np.float32), []
        for block in range(blocks):
            player.engine.post(Gesture(Kind.KNOB, block % 8, (block * 7 % 100) / 100), player.engine.sample + 5)
            player.callback(out, None, time.monotonic())
            if block % 20 == 0:
                recording.look()
                time.sleep(0.005)
            if block > 20 and not recording.recorder.recording:
                break
        recording.look()
        recording.close()
        said = [notice.text for notice in row.notices()]
        assert recording.recorder.path is not None
        return recording.recorder.path, said


def frames_of(path: Path) -> int:
    with wave.open(str(path)) as file:
        frames = file.getnframes()
        assert len(file.readframes(frames)) == frames * 6
    return frames


def test_a_take_on_a_disk_that_gets_full_is_whole_as_far_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taping_of, "FLOOR_BYTES", 0)
    with small_disk(tmp_path / "disk", "2m") as disk:
        path, said = take_on(disk, 6000)
        frames = frames_of(path)
        assert frames > 48000
        assert any("the disk is full" in sentence and "make room" in sentence for sentence in said)
        take = read_take(path.with_name("gestures.jsonl"))
        assert len(take.events) > 100
        assert take.events[-1].t <= frames / 48000 + 1e-6
        stream = LatentStream(path.with_name("latents.z"))
        assert 100 < len(stream) <= frames // 128 + 1
        rows = (
            path.with_name("latents.z").stat().st_size
            - len(path.with_name("latents.z").read_bytes().split(b"\n")[0])
            - 1
        )
        assert rows % (4 * math.prod(stream.shape) + 8) == 0, "no half row"
        stream.close()


def test_a_recording_leaves_room_on_the_disk_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taping_of, "FLOOR_BYTES", 3 << 20)
    with small_disk(tmp_path / "disk", "40m") as disk:
        (disk / "other").write_bytes(bytes(35 << 20))
        path, said = take_on(disk, 6000)
        usage = os.statvfs(disk)
        assert usage.f_bavail * usage.f_frsize > 1 << 20, "it ended well before the disk was full"
        assert any("less than 3 MB left" in sentence for sentence in said), said
        take = read_take(path.with_name("gestures.jsonl"))
        assert take.end is not None, "there was room for the last line"
        assert take.end.samples == frames_of(path)
        with pytest.raises(RosinError, match="less than 4 MB left"):
            Recorder(48000, 2, disk, floor_bytes=9 << 20).start()  # of a small disk a tenth


def test_a_recording_that_finds_no_room_for_its_first_bytes_leaves_no_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        fill(disk)
        with pytest.raises(RosinError, match="can't record into"):
            Recorder(48000, 2, disk).start()
        assert [path.name for path in disk.iterdir()] == ["fill"]


# --- what is kept


def test_on_a_full_disk_a_scene_and_an_accident_leave_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        monkeypatch.setenv("XDG_DATA_HOME", str(disk / "home"))
        patch = disk / "mine.toml"
        patch.write_text('schema = 1\nname = "mine"\n[model]\nname = "null"\n')
        accident = Accident("slip", 1, 0, 1500.0, ("a",), np.random.default_rng(1).random((5000, 3, 1), np.float32))
        kept = keep_file(disk / "accidents", accident)
        before, text = kept.read_bytes(), patch.read_bytes()
        fill(disk)
        with pytest.raises(OSError, match="No space"):
            keep_file(disk / "accidents", accident)
        assert kept.read_bytes() == before
        assert [path.name for path in kept.parent.iterdir()] == ["slip.npz"]
        with pytest.raises(RosinError, match="cannot be written"):
            keep_scene(read_patch(patch), 0, {"z1": 0.5})
        assert patch.read_bytes() == text


def test_an_accident_under_a_name_that_was_taken_has_it_and_the_one_before_lies_beside_it(tmp_path: Path) -> None:
    tracks = [np.full((20, 3, 1), value, np.float32) for value in (1.0, 2.0, 3.0)]
    for track in tracks:
        path = keep_file(tmp_path, Accident("slip", 1, 0, 1500.0, ("a",), track))
        assert path.name == "slip.npz"
    names = ["slip.npz", "slip-2.npz", "slip-3.npz"]
    assert [Accident.read(tmp_path / name).track[0, 0, 0] for name in names] == [3.0, 1.0, 2.0]
    part = null_engine().layer
    assert part.learn_all(tmp_path) == []
    assert part.accidents["slip"].track[0, 0, 0] == 3.0, "the name calls the newest, another day too"


def test_a_sound_file_written_over_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from instrument.cli import main

    with small_disk(tmp_path / "disk", "512k") as disk:
        out = disk / "sound.wav"
        soundfile.write(out, np.zeros(100), 48000)
        before = out.read_bytes()
        assert main(["render", "bow", "--seconds", "4", "-o", str(out)]) == 2
        assert out.read_bytes() == before
        assert [path.name for path in disk.iterdir()] == ["sound.wav"]
    assert "cannot be written" in capsys.readouterr().err
