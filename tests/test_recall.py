"""Recall: what was played comes again - across processes, block sizes, a restart in the middle, and as an accident."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import now, null_engine, play

from instrument.base.errors import RosinError
from instrument.chance.accident import FADE_TICKS, LOOP, Accident, AccidentReplay
from instrument.chance.words import stream_id
from instrument.engine.control import QUANTUM, TICKS
from instrument.engine.engine import Engine
from instrument.engine.snapshot import Snapshot
from instrument.ipc import NO_SHIFT, Gesture, Kind
from instrument.storage.opening import Opening
from instrument.storage.stream import LatentStream, StreamLog, StreamTap

EVERYTHING = {
    "drift": 0.05, "tau": 0.4, "pink": 0.05, "dice": 0.2, "dice_rate": 3.0, "dejavu": 0.3, "chaos": 0.1,
    "lorenz": 0.1, "habit": 0.1, "holes": 60.0, "coarse": 0.01, "tape": 0.3, "bridge": 0.1,
}  # fmt: skip
ROUGH = {"stick": 0.05, "slide": 0.02, "play": 0.01, "detents": 8.0, "detent_strength": 0.03, "dig": 0.02,
         "fatigue": 0.5, "endstop_strength": 0.05, "coupling": 0.2}  # fmt: skip

TAKE = """
import sys
sys.path.insert(0, "tests")
from test_recall import engine_of_everything, gestures_of_a_minute, streams
first, seconds, state_in, state_out = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
print(*streams(first, seconds, int(sys.argv[5]), state_in, state_out))
"""


def engine_of_everything(seed: int = 7) -> Engine:
    return null_engine(
        difficulty=6.0, hazard=5.0, seed=seed, friction=ROUGH, chance=EVERYTHING,
        chance_at={"pink": "bearing", "dice": "hand", "chaos": "hand"}, sounds="always",
    )  # fmt: skip


def gestures_of_a_minute(seconds: float = 60.0) -> list[tuple[float, Gesture]]:
    rng = np.random.default_rng(5)
    found = [(t, Gesture(Kind.KNOB, int(rng.integers(0, 8)), float(rng.random()))) for t in np.arange(0, seconds, 0.05)]
    found += [(t, Gesture(Kind.NOTE_ON, int(rng.integers(40, 80)), 0.8)) for t in np.arange(0.3, seconds, 1.1)]
    found.append((seconds / 3, Gesture(Kind.BRIDGE, 3, 0.9, extra=4000)))
    found.append((seconds / 2 + 0.01, Gesture(Kind.FORCE, 4, 0.2)))
    return sorted(found, key=lambda pair: pair[0])


def streams(first: int, seconds: float, block: int, state_in: str, state_out: str) -> tuple[str, str]:
    """sha256 of the control stream and of the sound, from block ``first`` for so long, between two states."""
    from instrument.audio.ring import Adapter

    engine = engine_of_everything()
    if state_in:
        engine.restore(Snapshot.from_bytes(Path(state_in).read_bytes()))
    assert engine.sample == first * QUANTUM
    last = first + round(seconds * 375)
    for t, gesture in gestures_of_a_minute():
        if first * QUANTUM <= round(t * 48000) < last * QUANTUM:
            engine.post(gesture, round(t * 48000))
    control, sound = hashlib.sha256(), hashlib.sha256()

    def produce(out: np.ndarray) -> None:
        engine.block(out, None)
        control.update(engine.layer.control.x.tobytes() + engine.layer.z.tobytes())

    adapter, out = Adapter(2, QUANTUM, block), np.zeros((2, block), np.float32)
    asked = 0
    while asked < (last - first) * QUANTUM:
        adapter.pull(out, produce)
        sound.update(np.ascontiguousarray(out.T).tobytes())
        asked += block
    if state_out:
        Path(state_out).write_bytes(engine.snapshot().to_bytes())
    return control.hexdigest(), sound.hexdigest()


def elsewhere(first: int, seconds: float, block: int, state_in: str = "", state_out: str = "") -> list[str]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", TAKE, str(first), str(seconds), state_in, state_out, str(block)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_minute_is_the_same_in_another_process_and_at_other_block_sizes() -> None:
    whole = streams(0, 60.0, 128, "", "")
    assert elsewhere(0, 60.0, 128) == list(whole)
    assert elsewhere(0, 60.0, 64) == list(whole)
    assert elsewhere(0, 60.0, 512) == list(whole)


def test_a_restart_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    engine, found = engine_of_everything(), []
    for t, gesture in gestures_of_a_minute():
        engine.post(gesture, round(t * 48000))
    out = np.zeros((2, QUANTUM), np.float32)
    half, rest = hashlib.sha256(), hashlib.sha256()
    for block in range(60 * 375):
        engine.block(out)
        (half if block < 30 * 375 else rest).update(engine.layer.control.x.tobytes() + engine.layer.z.tobytes())
    found = [half.hexdigest(), rest.hexdigest()]
    state = str(tmp_path / "middle.state")
    assert elsewhere(0, 30.0, 128, "", state)[0] == found[0]
    assert elsewhere(30 * 375, 30.0, 128, state)[0] == found[1]


def test_other_seeds_are_other_takes() -> None:
    a, b = engine_of_everything(7), engine_of_everything(8)
    play(a, 200)
    play(b, 200)
    assert np.abs(a.layer.control.x - b.layer.control.x).max() > 0.01


def test_a_snapshot_survives_as_bytes_and_rubbish_is_refused() -> None:
    engine = engine_of_everything()
    play(engine, 300)
    kept = engine.snapshot().to_bytes()
    first = play(engine, 100)
    engine.restore(Snapshot.from_bytes(kept))
    assert np.array_equal(play(engine, 100), first)
    for wrong in (b"", b"PK\x03\x04", kept[:200], kept[:-40], b"\x93NUMPY" + kept):
        with pytest.raises(RosinError, match="take it again"):
            Snapshot.from_bytes(wrong)


# --- accidents


def kept_accident(engine: Engine, seconds: float = 1.0, name: str = "stumble") -> Accident:
    return engine.layer.control.mix.keep(seconds, name)


def chance_of(engine: Engine, blocks: int) -> np.ndarray:
    """What enters, f32 [ticks, 3, K], over so many blocks."""
    rows = []
    mix = engine.layer.control.mix
    for _ in range(blocks):
        play(engine, 1)
        rows.append(mix.past[np.arange(mix.tick - TICKS, mix.tick) % len(mix.past)].copy())
    return np.concatenate(rows)


def test_what_is_kept_is_what_was_heard() -> None:
    engine = engine_of_everything()
    play(engine, 100)
    heard = chance_of(engine, 375)
    accident = kept_accident(engine)
    assert accident.track.shape == (1500, 3, 8)
    assert np.array_equal(accident.track, heard)
    assert accident.seconds == 1.0
    assert accident.first_tick == 400


def test_a_kept_accident_is_the_same_at_another_time_under_another_seed(tmp_path: Path) -> None:
    engine = engine_of_everything()
    play(engine, 475)
    accident = kept_accident(engine)
    path = tmp_path / "stumble.npz"
    path.write_bytes(accident.to_bytes())
    other = engine_of_everything(seed=99)
    other.layer.learn_all(tmp_path)
    play(other, 1234)
    now(other, Kind.ACCIDENT, NO_SHIFT, 1.0, stream_id("stumble"))
    again = chance_of(other, 375)
    inside = slice(FADE_TICKS, 1500 - FADE_TICKS)
    assert np.array_equal(again[inside], accident.track[inside])
    assert not other.layer.control.mix.replay.playing


def test_it_comes_from_the_same_seed_at_the_same_ticks_whatever_the_hands_did() -> None:
    engine, busy = engine_of_everything(), engine_of_everything()
    play(engine, 475)
    for t, gesture in gestures_of_a_minute(1.0):
        if gesture.kind == Kind.KNOB:
            busy.post(gesture, round(t * 48000))
    play(busy, 475)
    assert np.array_equal(kept_accident(engine).track, kept_accident(busy).track)


def test_a_key_may_call_it_and_then_plays_no_note() -> None:
    engine = engine_of_everything()
    play(engine, 400)
    accident = kept_accident(engine)
    player = null_engine(hazard=0.0, accidents={"stumble": 36}, sounds="always", difficulty=0.0)
    player.layer.learn(accident)
    now(player, Kind.NOTE_ON, 36, 0.7)
    play(player, 1)
    assert player.layer.control.mix.replay.playing
    assert player.layer.control.notes.level == 0.0
    now(player, Kind.NOTE_ON, 60, 0.7)
    play(player, 4)
    assert player.layer.control.notes.level > 0.0


def test_hazard_off_and_no_accident_is_exactly_no_chance() -> None:
    engine = null_engine(hazard=0.0, difficulty=0.0)
    play(engine, 40)
    assert not engine.layer.control.mix.past.any()
    assert engine.layer.control.x[-1].tobytes() == engine.layer.control.raw[:8].tobytes()


def replayed(track: np.ndarray, ticks: int, loop: bool, shift_s: float = 0.0) -> np.ndarray:
    replay = AccidentReplay(track.shape[2], 1500.0)
    replay.learn(1, Accident("a", 0, 0, 1500.0, tuple("abcdef"[: track.shape[2]]), track), "abcdef"[: track.shape[2]])
    assert replay.play(1, loop, shift_s)
    total = np.zeros((3, ticks, track.shape[2]), np.float32)
    for at in range(0, ticks, 3):
        part = np.ascontiguousarray(total[:, at : at + 3])
        replay.step(part)
        total[:, at : at + 3] = part
    return total.transpose(1, 0, 2)


def test_a_loop_comes_round_without_a_step_and_a_shift_begins_inside() -> None:
    t = np.arange(600)
    track = np.stack([np.stack([np.sin(t / 50), np.cos(t / 70)], 1)] * 3, 1).astype(np.float32)
    loop = replayed(track, 3000, True)
    assert np.abs(np.diff(loop[FADE_TICKS:], axis=0)).max() < 0.2  # its ends are 1.6 apart
    period = 600 - FADE_TICKS
    assert np.array_equal(loop[600 : 600 + period], loop[600 + period : 600 + 2 * period])
    shifted = replayed(track, 900, False, 0.1)
    assert np.array_equal(shifted[FADE_TICKS:400], track[150 + FADE_TICKS : 550])
    assert np.array_equal(shifted[period + 10 :], np.zeros_like(shifted[period + 10 :])), "once is once"


def test_an_accident_fits_other_knobs_by_name() -> None:
    track = np.ones((10, 3, 2), np.float32) * np.array([1.0, 2.0], np.float32)
    other = Accident("a", 1, 2, 1500.0, ("z1", "z2"), track).on(("z2", "z9"))
    assert other.track[0, 0].tolist() == [2.0, 0.0]


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_what_is_no_accident_is_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("wrong") / "x.npz"
    path.write_bytes(data)
    with pytest.raises(RosinError, match="is no kept accident"):
        Accident.read(path)


def test_replay_goes_on_from_a_state() -> None:
    engine = engine_of_everything()
    play(engine, 400)
    engine.layer.learn(kept_accident(engine))
    now(engine, Kind.ACCIDENT, NO_SHIFT + 10, 2.0, stream_id("stumble"))
    play(engine, 50)
    assert engine.layer.control.mix.replay.mode == LOOP
    kept = engine.snapshot()
    first = play(engine, 50)
    engine.restore(kept)
    assert np.array_equal(play(engine, 50), first)
    now(engine, Kind.ACCIDENT, NO_SHIFT, 0.0)
    play(engine, 1)
    assert not engine.layer.control.mix.replay.playing


# --- the stream


def test_a_stream_is_listened_to_again_bit_for_bit(tmp_path: Path) -> None:
    engine = engine_of_everything()
    play(engine, 200)
    tap = StreamTap(*engine.layer.z.shape)
    log = StreamLog(tmp_path / "t.z", tap, {"patch": "null", "seed": 7, "model": "null"})
    kept = Snapshot.from_bytes(engine.snapshot().to_bytes())
    told, sound = [], []
    for t, gesture in gestures_of_a_minute(2.0):
        engine.post(gesture, engine.sample + round(t * 48000))
    for block in range(750):
        sound.append(play(engine, 1))
        tap.push(engine.layer.z, engine.layer.gain())
        told.append(engine.layer.z.copy())
        if block % 100 == 0:
            log.write()
    log.write()
    log.close()
    again = engine_of_everything(seed=1)
    again.restore(kept)
    again.layer.stream = LatentStream(tmp_path / "t.z")
    for z, heard in zip(told, sound, strict=True):
        # tape and guard go on from where they were; the model is told the same
        assert np.array_equal(play(again, 1), heard)
        assert np.array_equal(again.layer.z, z)


def test_a_stream_cut_in_mid_row_keeps_the_rows_before(tmp_path: Path) -> None:
    tap = StreamTap(1, 3, 1)
    log = StreamLog(tmp_path / "t.z", tap, {"patch": "p", "seed": 1, "model": "m"})
    for i in range(5):
        tap.push(np.full((1, 3, 1), i, np.float32), 1.0)
    log.write()
    log.close()
    whole = (tmp_path / "t.z").read_bytes()
    (tmp_path / "t.z").write_bytes(whole[:-7])
    stream = LatentStream(tmp_path / "t.z")
    assert len(stream) == 4
    z = np.zeros((1, 3, 1), np.float32)
    for _ in range(6):
        stream.next_into(z)
    assert (z == 3.0).all()
    assert stream.gain == 0.0


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_what_is_no_stream_is_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("wrong") / "x.z"
    path.write_bytes(data)
    with pytest.raises(RosinError, match="cannot be listened to again"):
        LatentStream(path)


# --- the opening of a take


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_what_is_no_opening_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(RosinError, match="no opening of a take"):
        Opening.from_bytes(data)


def test_an_opening_that_was_changed_anywhere_is_one_or_is_refused() -> None:
    engine = engine_of_everything()
    play(engine, 30)
    data = Opening.of(engine, "t").to_bytes()
    rng = np.random.default_rng(3)
    for cut in rng.integers(0, len(data), 20).tolist():
        for wrong in (data[:cut], data[:cut] + b"\xff" + data[cut + 1 :]):
            with contextlib.suppress(RosinError):  # (a number may be another one and still be a number)
                Opening.from_bytes(wrong)


def test_a_snapshot_taken_under_another_seed_has_the_wander_of_its_own() -> None:
    engine = engine_of_everything(seed=7)
    now(engine, Kind.BRIDGE, 3, 0.9, 3000)
    play(engine, 50)
    kept = Snapshot.from_bytes(engine.snapshot().to_bytes())
    first = play(engine, 300)
    other = engine_of_everything(seed=8)
    other.restore(kept)
    assert np.array_equal(play(other, 300), first)
