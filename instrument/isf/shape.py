"""Shape: what an ISF header can say, as data. Before parse, knobs and the stage's host. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from instrument.base.errors import RosinError

InputKind = Literal["event", "bool", "long", "float", "point2D", "color", "image", "audio", "audioFFT"]
Value = float | int | bool | tuple[float, ...]

KINDS: tuple[InputKind, ...] = ("event", "bool", "long", "float", "point2D", "color", "image", "audio", "audioFFT")
PICTURES = ("image", "audio", "audioFFT")
"""Kinds that reach the shader as a picture and have no value to set."""
PARTS = {"point2D": "xy", "color": "rgba"}
BYTES_MAX = 1 << 20
INPUTS_MAX, PASSES_MAX, PICTURES_MAX = 64, 16, 16
"""A graphics driver promises no more than sixteen pictures to one shader."""
SAMPLES_MAX = 4096
_WORDS = """
attribute const uniform varying centroid break continue do for while switch case
default if else in out inout float int void bool true false invariant discard return mat2 mat3 mat4 vec2 vec3 vec4
ivec2 ivec3 ivec4 bvec2 bvec3 bvec4 uint uvec2 uvec3 uvec4 lowp mediump highp precision struct main defined
mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3 mat4x4
PASSINDEX RENDERSIZE TIME TIMEDELTA DATE FRAMEINDEX isf_FragNormCoord vv_FragNormCoord isf_vertShaderInit
vv_vertShaderInit IMG_PIXEL IMG_NORM_PIXEL IMG_THIS_PIXEL IMG_THIS_NORM_PIXEL IMG_SIZE
"""
HARD_WORDS = frozenset(_WORDS.split())
"""Names that no input or buffer can have: words of GLSL 330 and of ISF itself."""
_HARD = re.compile(
    r"gl_.*|isf_.*|texture2D(?:Lod|Proj|Rect)?|[iu]?(?:sampler|image)(?:[123]D|Cube|2DRect|Buffer|2DMS)(?:Array)?(?:Shadow)?"
)
_MACROS = re.compile(r"_.*_(imgRect|imgSize|flip)")
_FED = re.compile(r"(level|rms|peak|note|gate|chance|known)|(hand|pos|force|latent)(\d{1,3})")


@dataclass(frozen=True, slots=True)
class IsfInput:
    """One input. ``low``, ``high``, ``default``, ``identity``: numbers, or as many as a point or colour has parts.

    Of an ``audio`` or ``audioFFT`` input ``high`` is the number of columns asked for, 0 for as many as there are.
    ``values`` and ``labels``: the entries of a ``long`` input's menu.
    """

    name: str
    kind: InputKind
    label: str = ""
    default: Value = 0.0
    low: Value = 0.0
    high: Value = 1.0
    identity: Value | None = None
    values: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def fed(self) -> bool:
        """A float of one of the names that the sound feeds by itself: level, hand0, pos3, latent7 ..."""
        return self.kind == "float" and _FED.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass. ``target`` empty: the picture itself; ``width`` and ``height``: expressions, empty for the whole."""

    target: str = ""
    persistent: bool = False
    float32: bool = False
    width: str = ""
    height: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """A whole header. ``imported``: name to path, relative to the file. ``filters``: an image filter by convention."""

    name: str
    version: int
    description: str = ""
    credit: str = ""
    categories: tuple[str, ...] = ()
    inputs: tuple[IsfInput, ...] = ()
    passes: tuple[Pass, ...] = (Pass(),)
    imported: tuple[tuple[str, str], ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the buffers, in order of their first pass."""
        return tuple(dict.fromkeys(p.target for p in self.passes if p.target))

    @property
    def filters(self) -> bool:
        return any(i.name == "inputImage" and i.kind == "image" for i in self.inputs)

    def find(self, name: str) -> IsfInput:
        """RosinError names the inputs there are."""
        for one in self.inputs:
            if one.name == name:
                return one
        there = ", ".join(i.name for i in self.inputs) or "none"
        raise RosinError(f"{self.name} has no input {one_line(name)!r}; its inputs are: {there}")


def is_hard(name: str) -> bool:
    """Can nothing of a file be called so: a word of GLSL or ISF, one that both keep for themselves, or one of ours."""
    return name in HARD_WORDS or _HARD.fullmatch(name) is not None or _MACROS.fullmatch(name) is not None


def one_line(text: object) -> str:
    """Any text as part of one sentence: printable, without line breaks, 120 characters at most."""
    said = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return said if len(said) <= 120 else said[:117] + "..."
