"""ISF as it is met: loose JSON, names that GLSL took later, conversions of other compilers, pictures from anywhere.

Every shader here is written for this test.
"""

from __future__ import annotations

import json
import os
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from instrument.base.errors import RosinError
from instrument.isf import parse_header, read_text
from instrument.isf.shape import is_hard
from instrument.stage.gpu import gl
from instrument.stage.isf.extent import extent
from instrument.stage.isf.glsl import FUNCTIONS, QUALIFIERS, RESERVED, rewrite
from instrument.stage.isf.host import Visual
from instrument.stage.isf.lenient import LONGEST, lenient
from instrument.stage.isf.pictures import BYTES_MAX, all_imported

ISF = Path(__file__).parent / "isf"
VISUALS = Path(__file__).parent.parent / "visuals"
KEYWORDS = """
attribute const uniform varying buffer shared layout centroid flat smooth noperspective patch sample break continue do
for while switch case default if else subroutine in out inout float double int void bool true false invariant precise
discard return mat2 mat3 mat4 mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3 mat4x4 vec2 vec3 vec4 ivec2
ivec3 ivec4 bvec2 bvec3 bvec4 dvec2 uint uvec2 uvec3 uvec4 lowp mediump highp precision sampler1D sampler2D sampler3D
samplerCube sampler1DShadow sampler2DShadow samplerCubeShadow sampler2DRect sampler2DArray isampler2D usampler2D
samplerBuffer sampler2DMS struct common partition active asm class union enum typedef template this resource goto
inline noinline public static extern external interface long short half fixed unsigned superp input output hvec2 hvec3
hvec4 fvec2 fvec3 fvec4 filter image1D image2D image3D imageCube iimage2D uimage2D imageBuffer sizeof cast namespace
using row_major volatile texture texture2D mix gl_FragColor isf_FragNormCoord isf_tex isf_position main
"""


def header(**table: object):
    return parse_header(f"/*{json.dumps(table)}*/\nvoid main() {{}}\n", "x.fs")


def told(text: str) -> str:
    """The sentence that a text is refused with; empty when it is read."""
    try:
        parse_header(text, "x.fs")
    except RosinError as error:
        return str(error)
    return ""


# --- loose JSON


@pytest.mark.parametrize("kind", ["bool", "BOOL", "Bool"])
@pytest.mark.parametrize(
    ("given", "on"),
    [(True, True), (False, False), (1, True), (0, False), (1.0, True), ("TRUE", True), ("FALSE", False), ("true", True),
     ("1", True), ("0", False), ("1.0", True), ("yes", True), ("Off", False), ([1], True), (None, False), ("", False)],
)  # fmt: skip
def test_a_bool_is_read_however_files_write_it(kind: str, given: object, on: bool) -> None:
    row = {"NAME": "a", "TYPE": kind, "DEFAULT": given, "IDENTITY": given}
    (one,) = header(INPUTS=[row]).inputs
    assert (one.kind, one.default) == ("bool", on)
    assert one.identity in (on, None)


@pytest.mark.parametrize("given", ["perhaps", [1, 2], {}, "NaN"])
def test_a_bool_that_says_nothing_is_refused_with_what_to_write(given: object) -> None:
    with pytest.raises(RosinError, match=r"DEFAULT of input a is .*; write true or false"):
        header(INPUTS=[{"NAME": "a", "TYPE": "bool", "DEFAULT": given}])


@pytest.mark.parametrize(
    "given",
    [{"a": {"PATH": "b/c.png"}}, {"a": "b/c.png"}, [{"NAME": "a", "PATH": "b/c.png"}], [{"a": {"PATH": "b/c.png"}}],
     {"a": {"PATH": "b\\c.png"}}, {"a": {"PATH": "./b//c.png", "TYPE": "image"}}],
)  # fmt: skip
def test_imported_is_a_table_or_a_list_of_either_version(given: object) -> None:
    assert header(IMPORTED=given).imported == (("a", "b/c.png"),)


@pytest.mark.parametrize(
    "path",
    ["/dev/zero", "/etc/passwd", "../x.png", "a/../../x.png", "~/x.png", "C:\\x.png", "C:x.png", "\\\\host\\x.png",
     "\\x.png", "..\\x.png", "a" * 2000],
)  # fmt: skip
def test_an_image_outside_of_the_shaders_folder_is_refused_in_any_systems_spelling(path: str) -> None:
    for table in ({"a": {"PATH": path}}, [{"NAME": "a", "PATH": path}]):
        with pytest.raises(RosinError, match="which is not in the shader's folder; put it there"):
            header(IMPORTED=table)


@pytest.mark.parametrize("given", [["a.png"], [None], [{"NAME": 3, "PATH": "a.png"}], {"a": ["a.png"]}, {"a": None}, 7])
def test_imported_of_another_shape_is_one_sentence(given: object) -> None:
    with pytest.raises(RosinError) as caught:
        header(IMPORTED=given)
    assert "; " in str(caught.value)


@pytest.mark.parametrize(
    "words",
    ["{" + "[" * 3000, '{"a":' + "[" * 3000 + "]" * 3000 + "}", '{"a":' + "9" * 5000 + "}", '{"a":NaN}',
     '{"INPUTS":[{"NAME":"a","TYPE":"float","DEFAULT":' + "9" * 5000 + "}]}", '{"a":-Infinity}', '{"a":1e99999}',
     '{"INPUTS":[{"NAME":"a","TYPE":"float","MIN":-1e308,"MAX":1e308}]}', '{"PASSES":[{"WIDTH":' + "(" * 150 + "}]}",
     '{"INPUTS":[{"NAME":"a","TYPE":"long","VALUES":[' + "9" * 4000 + "]}]}",
     '{"ISFVSN":' + "[" * 900 + "]" * 900 + "}"],
    ids=lambda words: words[:24],
)  # fmt: skip
def test_json_without_end_or_measure_is_read_or_one_sentence(words: str) -> None:
    said = told(f"/*{words}*/void main() {{}}")
    assert "\n" not in said
    assert len(said) < 400


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with a few bytes changed, cut out, doubled or moved."""
    for _ in range(chance.randint(1, 6)):
        at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        piece = data[at : min(end, at + 40)]
        data = chance.choice([
            data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :], data[:at] + data[at + len(piece) :],
            data[:at] + piece + data[at:], data[:at] + chance.choice([b'"', b"{", b"]", b",", b"-1e999", b"null",
            b"/*", b"*/", b"\0", b"[" * 99, b'"TYPE":"bool"', b"\\", b"smooth", b"../"]) + data[at:],
        ])  # fmt: skip
    return data


def test_mutations_of_real_files_are_headers_or_one_sentence(tmp_path: Path) -> None:
    chance, path = random.Random(12), tmp_path / "x.fs"
    sources = [p.read_bytes() for p in sorted([*ISF.glob("*.fs"), *VISUALS.glob("*.fs")])]
    for n in range(int(os.environ.get("ROSIN_FUZZ", "400"))):
        path.write_bytes(mutated(chance.choice(sources), chance))
        text = read_text(path)
        if said := told(text):
            assert "\n" not in said, n
            continue
        found = parse_header(text, path.name)
        for loose in (False, True):
            assert rewrite(found, text, loose=loose).fragment.isascii()


def test_a_pipe_for_a_shader_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.fs")
    with pytest.raises(RosinError, match="it is a pipe"):
        read_text(tmp_path / "x.fs")


# --- pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes, colour: int = 6) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def wanted(folder: Path, name: str = "a.png") -> dict[str, np.ndarray]:
    return all_imported({"a": folder / name}, folder, "x.fs")


def test_what_an_image_claims_is_looked_at_before_it_is_decoded(tmp_path: Path) -> None:
    pytest.importorskip("pyglet")
    for data, said in (
        (png(60000, 60000, zlib.compress(b"\0")), "is 60000 x 60000 pixels; make it 8192 at most"),
        (png(8192, 8193, zlib.compress(b"\0")), "make it 8192 at most"),
        (png(0, 4, zlib.compress(b"\0")), "make it 8192 at most"),
        (png(2, 2, zlib.compress(bytes(1 << 26), 9)), "unpacks to more than its size"),
        (png(2, 2, b"not packed"), "is broken"),
        (b"\x89PNG\r\n\x1a\n", "is no PNG, JPEG, GIF or BMP; save it as PNG"),
        (b"", "is no PNG, JPEG, GIF or BMP; save it as PNG"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\xea\x60\xea\x60\x03", "is 60000 x 60000 pixels"),
        (b"GIF89a\x60\xea\x60\xea", "is 60000 x 60000 pixels"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 60000, -60000), "is 60000 x 60000 pixels"),
    ):
        (tmp_path / "a.png").write_bytes(data)
        with pytest.raises(RosinError) as caught:
            wanted(tmp_path)
        assert said in str(caught.value), data[:20]


def test_only_a_regular_file_in_the_shaders_folder_is_an_image(target, tmp_path: Path) -> None:
    pytest.importorskip("pyglet")
    outside, folder = tmp_path / "outside", tmp_path / "visuals"
    (folder / "below").mkdir(parents=True)
    outside.mkdir()
    whole = png(2, 2, zlib.compress(bytes([0, *[255] * 8] * 2)))
    (outside / "a.png").write_bytes(whole)
    (folder / "below" / "a.png").write_bytes(whole)
    assert wanted(folder, "below/a.png")["a"].shape == (2, 2, 4)
    (folder / "in.png").symlink_to(folder / "below" / "a.png")
    assert wanted(folder, "in.png")["a"].shape == (2, 2, 4)
    (folder / "out.png").symlink_to(outside / "a.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "round.png").symlink_to(folder / "round.png")
    os.mkfifo(folder / "pipe.png")
    with open(folder / "holes.png", "wb") as file:
        file.truncate(BYTES_MAX + 1)
    for name, said in (
        ("out.png", "leads out of the shader's folder"), ("zero.png", "leads out of the shader's folder"),
        ("pipe.png", "it is a pipe"), ("holes.png", "is larger than 64 MiB"), ("round.png", "cannot be read"),
        ("below", "cannot be read"), ("none.png", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(RosinError, match=said):
            wanted(folder, name)


def test_all_images_of_one_file_together_have_an_end(target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyglet")
    from instrument.stage.isf import pictures

    monkeypatch.setattr(pictures, "PIXELS_MAX", 6)
    (tmp_path / "a.png").write_bytes(png(2, 2, zlib.compress(bytes([0, *[255] * 8] * 2))))
    with pytest.raises(RosinError, match="room for 2 more; make it smaller"):
        all_imported({"a": tmp_path / "a.png", "b": tmp_path / "a.png"}, tmp_path, "x.fs")


def test_any_bytes_have_an_extent_or_none() -> None:
    chance = random.Random(3)
    corners = (ISF / "corners.png").read_bytes()
    assert extent(corners) == (2, 2)
    for begin in (b"", b"\xff\xd8", b"GIF89a", b"BM", corners[:30]):
        for _ in range(200):
            found = extent(begin + chance.randbytes(chance.randrange(60)))
            assert found is None or len(found) == 2


# --- in a window


@pytest.fixture(scope="module")
def target():
    pytest.importorskip("pyglet")
    from instrument.stage.window import open_window

    try:
        window = open_window(64, 36, headless=True)
    except RosinError as error:
        pytest.skip(f"no EGL here: {error}")
    found = gl.Buffer(4, 4, True)
    yield found
    found.delete()
    window.close()


def colour(target: gl.Target, folder: Path, body: str, **table: object) -> list[float]:
    """What a shader makes of its whole picture."""
    path = folder / "x.fs"
    path.write_text(f"/*{json.dumps({'ISFVSN': '2', **table})}*/\n{body}\n")
    visual = Visual(path, marks=folder / "marks")
    try:
        assert visual.wrong == ""
        assert visual.draw(target, 0.0, 0)
        return [round(float(v), 4) for v in gl.read(target)[0, 0]]
    finally:
        visual.close()


@pytest.mark.parametrize("name", KEYWORDS.split())
def test_a_word_of_glsl_as_a_name_draws_or_is_refused_with_what_to_write(target, tmp_path: Path, name: str) -> None:
    rows = [{"NAME": name, "TYPE": "float", "DEFAULT": 0.25}]
    if is_hard(name):
        with pytest.raises(RosinError, match="cannot name input 1; use letters, digits and _"):
            header(INPUTS=rows)
        return
    body = f"void main() {{ gl_FragColor = vec4({name}, 2.0 * {name}, ({name}), 1.0); }}"
    assert colour(target, tmp_path, body, INPUTS=rows) == [0.25, 0.5, 0.25, 1.0]


@pytest.mark.parametrize("name", sorted({*QUALIFIERS, "sample", "input", "output", "filter", "active", "common",
                                                      "partition", "using", "buffer", "patch"}))  # fmt: skip
def test_a_word_that_glsl_took_later_may_name_an_input_a_variable_and_a_function(target, tmp_path: Path, name) -> None:
    rows = [{"NAME": name, "TYPE": "float", "DEFAULT": 0.25}]
    body = f"void main() {{ float a = {name}; {{ float {name} = 0.5; a += {name}; }} gl_FragColor = vec4(a); }}"
    assert colour(target, tmp_path, body, INPUTS=rows)[0] == 0.75
    if name == "layout":  # before a bracket it is GLSL's own
        return
    body = f"float {name}(float x) {{ return 0.5 * x; }} void main() {{ gl_FragColor = vec4({name}(0.5)); }}"
    assert colour(target, tmp_path, body)[0] == 0.25
    assert name in FUNCTIONS | RESERVED | QUALIFIERS.keys()


def test_a_qualifier_stays_one(target, tmp_path: Path) -> None:
    (tmp_path / "x.vs").write_text("smooth out float a;\nflat varying vec2 b;\n"
                                   "void main() { isf_vertShaderInit(); a = 0.25; b = vec2(0.5); }\n")  # fmt: skip
    body = "smooth in float a;\nflat varying vec2 b;\nvoid main() { gl_FragColor = vec4(a, b, smooth); }"
    rows = [{"NAME": "smooth", "TYPE": "float", "DEFAULT": 1.0}]
    assert colour(target, tmp_path, body, INPUTS=rows) == [0.25, 0.5, 0.5, 1.0]


def test_what_other_hosts_tell_of_a_picture_is_told(target, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(3, 2, zlib.compress(bytes([0, *[255] * 12] * 2))))
    body = "void main() { gl_FragColor = vec4(_p_imgRect.zw, _p_imgSize.x, _p_flip ? 1.0 : 0.5); }"
    assert colour(target, tmp_path, body, IMPORTED=[{"NAME": "p", "PATH": "a.png"}]) == [3.0, 2.0, 3.0, 0.5]
    body = "void main() { gl_FragColor = vec4(_inputImage_imgRect.xy, _inputImage_imgSize); }"
    assert colour(target, tmp_path, body, INPUTS=[{"NAME": "inputImage", "TYPE": "image"}]) == [0.0, 0.0, 1.0, 1.0]


HABITS = {
    "int to float": ("float x = 1; x += 1; gl_FragColor = vec4(pow(2, x), mod(7, 4), max(x, 1), 1);", [4, 3, 2, 1]),
    "old words": ("vec4 c = vec4(0); c.r = 1; gl_FragColor = c;", [1, 0, 0, 0]),
    "array constructor": ("float a[3] = float[3](1.0, 2.0, 3.0); gl_FragColor = vec4(a[2]);", [3, 3, 3, 3]),
    "float to int": ("int n = 2.7; int m = floor(K * 4.0); gl_FragColor = vec4(n, m, 0, 1);", [2, 2, 0, 1]),
    "several at once": ("int a = 1, b = K * 6.0, c; c = 1.9; gl_FragColor = vec4(a, b, c, 1);", [1, 3, 1, 1]),
    "assigned": ("int n = 0; n = 2.5; n += 1.6; n *= 1.5; gl_FragColor = vec4(n);", [4, 4, 4, 4]),
    "truth to number": ("float a = T; int b = T; gl_FragColor = vec4(a, b, 2.0 * T, T + 1);", [1, 1, 2, 2]),
    "number to truth": ("bool b = 1; if (N) b = 0; gl_FragColor = vec4(b ? 1.0 : 0.5);", [0.5] * 4),
    "condition": ("float a = 0.0; int i = 3; while (i) { a += 1.0; i--; } if (a) a += K; gl_FragColor = vec4(a);",
                  [3.5] * 4),
    "loop": ("float s = 0.0; for (int i = 0.0; i < N + 0.5; i += 1.0) { s += i; } gl_FragColor = vec4(s);", [3] * 4),
    "index": ("float a[3]; a[0] = 1; a[1] = 2; a[2] = 4; float i = 2.0; gl_FragColor = vec4(a[i], a[K * 2.0], 0, 1);",
              [4, 2, 0, 1]),
    "compared": ("gl_FragColor = vec4(T == 1 ? 1.0 : 0.0, T > 0.5 ? 2.0 : 0.0, N == 2.0 ? 3.0 : 0.0, 1);",
                 [1, 2, 3, 1]),
    "rest": ("float a = 7.5; gl_FragColor = vec4(a % 2.0, N % 2, 0, 1);", [1.5, 0, 0, 1]),
    "vector": ("vec3 a = 0.5; ivec2 b = vec2(1.5, 2.5); gl_FragColor = vec4(a, b.y);", [0.5, 0.5, 0.5, 2]),
    "switch": ("float a = 0.0; float k = 1.0; switch (k) { case 1: a = 2; break; default: a = 3; } "
               "gl_FragColor = vec4(a);", [2] * 4),
}  # fmt: skip
INPUTS = [
    {"NAME": "K", "TYPE": "float", "DEFAULT": 0.5}, {"NAME": "T", "TYPE": "bool", "DEFAULT": "TRUE"},
    {"NAME": "N", "TYPE": "long", "DEFAULT": 2, "MIN": 0, "MAX": 9},
]  # fmt: skip


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_of_older_compilers_draws_what_it_draws_there(target, tmp_path: Path, habit: str) -> None:
    body, expected = HABITS[habit]
    assert colour(target, tmp_path, f"void main() {{ {body} }}", INPUTS=INPUTS) == [float(v) for v in expected]


def test_habits_in_functions_and_macros_and_over_lines(target, tmp_path: Path) -> None:
    body = """
#define STEPS 3.0
#define SCALE(x) \\
    ((x) * 2)
int steps() { return STEPS; }
float pick(int i, float x, bool b) { if (b) return i; return x; }
bool odd(int i) { return i - (i / 2) * 2; }
void main() {
    int n = steps(),
        m = SCALE(K);
    float a = pick(1.5 + 1.0, pick(n, 1, 0), n == 3);
    float t = odd(3.2);
    gl_FragColor = vec4(n, m, a, t);
}
"""
    assert colour(target, tmp_path, body, INPUTS=INPUTS) == [3.0, 1.0, 2.0, 1.0]


def test_a_mistake_that_no_conversion_mends_is_told_with_its_own_line(target, tmp_path: Path) -> None:
    path = tmp_path / "x.fs"
    path.write_text("/*{}*/\nvoid main() {\n  int n = 1.5;\n  float x = nowhere;\n  gl_FragColor = vec4(n);\n}\n")
    visual = Visual(path, marks=tmp_path / "marks")
    assert visual.wrong.startswith("x.fs line 3: "), "of the text as it stands"
    visual.close()


@pytest.mark.parametrize(
    "piece",
    ["int a=(", "int f(int a){", "a%(", "if(", "a[", "int ", "f(", "return ", "a", " ", "b+=", "{", "#define \\\n"],
)
def test_no_text_takes_longer_than_a_moment(piece: str) -> None:
    text = "int f(int a){}float b;" + piece * ((LONGEST - 40) // len(piece))
    began = time.process_time()
    lenient(text, {"a": "bool"})
    assert time.process_time() - began < 3.0
    long = "int a = 1.5;" * LONGEST
    assert lenient(long, {}) == long


def test_what_compiles_is_not_touched_and_lines_stay(tmp_path: Path) -> None:
    for path in [*ISF.glob("*.fs"), *VISUALS.glob("*.fs")]:
        text = read_text(path)
        assert lenient(text, {}).count("\n") == text.count("\n")
