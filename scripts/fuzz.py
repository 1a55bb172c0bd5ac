"""A long attack on the whole instrument: bad datagrams and bad MIDI through JACK, and every kind of file damaged.

    python scripts/fuzz.py                        a million datagrams, a million bytes, ten thousand of each file
    python scripts/fuzz.py --only osc --count 50000
    python scripts/fuzz.py --only files --count 1000 --seed 7

It plays a real `rosin play` in a folder of its own on a JACK server of its own (jackd2, and the extra [dev]), and
looks at what became of it: a traceback, a process that was lost or replaced, memory over 1.5 times what it was, a file
written anywhere else. Prints one JSON object; exit code 1 where anything of that kind was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import psutil  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402

PLACES = (ROOT, Path.home(), Path(tempfile.gettempdir()))
"""Where something that is written where it should not be would most likely be."""
DATAGRAMS_PER_SECOND, DATAGRAMS_AT_ONCE = 12_000, 60
MIDI_BYTES_AT_ONCE = 3_000
SETTLE_SECONDS = 6.0
MEMORY_RATIO = 1.5
QUIET_FOR_MEMORY_MB = 8.0
"""Growth below this is no finding, whatever the ratio."""


class Watch:
    """Looks at the processes of a show twice a second: which there are, and how much memory each has had at most."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self.first: dict[int, float] = {}
        self.most: dict[int, float] = {}
        self.names: dict[int, str] = {}
        self.gone: list[str] = []
        self.look()
        self.first = dict(self.most)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def look(self) -> None:
        seen = {}
        for process in [self._root, *self._root.children(recursive=True)]:
            try:
                words = [word for word in process.cmdline() if word.startswith("instrument")] or ["?"]
                seen[process.pid] = process.memory_info().rss / 2**20
                self.names.setdefault(process.pid, words[0])
            except psutil.Error:
                continue
        for pid, rss in seen.items():
            self.most[pid] = max(rss, self.most.get(pid, 0.0))
        self.gone += [self.names[pid] for pid in self.first if pid not in seen and self.names[pid] not in self.gone]

    def _run(self) -> None:
        while not self._done.wait(0.5):
            try:
                self.look()
            except psutil.NoSuchProcess:
                self.gone.append("show")
                return

    def end(self) -> dict[str, Any]:
        self._done.set()
        self._thread.join()
        grown = {
            f"{self.names[pid]} {i}": round(self.most[pid] / before, 3)
            for i, (pid, before) in enumerate(sorted(self.first.items()))
            if self.most[pid] - before > QUIET_FOR_MEMORY_MB
        }
        return {
            "processes": len(self.first),
            "processes_lost": self.gone,
            "memory_grown": grown,
            "memory_too_much": {k: v for k, v in grown.items() if v > MEMORY_RATIO},
        }


def written_elsewhere(since: float, allowed: Path) -> list[str]:
    """Files newer than ``since`` in the checkout, the home and the temporary folder, but for ``allowed``."""
    found = []
    passed_over = {".git", ".venv", "__pycache__", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
    for place in PLACES:
        for folder, folders, files in os.walk(place):
            here = Path(folder)
            folders[:] = [f for f in folders if f not in passed_over and here / f not in (allowed, ROOT)]
            for name in files:
                try:
                    if (here / name).lstat().st_mtime > since and (here / name).is_file():
                        found.append(str(here / name))
                except OSError:
                    continue
    return sorted(set(found))


def attacked(count: int, seed: int, which: str, progress: Progress) -> dict[str, Any]:
    """A show under ``count`` datagrams or bytes; what became of it."""
    from jackhost import jack_server
    from playhost import playing

    begun = time.time()
    with tempfile.TemporaryDirectory(prefix="rosin-fuzz-") as name:
        folder = Path(name)
        os.environ |= {"XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder), "TMPDIR": str(folder)}
        with jack_server(period=256) as jack, playing(folder, "bow", env=jack.env, midi="jack") as play:
            play.wait_for_standby("hands")
            play.wait_for_standby("audio.process")
            time.sleep(SETTLE_SECONDS)  # the time itself: memory is counted from when all rests
            watch = Watch(play.process.pid)
            dice = random.Random(seed)
            if which == "osc":
                found = _datagrams(play.port, count, dice, progress)
            else:
                found = _midi(jack, count, dice, progress)
            time.sleep(1.0)  # the time itself: what is under way arrives
            play.osc("/rosin/panic")
            play.osc("/rosin/resume")
            play.osc("/rosin/patch/load", 0)
            play.wait_for("/rosin/out/patch", 0, 10.0)  # the knob is one of that patch
            play.osc("/rosin/knob/z1", 0.25)
            found["answers_afterwards"] = play.wait_for("/rosin/knob/z1", 0.25, 20.0)
            found |= watch.end()
            text = play.stop()
            found["exit_code"] = play.process.returncode
            found["tracebacks"] = text.count("Traceback")
            files = [path for path in folder.rglob("*") if path.is_file()]
            found |= {"files_written": len(files), "mb_written": sum(p.stat().st_size for p in files) / 2**20}
            if found["tracebacks"] or found["exit_code"]:
                found["said"] = text[-4000:]
        found["written_elsewhere"] = written_elsewhere(begun, folder)
    return found


def _datagrams(port: int, count: int, dice: random.Random, progress: Progress) -> dict[str, Any]:
    from test_hands_fuzz import datagram

    job = progress.add_task("datagrams", total=count)
    dropped, begin = _dropped(port), time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        for sent in range(0, count, DATAGRAMS_AT_ONCE):
            for _ in range(min(DATAGRAMS_AT_ONCE, count - sent)):
                voice.sendto(datagram(dice)[:65507], ("127.0.0.1", port))
            progress.update(job, completed=sent)
            time.sleep(max(0.0, begin + sent / DATAGRAMS_PER_SECOND - time.monotonic()))
    return {
        "datagrams": count,
        "dropped_by_the_kernel": _dropped(port) - dropped,
        "seconds": round(time.monotonic() - begin, 1),
    }


def _dropped(port: int) -> int:
    """Datagrams for which the socket on ``port`` had no room, as the kernel counts them."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            return int(fields[-1])
    return 0


def _midi(jack: Any, count: int, dice: random.Random, progress: Progress) -> dict[str, Any]:
    destination = _midi_port(jack)
    job = progress.add_task("MIDI bytes", total=count)
    begin = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "tests/midiplayer.py", destination],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=jack.env,
        cwd=ROOT,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()
        for sent in range(0, count, MIDI_BYTES_AT_ONCE):
            child.stdin.writelines(event.hex() + "\n" for event in _events(MIDI_BYTES_AT_ONCE, dice))
            child.stdin.write("wait\n")
            child.stdin.flush()
            child.stdout.readline()
            progress.update(job, completed=sent)
    finally:
        child.kill()
        child.communicate()
    return {"bytes": count, "seconds": round(time.monotonic() - begin, 1)}


def _events(count: int, dice: random.Random) -> Iterator[bytes]:
    """So many bytes as JACK events: garbage of 1 to 5, or whole messages with any numbers in them."""
    while count > 0:
        if dice.random() < 0.5:
            event = dice.randbytes(1 + dice.randrange(5))
        else:
            event = bytes([dice.randrange(0x80, 0x100), *dice.choices(range(128), k=2)])
        count -= len(event)
        yield event


def _midi_port(jack: Any) -> str:
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        for port in jack.ports("-t", "-p"):
            if port.startswith("rosin") and ":in" in port:
                return str(port)
    raise SystemExit("the instrument has no MIDI port")


def damaged_files(count: int, seed: int, progress: Progress) -> dict[str, Any]:
    """``count`` mutations of each kind of file, each given to the reader the instrument has for it."""
    import damaged
    import damaged_models

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="rosin-fuzz-") as name:
        made, begun = Path(name) / "made", time.time()
        made.mkdir()
        rows = {**damaged.kinds(), **damaged_models.kinds(made)}
        job = progress.add_task("files", total=len(rows))
        for kind, row in rows.items():
            progress.update(job, description=f"files: {kind}")
            place = Path(name) / kind
            place.mkdir()
            report = damaged.assault(row, count, seed, place)
            found[kind] = {
                "read": report.read,
                "refused": report.refused,
                "slowest_s": round(report.slowest_s, 3),
                "grown_mb": report.grown >> 20,
                "faults": report.wrong[:10],
            }
            progress.advance(job)
        found["written_elsewhere"] = written_elsewhere(begun, Path(name))
    return found


def bad(found: Any) -> bool:
    """Whether anything in it is a finding."""
    if not isinstance(found, dict):
        return False
    wrong = ("processes_lost", "memory_too_much", "tracebacks", "exit_code", "written_elsewhere", "faults")
    return (
        any(found.get(key) for key in wrong)
        or found.get("answers_afterwards") is False
        or any(bad(value) for value in found.values())
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("osc", "midi", "files"), help="one of the three attacks")
    parser.add_argument("--count", type=int, help="how many, instead of 1,000,000 and 10,000")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    found: dict[str, Any] = {"seed": args.seed}
    bar = Progress(
        TextColumn("{task.description:12}"), BarColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    )
    with bar as progress:
        for which in (args.only,) if args.only else ("osc", "midi", "files"):
            if which == "files":
                found[which] = damaged_files(args.count or 10_000, args.seed, progress)
            else:
                found[which] = attacked(args.count or 1_000_000, args.seed, which, progress)
    print(json.dumps(found, indent=1))
    return int(bad(found))


if __name__ == "__main__":
    raise SystemExit(main())
