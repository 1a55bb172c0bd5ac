"""Book: every knob of the table is an address, and a message to it means what the table says."""

from __future__ import annotations

import math

import pytest
from handshost import PATCHES, TABLE
from hypothesis import given
from hypothesis import strategies as st

from instrument.base.seeds import daily_seed, name_number
from instrument.hands.osc.match import PatternError
from instrument.hands.osc.namespace import Command, Namespace, NoFeel
from instrument.ipc import Kind

BOOK = Namespace("/rosin", TABLE, [(name,) for name in PATCHES])


def acts(address: str, *args: object) -> list[Command]:
    return [act for meaning in BOOK.find(f"/rosin/{address}") for act in BOOK.acts(meaning, args)]


@pytest.mark.parametrize("knob", range(len(TABLE)))
@given(st.floats(0, 1))
def test_every_knob_is_moved_by_its_raw_position_and_by_its_value(knob: int, raw: float) -> None:
    id = TABLE[knob].id
    assert acts(f"knob/{id}", raw) == [(Kind.KNOB, knob, raw, 0)]
    (by_value,) = acts(f"knob/{id}/value", TABLE[knob].value(raw))
    assert by_value.knob == knob
    if TABLE[knob].curve == "steps":
        assert TABLE[knob].value(by_value.value) == TABLE[knob].value(raw)
    else:
        assert by_value.value == pytest.approx(raw, abs=1e-6)


def test_playable_knobs_have_a_number_and_can_be_pushed_parameters_cannot() -> None:
    for i in range(TABLE.playable_count):
        assert acts(f"latent/{i + 1}", 0.25) == [(Kind.KNOB, i, 0.25, 0)]
        assert acts(f"knob/{TABLE[i].id}/push", -0.1) == [(Kind.FORCE, i, -0.1, 0)]
        assert acts(f"knob/{TABLE[i].id}/bridge", 0.75, 2.5) == [(Kind.BRIDGE, i, 0.75, 2500)]
    assert not BOOK.find(f"/rosin/latent/{TABLE.playable_count + 1}")
    assert not BOOK.find("/rosin/latent/0")
    assert not BOOK.find("/rosin/knob/level/push")
    assert not BOOK.find("/rosin/knob/level/bridge")


def test_all_playable_knobs_at_once_the_rest_of_a_longer_list_is_ignored() -> None:
    assert acts("latents", 0.0, 0.5, 2.0) == [(Kind.KNOB, 0, 0.0, 0), (Kind.KNOB, 1, 0.5, 0), (Kind.KNOB, 2, 1.0, 0)]
    assert acts("latents", [0.1, [0.2]]) == [(Kind.KNOB, 0, 0.1, 0), (Kind.KNOB, 1, 0.2, 0)]
    assert len(acts("latents", *[0.5] * 300)) == TABLE.playable_count


@pytest.mark.parametrize(
    ("address", "args", "act"),
    [
        ("note", (60, 0.5), (Kind.NOTE_ON, 60, 0.5, 0)),
        ("note", (60.0, 1), (Kind.NOTE_ON, 60, 1.0, 0)),
        ("note", (60, 127), (Kind.NOTE_ON, 60, 1.0, 0)),
        ("note", (60, 0.0), (Kind.NOTE_OFF, 60, 0.0, 0)),
        ("note", (60,), (Kind.NOTE_ON, 60, 0.8, 0)),
        ("notes/off", (), (Kind.ALL_NOTES_OFF, 0, 0.0, 0)),
        ("bend", (-3.0,), (Kind.BEND, 0, -1.0, 0)),
        ("pressure", (0.5,), (Kind.PRESSURE, 0, 0.5, 0)),
        ("sustain", (True,), (Kind.SUSTAIN, 0, 1.0, 0)),
        ("panic", (), (Kind.PANIC, 0, 0.0, 0)),
        ("panic", (1.0,), (Kind.PANIC, 0, 0.0, 0)),
        ("resume", (), (Kind.RESUME, 0, 0.0, 0)),
        ("reset", (), (Kind.RESET, 0, 0.0, 0)),
        ("seed", (7,), (Kind.SEED, 0, 0.0, 7)),
        ("seed", (-1,), (Kind.SEED, 0, 0.0, 2**64 - 1)),
        ("record", (1,), (Kind.RECORD, 0, 1.0, 0)),
        ("record", (0,), (Kind.RECORD, 0, 0.0, 0)),
        ("hands_only", (1,), (Kind.HANDS_ONLY, 0, 1.0, 0)),
        ("snapshot", (7,), (Kind.SNAPSHOT, 7, 0.0, 0)),
        ("restore", (), (Kind.RESTORE, 0, 0.0, 0)),
        ("fill", (), (Kind.FILL, 0, 0.0, 0)),
        ("knob/z2/bridge", (2.0, 1e9), (Kind.BRIDGE, 2, 1.0, 86_400_000)),
        ("knob/z2/bridge", (-2.0, 0.0), (Kind.BRIDGE, 2, 0.0, 100)),
        ("accident/keep", (), (Kind.KEEP, 0, 4.0, name_number("accident"))),
        ("accident/keep", ("the fall",), (Kind.KEEP, 0, 4.0, name_number("the fall"))),
        ("accident/keep", ("the fall", 9.5), (Kind.KEEP, 0, 9.5, name_number("the fall"))),
        ("accident/keep", (2.5,), (Kind.KEEP, 0, 2.5, name_number("accident"))),
        ("accident/play", ("the fall",), (Kind.ACCIDENT, 32768, 1.0, name_number("the fall"))),
        ("accident/play", (" the fall ", 1.25), (Kind.ACCIDENT, 32768 + 125, 1.0, name_number("the fall"))),
        ("accident/loop", ("the fall", -0.5), (Kind.ACCIDENT, 32768 - 50, 2.0, name_number("the fall"))),
        ("accident/loop", ("the fall", 1e30), (Kind.ACCIDENT, 65535, 2.0, name_number("the fall"))),
        ("accident/loop", ("the fall", -1e30), (Kind.ACCIDENT, 0, 2.0, name_number("the fall"))),
        ("accident/stop", (), (Kind.ACCIDENT, 32768, 0.0, 0)),
        ("patch/load", ("tin",), (Kind.PATCH, 2, 0.0, 0)),
        ("patch/load", ("gLASS",), (Kind.PATCH, 1, 0.0, 0)),
        ("patch/load", (1.0,), (Kind.PATCH, 1, 0.0, 0)),
    ],
)
def test_a_verb_becomes_its_gesture(address: str, args: tuple[object, ...], act: tuple[object, ...]) -> None:
    assert acts(address, *args) == [act]


def test_a_button_let_go_triggers_nothing() -> None:
    assert acts("panic", 0.0) == []
    assert acts("reset", 0) == []
    for verb in ("fill", "accident/stop", "accident/keep", "seed/daily"):
        assert acts(verb, 0.0) == []


def test_the_seed_of_the_day_is_everybodys() -> None:
    before = daily_seed()
    (act,) = acts("seed/daily")
    assert act.kind == Kind.SEED
    assert act.extra in (before, daily_seed())  # midnight may have passed


def test_a_feel_is_every_friction_that_it_names() -> None:
    feels = {"wool": {"friction.stick": 0.15, "friction.weight": 20.0, "friction.unheard_of": 1.0}}
    namespace = Namespace("/rosin", TABLE, [], lambda name: feels[name])
    (meaning,) = namespace.find("/rosin/feel")
    stick, weight = TABLE.index("friction.stick"), TABLE.index("friction.weight")
    assert namespace.acts(meaning, ("wool",)) == [(Kind.KNOB, stick, 0.5, 0), (Kind.KNOB, weight, 1.0, 0)]
    with pytest.raises(NoFeel, match="silk"):
        namespace.acts(meaning, ("silk",))


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("knob/level", ()), ("knob/level", ("0.5",)), ("knob/level", (math.nan,)), ("knob/level/value", (math.inf,)),
        ("latents", ()), ("latents", (0.1, math.nan)), ("note", (128, 1.0)), ("note", (-1, 1.0)), ("note", ()),
        ("snapshot", (8,)), ("restore", (-1,)), ("seed", ()), ("seed", ("x",)), ("record", ()), ("patch/load", ()),
        ("note", (60, math.nan)), ("panic", (math.nan,)), ("feel", ()), ("feel", (1,)), ("feel", ("",)),
        ("knob/z2/bridge", ()), ("knob/z2/bridge", (0.5, math.nan)), ("accident/keep", ("",)),
        ("accident/keep", ("x" * 61,)), ("accident/keep", ("x", math.nan)), ("accident/keep", ("a\nb",)),
        ("accident/play", ()), ("accident/play", (1.0,)), ("accident/loop", ("x", math.inf)),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(address: str, args: tuple[object, ...]) -> None:
    with pytest.raises(ValueError):
        acts(address, *args)


@pytest.mark.parametrize("wanted", ["nothing", 3, -1])
def test_a_patch_that_is_not_there_is_told_apart_from_nonsense(wanted: object) -> None:
    with pytest.raises(LookupError):
        acts("patch/load", wanted)


def test_patterns_reach_knobs_and_latents_and_nothing_that_starts_something() -> None:
    found = {BOOK.acts(meaning, (0.5,))[0].knob for meaning in BOOK.find("/rosin/knob/friction.*")}
    assert found == {i for i, knob in enumerate(TABLE) if knob.id.startswith("friction.")}
    assert len(BOOK.find("/rosin/latent/[12]")) == 2
    for verb in ("panic", "record", "seed", "patch/load", "sync", "learn", "feel", "fill", "accident/keep"):
        assert BOOK.find(f"/rosin/{verb}")
        assert not BOOK.find(f"/rosin/*{verb[1:]}")
    assert not BOOK.find("/*")
    with pytest.raises(PatternError):
        BOOK.find("/rosin/knob/[")


def test_another_root_is_another_instrument() -> None:
    other = Namespace("/left/hand", TABLE, [])
    assert other.find("/left/hand/knob/level")
    assert not other.find("/rosin/knob/level")
    assert all(address.startswith("/left/hand/") for address in other)
