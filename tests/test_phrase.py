"""A patch that is rendered with nobody's hands is played a phrase; a shipped example is found from anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from instrument.base.paths import accident_folder, shipped
from instrument.chance.accident import Accident
from instrument.cli import main
from instrument.commands.phrase import phrase, wants_one
from instrument.documents.patch import read_patch, table_of
from instrument.documents.take_folder import find_take
from instrument.ipc import Kind

PATCHES = sorted(path.stem for path in shipped("patches").glob("*.toml"))


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own, and a folder without a checkout."""
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def level_db(path: str, first: float = 0.0, last: float = 1.0) -> float:
    audio, _ = soundfile.read(path)
    part = audio[int(first * len(audio)) : int(last * len(audio))]
    return 20.0 * float(np.log10(max(1e-9, np.sqrt(np.square(part).mean()))))


@pytest.mark.parametrize("patch", PATCHES)
def test_every_shipped_patch_is_heard_when_nobody_touches_it(patch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", patch, "-o", "a.wav", "--seconds", "3"]) == 0
    told = capsys.readouterr()
    assert "Nothing sounded" not in told.err
    assert ("a phrase was played: six notes, and the knobs" in told.out) == (patch != "storm"), "it sounds by itself"
    assert level_db("a.wav") > -40.0
    assert level_db("a.wav", 0.8, 0.9) > -50.0, "and to its end"


def test_the_phrase_is_the_same_twice_and_gives_way_to_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    digests = []
    for more in ([], [], ["--note", "50"], ["--set", "z1=0.9"]):
        assert main(["render", "bow", "-o", "a.wav", "--seconds", "0.5", *more]) == 0
        out = capsys.readouterr().out
        assert ("a phrase was played" in out) == (not more)
        digests.append(out.split("sha256 of the samples ")[1].split()[0])
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_patch_without_notes_is_played_by_its_loudness_and_no_key_calls_an_accident(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (shipped("patches") / "bow.toml").read_text().replace('notes = "mono"', 'notes = "off"')
    (machine / "still.toml").write_text(text)
    assert main(["render", "./still.toml", "-o", "a.wav", "--seconds", "3"]) == 0
    assert "a phrase was played: the loudness up and down" in capsys.readouterr().out
    assert level_db("a.wav") > -40.0
    (machine / "keys.toml").write_text(
        (shipped("patches") / "bow.toml").read_text() + "\n[accidents.fall]\nnote = 57\n"
    )
    patch = read_patch(machine / "keys.toml")
    from instrument.model.library.cards import card_for

    table = table_of(patch, card_for(patch.model, patch.model_sha256).specs)
    events = phrase(patch, table, 6.0)
    assert wants_one(patch)
    keys = [g.knob for _, g in events if g.kind == Kind.NOTE_ON]
    assert keys == [50, 55, 62, 53, 50], "57 is the accident's"
    assert all(0.0 <= at <= 6.0 for at, _ in events)
    assert all(0.0 <= g.value <= 1.0 for _, g in events)


@pytest.mark.parametrize("name", ["examples/first-take.jsonl", "first-take.jsonl", "first-take"])
def test_the_example_of_the_readme_is_found_where_there_is_no_checkout(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_take(name) == shipped("examples") / "first-take.jsonl"
    assert main(["render", name, "-o", "first.wav", "--seconds", "0.5"]) == 0
    assert "first.wav: 0.50 s" in capsys.readouterr().out
    if name.endswith(".jsonl"):
        assert main(["check", name]) == 0


def test_a_file_of_that_name_here_comes_first_and_what_is_nowhere_is_said_as_it_was_given(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "first-take.jsonl").write_text("nonsense")
    assert find_take("first-take.jsonl") == Path("first-take.jsonl")
    assert main(["render", "first-take.jsonl", "-o", "a.wav"]) == 2
    assert "first-take.jsonl" in capsys.readouterr().err
    assert find_take("elsewhere/first-take.jsonl") == Path("elsewhere/first-take.jsonl")
    assert main(["render", "second-take", "-o", "a.wav"]) == 2
    assert "there is no patch 'second-take'" in capsys.readouterr().err


def test_a_damaged_accident_and_a_damaged_state_are_told_and_the_rest_is_heard(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it was filed: a header cut inside ``(3,``, beside an accident that is whole."""
    from test_npz import cut_header

    folder = accident_folder("glass")
    folder.mkdir(parents=True)
    (folder / "torn.npz").write_bytes(torn := cut_header("head"))
    whole = Accident("fall", 3, 40, 1500.0, ("glass",), np.zeros((30, 3, 1), np.float32))
    (folder / "fall.npz").write_bytes(whole.to_bytes())
    assert main(["render", "glass", "-o", "a.wav", "--seconds", "0.3"]) == 0
    told = capsys.readouterr().err
    assert "torn.npz is no kept accident" in told
    assert "fall.npz" not in told
    assert (folder / "torn.npz").read_bytes() == torn, "it may be mended yet"
