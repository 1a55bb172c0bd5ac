"""Shader: one compiled ISF file with its buffers; draws all passes of a picture. After glsl and sizes, before host.

Every buffer is two: a pass draws into one while it may read the other, which holds what the buffer was before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instrument.base.errors import RosinError
from instrument.isf import Header, Pass, Value
from instrument.stage.gpu import gl
from instrument.stage.isf.glsl import Sources
from instrument.stage.isf.sizes import side, worked_out

Rows = Mapping[str, NDArray[Any]]


class Shader:
    """gl.NotCompiled when the driver refuses it, RosinError when a pass's size is no expression."""

    def __init__(self, header: Header, sources: Sources, images: Rows) -> None:
        self.header = header
        _check_sizes(header)
        self._names = sources.names
        self._program = gl.TextProgram(sources.vertex, sources.fragment)
        self._strips = gl.Strips()
        self._buffers: dict[str, list[gl.Buffer]] = {}
        self._rows: dict[str, gl.Picture] = {}
        self._nothing = _picture(np.zeros((1, 1, 4), np.uint8))
        self._images = {name: _picture(rows) for name, rows in images.items()}

    def draw(
        self,
        target: gl.Target,
        uniforms: dict[str, Any],
        values: Mapping[str, Value],
        rows: Rows,
        given: Mapping[str, gl.Texture],
    ) -> None:
        """One picture. ``rows``: of audio inputs; ``given``: textures of image inputs, transparent black where none."""
        for name, row in rows.items():
            if name in self._rows and self._rows[name].width != row.shape[1]:
                self._rows.pop(name).delete()
            if name not in self._rows:
                self._rows[name] = gl.Picture(row.shape[1], row.shape[0])
            self._rows[name].put(row)
        sums = sums_of(values, target.width, target.height)
        passes = self.header.passes
        sizes = [(side(p.width, sums, target.width), side(p.height, sums, target.height)) for p in passes]
        for one, size in zip(passes, sizes, strict=True):
            if one.target:
                self._fit(one, size)
        for name in self.header.targets:
            if not any(p.persistent for p in passes if p.target == name):
                self._buffers[name][0].begin()
        gl.blend("off")
        last = passes[-1]
        for index, one in enumerate(passes):
            into = self._buffers[one.target][1] if one.target else target
            into.begin()
            pictures = self._pictures(given)
            for unit, (_, texture) in enumerate(pictures):
                texture.bind(unit)
            self._program.use(
                PASSINDEX=index,
                RENDERSIZE=(float(into.width), float(into.height)),
                **uniforms,
                **{self._names.get(name, name): value for name, value in values.items()},
                **{self._names.get(name, name): unit for unit, (name, _) in enumerate(pictures)},
            )
            self._strips.draw(4)
            if one.target:
                self._buffers[one.target].reverse()
        if last.target:
            gl.copy(self._buffers[last.target][0], target)

    def _pictures(self, given: Mapping[str, gl.Texture]) -> list[tuple[str, gl.Texture]]:
        found: list[tuple[str, gl.Texture]] = []
        for one in self.header.inputs:
            if one.kind == "image":
                found.append((one.name, given.get(one.name, self._nothing)))
            elif one.name in self._rows:
                found.append((one.name, self._rows[one.name]))
        found += self._images.items()
        return found + [(name, pair[0].texture) for name, pair in self._buffers.items()]

    def _fit(self, one: Pass, size: tuple[int, int]) -> None:
        """Two buffers of this size; what a persistent one held is stretched into the new one."""
        float32 = any(p.float32 for p in self.header.passes if p.target == one.target)
        old = self._buffers.get(one.target)
        if old is not None and (old[0].width, old[0].height) == size:
            return
        pair = [gl.Buffer(*size, float32), gl.Buffer(*size, float32)]
        for buffer in pair:
            buffer.begin()
        if old is not None:
            gl.copy(old[0], pair[0])
            _delete(old)
        self._buffers[one.target] = pair

    def inherit(self, older: Shader) -> None:
        """Take over the persistent buffers that both have: an edit does not empty them."""
        kept = {p.target: p.float32 for p in self.header.passes if p.persistent}
        for name, pair in list(older._buffers.items()):
            if name in kept and pair[0].float32 == kept[name]:
                self._buffers[name] = older._buffers.pop(name)

    def forget(self) -> None:
        """Empty every buffer."""
        for pair in self._buffers.values():
            for buffer in pair:
                buffer.begin()

    def delete(self) -> None:
        self._program.delete()
        self._strips.delete()
        for pair in self._buffers.values():
            _delete(pair)
        for texture in (self._nothing, *self._rows.values(), *self._images.values()):
            texture.delete()


def sums_of(values: Mapping[str, Value], width: int, height: int) -> dict[str, float]:
    """What an expression of a pass's size may name: WIDTH, HEIGHT and every input that is one number."""
    sums = {name: float(value) for name, value in values.items() if not isinstance(value, tuple)}
    return {**sums, "WIDTH": float(width), "HEIGHT": float(height)}


def _check_sizes(header: Header) -> None:
    values = {i.name: i.default for i in header.inputs if i.kind not in ("image", "audio", "audioFFT")}
    for one in header.passes:
        for key, said in (("WIDTH", one.width), ("HEIGHT", one.height)):
            try:
                if said:
                    worked_out(said, sums_of(values, 1280, 720))
            except ValueError as error:
                raise RosinError(
                    f'{header.name}: {key} of a pass is "{said}", but {error}; write one such as "$WIDTH/2.0"'
                ) from None


def _picture(rows: NDArray[Any]) -> gl.Picture:
    picture = gl.Picture(rows.shape[1], rows.shape[0], rows.dtype == np.uint8)
    picture.put(rows)
    return picture


def _delete(pair: list[gl.Buffer]) -> None:
    for buffer in pair:
        buffer.delete()
