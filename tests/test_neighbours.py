"""Neighbours, live: whose sounds are near adds up, the neighbour is heard and no other, a take says who was near."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import neighbourhood as near
import numpy as np
import pytest
import soundfile
from doubles import SOUNDS as TWO
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbourhood import CREDITS, HZ, PLACES
from stage import now, null_engine, play, rms_db

from instrument.audio.callback import Callback
from instrument.audio.errands import Errands
from instrument.audio.recording.attribution_meter import AttributionMeter
from instrument.audio.recording.take_recording import TakeRecording
from instrument.base.errors import RosinError
from instrument.cli import main
from instrument.commands.play import neighbours
from instrument.commands.status import Status
from instrument.commands.terminal_keys import press
from instrument.documents.options import Folders
from instrument.documents.patch import Patch
from instrument.documents.rig import Rig
from instrument.documents.take import Take, gestures, line_of, take_from
from instrument.engine.effects.excerpt_player import LEVEL_DB, ExcerptPlayer, PlayedLevel, level_of
from instrument.engine.frame_writer import fill_frame
from instrument.engine.snapshot import Snapshot
from instrument.ipc import AUTHORS_MAX, Flags, Frame, Gesture, Kind, Link
from instrument.model.atlas.atlas import SMOOTH_S, Atlas, read_atlas
from instrument.model.atlas.attribution import AUDIBLE, SUFFIX, Attribution, authors_of, merged, roll_of
from instrument.model.atlas.chart import ATLAS, chart_from, write_chart
from instrument.model.atlas.excerpts import EXCERPTS, RATE_HZ, encoded, index_from
from instrument.model.library import licences
from instrument.model.library.card import read_card, write_card
from instrument.model.library.credits import Credits, Made, Sound, read_credits

BLOCK_S = 128 / 48000


def look(atlas: Atlas, z1: float, dt_s: float = BLOCK_S) -> None:
    atlas.look(np.array([0.0, z1], np.float32), dt_s)


# --- shares


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 3)), min_size=1, max_size=30))
def test_shares_of_sounds_and_of_authors_sum_to_1_and_are_the_smoothed_weights(
    steps: list[tuple[float, float]],
) -> None:
    chart = near.chart()
    atlas = Atlas(chart, CREDITS)
    clip = np.array([0.1, 0.2, 0.3, 0.4])  # by their seconds, before anything was looked at
    np.testing.assert_allclose(atlas.clip_share, clip, rtol=1e-6)
    for z1, dt in steps:
        look(atlas, z1, dt)
        keep = np.exp(-dt / SMOOTH_S)
        clip = keep * clip + (1 - keep) * np.bincount(chart.sound[atlas.nearest], atlas.weight, 4)
        np.testing.assert_allclose(atlas.clip_share, clip, atol=1e-5)
        np.testing.assert_allclose(atlas.share, [clip[2:].sum(), clip[:2].sum()], atol=1e-5)  # Bo gave more seconds
        for share in (atlas.clip_share, atlas.share):
            assert float(share.sum(dtype=np.float64)) == pytest.approx(1.0, abs=1e-6)
        shown = atlas.top[atlas.top >= 0]
        assert sorted(shown.tolist()) == np.flatnonzero(atlas.clip_share > 0.0).tolist()
        np.testing.assert_array_equal(atlas.top_share[: len(shown)], np.sort(atlas.clip_share[shown])[::-1])
        np.testing.assert_array_equal(atlas.clip_share[shown], atlas.top_share[: len(shown)])


def test_who_is_gone_is_gone_and_no_denormal_is_left() -> None:
    atlas = Atlas(near.chart(), CREDITS)
    for _ in range(20 * 94):
        look(atlas, PLACES[0], 4 * BLOCK_S)
    assert atlas.clip_share.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert atlas.top.tolist() == [0] + [-1] * 7
    assert atlas.share.tolist() == [0.0, 1.0]


def test_what_sounded_counts_for_those_who_were_near_then() -> None:
    atlas = Atlas(near.chart(), CREDITS)
    look(atlas, PLACES[0])
    for z1 in (PLACES[0], PLACES[3], PLACES[3]):
        atlas.sounded(0.5)
        atlas.sounded(0.25)
        look(atlas, z1)
    look(atlas, PLACES[1])  # nothing sounded in between
    np.testing.assert_allclose(atlas.heard_s, [1.5, 0.0, 0.0, 0.75], atol=1e-6)
    atlas.sounded(1.0)
    look(atlas, float("nan"))
    np.testing.assert_allclose(atlas.heard_s, [1.5, 1.0, 0.0, 0.75], atol=1e-6)
    atlas.reset()
    assert atlas.heard_s.sum() == pytest.approx(3.25)


def test_of_more_authors_than_a_frame_holds_the_last_place_has_the_rest(tmp_path: Path) -> None:
    count = 30
    sounds = tuple(
        Sound(f"{i}", f"A{i:02}", "", "CC0-1.0", "given", 100.0 - i, f"{i:064}") for i in range(count)
    )  # fmt: skip
    made = near.engine(tmp_path)
    atlas = Atlas(near.chart(), CREDITS)
    made.layer.place = atlas
    frame = Frame()
    play(made, 8)
    fill_frame(made, frame, 1.0)
    assert float(frame.share.sum()) == pytest.approx(1.0, abs=1e-6)
    atlas.share = np.full(count, 1.0 / count, np.float32)
    fill_frame(made, frame, 1.0)
    assert float(frame.share.sum()) == pytest.approx(1.0, abs=1e-6)
    assert frame.share[-1] == pytest.approx((count - AUTHORS_MAX + 1) / count, rel=1e-5)
    assert len(sounds) == count


def test_the_frame_names_the_sounds_that_are_near(tmp_path: Path) -> None:
    made, frame = near.engine(tmp_path, PLACES[2]), Frame()
    play(made, 1500)
    fill_frame(made, frame, 1.0)
    assert frame.clip[0] == 2
    assert frame.clip_share[0] > 0.99
    assert frame.share[0] > 0.99, "Bo, who gave most seconds, is the first"
    made.layer.place = None
    fill_frame(made, frame, 1.0)
    assert (frame.clip == -1).all()
    assert not frame.clip_share.any()


def test_the_anchors_find_their_own_sounds() -> None:
    atlas = Atlas(near.chart(), CREDITS)
    assert atlas.retrieval(atlas.places(), atlas.chart.sound) >= 0.99
    assert atlas.retrieval(atlas.places(), (atlas.chart.sound + 1) % 4) < 0.01


# --- what can be heard


def test_the_file_is_the_same_for_the_same_samples_and_is_what_an_ogg_reader_expects(tmp_path: Path) -> None:
    audio = near.excerpts().audio
    data = encoded(audio)
    time.sleep(0.02)  # libsndfile draws its number from the clock
    assert encoded(audio) == data
    back, rate = soundfile.read(io.BytesIO(data), dtype="float64")
    assert (rate, len(back)) == (RATE_HZ, len(audio))
    error = back - audio / 32768.0
    assert 10 * np.log10(np.mean(error**2) / np.mean((audio / 32768.0) ** 2)) < -20.0
    at = data.index(b"OggS", 100)
    broken = bytearray(data)
    broken[at + 22] ^= 1
    try:  # the CRC counts: a reader drops a page that has another
        spoilt, _ = soundfile.read(io.BytesIO(bytes(broken)), dtype="float64")
    except RuntimeError:
        spoilt = np.zeros(0)
    assert len(spoilt) != len(back)


def test_excerpts_are_read_with_the_atlas_and_belong_to_their_sounds(tmp_path: Path) -> None:
    folder = near.model(tmp_path / "m")
    card, credits = read_card(folder), read_credits(folder)
    assert set(card.files) >= {ATLAS, EXCERPTS}, "the card vouches for them"
    atlas = read_atlas(folder, card, credits)
    assert atlas is not None
    assert atlas.has_excerpts
    assert atlas.excerpts is None, "nothing is decoded yet"
    atlas.load_excerpts()
    assert atlas.excerpts is not None
    for sound, hz in HZ.items():
        audio = atlas.excerpts.of(sound)
        assert audio is not None
        assert np.argmax(np.abs(np.fft.rfft(audio))) == pytest.approx(hz * near.SECONDS, abs=1)
    assert atlas.excerpts.of(2) is None
    assert atlas.excerpts.of(99) is None
    other = read_atlas(folder, card, credits)
    assert other is not None
    other.load_excerpts()
    assert other.excerpts is not None
    assert other.excerpts.audio is atlas.excerpts.audio, "patches share them"
    nobodys = read_atlas(folder, card, None)
    assert nobodys is not None
    assert not nobodys.has_excerpts, "nobody could say whose they are"


def test_an_atlas_without_excerpts_is_read_as_before_and_leaves_no_old_file(tmp_path: Path) -> None:
    folder = near.model(tmp_path / "m")
    write_chart(near.chart(), folder)
    assert not (folder / EXCERPTS).exists()
    write_card(read_card(folder), folder)
    atlas = read_atlas(folder, read_card(folder), read_credits(folder))
    assert atlas is not None
    assert not atlas.has_excerpts
    atlas.load_excerpts()
    assert atlas.excerpts is None


def test_a_missing_or_another_file_is_a_sentence(tmp_path: Path) -> None:
    folder = near.model(tmp_path / "m")
    card, credits = read_card(folder), read_credits(folder)
    atlas = read_atlas(folder, card, credits)
    assert atlas is not None
    data = (folder / EXCERPTS).read_bytes()
    (folder / EXCERPTS).write_bytes(data[:-1])
    with pytest.raises(RosinError, match=r"is not the file its card was written for.*; fetch the model again"):
        atlas.load_excerpts()
    (folder / EXCERPTS).unlink()
    with pytest.raises(RosinError, match="is missing; fetch"):
        atlas.load_excerpts()
    for spoilt in (b"", b"OggS", data[: len(data) // 2], b"RIFF" + data[4:], encoded(near.tone(440.0))):
        (folder / EXCERPTS).write_bytes(spoilt)
        again = read_atlas(folder, write_card(card, folder), credits)
        assert again is not None
        with pytest.raises(RosinError, match="does not hold the excerpts that its atlas speaks of"):
            again.load_excerpts()


ONE, TWO_F = np.array([0, 2], np.int32), np.zeros(2, np.float32)
ENDS = np.array([100, 200], np.int32)


@pytest.mark.parametrize(("sound", "begins", "end"), [
    (ONE[::-1].copy(), TWO_F, ENDS), (np.array([0, 0], np.int32), TWO_F, ENDS),
    (np.array([0, 4], np.int32), TWO_F, ENDS),
    (np.array([-1, 2], np.int32), TWO_F, ENDS), (ONE, -np.ones(2, np.float32), ENDS), (ONE, TWO_F, ENDS[::-1].copy()),
    (ONE, TWO_F, np.array([0, 5], np.int32)), (ONE, TWO_F, np.array([5, 2**31 - 1], np.int32)), (ONE, TWO_F[:1], ENDS),
    (ONE, np.full(2, np.nan, np.float32), ENDS), (ONE.astype(np.int64), TWO_F, ENDS), (ONE[:0], TWO_F[:0], ENDS[:0]),
    (np.zeros((2, 1), np.int32), TWO_F, ENDS),
])  # fmt: skip
def test_an_index_that_cannot_be_is_refused(sound: Any, begins: Any, end: Any) -> None:
    assert index_from(ONE, TWO_F, ENDS, 4).find(2) == 1
    with pytest.raises(ValueError):
        index_from(sound, begins, end, 4)


def test_an_index_out_of_a_file_is_looked_at(tmp_path: Path) -> None:
    write_chart(near.chart(near.excerpts()), tmp_path)
    data = (tmp_path / ATLAS).read_bytes()
    found = chart_from(data, 2, 4).excerpts
    assert found is not None
    assert found.sound.tolist() == list(HZ)
    with pytest.raises(ValueError, match="not credited"):
        chart_from(data, 2, 3)
    with np.load(io.BytesIO(data)) as npz:
        arrays = dict(npz)
    del arrays["excerpt_end"]
    file = io.BytesIO()
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match="does not hold what an atlas holds"):
        chart_from(file.getvalue(), 2, 4)


@pytest.mark.parametrize(("licence", "may"), [
    ("CC0-1.0", True), ("CC-BY-4.0", True), ("CC-BY-SA-3.0", True), ("LicenseRef-PublicDomain", True),
    ("CC-BY-NC-4.0", False), ("CC-BY-ND-4.0", False), ("CC-BY-NC-SA-4.0", False), ("LicenseRef-Own", False),
    ("LicenseRef-Friend", False), ("OpenRAIL-M-1.0", False), ("all rights reserved", False),
    ("CC-BY-NC-4.0 OR CC-BY-4.0", True), ("CC-BY-4.0 AND LicenseRef-Own", False), ("", False),
])  # fmt: skip
def test_what_may_be_passed_on(licence: str, may: bool) -> None:
    assert licences.may_be_passed_on(licence) is may


# --- heard


SETTLED = 2500
"""Blocks after which the tiny model's loud beginning is no longer what was played of late."""


def heard(hearing: ExcerptPlayer, blocks: int, gain: float = 1.0) -> np.ndarray:
    out = np.zeros((2, blocks * 128), np.float32)
    for k in range(blocks):
        hearing.add(out[:, k * 128 : (k + 1) * 128], gain)
    return out


@pytest.mark.parametrize("rate", [44100.0, 48000.0, 96000.0])
@pytest.mark.parametrize("hz", [220.0, 3000.0, 8000.0])
def test_an_excerpt_sounds_at_its_pitch_clean_and_at_its_modest_level(rate: float, hz: float) -> None:
    hearing = ExcerptPlayer(rate)
    hearing.start(near.tone(hz), 7)
    assert hearing.sound == 7
    out = heard(hearing, int(rate / 128) + 2)
    assert hearing.sound == -1, "and ends by itself"
    assert (out[0] == out[1]).all()
    t = np.arange(out.shape[1]) / rate
    inner = slice(int(0.1 * rate), int(0.9 * rate))
    wave = 0.7 * 10 ** (LEVEL_DB / 20) * np.sin(2 * np.pi * hz * t)
    error = out[0][inner] - wave[inner]
    assert rms_db(error) - rms_db(wave[inner]) < -50.0
    assert not out[:, int(rate) + 128 :].any()


def test_let_go_it_fades_and_another_waits_for_that() -> None:
    hearing = ExcerptPlayer(48000.0)
    hearing.start(near.tone(440.0), 1)
    heard(hearing, 50)
    hearing.start(near.tone(880.0), 2)
    assert hearing.sound == 1
    out = heard(hearing, 60)[0]
    assert hearing.sound == 2
    assert np.abs(np.diff(out)).max() < 0.25 * 2 * np.pi * 880 / 48000 * 1.05, "no step is larger than the wave's own"
    hearing.let_go()
    out = heard(hearing, 13)[0]
    assert hearing.sound == -1
    assert out[:100].any()
    assert not out[1441:].any(), "30 ms"
    assert np.abs(np.diff(out)).max() < 0.25 * 2 * np.pi * 880 / 48000 * 1.05
    assert not heard(hearing, 3).any()


def twins(tmp_path: Path, z1: float, **more: Any) -> tuple[Any, Any]:
    return near.engine(tmp_path, z1, **more), near.engine(tmp_path, z1, **more)


def test_the_nearest_neighbour_is_added_and_nothing_is_ducked(tmp_path: Path) -> None:
    plain, made = twins(tmp_path, PLACES[1])
    play(plain, SETTLED), play(made, SETTLED)
    now(made, Kind.HEAR, 0, 1.0)
    frame = Frame()
    before, with_it = play(plain, 400), play(made, 400)
    extra = (with_it - before)[0]
    assert np.argmax(np.abs(np.fft.rfft(extra[: 48000 * 2 // 2]))) == pytest.approx(HZ[1], abs=1)
    assert rms_db(extra[4800:43200]) == pytest.approx(rms_db(before), abs=1.0), "as loud as what one plays"
    assert np.abs(extra[48000 + 256 :]).max() < 1e-4, "the voice itself is untouched, and goes on"
    now(made, Kind.HEAR, 4, 1.0)  # the fourth sound of the credits, though another is nearer
    play(made, 10)
    fill_frame(made, frame, 1.0)
    assert frame.hearing == 3
    now(made, Kind.HEAR, 0, 0.0)
    play(made, 20)
    fill_frame(made, frame, 1.0)
    assert frame.hearing == -1
    assert not made.requests


def test_the_level_knob_holds_for_it_and_panic_ends_it(tmp_path: Path) -> None:
    made = near.engine(tmp_path, PLACES[0])
    level = made.layer.table.index("level")
    made.layer.control.place_knob(level, made.layer.table[level].raw(-20.0), 0.0, 0)
    alone = rms_db(play(made, SETTLED)[:, -9600:])
    now(made, Kind.HEAR, 0, 1.0)
    quiet = play(made, 200)[0]
    spectrum = np.abs(np.fft.rfft(quiet * np.hanning(len(quiet)))) / (len(quiet) / 4)
    peak = spectrum[round(HZ[0] * len(quiet) / 48000) - 2 :][:5].max()
    assert 20 * np.log10(peak / 2**0.5) == pytest.approx(alone, abs=1.0), "as loud as the voice at that level"
    now(made, Kind.PANIC)
    play(made, 20)
    assert made.hearing.sound == -1
    assert not play(made, 4).any()
    now(made, Kind.HEAR, 0, 1.0)
    assert not play(made, 20).any(), "and in a panic nothing is to be heard"
    assert not made.requests


@pytest.mark.parametrize("played_db", [-12.0, -20.0, -30.0, -45.0])
def test_an_excerpt_is_as_loud_as_what_one_plays(played_db: float) -> None:
    """A sustained one of any level, over 33 dB: it was at one level, up to 28 dB above."""
    hearing, played = ExcerptPlayer(48000.0), PlayedLevel(48000.0, 128)
    for _ in range(1000):
        played.hear(10.0 ** (played_db / 10.0))
    hearing.start(near.tone(440.0), 1, None, played.power)
    out = heard(hearing, 376)
    assert rms_db(out[:, 4800:43200]) == pytest.approx(played_db, abs=0.6)


def test_a_struck_sound_is_what_is_played_after_it_died_and_a_softer_one_takes_its_place() -> None:
    played, second = PlayedLevel(48000.0, 128), 375
    for n in range(second):
        played.hear(10.0 ** (-2.0 - 3.0 * n / second))  # -20 dBFS, dying by 30 dB a second
    assert 10.0 * np.log10(played.power) == pytest.approx(-30.0, abs=5.0)
    struck = played.power
    for _ in range(8 * second):
        played.hear(1e-5)
    assert 10.0 * np.log10(played.power) == pytest.approx(-50.0, abs=0.5)
    assert struck > 30.0 * played.power


@pytest.mark.parametrize("sound", [np.zeros(8, np.int16), np.full(1, -32768, np.int16), np.zeros(0, np.int16)])
@pytest.mark.parametrize("played", [0.0, 1e-30, 1e-3, 1e30, float("nan")])
def test_no_excerpt_is_louder_than_it_is_nor_lost(sound: np.ndarray, played: float) -> None:
    assert 0.0 < level_of(sound, played) <= 1.0


def test_before_anything_sounded_it_is_modest_and_a_snapshot_knows_how_loud_it_was(tmp_path: Path) -> None:
    silent, made = twins(tmp_path, PLACES[1])
    assert 20.0 * np.log10(level_of(near.tone(440.0), 0.0)) == pytest.approx(LEVEL_DB)
    play(made, 400)
    kept = Snapshot.from_bytes(made.snapshot().to_bytes())
    silent.restore(kept)
    for engine in (silent, made):
        now(engine, Kind.HEAR, 4, 1.0)
    assert (play(silent, 50) == play(made, 50)).all()


def test_what_may_not_be_heard_gives_way_to_the_next_or_is_asked_about(tmp_path: Path) -> None:
    made = near.engine(tmp_path, 0.95)
    play(made, 40)  # the others are still remembered, a little
    now(made, Kind.HEAR, 0, 1.0)
    play(made, 1)
    assert int(made.layer.place.top[0]) == 2, "nearest is what may not be passed on"
    assert made.hearing.sound in HZ
    play(made, 3000)
    now(made, Kind.HEAR, 3, 1.0)
    play(made, 1)
    assert list(made.requests) == [(Kind.HEAR, 2, 1.0)]
    assert made.hearing.sound == -1


def test_a_model_without_excerpts_and_one_without_an_atlas_ask_too(tmp_path: Path) -> None:
    for made in (near.engine(tmp_path, with_excerpts=False), null_engine()):
        now(made, Kind.HEAR, 0, 1.0)
        play(made, 1)
        assert list(made.requests) == [(Kind.HEAR, -1, 0.0)]


def test_of_a_model_without_excerpts_it_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    sound: Any = Errands.__new__(Errands)
    sound._unheard, sound.language = set(), "en"
    sound.row = SimpleNamespace(say=said.append)
    sound.engine = near.engine(tmp_path, with_excerpts=False)
    for _ in range(3):
        sound._say_unheard(-1, 0.0, 0.0)
    assert said == ["The model near holds nothing of its neighbouring sounds that could be heard."]
    for _ in range(3):
        sound._say_unheard(2, 1.0, 0.0)
    assert len(said) == 2
    assert "Sound 2" in said[1]
    assert "LicenseRef-Own" in said[1]


# --- the take


def seconds_of(made: Any) -> tuple[np.ndarray, np.ndarray]:
    made.layer.place.settle()
    return made.layer.place.heard_s, made.layer.place.played_s


def test_the_engine_counts_what_sounds_and_silence_not(tmp_path: Path) -> None:
    made = near.engine(tmp_path, PLACES[3])
    play(made, 375)
    np.testing.assert_allclose(seconds_of(made)[0], [0, 0, 0, 1.0], atol=0.03)
    now(made, Kind.PANIC)
    play(made, 375)
    assert seconds_of(made)[0].sum() == pytest.approx(1.0, abs=0.03)
    now(made, Kind.RESUME)
    now(made, Kind.HEAR, 2, 1.0)
    play(made, 375)
    near_s, played_s = seconds_of(made)
    assert near_s.sum() == pytest.approx(2.0, abs=0.05)
    np.testing.assert_allclose(played_s, [0, 1.0, 0, 0], atol=0.01)


def test_in_a_crossfade_each_counts_by_its_power(tmp_path: Path) -> None:
    one, two = near.engine(tmp_path, PLACES[0]), near.engine(tmp_path, PLACES[3], fade_ms=1000.0)
    play(one, 8), play(two, 8)
    begun = [part.place.heard_s.sum() for part in (one.layer, two.layer)]
    first = one.layer
    one.change(two.layer)
    play(one, 375)
    both = []
    for part, before in zip((first, two.layer), begun, strict=True):
        part.place.settle()
        both.append(part.place.heard_s.sum() - before)
    assert sum(both) == pytest.approx(1.0, abs=0.05)
    assert both[0] == pytest.approx(both[1], abs=0.08)


def test_a_take_is_what_was_near_from_its_beginning_on(tmp_path: Path) -> None:
    made = near.engine(tmp_path, PLACES[0])
    play(made, 375)
    meter = AttributionMeter(lambda: (made.layer,))
    near.place(made, PLACES[3])
    play(made, 375)
    (take,) = meter.heard()
    assert take.near_s[3] > 0.95
    assert take.near_s.sum() == pytest.approx(1.0, abs=0.03)
    assert take.by_author[0][0] == "Bo"
    assert sum(seconds for _, seconds in take.by_author) == pytest.approx(take.near_s.sum())
    silent = AttributionMeter(lambda: (made.layer,))
    assert silent.heard() == ()
    assert len(silent.heard((made.layer,))) == 1


def test_patches_that_share_a_model_are_one() -> None:
    card: Any = SimpleNamespace(sha256="a", name="m")
    rows = [Attribution(card, CREDITS, np.full(4, s), np.zeros(4)) for s in (1.0, 2.0)]
    (one,) = merged(rows)
    assert one.near_s.tolist() == [3.0] * 4
    assert authors_of(CREDITS, np.array([1.0, 0.0, 0.0, 3.0])) == (("Bo", 3.0), ("Ada", 1.0))
    assert authors_of(None, np.zeros(0)) == ()


def test_the_roll_says_who_was_near_for_how_long_and_that_near_is_not_influence(tmp_path: Path) -> None:
    card = read_card(near.model(tmp_path / "m"))
    played = np.array([0.0, 1.25, 0.0, 0.0])
    take = Attribution(card, CREDITS, np.array([1.0, 7.0, 0.0, 2.0]), played)
    english, french = (roll_of("A take", [take], language) for language in ("en", "fr"))
    lines = english.splitlines()
    assert "similarity is not influence" in english
    assert "ressemblance n'est pas influence" in french
    assert lines[0] == "NEIGHBOURING SOUNDS of A take"
    assert french.splitlines()[0] == "SONS VOISINS de A take"
    assert [line.split() for line in lines if line.endswith("  Ada")] == [["80.0", "%", "8.0", "s", "Ada"]]
    assert "     70.0 %      7.0 s  Sound 1 · Ada · CC-BY-4.0 · https://example.org/1" in lines
    assert "70,0 %" in french
    (heard_too,) = (line for line in lines if line.startswith("    1.2 s"))
    assert heard_too.endswith("Sound 1 · Ada · CC-BY-4.0 · https://example.org/1")
    assert english.count("Sound 2") == 1, "not near, but learned from"
    shares = [float(line.split()[0]) for line in lines if " · Ada · " in line or " · Bo · " in line if " %" in line]
    assert sum(shares) == pytest.approx(100.0, abs=0.2)
    assert len(english.splitlines()) == len(french.splitlines())


def test_a_voice_that_learned_from_nobody_has_a_roll_too() -> None:
    part = null_engine().layer
    text = roll_of("x", AttributionMeter(lambda: (part,)).heard((part,)), "en")
    assert "No neighbouring sounds:" in text


def test_a_recording_leaves_its_roll_beside_the_sound(tmp_path: Path) -> None:
    made = near.engine(tmp_path / "models", PLACES[1])
    with Link.create() as link:
        player = Callback(made, link, 128)
        bank: Any = SimpleNamespace(also_here=lambda part: "", layers=(made.layer,))
        row = link.health.row("sound")
        recording = TakeRecording(player, bank, row, tmp_path / "takes", "fr")
        out, waves = np.zeros((2, 128), np.float32), []
        for take in range(2):
            recording.record(True)
            for _ in range(375):
                player.callback(out, None, time.monotonic())
            if take == 0:
                link.hands.push(Gesture(Kind.HEAR, 0, 1.0, 0.0, 1))
                for _ in range(400):
                    player.callback(out, None, time.monotonic())
            recording.record(False)
            assert recording.recorder.path is not None
            waves.append(recording.recorder.path)
        assert not player.extra_flags & Flags.RECORDING
    first, second = (path.with_name("credits.txt").read_text(encoding="utf-8") for path in waves)
    assert first.startswith(f"SONS VOISINS de {waves[0].parent.name}\n")
    assert "Sound 1 · Ada · CC-BY-4.0" in first
    assert "Extraits qu'on en a entendus" in first
    assert "Extraits qu'on en a entendus" not in second, "each take has its own"


def test_a_render_of_a_take_hears_the_neighbour_again_and_leaves_a_roll(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = read_card(near.model(tmp_path / "models" / "near")).sha256
    patch = tmp_path / "near.toml"
    lines = ["schema = 1", 'name = "near"', "[model]", 'name = "near"', f'sha256 = "{sha}"', "[voice]",
             'sounds = "always"', "[knobs.loudness]", "start = 1.0"]  # fmt: skip
    patch.write_text("\n".join(lines), encoding="utf-8")
    rig = tmp_path / "rig.toml"
    rig.write_text(f'schema = 1\nlanguage = "en"\n[folders]\nmodels = "{tmp_path / "models"}"\n', encoding="utf-8")
    take = tmp_path / "take.jsonl"
    sounds = []
    for hear in ("", '{"t": 0.5, "hear": 4}\n'):
        take.write_text('{"rosin": 1, "patch": "near", "seed": 3, "seconds": 2.0}\n' + hear, encoding="utf-8")
        out = tmp_path / f"out{len(sounds)}.wav"
        done = main(["render", str(take), "--patch", str(patch), "-o", str(out), "--rig", str(rig)])
        assert done == 0, capsys.readouterr().err
        sounds.append(soundfile.read(out)[0])
    extra = (sounds[1] - sounds[0])[:, 0]
    assert not extra[: int(0.49 * 48000)].any()
    assert np.argmax(np.abs(np.fft.rfft(extra[24000:72000]))) == pytest.approx(HZ[3], abs=1)
    roll = (tmp_path / f"out1{SUFFIX}").read_text(encoding="utf-8")
    assert "Excerpts of them that were themselves heard" in roll
    assert "1.0 s · Sound 3 · Bo · CC-BY-4.0" in roll
    assert str(tmp_path / f"out1{SUFFIX}") in capsys.readouterr().out


def test_a_take_keeps_the_asking() -> None:
    table = null_engine().layer.table
    for gesture in (Gesture(Kind.HEAR, 0, 1.0), Gesture(Kind.HEAR, 300, 1.0), Gesture(Kind.HEAR, 0, 0.0)):
        line = line_of(gesture, 1.5, table)
        assert line is not None
        take = take_from(['{"rosin": 1, "patch": "x"}', line], "here")
        assert isinstance(take, Take)
        (again,) = gestures(take, table)
        assert (again.kind, again.knob, again.value, again.time) == (Kind.HEAR, gesture.knob, gesture.value, 1.5)
    for wrong in ('"hear": -1', '"hear": "x"', '"hear": 70000', '"hear": 1, "on": 3'):
        with pytest.raises(RosinError, match="write a whole number"):
            take_from(['{"rosin": 1, "patch": "x"}', f'{{"t": 0, {wrong}}}'], "here")


def test_the_threshold_is_60_db_below_full_scale() -> None:
    assert 20 * np.log10(AUDIBLE) == pytest.approx(-60.0)
    assert Credits("m", Made("", ""), TWO).authors == ("Ada", "Bo")


# --- the summary


def test_the_summary_names_the_authors_by_the_time_they_were_near_while_something_sounded(tmp_path: Path) -> None:
    sha = read_card(near.model(tmp_path / "near")).sha256
    frames = iter(
        [(0.0, 0.1, 0.5), (0.1, 0.1, 0.5), (0.2, 0.1, 1.0), (0.3, 0.0, 0.0), (9.0, 0.1, 0.0), (9.1, 0.1, 1.0)]
    )
    newest = Frame()
    show: Any = SimpleNamespace(notices=[], frame=lambda: newest)
    status = Status(show, ["near"], {}, "en")
    for when, rms, bo in frames:
        newest.time, newest.rms, newest.known = 100.0 + when, rms, 0.5
        newest.share[:2] = bo, 1.0 - bo
        status._count(newest)
        status._count(newest)  # the same frame, looked at twice
    seconds = status.near_s[0]
    np.testing.assert_allclose(seconds[:2], [0.05 + 0.1 + 0.1, 0.05], atol=1e-6)
    assert seconds.sum() == pytest.approx(0.3), "neither silence nor the gap counts"
    patch = Patch("p", "near", model_sha256=sha)
    rig = Rig(folders=Folders(models=str(tmp_path)))
    assert neighbours(status, {0: patch}, rig, "en") == ["near: Bo 83 %, Ada 17 % (near, not cause)"]
    assert neighbours(status, {0: patch}, rig, "fr") == ["near: Bo 83 %, Ada 17 % (proche, pas cause)"]
    assert neighbours(status, {0: Patch("p", "null")}, rig, "en") == []
    newest.known = -1.0
    newest.time += 0.1
    status._count(newest)
    assert status.near_s[0].sum() == pytest.approx(0.3), "a voice that has no neighbours has none"


def test_h_asks_for_the_neighbour() -> None:
    asked: list[Gesture] = []
    show: Any = SimpleNamespace(frame=Frame, gesture=asked.append)
    press("h", show, Any, 1)  # type: ignore[arg-type]
    assert [(g.kind, g.knob, g.value) for g in asked] == [(Kind.HEAR, 0, 1.0)]
