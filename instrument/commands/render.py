"""rosin render: a patch or a take to a sound file or a film, offline, with the same engine.

One seed, one result, bit for bit.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from instrument.audio.recording.attribution_meter import AttributionMeter
from instrument.base.console import console, words
from instrument.base.errors import RosinError
from instrument.base.paths import patch_folders
from instrument.base.printable import printable
from instrument.base.reading import may_be_written
from instrument.base.text import language_of, say
from instrument.base.units import decibels
from instrument.base.writing import replacing
from instrument.commands.film import Film, add_options, film_of
from instrument.commands.phrase import knobs_of, phrase, wants_one
from instrument.commands.replaying import listen_again, plan_of, played_into
from instrument.commands.seed import seed_given
from instrument.documents.rig import Rig, read_rig
from instrument.documents.take import Take, read_take
from instrument.documents.take_folder import STREAM, TAKE, find_take, is_take, not_into_a_take
from instrument.engine.control import QUANTUM
from instrument.engine.engine import Engine
from instrument.model.atlas.attribution import roll_path, write_roll
from instrument.rehearsal.reel import KINDS
from instrument.rehearsal.render import offline_blocks
from instrument.rehearsal.replay import TakeReplay
from instrument.storage.stream import LatentStream

SECONDS = 10.0
AIFF = ("AIFF", "FLOAT")
SUBTYPES = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24"), ".aiff": AIFF, ".aif": AIFF}


def add(verbs: Any) -> None:
    """The verb's own arguments."""
    parser = verbs.add_parser(
        "render",
        help="render a patch or a take to a sound file or a film",
        description="Render offline with the engine that plays live: same seed and gestures, same bits, at any --block",
        epilog="example: rosin render examples/first-take.jsonl -o first.wav --seed 7",
    )
    parser.add_argument(
        "what",
        metavar="PATCH|TAKE|STREAM",
        help="a patch (name or path), a take (its folder, its name, a .jsonl) to be "
        "played again, or the .z in it: what the model was told then",
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="FILE",
        help="what to write: .wav, .flac or .aiff; or a film of the stage with its sound: .mp4, .mov, .mkv or .webm",
    )
    parser.add_argument("--seconds", type=float, help=f"length; default the take's, or {SECONDS:g}")
    parser.add_argument("--seed", help="seed of every chance, instead of the patch's; daily: today's, everybody's")
    parser.add_argument("--patch", help="play the take on this patch")
    parser.add_argument("--model", metavar="NAME", help="on another model: a name, a folder or a .rosin.zip")
    parser.add_argument("--block", type=int, default=QUANTUM, help="frames asked for at a time, as a device would")
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=RAW", help="put a knob somewhere first")
    parser.add_argument("--note", type=int, help="hold this MIDI note all along")
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="play this sound file into it, as --input of `rosin play` does "
        "a microphone; any rate, and the length is the file's",
    )
    parser.add_argument("--rig", metavar="FILE", help="rig file of this machine")
    parser.add_argument("--allow-uncredited", action="store_true", help="render a model without credits")
    add_options(parser)
    parser.set_defaults(run=run)


class SoundFile:
    """A sound file being written: ``write`` f32 [n, 2] as it comes. What was written before a Ctrl-C stays; where the
    disk refuses, the file that was there before does."""

    heard = None
    stopping = False

    def __init__(self, out: Path, engine: Engine) -> None:
        self.out = out
        kind, subtype = SUBTYPES[out.suffix.lower()]
        self._stack = contextlib.ExitStack()
        try:
            beside = self._stack.enter_context(replacing(out))
            file = soundfile.SoundFile(beside, "w", engine.rate, engine.layout.count, subtype, format=kind)
            self._file = self._stack.enter_context(file)
            for key, text in engine.layer.recording_notes().items():
                if text:
                    setattr(file, key, text)
        except BaseException:
            self._stack.__exit__(*sys.exc_info())
            raise
        self.write = self._file.write

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def finish(self) -> Path:
        return self.out

    def summary(self) -> str:
        return ""

    def stopped(self, seconds: float) -> str:
        return ""


def run(args: argparse.Namespace) -> int:
    """Render, and say what was made."""
    with tempfile.TemporaryDirectory(prefix="rosin-") as place:
        return _rendered(args, Path(place))


def _check_sizes(args: argparse.Namespace, out: Path, film: bool) -> None:
    if not film and out.suffix.lower() not in SUBTYPES:
        raise RosinError(
            f"{out} names no kind of sound file written here; end it with {', '.join(SUBTYPES)}, "
            f"or with {', '.join(KINDS)} for a film"
        )
    if args.seconds is not None and not 0.0 < args.seconds <= 86400.0:
        raise RosinError(f"--seconds {args.seconds} is no length; give up to a day, such as --seconds 30")
    if not 1 <= args.block <= 65536:
        raise RosinError(f"--block {args.block} is out of range; give 1 to 65536 frames")


def _check_fits(args: argparse.Namespace, take: Take | None, stream: LatentStream | None) -> None:
    """What is asked of a take, of a stream and of a patch is not the same."""
    if stream and (take or args.set or args.note is not None or args.seed is not None or args.patch):
        raise RosinError(
            "a .z file is heard as it was; to change knobs, notes, seed or patch render the take it lies in"
        )
    if args.patch and take is None:
        raise RosinError(f"--patch is for a take, and {args.what} is none; render {args.patch} itself, or give a take")


def _rendered(args: argparse.Namespace, place: Path) -> int:
    """Render; prints the length, the level and the sha256 of the samples, of a film also that of its pictures."""
    rig = read_rig(Path(args.rig) if args.rig else None)
    out = Path(args.out)
    film = film_of(args, out, rig)
    _check_sizes(args, out, film=film is not None)
    may_be_written(out)
    not_into_a_take(out)
    args.seed = seed_given(args.seed)
    take = read_take(find_take(args.what, rig.folders.takes)) if _means_take(args.what, rig) else None
    stream = LatentStream(Path(args.what)) if args.what.endswith(STREAM) else None
    _check_fits(args, take, stream)
    language = language_of(rig.language)
    plan = plan_of(args, take, stream, rig, place)
    engine = Engine(plan.cast.first, rig.sound.ceiling_db if plan.ceiling_db is None else plan.ceiling_db)
    layer = engine.layer
    if stream:
        plan.wrong += listen_again(engine, stream, Path(args.what))
    settings = settings_of(args, layer.table)
    replay = TakeReplay(engine, plan.take, plan.cast, plan.opening, [gesture for _, gesture in settings])
    played = played_into(args, layer, stream, take is not None)
    lasts = len(stream) * QUANTUM / engine.rate if stream else played.seconds if played else SECONDS
    seconds = args.seconds or (max(take.seconds, played.seconds if played else 0.0) if take else lasts)
    touched = not (take or stream or played or settings) and wants_one(layer.patch)
    events = phrase(layer.patch, layer.table, seconds) if touched else []
    meter = AttributionMeter(lambda: plan.layers)
    digest = hashlib.sha256()
    peak, square, count = 0.0, 0.0, 0
    errors = console(stderr=True)
    columns = (words("{task.description}"), BarColumn(), TimeRemainingColumn())
    for sentence in (*plan.wrong, *plan.said(language)):
        print(printable(sentence), file=sys.stderr)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            SoundFile(out, engine)
            if film is None
            else Film(out, film, engine, seconds, plan.paths[0], rig, plan.paths[1:]) as file,
            Progress(*columns, transient=True, disable=not errors.is_terminal, console=errors) as progress,
        ):
            job = progress.add_task(say("rendering", language), total=seconds)
            live = played.next if played else None
            for block in offline_blocks(engine, seconds, events, args.block, file.heard, live, replay.before):
                if file.stopping:
                    break
                file.write(block.T)
                digest.update(np.ascontiguousarray(block.T).tobytes())
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
                square += float(np.square(block, dtype=np.float64).sum())
                count += block.shape[1]
                progress.update(job, advance=block.shape[1] / engine.rate)
            progress.update(job, description="joining")
            out = file.finish()
        for one in plan.layers:
            if one.place is not None:
                one.place.settle()
        named = out if out.suffix.lower() != ".png" else out.parent / out.parent.resolve().name
        roll = write_roll(roll_path(named), named.stem, meter.heard((layer,)), language)
    except (OSError, soundfile.SoundFileError) as error:
        raise RosinError(f"{out} cannot be written ({error}); choose a folder with room that is yours") from None
    rms = (square / max(1, count * engine.layout.count)) ** 0.5
    levels = {name: f"{decibels(value, -180.0):.1f}" for name, value in (("rms", rms), ("peak", peak))}
    length = f"{count / engine.rate:.2f}"
    done = say(
        "render.done", language, path=out, seconds=length, rms=levels["rms"], peak=levels["peak"], seed=layer.seed
    )
    print(printable(done))
    if touched:
        moved = ", ".join(layer.table[k].label.of(language) for k in knobs_of(layer.table))
        notes = say("render.phrase_notes" if layer.patch.notes != "off" else "render.phrase_loudness", language)
        print(printable(say("render.phrase", language, notes=notes, knobs=moved)))
    print(printable(roll))
    print(say("render.samples", language, digest=digest.hexdigest()))
    if said := file.summary():
        print(said)
    if peak == 0.0:
        print(say("render_silent", language), file=sys.stderr)
    if file.stopping:
        print(file.stopped(seconds), file=sys.stderr)
        return 130
    return 0


def _means_take(wanted: str, rig: Rig) -> bool:
    """Is it a take's file or folder, or the name of one here or of a shipped example, and of no patch."""
    if not is_take(wanted, rig.folders.takes):
        return False
    named = Path(wanted).name == wanted and not os.path.lexists(wanted) and not wanted.endswith(TAKE)
    return not (named and any((f / f"{wanted}.toml").is_file() for f in patch_folders(rig.folders.patches)))


def settings_of(args: argparse.Namespace, table: Any) -> list[tuple[float, Any]]:
    """--set and --note as gestures at the very beginning."""
    from instrument.ipc import Gesture, Kind, Source

    events = []
    for text in args.set:
        id, equals, value = text.partition("=")
        try:
            raw = float(value)
        except ValueError:
            raw = -1.0
        if not equals or not 0.0 <= raw <= 1.0:
            raise RosinError(f"--set {text!r} sets nothing; write KNOB=RAW with RAW from 0 to 1, such as level=0.7")
        events.append((0.0, Gesture(Kind.KNOB, table.find(id), raw, source=Source.SHOW)))
    if args.note is not None:
        if not 0 <= args.note <= 127:
            raise RosinError(f"--note {args.note} is no MIDI note; give 0 to 127")
        events.append((0.0, Gesture(Kind.NOTE_ON, args.note, 0.8, source=Source.SHOW)))
    return events
