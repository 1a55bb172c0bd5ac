"""A JACK server of our own: the dummy driver, a name of its own, no sound card; real-time where that is allowed.

    with jack_server(period=128, rate=48000) as jack:
        ...                                  # this process's JACK clients find it (JACK_DEFAULT_SERVER)
        subprocess.run([...], env=jack.env)  # so do children

PortAudio scans for devices once, at import: a test that plays through sounddevice must import it inside the ``with``,
in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 10.0
PRIORITY = 70
"""Of the server, over the instrument's own 60; its clients get five less."""
LIST_SECONDS, LIST_TIMES = 3.0, 4


@dataclass(frozen=True)
class JackServer:
    """A running server. ``env`` is the environment in which clients find it and never start another."""

    name: str
    period: int
    rate: int
    process: subprocess.Popen[bytes]
    log: Path
    """What the server says: a line for each client that was late."""
    env: dict[str, str] = field(repr=False)

    def ports(self, *options: str) -> list[str]:
        """Port names as an independent client lists them; ``options`` as for jack_lsp.

        On a busy machine a client that comes while another goes now and then waits for ever: then another asks.
        """
        for _ in range(LIST_TIMES):
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = subprocess.run(
                    ["jack_lsp", *options],
                    env=self.env,
                    capture_output=True,
                    text=True,
                    timeout=LIST_SECONDS,
                    check=False,
                )
                return done.stdout.split("\n")[:-1] if done.returncode == 0 else []
        return []

    def wait_for_port(self, ending: str, seconds: float = 5.0) -> str:
        """The full name of the first port that ends so; AssertionError when none comes in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for port in self.ports():
                if port.endswith(ending):
                    return port
            time.sleep(0.05)
        raise AssertionError(f"no JACK port ending in {ending!r} within {seconds} s; there are {self.ports()}")

    def connect(self, source: str, destination: str) -> None:
        subprocess.run(["jack_connect", source, destination], env=self.env, check=True, timeout=10, capture_output=True)

    def kill(self) -> None:
        """Pull the server away under its clients, as a crash would."""
        _end(self.process, signal.SIGKILL)


def jack_is_here() -> bool:
    """Whether JACK is installed; tests skip without."""
    return shutil.which("jackd") is not None and shutil.which("jack_lsp") is not None


@contextlib.contextmanager
def jack_server(period: int = 128, rate: int = 48000, synchronous: bool = False) -> Iterator[JackServer]:
    """Start a dummy JACK server, wait until clients can join, point this process at it, and end it afterwards.

    ``synchronous`` (-S) never reports late clients: for tests of function, not of timing.
    """
    name = f"rosin-test-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    here = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    before = {key: os.environ.get(key) for key in here}
    env = {**os.environ, **here}
    command = ["jackd", *_scheduling(), "-n", name, *(["-S"] if synchronous else []), "-d", "dummy"]
    command += ["-r", str(rate), "-p", str(period)]
    free_slots()
    handle, path = tempfile.mkstemp(prefix="rosin-jack-", suffix=".log")
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle)
    os.close(handle)
    log = Path(path)
    jack = JackServer(name, period, rate, process, log, env)
    try:
        end = time.monotonic() + START_SECONDS
        while not jack.ports():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the JACK server did not start (exit code {process.poll()})")
            time.sleep(0.05)
        os.environ.update(here)
        yield jack
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        _end(process, signal.SIGTERM)
        if process.returncode == -signal.SIGKILL:
            _free_slot(command, env)
        log.unlink(missing_ok=True)


def _scheduling() -> list[str]:
    """Real-time, as players run it, where this process may; else a busy machine makes clients miss cycles, and the
    MIDI messages of a missed cycle are gone."""
    try_it = ["chrt", "--fifo", str(PRIORITY), "true"]
    may = shutil.which("chrt") and subprocess.run(try_it, capture_output=True, check=False).returncode == 0
    return ["-R", "-P", str(PRIORITY)] if may else ["-r"]


def free_slots() -> None:
    """Give back the places of our own servers whose makers are dead (their pid is in the name)."""
    registry = Path("/dev/shm/jack-shm-registry")
    if not registry.is_file():
        return
    for name, pid in set(re.findall(rb"(rosin-test-(\d+)-[0-9a-f]+)", registry.read_bytes())):
        if not Path(f"/proc/{int(pid)}").exists():
            _free_slot(["jackd", "-r", "-n", name.decode(), "-d", "dummy"], dict(os.environ))


def _free_slot(command: list[str], env: dict[str, str]) -> None:
    """JACK has eight places for servers, and a killed one keeps its own until one of its name has ended properly."""
    again = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + START_SECONDS
    while again.poll() is None and time.monotonic() < end:
        if subprocess.run(["jack_lsp"], env=env, capture_output=True, check=False).returncode == 0:
            break
        time.sleep(0.05)
    _end(again, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
