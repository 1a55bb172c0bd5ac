"""Where things lie on the stage: truths about geometry, the contour, the rings and the colours. No window."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_frames import make

from instrument.documents.options import StageOptions
from instrument.knobs import PARAMETERS, KnobTable
from instrument.stage.data.contour import POINTS, closed_wave, contour, ripple, spline_matrix
from instrument.stage.data.history import RINGS, STEP, History
from instrument.stage.data.patch_labels import PatchLabels, elide, wrap
from instrument.stage.gpu.scale import RenderScale
from instrument.stage.settings import StageSettings
from instrument.stage.views.layout import NAME_UNITS, Layout
from instrument.stage.views.marks import marks
from instrument.stage.views.palette import GROUND, HAND, IVORY, STRAIN, TEXT, contrast

SIZES = [(1280, 720), (1920, 1080), (1024, 768), (800, 1200), (320, 180)]
LONG = "thickness of the known"


def test_knobs_begin_at_the_top_and_go_round_clockwise():
    layout = Layout(1280, 720, 4)
    x, y = layout.centre
    top, right, bottom, left = (layout.point(i, 1.0) for i in range(4))
    assert top == pytest.approx((x, y + layout.outer))
    assert right == pytest.approx((x + layout.outer, y))
    assert bottom == pytest.approx((x, y - layout.outer))
    assert left == pytest.approx((x - layout.outer, y))


@given(st.integers(1, 64), st.integers(0, 63), st.floats(0, 1), st.sampled_from(SIZES))
def test_a_point_leads_back_to_its_raw_position(count, knob, raw, size):
    layout = Layout(*size, count)
    assert layout.raw_at(knob % count, *layout.point(knob % count, raw)) == pytest.approx(raw, abs=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", range(3, 17))
def test_no_two_names_overlap_and_all_have_room(count, size):
    layout = Layout(*size, count)
    height = NAME_UNITS * layout.unit
    widths = [0.55 * height * len(LONG if i % 3 == 0 else "loudness") for i in range(count)]
    boxes = layout.names([(width, height) for width in widths])
    assert all(box is not None for box in boxes)
    for a, b in itertools.combinations(boxes, 2):
        assert not a.meets(b)
    for box in boxes:
        assert box.left >= 0
        assert box.bottom >= 0
        assert box.right <= size[0]
        assert box.top <= size[1]
        corners = itertools.product((box.left, box.right), (box.bottom, box.top))
        nearest = min(math.dist(corner, layout.centre) for corner in corners)
        assert nearest > layout.outer  # no name lies on a spoke


def test_names_too_long_for_the_picture_are_left_out_rather_than_laid_over_others():
    layout = Layout(320, 180, 8)
    boxes = layout.names([(400.0, 5.0)] * 8)
    assert boxes == [None] * 8


def test_the_corner_ends_before_the_names():
    layout = Layout(1280, 720, 8)
    boxes = layout.names([(80.0, 17.0)] * 8)
    room = layout.room_left(layout.margin, layout.margin + 60.0, boxes)
    low = [box for box in boxes if box.bottom < layout.margin + 60.0]
    assert low
    assert all(layout.margin + room < box.left for box in low)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=32))
def test_the_contour_goes_through_every_bead(values):
    count = len(values)
    matrix = spline_matrix(count, 8 * count)
    assert matrix[::8] @ np.array(values) == pytest.approx(np.array(values), abs=1e-9)
    curve = contour(np.array(values))
    assert curve.shape == (POINTS,)
    assert curve.min() > -0.3
    assert curve.max() < 1.3


def test_the_contour_is_smooth_where_it_closes():
    values = np.random.Generator(np.random.Philox(3)).random(7)
    curve = np.concatenate([contour(values)] * 2)
    second = np.diff(curve, 2)
    assert np.abs(np.diff(second)).max() < 5e-4  # no jump of curvature anywhere, the seam included


def test_turning_the_knobs_round_turns_the_contour():
    values = np.random.Generator(np.random.Philox(4)).random(8)
    assert contour(np.roll(values, 1)) == pytest.approx(np.roll(contour(values), POINTS // 8))


def test_the_wave_has_no_jump_at_its_seam_and_a_silence_no_ripple():
    ramp = np.linspace(-1.0, 1.0, POINTS)
    ring = closed_wave(ramp)
    assert abs(ring[0] - ring[-1]) < 0.02
    assert np.abs(ripple(np.zeros(POINTS), 8)).max() == 0.0
    assert np.abs(ripple(np.full(POINTS, np.nan), 8)).max() == 0.0
    soft, loud = (np.abs(ripple(a * np.sin(np.arange(POINTS)), 8)).max() for a in (0.03, 0.3))
    assert 0.05 < soft < loud <= 1.0


def test_rings_are_cut_by_the_time_of_the_sound_whatever_the_frame_rate():
    frames = make("hard", 9.0)
    every, third = History(), History()
    for i, frame in enumerate(frames):
        every.push(frame)
        if i % 3 == 0:
            third.push(frame)
    assert len(every.rings) == RINGS
    assert [r.time for r in every.rings][-20:] == pytest.approx([r.time for r in third.rings][-20:])
    assert np.diff([r.time for r in every.rings]) == pytest.approx(STEP)
    quiet = [r.level for r in every.rings if 103.5 < r.time < 103.9]
    loud = [r.level for r in every.rings if r.time > 105.0]
    assert quiet
    assert max(quiet) < 0.01 < min(loud)


def test_another_patch_begins_new_rings():
    history = History()
    frames = make("rest", 2.0)
    for frame in frames:
        history.push(frame)
    assert len(history.rings) > 5
    last = frames[-1].copy()
    last.patch = 1
    history.push(last)
    assert len(history.rings) == 1


def test_held_and_slipping_differ_in_form_not_only_in_colour():
    frame = make("hard", 1.0)[-1]
    layout = Layout(1280, 720, 8)
    rows = marks(frame, layout)
    blue, orange = (np.isclose(rows[:, 8:11], c, atol=1e-6).all(axis=1) for c in (HAND, STRAIN))
    tethers = (rows[:, :2] != rows[:, 2:4]).any(axis=1) & (rows[:, 11] == 1.0)
    held, slipping = rows[blue & tethers], rows[orange & tethers]
    assert len(held) == 3
    assert len(slipping) == 3
    assert (held[:, 6] > 0).all()
    assert (slipping[:, 6] == 0).all()
    assert held[:, 4].max() < slipping[:, 4].min()  # thin and thick


def test_marks_of_a_broken_frame_are_numbers():
    frame = make("hard", 0.1)[-1]
    frame.hand[2], frame.pos[3], frame.stick[4], frame.grain[1] = np.nan, np.inf, -np.inf, np.nan
    assert np.isfinite(marks(frame, Layout(1280, 720, 8))).all()


def test_what_has_to_be_read_stands_out_from_the_ground():
    for colour in (TEXT, HAND, STRAIN, IVORY):
        assert contrast(colour, GROUND) >= 4.8


def test_long_words_are_cut_where_they_no_longer_fit():
    assert elide("short", 10, len) == "short"
    assert elide("a rather long title", 9, len) == "a rather…"
    assert wrap("learned from nine recordings of somebody", 14, 4, len) == [
        "learned from",
        "nine",
        "recordings of",
        "somebody",
    ]
    assert all(len(line) <= 14 for line in wrap("learned from nine recordings of somebody", 14, 2, len))
    assert wrap("learned from nine recordings of somebody", 14, 2, len)[-1].endswith("…")
    assert wrap("", 14, 2, len) == [""]


def test_the_scale_goes_down_at_once_and_comes_back_slowly():
    scale = RenderScale(1.0)
    for _ in range(80):
        scale.measured(0.080)
    assert scale.value == 0.25
    frames = 0
    while scale.value < 1.0 and frames < 5000:
        scale.measured(0.002)
        frames += 1
    assert 240 < frames < 2000


def test_a_scale_that_fails_is_tried_less_and_less_often():
    scale = RenderScale(0.5)
    falls = []
    for frame in range(6000):  # quick at a half, far too slow at three quarters
        if scale.measured(0.005 if scale.value <= 0.5 else 0.050) and scale.value == 0.5:
            falls.append(frame)
    assert len(falls) >= 3
    assert all(b > 1.5 * a for a, b in itertools.pairwise(np.diff(falls)))


def test_settings_survive_the_command_line():
    settings = StageSettings("token", ("a.toml", "b.toml"), language="fr", stage=StageOptions(big_type=True))
    assert StageSettings.from_json(settings.to_json()) == settings


def test_a_programme_names_the_playable_knobs_only():
    assert PatchLabels.of_table("t", KnobTable(PARAMETERS), "fr").names == ()


def test_what_slips_is_drawn_whole_and_what_is_held_dashed() -> None:
    """As friction writes it into the frame: 1 holds, 2 gives way (friction.turn)."""
    from instrument.friction import kernel
    from instrument.ipc import HELD, SLIPPING, Frame

    assert (kernel.HELD, kernel.SLIPPING) == (HELD, SLIPPING)
    layout = Layout(1280, 720, 2)
    frame = Frame()
    frame.playable = frame.knob_count = 2
    frame.hand[:2], frame.pos[:2], frame.stick[:2] = 0.9, 0.4, 0.1
    frame.stuck[:2] = HELD, SLIPPING
    tethers = [
        row for row in marks(frame, layout) if row[4] in (np.float32(2.8 * layout.mark), np.float32(4.2 * layout.mark))
    ]
    assert [row[6] > 0 for row in tethers] == [True, False]
