"""What cannot be imported is refused in one sentence that says what to do; nothing is left behind."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import import_zoo as zoo
from import_zoo import Exported
from torch import Tensor

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.importing import archive, run, worker


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["import", *arguments, "--out", "models"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert ";" in err or ":" in err.removeprefix("rosin:")
    assert not list(Path("models").glob("*")) if Path("models").exists() else True
    return err


def text(path: Path) -> None:
    path.write_text("a poem")


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))


def checkpoint(path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, path)


def photographs(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/photo.jpg", b"0" * 100)


def cut(path: Path) -> None:
    zoo.saved(zoo.Split, path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (text, "no TorchScript file"),
        (pickled, "is a pickle"),
        (checkpoint, "is a checkpoint"),
        (photographs, "holds no TorchScript"),
        (cut, "no TorchScript file"),
    ],
)
def test_a_file_that_is_none_is_named_before_torch_sees_it(
    make: Callable[[Path], None], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(Path("a.ts"))
    monkeypatch.setattr(run, "_ask_child", lambda *_: pytest.fail("the child was asked"))
    assert words in refused(capsys, "a.ts")


def test_other_mistakes_are_named_before_torch_is_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.saved(zoo.Split, Path("a.ts"))
    monkeypatch.setattr(run, "_ask_child", lambda *_: pytest.fail("the child was asked"))
    assert "there is no file b.ts" in refused(capsys, "b.ts")
    assert "is no known SPDX licence" in refused(capsys, "a.ts", "--licence", "mine")
    assert "no plain name" in refused(capsys, "a.ts", "--name", "../a")
    assert "none.toml cannot be read (No such file or directory); give a credits file in TOML" in refused(
        capsys, "a.ts", "--credits", "none.toml"
    )
    assert "give 8000 to 192000" in refused(capsys, "a.ts", "--rate", "3")
    Path("elsewhere/a").mkdir(parents=True)
    assert main(["import", "a.ts", "--out", "elsewhere"]) == 2
    assert "replace it with --force" in capsys.readouterr().err
    assert main(["import", "a.ts", "--out", "elsewhere", "--force"]) == 2
    assert "is no model; choose another --name" in capsys.readouterr().err
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    assert "pip install 'rosin[train]'" in refused(capsys, "a.ts")


class Wrong(Exported):
    """It promises 256 samples a frame and gives 128."""

    def __init__(self) -> None:
        super().__init__()
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 256, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)


class Odd(Exported):
    """100 samples a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.up = zoo.Upward(4, 1, 100)
        self.offers("decode", 4, 100, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)


class Effect(Exported):
    """Sound to sound."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = zoo.Causal(1, 1, 3)
        self.offers("forward", 1, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Counting(Exported):
    """Its memory is a whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        self.calls += 1
        return self.up(z) * float(self.calls % 2)


class Branching(Exported):
    """It does something else when z is large."""

    def __init__(self) -> None:
        super().__init__()
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        y = self.up(z)
        if bool(z.abs().max() > 1.0):
            y = y * 0.5
        return y


class Growing(Exported):
    """It remembers everything."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("past", torch.zeros(1, 4, 1))
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        self.past = torch.cat([self.past, z], -1)
        return self.up(z + self.past.mean(-1, keepdim=True))


class Sorting(Exported):
    """An operation that is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(torch.sort(z, 1)[0])


class Tossing(Exported):
    """A way of drawing chance that is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z * torch.bernoulli(torch.full_like(z, 0.5)))


class Rateless(Exported):
    """It does not say its sample rate."""

    def __init__(self) -> None:
        super().__init__()
        del self.sampling_rate
        self.up = zoo.Upward(4, 1, 128)
        self.offers("decode", 4, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)


def asked(path: Path, **more: Any) -> dict[str, Any]:
    return {"path": str(path), "out": str(path.parent), "sha256": "0" * 64, "name": "a", "title": ["a", "a"],
            "authors": [], "licence": run.UNKNOWN, "about": ["", ""], "rate": 0, "blocks": 10, "tolerance": 1e-5,
            "forward": False, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Wrong, "promise an output of"),
        (Odd, "no power of two"),
        (Effect, "no decode, only forward"),
        (Counting, "keeps its memory in calls, a int"),
        (Branching, "decides by what it hears"),
        (Growing, "changes its size"),
        (Sorting, "the operation sort"),
        (Tossing, "bernoulli"),
        (Rateless, "--rate 44100"),
    ],
)
def test_a_file_that_cannot_be_played_says_why(kind: type[Exported], words: str, tmp_path: Path) -> None:
    zoo.saved(kind, tmp_path / "a.ts")
    with pytest.raises(RosinError) as told:
        worker.work(asked(tmp_path / "a.ts"))
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert ";" in str(told.value) or ":" in str(told.value)
    assert not list(tmp_path.glob("*.onnx"))


def test_a_rate_that_is_given_counts(tmp_path: Path) -> None:
    zoo.saved(Rateless, tmp_path / "a.ts")
    assert worker.work(asked(tmp_path / "a.ts", rate=48000))["card"]["sample_rate"] == 48000


def test_a_difference_above_the_tolerance_is_no_model(tmp_path: Path) -> None:
    zoo.saved(zoo.Strided, tmp_path / "a.ts")
    with pytest.raises(RosinError, match="nothing was written"):
        worker.work(asked(tmp_path / "a.ts", tolerance=1e-12))
    assert not list(tmp_path.glob("*.onnx"))


def test_plain_torchscript_without_the_convention_is_refused_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Through the child, whose sentence comes back."""
    torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2)).eval()), "a.ts")
    assert "offers no methods in nn~'s convention" in refused(capsys, "a.ts")


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    zoo.saved(zoo.Split, tmp_path / "a.ts")
    assert archive.checked(tmp_path / "a.ts") == archive.sha256_of(tmp_path / "a.ts")
