"""What a port holds is let go when the port goes: keys, pedal, bend, pressure, pushes; and only that."""

from __future__ import annotations

import time

import pytest
from handshost import CONTROLLER, TABLE, Table, hands_of, kinds, on_the_table
from hypothesis import given
from hypothesis import strategies as st

from instrument.documents.options import MidiOptions, OscOptions
from instrument.hands.midi.fakes import FakeDriver
from instrument.ipc import Gesture, Kind, Link
from instrument.ipc.holders import Holders

NO_OSC = OscOptions("off")
OTHER = "Keystation:Keystation MIDI 1 28:0"
Z2 = TABLE.index("z2")
PUSHING = {"knob": "z2", "kind": "note", "number": 36, "motion": "push", "push": 0.5}


def look(t: Table) -> list[Gesture]:
    assert t.hands.ports is not None
    t.hands.ports._look_at = 0.0
    return t.step(1)


def went(t: Table, how: str, port: str = CONTROLLER) -> list[Gesture]:
    """The port goes, in one of the three ways it can."""
    if how == "unplugged":
        t.driver.unplug(port)
        return look(t)
    if how == "broken":
        t.driver.inlets[port].broken = True
        return t.step(1)
    t.driver.gone = True
    return look(t)


def three(gestures: list[Gesture]) -> set[tuple[int, int, float]]:
    return {(g.kind, g.knob, g.value) for g in gestures}


@pytest.mark.parametrize("how", ["unplugged", "broken", "server gone"])
def test_a_port_that_goes_lets_go_of_key_pedal_bend_pressure_and_push(how: str) -> None:
    with on_the_table(NO_OSC, MidiOptions(bindings=(PUSHING,))) as t:
        t.midi((0x90, 60, 100), (0x93, 64, 100), (0x90, 36, 127), port=CONTROLLER)
        t.midi((0xB0, 64, 127), (0xE0, 0, 127), (0xD0, 90), port=CONTROLLER)
        assert three(went(t, how)) == {
            (Kind.NOTE_OFF, 60, 0.0), (Kind.NOTE_OFF, 64, 0.0), (Kind.SUSTAIN, 0, 0.0), (Kind.BEND, 0, 0.0),
            (Kind.PRESSURE, 0, 0.0), (Kind.FORCE, Z2, 0.0),
        }  # fmt: skip
        assert t.hands.counts.faults == 0


def test_a_driver_that_falls_over_the_port_that_goes_keeps_no_key_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def falls() -> None:
        raise RuntimeError("it was unplugged")

    with on_the_table(NO_OSC) as t:
        t.midi((0x90, 60, 100), port=CONTROLLER)
        monkeypatch.setattr(t.driver.inlets[CONTROLLER], "close", falls)
        assert three(went(t, "unplugged")) == {(Kind.NOTE_OFF, 60, 0.0)}


def test_a_driver_that_cannot_say_what_changed_is_gone_and_another_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone() -> bool:
        raise OSError("the server went")

    with on_the_table(NO_OSC) as t:
        t.midi((0x90, 60, 100), port=CONTROLLER)
        monkeypatch.setattr(t.driver, "changed", gone)
        assert three(t.step(1)) == {(Kind.NOTE_OFF, 60, 0.0)}
        monkeypatch.undo()
        look(t)
        assert kinds(t.midi((0x90, 62, 100), port=CONTROLLER)) == [Kind.NOTE_ON]
        assert t.hands.counts.faults == 0


def test_what_was_let_go_before_is_not_let_go_again() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi((0x90, 60, 100), (0x80, 60, 0), (0xB0, 64, 127), (0xB0, 64, 0), port=CONTROLLER)
        t.midi((0xE0, 0, 127), (0xE0, 0, 64), (0xD0, 9), (0xD0, 0), port=CONTROLLER)
        assert went(t, "unplugged") == []


def test_the_same_key_held_at_another_port_or_by_osc_sounds_on() -> None:
    driver = FakeDriver(CONTROLLER, OTHER)
    with on_the_table(OscOptions("127.0.0.1:0"), find=lambda: driver) as t:
        t.driver = driver
        t.midi((0x90, 60, 100), (0x90, 62, 100), (0x90, 64, 100), (0xB0, 64, 127), port=CONTROLLER)
        t.midi((0x90, 60, 100), (0xB0, 64, 127), port=OTHER)
        t.client().send("/rosin/note", 62, 0.5)
        t.step()
        assert three(went(t, "unplugged")) == {(Kind.NOTE_OFF, 64, 0.0)}
        assert three(went(t, "unplugged", OTHER)) == {(Kind.NOTE_OFF, 60, 0.0), (Kind.SUSTAIN, 0, 0.0)}


def test_of_two_keyboards_of_one_kind_only_the_one_that_went_stops_pushing() -> None:
    twin = CONTROLLER.replace("24:0", "28:0")
    driver = FakeDriver(CONTROLLER, twin)
    with on_the_table(NO_OSC, MidiOptions(bindings=(PUSHING,)), find=lambda: driver) as t:
        t.driver = driver
        t.midi((0x90, 36, 127), port=CONTROLLER)
        assert [g.value for g in t.midi((0x90, 36, 127), port=twin)] == [1.0]
        assert three(went(t, "unplugged")) == {(Kind.FORCE, Z2, 0.5)}
        assert three(went(t, "unplugged", twin)) == {(Kind.FORCE, Z2, 0.0)}


def test_after_panic_or_all_notes_off_nothing_is_held_and_after_121_neither_bend_nor_pedal() -> None:
    for data, left in (((0xB0, 120, 0), {Kind.PRESSURE}), ((0xB0, 123, 0), {Kind.BEND, Kind.PRESSURE}),
                       ((0xB0, 121, 0), {Kind.NOTE_OFF})):  # fmt: skip
        with on_the_table(NO_OSC) as t:
            t.midi((0x90, 60, 100), (0xB0, 64, 127), (0xE0, 0, 127), (0xD0, 90), port=CONTROLLER)
            t.midi(data, port=CONTROLLER)
            assert set(kinds(went(t, "unplugged"))) == left


def test_a_key_pressed_again_after_the_patch_changed_is_let_go_too() -> None:
    with on_the_table(NO_OSC, MidiOptions(bindings=(PUSHING,))) as t:
        t.midi((0x90, 60, 100), (0x90, 36, 127), port=CONTROLLER)
        t.patch, t.table = 1, t.hands._patches.table(1)
        t.frame()
        t.see()
        assert three(went(t, "unplugged")) == {(Kind.NOTE_OFF, 60, 0.0)}, "nothing pushes the knobs of another patch"


def test_a_control_that_is_learned_or_unlearned_while_it_holds_something_lets_go_of_it() -> None:
    with on_the_table(NO_OSC, MidiOptions(bindings=(PUSHING,))) as t:
        t.midi((0xB0, 64, 127), (0x90, 36, 127))
        t.hands.learn("level")
        t.hands.midi._learning._candidates._traces.clear()  # long ago
        assert three(t.midi((0xB0, 64, 100), (0xB0, 64, 70))) == {(Kind.SUSTAIN, 0, 0.0)}, "the pedal is a knob's now"
        t.hands.midi.unlearn("z2")
        assert three(t.step(1)) == {(Kind.FORCE, Z2, 0.0)}, "nobody can let go of this push any more"


def test_a_reset_lets_go_and_a_keyboard_with_active_sensing_that_falls_silent_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instrument.hands.midi.hand.SENSING_SECONDS", 0.05)
    with on_the_table(NO_OSC) as t:
        assert three(t.midi((0x90, 60, 100), (0xFF,))) == {(Kind.NOTE_ON, 60, 100 / 127), (Kind.NOTE_OFF, 60, 0.0)}
        t.midi((0x90, 62, 100), port=CONTROLLER)
        t.see(0.1)
        assert t.link.hands.pop(9) == [], "without it a held key is only a held key"
        t.midi((0xFE,), port=CONTROLLER)
        t.see(0.1)
        assert three(t.link.hands.pop(9)) == {(Kind.NOTE_OFF, 62, 0.0)}, (
            "its cable was pulled, not that of the interface"
        )


def test_what_lets_go_is_not_lost_in_a_full_ring() -> None:
    with on_the_table(NO_OSC) as t:
        t.midi((0x90, 60, 100))
        while t.link.hands.push(Gesture(Kind.KNOB, 0, 0.5)):
            pass
        t.driver.mine.queue += [(0x80, 60, 0), (0xB0, 7, 1), (0x90, 61, 1), (0x80, 61, 0)]
        t.hands.step()
        assert t.hands.counts.gestures_lost > 0
        found = []
        while got := t.link.hands.pop(4096):
            found += got
            t.hands.step()
        assert [(g.kind, g.knob) for g in found if g.kind != Kind.KNOB] == [(Kind.NOTE_OFF, 60), (Kind.NOTE_OFF, 61)]
        assert t.midi((0x90, 60, 1))[0].kind == Kind.NOTE_ON, "and what comes later comes later"


def test_hands_that_take_the_place_of_dead_ones_let_go_of_nothing_that_others_press_by_now() -> None:
    link = Link.create()
    try:
        with_a_key_down = hands_of(link, NO_OSC, MidiOptions(), find=lambda: FakeDriver())  # fmt: skip
        with_a_key_down.midi.take("keys", (0x90, 60, 100), 1.0)
        with_a_key_down.step()
        assert kinds(link.hands.pop(99)) == [Kind.NOTE_ON]
        assert three(link.hands.held.released(2.0)) == {(Kind.NOTE_OFF, 60, 0.0)}, "the show does it, once"
        link.shows.push(Gesture(Kind.NOTE_ON, 60, 0.5))  # by a take that plays on
        after = hands_of(link, NO_OSC, MidiOptions("off"), lambda rows: None)
        after.step()
        assert link.hands.pop(99) == []
        after.close()
        with_a_key_down.close()
    finally:
        link.close()


GESTURES = st.builds(
    Gesture,
    st.sampled_from(
        [
            Kind.NOTE_ON,
            Kind.NOTE_OFF,
            Kind.SUSTAIN,
            Kind.BEND,
            Kind.PRESSURE,
            Kind.FORCE,
            Kind.PANIC,
            Kind.ALL_NOTES_OFF,
        ]
    ),
    st.integers(0, 127),
    st.sampled_from([0.0, 0.3, 1.0]),
)


@given(st.lists(st.tuples(GESTURES, st.sampled_from("ab")), max_size=60))
def test_whoever_goes_lets_go_of_what_the_ring_says_is_pressed_and_of_nothing_else(
    played: list[tuple[Gesture, str]],
) -> None:
    held = Holders()
    with Link.create() as link:
        for gesture, who in played:
            one_place = gesture.kind in (Kind.SUSTAIN, Kind.BEND, Kind.PRESSURE)
            gesture = Gesture(gesture.kind, 0 if one_place else gesture.knob, gesture.value)
            held.saw(gesture, who)
            link.hands.push(gesture)
        pressed = {g for g in three(link.hands.held.released(0.0)) if g[0] != Kind.FORCE}  # pushes are the board's
    assert {g for who in "ab" for g in three(held.let_go(who, 0.0))} == pressed
    assert held.let_go("a", 0.0) == held.let_go("b", 0.0) == []


def test_letting_go_costs_little_however_much_is_held() -> None:
    held = Holders()
    for note in range(128):
        held.saw(Gesture(Kind.NOTE_ON, note, 1.0), "a")
    begin = time.perf_counter()
    assert len(held.let_go("a", 0.0)) == 128
    assert time.perf_counter() - begin < 0.05
