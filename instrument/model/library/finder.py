"""Finder: where models are kept, found by name and by hash. What the engine's owner asks for a voice.

A model is a folder, or a bundle (NAME.rosin.zip), which is unpacked once into the user's cache when it is opened.

Looked through in this order: folders given, ``ROSIN_MODELS`` (a list like PATH), ``models/`` beside the package,
the player's own folder (``~/.local/share/rosin/models`` and its like on other systems: places.py), and ``models/`` of
the folder one is in, where `rosin train` writes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.paths import data_home, shipped
from instrument.model.library.bundle import cached
from instrument.model.library.bundle_reader import SUFFIX, is_bundle, read_manifest
from instrument.model.library.card import CARD, Card, read_card
from instrument.model.library.lineage import Ancestor, chain
from instrument.model.library.null_card import null_card
from instrument.model.runtime.block_adapter import rebuffered
from instrument.model.runtime.providers import Wanted
from instrument.model.runtime.voice import QUANTUM, NoiseSource, Voice

NULL = "null"


def user_folder() -> Path:
    """Where the player's own models go."""
    return data_home() / "models"


def standing_places(given: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Folders of model folders that are looked through wherever one is."""
    named = [Path(part) for part in os.environ.get("ROSIN_MODELS", "").split(os.pathsep) if part]
    found = (*given, *named, shipped("models"), user_folder())
    return tuple(dict.fromkeys(path.expanduser() for path in found))


def search_path(given: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The same and ``models/`` here, first come first served; those that do not exist are among them."""
    try:
        here = [Path.cwd() / "models"]
    except OSError:  # somebody has deleted the folder we are in
        here = []
    return tuple(dict.fromkeys((*standing_places(given), *here)))


def called(path: Path) -> str:
    """The name of a model by where it lies: that of its folder, or of its bundle without the suffix."""
    return path.name.removesuffix(SUFFIX)


def unpacked(path: Path) -> Path:
    """The folder of a model given by its folder or its bundle. RosinError for a bundle that is none."""
    return cached(path) if is_bundle(path) and not os.path.isdir(path) else path


def model_folders(given: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Every model there is, folders and bundles, sorted within each place; of two with one name the first."""
    found: dict[str, Path] = {}
    for place in search_path(given):
        try:
            entries = sorted(place.iterdir())
        except OSError:
            continue
        for path in entries:
            packed = is_bundle(path) and not path.name.startswith(".")
            if os.path.isfile(path / CARD) or (packed and os.path.isfile(path)):
                found.setdefault(called(path), path)
    return tuple(found.values())


def _named(name: str, given: Sequence[Path]) -> list[Path]:
    """Models of that name, first come first served; the file name or the path of a bundle is a name for it, too.

    A patch's name may be of any length, and ``is_file`` of a Path fails on a long one.
    """
    found = []
    if name.endswith(SUFFIX) and os.path.isfile(path := Path(os.path.expanduser(name))):
        found.append(path)
    if Path(name).name == name:
        for place in search_path(given):
            found += [path for path in (place / name,) if os.path.isfile(path / CARD)]
            found += [path for path in (place / f"{called(Path(name))}{SUFFIX}",) if os.path.isfile(path)]
    return found


def find(name: str, sha256: str | None = None, given: Sequence[Path] = ()) -> tuple[Path, Card]:
    """The folder and card of a model. With ``sha256`` (of its card) only that very one, wherever it lies.

    RosinError: not found, with the names there are; or found with another hash, with both hashes.
    """
    others: list[tuple[Path, Card]] = []
    for path in _named(name, given):
        folder = unpacked(path)
        card = read_card(folder)
        if sha256 in (None, "", card.sha256):
            return folder, card
        others.append((path, card))
    if sha256:
        for path in model_folders(given):
            try:
                if not is_bundle(path) or read_manifest(path).sha256 == sha256:
                    card = read_card(folder := unpacked(path))
                    if card.sha256 == sha256:
                        return folder, card
            except RosinError:
                continue
    if others:
        path, card = others[0]
        raise RosinError(
            f"the patch wants the model {name!r} with sha256 {sha256[:12] if sha256 else ''}..., but {path} is "
            f"{card.sha256[:12]}...; fetch the wanted one, or write the hash of the one here into the patch"
        )
    names = ", ".join([NULL, *map(called, model_folders(given))])
    raise RosinError(
        f"there is no model {name!r}; here are {names}: choose one, or put its folder into {user_folder()}"
    )


def misnamed(name: str, sha256: str | None = None, given: Sequence[Path] = ()) -> str:
    """What to tell of a name that is no model's, though ``find`` has found one by its hash; empty where all is well.

    RosinError as ``find``. The model plays all the same: a hash says more than a name. But it was written by hand, and
    whoever has no model of that hash is left with a name that leads nowhere.
    """
    if name == NULL:
        return ""
    folder, card = find(name, sha256, given)
    if card.name == name or _named(name, given):
        return ""
    return f"there is no model {name!r}: the hash is that of {card.name!r} in {folder}; write that name"


def ancestors(card: Card, given: Sequence[Path] = ()) -> list[tuple[Ancestor, Path | None]]:
    """What a model was made from, nearest first, each with the model here that it is, or None."""
    here = {other.sha256: (path, other) for path, other in cards(given) if isinstance(other, Card) and path}
    line = chain(
        card.derived_from,
        {
            sha256: (Ancestor(sha256, other.name, other.licence, other.authors), other.derived_from)
            for sha256, (_, other) in here.items()
        },
    )
    return [(one, here[one][0] if one in here else None) for one in line]


def open_voice(
    name: str,
    sha256: str | None = None,
    *,
    noise: NoiseSource,
    providers: Wanted = "auto",
    allow_uncredited: bool = False,
    sample_rate: int = 48000,
    channels: int = 2,
    given: Sequence[Path] = (),
) -> Voice:
    """A voice that plays exactly QUANTUM samples a call, opened but not yet warmed: call ``warm()`` next.

    Safe in a background thread while another voice plays: it shares nothing and holds the GIL for about a
    millisecond at most. ``sample_rate`` and ``channels`` are for the null voice alone; a model has its own.
    """
    if name == NULL:
        from instrument.model.runtime.null import (
            NullVoice,  # here: its sines are compiled code, and cards need none of it
        )

        return NullVoice(noise, sample_rate, QUANTUM, channels)
    folder, _ = find(name, sha256, given)
    return open_folder(folder, noise=noise, providers=providers, allow_uncredited=allow_uncredited)


def open_folder(
    folder: Path,
    *,
    noise: NoiseSource,
    quantum: int = QUANTUM,
    providers: Wanted = "auto",
    allow_uncredited: bool = False,
) -> Voice:
    """The voice in a folder or a bundle given by its path; else as open_voice."""
    # Here and not above: looking for cards (hands, `rosin knobs`) must not load ONNX Runtime.
    from instrument.model.runtime.session import OnnxVoice

    return rebuffered(OnnxVoice(unpacked(folder), noise, quantum, providers, allow_uncredited), quantum)


def cards(given: Sequence[Path] = ()) -> list[tuple[Path | None, Card | RosinError]]:
    """What `rosin models list` shows: the null voice (no path), then every model's card or why it has none."""
    rows: list[tuple[Path | None, Card | RosinError]] = [(None, null_card())]
    for path in model_folders(given):
        try:
            rows.append((path, read_card(unpacked(path))))
        except RosinError as error:
            rows.append((path, error))
    return rows
