"""Host: one ISF file, drawn. ``Visual(path)``; then ``hear`` frames, ``set`` inputs, ``draw``. After glsl, sizes, feed.

Needs an open window (GL). The time of a picture is whatever its caller says, never a clock: the same frames, values and
times give the same pictures. A file that is wrong, at first or when it changes, leaves the last good picture in place
and one sentence in ``wrong``; its mark (``mark``) keeps a file that hung from hanging the next window.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np

from instrument.base.errors import RosinError
from instrument.ipc import Frame
from instrument.isf import Header, IsfInput, Value, one_line, parse_header, read_text
from instrument.isf.shape import PARTS, PICTURES
from instrument.stage.gpu import gl
from instrument.stage.isf.feed import Feed
from instrument.stage.isf.glsl import complaint, rewrite
from instrument.stage.isf.mark import Mark, hung_sentence
from instrument.stage.isf.pictures import all_imported, numbers_of
from instrument.stage.isf.shader import Rows, Shader
from instrument.stage.isf.watch import Watch

DATE = datetime.datetime(2000, 1, 1)
"""What DATE counts from when nobody says another: a picture must not depend on the day that it is drawn."""


class Visual:
    """One file. ``marks``: another folder for its mark; ``began``: the date and time of day at time 0."""

    def __init__(self, path: Path | str, began: datetime.datetime = DATE, marks: Path | None = None) -> None:
        self.path = Path(path)
        self.name = one_line(self.path.name)
        self.wrong = ""
        self.hung = False
        self._began = began
        self._feed = Feed()
        self._given: dict[str, Value] = {}
        self._fired: set[str] = set()
        self._images: dict[str, gl.Texture] = {}
        self._shader: Shader | None = None
        self._last: float | None = None
        self._mark = Mark(self.path, marks)
        self._watch = Watch(self._files())
        if self._mark.hung():
            self.hung, self.wrong = True, hung_sentence(self.name)
        else:
            self._load()

    # --- what it is

    @property
    def header(self) -> Header:
        """Of the shader that is drawn now; an empty one when there is none."""
        return self._shader.header if self._shader is not None else Header(self.name, 2)

    @property
    def inputs(self) -> tuple[IsfInput, ...]:
        return self.header.inputs

    @property
    def drawn(self) -> bool:
        """Is there anything to draw?"""
        return self._shader is not None

    # --- loading

    def look(self) -> bool:
        """Load the file again if it changed. True when there is a new picture, or a new sentence in ``wrong``."""
        if not self._watch.changed():
            return False
        self._load()
        return True

    def _files(self, images: tuple[Path, ...] = ()) -> list[Path]:
        return [self.path, self.path.with_suffix(".vs"), *images]

    def _load(self) -> None:
        """What can be read and compiled takes the place of what was; else only ``wrong`` changes."""
        images: dict[str, Path] = {}
        self.hung = False
        self._mark.load()
        self._mark.begin()
        try:
            text = read_text(self.path)
            vertex_path = self.path.with_suffix(".vs")
            vertex = read_text(vertex_path) if vertex_path.is_file() else ""
            header = parse_header(text, self.path.name)
            images = {name: self.path.parent / file for name, file in header.imported}
            rows = all_imported(images, self.path.parent, self.name)
            try:
                shader = _compiled(header, text, vertex, rows)
            except gl.NotCompiled as refused:
                file = vertex_path.name if refused.stage == "vertex" and vertex else self.path.name
                line, why = complaint(refused.log)
                raise RosinError(f"{one_line(file)}{f' line {line}' if line else ''}: {why}") from None
            gl.finish()
        except RosinError as error:
            self.wrong = str(error)
        else:
            if self._shader is not None:
                shader.inherit(self._shader)
                self._shader.delete()
            self._shader, self.wrong = shader, ""
        finally:
            self._mark.end()
        self._watch.follow(self._files(tuple(images.values())))

    # --- inputs

    def set(self, name: str, value: Any) -> None:
        """Put an input where it shall stay; an event happens in the next picture. RosinError if it does not fit.

        Numbers are kept inside the input's range. An input that the sound feeds is the hand's from now on. A value
        outlives a change of the file, and comes back when the file has that input again. An image takes a gl.Texture.
        """
        one = self.header.find(name)
        if one.kind == "image" and isinstance(value, gl.Texture):
            self._images[name] = value
            return
        if one.kind in PICTURES:
            raise RosinError(f"input {name} of {self.name} is a picture that takes no number; leave it to the sound")
        given = value if isinstance(value, (tuple, list)) else (value,)
        try:
            numbers = [float(v) for v in given]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        count = len(PARTS.get(one.kind, "x"))
        if len(numbers) != count or not np.isfinite(numbers).all():
            what = "a number" if count == 1 else f"{count} numbers"
            raise RosinError(f"input {name} of {self.name} takes {what}, not {one_line(repr(value))}; give {what}")
        if one.kind == "event":
            (self._fired.add if numbers[0] else self._fired.discard)(name)
            return
        self._given[name] = tuple(numbers) if count > 1 else numbers[0]

    def free(self, name: str) -> None:
        """Give an input back to the sound that feeds it, or to its default."""
        self._given.pop(name, None)

    def value(self, name: str) -> Value:
        """What the shader is given for an input in the next picture."""
        return self._value(self.header.find(name))

    def _value(self, one: IsfInput) -> Value:
        if one.kind == "event":
            return one.name in self._fired
        given = self._given.get(one.name)
        if given is None:
            return self._feed.number(one) if one.fed else one.default
        if one.kind == "bool":
            return bool(given if not isinstance(given, tuple) else given[0])
        count = len(PARTS.get(one.kind, "x"))
        numbers = given if isinstance(given, tuple) else (float(given),)
        if len(numbers) != count:
            return one.default  # the file has changed the kind of this input
        low, high = (v if isinstance(v, tuple) else (float(v),) for v in (one.low, one.high))
        kept = tuple(min(h, max(lo, v)) for v, lo, h in zip(numbers, low, high, strict=True))
        if one.kind == "long":
            whole = round(kept[0])
            return whole if not one.values else min(one.values, key=lambda v: abs(v - whole))
        return kept if count > 1 else kept[0]

    def hear(self, frame: Frame) -> None:
        """One frame of the sound; every one, in order, so that the level is the same at any rate of pictures."""
        self._feed.hear(frame)

    # --- drawing

    def draw(self, target: gl.Target, time: float, index: int) -> bool:
        """One picture, all passes, into all of ``target``, over nothing. False when there is nothing to draw.

        ``time``: seconds since the beginning, of the sound; ``index``: of the picture, from 0.
        """
        shader = self._shader
        if shader is None:
            return False
        moment = self._began + datetime.timedelta(seconds=min(max(time, 0.0), 1e9))
        day = (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        elapsed = 0.0 if self._last is None else max(0.0, time - self._last)
        uniforms: dict[str, Any] = {
            "TIME": float(time),
            "TIMEDELTA": float(elapsed),
            "FRAMEINDEX": int(index),
            "DATE": (float(moment.year), float(moment.month), float(moment.day), day),
        }
        values = {one.name: self._value(one) for one in shader.header.inputs if one.kind not in PICTURES}
        rows = numbers_of(shader.header, self._feed)
        self._mark.begin()
        try:
            shader.draw(target, uniforms, values, rows, self._images)
        except RosinError as error:  # no room for a buffer
            self.wrong, self._shader = str(error), None
            shader.delete()
            return False
        finally:
            gl.finish()  # what is drawn is drawn: the mark may go
            self._mark.end()
        self._fired.clear()
        self._last = time
        return True

    def forget(self) -> None:
        """Another performance begins: empty persistent buffers, no time before."""
        self._last = None
        if self._shader is not None:
            self._shader.forget()

    def close(self) -> None:
        """Let go of everything."""
        if self._shader is not None:
            self._shader.delete()
            self._shader = None
        self._mark.close()


def _compiled(header: Header, text: str, vertex: str, rows: Rows) -> Shader:
    """As GLSL 3.30 reads it, else with the conversions that others make. gl.NotCompiled is of the first try."""
    try:
        return Shader(header, rewrite(header, text, vertex), rows)
    except gl.NotCompiled as strict:
        try:
            return Shader(header, rewrite(header, text, vertex, loose=True), rows)
        except gl.NotCompiled:
            raise strict from None
