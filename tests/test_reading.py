"""What is no file is told in a sentence and holds nobody: pipes, devices, sockets, folders, holes, bombs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from instrument.base.errors import RosinError
from instrument.base.reading import open_file, read_bytes, read_text
from instrument.base.toml import BYTES_MAX, read_toml, toml_from
from instrument.chance.accident import Accident
from instrument.documents.feels import read_feel
from instrument.documents.patch import read_patch
from instrument.documents.rig import read_rig
from instrument.documents.scene_file import read_own
from instrument.documents.take import read_take
from instrument.model.library.bundle_reader import read_manifest
from instrument.model.library.card import read_card
from instrument.model.library.credits import read_credits
from instrument.model.library.listed import sha256_of
from instrument.storage.stream import LatentStream


@pytest.fixture(params=["pipe", "device", "socket", "link to a pipe", "link to a device"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A path that is no file."""
    path, kind = tmp_path / "odd", request.param.split()[-1]
    lies = tmp_path / "other" if "link" in request.param else path
    heard = None
    if kind == "pipe":
        os.mkfifo(lies)
    elif kind == "socket":
        heard = socket.socket(socket.AF_UNIX)
        heard.bind(str(lies))
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif lies != path:
        path.symlink_to(lies)
    yield path
    if heard is not None:
        heard.close()


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "patch": ("p.toml", read_patch),
    "rig": ("rig.toml", read_rig),
    "feel": ("feels/f.toml", read_feel),
    "scenes": ("scenes/s.toml", read_own),
    "card": ("card.toml", lambda path: read_card(path.parent)),
    "credits": ("credits.toml", lambda path: read_credits(path.parent)),
    "bundle": ("m.rosin.zip", read_manifest),
    "take": ("t.jsonl", read_take),
    "stream": ("t.z", LatentStream),
    "accident": ("a.npz", Accident.read),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", READERS)
def test_no_reader_waits_for_a_pipe_nor_reads_a_device_to_its_end(kind: str, odd: Path, tmp_path: Path) -> None:
    name, read = READERS[kind]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(odd)
    with pytest.raises(RosinError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value), "and a remedy"


def test_what_a_path_is_instead_of_a_file_is_said(odd: Path, tmp_path: Path) -> None:
    kind = {"fifo": "pipe", "zero": "device"}
    said = "socket" if odd.is_socket() else kind["zero" if odd.is_char_device() else "fifo"]
    with pytest.raises(RosinError, match=rf"odd cannot be read \(it is a {said}\); give the path of a patch file"):
        read_bytes(odd, 100, "patch")
    with pytest.raises(OSError, match=f"it is a {said}"):
        sha256_of(odd)
    with pytest.raises(RosinError, match=r"Is a directory\); give the path of an accident file"):
        read_bytes(tmp_path, 100, "accident")


def test_a_file_is_read_whole_up_to_its_bound_and_not_beyond(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5, "patch") == b"12345"
    with pytest.raises(RosinError, match="is too large to be a patch; give the path of a patch file"):
        read_bytes(path, 4, "patch")
    os.truncate(path, 1 << 40)  # holes: takes no room, and would fill the memory
    with pytest.raises(RosinError, match="is too large"):
        read_bytes(path, 1 << 41 >> 2, "patch")
    with open_file(path) as file:
        assert file.read(5) == b"12345"


def test_a_kernel_file_without_an_end_or_a_word_is_told(tmp_path: Path) -> None:
    with pytest.raises(RosinError, match=r"cannot be read|too large"):
        read_bytes(Path("/proc/self/mem"), 1000, "patch")
    assert read_text(Path("/proc/self/comm"), 100, "patch").strip(), "its size is 0, and it has words"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("\ufeffschema".encode("utf-16"), r"not text in UTF-8; save the patch again as UTF-8 \(it is UTF-16 now\)"),
        (b"a\nb\n\xe9t\xe9", r"not text in UTF-8; save the patch again as UTF-8 \(it is not in line 3\)"),
    ],
)
def test_text_in_another_encoding_is_told_which_or_where(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(RosinError, match=said):
        read_text(tmp_path / "p", 100, "patch")


def test_an_editors_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert read_text(tmp_path / "p", 100, "patch") == "a = 1\r\n"
    assert read_toml(tmp_path / "p", "patch") == {"a": 1}


BOMBS = {
    "a key of half a million parts": b"a" + b".a" * 500_000 + b"=1",
    "one in a string's shadow": b'x = {a="""b"""", c' + b".c" * 500_000 + b"=1}",
    "many keys of many parts": b"".join(b"k%d" % i + b".a" * 1000 + b"=1\n" for i in range(500)),
    "many keys under a name of many parts": b"[a" + b".a" * 2500 + b"]\n" + b"b=1\n" * 100_000,
    "brackets": b"a=" + b"[" * 500_000,
    "3000 brackets that close": b"a=" + b"[" * 3000 + b"]" * 3000,
    "tables": b"a=" + b"{b=" * 3000 + b"1" + b"}" * 3000,
    "strings that never end": b'x \\"""\n' * 150_000,
    "a number of 5000 digits": b"b = 1\na = " + b"1" * 5000,
    "a hexadecimal number of a million": b"b = 1\na=0x" + b"f" * 1_000_000,
    "a float of 5000": b"b = 1\na = 1." + b"1" * 5000,
    "NULs": b"b = 1\na = \x00" + b"\x00" * 1000,
    "quotes": b'"' * BYTES_MAX,
    "what is too large": b"#" * (BYTES_MAX + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_toml_is_a_sentence_in_a_moment(name: str, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_bytes(BOMBS[name])
    begin = time.process_time()
    with pytest.raises(RosinError) as caught:
        read_toml(tmp_path / "p.toml", "patch")
    said = str(caught.value)
    assert time.process_time() - begin < 3.0
    assert said.startswith(f"{tmp_path}/p.toml ")
    assert len(said) < 400
    assert "\n" not in said
    assert "line" in said or "large" in said
    if b"b = 1\n" in BOMBS[name]:
        assert "at line 2" in said


def test_what_is_large_and_right_is_read() -> None:
    rows = b"".join(b"k%d = 'a.b.c [[[[ {{{{ \"' # [[[[ a.b.c\n" % i for i in range(5000))
    table = toml_from(
        b'x = """"[[["" ]]\\" {{\n[[[""""\n' + rows + b"y." + b"z" * 64 + b" = [[[[1.5]]]]\n", "p", "patch"
    )
    assert len(table) == 5002
    assert table["x"].endswith('[[["')
