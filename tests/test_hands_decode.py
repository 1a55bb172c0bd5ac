"""Decode and controls: MIDI bytes become what the player did, as mido reads them, and bad bytes are counted."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument.hands.midi import decode
from instrument.hands.midi.controls import ControlEvent, Controls
from instrument.hands.midi.decode import MidiMessage, MidiParser

CHANNEL_MESSAGES = st.one_of(
    st.tuples(
        st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xE0]), st.integers(0, 15), st.integers(0, 127), st.integers(0, 127)
    ).map(lambda m: [m[0] | m[1], m[2], m[3]]),
    st.tuples(st.sampled_from([0xC0, 0xD0]), st.integers(0, 15), st.integers(0, 127)).map(
        lambda m: [m[0] | m[1], m[2]]
    ),
)


def plainly(data: list[int]) -> MidiMessage:
    """A channel message by mido's reading."""
    m = mido.Message.from_bytes(data)
    a, b = {
        "note_on": lambda: (m.note, m.velocity),
        "note_off": lambda: (m.note, m.velocity),
        "polytouch": lambda: (m.note, m.value),
        "control_change": lambda: (m.control, m.value),
        "program_change": lambda: (m.program, 0),
        "aftertouch": lambda: (m.value, 0),
        "pitchwheel": lambda: ((m.pitch + 8192) & 127, (m.pitch + 8192) >> 7),
    }[m.type]()
    return MidiMessage(data[0] & 0xF0, m.channel + 1, a, b)


@given(st.lists(CHANNEL_MESSAGES, max_size=30))
def test_it_agrees_with_mido_however_the_bytes_are_cut(messages: list[list[int]]) -> None:
    whole = MidiParser()
    assert whole.feed(byte for m in messages for byte in m) == [plainly(m) for m in messages]
    one_by_one = MidiParser()
    found = [m for message in messages for byte in message for m in one_by_one.feed([byte])]
    assert found == [plainly(m) for m in messages]
    assert whole.malformed == one_by_one.malformed == 0


def test_running_status_real_time_inside_a_message_and_system_exclusive() -> None:
    decoder = MidiParser()
    data = [0xB0, 1, 2, 3, 0xF8, 4, 0xF0, 1, 2, 3, 0xF8, 4, 0xF7, 0xC1, 5, 6]
    assert decoder.feed(data) == [
        MidiMessage(0xB0, 1, 1, 2), MidiMessage(0xF8), MidiMessage(0xB0, 1, 3, 4), MidiMessage(0xF8),
        MidiMessage(0xC0, 2, 5), MidiMessage(0xC0, 2, 6),
    ]  # fmt: skip
    assert decoder.malformed == 0


@pytest.mark.parametrize(
    ("data", "malformed"),
    [
        ([1, 2, 3], 3),  # data without a status
        ([0xB0, 1, 0x90, 60, 100], 1),  # cut off
        ([0xF4], 1), ([0xF5], 1), ([0xF9], 1), ([0xFD], 1),  # undefined
        ([0xF7], 1),  # an end without a beginning
        ([0xF0, 1, 2, 0xB0, 1, 1], 1),  # a beginning without an end
        ([0xF2, 1, 2, 3], 1),  # system messages have no running status
        ([0xF6, 0xF3, 1], 0),
    ],
)  # fmt: skip
def test_bytes_that_mean_nothing_are_counted(data: list[int], malformed: int) -> None:
    decoder = MidiParser()
    decoder.feed(data)
    assert decoder.malformed == malformed


@given(st.binary(max_size=200))
def test_any_bytes_can_come_and_a_message_after_them_is_still_heard(data: bytes) -> None:
    decoder = MidiParser()
    for message in decoder.feed(data):
        assert 0 <= message.a < 128 > message.b >= 0
        assert 0 <= message.channel <= 16
    assert decoder.feed([0xF7, 0xB2, 7, 100])[-1] == MidiMessage(decode.CONTROL, 3, 7, 100)


def controls(*pairs: tuple[int, int], channel: int = 1) -> list[ControlEvent]:
    """What a run of CCs moves, plain CCs left out."""
    reader = Controls()
    found = [c for a, b in pairs for c in reader.take(MidiMessage(decode.CONTROL, channel, a, b))]
    found += reader.settle(1.0)
    return [c for c in found if c.what != "cc"]


def test_a_pair_is_applied_on_its_coarse_byte_until_a_fine_one_was_seen_then_on_the_fine_one() -> None:
    found = controls((1, 64), (33, 0), (1, 65), (33, 127), (1, 66))
    assert [(c.number, c.raw) for c in found] == [
        (1, 64 << 7 | 64), (1, 64 << 7), (1, 65 << 7 | 127), (1, 66 << 7 | 127),
    ]  # fmt: skip
    assert [c.paired for c in found] == [False, True, True, False]


def test_a_coarse_byte_alone_still_spans_the_whole_travel() -> None:
    assert [c.value for c in controls((2, 0), (2, 127))] == [0.0, 1.0]


def test_a_sender_that_stops_sending_fine_bytes_is_heard_all_the_same() -> None:
    assert [c.raw >> 7 for c in controls((1, 1), (33, 5), (1, 2), (1, 3), (1, 4))] == [1, 1, 2, 3, 4]


def test_a_fine_byte_without_a_coarse_one_or_on_another_channel_is_only_its_cc() -> None:
    assert controls((33, 5)) == []
    reader = Controls()
    reader.take(MidiMessage(decode.CONTROL, 1, 1, 64))
    assert [c.what for c in reader.take(MidiMessage(decode.CONTROL, 2, 33, 64))] == ["cc"]


@given(st.integers(0, 16382), st.integers(0, 127), st.integers(0, 127))
def test_nrpn_carries_its_number_and_fourteen_bits(number: int, coarse: int, fine: int) -> None:
    found = controls((99, number >> 7), (98, number & 127), (6, coarse), (38, fine))
    assert [(c.what, c.number) for c in found] == [("nrpn", number)] * 2
    assert [c.raw for c in found] == [coarse << 7 | coarse, coarse << 7 | fine]


def test_nrpn_data_can_be_nudged_and_registered_parameters_are_not_ours() -> None:
    assert [c.raw for c in controls((99, 0), (98, 9), (6, 10), (38, 0), (96, 0), (97, 0), (97, 0))] == [
        10 << 7 | 10, 10 << 7, (10 << 7) + 1, 10 << 7, (10 << 7) - 1,
    ]  # fmt: skip
    assert controls((101, 0), (100, 0), (6, 12), (38, 0)) == []
    assert controls((99, 0), (98, 9), (101, 127), (100, 127), (6, 1)) == []
    assert controls((6, 1), (96, 0)) == []


def test_program_change_counts_from_its_bank() -> None:
    reader = Controls()
    for a, b in ((0, 1), (32, 2)):
        reader.take(MidiMessage(decode.CONTROL, 5, a, b))
    assert reader.take(MidiMessage(decode.PROGRAM, 5, 3))[0].number == (1 << 14) + (2 << 7) + 3
    assert reader.take(MidiMessage(decode.PROGRAM, 6, 3))[0].number == 3


def test_bend_is_a_control_of_fourteen_bits() -> None:
    reader = Controls()
    assert [reader.take(MidiMessage(decode.BEND, 1, *ab))[0].value for ab in ((0, 0), (127, 127))] == [0.0, 1.0]
    assert reader.take(MidiMessage(decode.BEND, 1, 0, 64))[0].raw == 8192
