"""Pictures of the stage, drawn without a screen by the process itself, in two situations."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from stage_frames import make, save

from instrument.documents.options import StageOptions
from instrument.ipc import Link
from instrument.stage import process
from instrument.stage.gpu.png import png_bytes
from instrument.stage.settings import StageSettings
from instrument.stage.views.palette import GROUND, HAND, IVORY, STRAIN, TEXT

pytest.importorskip("pyglet")
WIDTH, HEIGHT = 640, 360
GLASS = str(Path(__file__).parent.parent / "patches" / "glass.toml")


def run(
    out: Path, frames: Path | None, *more: str, language: str = "en", big_type: bool = False
) -> subprocess.CompletedProcess[str]:
    stage = StageOptions(width=WIDTH, height=HEIGHT, big_type=big_type)
    said = StageSettings(patches=(GLASS,), language=language, stage=stage).to_json()
    given = ["--frames", str(frames)] if frames else []
    command = [sys.executable, "-m", "instrument.stage.process", said, "--picture", str(out), *given, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_where_a_system_knows_no_niceness_the_window_opens_all_the_same(monkeypatch):
    link, done = Link.create(), []
    monkeypatch.delattr(os, "nice", raising=False)  # as on Windows
    monkeypatch.setattr("signal.signal", lambda *_: None)
    playing = SimpleNamespace(enter=lambda: done.append("enter"), run=lambda: done.append("run"))
    monkeypatch.setattr(process, "StageProcess", lambda settings, worker: playing)
    code = process.main([StageSettings(link.token).to_json()])
    said = link.health.notices("stage")
    link.close()
    assert (code, done, said) == (0, ["enter", "run"], [])


def pixels(path: Path) -> np.ndarray:
    data = path.read_bytes()
    body = data[data.index(b"IDAT") + 4 :]
    rows = np.frombuffer(zlib.decompressobj().decompress(body), np.uint8).reshape(HEIGHT, -1)
    return rows[:, 1:].reshape(HEIGHT, WIDTH, 3)


def share_of(picture: np.ndarray, colour: tuple[float, float, float], within: int = 12) -> float:
    """How much of the picture has a colour, in parts of a thousand."""
    wanted = np.round(np.array(colour) * 255)
    return 1000.0 * float((np.abs(picture - wanted).max(axis=2) <= within).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    for situation in ("rest", "hard"):
        save(make(situation), folder / f"{situation}.npy")
    done = run(folder / "rest.png", folder / "rest.npy")
    if done.returncode == 2 and "OpenGL" in done.stderr:
        pytest.skip(f"no EGL here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    done = run(folder / "hard.png", folder / "hard.npy")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_palette_is_there_in_both(folder):
    for situation in ("rest", "hard"):
        picture = pixels(folder / f"{situation}.png").astype(int)
        assert share_of(picture, GROUND, 2) > 400
        assert share_of(picture, HAND) > 0.7  # eight rings; the legend alone has 0.1
        assert share_of(picture, IVORY) > 1.0
        assert share_of(picture, TEXT, 30) > 0.2  # letters ten pixels high are hardly ever of one colour


def test_strain_is_seen_in_a_hard_gesture_and_not_at_rest(folder):
    rest, hard = (pixels(folder / f"{s}.png").astype(int) for s in ("rest", "hard"))
    # Without the bottom right corner, where the legend has its orange line at any time.
    rest, hard = (p[:, : WIDTH * 4 // 5] for p in (rest, hard))
    assert share_of(rest, STRAIN) == 0.0
    assert share_of(hard, STRAIN) > 1.0


def test_light_stays_inside_and_is_not_everywhere(folder):
    picture = pixels(folder / "hard.png").astype(int)
    bright = picture.max(axis=2) > 60
    assert 0.05 < bright.mean() < 0.5
    middle = bright[:, WIDTH // 5 : 4 * WIDTH // 5]
    assert middle.sum() > 0.9 * bright.sum()


def test_two_renders_of_the_same_frames_are_identical(folder):
    done = run(folder / "again.png", folder / "hard.npy")
    assert done.returncode == 0, done.stderr
    assert (folder / "again.png").read_bytes() == (folder / "hard.png").read_bytes()


def test_a_coarser_scale_changes_the_light_and_not_the_marks(folder):
    done = run(folder / "coarse.png", folder / "hard.npy", "--scale", "0.25")
    assert done.returncode == 0, done.stderr
    fine, coarse = (pixels(folder / f"{n}.png").astype(int) for n in ("hard", "coarse"))
    assert share_of(coarse, HAND) == pytest.approx(share_of(fine, HAND), rel=0.1)
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.2)


def test_the_overlay_and_french_and_big_type_are_drawn(folder):
    done = run(folder / "keys.png", folder / "rest.npy", "--keys", language="fr", big_type=True)
    assert done.returncode == 0, done.stderr
    picture = pixels(folder / "keys.png").astype(int)
    assert share_of(picture, HAND) == 0.0  # what lies behind is dimmed
    assert share_of(picture, IVORY, 40) > 1.0


def test_without_any_frame_the_window_says_that_it_waits(folder):
    done = run(folder / "none.png", None)
    assert done.returncode == 0, done.stderr
    assert share_of(pixels(folder / "none.png").astype(int), GROUND, 2) > 900


def test_a_file_without_frames_is_refused_in_one_sentence(folder):
    np.save(folder / "wrong.npy", np.zeros(3))
    done = run(folder / "x.png", folder / "wrong.npy")
    assert done.returncode == 2
    assert "no frames" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_png_is_read_back_by_others():
    image = pytest.importorskip("matplotlib.image")
    picture = np.random.Generator(np.random.Philox(1)).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    import io

    assert (np.round(image.imread(io.BytesIO(png_bytes(picture))) * 255) == picture).all()
