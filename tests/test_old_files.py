"""What an older Rosin left on a disk opens today and sounds as it did then. How the files were made: old/README.md."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instrument import Snapshot, find_patches, open_engine, read_patch, read_rig, read_take, render
from instrument.cli import main

OLD = Path(__file__).parent / "old"
sys.path.insert(0, str(OLD))

from sounding import machine, sounding  # noqa: E402

VERSIONS = sorted(path.parent for path in OLD.glob("*/values.json"))
VALUES = {path: json.loads((path / "values.json").read_text(encoding="utf-8")) for path in VERSIONS}


def cases(what: str) -> list[Any]:
    """(version, name) of everything that a version told about."""
    return [pytest.param(path, name, id=f"{path.name} {name}") for path in VERSIONS for name in VALUES[path][what]]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """The player's folder of each version with the model of its bundle."""
    homes = {}
    with pytest.MonkeyPatch.context() as patch:
        for version in VERSIONS:
            homes[version] = tmp_path_factory.mktemp(version.name) / "home"
            shutil.copytree(version / "home", homes[version])
            patch.setenv("XDG_DATA_HOME", str(homes[version]))
            assert main(["models", "unpack", str(version / "tiny.rosin.zip")]) == 0
    return homes


@pytest.fixture
def at_home(unpacked: dict[Path, Path], monkeypatch: pytest.MonkeyPatch) -> dict[Path, Path]:
    """``at_home[version]``, and this process looks there; every test is of one version so far."""
    (home,) = unpacked.values()
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    return unpacked


def assert_sounds_as_then(sound: Path | np.ndarray, then: dict[str, Any], version: Path) -> None:
    """Bit for bit on a machine like the one that made it; elsewhere as loud in every 43 ms."""
    now = sounding(sound, then["until"])
    assert now["samples"] == then["samples"]
    assert max(now["rms"]) > 0.01
    np.testing.assert_allclose(now["rms"], then["rms"], rtol=0.02, atol=0.002)
    if machine() == VALUES[version]["machine"]:
        assert now["sha256"] == then["sha256"]


@pytest.mark.parametrize(("version", "name"), cases("renders"))
def test_an_old_file_sounds_as_it_did(version: Path, name: str, at_home: dict[Path, Path], tmp_path: Path) -> None:
    """Takes, streams with the state beside them, patches with feel, accident, scenes and wear, on an old rig."""
    then, out = VALUES[version]["renders"][name], tmp_path / "render.wav"
    rig = ["--rig", str(version / "rig.toml")]
    assert main(["render", str(version / name), "-o", str(out), *rig, *then["options"]]) == 0
    if name == "home/rosin/patches/old.toml":
        roll = (version / "render.credits.txt").read_text(encoding="utf-8")
        assert out.with_name("render.credits.txt").read_text(encoding="utf-8") == roll, "whose sounds were near"
    assert_sounds_as_then(out, then, version)
    worn = [path.name for path in (at_home[version] / "rosin" / "wear").rglob("*.npz")]
    assert worn == ["wear.npz"], "neither set aside as damaged nor begun anew"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_the_wear_of_an_old_model_is_heard(version: Path, at_home: dict[Path, Path], tmp_path: Path) -> None:
    command = ["render", "old", "--note", "57", "--seconds", "0.5", "-o"]
    assert main([*command, str(tmp_path / "worn.wav")]) == 0
    wear = at_home[version] / "rosin" / "wear"
    wear.rename(tmp_path / "wear")
    try:
        assert main([*command, str(tmp_path / "new.wav")]) == 0
    finally:
        (tmp_path / "wear").rename(wear)
    assert sounding(tmp_path / "worn.wav")["sha256"] != sounding(tmp_path / "new.wav")["sha256"]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_an_old_moment_goes_on_as_it_did(version: Path, at_home: dict[Path, Path]) -> None:
    paths, index = find_patches("old")
    engine = open_engine(read_patch(paths[index]))
    engine.restore(Snapshot.from_bytes((version / "takes" / "old.state").read_bytes()))
    assert_sounds_as_then(render(engine, 0.5), VALUES[version]["snapshot"], version)


@pytest.mark.parametrize(("version", "name"), cases("checks"))
def test_an_old_file_is_whole(
    version: Path, name: str, at_home: dict[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(version)
    assert main(["check", name]) == 0
    then = VALUES[version]["checks"][name]
    assert numbers(capsys.readouterr().out) == numbers(then), "seconds, gestures, blocks, latents"


def numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d.]*", text)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_an_old_take_has_its_gestures_and_an_old_rig_what_was_learned(version: Path) -> None:
    values = VALUES[version]
    take = read_take(version / "takes" / "old.jsonl")
    assert values["take"] == {
        "patch": take.patch, "seed": take.seed, "seconds": take.seconds, "gestures": len(take.events),
    }  # fmt: skip
    assert sorted({event.kind.name for event in take.events}) == values["kinds"]
    rig = read_rig(version / "rig.toml")
    assert values["rig"] == {"midi": list(rig.midi.bindings), "osc": list(rig.osc.bindings), "listen": rig.osc.listen}


@pytest.mark.parametrize("patch", ["old", "glass"])
@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_knobs_and_scenes_of_an_old_patch_are_there(
    version: Path, patch: str, at_home: dict[Path, Path], capsys: Any
) -> None:
    """``old`` has its scenes in its own file, those of a shipped patch lie in the player's folder."""
    assert main(["knobs", patch, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scenes"] == VALUES[version][f"scenes of {patch}"]
    knobs = {k["id"]: [k["low"], k["high"], k["start"]] for k in told["knobs"]}
    then = VALUES[version][f"knobs of {patch}"]
    assert {id: knobs.get(id) for id in then} == then


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_an_old_training_goes_on(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("scipy")
    torch = pytest.importorskip("torch")
    from instrument.training.export import writer

    monkeypatch.setattr(writer, "write_model", lambda *given, **more: None)  # which takes ten seconds
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)
    for folder in ("sounds", "runs"):
        shutil.copytree(version / folder, folder)
    threads = torch.get_num_threads()
    try:
        assert main(["train", "sounds", "--name", "tiny", "--resume", "--steps", "8", "--threads", "1", "--listen", "0",
                     "--no-pictures"]) == 0  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    assert "going on from step 6" in capsys.readouterr().err
    names, *rows = (line.split(",") for line in Path("runs/tiny/figures.csv").read_text().splitlines())
    then = VALUES[version]["trained on"]
    now = dict(zip(names, map(float, rows[-1]), strict=True))
    assert {name: now[name] for name in then} == pytest.approx(then, rel=1e-3)
