"""What the bench says of models: what is compared is equal, many voices are many voices, silence is silence."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from instrument.base.errors import RosinError
from instrument.bench import shipped as bench
from instrument.bench.given import opened, wandering
from instrument.bench.rivals.against import TOLERANCE, Pair, against_torchscript, what_is_compared
from instrument.bench.rivals.torchscript import Scripted, Ways, Writer
from instrument.bench.turns import by_turns, ratios
from instrument.knobs import Label
from instrument.model.library.card import DECODE, DECODE_VOICES, ENCODE, VOICES, Card, write_card
from instrument.model.library.card_latents import Latent
from instrument.training.export.decoder_graph import decoder_graph
from instrument.training.export.writer import write_graphs
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape

TINY = Shape(latents=2, width=24, ear_width=24, dilations=(1, 2), harmonics=27, tones=6, bands=8, note_step=1.0)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(3)
    return Network(TINY).eval()


@pytest.fixture(scope="module")
def folder(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / "tiny"
    place.mkdir()
    label = Label("a", "a")
    card = Card(
        name="tiny", title=label, authors=("the tests",), licence="CC0-1.0", family="harmonic", sample_rate=48000,
        ratio=128, channels=1, delay_samples=64,
        latents=(Latent("pitch", label, "pitch", 30.0, 90.0, 57.0),
                 Latent("loudness", label, "loudness", -80.0, 0.0, -80.0), Latent("z1", label), Latent("z2", label)),
    )  # fmt: skip
    write_graphs(network, place, card)
    batch = decoder_graph(network.decoder, voices=VOICES)
    entry = batch.metadata_props.add()
    entry.key, entry.value = "noise", json.dumps({"noise.air": "normal"})
    onnx.save(batch, str(place / DECODE_VOICES))
    write_card(card, place)
    return place


def card_of(folder: Path) -> Card:
    from instrument.model.library.card import read_card

    return read_card(folder)


def test_four_voices_in_one_call_are_four_voices(network: Network) -> None:
    from instrument.training.export.writer import _session

    many, one = (_session(decoder_graph(network.decoder, voices=n).SerializeToString()) for n in (4, 1))
    names = [o.name for o in one.get_outputs()]

    def rest(session: object) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        return {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name.startswith("state.")}  # type: ignore[attr-defined]

    def step(session: object, z: np.ndarray, air: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:  # type: ignore[type-arg]
        out = dict(zip(names, session.run(names, {"z": z, "noise.air": air, **state}), strict=True))  # type: ignore[attr-defined]
        state.update({name: out["next." + name.removeprefix("state.")] for name in state})
        return out["audio"]  # type: ignore[no-any-return]

    rng = np.random.default_rng(1)
    together, apart = rest(many), [rest(one) for _ in range(4)]
    loud = 0.0
    for _ in range(60):
        z = rng.uniform(-1.0, 1.0, (4, 4, 1)).astype(np.float32)
        z[:, 0] = rng.uniform(30.0, 90.0, (4, 1))
        z[:, 1] = rng.uniform(-60.0, -10.0, (4, 1))
        air = rng.standard_normal((4, 1, 128)).astype(np.float32)
        out = step(many, z, air, together)
        for k in range(4):
            single = step(one, z[k : k + 1], air[k : k + 1], apart[k])
            assert np.abs(out[k] - single[0]).max() <= 1e-6
            loud = max(loud, float(np.abs(single).max()))
    assert loud > 0.01, "silent voices are always equal"


def test_torchscript_plays_the_model_each_way(folder: Path) -> None:
    card = card_of(folder)
    with torch.inference_mode():
        decoder = Pair(opened(card, folder, DECODE), folder / DECODE, wandering(card, 1, 200), "audio")
        sound = (0.1 * np.random.default_rng(0).standard_normal((200, 1, 128))).astype(np.float32)
        encoder = Pair(opened(card, folder, ENCODE), folder / ENCODE, sound, "mean")
        for ways in (Ways(), Ways("linear", tuned=True), Ways("conv1d", unfold=False)):
            for pair in (decoder, encoder):
                assert pair.difference(Scripted(pair.path, ways)) <= 1e-5


def test_what_is_not_equal_is_not_timed(folder: Path, tmp_path: Path) -> None:
    card = card_of(folder)
    model = onnx.load(folder / DECODE)
    weight = max(model.graph.initializer, key=lambda w: int(np.prod(w.dims)))
    other = onnx.numpy_helper.to_array(weight) * 1.01
    weight.CopyFrom(onnx.numpy_helper.from_array(other, weight.name))
    onnx.save(model, str(tmp_path / DECODE))
    with torch.inference_mode():
        pair = Pair(opened(card, folder, DECODE), tmp_path / DECODE, wandering(card, 1, 200), "audio")
        rival = Scripted(pair.path, Ways())
        assert pair.difference(rival) > TOLERANCE
        with pytest.raises(RosinError, match="plays differently in TorchScript"):
            pair.equal(rival)


def test_an_operation_it_does_not_know_is_named() -> None:
    value = onnx.helper.make_tensor_value_info("audio", 1, [1])
    node = onnx.helper.make_node("Acosh", ["z"], ["audio"])
    graph = onnx.helper.make_graph([node], "g", [onnx.helper.make_tensor_value_info("z", 1, [1])], [value])
    with pytest.raises(RosinError, match="operation Acosh"):
        Writer(onnx.helper.make_model(graph), Ways())


def test_without_torch_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RosinError, match=r"rosin\[train\]"):
        what_is_compared()


def test_a_race_tells_both_ratios_and_what_ran(folder: Path) -> None:
    found = against_torchscript(folder, 80)
    for side in (found, found["decode"], found["encode"]):
        assert side["ratio"] > 0.0
        assert side["ratio_folded"] > 0.0
    for name in ("decode", "encode"):
        side = found[name]
        assert side["ratio"] == pytest.approx(side["plain_p50_ms"] / side["onnx_p50_ms"])
        assert side["ratio_folded"] == pytest.approx(side["folded_p50_ms"] / side["onnx_p50_ms"])
        assert 0.0 < side["difference"] <= TOLERANCE
        assert side["difference_folded"] <= TOLERANCE
    assert "dense layers" in found["decode"]["torchscript"]


def test_a_model_without_a_plain_export_says_so_and_is_raced_all_the_same(folder: Path, tmp_path: Path) -> None:
    card = replace(card_of(folder), family="conv")
    for name in (DECODE, ENCODE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_card(card, tmp_path)
    found = against_torchscript(tmp_path, 40)
    assert "it is conv" in found["plain"]
    assert "ratio" not in found
    assert "ratio" not in found["decode"]
    assert found["ratio_folded"] > 0.0


def test_a_fade_ends_in_silence_but_not_in_nothing(folder: Path) -> None:
    fading = bench.Fading(folder)
    assert fading.z[bench.FADE :, 1].max() == -80.0
    assert fading.z[0, 1, 0] == 0.0
    heard = []
    fading.voice.encode = lambda audio, mean: heard.append(np.abs(audio).max())  # type: ignore[method-assign]
    for i in (0, bench.FADE - 1, bench.FADE, bench.BLOCKS + 5):
        fading.encode(i)
    assert heard[0] > 0.01
    assert all(0.0 < level < 1e-28 for level in heard[1:])
    found = bench.near_silence(folder, 2 * bench.FADE)
    assert found["ratio"] == max(v for k, v in found.items() if k != "ratio")
    assert set(found) == {"ratio", "decode_fading", "decode_after", "encode_fading", "encode_after"}


def test_eight_voices_are_measured_where_there_is_a_file(folder: Path, tmp_path: Path) -> None:
    found = bench.voices(folder, 40)
    assert isinstance(found, dict)
    assert found["count"] == 8
    assert found["ratio"] == pytest.approx(found["one_call_ms"] / found["eight_calls_ms"])
    assert found["ratio"] < 1.0, "eight voices in one call cost less than eight calls"
    for name in (DECODE, "card.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_card(card_of(folder), tmp_path)
    assert bench.voices(tmp_path, 40) == "not measured: no file for 8 voices"


def test_turns_find_what_is_three_times_as_slow() -> None:
    work = np.random.default_rng(0).random(40000)
    times = by_turns([lambda _: np.sort(work), lambda _: [np.sort(work) for _ in range(3)]], 60, warm=5)
    assert 2.0 < ratios(times[1], times[0])["ratio"] < 4.5


def test_the_worst_model_is_the_one_that_is_told() -> None:
    def costs(share: float, quiet: float, ratio: float) -> dict[str, object]:
        return {
            "decode": {"share_p99": share}, "near_silence_ratio": quiet, "voices": {"count": 8, "ratio": 0.1 * share},
            "against_torchscript": {"ratio": ratio, "ratio_folded": 3.0 - 0.1 * ratio},
        }  # fmt: skip

    found = bench.worst({"a": costs(1.0, 1.1, 2.0), "b": costs(3.0, 0.9, 4.0)})
    assert found == {
        "encode_and_decode_share_p99": 3.0, "near_silence_ratio": 1.1, "voices": {"count": 8, "ratio": 0.1 * 3.0},
        "ratio": 2.0, "ratio_folded": 2.6,
    }  # fmt: skip
