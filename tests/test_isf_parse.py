"""ISF without a window: headers, sizes, GLSL text, what the sound feeds, marks of what hangs, knobs of a patch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError, ValidationErrors
from instrument.documents.patch import mistakes_against, patch_from, read_patch, table_of, visual_mistakes
from instrument.hands.osc.namespace import Addressed, Namespace
from instrument.ipc import Frame
from instrument.isf import Header, decoded, find_visual, knobs_of, parse_header, read_header, read_text, value_of
from instrument.isf.shape import KINDS
from instrument.knobs import KNOBS_MAX, LATENTS_MAX, Label, LatentSpec
from instrument.model.runtime.null import null_card
from instrument.stage.isf.feed import BINS, Feed
from instrument.stage.isf.glsl import OURS, complaint, rewrite
from instrument.stage.isf.mark import Mark
from instrument.stage.isf.sizes import side, worked_out
from instrument.stage.isf.watch import LOOK_S, Watch

ISF = Path(__file__).parent / "isf"
VISUALS = Path(__file__).parent.parent / "visuals"
MAIN = "\nvoid main() { gl_FragColor = vec4(1.0); }\n"


def header(**table: object) -> Header:
    return parse_header(f"/*{json.dumps(table)}*/{MAIN}", "x.fs")


def read(text: str) -> Header | str:
    """The header, or the sentence."""
    try:
        return parse_header(text, "x.fs")
    except RosinError as error:
        return str(error)


def refused(text: str) -> str:
    with pytest.raises(RosinError) as caught:
        parse_header(text, "x.fs")
    return str(caught.value)


# --- headers


@pytest.mark.parametrize("path", sorted(VISUALS.glob("*.fs")), ids=lambda p: p.name)
def test_a_shipped_visual_says_what_it_is_and_whose(path):
    found = read_header(path)
    assert found.version == 2
    assert found.description
    assert found.credit == "Rosin developers, Apache-2.0"
    assert all(one.label or one.fed or one.kind in ("audio", "audioFFT") for one in found.inputs)


def test_every_kind_of_input_is_read_with_its_range():
    rows = [{"NAME": f"i{n}", "TYPE": kind} for n, kind in enumerate(KINDS)]
    rows[3] |= {"MIN": 2, "MAX": -2, "DEFAULT": 9, "LABEL": "a  label\n of two lines", "IDENTITY": 0}
    rows[5] |= {"DEFAULT": [1, 0.5, 0]}
    rows[7] |= {"MAX": 64}
    event, on, menu, number, point, tint, image, wave, spectrum = header(ISFVSN="2.0", INPUTS=rows).inputs
    assert (event.default, on.default, menu.default, menu.low, menu.high) == (False, False, 0, 0, 10)
    assert (number.low, number.high, number.default, number.identity) == (-2.0, 2.0, 2.0, 0.0)
    assert number.label == "a label of two lines"
    assert point.default == (0.0, 0.0)
    assert tint.default == (1.0, 0.5, 0.0, 1.0)
    assert image.kind == "image"
    assert (wave.high, spectrum.high) == (64, 0)


def test_a_default_outside_of_its_range_is_brought_in_but_a_point_in_pixels_is_not():
    rows = [{"NAME": "a", "TYPE": "float", "DEFAULT": 7}, {"NAME": "p", "TYPE": "point2D", "DEFAULT": [640, 480]}]
    a, p = header(INPUTS=rows).inputs
    assert a.default == 1.0
    assert p.default == (640.0, 480.0)


def test_version_1_keeps_buffers_by_a_list_or_by_a_table():
    assert read_header(ISF / "old.fs").passes[0].persistent
    first, second = read_header(ISF / "old_table.fs").passes
    assert (first.persistent, first.float32, first.width, first.height) == (True, True, "7", "$HEIGHT")
    assert not second.persistent
    assert read_header(ISF / "old.fs").version == 1


def test_both_forms_of_the_header_and_what_editors_leave_in_it():
    found = read_header(ISF / "loose.fs")
    assert found.version == 2
    assert found.description == "tabs and a comma too many, as many files have"
    assert [one.name for one in found.inputs] == ["a"]
    assert parse_header('/*{"CREDIT":"x,]"}*/' + MAIN, "x.fs").credit == "x,]"


def test_an_image_filter_is_known_by_its_input():
    assert read_header(ISF / "image.fs").filters
    assert not read_header(ISF / "transition.fs").filters


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("broken_json.fs", "broken_json.fs line 3: the JSON is broken"),
        ("broken_header.fs", "does not begin with a comment"),
        ("broken_type.fs", "input a has the type 'flaot'; write one of event, bool"),
        ("broken_space.fs", "'my level' cannot name input 1"),
        ("broken_twice.fs", "two inputs, images or buffers are called a"),
    ],
)
def test_a_broken_header_is_told_in_one_sentence_with_its_file(file, says):
    with pytest.raises(RosinError) as caught:
        read_header(ISF / file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [
        {"INPUTS": {"a": 1}},
        {"INPUTS": ["a"]},
        {"INPUTS": [{"TYPE": "float"}]},
        {"INPUTS": [{"NAME": "a", "TYPE": "float", "DEFAULT": "wide"}]},
        {"INPUTS": [{"NAME": "a", "TYPE": "color", "DEFAULT": [1, 2]}]},
        {"INPUTS": [{"NAME": "a", "TYPE": "long", "VALUES": ["x"]}]},
        {"INPUTS": [{"NAME": "a", "TYPE": "long", "VALUES": 3}]},
        {"INPUTS": [{"NAME": "gl_a", "TYPE": "float"}]},
        {"INPUTS": [{"NAME": "TIME", "TYPE": "float"}]},
        {"INPUTS": [{"NAME": "float", "TYPE": "float"}]},
        {"INPUTS": [{"NAME": f"a{n}", "TYPE": "image"} for n in range(17)]},
        {"INPUTS": [{"NAME": f"a{n}", "TYPE": "float"} for n in range(65)]},
        {"INPUTS": [{"NAME": "a", "TYPE": "float"}], "PASSES": [{"TARGET": "a"}]},
        {"PASSES": [{"TARGET": "a b"}]},
        {"PASSES": [{"TARGET": "a", "WIDTH": [1]}]},
        {"PASSES": [{}] * 17},
        {"PERSISTENT_BUFFERS": 3},
        {"IMPORTED": "a.png"},
        {"IMPORTED": {"a": {}}},
    ],
    ids=repr,
)
def test_what_does_not_fit_is_refused_in_one_sentence(table):
    said = refused(f"/*{json.dumps(table)}*/{MAIN}")
    assert said.startswith("x.fs")
    assert "\n" not in said
    assert "; " in said, "a remedy"


@pytest.mark.parametrize("words", ["[1]", '{"a": NaN}', "{" * 5000, '{"INPUTS":' + "[" * 90000, '{"a": 1e999}'])
def test_json_that_no_program_should_send_is_a_sentence_or_harmless(words):
    found = read(f"/*{words}*/{MAIN}")
    if isinstance(found, str):
        assert "\n" not in found
        assert len(found) < 400


pieces = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([p.read_bytes() for p in sorted(ISF.glob("*.fs"))]),
    st.sampled_from(
        [b"/*{", b"}*/", b'"INPUTS":[', b'{"NAME":"a","TYPE":"float"}', b"]", b"\0", b"/*", b"*/", b"#line 3\n"]
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(pieces, min_size=1, max_size=5))
@example([b'/*{"INPUTS":[{"NAME":"a","TYPE":"long","VALUES":[1e300]}]}*/'])
@example([b'/*{"INPUTS":[{"NAME":"a","TYPE":"float","MIN":' + b"9" * 5000 + b"}]}*/"])
def test_any_bytes_give_a_header_or_one_sentence(parts):
    text = decoded(b"".join(parts))
    found = read(text)
    if isinstance(found, str):
        assert "\n" not in found
        assert found.startswith("x.fs")
        return
    sources = rewrite(found, text)
    sources.fragment.encode("ascii")
    assert sources.fragment.startswith("#version 330 core\n")
    assert all(math.isfinite(v) for one in found.inputs for v in np.atleast_1d(np.asarray(one.default, float)))
    assert len(knobs_of(found)) <= 4 * 64


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)
rows = st.dictionaries(
    st.sampled_from(["NAME", "TYPE", "DEFAULT", "MIN", "MAX", "IDENTITY", "VALUES", "LABELS", "LABEL"]),
    st.one_of(json_values, st.sampled_from([*KINDS, "a", "b"]), st.lists(st.floats(-1, 2), max_size=4)),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(
    st.sampled_from(["INPUTS", "PASSES", "IMPORTED", "PERSISTENT_BUFFERS", "ISFVSN", "CREDIT", "CATEGORIES"]),
    st.one_of(json_values, st.lists(rows, max_size=3)),
))  # fmt: skip
def test_any_json_gives_a_header_or_one_sentence(table):
    found = read(f"/*{json.dumps(table)}*/")
    if isinstance(found, str):
        assert "\n" not in found
        return
    for knob in knobs_of(found):
        assert 0.0 <= knob.start <= 1.0
        assert math.isfinite(knob.value(0.5))


# --- sizes


def test_sizes_are_sums():
    values = {"WIDTH": 320.0, "HEIGHT": 180.0, "coarse": 3.0}
    assert worked_out("$WIDTH/16.0", values) == 20.0
    assert worked_out("floor($WIDTH / $coarse) + min($HEIGHT, 7) - -1", values) == 114.0
    assert side("$WIDTH/1000", values, 320) == 1
    assert side("$WIDTH*1000", values, 320) == 4096
    assert side("", values, 320) == 320
    assert side("$HEIGHT/($coarse-3)", values, 320) == 320


@pytest.mark.parametrize(
    "wrong", ["$WIDHT", "__import__('os')", "(1).real", "9**9**9", "1 if 2 else 3", "'a'", "[1]", "1/0", "sqrt(-1)",
              "floor(1,2,3)", "(" * 300, "$", "True", "1e999", "lambda: 1"],
)  # fmt: skip
def test_what_is_no_sum_is_refused_and_never_run(wrong):
    with pytest.raises(ValueError, match=r"it |there is"):
        worked_out(wrong, {"WIDTH": 1.0})


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60), st.floats(-1e9, 1e9))
def test_any_expression_gives_a_side(text, value):
    assert 1 <= side(text, {"WIDTH": value}, 77) <= 4096


# --- GLSL


def test_lines_stay_where_they_are_in_every_file():
    for path in ISF.glob("*.fs"):
        try:
            found = read_header(path)
        except RosinError:
            continue
        text = read_text(path)
        body = rewrite(found, text).fragment.split("#line 1\n")[1].split("\n")
        for mine, theirs in zip(text.split("\n"), body, strict=False):
            assert len(theirs.strip()) <= len(mine) + 200
            if mine.strip() == "void main() {":
                assert theirs == mine


def test_comments_names_and_directives_are_rewritten_and_nothing_else():
    text = "/*{}*/ #version 120\n#version 120\nvec4 gl_FragColors; // gl_FragColor\n"
    text += "float a = vv_FragNormCoord.x;\n#extension GL_X : enable\n"
    made = rewrite(header(), text).fragment
    assert made.count("#version") == 1
    assert made.index("#extension GL_X : enable") < made.index("#line")
    body = made.split("#line 1\n")[1]
    assert "gl_FragColors" in body
    assert "gl_FragColor;" not in body
    assert "isf_FragNormCoord.x" in body
    assert "//" not in body


def test_an_input_called_as_a_function_is_told_from_the_function():
    found = header(INPUTS=[{"NAME": "mix", "TYPE": "float"}])
    body = rewrite(found, "/*{}*/ void main() { gl_FragColor = vec4(mix(a.mix, b, mix)); }").fragment.split(
        "#line 1\n"
    )[1]
    assert "mix(a.isf_n_mix, b, isf_n_mix)" in body


@pytest.mark.parametrize(
    ("log", "line", "why"),
    [
        ("0:5(12): error: `foo' undeclared\n", 5, "`foo' undeclared"),
        ('0(7) : error C1503: undefined variable "foo"', 7, 'undefined variable "foo"'),
        ("ERROR: 0:12: 'foo' : undeclared identifier", 12, "'foo' : undeclared identifier"),
        ("0:2(1): warning: w\n0:3(1): error: isf_FragColor twice\n", 3, "gl_FragColor twice"),
        (f"0:{OURS + 4}(1): error: ours\n", 0, "ours"),
        ("something\nelse", 0, "something"),
        ("", 0, "the driver does not say why"),
    ],
)
def test_drivers_of_several_makers_are_understood(log, line, why):
    assert complaint(log) == (line, why)


# --- what the sound feeds


def sine(cycles: float, level: float = 1.0) -> Frame:
    frame = Frame()
    frame.time, frame.playable = 1.0, 3
    frame.wave = (level * np.sin(2 * np.pi * cycles * np.arange(512) / 512)).astype(np.float32)
    frame.rms = level / math.sqrt(2)
    frame.hand = np.linspace(0.0, 1.0, KNOBS_MAX).astype(np.float32)
    frame.latent = np.arange(LATENTS_MAX, dtype=np.float32) - 5.0
    return frame


def test_the_spectrum_of_a_full_sine_is_1_at_its_own_place():
    feed = Feed()
    feed.hear(sine(32))
    row = feed.spectrum()
    assert len(row) == BINS
    assert row.argmax() == 32
    assert row[32] == pytest.approx(1.0, abs=0.01)
    assert row[40:].max() < 0.01
    assert feed.spectrum(4).argmax() == 0
    assert feed.spectrum(4)[0] == pytest.approx(1.0, abs=0.01)


def test_the_wave_lies_round_a_half_and_one_column_is_how_loud_it_is():
    feed = Feed()
    feed.hear(sine(2, 0.5))
    assert len(feed.wave()) == 512
    assert feed.wave()[64] == pytest.approx(0.75, abs=1e-3)
    assert feed.wave().min() == pytest.approx(0.25, abs=1e-3)
    assert feed.wave(1) == pytest.approx([0.75], abs=1e-3)
    assert len(feed.wave(1000)) == 1000
    feed.hear(Frame())
    assert feed.wave(1) == pytest.approx([0.5])


def test_fed_inputs_span_their_range_and_latents_come_as_they_are():
    names = {"level": (0.0, 2.0), "hand1": (-1.0, 1.0), "latent2": (0.0, 1.0), "hand7": (0.0, 1.0), "note": (0.0, 1.0)}
    found = header(INPUTS=[{"NAME": n, "TYPE": "float", "MIN": a, "MAX": b} for n, (a, b) in names.items()])
    assert all(one.fed for one in found.inputs)
    feed = Feed()
    frame = sine(3)
    frame.note = 57.5
    feed.hear(frame)
    level, hand, latent, beyond, note = (feed.number(one) for one in found.inputs)
    assert level == pytest.approx(2.0)
    assert hand == pytest.approx(-1.0 + 2.0 / 255.0, abs=1e-6)
    assert latent == -3.0
    assert beyond == 0.0, "this patch plays three knobs"
    assert note == 57.5


def test_a_frame_full_of_nan_feeds_finite_numbers():
    frame = Frame()
    for name in ("wave", "hand", "pos", "force", "latent", "grain", "rms", "peak", "note", "known"):
        setattr(frame, name, math.nan)
    frame.playable = 8
    feed = Feed()
    feed.hear(frame)
    names = ("level", "rms", "peak", "note", "gate", "chance", "known", "hand0", "pos0", "force0", "latent0")
    found = header(INPUTS=[{"NAME": name, "TYPE": "float"} for name in names])
    assert all(math.isfinite(feed.number(one)) for one in found.inputs)
    assert np.isfinite(feed.wave()).all()
    assert np.isfinite(feed.spectrum()).all()


def test_the_level_rises_sooner_than_it_falls_and_never_jumps():
    feed, level = Feed(), header(INPUTS=[{"NAME": "rms", "TYPE": "float"}]).inputs[0]
    found = []
    for n in range(200):
        frame = Frame()
        frame.time, frame.rms = n * 0.01, 1.0 if 50 <= n < 100 else 0.0
        feed.hear(frame)
        found.append(feed.number(level))
    assert max(np.abs(np.diff(found))) < 0.25
    assert found[60] > 0.9
    assert found[110] > 0.6
    assert found[199] < 0.05


# --- files that change, and drawings that hang


def test_a_change_counts_once_and_when_it_has_settled(tmp_path):
    now = [0.0]
    path = tmp_path / "a.fs"
    path.write_text("one")
    watch = Watch([path], lambda: now[0])

    def looks() -> list[bool]:
        found = []
        for _ in range(4):
            now[0] += LOOK_S
            found.append(watch.changed())
        return found

    assert looks() == [False] * 4
    path.write_text("two, longer")
    assert looks() == [False, True, False, False]
    path.unlink()
    assert looks() == [False] * 4, "a file that is gone for a moment is no change"
    path.write_text("two, longer again")
    assert looks() == [False, True, False, False]
    path.write_text("three")
    assert watch.changed() is False, "not asked again so soon"


class TestMark:
    def mark(self, tmp_path: Path, now: list[float]) -> Mark:
        return Mark(tmp_path / "a.fs", tmp_path / "marks", lambda: now[0], notes=False)

    def test_a_drawing_that_went_on_for_long_is_remembered_by_the_next(self, tmp_path):
        (tmp_path / "a.fs").write_text("endless")
        now = [100.0]
        first = self.mark(tmp_path, now)
        assert not first.hung()
        first.load()
        first.begin()
        now[0] = 102.0
        first.note()  # ... and here the process dies
        now[0] = 3.0  # another boot: the clock begins anew
        assert self.mark(tmp_path, now).hung()
        assert self.mark(tmp_path, now).hung(), "until the file changes"
        (tmp_path / "a.fs").write_text("mended, and longer")
        assert not self.mark(tmp_path, now).hung()

    def test_a_window_killed_in_a_short_drawing_is_no_hang(self, tmp_path):
        (tmp_path / "a.fs").write_text("fine")
        now = [100.0]
        first = self.mark(tmp_path, now)
        first.load()
        first.begin()
        now[0] = 100.3
        first.note()
        now[0] = 5000.0
        assert not self.mark(tmp_path, now).hung()

    def test_what_is_drawn_is_forgotten_and_one_that_is_left_out_is_not(self, tmp_path):
        (tmp_path / "a.fs").write_text("slow")
        now = [100.0]
        first = self.mark(tmp_path, now)
        first.load()
        first.begin()
        now[0] = 109.0
        first.note()
        second = self.mark(tmp_path, now)
        assert second.hung()
        second.note()  # its thread goes round, with nothing being drawn
        second.close()
        assert self.mark(tmp_path, now).hung()
        first.end()
        assert not self.mark(tmp_path, now).hung()

    def test_without_a_folder_to_write_in_all_goes_on(self, tmp_path):
        (tmp_path / "file").write_text("")
        mark = Mark(tmp_path / "a.fs", tmp_path / "file" / "no", notes=False)
        mark.load()
        mark.begin()
        mark.note()
        assert not mark.hung()
        mark.end()
        mark.close()


# --- knobs and patches


def test_every_number_that_the_sound_does_not_feed_is_a_knob():
    found = read_header(VISUALS / "first.fs")
    ids = [knob.id for knob in knobs_of(found)]
    assert ids == ["visual.size", "visual.where.x", "visual.where.y", "visual.tint.r", "visual.tint.g", "visual.tint.b",
                   "visual.tint.a", "visual.shape", "visual.filled", "visual.strike"]  # fmt: skip
    knobs = {knob.id: knob for knob in knobs_of(found)}
    assert knobs["visual.size"].value(knobs["visual.size"].start) == pytest.approx(0.28)
    assert (knobs["visual.shape"].low, knobs["visual.shape"].high, knobs["visual.shape"].curve) == (0.0, 2.0, "steps")
    menu = read_header(ISF / "long.fs").inputs[0]
    assert [value_of(menu, [float(n)]) for n in range(3)] == [10, 40, 20]
    assert value_of(found.find("where"), [0.25, 0.5]) == (0.25, 0.5)
    assert value_of(found.find("filled"), [1.0]) is True


def patch_with(tmp_path: Path, more: str) -> Path:
    path = tmp_path / "p.toml"
    path.write_text(f'schema = 1\nname = "p"\n[model]\nname = "null"\n{more}', encoding="utf-8")
    return path


def test_a_patch_names_a_visual_and_starts_its_inputs(tmp_path):
    more = '[visual]\nfile = "grain.fs"\nstrength = 0.4\nlight = false\n[visual.inputs.warp]\nstart = 2.0\n'
    patch = read_patch(patch_with(tmp_path, more))
    table = table_of(patch, null_card().specs)
    assert (patch.visual, patch.visual_light) == ("grain.fs", False)
    assert visual_mistakes(patch) == mistakes_against(patch, table) == []
    assert table["visual"].start == 0.4
    assert table["visual.warp"].value(table["visual.warp"].start) == pytest.approx(2.0)
    assert table["visual.flow"].value(table["visual.flow"].start) == pytest.approx(0.35)
    assert "visual.pos0" not in table
    assert [knob.group for knob in table][-4:] == ["visual"] * 4, "last: no other knob moves when a shader changes"


def test_unknown_inputs_are_refused_with_those_that_are_there(tmp_path):
    more = '[visual]\nfile = "grain.fs"\n[visual.inputs.wrap]\nstart = 2.0\n[visual.inputs.flow]\nx = 1\n'
    said = visual_mistakes(read_patch(patch_with(tmp_path, more)))
    assert said == [
        "visual.inputs.wrap.start: grain.fs has no such input; it has flow, lines, warp",
        "visual.inputs.flow.x: grain.fs has no such input; it has flow, lines, warp",
    ]
    (said,) = visual_mistakes(read_patch(patch_with(tmp_path, '[visual]\nfile = "nowhere.fs"\n')))
    assert "there is no visual nowhere.fs; beside the patch or among: breath.fs, first.fs, grain.fs, strings.fs" in said
    with pytest.raises(ValidationErrors, match=r"strength: 2 is too large"):
        patch_from({"schema": 1, "name": "p", "model": {"name": "null"}, "visual": {"strength": 2}}, "p")


def test_a_visual_that_breaks_takes_nothing_but_its_own_knobs_with_it(tmp_path):
    path = patch_with(tmp_path, '[visual]\nfile = "mine.fs"\n')
    (tmp_path / "mine.fs").write_text('/*{"INPUTS":[{"NAME":"a","TYPE":"float"}]}*/' + MAIN)
    whole = [knob.id for knob in table_of(read_patch(path), null_card().specs)]
    assert whole[-2:] == ["visual", "visual.a"]
    (tmp_path / "mine.fs").write_text("/*{broken")
    patch = read_patch(path)
    assert [knob.id for knob in table_of(patch, null_card().specs)] == whole[:-1]
    assert len(visual_mistakes(patch)) == 1


def test_a_visual_of_many_inputs_never_makes_a_table_too_large(tmp_path):
    rows = [{"NAME": f"c{n}", "TYPE": "color"} for n in range(64)]
    (tmp_path / "mine.fs").write_text(f"/*{json.dumps({'INPUTS': rows})}*/{MAIN}")
    patch = read_patch(patch_with(tmp_path, '[visual]\nfile = "mine.fs"\n'))
    latents = [LatentSpec(f"z{n}", Label("z", "z")) for n in range(16)]
    assert len(table_of(patch, latents)) == KNOBS_MAX


def test_osc_reaches_a_visual_by_its_own_address(tmp_path):
    (tmp_path / "mine.fs").write_bytes((VISUALS / "first.fs").read_bytes())
    patch = read_patch(patch_with(tmp_path, '[visual]\nfile = "mine.fs"\n'))
    table = table_of(patch, null_card().specs)
    book = Namespace("/rosin", table, [["p"]])
    assert book.find("/rosin/visual/size") == (Addressed("value", table.index("visual.size")),)
    assert book.find("/rosin/visual/tint/r") == (Addressed("value", table.index("visual.tint.r")),)
    assert book.find("/rosin/visual") == (Addressed("value", table.index("visual")),)
    assert book.find("/rosin/knob/visual.size") == (Addressed("raw", table.index("visual.size")),)
    (act,) = book.acts(book.find("/rosin/visual/size")[0], (0.5,))
    assert act.value == 1.0
    assert (
        Namespace("/rosin", table_of(read_patch(patch_with(tmp_path, "")), null_card().specs), [["p"]]).find(
            "/rosin/visual"
        )
        == ()
    )


def test_a_visual_is_found_beside_its_patch_before_the_shipped_ones(tmp_path):
    assert find_visual("grain.fs").parent == VISUALS
    (tmp_path / "grain.fs").write_text("mine")
    assert find_visual("grain.fs", str(tmp_path / "p.toml")) == tmp_path / "grain.fs"
    for wrong in ("a\0b.fs", "~nobody/x.fs", "~no-such-player/x.fs", "x" * 5000, ""):
        with pytest.raises(RosinError):
            find_visual(wrong)
