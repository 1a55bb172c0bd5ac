"""Run: `rosin import` from the player's side. Starts the child, checks what it made, writes credits and card.

A file is loaded by torch in a process of its own. That keeps torch, and a crash, away from everything else; it is no
prison: import files only from people you would take a program from.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instrument.base.errors import RosinError
from instrument.base.processes import command_of, environment
from instrument.base.text import say
from instrument.base.toml import read_toml
from instrument.importing.archive import checked
from instrument.model.library import licences
from instrument.model.library.card import CARD, CREDITS, TEXT_MOST, Card, card_from, write_card
from instrument.model.library.credits import Credits, credits_from, write_credits
from instrument.model.report.check_result import CheckResult
from instrument.model.report.trial import tried

UNKNOWN = "licence unknown: ask its author"
BLOCKS = 200
RACE = 300
TOLERANCE = 1e-5
PATIENCE_S = 900.0


@dataclass(frozen=True)
class ImportOptions:
    """What the player gave. ``rate`` 0: as the file says; ``race``: blocks against the clock; ``credits``: a
    credits.toml to take over."""

    name: str = ""
    author: str = ""
    licence: str = ""
    credits: Path | None = None
    rate: int = 0
    blocks: int = BLOCKS
    tolerance: float = TOLERANCE
    race: int = RACE
    forward: bool = False
    force: bool = False


@dataclass(frozen=True)
class Imported:
    """The model's folder and card; ``parts``: figures by method; ``findings``: what verify said of it."""

    folder: Path
    card: Card
    parts: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]
    shared: tuple[str, ...]
    credited: bool
    findings: tuple[CheckResult, ...]


def plain_name(path: Path) -> str:
    """A model's name out of a file's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:80]
    return name or "imported"


def _given_credits(path: Path, name: str) -> Credits:
    table = read_toml(path, "credits file", TEXT_MOST, "give a credits file in TOML")
    return replace(credits_from(table, str(path)), model=name)


def _ask_child(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Its answer. RosinError when it gives none."""
    asked = folder / "request.json"
    asked.write_text(json.dumps(request), encoding="utf-8")
    try:
        done = subprocess.run(
            command_of("instrument.importing.worker", str(asked)),
            timeout=PATIENCE_S,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    except subprocess.TimeoutExpired:
        raise RosinError(
            f"{request['path']} is not done after {PATIENCE_S:.0f} s and was given up; try fewer --blocks"
        ) from None
    try:
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()][-1:]
        raise RosinError(
            f"{request['path']}: the import ended without an answer ({''.join(last)[:160] or done.returncode}); "
            "it may want more memory than there is: close other programs and try again"
        ) from None
    finally:
        asked.unlink(missing_ok=True)
        (folder / "answer.json").unlink(missing_ok=True)
    if "error" in answer:
        raise RosinError(f"{request['path']}: {answer['error']}")
    return dict(answer)


def import_file(path: Path, out: Path, options: ImportOptions) -> Imported:
    """A .ts file to a model folder under ``out``, all or nothing. RosinError, one sentence, for what cannot be done."""
    for extra in ("torch", "onnx"):
        if find_spec(extra) is None:
            raise RosinError(f"importing needs {extra}, which is not installed; run: pip install 'rosin[train]'")
    sha256 = checked(path)
    name = options.name or plain_name(path)
    if plain_name(Path(name + ".ts")) != name:
        raise RosinError(f"--name {name!r} is no plain name; use letters, digits, - _ . ")
    folder = out / name
    if folder.exists() and not options.force:
        raise RosinError(f"{folder} is there already; choose another --name, or replace it with --force")
    if folder.exists() and not (folder / CARD).is_file():
        raise RosinError(f"{folder} is there and is no model; choose another --name")
    credits = _given_credits(options.credits, name) if options.credits else None
    licence = options.licence or (credits.licences[0] if credits and len(credits.licences) == 1 else UNKNOWN)
    if licence != UNKNOWN and (wrong := licences.mistake(licence)):
        raise RosinError(f"--licence: {wrong}")
    authors = [options.author] if options.author else [credits.made.by] if credits else []
    request = {
        "path": str(path),
        "sha256": sha256,
        "name": name,
        "title": [path.stem, path.stem],
        "authors": authors,
        "licence": licence,
        "known_licence": "" if licence == UNKNOWN else licence,
        "about": [say("import.about", lang, file=path.name) for lang in ("en", "fr")],
        "rate": options.rate,
        "blocks": options.blocks,
        "tolerance": options.tolerance,
        "race": options.race,
        "forward": options.forward,
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=out) as place:
            made = Path(place) / name
            made.mkdir()
            answer = _ask_child({**request, "out": str(made)}, made)
            card = card_from(answer["card"], str(path))
            if credits is not None:
                write_credits(credits, made)
            card = write_card(card, made)
            findings = list(tried(made, allow_uncredited=True))
            if bad := [f for f in findings if f.grade == "bad" and f.about != "speed"]:
                raise RosinError(f"{path}: the model does not hold ({bad[0].about}: {bad[0].text})")
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(made, folder)
    except OSError as error:
        raise RosinError(f"{out} cannot be written ({error}); choose a folder with room with --out") from None
    return Imported(
        folder,
        card,
        answer["parts"],
        tuple(answer["notes"]),
        tuple(answer["shared"]),
        (folder / CREDITS).exists(),
        tuple(findings),
    )
