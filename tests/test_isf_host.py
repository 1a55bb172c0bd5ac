"""The ISF host: small shaders of every feature of the specification, each looked at in its pixels; and what breaks."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from stage_frames import make

from instrument.base.errors import RosinError
from instrument.ipc import Frame
from instrument.stage.gpu import gl
from instrument.stage.isf import watch
from instrument.stage.isf.backdrop import Backdrop
from instrument.stage.isf.host import Visual
from instrument.stage.views.palette import luminance

pytest.importorskip("pyglet")
ISF = Path(__file__).parent / "isf"
VISUALS = Path(__file__).parent.parent / "visuals"
WIDTH, HEIGHT = 32, 18
BROKEN = sorted(path.name for path in ISF.glob("broken_*.fs"))


@pytest.fixture(scope="module")
def window():
    from instrument.stage.window import open_window

    try:
        window = open_window(64, 36, headless=True)
    except RosinError as error:
        pytest.skip(f"no EGL here: {error}")
    yield window
    window.close()


@pytest.fixture(scope="module")
def target(window):
    target = gl.Buffer(WIDTH, HEIGHT, True)
    yield target
    target.delete()


@pytest.fixture
def marks(tmp_path):
    return tmp_path / "marks"


@pytest.fixture
def now(monkeypatch):
    """The clock of the watch alone: ``now[0] += 1`` is a look."""
    clock = [0.0]
    init = watch.Watch.__init__
    monkeypatch.setattr(watch.Watch, "__init__", lambda self, paths: init(self, paths, lambda: clock[0]))
    return clock


def sine(cycles: float = 8.0, level: float = 1.0) -> Frame:
    frame = Frame()
    frame.time, frame.playable = 1.0, 3
    frame.wave = (level * np.sin(2 * np.pi * cycles * np.arange(512) / 512)).astype(np.float32)
    frame.rms = level / np.sqrt(2.0)
    frame.hand = np.array([0.25, 0.75] + [0.0] * 254, np.float32)
    frame.latent[2] = -1.5
    return frame


def opened(name: str, marks: Path, **values: object) -> Visual:
    visual = Visual(ISF / name, marks=marks)
    assert visual.wrong == ""
    for key, value in values.items():
        visual.set(key, value)
    return visual


def drawn(visual: Visual, target: gl.Target, pictures: int = 1, step: float = 0.5) -> np.ndarray:
    """[height, width, 4] of the last of so many pictures, bottom row first."""
    for index in range(pictures):
        assert visual.draw(target, index * step, index)
    return gl.read(target)[::-1]


def one(visual: Visual, target: gl.Target, pictures: int = 1) -> list[float]:
    """The colour of a picture that has only one."""
    picture = drawn(visual, target, pictures)
    assert np.ptp(picture.reshape(-1, 4), axis=0).max() < 1e-6
    return picture[0, 0].tolist()


def texture(rgb: tuple[float, float, float]) -> gl.Picture:
    picture = gl.Picture(2, 2)
    picture.put(np.full((2, 2, 4), (*rgb, 1.0), np.float32))
    return picture


# --- inputs


def test_a_buffer_that_there_is_no_room_for_takes_its_picture_alone(target, marks, monkeypatch):
    visual = opened("persistent.fs", marks)

    def full(*_: object) -> gl.Buffer:
        raise RosinError("this graphics driver cannot draw into pictures of 32-bit floats; update it")

    monkeypatch.setattr(gl, "Buffer", full)
    assert visual.draw(target, 0.0, 0) is False
    assert "32-bit floats" in visual.wrong
    assert not visual.drawn
    visual.close()


def test_an_input_may_be_called_as_python_calls_its_own(target, marks, tmp_path):
    path = tmp_path / "self.fs"
    header = '/*{"ISFVSN":"2","INPUTS":[{"NAME":"self","TYPE":"float","DEFAULT":0.5}]}*/'
    path.write_text(header + " void main() { gl_FragColor = vec4(self, 0.0, 0.0, 1.0); }")
    assert one(Visual(path, marks=marks), target) == pytest.approx([0.5, 0.0, 0.0, 1.0])


def test_float(target, marks):
    visual = opened("float.fs", marks)
    assert one(visual, target) == pytest.approx([0.25, 0.0, 0.75, 1.0])
    visual.set("usual", 1.5)
    visual.set("bare", 7.0)
    assert one(visual, target) == pytest.approx([1.5, 1.0, 0.75, 1.0]), "kept inside the range"
    visual.free("usual")
    assert one(visual, target)[0] == 0.25
    assert visual.header.find("usual").label == "As usual"


def test_bool(target, marks):
    assert one(opened("bool.fs", marks), target)[:2] == [1.0, 0.0]
    assert one(opened("bool.fs", marks, on=False, off=1), target)[:2] == [0.0, 1.0]


def test_long_takes_the_values_of_its_menu_only(target, marks):
    assert one(opened("long.fs", marks), target)[:3] == pytest.approx([0.4, 0.3, 0.0])
    assert one(opened("long.fs", marks, menu=20, count=99), target)[:3] == pytest.approx([0.2, 0.8, 1.0])
    assert one(opened("long.fs", marks, menu=14), target)[0] == pytest.approx(0.1)


def test_point2d(target, marks):
    assert one(opened("point.fs", marks), target) == pytest.approx([0.25, 0.75, 0.64, 0.48])
    assert one(opened("point.fs", marks, here=(2.0, 0.5)), target)[:2] == [1.0, 0.5]


def test_color(target, marks):
    picture = drawn(opened("color.fs", marks), target)
    assert picture[0, 0] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert picture[0, -1] == pytest.approx([0.5, 0.6, 0.7, 1.0])
    assert drawn(opened("color.fs", marks, tint=[1, 0, 1, 1]), target)[5, 3].tolist() == [1.0, 0.0, 1.0, 1.0]


def test_an_event_lasts_for_one_picture(target, marks):
    visual = opened("event.fs", marks)
    assert one(visual, target, 3)[:2] == [0.0, 0.0]
    visual.set("strike", True)
    assert one(visual, target)[:2] == [1.0, 1.0]
    assert one(visual, target)[:2] == [1.0, 0.0]
    visual.set("strike", 1)
    visual.set("strike", 0)
    assert one(visual, target)[:2] == [1.0, 0.0]


def test_what_does_not_fit_an_input_is_refused_and_changes_nothing(target, marks):
    visual = opened("float.fs", marks)
    for value in ("wide", None, [1, 2], float("nan"), float("inf"), 10**400, object()):
        with pytest.raises(RosinError, match=r"input usual of float.fs takes a number"):
            visual.set("usual", value)
    with pytest.raises(RosinError, match=r"no input 'wide'; its inputs are: usual, bare, same"):
        visual.set("wide", 1)
    assert one(visual, target)[0] == 0.25
    with pytest.raises(RosinError, match="leave it to the sound"):
        opened("audio.fs", marks).set("wave", 1)


# --- sound


def test_audio_is_the_wave_round_a_half(target, marks):
    visual = opened("audio.fs", marks)
    visual.hear(sine(1.0))
    picture = drawn(visual, target)
    x = (np.arange(WIDTH) + 0.5) / WIDTH
    assert picture[3, :, 0] == pytest.approx(0.5 + 0.5 * np.sin(2 * np.pi * x), abs=0.02)
    assert picture[3, 0, 1:3] == pytest.approx([0.512, 0.001])
    visual.hear(Frame())
    assert drawn(visual, target)[:, :, 0] == pytest.approx(0.5)


def test_audio_of_one_column_is_how_loud_it_is(target, marks):
    visual = opened("audio_one.fs", marks)
    visual.hear(sine(8.0, 0.5))
    assert one(visual, target) == pytest.approx([0.75, 0.75, 0.75, 1.0], abs=1e-3)


def test_audio_fft_has_its_peak_where_the_tone_is(target, marks):
    visual = opened("fft.fs", marks)
    visual.hear(sine(8.0))
    row = drawn(visual, target)[0]
    assert row[:, 0].argmax() == 8
    assert row[8, 0] == pytest.approx(1.0, abs=0.02)
    assert row[16:, 0].max() < 0.01
    assert row[0, 1] == pytest.approx(0.256)


def test_audio_fft_in_four_columns(target, marks):
    visual = opened("fft_four.fs", marks)
    visual.hear(sine(150.0))  # of 256: the third quarter
    row = drawn(visual, target)[0, :, 0]
    assert row[[4, 12, 20, 28]] == pytest.approx([0.0, 0.0, 1.0, 0.0], abs=0.02)


def test_inputs_of_known_names_are_fed_and_a_hand_takes_them_over(target, marks):
    visual = opened("fed.fs", marks)
    visual.hear(sine())
    assert one(visual, target) == pytest.approx([2.0, 0.5, -1.5, 0.0])
    visual.set("level", 0.25)
    assert one(visual, target)[0] == 0.25
    visual.free("level")
    assert one(visual, target)[0] == pytest.approx(2.0)


# --- images


def test_an_image_filter_by_all_four_macros(target, marks):
    visual = opened("image.fs", marks)
    assert visual.header.filters
    assert one(visual, target) == [1.0, 1.0, 1.0, 0.0], "nothing given: transparent black"
    given = gl.Picture(WIDTH, HEIGHT)
    ramp = np.random.Generator(np.random.Philox(3)).random((HEIGHT, WIDTH, 4), dtype=np.float32)
    given.put(ramp)
    visual.set("inputImage", given)
    picture = drawn(visual, target)
    assert picture[:, :, :3] == pytest.approx(1.0 - ramp[:, :, :3], abs=1e-3)
    assert picture[:, :, 3] == pytest.approx(ramp[:, :, 3], abs=1e-3)


def test_a_transition_goes_from_one_image_to_the_other(target, marks):
    visual = opened("transition.fs", marks, startImage=texture((1, 0, 0)), endImage=texture((0, 0, 1)), progress=0.25)
    assert one(visual, target) == pytest.approx([0.75, 0.0, 0.25, 1.0])


def test_imported_images_stand_the_right_way_up(target, marks):
    picture = drawn(opened("imported.fs", marks), target)
    top, bottom = picture[-1], picture[0]
    assert [top[0, :3].tolist(), top[-1, :3].tolist()] == [[1, 0, 0], [0, 1, 0]]
    assert [bottom[0, :3].tolist(), bottom[-1, :3].tolist()] == [[0, 0, 1], [1, 1, 1]]
    assert picture[0, 0, 3] == 2.0


# --- passes and buffers


def test_a_pass_of_a_size_that_is_an_expression(target, marks):
    row = drawn(opened("passes.fs", marks), target)[5]
    assert row[0].tolist() == pytest.approx([1.0, 0.2, 0.2, 1.0])
    assert row[-1].tolist() == pytest.approx([0.0, 0.2, 0.2, 1.0])


def test_an_expression_may_name_an_input(target, marks):
    assert one(opened("size_input.fs", marks), target)[:2] == pytest.approx([0.08, 0.03])
    assert one(opened("size_input.fs", marks, coarse=16.0), target)[:2] == pytest.approx([0.02, 0.03])


def test_a_persistent_buffer_keeps_and_a_temporary_one_does_not(target, marks):
    assert one(opened("persistent.fs", marks), target, 3)[0] == pytest.approx(0.875)
    assert one(opened("temporary.fs", marks), target, 3)[0] == pytest.approx(0.5)
    visual = opened("persistent.fs", marks)
    drawn(visual, target, 5)
    visual.forget()
    assert one(visual, target)[0] == pytest.approx(0.5)


def test_a_persistent_buffer_is_stretched_when_the_picture_grows(target, marks):
    visual = opened("persistent.fs", marks)
    drawn(visual, target, 2)
    large = gl.Buffer(64, 36, True)
    assert one(visual, large)[0] == pytest.approx(0.875)
    large.delete()


def test_float_buffers_hold_any_number_and_others_bytes(target, marks):
    assert one(opened("float_buffer.fs", marks), target) == pytest.approx([1234.5, -2.0, 1.0, 0.0])


def test_rendersize_is_of_the_pass(target, marks):
    found = one(opened("rendersize.fs", marks), target)
    assert found == pytest.approx([0.18, 0.05, 0.32 + 0.032, 0.18 + 0.018], abs=1e-5)


def test_the_last_pass_may_have_a_target(target, marks):
    assert one(opened("last_target.fs", marks), target) == [1.5] * 4


def test_version_1_with_a_vertex_shader_and_buffers_in_a_list(target, marks):
    picture = drawn(opened("old.fs", marks), target, 3)
    assert picture[0, 0, 0] == 1.5
    assert picture[0, 0, 1:3] == pytest.approx([1 / WIDTH, 1 / HEIGHT], abs=1e-5)
    assert picture[-1, -1, 1:3] == pytest.approx([2 - 1 / WIDTH, 2 - 1 / HEIGHT], abs=1e-5)


def test_version_1_with_buffers_in_a_table(target, marks):
    assert one(opened("old_table.fs", marks), target, 2) == [6.0, 7.0, 18.0, 1.0]


# --- variables


def test_time_and_its_step_are_what_the_caller_says(target, marks):
    visual = opened("time.fs", marks)
    assert one(visual, target)[:2] == [0.0, 0.0]
    visual.draw(target, 12.5, 9)
    assert gl.read(target)[0, 0, :2].tolist() == [12.5, 12.5]
    visual.draw(target, 12.75, 10)
    assert gl.read(target)[0, 0, :2].tolist() == [12.75, 0.25]
    visual.draw(target, 3.0, 11)
    assert gl.read(target)[0, 0, 1] == 0.0, "time went back: no step"


def test_date_counts_from_what_it_was_given_and_never_from_the_clock(target, marks):
    assert one(opened("date.fs", marks), target, 2) == [2000.0, 1.0, 1.0, 0.5]
    visual = Visual(ISF / "date.fs", datetime.datetime(2026, 12, 31, 23, 59, 59), marks)
    assert one(visual, target, 3) == [2027.0, 1.0, 1.0, 0.0]


def test_frameindex(target, marks):
    visual = opened("frameindex.fs", marks)
    assert one(visual, target, 8)[:2] == [7.0, 1.0]


def test_coordinates_have_their_origin_at_the_bottom_left(target, marks):
    picture = drawn(opened("coordinates.fs", marks), target)
    assert picture[0, 0] == pytest.approx([0.5 / WIDTH, 0.5 / HEIGHT] * 2)
    assert picture[-1, -1] == pytest.approx([1 - 0.5 / WIDTH, 1 - 0.5 / HEIGHT] * 2)


# --- texts


def test_an_out_variable_and_directives_of_another_version(target, marks):
    assert one(opened("out.fs", marks), target) == pytest.approx([0.2, 0.4, 0.6, 1.0])


def test_a_vertex_shader_moves_the_picture(target, marks):
    picture = drawn(opened("vertex.fs", marks), target)
    assert picture[0, WIDTH // 2 :].max() == 0.0
    assert picture[0, 0, :3] == pytest.approx([1 / WIDTH, 0.5 / HEIGHT, 0.32], abs=1e-5)


def test_names_that_are_words_of_glsl(target, marks):
    visual = opened("names.fs", marks)
    assert one(visual, target) == pytest.approx([0.5, 0.25, 0.2, 0.125])
    visual.set("mix", 1.0)
    visual.set("filter", False)
    assert one(visual, target) == pytest.approx([1.0, 0.25, 0.1, 0.125])
    assert visual.header.find("mix").label == "Mélange: 50 % / été"


def test_a_loose_header_and_comments_with_names_in_them(target, marks):
    assert one(opened("loose.fs", marks), target) == [0.5, 0.0, 0.0, 1.0]


# --- what breaks

SAYS = {
    "broken_header.fs": "broken_header.fs: it does not begin with a comment",
    "broken_import.fs": "broken_import.fs: its image nowhere.png cannot be read",
    "broken_json.fs": "broken_json.fs line 3: the JSON is broken",
    "broken_pass.fs": "broken_pass.fs line 5:",
    "broken_redeclared.fs": "broken_redeclared.fs line 2:",
    "broken_size.fs": 'broken_size.fs: WIDTH of a pass is "$WIDHT/2.0", but there is no $WIDHT',
    "broken_space.fs": "broken_space.fs: 'my level' cannot name input 1",
    "broken_syntax.fs": "broken_syntax.fs line 7:",
    "broken_twice.fs": "broken_twice.fs: two inputs",
    "broken_type.fs": "broken_type.fs: input a has the type 'flaot'",
    "broken_vertex.fs": "broken_vertex.vs line 3:",
}


def test_every_broken_file_has_its_sentence_here():
    assert sorted(SAYS) == BROKEN


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_says_what_is_wrong_and_where_and_draws_nothing(name, target, marks):
    visual = Visual(ISF / name, marks=marks)
    assert visual.wrong.startswith(SAYS[name]), visual.wrong
    assert "\n" not in visual.wrong
    assert not visual.drawn
    assert visual.draw(target, 0.0, 0) is False
    assert visual.inputs == ()


def test_a_file_that_is_not_there_or_is_no_text(target, marks, tmp_path):
    assert "nowhere.fs cannot be read" in Visual(tmp_path / "nowhere.fs", marks=marks).wrong
    assert "folder.fs cannot be read" in Visual(_folder(tmp_path / "folder.fs"), marks=marks).wrong
    (tmp_path / "noise.fs").write_bytes(np.random.Generator(np.random.Philox(5)).bytes(5000))
    assert "noise.fs: it does not begin" in Visual(tmp_path / "noise.fs", marks=marks).wrong
    (tmp_path / "large.fs").write_bytes(b"/*{}*/" + b" " * (1 << 20))
    assert "larger than 1 MiB" in Visual(tmp_path / "large.fs", marks=marks).wrong


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_breaks_while_it_is_drawn_keeps_its_last_good_picture(name, target, marks, tmp_path, now):
    path = tmp_path / name
    shutil.copy(ISF / "float.fs", path)
    visual = Visual(path, marks=marks)
    visual.set("usual", 1.25)
    before = one(visual, target)
    for suffix in (".fs", ".vs"):
        if (ISF / name).with_suffix(suffix).exists():
            shutil.copy((ISF / name).with_suffix(suffix), path.with_suffix(suffix))
    now[0] += 1.0
    assert visual.look() is False, "it may be half written"
    now[0] += 1.0
    assert visual.look() is True
    assert visual.wrong.startswith(SAYS[name])
    assert one(visual, target) == before
    path.with_suffix(".vs").unlink(missing_ok=True)
    path.write_text((ISF / "float.fs").read_text().replace("bare, same", "0.5, same"))
    now[0] += 1.0
    visual.look()
    now[0] += 1.0
    assert visual.look() is True
    assert visual.wrong == ""
    assert one(visual, target)[:2] == [1.25, 0.5], "the new picture, with the value that was set"


def test_a_change_of_the_file_keeps_what_its_buffers_hold(target, marks, tmp_path, now):
    path = tmp_path / "a.fs"
    shutil.copy(ISF / "persistent.fs", path)
    visual = Visual(path, marks=marks)
    drawn(visual, target, 3)
    path.write_text(path.read_text() + "\n// another line\n")
    for _ in range(2):
        now[0] += 1.0
        visual.look()
    assert one(visual, target)[0] == pytest.approx(0.9375)


def things() -> int:
    """How many programs and shaders there are."""
    last = gl.gl.glCreateProgram()
    gl.gl.glDeleteProgram(last)
    return sum(bool(gl.gl.glIsProgram(n) or gl.gl.glIsShader(n)) for n in range(1, last))


def test_a_hundred_broken_versions_leave_nothing_behind(target, marks, tmp_path, now):
    path = tmp_path / "a.fs"
    shutil.copy(ISF / "float.fs", path)
    visual = Visual(path, marks=marks)
    before = things()
    for n in range(100):
        path.write_text(f"/*{{}}*/\nvoid main() {{ {'x' * n} }}")
        visual._load()
        assert bool(visual.wrong) == (n > 0)
    assert things() == before


# --- the shipped ones


def pictures(name: str, situation: str, marks: Path, rate: float = 8.0, seconds: float = 4.0) -> list[np.ndarray]:
    target = gl.Target(160, 90)
    visual = Visual(VISUALS / f"{name}.fs", marks=marks)
    assert visual.wrong == ""
    found: list[np.ndarray] = []
    frames = make(situation, seconds)
    for frame in frames:
        visual.hear(frame)
        t = frame.time - frames[0].time
        if t * rate >= len(found):
            visual.draw(target, t, len(found))
            found.append(np.clip(gl.read(target)[:, :, :3], 0.0, 1.0))
    target.delete()
    visual.close()
    return found


def light(picture: np.ndarray) -> np.ndarray:
    """Relative luminance of the 10 x 10 fields of a picture."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    return (linear @ [0.2126, 0.7152, 0.0722]).reshape(9, 10, 16, 10).mean(axis=(1, 3))


@pytest.mark.parametrize("name", ["grain", "breath", "strings", "first"])
def test_a_shipped_visual_follows_the_sound_in_its_colours_and_never_flashes(name, window, marks):
    rest, hard = pictures(name, "rest", marks, seconds=3.1), pictures(name, "hard", marks, seconds=4.6)
    assert np.isfinite(hard).all()
    assert np.mean(hard[24]) > 1.10 * np.mean(rest[24]), "the harder, the brighter"
    for picture in (rest[24], hard[24]):
        assert picture.max() > 0.12
        assert picture.mean() < 0.33, "on near-black"
        red, green, blue = (picture[..., k] for k in range(3))
        assert (green <= np.maximum(red, blue) + 0.02).all(), "ivory, ember and slate: green never leads"
    # A flash is a rise and a fall by a tenth of the luminance over a quarter of the picture (WCAG 2.3.1).
    fields = np.array([light(picture) for picture in hard])
    flashing = np.abs(np.diff(fields, axis=0)) > 0.10
    assert (flashing.mean(axis=(1, 2)) > 0.25).sum() <= 3
    assert luminance((1.0, 1.0, 1.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["breath", "strings"])
def test_the_same_frames_give_the_same_pictures(name, window, marks):
    first, second = (pictures(name, "hard", marks, seconds=1.5) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


# --- under the light, by a patch


def patch(folder: Path, more: str) -> str:
    path = folder / "p.toml"
    path.write_text(f'schema = 1\nname = "p"\n[model]\nname = "null"\n[visual]\nfile = "mine.fs"\n{more}')
    return str(path)


def frame_of(backdrop_patch: str, number: int, **values: float) -> Frame:
    """A frame as the sound would publish it for that patch, with some of its knobs moved."""
    from instrument.documents.patch import read_patch, table_of
    from instrument.model.runtime.null import null_card

    table = table_of(read_patch(Path(backdrop_patch)), null_card().specs)
    frame = Frame()
    frame.seq, frame.time, frame.knob_count, frame.playable = number, 50.0 + number, len(table), table.playable_count
    for i, knob in enumerate(table):
        frame.hand[i] = knob.start
    for name, value in values.items():
        at = table.index(name.replace("__", "."))
        frame.hand[at] = table[at].raw(value)
    return frame


class TestBackdrop:
    def shown(self, backdrop: Backdrop) -> np.ndarray:
        gl.begin_window(64, 36, (0.25, 0.0, 0.0))
        backdrop.lay()
        return gl.pixels(64, 36)[::-1].astype(float) / 255.0

    def test_knobs_come_with_the_frames_and_light_is_laid_on_light(self, window, marks, tmp_path):
        shutil.copy(ISF / "float.fs", tmp_path / "mine.fs")
        path = patch(tmp_path, "strength = 0.5\n[visual.inputs.usual]\nstart = 1.0\n")
        backdrop = Backdrop([path], marks=marks)
        assert not backdrop.there
        assert self.shown(backdrop)[0, 0] == pytest.approx([0.25, 0, 0], abs=0.01), "nothing before the first frame"
        backdrop.take([frame_of(path, 1)])
        assert backdrop.draw(32, 18)
        assert backdrop.there
        assert backdrop.light
        assert backdrop.sentence == ""
        assert backdrop.strength == pytest.approx(0.5)
        # usual 1.0, bare 0, same 0.75, at half strength, over red 0.25: each lightens the other
        assert self.shown(backdrop)[9, 9] == pytest.approx([0.5 + 0.5 * 0.25, 0.0, 0.375], abs=0.01)
        backdrop.take([frame_of(path, 2, visual=1.0, visual__bare=0.5)])
        backdrop.draw(32, 18)
        assert self.shown(backdrop)[9, 9] == pytest.approx([1.0, 0.5, 0.75], abs=0.01)
        backdrop.close()

    def test_an_event_is_a_knob_that_goes_up(self, window, marks, tmp_path):
        shutil.copy(ISF / "event.fs", tmp_path / "mine.fs")
        path = patch(tmp_path, "strength = 1.0\n")
        backdrop = Backdrop([path], marks=marks)
        counts = []
        for number, value in enumerate((0, 1, 1, 0, 0, 1), 1):
            backdrop.take([frame_of(path, number, visual__strike=value)])
            backdrop.draw(8, 8)
            counts.append(self.shown(backdrop)[0, 0, 1])  # green: in the picture of the stroke alone
        assert counts == [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]

    def test_a_picture_is_drawn_once_for_each_frame(self, window, marks, tmp_path):
        shutil.copy(ISF / "persistent.fs", tmp_path / "mine.fs")
        path = patch(tmp_path, "strength = 1.0\n")
        backdrop = Backdrop([path], marks=marks)
        backdrop.take([frame_of(path, 1)])
        for _ in range(4):
            backdrop.draw(8, 8)
        # The trail is half way up, and half transparent; four pictures would have brought it to 0.88.
        assert self.shown(backdrop)[0, 0, 1] == pytest.approx(0.25, abs=0.01)

    def test_what_is_wrong_is_said_in_the_players_language(self, window, marks, tmp_path):
        shutil.copy(ISF / "broken_syntax.fs", tmp_path / "mine.fs")
        path = patch(tmp_path, "light = false\n")
        backdrop = Backdrop([path], language="fr", marks=marks)
        backdrop.take([frame_of(path, 1)])
        assert not backdrop.draw(8, 8)
        assert backdrop.sentence.startswith("Pas de visuel : mine.fs line 7:")
        assert backdrop.light, "with no visual the stage keeps its own light"
        (tmp_path / "mine.fs").unlink()
        backdrop = Backdrop([path], marks=marks)
        backdrop.take([frame_of(path, 1)])
        assert "there is no visual mine.fs" in backdrop.sentence

    def test_calm_makes_a_ripple_of_a_flicker(self, window, marks, tmp_path):
        (tmp_path / "mine.fs").write_text(
            '/*{"ISFVSN":"2"}*/ void main() { gl_FragColor = vec4(vec3(FRAMEINDEX % 2), 1.0); }'
        )
        path = patch(tmp_path, "strength = 1.0\n")
        swings = {}
        for calm in (False, True):
            backdrop = Backdrop([path], marks=marks, calm=calm)
            seen = []
            frame = frame_of(path, 1)
            for number in range(300):
                frame.seq, frame.time = number + 1, number / 20.0
                backdrop.take([frame])
                backdrop.draw(8, 8)
                seen.append(self.shown(backdrop)[0, 0, 2])
            swings[calm] = np.ptp(seen[240:])
        assert swings[False] == 1.0
        assert swings[True] < 0.10

    def test_calm_keeps_what_is_shown_when_it_is_drawn_finer_or_coarser(self, window, marks, tmp_path):
        (tmp_path / "mine.fs").write_text('/*{"ISFVSN":"2"}*/ void main() { gl_FragColor = vec4(1.0); }')
        path = patch(tmp_path, "strength = 1.0\n")
        backdrop = Backdrop([path], marks=marks, calm=True)
        frame = frame_of(path, 1)
        for number in range(100):
            frame.seq, frame.time = number + 1, number / 10.0
            backdrop.take([frame])
            backdrop.draw(8, 8)
        before = self.shown(backdrop)[18, 32, 2]
        assert before > 0.9
        for size in (6, 12):
            backdrop.draw(size, size)
            assert self.shown(backdrop)[18, 32, 2] == pytest.approx(before, abs=0.02)

    def test_patches_without_a_visual_cost_nothing(self, window, marks, tmp_path):
        (tmp_path / "p.toml").write_text('schema = 1\nname = "p"\n[model]\nname = "null"\n')
        backdrop = Backdrop([str(tmp_path / "p.toml")], marks=marks)
        backdrop.take([Frame()])
        assert backdrop.draw(8, 8) is False
        assert backdrop.sentence == ""
        assert not marks.exists()


# --- a shader that never ends, in a window of its own

ENDLESS = """/*{ "ISFVSN": "2" }*/
void main() {
    float x = TIME;
    for (int a = 0; a >= 0; a += 1 - FRAMEINDEX / 9999) x = sin(x + cos(float(a)) + isf_FragNormCoord.x);
    gl_FragColor = vec4(x);
}
"""
CHILD = """
import sys
from pathlib import Path
from instrument.stage.window import open_window
from instrument.stage.gpu import gl
from instrument.stage.isf.host import Visual
window = open_window(16, 16, headless=True)
visual = Visual(Path(sys.argv[1]), marks=Path(sys.argv[2]))
print(visual.wrong or "loaded", flush=True)
target = gl.Target(2048, 2048)  # the software renderer ends a loop after 65536 rounds: so many of them are enough
visual.draw(target, 0.0, 0)
print("drawn", flush=True)
"""


def test_a_shader_that_never_ends_is_left_out_by_the_window_after(window, marks, tmp_path, target):
    path = tmp_path / "endless.fs"
    path.write_text(ENDLESS)
    command = [sys.executable, "-c", CHILD, str(path), str(marks)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "loaded\n"
        time.sleep(2.5)  # the time itself: the watchdog's patience
        assert child.poll() is None, "it hangs"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    visual = Visual(path, marks=marks)
    assert visual.hung
    assert visual.wrong.startswith("endless.fs hung when it was last drawn")
    assert visual.draw(target, 0.0, 0) is False
    path.write_text("/*{}*/ void main() { gl_FragColor = vec4(0.5); }")
    again = Visual(path, marks=marks)
    assert not again.hung
    assert one(again, target) == [0.5] * 4
