"""A bundle is the model it was packed from, the same bytes anywhere; what is none is a sentence and leaves nothing."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import PlainNoise, tiny_card, tiny_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import instrument.base.compiled  # noqa: F401  (finds the machine code of the laws before the cache is another)
from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.model.library import bundle, bundle_reader
from instrument.model.library.bundle import cache_folder, cached, pack, unpack
from instrument.model.library.bundle_reader import ENTRIES_MOST, MANIFEST, SUFFIX, read_manifest
from instrument.model.library.card import CARD, CREDITS, read_card, write_card
from instrument.model.library.finder import ancestors, cards, find, open_folder, open_voice, user_folder
from instrument.model.library.lineage import Ancestor, ancestors_from
from instrument.model.library.listed import sha256_of
from instrument.model.report.verify import verify

PARENT = Ancestor("a" * 64, "tide")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of its own: home, cache, rig."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.delenv("ROSIN_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(machine: Path) -> Path:
    tiny_model(machine / "river", card=tiny_card(name="river", derived_from=(PARENT, "b" * 64)))
    return machine / "river"


@pytest.fixture
def packed(folder: Path, machine: Path) -> Path:
    pack(folder, machine / f"river{SUFFIX}")
    return machine / f"river{SUFFIX}"


def everything(place: Path) -> dict[str, str]:
    """Path and hash of every file, and every folder, under a place."""
    return {str(p.relative_to(place)): sha256_of(p) if p.is_file() else "" for p in sorted(place.rglob("*"))}


# --- packing


def test_what_is_packed_comes_out_as_it_was(folder: Path, packed: Path, machine: Path) -> None:
    made = unpack(packed, machine / "there")
    assert made == machine / "there" / "river"
    assert everything(made) == everything(folder)
    assert [p.name for p in (machine / "there").iterdir()] == ["river"], "nothing beside it"


def test_the_same_model_is_the_same_bytes_whenever_and_wherever_it_is_packed(folder: Path, machine: Path) -> None:
    pack(folder, machine / f"one{SUFFIX}")
    away = shutil.copytree(folder, machine / "deep" / "elsewhere")
    for path in away.iterdir():
        os.utime(path, (1, 1))
        path.chmod(0o600)
    (away / "notes.txt").write_text("not of the model")
    pack(away, machine / f"two{SUFFIX}")
    assert (machine / f"one{SUFFIX}").read_bytes() == (machine / f"two{SUFFIX}").read_bytes()
    unpack(machine / f"one{SUFFIX}", machine / "out")
    pack(machine / "out" / "river", machine / f"three{SUFFIX}")
    assert (machine / f"one{SUFFIX}").read_bytes() == (machine / f"three{SUFFIX}").read_bytes()


def test_any_unzip_gives_a_folder_that_plays(packed: Path, machine: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(machine / "by hand")
    voice = open_folder(machine / "by hand" / "river", noise=PlainNoise(), providers="cpu")
    assert voice.credited


def test_the_manifest_says_what_is_inside_and_where_it_comes_from(folder: Path, packed: Path) -> None:
    told, card = read_manifest(packed), read_card(folder)
    assert (told.name, told.sha256, told.licence) == ("river", card.sha256, "CC0-1.0")
    assert told.files == {CARD: card.sha256, **card.files}
    assert told.sounds_licences == ("CC0-1.0", "CC-BY-4.0")
    assert [(one, getattr(one, "name", None)) for one in told.derived_from] == [("a" * 64, "tide"), ("b" * 64, "")]


def test_what_is_not_whole_is_not_packed(folder: Path, machine: Path) -> None:
    out = machine / f"x{SUFFIX}"
    with pytest.raises(RosinError, match=r"does not end with \.rosin\.zip"):
        pack(folder, machine / "x.zip")
    out.write_text("mine")
    with pytest.raises(RosinError, match="is there already"):
        pack(folder, out)
    assert out.read_text() == "mine"
    out.unlink()
    with pytest.raises(RosinError, match="cannot be written"):
        pack(folder, machine / "no" / f"x{SUFFIX}")
    (folder / "decode.onnx").write_bytes(b"other")
    with pytest.raises(RosinError, match="not the file its card was written for"):
        pack(folder, out)
    (folder / "decode.onnx").unlink()
    with pytest.raises(RosinError, match="is missing"):
        pack(folder, out)
    assert [p.name for p in machine.iterdir()] == ["river"]


def test_a_model_without_credits_is_packed_only_when_told_to(machine: Path) -> None:
    tiny_model(machine / "orphan", credits=None)
    out = machine / f"orphan{SUFFIX}"
    with pytest.raises(RosinError, match="nobody knows whose sounds"):
        pack(machine / "orphan", out)
    assert not out.exists()
    pack(machine / "orphan", out, allow_uncredited=True)
    with pytest.raises(RosinError, match="nobody knows whose sounds"):
        open_folder(out, noise=PlainNoise(), providers="cpu")
    assert not open_folder(out, noise=PlainNoise(), providers="cpu", allow_uncredited=True).credited


# --- playing from a bundle


def test_a_bundle_among_the_models_is_a_model(packed: Path, machine: Path) -> None:
    user_folder().mkdir(parents=True)
    shutil.move(packed, user_folder() / packed.name)
    shutil.rmtree(machine / "river")
    card = find("river")[1]
    assert find(packed.name)[1].sha256 == find("other", card.sha256)[1].sha256 == card.sha256
    assert "river" in [c.name for _, c in cards() if not isinstance(c, RosinError)]
    voice = open_voice("river", card.sha256, noise=PlainNoise(), providers="cpu")
    assert voice.credited
    with pytest.raises(RosinError, match="wants the model 'river' with sha256 ffffffffffff"):
        find("river", "f" * 64)


def test_a_patch_plays_a_bundle_from_the_models_folder(
    packed: Path, machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSIN_MODELS", str(machine / "models"))
    (machine / "models").mkdir()
    card = read_card(machine / "river")
    shutil.move(packed, machine / "models" / packed.name)
    for name in ("river", f"river{SUFFIX}"):
        model = f'{{ name = "{name}", sha256 = "{card.sha256}" }}'
        (machine / "p.toml").write_text(f'schema = 1\nname = "p"\nmodel = {model}\nvoice.sounds = "always"\n')
        assert main(["render", "./p.toml", "-o", "a.wav", "--seconds", "0.05"]) == 0
    capsys.readouterr()
    assert main(["models", "verify", "river"]) == 0
    assert main(["models", "verify", str(machine / "models" / packed.name)]) == 0
    assert "bundle: river.rosin.zip holds what it says" in capsys.readouterr().out


def test_it_is_unpacked_once_and_again_only_when_what_was_unpacked_is_not_whole(packed: Path, machine: Path) -> None:
    made = cached(packed)
    assert cache_folder() in made.parents
    assert str(cache_folder()).startswith(str(machine / "cache"))
    before = (made / "decode.onnx").stat()
    assert cached(packed) == made
    assert (made / "decode.onnx").stat().st_ino == before.st_ino, "not written again"
    (made / "decode.onnx").write_bytes(b"changed")
    assert cached(packed) == made
    open_folder(packed, noise=PlainNoise(), providers="cpu")
    (made / CREDITS).unlink()
    assert open_folder(packed, noise=PlainNoise(), providers="cpu").credited


@pytest.mark.parametrize("damaged", [False, True])
def test_programs_that_unpack_at_once_all_have_it(packed: Path, machine: Path, damaged: bool) -> None:
    if damaged:
        (cached(packed) / "decode.onnx").write_bytes(b"changed")
    code = "import sys, pathlib, instrument.model.library.bundle as b; print(b.cached(pathlib.Path(sys.argv[1])))"
    runs = [subprocess.Popen([sys.executable, "-c", code, str(packed)], stdout=subprocess.PIPE,
                             cwd=Path(__file__).parent.parent) for _ in range(6)]  # fmt: skip
    told = {run.communicate(timeout=60)[0].decode().strip() for run in runs}
    assert [run.returncode for run in runs] == [0] * 6
    assert told == {str(cached(packed))}
    assert [p.name for p in cached(packed).parent.iterdir()] == ["river"]


def test_the_cache_keeps_the_newest_few(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "KEPT", 2)
    for i in range(4):
        tiny_model(machine / f"m{i}", leak=0.5 + i / 10)
        pack(machine / f"m{i}", machine / f"m{i}{SUFFIX}")
        cached(machine / f"m{i}{SUFFIX}")
    assert sorted(p.name for home in cache_folder().iterdir() for p in home.iterdir()) == ["m2", "m3"]


def test_the_lineage_is_resolved_through_bundles(machine: Path) -> None:
    parent = tiny_model(machine / "p", card=tiny_card(name="p", derived_from=("c" * 64,)))
    (machine / "models").mkdir()
    pack(machine / "p", machine / "models" / f"p{SUFFIX}")
    line = ancestors(tiny_card(derived_from=(parent.sha256,)), [machine / "models"])
    assert [(one.name, path and path.name) for one, path in line] == [("p", f"p{SUFFIX}"), ("", None)]


# --- the command


def test_pack_and_unpack_on_the_command_line(folder: Path, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pack", "./river"]) == 0
    assert main(["models", "pack", "./river"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["models", "pack", "./river", "--force"]) == 0
    assert main(["models", "unpack", f"river{SUFFIX}"]) == 0
    out = capsys.readouterr().out
    assert str(user_folder() / "river") in out
    assert read_card(folder).sha256 in out
    assert main(["models", "unpack", f"river{SUFFIX}"]) == 0, "the very model is there already"
    tiny_model(machine / "other", card=tiny_card(name="river"), leak=0.3)
    pack(machine / "other", machine / f"other{SUFFIX}")
    capsys.readouterr()
    assert main(["models", "unpack", f"other{SUFFIX}"]) == 2
    assert "is another model; replace it with --force" in capsys.readouterr().err
    assert main(["models", "unpack", f"other{SUFFIX}", "--force"]) == 0
    assert everything(user_folder() / "river") == everything(machine / "other")
    assert [p.name for p in user_folder().iterdir()] == ["river"]


def test_show_takes_a_bundle_and_tells_all_as_json(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", packed.name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["card"]["name"] == "river"
    assert [row["name"] for row in told["lineage"]] == ["tide", ""]
    assert 0.0 < told["load"]["decode"] < 2.0
    assert len(told["credits"]["sounds"]) == 2
    assert told["faults"] == {}
    assert main(["models", "show", packed.name, "--language", "fr"]) == 0
    out = capsys.readouterr().out
    assert "└─ tide · aaaaaaaaaaaa · absent" in out


# --- what is no bundle

Change = Callable[[list[tuple[zipfile.ZipInfo, bytes]]], None]


def rewritten(packed: Path, change: Change) -> Path:
    """The bundle with its entries changed, by another hand than the one that packs."""
    with zipfile.ZipFile(packed) as archive:
        rows = [(info, archive.read(info)) for info in archive.infolist()]
    change(rows)
    out = packed.with_name(f"changed{SUFFIX}")
    with zipfile.ZipFile(out, "w") as archive:
        for info, data in rows:
            archive.writestr(info, data)
    return out


def named(name: str, data: bytes = b"x") -> Change:
    return lambda rows: rows.append((zipfile.ZipInfo(name), data))


def linked(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    info = zipfile.ZipInfo("river/credits.toml")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    rows[:] = [row for row in rows if row[0].filename != "river/credits.toml"] + [(info, b"/etc/passwd")]


def swelling(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    info = zipfile.ZipInfo("river/decode.onnx")
    info.compress_type = zipfile.ZIP_DEFLATED
    rows[:] = [row for row in rows if row[0].filename != "river/decode.onnx"] + [(info, bytes(30 << 20))]


def without(name: str) -> Change:
    def change(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        rows[:] = [row for row in rows if row[0].filename != name]

    return change


def edited(name: str, old: bytes, new: bytes) -> Change:
    def change(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        for i, (info, data) in enumerate(rows):
            if info.filename == name:
                assert old in data
                rows[i] = (info, data.replace(old, new))

    return change


def twice(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    rows.append((zipfile.ZipInfo("river/CARD.TOML"), b"x"))


def crowd(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    rows += [(zipfile.ZipInfo(f"river/{i}"), b"x") for i in range(40)]


def bzipped(rows: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    rows[0][0].compress_type = zipfile.ZIP_BZIP2


HOSTILE: dict[str, tuple[Change, str]] = {
    "climbs": (named("../evil"), "leads out of its folder"),
    "climbs inside": (named("river/../../evil"), "leads out of its folder"),
    "absolute": (named("/tmp/evil"), "leads out of its folder"),
    "drive": (named("C:evil"), "leads out of its folder"),
    "backslash": (named("river\\..\\evil"), "leads out of its folder"),
    "link": (linked, "a link or another thing that is no file"),
    "bomb": (swelling, "unfolds to more than 100 times its size"),
    "two of one name": (twice, "two entries of one name"),
    "a stranger inside": (named("river/evil.py"), "of which it does not speak"),
    "a stranger beside": (named("__MACOSX/x"), "of which it does not speak"),
    "crowd": (crowd, "entries, and a bundle"),
    "no manifest": (without(MANIFEST), "holds no bundle.toml"),
    "lacks a file": (without("river/decode.onnx"), "lacks river/decode.onnx"),
    "without its credits": (without("river/credits.toml"), "lacks river/credits.toml"),
    "another graph": (edited("river/decode.onnx", b"tiny", b"tinx"), "decode.onnx is not what it was"),
    "another card": (edited("river/card.toml", b"Tiny", b"Tiny!"), "card.toml is not what it was"),
    "says another licence": (edited(MANIFEST, b'licence = "CC0-1.0"', b'licence = "MIT"'), "do not agree on licence"),
    "says another line": (edited(MANIFEST, b'"tide"', b'"wave"') , ""),
    "says other parents": (edited(MANIFEST, b"b" * 64, b"c" * 64), "do not agree on derived_from"),
    "says other sounds": (edited(MANIFEST, b'"CC-BY-4.0"', b'"CC0-1.0"'), "do not agree on sounds_licences"),
    "another name": (edited(MANIFEST, b'name = "river"', b'name = "brook"'), "of which it does not speak"),
    "a name that climbs": (edited(MANIFEST, b'name = "river"', b'name = "../x"'), "names what no model holds"),
    "no TOML": (edited(MANIFEST, b"format = 1", b"format = ["), "cannot be understood"),
    "another format": (edited(MANIFEST, b"format = 1", b"format = 2"), "of another format"),
    "packed oddly": (bzipped, "in a way that is not read here"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_bundle_is_one_sentence_and_leaves_nothing(kind: str, packed: Path, machine: Path) -> None:
    change, said = HOSTILE[kind]
    bad = rewritten(packed, change)
    before = everything(machine)
    for act in (lambda: unpack(bad, machine / "there"), lambda: cached(bad)):
        with pytest.raises(RosinError) as caught:
            act()
        assert said in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        assert str(bad) in str(caught.value)
    after = {name: digest for name, digest in everything(machine).items() if name not in before}
    assert set(after) <= {"there", "cache", "cache/rosin", "cache/rosin/models"}, "empty folders at most"
    found = verify(bad, PlainNoise())
    assert [f.grade for f in found] == ["bad"]


def test_a_bundle_that_is_cut_short_locked_or_no_zip_is_a_sentence(packed: Path, machine: Path) -> None:
    data = packed.read_bytes()
    bad = machine / f"bad{SUFFIX}"
    for spoilt in (b"", b"PK", data[: len(data) // 2], data[:-1], data + b"!", b"\0" * 9999, b"PK\5\6" + b"\0" * 18):
        bad.write_bytes(spoilt)
        with pytest.raises(RosinError, match=r"is no bundle, or not all of one|holds no bundle"):
            unpack(bad, machine / "there")
    locked = bytearray(data)
    for at in (data.index(b"PK\1\2") + 8, data.index(b"PK\3\4") + 6):
        locked[at] |= 1
    bad.write_bytes(locked)
    with pytest.raises(RosinError, match="is locked"):
        unpack(bad, machine / "there")
    for what in (machine / "nothing.rosin.zip", machine):
        with pytest.raises(RosinError, match=r"give a \.rosin\.zip file"):
            unpack(what, machine / "there")
    os.mkfifo(machine / f"pipe{SUFFIX}")
    with pytest.raises(RosinError, match="is no file"):
        unpack(machine / f"pipe{SUFFIX}", machine / "there")


def test_what_announces_more_than_it_may_is_not_even_listed(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_reader, "LARGEST", 1000)
    with pytest.raises(RosinError, match="is larger than 0 MiB"):
        read_manifest(packed)
    monkeypatch.setattr(bundle_reader, "LARGEST", packed.stat().st_size)
    read_manifest(packed)
    monkeypatch.setattr(bundle_reader, "TEXT_MOST", 100)
    with pytest.raises(RosinError, match="is larger than"):
        read_manifest(packed)
    data = bytearray(packed.read_bytes())
    data[-14:-12] = data[-12:-10] = (ENTRIES_MOST + 1).to_bytes(2, "little")
    packed.write_bytes(data)
    with pytest.raises(RosinError, match="holds 33 entries"):
        read_manifest(packed)


def test_entries_that_share_their_bytes_are_refused(packed: Path) -> None:
    data = packed.read_bytes()
    names = [row.filename for row in zipfile.ZipFile(packed).infolist()]
    big = names.index("river/decode.onnx")
    # Every entry's sizes and place in the list become those of the largest.
    rows, at = [], data.index(b"PK\1\2")
    for _ in names:
        rows.append(at)
        at += 46 + int.from_bytes(data[at + 28 : at + 30], "little")
    spoilt = bytearray(data)
    for row in rows:
        spoilt[row + 20 : row + 28] = data[rows[big] + 20 : rows[big] + 28]
    packed.write_bytes(spoilt)
    with pytest.raises(RosinError, match=r"more than it holds|is damaged|larger than"):
        read_manifest(packed)


def test_a_full_disk_leaves_nothing(packed: Path, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle.os, "rename", full)
    with pytest.raises(RosinError, match=r"cannot be written .No space left on device"):
        unpack(packed, machine / "there")
    assert list((machine / "there").iterdir()) == []
    with pytest.raises(RosinError, match="cannot be written"):
        unpack(packed, Path("/proc/nowhere"))


@pytest.mark.parametrize("where", ["folder", "bundle"])
def test_a_model_whose_credits_were_removed_does_not_load(where: str, folder: Path, packed: Path) -> None:
    (folder / CREDITS).unlink()
    gone = folder if where == "folder" else rewritten(packed, without("river/credits.toml"))
    for allowed in (False, True):
        with pytest.raises(RosinError, match=r"credits\.toml"):
            open_folder(gone, noise=PlainNoise(), providers="cpu", allow_uncredited=allowed)
    # And whoever writes card and bundle anew, without them, has another model, that says so.
    other = write_card(read_card(folder), folder)
    assert other.sha256 != read_manifest(packed).sha256
    gone = folder
    if where == "bundle":
        gone = packed.with_name(f"again{SUFFIX}")
        pack(folder, gone, allow_uncredited=True)
    with pytest.raises(RosinError, match="nobody knows whose sounds"):
        open_folder(gone, noise=PlainNoise(), providers="cpu")
    assert not open_folder(gone, noise=PlainNoise(), providers="cpu", allow_uncredited=True).credited


# --- fuzz


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    place = tmp_path_factory.mktemp("fuzz")
    tiny_model(place / "river")
    pack(place / "river", place / f"river{SUFFIX}")
    return place, (place / f"river{SUFFIX}").read_bytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32), kind=st.sampled_from(["bytes", "list", "cut", "copy", "text"]), count=st.integers(1, 8)
)
def test_spoilt_bytes_are_refused_or_harmless(small: tuple[Path, bytes], seed: int, kind: str, count: int) -> None:
    place, whole = small
    data, rng = bytearray(whole), random.Random(seed)
    listing = whole.index(b"PK\1\2")
    for _ in range(count):
        low, high = {"list": (listing, len(data)), "text": (0, 2000)}.get(kind, (0, len(data)))
        at = rng.randrange(low, max(low + 1, min(high, len(data))))
        if kind == "cut":
            del data[at : at + rng.randrange(1, 200)]
        elif kind == "copy":
            data[at:at] = data[(other := rng.randrange(len(data))) : other + rng.randrange(1, 200)]
        else:
            data[at % len(data)] = rng.randrange(256)
    outside = place / "outside"
    into = outside / "models"
    into.mkdir(parents=True)
    (outside / f"b{SUFFIX}").write_bytes(data)
    try:
        made = unpack(outside / f"b{SUFFIX}", into)
    except RosinError as error:
        said = str(error)
    else:
        said = ""
    try:
        assert len(said.splitlines()) <= 1
        if said:
            assert list(into.iterdir()) == []
            return
        assert everything(made) == everything(place / "river"), "what is taken is what was packed"
        assert [p.name for p in into.iterdir()] == ["river"]
    finally:
        assert sorted(p.name for p in outside.iterdir()) == [f"b{SUFFIX}", "models"]
        assert sorted(p.name for p in place.iterdir()) == ["outside", "river", f"river{SUFFIX}"]
        shutil.rmtree(outside)


# --- rosin check


def test_check_says_of_a_bundle_and_of_a_folder_what_they_are(
    packed: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (packed, folder):
        assert main(["check", str(path)]) == 0
        assert f"{path}: a model called river with 2 latents, whole" in capsys.readouterr().out


def test_check_says_of_a_model_without_credits_that_it_is_held(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_model(machine / "orphan", credits=None)
    assert main(["check", str(machine / "orphan")]) == 0
    assert "whole, without credits: it plays only with --allow-uncredited" in capsys.readouterr().out
    monkeypatch.setenv("ROSIN_LANGUAGE", "fr")
    assert main(["check", str(machine / "orphan")]) == 0
    assert "sans crédits : il ne joue qu'avec" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["another card", "says other sounds", "no TOML"])
def test_check_says_what_is_wrong_with_a_hostile_bundle(
    kind: str, packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = HOSTILE[kind]
    bad = rewritten(packed, change)
    assert main(["check", str(bad)]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_check_says_what_is_wrong_with_a_folder_and_goes_on(
    folder: Path, packed: Path, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray((folder / "decode.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "decode.onnx").write_bytes(data)
    (machine / "empty").mkdir()
    missing = machine / "missing.rosin.zip"
    assert main(["check", str(folder), str(machine / "empty"), str(missing), str(packed)]) == 2
    told = capsys.readouterr()
    assert "decode.onnx is not the file its card was written for" in told.err
    assert "holds no card.toml, so it is no model" in told.err
    assert "missing.rosin.zip cannot be read" in told.err
    assert f"{packed}: a model called river with 2 latents, whole" in told.out


# --- lineage


def test_an_ancestor_takes_its_licence_and_authors_along(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (Ancestor("c" * 64, "sea", "CC-BY-4.0", ("Ada", "Bo")), Ancestor("d" * 64, "rain"), "e" * 64)
    tiny_model(machine / "delta", card=tiny_card(name="delta", derived_from=line))
    pack(machine / "delta", machine / f"delta{SUFFIX}")
    for found in (
        read_card(machine / "delta").derived_from,
        read_manifest(machine / f"delta{SUFFIX}").derived_from,
        read_card(unpack(machine / f"delta{SUFFIX}", machine / "there")).derived_from,
    ):
        assert found == line
        assert [(a.name, a.licence, a.authors) for a in found] == [  # type: ignore[attr-defined]
            ("sea", "CC-BY-4.0", ("Ada", "Bo")), ("rain", "", ()), ("", "", ())]  # fmt: skip
    assert main(["models", "show", str(machine / "delta")]) == 0
    assert "Ada, Bo · CC-BY-4.0" in capsys.readouterr().out
    assert main(["models", "show", str(machine / "delta"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["lineage"]
    assert told[0]["authors"] == ["Ada", "Bo"]
    assert told[0]["licence"] == "CC-BY-4.0"


NAMED = {"sha256": "a", "name": "b"}


@pytest.mark.parametrize(
    "row",
    [
        NAMED | {"authors": "c"},
        NAMED | {"licence": 1},
        NAMED | {"authors": [1]},
        {"sha256": "a"},
        NAMED | {"more": "c"},
        7,
    ],
)
def test_what_is_no_ancestor_is_refused(row: object) -> None:
    with pytest.raises(ValueError):
        ancestors_from([row])
