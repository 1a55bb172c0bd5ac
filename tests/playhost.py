"""A real `rosin play` for one test, in processes of its own, with OSC in and out and its children in reach."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def datagram(address: str, *values: object) -> bytes:
    """One OSC message; floats, ints and texts as they are."""
    message = OscMessageBuilder(address)
    for value in values:
        message.add_arg(value)
    return message.build().dgram


@dataclass
class Playing:
    """A running instrument. ``osc`` sends to it from one socket, which is also where its echoes come."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    takes: Path
    voice: socket.socket = field(repr=False)

    def osc(self, address: str, *values: object) -> None:
        self.voice.sendto(datagram(address, *values), ("127.0.0.1", self.port))

    def heard(self, seconds: float = 0.3) -> dict[str, Any]:
        """Every address that came within so long, with its last value."""
        found: dict[str, Any] = {}
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.voice.settimeout(left)
            with contextlib.suppress(TimeoutError):
                for timed in OscPacket(self.voice.recv(65535)).messages:
                    params = timed.message.params
                    found[timed.message.address] = params[0] if len(params) == 1 else params
        return found

    def sync(self, seconds: float = 0.5) -> dict[str, Any]:
        """What a client is told that asks for everything."""
        self.heard(0.01)
        self.osc("/rosin/sync")
        return self.heard(seconds)

    def wait_for(self, address: str, wanted: Any, seconds: float = 5.0) -> bool:
        """Whether a value comes (within 1e-3) in time; asks again and again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.sync(0.25).get(address)
            if value == wanted or (isinstance(value, float) and abs(value - wanted) < 1e-3):
                return True
        return False

    def child(self, name: str, standby: bool = False) -> psutil.Process:
        """The process that plays hands or sound: the oldest of its kind; its standby is the youngest."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.status() != "zombie" and f"instrument.{name}" in " ".join(child.cmdline()[:4]):
                    found.append((child.create_time(), child.pid, child))
        found.sort()
        if len(found) < 1 + standby:
            raise AssertionError(f"no {name} process among the children")
        return found[-1][2] if standby else found[0][2]

    def wait_for_standby(self, name: str, seconds: float = 30.0) -> None:
        """Until the one who would take over has everything loaded and does nothing but wait."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError, psutil.Error):
                waiting = self.child(name, standby=True)
                # one that is only starved by a busy machine is quiet too, but it wants to run
                asleep = waiting.cpu_percent(0.4) < 5.0 and all(
                    waiting.status() == psutil.STATUS_SLEEPING for _ in range(5) if not time.sleep(0.03)
                )
                if asleep:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{name} has no standby after {seconds} s")

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_text(self, words: str, seconds: float = 10.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if words in self.text:
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> str:
        """Ctrl-C, wait for its end, and all it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=20)
        return self.text


@contextlib.contextmanager
def playing(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, midi: str = "off"
) -> Iterator[Playing]:
    """Start `rosin play` and wait until it sounds; ended, with all its children, afterwards."""
    port, takes, log = free_port(), folder / "takes", folder / "rosin.log"
    surroundings = {**os.environ, **(env or {}), "ROSIN_RIG": str(folder / "rig.toml"), "ROSIN_LANGUAGE": "en"}
    command = [sys.executable, "-m", "instrument", "play", *arguments, "--listen", f"127.0.0.1:{port}", "--midi", midi,
               "--takes", str(takes), "--headless"]  # fmt: skip
    with log.open("w") as out, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        voice.bind(("127.0.0.1", 0))
        voice.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=surroundings,
            cwd=ROOT,
            text=True,
        )
        play = Playing(process, port, log, takes, voice)
        try:
            end = time.monotonic() + 40.0
            while "dropouts" not in play.text:
                assert process.poll() is None, play.text
                assert time.monotonic() < end, play.text
                time.sleep(0.05)
            yield play
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            with contextlib.suppress(subprocess.TimeoutExpired):
                play.stop()
            if process.poll() is None:
                process.kill()
                process.wait()
            for child in children:
                with contextlib.suppress(psutil.Error):
                    child.kill()
