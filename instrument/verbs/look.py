"""rosin devices, knobs, check, warm: looking at the instrument without playing it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from instrument.base.console import console
from instrument.base.printable import printable, printable_lines, sentences
from instrument.chance.accident import Accident
from instrument.errors import Mistakes, RosinError
from instrument.feels import feel_schema, find_feels, read_feel
from instrument.model.cards import card_for
from instrument.model.parcel import is_bundle
from instrument.patch import mistakes_against, patch_schema, read_patch, scene_mistakes, table_of, visual_mistakes
from instrument.places import find_patches, find_take, patch_folders
from instrument.rig import Rig, read_rig, rig_schema
from instrument.scenes import read_own, with_own_scenes
from instrument.sound.stream import Stream
from instrument.take import read_take
from instrument.text import language_of, say
from instrument.verbs.preparing import compile_all


def add(verbs: Any) -> None:
    """The verbs' own arguments."""
    devices = verbs.add_parser("devices", help="list sound devices and MIDI ports", epilog="example: rosin devices")
    devices.add_argument("--json", action="store_true", help="for programs")
    devices.set_defaults(run=run_devices)
    knobs = verbs.add_parser(
        "knobs", help="list the knobs of a patch with their OSC addresses", epilog="example: rosin knobs bow"
    )
    knobs.add_argument("patch", nargs="?", default="", help="name of a patch, or the path of a patch file")
    knobs.add_argument("--json", action="store_true", help="for programs")
    knobs.add_argument("--rig", metavar="FILE", help="rig file of this machine")
    knobs.set_defaults(run=run_knobs)
    check = verbs.add_parser(
        "check",
        help="check patches, feels, rigs, takes, accidents and models; every mistake at once",
        epilog="example: rosin check patches/*.toml models/first-bow tide.rosin.zip",
    )
    check.add_argument("files", nargs="*", metavar="FILE", help="default: every patch that is found")
    check.add_argument("--schema", choices=("patch", "rig", "feel"), help="print the JSON Schema for editors instead")
    check.set_defaults(run=run_check)
    feels = verbs.add_parser("feels", help="list the feels: named sets of friction", epilog="example: rosin feels")
    feels.set_defaults(run=run_feels)
    warm = verbs.add_parser("warm", help="compile what playing needs, once for all", epilog="example: rosin warm")
    warm.set_defaults(run=run_warm)


def wide_console() -> Console:
    """A console whose tables are not cut when they go into a pipe or a file."""
    shown = console()
    return shown if shown.is_terminal else console(width=200)


def run_devices(args: argparse.Namespace) -> int:
    """Sound devices as PortAudio sees them; MIDI ports as they are now."""
    from instrument.hands.driver import finder
    from instrument.sound.device import list_devices

    found = list_devices()
    driver = finder(read_rig().midi_api, "rosin-look")()  # a name of its own: Rosin may be playing
    api, ports = (driver.api, driver.names()) if driver else ("", [])
    if driver is not None:
        driver.close()
    if args.json:
        rows = [{"index": d.index, "name": d.name, "api": d.api, "outputs": d.outputs, "inputs": d.inputs,
                 "rate_hz": d.rate, "default": d.default} for d in found]  # fmt: skip
        print(json.dumps({"sound": rows, "midi": {"api": api, "ports": ports}}, indent=1))
        return 0
    shown = wide_console()
    language = language_of(read_rig().language)
    table = Table(title=say("rehearsal.sound", language), title_justify="left", box=None)
    table.add_column("")
    for heading in ("name", "through", "out", "in", "rate"):
        right = heading in ("out", "in", "rate")
        table.add_column(say(f"look.{heading}", language), justify="right" if right else "left")
    for d in found:
        rate = f"{d.rate:.0f} Hz" if d.rate else say("look.any", language)
        table.add_row("→" if d.default else "", d.name, d.api, str(d.outputs), str(d.inputs), rate)
    shown.print(table)
    shown.print(f"\nmidi ({api or say('rehearsal.none', language)})")
    for port in ports or [say("look.no_midi", language)]:
        shown.print(f"   {port}")
    return 0


def run_knobs(args: argparse.Namespace) -> int:
    """The table of one patch: what OSC, MIDI and patches can move."""
    rig = read_rig(Path(args.rig) if args.rig else None)
    paths, index = find_patches(args.patch, rig.patches)
    patch, wrong = with_own_scenes(read_patch(paths[index]))
    if wrong:
        print(printable_lines(wrong), file=sys.stderr)
    card = card_for(patch.model, patch.model_sha256, [Path(rig.models)] if rig.models else ())
    table = table_of(patch, card.specs)
    language = language_of(rig.language)
    scenes = sorted(patch.scenes.items())
    if args.json:
        rows = [{"id": k.id, "address": f"{rig.root}/knob/{k.id}", "en": k.label.en, "fr": k.label.fr, "unit": k.unit,
                 "low": k.low, "high": k.high, "curve": k.curve, "start": k.start, "playable": k.playable}
                for k in table]  # fmt: skip
        places = [{"scene": slot + 1, "en": scene.title.en, "fr": scene.title.fr, "knobs": dict(scene.knobs)}
                  for slot, scene in scenes]  # fmt: skip
        said = {"patch": patch.name, "model": patch.model, "knobs": rows, "blend_ms": patch.blend_ms, "scenes": places}
        print(json.dumps(said, indent=1, ensure_ascii=False))
        return 0
    title = say("knobs.title", language, patch=patch.name, model=patch.model)
    shown = Table(title=title, title_justify="left", box=None)
    shown.add_column("", overflow="fold")
    for heading in ("id", "name", "address", "from", "to", "unit", "start"):
        right = heading in ("from", "to", "start")
        shown.add_column(say(f"look.{heading}", language), justify="right" if right else "left", overflow="fold")
    for slot, scene in scenes:
        heading = f"{say('word_scene', language)} {slot + 1} {scene.title.of(language)}"
        shown.add_column(heading.strip(), justify="right")
    for i, k in enumerate(table):
        there = [f"{k.value(scene.knobs[k.id]):.3g}" if k.id in scene.knobs else "" for _, scene in scenes]
        mark = str(i + 1) if k.playable else ""
        shown.add_row(mark, k.id, k.label.of(language), f"{rig.root}/knob/{k.id}", f"{k.low:g}", f"{k.high:g}", k.unit,
                      f"{k.value(k.start):.3g}", *there)  # fmt: skip
    wide_console().print(shown)
    return 0


def run_feels(args: argparse.Namespace) -> int:
    """Every feel by name, with what it says of itself; one that is broken is told, and the others are shown."""
    language = language_of()
    shown = Table(box=None)
    for heading in (say("look.feel", language), say("look.title", language), ""):
        shown.add_column(heading, overflow="fold")
    wrong = 0
    for name, path in find_feels().items():
        try:
            feel = read_feel(path)
        except RosinError as error:
            wrong += 1
            print(sentences(error), file=sys.stderr)
        else:
            shown.add_row(name, feel.title.of(language), feel.about.of(language))
    wide_console().print(shown)
    return 2 if wrong else 0


def run_check(args: argparse.Namespace) -> int:
    """Exit 0 when everything is whole, 2 when a line was printed."""
    if args.schema:
        schemas = {"patch": patch_schema, "rig": rig_schema, "feel": feel_schema}
        print(json.dumps(schemas[args.schema](), indent=1))
        return 0
    try:
        rig = read_rig()
    except RosinError:  # its mistakes are told when it is what is checked
        rig = Rig()
    files = [Path(f) for f in args.files] or [f for d in patch_folders(rig.patches) for f in sorted(d.glob("*.toml"))]
    wrong = 0
    for file in files:
        try:
            said = check_one(file, rig)
        except RosinError as error:
            wrong += 1
            print(sentences(error), file=sys.stderr)
        else:
            print(printable(f"{file}: {said}"))
    return 2 if wrong else 0


def check_one(file: Path, rig: Rig) -> str:
    """What a file is and that it is whole. RosinError or Mistakes."""
    language = language_of(rig.language)
    if os.path.isdir(file) or is_bundle(file):
        return check_model(file, rig)
    if file.suffix == ".jsonl":
        take = read_take(find_take(str(file)))
        seconds = f"{take.seconds:g}"
        return say("check.take", language, seconds=seconds, gestures=len(take.events), patch=take.patch)
    if file.name.startswith("rig"):
        if not os.path.exists(file):
            raise RosinError(f"{file} cannot be read (no such file); give the path of a rig file")
        read_rig(file)
        return say("check.rig", language)
    if file.suffix == ".npz":
        accident = Accident.read(file)
        return say("check.accident", language, seconds=f"{accident.seconds:.1f}", name=accident.name)
    if file.suffix == ".z":
        return say("check.stream", language, blocks=len(Stream(file)))
    if file.parent.name == "feels":
        return say("check.feel", language, name=read_feel(file).name)
    if file.parent.name == "scenes":
        return say("check.scenes", language, count=len(read_own(file)))
    patch, wrong_scenes = with_own_scenes(read_patch(file))
    card = card_for(patch.model, patch.model_sha256, [Path(rig.models)] if rig.models else ())
    table = table_of(patch, card.specs)
    lines = [*mistakes_against(patch, table), *visual_mistakes(patch), *scene_mistakes(patch, table)]
    if lines := lines + wrong_scenes.splitlines():
        raise Mistakes(str(file), lines)
    return say("check.patch", language, model=patch.model, latents=len(card.latents))


def check_model(path: Path, rig: Rig) -> str:
    """What a model's folder or bundle is, and that it has no fault: everything that `rosin models verify` looks at.
    Mistakes with every fault there is."""
    from instrument.model.card import read_card
    from instrument.model.finding import topic
    from instrument.model.library import unpacked
    from instrument.model.trial import tried

    language = language_of(rig.language)
    found = list(tried(path, given=[Path(rig.models)] if rig.models else [], language=language))
    if wrong := [f"{topic(f.about, language)}: {f.text}" for f in found if f.grade == "bad"]:
        raise Mistakes(str(path), wrong)
    card = read_card(unpacked(path))
    held = any(f.grade == "held" for f in found)
    return say("check.model_held" if held else "check.model", language, name=card.name, latents=len(card.latents))


def run_warm(args: argparse.Namespace) -> int:
    """Compile with a bar; the second time it only loads."""
    compile_all(language_of())
    print(say("ready", language_of()))
    return 0
