"""The script that fetches training sounds believes no sound it cannot check, and its lists credit every one."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import tarfile
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from test_training_soundfont import font_bytes, words_of
from training_sounds import RATE, tone

from instrument.base.errors import RosinError
from instrument.model.library import licences

ROOT = Path(__file__).resolve().parent.parent
SF = "usr/share/sounds/sf2/small.sf2"
FLAC = "usr/share/sounds/hit.flac"
ROW = {"title": "T", "author": "A", "package": "p-q", "licence": "CC0-1.0", "source": "s", "consent": "c"}


@pytest.fixture(scope="module")
def fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_sounds", ROOT / "scripts" / "fetch_training_sounds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_deb(path: Path, files: dict[str, bytes], how: str = "xz") -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{how}") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo("./" + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    out = b"!<arch>\n"
    for name, data in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (f"data.tar.{how}", packed.getvalue())):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) & 1)
    path.write_bytes(out)


@pytest.fixture
def world(fetch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two sounds, the list that knows them, and nowhere else to look."""
    words = words_of(tone(60, 0.4))
    flac = io.BytesIO()
    soundfile.write(flac, tone(40, 0.3), RATE, format="FLAC")
    write_deb(tmp_path / "p-q_1_all.deb", {"usr/x": b"x", SF: font_bytes([(b"C 4#", words, RATE, None, 1, 0)]),
                                           FLAC: flac.getvalue()})  # fmt: skip
    rows = [
        {"sound": "C_4s.wav", **ROW, "inside": SF + "#C 4#", "seconds": "0.4", "held_out": "no",
         "sha256": hashlib.sha256(words).hexdigest(), "note": "60"},
        {"sound": "hit.flac", **ROW, "inside": FLAC, "seconds": "0.3", "held_out": "yes",
         "sha256": hashlib.sha256(flac.getvalue()).hexdigest(), "note": ""},
    ]  # fmt: skip
    (tmp_path / "lists").mkdir()
    with (tmp_path / "lists" / "bowed.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    monkeypatch.setattr(fetch, "LISTS", tmp_path / "lists")
    return tmp_path


def test_sounds_come_out_of_a_package_checked_and_credited(fetch: ModuleType, world: Path) -> None:
    fetch.fetch(["bowed"], [world / "p-q_1_all.deb"], world / "corpus")
    folder = world / "corpus" / "bowed"
    sounds = tomllib.loads((folder / "credits.toml").read_text())["sounds"]
    assert [(s["file"], s["held_out"]) for s in sounds] == [("C_4s.wav", False), ("hit.flac", True)]
    assert [s.get("note") for s in sounds] == [60, None]
    for s in sounds:
        assert s["sha256"] == hashlib.sha256((folder / s["file"]).read_bytes()).hexdigest()
        assert s["author"] == "A"
    audio, rate = soundfile.read(folder / "C_4s.wav")
    assert rate == RATE
    assert np.abs(audio - tone(60, 0.4)).max() < 1e-4
    pytest.importorskip("scipy")
    from instrument.training.data.corpus import read_corpus

    corpus = read_corpus(folder, RATE, 128)
    assert [c.name for c in corpus.held_out] == ["hit.flac"]
    assert corpus.warnings == ()


@pytest.mark.parametrize(("column", "value", "said"), [
    ("sha256", "0" * 64, r"1 of 2 sounds differ from the list \(C_4s\.wav\)"),
    ("inside", SF + "#D 4", r"1 of 2 sounds are missing \(C_4s\.wav\)"),
    ("inside", "usr/share/gone.sf2#D 4", r"1 of 2 sounds are missing \(C_4s\.wav\)"),
])  # fmt: skip
def test_a_changed_or_missing_sound_is_one_sentence_and_nothing_is_written(
    fetch: ModuleType, world: Path, column: str, value: str, said: str
) -> None:
    rows = fetch.rows_of("bowed")
    rows[0][column] = value
    with (world / "lists" / "bowed.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    with pytest.raises(RosinError, match=said + ", so nothing was written; take"):
        fetch.fetch(["bowed"], [world / "p-q_1_all.deb"], world / "corpus")
    assert not (world / "corpus").exists()


@pytest.mark.parametrize("damage", [lambda d: b"no package", lambda d: d[:-900], lambda d: d[:90]])
def test_a_broken_package_is_one_sentence(fetch: ModuleType, world: Path, damage: object) -> None:
    deb = world / "p-q_1_all.deb"
    deb.write_bytes(damage(deb.read_bytes()))  # type: ignore[operator]
    with pytest.raises(RosinError, match="; fetch it again"):
        fetch.fetch(["bowed"], [deb], world / "corpus")


def test_a_package_that_no_set_asks_for_is_not_passed_over_in_silence(fetch: ModuleType, world: Path) -> None:
    other = world / "renamed.deb"
    other.write_bytes((world / "p-q_1_all.deb").read_bytes())
    with pytest.raises(RosinError, match=r"renamed\.deb is none of p-q; leave it out"):
        fetch.fetch(["bowed"], [other], world / "corpus")


def test_without_apt_it_says_where_to_fetch_the_package(
    fetch: ModuleType, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda _: None)
    with pytest.raises(RosinError, match=r"fetch p-q from packages\.debian\.org and give it with --deb"):
        fetch.fetch(["bowed"], [], world / "corpus")


@pytest.mark.parametrize(("name", "count", "minutes"), [
    ("bowed", 332, 21.7), ("struck", 246, 14.5), ("strums", 296, 10.3), ("metal", 343, 6.0), ("voice", 240, 20.0),
])  # fmt: skip
def test_the_lists_credit_every_sound_and_hold_out_the_tenth_of_lowest_hash(
    fetch: ModuleType, name: str, count: int, minutes: float
) -> None:
    rows = fetch.rows_of(name)
    assert len(rows) == len({row["sha256"] for row in rows}) == len({row["sound"] for row in rows}) == count
    assert sum(float(row["seconds"]) for row in rows) / 60 == pytest.approx(minutes, abs=0.05)
    for row in rows:
        assert all(row[key] for key in ("title", "author", "licence", "source", "consent"))
        assert licences.refusal_to_learn(row["licence"]) == ""
        assert not set("/\\ #") & set(row["sound"])
    lowest = set(sorted(row["sha256"] for row in rows)[: round(count / 10)])
    assert {row["sha256"] for row in rows if row["held_out"] == "yes"} == lowest
