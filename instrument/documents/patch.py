"""Patch: what travels - a model by name and hash, where its knobs start, friction, chance, seed, how it speaks.

TOML, frozen once read, checked with all mistakes at once. A patch never says how many latents a model has: it
names knobs by id, and a knob that the model does not have is a mistake found when the two are put together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.reading import read_bytes
from instrument.base.seeds import daily_seed
from instrument.base.toml import BYTES_MAX, toml_from
from instrument.base.validation import check, json_schema, short
from instrument.documents.expression import USUAL, Expression, expressions_from
from instrument.documents.feels import find_feels, open_feel
from instrument.documents.patch_shape import CHANCE, FRICTION, NAME, SCENE_SLOTS, SCHEMA, SHAPE, label_from
from instrument.isf import find_visual, knobs_of, read_header
from instrument.knobs import CHANCE_SOURCES, KNOBS_MAX, Knob, KnobTable, Label, LatentSpec, own_parameter, table_for

NO_LABEL = Label("", "")


@dataclass(frozen=True, slots=True)
class Start:
    """Where one knob starts, and what the player calls it."""

    start: float | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Where hands were: raw 0..1 by the ids of knobs. It may name knobs that the model does not have."""

    knobs: Mapping[str, float] = field(default_factory=dict)
    title: Label = NO_LABEL


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch, read and checked. Amounts that the file leaves out are the table's own."""

    name: str
    model: str
    model_sha256: str = ""
    title: Label = NO_LABEL
    author: str = ""
    about: Label = NO_LABEL
    seed: int = 1
    sounds: str = "gesture"
    notes: str = "mono"
    voices: int = 8
    detune_cents: float = 12.0
    late_ms: float = 25.0
    width: float = 0.0
    expression: Mapping[str, Expression] = field(default_factory=lambda: USUAL)
    note: float = 57.0
    bend_semitones: float = 2.0
    attack_ms: float = 20.0
    release_ms: float = 250.0
    decay_ms: float = 0.0
    glide_ms: float = 0.0
    fade_ms: float = 80.0
    input_mode: str = "off"
    input_amount: float = 0.0
    level_db: float = 0.0
    knobs: Mapping[str, Start] = field(default_factory=dict)
    difficulty: float = 3.0
    feel: str = ""
    friction: Mapping[str, float] = field(default_factory=dict)
    friction_knobs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    hazard: float = 0.0
    chance: Mapping[str, float] = field(default_factory=dict)
    chance_knobs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    entry: str = "sound"
    chance_at: Mapping[str, str] = field(default_factory=dict)
    accidents: Mapping[str, int | None] = field(default_factory=dict)
    time: float = 1.0
    scenes: Mapping[int, Scene] = field(default_factory=dict)
    """By slot, 0..7; the file counts from 1."""
    blend_ms: float = 1500.0
    visual: str = ""
    visual_strength: float = 0.5
    visual_light: bool = True
    visual_inputs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    path: str = ""
    digest: str = field(default="", compare=False)
    """Of what the file and its feel say, scenes aside: whether a take was played on this very patch."""
    source: bytes = field(default=b"", compare=False, repr=False)
    """The file as it was read, for the take that keeps it: by the time of a take an editor may have written another."""

    @property
    def many(self) -> bool:
        """Whether it is played by several voices."""
        return self.notes in ("poly", "unison") and self.voices > 1

    @property
    def expression_feels(self) -> dict[str, Mapping[str, float]]:
        """The friction of the fingers, by expression."""
        return {name: one.feel for name, one in self.expression.items()}

    @property
    def entries(self) -> dict[str, str]:
        """Where each chance that moves knobs enters."""
        return {name: self.chance_at.get(name, self.entry) for name in CHANCE_SOURCES}

    def parameters(self) -> dict[str, float]:
        """Values (real units) of the parameter knobs that this patch sets."""
        values = {"level": self.level_db, "input": self.input_amount, "difficulty": self.difficulty}
        values["hazard"], values["time"] = self.hazard, self.time
        values.update({f"friction.{k}": v for k, v in self.friction.items()})
        values.update({f"chance.{k}": v for k, v in self.chance.items()})
        return values


def migrate(table: dict[str, Any]) -> dict[str, Any]:
    """Bring an older file up to SCHEMA. Version 0 (before any release) kept ``drift`` and ``difficulty`` on top."""
    if type(table.get("schema")) is int and table["schema"] == 0:
        table = {**table, "schema": 1}
        for key, room in (("difficulty", "friction"), ("drift", "chance")):
            if key in table and isinstance(table.get(room, {}), Mapping):
                table[room] = {**table.get(room, {}), key: table.pop(key)}
    return table


def newer(table: Mapping[str, Any]) -> bool:
    """Whether a file was written for a later Rosin."""
    version = table.get("schema")
    return isinstance(version, int) and version > SCHEMA


def patch_from(table: Mapping[str, Any], where: str) -> Patch:
    """A Patch out of plain tables. Raises ValidationErrors: one line each with path, value and remedy."""
    table = migrate(dict(table))
    if newer(table):  # whatever else it says is not for us to judge
        said = short(table["schema"])
        raise ValidationErrors(where, [f"schema: {said} is newer than this Rosin reads ({SCHEMA}); update Rosin"])
    wrong = check(SHAPE, table)
    model = table.get("model", {})
    names = {"name": table.get("name"), "model.name": model.get("name") if isinstance(model, Mapping) else None}
    for at, name in names.items():
        if isinstance(name, str) and not NAME.fullmatch(name):
            wrong.append(f"{at}: {short(name)} is no name; use 1 to 64 characters without slashes")
    if isinstance(names["model.name"], str) and names["model.name"] != "null" and "sha256" not in model:
        wrong.append("model.sha256: it is missing; write the hash that `rosin models list` prints for this model")
    if wrong:
        raise ValidationErrors(where, wrong)
    voice, live, friction, chance = (table.get(k, {}) for k in ("voice", "input", "friction", "chance"))
    wanted: dict[str, Any] = {
        "name": table["name"],
        "model": table["model"]["name"],
        "model_sha256": table["model"].get("sha256", ""),
        "knobs": {
            id: Start(row.get("start"), label_from(row["label"]) if "label" in row else None)
            for id, row in table.get("knobs", {}).items()
        },
        "friction": {k: float(v) for k, v in friction.items() if k in FRICTION},
        "friction_knobs": {id: _still(row) for id, row in friction.get("knob", {}).items()},
        "chance": {k: float(v) for k, v in chance.items() if k in CHANCE},
        "chance_knobs": {id: _still(row) for id, row in chance.get("knob", {}).items()},
        "chance_at": dict(chance.get("at", {})),
        "accidents": {name: row.get("note") for name, row in table.get("accidents", {}).items()},
        "scenes": scenes_from(table.get("scenes", {})),
        "visual_inputs": {id: _still(row) for id, row in table.get("visual", {}).get("inputs", {}).items()},
        "path": where,
        "digest": _digest(table),
    }
    for key in (
        "knobs",
        "friction",
        "friction_knobs",
        "chance",
        "chance_knobs",
        "chance_at",
        "accidents",
        "scenes",
        "visual_inputs",
    ):
        wanted[key] = MappingProxyType(wanted[key])
    for key in ("author", "seed"):
        wanted.update({key: table[key]} if key in table else {})
    if wanted.get("seed") == "daily":
        wanted["seed"] = daily_seed()
    for key in ("title", "about"):
        wanted.update({key: label_from(table[key])} if key in table else {})
    for key in SHAPE.fields["voice"].fields:  # type: ignore[union-attr]
        if key in voice:
            wanted[key] = voice[key] if isinstance(voice[key], str) or key == "voices" else float(voice[key])
    if "expression" in table:
        wanted["expression"] = expressions_from(table["expression"])
    renamed = {
        "input_mode": live.get("mode"),
        "input_amount": live.get("amount"),
        "level_db": table.get("level", {}).get("db"),
        "difficulty": friction.get("difficulty"),
        "feel": friction.get("feel"),
        "hazard": chance.get("hazard"),
        "entry": chance.get("entry"),
        "time": table.get("time"),
        "blend_ms": table.get("scenes", {}).get("blend_ms"),
        "visual": table.get("visual", {}).get("file"),
        "visual_strength": table.get("visual", {}).get("strength"),
        "visual_light": table.get("visual", {}).get("light"),
    }
    wanted.update({k: v for k, v in renamed.items() if v is not None})
    return Patch(**wanted)


def scenes_from(table: Mapping[str, Any]) -> dict[int, Scene]:
    """The scenes of a checked ``[scenes]``, by slot."""
    return {
        int(number) - 1: Scene(_still(row.get("knobs", {})), label_from(row["title"]) if "title" in row else NO_LABEL)
        for number, row in table.items()
        if number in SCENE_SLOTS
    }


def _still(row: Mapping[str, Any]) -> Mapping[str, float]:
    return MappingProxyType({key: float(value) for key, value in row.items()})


def read_patch(path: Path) -> Patch:
    """Read one patch file, with the feel it names under its own amounts. RosinError or ValidationErrors."""
    source = read_bytes(path, BYTES_MAX, "patch")
    patch, wrong = with_feel(replace(patch_from(toml_from(source, path, "patch"), str(path)), source=source))
    if wrong:
        raise ValidationErrors(str(path), wrong)
    return patch


def with_feel(patch: Patch) -> tuple[Patch, list[str]]:
    """The patch with the feel it names under its own amounts; or why not, a line a mistake."""
    if not patch.feel:
        return patch, []
    try:
        feel = open_feel(patch.feel)
    except LookupError:
        feels = ", ".join(find_feels())
        return patch, [f"friction.feel: there is no feel {patch.feel!r}; the feels here: {feels}"]
    except ValidationErrors as mistakes:
        return patch, [f"friction.feel: {mistakes.where}: {line}" for line in mistakes.lines]
    except RosinError as error:
        return patch, [f"friction.feel: {error}"]
    friction = {**feel.friction, **patch.friction}
    digest = _digest({"patch": patch.digest, "friction": friction})
    return replace(patch, friction=MappingProxyType(friction), digest=digest), []


def _digest(table: Mapping[str, Any]) -> str:
    said = {key: value for key, value in table.items() if key != "scenes"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def table_of(patch: Patch, latents: Sequence[LatentSpec]) -> KnobTable:
    """The model's knob table as this patch names and starts it; what it says of one knob's friction or chance is a
    parameter of its own, after the common ones."""
    set_to = patch.parameters()
    knobs = []
    for knob in table_for(latents):
        if knob.id in set_to:
            knob = replace(knob, start=knob.raw(set_to[knob.id]))
        if (mine := patch.knobs.get(knob.id)) is not None:
            knob = replace(knob, start=knob.start if mine.start is None else mine.start, label=mine.label or knob.label)
        knobs.append(knob)
    playable = {knob.id: knob for knob in knobs if knob.playable}
    for group, own in (("friction", patch.friction_knobs), ("chance", patch.chance_knobs)):
        for id, amounts in own.items():
            if id in playable:
                knobs += [own_parameter(f"{group}.{name}", playable[id], value) for name, value in amounts.items()]
    if patch.visual:
        knobs += visual_knobs(patch)[: KNOBS_MAX - len(knobs)]
    return KnobTable(knobs)


def visual_knobs(patch: Patch) -> list[Knob]:
    """The knobs of the patch's visual: its strength, then its inputs. A file that cannot be read has no inputs: a
    picture must never keep a patch from being played."""
    knobs = [Knob("visual", "visual", Label("visual", "visuel"), start=patch.visual_strength)]
    with contextlib.suppress(RosinError):
        knobs += knobs_of(read_header(find_visual(patch.visual, patch.path)))
    starts = {
        f"visual.{name}" + ("" if key == "start" else f".{key}"): value
        for name, row in patch.visual_inputs.items()
        for key, value in row.items()
    }
    return [replace(k, start=k.raw(starts[k.id])) if k.id in starts else k for k in knobs]


def mistakes_against(patch: Patch, table: KnobTable) -> list[str]:
    """What in the patch does not fit the model it names: knobs that are not there."""
    lines = []
    there = ", ".join(k.id for k in table.playable)
    if patch.notes == "poly" and all(knob.role != "pitch" for knob in table.playable):
        lines.append(
            f"voice.notes: the model {patch.model!r} has no pitch, so all its voices would play the same; "
            'write "unison", "mono" or "off"'
        )
    playable = {k.id for k in table.playable}
    for section, ids in (
        ("knobs", patch.knobs),
        ("friction.knob", patch.friction_knobs),
        ("chance.knob", patch.chance_knobs),
    ):
        for id in ids:
            if id not in playable:
                lines.append(f"{section}.{id}: model {patch.model!r} has no such knob; it has {there}")
    for name, one in patch.expression.items():
        usual = one.knob == USUAL[name].knob if name in USUAL else not one.knob  # (a model may have no loudness)
        if not usual and one.knob not in playable:
            lines.append(f"expression.{name}.knob: model {patch.model!r} has no knob {short(one.knob)}; it has {there}")
    return lines


def visual_mistakes(patch: Patch) -> list[str]:
    """What is wrong with the patch's visual: its file, or inputs that it does not have. Such a patch can be played."""
    if not patch.visual:
        return ["visual.file: it is missing; write the name of an .fs file"] if patch.visual_inputs else []
    try:
        header = read_header(find_visual(patch.visual, patch.path))
    except RosinError as error:
        return [f"visual.file: {error}"]
    there = {knob.id.removeprefix("visual.") for knob in knobs_of(header)}
    lines = []
    for name, row in patch.visual_inputs.items():
        for key in row:
            if (name if key == "start" else f"{name}.{key}") not in there:
                known = ", ".join(sorted(there)) or "none that can be set"
                lines.append(f"visual.inputs.{name}.{key}: {header.name} has no such input; it has {known}")
    return lines


def scene_mistakes(patch: Patch, table: KnobTable) -> list[str]:
    """Knobs that scenes name and the table does not have. Apart from the others, because such a patch can be played:
    a scene is made by playing, and what it says of the knobs that are there still holds."""
    return [
        f"scenes.{slot + 1}.knobs.{id}: model {patch.model!r} has no such knob; take the line out, or save it anew"
        for slot, scene in sorted(patch.scenes.items())
        for id in scene.knobs
        if id not in table
    ]


def patch_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a patch file, for editors."""
    return json_schema(SHAPE, "Rosin patch", "https://json-schema.org/draft/2020-12/schema")
