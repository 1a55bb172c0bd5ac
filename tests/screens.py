"""Screens that nobody sees: Xvfb with one display, Xorg's dummy driver with two side by side."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from instrument.bench.xhost import x_server

FIRST, SECOND = (640, 480), (640, 360)
"""The two displays of the dummy; the second is to the right of the first."""
CONFIG = """
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 65536
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Virtual 1280 480
  EndSubSection
EndSection
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "DontVTSwitch" "true"
EndSection
"""


def two_displays_are_here() -> bool:
    driver = Path("/usr/lib/xorg/modules/drivers/dummy_drv.so").is_file()
    return driver and None not in (shutil.which("Xorg"), shutil.which("xrandr"))


@contextlib.contextmanager
def two_displays(folder: Path) -> Iterator[str]:
    """DISPLAY of an Xorg with FIRST and SECOND; its files go to ``folder``."""
    config = folder / "xorg.conf"
    config.write_text(CONFIG)
    options = ("-config", str(config), "-logfile", str(folder / "xorg.log"), "-noreset", "-sharevts", "-novtswitch")
    with x_server("Xorg", *options, "-nolisten", "tcp") as display:
        modes = ["{}x{}".format(*size) for size in (FIRST, SECOND)]
        for said in (
            ("--addmode", "DUMMY1", modes[1]),
            ("--fb", f"{FIRST[0] + SECOND[0]}x{FIRST[1]}", "--output", "DUMMY0", "--mode", modes[0], "--pos", "0x0",
             "--output", "DUMMY1", "--mode", modes[1], "--pos", f"{FIRST[0]}x0"),
        ):  # fmt: skip
            subprocess.run(["xrandr", "-display", display, *said], check=True, timeout=20, capture_output=True)
        yield display


@contextlib.contextmanager
def fine_display(width: int, height: int, dpi: str) -> Iterator[str]:
    """DISPLAY of an Xvfb that says so many dots an inch, as a desktop does it: in the resources, as Xft.dpi."""
    with x_server("Xvfb", "-noreset", "-screen", "0", f"{width}x{height}x24") as display:
        said = ["xrdb", "-display", display, "-nocpp", "-merge"]
        subprocess.run(said, input=f"Xft.dpi:\t{dpi}\n", text=True, check=True, timeout=20)
        yield display


def xdotool(*said: str) -> list[str]:
    """The words that it answers."""
    return subprocess.run(["xdotool", *said], capture_output=True, text=True, timeout=20, check=False).stdout.split()
