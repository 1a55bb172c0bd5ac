"""What is wrong with a model is said in a sentence before it sounds: missing, another, tampered with, uncredited."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doubles import tiny_card, tiny_model

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.storage.bank import Bank

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of its own, whose models come first."""
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def copy(machine: Path) -> Path:
    return Path(shutil.copytree(ROOT / "models" / "first-bow", machine / "models" / "first-bow"))


def patch_for(machine: Path, name: str, sha256: str, file: str = "p.toml") -> str:
    model = f'{{ name = "{name}", sha256 = "{sha256}" }}'
    (machine / file).write_text(f'schema = 1\nname = "{Path(file).stem}"\nmodel = {model}\nvoice.sounds = "always"\n')
    return f"./{file}"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    return err


def rendered(patch: str) -> list[str]:
    return ["render", patch, "-o", "a.wav", "--seconds", "0.05"]


def test_a_whole_copy_plays(copy: Path, machine: Path) -> None:
    assert main(rendered("bow")) == 0
    assert main(["check", str(copy)]) == 0


def test_one_flipped_bit_in_the_graph_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((copy / "decode.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "decode.onnx").write_bytes(data)
    err = refused(capsys, *rendered("bow"))
    assert "decode.onnx" in err
    assert ";" in err
    assert main(["check", str(copy)]) == 2
    assert "decode.onnx" in capsys.readouterr().err
    assert main(["models", "verify", str(copy)]) == 1


def test_a_changed_card_is_another_model(copy: Path, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = copy / "card.toml"
    card.write_text(card.read_text().replace('licence = "CC0-1.0"', 'licence = "MIT"'))
    shutil.move(copy, machine / "models" / "mine")
    err = refused(capsys, *rendered(patch_for(machine, "mine", "a" * 64)))
    assert "wants the model 'mine' with sha256 aaaaaaaaaaaa" in err
    assert "write the hash of the one here into the patch" in err


def test_a_model_without_credits_is_refused_unless_told_otherwise(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tiny_model(machine / "models" / "orphan", credits=None)
    patch = patch_for(machine, "orphan", card.sha256)
    err = refused(capsys, *rendered(patch))
    assert "orphan" in err
    assert "credit" in err
    assert ";" in err
    assert main(["models", "verify", "orphan"]) == 0, "it has no fault"
    out = capsys.readouterr().out
    assert "it plays only with --allow-uncredited" in out
    assert "only with --allow-uncredited: orphan" in out
    assert main([*rendered(patch), "--allow-uncredited"]) == 0


def test_credits_that_were_taken_out_are_missed_even_by_whoever_does_not_ask_for_them(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "credits.toml").unlink()
    for more in ([], ["--allow-uncredited"]):
        assert "credits.toml is missing; fetch the model again" in refused(capsys, *rendered("bow"), *more)
    assert main(["models", "verify", str(copy)]) == 1


def test_a_missing_model_is_a_sentence_with_those_that_are_here(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = patch_for(machine, "nothing", "b" * 64)
    for arguments in (rendered(patch), ["play", patch], ["knobs", patch]):
        said = refused(capsys, *arguments)
        assert "there is no model 'nothing'; here are null, bronze, first-bow, hammer, nobody: choose one" in said
    assert main(["check", patch]) == 2
    assert "there is no model 'nothing'" in capsys.readouterr().err


def test_check_looks_where_the_rig_keeps_models(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tiny_model(machine / "elsewhere" / "mine")
    patch = patch_for(machine, "mine", card.sha256)
    assert main(["check", patch]) == 2
    (machine / "rig.toml").write_text(f'schema = 1\n[folders]\nmodels = "{machine}/elsewhere"\n')
    assert main(["check", patch]) == 0
    assert "p.toml: a patch on mine with 2 latents, whole" in capsys.readouterr().out


def test_a_patch_for_knobs_the_model_does_not_have_is_told_of_each(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = patch_for(machine, "first-bow", "c" * 64)
    whole = (ROOT / "patches" / "bow.toml").read_text()
    Path(patch).write_text(whole + "[knobs.z9]\nstart = 0\n[friction.knob.z99]\nstick = 0\n")
    for arguments in (["check", patch], ["play", patch], rendered(patch)):
        assert main(arguments) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[1] for line in lines] == ["knobs.z9", "friction.knob.z99"]
        assert all("it has pitch, loudness, z1" in line for line in lines)


def test_a_model_of_another_sample_rate_plays_by_itself(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tiny_model(machine / "models" / "cd", card=tiny_card(name="cd", sample_rate=44100))
    assert main(rendered(patch_for(machine, "cd", card.sha256))) == 0
    assert "0.05 s" in capsys.readouterr().out


def test_a_patch_of_another_sample_rate_stays_out_and_the_rest_of_the_show_plays(machine: Path) -> None:
    card = tiny_model(machine / "models" / "cd", card=tiny_card(name="cd", sample_rate=44100))
    patch_for(machine, "cd", card.sha256, "cd.toml")
    paths = [ROOT / "patches" / "glass.toml", machine / "cd.toml", ROOT / "patches" / "storm.toml"]
    bank = Bank(paths, provider="cpu")
    with pytest.raises(RosinError, match="there is no patch number 4; the list has 3"):
        bank.layer(3)
    bank.layer(0)
    failed = bank.fill()
    assert [path.name for path, _ in failed] == ["cd.toml"]
    assert failed[0][1] == (
        f"the model 'cd' plays at 44100 Hz and this show at 48000 Hz; play it by itself: rosin play {machine}/cd.toml"
    )
    assert bank.layer(2).voice.sample_rate == bank.rate == 48000
    assert bank.layer(0) is bank.layer(0), "kept ready"
    assert bank.table(0)["level"].id == "level"
