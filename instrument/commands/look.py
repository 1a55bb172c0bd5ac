"""rosin devices, knobs, feels, warm: looking at the instrument without playing it. Beside check."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from instrument.base.console import console
from instrument.base.errors import RosinError
from instrument.base.paths import find_patches
from instrument.base.printable import printable_lines, sentences
from instrument.base.text import language_of, say
from instrument.commands import check
from instrument.commands.preparing import compile_all
from instrument.commands.whole import whole_patch
from instrument.documents.feels import find_feels, read_feel
from instrument.documents.rig import read_rig
from instrument.documents.scene_file import with_own_scenes
from instrument.model.library.cards import given_folders


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
    check.add(verbs)
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
    from instrument.audio.device import list_devices
    from instrument.hands.midi.driver import finder

    found = list_devices()
    driver = finder(read_rig().midi.api, "rosin-look")()  # a name of its own: Rosin may be playing
    api, ports = (driver.api, driver.names()) if driver else ("", [])
    if driver is not None:
        driver.close()
    if args.json:
        rows = [
            {
                "index": d.index,
                "name": d.name,
                "api": d.api,
                "outputs": d.outputs,
                "inputs": d.inputs,
                "rate_hz": d.rate,
                "default": d.default,
            }
            for d in found
        ]
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
    paths, index = find_patches(args.patch, rig.folders.patches)
    patch, _, table = whole_patch(paths[index], given_folders(rig.folders.models))
    patch, wrong = with_own_scenes(patch)
    if wrong:
        print(printable_lines(wrong), file=sys.stderr)
    root = rig.osc.root
    language = language_of(rig.language)
    scenes = sorted(patch.scenes.items())
    if args.json:
        rows = [{"id": k.id, "address": f"{root}/knob/{k.id}", "en": k.label.en, "fr": k.label.fr, "unit": k.unit,
                 "low": k.low, "high": k.high, "curve": k.curve, "start": k.start, "playable": k.playable}
                for k in table]  # fmt: skip
        places = [
            {"scene": slot + 1, "en": scene.title.en, "fr": scene.title.fr, "knobs": dict(scene.knobs)}
            for slot, scene in scenes
        ]
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
        shown.add_row(
            mark,
            k.id,
            k.label.of(language),
            f"{root}/knob/{k.id}",
            f"{k.low:g}",
            f"{k.high:g}",
            k.unit,
            f"{k.value(k.start):.3g}",
            *there,
        )
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


def run_warm(args: argparse.Namespace) -> int:
    """Compile with a bar; the second time it only loads."""
    compile_all(language_of())
    print(say("ready", language_of()))
    return 0
