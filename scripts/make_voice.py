"""Make the voice that is nobody's: twenty minutes of computed singing in ``corpus/voice`` (which git ignores).

    python scripts/make_voice.py            240 clips of 2 to 8 s, 48 kHz, with their credits; half a minute of work

Eight throats sing thirty clips each: held notes over their whole range, vowels that glide into each other, slides,
syllables with s, sh, f and h, whispers. Every choice is a Philox word, so every run writes the same bytes; each file is
compared with ``data/corpora/voice.csv``, which also says which tenth is held out. The sound is made in
instrument/training/data/formant.py.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tomlkit
from rich.console import Console
from rich.progress import track

from instrument.chance.words import stream_id, uniform, words
from instrument.model.library.card import CREDITS
from instrument.training.data.formant import RATE, THROATS, VOWELS, Song, Throat, sing

HERE = Path(__file__).resolve().parent
LIST = HERE.parent / "data" / "corpora" / "voice.csv"
COLUMNS = ["sound", "title", "author", "package", "inside", "licence", "source", "consent", "seconds", "sha256"]
COLUMNS += ["held_out"]
CLIPS = 30
SHORTEST_S, LONGEST_S = 2.0, 8.0
SHARES = (("hold", 11), ("vowels", 8), ("slide", 6), ("syllables", 3), ("whisper", 2))
CREDIT = {
    "author": "Rosin developers",
    "source": "computed by scripts/make_voice.py",
    "licence": "CC0-1.0",
    "consent": "computed: no person was recorded",
}


class Dice:
    """Uniform words of one clip, one after the other."""

    def __init__(self, name: str) -> None:
        self.values = [float(uniform(word)) for word in words(0, stream_id(f"voice/{name}"), 0, 256)]

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.values.pop()

    def vowel(self, last: str = "") -> str:
        others = [vowel for vowel in VOWELS if vowel != last]
        return others[int(self.between(0, len(others)))]


def swell(dice: Dice, seconds: float) -> tuple[tuple[float, float], ...]:
    """Soft or loud, growing or fading."""
    return tuple((part * seconds, dice.between(0.25, 1.0)) for part in (0.0, 0.5, 1.0))


def song(throat: Throat, kind: str, part: float, seconds: float, dice: Dice) -> Song:
    """One clip. ``part``: how far up the range it begins, 0 to 1."""
    span = throat.high - throat.low
    note, vowel = round(throat.low + part * span), dice.vowel()
    notes: list[tuple[float, float]] = [(0.0, note)]
    vowels = [(0.0, vowel)]
    effort, voiced, breath, hiss = swell(dice, seconds), [(0.0, 1.0)], [(0.0, 0.0)], []
    if kind == "vowels":
        for at in np.linspace(0.0, seconds, 5)[1:-1]:
            glide = dice.between(0.08, 0.5)
            vowels += [(at - glide, vowel), (at, vowel := dice.vowel(vowel))]
    if kind == "slide":
        for at in np.linspace(0.0, seconds, 4)[1:-1]:
            glide, last = dice.between(0.1, 0.9) * seconds / 4, notes[-1][1]
            notes += [(at - glide, last), (at, round(dice.between(throat.low, throat.high)))]
            vowels += [(at - glide, vowel), (at, vowel := dice.vowel(vowel))]
    if kind == "syllables":
        voiced, at = [(0.0, 0.0)], 0.05
        while at < seconds - 0.5:
            length, letter = dice.between(0.09, 0.2), ("s", "sh", "f", "h")[int(dice.between(0, 4))]
            hiss.append((at, at + length, letter))
            if letter == "h":
                breath += [(at, 0.0), (at + 0.02, 0.6), (at + length, 0.0)]
            on, off = at + length, min(seconds - 0.1, at + length + dice.between(0.35, 0.9))
            voiced += [(on - 0.01, 0.0), (on + 0.04, 1.0), (off - 0.04, 1.0), (off, 0.0)]
            vowels += [(on, vowel), (off, vowel := dice.vowel(vowel))]
            notes += [(on, notes[-1][1]), (off, notes[-1][1]), (off + 0.02, round(note + dice.between(-4, 4)))]
            at = off + 0.04
    if kind == "whisper":
        voiced, breath = [(0.0, 0.0)], [(0.0, 1.0)]
        for at in np.linspace(0.0, seconds, 4)[1:]:
            vowels.append((at, vowel := dice.vowel(vowel)))
    return Song(seconds, tuple(notes), tuple(vowels), effort, tuple(voiced), tuple(breath), tuple(hiss))


def plan() -> Iterator[tuple[str, str, Throat, Song]]:
    """(file name, title, throat, song) of every clip."""
    kinds = [(kind, i / max(1, count - 1)) for kind, count in SHARES for i in range(count)]
    for number, throat in enumerate(THROATS, 1):
        for i, (kind, part) in enumerate(kinds):
            file = f"{throat.name.replace(' ', '-')}-{i + 1:02d}-{kind}.wav"
            seconds = SHORTEST_S + (LONGEST_S - SHORTEST_S) * ((i * 7 + number) % CLIPS) / (CLIPS - 1)
            score = song(throat, kind, part, round(seconds, 2), Dice(file))
            sung = " ".join(dict.fromkeys(vowel for _, vowel in score.vowels))
            yield file, f"Nobody {number}, {throat.name}: {kind} ({sung})", throat, score


def write_clip(path: Path, throat: Throat, score: Song) -> str:
    """Compute one clip and write it, 16 bit; returns the sha256 of the file."""
    audio = sing(throat, score, path.name)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, len(audio), "NONE", ""))
        file.writeframes(np.round(audio.astype(np.float64) * 32767.0).astype("<i2").tobytes())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def known() -> dict[str, dict[str, str]]:
    """The committed list, by file name."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return {row["sound"]: row for row in csv.DictReader(file)}


def write_list(rows: list[dict[str, object]]) -> None:
    """Write data/corpora/voice.csv anew: after a change of the sound, never to silence a difference."""
    lowest = sorted(str(row["sha256"]) for row in rows)[: round(len(rows) / 10)]
    for row in rows:
        row |= {"package": "", "inside": "", "held_out": "yes" if row["sha256"] in lowest else "no"}
    with LIST.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "corpus" / "voice", help="where the clips go")
    parser.add_argument("--list", action="store_true", help="write data/corpora/voice.csv anew (for developers)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for file, title, throat, score in track(
        list(plan()), "singing", console=Console(stderr=True), disable=not sys.stderr.isatty()
    ):
        digest = write_clip(args.out / file, throat, score)
        rows.append({"sound": file, "title": title, **CREDIT, "seconds": score.seconds, "sha256": digest})
    if args.list:
        write_list(rows)
    listed = known()
    entries = tomlkit.aot()
    for row in rows:
        file = str(row["sound"])
        held_out = listed.get(file, {}).get("held_out") == "yes"
        credit = {key: row[key] for key in ("title", *CREDIT, "seconds", "sha256")}
        entries.append(tomlkit.item({"file": file, **credit, "held_out": held_out}))
    document = tomlkit.document()
    document["sounds"] = entries
    (args.out / CREDITS).write_text(tomlkit.dumps(document), encoding="utf-8")
    minutes = sum(float(str(row["seconds"])) for row in rows) / 60
    print(f"{args.out}: {len(rows)} clips, {minutes:.1f} minutes, computed, CC0-1.0")
    if other := [row for row in rows if listed.get(str(row["sound"]), {}).get("sha256") != row["sha256"]]:
        print(
            f"{len(other)} clips differ from data/corpora/voice.csv in some bits: this processor or these libraries "
            "round otherwise; they serve as well",
            file=sys.stderr,
        )
    print(f"train with: rosin train {args.out} --name NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main())
