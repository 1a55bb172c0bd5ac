"""Idle: what was asked for and does nothing as things stand, a sentence each. Beside play and check.

An option that is taken and does nothing is looked for on stage, where nobody has the time. What another day makes
sense again (a port that is not plugged in, a folder on another disk) is no mistake, so it is told and not refused.
"""

from __future__ import annotations

import argparse
import os

from instrument.base.text import say
from instrument.documents.options import rows
from instrument.documents.patch import Patch
from instrument.documents.rig import Rig
from instrument.hands.settings import OFF
from instrument.hands.state.names import plain

WINDOW_ONLY = ("fullscreen", "display")
"""Of the stage's options; the others also make a picture or a film."""


def idle_in(rig: Rig, language: str, all_of_it: bool = False) -> list[str]:
    """Of the rig, the command line on top of it. ``all_of_it``: also what may well wait for another day."""
    said = []

    def set_(section: str, *keys: str) -> list[str]:
        return [
            f"{section}.{row.key}"
            for row in rows(Rig)
            if row.section == section and row.key in keys and getattr(getattr(rig, section), row.key) != row.usual
        ]

    more = ("schedule", "detail", "neighbours", "bindings") if all_of_it else ()
    if rig.osc.listen in OFF and (names := set_("osc", "echo", "allow", *more)):
        said.append(say("idle.osc", language, names=", ".join(names)))
    if rig.midi.api == "off" and (names := set_("midi", "ports", *(["bindings"] if all_of_it else []))):
        said.append(say("idle.midi", language, names=", ".join(names)))
    if rig.midi.api != "off" and (vague := [part for part in rig.midi.ports if not plain(part)]):
        said.append(say("idle.port", language, part=repr(vague[0])))
    if all_of_it and not rig.stage.window and (names := set_("stage", *WINDOW_ONLY)):
        said.append(say("idle.stage", language, names=", ".join(names)))
    if rig.sound.device == "null" and rig.sound.input:
        said.append(say("idle.null_input", language))
    for name in ("models", "patches"):
        if (folder := getattr(rig.folders, name)) and not os.path.isdir(folder):
            said.append(say("idle.folder", language, name=f"folders.{name}", folder=folder))
    return said


def idle_given(args: argparse.Namespace, rig: Rig, patch: Patch, language: str, window: bool) -> list[str]:
    """Of the command line of `rosin play`. ``window``: whether the stage has one."""
    said = []
    if not window:
        drawn = () if args.picture else ("size", "big_type", "calm")
        names = [name for name in (*WINDOW_ONLY, *drawn) if getattr(args, name) is not None]
        if names:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
            said.append(say("idle.stage", language, names=options))
    if args.input and rig.sound.device != "null" and patch.input_mode == "off":
        said.append(say("idle.input", language, patch=patch.name))
    if args.rig and not os.path.exists(args.rig):
        said.append(say("idle.rig", language, path=args.rig))
    return said
