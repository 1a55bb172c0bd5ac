"""Take manifest: what a take's folder says of itself - who it is, what it was played on, what lies in it.

``take.toml``, written whole when the recording begins, with ``finished = false``; and again at its end, with the
length and the hash of every file. One that was cut off keeps the first: everything in it still opens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from instrument.base.errors import ValidationErrors
from instrument.base.reading import open_file
from instrument.base.toml import read_toml
from instrument.base.validation import Field, Section, check, short
from instrument.base.writing import write_whole
from instrument.documents.take_folder import MANIFEST
from instrument.ipc.events import TAKE_SECONDS_MAX

SCHEMA = 1
SECONDS_MAX = 10.0 * TAKE_SECONDS_MAX
PIECE = 1 << 18
_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[^/\\\0]{1,255}")
_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "id": (_ID, "is no take's; write 32 hexadecimal digits"),
    "parent.id": (_ID, "is no take's; write 32 hexadecimal digits"),
    "made": (
        re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
        'is no time in UTC; write it as "2026-12-01T09:00:00Z"',
    ),
    "seed": (re.compile(r"(-?\d{1,20})?", re.ASCII), "is no seed; write a whole number as a text, or nothing"),
    "patch.sha256": (re.compile(r"([0-9a-f]{64})?"), "is no hash; write its 64 hexadecimal digits, or nothing"),
    "model.sha256": (re.compile(r"([0-9a-f]{64})?"), "is no hash; write its 64 hexadecimal digits, or nothing"),
}
"""Of the texts in it, by where they stand: what one looks like, and what is said of one that does not."""

_PLAYED = {"name": Field("text", needed=True), "sha256": Field("text", about="empty: it has none")}
SHAPE = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "id": Field("text", needed=True, about="32 hexadecimal digits, of this take alone"),
        "made": Field("text", needed=True, about="when it began, UTC"),
        "rosin": Field("text", about="the version that recorded it"),
        "finished": Field("boolean", needed=True, about="false: it is being recorded, or was cut off"),
        "seconds": Field("number", low=0, high=SECONDS_MAX, about="how long it is"),
        "rate": Field("integer", needed=True, low=1, high=768_000, about="samples a second"),
        "channels": Field("integer", needed=True, low=1, high=64),
        "seed": Field("text", about="of chance when it began; a text, as it may have 64 bits"),
        "patch": Section(_PLAYED, needed=True, about="on which it began"),
        "model": Section(_PLAYED, needed=True),
        "parent": Section(
            {
                "id": Field("text", needed=True, about="of the take that it goes on from"),
                "seconds": Field("number", needed=True, low=0, high=SECONDS_MAX, about="from which moment of it"),
            },
        ),
        "files": Field("tables", about="name, sha256 and bytes of each file beside it"),
    },
    needed=True,
)
_FILE = Section(
    {
        "name": Field("text", needed=True),
        "sha256": Field("sha256", needed=True),
        "bytes": Field("integer", needed=True, low=0, high=2**53),
    }
)


@dataclass(frozen=True, slots=True)
class Played:
    """A patch or a model by name and by the hash of its file; an empty hash: it has none."""

    name: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Parent:
    """The moment of another take that a take goes on from."""

    id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file beside the manifest, as it was when the take was finished."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TakeManifest:
    """All that the manifest says. ``made``: ISO 8601, UTC; ``seconds`` counts once it is ``finished``."""

    id: str
    made: str
    rate: int
    channels: int
    patch: Played
    model: Played
    rosin: str = ""
    seed: str = ""
    finished: bool = False
    seconds: float = 0.0
    parent: Parent | None = None
    files: tuple[FileEntry, ...] = ()

    def changed(self, folder: Path, besides: Container[str] = ()) -> list[str]:
        """A sentence for each file that is not as it was when the take was finished. Reads all of them but those of
        the names ``besides``, of which something worse is known."""
        said = []
        for entry in self.files:
            if entry.name in besides:
                continue
            try:
                now = entry_of(folder / entry.name)
            except OSError:
                said.append(f"{entry.name} is gone, or cannot be read; fetch it from a copy of the take")
                continue
            if now != entry:
                said.append(
                    f"{entry.name} is not as it was recorded; fetch it from a copy, or go on with what is there"
                )
        return said


def entry_of(path: Path, rest: Callable[[], object] | None = None) -> FileEntry:
    """A file, hashed in pieces; ``rest`` is called after each. OSError as files give it."""
    digest, count, piece = hashlib.sha256(), 0, memoryview(bytearray(PIECE))
    with open_file(path) as file:
        while size := file.readinto(piece):
            digest.update(piece[:size])
            count += size
            if rest is not None:
                rest()
    return FileEntry(path.name, digest.hexdigest(), count)


def manifest_from(table: Mapping[str, Any], where: str) -> TakeManifest:
    """Out of plain tables; raises ValidationErrors with every mistake."""
    version = table.get("schema")
    if isinstance(version, int) and version > SCHEMA:
        raise ValidationErrors(
            where, [f"schema: {short(version)} is newer than this Rosin reads ({SCHEMA}); update Rosin"]
        )
    wrong = check(SHAPE, table)
    rows = table.get("files", [])
    for i, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, Mapping):
            wrong += check(_FILE, row, f"files[{i}].")
            name = row.get("name")
            if isinstance(name, str) and (name in (".", "..", MANIFEST) or not _NAME.fullmatch(name)):
                wrong.append(f"files[{i}].name: {short(name)} is no file of this folder; write its name alone")
    wrong += _misshapen(table)
    if wrong:
        raise ValidationErrors(where, wrong)
    told: dict[str, Any] = {key: value for key, value in table.items() if key != "schema"}
    told |= {key: Played(**table[key]) for key in ("patch", "model")}
    if (parent := table.get("parent")) is not None:
        told["parent"] = Parent(parent["id"], float(parent["seconds"]))
    if "seconds" in table:
        told["seconds"] = float(table["seconds"])
    return TakeManifest(**{**told, "files": tuple(FileEntry(**row) for row in rows)})


def _misshapen(table: Mapping[str, Any]) -> list[str]:
    """What in it has the right kind and still says nothing, a line each."""
    wrong = []
    for path, (form, why) in _FORMS.items():
        row: object = table
        for part in path.split("."):
            row = row.get(part) if isinstance(row, Mapping) else None
        if isinstance(row, str) and not form.fullmatch(row):
            wrong.append(f"{path}: {short(row)} {why}")
    parent, rows = table.get("parent"), table.get("files")
    if isinstance(parent, Mapping) and parent.get("id") == table.get("id"):
        wrong.append("parent.id: a take does not go on from itself; write the id of the one before, or no [parent]")
    if table.get("finished") is True and "seconds" not in table:
        wrong.append("seconds: it is missing; write how long the take is, or finished = false")
    names = [row.get("name") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    twice = dict.fromkeys(name for name in names if isinstance(name, str) and names.count(name) > 1)
    wrong += [f"files: {short(name)} is there twice; take one of the two out" for name in twice]
    return wrong


def read_manifest(folder: Path) -> TakeManifest:
    """The manifest of a take's folder. RosinError or ValidationErrors."""
    path = folder / MANIFEST
    return manifest_from(read_toml(path, "take's manifest"), str(path))


def write_manifest(folder: Path, manifest: TakeManifest) -> None:
    """Whole and at once. OSError as files give it."""
    table: dict[str, Any] = {
        "schema": SCHEMA,
        "id": manifest.id,
        "made": manifest.made,
        "rosin": manifest.rosin,
        "finished": manifest.finished,
        **({"seconds": manifest.seconds} if manifest.finished else {}),
        "rate": manifest.rate,
        "channels": manifest.channels,
        "seed": manifest.seed,
        "patch": {"name": manifest.patch.name, "sha256": manifest.patch.sha256},
        "model": {"name": manifest.model.name, "sha256": manifest.model.sha256},
    }
    if manifest.parent is not None:
        table["parent"] = {"id": manifest.parent.id, "seconds": manifest.parent.seconds}
    if manifest.files:
        table["files"] = [{"name": one.name, "sha256": one.sha256, "bytes": one.bytes} for one in manifest.files]
    write_whole(folder / MANIFEST, tomlkit.dumps(table).encode())
