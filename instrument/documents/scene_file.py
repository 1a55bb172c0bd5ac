"""Scene file: how scenes stand in files. A slot of a patch's file is rewritten, and nothing else in it. Above patch.

Done on the file's own lines, as the rig does with what was learned: comments, order and spaces stay, and what comes
out is read again and must say what it should before the old file goes. Where a file is laid out in a way that lines
cannot follow (inline tables, dotted keys), tomlkit writes it.

A patch that came with Rosin, or whose file cannot be written, has its scenes in the player's own folder: a file beside
it, not a copy of the patch, which would hide every later version of it and take it out of the list it stands in.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import scene_file, shipped
from instrument.base.reading import open_file
from instrument.base.toml import BYTES_MAX, read_toml, toml_from
from instrument.base.validation import Field, Section, check
from instrument.base.writing import write_whole
from instrument.documents.patch import NO_LABEL, Patch, Scene, scenes_from
from instrument.documents.patch_shape import SCENE_SLOTS, SCHEMA

OWN = Section(
    {
        "schema": Field("integer", needed=True, low=1, high=SCHEMA, about="version of this file format"),
        "patch": Field("text", about="name of the patch whose scenes these are"),
        "scenes": Section(SCENE_SLOTS),
    },
    needed=True,
)
SHIPPED = "shipped"
TRIES = 5
"""How often a file is read again that an editor writes at the very same time."""

_HEADER = re.compile(r"\s*\[[^\[\]]+\]\s*(#.*)?")
_ANY_HEADER = re.compile(r"\s*\[\[?[^\[\]]+\]\]?\s*(#.*)?")
_NUMBER = re.compile(r"""^(\s*(?:"[^"]*"|'[^']*'|[\w-]+)\s*=\s*)([^#\s]+)(.*)$""", re.DOTALL)

Raws = Mapping[str, float]


class Kept(NamedTuple):
    """Where a scene was written. ``why`` is empty when that is the patch's own file; SHIPPED, or in words why not."""

    path: Path
    why: str = ""


def with_own_scenes(patch: Patch) -> tuple[Patch, str]:
    """The patch with the scenes that lie in the player's own folder; and what is wrong with those, else empty."""
    path = scene_file(patch.name)
    if not path.is_file():
        return patch, ""
    try:
        own = read_own(path)
    except RosinError as error:
        return patch, str(error)
    scenes = dict(patch.scenes)
    for slot, scene in own.items():
        title = scene.title if scene.title != NO_LABEL or slot not in scenes else scenes[slot].title
        scenes[slot] = Scene(scene.knobs, title)
    return replace(patch, scenes=MappingProxyType(scenes)), ""


def read_own(path: Path) -> dict[int, Scene]:
    """The scenes of a file in the player's own folder. RosinError or ValidationErrors."""
    table = read_toml(path, "scenes file")
    if wrong := check(OWN, table):
        raise ValidationErrors(str(path), wrong)
    return scenes_from(table.get("scenes", {}))


def keep_scene(patch: Patch, slot: int, knobs: Raws) -> Kept:
    """Write a scene, raw by id, into the file of its patch as it is now; in the player's own folder if that cannot be.

    RosinError when it can be written nowhere. A disk may take its time: not for a thread that somebody waits for.
    """
    path, own = Path(patch.path), scene_file(patch.name)
    why = SHIPPED if _is_shipped(path) else ""
    if not why:
        try:
            _rewrite(path, lambda text: with_scene(text, slot, knobs))
        except OSError as error:
            why = error.strerror or str(error)
        except RosinError as error:
            why = str(error)
        else:
            _forget(own, slot)
            return Kept(path)
    try:
        if not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            name = tomlkit.item(patch.name).as_string()
            head = f"# Scenes of a patch whose own file is not written to. Yours to edit.\nschema = 1\npatch = {name}\n"
            write_whole(own, head.encode())
        _rewrite(own, lambda text: with_scene(text, slot, knobs))
    except OSError as error:
        raise RosinError(f"{own} cannot be written ({error.strerror or error}); make its folder writable") from None
    except RosinError as error:
        raise RosinError(f"{own}: {error}" if str(own) not in str(error) else str(error)) from None
    return Kept(own, why)


def _is_shipped(path: Path) -> bool:
    return os.path.realpath(path.parent) == os.path.realpath(shipped("patches"))


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Replace a file by its text changed, in one step. What somebody writes meanwhile is changed in its turn."""
    path = Path(os.path.realpath(path))  # a link to a file kept elsewhere stays a link
    for _ in range(TRIES):
        before, mode = _bytes(path), path.stat().st_mode
        if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            text = before.decode("utf-8")
        except UnicodeDecodeError:
            raise RosinError(f"{path} is not text in UTF-8; save it again as UTF-8") from None
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        line_end = "\r\n" if "\r\n" in text else "\n"
        after = mark + change(text.removeprefix(mark).replace("\r\n", "\n")).replace("\n", line_end)
        if _bytes(path) == before:
            write_whole(path, after.encode())
            return
    raise RosinError(f"{path} is written by somebody else all the time; save the scene again when that is over")


def _bytes(path: Path) -> bytes:
    with open_file(path) as file:
        data = file.read(BYTES_MAX + 1)
    if data is None or len(data) > BYTES_MAX:
        raise RosinError(f"{path} is too large to be a patch; give the path of a patch file")
    return data


def with_scene(text: str, slot: int, knobs: Raws) -> str:
    """TOML in which ``[scenes.N.knobs]`` of the slot says just this. RosinError when it cannot be written into it."""
    try:
        wanted = toml_from(text.encode(), "it", "patch")
        wanted.setdefault("scenes", {}).setdefault(str(slot + 1), {})["knobs"] = dict(knobs)
    except (ValueError, AttributeError, TypeError) as error:
        raise RosinError(f"it is not readable TOML ({error}); mend that place in an editor") from None
    for write in (_by_lines, _by_tomlkit):
        try:
            found = write(text, str(slot + 1), knobs)
            if tomllib.loads(found) == wanted:
                return found
        except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
    raise RosinError(f"it has no place for scenes; write a line [scenes.{slot + 1}.knobs] into it")


def _by_tomlkit(text: str, number: str, knobs: Raws) -> str:
    document: Any = tomlkit.parse(text)
    room = document
    for key in ("scenes", number):
        if key not in room:
            room[key] = tomlkit.table(is_super_table=True)
        room = room[key]
    table = room.get("knobs")
    if table is None:
        table = room["knobs"] = tomlkit.table()
    for id in [id for id in table if id not in knobs]:
        del table[id]
    for id, raw in knobs.items():
        table[id] = raw
    return tomlkit.dumps(document)


def _by_lines(text: str, number: str, knobs: Raws) -> str:
    parts = _parts(text)
    at = next((i for i, part in enumerate(parts) if part.path == ("scenes", number, "knobs")), None)
    if at is not None:
        parts[at].lines[:] = _with_values(parts[at].lines, knobs)
        return "".join(line for part in parts for line in part.lines)
    before = [i for i, part in enumerate(parts) if part.path[:1] == ("scenes",) and part.path[1:2] <= (number,)]
    at = before[-1] + 1 if before else len(parts)
    after = next((i for i, part in enumerate(parts) if part.path[:1] == ("scenes",)), None)
    if not before and after is not None:
        at = after
    head = "".join(line for part in parts[:at] for line in part.lines)
    tail = "".join(line for part in parts[at:] for line in part.lines)
    head += "" if head.endswith("\n") or not head else "\n"
    block = f"[scenes.{number}.knobs]\n" + "".join(map(_line, knobs.items()))
    return head + ("\n" if head else "") + block + ("\n" if tail and not tail.startswith("\n") else "") + tail


class _Part(NamedTuple):
    """A header with what stands above it and below it. ``path``: its keys; () before the first header."""

    path: tuple[str, ...]
    lines: list[str]


def _parts(text: str) -> list[_Part]:
    parts = [_Part((), [])]
    for line in [*re.findall(r"[^\n]*\n|[^\n]+", text), ""]:  # (splitlines would split within comments, at U+2028)
        path = _path(line)
        if path or not line:
            lines = parts[-1].lines
            end = len(lines)
            while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
                end -= 1  # the comments above a header are the header's, those at the end are nobody's
            parts.append(_Part(path, [*lines[end:], line]))
            del lines[end:]
        else:
            parts[-1].lines.append(line)
    return parts


def _path(line: str) -> tuple[str, ...]:
    """The keys of a header; () for any other line."""
    if not _ANY_HEADER.fullmatch(line.rstrip()):
        return ()
    try:
        room: Any = tomllib.loads(line)
    except ValueError:
        return ()
    keys = []
    while room:
        ((key, room),) = room.items() if isinstance(room, Mapping) else room[0].items() if room[0] else (("[]", None),)
        keys.append(key)
    return tuple(keys) if _HEADER.fullmatch(line.rstrip()) else (*keys, "[]")


def _with_values(lines: list[str], knobs: Raws) -> list[str]:
    """The lines of one ``[scenes.N.knobs]`` with these values: what stays the same keeps its very line."""
    left, found, last = dict(knobs), [], 0
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#") or _path(line):
            found.append(line)
            last = len(found) if _path(line) else last
            continue
        ((id, before),) = tomllib.loads(line).items()
        if id not in left:
            continue
        raw = left.pop(id)
        match = _NUMBER.match(line)
        found.append(line if before == raw or match is None else f"{match[1]}{raw!r}{match[3]}")
        last = len(found)
    if last and not found[last - 1].endswith("\n"):
        found[last - 1] += "\n"
    found[last:last] = map(_line, left.items())
    return found


def _line(item: tuple[str, float]) -> str:
    return f"{tomlkit.key(item[0]).as_string()} = {item[1]!r}\n"


def _forget(own: Path, slot: int) -> None:
    """A scene that is in the patch's own file now must not be hidden by one of an earlier day."""
    try:
        if not own.is_file() or slot not in read_own(own):
            return
    except RosinError:  # a file that cannot be read hides nothing
        return

    def without(text: str) -> str:
        document: Any = tomlkit.parse(text)
        del document["scenes"][str(slot + 1)]
        return tomlkit.dumps(document)

    try:
        _rewrite(own, without)
    except OSError as error:
        raise RosinError(f"{own} cannot be written ({error.strerror or error}); make its folder writable") from None
