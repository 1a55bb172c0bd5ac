"""State buffers: where a scripted module keeps what it remembers between two blocks. After chance, before tracer.

Found by looking: a tensor of the module that is written to, or replaced, while a method runs is state. Files of nn~'s
kind allocate many rows and use one; rows that nothing touches are cut off, and a trial shows that nobody misses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from instrument.base.errors import RosinError
from instrument.importing.chance import Given

SENTINEL = 0.123456
WARM = 3
"""Calls until a memory that is made at first use has its size."""


@dataclass
class StateBuffer:
    """A tensor of the module: every (part, attribute) that holds it, their paths, and its whole size."""

    places: list[tuple[Any, str]]
    paths: list[str]
    size: tuple[int, ...]

    def get(self) -> torch.Tensor:
        part, name = self.places[0]
        value = part.getattr(name)
        assert isinstance(value, torch.Tensor)
        return value

    def put(self, tensor: torch.Tensor) -> None:
        for part, name in self.places:
            part.setattr(name, tensor)


def attributes(module: Any, also: Iterable[str] = ()) -> Iterator[tuple[Any, str, str, Any]]:
    """(part, name, path, value) of what a scripted module and its parts hold: whatever their code speaks of, all
    buffers, and what is called one of ``also``. (TorchScript cannot be asked for a list.)"""
    parts = list(module.named_modules())
    words: set[str] = set(also)
    for _, part in parts:
        for method in part._c._method_names():
            words.update(re.findall(r"\.([A-Za-z_]\w*)", part._c._get_method(method).code))
        words.update(name for name, _ in part.named_buffers(recurse=False))
    for path, part in parts:
        for word in sorted(words):
            if not part._c._has_method(word) and part._c.hasattr(word):
                value = part._c.getattr(word)
                if isinstance(value, (torch.Tensor, int, float, bool, str, list, dict, tuple)):
                    yield part._c, word, f"{path}.{word}".lstrip("."), value


def _fingerprint(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return id(value), value._version
    if isinstance(value, (list, tuple)):
        return [_fingerprint(v) for v in value]
    return repr(value) if isinstance(value, dict) else value


def moving(module: Any, call: Callable[[], Any]) -> list[StateBuffer]:
    """The slots that a call writes. RosinError for a memory that no graph can hold."""
    for _ in range(WARM):
        call()
    before = list(attributes(module))
    marks = [_fingerprint(value) for _, _, _, value in before]
    shapes = [tuple(v.shape) if isinstance(v, torch.Tensor) else () for _, _, _, v in before]
    call()
    found: dict[tuple[Any, ...], StateBuffer] = {}
    for (part, name, path, old), mark, shape in zip(before, marks, shapes, strict=True):
        new = part.getattr(name)
        if _fingerprint(new) == mark:
            continue
        if not isinstance(new, torch.Tensor):
            raise RosinError(
                f"it keeps its memory in {path}, a {type(old).__name__} and no tensor, which cannot be streamed here; "
                "ask its author for an export that keeps it in buffers"
            )
        if tuple(new.shape) != shape:
            raise RosinError(
                f"its memory {path} changes its size from block to block ({list(shape)}, then {list(new.shape)}); "
                "ask its author for a streaming export"
            )
        if new.numel():
            key = (new.untyped_storage()._cdata, new.storage_offset(), tuple(new.shape))
            slot = found.setdefault(key, StateBuffer([], [], shape))
            slot.places.append((part, name))
            slot.paths.append(path)
    return list(found.values())


def same_buffers(slots: Sequence[StateBuffer], module: Any) -> list[StateBuffer]:
    """The same slots in another copy of the module."""
    there = {path: (part, name) for part, name, path, _ in attributes(module)}
    return [StateBuffer([there[path] for path in slot.paths], slot.paths, slot.size) for slot in slots]


def zeros(slots: Sequence[StateBuffer], rows: Sequence[int]) -> None:
    """Every slot fresh, with so many rows (0: all there were)."""
    for slot, count in zip(slots, rows, strict=True):
        slot.put(torch.zeros((count, *slot.size[1:]) if count else slot.size, dtype=slot.get().dtype))


def rows_in_use(
    slots: Sequence[StateBuffer], call: Callable[[], Any], run: Callable[[], list[torch.Tensor]]
) -> list[int]:
    """How many rows of each slot are used (0: leave it as it is). ``run``: the sound of a few blocks, for the trial."""
    wanted = []
    for slot in slots:
        old = slot.get()
        wide = old.dim() >= 2 and old.shape[0] > 1 and old.is_floating_point()
        wanted.append(1 if wide else 0)
        if wide:
            slot.put(torch.full(old.shape, SENTINEL, dtype=old.dtype))
    call()
    for i, slot in enumerate(slots):
        new = slot.get()
        if wanted[i]:
            touched = (new != SENTINEL).reshape(new.shape[0], -1).any(1).nonzero()
            wanted[i] = int(touched.max()) + 1 if len(touched) else 1
            wanted[i] = 0 if wanted[i] == new.shape[0] else wanted[i]
    if not any(wanted):
        return wanted

    def trial(rows: Sequence[int]) -> list[torch.Tensor]:
        zeros(slots, rows)
        return run()

    whole = trial([0] * len(wanted))
    try:
        cut = trial(wanted)
        if all(a.shape == b.shape and torch.allclose(a, b, atol=1e-6) for a, b in zip(whole, cut, strict=True)):
            return wanted
    except RuntimeError:
        pass
    return [0] * len(wanted)


def seeded(seed: int) -> Given:
    """Chance that is the same each time."""
    generator = torch.Generator().manual_seed(seed)

    def draw(shape: tuple[int, ...], kind: str) -> torch.Tensor:
        if kind == "normal":
            return torch.randn(shape, generator=generator)
        return torch.rand(shape, generator=generator) * 2.0 - 1.0

    return Given(draw)
