"""Coarser numbers, compiled parts, crops cut ahead, several processes: what is learned is what a plain run learns."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from training_sounds import RATE, tone_folder

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from training_child import FRAMES, TINY, child

from instrument.base.errors import RosinError
from instrument.training.data.corpus import Corpus, read_corpus
from instrument.training.learning.crops import Crops
from instrument.training.learning.devices import Machine, learned_parts, machine_for, why_not_compiled
from instrument.training.learning.loop import new_loop, one_step
from instrument.training.learning.objective import ADVERSARY
from instrument.training.learning.ranks import ALONE, PartOfChance, Ranks
from instrument.training.network.chance import Chance

CHILD = str(Path(__file__).with_name("training_child.py"))
STEPS = 20
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tone_folder(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def corpus(sounds: Path) -> Corpus:
    return read_corpus(sounds, RATE, 128)


# --- precision, compiling, crops ahead


def test_bf16_on_the_processor_learns_and_keeps_waves_in_float32(corpus: Corpus) -> None:
    machine, words = machine_for("cpu", "bf16", None, ALONE)
    assert words == ""
    coarse, fine = new_loop(TINY, 3, "cpu", machine), new_loop(TINY, 3, "cpu")
    losses = [[one_step(run, corpus, 2, FRAMES, 0.1)[0] for _ in range(3)] for run in (coarse, fine)]
    assert all(np.isfinite(losses[0]))
    assert losses[0] != losses[1], "it is another precision"
    assert losses[0][0] == pytest.approx(losses[1][0], rel=0.02)
    sound = torch.zeros(1, 20 * 128)
    loudness, mean, _, scores = coarse.network.encoder(sound)
    assert {part.dtype for part in (loudness, mean, scores)} == {torch.float32}
    plain = coarse.plain()
    assert torch.equal(plain.encoder(sound)[1], coarse.plain().encoder(sound)[1])
    assert not torch.equal(plain.encoder(sound)[1], mean), "what is exported computes in float32"


def test_bf16_holds_in_the_second_phase_too(corpus: Corpus) -> None:
    machine, _ = machine_for("cpu", "bf16", None, ALONE)
    run = new_loop(TINY, 3, "cpu", machine, "small")
    losses = [one_step(run, corpus, 2, FRAMES, spent) for spent in (0.7, 1.0)]
    assert np.isfinite(losses).all()


@pytest.mark.skipif(bool(why_not_compiled("cpu")), reason=why_not_compiled("cpu") or "it can be")
def test_a_compiled_part_computes_the_same_under_the_same_names() -> None:
    """A layer and a factor: compiling a whole network takes a minute of C++ on a processor."""

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv1d(3, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2.0 * self.layer(x)

    plain, compiled = Twice(), Twice()
    compiled.load_state_dict(plain.state_dict())
    Machine(compiled=True).prepare([compiled])
    x = torch.randn(2, 3, 30, generator=torch.Generator().manual_seed(1))
    torch._dynamo.utils.counters.clear()
    with torch.no_grad():
        assert torch.allclose(plain(x), compiled(x), atol=1e-6)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1, "it was compiled"
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_everything_with_weights_is_prepared_and_the_ears_are_not() -> None:
    network = new_loop(TINY, 3, "cpu").network
    parts = learned_parts(network)
    assert sum(p.numel() for part in parts for p in part.parameters()) == network.parameter_count()
    assert network.encoder.ears not in parts


def test_what_a_machine_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(RosinError, match="--device cpu"):
            machine_for("cuda", "", None, ALONE)
    with pytest.raises(RosinError, match="fp32 or bf16"):
        machine_for("cpu", "fp8", None, ALONE)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(RosinError, match="no C\\+\\+ compiler"):
        machine_for("cpu", "", True, ALONE)
    assert machine_for("cpu", "", None, ALONE) == (Machine(), "")


def test_crops_cut_ahead_are_those_cut_when_asked(corpus: Corpus) -> None:
    now, ahead = (Crops(corpus, TINY, 5, 2, FRAMES, ALONE, n) for n in (0, 2))
    for step in (0, 1, 2, 7, 8):
        one, other = now.at(step), ahead.at(step)
        assert one.whole.audio.tobytes() == other.whole.audio.tobytes()
        assert one.ears is not None
        assert other.ears is not None
        assert one.ears.audio.tobytes() == other.ears.audio.tobytes()
    ahead.close()


# --- several processes


def test_ranks_together_hear_what_one_alone_does(corpus: Corpus) -> None:
    one = Crops(corpus, TINY, 5, 4, FRAMES, ALONE).at(3)
    parts = [Crops(corpus, TINY, 5, 2, FRAMES, Ranks(rank, 2)).at(3) for rank in (0, 1)]
    for name in ("audio", "note", "sure"):
        for which in ("whole", "ears"):
            shares = [getattr(getattr(part, which), name) for part in parts]
            assert np.array_equal(getattr(getattr(one, which), name), np.concatenate(shares))

    def chance() -> Chance:
        return Chance(TINY, 5, 3, torch.device("cpu"))

    alone, shares = chance(), [PartOfChance(chance(), Ranks(rank, 2), 2) for rank in (0, 1)]
    assert torch.equal(alone.white(4, 3, 7), torch.cat([share.white(2, 3, 7) for share in shares]))
    assert torch.equal(alone.uniform(4), torch.cat([share.uniform(2) for share in shares]))
    for share in shares:
        assert share.uniform(1).shape == (1,)
    once = [share.whole(1000) for share in shares]
    assert once[0] == once[1]


def test_one_of_several_processes_leaves_at_once_with_what_it_printed() -> None:
    code = "import atexit; atexit.register(print, 'taken down'); from instrument.training.learning.ranks import leave\n"
    for world, said in (("1", "done\ntaken down\n"), ("2", "done\n")):
        environment = {**ENVIRONMENT, "WORLD_SIZE": world, "PYTHONPATH": str(Path(__file__).parent.parent)}
        del environment["PYTHONUNBUFFERED"]
        done = subprocess.run(
            [sys.executable, "-c", code + "print('done'); leave()"], env=environment, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout == said


def test_two_processes_learn_what_one_of_double_size_does(sounds: Path, tmp_path: Path) -> None:
    one = child(sounds, tmp_path / "one.pt", STEPS, 6, "small")  # steering goes through three latents in turn
    two = tmp_path / "two.pt"
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", CHILD, str(sounds),
         str(two), str(STEPS), "3", "small"],
        env={**ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parent.parent)}, capture_output=True, text=True,
        timeout=160, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-200:]}{done.stderr[:6000]}"  # what began it comes first
    kept = torch.load(two, weights_only=True)
    assert kept["step"] == STEPS
    assert kept["phase"] == ADVERSARY
    first, second = kept["history"]
    assert first == pytest.approx(one.history[0], abs=1e-4, rel=1e-5)
    # feature matching divides by a mean over its own crops, so with judges it is near but not the same
    assert second == pytest.approx(one.history[1], abs=1e-2, rel=1e-2)
    for name, weights in one.network.encoder.state_dict().items():
        assert torch.allclose(weights, kept["network"][f"encoder.{name}"], atol=1e-4), name
