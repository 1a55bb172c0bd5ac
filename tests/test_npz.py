"""Arrays come out of a damaged or hostile file whole, or not at all and with one sentence; nothing is ever executed."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated

from instrument.base.errors import RosinError
from instrument.base.npz import Damaged, npz_from, read_npz
from instrument.chance.accident import Accident
from instrument.engine.snapshot import Snapshot
from instrument.model.atlas.chart import chart_from
from instrument.model.report.reference import read_reference
from instrument.model.runtime.voice import VoiceState
from instrument.model.runtime.wear import load_wear, save_wear
from instrument.training.data.pitches import Pitches

REMEDY = "fetch it again"


def packed(save: Callable[..., None] = np.savez, **arrays: Any) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def with_header(header: bytes, data: bytes = b"\0" * 8, name: str = "a.npy") -> bytes:
    """An npz of one array whose header is these very bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr(name, b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data)
    return file.getvalue()


def cut_header(array: str = "a") -> bytes:
    """The fault as it was filed: a header that ends inside ``(3,``, in an archive that is whole."""
    return with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,", name=f"{array}.npy")


arrays = st.builds(
    lambda kind, shape, order, seed: np.asarray(
        np.random.default_rng(seed).integers(0, 2, shape).astype(kind), order=order
    ),
    st.sampled_from(["<f4", ">f8", "f2", "i1", "u1", "<i4", ">u8", "?"]),
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.sampled_from(["C", "F"]),
    st.integers(0, 99),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z./0-9]{1,12}", fullmatch=True), arrays, max_size=5), st.booleans())
def test_what_numpy_wrote_comes_back_in_the_order_of_this_machine(kept: dict[str, Any], small: bool) -> None:
    kept.pop("file", None)
    found = npz_from(packed(np.savez_compressed if small else np.savez, **kept))
    assert set(found) == set(kept)
    for name, array in kept.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert np.array_equal(found[name], array)
        assert found[name].flags.writeable


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (cut_header(), "header cannot be read"),
        (with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"), "as large as its header says"),
        (with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999999,), }"), "as large as"),
        (
            with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999999), }", b""),
            "as large as",
        ),
        (with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "header cannot be read"),
        (with_header(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "no plain numbers"),
        (with_header(b"{'descr': '|b1', 'fortran_order': False, 'shape': (8,), }", b"\7" * 8), "neither"),
        (with_header(b"__import__('os').abort()"), "header cannot be read"),
        (with_header(b"(" * 3000), "header cannot be read"),
        (with_header(b" " * 60000), "too long"),
        (packed(a=np.array([print], object)), "no plain numbers"),
        (packed(a=np.array(["x"])), "no plain numbers"),
        (packed(a=np.zeros(3))[:-1], "not all of one"),
        (b"\x93NUMPY" + packed(a=np.zeros(3)), "no npz"),
        (b"", "no npz"),
        (packed(**{f"a{i}": np.zeros(1) for i in range(40)}), "more than 32 arrays"),
        (packed(a=np.zeros(1 << 20)), "it is larger than 1 MiB"),
        (packed(np.savez_compressed, a=np.zeros(1 << 20)), "unfolds to more than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_executed(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(RosinError, match=f"x.npz is damaged .*{said}.*; {REMEDY}$") as caught:
        read_npz(tmp_path / "x.npz", REMEDY, bytes_most=1 << 20, members_most=32)
    assert "\n" not in str(caught.value)


def test_two_arrays_of_one_name_and_what_is_no_array_are_refused() -> None:
    one = packed(ab=np.zeros(1), ac=np.zeros(1))
    for data, said in (
        (one.replace(b"ac.npy", b"ab.npy"), "one name"),
        (one.replace(b"ac.npy", b"ac.txt"), "no array"),
    ):
        with pytest.raises(Damaged, match=said):
            npz_from(data)


def test_a_bomb_costs_no_memory() -> None:
    """4 GiB of zeros in 4 MB, and a size that lies: 8 bytes are announced."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out, out.open("a.npy", "w", force_zip64=True) as member:
        member.write(b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(118))
        for _ in range(64):
            member.write(bytes(1 << 20))
    data = file.getvalue()
    lying = data.replace(struct.pack("<I", (64 << 20) + 128), struct.pack("<I", 136))
    assert lying != data
    tracemalloc.start()
    for bomb in (data, lying):
        with pytest.raises(Damaged):
            npz_from(bomb, bytes_most=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_a_pipe_a_device_and_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    (tmp_path / "folder.npz").mkdir()
    begin = time.monotonic()
    for name, said in (("pipe", "it is a pipe"), ("zero", "it is a device"), ("folder", "Is a directory")):
        with pytest.raises(RosinError, match=said):
            read_npz(tmp_path / f"{name}.npz", REMEDY)
    assert time.monotonic() - begin < 2.0


ACCIDENT = Accident("fall", 3, 40, 1500.0, ("z1", "z2"), np.ones((30, 3, 2), np.float32))
STATE = VoiceState("m", 1, 2, {"decode.0": np.ones((1, 3), np.float32)})


def reads(folder: Path) -> dict[str, tuple[bytes, Callable[[bytes], Any]]]:
    """Every reader of an npz there is: good bytes for it, and how it reads bytes. All say a sentence or are content."""
    save_wear(folder / "wear.npz", {"a": np.arange(5.0)})
    chart = Path(__file__).parent.parent / "models" / "first-bow"

    def file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        def reading(data: bytes) -> Any:
            (folder / name).write_bytes(data)
            return read(folder / name)

        return reading

    def wear(path: Path) -> None:
        _, said = load_wear(path, {"a": np.zeros(5)})
        for aside in path.parent.glob("wear-broken-*"):
            aside.unlink()
        if said:
            raise RosinError(said)

    def atlas(data: bytes) -> None:
        try:
            chart_from(data, 10)
        except ValueError as why:
            raise RosinError(str(why)) from None

    def pitches(path: Path) -> None:
        if not Pitches(path, 48000, 128)._known:
            raise RosinError("as good as none")

    room = {"beta": {"x": np.ones(3)}, "nothing": {}, "at": 3}
    snapshot = Snapshot("glass", True, 7, 1280, STATE, {"chance": room}, room, room, 0.5).to_bytes()
    reference = file("reference.npz", lambda path: read_reference(path.parent))
    return {
        "accident": (ACCIDENT.to_bytes(), file("x.npz", Accident.read)),
        "wear": ((folder / "wear.npz").read_bytes(), file("wear.npz", wear)),
        "state": (STATE.to_bytes(), VoiceState.from_bytes),
        "snapshot": (snapshot, Snapshot.from_bytes),
        "atlas": ((chart / "atlas.npz").read_bytes(), atlas),
        "reference": ((chart / "reference.npz").read_bytes(), reference),
        "pitches": (packed(a=np.zeros((2, 3))), file("pitch.npz", pitches)),
    }  # fmt: skip


READERS = ("accident", "wear", "state", "snapshot", "atlas", "reference", "pitches")


@pytest.mark.parametrize("reader", READERS)
def test_a_header_cut_inside_its_shape_is_a_sentence_to_every_reader(tmp_path: Path, reader: str) -> None:
    """As it was filed: the same fault in every array that the reader asks for."""
    good, read = reads(tmp_path)[reader]
    with zipfile.ZipFile(io.BytesIO(good)) as file:
        names = [name.removesuffix(".npy") for name in file.namelist()]
    for name in names[:4]:
        with pytest.raises(RosinError) as caught:
            read(cut_header(name))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_whole_is_read(tmp_path: Path, reader: str) -> None:
    good, read = reads(tmp_path)[reader]
    read(good)


@pytest.mark.parametrize("reader", READERS)
def test_a_few_hundred_mutations_are_read_or_told_and_quickly(tmp_path: Path, reader: str) -> None:
    good, read = reads(tmp_path)[reader]
    begin = time.perf_counter()
    refused = 0
    for data in mutated(good, 60, seed=4):
        said = ""
        try:
            read(data)
        except RosinError as error:
            said = str(error)
        refused += said != ""
        assert "\n" not in said
    assert refused > 30
    assert time.perf_counter() - begin < 10.0
