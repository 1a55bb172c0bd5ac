"""Two displays side by side, as on a stage: the window goes where the rig says, and on at Ctrl+D."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageGrab
from screens import FIRST, SECOND, two_displays, two_displays_are_here, xdotool
from stage_frames import make

from instrument.documents.options import StageOptions
from instrument.ipc import Link
from instrument.run.stage_role import StageRole
from instrument.run.supervisor import dismiss
from instrument.stage.settings import StageSettings

pytest.importorskip("pyglet")
pytestmark = pytest.mark.skipif(
    not (two_displays_are_here() and shutil.which("xdotool")),
    reason="needs Xorg with its dummy driver, xrandr, xdotool",
)
START_S = 60.0


@pytest.fixture
def display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with two_displays(tmp_path) as display:
        monkeypatch.setenv("DISPLAY", display)
        yield display


@pytest.fixture
def link() -> Iterator[Link]:
    with Link.create() as link:
        yield link


@contextlib.contextmanager
def opened(link: Link, **settings: object) -> Iterator[StageRole]:
    """A stage that has drawn; it is ended afterwards."""
    role = StageRole(StageSettings(stage=StageOptions(**settings)), link)  # type: ignore[arg-type]
    try:
        role.open(time.monotonic())
        until(lambda: drawn(role, link) > 2)
        yield role
    finally:
        dismiss(role.processes())


@pytest.fixture
def small(display: str, link: Link) -> Iterator[StageRole]:
    """A small window for the second display, with the mouse in it."""
    with opened(link, width=320, height=180, display=2) as role:
        x, y, *_ = place()
        assert FIRST[0] <= x
        assert y + 180 <= SECOND[1]
        xdotool("mousemove", str(x + 5), str(y + 5), "click", "2")
        yield role


def drawn(role: StageRole, link: Link) -> int:
    frame = make("hard", 1.0)[-1].copy()
    frame.time = time.monotonic()
    link.frames.publish(frame)
    return role.row.count("frames_drawn")


def until(so: object) -> None:
    end = time.monotonic() + START_S
    while not so():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def place() -> tuple[int, int, int, int]:
    """x, y, width and height of the one window to be seen."""
    (window,) = xdotool("search", "--onlyvisible", "--name", "Rosin")
    found = dict(word.split("=") for word in xdotool("getwindowgeometry", "--shell", window))
    return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])


def lit(display: str) -> list[bool]:
    """Whether each display shows anything but the black of a server without windows."""
    whole = np.asarray(ImageGrab.grab(xdisplay=display))
    return [bool(part.max() > 0) for part in (whole[:, : FIRST[0]], whole[:, FIRST[0] :])]


def test_a_stage_for_the_second_display_fills_it_and_leaves_the_first_alone(display: str, link: Link) -> None:
    with opened(link, fullscreen=True, display=2) as role:
        assert place() == (FIRST[0], 0, *SECOND)
        assert lit(display) == [False, True]
        assert [n.text for n in role.row.notices()] == []


def test_a_window_is_on_its_display_and_ctrl_d_moves_it_to_the_next_and_back(small: StageRole, link: Link) -> None:
    for left in (0, FIRST[0]):
        drawn(small, link)
        xdotool("key", "ctrl+d")
        until(lambda left=left: (drawn(small, link), left <= place()[0] < left + FIRST[0])[1])
        assert place()[2:] == (320, 180)


def test_f11_fills_the_display_the_window_is_on_and_leaves_it_again(small: StageRole, link: Link) -> None:
    for wanted in (SECOND, (320, 180)):
        drawn(small, link)
        xdotool("key", "F11")
        until(lambda wanted=wanted: (drawn(small, link), place()[2:] == wanted and place()[0] >= FIRST[0])[1])


def test_f11_never_takes_the_window_away(small: StageRole, link: Link) -> None:
    """A window that is made anew leaves the stage bare for a moment: what is seen is one window, at every look."""
    seen = set()
    for wanted in (SECOND, (320, 180)):
        xdotool("key", "F11")

        def turned(wanted: tuple[int, int] = wanted) -> bool:
            seen.add(tuple(xdotool("search", "--onlyvisible", "--name", "Rosin")))
            drawn(small, link)
            return all(len(one) == 1 for one in seen) and place()[2:] == wanted

        until(turned)
    assert len(seen) == 1
