"""The command line: every verb explains itself, and what is asked wrongly is one sentence, exit 2, no traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.cli import main, parser

ROOT = Path(__file__).parent.parent
TAKE = str(ROOT / "examples" / "first-take.jsonl")
VERBS: list[list[str]] = [
    ["play"], ["render"], ["devices"], ["knobs"], ["check"], ["feels"], ["warm"], ["models"], ["models", "list"],
    ["models", "show"], ["models", "verify"], ["train"], ["bench"], ["bench", "decode"], ["bench", "latency"],
]  # fmt: skip
FIVE = """\
schema = 1
name = "p"
[model]
name = "null"
[voice]
note = 128
sounds = "never"
[friction]
stik = 0.1
knob.glass.visc = "thick"
[chance]
hazard = nan
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine of its own: no rig, no models, no patches but the shipped ones; where the tests stand."""
    home = tmp_path_factory.mktemp("machine")
    monkeypatch.setenv("ROSIN_RIG", str(home / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.delenv("ROSIN_MODELS", raising=False)
    monkeypatch.chdir(home)
    yield home
    assert not (home / "rig.toml").exists() or "learned" not in (home / "rig.toml").read_text()


def asked(*arguments: str) -> int:
    """The exit code, whichever way it comes."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of a wrong wish: one line on stderr, exit 2, nothing else."""
    assert asked(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rosin: ")
    assert len(err.splitlines()) == 1, err
    assert len(err) < 400
    return err


def shell(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "instrument", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=ROOT, **options
    )


# --- help


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_explains_itself_with_an_example(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(*verb, "--help") == 0
    out = capsys.readouterr().out
    assert re.search(rf"example: rosin {' '.join(verb)}\b", out)
    assert "usage: rosin " + " ".join(verb) in out


def test_every_verb_there_is_is_in_this_test() -> None:
    def verbs(part: Any, before: tuple[str, ...] = ()) -> Iterator[list[str]]:
        for action in part._actions:
            for name, inner in (action.choices or {}).items() if hasattr(action.choices, "items") else ():
                yield [*before, name]
                yield from verbs(inner, (*before, name))

    missing = [verb for verb in verbs(parser()) if verb not in VERBS]
    for verb in missing:
        assert asked(*verb, "--help") == 0, verb
    assert [verb for verb in VERBS if verb not in list(verbs(parser()))] == []


def test_the_examples_of_help_are_asked_rightly(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        asked(*verb, "--help")
        line = re.search(r"example: rosin (.*)", capsys.readouterr().out.replace("\n  ", " "))
        assert line
        import shlex

        parser().parse_args(shlex.split(line[1]))


def test_without_a_verb_the_verbs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked() == 2
    out = capsys.readouterr().out
    assert all(verb in out for verb in ("play", "render", "devices", "knobs", "check", "models", "train", "bench"))


@pytest.mark.parametrize("wrong", [["sing"], ["--nonsense"], ["models"], ["bench", "x"], ["render", "bow"]])
def test_an_unknown_wish_is_usage_and_exit_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(*wrong) == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: rosin")
    assert "Traceback" not in err


# --- wrong wishes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["play", "nothing"], "there is no patch 'nothing'; the patches here are bow"),
        (["play", "./nothing.toml"], "there is no patch file ./nothing.toml; `rosin check` lists the patches"),
        (["play", "--take", "nothing.jsonl"], "nothing.jsonl cannot be read (No such file or directory); give"),
        (["play", "--for", "-1"], "--for -1.0 is no length of time; give seconds, such as --for 20"),
        (["play", "--for", "nan"], "--for nan is no length"),
        (["play", "--block", "8"], "--block 8 is out of range; give 16 to 8192 frames"),
        (["play", "--ahead", "65"], "--ahead 65 is out of range; give 0 to 64 blocks"),
        (["play", "--seed", "-1"], "--seed -1 is no seed; give a whole number from 0 to"),
        (["play", "--rig", "/"], "/ cannot be read (Is a directory); give the path of a rig file"),
        (["knobs", "nothing"], "there is no patch 'nothing'"),
        (["knobs", "x" * 5000 + ".toml"], None),
        (["render", "nothing", "-o", "a.wav"], "there is no patch 'nothing'"),
        (["render", "nothing.jsonl", "-o", "a.wav"], "nothing.jsonl cannot be read"),
        (["render", "glass", "-o", "a.mp3"], "a.mp3 names no kind of sound file written here; end it with .wav"),
        (["render", "glass", "-o", "a.wav", "--seconds", "0"], "--seconds 0.0 is no length; give up to a day"),
        (["render", "glass", "-o", "a.wav", "--seconds", "inf"], "--seconds inf is no length"),
        (["render", "glass", "-o", "a.wav", "--block", "0"], "--block 0 is out of range; give 1 to 65536 frames"),
        (["render", "glass", "-o", "a.wav", "--seed", str(2**63)], f"--seed {2**63} is no seed"),
        (["render", "glass", "-o", "a.wav", "--note", "128"], "--note 128 is no MIDI note; give 0 to 127"),
        (["render", "glass", "-o", "a.wav", "--set", "nonsense"], "--set 'nonsense' sets nothing; write KNOB=RAW"),
        (["render", "glass", "-o", "a.wav", "--set", "level=2"], "--set 'level=2' sets nothing"),
        (["render", "glass", "-o", "a.wav", "--set", "level=nan"], "--set 'level=nan' sets nothing"),
        (["render", "glass", "-o", "a.wav", "--set", "glitter=0.5"], "there is no knob 'glitter'; the knobs here are"),
        (["render", "glass", "-o", "/dev/null/a.wav", "--seconds", "0.1"], "/dev/null/a.wav cannot be written"),
        (["render", "glass", "-o", "/proc/a.wav", "--seconds", "0.1"], "/proc/a.wav cannot be written"),
        (["render", "bow", "-o", "a.wav", "--patch", "glass"], "--patch is for a take, and bow is none"),
        (["render", TAKE, "-o", "a.wav", "--patch", "glass"], "there is no knob 'z1'; the knobs here are pitch"),
        (["models", "show", "nothing"], "there is no model 'nothing'; here are null"),
        (["models", "show", "./nothing"], "nothing holds no card.toml, so it is no model"),
        (["models", "verify", "nothing"], "there is no model 'nothing'"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_wrong_wish_is_one_sentence(
    arguments: list[str], said: str | None, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(*arguments) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert told.startswith(f"rosin: {said or ''}")
    assert told.endswith("\n")
    assert len(told.splitlines()) == 1
    assert ";" in told, "with the remedy"
    assert list(machine.iterdir()) == [], "nothing is left behind"


def test_a_broken_rig_is_told_line_by_line(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "rig.toml").write_text('schema = 1\n[sound]\nblock = 1\n[osc]\nroot = 5\n[folders]\ntakse = ""\n')
    for verb in (["knobs"], ["play"], ["render", "glass", "-o", "a.wav"], ["devices"], ["models", "list"]):
        assert asked(*verb) == 2
        err = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[1] for line in err] == ["sound.block", "osc.root", "folders.takse"]
    assert asked("check", "rig.toml") == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


# --- check


def test_five_mistakes_are_five_lines(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "p.toml").write_text(FIVE)
    assert asked("check", "p.toml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "p.toml: voice.note: 128 is too large; the range is 0 to 127",
        "p.toml: voice.sounds: 'never' does not fit; write one of gesture, always",
        "p.toml: friction.stik: unknown entry; did you mean 'stick'?",
        "p.toml: friction.knob.glass.visc: 'thick' does not fit; write a number",
        "p.toml: chance.hazard: nan is not a finite number; write one",
    ]
    for verb in (["knobs", "./p.toml"], ["play", "./p.toml"], ["render", "./p.toml", "-o", "a.wav"]):
        assert asked(*verb) == 2
        assert len(capsys.readouterr().err.splitlines()) == 5


def test_check_goes_through_every_file_and_says_what_each_is(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "p.toml").write_text(FIVE)
    (machine / "rig.toml").write_text("schema = 1\n")
    (machine / "t.jsonl").write_text('{"rosin": 1, "patch": "bow"}\n')
    assert asked("check", "p.toml", "rig.toml", "t.jsonl", str(ROOT / "patches" / "glass.toml"), "/nowhere") == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "rig.toml: a rig, whole",
        "t.jsonl: a take of 2 s with 0 gestures on patch bow",
        f"{ROOT}/patches/glass.toml: a patch on null with 8 latents, whole",
    ]
    assert len(err.splitlines()) == 6
    assert "/nowhere cannot be read (No such file or directory); give the path of a patch" in err


def test_check_knows_feels_accidents_and_streams(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "feels").mkdir()
    (machine / "feels" / "mine.toml").write_text('schema = 1\nname = "mine"\ntitle = "Mine"\n[friction]\nstik = 0.1\n')
    (machine / "a.npz").write_bytes(b"PK")
    (machine / "a.z").write_bytes(b"{}\n")
    assert asked("check", "feels/mine.toml", "a.npz", "a.z", str(ROOT / "feels" / "rust.toml")) == 2
    out, err = capsys.readouterr()
    assert out.strip().endswith("a feel called rust, whole")
    assert "friction.stik: unknown entry; did you mean 'stick'?" in err
    assert "a.npz is no kept accident" in err
    assert "a.z cannot be listened to again" in err


def test_the_feels_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked("feels") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("glass", "rosin", "rope", "clay", "rust", "stone"))


def test_every_shipped_patch_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked("check") == 0
    assert capsys.readouterr().out.count(", whole") == len(list((ROOT / "patches").glob("*.toml")))


@pytest.mark.parametrize("name", ["rig.toml", "x" * 300 + ".toml", "a\x00.toml", "a.jsonl", "\udcff"])
def test_check_of_what_is_not_there_is_a_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked("check", name) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


# --- what programs read


def told_as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert asked(*arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_the_knobs_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = told_as_json(capsys, "knobs", "glass", "--json")
    assert (told["patch"], told["model"]) == ("glass", "null")
    level = next(knob for knob in told["knobs"] if knob["id"] == "level")
    assert (level["address"], level["low"], level["high"], level["unit"]) == ("/rosin/knob/level", -60.0, 6.0, "dB")
    assert [knob["playable"] for knob in told["knobs"]] == sorted((k["playable"] for k in told["knobs"]), reverse=True)


def test_the_knobs_are_addressed_as_the_rig_says(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (machine / "rig.toml").write_text('schema = 1\nlanguage = "fr"\n[osc]\nroot = "/two"\n')
    assert told_as_json(capsys, "knobs", "--json")["knobs"][0]["address"] == "/two/knob/pitch"
    assert asked("knobs") == 0
    assert "intensité" in capsys.readouterr().out


def test_the_devices_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = told_as_json(capsys, "devices", "--json")
    assert "null" in [device["name"] for device in told["sound"]]
    assert isinstance(told["midi"]["ports"], list)


def test_the_models_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = told_as_json(capsys, "models", "list", "--json")
    assert {"null", "first-bow"} <= {model["name"] for model in told["models"]}
    assert all(model["folder"] == "" or len(model["sha256"]) == 64 for model in told["models"])


@pytest.mark.parametrize("kind", ["patch", "rig", "feel"])
def test_the_schemas_are_json_schemas(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = told_as_json(capsys, "check", "--schema", kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


# --- render


def test_a_patch_is_rendered_as_long_as_asked_and_twice_the_same(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = set()
    for block in ("128", "100"):
        assert asked("render", "storm", "-o", "new/a.wav", "--seconds", "0.25", "--seed", "5", "--block", block) == 0
        out = capsys.readouterr().out
        assert "new/a.wav: 0.25 s" in out
        assert "seed 5" in out
        digests.add(out.split("sha256 of the samples ")[1])
    assert len(digests) == 1
    info = soundfile.info(machine / "new" / "a.wav")
    assert (info.frames, info.channels, info.samplerate) == (12000, 2, 48000)


def test_a_knob_set_and_a_note_held_change_the_sound(capsys: pytest.CaptureFixture[str]) -> None:
    digests = set()
    for more in ([], ["--set", "loudness=0.9"], ["--note", "60"], ["--note", "60", "--set", "glass=1"]):
        assert asked("render", "glass", "-o", "a.flac", "--seconds", "0.25", *more) == 0
        digests.add(capsys.readouterr().out.split("sha256 of the samples ")[1])
    assert len(digests) == 4


def test_a_recording_says_what_was_played(machine: Path) -> None:
    assert asked("render", "glass", "-o", "a.wav", "--seconds", "0.1") == 0
    with soundfile.SoundFile(machine / "a.wav") as file:
        assert (file.title, file.artist) == ("glass", "Rosin developers")
        assert "seed 41" in file.comment


# --- through a shell


def test_python_m_instrument_prints_what_a_bug_report_needs() -> None:
    done = shell()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"python {sys.version.split()[0]} on ")
    assert [line.split()[0] for line in lines[1:]] == [
        "rosin", "numpy", "numba", "onnxruntime", "onnxruntime-gpu", "sounddevice", "soundfile", "supriya-midi",
        "mido", "python-osc",
    ]  # fmt: skip
    assert all(len(line.split()) == 2 for line in lines[1:])


def test_python_m_instrument_with_a_verb_is_the_command_line() -> None:
    done = shell("knobs", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rosin: there is no patch 'nothing'")
    assert "Traceback" not in done.stderr


def test_a_console_without_accents_is_no_reason_to_end() -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "ROSIN_LANGUAGE": "fr"}
    done = shell("knobs", env=plain)
    assert (done.returncode, done.stderr) == (0, "")
    assert "intensit\\xe9" in done.stdout


def test_a_reader_that_leaves_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "instrument", "knobs", "--json"], stdout=writing, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


# --- fuzz

WORDS = st.one_of(
    st.text(st.characters(exclude_characters="/\x00"), max_size=8),
    st.sampled_from(
        ["-o", "--out", "--seconds", "--seed", "--patch", "--block", "--set", "--note", "--rig", "--json", "--schema",
         "patch", "rig", "glass", "bow", "a.wav", "a.flac", "level=0.5", "level", "0.01", "-1", "nan", "inf", "1e400",
         "-h", "60", "--", "-", "--o", "--s", "a.jsonl", "rig.toml", ".", "..", "~", "~x/y", "\udcff", "é", "@x",
         "9" * 5000]
    ),
)  # fmt: skip


@pytest.mark.parametrize("verb", ["render", "check", "knobs"])
def test_whatever_is_asked_there_is_no_traceback(verb: str, capfd: pytest.CaptureFixture[str], machine: Path) -> None:
    (machine / "a.jsonl").write_text('{"rosin": 1, "patch": "\\ud800"}\n')
    start = ["glass", "--seconds", "0.01", "-o", "b.wav"] if verb == "render" else []

    @settings(deadline=None, max_examples=60)
    @given(words=st.lists(WORDS, max_size=5))
    def ask(words: list[str]) -> None:
        for arguments in (words, [*start, *words]):
            assert asked(verb, *arguments) in (0, 1, 2)
            assert "Traceback" not in capfd.readouterr().err

    ask()


def test_the_version_is_said_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"rosin \d+\.\d+\S*\n", capsys.readouterr().out)
