"""Scout: looks for a sound device while the sound plays into none. A short-lived process of its own, beside the device.

PortAudio sees what was there when it was initialised, and to initialise it anew is to take down what plays through it;
some drivers take their time over it, some write into the process that asks. So another process asks, once a second at
most, and ends as soon as there is something: ``python -m instrument.audio.scout WANTED``. It prints one line and ends
with its parent, whose end it sees by its own stdin.
"""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
import time

from instrument.audio import portaudio
from instrument.base.errors import RosinError
from instrument.base.processes import ParentWatch, command_of, end, stand_behind

LOOK_SECONDS = 1.0
CLIENT = "rosin-scout"
NICE = 10


class Scout:
    """Who sends it out and hears from it. ``send`` it, then ``found`` is asked often; neither waits."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._child: subprocess.Popen[bytes] | None = None
        self._again_at = 0.0

    def send(self, after_s: float = 0.0) -> None:
        """Look for the device, from so many seconds on."""
        self.close()
        self._again_at = time.monotonic() + after_s

    def found(self, now: float) -> bool:
        """Whether it is there now. True once for each time it was sent."""
        if self._child is None:
            if 0.0 < self._again_at <= now:
                self._start()
            return False
        if self._child.poll() is None:
            return False
        assert self._child.stdout is not None
        there = self._child.returncode == 0 and self._child.stdout.read().startswith(b"there")
        self.close()
        if not there:  # it fell over a driver
            self._again_at = now + LOOK_SECONDS
        return there

    def _start(self) -> None:
        command = command_of("instrument.audio.scout", self._wanted)
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError:
            self._again_at = time.monotonic() + LOOK_SECONDS

    def close(self) -> None:
        """Call it back."""
        child, self._child, self._again_at = self._child, None, 0.0
        if child is not None:
            with contextlib.suppress(OSError):
                child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=1.0)


def is_there(wanted: str) -> bool:
    """Whether there is a device of this name now, or any at all when none is named."""
    sd = portaudio.load(CLIENT)
    if sd is None:
        return False
    portaudio.enter(sd)
    try:
        return portaudio.find(portaudio.scan(sd), wanted) is not None
    except RosinError:
        return False
    finally:
        portaudio.leave(sd)


def main(wanted: str) -> int:
    """Until the device is there, or nobody waits for it any more."""
    stand_behind(NICE)
    parent = ParentWatch()
    while not is_there(wanted):
        if sys.platform == "win32":
            time.sleep(LOOK_SECONDS)  # the time itself: between two looks for a device
        elif select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:  # nothing is ever written there: it was closed
            return 1
        if parent.gone:
            return 1
    print("there", flush=True)
    return 0


if __name__ == "__main__":
    end(main(sys.argv[1]))
