"""MIDI: what a controller plays without being told anything, what it learns, and what it may do to a knob."""

from __future__ import annotations

import pytest
from handshost import CONTROLLER, TABLE, Source, Table, kinds, moves, on_the_table

from instrument.base.errors import RosinError
from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.clock import Clock
from instrument.hands.midi.fakes import FakeDriver
from instrument.hands.midi.ports import Inlet
from instrument.hands.state.bindings import NOT_LEARNABLE
from instrument.hands.state.names import plain, wanted
from instrument.ipc import Kind

NO_OSC = OscOptions("off")
LEVEL, STICK, Z2 = TABLE.index("level"), TABLE.index("friction.stick"), TABLE.index("z2")


def bound(*rows: dict[str, object], takeover: str = "jump") -> MidiOptions:
    return MidiOptions(takeover=takeover, bindings=rows)


def keys(table: Table) -> list[str]:
    return [event.key for event in table.said]


def test_without_any_binding_keys_bend_pressure_and_pedal_play() -> None:
    with on_the_table(NO_OSC) as t:
        found = t.midi((0x90, 60, 127), (0x90, 60, 0), (0x81, 61, 9), (0xE0, 0, 0), (0xE0, 127, 127), (0xE0, 0, 64))
        assert [g[:3] for g in found] == [
            (Kind.NOTE_ON, 60, 1.0), (Kind.NOTE_OFF, 60, 0.0), (Kind.NOTE_OFF, 61, 0.0),
            (Kind.BEND, 0, -1.0), (Kind.BEND, 0, 1.0), (Kind.BEND, 0, 0.0),
        ]  # fmt: skip
        assert all(g.source == Source.MIDI and g.time > 0 for g in found)
        found = t.midi((0xD0, 127), (0xA0, 60, 127), (0xB0, 64, 127))
        assert [g[:3] for g in found] == [
            (Kind.PRESSURE, 0, 1.0), (Kind.FINGER_PRESSURE, 61, 1.0), (Kind.SUSTAIN, 0, 1.0),
        ]  # fmt: skip


def test_panic_all_notes_off_and_controllers_off_are_honoured() -> None:
    with on_the_table(NO_OSC, bound({"knob": "level", "kind": "cc", "number": 7}, takeover="pickup")) as t:
        assert kinds(t.midi((0xB0, 120, 0))) == [Kind.PANIC]
        assert kinds(t.midi((0xB3, 123, 0))) == [Kind.ALL_NOTES_OFF]
        t.frame(hand={"level": 0.0})
        t.see()
        assert moves(t.midi((0xB0, 7, 0)))
        assert t.hands.pickups[0].caught
        assert [g[:3] for g in t.midi((0xB0, 121, 0))] == [
            (k, 0, 0.0) for k in (Kind.BEND, Kind.PRESSURE, Kind.SUSTAIN, Kind.SOSTENUTO)
        ]
        assert not t.hands.pickups[0].caught


def test_program_change_with_bank_is_a_patch_and_one_too_many_is_counted() -> None:
    with on_the_table(NO_OSC) as t:
        assert [g[:2] for g in t.midi((0xC0, 2), (0xC9, 0))] == [(Kind.PATCH, 2), (Kind.PATCH, 0)]
        assert t.midi((0xB0, 0, 1), (0xB0, 32, 0), (0xC0, 0)) == []
        assert t.midi((0xC5, 3)) == []
        assert t.hands.counts.midi_out_of_range == 2


def test_a_control_moves_its_knobs_within_their_ranges_several_knobs_on_one_and_on_its_channel() -> None:
    rows = (
        {"knob": "level", "kind": "cc", "number": 21, "high": 0.5},
        {"knob": "z2", "kind": "cc", "number": 21, "invert": True},
        {"knob": "friction.stick", "kind": "cc", "number": 21, "channel": 3},
    )
    with on_the_table(NO_OSC, bound(*rows)) as t:
        assert moves(t.midi((0xB0, 21, 127))) == [(LEVEL, 0.5), (Z2, 0.0)]
        assert moves(t.midi((0xB2, 21, 0))) == [(LEVEL, 0.0), (Z2, 1.0), (STICK, 0.0)]


def test_a_bound_bend_pressure_pedal_or_key_is_a_knob_and_no_longer_plays() -> None:
    rows = (
        {"knob": "z2", "kind": "bend"},
        {"knob": "level", "kind": "pressure"},
        {"knob": "friction.stick", "kind": "cc", "number": 64},
        {"knob": "z3", "kind": "note", "number": 36},
    )
    with on_the_table(NO_OSC, bound(*rows)) as t:
        found = t.midi((0xE0, 0, 64), (0xD0, 127), (0xB0, 64, 127), (0x90, 36, 127), (0x80, 36, 0))
        assert set(kinds(found)) == {Kind.KNOB}
        assert moves(found) == [(Z2, round(8192 / 16383, 6)), (LEVEL, 1.0), (STICK, 1.0), (3, 1.0), (3, 0.0)]


def test_fourteen_bits_and_nrpn_move_a_knob_finer_than_seven_bits_can() -> None:
    rows = ({"knob": "z2", "kind": "cc14", "number": 1}, {"knob": "z3", "kind": "nrpn", "number": 300})
    with on_the_table(NO_OSC, bound(*rows)) as t:
        t.midi((0xB0, 1, 64), (0xB0, 33, 0))
        assert moves(t.midi((0xB0, 1, 64), (0xB0, 33, 1))) == [(Z2, round((64 * 128 + 1) / 16383, 6))]
        found = t.midi((0xB0, 99, 2), (0xB0, 98, 44), (0xB0, 6, 64), (0xB0, 38, 1))
        assert moves(found)[-1] == (3, round((64 * 128 + 1) / 16383, 6))


@pytest.mark.parametrize(("motion", "up", "down"), [("twos", 1, 127), ("offset", 65, 63), ("sign", 1, 65)])
def test_endless_encoders_move_from_where_the_knob_is(motion: str, up: int, down: int) -> None:
    with on_the_table(NO_OSC, bound({"knob": "z2", "kind": "cc", "number": 9, "motion": motion})) as t:
        t.frame(hand={"z2": 0.5})
        t.see()
        assert moves(t.midi((0xB0, 9, up), (0xB0, 9, up))) == [(Z2, round(0.5 + n / 127, 6)) for n in (1, 2)]
        assert moves(t.midi((0xB0, 9, down)))[0][1] == pytest.approx(0.5 + 1 / 127, abs=1e-5)
        assert moves(t.midi(*[(0xB0, 9, up)] * 100))[-1] == (Z2, 1.0)


def test_a_controller_that_is_elsewhere_waits_shows_its_distance_and_then_takes_the_knob() -> None:
    with on_the_table(NO_OSC, bound({"knob": "z2", "kind": "cc", "number": 9}, takeover="pickup")) as t:
        t.frame(hand={"z2": 0.5})
        t.see()
        assert moves(t.midi((0xB0, 9, 0), (0xB0, 9, 30))) == []
        (pickup,) = t.hands.pickups
        assert pickup.knob == "z2"
        assert pickup.distance == pytest.approx(0.5 - 30 / 127, abs=1e-6)
        assert moves(t.midi((0xB0, 9, 70), (0xB0, 9, 71), (0xB0, 9, 127))) == [
            (Z2, round(n / 127, 6)) for n in (70, 71, 127)
        ]


def test_a_fast_fader_keeps_its_knob_though_the_frames_come_late() -> None:
    with on_the_table(NO_OSC, bound({"knob": "z2", "kind": "cc", "number": 9}, takeover="pickup")) as t:
        t.frame(hand={"z2": 0.0}, time=0.0)  # an old one: it has not seen what comes now
        t.see()
        for value in range(0, 128, 8):
            assert moves(t.midi((0xB0, 9, value))) == [(Z2, round(value / 127, 6))]
            t.see(0.02)


def test_after_a_patch_change_nothing_is_caught_and_bindings_find_their_knobs_again() -> None:
    rows = ({"knob": "level", "kind": "cc", "number": 7}, {"knob": "z5", "kind": "cc", "number": 9, "takeover": "jump"})
    with on_the_table(NO_OSC, bound(*rows, takeover="pickup")) as t:
        t.frame(hand={"level": 1.0})
        t.see()
        assert moves(t.midi((0xB0, 7, 127))) == [(LEVEL, 1.0)]
        assert moves(t.midi((0xB0, 9, 127))) == [(TABLE.index("z5"), 1.0)]
        t.patch, t.table = 1, t.hands._patches.table(1)
        t.frame(hand={"level": 0.25})
        t.see()
        assert t.hands.patch == 1
        assert not any(pickup.caught for pickup in t.hands.pickups)
        assert moves(t.midi((0xB0, 7, 126))) == []
        assert moves(t.midi((0xB0, 9, 127))) == []  # that patch has no z5
        assert moves(t.midi((0xB0, 7, 0))) == [(t.table.index("level"), 0.0)]
        assert t.table.index("level") != LEVEL


def test_learning_binds_the_next_control_and_saves_at_once() -> None:
    with on_the_table(NO_OSC) as t:
        assert t.hands.learn("z2", low=0.25, high=0.75, invert=True)
        assert t.midi((0x90, 60, 100))[0].kind == Kind.NOTE_ON  # keys stay keys
        assert t.midi((0xB4, 20, 21), (0xB4, 20, 41)) == []
        row = {"knob": "z2", "kind": "cc", "number": 20, "channel": 5, "low": 0.25, "high": 0.75, "invert": True}
        assert t.saved == [[row]]
        assert keys(t)[-2:] == ["hands.learn.armed", "hands.learn.done"]
        assert t.hands.learn("level")
        t.midi(*[(0xB4, 20, value) for value in range(41, 75)])
        assert [r["knob"] for r in t.saved[-1]] == ["z2", "level"]  # two knobs on one control
        assert t.hands.learn("z2")
        t.midi((0xE0, 1, 60), (0xE0, 1, 1))
        again = {"knob": "z2", "kind": "bend", "channel": 1, "low": 0.25, "high": 0.75, "invert": True}
        assert t.saved[-1][1] == again  # another control, the range stays
        assert t.hands.midi.unlearn("z2") == 1
        assert [r["knob"] for r in t.saved[-1]] == ["level"]
        assert t.hands.midi.unlearn("z2") == 0


def test_what_is_saved_is_what_is_read() -> None:
    with on_the_table(NO_OSC) as t:
        t.hands.learn("z2", motion="twos", takeover="scale")
        t.midi((0xB0, 20, 1))
        rows = t.saved[-1]
    with on_the_table(NO_OSC, bound(*rows)) as t:
        assert len(moves(t.midi((0xB0, 20, 1)))) == 1


@pytest.mark.parametrize("number", sorted(NOT_LEARNABLE))
def test_bank_data_entry_and_mode_controllers_cannot_be_learned(number: int) -> None:
    with on_the_table(NO_OSC) as t:
        t.hands.learn("z2")
        t.midi((0xB0, number, 64))
        assert t.saved == []
        assert t.hands.midi.learning is not None


def test_a_fine_fader_is_learned_as_one_though_its_coarse_byte_comes_first() -> None:
    with on_the_table(NO_OSC) as t:
        t.hands.learn("z2")
        t.midi(*[m for i in range(20) for m in ((0xB0, 5, 60 + i), (0xB0, 37, i))])
        assert t.saved[-1] == [{"knob": "z2", "kind": "cc14", "number": 5, "channel": 1}]


def test_an_nrpn_is_learned_by_its_number() -> None:
    with on_the_table(NO_OSC) as t:
        t.hands.learn("z2")
        t.midi((0xB0, 99, 1), (0xB0, 98, 2), (0xB0, 6, 3), (0xB0, 6, 23))
        assert t.saved[-1] == [{"knob": "z2", "kind": "nrpn", "number": 130, "channel": 1}]


def test_learning_can_be_cancelled_and_asks_for_a_knob_that_is_there() -> None:
    with on_the_table(NO_OSC) as t:
        assert not t.hands.learn("nose")
        t.hands.learn("z2")
        t.hands.midi.cancel()
        t.midi((0xB0, 20, 1))
        assert t.saved == []
        assert keys(t)[-3:] == ["hands.learn.no", "hands.learn.armed", "hands.learn.off"]


def test_a_rig_that_cannot_be_written_is_said_and_the_binding_plays_until_the_end() -> None:
    with on_the_table(NO_OSC) as t:

        def full(rows: object) -> None:
            raise RosinError("the disk is full; make room")

        t.hands.midi._learning._save = full
        t.hands.learn("z2", takeover="jump")
        t.midi((0xB0, 20, 21), (0xB0, 20, 41))
        assert keys(t)[-1] == "hands.learn.unsaved"
        assert "the disk is full" in str(t.said[-1])
        assert moves(t.midi((0xB0, 20, 127))) == [(Z2, 1.0)]


def test_the_last_control_moved_is_there_to_be_shown() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi((0xB1, 20, 64))
        assert str(t.hands.midi.last) == "CC 20 channel 2"
        assert t.hands.counts.midi_unbound == 1


def test_a_clock_is_counted_and_its_tempo_estimated_through_a_millisecond_of_jitter() -> None:
    clock = Clock()
    clock.start()
    for i in range(97):
        clock.tick(i * 60 / 120 / 24 + (0.001 if i % 3 else 0.0))
    assert clock.running
    assert clock.beats == 97 / 24
    assert clock.bpm == pytest.approx(120, rel=0.002)
    clock.tick(100.0)
    assert clock.bpm == 0.0


def test_clock_start_and_stop_are_seen_and_make_no_gesture() -> None:
    with on_the_table(NO_OSC) as t:
        assert t.midi((0xFA,), (0xF8,), (0xF8,)) == []
        assert t.hands.midi.clock.running
        assert t.hands.midi.clock.ticks == t.hands.counts.clock_ticks == 2
        t.midi((0xFC,))
        assert not t.hands.midi.clock.running
        t.midi((0xFB,))
        assert t.hands.midi.clock.running


def test_malformed_bytes_are_counted_and_said_once() -> None:
    with on_the_table(NO_OSC) as t:
        assert t.midi((1, 2, 3), (0xF4,), (0x90, 60, 100))[0].kind == Kind.NOTE_ON
        assert t.hands.counts.midi_malformed == 4
        assert keys(t).count("hands.midi.malformed") == 1


@pytest.mark.parametrize(
    "name",
    [CONTROLLER, "a2j:nanoKONTROL2 [28] (capture): nanoKONTROL2 MIDI 1", "nanoKONTROL2 1", "NANOKONTROL2:x 128:0"],
)
def test_a_device_is_known_under_all_its_names(name: str) -> None:
    assert "nanokontrol2" in plain(name)
    assert wanted(name, ("NanoKontrol2",))
    assert not wanted(name, ("launchpad",))
    assert wanted(name, ())


def test_the_number_in_a_name_may_change_and_the_loop_back_is_not_opened_unasked() -> None:
    assert plain("nano MIDI 1 24:0") == plain("nano MIDI 1 28:0")
    assert not wanted("Midi Through:Midi Through Port-0 14:0", ())
    assert wanted("Midi Through:Midi Through Port-0 14:0", ("through",))


def test_devices_come_and_go_while_it_plays() -> None:
    with on_the_table(NO_OSC) as t:
        assert t.hands.ports is not None
        first = t.driver.inlets[CONTROLLER]
        t.midi((0x90, 60, 1), port=CONTROLLER)
        t.driver.unplug(CONTROLLER)
        look(t)
        assert first.closed
        assert t.hands.counts.midi_devices == 0
        t.driver.plug(CONTROLLER.replace("24:0", "28:0"))
        look(t)
        assert keys(t)[-3:] == ["hands.midi.came", "hands.midi.went", "hands.midi.came"]
        assert t.midi((0x90, 60, 1), port=CONTROLLER.replace("24:0", "28:0"))
        assert t.link.health.text("hands", "ports") == CONTROLLER.replace("24:0", "28:0")


def test_a_port_that_breaks_under_the_hand_is_closed_and_opened_again() -> None:
    with on_the_table(NO_OSC) as t:
        t.driver.inlets[CONTROLLER].broken = True
        t.step(1)
        assert keys(t)[-1] == "hands.midi.went"
        t.driver.plug(CONTROLLER)
        look(t)
        assert keys(t)[-1] == "hands.midi.came"
        assert t.hands.counts.faults == 0


def test_a_port_that_cannot_be_opened_is_said_once_and_tried_again_when_plugged_in_again() -> None:
    class Busy(FakeDriver):
        busy = True

        def open(self, name: str) -> Inlet:
            if self.busy:
                raise OSError("another program has it")
            return super().open(name)

    driver = Busy(CONTROLLER)
    with on_the_table(NO_OSC, find=lambda: driver) as t:
        for _ in range(3):
            look(t)
        assert keys(t).count("hands.midi.shut") == 1
        assert "another program has it" in str(t.said[-1])
        driver.busy = False
        driver.unplug(CONTROLLER)
        look(t)
        driver.plug(CONTROLLER)
        look(t)
        assert keys(t)[-1] == "hands.midi.came"


def test_a_midi_server_that_dies_is_said_and_found_again() -> None:
    with on_the_table(NO_OSC) as t:
        t.driver.gone = True
        look(t)
        assert keys(t)[-2:] == ["hands.midi.went", "hands.midi.lost"]
        t.driver.gone = False
        look(t)
        assert keys(t)[-2:] == ["hands.midi.api", "hands.midi.came"]
        assert t.midi((0x90, 60, 1))


def test_no_midi_is_no_error() -> None:
    with on_the_table(NO_OSC, find=lambda: None) as t:
        assert keys(t) == ["hands.midi.none"]
        assert str(t.said[0]) == "no MIDI here, playing on without"
        look(t)
        assert keys(t) == ["hands.midi.none"]


def test_only_the_ports_the_rig_asks_for_are_opened() -> None:
    driver = FakeDriver("Launchpad X", CONTROLLER)
    with on_the_table(NO_OSC, MidiOptions(ports=("nano kontrol", "nanokontrol2")), find=lambda: driver) as t:
        assert t.hands.ports is not None
        assert t.hands.ports.names == (CONTROLLER,)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_port_that_is_asked_for_and_not_there_is_said_once_and_opened_when_it_comes(language: str) -> None:
    said = {"en": "no MIDI port has 'korg' in its name", "fr": "aucun port MIDI n'a 'korg' dans son nom"}[language]
    with on_the_table(NO_OSC, MidiOptions(ports=("nano", "korg"))) as t:
        assert t.hands.ports is not None
        told = [event.text(language) for event in t.said if event.key == "hands.midi.awaited"]
        assert len(told) == 1
        assert told[0].startswith(said)
        t.driver.plug("Korg MS-20 32:0")
        look(t)
        assert len(t.hands.ports.names) == 2
        assert keys(t).count("hands.midi.awaited") == 1


def test_bytes_cut_by_unplugging_do_not_spoil_the_next_device() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi((0xB0, 7), port=CONTROLLER)
        t.driver.unplug(CONTROLLER)
        look(t)
        t.driver.plug(CONTROLLER)
        look(t)
        assert t.midi((0x90, 60, 1), port=CONTROLLER)[0][:3] == (Kind.NOTE_ON, 60, 1 / 127)
        assert t.hands.counts.midi_malformed == 0


def look(t: Table) -> None:
    """Now, not in 1.5 s."""
    assert t.hands.ports is not None
    t.hands.ports._look_at = 0.0
    t.step(1)
