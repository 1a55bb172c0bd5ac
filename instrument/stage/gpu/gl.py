"""GL: all raw OpenGL (3.3 core) of the stage, in one file because pyglet 3 moves it. Below scene.

Importing ``pyglet.gl`` opens a display, so it is imported inside ``open_gl`` and kept here; call that first. Arrays of
numbers travel as textures, because compilers shorten uniform arrays.
"""

from __future__ import annotations

import ctypes
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError

gl: Any = None


def open_gl() -> None:
    """Import pyglet's GL; after pyglet's options are set, before anything else here."""
    global gl
    from pyglet import gl as found

    gl = found


def _compile(kind: int, name: str) -> int:
    source = resources.files("instrument.stage").joinpath("shaders", name).read_text(encoding="utf-8").encode()
    shader: int = gl.glCreateShader(kind)
    text = ctypes.create_string_buffer(source)
    pointer = ctypes.cast(ctypes.pointer(ctypes.pointer(text)), ctypes.POINTER(ctypes.POINTER(gl.GLchar)))
    gl.glShaderSource(shader, 1, pointer, ctypes.byref(gl.GLint(len(source))))
    gl.glCompileShader(shader)
    ok = gl.GLint()
    gl.glGetShaderiv(shader, gl.GL_COMPILE_STATUS, ctypes.byref(ok))
    if not ok.value:
        log = ctypes.create_string_buffer(2048)
        gl.glGetShaderInfoLog(shader, 2048, None, log)
        raise RosinError(f"the shader {name} does not compile here: {log.value.decode(errors='replace')}")
    return shader


class Program:
    """A vertex and a fragment shader. ``use(name=number, or 2 to 4 of them)`` sets uniforms it has."""

    def __init__(self, vertex: str, fragment: str) -> None:
        self.id = gl.glCreateProgram()
        for kind, name in ((gl.GL_VERTEX_SHADER, vertex), (gl.GL_FRAGMENT_SHADER, fragment)):
            shader = _compile(kind, name)
            gl.glAttachShader(self.id, shader)
            gl.glDeleteShader(shader)  # it goes with the program
        gl.glLinkProgram(self.id)
        ok = gl.GLint()
        gl.glGetProgramiv(self.id, gl.GL_LINK_STATUS, ctypes.byref(ok))
        if not ok.value:
            raise RosinError(f"the shaders {vertex} and {fragment} do not link here")
        self._places: dict[str, int] = {}

    def use(self, /, **uniforms: Any) -> None:
        gl.glUseProgram(self.id)
        for name, value in uniforms.items():
            if name not in self._places:
                self._places[name] = gl.glGetUniformLocation(self.id, name.encode())
            at = self._places[name]
            if isinstance(value, int):
                gl.glUniform1i(at, value)
            elif isinstance(value, float):
                gl.glUniform1f(at, value)
            else:
                (gl.glUniform2f, gl.glUniform3f, gl.glUniform4f)[len(value) - 2](at, *value)

    def delete(self) -> None:
        gl.glDeleteProgram(self.id)


class Texture:
    """RGBA to draw into (``drawn`` "half" floats or "bytes"), or a table of 32-bit numbers (R, RG, RGBA) to read."""

    def __init__(self, width: int, height: int, channels: int = 4, drawn: str = "") -> None:
        self.width, self.height = width, height
        name = gl.GLuint()
        gl.glGenTextures(1, ctypes.byref(name))
        self.id = name.value
        self._format = {1: gl.GL_RED, 2: gl.GL_RG, 4: gl.GL_RGBA}[channels]
        table = {1: gl.GL_R32F, 2: gl.GL_RG32F, 4: gl.GL_RGBA32F}[channels]
        inside = {"half": gl.GL_RGBA16F, "bytes": gl.GL_RGBA8}.get(drawn, table)
        self.bind(0)
        gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, inside, width, height, 0, self._format, gl.GL_FLOAT, None)
        smooth = gl.GL_LINEAR if drawn else gl.GL_NEAREST
        for key, value in (
            (gl.GL_TEXTURE_MIN_FILTER, smooth),
            (gl.GL_TEXTURE_MAG_FILTER, smooth),
            (gl.GL_TEXTURE_WRAP_S, gl.GL_CLAMP_TO_EDGE),
            (gl.GL_TEXTURE_WRAP_T, gl.GL_CLAMP_TO_EDGE),
        ):
            gl.glTexParameteri(gl.GL_TEXTURE_2D, key, value)

    def bind(self, unit: int) -> None:
        gl.glActiveTexture(gl.GL_TEXTURE0 + unit)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self.id)

    def write(self, rows: NDArray[np.float32]) -> None:
        """Replace the first rows; shape [rows, width, channels], C order."""
        self.bind(0)
        gl.glTexSubImage2D(
            gl.GL_TEXTURE_2D,
            0,
            0,
            0,
            self.width,
            rows.shape[0],
            self._format,
            gl.GL_FLOAT,
            rows.ctypes.data_as(ctypes.c_void_p),
        )

    def delete(self) -> None:
        gl.glDeleteTextures(1, ctypes.byref(gl.GLuint(self.id)))


class Target:
    """Something to draw into that is not the window: a texture of half floats, or of bytes."""

    def __init__(self, width: int, height: int, half: bool = True) -> None:
        self.width, self.height = max(1, width), max(1, height)
        self.texture = Texture(self.width, self.height, drawn="half" if half else "bytes")
        name = gl.GLuint()
        gl.glGenFramebuffers(1, ctypes.byref(name))
        self.id = name.value
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self.id)
        gl.glFramebufferTexture2D(gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, self.texture.id, 0)
        if gl.glCheckFramebufferStatus(gl.GL_FRAMEBUFFER) != gl.GL_FRAMEBUFFER_COMPLETE:
            raise RosinError("this graphics driver cannot draw into half-float pictures; update it")

    def begin(self) -> None:
        """Draw here from now on, from black."""
        self.go_on()
        gl.glClearColor(0.0, 0.0, 0.0, 0.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)

    def go_on(self) -> None:
        """Draw here from now on, over what is there."""
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self.id)
        gl.glViewport(0, 0, self.width, self.height)

    def show(self, left: int, bottom: int, width: int, height: int) -> None:
        """Copy all of it into a part of the window, enlarged smoothly. The window is what is drawn into."""
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self.id)
        gl.glBlitFramebuffer(
            0,
            0,
            self.width,
            self.height,
            left,
            bottom,
            left + width,
            bottom + height,
            gl.GL_COLOR_BUFFER_BIT,
            gl.GL_LINEAR,
        )
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, 0)

    def delete(self) -> None:
        self.texture.delete()
        gl.glDeleteFramebuffers(1, ctypes.byref(gl.GLuint(self.id)))


def begin_window(width: int, height: int, ground: tuple[float, float, float]) -> None:
    """Draw into the window from now on, from one colour."""
    gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)
    gl.glViewport(0, 0, width, height)
    gl.glClearColor(*ground, 1.0)
    gl.glClear(gl.GL_COLOR_BUFFER_BIT)


def within(left: int, bottom: int, width: int, height: int) -> None:
    """Draw into this part of what is drawn into, in pixels."""
    gl.glViewport(left, bottom, width, height)


class Strips:
    """Draws triangle strips whose vertices a shader makes from their numbers alone: no vertex data."""

    def __init__(self) -> None:
        name = gl.GLuint()
        gl.glGenVertexArrays(1, ctypes.byref(name))
        self._vao = name.value

    def draw(self, vertices: int, copies: int = 1) -> None:
        gl.glBindVertexArray(self._vao)
        gl.glDrawArraysInstanced(gl.GL_TRIANGLE_STRIP, 0, vertices, copies)
        gl.glBindVertexArray(0)

    def delete(self) -> None:
        gl.glDeleteVertexArrays(1, ctypes.byref(gl.GLuint(self._vao)))


def blend(how: str) -> None:
    """``off``, ``add`` (light on light), ``most`` (the brighter one) or ``over`` (paint, not premultiplied)."""
    if how == "off":
        gl.glDisable(gl.GL_BLEND)
        return
    gl.glEnable(gl.GL_BLEND)
    gl.glBlendEquation(gl.GL_MAX if how == "most" else gl.GL_FUNC_ADD)
    if how == "over":
        gl.glBlendFunc(gl.GL_SRC_ALPHA, gl.GL_ONE_MINUS_SRC_ALPHA)
    else:
        gl.glBlendFunc(gl.GL_ONE, gl.GL_ONE)


def bind_foreign(unit: int, name: int) -> None:
    """A texture that is not ours, by its GL name: pyglet's letters."""
    gl.glActiveTexture(gl.GL_TEXTURE0 + unit)
    gl.glBindTexture(gl.GL_TEXTURE_2D, name)
    gl.glActiveTexture(gl.GL_TEXTURE0)


def finish() -> None:
    """Wait until everything is drawn."""
    gl.glFinish()


def renderer() -> str:
    """The driver's name for what draws."""
    return ctypes.cast(gl.glGetString(gl.GL_RENDERER), ctypes.c_char_p).value.decode()  # type: ignore[union-attr]


def pixels(width: int, height: int) -> NDArray[np.uint8]:
    """What the window shows, [height, width, 3], top row first."""
    data = np.empty((height, width, 3), np.uint8)
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
    gl.glReadPixels(0, 0, width, height, gl.GL_RGB, gl.GL_UNSIGNED_BYTE, data.ctypes.data_as(ctypes.c_void_p))
    return data[::-1]


# --- what visuals of others need (instrument.stage.isf)


class NotCompiled(Exception):
    """``stage``: "vertex", "fragment" or "link"; ``log``: the driver's own words."""

    def __init__(self, stage: str, log: str) -> None:
        self.stage, self.log = stage, log
        super().__init__(f"{stage}: {log}")


def _log(read: Any, name: int) -> str:
    text = ctypes.create_string_buffer(8192)
    read(name, len(text), None, text)
    return text.value.decode(errors="replace")


class TextProgram(Program):
    """A program out of two texts, GLSL 330 core. NotCompiled, with nothing left behind, when the driver refuses it."""

    def __init__(self, vertex: str, fragment: str) -> None:
        self._places = {}
        self.id = gl.glCreateProgram()
        shaders: list[int] = []
        ok = gl.GLint()
        try:
            for stage, kind, source in (
                ("vertex", gl.GL_VERTEX_SHADER, vertex),
                ("fragment", gl.GL_FRAGMENT_SHADER, fragment),
            ):
                shader = gl.glCreateShader(kind)
                shaders.append(shader)
                data = source.encode()
                text = ctypes.create_string_buffer(data)
                pointer = ctypes.cast(ctypes.pointer(ctypes.pointer(text)), ctypes.POINTER(ctypes.POINTER(gl.GLchar)))
                gl.glShaderSource(shader, 1, pointer, ctypes.byref(gl.GLint(len(data))))
                gl.glCompileShader(shader)
                gl.glGetShaderiv(shader, gl.GL_COMPILE_STATUS, ctypes.byref(ok))
                if not ok.value:
                    raise NotCompiled(stage, _log(gl.glGetShaderInfoLog, shader))
                gl.glAttachShader(self.id, shader)
            gl.glLinkProgram(self.id)
            gl.glGetProgramiv(self.id, gl.GL_LINK_STATUS, ctypes.byref(ok))
            if not ok.value:
                raise NotCompiled("link", _log(gl.glGetProgramInfoLog, self.id))
        except NotCompiled:
            self.delete()
            raise
        finally:
            for shader in shaders:
                gl.glDeleteShader(shader)


class Picture(Texture):
    """A picture or a row of numbers to be read smoothly: [height, width, 4] of bytes or float32, bottom row first."""

    def __init__(self, width: int, height: int, small: bool = False) -> None:
        """``small``: kept as bytes."""
        super().__init__(width, height, 4, "bytes" if small else "")
        for key in (gl.GL_TEXTURE_MIN_FILTER, gl.GL_TEXTURE_MAG_FILTER):
            gl.glTexParameteri(gl.GL_TEXTURE_2D, key, gl.GL_LINEAR)

    def put(self, rows: NDArray[np.float32] | NDArray[np.uint8]) -> None:
        kind = gl.GL_UNSIGNED_BYTE if rows.dtype == np.uint8 else gl.GL_FLOAT
        packed: NDArray[Any] = np.ascontiguousarray(rows)
        self.bind(0)
        gl.glTexSubImage2D(
            gl.GL_TEXTURE_2D,
            0,
            0,
            0,
            self.width,
            self.height,
            gl.GL_RGBA,
            kind,
            packed.ctypes.data_as(ctypes.c_void_p),
        )


class Buffer(Target):
    """A target of bytes, or of 32-bit floats that is read as smoothly."""

    def __init__(self, width: int, height: int, float32: bool = False) -> None:
        super().__init__(width, height, half=False)
        self.float32 = float32
        if float32:
            self.texture.delete()
            self.texture = Picture(self.width, self.height)
            gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self.id)
            gl.glFramebufferTexture2D(gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, self.texture.id, 0)
            if gl.glCheckFramebufferStatus(gl.GL_FRAMEBUFFER) != gl.GL_FRAMEBUFFER_COMPLETE:
                raise RosinError("this graphics driver cannot draw into pictures of 32-bit floats; update it")


def copy(source: Target, target: Target) -> None:
    """All of one target into all of another, enlarged or shrunk smoothly."""
    gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, source.id)
    gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, target.id)
    gl.glBlitFramebuffer(
        0, 0, source.width, source.height, 0, 0, target.width, target.height, gl.GL_COLOR_BUFFER_BIT, gl.GL_LINEAR
    )
    gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, target.id)


def blend_screen() -> None:
    """What is drawn and what is there lighten one another; in any order, and never beyond white."""
    gl.glEnable(gl.GL_BLEND)
    gl.glBlendEquation(gl.GL_FUNC_ADD)
    gl.glBlendFunc(gl.GL_ONE_MINUS_DST_COLOR, gl.GL_ONE)


def read(target: Target) -> NDArray[np.float32]:
    """What a target holds, [height, width, 4] float32, top row first."""
    data = np.empty((target.height, target.width, 4), np.float32)
    gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, target.id)
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
    gl.glReadPixels(0, 0, target.width, target.height, gl.GL_RGBA, gl.GL_FLOAT, data.ctypes.data_as(ctypes.c_void_p))
    return data[::-1]
