"""Files: which sounds a folder holds, by the names its credits use, and what of it is passed over.
Before the credits check.

What libsndfile reads is a sound, and a SoundFont is many. Everything else that looks like sound is named in a sentence,
once for each kind, with what to do about it: nothing is passed over without a word.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from instrument.training.data import soundfont
from instrument.training.data.wording import shown, some

_SUFFIXES = {
    "WAV": ".wav .wave .bwf", "WAVEX": "", "FLAC": ".flac", "OGG": ".ogg .oga .opus", "MP3": ".mp3", "CAF": ".caf",
    "AIFF": ".aif .aiff .aifc", "AU": ".au .snd", "W64": ".w64", "RF64": ".rf64", "VOC": ".voc", "AVR": ".avr",
    "SVX": ".iff .8svx .svx", "PAF": ".paf", "PVF": ".pvf", "IRCAM": ".sf", "NIST": ".sph .nist", "SD2": ".sd2",
    "SDS": ".sds", "MPC2K": ".snd", "WVE": ".wve", "XI": ".xi",
}  # fmt: skip
"""By libsndfile's names of formats. RAW, HTK and MATLAB's are left out: such files say nothing of a sound in them."""

SUFFIXES = {
    suffix for name in soundfile.available_formats() for suffix in _SUFFIXES.get(name, "").split()
} | soundfont.SUFFIXES

CONVERT = "no sound that is read here; convert with: ffmpeg -i {name} {made}"
UNPACK = "packed; unpack it and give the .sf2 file in it"
NOTES = "notes and no sound; play it on an instrument and give the recording"
NAMES = "a text that names samples; the samples in the folder count, it does not"
PASSED_OVER = {
    **dict.fromkeys((".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".dsf", ".dff", ".mka", ".mkv", ".mov", ".webm",
                     ".ac3", ".dts", ".amr", ".alac", ".tta", ".mpc", ".spx", ".ra", ".raw", ".pcm"), CONVERT),
    **dict.fromkeys((".sfark", ".sfpack", ".sf2pack"), UNPACK),
    **dict.fromkeys((".mid", ".midi"), NOTES),
    ".sfz": NAMES,
    **dict.fromkeys((".gig", ".dls", ".nki", ".exs"), "no instrument that is read here; export its samples as WAV"),
}  # fmt: skip
"""What is known by its suffix and what it is instead."""
SAMPLE_OF = re.compile(r"(.+\.sf[23])(?:#(.+))?", re.IGNORECASE | re.DOTALL)
"""How credits name a SoundFont, or one sample of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """Sounds by their place in the folder (``sub/take.wav``), sorted; and what is passed over, a sentence each."""

    files: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    spelled: dict[str, list[str]] = field(default_factory=dict)
    """Of each name in composed Unicode (NFC), how the disk spells it: a Mac writes an é as two characters."""

    def on_disk(self, name: str) -> str:
        """What the file is called here that the credits call ``name``; itself when nothing is called so."""
        if name in self.files:
            return name
        same = self.spelled.get(composed(name), [])
        return same[0] if len(same) == 1 else name


def composed(name: str) -> str:
    """In composed Unicode."""
    return unicodedata.normalize("NFC", name)


def _walk(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """(place, path, what is wrong) of all that is not hidden. Folders that are links are entered, each folder once."""
    entered: set[tuple[int, int]] = set()
    waiting = [("", folder)]
    while waiting:
        place, here = waiting.pop()
        try:
            at = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name) if here.is_dir() else []
        except OSError as error:
            yield place.rstrip("/"), here, f"cannot be entered ({error.strerror})"
            continue
        if (at.st_dev, at.st_ino) in entered:  # a link in a circle, or a second way to the same
            continue
        entered.add((at.st_dev, at.st_ino))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):  # (entry.is_dir raises for a link to itself)
                waiting.append((f"{place}{entry.name}/", Path(entry.path)))
            else:
                yield place + entry.name, Path(entry.path), ""


def _wrong(name: str, path: Path) -> str:
    """Why a file with a sound's suffix is none, or empty."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"cannot be read ({error.strerror}); put it back or take its name away"
    if not stat.S_ISREG(mode):
        return "is no file but a pipe or a device; take it away"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is no UTF-8, which no credit can say; rename it (convmv does it for whole folders)"
    return ""


def files_in(folder: Path) -> Found:
    """All of a folder and of the folders in it."""
    files: list[str] = []
    passed: list[str] = []
    kinds: dict[str, list[str]] = {}
    for place, path, wrong in _walk(folder):
        suffix = path.suffix.lower()
        if not wrong and suffix in PASSED_OVER:
            kinds.setdefault(suffix, []).append(place)
        elif not wrong and suffix not in SUFFIXES:
            continue  # a picture, a text: nobody would take it for a sound
        elif wrong := wrong or _wrong(place, path):
            passed.append(f"{shown(place)} {wrong}")
        else:
            files.append(place)
    return found(files, [*sorted(passed), *(passed_over(names) for _, names in sorted(kinds.items()))])


def found(files: Iterable[str], passed: Iterable[str] = ()) -> Found:
    """Of names."""
    spelled: dict[str, list[str]] = {}
    for file in sorted(files):
        spelled.setdefault(composed(file), []).append(file)
    return Found(tuple(sorted(files)), tuple(passed), spelled)


def passed_over(names: list[str]) -> str:
    """The sentence for files of one kind."""
    first = Path(names[0])
    name, made = (shlex.quote(shown(part)) for part in (first.name, f"{first.stem}.flac"))
    what = PASSED_OVER[first.suffix.lower()].format(name=name, made=made)
    return f"{some(names)}: a {first.suffix.lower()} file is {what}"
