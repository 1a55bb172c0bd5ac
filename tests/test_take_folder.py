"""A recording is one folder that says what it is, is whole whatever happens, and plays wherever it is moved to."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from polling import until
from takehost import House, rendered, samples

from instrument.base.errors import RosinError
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
    Played,
    entry_of,
    read_manifest,
)
from instrument.ipc import Gesture, Kind, Link


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


@pytest.mark.parametrize("door", ["folder", "manifest", "gestures", "sound", "opening", "credits", "name"])
def test_it_is_played_again_by_whatever_name_it_is_given(
    take: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(take.parent.parent)
    files = {"manifest": MANIFEST, "gestures": GESTURES, "sound": SOUND, "opening": OPENING, "credits": CREDITS}
    given = {"folder": str(take), "name": take.name, **{door: str(take / name) for door, name in files.items()}}
    assert is_take(given[door], "takes")
    assert find_take(given[door], "takes").resolve() == take / GESTURES
    assert main(["render", given[door], "-o", "again.wav"]) == 0
    assert (rendered(take / GESTURES) == samples(take / SOUND)).all()


def test_a_program_reads_it_by_its_folder(take: Path) -> None:
    assert read_take(take) == read_take(take / GESTURES)


def test_a_stream_is_heard_and_plays_along_as_the_take_it_lies_in(take: Path) -> None:
    stream = str(take / LATENTS)
    assert not is_take(stream), "a render hears it, bit for bit"
    assert find_take(stream) == take / GESTURES


def test_nothing_is_rendered_over_what_was_recorded(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (take / SOUND).read_bytes()
    assert main(["render", str(take), "-o", str(take / SOUND), "--seconds", "0.1"]) == 2
    assert "is a part of a take, and nothing is written over one; give -o another name" in capsys.readouterr().err
    assert (take / SOUND).read_bytes() == before
    assert main(["render", str(take), "-o", str(take / "again.wav"), "--seconds", "0.1"]) == 0


@pytest.mark.parametrize("door", ["name", "sound", "credits"])
def test_it_is_checked_by_its_name_and_by_what_is_heard_or_read_of_it(
    take: Path, door: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(take.parent.parent)
    given = {"name": take.name, "sound": str(take / SOUND), "credits": str(take / CREDITS)}[door]
    assert main(["check", given]) == 0
    assert "a take of 0.8 s with " in capsys.readouterr().out


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


def test_the_next_take_does_not_wait_for_the_hash_of_a_long_sound(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = threading.Event()

    def slowly(path: Path, rest: Callable[[], object] | None) -> FileEntry:
        assert path.name != SOUND or free.wait(20.0)
        return entry_of(path, rest)

    monkeypatch.setattr("instrument.audio.recording.take_cover.entry_of", slowly)
    monkeypatch.setattr("instrument.audio.recording.take_cover.SMALL_BYTES", 20_000)
    first = house.record(50, {}).parent
    second = house.record(50, {5: [Gesture(Kind.NOTE_ON, 57, 0.8)]}).parent
    assert (second / GESTURES).is_file()
    assert not any("still busy" in sentence for sentence in house.said)
    assert read_manifest(first).finished, "nobody cut it off"
    assert main(["check", str(first)]) == 0
    assert "sound.wav has no hash, as Rosin was ended before it was taken" in capsys.readouterr().out
    free.set()
    house.recording.close()
    until(lambda: SOUND in {entry.name for entry in read_manifest(first).files})
    assert main(["check", str(first)]) == 0
    assert "no hash" not in capsys.readouterr().out


def test_a_sound_that_is_none_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    take = house.record(50, {}).parent
    house.recording.close()
    (take / MANIFEST).unlink()
    (take / SOUND).write_bytes(b"RIFF")
    assert main(["check", str(take)]) == 2
    assert "sound.wav cannot be heard (it is no sound file); fetch it from a copy" in capsys.readouterr().err


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


def test_a_manifest_that_is_wrong_costs_the_manifest_alone(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard = samples(take / SOUND)
    (take / MANIFEST).write_text("schema = 1\nid = 3\n")
    assert main(["check", str(take)]) == 2
    assert "take.toml: id: 3 does not fit; write a text" in capsys.readouterr().err
    assert np.array_equal(rendered(take / GESTURES), heard)
