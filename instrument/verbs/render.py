"""rosin render: a patch or a take to a sound file or a film, offline, with the same engine.

One seed, one result, bit for bit.
"""

from __future__ import annotations

import argparse
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

from instrument.base.console import console, words
from instrument.base.printable import printable
from instrument.base.reading import may_be_written
from instrument.errors import RosinError
from instrument.model.heard import write_roll
from instrument.model.recast import recast
from instrument.places import TAKE, accident_folder, data_home, find_patches, find_take, patch_folders
from instrument.rehearsal.reel import KINDS
from instrument.rehearsal.render import offline_blocks
from instrument.rig import Rig, read_rig
from instrument.sound.bank import open_part
from instrument.sound.control import QUANTUM
from instrument.sound.engine import CHANNELS, Engine
from instrument.sound.input_file import InputFile
from instrument.sound.part import Part
from instrument.sound.patina import Patina
from instrument.sound.snapshot import Snapshot
from instrument.sound.stream import Stream
from instrument.sound.tally import Tally
from instrument.take import gestures, read_take
from instrument.text import language_of, say
from instrument.verbs.film import Film, add_options, wish_of
from instrument.verbs.phrase import knobs_of, phrase, wants_one
from instrument.verbs.preparing import prepare
from instrument.verbs.seed import seed_given
from instrument.verbs.whole import whole_patch

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
    parser.add_argument("what", metavar="PATCH|TAKE|STREAM", help="a patch (name or path), a take (.jsonl) to be "
                        "played again, or the .z beside it: what the model was told then")  # fmt: skip
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="what to write: .wav, .flac or .aiff; "
                        "or a film of the stage with its sound: .mp4, .mov, .mkv or .webm")  # fmt: skip
    parser.add_argument("--seconds", type=float, help=f"length; default the take's, or {SECONDS:g}")
    parser.add_argument("--seed", help="seed of every chance, instead of the patch's; daily: today's, everybody's")
    parser.add_argument("--patch", help="play the take on this patch")
    parser.add_argument("--model", metavar="NAME", help="on another model: a name, a folder or a .rosin.zip")
    parser.add_argument("--block", type=int, default=QUANTUM, help="frames asked for at a time, as a device would")
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=RAW", help="put a knob somewhere first")
    parser.add_argument("--note", type=int, help="hold this MIDI note all along")
    parser.add_argument("--input", metavar="FILE", help="play this sound file into it, as --input of `rosin play` does "
                        "a microphone; any rate, and the length is the file's")  # fmt: skip
    parser.add_argument("--rig", metavar="FILE", help="rig file of this machine")
    parser.add_argument("--allow-uncredited", action="store_true", help="render a model without credits")
    add_options(parser)
    parser.set_defaults(run=run)


class SoundFile:
    """A sound file being written: ``write`` f32 [n, 2] as it comes. What was written before a Ctrl-C stays."""

    heard = None
    stopping = False

    def __init__(self, out: Path, engine: Engine) -> None:
        self.out = out
        kind, subtype = SUBTYPES[out.suffix.lower()]
        self._file = soundfile.SoundFile(out, "w", engine.rate, CHANNELS, subtype, format=kind)
        self.write = self._file.write
        for key, text in engine.part.recording_notes().items():
            if text:
                setattr(self._file, key, text)

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

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


def _rendered(args: argparse.Namespace, place: Path) -> int:
    """Render; prints the length, the level and the sha256 of the samples, of a film also that of its pictures."""
    rig = read_rig(Path(args.rig) if args.rig else None)
    out = Path(args.out)
    wish = wish_of(args, out, rig)
    if wish is None and out.suffix.lower() not in SUBTYPES:
        raise RosinError(f"{out} names no kind of sound file written here; end it with {', '.join(SUBTYPES)}, "
                         f"or with {', '.join(KINDS)} for a film")  # fmt: skip
    if args.seconds is not None and not 0.0 < args.seconds <= 86400.0:
        raise RosinError(f"--seconds {args.seconds} is no length; give up to a day, such as --seconds 30")
    if not 1 <= args.block <= 65536:
        raise RosinError(f"--block {args.block} is out of range; give 1 to 65536 frames")
    may_be_written(out)
    args.seed = seed_given(args.seed)
    take = read_take(find_take(args.what)) if args.what.endswith(TAKE) or _is_example(args.what, rig) else None
    stream = Stream(Path(args.what)) if args.what.endswith(".z") else None
    if stream and (take or args.set or args.note is not None):
        raise RosinError("a .z file is heard as it was; to change knobs or notes render the .jsonl beside it")
    paths, index = find_patches(args.patch or (take.patch if take else stream.patch if stream else args.what),
                                rig.patches)  # fmt: skip
    if args.model:
        if stream:
            raise RosinError("a .z file is heard as it was; to play on another model render the .jsonl beside it")
        made = recast(paths[index], args.model, place, [Path(rig.models)] if rig.models else ())
        paths[index] = made.path
        if said := made.said(language_of(rig.language)):
            print(printable(said))
    patch, _, _ = whole_patch(paths[index], [Path(rig.models)] if rig.models else ())
    seed = args.seed if args.seed is not None else (take.seed if take else stream.seed if stream else None)
    language = language_of(rig.language)
    prepare(language)
    part = open_part(
        patch, index, provider="cpu", models=rig.models, allow_uncredited=args.allow_uncredited, seed=seed
    )  # the CPU alone: another device's arithmetic would be another result
    wrong = part.learn_all(accident_folder(patch.name))
    if take:
        part.scenes.hold_those_of(take)
    if part.place is not None:
        part.place.load_excerpts()
    patina = Patina(data_home(), language)
    patina.adopt(part.voice)
    engine = Engine(part, rig.ceiling_db)
    if stream:
        wrong += listen_again(engine, stream, Path(args.what))
    played = played_into(args, part, stream, take is not None)
    lasts = len(stream) * QUANTUM / engine.rate if stream else played.seconds if played else SECONDS
    seconds = args.seconds or (max(take.seconds, played.seconds if played else 0.0) if take else lasts)
    events = [(g.time, g) for g in gestures(take, part.table)] if take else []
    events += settings_of(args, part.table)
    touched = not (take or stream or played or events) and wants_one(patch)
    if touched:
        events = phrase(patch, part.table, seconds)
    tally = Tally(lambda: (part,))
    digest = hashlib.sha256()
    peak, square, count = 0.0, 0.0, 0
    errors = console(stderr=True)
    columns = (words("{task.description}"), BarColumn(), TimeRemainingColumn())
    for sentence in (*wrong, *patina.wrong):
        print(printable(sentence), file=sys.stderr)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            SoundFile(out, engine) if wish is None
            else Film(out, wish, engine, seconds, paths[index], rig) as file,
            Progress(*columns, transient=True, disable=not errors.is_terminal, console=errors) as progress,
        ):  # fmt: skip
            job = progress.add_task(say("rendering", language), total=seconds)
            live = played.next if played else None
            for block in offline_blocks(engine, seconds, events, args.block, file.heard, live):
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
        if part.place is not None:
            part.place.settle()
        named = out if out.suffix.lower() != ".png" else out.parent / out.parent.resolve().name
        roll = write_roll(named, named.stem, tally.heard((part,)), language)
    except (OSError, soundfile.SoundFileError) as error:
        raise RosinError(f"{out} cannot be written ({error}); choose a folder with room that is yours") from None
    rms = (square / max(1, count * CHANNELS)) ** 0.5
    levels = {name: f"{20 * np.log10(max(value, 1e-9)):.1f}" for name, value in (("rms", rms), ("peak", peak))}
    length = f"{count / engine.rate:.2f}"
    done = say(
        "render.done", language, path=out, seconds=length, rms=levels["rms"], peak=levels["peak"], seed=part.seed
    )
    print(printable(done))
    if touched:
        moved = ", ".join(part.table[k].label.of(language) for k in knobs_of(part.table))
        notes = say("render.phrase_notes" if patch.notes != "off" else "render.phrase_loudness", language)
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


def _is_example(wanted: str, rig: Rig) -> bool:
    """Is it the name of a shipped example, and of no patch."""
    if Path(wanted).name != wanted or not find_take(wanted).name.endswith(TAKE):
        return False
    return not any((folder / f"{wanted}.toml").is_file() for folder in patch_folders(rig.patches))


def listen_again(engine: Engine, stream: Stream, path: Path) -> list[str]:
    """Let the engine play what the model was told then; with the .state beside it also from where the model was.
    What is wrong with that is told, and it begins at rest."""
    part = engine.part
    told = part.voice.card.sha256 or part.voice.card.name
    if stream.model != told or stream.shape != part.z.shape:
        raise RosinError(f"{path} was played on another model than {part.voice.card.name!r} is now; "
                         "render the .jsonl beside it, which goes by names")  # fmt: skip
    part.stream = stream
    state = path.with_suffix(".state")
    wrong = []
    if os.path.lexists(state):
        before = engine.snapshot()
        try:
            kept = Snapshot.read(state)
            if kept.patch == part.patch.name:
                engine.restore(kept)
        except (RosinError, FileNotFoundError, KeyError, ValueError, TypeError, IndexError) as error:
            engine.restore(before)
            why = error if isinstance(error, RosinError) else f"{state} does not fit; move it away, or record again"
            wrong.append(str(why))
    part.speaking = True  # where it was silent then the stream's gain is 0
    return wrong


def played_into(args: argparse.Namespace, part: Part, stream: Stream | None, moved: bool) -> InputFile | None:
    """The file of --input at the engine's rate. RosinError when nothing would hear it. ``moved``: by a take."""
    if args.input is None:
        return None
    name, path = part.patch.name, Path(args.input)
    if stream:
        raise RosinError("a .z file is heard as it was; to play into it render the .jsonl beside it")
    if not part.voice.can_encode:
        raise RosinError(f"the model {part.voice.card.name} has no ears; give --model one that can listen (first-bow)")
    if part.patch.input_mode == "off":
        raise RosinError(f'the patch {name} does not listen; write [input] mode = "blend" into it, or render mirror')
    set_here = any(text.partition("=")[0] == "input" for text in args.set)
    if part.control.parameter("input") <= 0.0 and not set_here and not moved:
        raise RosinError(f"the patch {name} listens to nothing, its input is at 0; give --set input=0.9")
    if Path(args.out).exists() and path.exists() and path.samefile(args.out):
        raise RosinError(f"{path} is what is to be heard; give -o another name")
    return InputFile(path, part.voice.sample_rate)


def settings_of(args: argparse.Namespace, table: Any) -> list[tuple[float, Any]]:
    """--set and --note as gestures at the very beginning."""
    from instrument.link import Gesture, Kind, Source

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
