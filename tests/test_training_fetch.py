"""The script that fetches the training sounds reads a SoundFont right and believes no file it cannot check."""

from __future__ import annotations

import csv
import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_sounds", ROOT / "scripts" / "fetch_training_sounds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def test_samples_come_out_of_a_soundfont_as_they_went_in(fetch: ModuleType, tmp_path: Path) -> None:
    a, b = np.arange(100, dtype="<i2"), -np.arange(77, dtype="<i2")
    heads = b"".join(
        struct.pack("<20sIIIIIBbHH", name, first, last, first, last, rate, 60, 0, 0, 1)
        for name, first, last, rate in ((b"One", 0, 100, 44100), (b"Two_G#2", 100, 177, 48000), (b"EOS", 0, 0, 0))
    )
    body = _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", b"odd"))
    body += _chunk(b"LIST", b"sdta" + _chunk(b"smpl", a.tobytes() + b.tobytes()))
    body += _chunk(b"LIST", b"pdta" + _chunk(b"shdr", heads))
    path = tmp_path / "small.sf2"
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + body))
    got = {s.name: (s.rate_hz, words.tolist()) for s, words in fetch.read_samples(path, {"One", "Two_G#2"})}
    assert got == {"One": (44100, a.tolist()), "Two_G#2": (48000, b.tolist())}
    assert fetch.file_name("Two_G#2") == "Two_Gs2.wav"


def test_the_list_of_sounds_credits_each_and_holds_out_a_tenth(fetch: ModuleType) -> None:
    with fetch.SET.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["sha256"] for row in rows}) == len({fetch.file_name(row["sound"]) for row in rows})
    assert all(row["author"] and row["source"] and row["licence"] == "CC0-1.0" for row in rows)
    assert sum(row["held_out"] == "yes" for row in rows) == round(len(rows) / 10)
