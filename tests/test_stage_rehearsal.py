"""The rehearsal view: where things lie, what the dials and the panel say, and that no word leaves its place."""

from __future__ import annotations

import itertools
import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stage_frames import make

from instrument.base.text import say
from instrument.documents.options import StageOptions
from instrument.documents.patch import Patch
from instrument.ipc import HELD, SLIPPING, Flags, Frame, Source
from instrument.ipc.health import Health
from instrument.knobs import PARAMETERS, Knob, KnobTable, Label, own_parameter, table_for
from instrument.model.library.card_latents import Latent
from instrument.stage.data import figures
from instrument.stage.data.mappings import Mappings
from instrument.stage.data.meter import HOLD_S, LOW_DB, LevelMeter
from instrument.stage.data.model_info import BARS, ModelInfo, bars, read_model_info
from instrument.stage.data.patch_labels import PatchLabels, read_labels
from instrument.stage.gpu import gl
from instrument.stage.gpu.lettering import CAP, Page
from instrument.stage.input.gestures import StageInput
from instrument.stage.player import StagePlayer
from instrument.stage.settings import StageSettings
from instrument.stage.views.control_view import ControlView
from instrument.stage.views.dials import AGREE, dial_rows, states
from instrument.stage.views.layout import Box, Layout
from instrument.stage.views.palette import GROUND, HAND, IVORY, STRAIN, contrast
from instrument.stage.views.panel import PanelFacts
from instrument.stage.views.panel_lines import QUIET
from instrument.stage.views.rehearsal import TRAVEL_PIXELS, Rehearsal

SIZES = [(1920, 1080), (1280, 720), (1024, 768), (800, 1200)]
TWO = SIZES[:2]
WIDTH, HEIGHT = 1280, 720
LONG = "épaisseur du connu et de tout le reste, "


def latents(count: int, long: bool = False) -> tuple[Latent, ...]:
    rng = np.random.Generator(np.random.Philox(count))
    names = [LONG * 2 if long else f"z{i + 1}" for i in range(count)]
    return tuple(
        Latent(f"z{i + 1}", Label(name, name), histogram=tuple(float(v) for v in rng.integers(0, 900, BARS)))
        for i, name in enumerate(names)
    )


def labels(count: int, long: bool = False, credited: bool = True, language: str = "en") -> PatchLabels:
    made = latents(count, long)
    many = " " + LONG * 9 if long else ""
    model_info = ModelInfo(
        f"tidal bells{many}", f"Ada Example{many}", f"learned from 31 recordings{many}", f"with consent{many}",
        "CC BY-NC 4.0", 44100, "3f9a" + "0" * 56 + "c210", True,
        tuple((f"bell {i}{many}", f"Choir{many}") for i in range(9)), made,
    )  # fmt: skip
    if not credited:
        model_info = ModelInfo("an export", learned="no credits", rate_hz=48000, latents=made, credited=False)
    return PatchLabels.of_table(
        f"slow glass{many}", table_for([one.spec for one in made]), language, model_info=model_info
    )


def frame_of(count: int, situation: str = "hard", clip: int = 3) -> Frame:
    frame = make(situation, 0.2, count)[-1]
    frame.knob_count = count + len(PARAMETERS)
    frame.known, frame.unknown, frame.seed, frame.load_p99 = 0.82, 0.07, 2**62, 0.93
    frame.clip[:], frame.clip[0], frame.clip_share[0] = -1, clip, 0.31
    frame.scene, frame.scenes, frame.xruns = 2, 0b10111, 3
    return frame


# --- where things lie


@given(st.integers(1, 64), st.integers(0, 63), st.sampled_from(SIZES), st.sampled_from([1.0, 1.35, 1.6]))
def test_every_knob_has_a_dial_of_its_own_on_its_page(count, knob, size, scale):
    layout = Rehearsal(*size, count, scale)
    layout.turn_to(knob % count)
    x, y = layout.dial(knob % count)
    assert layout.dial_at(x, y) == knob % count
    assert layout.knob_near(x, y, [0.5] * count) == knob % count
    cells = [layout.cell(i) for i in range(layout.first, layout.last)]
    for a, b in itertools.combinations(cells, 2):
        assert not a.meets(b, -1e-6)
    for i, cell in zip(range(layout.first, layout.last), cells, strict=True):
        assert cell.left >= -1e-6
        assert cell.right <= layout.panel_left + 1e-6
        assert layout.keys_height - 1e-6 <= cell.bottom
        assert cell.top <= layout.strip + 1e-6
        for raw in (0.0, 0.25, 0.5, 0.75, 1.0):
            px, py = layout.dial_point(i, raw)
            assert cell.left < px < cell.right
            assert cell.bottom < py < cell.top
    assert layout.strip < 0.75 * size[1]  # the stage picture keeps its place


def test_few_knobs_stand_in_one_row_more_in_two_and_many_on_pages_that_follow_the_focus():
    assert [(Rehearsal(1920, 1080, n).rows, Rehearsal(1920, 1080, n).pages) for n in (3, 8, 10, 16, 20)] == [
        (1, 1), (1, 1), (1, 1), (2, 1), (2, 1),
    ]  # fmt: skip
    layout = Rehearsal(1920, 1080, 64)
    assert layout.pages == 4
    seen = []
    for knob in range(64):
        layout.turn_to(knob)
        assert layout.first <= knob < layout.last
        seen.append(layout.page)
    assert seen == sorted(seen)
    assert len(set(seen)) == 4
    assert not layout.turn_to(None)
    assert not layout.turn_to(99)
    assert Rehearsal(1920, 1080, 0).dial_at(10.0, 10.0) is None


def test_the_arc_is_270_degrees_open_at_the_bottom():
    layout = Rehearsal(1920, 1080, 8)
    x, y = layout.dial(2)
    low, middle, high = (layout.dial_point(2, raw) for raw in (0.0, 0.5, 1.0))
    assert middle == pytest.approx((x, y + layout.arc))
    assert low == pytest.approx((x - layout.arc * math.sqrt(0.5), y - layout.arc * math.sqrt(0.5)))
    assert high == pytest.approx((x + layout.arc * math.sqrt(0.5), y - layout.arc * math.sqrt(0.5)))


def test_a_dial_is_dragged_up_and_down_and_moves_the_hand_alone():
    layout, frame = Rehearsal(1920, 1080, 8), frame_of(8, "rest")
    hands = StageInput(layout, starts=[0.5] * 8)
    hands.see(frame)
    x, y = layout.dial(3)
    hands.click(x, y, 1.0)
    before = float(frame.hand[3])
    (up,) = hands.drag(x + 300.0, y + 0.1 * TRAVEL_PIXELS)  # sideways says nothing, even over another dial
    assert (up.knob, up.value) == (3, pytest.approx(before + 0.1, abs=1e-6))
    (above,) = hands.drag(x, y + 0.2 * TRAVEL_PIXELS)  # by then the mouse is over the stage picture
    assert above.value == pytest.approx(before + 0.2, abs=1e-6)


def test_a_ring_in_the_small_stage_picture_is_dragged_along_its_spoke():
    layout, frame = Rehearsal(1920, 1080, 8), frame_of(8, "rest")
    hands = StageInput(layout, starts=[0.5] * 8)
    hands.see(frame)
    x, y = layout.point(0, float(frame.hand[0]))
    assert y > layout.strip
    hands.click(x, y, 1.0)
    (moved,) = hands.drag(*layout.point(0, 0.9))
    assert moved.knob == 0
    assert moved.value == pytest.approx(0.9, abs=1e-6)


@given(st.floats(-50, 2000), st.floats(-50, 1200))
def test_no_point_is_two_things(x, y):
    layout = Rehearsal(1920, 1080, 16)
    found = [layout.scene_at(x, y) is not None, layout.dial_at(x, y) is not None, layout.spoke_near(x, y) is not None]
    assert sum(found) <= 1


def test_the_boxes_of_the_scenes_are_there_to_be_clicked_and_the_stage_has_none():
    layout = Rehearsal(1280, 720, 8)
    for slot in range(8):
        box = layout.scene(slot)
        assert layout.scene_at(box.left + 1.0, box.bottom + 1.0) == slot
        assert box.right <= 1280
    assert layout.scene_at(10.0, 10.0) is None
    assert layout.scene(0).top < layout.panel.bottom
    assert Layout(1280, 720, 8).scene_at(box.left + 1.0, box.bottom + 1.0) is None


def test_the_stage_picture_lies_in_its_corner():
    layout = Rehearsal(1280, 720, 8)
    left, bottom, side, _ = layout.square
    assert left >= 0
    assert bottom >= layout.strip - 1
    assert left + side <= layout.panel_left
    assert bottom + side <= 721


# --- dials


def test_a_dial_says_held_and_slipping_as_the_tether_does():
    frame = frame_of(8)
    assert set(states(frame, 8)) == {AGREE, HELD, SLIPPING}
    assert (states(frame, 8)[[0, 3, 5]] == SLIPPING).all()
    frame.hand[:8] = frame.pos[:8]
    assert (states(frame, 8) == AGREE).all()
    frame.hand[2] = np.nan
    assert states(frame, 8)[2] == AGREE


def test_rows_of_a_broken_frame_are_numbers_within_the_travel():
    layout, frame = Rehearsal(640, 360, 8), frame_of(8)
    frame.hand[1], frame.pos[2], frame.stick[3], frame.force[4] = np.nan, np.inf, -np.inf, np.nan
    rows = dial_rows(frame, layout, 3, {2: 0.25})
    assert np.isfinite(rows).all()
    assert rows[:, 4:7].min() >= 0.0
    assert rows[:, 4:7].max() <= 1.0
    assert rows[:, 9].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert rows[2, 10] == 0.25
    assert (np.delete(rows[:, 10], 2) == -1.0).all()


def test_a_page_has_rows_for_its_own_knobs_alone():
    layout = Rehearsal(1280, 720, 40)
    layout.turn_to(39)
    rows = dial_rows(frame_of(40), layout, 39)
    assert len(rows) == layout.last - layout.first == 20
    assert rows[-1, 9] == 1.0
    assert rows[:, 4] == pytest.approx(np.clip(frame_of(40).hand[20:40], 0.0, 1.0))
    assert len(dial_rows(Frame(), layout, None)) == 0


def peaked(at: float, low: float, high: float) -> Latent:
    counts = np.zeros(32)
    counts[int((at - low) / (high - low) * 32)] = 100.0
    return Latent("z", Label("z", "z"), low=low, high=high, histogram=tuple(counts))


def test_the_histogram_stands_where_training_met_the_values():
    latent = peaked(1.5, -3.0, 3.0)
    tall = bars(latent, Knob("z", "latent", latent.label, low=-3.0, high=3.0), 0.0)
    assert np.argmax(tall) == 24  # 1.5 lies at three quarters of the travel
    assert tall.max() == 1.0
    # A knob that spans only the upper half of what was met shows that half, twice as wide.
    tall = bars(latent, Knob("z", "latent", latent.label, low=0.0, high=3.0), 0.0)
    assert abs(float(np.average(np.arange(BARS), weights=tall)) - 16.5) <= 1.0


def test_the_histogram_of_pitch_moves_with_the_note():
    latent = peaked(62.0, 24.0, 88.0)
    knob = Knob("pitch", "latent", latent.label, "semitones", -12.0, 12.0, role="pitch")
    middle, low = (int(np.argmax(bars(latent, knob, note))) for note in (62.5, 68.5))
    assert middle == pytest.approx(16, abs=1)
    assert low == pytest.approx(8, abs=1)
    assert bars(latent, knob, 20.0).max() == 0.0  # nothing was met there


def test_a_latent_that_nobody_counted_has_no_histogram():
    knob = Knob("z", "latent", Label("z", "z"), low=-3.0, high=3.0)
    assert (bars(Latent("z", Label("z", "z")), knob, 0.0) == -1.0).all()
    assert (bars(Latent("z", Label("z", "z"), histogram=(0.0,) * 32), knob, 0.0) == -1.0).all()


# --- figures


def test_figures_are_written_as_in_each_language():
    assert figures.figure(-0.456, 2, "en") == "−0.46"
    assert figures.figure(-0.456, 2, "fr", " dB") == "−0,46 dB"
    assert figures.figure(-0.001, 2, "en") == "0.00"
    assert figures.figure(math.nan, 2, "en") == "–"
    assert figures.percent(0.314, "fr") == "31 %"
    assert figures.level(0.0, "en") == "−∞ dB"
    assert figures.level(1.0, "en") == "0 dB"
    assert figures.seed(41) == "41"
    assert figures.seed(2**62) == "4611…7904"


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_breaks_a_figure(value):
    assert figures.figure(value, 2, "fr")
    assert figures.level(value, "en")
    assert figures.percent(value, "en")


def test_a_knob_says_what_moves_it():
    assert figures.binding({"knob": "z1", "kind": "cc", "number": 24}) == "cc 24"
    assert figures.binding({"knob": "z1", "kind": "cc14", "number": 3, "channel": 2}) == "cc 3/35 ch 2"
    assert figures.binding({"knob": "z1", "kind": "bend"}) == "bend"
    address = "/rosin/knob/z1"
    assert figures.mapping((), Source.SHOW, address, "en") == address
    assert figures.mapping((), Source.OSC, address, "en") == address
    assert figures.mapping((), Source.MIDI, address, "en") == "midi"
    assert figures.mapping(("cc 24",), Source.MIDI, address, "en") == "cc 24"
    assert figures.mapping(("cc 24", "cc 25"), Source.OSC, address, "en") == "cc 24 +1 · osc"
    assert figures.mapping(("cc 24",), Source.STAGE, address, "fr") == "cc 24 · fenêtre"
    assert figures.binding({"address": "/1/fader3", "knob": "z1"}) == "/1/fader3"
    assert figures.mapping(("/1/fader3",), Source.OSC, address, "en") == "/1/fader3"
    assert figures.mapping(("/1/fader3",), Source.MIDI, address, "en") == "/1/fader3 · midi"


def test_friction_and_chance_are_read_from_the_frame_a_knobs_own_ones_first():
    table = labels(3).table
    frame = frame_of(3)
    at = table.index("friction.weight")
    frame.hand[at] = table[at].raw(9.0)
    assert figures.parameter(table, frame, "friction.weight", "z1", "fr") == "9,00 Hz"
    own = KnobTable([*table.knobs, own_parameter("friction.weight", table["z1"], 4.0)])
    frame.hand[len(table)] = own[len(table)].raw(4.0)
    assert figures.parameter(own, frame, "friction.weight", "z1", "en") == "4.00 Hz"
    assert figures.parameter(own, frame, "friction.weight", "z2", "en") == "9.00 Hz"
    assert figures.parameter(own, frame, "friction.nothing", "z2", "en") == "–"


def test_the_nearest_recording_is_named_with_its_author_and_share():
    model_info, frame = labels(3).model_info, frame_of(3)
    assert figures.nearest(frame, model_info) == ("bell 3", "Choir", pytest.approx(0.31))
    assert figures.nearest_line(frame, model_info, "en")[1] == "31 %"
    frame.known = -1.0  # the model cannot tell
    assert figures.nearest(frame, model_info) is None
    for clip in (-1, 9, 2**31 - 1):
        assert figures.nearest(frame_of(3, clip=clip), model_info) is None
    assert figures.nearest(Frame(), model_info) is None  # before any sound


def test_what_is_paced_passes_at_most_so_often_and_at_once_after_a_jump():
    paced = figures.Paced(0.5)
    assert sum(paced.due(10.0 + n / 94.0) for n in range(940)) == pytest.approx(20, abs=1)
    assert paced.due(3.0)  # the time of another sound process
    assert not paced.due(3.1)
    paced.again()
    assert paced.due(3.1)


# --- the rig, the meter, the sheet


def test_bindings_are_read_again_when_the_rig_was_saved_and_kept_when_it_is_broken(tmp_path):
    path = tmp_path / "rig.toml"
    mappings = Mappings(str(path))
    assert not mappings.look(0.0)
    assert mappings.of("z1") == ()
    path.write_text(
        'schema = 1\n[osc]\nroot = "/two"\n[[midi.bindings]]\nknob = "z1"\nkind = "cc"\nnumber = 21\n'
        '[[osc.bindings]]\naddress = "/1/fader3"\nknob = "z2"\n'
    )
    assert not mappings.look(0.5)  # not yet time
    assert mappings.look(1.5)
    assert [figures.binding(row) for row in mappings.of("z1")] == ["cc 21"]
    assert [figures.binding(row) for row in mappings.of("z2")] == ["/1/fader3"]
    assert mappings.address("z1") == "/two/knob/z1"
    path.write_text("schema = [")
    assert not mappings.look(3.0)
    assert [figures.binding(row) for row in mappings.of("z1")] == ["cc 21"]
    path.write_text("schema = 1\n")
    os.utime(path, ns=(1, 1))
    assert mappings.look(5.0)
    assert mappings.of("z1") == ()


def test_the_meter_holds_a_peak_and_lets_it_fall():
    meter, frame = LevelMeter(), Frame()
    frame.time, frame.peak, frame.rms = 10.0, 0.5, 0.25
    meter.push(frame)
    assert meter.peak_db == pytest.approx(-6.02, abs=0.01)
    frame.peak = frame.rms = 0.0
    for n in range(1, 400):
        frame.time = 10.0 + n / 100.0
        meter.push(frame)
        if frame.time < 10.0 + HOLD_S:
            assert meter.peak_db == pytest.approx(-6.02, abs=0.01)
    assert meter.peak_db == LOW_DB
    frame.peak, frame.rms = float("nan"), float("inf")
    meter.push(frame)
    box = Box(100.0, 50.0, 200.0, 6.0)
    rows = meter.marks(box)
    assert np.isfinite(rows).all()
    assert (rows[:, [0, 2]] >= box.left).all()
    assert (rows[:, [0, 2]] <= box.right).all()
    assert len(LevelMeter().marks(Box(0.0, 0.0, 0.0, 0.0))) == 0


def test_the_sheet_of_the_shipped_model_is_whole_and_of_the_computed_voice_empty_of_recordings():
    shipped = read_labels(str(Path(__file__).parent.parent / "patches" / "bow.toml"), "en")
    model_info = shipped.model_info
    assert model_info.verified is True
    assert len(model_info.latents) == len(shipped.names) == 10
    assert len(model_info.sounds) > 100
    assert all(len(latent.histogram) == 32 for latent in model_info.latents)
    assert model_info.consent
    assert model_info.credited
    null = read_model_info(Patch("", "null"), "fr")
    assert null.sounds == ()
    assert null.verified is None
    assert null.credited


def test_a_title_in_the_players_own_file_of_scenes_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    own = tmp_path / "rosin" / "scenes" / "glass.toml"
    own.parent.mkdir(parents=True)
    own.write_text('schema = 1\n[scenes.3]\ntitle = "ice"\n[scenes.3.knobs]\nglass = 0.5\n', encoding="utf-8")
    glass = str(Path(__file__).parent.parent / "patches" / "glass.toml")
    assert read_labels(glass, "en").scenes[2] == "ice"
    own.write_text("schema = [", encoding="utf-8")
    assert read_labels(glass, "en").title, "a broken one is no reason to have no words"


def test_a_model_whose_files_are_others_or_that_has_no_credits_says_so(tmp_path):
    source = Path(__file__).parent.parent / "models" / "first-bow"
    folder = tmp_path / "first-bow"
    folder.mkdir()
    for file in source.iterdir():
        if file.suffix in (".toml", ".npz", ".ogg", ".onnx"):
            shutil.copy(file, folder / file.name)
    assert read_model_info(Patch("", "first-bow"), "en", [tmp_path]).verified is True
    with (folder / "reference.npz").open("ab") as file:
        file.write(b"x")
    assert read_model_info(Patch("", "first-bow"), "en", [tmp_path]).verified is False
    (folder / "credits.toml").unlink()
    model_info = read_model_info(Patch("", "first-bow"), "en", [tmp_path])
    assert not model_info.credited
    assert model_info.learned == say("credits.none", "en")


def test_quiet_words_can_still_be_read():
    assert contrast(QUIET, GROUND) >= 4.8


# --- with a context


@pytest.fixture(scope="module")
def window():
    pytest.importorskip("pyglet")
    from instrument.base.errors import RosinError
    from instrument.stage.window import open_window

    try:
        opened = open_window(WIDTH, HEIGHT, headless=True)
    except RosinError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


def extent(word) -> Box:
    width, height = word.width, CAP * word.size
    x, y = word.place
    return Box(x - word.anchor * width, y - 0.5 * height, width, height)


def desk_of(size, count, scale, language, long, focus=None, status="") -> ControlView:
    layout = Rehearsal(*size, count, scale)
    control_view = ControlView(layout, labels(count, long, language=language), language, LevelMeter())
    around = PanelFacts(
        LONG * 3 if long else "nanoKONTROL2", "9000 ← 2", {1: ("cc 24 ch 2", "cc 25")},
        {i: f"/rosin/knob/z{i + 1}" for i in range(count)},
    )  # fmt: skip
    control_view.update(frame_of(count), focus, status, around)
    return control_view


@pytest.mark.parametrize("size", TWO)
@pytest.mark.parametrize("scale", [1.0, 1.6])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("count", "long"), [(8, False), (10, True), (16, False), (40, True), (3, True)])
def test_no_word_leaves_its_place_or_lies_on_another(window, size, scale, language, count, long):
    status = " · ".join(say(f"stage.{key}", language) for key in ("silent", "frozen", "no_device"))
    control_view = desk_of(size, count, scale, language, long, focus=count - 1, status=status)
    layout, words = control_view.layout, [word for word in control_view.letters._words if word.text]
    boxes = [extent(word) for word in words]
    assert len(words) > 60
    for word, box in zip(words, boxes, strict=True):
        assert word.size >= 10, word.text
        right = size[0] if box.left > layout.panel_left else layout.panel_left
        assert box.left >= 0.0, word.text
        assert box.right <= right, word.text
        assert box.bottom >= 0.0, word.text
        assert box.top <= size[1], word.text
    for (a, one), (b, other) in itertools.combinations(zip(words, boxes, strict=True), 2):
        assert not one.meets(other, -0.5), (a.text, b.text)
    for i in range(layout.first, layout.last):
        for key, word in control_view._words[i - layout.first].items():
            cell, box = layout.cell(i), extent(word)
            assert not word.text or (cell.left <= box.left and box.right <= cell.right), (key, word.text)
    control_view.delete()


@pytest.mark.parametrize("size", [(640, 360), (1024, 768), (800, 1200), (2560, 1080)])
def test_windows_of_other_shapes_say_less_and_never_one_word_over_another(window, size):
    control_view = desk_of(size, 8, 1.0, "fr", True, focus=1, status="silence")
    boxes = [(word.text, extent(word)) for word in control_view.letters._words if word.text]
    for (a, one), (b, other) in itertools.combinations(boxes, 2):
        assert not one.meets(other, -0.5), (a, b)
    for text, box in boxes:
        assert box.left >= 0.0, text
        assert box.right <= size[0] + 0.5, text
        assert box.bottom >= 0.0, text
    control_view.delete()


@pytest.mark.parametrize("size", TWO)
def test_at_the_usual_size_of_type_the_panel_says_everything(window, size):
    control_view = desk_of(size, 8, 1.0, "en", False, focus=2)
    assert (control_view.panel.scale, control_view.panel.level) == (1.0, 2)
    said = {word.text for word in control_view.letters._words}
    for wanted in (
        "slow glass", "scene 3", "tidal bells", "Ada Example", "CC BY-NC 4.0 · 8 of 8 latents · 44.1 kHz",
        "sha256 3f9a…c210 verified", "“bell 3”", "31 %", "0.82", "0.07", "4611…7904", "12.0 ms", "30 %, p99 93 %",
        "nanoKONTROL2", "9000 ← 2", "/rosin/knob/z3", "cc 24 ch 2 +1", "held", "slipping", "z8",
    ):  # fmt: skip
        assert wanted in said, wanted
    control_view.delete()


def test_a_model_without_credits_is_marked(window):
    layout = Rehearsal(1280, 720, 3)
    control_view = ControlView(layout, labels(3, credited=False), "en", LevelMeter())
    (word,) = [word for word in control_view.letters._words if word.text == "no credits"]
    assert word.colour == STRAIN
    control_view.delete()


def test_numbers_change_at_most_ten_times_a_second_and_the_neighbour_twice(window):
    layout = Rehearsal(640, 360, 8)
    control_view = ControlView(layout, labels(8), "en", LevelMeter())
    frames = make("hard", 4.0, 8)
    values, near = [], []
    for i, frame in enumerate(frames):
        frame.known, frame.clip[0], frame.clip_share[0] = 0.5, i % 9, 0.4
        control_view.update(frame, None, "", PanelFacts())
        control_view.draw(frame, None, 1.0, control_view._box_table, 0, 0.0)
        values.append(control_view._words[0]["value"].text)
        near.append(control_view.panel.live["near"].text)
    changes = [sum(a != b for a, b in itertools.pairwise(said)) for said in (values, near)]
    assert 20 <= changes[0] <= 41
    assert 6 <= changes[1] <= 8
    assert control_view.letters.uploads <= 50
    before = control_view.letters.uploads
    for _ in range(20):  # nothing changes: nothing is written
        control_view.update(frames[-1], None, "", PanelFacts())
        control_view.draw(frames[-1], None, 1.0, control_view._box_table, 0, 0.0)
    assert control_view.letters.uploads == before
    control_view.delete()


def test_widths_are_those_of_the_labels(window):
    page = Page()
    for text in ("slow glass", "épaisseur du connu", "0.69", "/rosin/knob/z1"):
        assert page.width(text, 17) == page.write(text, 17, IVORY, shown=False).content_width


def player_of(count=8, language="en", **more) -> StagePlayer:
    player = StagePlayer(
        StageSettings(stage=StageOptions(width=WIDTH, height=HEIGHT), language=language, **more), [labels(count)]
    )
    player.input.requests.switches["rehearsal"] = (True, True, float("-inf"))
    return player


def paint(player: StagePlayer, frames) -> np.ndarray:
    player.take(frames)
    player.paint(WIDTH, HEIGHT, 0.25)
    player.paint(WIDTH, HEIGHT, 0.25)
    gl.finish()
    return gl.pixels(WIDTH, HEIGHT).astype(int)


def at(picture, point, colour, reach=2) -> bool:
    """Is a colour within so many pixels of a point (y up)."""
    x, y = round(point[0]), HEIGHT - 1 - round(point[1])
    near = picture[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return bool((np.abs(near - np.round(np.array(colour) * 255)).max(axis=2) < 40).any())


def test_ring_bead_and_tether_are_drawn_where_hand_and_knob_are(window):
    player = player_of()
    frames = make("hard", 1.0)
    picture = paint(player, frames)
    layout, frame = player.input.layout, frames[-1]
    assert isinstance(layout, Rehearsal)
    for knob in range(8):
        hand = layout.dial_point(knob, float(frame.hand[knob]))
        assert at(picture, hand, HAND, 4), knob
    middle = 0.5 * float(frame.hand[0] + frame.pos[0])
    assert at(picture, layout.dial_point(0, middle), STRAIN)  # it slips: a whole line
    assert not at(picture, layout.dial_point(1, 0.5 * float(frame.hand[1] + frame.pos[1])), STRAIN)
    assert at(picture, layout.dial_point(6, float(frame.pos[6])), IVORY)
    area = layout.area
    star = picture[: HEIGHT - round(area.bottom), : round(area.right)]
    assert (star.max(axis=2) > 150).mean() > 0.02  # the stage picture is in its corner
    panel = picture[:, layout.panel_left + 3 :]
    assert ((panel.max(axis=2) > 120).mean(axis=None)) > 0.01


def test_the_histogram_stands_outside_the_arc_and_only_where_there_is_one(window):
    frames = make("rest", 1.0)
    with_ = player_of()
    without = player_of()
    plain = labels(8)
    without.labels = [PatchLabels.of_table(plain.title, plain.table, "en")]
    a, b = paint(with_, frames), paint(without, frames)
    layout = with_.input.layout
    x, y = layout.dial(4)
    angles = np.linspace(-2.3, 2.3, 200)
    radius = 1.26 * layout.arc
    xs, ys = (x + radius * np.sin(angles)).astype(int), (HEIGHT - 1 - (y + radius * np.cos(angles))).astype(int)
    assert (a[ys, xs].max(axis=1) > 40).mean() > 0.3
    assert (b[ys, xs].max(axis=1) > 40).mean() < 0.02


def test_a_controller_that_waits_has_a_tick_of_its_own(window):
    player = player_of()
    frames = make("rest", 1.0)
    before = paint(player, frames)
    layout = player.input.layout
    spot = layout.dial_point(2, 0.95)
    assert not at(before, spot, HAND)
    player._overlays.memory.learn_client.reach = {2: 0.95}
    assert at(paint(player, frames[-1:]), spot, HAND)


def test_the_focused_knob_is_framed_and_the_present_scene_filled(window):
    player = player_of()
    frames = make("rest", 1.0)
    for frame in frames:
        frame.scene, frame.scenes = 1, 0b11
    player.input.requests.focus = 5
    picture = paint(player, frames)
    layout = player.input.layout
    cell = layout.cell(5)
    assert at(picture, (cell.left + 2, cell.bottom + 0.5 * cell.height), (0.72, 0.68, 0.61))
    other = layout.cell(2)
    assert not at(picture, (other.left + 2, other.bottom + 0.5 * other.height), (0.72, 0.68, 0.61))
    brightness = []
    for slot in range(3):
        box = layout.scene(slot)
        brightness.append(picture[HEIGHT - 1 - round(box.top - 4), round(box.left + 4)].sum())
    assert brightness[1] > brightness[0] > brightness[2]


def test_black_is_black_here_too_and_without_a_frame_the_view_stands(window):
    player = player_of()
    picture = paint(player, [])
    assert np.abs(picture - np.round(np.array(GROUND) * 255)).max(axis=2).mean() < 12
    player.input.requests.switches["black"] = (True, True, float("-inf"))
    assert paint(player, make("hard", 0.5)).max() <= 12


def test_states_that_matter_are_said_under_the_title(window):
    player = player_of(language="fr")
    frames = make("rest", 0.3)
    frames[-1].flags = int(Flags.PANICKED | Flags.RECORDING)
    frames[-1].record_seconds = 83.0
    paint(player, frames)
    live = player._control_view.panel.live
    said = f"{live['status'].text} {live['more'].text}"
    assert "silence" in said
    assert "1:23" in said


def test_ports_and_clients_are_told_from_the_hands_own_row(window, tmp_path):
    memory = bytearray(Health.size())
    view = memoryview(memory)
    health = Health(view, view.cast("Q"), 0)
    row = health.enter("hands")
    row.set_text("ports", "nanoKONTROL2 SLIDER/KNOB")
    row.put("osc_clients", 1)
    path = tmp_path / "rig.toml"
    path.write_text('schema = 1\n[osc]\nlisten = "0.0.0.0:9123"\n')
    player = player_of(rig=str(path))
    player.health = health
    paint(player, make("rest", 0.3))
    live = player._control_view.panel.live
    assert live["midi"].text.startswith("nanoKONTROL2")
    assert live["osc"].text == "9123 ← 1 client"
    player = player_of(rig=str(path), listen="127.0.0.1:9555")  # rosin play --listen
    player.health = health
    paint(player, make("rest", 0.3))
    assert player._control_view.panel.live["osc"].text == "9555 ← 1 client"


def test_another_button_does_not_let_go_of_what_the_left_one_holds(window):
    mouse, posted = pytest.importorskip("pyglet").window.mouse, []
    it = StageInput(Layout(WIDTH, HEIGHT, 8))
    it.see(make("rest", 0.2)[-1])
    window.attach(it, posted.append)
    x, y = (round(v) for v in it.layout.point(2, it._hand(2)))
    window.on_mouse_press(x, y, mouse.LEFT, 0)
    window.on_mouse_release(x, y, mouse.RIGHT, 0)
    window.on_mouse_drag(x + 20, y, 20, 0, mouse.LEFT, 0)
    assert [gesture.knob for gesture in posted] == [2]
    window.on_mouse_release(x, y, mouse.LEFT, 0)
    window.on_mouse_drag(x + 40, y, 20, 0, mouse.LEFT, 0)
    assert len(posted) == 1


def test_a_desk_that_is_made_anew_leaves_nothing_behind(window):
    player = player_of()
    paint(player, make("rest", 0.3))
    control_view = player._control_view
    programs = [control_view._boxes.id, control_view._dials._program.id, control_view.letters._program.id]
    strips = [control_view._strips, control_view._dials._strips, control_view.letters._strips]
    assert all(gl.gl.glIsProgram(id) for id in programs)
    player.paint(WIDTH - 2, HEIGHT, 0.25)
    assert player._control_view is not control_view
    assert not any(gl.gl.glIsProgram(id) for id in programs)
    assert not any(gl.gl.glIsVertexArray(strip._vao) for strip in strips)


def test_leaving_the_view_brings_the_star_back_to_the_mouse(window):
    player = player_of()
    paint(player, make("rest", 0.3))
    assert isinstance(player.input.layout, Rehearsal)
    player.input.requests.switches["rehearsal"] = (False, False, float("-inf"))
    player.paint(WIDTH, HEIGHT, 0.25)
    assert type(player.input.layout) is Layout
    player.input.requests.switches["rehearsal"] = (True, True, time.monotonic())
    player.input.requests.switches["learn"] = (True, True, time.monotonic())
    player.paint(WIDTH, HEIGHT, 0.25)  # learning is done on the stage
    assert type(player.input.layout) is Layout


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=12, max_size=12))
@example([np.inf, np.nan, -np.inf, 3e38, np.inf, np.nan, -np.inf, -3e38, 0.0, 0.0, 0.0, 0.0])
def test_no_number_in_a_frame_breaks_the_desk(window, numbers):
    frame = frame_of(8)
    frame.hand[:4], frame.pos[:4] = numbers[:4], numbers[4:8]
    frame.force[:4], frame.stick[:4] = numbers[:4], numbers[4:8]
    frame.rms, frame.peak, frame.load, frame.latency = numbers[8:]
    frame.note, frame.known, frame.clip_share[0] = numbers[0], numbers[1], numbers[2]
    control_view = ControlView(Rehearsal(640, 360, 8), labels(8), "en", LevelMeter())
    control_view.update(frame, 1, "", PanelFacts())
    assert np.isfinite(control_view.dials(frame, 1)).all()
    control_view.delete()


def test_a_word_is_as_wide_as_its_letters_reach_and_digits_are_all_alike(window):
    letters = ControlView(Rehearsal(640, 360, 1), labels(1), "en", LevelMeter()).letters
    for text in ("0.69", "épaisseur", "a–b · c"):
        for tracking in (0.0, 1.5):
            assert letters.width(text, 17, tracking) == pytest.approx(letters._run(text, 17, tracking)[2])
    assert letters.width("1.11", 17) == letters.width("8.08", 17)
    assert letters.width("", 17) == 0.0
