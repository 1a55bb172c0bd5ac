"""Learning from the stage and from OSC: a knob that waits is given what moves, once, and the rig has it at once."""

from __future__ import annotations

import math
import socket
import time
from pathlib import Path

import pytest
from handshost import CONTROLLER, TABLE, Source, Table, hands_of, kinds, moves, on_the_table
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import ValidationErrors
from instrument.documents.options import MidiOptions, OscOptions
from instrument.documents.rig import read_rig
from instrument.documents.rig_bindings import save_bindings
from instrument.hands.midi.fakes import FakeDriver
from instrument.hands.osc.addresses import OscBinding, OscMappings, read_addresses
from instrument.hands.state.counts import LogEntry
from instrument.hands.state.positions import Positions
from instrument.ipc import Link
from instrument.ipc.learn_protocol import (
    ANSWER,
    ASK,
    BOUND,
    REACH,
    Answer,
    Ask,
    bound_of,
    bound_text,
    reach_of,
    reach_text,
)  # fmt: skip
from instrument.ipc.texts import TEXT_BYTES

HERE, NO_MIDI = OscOptions("127.0.0.1:0"), MidiOptions("off")
JUMP, PICKUP = MidiOptions("off", takeover="jump"), MidiOptions("off", takeover="pickup")
Z2, Z3, LEVEL = TABLE.index("z2"), TABLE.index("z3"), TABLE.index("level")


def ask(t, verb: str, knob: int = 0, patch: int = 0) -> Answer:
    """What the stage asks, and what the hands have answered a moment later."""
    number = time.monotonic_ns()
    t.link.health.beat("stage")
    t.link.health.set_text("stage", ASK, Ask(number, verb, patch, knob).text())
    t.see()
    answer = heard(t)
    assert answer is not None
    assert answer.number == number
    return answer


def heard(t) -> Answer | None:
    return Answer.of(t.link.health.text("hands", ANSWER))


def rows_of(t) -> list[dict]:
    assert t.hands.osc is not None
    return t.hands.osc.foreign.mappings.rows()


def rest(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.05) -> None:
    monkeypatch.setattr("instrument.hands.osc.addresses.REST_SECONDS", seconds)


def test_a_strange_address_moves_nothing_until_a_knob_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rest(monkeypatch)
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        client.send("/1/fader3", 0.4)
        assert t.step() == []
        assert t.hands.counts.osc_unknown == 1
        time.sleep(1.05)  # the time itself: else it is a stream that was there before
        assert ask(t, "learn", Z2).state == "armed"
        client.send("/1/fader3", 0.5)
        assert moves(t.step()) == [], "while it is shown the knob stays"
        t.see()
        answer = heard(t)
        assert (answer.state, answer.knob, answer.control) == ("learned", Z2, "/1/fader3")
        assert rows_of(t) == [{"address": "/1/fader3", "knob": "z2"}]
        time.sleep(0.06)
        client.send("/1/fader3", 0.75)
        assert moves(t.step()) == [(Z2, 0.75)]


def test_numbers_outside_of_0_to_1_widen_the_range_and_the_rig_hears_of_it_when_they_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest(monkeypatch)
    saved: list[list[dict]] = []
    with on_the_table(HERE, JUMP) as t:
        t.hands.osc.foreign._save = saved.append
        client = t.client()
        ask(t, "learn", Z2)
        for value in (0, 10, 64, 127):
            client.send("/knob", value)
            t.step(1)
        assert saved[0] == [{"address": "/knob", "knob": "z2"}]
        t.see(0.1)
        assert saved[-1] == [{"address": "/knob", "knob": "z2", "high": 127.0}]
        client.send("/knob", 63.5)
        assert moves(t.step()) == [(Z2, 0.5)]
        client.send("/knob", -127.0)
        assert moves(t.step()) == [(Z2, 0.0)]
        client.send("/knob", 0.0)
        assert moves(t.step()) == [(Z2, 0.5)]


def test_an_address_has_to_pick_up_its_knob_like_any_controller_and_the_stage_is_told_where_it_is() -> None:
    bound = OscOptions("127.0.0.1:0", bindings=({"address": "/f", "knob": "z2", "high": 10.0},))
    with on_the_table(bound, PICKUP) as t:
        t.frame(hand={"z2": 0.5})
        t.see()
        client = t.client()
        client.send("/f", 2.0)
        assert moves(t.step()) == []
        t.see(0.06)
        assert reach_of(t.link.health.text("hands", REACH), 0) == {Z2: pytest.approx(0.2)}
        assert bound_of(t.link.health.text("hands", BOUND), 0) == {Z2: "/f 0…10"}
        client.send("/f", 6.0)
        assert moves(t.step()) == [(Z2, 0.6)]
        t.see(0.06)
        assert reach_of(t.link.health.text("hands", REACH), 0) == {}


def test_who_moves_a_knob_from_a_learned_address_is_not_told_of_it_and_others_are() -> None:
    bound = OscOptions("127.0.0.1:0", bindings=({"address": "/f", "knob": "z2"},))
    with on_the_table(bound, JUMP) as t:
        t.frame()
        t.see()
        mover, other = t.client(), t.client()
        for client in (mover, other):
            client.send("/rosin/sync")
        t.step()
        t.see(0.2)
        for client in (mover, other):
            client.heard()
        mover.send("/f", 0.9)
        assert moves(t.step()) == [(Z2, 0.9)]
        t.origin[Z2] = Source.OSC
        t.frame(hand={"z2": 0.9})
        t.see(0.1)
        assert not [m for m in mover.heard() if m[0] == "/rosin/knob/z2"]
        assert [m for m in other.heard() if m[0] == "/rosin/knob/z2"]


def test_one_knob_after_the_other_and_the_control_just_learned_is_let_come_to_rest() -> None:
    with on_the_table(OscOptions("off"), MidiOptions(takeover="jump")) as t:
        assert ask(t, "learn", Z2).state == "armed"
        assert t.midi((0xB0, 24, 10), (0xB0, 24, 30)) == []
        t.see()
        assert heard(t) == Answer(heard(t).number, "learned", Z2, "cc 24 ch 1")
        assert t.saved[-1] == [{"knob": "z2", "kind": "cc", "number": 24, "channel": 1}]
        assert ask(t, "learn", Z3).state == "armed"
        assert moves(t.midi((0xB0, 24, 127))) == [(Z2, 1.0)], "it plays the knob that has it"
        t.midi((0xB0, 25, 3), (0xB0, 25, 23))
        t.see()
        assert (heard(t).state, heard(t).control) == ("learned", "cc 25 ch 1")
        assert {row["knob"]: row["number"] for row in t.saved[-1]} == {"z2": 24, "z3": 25}


def test_after_a_rest_one_control_may_move_two_knobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instrument.hands.state.learning.REST_SECONDS", 0.02)
    with on_the_table(OscOptions("off"), MidiOptions(takeover="jump")) as t:
        ask(t, "learn", Z2)
        t.midi((0xB0, 24, 10), (0xB0, 24, 30))
        ask(t, "learn", Z3)
        time.sleep(0.05)
        t.midi((0xB0, 24, 20), (0xB0, 24, 50))
        assert sorted(moves(t.midi((0xB0, 24, 127)))) == sorted([(Z2, 1.0), (Z3, 1.0)])


def test_a_knob_is_freed_of_midi_and_osc_alike() -> None:
    rows = ({"knob": "z2", "kind": "cc", "number": 7},)
    bound = OscOptions("127.0.0.1:0", bindings=({"address": "/f", "knob": "z2"}, {"address": "/g", "knob": "z3"}))
    with on_the_table(bound, MidiOptions(takeover="jump", bindings=rows)) as t:
        t.see(0.6)
        assert bound_of(t.link.health.text("hands", BOUND), 0) == {Z2: "cc 7, /f", Z3: "/g"}
        assert ask(t, "free", Z2).state == "freed"
        assert t.saved[-1] == []
        assert rows_of(t) == [{"address": "/g", "knob": "z3"}]
        t.see()
        assert bound_of(t.link.health.text("hands", BOUND), 0) == {Z3: "/g"}


@pytest.mark.parametrize("there", ["off", "taken"])
def test_a_knob_is_freed_of_an_address_that_cannot_be_heard_now(there: str) -> None:
    rows = [{"address": "/f", "knob": "z2"}, {"address": "/g", "knob": "z3"}]
    saved: list[list[dict]] = []
    said: list[LogEntry] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, Link.create() as link:
        other.bind(("127.0.0.1", 0))
        listen = "off" if there == "off" else f"127.0.0.1:{other.getsockname()[1]}"
        hands = hands_of(link, OscOptions(listen, bindings=tuple(rows)), NO_MIDI, lambda rows: None,
            said.append, save_osc=saved.append, patient=True,
        )  # fmt: skip
        assert hands.osc is None
        t = Table(hands, link, FakeDriver(), [])
        t.frame()
        t.see()
        assert bound_of(link.health.text("hands", BOUND), 0) == {Z2: "/f", Z3: "/g"}
        assert ask(t, "free", Z2).state == "freed"
        assert saved == [rows[1:]]
        assert str(said[-1]) == "z2 has no controller now"
        other.close()
        hands._waiting._again_at = 0.0 if there == "taken" else math.inf
        until = time.monotonic() + 10.0
        while hands.osc is None and there == "taken" and time.monotonic() < until:
            hands.step()
        if there == "taken":
            assert rows_of(t) == rows[1:], "nor does it come back when OSC does"
        hands.close()


def test_a_window_that_is_gone_leaves_no_knob_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_the_table(HERE, NO_MIDI) as t:
        assert ask(t, "learn", Z2).state == "armed"
        monkeypatch.setattr("instrument.hands.state.learn_server.GONE_SECONDS", 0.05)
        t.see(0.15)
        assert heard(t).state == "off"
        t.client().send("/f", 0.5)
        assert t.step() == []
        assert rows_of(t) == []


def test_a_stream_that_ran_before_is_not_learned_a_fader_beside_it_is() -> None:
    with on_the_table(HERE, NO_MIDI) as t:
        client = t.client()
        client.send("/clock", 1.0)
        t.step()
        ask(t, "learn", Z2)
        client.send("/clock", 2.0)
        t.step()
        assert rows_of(t) == []
        client.send("/fader", 0.2)
        t.step()
        assert [row["address"] for row in rows_of(t)] == ["/fader"]


@pytest.mark.parametrize(
    ("address", "args"),
    [("/rosin/out/level", (0.5,)), ("/f", ("text",)), ("/f", ()), ("/f", (float("nan"),))],
    ids=["another Rosin's", "a text", "nothing", "no number"],
)
def test_what_is_no_number_of_somebody_elses_is_not_learned(address: str, args: tuple) -> None:
    with on_the_table(HERE, NO_MIDI) as t:
        ask(t, "learn", Z2)
        t.client().send(address, *args)
        assert kinds(t.step()) == []
        assert rows_of(t) == []
        assert t.hands.midi.learning is not None


def test_osc_that_asks_to_learn_learns_addresses_too_with_range_and_inversion(monkeypatch: pytest.MonkeyPatch) -> None:
    rest(monkeypatch)
    with on_the_table(HERE, JUMP) as t:
        client = t.client()
        client.send("/rosin/learn", "level", 0.2, 0.6, 1)
        t.step()
        client.send("/f", 0.0)
        t.step()
        time.sleep(0.06)
        client.send("/f", 1.0)
        assert moves(t.step()) == [(LEVEL, pytest.approx(0.2))]
        client.send("/f", 0.0)
        assert moves(t.step()) == [(LEVEL, pytest.approx(0.6))]


def test_what_was_learned_is_there_at_the_next_start_and_the_file_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(
        '# mine\nschema = 1\n\n[osc]\nroot = "/r"  # short\n\n[midi]\ntakeover = "jump"\n', encoding="utf-8"
    )
    save_bindings(path, [{"address": "/f", "knob": "z2", "high": 127.0}], "osc")
    save_bindings(path, [{"knob": "z2", "kind": "cc", "number": 7}])
    save_bindings(path, [{"address": "/f", "knob": "z2", "high": 127.0}, {"address": "/g", "knob": "z3"}], "osc")
    rig = read_rig(path)
    assert [dict(row) for row in rig.osc.bindings] == [
        {"address": "/f", "knob": "z2", "high": 127.0}, {"address": "/g", "knob": "z3"}
    ]  # fmt: skip
    assert [dict(row) for row in rig.midi.bindings] == [{"knob": "z2", "kind": "cc", "number": 7}]
    assert (rig.osc.root, rig.midi.takeover) == ("/r", "jump")
    text = path.read_text(encoding="utf-8")
    assert "# mine" in text
    assert "# short" in text
    assert read_addresses(rig.osc.bindings)[0] == OscBinding("/f", "z2", 0.0, 127.0)


def test_the_rigs_rows_reach_the_hands_process() -> None:
    from instrument.documents.rig import Rig
    from instrument.hands.worker import HandsSettings

    settings = HandsSettings.of(Rig(osc=OscOptions(bindings=({"address": "/f", "knob": "z2"},))), ["a.toml"], False)
    there = HandsSettings.from_json(settings.to_json())
    assert there.osc.bindings == ({"address": "/f", "knob": "z2"},)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"knob": "z2"}, "address: it is missing"),
        ({"address": "f", "knob": "z2"}, "no OSC address"),
        ({"address": "/f\0", "knob": "z2"}, "no OSC address"),
        ({"address": "/f", "knob": "z2", "argument": 0}, "argument"),
        ({"address": "/f", "knob": "z2", "argument": 1.5}, "argument"),
        ({"address": "/f", "knob": "z2", "low": 1.0}, "equals low"),
        ({"address": "/f", "knob": "z2", "top": 0.0}, "equals bottom"),
        ({"address": "/f", "knob": "z2", "takeover": "soft"}, "takeover"),
    ],
)
def test_a_wrong_row_is_named_with_its_remedy(row: dict, says: str) -> None:
    with pytest.raises(ValidationErrors, match=says):
        read_addresses([{"address": "/ok", "knob": "level"}, row])


@settings(deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30), st.floats(0, 1))
def test_whatever_is_sent_the_knob_stays_in_its_travel(values: list[float], at: float) -> None:
    positions = Positions(TABLE)
    positions.ask(Z2, at, 0.0)
    mappings = OscMappings([OscBinding("/f", "z2")], "jump", TABLE)
    for i, value in enumerate(values):
        for knob, raw in mappings.turn("/f", value, positions, float(i)):
            assert knob == Z2
            assert 0.0 <= raw <= 1.0
    binding = mappings.slots[0].binding
    assert binding.low <= 0.0 <= 1.0 <= binding.high


# --- the words between stage and hands


@settings(deadline=None)
@given(st.integers(0, 2**60), st.sampled_from(["learn", "free", "off"]), st.integers(0, 99), st.integers(0, 255))
def test_a_question_and_an_answer_come_back_as_they_went(number: int, verb: str, patch: int, knob: int) -> None:
    assert Ask.of(Ask(number, verb, patch, knob).text()) == Ask(number, verb, patch, knob)
    for control in ("", "cc 24 ch 1", "/1/fader 3"):
        assert Answer.of(Answer(number, "learned", knob, control).text()) == Answer(number, "learned", knob, control)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    Ask.of(text)
    Answer.of(text)
    assert all(0.0 <= raw <= 1.0 for raw in reach_of(text, 0).values())
    bound_of(text, 0)


def test_what_does_not_fit_into_a_text_is_left_out_whole() -> None:
    reach = reach_text(3, [(i, 0.5) for i in range(100)])
    bound = bound_text(3, {i: f"/a/long/address/of/a/fader/{i}" for i in range(100)})
    for text in (reach, bound):
        assert 150 < len(text.encode()) <= TEXT_BYTES
    assert set(reach_of(reach, 3).values()) == {0.5}
    assert bound_of(bound, 3)[0] == "/a/long/address/of/a/fader/0"
    assert reach_of(reach, 2) == bound_of(bound, 2) == {}


def test_where_controllers_are_is_told_at_most_twenty_times_a_second() -> None:
    rows = ({"knob": "z2", "kind": "cc", "number": 7},)
    with on_the_table(OscOptions("off"), MidiOptions(takeover="pickup", bindings=rows)) as t:
        t.frame(hand={"z2": 1.0})
        t.see()
        told: list[str] = []
        row = t.hands._learn_server._row
        original = row.set_text
        row.set_text = lambda key, text: (told.append(text) if key == REACH else None, original(key, text))[1]
        end, n = time.monotonic() + 0.5, 0
        while time.monotonic() < end:
            n += 1
            t.driver.inlets[CONTROLLER].queue.append([0xB0, 7, n % 100])
            t.hands.step(0.001)
        assert 3 <= len(told) <= 11
