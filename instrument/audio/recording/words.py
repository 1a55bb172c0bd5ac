"""Tape words: what a recording says of itself and of its disk: INFO strings, a file's name, why it ended."""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

SOFTWARE = "Rosin"


def info(metadata: Mapping[str, str], now: datetime.datetime) -> dict[str, str]:
    """INFO strings by soundfile's names. WAV has none for a licence: it stands with the copyright."""
    rest = {key: str(text) for key, text in metadata.items() if text}
    licence = rest.pop("licence", "") or rest.pop("license", "")
    rights = ". ".join(part for part in (rest.pop("copyright", ""), licence and f"Licence: {licence}") if part)
    info: dict[str, str] = {key: rest.pop(key) for key in ("title", "artist", "album", "genre") if key in rest}
    comment = [rest.pop("comment", ""), *(f"{key}: {text}" for key, text in rest.items())]
    info["comment"] = "\n".join(line for line in comment if line)
    info["copyright"] = rights
    info["software"] = SOFTWARE
    info["date"] = f"{now:%Y-%m-%d}"
    return {key: text.replace("\0", " ") for key, text in info.items() if text}


def readable(path: Path) -> bool:
    """Whether a WAV file has its header."""
    with path.open("rb") as file:
        return len(file.read(44)) == 44


def free_below(folder: Path, floor: int) -> int:
    """The bytes below which the disk of a folder has come, 0 while there is more: ``floor``, of a small disk a tenth of
    it. One that cannot tell has room."""
    try:
        usage = shutil.disk_usage(folder) if floor else None
    except OSError:
        usage = None
    if usage is None:
        return 0
    floor = min(floor, usage.total // 10)
    return floor if usage.free < floor else 0


def room(floor: int) -> str:
    return f"less than {max(1, floor >> 20)} MB left on its disk"


def plain(name: str) -> str:
    """A patch's name as part of a file's."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "take"


def reason(error: BaseException) -> str:
    """The system's own words, without the file's name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return (str(error) or repr(error)).split("\n")[0].rstrip(".").lower()
