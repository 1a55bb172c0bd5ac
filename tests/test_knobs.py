"""The knob table: every knob maps both ways, keeps to its range, and has a name in both languages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.knobs import (
    KNOBS_MAX,
    PARAMETERS,
    PITCH_RANGE_SEMITONES,
    Knob,
    KnobTable,
    Label,
    LatentSpec,
    playable_knob,
    table_for,
)

LATENTS = (
    LatentSpec("pitch", Label("pitch", "hauteur"), "pitch", 27.0, 99.0, 57.0),
    LatentSpec("loudness", Label("loudness", "intensité"), "loudness", -80.0, -4.0, -80.0),
    LatentSpec("z1", Label("brightness", "brillance"), low=-3.9, high=4.6, start=-0.4),
    LatentSpec("z2", Label("z2", "z2")),
)
TABLE = table_for(LATENTS)
EVERY = pytest.mark.parametrize("knob", list(TABLE), ids=lambda knob: knob.id)
RAW = st.floats(0.0, 1.0)
ANY = st.floats(allow_nan=True, allow_infinity=True)
ENDS = st.floats(-1e6, 1e6, width=32)


@st.composite
def knobs(draw: st.DrawFn) -> Knob:
    curve = draw(st.sampled_from(["linear", "exponential", "steps"]))
    if curve == "exponential":
        low = draw(st.floats(1e-3, 1e3))
        return Knob("k", "g", Label("k", "k"), "", low, low * draw(st.floats(1.5, 1e4)), "exponential")
    if curve == "steps":
        low = float(draw(st.integers(-500, 500)))
        return Knob("k", "g", Label("k", "k"), "", low, low + draw(st.integers(1, 1000)), "steps")
    low, span = draw(st.floats(-1e4, 1e4)), draw(st.floats(1e-2, 1e4))
    return Knob("k", "g", Label("k", "k"), "", low, low + span, "linear")


@settings(deadline=None)
@given(knob=st.one_of(st.sampled_from(list(TABLE)), knobs()), raw=RAW)
def test_raw_to_value_and_back_is_the_same_place(knob: Knob, raw: float) -> None:
    near = 0.5001 / (knob.high - knob.low) if knob.curve == "steps" else 1e-6
    assert knob.raw(knob.value(raw)) == pytest.approx(raw, abs=near)


@settings(deadline=None)
@given(knob=st.one_of(st.sampled_from(list(TABLE)), knobs()), part=RAW)
def test_value_to_raw_and_back_is_the_same_value(knob: Knob, part: float) -> None:
    value = min(knob.high, knob.low + part * (knob.high - knob.low))
    if knob.curve == "steps":
        value = float(round(value))
        assert knob.value(knob.raw(value)) == value
    else:
        assert knob.value(knob.raw(value)) == pytest.approx(value, rel=1e-6, abs=1e-6 * (knob.high - knob.low))


@settings(deadline=None)
@given(knob=st.one_of(st.sampled_from(list(TABLE)), knobs()), one=RAW, two=RAW)
def test_a_higher_position_is_never_a_lower_value(knob: Knob, one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert knob.value(low) <= knob.value(high)


@settings(deadline=None)
@given(knob=st.one_of(st.sampled_from(list(TABLE)), knobs()), raw=ANY | st.floats(1.0 - 1e-14, 1.0))
def test_no_position_leaves_the_range(knob: Knob, raw: float) -> None:
    assert knob.low <= knob.value(raw) <= knob.high


@settings(deadline=None)
@given(knob=st.one_of(st.sampled_from(list(TABLE)), knobs()), value=ANY)
def test_no_value_leaves_the_travel(knob: Knob, value: float) -> None:
    assert 0.0 <= knob.raw(value) <= 1.0


@settings(deadline=None)
@given(knob=knobs())
def test_the_ends_of_the_travel_are_the_ends_of_the_range_exactly(knob: Knob) -> None:
    assert (knob.value(0.0), knob.value(1.0)) == (knob.low, knob.high)


@settings(deadline=None)
@given(raw=RAW)
def test_a_knob_may_run_backwards(raw: float) -> None:
    for curve in ("linear", "exponential"):
        knob = Knob("k", "g", Label("k", "k"), "", 20.0, 1.0, curve)  # type: ignore[arg-type]
        assert 1.0 <= knob.value(raw) <= 20.0
        assert knob.raw(knob.value(raw)) == pytest.approx(raw, abs=1e-9)
    assert knob.value(0.25) > knob.value(0.75)
    assert (knob.raw(-5.0), knob.raw(100.0)) == (1.0, 0.0)


def test_a_knob_that_spans_nothing_is_at_zero_and_does_not_divide() -> None:
    for curve in ("linear", "exponential", "steps"):
        knob = Knob("k", "g", Label("k", "k"), "", 2.0, 2.0, curve)  # type: ignore[arg-type]
        assert (knob.raw(2.0), knob.raw(9.0), knob.value(0.0), knob.value(1.0)) == (0.0, 0.0, 2.0, 2.0)


def test_an_exponential_middle_is_the_geometric_mean() -> None:
    weight = TABLE["friction.weight"]
    assert weight.value(0.5) == pytest.approx(math.sqrt(weight.low * weight.high))


def test_steps_are_whole() -> None:
    knob = Knob("k", "g", Label("k", "k"), "", 0.0, 7.0, "steps")
    assert {knob.value(i / 1000) for i in range(1001)} == set(range(8))


@EVERY
def test_every_knob_rests_inside_its_travel_and_has_a_name_in_both_languages(knob: Knob) -> None:
    assert 0.0 <= knob.start <= 1.0
    assert knob.low < knob.high
    assert knob.curve != "exponential" or knob.low > 0.0
    assert knob.label.of("en").strip()
    assert knob.label.of("fr").strip()


def test_a_label_in_a_language_we_do_not_speak_is_english() -> None:
    assert Label("level", "niveau").of("de") == "level"


def test_no_two_knobs_share_an_id() -> None:
    ids = [knob.id for knob in TABLE]
    assert len(set(ids)) == len(ids)
    with pytest.raises(ValueError, match="share an id"):
        KnobTable([PARAMETERS[0], PARAMETERS[0]])


def test_playable_knobs_come_first_in_the_order_of_the_model() -> None:
    assert [knob.id for knob in TABLE.playable] == [latent.id for latent in LATENTS]
    assert [knob.playable for knob in TABLE] == [True] * len(LATENTS) + [False] * len(PARAMETERS)
    with pytest.raises(ValueError, match="playable knobs come first"):
        KnobTable([PARAMETERS[0], playable_knob(LATENTS[0])])


def test_pitch_is_an_offset_in_semitones_round_the_note_and_rests_on_it() -> None:
    pitch = TABLE["pitch"]
    assert (pitch.value(0.0), pitch.value(1.0)) == (-PITCH_RANGE_SEMITONES, PITCH_RANGE_SEMITONES)
    assert pitch.value(pitch.start) == 0.0


def test_the_other_latents_rest_where_the_model_says() -> None:
    assert TABLE["z1"].value(TABLE["z1"].start) == pytest.approx(-0.4)
    assert (TABLE["loudness"].unit, TABLE["loudness"].start) == ("dB", 0.0)


@settings(deadline=None)
@given(count=st.integers(0, KNOBS_MAX - len(PARAMETERS)))
def test_a_model_may_have_any_number_of_latents_up_to_the_limit(count: int) -> None:
    table = table_for([LatentSpec(f"z{i}", Label(f"z{i}", f"z{i}")) for i in range(count)])
    assert (table.playable_count, len(table)) == (count, count + len(PARAMETERS))
    assert [knob.id for knob in table] == [knob.id for knob in table.knobs]
    assert all(table.index(knob.id) == i for i, knob in enumerate(table))


def test_one_latent_too_many_is_a_sentence_with_the_limit() -> None:
    latents = [LatentSpec(f"z{i}", Label("z", "z")) for i in range(KNOBS_MAX - len(PARAMETERS) + 1)]
    with pytest.raises(RosinError, match=rf"257 knobs are too many; a table holds {KNOBS_MAX}: crop"):
        table_for(latents)


def test_a_knob_that_is_not_there_is_a_sentence_with_those_that_are() -> None:
    with pytest.raises(RosinError, match=r"there is no knob 'nothing'; the knobs here are pitch, loudness"):
        TABLE.index("nothing")
    assert "nothing" not in TABLE
    assert "z1" in TABLE
    assert TABLE["z1"] is TABLE[2]


def test_one_that_is_meant_is_offered_and_few_are_named_one_by_one() -> None:
    with pytest.raises(RosinError) as found:
        TABLE.index("friction.stik")
    said = str(found.value)
    assert said.endswith("more, which `rosin knobs` lists; did you mean friction.stick?")
    assert len(said) < 250
    with pytest.raises(RosinError) as found:
        TABLE.index("xyzzy")
    assert "did you mean" not in str(found.value)
    many = table_for([LatentSpec(f"z{i}", Label("z", "z")) for i in range(40)])
    with pytest.raises(RosinError, match=r"z38, z39, and \d+ more"):
        many.index("xyzzy")


def test_a_knob_is_found_by_its_name_in_either_language_too() -> None:
    assert TABLE.find("z1") == TABLE.find("Brightness") == TABLE.find("brillance") == 2
    with pytest.raises(RosinError, match="there is no knob 'glitter'; the knobs here are pitch"):
        TABLE.find("glitter")


def test_parameters_keep_their_values_as_their_rest() -> None:
    rest = {knob.id: knob.value(knob.start) for knob in PARAMETERS}
    assert rest["level"] == pytest.approx(0.0)
    assert rest["friction.weight"] == pytest.approx(10.0)
    assert rest["chance.tau"] == pytest.approx(2.0)
    assert rest["hazard"] == 0.0
