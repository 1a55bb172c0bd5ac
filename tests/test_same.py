"""scripts/same.py: one checkout is what it is; what sounds otherwise, is gone or cannot be made is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORT = ("--only", "sound glass", "--only", "feels", "--seconds", "0.5")


def same(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "same.py"), *words], capture_output=True, text=True, timeout=120
    )


def test_a_checkout_is_equal_to_what_it_was_and_what_is_otherwise_is_told(tmp_path: Path) -> None:
    told = same(*SHORT, "--json")
    assert told.returncode == 0, told.stderr
    kept = json.loads(told.stdout)
    assert [*kept] == ["sound glass", "feels"]
    assert all(len(digest) == 64 for digest in kept.values())
    before = tmp_path / "before.json"
    before.write_text(json.dumps({**kept, "feels": "0" * 64}))
    again = same(*SHORT, "--against", str(before))
    assert again.returncode == 1
    lines = again.stdout.splitlines()
    assert lines[:2] == ["equal    sound glass", "DIFFERS  feels"]
    assert lines[-1] == "1 of 2 equal"


def test_what_is_no_checkout_is_a_sentence(tmp_path: Path) -> None:
    told = same(str(tmp_path), *SHORT)
    assert told.returncode == 1
    assert "is no checkout of Rosin" in told.stderr
