"""Bundle: a model as one file to pass on, NAME.rosin.zip.
After bundle reader, which reads one with suspicion; before library.

In it lie ``bundle.toml`` and the model's folder as it is. Nothing is compressed and nothing is dated, so one model is
the same bytes wherever it is packed, and any unzip gives a folder that plays. Where a model is played from a bundle,
it is unpacked once into the user's cache, under the hash of its card. Unpacking is all or nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import tomlkit

from instrument.base.errors import RosinError, ValidationErrors
from instrument.model.library.bundle_reader import (
    ENTRIES_MOST,
    FORMAT,
    LARGEST,
    MANIFEST,
    MANIFEST_MOST,
    PIECE,
    PLAIN,
    SUFFIX,
    Manifest,
    is_bundle,
    opened,
    pieces,
    read_manifest,
)
from instrument.model.library.card import CARD, CREDITS, Card, read_card
from instrument.model.library.credits import gate, read_credits
from instrument.model.library.lineage import ancestor_rows
from instrument.model.library.listed import AGAIN, sha256_of, unlike

KEPT = 32
"""Models that stay unpacked in the cache."""
OTHERS_SECONDS = 1.0
"""How long another program may take between two moves of a folder."""


def cache_folder() -> Path:
    """Where bundles that are played lie unpacked: what can be made again, by the system's custom."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rosin" / "models"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "rosin" / "cache" / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rosin" / "models"


# --- packing


def _manifest_of(card: Card, folder: Path, allow_uncredited: bool) -> Manifest:
    credits = gate(card, folder, allow_uncredited)
    return Manifest(
        card.name,
        card.sha256,
        card.licence,
        card.authors,
        credits.licences if credits else (),
        card.derived_from,
        {CARD: card.sha256, **card.files},
    )


def pack(folder: Path, out: Path, *, allow_uncredited: bool = False, force: bool = False) -> Manifest:
    """Write the model of ``folder`` as the bundle ``out``, all or nothing. RosinError when it is no whole model.

    Only the files that its card names go with it. Without credits it is refused unless ``allow_uncredited``.
    """
    if not is_bundle(out):
        raise RosinError(f"{out} does not end with {SUFFIX}; give it a name that does")
    if os.path.lexists(out) and not force:
        raise RosinError(f"{out} is there already; choose another -o, or replace it with --force")
    card = read_card(folder)
    manifest = _manifest_of(card, folder, allow_uncredited)
    for file, wanted in manifest.files.items():
        try:
            found = sha256_of(folder / file)
        except OSError:
            raise RosinError(f"{folder / file} is missing; {AGAIN}") from None
        if said := unlike(folder / file, found, wanted):
            raise RosinError(f"{said}; {AGAIN}")
    if len(manifest.files) > ENTRIES_MOST - 2 or not all(map(PLAIN.fullmatch, manifest.files)):
        odd = [file for file in manifest.files if not PLAIN.fullmatch(file)] or [f"{len(manifest.files)} files"]
        raise RosinError(
            f"the card of {card.name} names {odd[0]}, which no bundle holds; take it out and write the card anew"
        )
    if sum((folder / file).stat().st_size for file in manifest.files) > LARGEST - MANIFEST_MOST:
        raise RosinError(f"{card.name} is larger than the {LARGEST >> 20} MiB a bundle holds; pass its folder on")
    table = {"format": FORMAT, **dataclasses.asdict(manifest), "derived_from": ancestor_rows(card.derived_from)}
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as packed:
            packed.writestr(_entry(MANIFEST), tomlkit.dumps(table))
            for file in sorted(manifest.files):
                with (folder / file).open("rb") as source, packed.open(_entry(f"{card.name}/{file}"), "w") as into:
                    shutil.copyfileobj(source, into, PIECE)
        os.replace(beside, out)
    except OSError as error:
        raise RosinError(f"{out} cannot be written ({error.strerror or error}); give another -o") from None
    finally:
        beside.unlink(missing_ok=True)
    return manifest


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # of 1980, as all of them
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


# --- unpacking


def unpack(path: Path, into: Path, *, force: bool = False) -> Path:
    """Unpack a bundle as ``into``/NAME, checked, all or nothing; returns that folder.

    The very model being there already is fine. RosinError: the bundle is no good, or another model has that name.
    """
    with opened(path) as (packed, manifest):
        folder = into / manifest.name
        if os.path.lexists(folder):
            if _is_whole(folder, manifest):
                return folder
            if not force:
                raise RosinError(f"{folder} is there and is another model; replace it with --force")
            if folder.is_symlink() or not (folder / CARD).is_file():
                raise RosinError(f"{folder} is there and is no model; take it away first")
        try:
            into.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into) as place:
                made = Path(place) / manifest.name
                _extract(path, packed, manifest, made)
                if _is_whole(folder, manifest):  # another program was faster, and may be reading it
                    return folder
                if os.path.lexists(folder):
                    os.rename(folder, Path(place) / "before")
                os.rename(made, folder)
        except OSError as error:
            if _becomes_whole(folder, manifest):  # another program was faster, or is just putting it there
                return folder
            raise RosinError(
                f"{into} cannot be written ({error.strerror or error}); make room, or give another folder"
            ) from None
    return folder


def _extract(path: Path, packed: zipfile.ZipFile, manifest: Manifest, made: Path) -> None:
    """Every file into the new folder ``made``, its hash checked; then whether all of it is one model."""
    made.mkdir()
    for file, wanted in manifest.files.items():
        digest = hashlib.sha256()
        with (made / file).open("xb") as out:
            for piece in pieces(path, packed, f"{manifest.name}/{file}"):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != wanted:
            raise RosinError(f"{path}: {file} is not what it was when it was packed; fetch it again")
    try:
        card = read_card(made)
        licences = read_credits(made).licences if CREDITS in card.files else ()
    except RosinError as error:
        said = error.lines[0] if isinstance(error, ValidationErrors) else str(error).replace(str(made), manifest.name)
        raise RosinError(f"{path}: {said}") from None
    told = Manifest(
        card.name,
        card.sha256,
        card.licence,
        card.authors,
        licences,
        card.derived_from,
        {CARD: card.sha256, **card.files},
    )
    for part in dataclasses.fields(Manifest):
        pair = [getattr(one, part.name) for one in (told, manifest)]
        if part.name == "derived_from":  # by their names as well
            pair = [ancestor_rows(line) for line in pair]
        if pair[0] != pair[1]:
            raise RosinError(f"{path}: its {MANIFEST} and its card do not agree on {part.name}; do not trust it")


def _is_whole(folder: Path, manifest: Manifest) -> bool:
    """Does the folder hold every file of the model, each with its hash."""
    try:
        return all(sha256_of(folder / file) == digest for file, digest in manifest.files.items())
    except OSError:
        return False


def _becomes_whole(folder: Path, manifest: Manifest) -> bool:
    """As ``_is_whole``, within a second: between two moves of another program it is not there for a moment."""
    end = time.monotonic() + OTHERS_SECONDS
    while not (whole := _is_whole(folder, manifest)) and time.monotonic() < end:
        time.sleep(0.02)
    return whole


def cached(path: Path) -> Path:
    """The folder of a bundle that is played from where it lies: unpacked the first time, checked by hash every time."""
    manifest = read_manifest(path)
    home = cache_folder() / manifest.sha256
    if _is_whole(home / manifest.name, manifest):
        return home / manifest.name
    there = home / manifest.name
    if there.is_symlink() or (os.path.lexists(there) and not (there / CARD).is_file()):
        _take_away(there)
    try:
        # What is there and not whole is replaced in one move: taken away first, it might by then be what another
        # program has unpacked and plays.
        folder = unpack(path, home, force=True)
    except RosinError:
        with suppress(OSError):
            home.rmdir()
        raise
    _forget_old(home)
    return folder


def _take_away(folder: Path) -> None:
    """Remove what is left of a damaged model, and nothing that another program is unpacking beside it."""
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=".damaged-", dir=folder.parent) as place:
        os.rename(folder, Path(place) / folder.name)


def _forget_old(now: Path) -> None:
    """Only the newest few stay unpacked. What cannot be removed stays as well."""
    try:
        others = sorted((p for p in now.parent.iterdir() if p != now), key=lambda p: p.stat().st_mtime)
    except OSError:
        return
    for path in others[: -KEPT + 1]:
        shutil.rmtree(path, ignore_errors=True)
