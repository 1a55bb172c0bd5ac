"""Fetch the sounds the shipped model was trained on, from a Debian package, into ``corpus/`` (which git ignores).

    python scripts/fetch_training_sounds.py                       fetches, checks and unpacks
    python scripts/fetch_training_sounds.py --deb FILE.deb        the same from a package already here

Debian's ``musescore-general-soundfont-lossless`` holds, among much else, the bowed strings of VSCO 2 Community
Edition (CC0). A SoundFont is RIFF: chunk ``shdr`` says where each sample lies in chunk ``smpl`` (16 bit), so nothing
but the standard library is needed to read it. Every sound is checked against the sha256 in scripts/sets/bowed.csv.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import tomlkit

HERE = Path(__file__).resolve().parent
PACKAGE = "musescore-general-soundfont-lossless"
SOUNDFONT = "usr/share/sounds/sf2/MuseScore_General_Full.sf2"
SET = HERE / "sets" / "bowed.csv"


class Sample(NamedTuple):
    """One entry of the SoundFont's sample list; ``first`` and ``last`` count 16-bit words in ``smpl``."""

    name: str
    first: int
    last: int
    rate_hz: int


def chunks(file: BinaryIO, first: int, last: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, position of the data, size) of the RIFF chunks between two places; lists are entered."""
    place = first
    while place + 8 <= last:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name in (b"RIFF", b"LIST"):
            yield from chunks(file, place + 12, place + 8 + size)
        else:
            yield name, place + 8, size
        place += 8 + size + (size & 1)


def read_samples(path: Path, names: set[str]) -> Iterator[tuple[Sample, np.ndarray]]:
    """The named samples of a SoundFont, as int16."""
    with path.open("rb") as file:
        parts = {name: (place, size) for name, place, size in chunks(file, 0, path.stat().st_size)}
        place, size = parts[b"shdr"]
        file.seek(place)
        heads = file.read(size)
        for row in struct.iter_unpack("<20sIIIIIBbHH", heads):
            name = row[0].split(b"\0")[0].decode("latin-1")
            if name in names:
                sample = Sample(name, row[1], row[2], row[5])
                file.seek(parts[b"smpl"][0] + 2 * sample.first)
                yield sample, np.frombuffer(file.read(2 * (sample.last - sample.first)), "<i2")


def soundfont(deb: Path | None, scratch: Path) -> Path:
    """The soundfont file, out of the package given or fetched with apt."""
    if deb is None:
        print(f"fetching {PACKAGE} (330 MB) with apt-get download ...")
        subprocess.run(["apt-get", "download", PACKAGE], cwd=scratch, check=True)
        deb = next(scratch.glob(f"{PACKAGE}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(deb), str(scratch / "package")], check=True)
    return scratch / "package" / SOUNDFONT


def file_name(name: str) -> str:
    """A SoundFont name as a file name: ``G#2`` becomes ``Gs2``."""
    return name.replace("#", "s").replace(" ", "_") + ".wav"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deb", type=Path, help="the package, when it is already here")
    parser.add_argument("--out", type=Path, default=HERE.parent / "corpus" / "bowed", help="where the sounds go")
    args = parser.parse_args()
    with SET.open(encoding="utf-8", newline="") as file:
        wanted = {row["sound"]: row for row in csv.DictReader(file)}
    args.out.mkdir(parents=True, exist_ok=True)
    entries = tomlkit.aot()
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        for sample, words in read_samples(soundfont(args.deb, Path(scratch)), set(wanted)):
            row = wanted.pop(sample.name)
            if hashlib.sha256(words.tobytes()).hexdigest() != row["sha256"]:
                wrong.append(sample.name)
                continue
            path = args.out / file_name(sample.name)
            with wave.open(str(path), "wb") as out:
                out.setparams((1, 2, sample.rate_hz, len(words), "NONE", ""))
                out.writeframes(words.tobytes())
            entries.append(
                tomlkit.item(
                    {
                        "file": path.name,
                        "title": f"VSCO 2 CE: {sample.name}",
                        "author": row["author"],
                        "source": row["source"],
                        "licence": row["licence"],
                        "consent": "dedicated to the public domain by its authors (CC0 1.0)",
                        "seconds": round(len(words) / sample.rate_hz, 3),
                        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                        "held_out": row["held_out"] == "yes",
                    }
                )
            )
    if wrong or wanted:
        names = ", ".join([*wrong, *wanted][:5])
        print(f"{len(wrong)} sounds differ and {len(wanted)} are missing ({names}): the package has changed; "
              "take version 0.2.1-1 of it", file=sys.stderr)  # fmt: skip
        return 1
    document = tomlkit.document()
    document["sounds"] = entries
    (args.out / "credits.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
    print(f"{len(entries)} sounds and their credits are in {args.out}; train with: rosin train {args.out} --name N")
    return 0


if __name__ == "__main__":
    sys.exit(main())
