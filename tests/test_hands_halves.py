"""Two halves of 14 bits: in whatever order a controller sends them, the last value is the one it meant."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.hands.midi import decode
from instrument.hands.midi.controls import NRPN_KEPT, Controls
from instrument.hands.midi.decode import MidiMessage
from instrument.hands.midi.halves import WAIT_SECONDS, Halves

COARSE, FINE = 21, 53
MOVE_SECONDS = 0.02
"""From one move of a fader to the next; both halves of one come within a millisecond."""


def sent(order: str, moves: list[tuple[int, int]]) -> list[tuple[float, int, int]]:
    """(time, CC, byte) of a controller that goes through these (coarse, fine) places."""
    found: list[tuple[float, int, int]] = []
    at: tuple[int | None, int | None] = (None, None)
    for i, (coarse, fine) in enumerate(moves):
        halves = [(COARSE, coarse), (FINE, fine)]
        if order.startswith("fine"):
            halves.reverse()
        if order.endswith("only what changed"):
            halves = [(n, byte) for n, byte in halves if byte != at[n == FINE]]
        at = (coarse, fine)
        found += [(i * MOVE_SECONDS + 0.0007 * k, n, byte) for k, (n, byte) in enumerate(halves)]
    return found


def heard(messages: list[tuple[float, int, int]], what: str = "cc14") -> list[int]:
    """The values that are said, looked for every millisecond as the hands do."""
    reader, values, now = Controls(), [], 0.0
    for at, number, byte in messages:
        while now < at:
            values += [c.raw for c in reader.settle(now) if c.what == what]
            now += 0.001
        values += [c.raw for c in reader.take(MidiMessage(decode.CONTROL, 1, number, byte), at) if c.what == what]
    for i in range(50):
        values += [c.raw for c in reader.settle(now + i * 0.001) if c.what == what]
    return values


ORDERS = ("coarse first", "fine first", "coarse first, only what changed", "fine first, only what changed")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "moves",
    [
        [(64, 10), (127, 127)], [(64, 10), (127, 10)], [(64, 10), (64, 127)], [(0, 0), (127, 127), (0, 0)],
        [(64, 127), (65, 0)], [(65, 0), (64, 127)], [(1, 2), (1, 3), (1, 4), (2, 4), (3, 4), (3, 0)], [(5, 5), (5, 5)],
    ],
)  # fmt: skip
def test_the_last_value_is_what_the_controller_meant(order: str, moves: list[tuple[int, int]]) -> None:
    assert heard(sent(order, moves))[-1] == moves[-1][0] << 7 | moves[-1][1]


def test_fine_before_coarse_reaches_the_top() -> None:
    reader = Controls()
    found = [
        c for n, byte in ((53, 10), (21, 64), (53, 127), (21, 127)) for c in reader.take(MidiMessage(0xB0, 1, n, byte))
    ]
    assert [c.raw for c in found if c.what == "cc14"] == [64 << 7 | 10, 16383]


@given(
    st.sampled_from(ORDERS),
    st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127)), min_size=2, max_size=12),
)
def test_whatever_the_order_and_the_places_every_place_is_said_in_turn(
    order: str, moves: list[tuple[int, int]]
) -> None:
    said = iter(heard(sent(order, moves)))
    meant = [coarse << 7 | fine for coarse, fine in moves]
    for value, _ in itertools.groupby(
        meant[1:] if meant[0] != meant[1] else meant[2:]
    ):  # the first one tells the order
        assert value in said, (meant, value)
    assert heard(sent(order, moves))[-1] == meant[-1]


@pytest.mark.parametrize("order", ORDERS)
def test_a_slow_turn_goes_one_way_and_never_jumps_back(order: str) -> None:
    places = [(value >> 7, value & 127) for value in range(2000, 6000, 37)]
    said = heard(sent(order, places))[2:]
    assert said == sorted(said)
    assert max(b - a for a, b in itertools.pairwise(said)) <= 2 * 37


def test_bytes_that_come_without_any_pause_end_where_the_controller_is() -> None:
    dice = random.Random(3)
    for order in ORDERS:
        places = [(dice.randrange(128), dice.randrange(128)) for _ in range(200)]
        crowded = [(0.0, n, byte) for _, n, byte in sent(order, places)]
        assert heard(crowded)[-1] == places[-1][0] << 7 | places[-1][1]


def test_nothing_waits_longer_than_a_hundredth_and_a_known_order_does_not_wait() -> None:
    halves = Halves()
    for i in range(4):
        halves.take_coarse(i, i * 0.1)
        assert halves.take_fine(9, i * 0.1 + 0.001), "both are there"
    assert [whole.raw for whole in halves.take_fine(10, 0.5)] == [3 << 7 | 10], "a lone fine byte, at once"
    assert halves.take_coarse(4, 0.6) == []
    assert halves.settle(0.6 + WAIT_SECONDS * 0.9) == []
    assert [whole.raw for whole in halves.settle(0.6 + WAIT_SECONDS)] == [4 << 7 | 10]
    assert halves.settle(9.0) == [], "once"


def test_seven_bits_alone_span_the_whole_travel_also_after_fourteen() -> None:
    halves = Halves()
    halves.take_coarse(64, 0.0)
    halves.take_fine(3, 0.001)
    said = [whole.raw for i in range(12) for whole in halves.take_coarse(116 + i, 1.0 + i * 0.1)]
    assert said[-1] == 16383
    assert [whole.raw for whole in halves.take_coarse(0, 3.0)] == [0]


@pytest.mark.parametrize("halves", [((6, 64), (38, 10), (6, 127), (38, 127)), ((38, 10), (6, 64), (38, 127), (6, 127))])
def test_an_nrpn_ends_where_its_sender_is_too(halves: tuple[tuple[int, int], ...]) -> None:
    select = [(0.0, 99, 2), (0.0, 98, 44)]
    messages = [*select, *((0.1 + i // 2 * 0.1, n, byte) for i, (n, byte) in enumerate(halves))]
    assert heard(messages, "nrpn")[-1] == 16383


def test_a_sender_of_every_nrpn_there_is_does_not_fill_the_memory() -> None:
    reader = Controls()
    for number in range(0, 16383, 7):
        for n, byte in ((99, number >> 7), (98, number & 127), (6, 1), (38, 2), (6, 3)):
            reader.take(MidiMessage(decode.CONTROL, 1, n, byte))
    assert len(reader._nrpn) <= NRPN_KEPT
    assert len(reader._wait) <= NRPN_KEPT
    reader.settle(1.0)
    assert not reader._wait
