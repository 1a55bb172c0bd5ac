"""Number files: what a file of arrays is - accident, opening, snapshot, wear, atlas, reference, pitches. For check.

An .npz does not tell by its name: the names of its arrays do. What is none of the others is read as an accident, whose
reader says why it is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.base.npz import read_npz
from instrument.base.reading import read_bytes
from instrument.base.text import say
from instrument.chance.accident import Accident
from instrument.engine.snapshot import Snapshot
from instrument.model.atlas.chart import BYTES_MOST as ATLAS_MOST
from instrument.model.atlas.chart import chart_from
from instrument.model.library.card import Card
from instrument.model.library.finder import cards
from instrument.model.report.reference import REFERENCE, read_reference
from instrument.model.runtime.wear import LAYER, misfit
from instrument.storage.opening import BYTES_MOST, MEMBERS_MOST, Opening, read_state

NUMBERS = (".npz", ".state")
LATENTS_MOST = 4096
"""Where no card says how many there are."""
PITCH = re.compile(r"([0-9a-f]{64})\.[\w.+-]*")
"""What pitches (training/data/pitches.py) are kept under: the sound's hash and what they depend on."""
PITCHES_BYTES, PITCHES_MEMBERS = 1 << 30, 60000


def check_numbers(file: Path, given: Sequence[Path], language: str) -> str:
    """What the file is and that it is whole. RosinError. ``given``: folders of models, for their names."""
    try:
        found = _arrays(file)
    except (RosinError, FileNotFoundError):
        if file.suffix != ".state":
            Accident.read(file)  # what cannot be read at all is told as such
        found = {}
    if file.suffix == ".state" or "opening" in found or {"head", "voice"} <= set(found):
        return _state(file, given, language)
    if found and all(name.startswith(LAYER) for name in found):
        return _wear(file, found, language)
    if "anchors" in found:
        return _atlas(file, language)
    if {"z", "audio"} <= set(found):
        return _reference(file, language)
    if found and all(PITCH.fullmatch(name) for name in found):
        return say("check.pitches", language, count=len({name[:64] for name in found}))
    accident = Accident.read(file)
    return say("check.accident", language, seconds=f"{accident.seconds:.1f}", name=accident.name)


def _arrays(file: Path) -> Mapping[str, NDArray[Any]]:
    pitches = file.name.endswith("-pitch.npz")
    most, members = (PITCHES_BYTES, PITCHES_MEMBERS) if pitches else (BYTES_MOST, MEMBERS_MOST)
    return read_npz(file, "", bytes_most=most, members_most=members)


def _state(file: Path, given: Sequence[Path], language: str) -> str:
    """The opening of a take, or a snapshot by itself: of which patch, and on which model."""
    try:
        kept = read_state(file)
    except FileNotFoundError:
        raise RosinError(f"{file} cannot be read (No such file or directory); give the path of a .state file") from None
    on: Snapshot = kept.on.snapshot if isinstance(kept, Opening) else kept
    names = [
        card.name for _, card in cards(given) if isinstance(card, Card) and on.voice.model in (card.sha256, card.name)
    ]
    model = names[0] if names else say("check.stranger", language, hash=on.voice.model[:12])
    if isinstance(kept, Opening):
        return say("check.opening", language, name=kept.name, patch=on.patch, model=model)
    return say("check.snapshot", language, patch=on.patch, model=model)


def _wear(file: Path, found: Mapping[str, NDArray[Any]], language: str) -> str:
    usage = {name: np.asarray(array, np.float64) for name, array in found.items()}
    why = misfit(usage, usage)
    if any(seconds.ndim != 1 or not seconds.size for seconds in usage.values()):
        why = "it holds what are no channels"
    if why:
        raise RosinError(f"{file} is no wear of a model ({why}); move it away, and wear begins anew")
    hours = max(float(seconds.max()) for seconds in usage.values()) / 3600.0
    channels = sum(seconds.size for seconds in usage.values())
    return say("check.wear", language, channels=channels, hours=f"{hours:.1f}")


def _atlas(file: Path, language: str) -> str:
    try:
        chart = chart_from(read_bytes(file, ATLAS_MOST, "atlas"), LATENTS_MOST)
    except ValueError as why:
        raise RosinError(f"{file} is no atlas ({why}); fetch the model again") from None
    return say("check.atlas", language, sounds=len(np.unique(chart.sound)), latents=len(chart.latents))


def _reference(file: Path, language: str) -> str:
    if file.name != REFERENCE:
        raise RosinError(f"{file} is the reference of a model under another name; call it {REFERENCE} again")
    return say("check.reference", language, frames=read_reference(file.parent)["z"].shape[-1])
