"""The atlas of a trained network: everybody in it, nothing drawn, each anchor a moment that is there."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_sounds import tone_folder

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("scipy")

from instrument.model.atlas.atlas import Atlas, read_atlas
from instrument.model.atlas.chart import ARRAYS, ATLAS, Chart, chart_from, write_chart
from instrument.model.atlas.excerpts import EXCERPTS, RATE_HZ, SECONDS_MOST
from instrument.model.library.card import read_card
from instrument.model.library.credits import read_credits
from instrument.training.choices import TrainOptions
from instrument.training.data.corpus import Clip, Corpus, read_corpus
from instrument.training.export.atlas import (
    NEAR_S,
    allotted,
    build_atlas,
    charted,
    excerpt,
    excerpts_of,
    heard_again,
    medoids,
    whitening,
)
from instrument.training.network.model import Network
from instrument.training.network.shape import Shape
from instrument.training.train import train

TINY = Shape(latents=3, width=24, dilations=(1, 2), harmonics=12, bands=8, note_step=1.0)


@pytest.fixture(autouse=True)
def one_core() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(tone_folder(tmp_path_factory.mktemp("sounds")), 48000, 128)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(5)
    return Network(TINY).eval()


@pytest.fixture(scope="module")
def built(network: Network, corpus: Corpus) -> tuple[Chart, dict]:
    return build_atlas(network, corpus)


# --- a model gets one


def test_training_writes_an_atlas_that_the_card_vouches_for(tmp_path: Path) -> None:
    folder = train(
        tone_folder(tmp_path / "sounds"), "tones", tmp_path / "models", TrainOptions(
            steps=2, threads=1, shape=TINY, size=2, frames=64, runs=tmp_path / "runs", by="the tests", quiet=True,
        ),
    )  # fmt: skip
    card, credits = read_card(folder), read_credits(folder)
    atlas = read_atlas(folder, card, credits)
    assert atlas is not None
    assert atlas.clips == len(credits.sounds) == 4, "everybody is there"
    assert atlas.authors == ("the tests",)
    told = card.training["atlas"]
    assert (told["anchors"], told["sounds"]) == (len(atlas.chart.sound), 4)
    assert told["self_retrieval"] >= 0.99
    assert atlas.retrieval(atlas.places(), atlas.chart.sound) >= 0.99
    assert atlas.clip_of(0)[:3] == ("a tone", "the tests", "CC0-1.0")
    atlas.load_excerpts()
    assert atlas.excerpts is not None
    assert atlas.excerpts.sound.tolist() == [0, 1, 2, 3], "and each of them can be heard"


def test_nothing_is_drawn(network: Network, corpus: Corpus, built: tuple[Chart, dict], tmp_path: Path) -> None:
    again, figures = build_atlas(network, corpus)
    assert figures == built[1]
    (tmp_path / "b").mkdir()
    assert write_chart(built[0], tmp_path).read_bytes() == write_chart(again, tmp_path / "b").read_bytes()
    read = chart_from((tmp_path / ATLAS).read_bytes(), 5, 4)
    assert all(np.array_equal(getattr(read, name), getattr(again, name)) for name in ARRAYS)


def test_each_anchor_is_a_moment_of_its_sound(network: Network, corpus: Corpus, built: tuple[Chart, dict]) -> None:
    chart = built[0]
    assert chart.latents.tolist() == [0, 2, 3, 4], "loudness does not count"
    places = Atlas(chart, None).places()
    for i in range(0, len(chart.sound), 40):
        clip = corpus.training[chart.sound[i]]
        frame = round(float(chart.seconds[i]) * 375.0)
        z, _ = network.encoder.encode(torch.from_numpy(clip.audio[None, : len(clip.note) * 128]))
        z = z[0].detach().numpy()[:, frame]
        z[0] = clip.note[frame]
        np.testing.assert_allclose(places[i][chart.latents], z[chart.latents], atol=1e-3)


def test_frames_are_those_in_which_something_is_heard(network: Network, corpus: Corpus) -> None:
    z, sound, seconds = heard_again(network, corpus)
    assert z.shape == (5, len(sound))
    assert set(sound.tolist()) == {0, 1, 2, 3}
    assert z[1].min() > -60.0
    assert (seconds < 0.8).all()


def test_figures_are_what_a_look_finds(network: Network, corpus: Corpus, built: tuple[Chart, dict]) -> None:
    chart, figures = built
    z, sound, _ = heard_again(network, corpus)
    among = Atlas(chart, None).retrieval(z.T.astype(np.float32), sound)
    assert figures["own_sound_among_8"] == pytest.approx(among, abs=0.01)
    wrong = Atlas(chart, None).retrieval(z.T.astype(np.float32), (sound + 1) % 4)
    assert wrong < 0.6, "and another's sound is not found as often"


# --- its parts


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60).filter(any), st.integers(1, 300))
def test_everybody_gets_an_anchor_and_the_long_ones_more(frames: list[int], most: int) -> None:
    count = np.array(frames, np.int64)
    given_ = allotted(count, most)
    assert given_.sum() == min(most, count.sum())
    assert (given_ <= count).all()
    if (count > 0).sum() <= most:
        assert (given_[count > 0] >= 1).all()
        order = np.argsort(count, kind="stable")
        assert (np.diff(given_[order]) >= -1).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(1, 20), st.integers(1, 4), st.booleans())
def test_medoids_are_rows_and_stand_for_all(seed: int, rows: int, count: int, width: int, alike: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2 if alike else 1000, (rows, width)).astype(np.float32)
    picks, size = medoids(x, min(count, rows))
    assert len(picks) == len(size) <= count
    assert len(np.unique(picks)) == len(picks)
    assert size.sum() == rows
    assert (size > 0).all()
    assert len(np.unique(x[picks], axis=0)) == len(picks), "no place twice"


def test_medoids_lie_in_the_middle_of_what_they_stand_for() -> None:
    rng = np.random.default_rng(0)
    middles = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    x = np.concatenate([m + rng.standard_normal((50, 2)) for m in middles]).astype(np.float32)
    picks, size = medoids(x, 3)
    assert size.tolist() == [50, 50, 50]
    apart = np.linalg.norm(x[picks][:, None] - middles[None], axis=2).min(1)
    assert apart.max() < 0.6


def test_an_anchor_counts_for_as_many_frames_as_it_stands_for() -> None:
    rng = np.random.default_rng(0)
    sizes = {-9.0: 120, 0.0: 60, 30.0: 20}
    x = np.concatenate([np.full(n, middle) for middle, n in sizes.items()]) + 0.1 * rng.standard_normal(200)
    order = rng.permutation(200)
    chart, anchors = charted(x[None, order], np.zeros(200, np.int32), np.zeros(200, np.float32), [0], most=3)
    told = {
        round(float(x[order][at]) / 3.0) * 3.0: float(crowd) for at, crowd in zip(anchors, chart.crowd, strict=True)
    }
    assert told == {middle: pytest.approx(n / 200) for middle, n in sizes.items()}


def test_whitened_latents_are_a_unit_ball_and_what_never_moved_is_near_no_more() -> None:
    rng = np.random.default_rng(0)
    z = np.array([[17.0, 0.0], [1.6, 0.5]]) @ rng.standard_normal((2, 5000)) + np.array([[60.0], [1.0]])
    centre, whiten = whitening(z)
    y = whiten @ (z - centre[:, None])
    np.testing.assert_allclose(y @ y.T / 5000, np.eye(2), atol=1e-3)
    assert np.array_equal(whiten, whiten.T) or np.allclose(whiten, whiten.T)
    still = np.vstack([z, np.full((1, 5000), 3.0)])
    chart, _ = charted(still, np.repeat(np.arange(50), 100).astype(np.int32), np.zeros(5000, np.float32), range(3))
    atlas = Atlas(chart, None)
    atlas.look(still[:, 7].astype(np.float32))
    assert atlas.unknown < 1.0
    atlas.look((still[:, 7] + [0.0, 0.0, 1.0]).astype(np.float32))
    assert (atlas.unknown, atlas.known) == (1.0, 0.0)


def test_a_frame_is_not_measured_by_its_own_neighbours_in_time() -> None:
    """Two sounds, one unit apart: far is the way to the other sound, or to the same one ten seconds on."""
    rng = np.random.default_rng(0)
    z = np.concatenate([np.zeros((1, 300)), np.ones((1, 300))], 1) + 0.01 * rng.standard_normal((1, 600))
    sound = np.repeat([0, 1], 300).astype(np.int32)
    seconds = np.tile(np.arange(300, dtype=np.float32) / 375.0, 2)
    apart = charted(z, sound, seconds, [0])[0]
    long = charted(z, sound, seconds * (20.0 * NEAR_S / seconds.max()), [0])[0]
    assert np.median(apart.far) == pytest.approx(2.0, rel=0.05), "in whitened units, of deviation 0.5"
    assert np.median(long.far) < 0.1
    assert apart.scale[0] < 0.1, "the width of the weights is that of the own neighbours"


@pytest.mark.parametrize("frames", [1, 3, 9])
def test_a_handful_of_frames_is_an_atlas_too(frames: int, tmp_path: Path) -> None:
    z = np.random.default_rng(0).standard_normal((4, frames))
    chart, anchors = charted(z, np.zeros(frames, np.int32), np.zeros(frames, np.float32), range(4))
    assert sorted(anchors.tolist()) == list(range(frames))
    chart_from(write_chart(chart, tmp_path).read_bytes(), 4, 1)
    atlas = Atlas(chart, None)
    atlas.look(z[:, 0].astype(np.float32))
    assert atlas.weight.sum() == pytest.approx(1.0, abs=1e-5)


# --- what can be heard of it


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def test_excerpts_are_of_their_sounds_round_their_most_typical_anchor(
    corpus: Corpus, built: tuple[Chart, dict], tmp_path: Path
) -> None:
    import soxr

    chart, figures = built
    heard = chart.excerpts
    assert heard is not None
    assert heard.sound.tolist() == [0, 1, 2, 3]
    assert figures["excerpts"] == 4
    assert figures["excerpt_seconds"] == pytest.approx(heard.seconds, abs=0.05)
    write_chart(chart, tmp_path)
    assert (tmp_path / EXCERPTS).read_bytes() == heard.file
    for i, clip in enumerate(corpus.training):
        audio = heard.of(i)
        assert audio is not None
        first = round(float(heard.begins[i]) * 48000)
        own = soxr.resample(clip.audio[first:], 48000, RATE_HZ)[: len(audio)]
        inner = slice(200, len(own) - 1600)
        assert likeness(audio[inner].astype(float), own[inner]) > 0.999
        assert np.abs(audio).max() == pytest.approx(0.7 * 32767, rel=0.02)
        mine = np.flatnonzero(chart.sound == i)
        typical = float(chart.seconds[mine[chart.crowd[mine].argmax()]])
        assert heard.begins[i] <= typical <= heard.begins[i] + len(audio) / RATE_HZ


def licensed(corpus: Corpus, *names: str) -> Corpus:
    clips = iter(names)
    return Corpus(
        tuple(c if c.held_out else Clip({**c.credit, "licence": next(clips)}, c.audio, c.note, c.sure, False)
              for c in corpus.clips),
        corpus.rate_hz, corpus.ratio, (),
    )  # fmt: skip


def test_what_may_not_be_passed_on_is_not_in_the_file(corpus: Corpus, built: tuple[Chart, dict]) -> None:
    mixed = licensed(corpus, "CC-BY-4.0", "LicenseRef-Own", "CC-BY-NC-4.0", "CC0-1.0")
    heard = excerpts_of(mixed, built[0])
    assert heard is not None
    assert heard.sound.tolist() == [0, 3]
    assert heard.of(1) is None
    assert excerpts_of(licensed(corpus, *["LicenseRef-Own"] * 4), built[0]) is None


@pytest.mark.parametrize("most", [60_000, 16_000, 9_000, 100])
def test_the_file_stays_small_and_those_that_stand_for_least_go_first(
    corpus: Corpus, built: tuple[Chart, dict], most: int
) -> None:
    long = Corpus(
        tuple(Clip(c.credit, np.tile(c.audio, 4), c.note, c.sure, c.held_out) for c in corpus.clips),
        corpus.rate_hz, corpus.ratio, (),
    )  # fmt: skip
    chart = built[0]
    heard = excerpts_of(long, chart, most)
    if heard is None:
        assert most == 100
        return
    assert len(heard.file) <= most
    lengths = np.diff(heard.end, prepend=0) / RATE_HZ
    assert lengths.min() >= 1.0
    assert lengths.max() <= 2.0
    crowd = np.bincount(chart.sound, chart.crowd, 4)
    gone = set(range(4)) - set(heard.sound.tolist())
    assert all(crowd[i] <= crowd[heard.sound].min() + 1e-6 for i in gone)
    if most in (60_000, 9_000):
        assert (most == 60_000) == (len(heard.sound) == 4)


def test_an_excerpt_of_anything_is_finite_and_fits() -> None:
    rng = np.random.default_rng(0)
    for audio in (np.zeros(4800), rng.standard_normal(100), rng.standard_normal(96000), np.full(5000, 1e-7)):
        piece = excerpt(audio.astype(np.float32), 48000, min(1.0, len(audio) / 48000), 0.0)
        assert np.isfinite(piece).all()
        assert np.abs(piece).max() <= 0.8
        assert piece[0] == 0.0
    assert SECONDS_MOST > 3_000_000 / 4_000, "what fits the file is believed"
