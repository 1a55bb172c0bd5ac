"""What is asked for faster than it makes sense: the newest wish is done, files are bounded, a word is said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import now, null_engine, play
from test_take_whole import BOW, BRONZE, HAMMER, House, g

from instrument.base.rate import Allowance
from instrument.chance.words import stream_id
from instrument.engine.acts import HEAVY_A_BLOCK, without_excess
from instrument.engine.engine import REQUESTS
from instrument.ipc import Gesture, Kind, Link
from instrument.storage import accident_store as keepsakes_of


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with Link.create() as link:
        yield House(link, tmp_path / "takes")


@given(st.lists(st.floats(0.0, 5.0), max_size=200), st.integers(1, 5), st.floats(0.01, 5.0))
def test_an_allowance_is_never_exceeded_in_any_stretch_of_time(steps: list[float], at_once: int, every: float) -> None:
    allowance, clock, taken = Allowance(at_once, every), 100.0, []
    for step in steps:
        clock += step
        if allowance.take(clock):
            taken.append(clock)
        else:
            assert allowance.wait_s(clock) > 0.0
    for i, begin in enumerate(taken):
        for j in range(i, len(taken)):
            assert j - i + 1 <= at_once + (taken[j] - begin) / every + 1e-6


def test_of_many_patches_the_last_one_comes_and_at_most_so_many_on_the_way(house: House) -> None:
    engine, errands, changes = house.engine, house.errands, []
    change = engine.change
    engine.change = lambda part: (changes.append(part), change(part))[1]  # type: ignore[method-assign]
    for index in (BOW, BRONZE, HAMMER):
        house.bank.layer(index)
    clock = 1000.0
    for look in range(100):  # two seconds of 500 a second
        for k in range(10):
            engine.ask(Kind.PATCH, (look + k) % 3, 0.0)
        errands.look(clock)
        clock += 0.02
    assert 8 <= len(changes) <= 8 + 2.0 / 0.1 + 1
    engine.ask(Kind.PATCH, HAMMER, 0.0)
    for _ in range(10):
        errands.look(clock)
        clock += 0.02
    assert changes[-1] is house.bank.layer(HAMMER)
    assert sum("faster than they can change" in said for said in house.said) == 1


def test_a_patch_that_does_not_load_is_tried_beside_the_sound_and_said_once(house: House, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("nonsense", encoding="utf-8")
    house.bank.paths = (*house.bank.paths, broken)
    for _ in range(60):
        house.engine.ask(Kind.PATCH, 3, 0.0)
        begin = time.monotonic()
        house.errands.look(begin)
        assert time.monotonic() - begin < 0.2
        time.sleep(0.005)
    assert sum("broken could not be loaded" in said for said in house.said) == 1
    assert house.engine.layer is house.bank.layer(BOW)


def test_a_recording_that_is_switched_all_the_time_is_begun_four_times_and_in_the_end_as_it_was_wished(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.monotonic() + 1.0
    on = False
    while time.monotonic() < end:
        on = not on
        house.recording.ask(on)
        house.play(1)
        longest = time.monotonic()
        house.recording.look()
        assert time.monotonic() - longest < 0.3, "nobody waits for a disk here"
    house.recording.ask(False)
    end = time.monotonic() + 5.0
    while (house.recording.recorder.recording or house.recording._wanted is not None) and time.monotonic() < end:
        house.recording.look()
        time.sleep(0.01)
    house.recording.close()
    assert not house.recording.recorder.recording
    assert 1 <= len(list(house.folder.glob("*/sound.wav"))) <= 4


def test_two_accidents_kept_in_one_second_are_two_files_and_many_are_bounded(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    part, keeps = house.engine.layer, house.accident_store
    house.play(40)
    clock = 1000.0
    for key in range(50):  # names that the hands have not told: all in one second
        keeps.keep_accident(part, key, 0.01, clock)
    keeps.close()
    folder = tmp_path / "home" / "rosin" / "accidents" / "bow"
    assert len(list(folder.glob("*.npz"))) == len(part.accidents) == 4
    assert sum("faster than one in 2 s" in said for said in house.said) == 1
    monkeypatch.setattr(keepsakes_of, "ACCIDENTS_MOST", 6)
    for key in range(50):
        keeps.keep_accident(part, key, 0.01, clock + 10.0 * (key + 1))
    keeps.close()
    assert len(list(folder.glob("*.npz"))) == 6
    assert any("6 accidents are kept with this patch" in said for said in house.said)


def test_one_name_kept_over_and_over_fills_no_disk(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keepsakes_of, "ACCIDENTS_MOST", 5)
    house.link.names.speak("slip")
    house.play(40)
    for turn in range(12):
        house.accident_store.keep_accident(house.engine.layer, stream_id("slip"), 0.01, 1000.0 + 10.0 * turn)
        house.accident_store.close()
    assert len(list((tmp_path / "home" / "rosin" / "accidents" / "bow").glob("slip*.npz"))) == 5
    assert any("5 accidents are kept with this patch" in said for said in house.said)


def test_names_that_were_told_one_after_the_other_are_each_found(house: House) -> None:
    part, keeps = house.engine.layer, house.accident_store
    house.play(40)
    for name in ("first", "second"):  # both before the sound has looked
        house.link.names.speak(name)
    for name in ("first", "second"):
        keeps.keep_accident(part, stream_id(name), 0.01)
    assert set(part.accidents) == {"first", "second"}


def test_a_scene_kept_500_times_a_second_is_written_once_a_second_and_the_last_one_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[dict[str, float]] = []
    monkeypatch.setattr(
        keepsakes_of, "keep_scene", lambda patch, slot, knobs: (written.append(knobs), (Path("x"), ""))[1]
    )
    part, clock = house.engine.layer, 1000.0
    for look in range(100):
        for _ in range(10):
            raw = part.control.raw
            raw[2] = look / 100
            part.scenes.keep(3, raw, True)
        house.accident_store.look(clock)
        if house.accident_store._scribe is not None:
            house.accident_store._scribe.join()
        clock += 0.02
    house.accident_store.close()
    assert 2 <= len(written) <= 4
    assert written[-1][part.table[2].id] == pytest.approx(0.99)


def test_what_only_wants_a_sentence_never_crowds_out_a_recording_that_shall_end() -> None:
    engine = null_engine()
    for _ in range(10 * REQUESTS):
        engine.ask(Kind.SCENE, 5, 0.0)
    engine.ask(Kind.RECORD, 0, 0.0)
    assert len(engine.requests) == REQUESTS + 1
    assert engine.requests[-1] == (Kind.RECORD, 0, 0.0)


def test_of_seeds_and_moments_in_one_block_the_newest_are_done() -> None:
    engine = null_engine(hazard=5.0)
    for seed in range(200):
        now(engine, Kind.SEED, extra=seed)
        now(engine, Kind.SNAPSHOT, seed % 8)
    now(engine, Kind.KNOB, 2, 0.7)
    play(engine, 1)
    assert engine.layer.seed == 199
    assert all(kept is not None for kept in engine.slots), "each slot is a moment of its own"
    assert engine.lost == 200 - HEAVY_A_BLOCK + 200 - 8 * HEAVY_A_BLOCK
    assert engine.layer.control.raw[2] == np.float32(0.7)


@given(st.lists(st.sampled_from(list(Kind)), max_size=60))
def test_what_is_light_is_never_left_out_and_the_order_stays(kinds: list[Kind]) -> None:
    block = [(i, Gesture(kind)) for i, kind in enumerate(kinds)]
    kept, lost = without_excess(block)
    assert len(kept) + lost == len(block)
    assert kept == sorted(kept)
    for kind in set(kinds):
        last = max(i for i, (_, gesture) in enumerate(block) if gesture.kind == kind)
        assert block[last] in kept, "the newest is done"


def test_parts_beyond_what_is_kept_are_let_go_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from instrument.storage import bank as bank_of

    monkeypatch.setattr(bank_of, "KEPT", 1)
    monkeypatch.setattr(bank_of, "SPARE", 1)
    for index in (BOW, BRONZE, HAMMER):
        house.bank.layer(index)
    assert len(house.bank.layers) == 3
    house.play(40, {0: [g(Kind.PATCH, BRONZE)]})
    house.bank.trim(house.engine.on_stage)
    assert len(house.bank.layers) == 2
    assert house.engine.layer in house.bank.layers
