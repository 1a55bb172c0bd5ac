"""rosin bench soak: the whole instrument for minutes under 1000 OSC messages a second - memory, dropouts, gestures.

On JACK's dummy driver. Resident memory of each process is read once a second from the system; growth is the median
of the last tenth minus the median of the ten seconds after the first minute, and after every patch was visited
once (a model's sounds and parts are loaded when it is first played). The bare callback (bench/bare.py) plays
first on the same server, so that dropouts stand beside what this machine does to a program that does nothing.

Beside the client that only moves knobs a second one works as people do (bench/company.py): it learns addresses, keeps
accidents, records, keeps scenes and changes the patch. What it made is read again at the end.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from instrument.base.errors import RosinError
from instrument.base.paths import find_patches
from instrument.bench.company import ENDS_WITHIN_SECONDS, PATCH_EVERY, TICK_SECONDS, a_home, company, left_behind
from instrument.bench.jackhost import jack_is_here, jack_server
from instrument.bench.latency import bare, free_port, instrument
from instrument.bench.machine import machine, stolen_ms
from instrument.documents.patch import read_patch
from instrument.run.show import Show

RATE = 48000
SETTLE_SECONDS = 60.0
VISITED_SECONDS = (PATCH_EVERY * 9 + 100) * TICK_SECONDS
"""By then the company has been to all eight patches and back: what grows later is no first visit."""


def resident_kib(pid: int) -> float:
    """Resident memory of a process, in KiB; NaN when it is gone."""
    try:
        return float(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])  # type: ignore[index]
    except (OSError, TypeError):
        return float("nan")


def soak(
    name: str = "", minutes: float = 10.0, block: int = 128, messages_hz: int = 1000, ahead: int = 0
) -> dict[str, Any]:
    """Growth of each process in MB, dropouts a minute of both, and what became of the messages and the files."""
    if not jack_is_here() or not sys.platform.startswith("linux"):
        raise RosinError("this bench needs Linux and JACK; apt install jackd2")
    paths, index = find_patches(name)
    patch = read_patch(paths[index])
    found: dict[str, Any] = {
        "bench": "soak",
        "patch": patch.name,
        "model": patch.model,
        "minutes": minutes,
        "block_frames": block,
        "ahead_blocks": ahead,
        "messages_hz": messages_hz,
    }
    baseline_minutes = max(0.2, min(2.0, minutes / 5.0))
    with jack_server(period=block, rate=RATE) as server:
        with bare(server, block) as (_, _tell):
            before, stolen = server_xruns(server.log), stolen_ms()
            time.sleep(baseline_minutes * 60.0)
            lates, stolen = server_xruns(server.log) - before, stolen_ms() - stolen
        found["baseline_bare_callback"] = {
            "minutes": baseline_minutes,
            "xruns_per_minute": lates / baseline_minutes,
            "stolen_ms_per_minute": stolen / baseline_minutes,
        }
        number = free_port()
        with (
            a_home() as folder,
            instrument(paths, index, block, ahead, number, folder) as (show, _port, send),
            company(number, [path.stem for path in paths], minutes * 60.0) as others,
        ):
            knobs = [f"/rosin/knob/{k}" for k in ("z1", "z2", "z3", "z4", "pitch", "brightness", "glass", "breath")]
            send("/rosin/knob/hazard", 0.4)
            send("/rosin/knob/loudness", 0.8)
            time.sleep(0.2)  # what has been sent so far has come
            heard = show.link.health.counters("hands")["osc_messages"]
            before, mine = server_xruns(server.log), show.link.health.row("sound").count("xruns")
            stolen = stolen_ms()
            sent = 0
            series: dict[str, list[float]] = {role.name: [] for role in show.roles}
            series["show"] = []
            begin = time.monotonic()
            for second in seconds(begin, minutes * 60.0):
                for i in range(messages_hz):
                    value = 0.5 + 0.4 * np.sin(0.001 * (sent + i))
                    send(knobs[i % len(knobs)], float(value))
                    if i % 10 == 9:
                        ahead_s = begin + second + (i + 1) / messages_hz - time.monotonic()
                        if ahead_s > 0:
                            time.sleep(ahead_s)
                sent += messages_hz
                show.look()
                for role in show.roles:
                    series[role.name].append(resident_kib(role.row.pid))
                series["show"].append(resident_kib(show.health.pid))
            by_others = int(json.loads(others.communicate(timeout=ENDS_WITHIN_SECONDS)[0])["sent"])
            time.sleep(1.0)  # the time itself: what is under way arrives
            show.look()
            found |= outcome(show, series, sent + by_others, minutes)
            found["messages_heard"] -= heard
            found["messages_by_others"] = by_others
            found |= left_behind(folder)
            found["xruns"] = show.link.health.row("sound").count("xruns") - mine
            found["stolen_ms_per_minute"] = (stolen_ms() - stolen) / minutes
            found["server_xruns_per_minute"] = (server_xruns(server.log) - before) / minutes
    found["xruns_per_minute"] = found["xruns"] / minutes
    found["machine"] = machine()
    return found


def seconds(begin: float, length: float) -> Iterator[int]:
    """0, 1, 2 ... while there is time."""
    n = 0
    while time.monotonic() - begin < length:
        yield n
        n += 1


def outcome(show: Show, series: dict[str, list[float]], sent: int, minutes: float) -> dict[str, Any]:
    """Growth, and the counters of the hands and the sound."""
    hands, sound = show.link.health.counters("hands"), show.link.health.counters("sound")
    frame = show.frame()
    growth = {}
    for name, values in series.items():
        first = int(min(SETTLE_SECONDS, len(values) / 4))
        last = max(10, len(values) // 10)
        growth[f"{name}_growth_mb"] = float(np.median(values[-last:]) - np.median(values[first : first + 10])) / 1024.0
        growth[f"{name}_resident_mb"] = values[-1] / 1024.0
        if len(values) > 2 * VISITED_SECONDS:
            visited = float(np.median(values[int(VISITED_SECONDS) :][:10]))
            growth[f"{name}_growth_after_all_patches_mb"] = (float(np.median(values[-last:])) - visited) / 1024.0
    return {
        **growth,
        "messages_sent": sent,
        "messages_heard": hands["osc_messages"],
        "gestures_late": frame.late if frame else 0,
        "gestures_lost": sound["gestures_lost"],
        "blocks": sound["blocks"],
        "blocks_expected": round(minutes * 60 * RATE / 128),
        "load_p99": frame.load_p99 if frame else 0.0,
        "restarts": show.link.health.count("show", "restarts"),
    }


def server_xruns(log: Path) -> int:
    """How often the server has complained of late clients so far."""
    try:
        return len(re.findall(r"XRun|xrun|was not finished", log.read_text(errors="replace")))
    except OSError:
        return 0
