"""A run that is killed, stopped or has two phases learns what one that was left alone would have."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from training_sounds import RATE, tone_folder

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from training_child import FRAMES, TINY, child

from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.learning import checkpoint as checkpoints
from instrument.training.learning.loop import Budget, LearnOptions, TrainingLoop, learn, new_loop, one_step
from instrument.training.learning.objective import ADVERSARY, SPECTRA

CHILD = str(Path(__file__).with_name("training_child.py"))
STEPS = 20
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tone_folder(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def corpus(sounds: Path) -> Corpus:
    return read_corpus(sounds, RATE, 128)


@pytest.fixture(scope="module")
def whole(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingLoop:
    """Twenty steps without a break, the last eight with judges."""
    return child(sounds, tmp_path_factory.mktemp("whole") / "c.pt", STEPS, 2, "small")


def same_weights(a: TrainingLoop, b: TrainingLoop) -> None:
    for one, two in ((a.network, b.network), (a.judges, b.judges)):
        assert (one is None) == (two is None)
        for x, y in zip(one.parameters(), two.parameters(), strict=True) if one is not None else ():
            assert torch.equal(x, y)


# --- stopped and gone on with


@pytest.mark.parametrize(("step", "judging"), [(5, "small"), (16, "")])
def test_a_run_killed_in_either_phase_ends_where_one_that_was_not_does(
    step: int, judging: str, sounds: Path, whole: TrainingLoop, tmp_path: Path
) -> None:
    path = tmp_path / "c.pt"
    process = subprocess.Popen(
        [sys.executable, CHILD, str(sounds), str(path), str(STEPS), "2", "small"], stdout=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if int(line.split()[1]) >= step and path.exists():
            break
    process.kill()
    process.wait()
    process.stdout.close()
    kept = torch.load(path, weights_only=True)
    assert 0 < kept["step"] < STEPS, "it was killed in the middle"
    resumed = child(sounds, path, STEPS, 2, judging)  # judges that have joined stay, whatever is asked
    assert resumed.step == STEPS
    assert resumed.history == whole.history
    same_weights(resumed, whole)


def test_the_history_tells_of_both_phases(whole: TrainingLoop) -> None:
    assert [row[0] for row in whole.history] == [10.0, 20.0]
    assert [row[-1] for row in whole.history] == [SPECTRA, ADVERSARY]
    assert whole.history[0][5:8] == [0.0, 0.0, 0.0]
    assert all(value != 0.0 for value in whole.history[1][5:8])


def test_in_the_second_phase_the_encoder_stays_and_the_judges_learn(corpus: Corpus) -> None:
    loop = new_loop(TINY, 3, "cpu", judging="small")
    one_step(loop, corpus, 2, FRAMES, 0.5)
    assert loop.judges is None
    one_step(loop, corpus, 2, FRAMES, 0.7)
    assert loop.joined == 0.0, "they come in little by little"
    heard = [p.clone() for p in loop.network.encoder.parameters()]
    played = [p.clone() for p in loop.network.decoder.parameters()]
    judged = [p.clone() for p in loop.judges.parameters()]
    one_step(loop, corpus, 2, FRAMES, 0.8)
    assert loop.joined == 1.0
    assert all(torch.equal(a, b) for a, b in zip(heard, loop.network.encoder.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(played, loop.network.decoder.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(judged, loop.judges.parameters(), strict=True))


def test_judgement_changes_what_is_learned_and_none_is_asked_for_without(corpus: Corpus) -> None:
    runs = [new_loop(TINY, 3, "cpu", judging=judging) for judging in ("", "small")]
    for run in runs:
        for spent in (0.5, 0.7, 1.0):
            one_step(run, corpus, 2, FRAMES, spent)
    assert runs[0].judges is None
    assert runs[0].phase == SPECTRA
    decoders = [[p.detach() for p in run.network.decoder.parameters()] for run in runs]
    assert not all(torch.equal(a, b) for a, b in zip(*decoders, strict=True))


@pytest.mark.parametrize("harm", ["cut", "gone", "empty"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(harm: str, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    loop = new_loop(TINY, 3, "cpu")
    for _ in range(2):
        one_step(loop, corpus, 2, FRAMES, 0.1)
        loop.save(path)
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 5000 if harm == "cut" else 0])
    again = new_loop(TINY, 3, "cpu")
    said = again.load(path)
    assert "c.before.pt" in said
    assert "\n" not in said
    assert again.step == 1
    assert new_loop(TINY, 3, "cpu").load(checkpoints.before(path)) == ""


def test_nothing_is_left_half_written(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    loop = new_loop(TINY, 3, "cpu")
    loop.save(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    loop.step = 9
    with pytest.raises(OSError, match="No space"):
        loop.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]
    # a run goes on all the same
    assert learn(
        loop, corpus, Budget(steps=11), path, LearnOptions(size=2, frames=FRAMES, quiet=True, save_every_s=0.0)
    )
    assert loop.step == 11


def test_a_checkpoint_of_before_there_were_phases_is_gone_on_from(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    loop = new_loop(TINY, 3, "cpu")
    one_step(loop, corpus, 2, FRAMES, 0.1)
    loop.save(path)
    kept = torch.load(path, weights_only=True)
    old = {key: kept[key] for key in ("shape", "network", "optimiser", "seed", "step", "seconds")}
    torch.save({**old, "history": [[10, 1.0, 1.0, 1.0, 1.0]]}, path)
    again = new_loop(TINY, 3, "cpu")
    again.load(path)
    assert (again.step, again.phase, again.measured) == (1, SPECTRA, False)
    one_step(again, corpus, 2, FRAMES, 0.1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_being_asked_to_stop_ends_within_a_step_with_a_checkpoint(
    how: signal.Signals, corpus: Corpus, tmp_path: Path
) -> None:
    run = new_loop(TINY, 3, "cpu")
    timer = threading.Timer(0.4, os.kill, (os.getpid(), how))
    timer.start()
    assert not learn(
        run, corpus, Budget(steps=100000), tmp_path / "c.pt", LearnOptions(size=2, frames=FRAMES, quiet=True)
    )
    timer.join()
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == run.step > 0


def test_only_work_counts_as_time_spent(corpus: Corpus) -> None:
    run = new_loop(TINY, 3, "cpu")
    run.seconds = 59.9
    assert learn(run, corpus, Budget(minutes=1.0), None, LearnOptions(size=2, frames=FRAMES, quiet=True))
    assert 0 < run.step < 100
    assert 60.0 <= run.seconds < 75.0
