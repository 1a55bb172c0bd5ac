"""The manifest of a take: what is written is read, and what is wrong in one is told with its remedy."""

from __future__ import annotations

import copy
import dataclasses
import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.base.errors import ValidationErrors
from instrument.documents.take_folder import MANIFEST
from instrument.documents.take_manifest import (
    FileEntry,
    Parent,
    Played,
    TakeManifest,
    manifest_from,
    read_manifest,
    write_manifest,
)

WHOLE: dict[str, Any] = {
    "schema": 1, "id": "0123456789abcdef" * 2, "made": "2026-12-01T09:00:00Z", "finished": True, "seconds": 2,
    "rate": 48000, "channels": 2, "patch": {"name": "bow"}, "model": {"name": "first-bow", "sha256": "a" * 64},
    "files": [{"name": "sound.wav", "sha256": "b" * 64, "bytes": 7}],
}  # fmt: skip

IDS = st.text("0123456789abcdef", min_size=32, max_size=32).filter(lambda id: id != "0" * 32)
HASHES = st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64)
TIMES = st.datetimes(datetime.datetime(1970, 1, 1)).map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..", MANIFEST))
MANIFESTS = st.builds(
    TakeManifest, id=IDS, made=TIMES, rate=st.integers(1, 768_000), channels=st.integers(1, 64),
    patch=st.builds(Played, WORDS, HASHES), model=st.builds(Played, WORDS, HASHES), rosin=WORDS,
    seed=st.just("") | st.integers(-(2**63), 2**64 - 1).map(str),
    finished=st.just(True), seconds=st.floats(0, 8e5),
    parent=st.none() | st.builds(Parent, st.just("0" * 32), st.floats(0, 8e5)),
    files=st.lists(
        st.builds(FileEntry, NAMES, st.just("c" * 64), st.integers(0, 2**53)), max_size=3, unique_by=lambda f: f.name
    ).map(tuple),
)  # fmt: skip


@settings(max_examples=200)
@given(manifest=MANIFESTS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, manifest: TakeManifest) -> None:
    folder = tmp_path_factory.mktemp("take")
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest
    unfinished = dataclasses.replace(manifest, finished=False, seconds=0.0)
    write_manifest(folder, unfinished)
    assert read_manifest(folder) == unfinished


FULL = {**WHOLE, "parent": {"id": "0" * 32, "seconds": 1.5}, "rosin": "0.1", "seed": "7"}
PLACES: list[tuple[Any, ...]] = [(key,) for key in FULL]
PLACES += [(room, key) for room in ("patch", "model", "parent") for key in ("name", "sha256", "id", "seconds")]
PLACES += [("files", 0), *(("files", 0, key) for key in ("name", "sha256", "bytes", "more"))]
PLAIN = st.text(max_size=40) | st.integers() | st.floats() | st.booleans() | st.datetimes() | st.dates()
ANYTHING = st.recursive(PLAIN, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3))


@settings(max_examples=500)
@given(place=st.sampled_from(PLACES), junk=ANYTHING)
def test_whatever_stands_in_it_it_is_a_manifest_or_sentences(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], junk: object
) -> None:
    table = copy.deepcopy(FULL)
    row: Any = table
    for key in place[:-1]:
        row = row[key]
    row[place[-1]] = junk
    found, wrong = None, [""]
    try:
        found = manifest_from(table, "take.toml")
    except ValidationErrors as error:
        wrong = error.lines
    if found is None:
        assert all(": " in line and ";" in line for line in wrong), "where, what, and the remedy"
    else:
        said = found.changed(tmp_path_factory.getbasetemp())
        assert len(said) == len(found.files), "none of them is there"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "schema: 2 is newer than this Rosin reads (1); update Rosin"),
        ({"id": "x"}, "id: 'x' is no take's; write 32 hexadecimal digits"),
        ({"parent": {"id": "../..", "seconds": 1}}, "parent.id: '../..' is no take's"),
        ({"parent": {"id": "0" * 32, "seconds": -1}}, "parent.seconds: -1 is too small"),
        (
            {"files": [{"name": "../x", "sha256": "a" * 64, "bytes": 1}]},
            "files[0].name: '../x' is no file of this folder",
        ),
        ({"files": [{"name": "take.toml", "sha256": "a" * 64, "bytes": 1}]}, "files[0].name: 'take.toml' is no file"),
        ({"files": [{"name": "x", "sha256": "a", "bytes": 1}]}, "files[0].sha256: 'a' does not fit"),
        ({"rate": 0}, "rate: 0 is too small"),
        ({"made": "yesterday"}, "made: 'yesterday' is no time in UTC; write it as \"2026-12-01T09:00:00Z\""),
        ({"seed": "seven"}, "seed: 'seven' is no seed; write a whole number as a text"),
        ({"patch": {"name": "bow", "sha256": "../x"}}, "patch.sha256: '../x' is no hash; write its 64 hexadecimal"),
        ({"parent": {"id": WHOLE["id"], "seconds": 1}}, "parent.id: a take does not go on from itself"),
        ({"files": WHOLE["files"] * 2}, "files: 'sound.wav' is there twice; take one of the two out"),
        ({"finished": 1}, "finished: 1 does not fit"),
    ],
)
def test_a_mistake_in_it_is_told_with_its_remedy(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationErrors) as wrong:
        manifest_from({**WHOLE, **change}, "take.toml")
    assert says in str(wrong.value)


def test_a_finished_take_says_how_long_it_is_and_one_that_was_cut_off_need_not() -> None:
    short = {key: value for key, value in WHOLE.items() if key != "seconds"}
    assert manifest_from({**short, "finished": False}, "take.toml").seconds == 0.0
    with pytest.raises(ValidationErrors, match="seconds: it is missing; write how long the take is, or finished = fal"):
        manifest_from(short, "take.toml")
