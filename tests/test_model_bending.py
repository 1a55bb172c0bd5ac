"""Bending: not there at 0, the seed's own at any other amount, deeper with it, and never too much."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from doubles import PlainNoise, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.chance.noise import Noise
from instrument.model.library.finder import open_folder
from instrument.model.report.verify import BLOWUP, verify
from instrument.model.runtime.bending import BIAS, GAIN, Bending, clipped, gain_and_bias
from instrument.model.runtime.graph import BoundGraph
from instrument.model.runtime.layers import Layers, layer_of
from instrument.model.runtime.null import NullVoice
from instrument.model.runtime.session import OnnxVoice
from instrument.model.runtime.voice import Voice, VoiceState

SHIPPED = Path(__file__).resolve().parent.parent / "models" / "first-bow"


def open_shipped() -> OnnxVoice:
    return OnnxVoice(SHIPPED, Noise(0), providers="cpu")


def held(voice: Voice, blocks: int = 120, note: float = 55.0, loudness: float = -16.0) -> np.ndarray:
    """A held note from rest, f32 [blocks * 128]."""
    z = np.array([[spec.start] for spec in voice.latents], np.float32)
    z[0], z[1] = note, loudness
    out = np.zeros((1, blocks * 128), np.float32)
    for i in range(blocks):
        voice.decode(z, out[:, i * 128 : (i + 1) * 128])
    return out[0]


def spectrum_db(sound: np.ndarray) -> np.ndarray:
    """Power in bands of a sixth of an octave, dB: what an ear tells apart of a held note."""
    tail = sound[-8192:]
    power = np.abs(np.fft.rfft(tail * np.hanning(len(tail)))) ** 2
    hz = np.fft.rfftfreq(len(tail), 1 / 48000)
    edges = 100.0 * 2.0 ** (np.arange(45) / 6.0)
    bands = [power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)]
    return 10 * np.log10(np.array(bands) + 1e-6)


# --- the law


def test_the_direction_is_the_seeds_and_the_layers() -> None:
    noise = Noise(0)
    gain, bias = gain_and_bias(noise, 7, 0.5, "stack1", 64)
    again = gain_and_bias(Noise(0), 7, 0.5, "stack1", 64)
    np.testing.assert_array_equal(gain, again[0])
    np.testing.assert_array_equal(bias, again[1])
    for seed, layer in ((8, "stack1"), (7, "stack2")):
        other = gain_and_bias(noise, seed, 0.5, layer, 64)
        assert abs(np.corrcoef(np.log(gain), np.log(other[0]))[0, 1]) < 0.4
        assert abs(np.corrcoef(bias, other[1])[0, 1]) < 0.4


def test_its_spread_is_what_it_says() -> None:
    gain, bias = gain_and_bias(Noise(0), 3, 1.0, "wide", 20000, 2.0)
    assert np.log(gain).mean() == pytest.approx(0.0, abs=0.02)
    assert np.log(gain).std() == pytest.approx(GAIN, rel=0.02)
    assert bias.std() == pytest.approx(2.0 * BIAS, rel=0.02)
    assert abs(np.corrcoef(np.log(gain), bias)[0, 1]) < 0.03


@given(st.integers(0, 2**64 - 1), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_it_grows_with_the_amount_and_is_nothing_at_0(seed: int, a: float, b: float) -> None:
    less, more = (gain_and_bias(Noise(0), seed, x, "any", 40) for x in sorted((a, b)))
    assert (np.abs(np.log(less[0])) <= np.abs(np.log(more[0])) + 1e-6).all()
    assert (np.abs(less[1]) <= np.abs(more[1])).all()
    nothing = gain_and_bias(Noise(0), seed, 0.0, "any", 40)
    assert (nothing[0] == 1.0).all()
    assert (nothing[1] == 0.0).all()


def test_all_layers_at_once_are_each_of_them() -> None:
    shapes = {
        "bend.a.gain": (1, 5),
        "bend.a.bias": (1, 5),
        "bend.b.gain": (1, 3),
        "tap.b": (1, 3),
        "bend.b.bias": (1, 3),
    }
    layers = Layers(shapes, {"b": [1.0, 2.0, 3.0]})
    bending = Bending(layers, Noise(0))
    bending.reseed(9)
    bending.write(0.8)
    for name, scale in (("a", 1.0), ("b", 2.0)):
        gain, bias = gain_and_bias(Noise(0), 9, 0.8, name, layers.spans[name].stop - layers.spans[name].start, scale)
        np.testing.assert_array_equal(layers.view(f"bend.{name}.gain")[0], gain)
        np.testing.assert_array_equal(layers.view(f"bend.{name}.bias")[0], bias)
    bending.write(0.0)
    assert (layers.gain == 1.0).all()
    assert (layers.bias == 0.0).all()


def test_layer_names_are_found_in_the_names_of_a_file() -> None:
    assert [layer_of(n) for n in ("bend.a.b.gain", "bend.a.bias", "tap.a.b")] == ["a.b", "a", "a.b"]
    assert [layer_of(n) for n in ("bend.gain", "bend..gain", "tap.", "bend.a.colour", "z", "state.0")] == [""] * 6


# --- the graph


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One network written without bends and with them, trained so far as to have levels that differ."""
    torch = pytest.importorskip("torch")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("scipy")
    from instrument.training.export.decoder_graph import decoder_graph
    from instrument.training.network.model import Network
    from instrument.training.network.shape import Shape

    torch.manual_seed(2)
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("twins")
    decoder = Network(Shape()).eval().decoder
    with torch.no_grad():
        for part in decoder.parameters():
            part.mul_(2.0)
    for bends in (False, True):
        model = decoder_graph(decoder, bends)
        entry = model.metadata_props.add()
        entry.key, entry.value = "noise", '{"noise.air": "normal"}'
        onnx.save(model, str(folder / f"{bends}.onnx"))
    return folder / "False.onnx", folder / "True.onnx"


def opened(path: Path) -> BoundGraph:
    return BoundGraph(path, {"z": (1, 10, "F")}, {"audio": (1, 1, "T")}, 128, 1, Noise(4), "cpu")


def wild_z(rng: np.random.Generator) -> np.ndarray:
    z = rng.normal(0.0, 2.0, (1, 10, 1))
    z[0, 0], z[0, 1] = rng.uniform(24.0, 108.0), rng.uniform(-85.0, 0.0)
    return z.astype(np.float32)


def test_a_neutral_bend_is_the_plain_graph_to_the_bit(twins: tuple[Path, Path]) -> None:
    plain, bends = (opened(path) for path in twins)
    assert plain.layers.names == ()
    assert len(bends.layers.bendable) == 4
    assert len(bends.layers.tapped) == 3
    rng = np.random.default_rng(0)
    heard = False
    for i in range(400):
        z = wild_z(rng)
        for graph in (plain, bends):
            graph.array("z")[:] = z
            graph.run(i)
        assert np.array_equal(plain.array("audio"), bends.array("audio"))
        ours, theirs = plain.state(), bends.state()
        assert all(np.array_equal(ours[k], theirs[k]) for k in ours)
        heard = heard or bool(bends.array("audio").any())
    assert heard


@pytest.mark.parametrize("layer", ["stack1", "stack3", "flutter", "levels"])
def test_every_layer_alone_is_heard_and_comes_back_to_plain(twins: tuple[Path, Path], layer: str) -> None:
    plain, bends = (opened(path) for path in twins)
    z = wild_z(np.random.default_rng(3))
    z[0, 0], z[0, 1] = 60.0, -12.0

    def play(graph: BoundGraph) -> np.ndarray:
        graph.reset()
        rows = []
        for i in range(60):
            graph.array("z")[:] = z
            graph.run(i)
            rows.append(graph.array("audio")[0, 0].copy())
        return np.concatenate(rows)

    truth = play(plain)
    span = bends.layers.spans[layer]
    gain, bias = gain_and_bias(Noise(0), 1, 0.7, layer, span.stop - span.start)
    bends.layers.gain[span], bends.layers.bias[span] = gain, bias
    bends.send_layers()
    bent = play(bends)
    assert np.abs(bent - truth).max() > 0.02 * np.abs(truth).max()
    bends.layers.gain.fill(1.0)
    bends.layers.bias.fill(0.0)
    assert np.array_equal(play(bends), truth)


def test_the_taps_tell_what_the_layers_give(twins: tuple[Path, Path]) -> None:
    graph = opened(twins[1])
    graph.array("z")[:] = wild_z(np.random.default_rng(3))
    graph.run(0)
    spans = graph.layers.spans
    assert all(graph.layers.tap[spans[layer]].any() for layer in graph.layers.tapped)
    before = graph.layers.tap.copy()
    graph.reset()
    graph.layers.gain[spans["levels"]] = 0.5
    graph.run(0)
    np.testing.assert_allclose(graph.layers.tap[spans["levels"]], 0.5 * before[spans["levels"]], rtol=1e-6)
    np.testing.assert_array_equal(graph.layers.tap[spans["stack3"]], before[spans["stack3"]])


# --- the voice


def test_at_0_nothing_is_changed_even_after_a_bend() -> None:
    voice = open_shipped()
    assert voice.can_bend
    truth = held(voice)
    voice.reset()
    voice.reseed(0, 0)
    voice.bend(0.6)
    assert not np.array_equal(held(voice), truth)
    voice.reset()
    voice.reseed(0, 0)
    voice.bend(0.0)
    assert np.array_equal(held(voice), truth)


def test_a_bend_is_seeded_and_heard() -> None:
    def take(seed: int, amount: float) -> np.ndarray:
        voice = open_shipped()
        voice.bend(amount)
        voice.reseed(seed, 0)
        return held(voice)

    straight, bent = take(5, 0.0), take(5, 0.5)
    assert np.array_equal(bent, take(5, 0.5))

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(np.mean((spectrum_db(a) - spectrum_db(b)) ** 2)))

    air = apart(straight, take(6, 0.0))  # two seeds differ in their breath alone
    assert apart(straight, bent) > 3.0 * air
    assert apart(bent, take(6, 0.5)) > 3.0 * air
    assert apart(straight, take(5, 0.05)) < apart(straight, bent)


def test_a_reseed_turns_the_bend_and_a_snapshot_plays_on_exactly() -> None:
    voice = open_shipped()
    voice.reseed(1, 0)
    voice.bend(0.7)
    held(voice, 10)
    kept = voice.snapshot()
    first = held(voice, 20)
    voice.reseed(2, 0)
    held(voice, 5)
    voice.restore(VoiceState.from_bytes(kept.to_bytes()))
    assert np.array_equal(held(voice, 20), first)


def test_no_bend_trips_the_guard_or_breaks_the_silence() -> None:
    rng = np.random.default_rng(1)
    voice = open_shipped()
    low, high = (np.array([[getattr(s, side)] for s in voice.latents], np.float32) for side in ("low", "high"))
    out, top = np.zeros((1, 128), np.float32), 0.0
    for seed in range(16):
        voice.reset()
        voice.reseed(seed, 0)
        voice.bend(1.0)
        for block in range(150):
            if block % 8 == 0:
                z = (low + (high - low) * rng.random(low.shape)).astype(np.float32)
            voice.decode(z, out)
            assert np.isfinite(out).all()
            top = max(top, float(np.abs(out).max()))
        z[1] = low[1]
        voice.decode(z, out)
        voice.decode(z, out)
        assert not out.any()
    assert 0.1 < top < BLOWUP


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.just(-0.0), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_number_is_an_amount_or_is_ignored(amounts: list[float]) -> None:
    voice = SHARED()
    voice.bend(0.0)
    last = 0.0
    for amount in amounts:
        voice.bend(amount)
        if not math.isnan(amount):
            last = min(max(amount, 0.0), 1.0)
    layers = voice._decoder.layers
    for name in layers.bendable:
        span = layers.spans[name]
        gain, _ = gain_and_bias(Noise(0), 0, last, name, span.stop - span.start)
        np.testing.assert_array_equal(layers.gain[span], gain)
    assert np.isfinite(layers.bias).all()


def _shared() -> Callable[[], OnnxVoice]:
    kept: list[OnnxVoice] = []

    def give() -> OnnxVoice:
        if not kept:
            kept.append(open_shipped())
        return kept[0]

    return give


SHARED = _shared()


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_clipping_leaves_a_share(value: float) -> None:
    assert clipped(value, 1.0, 0.25) == (0.25 if math.isnan(value) else min(max(value, 0.0), 1.0))


# --- other files


def test_a_file_of_another_hand_bends_too(tmp_path: Path) -> None:
    tiny_model(tmp_path / "plain", noise=None)
    tiny_model(tmp_path / "bends", noise=None, bends=True)
    plain, bends = (open_folder(tmp_path / n, noise=Noise(0), providers="cpu") for n in ("plain", "bends"))
    assert (plain.can_bend, bends.can_bend) == (False, True)
    a, b = np.zeros((1, 128), np.float32), np.zeros((1, 128), np.float32)
    z = np.array([[-10.0], [2.0]], np.float32)
    plain.decode(z, a)
    bends.decode(z, b)
    assert np.array_equal(a, b)
    bends.bend(1.0)
    plain.bend(1.0)
    plain.reset(), bends.reset()
    plain.decode(z, a)
    bends.decode(z, b)
    gain, bias = gain_and_bias(Noise(0), 0, 1.0, "inner", 2)
    assert b[0, 0] == pytest.approx(0.01 * float(((gain * z[:, 0]) + bias).sum()), rel=1e-5)
    assert a[0, 0] == pytest.approx(-0.08, rel=1e-5)


def test_long_frames_bend_through_their_buffer(tmp_path: Path) -> None:
    from doubles import tiny_card

    tiny_model(tmp_path / "m", card=tiny_card(ratio=512), noise=None, bends=True)
    voice = open_folder(tmp_path / "m", noise=Noise(0), providers="cpu")
    assert voice.can_bend
    z, out = np.full((2, 1), 5.0, np.float32), np.zeros((1, 128), np.float32)
    voice.decode(z, out)
    straight = out.copy()
    voice.reset()
    voice.bend(1.0)
    voice.decode(z, out)
    assert not np.array_equal(out, straight)


def test_verifying_says_whether_a_model_bends(tmp_path: Path) -> None:
    for name, bends in (("plain", False), ("bends", True)):
        tiny_model(tmp_path / name, bends=bends)
        found = [f for f in verify(tmp_path / name, Noise(0), blocks=20) if f.about == "bending"]
        assert [f.grade for f in found] == (["good"] if bends else [])
        assert all("1 of its layers wear" in f.text for f in found)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"rename": {"bend.inner.gain": "bend.inner.colour"}}, "'bend.inner.colour'"),
        ({"rename": {"tap.inner": "tap."}}, "'tap.'"),
        ({"typical": {"inner": [1.0]}}, "one finite number for each channel"),
        ({"typical": {"inner": [1.0, -1.0]}}, "one finite number for each channel"),
        ({"typical": "[1, 2]"}, "cannot be read"),
        ({"typical": '{"inner": 5}'}, "cannot be read"),
        ({"typical": '{"inner": [NaN, 1]}'}, "one finite number for each channel"),
    ],
)
def test_a_layer_that_is_not_one_is_refused(tmp_path: Path, graph: dict, said: str) -> None:
    tiny_model(tmp_path / "m", bends=True, **graph)
    with pytest.raises(RosinError, match=said) as caught:
        OnnxVoice(tmp_path / "m", PlainNoise(), providers="cpu")
    assert "\n" not in str(caught.value)


def test_the_null_voice_does_not_bend_and_does_not_mind() -> None:
    voice: Voice = NullVoice(Noise(0))
    assert not voice.can_bend
    z, out = np.array([[spec.start] * 4 for spec in voice.latents], np.float32), np.zeros((2, 128), np.float32)
    voice.decode(z, out)
    voice.reset()
    voice.reseed(0, 0)
    again = np.zeros_like(out)
    voice.temperature = 1.0
    voice.bend(1.0)
    voice.wear(1.0)
    voice.load_usage(voice.usage())
    voice.decode(z, again)
    assert np.array_equal(out, again)
    with pytest.raises(RosinError, match="does not wear"):
        voice.load_usage({"any": np.zeros(1)})
