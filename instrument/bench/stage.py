"""rosin bench stage: what the picture costs the sound, and how often it is drawn.

The whole instrument on JACK's dummy driver, with knobs in motion; without a stage and with one in turn, so that both
meet the same machine. Each stretch is as long as the sound process's own statistics of its blocks reach back. Without
a screen an Xvfb is started, which draws with the processor: the hardest case.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from instrument.audio.load import KEPT
from instrument.base.errors import RosinError
from instrument.base.paths import find_patches
from instrument.bench.jackhost import jack_is_here, jack_server
from instrument.bench.latency import RATE, instrument
from instrument.bench.machine import machine, stolen_ms
from instrument.bench.xhost import xvfb
from instrument.documents.options import StageOptions
from instrument.documents.patch import read_patch
from instrument.run.show import Show
from instrument.run.stage_role import StageRole
from instrument.run.supervisor import dismiss
from instrument.stage.settings import StageSettings

LOOK_SECONDS, MESSAGE_SECONDS = 0.01, 0.02
READY_SECONDS = 60.0
CALM_SHARE = 0.05
"""A process that takes less than this share of a core over a second has loaded what it had to load."""


def stage(name: str = "", turns: int = 6, width: int = 1280, height: int = 720, block: int = 128) -> dict[str, Any]:
    """p99 of the block's computing time with the stage and without, their ratio, and frames a second of the stage."""
    if not jack_is_here():
        raise RosinError("this bench needs JACK; apt install jackd2")
    paths, index = find_patches(name)
    patch = read_patch(paths[index])
    seconds = KEPT * 128 / RATE + 0.5
    series: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with screen(width, height), jack_server(period=block, rate=RATE), instrument(paths, index, block, 0) as it:
        show, _, send = it
        settings = StageSettings(
            show.link.token, tuple(map(str, paths)), index, stage=StageOptions(width=width, height=height)
        )
        for _ in range(turns):
            for with_stage in (False, True):
                if with_stage:
                    open_stage(show, settings)
                series[with_stage].append(stretch(show, send, seconds))
                if with_stage:
                    drawn_with = show.link.health.row("stage").text("where")
                    scale = show.link.health.row("stage").text("state")
                    close_stage(show)
    without, together = (by_key(series[which]) for which in (False, True))
    return {
        "bench": "stage",
        "patch": patch.name,
        "model": patch.model,
        "block_frames": block,
        "turns": turns,
        "size": f"{width}x{height}",
        "drawn_with": drawn_with,
        "state": scale,
        "frames_per_second": together["frames_per_second"],
        "load_p99_without": without["load_p99"],
        "load_p99_with": together["load_p99"],
        "ratio_load_p99": together["load_p99"] / max(1e-9, without["load_p99"]),
        "xruns_per_minute_without": without["xruns_per_minute"],
        "xruns_per_minute_with": together["xruns_per_minute"],
        "turns_without": series[False],
        "turns_with": series[True],
        "machine": machine(),
    }


def by_key(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: float(np.median([row[key] for row in rows])) for key in rows[0]}


@contextlib.contextmanager
def screen(width: int, height: int) -> Iterator[None]:
    """The display there is, or an Xvfb of that size for as long as this lasts. RosinError when there is neither."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        raise RosinError("this bench needs a screen; without one: apt install xvfb libgl1-mesa-dri")
    with xvfb(width, height) as display:
        os.environ["DISPLAY"] = display
        try:
            yield
        finally:
            os.environ.pop("DISPLAY", None)


def open_stage(show: Show, settings: StageSettings) -> None:
    """A window that draws, and its standby ready: what there is a minute into a show."""
    show.stage = StageRole(settings, show.link)
    show.open_stage()
    until(show, lambda: show.stage is not None and show.stage.ready)
    assert show.stage is not None
    busy = [process.pid for process in (show.stage.standby,) if process is not None]
    before, now = -1.0, processor_seconds(busy)
    while now - before > CALM_SHARE:
        watch(show, 1.0)
        before, now = now, processor_seconds(busy)


def close_stage(show: Show) -> None:
    stage, show.stage = show.stage, None
    if stage is not None:
        dismiss(stage.processes())


def processor_seconds(pids: list[int]) -> float:
    """What processes have had of the processor so far; 0 for one that is gone."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def until(show: Show, wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not wanted():
        if time.monotonic() > end:
            said = [notice.text for notice in show.link.health.notices("stage")]
            raise RosinError(said[-1] if said else "the stage did not open; try `rosin play` to see why")
        watch(show, 0.05)


def watch(show: Show, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        show.look()
        time.sleep(LOOK_SECONDS)


def stretch(show: Show, send: Callable[[str, float], None], seconds: float) -> dict[str, float]:
    """Knobs in motion for so long; what the sound and the stage counted meanwhile."""
    send("/rosin/knob/loudness", 0.8)
    row = show.link.health.row("stage")
    sound = show.link.health.row("sound")
    frames, xruns, begin = row.count("frames_drawn"), sound.count("xruns"), time.monotonic()
    next_message, stolen = begin, stolen_ms()
    while (now := time.monotonic()) - begin < seconds:
        if now >= next_message:
            next_message += MESSAGE_SECONDS
            for i, knob in enumerate(("z1", "z2", "z3", "pitch")):
                send(f"/rosin/knob/{knob}", float(0.5 + 0.4 * np.sin((1.3 + i) * (now - begin))))
        show.look()
        time.sleep(LOOK_SECONDS)
    frame, took = show.frame(), time.monotonic() - begin
    return {
        "load_p99": float(frame.load_p99) if frame else float("nan"),
        "frames_per_second": (row.count("frames_drawn") - frames) / took,
        "xruns_per_minute": 60.0 * (sound.count("xruns") - xruns) / took,
        "stolen_ms_per_minute": 60.0 * (stolen_ms() - stolen) / took,
    }
