"""Replaying: what a render is to play - which patches, on which models, from which beginning. Beside render."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import accident_folder, data_home, find_patches
from instrument.base.printable import printable
from instrument.base.text import language_of, say
from instrument.commands.preparing import prepare
from instrument.commands.take_patches import patch_of, patch_of_stream, patches_of
from instrument.commands.whole import whole_patch
from instrument.documents.rig import Rig
from instrument.documents.take import Cue, Take
from instrument.documents.take_folder import OPENING, beside
from instrument.engine.engine import Engine
from instrument.engine.layer import Layer
from instrument.engine.snapshot import Snapshot
from instrument.model.library.cards import given_folders
from instrument.model.library.retarget import retarget
from instrument.rehearsal.replay import Cast, cast_of, check, opening_of
from instrument.storage.bank import open_part
from instrument.storage.input_file import InputFile
from instrument.storage.opening import Opening, read_state
from instrument.storage.stream import LatentStream
from instrument.storage.wear_store import WearStore


@dataclass(slots=True)
class Plan:
    """Everything opened. ``take``: as it is to be played; without events where a patch or a stream is rendered."""

    take: Take
    cast: Cast
    paths: list[Path]
    """Of the patches, by the index of their layers"""
    opening: Opening | None = None
    ceiling_db: float | None = None
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What could not be read beside the patches, a sentence each."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple({id(layer): layer for layer in (self.cast.first, *self.cast.layers.values())}.values())

    def said(self, language: str) -> Iterator[str]:
        """What the player is to know of this render: why it may not be what was heard."""
        for key, values in self.notes:
            yield say(key, language, **values)


def plan_of(args: argparse.Namespace, take: Take | None, stream: LatentStream | None, rig: Rig, place: Path) -> Plan:
    """Open what ``rosin render`` is asked for. ``place``: a folder for a patch that is recast."""
    if take is not None and not (args.patch or args.model):
        return _as_it_was(args, take, rig)
    if take is not None and not args.patch:
        paths, index = patches_of(take, rig)
    elif stream is not None:
        paths, index = patch_of_stream(stream, Path(args.what), rig)
    else:
        paths, index = find_patches(args.patch or args.what, rig.folders.patches)
    path = paths[index]
    if args.model:
        if stream:
            raise RosinError("a .z file is heard as it was; to play on another model render the take it lies in")
        made = retarget(path, args.model, place, given_folders(rig.folders.models))
        path = made.path
        if said := made.said(language_of(rig.language)):
            print(printable(said))
    seed = args.seed if args.seed is not None else (take.seed if take else stream.seed if stream else None)
    layer, wrong = _open(path, 0, seed, rig, args)
    played = Take(layer.patch.name, seed, 0.0, ())
    plan = Plan(played, Cast(layer), [path], wrong=wrong)
    if take is not None:
        layer.scenes.hold_those_of(take)
        if take.changes:
            plan.notes.append(("render.one_patch", {"patch": layer.patch.name}))
        events = tuple(event for event in take.events if event.kind.name != "PATCH")
        plan.take = replace(take, events=events)
        check(plan.take, plan.cast)
    return plan


def _as_it_was(args: argparse.Namespace, take: Take, rig: Rig) -> Plan:
    """A take on its own patches: from its opening, where nothing was changed since."""
    notes: list[tuple[str, dict[str, object]]] = []
    paths: list[Path] = []
    wrong: list[str] = []
    reseeded = args.seed is not None and args.seed != take.seed
    opening = None
    try:
        opening = None if reseeded else opening_of(take)
    except RosinError as error:
        wrong.append(str(error))

    def open(cue: Cue, index: int) -> Layer:
        found = patch_of(cue, take, rig)
        paths.append(found.path)
        if found.instead:
            notes.append(("render.kept", {"patch": cue.patch}))
        seed = args.seed if args.seed is not None else cue.seed
        layer, said = _open(found.path, index, seed, rig, args)
        wrong.extend(said)
        if cue.digest and layer.patch.digest != cue.digest:
            notes.append(("render.edited", {"patch": cue.patch}))
        if cue.model and (layer.voice.card.sha256 or layer.voice.card.name) != cue.model:
            notes.append(("render.other_model", {"patch": cue.patch, "model": layer.voice.card.name}))
        if cue.scenes is not None:
            layer.scenes.hold(cue.scenes, layer.patch.blend_ms if cue.blend_ms is None else cue.blend_ms)
        return layer

    cast = cast_of(take, open)
    check(take, cast)
    if opening is not None and not _fits(opening, cast):
        opening = None
    elif opening is None and take.opening and not reseeded:
        notes.append(("render.no_opening", {"path": beside(Path(take.path), OPENING)}))
    if take.end is not None and take.end.input:
        notes.append(("input_not_in_take", {}))
    if take.end is not None and take.end.missed:
        notes.append(("gestures_missed", {"count": take.end.missed}))
    if reseeded:  # every patch that comes is under the new seed, too
        take = replace(
            take,
            events=tuple(
                event if event.cue is None else replace(event, cue=replace(event.cue, seed=args.seed))
                for event in take.events
            ),
        )
    return Plan(take, cast, paths, opening, take.ceiling_db, notes, wrong)


def _fits(opening: Opening, cast: Cast) -> bool:
    """Whether its snapshots are of these very models."""
    layer = cast.first
    same_rate = all(other.voice.sample_rate == layer.voice.sample_rate for other in cast.layers.values())
    return same_rate and all(
        one is None
        or any(
            one.snapshot.patch == other.patch.name
            and one.snapshot.voice.model == other.voice.snapshot().model
            and one.z.shape[-2:] == other.z.shape[-2:]
            for other in (layer, *cast.layers.values())
        )
        for one in (opening.on, opening.leaving, opening.coming)
    )


def _open(path: Path, index: int, seed: int | None, rig: Rig, args: argparse.Namespace) -> tuple[Layer, list[str]]:
    """A layer to be rendered, on the CPU alone, as another device's arithmetic would be another result; and what is
    wrong beside it."""
    language = language_of(rig.language)
    prepare(language)
    patch, _, _ = whole_patch(path, given_folders(rig.folders.models))
    layer = open_part(
        patch, index, provider="cpu", models=rig.folders.models, allow_uncredited=args.allow_uncredited, seed=seed
    )
    wrong = layer.learn_all(accident_folder(patch.name))
    if layer.place is not None:
        layer.place.load_excerpts()
    wear_store = WearStore(data_home(), language)
    wear_store.adopt(layer.voice)
    return layer, [*wrong, *wear_store.wrong]


def listen_again(engine: Engine, stream: LatentStream, path: Path) -> list[str]:
    """Let the engine play what the model was told then; with the .state beside it also from where the model was.
    What is wrong with that is told, and it begins at rest."""
    layer = engine.layer
    told = layer.voice.card.sha256 or layer.voice.card.name
    if stream.model != told or stream.shape != layer.z.shape:
        raise RosinError(
            f"{path} was played on another model than {layer.voice.card.name!r} is now; "
            "render the take it lies in, which goes by names"
        )
    layer.stream = stream
    state = beside(path, OPENING)
    wrong = []
    if os.path.lexists(state):
        before = engine.snapshot()
        try:
            found = read_state(state)
            stood = found.told or found.on if isinstance(found, Opening) else None
            kept = found if isinstance(found, Snapshot) else (found.told or found.on).snapshot
            if kept.patch == layer.patch.name:
                if stood is not None:
                    layer.voice.load_usage(stood.usage)
                engine.restore(kept)
        except (RosinError, FileNotFoundError, KeyError, ValueError, TypeError, IndexError) as error:
            engine.restore(before)
            why = error if isinstance(error, RosinError) else f"{state} does not fit; move it away, or record again"
            wrong.append(str(why))
    layer.speaking = True  # where it was silent then the stream's gain is 0
    return wrong


def played_into(args: argparse.Namespace, layer: Layer, stream: LatentStream | None, moved: bool) -> InputFile | None:
    """The file of --input at the engine's rate. RosinError when nothing would hear it. ``moved``: by a take."""
    if args.input is None:
        return None
    name, path = layer.patch.name, Path(args.input)
    if stream:
        raise RosinError("a .z file is heard as it was; to play into it render the take it lies in")
    if not layer.voice.can_encode:
        raise RosinError(f"the model {layer.voice.card.name} has no ears; give --model one that can listen (first-bow)")
    if layer.patch.input_mode == "off":
        raise RosinError(f'the patch {name} does not listen; write [input] mode = "blend" into it, or render mirror')
    set_here = any(text.partition("=")[0] == "input" for text in args.set)
    if layer.control.parameter("input") <= 0.0 and not set_here and not moved:
        raise RosinError(f"the patch {name} listens to nothing, its input is at 0; give --set input=0.9")
    if Path(args.out).exists() and path.exists() and path.samefile(args.out):
        raise RosinError(f"{path} is what is to be heard; give -o another name")
    return InputFile(path, layer.voice.sample_rate)
