"""A model's author may mend a file of it: the card is sealed anew, and whoever names the old one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles import tiny_model

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.model.library.card import read_card
from instrument.model.library.credits import gate
from instrument.model.library.sealing import check_files, seal


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A model of one's own, and a patch that names it."""
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    card = tiny_model(tmp_path / "models" / "tiny")
    (tmp_path / "p.toml").write_text(
        f'schema = 1\nname = "p"\nmodel = {{ name = "tiny", sha256 = "{card.sha256}" }}\nvoice.sounds = "always"\n'
    )
    return tmp_path / "models" / "tiny"


def mend(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_name_mended_in_the_credits_is_refused_with_the_way_out_and_sealed_by_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_card(folder)
    mend(folder / "credits.toml", 'author = "', 'author = "Dr ')
    assert main(["models", "verify", "tiny"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "or, if you are its author and changed it, run: rosin models seal" in out
    assert str(folder) in out.replace(" ", "")
    assert main(["models", "seal", "tiny"]) == 0
    out = capsys.readouterr().out
    after = read_card(folder)
    assert after.sha256 != before.sha256
    assert out.splitlines() == [
        "credits.toml has changed",
        f"Sealed: {folder}. To patches it is another model now; they name it with:",
        f'  sha256 = "{after.sha256}"',
        f"p.toml still names the old one ({before.sha256[:12]}...): write the line above under its [model]",
    ]
    mend(Path("p.toml"), before.sha256, after.sha256)
    assert main(["check", "p.toml"]) == 0
    assert main(["render", "./p.toml", "-o", "a.wav", "--seconds", "0.02"]) == 0
    assert main(["models", "verify", "tiny"]) == 0


def test_only_the_hashes_change_in_the_card(folder: Path) -> None:
    mend(folder / "card.toml", 'licence = "CC0-1.0"', 'licence = "CC0-1.0"  # a comment of mine')
    before = (folder / "card.toml").read_text().split("[files]")[0]
    (folder / "decode.onnx").write_bytes((folder / "decode.onnx").read_bytes() + b"\x00")
    (folder / "notes.txt").write_text("mine")
    done = seal(folder)
    assert (done.changed, done.added, done.gone) == (("decode.onnx",), (), ())
    assert (folder / "card.toml").read_text().split("[files]")[0] == before
    assert set(read_card(folder).files) == {"decode.onnx", "credits.toml"}
    check_files(read_card(folder), folder)


def test_a_whole_model_is_left_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "card.toml").read_bytes()
    assert main(["models", "seal", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder} is whole: its card was written for the files it has\n"
    assert (folder / "card.toml").read_bytes() == before


def test_credits_added_to_a_model_that_had_none_are_sealed(tmp_path: Path, folder: Path) -> None:
    bare = tmp_path / "models" / "bare"
    tiny_model(bare, credits=None)
    (bare / "credits.toml").write_bytes((folder / "credits.toml").read_bytes())
    with pytest.raises(RosinError, match=r"or, if you are its author, run: rosin models seal .*bare"):
        gate(read_card(bare), bare)
    assert seal(bare).added == ("credits.toml",)
    assert gate(read_card(bare), bare) is not None


def test_what_cannot_be_a_model_is_not_sealed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card, credits, decode = ((folder / name).read_bytes() for name in ("card.toml", "credits.toml", "decode.onnx"))
    for name, data, said in (
        ("credits.toml", credits.replace(b"format = 1", b"format = 9"), "format: 9 is too large"),
        ("credits.toml", None, "is missing; a model is not sealed without the credits it had"),
        ("decode.onnx", None, "holds no decode.onnx"),
        ("card.toml", b"x", "is not readable TOML"),
    ):
        for whole, content in (("card.toml", card), ("credits.toml", credits), ("decode.onnx", decode)):
            (folder / whole).write_bytes(content)
        (folder / name).write_bytes(data) if data is not None else (folder / name).unlink()
        before = (folder / "card.toml").read_bytes()
        assert main(["models", "seal", "tiny" if name != "card.toml" else str(folder)]) == 2
        assert said in capsys.readouterr().err
        assert (folder / "card.toml").read_bytes() == before
    assert main(["models", "seal", "nothing"]) == 2
