"""The plain export that the bench races against is the model: its weights come back, its sound is the same."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from instrument.base.errors import RosinError
from instrument.bench.given import opened
from instrument.bench.rivals.against import EQUAL_BLOCKS, TOLERANCE, Pair, pairs_of, plain
from instrument.bench.rivals.streaming import CachedConv, Streaming, exported
from instrument.bench.rivals.unfolded import network_of
from instrument.knobs import Label
from instrument.model.library.card import DECODE, ENCODE, Card, write_card
from instrument.model.library.card_latents import Latent
from instrument.training.export.writer import wandering, write_graphs
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape

SHAPES = {
    "tones": Shape(latents=2, width=24, ear_width=32, dilations=(1, 2), harmonics=27, tones=6, bands=8, note_step=1.0),
    "many lines": Shape(latents=3, width=32, ear_width=24, dilations=(1, 3, 9), harmonics=90, tones=50, bands=12),
    "other notes": Shape(latents=1, width=16, ear_width=16, dilations=(2,), low_note=36.0, high_note=84.0,
                         note_step=0.25, taps=127, bands=10, harmonics=13),
    "tones like a layer": Shape(latents=2, width=128, ear_width=24, dilations=(1,), harmonics=20, tones=192, bands=8),
    "stiff strings": Shape(latents=3, width=24, ear_width=24, dilations=(1, 3), harmonics=30, tones=4, bands=9,
                           inharmonic=True),
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


def card_for(shape: Shape) -> Card:
    label = Label("a", "a")
    latents = (
        Latent("pitch", label, "pitch", 30.0, 90.0, 57.0),
        Latent("loudness", label, "loudness", -80.0, 0.0, -80),
    )
    latents += tuple(Latent(f"z{i}", label) for i in range(shape.latents))
    return Card(name="tiny", title=label, authors=("the tests",), licence="CC0-1.0", family="harmonic", channels=1,
                sample_rate=48000, ratio=128, delay_samples=64, latents=latents)  # fmt: skip


def network_for(shape: Shape) -> Network:
    torch.manual_seed(11)
    network = Network(shape).eval()
    with torch.no_grad():
        for part in network.parameters():
            part.add_(0.02 * torch.randn(part.shape))
    if shape.tones:
        hz = np.geomspace(220.0, 9000.0, shape.tones) * (1.0 + 0.01 * np.random.default_rng(3).random(shape.tones))
        network.decoder.tune(hz)
    return network


@pytest.fixture(scope="module", params=list(SHAPES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Card, Path]:
    shape = SHAPES[request.param]
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    network = network_for(shape)
    write_graphs(network, folder, card_for(shape))
    return network, write_card(card_for(shape), folder), folder


def test_every_weight_and_size_comes_back_out_of_the_files(made: tuple[Network, Card, Path]) -> None:
    network, card, folder = made
    found = network_of(card, folder)
    assert found.shape == network.shape
    assert len(list(found.parameters())) == len(list(network.parameters())) > 10
    for (name, mine), (_, theirs) in zip(found.named_parameters(), network.named_parameters(), strict=True):
        assert mine.dtype == torch.float32
        assert float((mine - theirs).detach().abs().max()) <= 2e-6 * max(1.0, float(theirs.detach().abs().max())), name
    assert torch.equal(found.decoder.tone_steps, network.decoder.tone_steps)


def test_the_plain_export_plays_and_hears_what_the_model_does_over_200_blocks(made: tuple[Network, Card, Path]) -> None:
    _, card, folder = made
    assert EQUAL_BLOCKS == 200
    with torch.inference_mode():
        pairs, exports = pairs_of(card, folder), plain(card, folder)
        for name, pair in pairs.items():
            assert 0.0 < pair.equal(exports[name]) <= 2e-5
        assert np.abs(pairs["encode"].given).max() > 0.01, "silence is equal to silence"


def test_the_plain_export_is_the_network_that_was_trained_not_only_its_file() -> None:
    network = network_for(SHAPES["tones"])
    blocks, ratio = 40, 128
    z = wandering(4, blocks, 5)
    noise = np.random.default_rng(6).standard_normal((1, 1, blocks * ratio)).astype(np.float32)
    with torch.inference_mode():
        whole = network.decoder.play(torch.from_numpy(z), torch.from_numpy(noise[0])).numpy()[0]
        mean = network.encoder.encode(torch.from_numpy(0.1 * noise[0]))[0].numpy()
        export = exported(network)
        decode, encode = (Streaming(export, name).run for name in ("decode", "encode"))
        for i in range(blocks):
            piece = noise[:, :, i * ratio : (i + 1) * ratio]
            sound = decode(torch.from_numpy(z[:, :, i : i + 1].copy()), torch.from_numpy(piece.copy())).numpy()
            assert np.abs(sound[0, 0] - whole[i * ratio : (i + 1) * ratio]).max() <= 1e-5
            heard = encode(torch.from_numpy((0.1 * piece).astype(np.float32))).numpy()
            assert np.abs(heard[0, :, 0] - mean[0, :, i]).max() <= 1e-4


def test_other_weights_are_not_raced(made: tuple[Network, Card, Path], tmp_path: Path) -> None:
    _, card, folder = made
    for name in (DECODE, ENCODE):
        model = onnx.load(folder / name)
        dense = [n for n in model.graph.node if n.op_type == "Gemm"]
        weight = next(w for w in model.graph.initializer if w.name == dense[2 if name == DECODE else 1].input[1])
        weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * 1.5, weight.name))
        onnx.save(model, str(tmp_path / name))
    with torch.inference_mode():
        exports, pairs = plain(card, tmp_path), pairs_of(card, folder)
        for name, pair in pairs.items():
            assert pair.difference(exports[name]) > TOLERANCE, name
            with pytest.raises(RosinError, match="what is not equal is not timed"):
                pair.equal(exports[name])


def test_a_cached_convolution_goes_on_where_it_stopped() -> None:
    torch.manual_seed(0)
    for taps, dilation, stride, hop in ((3, 1, 1, 1), (3, 9, 1, 2), (48, 1, 4, 32), (512, 1, 128, 128)):
        conv = torch.nn.Conv1d(1, 2, taps, dilation=dilation, stride=stride)
        x = torch.randn(1, 1, hop * 20)
        streaming = torch.jit.script(CachedConv(conv))
        with torch.inference_mode():
            whole = conv(torch.nn.functional.pad(x, ((taps - 1) * dilation + 1 - stride, 0)))
            parts = torch.cat([streaming(piece.clone()) for piece in x.split(hop, 2)], 2)
        assert torch.allclose(whole, parts, atol=1e-6)


def test_what_is_no_whole_model_of_the_family_is_said(made: tuple[Network, Card, Path], tmp_path: Path) -> None:
    _, card, folder = made
    with pytest.raises(RosinError, match="it is excited"):
        network_of(replace(card, family="excited"), folder)
    with pytest.raises(RosinError, match="without an encoder"):
        network_of(replace(card, files={DECODE: card.files[DECODE]}), folder)
    for name in (DECODE, ENCODE):
        (tmp_path / name).write_bytes((folder / ENCODE).read_bytes())
    with pytest.raises(RosinError, match="this version does not write"):
        network_of(card, tmp_path)


def test_pair_reads_the_noise_that_is_played(made: tuple[Network, Card, Path]) -> None:
    _, card, folder = made
    with torch.inference_mode():
        pair = Pair(
            opened(card, folder, DECODE), folder / DECODE, np.zeros((1, len(card.latents), 1), np.float32), "audio"
        )
        pair.given[0, :2, 0] = 60.0, -10.0
        seen = []

        class Listening:
            inputs, outputs = ["z", "noise.air"], ["audio"]

            def run(self, z: object, air: object) -> None:
                seen.append(air)

        pair.in_torch(Listening())(0)
        assert np.array_equal(seen[0].numpy(), pair.graph.array("noise.air"))
