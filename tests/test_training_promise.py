"""What a training promises: nothing known before makes it fail at its end, and what it says of playing is true."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_sounds import RATE, tone_folder

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.documents.patch import read_patch
from instrument.model.library.finder import find, search_path
from instrument.training import promise
from instrument.training.choices import TrainOptions
from instrument.training.data.corpus import read_corpus
from instrument.training.train import train

SMALL = ["--threads", "1", "--size", "2", "--seconds", "0.2", "--width", "24", "--latents", "3", "--tones", "0"]
SHORT = ["--steps", "2", "--listen", "0", "--no-pictures", *SMALL]


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.delenv("ROSIN_MODELS", raising=False)
    return home


def a_model(folder: Path, name: str) -> Path:
    """The folder of a model that is a copy of a shipped one under another name."""
    source = Path(__file__).parent.parent / "models" / "nobody"
    folder.mkdir(parents=True)
    for path in source.iterdir():
        text = path.read_bytes()
        (folder / path.name).write_bytes(text.replace(b'name = "nobody"', f'name = "{name}"'.encode())
                                         if path.name == "card.toml" else text)  # fmt: skip
    return folder


def test_a_model_just_trained_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from instrument.training.export import writer

    # the export has tests of its own, and takes a quarter of a minute
    def written(network: object, corpus: object, folder: object, making: writer.Making) -> Path:
        return a_model(tmp_path / "models" / making.name, making.name)

    monkeypatch.setattr(writer, "write_model", written)
    monkeypatch.chdir(tmp_path)
    tone_folder(tmp_path / "corpus", (57, 62, 66), 0.4)
    assert main(["train", "corpus", "--name", "mine", *SHORT]) == 0
    said = capsys.readouterr().err
    assert main(["models", "show", "mine"]) == 0
    assert "mine" in capsys.readouterr().out
    (played, elsewhere) = re.findall(r"--model ([^\s)]+)", said)
    assert played == "mine"
    assert main(["render", "bow", "--model", played, "--note", "60", "--seconds", "0.2", "-o", "a.wav"]) == 0
    line = re.search(r"in a patch: (model = .*)", said)
    assert line
    (tmp_path / "own.toml").write_text(f'schema = 1\nname = "own"\n{line[1]}\n')
    assert read_patch(tmp_path / "own.toml").model == "mine"
    assert main(["render", "own.toml", "--note", "60", "--seconds", "0.2", "-o", "b.wav"]) == 0
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    monkeypatch.delenv("ROSIN_MODELS", raising=False)
    with pytest.raises(RosinError, match="no model 'mine'"):
        find("mine")
    said_elsewhere = shlex.split(elsewhere)[0]
    assert main(["render", "bow", "--model", said_elsewhere, "--note", "60", "--seconds", "0.2", "-o", "c.wav"]) == 0


def test_what_is_said_at_the_end_is_the_shortest_that_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobodys_home: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    here = a_model(tmp_path / "models" / "tide", "tide")
    assert f"play it: rosin play bow --model tide (from other folders: --model {here})" in promise.how_to_play(here)
    there = a_model(tmp_path / "my models" / "reef", "reef")
    assert f"play it: rosin play bow --model '{there}'\n" in promise.how_to_play(there)
    own = a_model(nobodys_home / "rosin" / "models" / "wave", "wave")
    assert "play it: rosin play bow --model wave\n" in promise.how_to_play(own)
    shadowed = a_model(tmp_path / "models" / "nobody", "nobody")
    assert f"--model {shadowed}\n" in promise.how_to_play(shadowed), "a shipped one has its name"
    assert promise.how_to_play(tmp_path) == ""


def test_a_folder_that_is_gone_under_ones_feet_hides_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "cwd", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "gone")))
    assert search_path()


def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step would be one too many."""
    from instrument.training.learning import loop

    monkeypatch.setattr(loop, "one_step", lambda *_: pytest.fail("it began to learn"))


def a_file_there(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "mine").write_text("")


def no_folder(folder: Path) -> None:
    (folder / "models").write_text("")


def no_runs(folder: Path) -> None:
    (folder / "runs").write_text("")


def two_licences(folder: Path) -> None:
    path = folder / "corpus" / "credits.toml"
    path.write_text(path.read_text().replace("CC0-1.0", "CC-BY-4.0", 1))
    path.write_text(path.read_text() + "\nheld_out = true\n")


@pytest.mark.parametrize(("before", "more", "why"), [
    (two_licences, [], "the sounds have several licences (CC-BY-4.0, CC0-1.0); say the model's with --licence"),
    (None, ["--licence", "all mine"], "--licence: "), (None, ["--by", " "], "--by ' ' cannot be written"),
    (None, ["--by", "Andr\udce9"], r"--by 'Andr\xe9' cannot be written into a card; give plain words, in UTF-8"),
    (None, ["--title", "a\x1b[2J", "b"], "--title"), (None, ["--name", "null"], "cannot name a folder"),
    (None, ["--name", "a" * 65], "up to 64 characters"), (None, ["--name", "a.rosin.zip"], "cannot name a folder"),
    (a_file_there, [], "the model could not be written to models/mine; take another --out"),
    (no_folder, [], "models cannot be made"), (no_runs, [], "runs/mine"),
])  # fmt: skip
def test_what_would_keep_a_model_from_being_written_is_said_before_the_first_step(
    before: Callable[[Path], Any] | None, more: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    untrained(monkeypatch)
    tone_folder(tmp_path / "corpus", (57, 62, 66), 0.4)
    if before:
        before(tmp_path)
    assert main(["train", "corpus", "--name", "mine", *SHORT, *more]) == 2
    assert why in capsys.readouterr().err


def test_several_licences_are_no_trouble_when_the_models_is_said(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "corpus", (57, 62, 66), 0.4)
    two_licences(tmp_path)
    corpus = read_corpus(folder, RATE, 128)
    promise.check(corpus, tmp_path / "models" / "m", ("m", "m"), "me", "CC-BY-4.0")


def test_a_folder_of_nothing_that_is_a_sound_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    untrained(monkeypatch)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.m4a").write_bytes(b"")
    with pytest.raises(RosinError, match=r"holds no sounds .*convert with: ffmpeg"):
        train(tmp_path / "corpus", "mine", Path("models"), TrainOptions(steps=1, quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
