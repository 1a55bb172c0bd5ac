"""Fine displays: at 96, 144 and 192 dpi the mouse takes what it points at, and a window is as large to the eye."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from screens import fine_display
from stagehost import Playing

from instrument.ipc import Kind
from instrument.stage.desktop import middle_of, opening_size, pixels_per_unit, scale_of, units, whole_of

WIDTH, HEIGHT = 320, 180


def display(scale: object, width: int = 2880, height: int = 1800, x: int = 0, y: int = 0) -> SimpleNamespace:
    """A screen as pyglet has it; ``scale`` may be an error that it raises."""

    def get_scale() -> object:
        if isinstance(scale, Exception):
            raise scale
        return scale

    return SimpleNamespace(get_scale=get_scale, width=width, height=height, x=x, y=y)


@pytest.mark.skipif(
    None in map(shutil.which, ("Xvfb", "xdotool", "xrdb")), reason="needs Xvfb, xdotool and xrdb: screen, mouse, dpi"
)
@pytest.mark.parametrize(("dpi", "scale"), [("96", 1.0), ("144", 1.5), ("192", 2.0), ("133.5", 1.0)])
def test_the_mouse_takes_the_ring_it_points_at_and_the_window_is_as_large_to_the_eye(dpi, scale):
    pytest.importorskip("pyglet")
    with fine_display(800, 600, dpi) as screen:
        stage = Playing(screen, WIDTH, HEIGHT, grows=True)
        try:
            stage.begin()
            stage.size = round(scale * WIDTH), round(scale * HEIGHT)
            window = stage.do("search", "--onlyvisible", "--name", "^Rosin$").split()[-1]
            told = dict(line.split("=") for line in stage.do("getwindowgeometry", "--shell", window).split())
            assert (int(told["WIDTH"]), int(told["HEIGHT"])) == stage.size
            hand = float(stage.frames[-1].hand[2])
            stage.do("mousemove", *stage.at(2, hand))
            stage.play(0.2)
            turned = stage.until(Kind.KNOB, "click", "4")
            assert (turned.knob, turned.value) == (2, pytest.approx(hand + 0.02, abs=1e-4))
            stage.play(0.5)
            stage.do("mousedown", "1")
            stage.play(0.3)
            moved = stage.until(Kind.KNOB, "mousemove", *stage.at(2, hand + 0.3))
            assert (moved.knob, moved.value) == (2, pytest.approx(hand + 0.3, abs=0.03))
            stage.do("mouseup", "1")
            stage.do("mousemove", *stage.at(5, float(stage.frames[-1].hand[5])), "key", "m")
            stage.play(1.0)  # the learn view: a click chooses, on the whole star
            stage.do("click", "1")
            for _ in range(50):
                stage.play(0.1)
                if stage.row.text("device").split(",")[4] == "5":
                    break
            assert stage.row.text("device").split(",")[4] == "5", "the knob that was clicked is chosen"
        finally:
            stage.end()


@pytest.mark.parametrize(
    ("scale", "kept"),
    [(1.0, 1.0), (1.5, 1.5), (2.0, 2.0), (0.75, 1.0), (0.0, 1.0), (-2.0, 1.0), (1e9, 1.0), (float("nan"), 1.0),
     (ValueError("invalid literal"), 1.0), (None, 1.0)],
)  # fmt: skip
def test_what_a_display_says_of_its_scale_is_taken_where_it_can_be_true(scale, kept):
    assert scale_of(display(scale)) == kept


def test_a_window_of_no_asked_size_is_as_large_to_the_eye_and_fits_its_display():
    assert opening_size(1280, 720, display(2.0), True, "linux") == (2560, 1440)
    assert opening_size(1280, 720, display(2.0), False, "linux") == (1280, 720), "pixels, where they were asked for"
    assert opening_size(1280, 720, display(2.0, 1920, 1080), True, "win32") == (1728, 972)
    assert opening_size(1280, 720, display(2.0, 1024, 600), True, "win32") == (1280, 720), "never made smaller"
    assert opening_size(1280, 720, display(2.0, 1440, 900), True, "darwin") == (2560, 1440), "1440 points, 2880 pixels"


def test_on_a_mac_sizes_are_pixels_and_the_system_is_told_points():
    retina = display(2.0, 1440, 900)
    assert pixels_per_unit(2.0, "darwin") == 2.0
    assert pixels_per_unit(2.0, "linux") == pixels_per_unit(2.0, "win32") == 1.0
    assert units((2560, 1440), 2.0) == (1280, 720)
    assert whole_of(retina, 2.0) == (2880, 1800)
    assert middle_of(retina, (2560, 1440), 2.0) == (80, 90)
    assert middle_of(retina, whole_of(retina, 2.0), 2.0) == (0, 0)
