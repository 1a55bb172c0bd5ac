"""Addresses of other programs, as they are: learned by what the player moves, read again, and taken literally."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from handshost import TABLE, Client, Table, moves, on_the_table
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.documents.options import MidiOptions, OscOptions
from instrument.documents.rig import read_rig
from instrument.documents.rig_bindings import save_bindings
from instrument.hands.osc.addresses import OscBinding, OscMappings, read_addresses
from instrument.hands.osc.codec import BUNDLE
from instrument.hands.osc.moved import ADDRESSES_MAX, Moved
from instrument.hands.state.positions import Positions

HERE, JUMP = OscOptions("127.0.0.1:0"), MidiOptions("off", takeover="jump")
Z2, Z3 = TABLE.index("z2"), TABLE.index("z3")
STRANGE = [
    "/avatar/parameters/My Param", "/strip/Gain (dB)", "/live/track[3]/vol", "/live/track[3/vol", "/a,b", "/q?", "/#1",
    "/*", "/{a,b}", "/é/ü", "/tab\there", "/line\nbreak", '/"quoted" \\ \'', "/ros*/knob/nothing", "/[[osc.bindings]]",
    "/u\u2028[osc]", "/\x85[midi]", "/x" * 250,
]  # fmt: skip


def rows(t: Table) -> list[dict]:
    assert t.hands.osc is not None
    return t.hands.osc.foreign.mappings.rows()


def learn(t: Table, client: Client, knob: str = "z2") -> None:
    client.send("/rosin/learn", knob)
    t.step()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown comes to rest sooner, so that a test need not wait."""
    monkeypatch.setattr("instrument.hands.osc.addresses.REST_SECONDS", 0.02)


@pytest.mark.parametrize("address", STRANGE)
@pytest.mark.usefixtures("quick")
def test_an_address_of_another_program_is_learned_read_again_and_plays(address: str, tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    with on_the_table(HERE, JUMP) as t:
        assert t.hands.osc is not None
        t.hands.osc.foreign._save = lambda rows: save_bindings(rig, rows, "osc")
        client = t.client()
        learn(t, client)
        for value in (0.1, 0.5, 0.9):
            client.send(address, value)
            t.step(1)
        assert rows(t) == [{"address": address, "knob": "z2"}]
    there = read_rig(rig)
    assert [dict(row) for row in there.osc.bindings] == [{"address": address, "knob": "z2"}]
    with on_the_table(OscOptions("127.0.0.1:0", bindings=there.osc.bindings), JUMP) as t:
        t.client().send(address, 0.25)
        assert moves(t.step()) == [(Z2, 0.25)]
        assert t.hands.counts.osc_malformed == t.hands.counts.osc_unknown == t.hands.counts.faults == 0


def test_a_learned_address_that_looks_like_a_pattern_is_no_pattern() -> None:
    bound = ({"address": "/track[12]/*", "knob": "z2"},)
    with on_the_table(OscOptions("127.0.0.1:0", bindings=bound), JUMP) as t:
        client = t.client()
        client.send("/track1/vol", 0.5)
        assert t.step() == []
        client.send("/track[12]/*", 0.5)
        assert moves(t.step()) == [(Z2, 0.5)]


def test_a_rig_of_an_older_version_is_read_with_what_it_learned() -> None:
    row = {"address": "/avatar/parameters/My Param", "knob": "loudness", "high": 0.9}
    assert read_addresses([row]) == [OscBinding("/avatar/parameters/My Param", "loudness", 0.0, 0.9)]


def test_our_own_addresses_stay_strict() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        for address in ("/rosin/My Param", "/rosin/knob/[", "/rosin/out/level"):
            client.send(address, 0.5)
            t.step(1)
        assert rows(t) == []


# --- what the player moves


def test_the_fader_is_learned_and_not_the_finger_that_lands_on_it() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        client.send("/1/fader1/z", 1.0)
        client.send("/1/fader1", 0.5)
        t.step()
        assert [row["address"] for row in rows(t)] == ["/1/fader1"]
        learn(t, client, "z3")
        client.send("/1/fader2/z", 1.0)
        client.send("/1/fader1/z", 0.0)
        client.send("/1/fader2/z", 1.0)
        client.send("/1/fader2", 0.5)
        t.step()
        assert {row["knob"]: row["address"] for row in rows(t)} == {"z2": "/1/fader1", "z3": "/1/fader2"}


def test_a_button_that_has_no_fader_is_learned_when_it_is_let_go_even_if_it_is_called_z() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        client.send("/pad/z", 1.0)
        t.step()
        assert rows(t) == []
        client.send("/pad/z", 0.0)
        t.step()
        assert [row["address"] for row in rows(t)] == ["/pad/z"]


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.usefixtures("quick")
def test_of_two_arguments_the_one_that_moves_is_learned(axis: int) -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        for i in range(5):
            away = 0.3 + 0.1 * i
            client.send("/3/xy", *((away, 0.8) if axis == 1 else (0.8, away)))
            t.step(1)
        (row,) = rows(t)
        assert (row["address"], row.get("argument", 1)) == ("/3/xy", axis)
        time.sleep(0.03)
        client.send("/3/xy", 0.25, 0.75)
        assert moves(t.step()) == [(Z2, 0.25 if axis == 1 else 0.75)]


def test_a_finger_that_lands_elsewhere_on_a_pad_and_then_goes_along_one_way_means_that_way() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        client.send("/xy", 0.5, 0.5)
        t.step()
        time.sleep(1.05)  # the time itself: a finger that rests
        learn(t, client)
        client.send("/xy", 0.9, 0.6)
        for i in range(12):
            client.send("/xy", 0.9, 0.9 - i * 0.08)
        t.step()
        assert [row.get("argument", 1) for row in rows(t)] == [2]


def test_an_argument_among_texts_is_learned_by_its_place() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        client.send("/param", "gain", 0.5)
        t.step()
        assert [row["argument"] for row in rows(t)] == [2]


@pytest.mark.usefixtures("quick")
def test_a_switch_is_learned_and_turns_its_knob_on_and_off_at_once() -> None:
    on, off = b"/toggle\0,T\0\0", b"/toggle\0,F\0\0"
    with on_the_table(HERE, MidiOptions("off", takeover="pickup")) as t:
        t.frame(hand={"z2": 0.5})
        t.see()
        client = t.client()
        learn(t, client)
        client.raw(on)
        t.step()
        assert rows(t) == [{"address": "/toggle", "knob": "z2"}]
        time.sleep(0.03)
        for datagram, raw in ((off, 0.0), (on, 1.0), (off, 0.0)):
            client.raw(datagram)
            assert moves(t.step()) == [(Z2, raw)]


@pytest.mark.parametrize(
    "datagram", [b"/a\0\0,r\0\0\xff\0\0\xff", b"/a\0\0,c\0\0\0\0\0a", b"/a\0\0,N\0\0", b"/a\0\0,I\0\0"]
)
def test_what_is_no_number_is_not_learned(datagram: bytes) -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        client.raw(datagram)
        t.step()
        assert rows(t) == []


@pytest.mark.usefixtures("quick")
def test_of_a_time_slice_the_newest_sample_counts() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        learn(t, client)
        client.send("/chan1", 0.1)
        t.step()
        time.sleep(0.03)
        client.send("/chan1", 0.2, 0.3, 0.4, 0.5)
        assert moves(t.step()) == [(Z2, 0.5)]


def test_an_address_that_is_sent_all_the_time_is_learned_when_it_moves_and_plays_though_it_never_falls_silent() -> None:
    with on_the_table(HERE, JUMP) as t:
        client = t.client()

        def stream(seconds: float, value: float) -> list[tuple[int, float]]:
            found = []
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                for i in range(5):
                    client.send(f"/still{i}", 0.5)
                client.send("/mine", value)
                found += moves(t.step(1))
                time.sleep(0.01)
            return found

        stream(1.2, 0.5)
        learn(t, client)
        stream(0.2, 0.5)
        assert rows(t) == [], "sent again and again is not moved"
        stream(0.1, 0.6)
        assert [row["address"] for row in rows(t)] == ["/mine"]
        stream(0.75, 0.6)
        assert stream(0.05, 0.9)[-1] == (Z2, 0.9)


# --- among streams, in no time of ours


def waves(moved: Moved, now: float, count: int, seconds: float, hz: float, extra: object = None) -> float:
    """``count`` addresses that never rest, for so long; returns the time it is then."""
    for step in range(int(seconds * hz)):
        at = now + step / hz
        for i in range(count):
            found = moved.hear(f"/stream/{i}", [((step * (i + 3)) % 101) / 100], at)
            assert found is None or extra is None, i
    return now + seconds


@pytest.mark.parametrize("before", ["never heard", "heard long ago", "sent all the time"])
def test_of_478_streams_none_is_learned_but_what_the_player_moves(before: str) -> None:
    moved = Moved()
    now = 100.0
    if before == "heard long ago":
        moved.hear("/fader", [0.2], 0.0)
    for _ in range(40):
        now = waves(moved, now, 478, 0.05, 20)
        if before == "sent all the time":
            moved.hear("/fader", [0.2], now)
    moved.arm(now)
    for _ in range(40):
        now = waves(moved, now, 478, 0.05, 20, extra="none is learned")
    assert moved.hear("/fader", [0.6], now) == 1


@pytest.mark.parametrize("seed", range(12))
def test_streams_that_come_at_random_are_not_learned_either(seed: int) -> None:
    dice, moved, now = random.Random(seed), Moved(), 0.0
    for _ in range(12000):
        now += dice.expovariate(2000)
        moved.hear(f"/s/{dice.randrange(200)}", [dice.random()], now)
    moved.arm(now)
    for _ in range(6000):
        now += dice.expovariate(2000)
        assert moved.hear(f"/s/{dice.randrange(200)}", [dice.random()], now) is None
    assert moved.hear("/fader", [0.4], now) == 1


def test_a_sensor_that_trembles_is_not_moved_and_is_learned_when_it_is() -> None:
    moved, now = Moved(), 0.0
    for i in range(300):
        now += 0.01
        moved.hear("/pot", [512 + i % 3], now)
    moved.arm(now)
    for i in range(300):
        now += 0.01
        assert moved.hear("/pot", [512 + i % 3], now) is None
    assert moved.hear("/pot", [540], now + 0.01) == 1


def test_a_stream_that_has_rested_counts_again() -> None:
    moved = Moved()
    moved.hear("/f", [0.1], 0.0)
    moved.arm(0.1)
    assert moved.hear("/f", [0.5], 0.2) is None
    assert moved.hear("/f", [0.9], 1.25) == 1


def test_a_clock_that_goes_on_slowly_is_never_learned() -> None:
    moved = Moved()
    for i in range(100):
        moved.hear("/seconds", [1000.0 + i], float(i))
    moved.arm(99.5)
    assert not any(moved.hear("/seconds", [1000.0 + i], float(i)) for i in range(100, 200))


def test_addresses_are_remembered_in_bounds_and_after_any_number_of_them_a_new_one_is_learned() -> None:
    moved = Moved()
    for i in range(3 * ADDRESSES_MAX):
        moved.hear(f"/flood/{i}", [0.5], i * 0.001)
        moved.hear("/steady", [i % 7 / 7], i * 0.001)
    assert len(moved) == ADDRESSES_MAX
    now = 3 * ADDRESSES_MAX * 0.001
    moved.arm(now)
    assert moved.hear("/steady", [0.9], now + 0.001) is None, "what goes on is not what is forgotten"
    assert moved.hear("/new", [0.5], now + 0.001) == 1


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["/a", "/a/z", "/b"]),
            st.lists(st.none() | st.booleans() | st.floats(-1e30, 1e30), max_size=20),
            st.floats(0, 3),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_whatever_is_heard_an_argument_that_is_there_is_found_or_none(messages: list) -> None:
    moved, now = Moved(), 0.0
    mappings, positions = OscMappings([OscBinding("/a", "z2", argument=3)], "pickup", TABLE), Positions(TABLE)
    for address, values, wait, arm in messages:
        now += wait
        if arm:
            moved.arm(now)
        found = moved.hear(address, values, now)
        assert found is None or values[found - 1] is not None
        assert all(0.0 <= raw <= 1.0 for _, raw in mappings.turn(address, values, positions, now))


def test_a_learned_sensor_is_not_given_to_the_next_knob() -> None:
    bound = ({"address": "/sensor", "knob": "z2"},)
    with on_the_table(OscOptions("127.0.0.1:0", bindings=bound), JUMP) as t:
        client = t.client()
        client.send("/sensor", 0.1)
        t.step()
        learn(t, client, "z3")
        client.send("/sensor", 0.4)
        client.send("/fader", 0.4)
        t.step()
        assert {row["knob"]: row["address"] for row in rows(t)} == {"z2": "/sensor", "z3": "/fader"}


def test_bundles_of_a_stream_are_played_to_a_learned_address() -> None:
    from instrument.hands.osc.codec import write

    inner = write("/f (x)", 0.5)
    bound = ({"address": "/f (x)", "knob": "z2"},)
    with on_the_table(OscOptions("127.0.0.1:0", bindings=bound), JUMP) as t:
        t.client().raw(BUNDLE + b"\0" * 7 + b"\1" + len(inner).to_bytes(4, "big") + inner)
        assert moves(t.step()) == [(Z2, 0.5)]
