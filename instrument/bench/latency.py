"""rosin bench latency: from an OSC message to the first changed sample, heard by an independent JACK client.

The whole instrument runs: show, hands, sound, on JACK's dummy driver. Each message raises the loudness knob from
silence; the latency is the time of the first sample above -60 dBFS minus the time of sending (realtime.md). The same
ear hears a bare callback in the same run: what this machine can do at best, and its own scheduling jitter.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from instrument.audio.settings import SoundSettings
from instrument.base.errors import RosinError
from instrument.base.paths import find_patches
from instrument.base.processes import command_of
from instrument.bench.jackhost import JackServer, jack_is_here, jack_server
from instrument.bench.machine import machine, stolen_ms
from instrument.documents.options import Folders, MidiOptions, OscOptions, SoundOptions
from instrument.documents.patch import read_patch
from instrument.documents.rig import Rig
from instrument.hands.worker import HandsSettings
from instrument.run.show import Show

HEARD = 1e-3
QUIET_SECONDS = 0.1
RATE = 48000


def latency(name: str = "", messages: int = 200, block: int = 128, ahead: int = 0) -> dict[str, Any]:
    """p50, p99 and jitter (p99 - p1) in ms of the instrument, neutral and with friction, and of the bare callback."""
    if not jack_is_here():
        raise RosinError("this bench needs JACK; apt install jackd2")
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        raise RosinError("this bench needs the JACK client library; pip install 'rosin[dev]'") from None
    paths, index = find_patches(name)
    patch = read_patch(paths[index])
    found: dict[str, Any] = {
        "bench": "latency",
        "patch": patch.name,
        "model": patch.model,
        "block_frames": block,
        "block_ms": block / RATE * 1000.0,
        "ahead_blocks": ahead,
        "messages": messages,
    }
    with jack_server(period=block, rate=RATE) as server:
        with bare(server, block) as (port, say):
            found["baseline_bare_callback"] = measure(server, port, say, messages)
        with instrument(paths, index, block, ahead) as (show, port, send):
            for label, difficulty in (("neutral", 0.0), ("with_friction", 0.5)):
                send("/rosin/knob/difficulty", difficulty)
                time.sleep(0.3)  # the time itself: what moved rests before it is measured
                before = show.link.health.row("sound").count("xruns")
                spread = measure(server, port, lambda on: send("/rosin/knob/loudness", 0.9 if on else 0.0), messages)
                spread["xruns"] = show.link.health.row("sound").count("xruns") - before
                frame = show.frame()
                spread["late_gestures"] = frame.late if frame else 0
                found[label] = spread
    neutral = found["neutral"]
    found |= {key: neutral[key] for key in ("p50_ms", "p99_ms", "jitter_ms", "xruns")}
    found["ratio_jitter_to_baseline"] = neutral["jitter_ms"] / max(1e-6, found["baseline_bare_callback"]["jitter_ms"])
    found["machine"] = machine()
    return found


def free_port() -> int:
    """A UDP port of this machine that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def bare(server: JackServer, block: int) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """The baseline's process: yields its JACK port and how to tell it."""
    number = free_port()
    before = set(server.ports())
    child = subprocess.Popen(
        command_of("instrument.bench.bare", str(number), str(block)),
        env=server.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        port = next(p for p in server.ports() if p not in before and "out" in p)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
            yield port, lambda on: (voice.sendto(b"1" if on else b"0", ("127.0.0.1", number)), None)[1]
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def instrument(
    paths: list[Path], index: int, block: int, ahead: int, number: int = 0, folder: Path | None = None
) -> Iterator[tuple[Show, str, Callable[[str, float], None]]]:
    """The whole show on JACK, its OSC on a port of its own; yields it, its JACK port, and how to send it a number.

    ``number``: the port to hear OSC on instead of any free one. ``folder``: where it records and keeps its rig file;
    without one nothing is expected to be written.
    """
    from pythonosc.osc_message_builder import OscMessageBuilder

    number = number or free_port()
    rig = Rig(osc=OscOptions(listen=f"127.0.0.1:{number}"), midi=MidiOptions(api="off"))
    takes = tempfile.gettempdir()
    if folder is not None:
        rig, takes = replace(rig, path=str(folder / "rig.toml")), str(folder / "takes")
    told = [str(p) for p in paths]
    sound = SoundSettings("", tuple(told), index, sound=SoundOptions(block=block, ahead=ahead), folders=Folders(takes))
    show = Show(sound, HandsSettings.of(rig, told, False, index=index))
    try:
        show.open()
        time.sleep(3.0)  # the time itself: the standby loads beside the sound, until the machine is its own again
        show.look()
        time.sleep(2.5)  # the time itself: the same
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:

            def send(address: str, value: float) -> None:
                message = OscMessageBuilder(address)
                message.add_arg(value, "f")
                voice.sendto(message.build().dgram, ("127.0.0.1", number))

            send("/rosin/knob/level", 1.0)
            send("/rosin/knob/hazard", 0.0)
            send("/rosin/knob/loudness", 0.9)
            time.sleep(0.5)  # the time itself: a note comes up, and goes
            send("/rosin/knob/loudness", 0.0)
            time.sleep(0.5)  # the time itself: a note comes up, and goes
            listing = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False).stdout.split()
            port = next(p for p in listing if p.startswith("rosin") and ":out_" in p)
            yield show, port, send
    finally:
        show.close()


def measure(server: JackServer, port: str, tell: Callable[[bool], None], messages: int) -> dict[str, Any]:
    """Send, listen, and find each first changed sample."""
    chance = random.Random(1)
    cycle = 0.18
    seconds = messages * (cycle + 0.010) + 2.5
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "heard.npz")
        ear = subprocess.Popen(
            command_of("instrument.bench.ear", path, str(seconds), port),
            env=server.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert ear.stdout is not None
        ear.stdout.readline()
        time.sleep(0.3)  # the time itself: what moved rests before it is measured
        sent, stolen = [], stolen_ms()
        for _ in range(messages):
            sent.append(time.monotonic())
            tell(True)
            time.sleep(0.03)
            tell(False)
            time.sleep(cycle - 0.03 + chance.random() * 0.006)
        ear.wait(timeout=seconds + 30.0)
        with np.load(path) as heard:
            found = spread(heard["audio"], heard["at"], int(heard["period"]), int(heard["rate"]), np.array(sent))
            return {**found, "stolen_ms": stolen_ms() - stolen}


def spread(audio: Any, at: Any, period: int, rate: int, sent: Any) -> dict[str, Any]:
    """Latencies of the messages that were heard from silence; the others are counted, not guessed."""
    times = (at[:, None] + np.arange(period) / rate).reshape(-1)
    loud = np.abs(audio) > HEARD
    found, missed = [], 0
    for moment in sent:
        begin = int(np.searchsorted(times, moment))
        quiet = int(np.searchsorted(times, moment - 0.02))
        end = int(np.searchsorted(times, moment + QUIET_SECONDS))
        hits = np.flatnonzero(loud[begin:end])
        if loud[quiet:begin].any() or not len(hits):
            missed += 1
            continue
        found.append(times[begin + hits[0]] - moment)
    if not found:
        return {"heard": 0, "missed": missed, "p50_ms": float("nan"), "p99_ms": float("nan"), "jitter_ms": float("nan")}
    p1, p50, p99 = np.percentile(np.array(found) * 1000.0, (1, 50, 99))
    return {
        "heard": len(found),
        "missed": missed,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": float(max(found)) * 1000.0,
        "jitter_ms": float(p99 - p1),
    }
