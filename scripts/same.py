"""What can be heard, seen and read of a checkout, a line and a SHA-256 each: before the code moves, and after.

    python scripts/same.py                          of this checkout
    python scripts/same.py --json > before.json
    python scripts/same.py --against ../other       of both; what differs is told, exit 1; all equal: exit 0
    python scripts/same.py --against before.json --only pictures

Every patch that is shipped and the shipped take as sound, two views of the stage as pictures, what an older Rosin left
on a disk (tests/old), and the words of the verbs that look. It goes through `rosin` and the public names of the package
alone, with files of its own, in an empty home: it works on both sides of any move. The last bits of a sound are those
of one machine; compare on one. Two checkouts of everything take five minutes.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import math
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

ROOT = Path(__file__).resolve().parent.parent
OLD = ROOT / "tests" / "old" / "1220bb0"
TRAINED, WEIGHTLESS = ("z1", "z2", "z3", "z5"), ("brightness", "glass", "breath", "motion")
PATCHES = {
    "bow": TRAINED,
    "bronze": TRAINED,
    "clay": TRAINED,
    "glass": WEIGHTLESS,
    "hammer": TRAINED,
    "mirror": TRAINED,
    "nobody": TRAINED,
    "storm": WEIGHTLESS,
}
"""What is shipped, and four knobs of each that are moved."""
FEELS = ("clay", "glass", "rope", "rosin", "rust", "stone")
MODELS = ("bronze", "first-bow", "hammer", "nobody")
SECONDS, PICTURES, PICTURES_PER_SECOND = 10.0, 60, 30
SEED = 20
LIMIT_SECONDS = 900.0
DIFFERENT_LINES = 12

AGAIN = """
import hashlib, sys
from instrument import Snapshot, knob, note, open_engine, render

def digest(sound): return hashlib.sha256(sound.tobytes()).hexdigest()

engine = open_engine("storm", seed=20)
render(engine, float(sys.argv[1]), [note(0.0, 40), knob(0.1, "glass", 0.7)])
kept = engine.snapshot().to_bytes()
once = digest(render(engine, 0.5, [knob(0.1, "glass", 1.0)]))
other = open_engine("storm", seed=21)
other.restore(Snapshot.from_bytes(kept))
again = digest(render(other, 0.5, [knob(0.1, "glass", 1.0)]))
print(once, "restored: the same" if again == once else "restored: another sound")
"""
"""A moment that is kept and gone back to, through the package's own names."""


class Failed(Exception):
    """A command that ended otherwise than well: its last words."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a thing came to; ``text`` only of what is words."""

    digest: str
    text: str = ""


Row = tuple[float, dict[str, Any]]
"""Of a take: when, as a share of its length, and what."""
BACK: tuple[Row, ...] = ((0.35, {"snapshot": 2}), (0.8, {"restore": 2}))
NEAR: tuple[Row, ...] = ((0.3, {"hear": 1}), (0.6, {"hear": 1, "on": 0}))
Making = Callable[["House"], Made]


class House:
    """One checkout with an empty home of its own; in ``work`` the files that are played. ``seconds``: of a sound."""

    def __init__(self, checkout: Path, work: Path, seconds: float) -> None:
        self.checkout, self.work, self.seconds = checkout, work, seconds
        self._number = 0
        env = {key: value for key, value in os.environ.items() if not key.startswith("ROSIN_")}
        cache = env.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # (of machine code alone, by its own hash)
        self._env = {
            **env,
            "HOME": str(work / "home"),
            "XDG_DATA_HOME": str(work / "home"),
            "XDG_CACHE_HOME": cache,
            "XDG_CONFIG_HOME": str(work / "config"),
            "PYTHONPATH": str(checkout),
            "ROSIN_LANGUAGE": "en",
            "COLUMNS": "200",
            "LP_NUM_THREADS": "1",
            "NO_COLOR": "1",
        }
        (work / "home").mkdir(parents=True, exist_ok=True)
        for patch, knobs in PATCHES.items():
            (work / f"{patch}.jsonl").write_text(gestures(patch, knobs, seconds), encoding="utf-8")
        for name, more in (("back", BACK), ("near", NEAR)):
            (work / f"{name}.jsonl").write_text(gestures("hammer", TRAINED, seconds, more), encoding="utf-8")

    def python(self, *words: str, cwd: Path | None = None) -> str:
        """What this checkout's Python says; paths of the checkout and of the work are written as such."""
        try:
            done = subprocess.run(
                [sys.executable, *words],
                cwd=cwd or self.checkout,
                env=self._env,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {LIMIT_SECONDS:g} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
            raise Failed(self._placeless(said[-1]))
        return self._placeless(done.stdout)

    def _placeless(self, text: str) -> str:
        return text.replace(str(self.work), "WORK").replace(str(self.checkout), "CHECKOUT")

    def rosin(self, *words: str, cwd: Path | None = None) -> str:
        return self.python("-m", "instrument", *words, cwd=cwd)

    def fresh(self, name: str) -> Path:
        """A path that nothing has had yet."""
        self._number += 1
        folder = self.work / "made" / str(self._number)
        folder.mkdir(parents=True)
        return folder / name

    def imports(self) -> str:
        """Where its package lies."""
        try:
            return self.python("-c", "import instrument; print(instrument.__file__)").strip()
        except Failed as why:
            return str(why)

    def live(self, seconds: float, patch: str) -> list[Path]:
        """Every file of a take that was played here in real time, into no device."""
        takes = self.fresh("takes")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.rosin(
            "play", patch, "--take", str(self.work / f"{patch}.jsonl"), "--for", str(seconds), "--device", "null",
            "--headless", "--midi", "off", "--listen", f"127.0.0.1:{port}", "--record", "--takes", str(takes),
        )  # fmt: skip
        return sorted(path for path in takes.rglob("*") if path.is_file())  # a folder each; of old, files of one name


# --- what is played


def gestures(patch: str, knobs: tuple[str, ...], seconds: float, more: tuple[Row, ...] = ()) -> str:
    """A take with gestures of many kinds, whatever its length, and ``more``: the same lines wherever it is written."""
    scene = {knob: round(0.2 + 0.2 * i, 3) for i, knob in enumerate(knobs)}
    head: dict[str, Any] = {
        "rosin": 1,
        "patch": patch,
        "seed": SEED,
        "seconds": seconds,
        "scenes": {"1": scene},
        "blend_ms": 400,
    }
    rows: list[dict[str, Any]] = [{"t": 0.0, "knob": "loudness", "value": 0.5}]
    for i in range(int(seconds * 12)):
        turn = 0.5 + 0.45 * math.sin(2.1 * i / 12 + i % 4)
        rows.append({"t": i / 12, "knob": knobs[i % 4], "value": round(turn, 4)})
    acts: tuple[Row, ...] = (
        (0.0, {"note": 50, "velocity": 0.8}), (0.08, {"bend": 0.3}), (0.1, {"pressure": 0.6}),
        (0.15, {"knob": "hazard", "value": 0.6}), (0.2, {"note": 57, "velocity": 0.9}), (0.22, {"bend": 0.0}),
        (0.25, {"note": 50, "velocity": 0.0}), (0.27, {"push": knobs[0], "value": 0.12}), (0.3, {"sustain": 1.0}),
        (0.32, {"note": 57, "velocity": 0.0}), (0.33, {"push": knobs[0], "value": 0.0}),
        (0.38, {"knob": "chance.dice", "value": 0.3}), (0.4, {"note": 62, "velocity": 0.5}),
        (0.42, {"bridge": knobs[1], "value": 0.9, "seconds": round(seconds / 10, 3)}), (0.45, {"scene_save": 3}),
        (0.5, {"scene": 1, "blend_ms": 300}), (0.55, {"knob": "friction.stick", "value": 0.5}),
        (0.6, {"sustain": 0.0}), (0.65, {"seed": 99}),
        (0.68, {"hands_only": 1}), (0.72, {"hands_only": 0}), (0.74, {"knob": "chance.tape", "value": 0.4}),
        (0.76, {"note": 45, "velocity": 0.7}), (0.84, {"fill": True}),
        (0.86, {"knob": "difficulty", "value": 0.8}), (0.88, {"panic": True}), (0.91, {"resume": True}),
        (0.92, {"reset": True}), (0.93, {"note": 69, "velocity": 0.6}), (0.98, {"notes_off": True}), *more,
    )  # fmt: skip
    for part, row in acts:
        rows.append({"t": round(part * seconds, 4), **row})
    rows.sort(key=lambda row: float(row["t"]))
    return "".join(json.dumps(row) + "\n" for row in (head, *rows))


# --- how a thing is made


def _sound(path: Path) -> Made:
    """The samples, f32 [n, 2], and their rate: not what else stands in the file."""
    samples, rate = soundfile.read(path, dtype="float32")
    return Made(hashlib.sha256(struct.pack("<I", rate) + np.ascontiguousarray(samples).tobytes()).hexdigest())


def _words(text: str) -> Made:
    return Made(hashlib.sha256(text.encode()).hexdigest(), text)


def sound_of(what: str, *options: str, old: bool = False) -> Making:
    """A render. ``what``: a file of the work, or of the old files."""

    def make(house: House) -> Made:
        out = house.fresh("sound.wav")
        here = house.work / "old" if old else house.work
        house.rosin("render", what, "-o", str(out), *options, cwd=here)
        return _sound(out)

    return make


def shipped_take(house: House) -> Made:
    out = house.fresh("sound.wav")
    house.rosin("render", str(ROOT / "examples" / "first-take.jsonl"), "-o", str(out))
    return _sound(out)


def credits_of(what: str) -> Making:
    """Whose sounds were near: the words beside a render."""

    def make(house: House) -> Made:
        out = house.fresh("sound.wav")
        house.rosin("render", what, "-o", str(out), cwd=house.work)
        return _words(out.with_name("sound.credits.txt").read_text(encoding="utf-8"))

    return make


def pictures_of(what: str, view: str) -> Making:
    """The pixels of so many numbered pictures, whatever way they were packed."""

    def make(house: House) -> Made:
        folder = house.fresh("film")
        seconds = str(min(house.seconds, PICTURES / PICTURES_PER_SECOND))
        house.rosin("render", what, "-o", str(folder / "%05d.png"), "--fps", str(PICTURES_PER_SECOND), "--seconds",
                    seconds, "--size", "320x180", "--view", view, cwd=house.work)  # fmt: skip
        files = sorted(folder.glob("*.png"))
        digest = hashlib.sha256(str(len(files)).encode())
        for path in files:
            for part in _pixels(path.read_bytes()):
                digest.update(part)
        return Made(digest.hexdigest())

    return make


def _pixels(data: bytes) -> Iterator[bytes]:
    """Header and unpacked rows of a PNG."""
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            yield body
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    yield zlib.decompress(packed)


def own_stream(house: House) -> Made:
    """A stream that is recorded here and now sounds as its recording does, to the last of 24 bits. (When a gesture
    acts is this evening's own: only whether it is so can be compared.)"""
    files = {path.suffix: path for path in house.live(4.0, "glass")}  # (one .wav and one .z, whatever their names)
    out = house.fresh("sound.wav")
    house.rosin("render", str(files[".z"]), "-o", str(out))
    again, rate = soundfile.read(out, dtype="float32")
    soundfile.write(rounded := house.fresh("rounded.wav"), again, rate, "PCM_24")
    one, two = (soundfile.read(path, dtype="int32")[0] >> 8 for path in (files[".wav"], rounded))
    common = min(len(one), len(two))
    if common < rate or not one.any():
        raise Failed(f"{common} samples were recorded")
    wrong = int((one[:common] != two[:common]).any(1).sum())
    return _words("a stream sounds as its recording\n" if not wrong else "a stream sounds otherwise than recorded\n")


def words_of(*words: str) -> Making:
    """What a verb says, of the files of the checkout."""
    return lambda house: _words(house.rosin(*words))


def moment(house: House) -> Made:
    return _words(house.python("-c", AGAIN, str(min(1.0, house.seconds))))


def things() -> dict[str, Making]:
    """Every thing by its name."""
    rows: dict[str, Making] = {}
    for patch in PATCHES:
        rows[f"sound {patch}"] = sound_of(f"{patch}.jsonl")
    rows["sound back to a moment while it plays"] = sound_of("back.jsonl")
    rows["sound of a neighbour"] = sound_of("near.jsonl")
    rows["sound first-take"] = shipped_take
    rows["sound untouched storm, held note"] = sound_of("storm", "--note", "45", "--seconds", "2", "--block", "100")
    for take in ("old", "weightless"):
        rows[f"sound old take {take}"] = sound_of(f"takes/{take}.jsonl", old=True)
        rows[f"sound old stream {take}"] = sound_of(f"takes/{take}.z", old=True)
    rows["sound old accident recalled"] = sound_of("../recalled.jsonl", old=True)
    rows["sound own stream"] = own_stream
    rows["sound moment gone back to"] = moment
    for view in ("stage", "rehearsal"):
        rows[f"pictures {view}"] = pictures_of("bow.jsonl", view)
    rows["pictures stage, null voice"] = pictures_of("glass.jsonl", "stage")
    rows["credits bow"] = credits_of("bow.jsonl")
    rows |= {f"knobs {patch}": words_of("knobs", patch, "--json") for patch in PATCHES}
    rows["feels"] = words_of("feels")
    rows |= {
        f"check {kind}": words_of("check", *files)
        for kind, files in (
            ("patches", [f"patches/{name}.toml" for name in PATCHES]),
            ("feels", [f"feels/{name}.toml" for name in FEELS]),
            ("models", [f"models/{name}" for name in MODELS]),
            ("take", ["examples/first-take.jsonl"]),
        )
    }
    rows |= {f"schema {kind}": words_of("check", "--schema", kind) for kind in ("patch", "rig", "feel")}
    return rows


# --- all of it


def house_of(checkout: Path, work: Path, seconds: float, old: bool) -> House:
    """A checkout whose own package is what runs, with everything laid out. ``old``: the old files, too."""
    house = House(checkout, work, seconds)
    if not Path(house.imports().replace("CHECKOUT", str(checkout))).is_relative_to(checkout):
        raise SystemExit(f"{checkout} is no checkout of Rosin: there `import instrument` gives {house.imports()}")
    if old:
        shutil.copytree(OLD, work / "old")
        shutil.copytree(OLD / "home" / "rosin", work / "home" / "rosin")
        house.rosin("models", "unpack", str(work / "old" / "tiny.rosin.zip"))
        called = next(row for row in map(json.loads, (OLD / "takes" / "old.jsonl").open()) if "accident" in row)
        rows = [
            {"rosin": 1, "patch": "old", "seed": 1, "seconds": 1.5},
            {"t": 0.0, "note": 57, "velocity": 0.8},
            {"t": 0.3, "accident": called["accident"]},
            {"t": 0.9, "note": 36, "velocity": 0.8},
        ]
        (work / "recalled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return house


def tried(make: Making, house: House) -> Made:
    """As it came out; a failure is told as one, and is equal to nothing."""
    try:
        return make(house)
    except Failed as why:
        return Made("", str(why))


def differing(one: Made, other: Made) -> list[str]:
    """Why two are not the same, in lines."""
    if failed := [
        f"{which} failed: {made.text}" for which, made in (("this", one), ("that", other)) if not made.digest
    ]:
        return failed
    if not (one.text and other.text):
        return [f"this {one.digest}", f"that {other.digest}"]
    lines = list(difflib.unified_diff(other.text.splitlines(), one.text.splitlines(), lineterm="", n=0))[2:]
    more = [f"... and {len(lines) - DIFFERENT_LINES} lines"] if len(lines) > DIFFERENT_LINES else []
    return lines[:DIFFERENT_LINES] + more


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT, help="which is looked at (this one)")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another, or a .json of an earlier day")
    parser.add_argument("--json", action="store_true", help="for programs: SHA-256 by name")
    parser.add_argument("--only", action="append", default=[], metavar="WORDS", help="things whose name begins so")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each patch ({SECONDS:g})")
    args = parser.parse_args()
    wanted = {name: make for name, make in things().items() if name.startswith(tuple(args.only) or "")}
    if not wanted:
        parser.error(f"nothing begins so; there is {', '.join(things())}")
    kept = None
    if args.against is not None and args.against.is_file():
        kept = json.loads(args.against.read_text(encoding="utf-8"))
    checkouts = [args.checkout.resolve()] + ([args.against.resolve()] if args.against is not None and not kept else [])
    old = any(" old " in name for name in wanted)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    digests: dict[str, str] = {}
    different = failed = 0
    with ExitStack() as stack:
        places = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rosin-same-"))) for _ in checkouts]
        houses = [house_of(at, place, args.seconds, old) for at, place in zip(checkouts, places, strict=True)]
        both = stack.enter_context(ThreadPoolExecutor(len(houses)))
        bar = stack.enter_context(Progress(*columns, console=console, transient=True, disable=not console.is_terminal))
        job = bar.add_task("", total=len(wanted))
        for name, make in wanted.items():
            bar.update(job, description=name)
            made = list(both.map(lambda house, make=make: tried(make, house), houses))
            bar.advance(job)
            digests[name] = made[0].digest
            failed += not made[0].digest
            if args.against is None:
                if not args.json or not made[0].digest:
                    said = made[0].digest or f"failed: {made[0].text}"
                    print(f"{said}  {name}", file=sys.stderr if args.json else sys.stdout, flush=True)
                continue
            other = (
                made[1] if kept is None else Made(kept.get(name, ""), "" if name in kept else "it was not made then")
            )
            same = bool(made[0].digest) and made[0].digest == other.digest
            different += not same
            if not args.json:
                print(f"{'equal  ' if same else 'DIFFERS'}  {name}", flush=True)
                for line in () if same else differing(made[0], other):
                    print(f"         {line}", flush=True)
            else:
                digests[name] = "equal" if same else "differs"
    if args.json:
        print(json.dumps(digests, indent=1, ensure_ascii=False))
    elif args.against is not None:
        print(f"{len(wanted) - different} of {len(wanted)} equal")
    return 1 if different or failed else 0


if __name__ == "__main__":
    sys.exit(main())
