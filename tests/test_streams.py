"""Closed, full or left by their reader: no stream ends a verb, makes a traceback, or hands its number to a take."""

from __future__ import annotations

import errno
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from instrument.base.streams import SafeStream, Sturdy

ROOT = Path(__file__).parent.parent
ROSIN = f"{shlex.quote(sys.executable)} -m instrument"


def shell(line: str, machine: Path) -> subprocess.CompletedProcess[str]:
    """``line`` as a player types it; ``rosin`` in it is this one."""
    keep = {key: value for key, value in os.environ.items() if key != "ROSIN_MODELS"}
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        ["bash", "-c", "set -o pipefail; " + line.replace("rosin", ROSIN)], capture_output=True, text=True, timeout=60,
        cwd=machine, stdin=subprocess.DEVNULL,
        env={**keep, "PYTHONPATH": paths, "ROSIN_RIG": str(machine / "rig.toml"), "XDG_DATA_HOME": str(machine),
             "ROSIN_LANGUAGE": "en"},
    )  # fmt: skip


class Broken(io.StringIO):
    """A stream that fails as one does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.asked = 0

    def write(self, text: str) -> int:
        self.asked += 1
        raise OSError(self.number, os.strerror(self.number))


def test_a_stream_that_fails_is_silent_from_then_on_and_says_why() -> None:
    broken = Broken(errno.ENOSPC)
    stream = Sturdy(broken)
    for _ in range(3):
        assert stream.write("words") == 5
    stream.flush()
    assert broken.asked == 1
    assert stream.failed is not None
    assert stream.failed.errno == errno.ENOSPC


def test_a_stream_that_would_wait_loses_words_and_goes_on() -> None:
    stream = Sturdy(Broken(errno.EAGAIN))
    stream.write("words")
    assert stream.failed is None


def test_what_lays_out_its_own_lines_shares_the_streams_fate() -> None:
    stream = SafeStream(Sturdy(Broken(errno.EPIPE)))
    print("words", file=stream)
    assert isinstance(stream.past.failed, BrokenPipeError)
    assert stream.encoding == stream.past.stream.encoding


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("rosin knobs bow >&-", 0, ""),
        ("rosin --version <&-", 0, ""),
        ("rosin check 2>&-", 0, ""),
        ("rosin feels <&- >&- 2>&-", 0, ""),
        ("rosin check /nowhere <&- >&- 2>&-", 2, ""),
        ("rosin nonsense 2>/dev/full", 2, ""),
        ("rosin knobs bow --json | head -1", 0, ""),
        (
            "rosin models list >/dev/full",
            2,
            "rosin: what was printed could not all be written (No space left on device",
        ),
        ("rosin --help >/dev/full", 2, "rosin: what was printed could not all be written (No space left on device"),
        ("rosin >/dev/full", 2, "rosin: what was printed could not all be written (No space left on device"),
        ("rosin render glass -o a.wav --note 57 --seconds 0.05 >&-", 0, ""),
    ],
)
def test_a_verb_ends_cleanly_whatever_the_shell_made_of_its_streams(
    line: str, code: int, said: str, tmp_path: Path
) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == (1 if said else 0), done.stderr
    if "render" in line:
        assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFF", "and nothing was printed into it"


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full"])
def test_playing_goes_on_without_streams(streams: str, tmp_path: Path) -> None:
    done = shell(
        f"rosin play glass --device null --listen 127.0.0.1:0 --record --takes takes --for 1 {streams}", tmp_path
    )
    assert done.returncode == (2 if "full" in streams else 0), done.stderr
    assert "Traceback" not in done.stderr
    (sound,) = (tmp_path / "takes").glob("*/sound.wav")
    assert sound.read_bytes()[:4] == b"RIFF"
    assert sound.stat().st_size > 48000 * 2 * 3 * 0.5, "and played on"
