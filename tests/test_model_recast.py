"""A patch goes on any model: what fits is as it was, what does not is left out and told, its own file is untouched."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
import tomlkit
from doubles import tiny_card, tiny_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.base.paths import shipped
from instrument.documents.patch import mistakes_against, read_patch, table_of
from instrument.knobs import Label
from instrument.model.library.bundle import pack
from instrument.model.library.card_latents import Latent
from instrument.model.library.retarget import retarget
from instrument.storage.bank import open_part

CACHE = os.environ.get("XDG_CACHE_HOME")
PATCH = """schema = 1
name = "reed"
seed = 3
[model]
name = "far"
sha256 = "%s"
[voice]
note = 50
[knobs.loudness]
start = 0.0
label = { en = "breath", fr = "souffle" }
[knobs.z1]
start = 0.25
label = { en = "reed", fr = "anche" }
[knobs.z7]
start = 0.5
[friction]
difficulty = 4
[friction.knob.z1]
visc = 0.2
[friction.knob.z9]
visc = 0.1
[chance.knob.pitch]
drift = 0.02
[scenes.1.knobs]
z9 = 0.5
""" % ("a" * 64)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches" / "reed.toml").write_text(PATCH, encoding="utf-8")
    return tmp_path


@pytest.fixture
def patch(machine: Path) -> Path:
    return machine / "patches" / "reed.toml"


def test_what_fits_stays_and_what_does_not_is_told_at_once(machine: Path, patch: Path) -> None:
    card = tiny_model(machine / "models" / "near")
    before = patch.read_bytes()
    made = retarget(patch, "near", machine / "there")
    assert patch.read_bytes() == before
    assert made.path == machine / "there" / "reed.toml"
    assert (made.patch.model, made.patch.model_sha256) == ("near", card.sha256)
    assert made.left_out == ("z7", "z9", "pitch")
    assert made.unnamed == ("z1",)
    assert made.said() == ("near has no z7, z9, pitch: what reed says of that is left out; everything else is as the "
                           "patch has it.")  # fmt: skip
    assert "laissé de côté" in made.said("fr")
    table = table_of(made.patch, card.specs)
    assert mistakes_against(made.patch, table) == []
    knobs = {knob.id: knob for knob in table}
    assert knobs["z1"].label == Label("colour", "couleur"), "the patch's word was for what another model does"
    assert knobs["z1"].start == 0.25
    assert knobs["loudness"].label == Label("breath", "souffle")
    assert made.patch.friction_knobs["z1"] == {"visc": 0.2}
    assert (made.patch.name, made.patch.seed, made.patch.difficulty, made.patch.note) == ("reed", 3, 4, 50)
    assert open_part(read_patch(made.path), 0, provider="cpu").voice.card.sha256 == card.sha256


def test_a_model_that_has_all_leaves_nothing_out(machine: Path, patch: Path) -> None:
    latents = (Latent("pitch", Label("p", "p"), "pitch", 30.0, 90.0, 57.0), *tiny_card().latents,
               *(Latent(f"z{i}", Label("z", "z")) for i in range(2, 10)))  # fmt: skip
    tiny_model(machine / "models" / "wide", card=tiny_card(name="wide", latents=latents))
    made = retarget(patch, "wide", machine / "there")
    assert made.left_out == ()
    assert made.said() == ""
    assert made.patch.chance_knobs["pitch"] == {"drift": 0.02}


def test_a_bundle_and_a_folder_that_lie_elsewhere_are_played_by_whoever_reads_the_file(
    machine: Path, patch: Path
) -> None:
    tiny_model(machine / "elsewhere" / "far-off")
    pack(machine / "elsewhere" / "far-off", machine / "given.rosin.zip")
    for wanted in (machine / "given.rosin.zip", machine / "elsewhere" / "far-off"):
        os.environ["ROSIN_MODELS"] = str(machine / "models")
        made = retarget(patch, str(wanted), machine / "there")
        part = open_part(read_patch(made.path), 0, provider="cpu")
        assert part.voice.card.name == "far-off"
        assert str(machine / "models") in os.environ["ROSIN_MODELS"].split(os.pathsep)


def test_the_weightless_voice_needs_no_hash(machine: Path, patch: Path) -> None:
    made = retarget(patch, "null", machine / "there")
    assert made.patch.model == "null"
    assert "sha256" not in tomllib.loads(made.path.read_text(encoding="utf-8"))["model"]


@pytest.mark.parametrize("path", sorted(shipped("patches").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_patch_goes_on_a_model_of_one_knob(path: Path, machine: Path) -> None:
    tiny_model(machine / "models" / "one", card=tiny_card(name="one", latents=(Latent("z1", Label("a", "a")),)))
    made = retarget(path, "one", machine / "there")
    assert open_part(made.patch, 0, provider="cpu").table.playable_count == 1


def test_what_cannot_be_is_one_sentence(machine: Path, patch: Path) -> None:
    with pytest.raises(RosinError, match="there is no model 'nowhere'"):
        retarget(patch, "nowhere", machine / "there")
    with pytest.raises(RosinError, match="give a model's name, its folder, or its bundle"):
        retarget(patch, str(machine / "nowhere"), machine / "there")
    (machine / "bad.rosin.zip").write_bytes(b"PK" * 50)
    with pytest.raises(RosinError, match="is no bundle"):
        retarget(patch, str(machine / "bad.rosin.zip"), machine / "there")
    with pytest.raises(RosinError, match="would be replaced by itself"):
        retarget(patch, "null", patch.parent)
    assert patch.read_text(encoding="utf-8") == PATCH
    patch.write_text(PATCH.replace("difficulty = 4", 'difficulty = "much"').replace("note = 50", "note = 500"))
    with pytest.raises(ValidationErrors) as caught:
        retarget(patch, "null", machine / "there")
    assert len(caught.value.lines) == 2
    assert caught.value.where == str(patch), "the player's own file is named, and nothing is written"
    assert not (machine / "there").exists()


def test_a_visual_beside_the_patch_is_still_found(machine: Path, patch: Path) -> None:
    (patch.parent / "own.fs").write_text("// own")
    patch.write_text(PATCH + '[visual]\nfile = "own.fs"\n')
    made = retarget(patch, "null", machine / "there")
    assert made.patch.visual == str((patch.parent / "own.fs").resolve())


IDS = st.text("abz019_-", min_size=1, max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(here=st.sets(IDS, min_size=1, max_size=6), named=st.lists(IDS, max_size=8, unique=True))
def test_whatever_a_patch_names_it_fits_afterwards(here: set[str], named: list[str], machine: Path) -> None:
    latents = tuple(Latent(id, Label(id, id)) for id in sorted(here))
    folder = machine / "models" / "any"
    tiny_model(folder, card=tiny_card(name="any", latents=latents))
    table = tomllib.loads(PATCH)
    table["knobs"] = {id: {"start": 0.5, "label": "mine"} for id in named}
    table["friction"]["knob"] = {id: {"visc": 0.1} for id in named[::2]}
    path = machine / "patches" / "any.toml"
    path.write_text(tomlkit.dumps(table), encoding="utf-8")
    made = retarget(path, "any", machine / "there")
    card = tuple(latent.spec for latent in latents)
    assert mistakes_against(made.patch, table_of(made.patch, card)) == []
    assert set(made.patch.knobs) == here & set(named)
    assert set(named) - here <= set(made.left_out)
    assert set(made.unnamed) == here & set(named)


def test_a_patch_is_rendered_on_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from instrument.cli import main

    sums = []
    for more in ((), ("--model", "null"), ("--model", "nobody")):
        out = tmp_path / "a.wav"
        assert main(["render", "bow", "-o", str(out), "--seconds", "0.5", "--note", "50", *more]) == 0
        sums.append(capsys.readouterr().out)
    assert len({line for text in sums for line in text.splitlines() if "sha256" in line}) == 3
    assert main(["render", "bow", "-o", str(tmp_path / "b.wav"), "--model", "no-such"]) == 2
    assert "no-such" in capsys.readouterr().err


def test_a_patch_is_played_on_another_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from instrument.cli import main

    # the compiled laws are there; in an empty cache they would be compiled by every process anew
    monkeypatch.delenv("XDG_CACHE_HOME") if CACHE is None else monkeypatch.setenv("XDG_CACHE_HOME", CACHE)

    wanted = ["play", "bow", "--headless", "--device", "null", "--midi", "off", "--for", "1", "--model"]
    assert main([*wanted, "null", "--listen", "127.0.0.1:0"]) == 0
    assert "null" in capsys.readouterr().out
    assert main([*wanted, "no-such"]) == 2
