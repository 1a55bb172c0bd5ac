"""`rosin train` as an artist meets it: several folders, odd files, every option, a run stopped and gone on with."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from training_sounds import RATE, tone, tone_folder, write_credits

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from instrument.base.errors import RosinError, ValidationErrors
from instrument.cli import main
from instrument.training import choices
from instrument.training.arguments import AUTO, add_arguments
from instrument.training.choices import TrainOptions
from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.data.tones import ringing
from instrument.training.learning import pictures
from instrument.training.learning.energy import WATTS_PER_CORE, WATTS_PER_GPU, EnergyMeter, Nvml, Rapl
from instrument.training.learning.listening import FIGURES, Listener, in_words
from instrument.training.learning.loop import TrainingLoop, new_loop, one_step
from instrument.training.learning.progress import Budget, Display, duration, energy_words
from instrument.training.network.shape import Shape

TINY = Shape(latents=3, width=24, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)
SMALL = ["--threads", "1", "--size", "2", "--seconds", "0.2", "--width", "24", "--latents", "3"]


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(tone_folder(tmp_path_factory.mktemp("tones")), RATE, 128)


def figures_in(run: Path) -> list[dict[str, str]]:
    with (run / FIGURES).open(newline="") as file:
        return list(csv.DictReader(file))


def odd_folder(folder: Path) -> Path:
    """Three sounds, one broken file, one silent one, and a 96 kHz stereo one."""
    tone_folder(folder, (52, 57, 62), 0.6)
    (folder / "broken.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEnothing of the kind")
    soundfile.write(folder / "silent.flac", np.zeros(RATE // 2, np.float32), RATE)
    fast = tone(64, 0.6, 96000)
    soundfile.write(folder / "fast.flac", np.stack([fast, 0.5 * fast], 1), 96000)
    names = sorted(p.name for p in folder.iterdir() if p.suffix in (".wav", ".flac"))
    write_credits(folder, *names)
    return folder


# --- through the command line


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was given to the export, which has tests of its own and takes half a minute."""
    from instrument.training.export import writer

    rows: list[dict[str, Any]] = []

    def write_model(network: Any, corpus: Any, folder: Path, making: writer.Making) -> Path:
        said = {field.name: getattr(making, field.name) for field in fields(making)}
        rows.append({"network": network, "corpus": corpus, "folder": folder, **said})
        return folder

    monkeypatch.setattr(writer, "write_model", write_model)
    return rows


def test_a_folder_with_odd_files_trains_and_each_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: list[dict[str, Any]]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    folder, other = odd_folder(tmp_path / "sounds"), tone_folder(tmp_path / "more", (69,), 0.6)
    begin = ["train", str(folder), str(other), "--name", "odd", *SMALL]
    assert main([*begin, "--steps", "12", "--listen", "0", "--tones", "0", "--no-pictures"]) == 0
    said = capsys.readouterr().err
    left_out = [line for line in said.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == 2
    for name, line in zip(("broken.wav", "silent.flac"), sorted(left_out), strict=True):
        assert line.startswith(f"left out: sounds/{name}")
        assert "; " in line, "what is wrong; the remedy"
    assert "resampled from 96000 Hz and mixed from 2 channels to one: sounds/fast.flac" in said
    assert "4 sounds, " in said
    assert "1 held out, never learned from: " in said
    assert re.search(r"s a step \(cpu, fp32\): 1 steps, \d+ s, about .*estimate: 15 W for each of 1 busy", said)
    assert re.search(r"step 12, 1 held-out sounds: spectral distance [\d.]+ dB", said)
    assert "Traceback" not in said
    assert (written[0]["steps"], written[0]["seed"], written[0]["threads"]) == (12, 0, 1)
    assert written[0]["folder"] == Path("models/odd")
    assert sorted(clip.name for clip in written[0]["corpus"].clips) == sorted(
        ["more/tone69.wav", "sounds/fast.flac", "sounds/tone52.wav", "sounds/tone57.wav", "sounds/tone62.wav"]
    )
    energy = written[0]["energy"]
    assert energy.wh > 0.0
    assert not energy.measured
    # what was said at the beginning need not be said again
    assert main(["train", str(folder), str(other), "--name", "odd", "--resume", "--steps", "14", "--threads", "1"]) == 0
    said = capsys.readouterr().err
    assert "going on from step 12" in said
    run = tmp_path / "runs" / "odd"
    kept = torch.load(run / "checkpoint.pt", weights_only=True)
    assert (kept["step"], kept["size"], kept["frames"], kept["shape"]["width"]) == (14, 2, 75, 24)
    assert written[1]["energy"].wh > energy.wh
    assert [row["step"] for row in figures_in(run)] == ["12", "14"]
    drawn = {path.name for path in run.glob("*.png")}
    assert drawn == ({"step-000014.png", "loss.png"} if pictures.can_draw() else set())
    # and what contradicts it is refused
    for more, wrong in ((["--family", "conv"], "--family harmonic; go on with that"), (["--seed", "5"], "--seed 0")):
        assert main([*begin, "--resume", *more]) == 2
        assert wrong in capsys.readouterr().err


def test_nothing_trains_without_credits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    one, two = tone_folder(tmp_path / "one"), tone_folder(tmp_path / "two")
    (two / "credits.toml").unlink()
    assert main(["train", str(one), str(two), "--name", "n", "--steps", "1", *SMALL]) == 2
    said = capsys.readouterr().err
    assert "two has no credits.toml, so nobody is credited" in said.replace("\n", " ")
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_being_asked_to_stop_writes_the_model_as_it_is(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    written: list[dict[str, Any]],
) -> None:  # fmt: skip
    from instrument.training.learning import loop as loops

    def step(loop: TrainingLoop, *more: Any) -> list[float]:
        if loop.step == 2:
            os.kill(os.getpid(), how)
        return one_step(loop, *more)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loops, "one_step", step)
    folder = tone_folder(tmp_path / "sounds")
    assert main(["train", str(folder), "--name", "short", "--steps", "100000", "--tones", "0", *SMALL]) == 0
    assert "stopped at step 3; go on with --resume" in capsys.readouterr().err
    assert written[0]["steps"] == 3
    kept = torch.load(tmp_path / "runs" / "short" / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 3
    for name, weights in written[0]["network"].state_dict().items():
        assert torch.equal(weights, kept["network"][name])


# --- sources


def test_two_folders_and_a_file_out_of_a_third_are_one_corpus(tmp_path: Path) -> None:
    one, two, three = (tone_folder(tmp_path / n, notes) for n, notes in
                       (("one", (50, 52, 54)), ("two", (60,)), ("three", (70, 71))))  # fmt: skip
    corpus = read_corpus([one, two, three / "tone70.wav"], RATE, 128)
    names = [clip.name for clip in corpus.clips]
    assert names == ["one/tone50.wav", "one/tone52.wav", "one/tone54.wav", "two/tone60.wav", "tone70.wav"]
    assert len(corpus.held_out) == 1, "a tenth of all of them, at least one"


def test_a_sound_in_two_folders_is_taken_once(tmp_path: Path) -> None:
    one, two = tone_folder(tmp_path / "one", (50, 52)), tone_folder(tmp_path / "two", (52, 54))
    corpus = read_corpus([one, two], RATE, 128)
    assert [clip.name for clip in corpus.clips] == ["one/tone50.wav", "one/tone52.wav", "two/tone54.wav"]
    assert corpus.warnings == ("two/tone52.wav is the same sound as one/tone52.wav; it is taken once",)


def test_marks_of_one_folder_hold_and_the_others_give_their_tenth(tmp_path: Path) -> None:
    one, two = tone_folder(tmp_path / "one", (40, 42)), tone_folder(tmp_path / "two", tuple(range(50, 62)), 0.2)
    text = (one / "credits.toml").read_text()
    (one / "credits.toml").write_text(text.replace('file = "tone42.wav"', 'file = "tone42.wav"\nheld_out = true'))
    held = [clip.name for clip in read_corpus([one, two], RATE, 128).held_out]
    assert held[0] == "one/tone42.wav"
    assert len(held) == 2
    assert held[1].startswith("two/")
    (one / "credits.toml").write_text(text.replace("consent =", "held_out = true\nconsent ="))
    with pytest.raises(RosinError, match="nothing to learn from"):
        read_corpus(one, RATE, 128)


def test_a_lone_file_needs_its_own_credit_only(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path, (50, 52, 54))
    text = (folder / "credits.toml").read_text().replace('author = "the tests"', 'author = ""', 1)
    (folder / "credits.toml").write_text(text)  # the first one's is incomplete
    assert len(read_corpus([folder / "tone52.wav", folder / "tone54.wav"], RATE, 128).clips) == 2
    with pytest.raises(ValidationErrors, match="author"):
        read_corpus([folder / "tone50.wav", folder / "tone54.wav"], RATE, 128)


# --- choices


def test_tones_are_for_sounds_that_no_pitch_explains(tmp_path: Path, corpus: Corpus) -> None:
    assert choices.tones_for(corpus)[0] == 0
    t = np.arange(RATE) / RATE
    rng = np.random.default_rng(3)
    for i in range(4):
        bell = sum(np.sin(2 * np.pi * hz * t) * np.exp(-3 * t) for hz in rng.uniform(300, 6000, 12))
        soundfile.write(tmp_path / f"bell{i}.wav", 0.05 * bell, RATE)
    write_credits(tmp_path, *(f"bell{i}.wav" for i in range(4)))
    bells = read_corpus(tmp_path, RATE, 128)
    count, why = choices.tones_for(bells)
    assert count == choices.TONES
    assert f"{count} fixed tones" in why
    for said in (None, AUTO):
        assert choices.listened(TrainOptions(tones=said), Shape(), bells)[0].tones == count
    assert choices.listened(TrainOptions(tones=0), Shape(), bells)[0].tones == 0
    assert choices.listened(TrainOptions(), Shape(family="conv"), bells)[0].tones == 0


def test_tones_are_tuned_before_the_first_step_and_kept(corpus: Corpus, tmp_path: Path) -> None:
    shape = Shape(latents=3, width=24, dilations=(1,), harmonics=12, bands=8, note_step=1.0, tones=6)
    run = new_loop(shape, 0, "cpu")
    evenly = run.network.decoder.tone_hz.clone()
    choices.tuned(run.network, corpus)
    hz = run.network.decoder.tone_hz.numpy()
    assert not np.allclose(hz, evenly.numpy())
    np.testing.assert_allclose(hz, ringing(corpus, 6), rtol=1e-6)
    one_step(run, corpus, 2, 56, 0.1)
    run.save(tmp_path / "c.pt")
    again = new_loop(shape, 0, "cpu")
    again.load(tmp_path / "c.pt")
    assert torch.equal(again.network.decoder.tone_hz, run.network.decoder.tone_hz)
    assert torch.equal(again.plain().decoder.tone_table, run.network.decoder.tone_table)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (TrainOptions(family="conv", tones=8), "no fixed tones"), (TrainOptions(latents=0), "--latents 8"),
        (TrainOptions(width=4), "--width 128"), (TrainOptions(width=100), "multiple of 8"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(said: TrainOptions, wrong: str) -> None:
    with pytest.raises(RosinError, match=wrong) as refusal:
        choices.shape_for(said, None)
    assert "\n" not in str(refusal.value)


def test_defaults_go_by_family_and_machine() -> None:
    assert choices.shape_for(TrainOptions(), None) == Shape()
    assert choices.shape_for(TrainOptions(family="excited"), None) == Shape(family="excited", width=choices.CONV_WIDTH)
    assert choices.crops_for(TrainOptions(), None, False, Shape()) == (8, 160)
    assert choices.crops_for(TrainOptions(), None, True, Shape())[0] > 8
    assert choices.crops_for(TrainOptions(seconds=0.5, size=3), None, False, Shape()) == (3, 188)
    for seconds in (0.05, 60.0):
        with pytest.raises(RosinError, match="--seconds"):
            choices.crops_for(TrainOptions(seconds=seconds), None, False, Shape())
    judged = [
        choices.judges_for(TrainOptions(adversarial=said), None, gpu, Shape(family=family))
        for said, gpu, family in ((None, False, "conv"), (None, True, "conv"), (None, True, "harmonic"),
                                  (True, False, "harmonic"), (False, True, "conv"))
    ]  # fmt: skip
    assert judged == ["", "large", "", "small", ""]


def test_a_run_gone_on_with_keeps_its_choices() -> None:
    kept = {"shape": TINY.table(), "size": 5, "frames": 99, "judging": "large", "phase": 2}
    assert choices.shape_for(TrainOptions(), kept) == TINY
    assert choices.crops_for(TrainOptions(), kept, False, TINY) == (5, 99)
    assert choices.judges_for(TrainOptions(), kept, False, TINY) == "large"
    for said, wrong in ((TrainOptions(width=32), "--width 24"), (TrainOptions(tones=4), "--tones 0")):
        with pytest.raises(RosinError, match=wrong):
            choices.shape_for(said, kept)
    with pytest.raises(RosinError, match="joined"):
        choices.judges_for(TrainOptions(adversarial=False), kept, False, TINY)


def test_every_option_is_explained_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert all(action.help for action in parser._actions)
    got = parser.parse_args(["a", "b", "--name", "n", "--tones", "auto", "--no-compile", "--adversarial"])
    assert (got.sounds, got.tones, got.compiled, got.adversarial) == ([Path("a"), Path("b")], AUTO, False, True)
    assert parser.parse_args(["a", "--name", "n"]).tones is None
    for wrong in ("many", "-1", "1000"):
        with pytest.raises(SystemExit):
            parser.parse_args(["a", "--name", "n", "--tones", wrong])
    assert "say auto, or how many" in capsys.readouterr().err


def test_every_option_reaches_the_training_and_what_is_unsaid_is_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    from instrument.training import train as room

    parser, told = argparse.ArgumentParser(), []
    add_arguments(parser)
    monkeypatch.setattr(room, "train", lambda *given: told.append(given))
    begin = ["a", "--name", "n"]
    room.run(parser.parse_args(begin))
    assert told.pop() == ([Path("a")], "n", Path("models"), TrainOptions())
    words = {
        "--title": ["A", "B"], "--by": ["me"], "--licence": ["CC0-1.0"], "--runs": ["r"], "--steps": ["3"],
        "--resume": [], "--save-every": ["4"], "--listen": ["5"], "--no-pictures": [], "--family": ["conv"],
        "--tones": ["6"], "--latents": ["7"], "--width": ["8"], "--no-adversarial": [], "--seed": ["0"],
        "--device": ["cuda"], "--threads": ["9"], "--precision": ["bf16"], "--no-compile": [], "--size": ["10"],
        "--seconds": ["11"],
    }  # fmt: skip
    flags = {flag for action in parser._actions for flag in action.option_strings}
    assert set(words) | {"--minutes", "--out", "--name", "--adversarial", "--compile", "--help", "-h"} == flags
    room.run(
        parser.parse_args([*begin, "--out", "o", *(word for flag, more in words.items() for word in (flag, *more))])
    )
    assert told.pop() == (
        [Path("a")],
        "n",
        Path("o"),
        TrainOptions(
            "conv", 6, 7, 8, 0, 10, 11.0, False, steps=3, device="cuda", precision="bf16", compiled=False, threads=9,
            runs=Path("r"), resume=True, save_every_s=4.0, listen=5.0, pictured=False, title=("A", "B"), by="me",
            licence="CC0-1.0",
        ),
    )  # fmt: skip
    room.run(parser.parse_args([*begin, "--minutes", "2"]))
    assert told.pop()[3] == TrainOptions(minutes=2.0)


# --- energy


def fake_rapl(root: Path, **zones: tuple[str, int, int]) -> Path:
    for zone, (name, energy_uj, most_uj) in zones.items():
        folder = root / zone.replace("_", ":")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(name + "\n")
        (folder / "energy_uj").write_text(f"{energy_uj}\n")
        (folder / "max_energy_range_uj").write_text(f"{most_uj}\n")
    return root


ZONES = {"intel-rapl_0": ("package-0", 9_000_000, 10_000_000), "intel-rapl_0_0": ("core", 100, 10_000_000),
         "intel-rapl_0_1": ("dram", 1_000_000, 10_000_000), "intel-rapl_1": ("psys", 5, 10_000_000)}  # fmt: skip


def test_counters_are_read_and_wrap_round(tmp_path: Path) -> None:
    rapl = Rapl(fake_rapl(tmp_path, **ZONES))
    assert rapl.poll() == 0.0
    fake_rapl(tmp_path, **{"intel-rapl_0": ("package-0", 9_500_000, 10_000_000),
                           "intel-rapl_0_0": ("core", 900_000, 10_000_000)})  # fmt: skip
    assert rapl.poll() == pytest.approx(0.5), "cores are part of their package"
    fake_rapl(tmp_path, **{"intel-rapl_0": ("package-0", 250_000, 10_000_000),
                           "intel-rapl_0_1": ("dram", 3_000_000, 10_000_000)})  # fmt: skip
    assert rapl.poll() == pytest.approx(0.75 + 2.0), "past its range it begins again at 0"


def test_energy_is_measured_where_it_can_be_and_else_marked_as_an_estimate(tmp_path: Path) -> None:
    now = [0.0]
    meter = EnergyMeter(2, rapl=Rapl(tmp_path / "nothing"), clock=lambda: now[0])
    now[0] = 10.0
    assert meter.poll() == pytest.approx(20.0 * WATTS_PER_CORE)
    assert not meter.measured
    assert "an estimate" in meter.how
    root = fake_rapl(tmp_path, **ZONES)
    meter = EnergyMeter(2, rapl=Rapl(root), clock=lambda: now[0])
    now[0] = 20.0
    fake_rapl(root, **{"intel-rapl_0": ("package-0", 9_700_000, 10_000_000)})
    assert meter.poll() == pytest.approx(0.7)
    assert meter.measured
    assert "RAPL" in meter.how
    (root / "intel-rapl:0" / "energy_uj").write_text("gone")  # somebody takes the right to read it away
    now[0] = 21.0
    assert meter.poll() == pytest.approx(2.0 * WATTS_PER_CORE)
    assert not meter.measured
    (root / "intel-rapl:0" / "energy_uj").unlink()
    assert Rapl(root).zones == []


class FakeNvml:
    """pynvml, as far as it is used; millijoules."""

    def __init__(self) -> None:
        self.energy = 5000

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return self.energy


def test_a_gpu_is_measured_by_nvml_and_else_guessed(tmp_path: Path) -> None:
    now, nvml = [0.0], FakeNvml()
    meter = EnergyMeter(0, True, nvml=Nvml(nvml), clock=lambda: now[0])
    nvml.energy += 2500
    now[0] = 1.0
    assert meter.poll() == pytest.approx(2.5)
    assert meter.measured
    meter = EnergyMeter(0, True, clock=lambda: now[0])
    now[0] = 3.0
    assert meter.poll() == pytest.approx(2.0 * WATTS_PER_GPU)
    assert not meter.measured
    assert "guessed" in meter.how


def test_energy_adds_up_over_runs(corpus: Corpus, tmp_path: Path) -> None:
    from instrument.training.learning.loop import LearnOptions, learn

    run = new_loop(TINY, 0, "cpu")
    learn(run, corpus, Budget(steps=2), tmp_path / "c.pt", LearnOptions(size=2, frames=56, quiet=True))
    first = run.joules
    assert first > 0.0
    again = new_loop(TINY, 0, "cpu")
    again.load(tmp_path / "c.pt")
    assert again.joules == first
    learn(again, corpus, Budget(steps=4), None, LearnOptions(size=2, frames=56, quiet=True))
    assert again.joules > first
    assert again.energy().wh == pytest.approx(again.joules / 3600.0, abs=1e-3)


# --- what is said along the way


def told(loop: TrainingLoop, budget: Budget, steps: int, took_s: float) -> str:
    import io

    from rich.console import Console

    out = io.StringIO()
    display = Display(budget, Console(file=out, width=300))
    for _ in range(steps):
        loop.step += 1
        loop.seconds += took_s
        loop.joules += 15.0 * took_s
        display.step(loop, budget.spent(loop.step, loop.seconds), took_s)
    return out.getvalue()


def test_the_first_steps_tell_how_long_and_how_much() -> None:
    loop = new_loop(TINY, 0, "cpu")
    loop.energy_is = "an estimate"
    assert told(loop, Budget(steps=3611), 10, 0.5) == ""
    loop.step, loop.seconds, loop.joules = 0, 0.0, 0.0
    assert told(loop, Budget(steps=3611), 11, 0.5) == (
        "0.5 s a step (cpu, fp32): 3,600 steps, 30 min, about 7.5 Wh (an estimate)\n"
    )
    loop.step, loop.seconds, loop.joules = 0, 0.0, 0.0
    assert "7,189 steps, 60 min, about 15 Wh" in told(loop, Budget(minutes=60.0), 11, 0.5)


def test_without_a_terminal_there_are_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from instrument.training.learning import progress

    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.__setitem__(0, now[0] + 1.0) or now[0])
    loop = new_loop(TINY, 0, "cpu")
    lines = told(loop, Budget(steps=7200), 7200, 1.0).splitlines()  # two hours
    assert 20 < len(lines) < 60
    assert re.search(r"^\d+ %, step \d+, .* left$", lines[-1])


def test_times_and_energies_read_well() -> None:
    assert [duration(s) for s in (12, 89, 600, 11100, 187200)] == ["12 s", "89 s", "10 min", "3 h 05 min", "2 days 4 h"]
    assert [energy_words(wh) for wh in (0.1, 0.6, 7.5, 42.0, 2300.0)] == [
        "360 J",
        "2.2 kJ",
        "7.5 Wh",
        "42 Wh",
        "2.3 kWh",
    ]
    assert in_words({"x": 1.0, "spectral_distance_db": 5.432, "pitch_30_cents_share": 0.871}) == (
        "spectral distance 5.43 dB, pitch 30 cents 87 %"
    )


def test_listening_measures_writes_and_changes_nothing(corpus: Corpus, tmp_path: Path) -> None:
    loop = new_loop(TINY, 0, "cpu")
    one_step(loop, corpus, 2, 56, 0.1)
    weights = [p.clone() for p in loop.network.parameters()]
    listener = Listener(tmp_path, 10.0, pictured=False)
    assert not listener.is_time(0.0)
    assert not listener.is_time(599.0)
    assert listener.is_time(600.0)
    (tmp_path / FIGURES).write_text("step,other\n1,2\n")  # of another version: begun anew
    line = listener.listen(loop, corpus)
    assert "\n" not in line
    loop.step = 9
    listener.listen(loop, corpus)
    loop.step = 5  # killed and gone on with from before
    listener.listen(loop, corpus)
    rows = figures_in(tmp_path)
    assert [row["step"] for row in rows] == ["1", "5"]
    assert float(rows[0]["spectral_distance_db"]) > 0.0
    assert all(torch.equal(a, b) for a, b in zip(weights, loop.network.parameters(), strict=True))
    assert not Listener(tmp_path, 0.0).is_time(1e9)
    nowhere = Listener(tmp_path / "gone", 10.0, pictured=False)
    assert "not written" in nowhere.listen(loop, corpus)


def test_pictures_show_partials_where_they_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    t = np.arange(RATE) / RATE
    for hz in (200.0, 3000.0, 12000.0):
        levels = pictures.spectrogram(0.5 * np.sin(2 * np.pi * hz * t), RATE)
        middle = levels[:, levels.shape[1] // 2]
        assert abs(int(middle.argmax()) - pictures.row_of(hz)) <= 3.0
        assert middle.max() == pytest.approx(-6.0, abs=1.5)
    pair = ("a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), 0.01 * np.sin(2 * np.pi * 440 * t))
    pictures.draw_spectrograms(tmp_path / "s.png", [pair] * 3, RATE, "after 3 steps")
    with Image.open(tmp_path / "s.png") as image:
        picture = np.asarray(image.convert("RGB")).astype(float).mean(2)
    assert picture.shape[1] > 1000
    half = picture.shape[0] // 2
    assert picture[:half].max() > 200.0
    assert (picture[:half] > 150).sum() > (picture[half:] > 150).sum(), "the softer one is darker on the same scale"
    history = [[10.0 * i, 5.0 / i, 3.0 / i, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0 + (i > 20)] for i in range(1, 41)]
    figures = [{"step": 10.0, "a_db": 9.0}, {"step": 200.0, "a_db": 6.0}]
    pictures.draw_loss(tmp_path / "one.png", history, figures[:1])
    pictures.draw_loss(tmp_path / "two.png", [row[:5] for row in history], figures)
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert two.size[1] > one.size[1], "with two measurements there is a curve of them"
    assert not list(tmp_path.glob("*.part"))


def test_a_curve_is_smoothed_without_being_moved() -> None:
    line = np.arange(100.0)
    assert np.allclose(pictures.smooth(line, 10)[10:-10], line[10:-10])
    assert json.dumps(pictures.smooth(np.ones(3), 25).tolist()) == "[1.0, 1.0, 1.0]"
