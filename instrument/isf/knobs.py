"""Knobs: where a visual lies, and which knobs its inputs make. After parse; before patch and the stage's host. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import data_home, shipped
from instrument.isf.shape import PARTS, PICTURES, Header, IsfInput, Value, one_line
from instrument.knobs import Curve, Knob, Label


def visual_folders() -> list[Path]:
    """Where visuals are looked for, first wins: the player's own folder, the shipped ones."""
    return [data_home() / "visuals", shipped("visuals")]


def find_visual(file: str, patch: str = "") -> Path:
    """The path of a visual that a patch names: beside the patch, then in the folders of visuals. RosinError."""
    if "\0" in file:
        raise RosinError("the name of a visual holds a zero byte; write the name of an .fs file")
    beside = [Path(patch).parent] if patch else []
    for folder in [*beside, *visual_folders()]:
        path = folder / os.path.expanduser(file)  # (Path.expanduser raises where there is no such home)
        try:
            if path.is_file():
                return path
        except OSError:
            continue
    there = ", ".join(sorted({p.name for folder in visual_folders() for p in folder.glob("*.fs")})) or "none"
    raise RosinError(f"there is no visual {one_line(file)}; beside the patch or among: {there}")


def knobs_of(header: Header) -> list[Knob]:
    """The knobs of a visual: one for each number that the sound does not feed, ``visual.NAME`` or ``visual.NAME.x``.

    An event and a bool are 0 or 1; a menu is the place of the entry, from 0.
    """
    knobs: list[Knob] = []
    for one in header.inputs:
        if one.kind in PICTURES or one.fed:
            continue
        curve: Curve = "linear" if one.kind in ("float", "point2D", "color") else "steps"
        start, low, high = (v if isinstance(v, tuple) else (float(v),) for v in (one.default, one.low, one.high))
        if one.values:
            start, low, high = (float(one.values.index(int(start[0]))),), (0.0,), (float(len(one.values) - 1),)
        for i, part in enumerate(PARTS.get(one.kind, ("",))):
            tail = f".{part}" if part else ""
            said = f"{one.label or one.name}{' ' + part if part else ''}"
            knob = Knob(f"visual.{one.name}{tail}", "visual", Label(said, said), "", low[i], high[i], curve)
            knobs.append(Knob(knob.id, "visual", knob.label, "", low[i], high[i], curve, knob.raw(start[i])))
    return knobs


def value_of(one: IsfInput, values: Sequence[float]) -> Value:
    """What the shader is given when the knobs of an input stand at ``values``, in their unit."""
    if one.kind in PARTS:
        return tuple(values)
    if one.values:
        return one.values[min(len(one.values) - 1, max(0, round(values[0])))]
    if one.kind in ("event", "bool"):
        return values[0] >= 0.5
    return round(values[0]) if one.kind == "long" else values[0]
