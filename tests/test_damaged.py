"""Files of every kind, damaged at random, are read or refused in words; by hand ten thousand of each (damaged.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from damaged import assault, kinds


@pytest.mark.parametrize("name", list(kinds()))
def test_a_damaged_file_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    kind = kinds()[name]
    for seed in kind.seeds:
        path = tmp_path / kind.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(seed)
    report = assault(kind, 150 if name == "card" else 300, 20261201, tmp_path)
    assert report.wrong == []
    assert report.refused > 30, "and most are damaged indeed"
