"""A stage whose screen comes later, or goes and comes again, opens its window then, and says one sentence."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from instrument.ipc import Link
from instrument.ipc.worker import CLOSED, REFUSED
from instrument.run import stage_role
from instrument.run.stage_role import StageRole
from instrument.stage.screen import screen_is_there
from instrument.stage.settings import StageSettings


@contextlib.contextmanager
def x_server(name: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(name)
        server.listen(8)
        yield


@pytest.mark.parametrize("abstract", [False, True])
def test_a_screen_is_there_while_its_server_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    sockets = str(tmp_path / "X")
    monkeypatch.setenv("DISPLAY", ":7.0")
    assert screen_is_there(sockets) is False
    with x_server(f"\0{sockets}7" if abstract else f"{sockets}7"):
        assert screen_is_there(sockets) is True
    assert screen_is_there(sockets) is False, "a socket that nobody listens at is no screen"


@pytest.mark.parametrize("display", ["", "elsewhere:0", "nonsense", ":"])
def test_of_a_screen_that_is_not_on_this_machine_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, display: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert screen_is_there() is None


class Window(SimpleNamespace):
    """A process of straw."""

    pid = 4711

    def poll(self) -> int | None:
        return self.code  # type: ignore[no-any-return]

    def kill(self) -> None:
        self.code = -9


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``there``: whether a screen answers; ``windows``: those that were started."""
    found = SimpleNamespace(there=False, windows=[])
    monkeypatch.setattr(stage_role, "screen_is_there", lambda: found.there)

    def spawn(self: StageRole, which: int) -> Window:
        found.windows.append(Window(code=None))
        return found.windows[-1]  # type: ignore[no-any-return]

    monkeypatch.setattr(StageRole, "_spawn", spawn)
    with Link.create() as link:
        found.role = StageRole(StageSettings("", ("bow.toml",)), link)
        found.role.open(time.monotonic())
        yield found


def test_it_waits_for_the_screen_and_opens_when_it_comes(stage: Any) -> None:
    now = time.monotonic()
    stage.windows[0].code = REFUSED
    assert stage.role.look(now) == ()
    for second in range(1, 5):
        assert stage.role.look(now + second) == ()
    assert len(stage.windows) == 1, "no window is tried where there is no screen"
    stage.there = True
    assert stage.role.look(now + 6.0) == [("stage.screen", {})]
    assert len(stage.windows) == 2


def test_a_screen_that_goes_while_playing_is_one_sentence_and_no_row_of_failures(stage: Any) -> None:
    now = time.monotonic()
    stage.windows[0].code = 3
    assert stage.role.look(now) == [("stage.no_screen", {})]
    assert stage.role.look(now + 2.0) == ()
    stage.there = True
    assert stage.role.look(now + 4.0) == [("stage.screen", {})]


def test_a_window_that_was_closed_or_cannot_be_here_stays_away(stage: Any) -> None:
    now = time.monotonic()
    stage.windows[0].code = CLOSED
    assert stage.role.look(now) == [("stage.closed", {})]
    stage.there = True
    assert stage.role.look(now + 2.0) == ()
    stage.role.open(now + 3.0)
    stage.windows[-1].code = REFUSED
    assert stage.role.look(now + 4.0) == ()
    assert stage.role.look(now + 9.0) == (), "there is a screen and it was refused all the same: it said why"
