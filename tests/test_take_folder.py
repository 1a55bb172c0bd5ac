"""A recording is one folder that says what it is, is whole whatever happens, and plays wherever it is moved to."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polling import until
from takehost import House, rendered, samples

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import shipped
from instrument.cli import main
from instrument.documents.take import read_take
from instrument.documents.take_folder import (
    CREDITS,
    GESTURES,
    LATENTS,
    MANIFEST,
    OPENING,
    PATCH,
    SOUND,
    beside,
    find_take,
    is_take,
)
from instrument.documents.take_manifest import (
    FileEntry,
    Parent,
    Played,
    TakeManifest,
    manifest_from,
    read_manifest,
    write_manifest,
)
from instrument.ipc import Gesture, Kind, Link

WHOLE = {
    "schema": 1, "id": "0123456789abcdef" * 2, "made": "2026-12-01T09:00:00Z", "finished": True, "seconds": 2,
    "rate": 48000, "channels": 2, "patch": {"name": "bow"}, "model": {"name": "first-bow", "sha256": "a" * 64},
    "files": [{"name": "sound.wav", "sha256": "b" * 64, "bytes": 7}],
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Link.create() as link:
        yield House(link, tmp_path / "takes")


@pytest.fixture
def take(house: House) -> Path:
    """The folder of a second of playing."""
    gestures = house.record(300, {5: [Gesture(Kind.NOTE_ON, 57, 0.8)], 200: [Gesture(Kind.KNOB, 2, 0.7)]})
    house.recording.close()
    return gestures.parent


def test_a_take_is_a_folder_that_says_what_it_is(house: House, take: Path) -> None:
    assert sorted(path.name for path in take.iterdir()) == sorted(
        [MANIFEST, SOUND, GESTURES, OPENING, LATENTS, PATCH, CREDITS]
    )
    said = read_manifest(take)
    card = house.engine.layer.voice.card
    assert said.finished
    assert (said.patch.name, said.model) == ("bow", Played(card.name, card.sha256))
    assert said.patch.sha256 == hashlib.sha256((shipped("patches") / "bow.toml").read_bytes()).hexdigest()
    assert (take / PATCH).read_bytes() == (shipped("patches") / "bow.toml").read_bytes()
    assert said.seconds == pytest.approx(300 * 128 / 48000, abs=1e-6)
    assert said.seed == str(read_take(take / GESTURES).seed)
    assert {entry.name for entry in said.files} == {SOUND, GESTURES, OPENING, LATENTS, PATCH, CREDITS}
    for entry in said.files:
        data = (take / entry.name).read_bytes()
        assert (entry.sha256, entry.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert any(f"to {take}." in sentence for sentence in house.said), "the folder is what is told"


def test_no_two_takes_have_one_id(house: House) -> None:
    takes = [house.record(20, {}).parent for _ in range(3)]
    house.recording.close()
    assert len({read_manifest(take).id for take in takes}) == len(set(takes)) == 3


def test_while_it_is_recorded_it_says_that_it_is_not_finished(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.recording.record(True)
    house.play(200)
    take = house.recording.recorder.take
    assert take is not None
    until(lambda: (take / OPENING).is_file() and (take / LATENTS).is_file())  # a thread writes them
    assert not read_manifest(take).finished
    copy = shutil.copytree(take, take.with_name("killed here"))  # as a kill would leave it
    house.recording.close()
    assert main(["check", str(copy)]) == 0
    assert "it was cut off" in capsys.readouterr().out
    assert main(["render", str(copy), "-o", str(copy / "again.wav")]) == 0


@pytest.mark.parametrize("door", ["folder", "manifest", "gestures", "name"])
def test_it_is_played_again_by_whatever_name_it_is_given(
    take: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(take.parent.parent)
    given = {"folder": str(take), "manifest": str(take / MANIFEST), "gestures": str(take / GESTURES), "name": take.name}
    assert is_take(given[door], "takes")
    assert find_take(given[door], "takes").resolve() == take / GESTURES
    assert main(["render", given[door], "-o", "again.wav"]) == 0
    assert (rendered(take / GESTURES) == samples(take / SOUND)).all()


def test_it_is_moved_and_mailed_as_one_folder(take: Path, tmp_path: Path) -> None:
    heard = samples(take / SOUND)
    moved = tmp_path / "far" / "another name"
    moved.parent.mkdir()
    shutil.move(take, moved)
    assert (rendered(moved / GESTURES) == heard).all()
    assert main(["render", str(moved / LATENTS), "-o", str(moved / "stream.wav")]) == 0
    assert main(["check", str(moved)]) == 0


def test_where_its_patch_is_not_it_plays_on_the_one_that_was_kept(take: Path) -> None:
    heard = samples(take / SOUND)
    text = (take / GESTURES).read_text().replace('"bow"', '"gone"').replace("/bow.toml", "/gone.toml")
    (take / GESTURES).write_text(text)
    assert (rendered(take / GESTURES) == heard).all()
    (take / PATCH).unlink()
    assert main(["render", str(take), "-o", str(take / "no.wav")]) == 2


def test_what_was_changed_since_is_told_and_plays_all_the_same(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (take / SOUND).open("ab") as file:
        file.write(b"more")
    (take / CREDITS).unlink()
    assert main(["check", str(take)]) == 2
    said = capsys.readouterr().err
    assert "sound.wav is not as it was recorded; fetch it from a copy" in said
    assert "credits.txt is gone" in said
    assert main(["render", str(take), "-o", str(take / "again.wav")]) == 0


def test_files_of_before_there_were_folders_find_each_other() -> None:
    old = Path("takes/bow-1.jsonl")
    assert [beside(old, name).name for name in (SOUND, OPENING, LATENTS, CREDITS)] == [
        "bow-1.wav", "bow-1.state", "bow-1.z", "bow-1.credits.txt"
    ]  # fmt: skip
    assert beside(Path("takes/bow-1.z"), OPENING) == Path("takes/bow-1.state")
    assert beside(Path("takes/x/latents.z"), OPENING) == Path("takes/x/opening.state")


def test_a_folder_without_a_take_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bow").mkdir()
    with pytest.raises(RosinError, match=r"is a folder without a take in it; give one with gestures\.jsonl"):
        find_take("bow")
    assert not is_take("bow"), "and the patch of that name is what is meant"
    assert main(["render", "bow", "-o", "a.wav", "--seconds", "0.1"]) == 0


def test_a_folder_of_takes_is_checked_whole(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(take.parent)]) == 0
    assert capsys.readouterr().out.startswith(f"{take}: a take of 0.8 s with ")


# --- the manifest

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..", MANIFEST))
MANIFESTS = st.builds(
    TakeManifest, id=IDS, made=WORDS, rate=st.integers(1, 768_000), channels=st.integers(1, 64),
    patch=st.builds(Played, WORDS, WORDS), model=st.builds(Played, WORDS, WORDS), rosin=WORDS, seed=WORDS,
    finished=st.just(True), seconds=st.floats(0, 8e5), parent=st.none() | st.builds(Parent, IDS, st.floats(0, 8e5)),
    files=st.lists(st.builds(FileEntry, NAMES, st.just("c" * 64), st.integers(0, 2**53)), max_size=3).map(tuple),
)  # fmt: skip


@settings(max_examples=200)
@given(manifest=MANIFESTS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, manifest: TakeManifest) -> None:
    folder = tmp_path_factory.mktemp("take")
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest
    unfinished = dataclasses.replace(manifest, finished=False, seconds=0.0)
    write_manifest(folder, unfinished)
    assert read_manifest(folder) == unfinished


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "schema: 2 is newer than this Rosin reads (1); update Rosin"),
        ({"id": "x"}, "id: 'x' is no take's; write 32 hexadecimal digits"),
        ({"parent": {"id": "../..", "seconds": 1}}, "parent.id: '../..' is no take's"),
        ({"parent": {"id": "0" * 32, "seconds": -1}}, "parent.seconds: -1 is too small"),
        (
            {"files": [{"name": "../x", "sha256": "a" * 64, "bytes": 1}]},
            "files[0].name: '../x' is no file of this folder",
        ),
        ({"files": [{"name": "take.toml", "sha256": "a" * 64, "bytes": 1}]}, "files[0].name: 'take.toml' is no file"),
        ({"files": [{"name": "x", "sha256": "a", "bytes": 1}]}, "files[0].sha256: 'a' does not fit"),
        ({"rate": 0}, "rate: 0 is too small"),
        ({"finished": 1}, "finished: 1 does not fit"),
    ],
)
def test_a_mistake_in_it_is_told_with_its_remedy(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationErrors) as wrong:
        manifest_from({**WHOLE, **change}, "take.toml")
    assert says in str(wrong.value)


def test_a_manifest_that_is_wrong_costs_the_manifest_alone(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard = samples(take / SOUND)
    (take / MANIFEST).write_text("schema = 1\nid = 3\n")
    assert main(["check", str(take)]) == 2
    assert "take.toml: id: 3 does not fit; write a text" in capsys.readouterr().err
    assert np.array_equal(rendered(take / GESTURES), heard)
