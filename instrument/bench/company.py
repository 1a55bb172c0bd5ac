"""Company: the soak's second client, which works as people do. Beside bench/soak.

python -m instrument.bench.company PORT SECONDS PATCH...     prints {"sent": N} at its end

It learns and forgets addresses of another program (such as no rule of OSC allows, as programs send them), keeps
accidents, records, keeps scenes and goes to them, changes the patch: each every few seconds, by a plan that repeats.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.processes import command_of
from instrument.documents.rig import read_rig

TICK_SECONDS = 0.1
LEARN_EVERY, KEEP_EVERY, RECORD_EVERY, PATCH_EVERY, SCENE_EVERY = 200, 50, 100, 150, 70
"""In ticks: an address learned every 20 s, an accident kept every 5, a recording of 4 s every 10, a patch every 15."""
ENDS_WITHIN_SECONDS = 10.0

Message = tuple[str, tuple[str | float | int, ...]]


def plan(tick: int, patches: Sequence[str]) -> Iterator[Message]:
    """What is sent at a tick."""
    turn, at = divmod(tick, LEARN_EVERY)
    if at == 0:
        yield "/rosin/learn", ("z3",)
    elif 2 <= at <= 22:
        yield f"/desk/Fader {turn % 8} (dB)", (0.1 + 0.04 * (at - 2),)
    elif at == 150:
        yield "/rosin/unlearn", ("z3",)
    if tick % KEEP_EVERY == 25:
        yield "/rosin/accident/keep", (f"soak {tick // KEEP_EVERY % 8}", 2.0)
    if tick % RECORD_EVERY in (30, 70):
        yield "/rosin/record", (int(tick % RECORD_EVERY == 30),)
    if tick % PATCH_EVERY == 140:
        yield "/rosin/patch/load", (patches[tick // PATCH_EVERY % len(patches)],)
    if tick % SCENE_EVERY in (50, 60):
        scene = 1 + tick // SCENE_EVERY % 8
        yield ("/rosin/scene/save", (scene,)) if tick % SCENE_EVERY == 50 else ("/rosin/scene", (scene, 2.0))


def main(port: int, length: float, patches: Sequence[str]) -> int:
    """Send by the plan for so many seconds; how many messages that were."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    sent, begin = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        for tick in range(int(length / TICK_SECONDS)):
            time.sleep(max(0.0, begin + tick * TICK_SECONDS - time.monotonic()))
            for address, values in plan(tick, patches):
                message = OscMessageBuilder(address)
                for value in values:
                    message.add_arg(value)
                voice.sendto(message.build().dgram, ("127.0.0.1", port))
                sent += 1
    return sent


# --- what the soak needs of it


@contextlib.contextmanager
def company(port: int, patches: Sequence[str], length: float) -> Iterator[subprocess.Popen[str]]:
    """The client in a process of its own, for so many seconds."""
    child = subprocess.Popen(
        command_of("instrument.bench.company", str(port), str(length), *patches),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@contextlib.contextmanager
def a_home() -> Iterator[Path]:
    """A folder for all that the soak writes, the player's own data folder among it; gone afterwards."""
    before = os.environ.get("XDG_DATA_HOME")
    with tempfile.TemporaryDirectory(prefix="rosin-soak-") as folder:
        os.environ["XDG_DATA_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop("XDG_DATA_HOME")
            if before is not None:
                os.environ["XDG_DATA_HOME"] = before


def left_behind(folder: Path) -> dict[str, Any]:
    """What was written, and how much of it is read again: recordings, accidents, addresses learned."""
    import soundfile

    recordings, whole = sorted((folder / "takes").glob("*/sound*.wav")), 0
    for path in recordings:
        with contextlib.suppress(soundfile.LibsndfileError):
            whole += soundfile.info(path).frames > 0
    found = {
        "recordings": len(recordings),
        "recordings_whole": whole,
        "accidents": len(list(folder.rglob("soak*.npz"))),
    }
    try:
        return found | {"rig_is_read": True, "learned": len(read_rig(folder / "rig.toml").osc.bindings)}
    except RosinError as error:
        return found | {"rig_is_read": False, "rig_error": str(error)}


if __name__ == "__main__":
    print(json.dumps({"sent": main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])}))
