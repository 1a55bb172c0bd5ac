"""rosin play: the instrument, from one command. Starts the show, shows one line, hears the keys, sums up at the end."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from instrument.audio.settings import SoundSettings
from instrument.base.console import console
from instrument.base.errors import RosinError
from instrument.base.paths import find_patches, shipped
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.base.units import decibels
from instrument.commands.flags import add_flags, with_flags
from instrument.commands.idle import idle_given, idle_in
from instrument.commands.preparing import prepare
from instrument.commands.seed import seed_given
from instrument.commands.stage import (
    LastFrames,
    add_stage,
    draw_picture,
    no_window,
    picture_path,
    stage_given,
    stage_settings,
)
from instrument.commands.status import LOW_DB, Status, terminal_here
from instrument.commands.take_patches import patches_of
from instrument.commands.take_player import TAKE_LEAD_SECONDS, TakePlayer, score_of
from instrument.commands.terminal_keys import press
from instrument.commands.whole import whole_patch
from instrument.documents.patch import Patch, read_patch
from instrument.documents.rig import Rig, read_rig
from instrument.documents.take import Take, read_take
from instrument.documents.take_folder import find_take
from instrument.hands.keys import TerminalKeys
from instrument.hands.settings import check_network
from instrument.hands.worker import HandsSettings
from instrument.ipc import AUTHORS_MAX, Gesture
from instrument.knobs import KnobTable
from instrument.model.library.cards import credits_line_of, credits_of, given_folders
from instrument.model.library.retarget import retarget
from instrument.run.show import Show

DEMO_TAKE = "first-take.jsonl"
DEMO_SECONDS = 20.0
LABELS_MOST = 24


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    parser = verbs.add_parser(
        "play",
        help="play a patch",
        description="Play a patch: MIDI, OSC and keys move its knobs. Ctrl-C ends.",
        epilog="example: rosin play bow --device 'USB Audio' --listen 0.0.0.0:9000 --record",
    )
    parser.add_argument("patch", nargs="?", default="", help="name of a patch, or the path of a patch file")
    add_flags(parser, "sound")
    add_stage(parser)
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop by itself after this long")
    parser.add_argument(
        "--take", metavar="TAKE", help="let a recorded take play along: its folder, or its name among the takes"
    )
    parser.add_argument("--record", action="store_true", help="record the sound from the start")
    add_flags(parser, "folders")
    add_flags(parser, "osc")
    add_flags(parser, "midi")
    parser.add_argument("--model", metavar="NAME", help="play it on another model: a name, a folder or a .rosin.zip")
    parser.add_argument("--seed", help="seed of every chance, instead of the patch's; daily: today's, everybody's")
    parser.add_argument("--rig", metavar="FILE", help="rig file of this machine")
    add_flags(parser, "")
    parser.add_argument("--allow-uncredited", action="store_true", help="play a model without credits; it stays marked")
    parser.add_argument("--demo", action="store_true", help="play the shipped take for 20 s, record it, sum up, end")
    parser.set_defaults(run=run)


def rig_for(args: argparse.Namespace) -> Rig:
    """The rig file with the command line on top."""
    rig = stage_given(with_flags(read_rig(Path(args.rig) if args.rig else None), args), args)
    if args.seconds is not None and not 0.0 < args.seconds < 1e7:
        raise RosinError(f"--for {args.seconds} is no length of time; give seconds, such as --for 20")
    check_network(rig.osc.listen, rig.osc.allow, rig.osc.echo)
    args.seed = seed_given(args.seed)
    return rig


def run(args: argparse.Namespace) -> int:
    """Play. Exit 0 at the end, 2 for what the player can mend."""
    with tempfile.TemporaryDirectory(prefix="rosin-") as place:
        return _played(args, Path(place))


def _take_asked(args: argparse.Namespace, language: str, takes: str) -> Take | None:
    """The take that plays along, if one does; of the demo also how long it lasts, and that it is recorded."""
    if args.demo:
        args.seconds = args.seconds or DEMO_SECONDS
        args.record = True
        print(say("demo", language, seconds=f"{args.seconds:g}"))
        return read_take(shipped("examples") / DEMO_TAKE)
    return read_take(find_take(args.take, takes)) if args.take else None


def _introduce(status: Status, table: KnobTable, show: Show, language: str) -> None:
    """How to stop, which number is which knob, and what the window is played with."""
    status.console.print(Text(say("how_to_stop", language), style="dim"))
    labels = [f"{i} {k.label.of(language)}" for i, k in enumerate(table.playable[:LABELS_MOST], 1)]
    labels += ["…"] * (len(table.playable) > LABELS_MOST)
    status.console.print(Text("   ".join(labels), style="dim"))
    if show.stage is not None:
        status.console.print(Text(say("stage_keys", language), style="dim"))


def _played(args: argparse.Namespace, place: Path) -> int:
    """The show from beginning to end. ``place``: for a patch that was recast, as long as it plays."""
    if args.demo and args.take:
        raise RosinError("--demo plays the shipped take, so --take has no place; leave out one of the two")
    rig = rig_for(args)
    language = language_of(rig.language)
    picture = picture_path(args.picture) if args.picture else None
    take = _take_asked(args, language, rig.folders.takes)
    wanted = args.patch or (take.patch if take else "")
    paths, index = patches_of(take, rig) if take and not args.patch else find_patches(wanted, rig.folders.patches)
    if args.model:
        made = retarget(paths[index], args.model, place, given_folders(rig.folders.models))
        paths[index] = made.path
        if said := made.said(language):
            print(printable(said))
    tables = checked(paths, index, rig, args.allow_uncredited)
    score: list[Gesture] = []
    if take:
        score = score_of(take, tables, [path.stem for path in paths], index, changes=not (args.patch or args.model))
        if args.seconds is None and not terminal_here():
            args.seconds = TAKE_LEAD_SECONDS + take.seconds
    sound = SoundSettings(
        token="", patches=tuple(str(p) for p in paths), index=index, sound=rig.sound, folders=rig.folders,
        device_waits=args.device is None, place=str(place), record=args.record,
        allow_uncredited=args.allow_uncredited, language=language,
        seed=args.seed if args.seed is not None else (take.seed if take else None),
        **scenes_of(take),
    )  # fmt: skip
    hands = HandsSettings.of(rig, sound.patches, args.allow_uncredited, language, index, args.listen is None)
    stage = stage_settings(rig, sound.patches, index, language, args.size is not None)
    without = no_window(args.stage) if rig.stage.window else ""
    windowed = rig.stage.window and not without
    idle = [*idle_in(rig, language), *idle_given(args, rig, read_patch(paths[index]), language, windowed)]
    prepare(language)
    show = Show(sound, hands, language, stage if windowed else None)
    reel = LastFrames()
    names = [path.stem for path in paths]
    try:
        show.open()
        if without:
            print(say(without, language))
        for said in idle:
            print(printable(said))
        player = TakePlayer(score) if take else None
        with Status(show, names, tables, language) as status, TerminalKeys() as keys:
            if terminal_here():
                _introduce(status, tables[index], show, language)

            def tick(show: Show) -> None:
                for key in keys.read():
                    press(key, show, status, len(paths))
                if player is not None:
                    player.tick(show)
                if picture is not None:
                    reel.tick(show)
                status.tick()

            show.run(args.seconds, tick)
    finally:
        show.close()
    status.tell()  # what was said while it ended: of a take that was still recorded
    heard = {i: read_patch(paths[i]) for i in sorted(status.heard or {index}) if i in tables}
    sum_up(show, status, heard, rig, language)
    if picture is not None:
        draw_picture(picture, stage, reel.frames)
        width, height = stage.stage.width, stage.stage.height
        print(printable(say("picture_saved", language, path=picture, width=width, height=height)))
    return 0


def scenes_of(take: Take | None) -> dict[str, Any]:
    """What a take that is played along says of scenes, for the sound."""
    if take is None or take.scenes is None:
        return {}
    scenes = {str(slot): dict(scene.knobs) for slot, scene in take.scenes.items()}
    return {"scenes": scenes, "blend_ms": take.blend_ms}


def checked(paths: list[Path], index: int, rig: Rig, allow_uncredited: bool) -> dict[int, KnobTable]:
    """Knob tables of the patches that are whole. All mistakes of the wanted one are raised before anything starts."""
    tables = {}
    for i, path in enumerate(paths):
        try:
            _, _, tables[i] = whole_patch(path, given_folders(rig.folders.models))
        except RosinError:
            if i == index:
                raise
    return tables


def neighbours(status: Status, patches: Mapping[int, Patch], rig: Rig, language: str) -> list[str]:
    """A line per model: the authors whose sounds were near, and for what share of the time something sounded."""
    folders = given_folders(rig.folders.models)
    near: dict[tuple[str, str], NDArray[np.float64]] = {}
    plays: dict[tuple[str, str], Patch] = {}
    for i, seconds in status.near_s.items():
        if i in patches:
            model = (patches[i].model, patches[i].model_sha256)
            near[model] = near.get(model, np.zeros(AUTHORS_MAX)) + seconds
            plays[model] = patches[i]
    lines = []
    for model, seconds in near.items():
        try:
            credits = credits_of(plays[model], folders)
        except RosinError:
            credits = None
        authors = credits.authors if credits is not None else ()
        if not authors or seconds.sum() <= 0.0:
            continue
        names = [*authors[: AUTHORS_MAX - 1], "…"] if len(authors) > AUTHORS_MAX else list(authors)
        rows = sorted(zip(seconds.tolist(), names, strict=False), key=lambda row: -row[0])
        said = ", ".join(f"{author} {100.0 * part / seconds.sum():.0f} %" for part, author in rows if part > 0.0)
        lines.append(f"{model[0]}: {said} ({say('summary_near', language)})")
    return lines


def sum_up(show: Show, status: Status, patches: Mapping[int, Patch], rig: Rig, language: str) -> None:
    """What was played, on what, who is owed for it, and where it was kept."""
    row = show.link.health.row("sound")
    shown = console()
    table = Table(title=say("summary_title", language), show_header=False, title_justify="left", box=None)
    folders = given_folders(rig.folders.models)
    table.add_row(say("word_patch", language), ", ".join(patch.name for patch in patches.values()))
    where = row.text("where")
    where = say("verify.on_cpu", language) if where == say("verify.on_cpu") else where
    table.add_row(say("word_model", language), where)
    owed = {patch.model: credits_line_of(patch, language, folders) for patch in patches.values()}
    for model, line in owed.items():
        table.add_row(say("summary_credits", language), f"{model}: {line}")
    for line in neighbours(status, patches, rig, language):
        table.add_row(say("word_neighbours", language), line)
    table.add_row(say("word_device", language), row.text("device"))
    ms = status.latency * 1000.0
    table.add_row(say("word_latency", language), f"{ms:.1f} ms")
    table.add_row(say("word_load", language), f"p99 {status.load_p99 * 100.0:.0f} %")
    table.add_row(say("word_dropouts", language), str(row.count("xruns")))
    levels = say("summary_level", language, rms=f"{status.loudest:.1f}", peak=f"{decibels(status.peak, LOW_DB):.1f}")
    table.add_row(say("word_level", language), levels)
    hands = show.link.health.counters("hands")
    counts = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in hands.items() if v and k[:3] in ("osc", "mid"))
    table.add_row(say("word_hands", language), counts or "-")
    if row.text("state"):
        table.add_row(say("summary_file", language), row.text("state"))
    shown.print(table, soft_wrap=True)
    sys.stdout.flush()
