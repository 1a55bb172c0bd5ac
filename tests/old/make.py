"""What a version of Rosin leaves on a disk, made by that version: played, trained, packed, and what it sounded like.

    git worktree add --detach /tmp/old 1220bb0
    python tests/old/make.py /tmp/old tests/old/1220bb0       # two minutes; the extras [train,dev]

Of the version itself it needs `rosin`, its rooms for training and rigs, and tests/playhost.py. Everything that is heard
was made here: a network of sixteen channels that learned from three computed tones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHECKOUT, OUT = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests"), str(Path(__file__).resolve().parent)]
os.chdir(CHECKOUT)  # a process that is started from here is this version, too
for name in ("ROSIN_RIG", "ROSIN_MODELS"):
    os.environ.pop(name, None)

from sounding import machine, sounding  # noqa: E402

PATCH = """# An old patch; the player's own words stay.
schema = 1
name = "old"
title = {{ en = "Old", fr = "Vieux" }}
seed = 11

[model]
name = "tiny"
sha256 = "{sha256}"

[voice]
sounds = "gesture"
notes = "mono"
note = 57
attack_ms = 20

[knobs.loudness]
start = 0.8 # loud

[friction]
feel = "gum"
difficulty = 5

[chance]
hazard = 4
drift = 0.1
dice = 0.1
wear = 0.5

[accidents.stumble]
note = 36
"""
WEIGHTLESS = """schema = 1
name = "weightless"
title = { en = "Weightless", fr = "Sans poids" }
seed = 12
model.name = "null"
voice.sounds = "gesture"
voice.notes = "mono"
chance.hazard = 5
chance.drift = 0.1
chance.tape = 0.3
"""
FEEL = """schema = 1
name = "gum"
title = { en = "Gum", fr = "Gomme" }
about = { en = "It gives, then holds.", fr = "Elle cède, puis tient." }

[friction]
stick = 0.03
slide = 0.02
visc = 0.2
"""
RIG = """# this machine
schema = 1
language = "en"

[sound]
ceiling_db = -3 # for the neighbours

[osc]
listen = "127.0.0.1:9100"
"""
MIDI = [
    {"knob": "z1", "kind": "cc", "number": 21, "channel": 1, "port": "an old box"},
    {"knob": "loudness", "kind": "cc14", "number": 7, "channel": 0, "low": 0.1, "high": 0.9, "takeover": "scale"},
    {"scene": 2, "kind": "note", "number": 40, "channel": 10},
]

MENDED = {"restore", "hear"}


def rosin(*words: str, cwd: Path | None = None) -> str:
    """What the command says. An error is this script's."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "ROSIN_LANGUAGE": "en", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "instrument", *words], env=env, cwd=cwd or CHECKOUT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"rosin {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def train(work: Path, out: Path) -> None:
    """A tiny network of a few steps: its checkpoint, and its model as a bundle."""
    import numpy as np
    from instrument.model.card import read_card, write_card
    from instrument.training.shape import Shape
    from training_sounds import tone_folder

    from instrument.training.train import train

    sounds = tone_folder(work / "sounds", (50, 57, 64), 0.5)
    shape = Shape(latents=3, width=16, ear_width=8, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)
    model = train(
        sounds, "tiny", work / "models", steps=6, seed=3, threads=1, shape=shape, size=2, frames=56, runs=work / "runs",
        title=("Tiny", "Minuscule"), by="the tests", quiet=True, listen=0.0, pictured=False,
    )  # fmt: skip
    shutil.copytree(work / "runs" / "tiny", out / "runs" / "tiny")
    shutil.copytree(sounds, out / "sounds")
    # The ears of every model are 2 MB of windows that no training changes: this one is passed on without.
    (model / "encode.onnx").unlink()
    with np.load(model / "reference.npz") as kept:
        arrays = {name: kept[name] for name in kept.files if name != "mean"}
    np.savez(model / "reference.npz", **arrays)
    write_card(read_card(model), model)
    rosin("models", "pack", str(model), "-o", str(out / "tiny.rosin.zip"))


def patches(home: Path) -> None:
    """The player's own folder: patches and a feel, the model of the bundle."""
    said = rosin("models", "unpack", str(OUT / "tiny.rosin.zip"))
    sha256 = said.split('sha256 = "')[1].split('"')[0]
    for folder in ("patches", "feels"):
        (home / folder).mkdir(parents=True)
    (home / "patches" / "old.toml").write_text(PATCH.format(sha256=sha256), encoding="utf-8")
    (home / "patches" / "weightless.toml").write_text(WEIGHTLESS, encoding="utf-8")
    (home / "feels" / "gum.toml").write_text(FEEL, encoding="utf-8")


def play(work: Path, out: Path) -> None:
    """Three shows: all that a take can hold on the trained model, a short one on the voice without; what they leave."""
    import time

    from instrument.rig import save_bindings
    from playhost import playing

    (work / "rig.toml").write_text(RIG, encoding="utf-8")
    save_bindings(work / "rig.toml", MIDI)
    with playing(work, "old", "--device", "null") as show:

        def moves(*messages: tuple[Any, ...], every: float = 0.06) -> None:
            for address, *values in messages:
                show.osc(f"/rosin/{address}", *values)
                time.sleep(every)

        show.sync(0.3)
        moves(("note", 57, 0.8), ("knob/z1", 0.9), ("knob/z2", 0.2), ("scene/save", 2), every=0.3)
        moves(("accident/keep", "stumble", 0.8), every=1.0)
        show.osc("/rosin/learn", "z3")
        time.sleep(0.6)
        for value in (0.1, 0.5, 0.9):
            show.osc("/fader/old", value)
            time.sleep(0.2)
        moves(("record", 1), every=0.3)
        moves(("note", 60, 0.7), ("knob/z1", 0.2), ("knob/z1", 0.35), ("knob/z2/push", 0.1), ("bend", 0.2),
              ("pressure", 0.5), ("knob/z3/bridge", 0.8, 0.4), ("snapshot", 1), ("accident/play", "stumble", 0.1),
              ("sustain", 1.0), ("note", 60, 0.0), ("note", 64, 0.9), ("scene", 2, 0.3), ("knob/friction.stick", 0.3),
              ("fill",), ("sustain", 0.0), ("seed", 5), ("scene/save", 3), ("feel", "gum"), ("knob/hazard", 0.2),
              ("hands_only", 1), ("knob/z1", 0.7), ("hands_only", 0), ("note", 36, 0.8), ("accident/stop",),
              ("notes/off",), ("note", 67, 0.8), ("restore", 1), ("neighbour/hear", 1),
              ("neighbour/hear", 0))  # fmt: skip
        moves(("record", 0), every=1.0)
        assert show.wait_for_text("stumble"), show.text
    with playing(work, "weightless", "--device", "null") as show:
        show.sync(0.3)
        show.osc("/rosin/note", 60, 0.8)
        time.sleep(0.3)
        show.osc("/rosin/record", 1)
        time.sleep(0.4)
        show.osc("/rosin/knob/glass", 0.3)
        show.osc("/rosin/note", 67, 0.8)
        time.sleep(0.4)
        show.osc("/rosin/record", 0)
        time.sleep(1.0)
    with playing(work, "glass", "--device", "null") as show:  # a shipped patch: its scenes lie elsewhere
        show.sync(0.3)
        show.osc("/rosin/knob/glass", 0.9)
        time.sleep(0.3)
        show.osc("/rosin/scene/save", 4)
        time.sleep(1.0)
    (out / "takes").mkdir()
    for path in sorted((work / "takes").iterdir()):
        patch, _, when = path.name.partition("-")
        if path.suffix != ".wav":
            shutil.copy(path, out / "takes" / (patch + when[when.index(".") :]))
    shutil.copy(work / "rig.toml", out / "rig.toml")


def until(take: Path) -> int | None:
    """Samples of a take before the first gesture that was mended since, and sounds otherwise (see README.md)."""
    if take.suffix != ".jsonl":
        return None
    times = [row["t"] for row in map(json.loads, take.open()) if row.keys() & MENDED]
    return int(min(times) * 48000) // 128 * 128 if times else None


def trained_on(out: Path, work: Path) -> dict[str, float]:
    """Two steps more: the figures of the sounds it does not learn from."""
    for folder in ("sounds", "runs"):
        shutil.copytree(out / folder, work / folder)
    rosin("train", "sounds", "--name", "tiny", "--resume", "--steps", "8", "--threads", "1", "--listen", "0",
          "--no-pictures", cwd=work)  # fmt: skip
    names, *rows = (line.split(",") for line in (work / "runs/tiny/figures.csv").read_text().splitlines())
    return {name: float(text) for name, text in zip(names, rows[-1], strict=True) if name != "minutes"}


def values(out: Path, home: Path, work: Path) -> Mapping[str, Any]:
    """What this version makes of every file."""
    from instrument import Snapshot, find_patches, open_engine, read_patch, read_rig, read_take, render

    told: dict[str, Any] = {"machine": machine(), "renders": {}, "checks": {}}
    rendered = {
        "takes/old.jsonl": (), "takes/weightless.jsonl": (), "takes/old.z": (), "takes/weightless.z": (),
        "home/rosin/patches/old.toml": ("--seconds", "1.5", "--note", "57", "--set", "z1=0.9"),
        "home/rosin/patches/weightless.toml": ("--seconds", "1.5", "--note", "62"),
    }  # fmt: skip
    for name, more in rendered.items():
        sound = work / "render.wav"
        rosin("render", name, "-o", str(sound), "--rig", "rig.toml", *more, cwd=out)
        told["renders"][name] = {"options": more, **sounding(sound, until(out / name))}
        if name == "home/rosin/patches/old.toml":
            shutil.copy(sound.with_name("render.credits.txt"), out / "render.credits.txt")
    files = [p.relative_to(out).as_posix() for p in sorted(out.rglob("*")) if p.suffix in (".toml", ".jsonl", ".z")]
    files += [p.relative_to(out).as_posix() for p in sorted((out / "home").rglob("*.npz")) if "accident" in str(p)]
    files = [name for name in files if "/models/" not in name and "sounds/" not in name] + ["tiny.rosin.zip"]
    for name in files:
        told["checks"][name] = rosin("check", name, cwd=out).strip()
    for patch in ("old", "glass"):
        scenes = json.loads(rosin("knobs", patch, "--json"))
        told[f"knobs of {patch}"] = {k["id"]: [k["low"], k["high"], k["start"]] for k in scenes["knobs"]}
        told[f"scenes of {patch}"] = scenes["scenes"]
    rig = read_rig(out / "rig.toml")
    told["rig"] = {"midi": list(rig.bindings), "osc": list(rig.osc_bindings), "listen": rig.listen}
    paths, index = find_patches("old")
    engine = open_engine(read_patch(paths[index]))
    engine.restore(Snapshot.from_bytes((out / "takes" / "old.state").read_bytes()))
    sound = render(engine, 0.5)
    told["snapshot"] = sounding(sound)
    told["trained on"] = trained_on(out, work / "trained")
    take = read_take(out / "takes" / "old.jsonl")
    told["take"] = {"patch": take.patch, "seed": take.seed, "seconds": take.seconds, "gestures": len(take.events)}
    told["kinds"] = sorted({event.kind.name for event in take.events})
    return told


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="rosin-old-") as name:
        work = Path(name)
        home = OUT / "home" / "rosin"
        os.environ |= {"XDG_DATA_HOME": str(OUT / "home"), "XDG_CONFIG_HOME": str(work / "config")}
        train(work, OUT)
        patches(home)
        play(work, OUT)
        told = values(OUT, home, work)
        (OUT / "values.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.rmtree(home / "models")  # as the bundle has it
    for path in sorted(OUT.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:9} {path.relative_to(OUT)}")
    text = re.sub(r"\s+", " ", json.dumps(told["kinds"]))
    print(f"the take has {text}")


if __name__ == "__main__":
    main()
