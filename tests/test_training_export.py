"""The exported model is the trained network, and its folder says truly what it is."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_sounds import RATE, tone_folder

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("scipy")

from instrument.base.errors import RosinError
from instrument.model.library.card import read_card
from instrument.model.library.credits import gate, read_credits
from instrument.model.library.listed import sha256_of
from instrument.training.choices import TrainOptions
from instrument.training.data.corpus import Corpus
from instrument.training.export import latent_stats, writer
from instrument.training.export.naming import MANY_POINTS, POINTS
from instrument.training.export.writer import (
    DECODE_VOICES,
    TOLERANCE,
    Making,
    verify_against_torch,
    wandering,
    write_graphs,
    write_model,
)
from instrument.training.learning.trial import (
    envelope_correlation,
    loudness_correlation,
    partial_share,
    same_pitch,
    spectral_distance_db,
    stft_distance,
)
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape
from instrument.training.train import run, train

TINY = Shape(latents=3, width=24, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def full() -> Network:
    torch.manual_seed(5)
    return Network(Shape()).eval()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    sounds = tone_folder(folder / "sounds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent_stats, "POINTS", 6)
        return train(
            sounds, "tones", folder / "models", TrainOptions(
                steps=3, threads=1, shape=TINY, size=2, frames=48, runs=folder / "runs", title=("Tones", "Sons"),
                by="the tests", quiet=True,
            ),
        )  # fmt: skip


def test_the_graphs_are_the_network_over_a_thousand_blocks(full: Network, tmp_path: Path) -> None:
    write_graphs(full, tmp_path)
    errors = verify_against_torch(full, tmp_path, blocks=1000)
    assert errors["decode"] <= TOLERANCE
    assert errors["encode"] <= TOLERANCE
    assert errors["encode_pitch_semitones"] <= 1e-3


def test_the_proof_notices_another_network(full: Network, tmp_path: Path) -> None:
    write_graphs(full, tmp_path)
    torch.manual_seed(6)
    errors = verify_against_torch(Network(Shape()).eval(), tmp_path, blocks=20)
    assert errors["decode"] > TOLERANCE
    assert errors["encode"] > TOLERANCE


def test_graphs_keep_to_the_format_that_is_played(full: Network, tmp_path: Path) -> None:
    write_graphs(full, tmp_path)
    for name, first in (("decode", "z"), ("encode", "audio")):
        model = onnx.load(tmp_path / f"{name}.onnx")
        assert [o.version for o in model.opset_import] == [18]
        assert model.ir_version <= 10
        ins = [i.name for i in model.graph.input]
        outs = [o.name for o in model.graph.output]
        assert first in ins
        assert {i.removeprefix("state.") for i in ins if i.startswith("state.")} == {
            o.removeprefix("next.") for o in outs if o.startswith("next.")
        }
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 12e6


def test_a_trained_folder_is_a_model_with_a_card_and_credits(trained: Path) -> None:
    card = read_card(trained)
    assert (card.family, card.ratio, card.sample_rate, card.channels) == ("harmonic", 128, RATE, 1)
    assert [latent.role for latent in card.latents] == ["pitch", "loudness", "latent", "latent", "latent"]
    assert card.licence == "CC0-1.0", "all sounds agree on it"
    assert card.latents[1].start == card.latents[1].low <= -80.0, "at rest it is silent"
    assert all(len(latent.histogram) == 32 for latent in card.latents)
    assert card.files == {p.name: sha256_of(p) for p in trained.iterdir() if p.name != "card.toml"}
    assert card.training["steps"] == 3
    assert card.training["equality_error_1000_blocks"]["decode"] <= TOLERANCE
    assert 0 <= card.delay_samples <= 144
    credits = read_credits(trained)
    assert gate(card, trained) == credits
    assert len(credits.sounds) == 4, "one of five is kept for the test and was not learned from"
    assert credits.made.by == "the tests"
    assert not credits.made.energy_measured


def test_a_lone_graph_explains_itself(trained: Path) -> None:
    words = {p.key: p.value for p in onnx.load(trained / "decode.onnx").metadata_props}
    assert json.loads(words["noise"]) == {"noise.air": "normal"}
    typical = json.loads(words["typical"])
    assert {name: len(levels) for name, levels in typical.items()} == {"stack2": 24, "levels": 20}
    assert all(level > 0.0 for level in typical["levels"])
    assert json.loads(words["rosin"])["name"] == "tones"
    assert "files" not in json.loads(words["rosin"])


def test_a_second_training_under_one_name_needs_resume(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_stats, "POINTS", 6)
    home = trained.parent.parent
    again = TrainOptions(steps=4, threads=1, shape=TINY, size=2, frames=48, runs=home / "runs", quiet=True)
    for out in ("models", "elsewhere"):  # the model is in one, only its checkpoint is known in the other
        with pytest.raises(RosinError, match="--resume, or take another --name"):
            train(home / "sounds", "tones", home / out, again)
    with pytest.raises(RosinError, match="cannot name a folder"):
        train(home / "sounds", "../tones", home / "models", again)
    model = train(home / "sounds", "tones", home / "other", replace(again, resume=True))
    assert read_card(model).training["steps"] == 4


def test_a_budget_is_minutes_or_steps_and_more_than_nothing(tmp_path: Path) -> None:
    import argparse

    from instrument.training.train import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for words in (["--minutes", "1", "--steps", "2"], ["--minutes", "0"], ["--steps", "-1"]):
        with pytest.raises(RosinError):
            run(parser.parse_args([str(tmp_path), "--name", "n", *words]))


@pytest.mark.parametrize(("minutes", "points"), [(0.2, POINTS), (10.5, MANY_POINTS)])
def test_the_knobs_of_a_long_training_are_named_from_more_points(
    full: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, points: int
) -> None:
    class EnoughError(Exception):
        pass

    def measure_latents(network: Network, corpus: Corpus, wanted: int) -> None:
        assert wanted == points
        raise EnoughError

    monkeypatch.setattr(writer, "measure_latents", measure_latents)
    with pytest.raises(EnoughError):
        write_model(
            full, Corpus((), RATE, 128, ()), tmp_path / "m", Making("m", ("m", "m"), "me", "CC0-1.0", 1, minutes, 1, 0)
        )


def test_another_order_of_the_latents_is_the_same_network(full: Network) -> None:
    torch.manual_seed(5)
    other = Network(Shape()).eval()
    order, signs = [3, 1, 0, 2, 7, 6, 5, 4], [1, -1, 1, 1, -1, 1, 1, 1]
    other.reorder(order, signs)
    sound = torch.randn(1, 20 * 128) * 0.1
    noise = torch.randn(1, 20 * 128)
    with torch.no_grad():
        z, z2 = full.encoder.encode(sound)[0], other.encoder.encode(sound)[0]
        assert torch.allclose(z2[:, 2:], z[:, 2:][:, order] * torch.tensor(signs)[:, None], atol=1e-5)
        assert torch.allclose(full.decoder.play(z, noise), other.decoder.play(z2, noise), atol=1e-5)


def test_figures_of_a_sound_against_itself_are_perfect_and_of_another_are_not() -> None:
    t = np.arange(RATE) / RATE
    a = np.sin(2 * np.pi * 440 * t) * np.minimum(1, 4 * t)
    b = np.sin(2 * np.pi * 466 * t) * np.minimum(1, 4 * (1 - t))
    assert spectral_distance_db(a, a) == 0.0
    assert partial_share(a, a, RATE) == 1.0
    assert envelope_correlation(a, a) == pytest.approx(1.0)
    assert stft_distance(a, a) == 0.0
    assert loudness_correlation(a, a) == pytest.approx(1.0)
    assert spectral_distance_db(a, b) > 2.0
    assert stft_distance(a, b) > 0.5
    assert loudness_correlation(a, b) < 0.0
    assert partial_share(a, b, RATE) == 0.0
    assert envelope_correlation(a, b) < 0.0


def test_the_independent_ear_knows_a_semitone_from_none() -> None:
    pytest.importorskip("swift_f0")
    t = np.arange(2 * RATE) / RATE
    saw, other, slightly = (
        sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12)) * 0.2 for hz in (220.0, 233.08, 221.5)
    )
    hiss = np.random.default_rng(0).standard_normal(len(t)) * 0.1
    good, of = same_pitch(saw, slightly, RATE)
    assert good == of > 100, "12 cents apart"
    assert same_pitch(saw, other, RATE)[0] == 0
    assert same_pitch(hiss, saw, RATE) == (0, 0), "noise has no pitch to keep"
    assert same_pitch(saw, slightly, RATE, 60.0) == (good, of)
    assert same_pitch(saw, slightly, RATE, 29.0) == (0, 0), "too low for that ear"


def test_voices_side_by_side_are_voices_alone(full: Network, tmp_path: Path) -> None:
    write_graphs(full, tmp_path)
    import onnxruntime

    one, eight = (onnxruntime.InferenceSession(str(tmp_path / n)) for n in ("decode.onnx", DECODE_VOICES))
    rng = np.random.default_rng(3)
    states = [{i.name: np.zeros(i.shape, np.float32) for i in one.get_inputs() if i.name.startswith("state")}
              for _ in range(8)]  # fmt: skip
    together = {i.name: np.zeros(i.shape, np.float32) for i in eight.get_inputs() if i.name.startswith("state")}
    outs = [o.name for o in eight.get_outputs()]
    for _ in range(6):
        z = rng.standard_normal((8, 10, 1)).astype(np.float32)
        z[:, 0], z[:, 1] = 50.0 + 3.0 * np.arange(8)[:, None], -12.0
        noise = rng.standard_normal((8, 1, 128)).astype(np.float32)
        got = dict(zip(outs, eight.run(outs, {"z": z, "noise.air": noise, **together}), strict=True))
        together = {name: got["next." + name[6:]] for name in together}
        for v in range(8):
            alone = dict(zip(outs, one.run(outs, {"z": z[v : v + 1], "noise.air": noise[v : v + 1], **states[v]}),
                             strict=True))  # fmt: skip
            states[v] = {name: alone["next." + name[6:]] for name in states[v]}
            assert np.abs(alone["audio"][0] - got["audio"][v]).max() < 1e-5
    assert np.abs(got["audio"]).max() > 0.01


def test_wandering_reaches_silence_and_full_level() -> None:
    z = wandering(10, 1000, 0)[0]
    assert z.shape == (10, 1000)
    assert z[1].max() > -5.0
    assert z[1].min() < -55.0
