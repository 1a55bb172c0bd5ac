"""Hands that take over: every binding, listener and caught knob is there, and the rig loses no row."""

from __future__ import annotations

import contextlib
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from handshost import CONTROLLER, TABLE, Client, hands_of, moves
from hypothesis import given
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.documents.options import MidiOptions, OscOptions
from instrument.documents.rig_bindings import save_bindings
from instrument.hands.midi.fakes import FakeDriver
from instrument.hands.process import Hands
from instrument.hands.state.learned import SECTIONS, Learned, merged
from instrument.ipc import Gesture, Kind, Link, Source
from instrument.ipc.learn_protocol import ANSWER, ASK, Answer, Ask

EMPTY: Mapping[str, Sequence[Any]] = dict.fromkeys(SECTIONS, ())


class Chair:
    """The place of the hands: who sits in it is killed and replaced; link and rig stay."""

    def __init__(self, folder: Path) -> None:
        self.link, self.rig = Link.create(), folder / "rig.toml"
        self.said: list[str] = []
        self.sit()

    def sit(self, successor: bool = False) -> None:
        learned = Learned(self.link, self.rig, EMPTY, successor)
        self.wrong, self.driver = learned.wrong, FakeDriver(CONTROLLER)
        self.hands = hands_of(self.link, OscOptions("127.0.0.1:0", bindings=learned.rows("osc")),
            MidiOptions(bindings=learned.rows("midi")), learned.saver("midi"),
            lambda event: self.said.append(str(event)), lambda: self.driver, save_osc=learned.saver("osc"),
            patient=successor,
        )  # fmt: skip
        self.play(3)

    def die(self) -> None:
        """kill -9: nothing is said, written or closed but by the system."""
        self.see()
        assert self.hands.osc is not None
        self.hands.osc.ear.close()

    def replace(self) -> None:
        self.die()
        self.sit(successor=True)

    def play(self, times: int = 1) -> list[Gesture]:
        for _ in range(times):
            self.hands.step()
        return self.link.hands.pop(4096)

    def see(self) -> None:
        """Long enough for what is to be written down."""
        until = time.monotonic() + 0.12
        while time.monotonic() < until:
            self.hands._frame_at = 0.0
            self.hands.step()

    def midi(self, *messages: Sequence[int]) -> list[Gesture]:
        self.driver.inlets[CONTROLLER].queue += [list(message) for message in messages]
        return self.play()

    def frame(self, hand: Mapping[str, float], moved: str = "") -> None:
        """The sound tells where knobs are, and that the show has ``moved`` one; all others MIDI has."""
        frame = self.link.frames.scratch()
        for knob, raw in hand.items():
            by = Source.SHOW if knob == moved else Source.MIDI
            frame.hand[TABLE.index(knob)], frame.origin[TABLE.index(knob)] = raw, by
        frame.knob_count, frame.playable, frame.time = len(TABLE), TABLE.playable_count, time.monotonic() + 1.0
        self.link.frames.publish(frame)

    def learn(self, knob: str, number: int) -> None:
        assert self.hands.learn(knob)
        self.turn(number)

    def turn(self, number: int) -> None:
        """A knob of the controller is turned a clear way."""
        self.midi(*((0xB0, number, value) for value in (10, 20, 32, 44)))

    def rows(self, section: str = "midi") -> list[str]:
        table = tomllib.loads(self.rig.read_text())
        return sorted(row["knob"] for row in table.get(section, {}).get("bindings", []))


@pytest.fixture
def chair(tmp_path: Path) -> Iterator[Chair]:
    found = Chair(tmp_path)
    yield found
    found.hands.close()
    found.link.close()


def test_two_are_learned_the_hands_die_a_third_is_learned_and_all_three_are_there(chair: Chair) -> None:
    chair.learn("z2", 21)
    chair.learn("z3", 22)
    chair.replace()
    chair.frame({"z2": 0.5, "z3": 0.5})
    assert (TABLE.index("z3"), 0.503937) in moves(chair.midi((0xB0, 22, 64))), "what was learned plays"
    chair.learn("z4", 23)
    assert chair.rows() == ["z2", "z3", "z4"]
    chair.replace()
    chair.learn("z5", 24)
    assert chair.rows() == ["z2", "z3", "z4", "z5"]


def test_what_the_disk_would_not_have_is_played_by_the_next_hands_and_saved_with_the_next_knob(chair: Chair) -> None:
    chair.rig.mkdir()  # nothing can be written there
    chair.learn("z2", 21)
    assert "z2" in chair.said[-1]
    chair.replace()
    chair.rig.rmdir()
    chair.frame({"z2": 0.5})
    assert moves(chair.midi((0xB0, 21, 64))) != []
    chair.learn("z3", 22)
    assert chair.rows() == ["z2", "z3"]


def test_rows_that_others_write_meanwhile_stay_and_those_they_take_out_are_gone(chair: Chair) -> None:
    chair.learn("z2", 21)
    chair.learn("z3", 22)
    text = chair.rig.read_text().replace("number = 21", "number = 99 # by hand")
    chair.rig.write_text(text + '\n[[midi.bindings]]\nscene = 2\nkind = "note"\nnumber = 40\n[stage]\nwidth = 999\n')
    chair.learn("z4", 23)
    table = tomllib.loads(chair.rig.read_text())
    assert sorted((row.get("knob", ""), row["number"]) for row in table["midi"]["bindings"]) == [
        ("", 40), ("z2", 99), ("z3", 22), ("z4", 23),
    ]  # fmt: skip
    assert "# by hand" in chair.rig.read_text()
    assert table["stage"]["width"] == 999
    chair.rig.write_text("schema = 1\n")
    chair.learn("z5", 24)
    assert chair.rows() == ["z5"]


def test_a_rig_that_is_broken_when_the_hands_are_replaced_costs_no_binding(chair: Chair) -> None:
    chair.learn("z2", 21)
    whole = chair.rig.read_text()
    chair.rig.write_text(whole + "[[midi.bindings")
    chair.replace()
    assert "rig.toml" in chair.wrong
    chair.frame({"z2": 0.5})
    assert moves(chair.midi((0xB0, 21, 64))) != []
    chair.rig.write_text(whole + '[[midi.bindings]]\nknob = "z3"\nkind = "nonsense"\n')
    chair.replace()
    assert "nonsense" in chair.wrong
    chair.learn("z4", 23)
    assert chair.rows() == ["z2", "z3", "z4"], "a row that cannot be read is not ours to throw away"


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("knob", ['["z5"]', "{ id = 5 }", "2026-01-01", "1.5"])
def test_a_row_whose_knob_is_no_text_costs_neither_the_hands_nor_what_is_learned(
    chair: Chair, section: str, knob: str
) -> None:
    chair.learn("z2", 21)
    chair.rig.write_text(chair.rig.read_text() + f"[[{section}.bindings]]\nknob = {knob}\n")
    chair.learn("z3", 22)
    assert not any("a fault" in said for said in chair.said)
    chair.replace()
    assert f"{section}.bindings" in chair.wrong
    chair.frame({"z2": 0.5, "z3": 0.5})
    assert {knob for knob, _ in moves(chair.midi((0xB0, 21, 64), (0xB0, 22, 64)))} == {
        TABLE.index("z2"), TABLE.index("z3"),
    }  # fmt: skip
    chair.learn("z4", 23)
    assert f"knob = {knob}" in chair.rig.read_text(), "it is not ours to throw away"


def test_more_bindings_than_can_be_written_down_are_read_from_the_rig(chair: Chair) -> None:
    chair.learn("z2", 21)
    rows = [{"address": f"/a/rather/long/address/of/{i}", "knob": f"friction.stick.{i}"} for i in range(1200)]
    save_bindings(chair.rig, rows, "osc")
    chair.replace()
    assert chair.hands.osc is not None
    assert len(chair.hands.osc.foreign.mappings.slots) == 1200
    chair.replace()
    assert len(chair.hands.osc.foreign.mappings.slots) == 1200
    chair.learn("z3", 22)
    assert chair.rows() == ["z2", "z3"]


def test_osc_addresses_and_their_listeners_outlive_the_hands(chair: Chair) -> None:
    assert chair.hands.osc is not None
    client = Client(chair.hands.osc.ear.where, ear=chair.hands.osc.ear)
    client.send("/rosin/sync")
    client.send("/rosin/learn", "z2")
    chair.play()
    client.send("/desk/1", 0.25)
    chair.play()
    assert chair.rows("osc") == ["z2"]
    chair.replace()
    assert chair.hands.osc is not None
    chair.frame({"z3": 0.625})
    client.heard()
    chair.see()
    assert ("/rosin/knob/z3", (0.625,)) in client.heard(), "whoever listened is told without asking again"
    client.socket.close()


def test_a_fader_that_had_caught_its_knob_has_it_still_unless_another_moved_the_knob(chair: Chair) -> None:
    chair.learn("z2", 21)
    chair.learn("z3", 22)
    chair.frame({"z2": 64 / 127, "z3": 64 / 127})
    chair.see()
    assert len(moves(chair.midi((0xB0, 21, 64), (0xB0, 22, 64)))) == 2
    chair.frame({"z2": 64 / 127, "z3": 30 / 127}, moved="z3")  # by a scene
    chair.replace()
    assert [knob for knob, _ in moves(chair.midi((0xB0, 21, 90), (0xB0, 22, 90)))] == [TABLE.index("z2")]


def test_a_knob_that_waits_for_its_controller_waits_on(chair: Chair) -> None:
    assert chair.hands.learn("z2")
    chair.replace()
    chair.turn(21)
    assert chair.rows() == ["z2"]


def test_what_the_stage_asked_is_done_though_the_hands_died_over_it(chair: Chair) -> None:
    stage, row = chair.link.health.row("stage"), chair.link.health.row("hands")
    stage.beat()
    stage.set_text(ASK, Ask(7, "learn", 0, TABLE.index("z2")).text())
    chair.see()
    assert Answer.of(row.text(ANSWER)) == Answer(7, "armed", TABLE.index("z2"))
    chair.replace()
    stage.beat()
    chair.see()
    chair.turn(21)
    chair.see()
    answer = Answer.of(row.text(ANSWER))
    assert answer is not None
    assert (answer.number, answer.state) == (7, "learned")
    chair.replace()
    chair.see()
    chair.turn(30)
    assert chair.rows() == ["z2"], "what was answered is not done twice"


def test_the_bank_and_the_nrpn_that_a_port_has_selected_are_remembered(chair: Chair) -> None:
    with contextlib.suppress(FileNotFoundError):
        chair.rig.unlink()
    save_bindings(chair.rig, [{"knob": "z2", "kind": "nrpn", "number": 300, "takeover": "jump"}])
    chair.replace()
    chair.midi((0xB0, 99, 2), (0xB0, 98, 44), (0xB0, 32, 1))
    chair.replace()
    assert moves(chair.midi((0xB0, 6, 127))) == [(TABLE.index("z2"), 1.0)]
    assert [g for g in chair.midi((0xC0, 2)) if g.kind == Kind.PATCH] == [], "program 2 of bank 1 is number 130"


def test_the_fingers_of_an_mpe_controller_are_fingers_for_the_next_hands(chair: Chair) -> None:
    chair.midi((0xB0, 101, 0), (0xB0, 100, 6), (0xB0, 6, 7), (0xB1, 101, 0), (0xB1, 100, 0), (0xB1, 6, 24))
    chair.replace()
    bent = [g for g in chair.midi((0xE2, 127, 127)) if g.kind == Kind.FINGER_BEND]
    assert [(g.channel, g.value) for g in bent] == [(3, 24.0)]


def test_a_finger_on_a_motor_fader_is_felt_by_the_next_hands(chair: Chair) -> None:
    save_bindings(chair.rig, [{"knob": "z2", "kind": "cc", "number": 21, "motor": True, "touch": 104}])
    chair.replace()
    chair.midi((0x90, 104, 127))
    chair.replace()
    slot = chair.hands.midi.mappings.slots[0]
    assert slot.motor is not None
    assert slot.motor.touched(time.monotonic()), "and its motor does not pull at it"


def test_a_port_that_another_program_took_in_the_gap_is_waited_for_and_midi_plays(chair: Chair) -> None:
    assert chair.hands.osc is not None
    where = chair.hands.osc.ear.where
    chair.learn("z2", 21)
    waits = hands_of(chair.link, OscOptions("{}:{}".format(*where)), MidiOptions(),
        lambda rows: None, lambda event: chair.said.append(str(event)), lambda: chair.driver, patient=True,
    )  # fmt: skip
    assert waits.osc is None
    assert "already in use" in chair.said[-1]
    chair.hands.osc.ear.close()
    client = Client(where)
    waits._handover._left = {"clients": [[list(client.where), time.monotonic(), []]]}
    waits._waiting.begin(0.0)
    end = time.monotonic() + 3.0
    while waits.osc is None and time.monotonic() < end:
        waits.step()
    assert waits.osc is not None
    assert waits.osc.ear.where == where
    assert [one.where for one in waits.osc.echo.clients] == [client.where], "who listened before listens again"
    client.socket.close()
    waits.close()
    chair.hands.osc = None


@pytest.mark.parametrize(
    "osc", [OscOptions("192.0.2.1:9000"), OscOptions("127.0.0.1:0", echo=("no-such-host.invalid:9001",))]
)
def test_a_network_that_comes_later_is_waited_for_when_the_rig_names_it(chair: Chair, osc: OscOptions) -> None:
    def hands(waits: bool) -> Hands:
        return hands_of(chair.link, osc, MidiOptions(api="off"), lambda rows: None,
            lambda event: chair.said.append(str(event)), waits=waits,
        )  # fmt: skip

    with pytest.raises(RosinError, match=r"no address|no host"):
        hands(waits=False)
    waiting = hands(waits=True)
    assert waiting.osc is None
    assert "no OSC for now" in chair.said[-1]
    waiting.close()


def test_keys_pedal_and_wheel_of_a_controller_are_let_go_of_when_its_hands_die(chair: Chair) -> None:
    chair.midi((0xB0, 64, 127), (0x90, 60, 100), (0xE0, 0, 96), (0xD0, 80))
    chair.die()
    gone = chair.link.hands.held.released(time.monotonic())
    assert [(g.kind, g.knob, g.value) for g in gone] == [
        (Kind.NOTE_OFF, 60, 0.0), (Kind.SUSTAIN, 0, 0.0), (Kind.BEND, 0, 0.0), (Kind.PRESSURE, 0, 0.0),
    ]  # fmt: skip
    chair.sit(successor=True)


ROWS = st.lists(
    st.fixed_dictionaries({"knob": st.sampled_from(["a", "b", "c", ""]), "number": st.integers(0, 3)}),
    max_size=5, unique_by=lambda row: (row["knob"], row["number"]),
)  # fmt: skip


@given(base=ROWS, mine=ROWS, theirs=ROWS)
def test_of_three_lists_nothing_that_anybody_added_is_lost(base: Any, mine: Any, theirs: Any) -> None:
    found = merged(base, mine, theirs)
    assert all(row in found for row in mine if row not in base)
    learned = {row["knob"] for row in mine if row not in base} | {row["knob"] for row in base if row not in mine}
    assert all(row in found for row in theirs if row not in base and row["knob"] not in learned - {""})
    assert all(row in mine or row in theirs for row in found)
    assert merged(base, mine, base) == mine
    assert sorted(map(str, merged(base, base, theirs))) == sorted(map(str, theirs))
