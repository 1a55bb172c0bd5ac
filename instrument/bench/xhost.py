"""X servers that nobody sees, shared by benches and tests: started, found by number, ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def x_server(*command: str) -> Iterator[str]:
    """Start ``command`` (Xvfb or Xorg with its options) on a free number; yields its DISPLAY. It ends afterwards."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [*command, "-displayfd", str(writing)],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def xvfb(width: int, height: int) -> Iterator[str]:
    """DISPLAY of an Xvfb with one screen of that size."""
    with x_server("Xvfb", "-screen", "0", f"{width}x{height}x24") as display:
        yield display
