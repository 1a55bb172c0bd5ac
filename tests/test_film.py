"""rosin render -o FILM: pictures of the take's own time, the render's own sound beside them, or one sentence."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instrument.cli import main
from instrument.documents.patch import read_patch
from instrument.documents.rig import Rig
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.ipc import Frame, Gesture, Kind
from instrument.rehearsal.film import FilmTeller, pictures_in
from instrument.rehearsal.reel import find_ffmpeg
from instrument.rehearsal.render import offline_blocks
from instrument.storage.bank import open_part

pytest.importorskip("pyglet")
pytest.importorskip("imageio_ffmpeg")
# pyglet leaves the font's file open.
pytestmark = pytest.mark.filterwarnings("ignore:.*Inter-Regular:pytest.PytestUnraisableExceptionWarning")
ROOT = Path(__file__).parent.parent
TAKE = str(ROOT / "examples" / "first-take.jsonl")
GLASS = ROOT / "patches" / "glass.toml"
FPS, WIDTH, HEIGHT, SECONDS, RATE = 25, 320, 180, 1.2, 48000
PICTURES = 30
LIKE = ("--fps", str(FPS), "--size", f"{WIDTH}x{HEIGHT}", "--seconds", str(SECONDS))


def rosin(folder: Path, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "instrument", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LP_NUM_THREADS": "1", "ROSIN_LANGUAGE": "en",
           "ROSIN_RIG": str(folder / "rig.toml"), **options}  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=folder, env=env)


def ffmpeg(*words: str) -> bytes:
    return subprocess.run([find_ffmpeg(), "-loglevel", "error", *words], capture_output=True, check=True).stdout


def told(path: Path) -> str:
    """What ffmpeg says of a file."""
    return subprocess.run([find_ffmpeg(), "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr


def sound_of(path: Path, kind: str = "f32le", dtype: str = "<f4") -> np.ndarray:
    """Its sound [n, 2], decoded by ffmpeg."""
    return np.frombuffer(ffmpeg("-i", str(path), "-map", "0:a", "-f", kind, "-"), dtype).reshape(-1, 2)


def pictures_of(path: Path, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Its pictures [n, height, width, 3], decoded by ffmpeg."""
    raw = ffmpeg("-i", str(path), "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def png(path: Path) -> np.ndarray:
    data = path.read_bytes()
    rows = np.frombuffer(zlib.decompressobj().decompress(data[data.index(b"IDAT") + 4 :]), np.uint8)
    return rows.reshape(HEIGHT, -1)[:, 1:].reshape(HEIGHT, WIDTH, 3)


def digest(out: str, what: str) -> str:
    return out.split(f"sha256 of the {what} ")[1].split()[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """a.mp4 and its PNGs by two processes, and the sound alone."""
    folder = tmp_path_factory.mktemp("film")
    done = rosin(folder, "render", TAKE, "-o", "a.mp4", *LIKE)
    if "OpenGL" in done.stderr:
        pytest.skip(f"no EGL here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    (folder / "a.txt").write_text(done.stdout)
    done = rosin(folder, "render", TAKE, "-o", "b/%04d.png", "--block", "1000", *LIKE)
    assert done.returncode == 0, done.stderr
    (folder / "b.txt").write_text(done.stdout)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["render", TAKE, "-o", str(folder / "a.wav"), "--seconds", str(SECONDS)]) == 0
    (folder / "wav.txt").write_text(said.getvalue())
    yield folder
    assert not list(folder.glob(".rosin-film-*"))


# --- the same take is the same film


def test_two_processes_draw_the_same_pictures_at_any_block(folder: Path) -> None:
    pictures = [png(path) for path in sorted((folder / "b").glob("*.png"))]
    assert len(pictures) == PICTURES
    every = hashlib.sha256()
    for picture in pictures:
        every.update(np.ascontiguousarray(picture).data)
    first, second = ((folder / name).read_text() for name in ("a.txt", "b.txt"))
    assert digest(first, "pictures") == digest(second, "pictures") == every.hexdigest()
    assert len({hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures}) == PICTURES  # and it moves


def test_drawing_changes_no_sample(folder: Path) -> None:
    assert len({digest((folder / name).read_text(), "samples") for name in ("a.txt", "b.txt", "wav.txt")}) == 1


def test_the_credits_lie_beside_a_film_and_among_the_pictures(folder: Path) -> None:
    for name in ("a.credits.txt", "b/b.credits.txt"):
        said = (folder / name).read_text()
        assert "Sam Gossner" in said
        assert re.search(r"\d %  +\d+\.\d s  ", said)  # whose sounds were near to what was heard, and how long


# --- the file


def test_both_streams_are_as_asked(folder: Path) -> None:
    said = told(folder / "a.mp4")
    assert re.search(rf"Video: h264.*yuv420p\(tv, bt709.*{WIDTH}x{HEIGHT}.* {FPS} fps", said)
    assert re.search(r"Audio: aac.*48000 Hz, stereo", said)
    found = re.search(r"Duration: 00:00:(\d+\.\d+), start: (\d+\.\d+)", said)
    assert found is not None
    assert float(found[1]) == pytest.approx(SECONDS, abs=1 / FPS)
    assert float(found[2]) == 0.0
    assert len(pictures_of(folder / "a.mp4")) == PICTURES


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe here")
def test_another_program_sees_the_same(folder: Path) -> None:
    command = ["ffprobe", "-loglevel", "error", "-show_entries", "stream=codec_type,start_time,duration,nb_frames",
               "-of", "csv=p=0", str(folder / "a.mp4")]  # fmt: skip
    rows = [line.split(",") for line in subprocess.run(command, capture_output=True, text=True).stdout.split()]
    assert [row[0] for row in rows] == ["video", "audio"]
    for row in rows:
        assert float(row[1]) == 0.0
        assert float(row[2]) == pytest.approx(SECONDS, abs=1 / FPS)
    assert int(rows[0][3]) == PICTURES


def test_its_sound_is_the_takes_within_a_millisecond(folder: Path) -> None:
    wanted, _ = soundfile.read(folder / "a.wav", dtype="float32", always_2d=True)
    got = sound_of(folder / "a.mp4")
    assert abs(len(got) - len(wanted)) <= 1024  # the codec's own grain
    count = min(len(got), len(wanted))
    a, b = wanted[:count].mean(axis=1, dtype=np.float64), got[:count].mean(axis=1, dtype=np.float64)
    assert np.abs(a).max() > 0.05
    across = np.fft.irfft(np.conj(np.fft.rfft(a, 2 * count)) * np.fft.rfft(b, 2 * count))
    lag = int(np.argmax(across))
    lag -= 2 * count if lag > count else 0
    assert abs(lag) <= RATE // 1000
    assert np.corrcoef(a, b)[0, 1] > 0.99


def test_each_picture_of_the_file_is_the_one_drawn_for_its_moment(folder: Path) -> None:
    film = pictures_of(folder / "a.mp4").astype(np.float32)
    drawn = np.stack([png(path) for path in sorted((folder / "b").glob("*.png"))]).astype(np.float32)
    error = np.array([[np.square(film[k] - drawn[j]).mean() for j in range(max(0, k - 2), min(PICTURES, k + 3))]
                      for k in range(10, PICTURES - 2)])  # fmt: skip
    assert (np.argmin(error, axis=1) == 2).all()
    assert 10 * np.log10(255**2 / error[:, 2]).min() > 34.0  # dB
    assert np.abs(film[:, :8, :8] - drawn[:, :8, :8]).max() <= 2.0  # the ground keeps its colour


def test_the_container_says_what_was_played_and_whose_it_is(folder: Path) -> None:
    tags = ffmpeg("-i", str(folder / "a.mp4"), "-f", "ffmetadata", "-").decode()
    assert "title=bow" in tags
    assert "artist=Rosin developers" in tags
    assert re.search(r"copyright=model First bow \(CC0-1.0\) by Rosin developers", tags)
    comment = re.search(r"comment=(.*)", tags)
    assert comment is not None
    for word in ("First bow", "CC0-1.0", "Sam Gossner", "seed 7", "patch bow"):
        assert word in comment[1]


@pytest.mark.parametrize("kind", ["mov", "mkv"])
def test_lossless_kinds_keep_every_sample(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / f"a.{kind}"
    short = ("--seconds", "0.4", "--set", "loudness=0.9", "--note", "60")
    assert main(["render", str(GLASS), "-o", str(film), *short, "--size", "320x180", "--fps", "24"]) == 0
    said = capsys.readouterr().out
    if kind == "mov":
        assert hashlib.sha256(sound_of(film).tobytes()).hexdigest() == digest(said, "samples")
    else:
        assert main(["render", str(GLASS), "-o", str(tmp_path / "a.flac"), *short]) == 0
        alone, _ = soundfile.read(tmp_path / "a.flac", dtype="int32", always_2d=True)
        assert (sound_of(film, "s32le", "<i4") == alone).all()
    assert len(pictures_of(film)) == 10  # 9.6 pictures: the last one outlasts the sound


def test_a_webm_has_pictures_and_sound(tmp_path: Path) -> None:
    film = tmp_path / "a.webm"
    assert main(["render", str(GLASS), "-o", str(film), "--seconds", "0.3", "--note", "60", "--size", "320x180"]) == 0
    assert len(pictures_of(film)) == 9
    assert len(sound_of(film)) == pytest.approx(0.3 * RATE, abs=1000)


# --- time


def played(seconds: float, fps: int, block: int = QUANTUM) -> tuple[np.ndarray, list[list[Frame]]]:
    """The sound [n] and what each picture shows, of a note on the shipped patch without a model."""
    engine = Engine(open_part(read_patch(GLASS), 0, provider="cpu", seed=3))
    teller = FilmTeller(engine, fps, pictures_in(round(seconds * engine.rate), engine.rate, fps))
    shots: list[list[Frame]] = []
    sound = []
    for piece in offline_blocks(engine, seconds, [(0.05, Gesture(Kind.NOTE_ON, 57, 0.9))], block, teller.heard):
        sound.append(piece[0])
        shots += teller.shots()
    return np.concatenate(sound), shots


@pytest.mark.parametrize(("fps", "block"), [(24, 128), (25, 1000), (30, 4096), (60, 37)])
def test_a_picture_shows_the_sound_of_its_own_moment(fps: int, block: int) -> None:
    sound, shots = played(0.7, fps, block)
    assert len(shots) == pictures_in(len(sound), RATE, fps)
    heard = 0
    for k, frames in enumerate(shots):
        newest = frames[-1]
        assert newest.sample <= k * RATE / fps < newest.sample + QUANTUM
        assert newest.time == newest.sample / RATE
        end = newest.sample + QUANTUM
        if 512 <= end <= len(sound):
            assert (newest.wave == sound[end - 512 : end]).all()
            heard += bool(np.abs(newest.wave).max() > 1e-3)
    assert heard > 5
    every = [frame.seq for frames in shots for frame in frames]
    assert every == list(range(1, len(every) + 1))
    assert 90 * 0.7 < len(every) < (95 + fps) * 0.7  # as often as a window is told, and once a picture


def test_the_number_of_pictures_covers_the_sound() -> None:
    for samples in (1, 1600, 1601, 48000, 47999, 44100):
        for rate, fps in ((48000, 30), (44100, 24), (32000, 60)):
            count = pictures_in(samples, rate, fps)
            assert (count - 1) / fps < samples / rate <= count / fps


def test_a_long_film_keeps_no_more_frames_than_a_short_one() -> None:
    engine = Engine(open_part(read_patch(GLASS), 0, provider="cpu", seed=3))
    teller = FilmTeller(engine, 30, 30 * 3600)
    kept = []
    for _ in range(20):
        for _ in offline_blocks(engine, 0.5, (), QUANTUM, teller.heard):
            for frames in teller.shots():
                del frames
        kept.append(sum(type(thing) is Frame for thing in gc.get_objects()))
    assert max(kept) - kept[0] <= 8


# --- the options


def test_every_option_of_films_is_seen() -> None:
    from instrument.commands.film import Drawing, FilmOptions

    _, shots = played(0.8, 30)
    looks = [
        FilmOptions(30, 320, 180),
        FilmOptions(30, 320, 180, calm=True),
        FilmOptions(30, 320, 180, big_type=True),
        FilmOptions(30, 320, 240),
        FilmOptions(30, 320, 180, view="rehearsal"),
    ]
    seen = []
    for film in looks:
        drawing = Drawing(film, GLASS, Rig())
        try:
            for frames in shots:
                picture = drawing.picture(frames)
        finally:
            drawing.close()
        assert picture.shape == (film.height, film.width, 3)
        seen.append(picture)
    plain, calm, big, _, rehearsal = seen
    assert (plain != calm).any()
    assert (plain != rehearsal).any(axis=2).mean() > 0.2
    ink = [int((picture[: HEIGHT // 4, : WIDTH // 3] > 60).any(axis=2).sum()) for picture in (plain, big)]
    assert ink[1] > 1.2 * ink[0]  # the title is larger


@pytest.mark.parametrize("view", ["stage", "rehearsal"])
def test_no_picture_knows_how_long_the_drawing_took(view: str) -> None:
    from instrument.commands.film import Drawing, FilmOptions

    _, shots = played(0.5, 30)
    seen = []
    for slow_s in (0.0, 0.3):
        drawing = Drawing(FilmOptions(30, 320, 180, view=view), GLASS, Rig())
        try:
            films = []
            for k, frames in enumerate(shots):
                films.append(hashlib.sha256(drawing.picture(frames).data).hexdigest())
                time.sleep(slow_s if k % 3 == 0 else 0.0)
        finally:
            drawing.close()
        seen.append(films)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == len(shots)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "a.avi"], "a.avi names no kind of sound file written here; end it with .wav, .flac, .aiff, .aif, or "),
        (["-o", "a.wav", "--fps", "30"], "--fps is for films, and a.wav is none; end its name with .mp4"),
        (["-o", "a.flac", "--no-calm"], "--calm is for films"),
        (["-o", "a.aiff", "--view", "stage"], "--view is for films"),
        (["-o", "a.mp4", "--fps", "23"], "--fps 23 is out of range; give 24 to 60 pictures a second"),
        (["-o", "a.mp4", "--fps", "0"], "--fps 0 is out of range"),
        (["-o", "a.mp4", "--size", "big"], "--size big is no size of a film; write WIDTHxHEIGHT in pixels"),
        (["-o", "a.mp4", "--size", "0x0"], "--size 0x0 is no size"),
        (["-o", "a.mp4", "--size", "99999x99999"], "--size 99999x99999 is no size"),
        (["-o", "a.mp4", "--size", "321x181"], "--size 321x181 is odd, and films go by two pixels"),
        (["-o", "a.png"], "a.png is one picture and a film has many; number them: -o a/%05d.png"),
        (["-o", "x/%s.png"], "x/%s.png is one picture"),
        (["-o", "/proc/a.mp4"], "/proc/a.mp4 cannot be written"),
    ],
)
def test_what_cannot_be_filmed_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(GLASS), "--seconds", "0.1", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


# --- what may fail


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(folder)
    assert main(["render", str(GLASS), "-o", "a.mp4", "--seconds", "0.5", "--size", "320x180"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert [path.name for path in folder.iterdir() if path.name not in ("ffmpeg", "bin")] == []
    return err


def test_without_ffmpeg_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "a film needs ffmpeg; install it with: pip install 'rosin[video]'" in refused(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("", "does not start (Exec format error); install another: pip install 'rosin[video]'"),
        ("#!/bin/sh\necho 'Unknown encoder libx264' >&2; exit 8\n", "cannot write such a film (Unknown encoder libx"),
        ("#!/bin/sh\nexit 3\n", "a.mp4 cannot be written (ffmpeg: code 3)"),
        ("#!/bin/sh\nhead -c 200000 >/dev/null; echo '[mp4] No space left on device' >&2; exit 1\n", "No space left"),
    ],
)  # fmt: skip
def test_an_ffmpeg_that_fails_is_one_sentence_and_leaves_nothing(
    script: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(program))
    assert sentence in refused(tmp_path, monkeypatch, capsys)


def test_what_cannot_be_joined_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, program = find_ffmpeg(), tmp_path / "ffmpeg"
    full = "echo 'film.mp4: No space left on device' >&2; exit 1"
    program.write_text(f'#!/bin/sh\ncase "$*" in *-map*) {full};; esac\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(program))
        assert main(["render", str(GLASS), "-o", "a.mp4", "--seconds", "0.2", "--size", "320x180"]) == 2
    err = capsys.readouterr().err
    (kept,) = tmp_path.glob(".rosin-film-*")
    assert "No space left on device" in err
    assert f"its pictures and its sound are kept in {kept.name}" in err
    assert len(pictures_of(kept / "pictures.mp4")) == 6
    assert len(soundfile.read(kept / "sound.wav")[0]) == 9600


def limited(folder: Path, size: int, seconds: str) -> subprocess.CompletedProcess[str]:
    """A film where no file may be longer than ``size`` bytes: as near to a full disk as a test can come."""
    command = [sys.executable, "-m", "instrument", "render", TAKE, "-o", "a.mp4", "--seconds", seconds, "--size",
               "320x180"]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LP_NUM_THREADS": "1"}

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        command, capture_output=True, text=True, timeout=170, cwd=folder, env=env, preexec_fn=shrink
    )  # fmt: skip


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    done = limited(tmp_path, 100_000, "1")
    assert done.returncode == 2
    assert "a.mp4 cannot be written" in done.stderr
    assert "choose a folder with room" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_film_is_told_in_the_players_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROSIN_LANGUAGE", "fr")
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    assert main(["render", TAKE, "-o", "p/%d.png", "--size", "320x180", "--seconds", "0.1"]) == 0
    said = capsys.readouterr().out
    assert "3 images de 320x180, 30 par seconde" in said
    assert "sha256 des images " in said


def test_ctrl_c_leaves_a_playable_beginning_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"an older film")
    command = [sys.executable, "-m", "instrument", "render", TAKE, "-o", "a.mp4", "--size", "320x180"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LP_NUM_THREADS": "1", "ROSIN_LANGUAGE": "en",
           "ROSIN_RIG": str(tmp_path / "rig.toml")}  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        waiting = list(tmp_path.glob(".rosin-film-*/sound.wav"))
        if waiting and waiting[0].stat().st_size > 150_000:  # 0.4 s
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: a.part.mp4 is what was drawn until then" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.part.credits.txt", "a.part.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"an older film"
    count = len(pictures_of(tmp_path / "a.part.mp4"))
    assert 5 < count < 600
    assert f"{count} pictures" in out
    assert len(sound_of(tmp_path / "a.part.mp4")) / RATE == pytest.approx(count / 30, abs=2 / 30)


def test_a_sound_file_needs_neither_window_nor_ffmpeg(tmp_path: Path) -> None:
    script = (
        "import sys; from instrument.cli import main\n"
        f"code = main(['render', {str(GLASS)!r}, '-o', 'a.wav', '--seconds', '0.05'])\n"
        "sys.exit(code or any(name in sys.modules for name in ('pyglet', 'imageio_ffmpeg')))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
