"""The lighter copy: what it says of its loss is true, and it is a model like any other."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import import_zoo as zoo
from torch import Tensor, nn

from instrument.base.errors import RosinError
from instrument.chance.noise import Noise
from instrument.cli import main
from instrument.importing import convolving, quantize, worker
from instrument.importing.signals import wandering
from instrument.importing.verification import SteppedGraph
from instrument.model.library.card import Card, card_from, read_card, write_card
from instrument.model.library.finder import open_folder


class Large(zoo.Exported):
    """Convolutions with padding, stride and dilation that are worth it, and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Sequential(zoo.Causal(8, 128, 9), nn.LeakyReLU(), zoo.Upward(128, 64, 16), nn.LeakyReLU(),
                                zoo.Causal(64, 64, 3, dilation=3), nn.LeakyReLU(), zoo.Upward(64, 8, 8, bias=False),
                                zoo.Causal(8, 1, 3))  # fmt: skip
        self.offers("decode", 8, 128, 1, 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.up(z))


def imported(kind: type[zoo.Exported], folder: Path) -> Card:
    """A model of it, without the command: that has its own tests."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True)
    path = folder.parent / "a.ts"
    zoo.saved(kind, path)
    answer = worker.work({"path": str(path), "out": str(folder), "sha256": "0" * 64, "name": folder.name,
                         "about": ["", ""], "title": ["a", "a"], "authors": [], "licence": "CC0-1.0", "rate": 0,
                         "blocks": 10, "tolerance": 1e-5, "forward": False})  # fmt: skip
    return write_card(card_from(answer["card"], "here"), folder)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSIN_LANGUAGE", "en")
    imported(Large, tmp_path / "models" / "large")
    return tmp_path / "models" / "large"


def test_the_command_says_what_the_card_says(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = read_card(large)
    assert main(["models", "eco", str(large), "--out", str(large.parent)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    folder = large.parent / "large-eco"
    card = read_card(folder)
    snr = card.training["eco_snr_db"]
    assert 25.0 < snr < 80.0
    assert f"{snr} dB" in out
    assert card.derived_from == (original.sha256, *original.derived_from)
    parent = card.derived_from[0]
    assert (parent.name, parent.licence, parent.authors) == (original.name, original.licence, original.authors)  # type: ignore[attr-defined]
    assert main(["models", "show", str(folder)]) == 0
    page = capsys.readouterr().out
    assert f"└─ large · {original.sha256[:12]}" in page
    assert f"{', '.join(original.authors)} · {original.licence}" in page
    assert (folder / "decode.onnx").stat().st_size < 0.5 * (large / "decode.onnx").stat().st_size
    # The figure is the truth: measured here once more, by the voices that are played.
    voices = [open_folder(f, noise=Noise(0), providers="cpu", allow_uncredited=True) for f in (large, folder)]
    z = wandering(8, 200)[0]
    rows = []
    for voice in voices:
        sound = np.zeros((200, 1, 128), np.float32)
        for i in range(200):
            voice.decode(z[:, i : i + 1], sound[i])
        rows.append(sound)
    error = np.square(rows[1] - rows[0], dtype=np.float64).sum()
    assert error > 0.0
    assert abs(10.0 * np.log10(np.square(rows[0], dtype=np.float64).sum() / error) - snr) < 10.0
    with pytest.raises(RosinError, match="is there already"):
        quantize.make(large, large.parent)


def test_a_convolution_as_a_product_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolving, "FEW", 0)  # else the import writes products itself, for blocks this short
    large = tmp_path / "models" / "large"
    imported(Large, large)
    whole = onnx.load(str(large / "decode.onnx"))
    products = onnx.load(str(large / "decode.onnx"))
    inferred = onnx.shape_inference.infer_shapes(whole).graph
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
              for v in (*inferred.value_info, *inferred.input)}  # fmt: skip
    quantize._as_products(products, shapes)
    kinds = [[node.op_type for node in model.graph.node] for model in (whole, products)]
    assert kinds[0].count("Conv") - kinds[1].count("Conv") == kinds[1].count("MatMul") == 4
    played = [SteppedGraph(model.SerializeToString()) for model in (whole, products)]
    z = wandering(8, 50)
    for i in range(50):
        first, second = (p.run({"z": z[:, :, i : i + 1]}, "audio") for p in played)
        np.testing.assert_allclose(second, first, atol=1e-6)


def test_a_small_model_is_light_already(tmp_path: Path) -> None:
    imported(zoo.Late, tmp_path / "small")
    with pytest.raises(RosinError, match="light already"):
        quantize.make(tmp_path / "small", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
