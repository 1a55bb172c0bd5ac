"""`rosin check` tells every mistake of every file at once; siblings that nobody asked for are quiet."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from doubles import tiny_model

from instrument import open_engine
from instrument.base.paths import find_patches
from instrument.cli import main
from instrument.model.runtime.wear import save_wear
from instrument.storage.bank import Bank
from instrument.storage.opening import Opening

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of its own."""
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong(capsys: pytest.CaptureFixture[str], *files: str) -> list[str]:
    """The mistakes told of files, without their names; a line each."""
    assert main(["check", *files]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return [line.split(": ", 1)[1] for line in err.splitlines()]


PATCH = """\
schema = 1
name = "p"
[model]
name = "null"
[voice]
note = 128
[knobs.sun]
start = 0.5
[friction]
feel = "velvet"
knob.moon.stick = 0.1
[chance]
knob.glass.drift = 0.1
[visual]
file = "nowhere.fs"
[scenes.1.knobs]
star = 0.5
"""


def test_an_entry_a_feel_knobs_a_visual_and_a_scene_are_told_in_one_go(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "p.toml").write_text(PATCH)
    told = wrong(capsys, "p.toml")
    assert [line.split(":")[0] for line in told] == [
        "voice.note", "friction.feel", "knobs.sun", "friction.knob.moon", "visual.file", "scenes.1.knobs.star",
    ]  # fmt: skip
    assert "there is no feel 'velvet'; the feels here: clay, glass" in told[1]
    for verb in (["knobs", "./p.toml"], ["render", "./p.toml", "-o", "a.wav"], ["play", "./p.toml"]):
        assert main(verb) == 2
        assert len(capsys.readouterr().err.splitlines()) == 5, "a scene keeps nobody from playing"


def test_an_unknown_feel_hides_no_knob_and_a_broken_one_is_told_line_by_line(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'schema = 1\nname = "p"\nmodel.name = "null"\nknobs.sun.start = 1\nfriction.feel = "FEEL"\n'
    (machine / "p.toml").write_text(text.replace("FEEL", "velvet"))
    assert [line.split(":")[0] for line in wrong(capsys, "p.toml")] == ["friction.feel", "knobs.sun"]
    feels = machine / "home" / "rosin" / "feels"
    feels.mkdir(parents=True)
    (feels / "odd.toml").write_text('schema = 1\nname = "odd"\ntitle = 5\n[friction]\nstik = 1\n')
    (machine / "p.toml").write_text(text.replace("FEEL", "odd"))
    told = wrong(capsys, "p.toml")
    assert [line.split(":")[0] for line in told] == ["friction.feel", "friction.feel", "knobs.sun"]
    assert "odd.toml: title: 5 does not fit" in told[0]


def test_a_model_that_is_not_here_hides_nothing_and_a_wrong_name_with_the_right_hash_is_told(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tiny_model(machine / "models" / "tiny")
    text = 'schema = 1\nname = "p"\nmodel = { name = "NAME", sha256 = "HASH" }\nfriction.feel = "velvet"\n'
    (machine / "p.toml").write_text(text.replace("NAME", "nothing").replace("HASH", "a" * 64))
    told = wrong(capsys, "p.toml")
    assert [line.split(":")[0] for line in told] == ["friction.feel", "model"]
    assert "there is no model 'nothing'; here are null, tiny" in told[1]
    (machine / "p.toml").write_text(
        text.replace("NAME", "nothing").replace("HASH", card.sha256).replace("velvet", "rope")
    )
    assert wrong(capsys, "p.toml") == [
        "model.name: there is no model 'nothing' with this sha256; it is that of 'tiny': write that name"
    ]
    assert main(["knobs", "./p.toml"]) == 0, "and it plays: a hash is surer than a name"
    shutil.move(machine / "models" / "tiny", machine / "models" / "mine")
    for name in ("tiny", "mine"):
        (machine / "p.toml").write_text(
            text.replace("NAME", name).replace("HASH", card.sha256).replace("velvet", "rope")
        )
        assert main(["check", "p.toml"]) == 0, "its card's name and its folder's are its own"


def test_a_rig_tells_its_root_its_folders_and_what_was_learned_beside_all_else(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "rig.toml").write_text(
        'schema = 1\n[sound]\nblock = 1\n[osc]\nroot = "x/"\n[folders]\ntakes = "~nobody-here/x"\n'
        '[[midi.bindings]]\nknob = "z1"\nkind = "horn"\n[[osc.bindings]]\nknob = "z1"\n'
    )
    told = [line.split(":")[0] for line in wrong(capsys, "rig.toml")]
    assert told[:3] == ["sound.block", "osc.root", "folders.takes"]
    assert told[3].startswith("midi.bindings[0]")
    assert told[4].startswith("osc.bindings[0]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[osc]\nlisten = "off"\necho = ["127.0.0.1:9001"]\ndetail = true\n', ["osc.echo, osc.detail does nothing"]),
        ('[midi]\napi = "off"\nports = ["nano"]\n[[midi.bindings]]\nknob = "z1"\nkind = "cc"\nnumber = 21\n',
         ["midi.ports, midi.bindings does nothing"]),
        ('[midi]\nports = ["24:0"]\n', ["midi.ports: '24:0' is in the name of every port"]),
        ('[stage]\nwindow = false\nfullscreen = true\nwidth = 1920\n', ["stage.fullscreen does nothing"]),
        ('[sound]\ndevice = "null"\ninput = true\n[folders]\nmodels = "/nowhere"\n',
         ["sound.input does nothing", "folders.models: there is no folder /nowhere"]),
        ('[osc]\necho = ["127.0.0.1:9001"]\n[midi]\nports = ["nano"]\n[stage]\nfullscreen = true\n', []),
    ],
)  # fmt: skip
def test_what_does_nothing_in_a_rig_is_told_and_is_no_mistake(
    text: str, said: list[str], machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "rig.toml").write_text(f"schema = 1\n{text}")
    assert main(["check", "rig.toml"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "rig.toml: a rig, whole"
    assert len(lines) == len(said)
    assert all(part in line for part, line in zip(said, lines, strict=True))
    monkeypatch.setenv("ROSIN_LANGUAGE", "fr")
    assert main(["check", "rig.toml"]) == 0
    assert capsys.readouterr().out.count("ne fait rien") == sum("does nothing" in part for part in said)


def test_a_network_that_cannot_be_is_a_mistake_of_the_rig_entry_by_entry(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "rig.toml").write_text(
        'schema = 1\n[osc]\nlisten = "9000"\nallow = ["10.0.0.0/99", "10.0.0.1"]\necho = ["127.0.0.1:0", "x"]\n'
    )
    assert [line.split(":")[0] for line in wrong(capsys, "rig.toml")] == ["osc.listen", "osc.allow", *["osc.echo"] * 2]


@pytest.mark.parametrize(
    ("section", "row", "keys"),
    [
        ("midi", 'kind = "cc"\nnumber = 6\nlow = 0.5\nhigh = 0.5\ntakover = "jump"\nchannel = 17',
         ["knob", "takover", "channel", "number", "high"]),
        ("midi", 'knob = "z1"\nkind = "horn"\nlow = 1\nmotion = "push"\npush = 0\ntouch = 4',
         ["kind", "high", "push", "touch"]),
        ("midi", 'knob = "z1"\nkind = "program"\nlow = 1\nmotor = true', ["kind", "high", "motor"]),
        ("midi", 'scene = 9\nkind = "bend"\nhigh = 0.5', ["scene", "kind", "high"]),
        ("midi", 'scene = 1\nkind = "note"\nnumber = 200\nknob = "z1"', ["knob", "number"]),
        ("midi", 'knob = "z1"\nkind = "cc14"\nnumber = 40\nmotor = "yes"\nmotion = "twos"', ["motor", "number"]),
        ("osc", 'address = "x"\nlow = 1\nbottom = 1\nhigher = 2', ["higher", "knob", "address", "high", "top"]),
        ("osc", 'address = "x"\nknob = "z1"\nlow = "deep"\nhigh = 0.0\ntop = 0', ["low", "address", "top"]),
    ],
)  # fmt: skip
def test_a_row_that_was_learned_tells_all_its_mistakes_and_hides_no_other_row(
    section: str, row: str, keys: list[str], machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = 'knob = "z2"\nkind = "horn"' if section == "midi" else 'knob = "z2"\naddress = "y"'
    (machine / "rig.toml").write_text(f"schema = 1\n[[{section}.bindings]]\n{row}\n[[{section}.bindings]]\n{last}\n")
    told = [line.split(":")[0] for line in wrong(capsys, "rig.toml")]
    assert told[:-1] == [f"{section}.bindings[0].{key}" for key in keys]
    assert told[-1].startswith(f"{section}.bindings[1].")


def test_a_row_that_is_no_table_hides_no_other(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "rig.toml").write_text('schema = 1\n[midi]\nbindings = [5, { knob = "z1", kind = "horn" }]\n')
    assert [line.split(":")[0] for line in wrong(capsys, "rig.toml")] == ["midi.bindings", "midi.bindings[1].kind"]


def test_credits_tell_of_every_sound_beside_what_is_wrong_above(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "credits.toml").write_text(
        'format = 1\nmodel = "m"\n[made]\nby = "A"\ndate = 5\n[[sounds]]\ntitle = "t"\nauthor = " "\nsource = "s"\n'
        f'licence = "NONSENSE"\nconsent = "yes"\nseconds = -1\nsha256 = "{"a" * 64}"\n'
    )
    told = [line.split(":")[0] for line in wrong(capsys, "credits.toml")]
    assert told == ["made.date", "sounds[0].seconds", "sounds[0].author", "sounds[0].licence"]


def test_a_take_tells_all_of_its_first_line_and_of_the_others(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "t.jsonl").write_text(
        '{"rosin": 1, "patch": "p", "seed": -1, "seconds": "x", "blend_ms": -5}\n{"t": 0, "knob": 5}\n{"t": "x"}\n'
    )
    told = [line.split(":")[:2] for line in wrong(capsys, "t.jsonl")]
    assert told == [["line 1", " seed"], ["line 1", " seconds"], ["line 1", " blend_ms"]], "its head alone"


def test_every_file_of_a_damaged_model_is_told(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_model(machine / "models" / "tiny", encoder=True)
    for name in ("decode.onnx", "encode.onnx"):
        (machine / "models" / "tiny" / name).write_bytes(b"x")
    (machine / "models" / "tiny" / "credits.toml").write_text("format = 7\n")
    told = wrong(capsys, "models/tiny")
    for name in ("decode.onnx", "encode.onnx", "credits.toml"):
        assert sum(f"{name} is not the file its card was written for" in line for line in told) == 1, told


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("machine.toml", 'schema = 1\n[sound]\nblock = 256\n[osc]\nlisten = "off"\n', "a rig, whole"),
        ("soft.toml", 'schema = 1\nname = "soft"\ntitle = "Soft"\n[friction]\nstick = 0.1\n', "a feel called soft"),
        ("bare", 'schema = 1\nname = "p"\nmodel.name = "null"\n', "a patch on null"),
        ("P.TOML", 'schema = 1\nname = "p"\nmodel.name = "null"\n', "a patch on null"),
    ],
)
def test_what_a_file_is_does_not_hang_on_its_name(
    name: str, text: str, kind: str, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / name).write_text(text)
    assert main(["check", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: {kind}")


def test_what_is_nothing_of_ours_is_told_as_that(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "notes.txt").write_text("a = 1\n")
    assert main(["check", "notes.txt"]) == 2
    assert "notes.txt is nothing of Rosin's that can be checked; give a patch, feel" in capsys.readouterr().err


def test_a_card_and_credits_are_checked_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "models" / "first-bow"
    assert main(["check", str(folder / "card.toml"), str(folder / "credits.toml"), str(ROOT / "visuals" / "rain.fs")
                 if (ROOT / "visuals" / "rain.fs").exists() else str(folder / "card.toml")]) == 0  # fmt: skip
    out = capsys.readouterr().out.splitlines()
    assert "the card of the model first-bow, whole" in out[0]
    assert "credits of" in out[1]


def test_a_folder_is_all_of_ours_in_it_and_nothing_else(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = machine / "set"
    place.mkdir()
    shutil.copy(ROOT / "patches" / "glass.toml", place)
    (place / "t.jsonl").write_text('{"rosin": 1, "patch": "bow"}\n')
    (place / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (place / "bad.toml").write_text('schema = 1\nmodel.name = "null"\n')
    (place / "notes.txt").write_text("words")
    os.mkfifo(place / "pipe.jsonl")
    tiny_model(place / "tiny")
    assert main(["check", "set"]) == 2
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["set/glass.toml", "set/t.jsonl", "set/tiny"]
    assert [line.split(" ")[0] for line in err.splitlines()] == ["set/bad.toml:", "set/pipe.jsonl"]
    (machine / "empty").mkdir()
    assert main(["check", "empty"]) == 2
    assert "no model" in capsys.readouterr().err


# --- siblings


def test_siblings_that_are_no_patches_are_passed_over_without_a_word(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = machine / "x"
    place.mkdir()
    shutil.copy(ROOT / "patches" / "glass.toml", place / "mine.toml")
    shutil.copy(ROOT / "patches" / "storm.toml", place / "other.toml")
    shutil.copy(ROOT / "models" / "first-bow" / "card.toml", place)
    shutil.copy(ROOT / "models" / "first-bow" / "credits.toml", place)
    shutil.copy(ROOT / "feels" / "rust.toml", place)
    shutil.copy(ROOT / "pyproject.toml", place)
    (place / "rig.toml").write_text("schema = 1\n[sound]\nblock = 256\n")
    (place / "scenes.toml").write_text('schema = 1\npatch = "x"\n')
    (place / "broken.toml").write_text("a = [[[\n")
    (place / "nothing.toml").symlink_to("nowhere")
    (place / "folder.toml").mkdir()
    os.mkfifo(place / "pipe.toml")
    (place / "half.toml").write_text('schema = 1\nname = "half"\n[model]\nname = \n')
    (place / "none.toml").write_text('schema = 1\nname = "none"\nmodel.name = "nothing"\nmodel.sha256 = "x"\n')
    paths, index = find_patches("./x/mine.toml")
    assert [path.name for path in paths] == ["half.toml", "mine.toml", "none.toml", "other.toml"]
    assert paths[index].name == "mine.toml"
    asked, _ = find_patches("./x/rig.toml")
    assert "rig.toml" in [path.name for path in asked], "what is asked for is told what it is"


def test_a_broken_sibling_is_told_of_only_when_somebody_goes_to_it(machine: Path) -> None:
    shutil.copy(ROOT / "patches" / "glass.toml", machine / "mine.toml")
    (machine / "none.toml").write_text('schema = 1\nname = "none"\nmodel.name = "null"\n')
    kept = machine / "home" / "rosin" / "accidents" / "none"
    kept.mkdir(parents=True)
    (kept / "a.npz").write_bytes(b"no accident")
    bank = Bank([machine / "mine.toml", machine / "none.toml"])
    bank.layer(0)
    bank.fill()
    assert bank.untold(0) == []
    (said,) = bank.untold(1)
    assert "a.npz is no kept accident" in said
    assert bank.untold(1) == [], "once"


def test_a_hundred_thousand_mistakes_are_told_in_a_moment_and_a_hundred_lines(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"stickk{i} = 1\n" for i in range(60_000))
    (machine / "p.toml").write_text(f'schema = 1\nname = "p"\nmodel.name = "null"\n[friction]\n{rows}')
    begin = time.process_time()
    told = wrong(capsys, "p.toml")
    assert time.process_time() - begin < 5.0
    assert len(told) == 101
    assert "friction.stickk0: unknown entry; did you mean 'stick'?" in told
    assert told[-1] == "and 59900 more mistakes; mend these first"


# --- files of numbers


def told_whole(capsys: pytest.CaptureFixture[str], file: str) -> str:
    """What is said of a file that is whole, without its name."""
    assert main(["check", file]) == 0
    return capsys.readouterr().out.split(": ", 1)[1].strip()


def test_the_opening_of_a_take_is_told_with_its_patch_and_model(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine("glass")
    whole = Opening.of(engine, "glass-20260101-200000").to_bytes()
    (machine / "t.state").write_bytes(whole)
    model = engine.layer.voice.card.name
    said = f"the opening of the take glass-20260101-200000, on patch glass and model {model}, whole"
    assert told_whole(capsys, "t.state") == said
    (machine / "old.state").write_bytes(engine.snapshot().to_bytes())
    (machine / "slot-1.npz").write_bytes(engine.snapshot().to_bytes())
    for name in ("old.state", "slot-1.npz"):
        assert told_whole(capsys, name) == f"a snapshot of patch glass on model {model}, whole"
    monkeypatch.setenv("ROSIN_LANGUAGE", "fr")
    assert told_whole(capsys, "t.state").endswith(f"sur le patch glass et le modèle {model}, en ordre")
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    (machine / "t.state").write_bytes(whole[: len(whole) // 2])
    (machine / "text.state").write_text("a take")
    for name in ("t.state", "text.state", "none.state"):
        (line,) = wrong_lines(capsys, name)
        assert name in line
        assert "; " in line, "with its remedy"


def wrong_lines(capsys: pytest.CaptureFixture[str], *files: str) -> list[str]:
    assert main(["check", *files]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_state_on_a_model_that_is_not_here_says_so(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = open_engine("glass").snapshot()
    (machine / "t.state").write_bytes(replace(kept, voice=replace(kept.voice, model="c" * 64)).to_bytes())
    assert told_whole(capsys, "t.state") == "a snapshot of patch glass on model cccccccccccc… (none here), whole"


def test_wear_atlas_reference_and_pitches_are_known(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_wear(machine / "wear.npz", {"a": np.array([7200.0, 0.0]), "b": np.zeros(3)})
    assert told_whole(capsys, "wear.npz") == "the wear of 5 channels of a model, at most 2.0 hours, whole"
    save_wear(machine / "wear.npz", {"a": np.array([-1.0])})
    (line,) = wrong_lines(capsys, "wear.npz")
    assert "wear.npz is no wear of a model" in line
    folder = ROOT / "models" / "first-bow"
    assert told_whole(capsys, str(folder / "atlas.npz")).startswith("an atlas of ")
    assert told_whole(capsys, str(folder / "reference.npz")).startswith("a reference of 64 frames")
    np.savez(
        machine / ".rosin-pitch.npz", **{f"{'a' * 64}.48000.128.5": np.zeros((2, 3)), f"{'b' * 64}.1": np.zeros(1)}
    )
    assert told_whole(capsys, ".rosin-pitch.npz") == "the pitches of 2 training sounds, whole"
    np.savez(machine / "x.npz", what=np.zeros(3))
    (line,) = wrong_lines(capsys, "x.npz")
    assert "x.npz is no kept accident" in line


def test_a_state_beside_its_take_is_looked_at_in_a_folder(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "set").mkdir()
    (machine / "set" / "t.state").write_bytes(b"PK")
    (line,) = wrong_lines(capsys, "set")
    assert line.startswith("set/t.state is damaged")
