"""Screen: whether a display server answers, asked without opening a window. Beside the stage, for who starts it."""

from __future__ import annotations

import os
import re
import socket
import sys

SOCKETS = "/tmp/.X11-unix/X"
"""Where X servers listen on their own machine; Linux knows the same name without a file, too."""
PATIENCE_SECONDS = 0.2


def screen_is_there(sockets: str = SOCKETS) -> bool | None:
    """None where it cannot be told: another system, a display of another machine, none named at all."""
    display = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", os.environ.get("DISPLAY", ""))
    if display is None or sys.platform in ("darwin", "win32"):
        return None
    names = [f"{sockets}{display[1]}"]
    if sys.platform.startswith("linux"):
        names.append(f"\0{sockets}{display[1]}")
    return any(_answers(name) for name in names)


def _answers(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(PATIENCE_SECONDS)
        try:
            knock.connect(name)
        except OSError:
            return False
    return True
