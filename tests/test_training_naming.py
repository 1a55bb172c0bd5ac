"""Naming by intervention: each descriptor on sounds whose value is known, then decoders whose factors are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from instrument.base.errors import RosinError
from instrument.training.export import naming
from instrument.training.export.descriptors import DESCRIPTORS, IDS, JND, describe
from instrument.training.export.naming import Naming, assign, interventions, spearman
from instrument.training.export.sweeps import sweep_picture

Doubles = npt.NDArray[np.float64]
RATE = 48000
HELD_FROM = 4096
SAMPLES = HELD_FROM + 16384
T = np.arange(SAMPLES) / RATE
K = np.arange(1, 41)
NOTES = (33, 45, 57, 69, 81, 93)


def tone(
    note: float, levels: Doubles, rise_s: float = 0.002, noise: float = 0.0, waver: Doubles | float = 1.0
) -> Doubles:
    """A held tone at -20 dB from silence; ``noise`` relative to it, ``waver`` a factor of its level."""
    hz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    heard = hz * K < 21000.0
    x = (levels * heard) @ np.sin(2 * np.pi * hz * K[:, None] * T + K[:, None] ** 2 * 0.7)
    x = x * 0.1 / np.sqrt((x**2).mean()) * waver
    x = x + noise * 0.1 * np.random.default_rng(7).standard_normal(SAMPLES)
    return x * np.clip((T - 1024 / RATE) / rise_s, 0.0, 1.0)


SAW = 1.0 / K


def of(x: Doubles, note: float) -> dict[str, float]:
    return dict(zip(IDS, describe(x[None], [note], HELD_FROM)[0], strict=True))


def test_every_descriptor_has_both_names_a_unit_a_step_and_a_source() -> None:
    for d in DESCRIPTORS:
        assert all((d.label.en, d.label.fr, d.unit, d.source, d.more))
        assert d.jnd > 0
    assert len({d.label.fr for d in DESCRIPTORS}) == len({d.id for d in DESCRIPTORS}) == len(DESCRIPTORS)


@pytest.mark.parametrize("note", NOTES)
def test_a_pure_tone_is_at_its_pitch_and_has_no_colour(note: int) -> None:
    found = of(tone(note, (K == 1).astype(float)), note)
    assert found["pitch"] == pytest.approx(note, abs=0.01)
    assert found["loudness"] == pytest.approx(-20.0, abs=0.1)
    assert found["brightness"] == pytest.approx(0.0, abs=0.02)
    assert found["breath"] < -38.0
    assert all(abs(found[id]) < 0.1 for id in ("hollowness", "warmth", "nasality", "tremor"))


@pytest.mark.parametrize("away", [-7.0, -0.3, 0.3, 5.0])
def test_pitch_is_what_is_played_and_not_what_was_asked(away: float) -> None:
    assert of(tone(57 + away, SAW), 57)["pitch"] == pytest.approx(57 + away, abs=0.02)


def test_the_period_is_found_so_well_that_the_highest_partials_do_not_seem_rough() -> None:
    for note in (88.0, 93.3, 97.1, 100.0, 103.4, 106.0):
        found = of(tone(note, SAW), note)
        assert found["pitch"] == pytest.approx(note, abs=0.003)
        assert found["roughness"] < -29.5


@pytest.mark.parametrize("note", NOTES)
def test_the_slope_of_the_partials_is_brightness_and_nothing_else(note: int) -> None:
    steep, saw = of(tone(note, SAW**2), note), of(tone(note, SAW), note)
    assert saw["brightness"] > steep["brightness"] + 0.5
    for id in ("hollowness", "warmth", "nasality", "tremor", "breath"):
        jnd = JND[IDS.index(id)]
        assert abs(saw[id] - steep[id]) < 0.5 * jnd, id


@pytest.mark.parametrize("note", NOTES[:5])
def test_hollowness_warmth_and_nasality_are_the_decibels_that_were_put_in(note: int) -> None:
    saw = of(tone(note, SAW), note)
    hollow = of(tone(note, np.where(K % 2, 1.0, 10**-0.5) * SAW), note)
    warm = of(tone(note, np.where(K == 1, 10**0.5, 1.0) * SAW), note)
    hump = np.exp(-0.5 * (np.log2(K / 4.5) / 0.55) ** 2)
    nasal = of(tone(note, 10 ** (0.5 * hump) * SAW), note)
    for changed, id in ((hollow, "hollowness"), (warm, "warmth"), (nasal, "nasality")):
        assert changed[id] - saw[id] == pytest.approx(10.0, abs=1.2), id
        for other in {"hollowness", "warmth", "nasality"} - {id}:
            assert abs(changed[other] - saw[other]) < 1.0, (id, other)


@pytest.mark.parametrize("note", NOTES)
def test_breath_is_the_share_of_noise_and_does_not_pass_for_brightness(note: int) -> None:
    clear = of(tone(note, SAW), note)
    for level in (0.05, 0.1, 0.2):
        found = of(tone(note, SAW, noise=level), note)
        assert found["breath"] == pytest.approx(10 * np.log10(level**2 / (1 + level**2)), abs=1.5)
        assert abs(found["brightness"] - clear["brightness"]) < 0.45


def test_a_noise_has_no_partials_and_a_silence_has_nothing() -> None:
    noise = of(tone(57, SAW, noise=30.0), 57)
    assert noise["breath"] > -1.5
    assert all(np.isnan(noise[id]) for id in ("pitch", "hollowness", "warmth", "nasality", "roughness"))
    assert np.isfinite([noise[id] for id in ("loudness", "brightness", "tremor", "attack")]).all()
    assert np.isnan(list(of(np.zeros(SAMPLES), 57).values())).all()


def bells(note: float, count: int, noise: float = 0.0, top: float = 40.0) -> Doubles:
    """Lines that no pitch explains, up to ``top`` times the note, and noise ``noise`` times as strong."""
    rng = np.random.default_rng(5)
    f0 = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    lines = sum(np.sin(2 * np.pi * (f0 * top ** rng.uniform(0, 1) * T + rng.uniform())) for _ in range(count))
    lines = lines / np.sqrt((lines**2).mean())
    white = np.convolve(rng.standard_normal(SAMPLES), [0.6, 0.4], "same")
    return 0.1 * (lines + noise * white / white.std())


def test_what_rings_does_not_hiss_and_noise_does() -> None:
    levels = [of(bells(45, 12, noise), 45)["hiss"] for noise in (0.0, 0.03, 0.1, 0.3, 1.0, 10.0)]
    assert (np.diff(levels) > 0.5).all()
    assert levels[0] < -12.0
    assert levels[-1] == pytest.approx(-2.5, abs=0.4)  # the mean logarithm of an exponential, Euler's constant in dB


def test_width_is_the_spread_in_octaves() -> None:
    flat = np.ones(len(K))
    narrow, wide = (of(tone(45, np.where(flat.cumsum() <= n, flat, 0.0)), 45)["width"] for n in (2, 30))
    assert wide > narrow + 0.5
    pair = of(tone(57, (K == 1) + (K == 16.0)), 57)["width"]
    assert pair == pytest.approx(2.0, abs=0.1)  # two lines four octaves apart, each two from their middle
    assert of(tone(57, (K == 1).astype(float)), 57)["width"] < 0.15


def test_a_slow_waver_is_tremor_and_a_fast_one_is_roughness() -> None:
    for note in NOTES[1:]:
        still = of(tone(note, SAW), note)
        for depth in (0.1, 0.3):
            slow = of(tone(note, SAW, waver=1 + depth * np.sin(2 * np.pi * 6 * T)), note)
            assert slow["tremor"] == pytest.approx(20 * np.log10(1 + depth) / np.sqrt(2), rel=0.3)
            assert slow["roughness"] - still["roughness"] < 1.0
    for note in NOTES[2:]:
        fast = of(tone(note, SAW, waver=1 + 0.3 * np.sin(2 * np.pi * 40 * T)), note)
        assert fast["roughness"] == pytest.approx(10 * np.log10(0.3**2 / 2), abs=0.8)
        assert fast["tremor"] < 0.1


def test_attack_is_the_time_of_the_rise() -> None:
    for note in NOTES:
        slow, slower = (of(tone(note, SAW, rise_s=s), note)["attack"] for s in (0.04, 0.08))
        assert slow - slower == pytest.approx(1.0, abs=0.3)
        assert 2.0**-slower == pytest.approx(0.8 * 0.08, rel=0.15)
        assert of(tone(note, SAW), note)["attack"] > slow + 0.7


def test_level_and_what_holds_the_sound_change_nothing_but_the_loudness() -> None:
    x = tone(57, SAW, noise=0.1)
    torch = pytest.importorskip("torch")
    loud, soft, tensor = (
        describe(one, [57], HELD_FROM)[0]
        for one in (x[None], x[None] * 0.1, torch.from_numpy(x[None]).requires_grad_())
    )
    assert np.abs(np.delete(loud - soft, 1)).max() < 0.02
    assert loud[1] - soft[1] == pytest.approx(20.0, abs=0.01)
    assert (tensor == loud).all()


# ---- decoders whose factors are known ----

FACTORS = ("brightness", "breath", "hollowness", "tremor")
POINTS = 10


def synthesiser(mixing: Doubles) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]:
    """A decoder of four factors that are ``mixing`` [4, latents] times the latents. One noise for all, as in play."""

    def decode(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        n, _, frames = z.shape
        samples = frames * 128
        noise = np.random.default_rng(3).standard_normal(samples)
        time = np.arange(samples) / RATE
        slope, air, hollow, waver = mixing @ z[:, 2:, -1].T
        hz = 440.0 * 2.0 ** ((z[:, 0, -1] - 69.0) / 12.0)
        turn = np.exp(2j * np.pi * hz[:, None] * time).astype(np.complex64)
        wave, out = np.ones_like(turn), np.zeros((n, samples))
        for k in range(1, 17):
            wave *= turn
            level = k ** -(1.6 - 0.3 * slope) * 10 ** (-(1.0 + 0.3 * hollow) * (1 - k % 2) * 0.5)
            out += (level * (k * hz < 20000.0))[:, None] * wave.imag
        out /= np.sqrt((out[:, -8192:] ** 2).mean(1, keepdims=True))
        out += 10.0 ** (-1.2 + 0.25 * air)[:, None] * noise
        out *= 1.0 + np.clip(0.15 + 0.06 * waver, 0.0, 1.0)[:, None] * np.sin(2 * np.pi * 6.0 * time)
        gate = np.repeat(10.0 ** (z[:, 1] / 20.0) * (z[:, 1] > -79.0), 128, 1)
        return out * gate

    return decode


def frames(latents: int, scale: npt.ArrayLike = 1.0, seed: int = 5) -> Doubles:
    """z as an encoder might give it: notes, loudness, independent latents. Shape: [2 + latents, 400]."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((2 + latents, 400))
    z[0], z[1] = rng.uniform(40.0, 76.0, 400), rng.uniform(-35.0, -12.0, 400)
    z[2:] *= np.broadcast_to(scale, latents)[:, None]
    return z


HIDDEN = {4: ("brightness", -1), 0: ("breath", 1), 3: ("hollowness", -1), 5: ("tremor", 1)}


@pytest.fixture(scope="module")
def hidden() -> Naming:
    """Four factors behind latents 4, 0, 3, 5, two of them turned round; 1 and 2 do nothing."""
    mixing = np.zeros((4, 6))
    for latent, (name, sign) in HIDDEN.items():
        mixing[FACTORS.index(name), latent] = sign
    return interventions(synthesiser(mixing), frames(6), POINTS)


def test_four_hidden_factors_are_found_with_their_signs_and_no_name_is_false(hidden: Naming) -> None:
    assert hidden.names == {latent: name for latent, (name, _) in HIDDEN.items()}
    for latent, (name, sign) in HIDDEN.items():
        assert hidden.sign(latent) == sign
        assert abs(hidden.rho[2 + latent, IDS.index(name)]) > 0.9
        assert np.sign(hidden.change(latent)) == sign
        label = hidden.label(latent)
        assert label is not None
        assert label.en == name
    assert hidden.label(1) is None
    assert (hidden.rho[[3, 4]] == 0.0).all()


def test_the_whole_table_is_there(hidden: Naming) -> None:
    assert hidden.rho.shape == hidden.effect.shape == hidden.heard.shape == (8, len(DESCRIPTORS))
    assert hidden.rho[0, 0] > 0.99
    assert hidden.rho[1, 1] > 0.99
    assert hidden.effect[1, 1] == pytest.approx(np.ptp(hidden.curves[1, 1]), abs=3.0)
    assert set(hidden.table()) == {f"z{i}" for i in range(1, 7)}
    assert hidden.table()["z1"]["breath"] > 0.9


def test_effects_are_in_the_units_they_say(hidden: Naming) -> None:
    swing = 4.0 * np.std(frames(6)[2 + 3])
    assert hidden.change(3) == pytest.approx(-3.0 * swing, rel=0.15)  # 3 dB between odd and even per unit
    assert hidden.change(0) == pytest.approx(5.0 * 4.0 * np.std(frames(6)[2]), rel=0.25)  # 5 dB of noise per unit


def test_names_follow_when_the_latents_are_put_in_order(hidden: Naming) -> None:
    order, turn = [3, 5, 0, 1, 4, 2], [-1, 1, 1, 1, -1, 1]
    after = hidden.reordered(order, turn)
    assert after.names == {0: "hollowness", 1: "tremor", 2: "breath", 4: "brightness"}
    assert all(after.sign(i) == 1 for i in after.names)
    assert after.curves[2, IDS.index("hollowness"), -1] > after.curves[2, IDS.index("hollowness"), 0]
    assert hidden.sign(3) == -1


def test_two_latents_that_do_the_same_share_one_name() -> None:
    mixing = np.zeros((4, 3))
    mixing[0, 0] = mixing[0, 2] = 1.0
    found = interventions(synthesiser(mixing), frames(3), POINTS)
    assert list(found.names.values()) == ["brightness"]
    assert next(iter(found.names)) in (0, 2)


def test_latents_that_mix_everything_are_named_only_for_what_they_do() -> None:
    named = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        mixing = np.linalg.qr(rng.standard_normal((4, 4)))[0]
        found = interventions(synthesiser(mixing), frames(4, seed=seed), POINTS, seed=seed)
        assert len(set(found.names.values())) == len(found.names)
        for latent, name in found.names.items():
            assert name in FACTORS
            row = mixing[FACTORS.index(name)]
            assert np.sign(row[latent]) == found.sign(latent)
            assert abs(row[latent]) * naming.MOST > 0.9 * np.abs(row).max()
        named += len(found.names)
    assert named >= 4  # of 8: mixing is no excuse to name nothing


@pytest.mark.parametrize("same_noise", [True, False])
def test_a_decoder_that_ignores_its_latents_gets_no_name(same_noise: bool) -> None:
    rng = np.random.default_rng(11)

    def noise(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        rows = 1 if same_noise else len(z)
        gate = np.repeat(10.0 ** (z[:, 1] / 20.0) * (z[:, 1] > -79.0), 128, 1)
        seeded = np.random.default_rng(1) if same_noise else rng
        return gate * seeded.standard_normal((rows, z.shape[2] * 128))

    found = interventions(noise, frames(5), 8)
    assert found.names == {}
    if same_noise:
        assert (found.rho[2:] == 0.0).all()
    assert found.rho[1, 1] > 0.99


def test_a_change_below_what_is_heard_counts_for_nothing() -> None:
    mixing = np.zeros((4, 2))
    mixing[2, 0], mixing[2, 1] = 0.1, 1.0  # 1.2 dB over the sweep, and 12
    found = interventions(synthesiser(mixing), frames(2), 8)
    assert found.names == {1: "hollowness"}
    assert found.heard[2, IDS.index("hollowness")] == 0.0


def test_spearman_knows_ties_and_constants() -> None:
    steps = np.arange(9.0)
    y = np.stack([steps, -(steps**3), np.ones(9), np.repeat([0.0, 1.0, 2.0], 3), np.abs(steps - 4)])
    assert spearman(y) == pytest.approx([1.0, -1.0, 0.0, 0.9486833, 0.0])


def table(**cells: float) -> tuple[Doubles, Doubles]:
    """rho and effect (in steps of 10 JND times rho) of three latents; cells are z1_brightness=0.9 and so on."""
    rho = np.zeros((5, len(IDS)))
    for key, value in cells.items():
        latent, name = key.split("_")
        rho[1 + int(latent[1:]), IDS.index(name)] = value
    return rho, rho * 10.0 * JND


def test_the_assignment_is_the_best_one_and_its_limit_is_kept() -> None:
    rho, effect = table(z1_brightness=0.95, z1_breath=0.9, z2_brightness=0.9, z3_tremor=0.59)
    assert assign(rho, effect) == {0: "breath", 1: "brightness"}
    assert assign(rho, effect, 0.92) == {0: "brightness"}
    assert assign(rho * 0.0, effect) == {}


def test_a_knob_is_not_named_for_what_another_moves_three_times_as_far() -> None:
    rho, effect = table(z1_brightness=0.9, z1_warmth=-0.7, z2_brightness=0.95)
    assert assign(rho, effect) == {0: "warmth", 1: "brightness"}
    effect[3] *= 0.2
    assert assign(rho, effect) == {0: "brightness"}


def test_a_shadow_gives_no_name_but_what_goes_much_further_beside_it_does() -> None:
    rho, effect = table(z1_brightness=1.0, z1_warmth=-1.0, z2_brightness=0.99, z2_warmth=-0.99)
    effect[:, IDS.index("warmth")] *= 0.4
    assert assign(rho, effect) == {0: "brightness"}
    effect[3, IDS.index("warmth")] *= 1.6
    assert assign(rho, effect) == {0: "brightness", 1: "warmth"}


def test_few_points_need_a_surer_rho() -> None:
    assert naming.sure_of(24, 9, 100) == naming.SURE
    assert naming.sure_of(6, 9, 100) > naming.SURE
    rng = np.random.default_rng(0)
    chance = np.abs(spearman(rng.standard_normal((20000, 6, 9))).mean(1)).max()
    assert chance < naming.sure_of(6, 9, 20000)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_bad_input_is_refused_in_a_sentence(data: st.DataObject) -> None:
    z = frames(2)
    points, steps = 6, np.linspace(-2, 2, 5)

    def decode(z: npt.NDArray[np.float32]) -> Doubles:
        return np.zeros((len(z), z.shape[2] * 128))

    wrong = data.draw(st.sampled_from(["nan", "shape", "points", "steps", "order", "quiet", "ratio", "infinite"]))
    if wrong == "nan":
        z[data.draw(st.integers(0, 3)), data.draw(st.integers(0, 399))] = data.draw(st.sampled_from([np.nan, np.inf]))
    elif wrong == "shape":
        z = z[: data.draw(st.integers(0, 2))]
    elif wrong == "points":
        points = data.draw(st.integers(-3, 5))
    elif wrong == "steps":
        steps = np.linspace(-2, 2, data.draw(st.integers(0, 4)))
    elif wrong == "order":
        steps = steps[::-1]
    elif wrong == "quiet":
        z[1] = -70.0
    elif wrong == "ratio":
        longer = data.draw(st.integers(1, 500))
        decode = lambda z: np.zeros((len(z), z.shape[2] * 128 + longer))  # noqa: E731
    else:
        decode = lambda z: np.full((len(z), z.shape[2] * 128), np.nan)  # noqa: E731
    with pytest.raises(RosinError, match=r"[;,] .*"):
        interventions(decode, z, points, steps)


def test_the_picture_shows_a_row_for_each_name(hidden: Naming, tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    mixing = np.zeros((4, 6))
    for latent, (name, sign) in HIDDEN.items():
        mixing[FACTORS.index(name), latent] = sign
    sweep_picture(synthesiser(mixing), frames(6), hidden, tmp_path / "all.png", seconds=0.5)
    one = naming.dataclasses.replace(hidden, names={4: "brightness"})
    sweep_picture(synthesiser(mixing), frames(6), one, tmp_path / "one.png", seconds=0.5)
    tall, short = (image.imread(tmp_path / f"{name}.png") for name in ("all", "one"))
    assert tall.shape[0] > 2.5 * short.shape[0]
    assert short[..., :3].std() > 0.1
    with pytest.raises(RosinError, match="no latent has a name"):
        sweep_picture(synthesiser(mixing), frames(6), naming.dataclasses.replace(hidden, names={}), tmp_path / "x.png")


def test_what_has_no_pitch_is_named_by_what_it_has() -> None:
    """Bells that stand anywhere. One latent mixes noise of the same span in; the others do nothing."""
    octaves = np.random.default_rng(9).uniform(-1.0, 1.0, 14)
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    band = np.where((hz > 450.0) & (hz < 1800.0), 1.0, 0.0) / np.sqrt(np.maximum(hz, 1.0))
    hiss = np.fft.irfft(np.fft.rfft(np.random.default_rng(1).standard_normal(RATE)) * band, RATE)
    hiss *= 2.6 / hiss.std()

    def decode(z: Doubles) -> Doubles:
        out = np.zeros((len(z), z.shape[2] * 128))
        for row, audio in zip(z[:, :, -1], out, strict=True):
            t = np.arange(len(audio)) / RATE
            lines = sum(np.sin(2 * np.pi * 900.0 * 2.0**o * t + 9 * o) for o in octaves)
            audio[1024:] = 0.02 * (lines + hiss[: len(audio)] * 3.0 ** row[3])[1024:]
        return out

    found = interventions(decode, frames(3), POINTS)
    assert found.rho[3, IDS.index("hiss")] > 0.9
    assert found.names == {1: "hiss"}
