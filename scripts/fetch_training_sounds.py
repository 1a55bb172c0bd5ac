"""Fetch the sounds of a training set from Debian packages into ``corpus/SET`` (which git ignores), with credits.

    python scripts/fetch_training_sounds.py                        bowed strings (330 MB)
    python scripts/fetch_training_sounds.py struck metal           more sets; their packages are fetched once
    python scripts/fetch_training_sounds.py struck --deb FILE.deb  from a package already here

``data/corpora/SET.csv`` lists each set sound by sound: title, author, package, place in it, licence, source, consent,
length, sha256, whether it is held out and, where it is known, the note it is. Every sound is checked against its
sha256, so any version of a package serves that holds the same sounds. A .deb is an ``ar`` archive with a tar inside,
which the standard library reads.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import tomlkit
from rich.console import Console
from rich.progress import Progress

from instrument.base.errors import RosinError
from instrument.model.library.card import CREDITS
from instrument.training.data import soundfont

HERE = Path(__file__).resolve().parent
LISTS = HERE.parent / "data" / "corpora"
SETS = ("bowed", "struck", "strums", "metal")
CREDITED = ("title", "author", "source", "licence", "consent")
AR_MAGIC, AR_HEAD = b"!<arch>\n", 60


class Part(io.RawIOBase):
    """A stretch of an open file, read forwards; says how far it is."""

    def __init__(self, file: BinaryIO, size: int, bar: Progress, task: object) -> None:
        self.file, self.left, self.bar, self.task = file, size, bar, task

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        self.bar.advance(self.task, len(data))  # type: ignore[arg-type]
        return data


def rows_of(name: str) -> list[dict[str, str]]:
    """The committed list of a set."""
    with (LISTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def unpack(deb: Path, wanted: set[str], into: Path, bar: Progress) -> None:
    """Write the wanted files of a Debian package under ``into``; those that it lacks are not written."""
    with deb.open("rb") as file:
        if file.read(8) != AR_MAGIC:
            raise RosinError(f"{deb} is no Debian package; fetch it again")
        while len(head := file.read(AR_HEAD)) == AR_HEAD:
            name, size = head[:16].decode("ascii", "replace").strip(" /"), int(head[48:58])
            if not name.startswith("data.tar"):
                file.seek(size + (size & 1), 1)
                continue
            task = bar.add_task(deb.name.split("_")[0], total=size)
            left = set(wanted)
            try:
                with tarfile.open(fileobj=Part(file, size, bar, task), mode="r|*") as tar:
                    for member in tar:
                        path = member.name.removeprefix("./")
                        if path in left and member.isfile():
                            (into / path).parent.mkdir(parents=True, exist_ok=True)
                            with (into / path).open("wb") as out:
                                shutil.copyfileobj(tar.extractfile(member), out, 1 << 20)  # type: ignore[arg-type]
                            left.remove(path)
                            if not left:
                                break
            except (tarfile.TarError, EOFError, OSError) as error:
                raise RosinError(
                    f"{deb} is damaged or packed in a way not read here ({error}); fetch it again"
                ) from None
            bar.update(task, completed=size)
            return
    raise RosinError(f"{deb} holds no files; fetch it again")


def package(name: str, given: list[Path], scratch: Path) -> Path:
    """The package's file: one of those given, or fetched with apt."""
    for deb in given:
        if deb.name.startswith(name + "_"):
            return deb
    if shutil.which("apt-get") is None:
        raise RosinError(f"there is no apt-get here; fetch {name} from packages.debian.org and give it with --deb FILE")
    print(f"fetching {name} with apt-get download ...", file=sys.stderr)
    done = subprocess.run(["apt-get", "download", "-qq", name], cwd=scratch, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RosinError(f"{name} could not be fetched ({why}); mend that, or give the package with --deb FILE")
    return next(scratch.glob(f"{name}_*.deb"))


def sounds(rows: list[dict[str, str]], root: Path) -> Iterator[tuple[dict[str, str], bytes, int]]:
    """(row, the data its sha256 is of, rate in Hz or 0 for a whole file) of each sound; empty data when missing."""
    fonts: dict[str, tuple[soundfont.SoundFont, dict[str, soundfont.Sample]]] = {}
    for row in rows:
        inside, _, name = row["inside"].partition("#")
        path = root / inside
        if not path.is_file():
            yield row, b"", 0
        elif not name:
            yield row, path.read_bytes(), 0
        else:
            if inside not in fonts:
                font = soundfont.open_soundfont(path)
                fonts[inside] = font, {sample.name: sample for sample in font.samples}
            font, samples = fonts[inside]
            yield (
                row,
                soundfont.raw(font, samples[name]) if name in samples else b"",
                (samples[name].rate_hz if name in samples else 0),
            )


def write_set(rows: list[dict[str, str]], root: Path, out: Path) -> None:
    """Check every sound, then write them and their credits. RosinError, and nothing written, when any is wrong."""
    good, missing, changed = [], [], []
    for row, data, rate_hz in sounds(rows, root):
        if not data:
            missing.append(row["sound"])
        elif hashlib.sha256(data).hexdigest() != row["sha256"]:
            changed.append(row["sound"])
        else:
            good.append((row, data, rate_hz))
    for names, what in ((changed, "differ from the list"), (missing, "are missing")):
        if names:
            said = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
            raise RosinError(
                f"{len(names)} of {len(rows)} sounds {what} ({said}), so nothing was written; take the version of the "
                "package that data/corpora/README.md names"
            )
    out.mkdir(parents=True, exist_ok=True)
    entries = tomlkit.aot()
    for row, data, rate_hz in good:
        path = out / row["sound"]
        if rate_hz:
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, rate_hz, len(data) // 2, "NONE", ""))
                file.writeframes(data)
        else:
            path.write_bytes(data)
        entry = {"file": path.name, **{key: row[key] for key in CREDITED}, "seconds": float(row["seconds"])}
        entry |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "held_out": row["held_out"] == "yes"}
        if row.get("note"):
            entry["note"] = int(row["note"])
        entries.append(tomlkit.item(entry))
    document = tomlkit.document()
    document["sounds"] = entries
    (out / CREDITS).write_text(tomlkit.dumps(document), encoding="utf-8")


def fetch(names: list[str], given: list[Path], out: Path) -> None:
    """Fetch, check and write whole sets."""
    lists = {name: rows_of(name) for name in names}
    wanted: dict[str, set[str]] = {}
    for row in (row for rows in lists.values() for row in rows):
        wanted.setdefault(row["package"], set()).add(row["inside"].partition("#")[0])
    if strange := [deb for deb in given if not any(deb.name.startswith(name + "_") for name in wanted)]:
        raise RosinError(
            f"{strange[0].name} is none of {', '.join(wanted)}; leave it out, or give it its own name again"
        )
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "files"
        debs = {name: package(name, given, Path(scratch)) for name in wanted}
        with Progress(console=Console(stderr=True)) as bar:
            for name, deb in debs.items():
                unpack(deb, wanted[name], root, bar)
        for name, rows in lists.items():
            write_set(rows, root, out / name)
            minutes, held = sum(float(r["seconds"]) for r in rows) / 60, sum(r["held_out"] == "yes" for r in rows)
            print(f"{out / name}: {len(rows)} sounds, {minutes:.1f} minutes, {held} held out, with their credits")
            print(f"train with: rosin train {out / name} --name NAME")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"which sets: {', '.join(SETS)} (bowed)")
    parser.add_argument("--deb", type=Path, action="append", default=[], help="a package already here; may be repeated")
    parser.add_argument("--out", type=Path, default=HERE.parent / "corpus", help="where the sets go (corpus)")
    args = parser.parse_args()
    try:
        names = list(dict.fromkeys(args.sets)) or ["bowed"]
        if unknown := [name for name in names if name not in SETS]:
            raise RosinError(f"there is no set {unknown[0]!r}; there are {', '.join(SETS)}")
        if lost := [deb for deb in args.deb if not deb.is_file()]:
            raise RosinError(f"{lost[0]} is not there; check the name, or leave --deb out to fetch it")
        fetch(names, args.deb, args.out)
    except RosinError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
