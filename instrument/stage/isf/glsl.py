"""GLSL: an ISF file's text made into GLSL 330 core, and a driver's complaint led back to the file's own line. Pure.

After instrument.isf, before host. The file's lines stay where they are: comments become spaces, and ``#line 1`` stands
before the first of them, so the number that a driver tells is the number that an editor shows. Names are changed token
by token, never inside comments or longer names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from instrument.isf import Header, one_line
from instrument.stage.isf.lenient import HELPERS, lenient

Stage = Literal["fragment", "vertex"]

_BUILT_IN = """
radians degrees sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh pow exp log exp2 log2 sqrt inversesqrt abs
sign floor trunc round roundEven ceil fract mod modf min max clamp mix step smoothstep isnan isinf length distance dot
cross normalize reflect refract faceforward transpose determinant inverse lessThan greaterThan equal notEqual any all
not texture textureSize textureLod textureOffset texelFetch textureGrad textureProj dFdx dFdy fwidth outerProduct
matrixCompMult
"""
_RESERVED = """
active asm cast class common enum extern external filter fixed fvec2 fvec3 fvec4 goto half hvec2 hvec3 hvec4 inline
input interface long namespace noinline output packed partition public sampler short sizeof static superp template this
typedef union unsigned using volatile sample patch buffer shared resource subroutine double dvec2 dvec3 dvec4 row_major
precise
"""
FUNCTIONS = frozenset(_BUILT_IN.split())
RESERVED = frozenset(_RESERVED.split())
"""Words that GLSL keeps for itself and older files use as names: they are called ``isf_n_...`` in what is compiled."""
QUALIFIERS = {
    word: re.compile(r"\s*\(" if word == "layout" else r"\s+(?:centroid\s+)?(?:in|out|varying)\b")
    for word in ("smooth", "flat", "noperspective", "layout")
}
"""Words of 3.30 that files of older versions use as names: where no declaration follows, they are one."""

OURS = 1_000_001
"""Lines of ours are numbered from here. (Mesa tells 0 as the number of every source string.)"""
_TOKEN = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|[A-Za-z_][A-Za-z0-9_]*", re.DOTALL)
_OLD_NAMES = {
    "vv_FragNormCoord": "isf_FragNormCoord",
    "vv_vertShaderInit": "isf_vertShaderInit",
    "texture2D": "isf_tex",
    "texture2DLod": "textureLod",
    "texture2DProj": "textureProj",
    "texture2DRect": "IMG_PIXEL",
    "gl_Vertex": "isf_position",
    "gl_FragColor": "isf_FragColor",
}
_OUT = re.compile(
    r"(?:^|[;}])\s*(?:layout\s*\([^)]*\)\s*)?out\s+(?:(?:lowp|mediump|highp)\s+)?vec4\s+\w+\s*;", re.MULTILINE
)
_FOREIGN = re.compile(r"[^\x20-\x7e\n\t]")
_CALLED = re.compile(r"\s*\(")
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(version|extension|line)\b[^\n]*", re.MULTILINE)
_IN_CORE = (
    "GL_OES_standard_derivatives",
    "GL_EXT_shader_texture_lod",
    "GL_EXT_gpu_shader4",
    "GL_ARB_texture_rectangle",
)
_UNIFORM = {
    "event": "bool",
    "bool": "bool",
    "long": "int",
    "float": "float",
    "point2D": "vec2",
    "color": "vec4",
    "image": "sampler2D",
    "audio": "sampler2D",
    "audioFFT": "sampler2D",
}

_COMMON = """uniform int PASSINDEX;
uniform vec2 RENDERSIZE;
uniform float TIME;
uniform float TIMEDELTA;
uniform vec4 DATE;
uniform int FRAMEINDEX;
"""
_IMAGES = """vec4 isf_tex(sampler2D s, vec2 p) { return texture(s, p); }
vec2 IMG_SIZE(sampler2D s) { return vec2(textureSize(s, 0)); }
vec4 IMG_NORM_PIXEL(sampler2D s, vec2 p) { return texture(s, p); }
vec4 IMG_PIXEL(sampler2D s, vec2 p) { return texture(s, p / vec2(textureSize(s, 0))); }
vec4 IMG_THIS_PIXEL(sampler2D s) { return texture(s, isf_FragNormCoord); }
vec4 IMG_THIS_NORM_PIXEL(sampler2D s) { return texture(s, isf_FragNormCoord); }
"""
_BIASED = "vec4 isf_tex(sampler2D s, vec2 p, float b) { return texture(s, p, b); }\n"
_CORNER = """vec4 isf_position = vec4(2.0 * vec2(gl_VertexID & 1, gl_VertexID >> 1) - 1.0, 0.0, 1.0);
void isf_vertShaderInit() {
    gl_Position = isf_position;
    isf_FragNormCoord = 0.5 * isf_position.xy + 0.5;
}
"""
PLAIN_VERTEX = "void main() { isf_vertShaderInit(); }\n"


@dataclass(frozen=True, slots=True)
class Sources:
    """What is compiled. ``names``: input or buffer to its name there, where the two differ."""

    vertex: str
    fragment: str
    names: dict[str, str]


def rewrite(header: Header, fragment: str, vertex: str = "", loose: bool = False) -> Sources:
    """The two sources of an ISF file. ``vertex`` empty: the plain one, a quad over the whole picture.

    ``loose``: with the conversions written out that this GLSL does not make by itself.
    """
    declared = [(i.name, _UNIFORM[i.kind]) for i in header.inputs]
    declared += [(name, "sampler2D") for name, _ in header.imported]
    declared += [(name, "sampler2D") for name in header.targets]
    names = {name: f"isf_n_{name}" for name, _ in declared if name in FUNCTIONS | RESERVED | QUALIFIERS.keys()}
    uniforms = _COMMON + "".join(f"uniform {kind} {names.get(name, name)};\n" for name, kind in declared)
    uniforms += "".join(_about(name, names.get(name, name)) for name, kind in declared if kind == "sampler2D")
    kinds = {names.get(name, name): kind for name, kind in declared if kind != "sampler2D"} if loose else None
    return Sources(
        _made("vertex", uniforms, vertex or PLAIN_VERTEX, names, kinds),
        _made("fragment", uniforms, fragment, names, kinds),
        names,
    )


def _about(name: str, ours: str) -> str:
    """What hosts tell of a picture beside it; files use it, though no specification has it: its place in pixels."""
    size = f"vec2(textureSize({ours}, 0))"
    return (
        f"#define _{name}_imgRect vec4(0.0, 0.0, {size})\n#define _{name}_imgSize {size}\n#define _{name}_flip false\n"
    )


def _made(stage: Stage, uniforms: str, text: str, names: dict[str, str], kinds: dict[str, str] | None) -> str:
    text = _renamed(_without_comments(text), names)
    extensions, text = _directives(text)
    if kinds is not None:
        uniforms, text = uniforms + HELPERS, lenient(text, kinds)
    prefix = f"#version 330 core\n{extensions}#line {OURS}\n"
    if stage == "fragment":
        prefix += "#define varying in\n" + uniforms + "in vec2 isf_FragNormCoord;\n" + _IMAGES + _BIASED
        if not _OUT.search(text) or re.search(r"\bisf_FragColor\b", text):
            prefix += "out vec4 isf_FragColor;\n"
    else:
        prefix += "#define varying out\n" + uniforms + "out vec2 isf_FragNormCoord;\n" + _IMAGES + _CORNER
    return f"{prefix}#line 1\n{text}\n"


def _without_comments(text: str) -> str:
    """Comments as spaces, and characters that no driver must take as spaces; every line stays where it is."""

    def blank(found: re.Match[str]) -> str:
        token = found.group()
        return "".join("\n" if c == "\n" else " " for c in token) if token.startswith("/") else token

    text = _TOKEN.sub(blank, text)
    return _FOREIGN.sub(" ", text)


def _renamed(text: str, names: dict[str, str]) -> str:
    reserved = {word: f"isf_n_{word}" for word in RESERVED}

    def other(found: re.Match[str]) -> str:
        token = found.group()
        if token in FUNCTIONS and _CALLED.match(text, found.end()):
            return token
        if token in QUALIFIERS:
            return token if QUALIFIERS[token].match(text, found.end()) else f"isf_n_{token}"
        return _OLD_NAMES.get(token) or names.get(token) or reserved.get(token, token)

    text = _TOKEN.sub(other, text)
    return re.sub(r"\bgl_FragData\s*\[\s*0\s*\]", "isf_FragColor", text)


def _directives(text: str) -> tuple[str, str]:
    """The extensions asked for, to stand at the top; the text without them, #version and #line."""
    kept: list[str] = []

    def take(found: re.Match[str]) -> str:
        line = found.group()
        if found.group(1) == "extension" and not any(name in line for name in _IN_CORE):
            kept.append(line.strip() + "\n")
        return ""

    text = _DIRECTIVE.sub(take, text)
    return "".join(kept), text


_PLACES = (
    re.compile(r"^\s*\d+:(?P<line>\d+)\(\d+\):\s*(?:preprocessor )?(?P<kind>error|warning):\s*(?P<why>.*)"),  # Mesa
    re.compile(r"^\s*\d+\((?P<line>\d+)\)\s*:\s*(?P<kind>error|warning)\s*(?:C\d+)?:\s*(?P<why>.*)"),  # NVIDIA
    re.compile(r"^\s*(?P<kind>ERROR|WARNING):\s*\d+:(?P<line>\d+):\s*(?P<why>.*)"),  # Apple, AMD, Intel
)


def complaint(log: str) -> tuple[int, str]:
    """Line in the file (0: none) and words of the first error in a driver's log."""
    for row in log.splitlines():
        for place in _PLACES:
            found = place.match(row)
            if found and found["kind"].lower() == "error":
                why = one_line(found["why"].replace("isf_n_", "").replace("isf_FragColor", "gl_FragColor"))
                line = int(found["line"][:9])
                return (line if line < OURS else 0), why
    rows = [row for row in log.splitlines() if row.strip(" \0")]
    return 0, one_line(rows[0]) if rows else "the driver does not say why"
