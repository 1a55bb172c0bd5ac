"""A take is heard as it was also where its patch is not there any more, or is another one by now."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from takehost import House, rendered, samples

from instrument.base.paths import shipped
from instrument.cli import main
from instrument.documents.take_folder import GESTURES, LATENTS, PATCH, SOUND
from instrument.documents.take_manifest import read_manifest
from instrument.ipc import Gesture, Kind, Link
from instrument.model.library.retarget import retarget


def own_patch(folder: Path, visual: bool = False) -> Path:
    """A patch of the player's own, in a folder of its own."""
    folder.mkdir()
    text = (shipped("patches") / "bow.toml").read_text().replace('name = "bow"', 'name = "mine"', 1)
    if visual:
        shutil.copy(shipped("visuals") / "grain.fs", folder / "my grain.fs")
        text += '\n[visual]\nfile = "my grain.fs"\n'
    (folder / "mine.toml").write_text(text)
    return folder / "mine.toml"


def test_a_patch_edited_since_is_heard_as_it_was_and_as_it_is_when_that_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = own_patch(tmp_path / "own")
    with Link.create() as link:
        house = House(link, tmp_path / "takes", [patch])
        take = house.record(300, {5: [Gesture(Kind.NOTE_ON, 57, 0.8)], 150: [Gesture(Kind.NOTE_OFF, 57)]}).parent
        house.recording.close()
    heard = samples(take / SOUND)
    patch.write_text(patch.read_text().replace("release_ms = 350", "release_ms = 3000"))
    assert (rendered(take / GESTURES) == heard).all()
    assert "it is rendered on the one kept with it" in capsys.readouterr().err
    assert (rendered(take / LATENTS) == heard).all()
    assert not np.array_equal(rendered(take / GESTURES, "--patch", str(patch)), heard)
    (take / PATCH).unlink()
    capsys.readouterr()
    rendered(take / GESTURES)
    assert "it is rendered as the patch is now" in capsys.readouterr().err


def test_each_patch_of_a_take_is_heard_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = own_patch(tmp_path / "own")
    second = first.with_name("other.toml")
    second.write_text(first.read_text().replace('name = "mine"', 'name = "other"').replace("note = 50", "note = 62"))
    hands = {5: [Gesture(Kind.NOTE_ON, 57, 0.8)], 60: [Gesture(Kind.PATCH, 1)], 150: [Gesture(Kind.NOTE_ON, 60, 0.9)]}
    with Link.create() as link:
        house = House(link, tmp_path / "takes", [first, second])
        take = house.record(300, hands).parent
        house.recording.close()
    heard = samples(take / SOUND)
    assert (take / "patch-2.toml").read_bytes() == second.read_bytes()
    assert "patch-2.toml" in {entry.name for entry in read_manifest(take).files}
    second.write_text(second.read_text().replace("attack_ms = 90", "attack_ms = 700"))
    assert (rendered(take / GESTURES) == heard).all()
    assert "patch other here is not as it was" in capsys.readouterr().err
    shutil.rmtree(first.parent)
    assert (rendered(take / GESTURES) == heard).all()
    assert main(["check", str(take)]) == 0
    (take / "patch-2.toml").write_text("half a patch")
    assert main(["check", str(take)]) == 2
    said = capsys.readouterr().err
    assert "patch-2.toml is not readable TOML" in said
    assert said.count("patch-2.toml") == 1, "what is broken was changed, and need not be told to be"


def test_on_another_model_it_is_heard_on_that_one(tmp_path: Path) -> None:
    made = retarget(shipped("patches") / "bow.toml", "nobody", tmp_path)
    with Link.create() as link:
        house = House(link, tmp_path / "takes", [made.path])
        take = house.record(300, {5: [Gesture(Kind.NOTE_ON, 57, 0.8)]}).parent
        house.recording.close()
    heard = samples(take / SOUND)
    made.path.unlink()  # it was made for that show alone
    assert (rendered(take / GESTURES) == heard).all()
    assert (rendered(take / LATENTS) == heard).all()


def test_the_patch_that_is_kept_is_the_one_that_plays_and_not_what_an_editor_made_of_it(tmp_path: Path) -> None:
    patch = own_patch(tmp_path / "own")
    played = patch.read_bytes()
    with Link.create() as link:
        house = House(link, tmp_path / "takes", [patch])
        patch.write_text("half a patch")
        take = house.record(50, {}).parent
        house.recording.close()
    assert (take / PATCH).read_bytes() == played
    assert read_manifest(take).patch.sha256 == hashlib.sha256(played).hexdigest()


def test_a_visual_of_ones_own_goes_with_it_as_its_inputs_are_knobs(tmp_path: Path) -> None:
    patch = own_patch(tmp_path / "own", visual=True)
    with Link.create() as link:
        house = House(link, tmp_path / "takes", [patch])
        knob = house.engine.layer.table.index("visual.lines")
        take = house.record(200, {5: [Gesture(Kind.NOTE_ON, 57, 0.8)], 90: [Gesture(Kind.KNOB, knob, 0.9)]}).parent
        house.recording.close()
    heard = samples(take / SOUND)
    shutil.rmtree(patch.parent)
    assert (rendered(take / GESTURES) == heard).all()
    assert "my grain.fs" in {entry.name for entry in read_manifest(take).files}
    assert main(["check", str(take)]) == 0
