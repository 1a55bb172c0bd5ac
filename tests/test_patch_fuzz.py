"""Fuzz: whatever a patch or a rig file holds, it is read whole or refused in words; and the schema agrees.

Sixty of each here; ``ROSIN_FUZZ=100000`` for the long run.
"""

from __future__ import annotations

import datetime
import os
import string
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrument.base.errors import RosinError
from instrument.base.validation import Field, Section, check
from instrument.documents.patch import Patch, patch_from, patch_schema, read_patch
from instrument.documents.patch_shape import SHAPE as PATCH
from instrument.documents.rig import SHAPE as RIG
from instrument.documents.rig import Rig, read_rig, rig_from, rig_schema

WORDS = st.text(string.ascii_lowercase + "z1_.- é", max_size=12)
ODD = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 127, 128, 10**400, float("nan"), float("inf"), -float("inf"), -0.0, 1e308]),
    st.floats(),
    WORDS,
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.lists(st.one_of(st.integers(), WORDS), max_size=3),
    st.dictionaries(WORDS, st.one_of(st.integers(), WORDS), max_size=3),
)
ROOMS = pytest.mark.parametrize(
    ("shape", "read", "schema"),
    [(PATCH, patch_from, patch_schema), (RIG, rig_from, rig_schema)],
    ids=["patch", "rig"],
)
EXAMPLES = max(60, int(os.environ.get("ROSIN_FUZZ", "0")) // 50)
SLOW = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def fitting(part: Field) -> st.SearchStrategy[Any]:
    """What a field may hold; whole numbers where it wants whole numbers."""
    low, high = part.low or 0, part.high or 0
    kinds: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "text": lambda: WORDS,
        "number": lambda: st.floats(low, high) | st.sampled_from([n for n in (0, 1, 50) if low <= n <= high] or [low]),
        "integer": lambda: st.integers(int(low), int(high)),
        "boolean": st.booleans,
        "choice": lambda: st.sampled_from(part.choices),
        "label": lambda: WORDS | st.fixed_dictionaries({"en": WORDS, "fr": WORDS}),
        "sha256": lambda: st.text("0123456789abcdef", min_size=64, max_size=64),
        "texts": lambda: st.lists(WORDS, max_size=3),
        "tables": lambda: st.lists(st.dictionaries(WORDS, st.integers(0, 9), max_size=2), max_size=2),
    }
    return kinds[part.kind]()


def tables(shape: Section, odd: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of this shape; with ``odd`` some of their entries are wrong, missing or unknown."""
    needed, rest = {}, {}
    for key, part in shape.fields.items():
        value = fitting(part) if isinstance(part, Field) else tables(part, odd)
        (needed if part.needed and not odd else rest)[key] = value | ODD if odd else value
    whole = st.fixed_dictionaries(needed, optional=rest)
    if shape.each is not None:
        each = fitting(shape.each) if isinstance(shape.each, Field) else tables(shape.each, odd)
        whole = st.dictionaries(WORDS, each | ODD if odd else each, max_size=2)
    strange = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=6), ODD, max_size=1 if odd else 0)
    return st.builds(lambda a, b: {**b, **a}, whole, strange)


@cache
def validator(schema: Callable[[], dict[str, Any]]) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def beyond_the_schema(value: Any) -> bool:
    """What JSON cannot tell apart or has no word for, so that check() alone refuses it: 1.0 for 1, NaN, dates."""
    if isinstance(value, Mapping):
        return any(map(beyond_the_schema, value.values()))
    if isinstance(value, list):
        return any(map(beyond_the_schema, value))
    return isinstance(value, datetime.datetime) or (isinstance(value, float) and (value != value or value.is_integer()))


@ROOMS
@given(data=st.data())
@SLOW
def test_what_fits_the_shape_pleases_check_and_schema(
    shape: Section, read: Any, schema: Any, data: st.DataObject
) -> None:
    table = data.draw(tables(shape, odd=False))
    assert check(shape, table) == []
    assert list(validator(schema).iter_errors(table)) == []


@ROOMS
@given(data=st.data())
@SLOW
def test_check_and_schema_refuse_the_same_tables(shape: Section, read: Any, schema: Any, data: st.DataObject) -> None:
    table = data.draw(tables(shape, odd=True))
    told, refused = bool(check(shape, table)), not validator(schema).is_valid(table)
    if told and not refused:
        assert beyond_the_schema(table)
    assert told or not refused


@ROOMS
@given(data=st.data())
@SLOW
def test_a_table_is_read_whole_or_refused_in_words(shape: Section, read: Any, schema: Any, data: st.DataObject) -> None:
    table = data.draw(tables(shape, odd=data.draw(st.booleans())))
    if data.draw(st.booleans()):
        table["schema"] = data.draw(st.sampled_from([0, 1]))
    try:
        found = read(table, "x.toml")
    except RosinError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith("x.toml: ") for line in lines)
        assert all(";" in line for line in lines), "each with a remedy"
    else:
        assert isinstance(found, (Patch, Rig))
        assert table["schema"] in (0, 1)


def one_damage(part: Field) -> st.SearchStrategy[Any]:
    """A value of another kind or beyond the bounds: surely wrong for this field."""
    wrong: list[Any] = [datetime.date(2020, 1, 1), [1], {"x": 1}]
    if part.kind in ("number", "integer"):
        wrong += [True, "1", float("nan")]
        wrong += [part.low - 1] if part.low is not None else []
        wrong += [part.high + 1] if part.high is not None else []
    else:
        wrong += [3, float("inf")]
    return st.sampled_from([value for value in wrong if not (part.kind == "tables" and isinstance(value, dict))])


def places(shape: Section, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Field]]:
    found = []
    for key, part in shape.fields.items():
        found += [((*path, key), part)] if isinstance(part, Field) else places(part, (*path, key))
    if isinstance(shape.each, Field):
        return [*found, ((*path, "z1"), shape.each)]
    return found + (places(shape.each, (*path, "z1")) if shape.each else [])


def rooms(shape: Section, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every section, with a knob's name for those whose entries are named freely."""
    if isinstance(shape.each, Field):
        return []  # whatever stands there is a knob's name
    found = [path] if shape.each is None else rooms(shape.each, (*path, "z1"))
    for key, part in shape.fields.items():
        found += rooms(part, (*path, key)) if isinstance(part, Section) else []
    return found


@ROOMS
@given(data=st.data())
@SLOW
def test_one_damage_is_refused_by_both(shape: Section, read: Any, schema: Any, data: st.DataObject) -> None:
    table = data.draw(tables(shape, odd=False))
    if data.draw(st.booleans()):
        path, part = data.draw(st.sampled_from(places(shape)))
        value = data.draw(one_damage(part).filter(lambda value: not beyond_the_schema(value)))
    else:
        path, value = (*data.draw(st.sampled_from(rooms(shape))), "nothing_of_that_name"), 0
    room = table
    for key in path[:-1]:
        room = room.setdefault(key, {})
    room[path[-1]] = value
    assert check(shape, table) != []
    assert not validator(schema).is_valid(table)


@given(data=st.data(), count=st.integers(1, 8))
@SLOW
def test_there_are_as_many_lines_as_there_are_mistakes(data: st.DataObject, count: int) -> None:
    table: dict[str, Any] = {"schema": 1, "name": "p", "model": {"name": "null"}}
    where = data.draw(
        st.lists(st.sampled_from(places(PATCH)[1:]), min_size=count, max_size=count, unique_by=lambda x: x[0])
    )
    for path, part in where:
        room = table
        for key in path[:-1]:
            room = room.setdefault(key, {})
        room[path[-1]] = data.draw(one_damage(part))
    with pytest.raises(RosinError) as caught:
        patch_from(table, "x.toml")
    lines = str(caught.value).splitlines()
    assert sorted(line.split(": ")[1] for line in lines) == sorted(".".join(path) for path, _ in where)


@given(
    data=st.one_of(
        st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
@SLOW
def test_random_bytes_are_a_file_or_a_sentence(data: bytes) -> None:
    read_or_told(data)


@given(data=st.data())
@SLOW
def test_damaged_files_are_a_file_or_a_sentence(data: st.DataObject) -> None:
    table = data.draw(tables(data.draw(st.sampled_from([PATCH, RIG])), odd=False))
    text = bytearray(tomlkit.dumps(table).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(text) - 1)))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3)
            | st.sampled_from([b'"', b"[", b"]]", b"{", b"=", b"\n", b".", b"'''", b"\\u", b"1e999"])
        )
    read_or_told(bytes(text))


def read_or_told(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_bytes(data)
        for read, kind in ((read_patch, Patch), (read_rig, Rig)):
            try:
                found = read(path)
            except RosinError as error:
                told = str(error)
            else:
                told = found.path
                assert isinstance(found, kind)
            assert str(path) in told
