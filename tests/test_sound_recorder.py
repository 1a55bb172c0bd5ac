"""The recorder: what was played is on disk and opens everywhere, whatever happens to the process or the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instrument.audio.recording.gaps import GAPS, Gaps
from instrument.audio.recording.recorder import Recorder
from instrument.base.errors import RosinError

RATE = 48000


def noise(channels: int, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.8, 0.8, (channels, n)).astype(np.float32)


def push_all(recorder: Recorder, audio: np.ndarray, block: int = 128) -> None:
    for start in range(0, audio.shape[1], block):
        recorder.push(audio[:, start : start + block])


def info_chunk(path: Path) -> dict[str, str]:
    """The INFO strings as the RIFF bytes have them, read by hand."""
    data = path.read_bytes()
    at, found = 12, {}
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"LIST" and data[at + 8 : at + 12] == b"INFO":
            sub = at + 12
            while sub < at + 8 + size:
                key, length = data[sub : sub + 4].decode(), struct.unpack("<I", data[sub + 4 : sub + 8])[0]
                found[key] = data[sub + 8 : sub + 8 + length].rstrip(b"\0").decode()
                sub += 8 + length + length % 2
        at += 8 + size + size % 2
    return found


def readable_frames(path: Path) -> int:
    """Frames as Python's wave and sox, two readers that share no code with libsndfile, agree on."""
    with wave.open(str(path)) as file:
        frames = file.getnframes()
        assert len(file.readframes(frames)) == frames * file.getnchannels() * file.getsampwidth()
    if shutil.which("sox"):
        done = subprocess.run(["sox", "--i", "-s", str(path)], capture_output=True, text=True, check=True)
        assert int(done.stdout) == frames
        assert done.stderr == ""
    return frames


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_pushed_is_what_another_reader_reads(tmp_path: Path, channels: int) -> None:
    recorder = Recorder(RATE, channels, tmp_path / "takes")
    audio = noise(channels, 3 * RATE + 77)
    path = recorder.start("viola")
    push_all(recorder, audio)
    begin = time.monotonic()
    assert recorder.stop() == path
    assert time.monotonic() - begin < 1.0
    assert recorder.seconds == audio.shape[1] / RATE
    assert readable_frames(path) == audio.shape[1]
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, channels, 3).astype(np.int32)
    whole = (raw[..., 0] | raw[..., 1] << 8 | raw[..., 2] << 16) << 8 >> 8
    assert np.abs(whole.T / 2**23 - audio).max() < 2e-7
    assert recorder.error == ""
    assert recorder.lost_samples == 0


def test_credits_are_in_the_file_from_its_first_moment(tmp_path: Path) -> None:
    credits = {
        "title": "Étude n° 1",
        "artist": "A. Player",
        "copyright": "2026 A. Player",
        "licence": "CC-BY-4.0",
        "comment": "model: strings-nano\n" + "\n".join(f"sound {k} by author {k}, CC0-1.0" for k in range(200)),
        "patch": "viola",
    }
    recorder = Recorder(RATE, 1, tmp_path, credits)
    path = recorder.start()
    info = info_chunk(path)
    recorder.stop()
    assert info == info_chunk(path)
    assert info["INAM"] == "Étude n° 1"
    assert info["IART"] == "A. Player"
    assert info["ICOP"] == "2026 A. Player. Licence: CC-BY-4.0"
    assert info["ICMT"] == credits["comment"] + "\npatch: viola"
    assert info["ISFT"].startswith("Rosin")


@pytest.mark.parametrize("after_s", [0.25, 0.61, 1.03])
def test_a_process_killed_while_recording_leaves_a_file_with_all_but_the_last_piece(
    tmp_path: Path, after_s: float
) -> None:
    code = f"""
import numpy as np, time
from instrument.audio.recording.gaps import GAPS, Gaps
from instrument.audio.recording.recorder import Recorder
recorder = Recorder({RATE}, 2, {str(tmp_path)!r}, {{"title": "killed"}})
block, at, start = np.zeros((2, 480), np.float32), 0, time.monotonic()
print(recorder.start(), flush=True)
while True:
    block[:] = np.arange(at, at + 480) / 2**23
    recorder.push(block)
    at += 480
    if at % 4800 == 0:
        print(at, flush=True)
    time.sleep(max(0.0, start + at / {RATE} - time.monotonic()))
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    path = Path(child.stdout.readline().strip())
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    said = child.stdout.read().split()
    child.wait()
    child.stdout.close()
    frames = readable_frames(path)
    pushed = int(said[-1]) if said else 0
    assert frames > 0
    assert frames >= pushed - 0.5 * RATE  # the pieces are 70 ms; the rest is for a busy machine
    audio, rate = soundfile.read(path)
    assert rate == RATE
    assert np.array_equal(audio[:, 0] * 2**23, np.arange(frames))
    assert info_chunk(path)["INAM"] == "killed"


@contextlib.contextmanager
def small_disk(where: Path, options: str):
    where.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(where)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("needs the right to mount a small disk")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_full_disk_ends_the_recording_with_a_sentence_and_keeps_the_take(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        recorder = Recorder(RATE, 2, disk)
        path = recorder.start("full")
        audio = noise(2, RATE // 10)
        end = time.monotonic() + 10.0
        while recorder.recording and time.monotonic() < end:
            recorder.push(audio)
            time.sleep(0.01)
        assert recorder.error.startswith("recording stopped (the disk is full); the 3 s so far are kept in ")
        assert "make room" in recorder.error
        recorder.push(audio)  # the sound goes on
        recorder.stop()
        assert readable_frames(path) > 3 * RATE
        (disk / "full").unlink(missing_ok=True)
        path.unlink()
        recorder.start("again")
        assert recorder.error == ""
        recorder.push(audio)
        recorder.stop()
        assert recorder.seconds == pytest.approx(0.1)


def test_a_folder_that_cannot_be_written_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RosinError, match="choose another one for takes"):
        Recorder(RATE, 1, tmp_path / "file" / "takes").start()
    with small_disk(tmp_path / "disk", "size=1m,ro") as disk, pytest.raises(RosinError, match="read-only") as caught:
        Recorder(RATE, 1, disk).start()
    assert "\n" not in str(caught.value)


def test_no_take_is_ever_written_over(tmp_path: Path) -> None:
    paths = set()
    for _ in range(4):
        recorder = Recorder(RATE, 1, tmp_path)
        paths.add(recorder.start("Night / prélude"))
        recorder.push(noise(1, 480))
        recorder.stop()
    assert len(paths) == len(list(tmp_path.iterdir())) == 4
    assert all(path.parent.name.startswith("Night-prélude-20") for path in paths)
    assert {readable_frames(path) for path in paths} == {480}


def test_a_take_longer_than_a_wav_can_be_goes_on_in_the_next_part_without_a_gap(tmp_path: Path) -> None:
    recorder = Recorder(RATE, 1, tmp_path, {"title": "long"}, part_bytes=3 * 10000)
    audio = noise(1, 25000)
    recorder.start()
    push_all(recorder, audio)
    recorder.stop()
    assert [readable_frames(path) for path in recorder.paths] == [10000, 10000, 5000]
    heard = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recorder.paths])
    assert np.abs(heard - audio[0]).max() < 2e-7
    assert recorder.paths[1].name.endswith("-part2.wav")
    assert info_chunk(recorder.paths[2])["INAM"] == "long"


def test_a_disk_that_is_too_slow_costs_counted_samples_and_never_the_callback_its_time(tmp_path: Path) -> None:
    recorder = Recorder(RATE, 1, tmp_path, ring_s=0.1)
    recorder.start()
    recorder._save = lambda: time.sleep(0.05)  # type: ignore[method-assign]
    block = noise(1, 128)
    begin = time.perf_counter()
    for _ in range(100):
        recorder.push(block)
    assert time.perf_counter() - begin < 0.1
    assert recorder.lost_samples == 128 * (100 - 4800 // 128)
    del recorder._save
    recorder.stop()
    assert readable_frames(recorder.path) == recorder.passed == 128 * 100, "the rest is silence"


class SlowDisk:
    """Stands before every file of a recorder: they are written when it lets them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = threading.Event()
        write = soundfile.SoundFile.write

        def wait(file: soundfile.SoundFile, audio: np.ndarray) -> None:
            assert self.free.wait(10.0)
            write(file, audio)

        monkeypatch.setattr(soundfile.SoundFile, "write", wait)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("part_bytes", [3_900_000_000, 6 * 3000])
def test_what_a_slow_disk_loses_is_silence_in_its_place_and_all_after_it_is_in_time(
    part_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    recorder = Recorder(RATE, 2, tmp_path, ring_s=0.1, part_bytes=part_bytes)
    recorder.start()
    audio = noise(2, 4 * 9600)
    wanted = audio.copy()
    for at in range(0, audio.shape[1], 9600):
        disk.free.clear()
        push_all(recorder, audio[:, at : at + 9600], 96)
        wanted[:, at + 4800 : at + 9600] = 0.0  # the ring holds half of it
        disk.free.set()
        until(lambda end=at + 9600: recorder.passed == end)
    push_all(recorder, audio[:, :480])
    recorder.stop()
    wanted = np.concatenate([wanted, audio[:, :480]], axis=1)
    assert recorder.lost_samples == 4 * 4800
    assert recorder.seconds == wanted.shape[1] / RATE
    assert recorder.passed == sum(map(readable_frames, recorder.paths)) == wanted.shape[1], "as long as the take"
    heard = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recorder.paths])
    assert np.abs(heard.T - wanted).max() < 2e-7


def test_more_gaps_than_are_kept_become_one(tmp_path: Path) -> None:
    gaps, pushed, lost = Gaps(), 0, 0
    for _ in range(3 * GAPS):
        if gaps.may_end(pushed):
            pushed += 10
        else:
            gaps.lose(pushed, 10)
        gaps.lose(pushed, 1)
    assert pushed == 10 * GAPS
    saved = 0
    while True:
        if due := gaps.due(saved):
            gaps.filled(due)
            lost += due
        elif gaps.next_at(pushed) > saved:
            saved = gaps.next_at(pushed)
        elif not gaps.pass_by(saved, pushed):
            break
    assert (saved, lost) == (pushed, 3 * GAPS + 2 * 10 * GAPS)
    assert gaps.may_end(pushed)


def test_nothing_is_recorded_before_start_and_after_stop(tmp_path: Path) -> None:
    recorder = Recorder(RATE, 1, tmp_path)
    recorder.push(noise(1, 128))
    path = recorder.start()
    recorder.stop()
    recorder.push(noise(1, 128))
    assert recorder.seconds == 0.0
    assert readable_frames(path) == 0
