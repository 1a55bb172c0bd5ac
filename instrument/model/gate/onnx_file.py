"""ONNX file: nodes, weights and sizes of a graph, read without the ``onnx`` package. After wire, before size_rules.

Field numbers of onnx.proto3 (ONNX 1.16 to 1.19). What no model here needs - weights kept in another file, sparse
weights, functions, graphs within graphs, texts and sequences - is refused with the reason, as a part of a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instrument.model.gate.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    ProtoMalformed,
    ProtoMessage,
    Value,
    count_of,
    fields,
    numbers,
    signed,
)
from instrument.model.gate.wire import text as text_of

I64: TypeAlias = NDArray[np.int64]

NODES_MOST = 8192
"""Imports have some hundred to some thousand. The runtime takes the square of their number to open them: here 3 s."""
SMALL = 64
"""Whole numbers up to which a weight may be a shape, and is looked into."""
DIMENSIONS_MOST = 8
WIDTHS = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Bytes of a number by data_type: no texts, no complex numbers, nothing of less than a byte."""
INT32, INT64 = 6, 7
SETTINGS = {1: 2, 2: 3, 3: 4, 4: 5, 6: 7, 7: 8}
"""Kinds of an attribute that are known - a number, a whole one, a text, a weight, rows of the first two - and where
each stands."""
TYPED = {4: (1,), 5: (2, 3, 4, 5, 6, 9, 10, 16), 7: (7,), 10: (11,), 11: (12, 13)}
"""By the field that holds numbers one by one, which kinds may lie there."""


class GraphRefused(ValueError):
    """Why a graph is not opened, as a part of a sentence: ``it keeps weights in another file``."""


@dataclass(slots=True)
class Tensor:
    """A weight: its name, its size, and its values where it is a short row of whole numbers."""

    name: str
    shape: tuple[int, ...]
    values: I64 | None = None


@dataclass(slots=True)
class Node:
    """One operation. ``ints``, ``rows`` and ``tensors``: its attributes by kind."""

    op: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    ints: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Of all attributes."""


@dataclass(slots=True)
class OnnxFile:
    """A graph as it is written. A size that has a name is that name."""

    opset: int = 0
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    inputs: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)


def read_onnx(data: ProtoMessage) -> OnnxFile:
    """RosinError is the caller's: Malformed for bytes that are no ONNX, Refused for what is not opened here."""
    found = OnnxFile()
    graphs: list[ProtoMessage] = []
    for number, kind, value in _once(data, (1, 2, 3, 4, 5, 6, 7)):
        if number == 7:
            graphs.append(_bytes(kind, value))
        elif number == 8:
            domain, version = _opset(_bytes(kind, value))
            if domain in ("", "ai.onnx"):
                found.opset = version
        elif number in (20, 25):
            raise GraphRefused("it brings functions of its own" if number == 25 else "it brings a way to train it")
    if not graphs:
        raise ProtoMalformed("there is no graph")
    _graph(graphs[0], found)
    return found


def _once(data: ProtoMessage, single: Sequence[int]) -> Iterator[tuple[int, int, Value]]:
    """The fields of a message; one of ``single`` that comes twice would be merged, or the last would count."""
    seen = set()
    for number, kind, value in fields(data):
        if number in single:
            if number in seen:
                raise ProtoMalformed("a part of it is given twice")
            seen.add(number)
        yield number, kind, value


def _bytes(kind: int, value: Value) -> ProtoMessage:
    if kind != BYTES or isinstance(value, int):
        raise ProtoMalformed("a part of it is a number")
    return value


def _int(kind: int, value: Value) -> int:
    if kind != VARINT or not isinstance(value, int):
        raise ProtoMalformed("a number of it is none")
    return signed(value)


def _ints(kind: int, value: Value) -> list[int]:
    """One number of a row, or a packed row."""
    if isinstance(value, int):
        return [_int(kind, value)]
    return list(numbers(_bytes(kind, value)))


def _opset(data: ProtoMessage) -> tuple[str, int]:
    domain, version = "", 0
    for number, kind, value in _once(data, (1, 2)):
        if number == 1:
            domain = text_of(_bytes(kind, value))
        elif number == 2:
            version = _int(kind, value)
    return domain, version


def _graph(data: ProtoMessage, found: OnnxFile) -> None:
    for number, kind, value in _once(data, (2, 10)):
        if number == 1:
            found.nodes.append(_node(_bytes(kind, value)))
            if len(found.nodes) > NODES_MOST:
                raise GraphRefused(f"it has more than {NODES_MOST} operations")
        elif number == 5:
            weight = _tensor(_bytes(kind, value))
            if not weight.name or weight.name in found.weights:
                raise GraphRefused("two of its weights have one name, or one has none")
            found.weights[weight.name] = weight
        elif number == 11:
            name, shape = _value_info(_bytes(kind, value))
            found.inputs[name] = shape
        elif number == 12:
            found.outputs.append(_value_info(_bytes(kind, value))[0])
        elif number == 15:
            raise GraphRefused("it keeps weights in a sparse way")


def _node(data: ProtoMessage) -> Node:
    node = Node()
    for number, kind, value in _once(data, (3, 4, 6, 7, 8)):
        if number in (1, 2):
            (node.inputs if number == 1 else node.outputs).append(text_of(_bytes(kind, value)))
        elif number == 4:
            node.op = text_of(_bytes(kind, value))
        elif number == 5:
            _attribute(_bytes(kind, value), node)
        elif number in (7, 8) and (word := text_of(_bytes(kind, value))) not in ("", "ai.onnx"):
            raise GraphRefused(f"it uses an operation of {word[:40]!r}, and only those of ONNX itself are played")
    return node


def _attribute(data: ProtoMessage, node: Node) -> None:
    """One setting, of the kind it says it is and of no other: ONNX Runtime goes by that word."""
    name, kind_of = "", 0
    found: dict[int, list[Any]] = {}
    for number, kind, value in _once(data, (1, 2, 3, 4, 5, 6, 13, 14, 20, 21, 22)):
        if number == 1:
            name = text_of(_bytes(kind, value))
        elif number == 20:
            kind_of = _int(kind, value)
        elif number in (6, 11):
            raise GraphRefused("it holds a graph within its graph (a loop or a choice)")
        elif number in (9, 10, 14, 15, 21, 22, 23):
            raise GraphRefused("an operation of it has texts, kinds or sparse weights for a setting")
        elif number == 8:
            found.setdefault(8, []).extend(_ints(kind, value))
        elif number in SETTINGS.values():
            found.setdefault(number, []).append((kind, value))
    if kind_of not in SETTINGS or set(found) - {SETTINGS[kind_of]} or name in node.names or not name:
        raise GraphRefused("a setting of an operation is not of the kind it says, or is given twice")
    node.names.add(name)
    given = found.get(SETTINGS[kind_of], [])
    if kind_of == 7:
        node.rows[name] = given
    elif kind_of == 2:
        node.ints[name] = _int(*given[0]) if given else 0
    elif kind_of == 3:
        node.texts[name] = _bytes(*given[0]).view.tobytes().decode("latin-1") if given else ""
    elif kind_of == 4:
        if not given:
            raise ProtoMalformed("a weight is missing")
        node.tensors[name] = _tensor(_bytes(*given[0]))


def _value_info(data: ProtoMessage) -> tuple[str, tuple[int | str, ...]]:
    name, shape = "", None
    for number, kind, value in _once(data, (1, 2)):
        if number == 1:
            name = text_of(_bytes(kind, value))
        elif number == 2:
            shape = _type(_bytes(kind, value))
    if not name or shape is None:
        raise GraphRefused(f"{name or 'an input'} is no tensor of a known size")
    return name, shape


def _type(data: ProtoMessage) -> tuple[int | str, ...] | None:
    """The sizes of a tensor; None where it is none, or nobody says."""
    shape = None
    for number, kind, value in _once(data, (1, 4, 5, 6, 8, 9)):
        if number != 1:
            return None
        for inner, inner_kind, part in _once(_bytes(kind, value), (1, 2)):
            if inner == 2:
                dimensions = [_bytes(k, v) for n, k, v in fields(_bytes(inner_kind, part)) if n == 1]
                shape = tuple(_dimension(one) for one in dimensions)
    return shape


def _dimension(data: ProtoMessage) -> int | str:
    size: int | str = "?"
    for number, kind, value in _once(data, (1, 2, 3)):
        if number == 1:
            size = _int(kind, value)
        elif number == 2:
            size = text_of(_bytes(kind, value)) or "?"
    return size


def _tensor(data: ProtoMessage) -> Tensor:
    """A weight; its bytes have to be as many as its size says."""
    name, dimensions, kind_of, raw, typed = "", [], 0, None, 0
    short: list[int] = []
    for number, kind, value in _once(data, (2, 3, 8, 9, 12, 14)):
        if number == 1:
            dimensions += _ints(kind, value)
        elif number == 2:
            kind_of = _int(kind, value)
        elif number == 8:
            name = text_of(_bytes(kind, value))
        elif number == 9:
            raw = _bytes(kind, value)
        elif number in (13, 14) and (number == 13 or _int(kind, value) != 0):
            raise GraphRefused("it keeps weights in another file, which its card does not vouch for")
        elif number in (3, 6):
            raise GraphRefused("its weights are texts, or in pieces")
        elif number in TYPED:
            count, values = _typed(number, kind, value, kind_of)
            typed += count
            short += values[: SMALL + 1]
    return _whole(name, dimensions, kind_of, raw, typed, short)


def _whole(
    name: str, dimensions: list[int], kind: int, raw: ProtoMessage | None, typed: int, short: list[int]
) -> Tensor:
    if kind not in WIDTHS:
        raise GraphRefused(f"the weight {name[:40]!r} is of a kind that is not played")
    if len(dimensions) > DIMENSIONS_MOST or any(size < 0 for size in dimensions):
        raise GraphRefused(f"the weight {name[:40]!r} has an impossible size")
    count = math.prod(dimensions)
    if (raw is not None and typed) or (len(raw) != count * WIDTHS[kind] if raw is not None else typed != count):
        raise GraphRefused(f"the weight {name[:40]!r} is not as large as it says")
    values = None
    if kind in (INT32, INT64) and count <= SMALL:
        values = np.frombuffer(raw.view, f"<i{WIDTHS[kind]}") if raw is not None else np.array(short, np.int64)
        values = values.astype(np.int64).reshape(dimensions)
    return Tensor(name, tuple(dimensions), values)


def _typed(number: int, kind: int, value: Value, kind_of: int) -> tuple[int, list[int]]:
    """How many numbers lie in a field of a weight, and the first of them where they are whole."""
    if kind_of and kind_of not in TYPED[number]:
        raise GraphRefused("a weight holds numbers of another kind than it says")
    if number in (4, 10):
        wide = FIXED32 if number == 4 else FIXED64
        data = value if not isinstance(value, int) and kind in (BYTES, wide) else _bytes(-1, value)
        size = 4 if number == 4 else 8
        if len(data) % size:
            raise ProtoMalformed("a row of numbers is cut off")
        return len(data) // size, []
    if isinstance(value, int):
        return 1, [_int(kind, value)]
    row = _bytes(kind, value)
    count = count_of(row)
    return count, list(numbers(row)) if count <= SMALL else []
