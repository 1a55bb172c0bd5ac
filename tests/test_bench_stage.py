"""The bench of the stage opens one, closes it, and compares like with like."""

from __future__ import annotations

import os
import shutil

import pytest
from jackhost import jack_is_here

from instrument.base.errors import RosinError
from instrument.bench import stage as bench
from instrument.cli import main

pytest.importorskip("pyglet")


@pytest.mark.skipif(not (jack_is_here() and shutil.which("Xvfb")), reason="needs JACK and Xvfb")
def test_a_turn_without_and_with_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(bench, "KEPT", 512)  # stretches of 2 s
    found = bench.stage("glass", 1, 320, 180)
    without, together = found["turns_without"][0], found["turns_with"][0]
    assert without["frames_per_second"] == 0.0, "no stage drew"
    assert together["frames_per_second"] > 2.0
    assert without["load_p99"] > 0.0
    assert found["ratio_load_p99"] == pytest.approx(together["load_p99"] / without["load_p99"])
    assert found["drawn_with"], "by which renderer"
    assert "DISPLAY" not in os.environ


def test_it_says_what_it_needs_and_what_is_no_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RosinError, match="apt install xvfb"), bench.screen(320, 180):
        pass
    assert main(["bench", "stage", "--size", "wide"]) == 2
    assert "give one such as 1280x720" in capsys.readouterr().err
    assert main(["bench", "stage", "--turns", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


def test_medians_of_each_figure() -> None:
    rows = [{"a": 1.0, "b": 5.0}, {"a": 9.0, "b": 4.0}, {"a": 2.0, "b": 6.0}]
    assert bench.by_key(rows) == {"a": 2.0, "b": 5.0}
