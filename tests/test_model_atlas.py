"""The atlas: nearest are nearest, shares add up, the unknown grows outwards, and a broken file is a sentence."""

from __future__ import annotations

import dataclasses
import io
import math
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from doubles import CREDITS, SOUNDS, PlainNoise, tiny_card, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.model.atlas import atlas as rooms
from instrument.model.atlas.atlas import NEIGHBOURS, SMOOTH_S, Atlas, read_atlas
from instrument.model.atlas.chart import ARRAYS, ATLAS, FARTHEST, Chart, chart_from, write_chart
from instrument.model.library.card import read_card, write_card
from instrument.model.library.credits import read_credits
from instrument.model.library.sealing import check_files
from instrument.model.report.verify import verify
from instrument.model.runtime.session import OnnxVoice
from instrument.training.export.atlas import charted

FIRST_BOW = Path(__file__).resolve().parent.parent / "models" / "first-bow"


def plain_chart(seed: int = 0, count: int = 300, width: int = 3, sounds: int = 2) -> Chart:
    """Anchors at random in latents that are skewed, moved and in another order."""
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.random((2, 33)).astype(np.float32) * 3.0, axis=1)
    return Chart(
        rng.permutation(width).astype(np.int32), rng.standard_normal(width).astype(np.float32),
        (np.eye(width) * 2.0 + 0.3 * rng.standard_normal((width, width))).astype(np.float32),
        rng.standard_normal((count, width)).astype(np.float32), rng.integers(0, sounds, count).astype(np.int32),
        rng.random(count).astype(np.float32) * 9.0, np.full(count, 1.0 / count, np.float32), steps[0], steps[1],
        np.array([0.5, 1.0], np.float32),
    )  # fmt: skip


AXES = np.array([4.0, 1.0, 0.2])


def cloud(seed: int, sounds: int, frames: int = 60, held: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sounds that stay near places of their own (``held`` 1) or go everywhere (0), together one normal law.

    z [3, n], sound [n], seconds [n].
    """
    rng = np.random.default_rng(seed)
    places, strolls = rng.standard_normal((sounds, 3, 1)), rng.standard_normal((sounds, 3, frames))
    z = np.concatenate(list(AXES[:, None] * (held * places + np.sqrt(1.0 - held**2) * strolls)), 1)
    seconds = np.tile(np.arange(frames, dtype=np.float32) / 375.0, sounds)
    return z, np.repeat(np.arange(sounds), frames).astype(np.int32), seconds


@pytest.fixture(scope="module")
def clouded() -> Atlas:
    return Atlas(charted(*cloud(0, 300), range(3), most=1500)[0], None)


@pytest.fixture(scope="module")
def even() -> Atlas:
    return Atlas(charted(*cloud(0, 400, 50, held=0.6), range(3), most=1500)[0], None)


def told(atlas: Atlas, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """unknown and known at each row."""
    rows = []
    for place in z:
        atlas.look(place.astype(np.float32))
        rows.append((atlas.unknown, atlas.known))
    return np.array(rows).T


def uneven(values: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance from the uniform law."""
    n = len(values)
    values = np.sort(values)
    return float(max(np.abs(values - np.arange(n) / n).max(), np.abs(values - np.arange(1, n + 1) / n).max()))


# --- the look


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 700), st.integers(1, 12), st.floats(0.0, 30.0))
def test_the_nearest_are_those_that_numpy_finds(seed: int, count: int, width: int, away: float) -> None:
    chart = plain_chart(seed, count, width)
    atlas = Atlas(chart, CREDITS)
    z = (np.random.default_rng(seed + 1).standard_normal(width) * away).astype(np.float32)
    atlas.look(z)
    y = chart.whiten.astype(float) @ (z[chart.latents].astype(float) - chart.centre)
    squares = ((chart.anchors - y) ** 2).sum(1)
    k = min(NEIGHBOURS, count)
    assert len(set(atlas.nearest[:k].tolist())) == k
    np.testing.assert_allclose(squares[atlas.nearest[:k]], np.sort(squares)[:k], rtol=1e-3, atol=1e-4)
    assert (atlas.nearest[k:] == -1).all()
    assert (atlas.weight[k:] == 0.0).all()
    near = squares[atlas.nearest[:k]]
    weight = np.exp(-(near - near.min()) / (2.0 * 0.5**2))
    np.testing.assert_allclose(atlas.weight[:k], weight / weight.sum(), atol=5e-3)
    assert atlas.weight.sum() == pytest.approx(1.0, abs=1e-5)
    assert atlas.share.sum() == pytest.approx(1.0, abs=1e-5)
    shares = np.linspace(0.0, 1.0, 33)
    density = (chart.crowd * np.maximum(0.0, 1.0 - squares / 1.0) ** 2).sum()
    assert atlas.unknown == pytest.approx(np.interp(math.sqrt(near[-1]), chart.far, shares), abs=5e-3)
    assert atlas.known == pytest.approx(np.interp(density, chart.dense, shares), abs=5e-3)


def test_before_the_first_look_nothing_is_near_and_the_shares_are_those_of_the_training() -> None:
    atlas = Atlas(plain_chart(), CREDITS)
    assert atlas.authors == ("Ada", "Bo")
    assert atlas.share.tolist() == pytest.approx([0.75, 0.25]), "60 and 20 seconds"
    assert (atlas.unknown, atlas.known) == (1.0, 0.0)
    assert set(atlas.nearest.tolist()) == {-1}
    atlas.look(np.zeros(3, np.float32))
    assert (atlas.nearest >= 0).all()
    atlas.reset()
    assert atlas.share.tolist() == pytest.approx([0.75, 0.25])
    assert (atlas.unknown, atlas.weight.sum()) == (1.0, 0.0)


def test_shares_follow_with_a_time_constant_of_half_a_second_however_often_one_looks() -> None:
    chart = dataclasses.replace(plain_chart(), sound=np.ones(300, np.int32))
    for steps in (1, 10, 400):
        atlas = Atlas(chart, CREDITS)
        for _ in range(steps):
            atlas.look(np.zeros(3, np.float32), SMOOTH_S / steps)
        assert atlas.share[0] == pytest.approx(0.75 / math.e, rel=1e-3)
        assert atlas.share.sum() == pytest.approx(1.0, abs=1e-5)
        for dt_s in (0.0, -1.0, math.nan):
            atlas.look(np.zeros(3, np.float32), dt_s)
        assert atlas.share[0] == pytest.approx(0.75 / math.e, rel=1e-3)
        for _ in range(2):
            atlas.look(np.zeros(3, np.float32), 1e9)
        assert atlas.share.tolist() == [0.0, 1.0]


def test_shares_add_up_after_a_long_evening_too() -> None:
    atlas = Atlas(plain_chart(), CREDITS)
    z = np.random.default_rng(0).standard_normal((20000, 3)).astype(np.float32)
    for place in z:
        atlas.look(place)
    assert atlas.share.sum() == pytest.approx(1.0, abs=3e-7)


def test_a_place_between_two_authors_is_half_of_each() -> None:
    chart = plain_chart(count=2)
    chart = dataclasses.replace(
        chart, whiten=np.eye(3, dtype=np.float32), centre=np.zeros(3, np.float32), sound=np.array([0, 1], np.int32),
        anchors=np.array([[-1, 0, 0], [1, 0, 0]], np.float32), latents=np.arange(3, dtype=np.int32),
    )  # fmt: skip
    atlas = Atlas(chart, CREDITS)
    shares = []
    for x in (-1.0, 0.0, 1.0):
        atlas.look(np.array([x, 3.0, 0.0], np.float32), math.inf)
        shares.append(atlas.share.tolist())
    assert shares[1] == pytest.approx([0.5, 0.5])
    assert shares[0][0] == shares[2][1] == pytest.approx(1.0 / (1.0 + math.exp(-0.5 * 4.0 / 0.25)), abs=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_changes_nothing(bad: float) -> None:
    atlas = Atlas(plain_chart(), CREDITS)
    atlas.look(np.array([0.5, 0.0, 0.1], np.float32))
    before = [a.copy() for a in (atlas.nearest, atlas.weight, atlas.share)] + [atlas.unknown, atlas.known]
    for i in range(3):
        z = np.zeros(3, np.float32)
        z[i] = bad
        atlas.look(z, 1.0)
    now = [atlas.nearest, atlas.weight, atlas.share, atlas.unknown, atlas.known]
    assert all(np.array_equal(a, b) for a, b in zip(before, now, strict=True))


def test_however_far_away_there_is_an_answer() -> None:
    atlas = Atlas(plain_chart(), CREDITS)
    for far in (1e3, 1e6, 1e20, 3e38, -3e38):
        atlas.look(np.full(3, far, np.float32))
        assert (atlas.unknown, atlas.known) == (1.0, 0.0)
        assert atlas.weight.sum() == pytest.approx(1.0, abs=1e-5)
        assert atlas.nearest.min() >= 0


# --- what is known


def test_new_sounds_of_the_same_law_are_evenly_spread_over_the_unknown(clouded: Atlas) -> None:
    z, _, _ = cloud(1, 300)
    unknown, known = told(clouded, z[:, ::9].T)
    assert uneven(unknown) < 0.06
    assert uneven(known) < 0.12
    assert np.corrcoef(unknown, known)[0, 1] < -0.6
    own, _ = told(clouded, cloud(0, 300)[0][:, ::9].T)
    assert own.mean() < unknown.mean(), "what was learned from is less unknown than what was not"


def test_known_is_evenly_spread_over_the_training_frames(clouded: Atlas) -> None:
    _, known = told(clouded, cloud(0, 300)[0][:, ::9].T)
    assert uneven(known) < 0.03


def test_outwards_the_unknown_only_grows_and_the_known_only_shrinks(clouded: Atlas) -> None:
    chart = clouded.chart
    rng = np.random.default_rng(3)
    for _ in range(40):
        way = rng.standard_normal(3)
        way /= np.linalg.norm(way)
        edge = np.sort(chart.anchors @ way)[-1]
        radii = np.linspace(edge, edge + 4.0, 60)
        y = radii[:, None] * way
        z = np.zeros((60, 3))
        z[:, chart.latents] = np.linalg.solve(chart.whiten.astype(float), y.T).T + chart.centre
        unknown, known = told(clouded, z)
        assert (np.diff(unknown) >= -1e-4).all()
        assert (np.diff(known) <= 1e-6).all()
        assert (unknown[-1], known[-1]) == (1.0, 0.0)


def test_from_the_dense_middle_out_it_goes_from_familiar_to_unknown(even: Atlas) -> None:
    ways = np.random.default_rng(4).standard_normal((20, 1, 3))
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    z = np.linspace(0.0, 6.0, 13)[None, :, None] * ways * AXES
    unknown, known = (m.reshape(20, 13).mean(0) for m in told(even, z.reshape(-1, 3)))
    assert unknown[0] < 0.15
    assert known[0] > 0.9
    assert (np.diff(unknown) >= -0.01).all()
    assert (np.diff(known) <= 0.01).all()
    assert (unknown[-1], known[-1]) == (1.0, 0.0)


def test_the_known_has_no_jumps(even: Atlas) -> None:
    """Friction leans on it: along 10 deviations, a step of 1/50 of one may change it by a few hundredths only."""
    z = np.linspace([-10.0, -2.0, 0.4], [10.0, 2.0, -0.4], 500)
    assert np.abs(np.diff(told(even, z)[1])).max() < 0.05


# --- cost


def test_a_look_takes_at_most_25_us_with_4096_anchors_and_allocates_nothing() -> None:
    atlas = Atlas(plain_chart(count=4096, width=10), CREDITS)
    rooms.warm()
    z = np.random.default_rng(0).standard_normal((500, 10)).astype(np.float32)
    took = []
    for place in z:
        begin = time.perf_counter()
        atlas.look(place)
        took.append(time.perf_counter() - begin)
    assert np.percentile(took, 20) < 25e-6
    place, grown = z[0], []
    tracemalloc.start()
    atlas.look(place)
    for _ in range(5):  # what grows with a look grows each time; what another thread of the tests does, does not
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            atlas.look(place)
        grown.append(tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert min(grown) < 500


# --- the file


def with_atlas(folder: Path, chart: Chart | None = None) -> Path:
    """A whole tiny model with an atlas of its two latents and its two sounds."""
    tiny_model(folder, noise=None)
    write_chart(chart or plain_chart(width=2), folder)
    write_card(tiny_card(name=folder.name), folder)
    return folder


def opened(folder: Path) -> Atlas | None:
    return read_atlas(folder, read_card(folder), read_credits(folder))


def test_what_is_written_is_read_and_is_always_the_same_bytes(tmp_path: Path) -> None:
    folder = with_atlas(tmp_path / "m")
    atlas = opened(folder)
    assert atlas is not None
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(atlas.chart, name), getattr(plain_chart(width=2), name))
    data = (folder / ATLAS).read_bytes()
    assert write_chart(plain_chart(width=2), tmp_path).read_bytes() == data
    assert OnnxVoice(folder, PlainNoise(), providers="cpu").credited, "it is part of the model"


def test_an_anchor_is_credited_as_its_sound_is() -> None:
    chart = dataclasses.replace(plain_chart(count=2), sound=np.array([1, 0], np.int32))
    atlas = Atlas(chart, CREDITS)
    assert atlas.clip_of(0) == ("Bells", "Bo", "CC-BY-4.0", pytest.approx(float(chart.seconds[0])))
    assert atlas.clip_of(1)[:3] == (SOUNDS[0].title, "Ada", "CC0-1.0")
    assert atlas.clips == 2
    for wrong in (-1, 2):
        with pytest.raises(IndexError):
            atlas.clip_of(wrong)
    nameless = Atlas(chart, None)
    nameless.look(np.zeros(3, np.float32))
    assert (nameless.authors, nameless.share.size) == ((), 0)
    assert nameless.clip_of(0)[:3] == ("", "", "")


def test_no_atlas_is_none_and_a_missing_or_another_one_is_a_sentence(tmp_path: Path) -> None:
    tiny_model(tmp_path / "bare")
    assert opened(tmp_path / "bare") is None
    folder = with_atlas(tmp_path / "m")
    data = (folder / ATLAS).read_bytes()
    (folder / ATLAS).write_bytes(data[:-1] + b"x")
    with pytest.raises(RosinError, match=r"is not the file its card was written for.*; fetch the model again"):
        opened(folder)
    with pytest.raises(RosinError, match="is not the file"):
        check_files(read_card(folder), folder)
    (folder / ATLAS).unlink()
    with pytest.raises(RosinError, match="is missing; fetch"):
        opened(folder)


def packed(chart: Chart, **other: object) -> bytes:
    file = io.BytesIO()
    arrays = {"format": np.array(1, np.int32), **{name: getattr(chart, name) for name in ARRAYS}, **other}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file.getvalue()


class Evil:
    def __reduce__(self) -> tuple:
        return (pytest.fail, ("it was unpickled",))


GOOD = plain_chart(count=20, width=2)
WRONG: dict[str, dict[str, object]] = {
    "format": {"format": np.array(2, np.int32)},
    "no format": {"format": None},
    "a table is missing": {"far": None},
    "one too many": {"more": np.zeros(3)},
    "pickled": {"seconds": np.array([Evil()] * 20, object)},
    "no anchors": {"sound": np.zeros(0, np.int32), "anchors": np.zeros((0, 2), np.float32)},
    "too many": {"sound": np.zeros(5000, np.int32)},
    "another width": {"anchors": np.zeros((20, 3), np.float32)},
    "doubles": {"anchors": GOOD.anchors.astype(np.float64)},
    "text": {"seconds": np.array(["a"] * 20)},
    "nan": {"anchors": np.full((20, 2), np.nan, np.float32)},
    "inf": {"far": np.append(GOOD.far[:-1], np.float32(np.inf))},
    "too large": {"centre": np.full(2, 2 * FARTHEST, np.float32)},
    "falling": {"dense": GOOD.dense[::-1]},
    "before the start": {"seconds": -np.ones(20, np.float32)},
    "twice one latent": {"latents": np.zeros(2, np.int32)},
    "no such latent": {"latents": np.array([0, 2], np.int32)},
    "no such sound": {"sound": np.full(20, 2, np.int32)},
    "a sound before the first": {"sound": np.full(20, -1, np.int32)},
    "flat": {"whiten": np.ones((2, 2), np.float32)},
    "no reach": {"scale": np.array([1.0, 0.0], np.float32)},
    "a crowd of two": {"crowd": np.full(20, 0.1, np.float32)},
    "huge": {"more": np.zeros(3_000_000)},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_an_atlas_is_a_sentence(tmp_path: Path, what: str) -> None:
    folder = with_atlas(tmp_path / "m")
    (folder / ATLAS).write_bytes(packed(GOOD, **WRONG[what]))
    write_card(tiny_card(), folder)
    with pytest.raises(RosinError, match=r"is no atlas of this model \(.*\); fetch the model again") as caught:
        opened(folder)
    assert "\n" not in str(caught.value)
    assert "bad" in [f.grade for f in verify(folder, PlainNoise(), blocks=5)]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255), st.integers(0, 10**6), st.booleans())
def test_a_spoilt_file_is_refused_or_harmless(place: int, byte: int, end: int, cut: bool) -> None:
    data = bytearray(packed(GOOD))
    data[place % len(data)] = byte
    try:
        chart = chart_from(bytes(data[: end % len(data)] if cut else data), 2, 2)
    except ValueError:
        return
    atlas = Atlas(chart, CREDITS)
    atlas.look(np.zeros(2, np.float32))
    assert np.isfinite([atlas.unknown, atlas.known, *atlas.weight, *atlas.share]).all()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError):
        chart_from(junk, 2, 2)


# --- verify, show, and the shipped one


def atlas_finding(folder: Path) -> tuple[str, str]:
    return next((f.grade, f.text) for f in verify(folder, PlainNoise(), blocks=5) if f.about in ("atlas", "refused"))


def test_verify_looks_at_the_atlas(tmp_path: Path) -> None:
    tiny_model(tmp_path / "bare", noise=None)
    assert atlas_finding(tmp_path / "bare")[0] == "warn"
    assert atlas_finding(with_atlas(tmp_path / "good")) == (
        "good", "300 anchors in 2 sounds; 100.0 % find their own sound among 8 neighbours",
    )  # fmt: skip
    same = plain_chart(count=40, width=2)
    same = dataclasses.replace(
        same, anchors=np.zeros_like(same.anchors), sound=np.arange(40, dtype=np.int32) // 20,
        crowd=np.full(40, 1.0 / 40.0, np.float32),
    )  # fmt: skip
    grade, text = atlas_finding(with_atlas(tmp_path / "one-place", same))
    assert (grade, "50.0 % find" in text) == ("bad", True)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_show_tells_of_the_shipped_atlas(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "first-bow", "--language", language]) == 0
    said = " ".join(capsys.readouterr().out.split())
    wanted = (
        "4096 anchors in 299 sounds; authors: 1" if language == "en" else "4096 repères dans 299 sons ; auteurs : 1"
    )
    assert wanted in said


def test_show_says_what_is_wrong_with_an_atlas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = with_atlas(tmp_path / "m")
    (folder / ATLAS).unlink()
    assert main(["models", "show", str(folder), "--language", "en"]) == 0
    assert "is missing; fetch the model again" in " ".join(capsys.readouterr().out.split())


def test_the_shipped_atlas_is_small_and_finds_its_own_sounds() -> None:
    assert (FIRST_BOW / ATLAS).stat().st_size <= 400_000
    grade, text = atlas_finding(FIRST_BOW)
    assert grade == "good", text
    atlas, card = opened(FIRST_BOW), read_card(FIRST_BOW)
    assert atlas is not None
    assert card.training["atlas"]["self_retrieval"] >= 0.99
    assert card.training["atlas"]["own_sound_among_8"] >= 0.9
    assert atlas.retrieval(atlas.places(), atlas.chart.sound) >= 0.99
    assert set(atlas.chart.sound.tolist()) == set(range(299)), "nobody learned from is left out"
    length = np.array([sound.seconds for sound in atlas.sounds])
    assert (atlas.chart.seconds < length[atlas.chart.sound]).all()
    roles = [card.latents[i].role for i in atlas.chart.latents]
    assert roles == ["pitch"] + ["latent"] * 8, "loudness does not count"


def test_at_rest_the_shipped_model_is_somewhere_familiar_and_its_corners_are_not() -> None:
    atlas, card = opened(FIRST_BOW), read_card(FIRST_BOW)
    assert atlas is not None
    unknown, known = told(atlas, np.array([[latent.start for latent in card.latents]]))
    assert unknown[0] < 0.6
    assert known[0] > 0.7
    rng = np.random.default_rng(0)
    low, high = (np.array([getattr(latent, side) for latent in card.latents]) for side in ("low", "high"))
    unknown, known = told(atlas, np.where(rng.random((200, 10)) < 0.5, low, high))
    assert unknown.min() > 0.95
    assert known.max() < 0.05
