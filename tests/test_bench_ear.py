"""The ear of the benches and tests hears on when what it listens to goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jackhost import JackServer, jack_is_here, jack_server
from playhost import ROOT

pytest.importorskip("jack", reason="the JACK client library is not here", exc_type=ImportError)
pytestmark = pytest.mark.skipif(not jack_is_here(), reason="JACK is not installed")


def singer(jack: JackServer) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "tests/tone.py", "330"], stdout=subprocess.PIPE, text=True, env=jack.env,
                             cwd=ROOT)  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "singing"
    return child


def test_a_source_that_was_killed_is_heard_again_when_it_is_back(tmp_path: Path) -> None:
    out = tmp_path / "heard.npz"
    with jack_server(period=256, rate=48000, synchronous=True) as jack:
        first = singer(jack)
        ear = subprocess.Popen([sys.executable, "-m", "instrument.bench.ear", str(out), "9", "singer:out"],
                               stdout=subprocess.PIPE, text=True, env=jack.env, cwd=ROOT)  # fmt: skip
        assert ear.stdout is not None
        assert ear.stdout.readline().strip() == "listening"
        begun = time.monotonic()
        time.sleep(1.0)  # the time itself: sound, and the gap, of a second each
        first.kill()
        first.wait()
        killed = time.monotonic()
        time.sleep(1.0)  # the time itself: sound, and the gap, of a second each
        second = singer(jack)
        back = time.monotonic()
        assert ear.wait(timeout=40) == 0
        second.kill()
        second.wait()
        for child in (first, ear, second):
            assert child.stdout is not None
            child.stdout.close()
    with np.load(out) as heard:
        at, loud = heard["at"], np.abs(heard["audio"].reshape(len(heard["at"]), -1)).max(1)
    assert (loud[(at > begun + 0.1) & (at < killed - 0.2)] > 0.05).mean() > 0.9
    assert back < begun + 8.0, "or the machine was too busy to show anything"
    assert (loud[at > back + 0.5] > 0.05).mean() > 0.9
    assert (loud[(at > killed + 0.3) & (at < back - 0.3)] < 1e-6).any(), "it was away"
