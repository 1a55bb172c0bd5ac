"""The conv and excited decoders: exported as they are, silent at the bottom, held at the top, in time and in tune."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from instrument.base.errors import RosinError
from instrument.model.runtime.denormals import AsItWas
from instrument.model.runtime.layers import layers_from
from instrument.training.export.graphs import graph_of
from instrument.training.learning.loss import spectral_loss
from instrument.training.network import bandsplit, level
from instrument.training.network.chance import Chance
from instrument.training.network.conv import ConvDecoder
from instrument.training.network.shape import Shape

RATE, RATIO = 48000, 128
FAMILIES = ("conv", "excited")


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


def decoder(family: str, loud: float = 30.0, width: int = 32) -> ConvDecoder:
    """A decoder of random weights whose learned waves are ``loud`` times as loud as at the start of a training."""
    torch.manual_seed(3)
    made = ConvDecoder(Shape(family=family, latents=3, width=width, dilations=(1, 3), harmonics=40, bands=16)).eval()
    with torch.no_grad():
        made.out.weight.mul_(loud)
    return made


def wandering(frames: int, seed: int = 0) -> np.ndarray:
    """z over all its range, with leaps. Shape: [L, frames]."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / 375.0
    z = rng.standard_normal((5, frames)) * 0.3 + np.sin(2 * np.pi * rng.uniform(0.1, 2.0, (5, 1)) * t) * 1.5
    z[0] = 62.0 + 24.0 * np.sin(2 * np.pi * 0.37 * t) + (t % 1.0 > 0.5) * 5.0
    z[1] = -30.0 + 28.0 * np.sin(2 * np.pi * 0.61 * t)
    z[1, frames // 2 : frames // 2 + 40] = -80.0
    return z.astype(np.float32)


def steady(note: float, loudness: float, frames: int) -> np.ndarray:
    z = np.zeros((5, frames), np.float32)
    z[0], z[1] = note, loudness
    return z


def white(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(frames * RATIO).astype(np.float32)


@torch.no_grad()
def played(made: ConvDecoder, z: np.ndarray, noise: np.ndarray | None = None) -> np.ndarray:
    noise = white(z.shape[1]) if noise is None else noise
    return made.play(torch.from_numpy(z)[None], torch.from_numpy(noise)[None])[0].numpy()


def streamed(made: ConvDecoder, z: np.ndarray, noise: np.ndarray, bends: bool = True, **bent: np.ndarray) -> np.ndarray:
    """The exported graph, frame by frame, from a state of zeros."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    with AsItWas():
        session = onnxruntime.InferenceSession(
            graph_of(made, bends).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    state = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name.startswith("state.")}
    names = [o.name for o in session.get_outputs()]
    bent = {f"bend.{name.replace('_', '.')}": value for name, value in bent.items()}
    rows = []
    for i in range(z.shape[1]):
        block = {"z": z[None, :, i : i + 1], "noise.air": noise[None, None, i * RATIO : (i + 1) * RATIO]}
        out = dict(zip(names, session.run(names, {**block, **state, **bent}), strict=True))
        state = {name: out["next." + name.removeprefix("state.")] for name in state}
        rows.append(out["audio"][0, 0])
    return np.concatenate(rows)


@pytest.mark.parametrize("bends", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_exported_graph_is_the_network_over_a_thousand_blocks(family: str, bends: bool) -> None:
    frames = 1000 if bends else 150
    made, z, noise = decoder(family), wandering(frames), white(frames)
    whole = played(made, z, noise)
    assert np.abs(whole).max() > 0.05
    assert np.abs(streamed(made, z, noise, bends) - whole).max() / max(1.0, np.abs(whole).max()) < 1e-5


def test_a_memory_of_zeros_is_an_instrument_at_rest() -> None:
    made, z = decoder("conv"), wandering(60)
    rests = np.repeat(steady(57.0, -80.0, 1), 80, 1)
    still = np.zeros(140 * RATIO, np.float32)
    after = streamed(made, np.concatenate([rests, z], 1), still)
    assert not after[: 80 * RATIO].any()
    at_once = streamed(made, z, still[: 60 * RATIO])
    assert np.abs(at_once).max() > 0.01
    assert np.abs(after[80 * RATIO :] - at_once).max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_the_bottom_of_loudness_is_silence_whatever_the_weights(family: str) -> None:
    made = decoder(family)
    for loudness in (-80.0, -95.0):
        assert not played(made, steady(60.0, loudness, 20)).any()
    rising = steady(60.0, -80.0, 40)
    rising[1, 20:] = -20.0
    rising[2:, 20:] = 1.0
    sound = played(made, rising)
    assert not sound[: 20 * RATIO].any()
    assert np.abs(sound[20 * RATIO :]).max() > 0.01


@pytest.mark.parametrize("loud", [30.0, 1e3, 1e6])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_latents_are_louder_than_what_is_asked_by_more_than_six_decibels(family: str, loud: float) -> None:
    z = np.random.default_rng(4).standard_normal((5, 300)).astype(np.float32) * 4.0
    z[0], z[1] = 60.0, -20.0
    sound = played(decoder(family, loud), z)
    over = 20.0 * np.log10(np.sqrt((sound.reshape(-1, 1280) ** 2).mean(1)).max()) + 20.0
    assert -2.0 < over <= 6.0


def test_the_gain_is_its_recursion() -> None:
    raw = torch.from_numpy(np.random.default_rng(5).standard_normal((1, 300, RATIO)).astype(np.float32))
    raw = raw * torch.exp(5.0 * torch.sin(torch.arange(300) / 40.0))[None, :, None]
    late, rows = 0.0, []
    for frame in raw[0].double().numpy():
        now = (frame**2).mean()
        late = level.KEPT * late + (1.0 - level.KEPT) * now
        rows.append(1.0 / max(level.LEAST, np.sqrt(max(late, level.NOW * now))))
    assert min(rows) < 0.3
    assert max(rows) == pytest.approx(1.0 / level.LEAST)
    assert np.abs(level.gains(raw)[0, :, -1].numpy() / rows - 1.0).max() < 1e-5


@pytest.mark.parametrize("by", [0.15, 1.0, 40.0])
def test_a_steady_wave_of_any_power_has_the_level_asked_for(by: float) -> None:
    raw = by * torch.sin(2 * torch.pi * 110.0 * torch.arange(300 * RATIO) / RATE).view(1, 300, RATIO)
    sound = level.levelled(raw, torch.full((1, 300), 0.1))[0, 100:].numpy()
    assert abs(20.0 * np.log10(sound.std() / 0.1)) < 0.7


def test_a_burst_is_caught_within_its_frame() -> None:
    raw = torch.randn(1, 60, RATIO, generator=torch.Generator().manual_seed(1))
    raw[:, 30:] *= 1000.0
    sound = level.levelled(raw, torch.ones(1, 60))[0].numpy()
    power = (sound**2).mean(1)
    assert power[30] < 10.0**0.7
    assert power[31:].max() < 10.0**0.4
    assert np.abs(sound).max() <= level.CEILING
    assert abs(10.0 * np.log10(power[40:].mean())) < 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_a_change_of_z_is_heard_in_its_own_block_and_not_before(family: str) -> None:
    made = decoder(family)
    z = wandering(60)
    for row, by in ((1, 6.0), (2, 2.0)):
        other = z.copy()
        other[row, 20:] += by
        difference = np.abs(played(made, other) - played(made, z))
        assert not difference[: 20 * RATIO].any()
        assert np.argmax(difference > 1e-5) - 20 * RATIO <= 144, "at most 3 ms"


def _middle(energy: np.ndarray) -> float:
    return float((energy * np.arange(1, len(energy) + 1)).sum() / energy.sum())


def test_the_delay_is_what_it_says() -> None:
    """Of a level: half a frame. Of what the network writes, when it waits for nothing itself: half the filters."""
    made = decoder("conv")
    z = steady(60.0, -80.0, 40)
    with torch.no_grad():
        z[1, 20] = -20.0
        asked = level.lined(10.0 ** (torch.from_numpy(z[None, 1]) / 20.0), RATIO)
        late = _middle(asked.flatten().numpy() - 1e-4) - (20 * RATIO + RATIO / 2)
        assert abs(late - made.delay_samples) < 2.0
        for stage in (made.low_stage, made.high_stage):  # each step passes on what it is given, at once
            stage.rise.taps.weight[:, :, 0] = 0.0
            for block in stage.blocks:
                block.second.weight.zero_()
        h = torch.zeros(1, 32, 40)
        h[:, :, 20] = 1.0
        wave = bandsplit.join(made.out(made.high_stage(made.low_stage(h, None), None)), made.joiners)
    late = _middle(wave[0].numpy() ** 2) - (20 * RATIO + RATIO / 2)
    assert 20.0 < late < 45.0


def test_split_and_joined_is_the_same_sound_a_little_later() -> None:
    sound = torch.from_numpy(white(100))[None]
    bands = bandsplit.split(sound, bandsplit.as_float32(bandsplit.analysis_filters()))
    again = bandsplit.join(bands, bandsplit.as_float32(bandsplit.synthesis_filters()))
    late = bandsplit.DELAY_SAMPLES
    error = again[:, late:] - sound[:, :-late]
    assert bands.shape == (1, bandsplit.BANDS, 100 * RATIO // bandsplit.BANDS)
    assert 10.0 * np.log10(float((sound**2).mean() / (error[:, 64:] ** 2).mean())) > 60.0


@pytest.mark.parametrize("band", range(bandsplit.BANDS))
def test_a_tone_is_in_its_own_band(band: int) -> None:
    hz = (band + 0.5) * RATE / 2 / bandsplit.BANDS
    sound = torch.sin(2 * torch.pi * hz * torch.arange(12800) / RATE)[None]
    bands = bandsplit.split(sound, bandsplit.as_float32(bandsplit.analysis_filters()))[0, :, 20:]
    power = (bands**2).mean(1).numpy()
    near = np.abs(np.arange(bandsplit.BANDS) - band)
    assert power.argmax() == band
    assert power[near == 1].max() < 2e-3 * power[band]
    assert power[near > 1].max() < 1e-6 * power[band]


@pytest.mark.parametrize("note", [36.0, 45.0, 57.37, 69.0, 81.5])
def test_an_excited_note_is_in_tune_within_ten_cents(note: float) -> None:
    sound = played(decoder("excited", 1.0), steady(note, -20.0, 1200), np.zeros(1200 * RATIO, np.float32))[12800:]
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    near = slice(int(hz * 0.9 * size / RATE), int(hz * 1.1 * size / RATE))
    found = (near.start + int(spectrum[near].argmax())) * RATE / size
    assert abs(1200.0 * np.log2(found / hz)) < 10.0


@pytest.mark.parametrize("family", FAMILIES)
def test_another_order_of_the_latents_is_the_same_instrument(family: str) -> None:
    made, z = decoder(family), wandering(60)
    before = played(made, z)
    order, turn = [2, 0, 1], torch.tensor([1.0, -1.0, 1.0])
    made.reorder(order, turn)
    moved = z.copy()
    moved[2:] = z[2:][order] * turn.numpy()[:, None]
    assert np.abs(played(made, moved) - before).max() < 1e-5
    assert np.abs(played(made, z) - before).max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_what_can_be_bent_is_heard_and_cannot_burst(family: str) -> None:
    made = decoder(family)
    shapes = {}
    model = graph_of(made, True)
    for value in [*model.graph.input, *model.graph.output]:
        shapes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    layers = layers_from(shapes, {}, ValueError)
    assert {"stack2", "low", "high", "levels"} <= set(layers.bendable) == set(layers.tapped)
    z, noise = wandering(80), white(80)
    z[1] = -20.0
    plain = streamed(made, z, noise)
    for name in ("low", "high", "levels"):
        wild = np.full((1, shapes[f"bend.{name}.gain"][1]), 1.0, np.float32)
        wild[0, ::3] = 50.0
        bent = streamed(made, z, noise, **{f"{name}_gain": wild})
        assert np.abs(bent - plain).max() > 1e-3
        assert 20.0 * np.log10(np.sqrt((bent.reshape(-1, 1280) ** 2).mean(1)).max()) + 20.0 <= 6.0
        silent = z.copy()
        silent[1] = -80.0
        assert not streamed(made, silent, noise, **{f"{name}_gain": wild}).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_it_learns_a_sound_within_twenty_five_steps(family: str) -> None:
    made = decoder(family, 1.0).train()
    t = torch.arange(96 * RATIO) / RATE
    target = sum(0.1 / k * torch.sin(2 * torch.pi * 375.0 * k * t) for k in (1, 2, 4))[None].repeat(2, 1)
    z = torch.from_numpy(steady(69.0 + 12.0 * np.log2(375.0 / 440.0), -20.0, 96))[None].repeat(2, 1, 1)
    optimiser = torch.optim.Adam(made.parameters(), 3e-3)
    losses = []
    for step in range(25):
        sound = made.learn(z, Chance(made.shape, 0, step, torch.device("cpu")))
        cost = spectral_loss(sound[:, 3584:], target[:, 3584:])[0]
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        losses.append(float(cost.detach()))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_what_it_cannot_do_is_said_in_a_sentence() -> None:
    with pytest.raises(RosinError, match="one voice"):
        graph_of(decoder("conv"), voices=2)
    with pytest.raises(RosinError, match="tones at 0"):
        ConvDecoder(Shape(family="conv", tones=4))
    with pytest.raises(RosinError, match="ratio at 128"):
        ConvDecoder(Shape(family="excited", ratio=256))
