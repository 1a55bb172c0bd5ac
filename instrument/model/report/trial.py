"""Trial: a model is verified in a process of its own, which may hang or die of it. Around verify.

The gate (onnx_gate.py) bounds what a graph may ask for; what a runtime makes of a file that means harm nobody knows.
So there is a limit to the memory and the time of whoever tries it, and whoever asks goes on with a sentence.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from instrument.base.errors import RosinError
from instrument.base.processes import command_of, environment
from instrument.model.library.card import read_card
from instrument.model.library.finder import unpacked
from instrument.model.report.check_result import CheckResult, CheckTeller, refused

CHILD = "instrument.commands.models.child"
PATIENCE_S = 90.0
"""Of silence: the longest part of it plays a second of sound, five times, with 20 runs to get warm."""
CPU_S = 600
MEMORY_BYTES = 4 << 30
"""Of data: the runtime and the largest model that passes the gate take a third."""


def tried(
    path: Path,
    *,
    shipped: bool = False,
    allow_uncredited: bool = False,
    given: Sequence[Path] = (),
    language: str = "en",
    patience_s: float = PATIENCE_S,
) -> Iterator[CheckResult]:
    """As ``findings`` of verify, one after the other, from the process that tries the model; never an exception."""
    try:
        read_card(unpacked(path))
    except RosinError as error:  # what is no model at all is not worth a process
        yield from refused(error)
        return
    asked = {
        "path": str(path),
        "shipped": shipped,
        "allow_uncredited": allow_uncredited,
        "given": [str(one) for one in given],
        "language": language,
    }
    process = subprocess.Popen(
        command_of(CHILD, json.dumps(asked)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), name="trial", daemon=True).start()
    tell = CheckTeller(language)
    try:
        while line := lines.get(timeout=patience_s):
            row = json.loads(line)
            if row is None:
                return
            yield CheckResult(row["grade"], row["about"], row["text"])
        code = process.wait(timeout=patience_s)
        yield tell("bad", "refused", "verify.died", code=code, most=MEMORY_BYTES >> 30)
    except (queue.Empty, subprocess.TimeoutExpired):
        yield tell("bad", "refused", "verify.hung", seconds=f"{patience_s:.0f}")
    finally:
        process.kill()
        process.wait()


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Line by line; an empty one is the end."""
    assert process.stdout is not None
    with process.stdout as said:
        for line in said:
            lines.put(line)
    lines.put(b"")


def limit() -> None:
    """For the process that tries: where the system has such limits, what it may take. Another is only watched."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
